/* SPDX-License-Identifier: MIT */
#include "report/thumbnail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "report/draw.h"

enum {
    JPEG_QUALITY = 80
};

bool thumbnail_is_region(const float *region)
{
    return region && isfinite(region[0]) && isfinite(region[1]) && isfinite(region[2]) &&
           isfinite(region[3]);
}

/* Yellow on dark, so that it shows on any picture. */
static void draw_region(bovw_image *image, const float *region)
{
    static const draw_pen dark = {16, 16, 16, 0.75f, 5}, light = {255, 214, 10, 1, 2.5f};
    const draw_canvas canvas = draw_canvas_of(image);
    const double x_scale = (double)image->width / image->full_width;
    const double y_scale = (double)image->height / image->full_height;
    const draw_point corner = {((double)region[0] + 0.5) * x_scale - 0.5,
                               ((double)region[1] + 0.5) * y_scale - 0.5};
    const draw_point opposite = {((double)region[2] + 0.5) * x_scale - 0.5,
                                 ((double)region[3] + 0.5) * y_scale - 0.5};

    draw_rectangle(&canvas, corner, opposite, dark);
    draw_rectangle(&canvas, corner, opposite, light);
}

static bovw_status make_thumbnail(const thumbnail_job *job, thumbnail *made)
{
    bovw_image image = {0};

    /* Standard input was read by whoever extracted the features. */
    if (!job->picture || strcmp(job->picture, "-") == 0)
        return BOVW_OK;
    bovw_status status = bovw_image_read(job->picture, 3, job->side, &image, NULL);
    if (status == BOVW_OK && thumbnail_is_region(job->region))
        draw_region(&image, job->region);
    if (status == BOVW_OK)
        status =
            bovw_image_encode_jpeg(&image, JPEG_QUALITY, &made->jpeg, &made->n_bytes, NULL);
    if (status == BOVW_OK) {
        made->width = image.width;
        made->height = image.height;
    }
    bovw_image_free(&image);
    return status == BOVW_ERR_NOMEM ? status : BOVW_OK;
}

bovw_status thumbnails_make(const thumbnail_job *jobs, size_t n,
                            const bovw_compute *compute, thumbnail *thumbnails,
                            bovw_error *err)
{
    bool is_short_of_memory = false;

    (void)compute; /* where OpenMP is off */
    for (size_t i = 0; i < n; i++)
        thumbnails[i] = (thumbnail){0};
#pragma omp parallel for schedule(dynamic) num_threads(parallel_threads(compute))          \
    reduction(||                                                                           \
              : is_short_of_memory)
    for (size_t i = 0; i < n; i++) {
        if (make_thumbnail(&jobs[i], &thumbnails[i]) != BOVW_OK)
            is_short_of_memory = true;
    }
    if (!is_short_of_memory)
        return BOVW_OK;
    thumbnails_free(thumbnails, n);
    return fail_memory(err, "thumbnails of a page");
}

void thumbnails_free(thumbnail *thumbnails, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(thumbnails[i].jpeg);
        thumbnails[i] = (thumbnail){0};
    }
}
