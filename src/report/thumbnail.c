/* SPDX-License-Identifier: MIT */
#include "report/thumbnail.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/parallel.h"

enum {
    JPEG_QUALITY = 75
};

static bovw_status make_thumbnail(const char *file, uint32_t side, thumbnail *made)
{
    bovw_image image = {0};
    bovw_status status = bovw_image_read(file, 3, side, &image, &made->reason);
    if (status == BOVW_OK)
        status = bovw_image_encode_jpeg(&image, JPEG_QUALITY, &made->jpeg, &made->n_bytes,
                                        &made->reason);
    if (status == BOVW_OK) {
        made->width = image.width;
        made->height = image.height;
    }
    bovw_image_free(&image);
    return status == BOVW_ERR_NOMEM ? status : BOVW_OK;
}

bovw_status thumbnails_make(const char *const *files, size_t n, uint32_t side,
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
        if (make_thumbnail(files[i], side, &thumbnails[i]) != BOVW_OK)
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
