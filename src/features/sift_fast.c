/* SPDX-License-Identifier: MIT
 *
 * Scale space, extrema, then shapes, orientations and descriptors of the
 * strongest only. No gradients are stored: where a window is looked at, they are made
 * from the level, which is less work than for whole levels.
 *
 * The strongest keypoints are anywhere in the scale space, which is larger than
 * the caches. They are therefore visited level by level and row by row.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "features/affine.h"
#include "features/extrema.h"
#include "features/scale_space.h"
#include "features/sift.h"

/* An item to be worked on, and where it is in the scale space. */
typedef struct visit {
    uint64_t place;
    uint32_t item;
} visit;

struct sift_fast {
    bovw_feature_options options;
    const sift_kernel *kernel;
    int n_threads;
    response response;
    bool is_affine;
    scale_space space;
    extrema found;
    float (*angles)[MAX_ANGLES]; /* of each candidate */
    size_t angles_capacity;
    ellipse *shapes; /* the same, of detectors that adapt them */
    size_t shapes_capacity;
    uint8_t *n_angles;
    size_t n_angles_capacity;
    oriented *oriented;
    size_t n_oriented, oriented_capacity;
    visit *visits;
    size_t visits_capacity;
};

bovw_status sift_fast_new(const bovw_feature_options *opts, const bovw_compute *compute,
                          sift_fast **made, bovw_error *err)
{
    sift_fast *s = mem_array(1, sizeof *s);
    if (!s)
        return fail_memory(err, "feature extractor");
    s->options = *opts;
    s->kernel = sift_kernel_find(compute ? compute->kernel : NULL);
    s->n_threads = parallel_threads(compute);
    s->response = opts->detector == BOVW_DETECTOR_HESSIAN ||
                          opts->detector == BOVW_DETECTOR_HESSIAN_AFFINE
                      ? HESSIAN_DETERMINANT
                      : DIFFERENCE_OF_GAUSSIANS;
    s->is_affine = opts->detector == BOVW_DETECTOR_HESSIAN_AFFINE ||
                   opts->detector == BOVW_DETECTOR_DOG_AFFINE;
    *made = s;
    return BOVW_OK;
}

void sift_fast_free(sift_fast *s)
{
    if (!s)
        return;
    scale_space_free(&s->space);
    extrema_free(&s->found);
    free(s->angles);
    free(s->shapes);
    free(s->n_angles);
    free(s->oriented);
    free(s->visits);
    free(s);
}

static plane level_of(const sift_fast *s, const candidate *c)
{
    return octave_level(&s->space.octaves[c->octave - s->options.first_octave], c->level);
}

static int by_place(const void *a, const void *b)
{
    const visit *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

/* Shape and angles of a candidate. Returns how many angles; 0 drops it. */
static int orient_one(sift_fast *s, uint32_t item)
{
    const candidate *c = &s->found.items[item];
    float *angles = s->angles[item], histogram[N_ANGLE_BINS];
    if (s->is_affine && !affine_adapt(&s->space, c, &s->shapes[item]))
        return 0;
    if (s->options.upright) {
        angles[0] = s->is_affine ? affine_upright_angle(&s->shapes[item]) : UPRIGHT_ANGLE;
        return 1;
    }
    if (s->is_affine) {
        patch round;
        affine_patch(&s->space, &s->shapes[item], s->kernel, &round);
        const plane level = patch_plane(&round);
        const spot at = patch_spot();
        s->kernel->orientation_histogram(&level, &at, histogram);
    } else {
        const plane level = level_of(s, c);
        s->kernel->orientation_histogram(&level, &c->at, histogram);
    }
    return sift_angles(histogram, angles);
}

/* Put n visits in the order of the scale space. */
static void sort_visits(sift_fast *s, size_t n)
{
    if (n > 0)
        qsort(s->visits, n, sizeof *s->visits, by_place);
}

/* Shapes and angles of candidates [from, to). */
static void orient_range(sift_fast *s, size_t from, size_t to)
{
    const size_t n = to - from;
    for (size_t i = 0; i < n; i++)
        s->visits[i] = (visit){s->found.items[from + i].order, (uint32_t)(from + i)};
    sort_visits(s, n);
#pragma omp parallel for schedule(dynamic, 32) num_threads(s->n_threads)
    for (size_t i = 0; i < n; i++) {
        const uint32_t item = s->visits[i].item;
        s->n_angles[item] = (uint8_t)orient_one(s, item);
    }
}

/* Orient the candidates, strongest first, until there are enough features. */
static bool orient(sift_fast *s)
{
    const size_t n = s->found.n;
    const size_t wanted =
        s->options.max_features && s->options.max_features < n * MAX_ANGLES
            ? s->options.max_features
            : n * MAX_ANGLES;

    s->n_oriented = 0;
    if (!mem_grow(&s->angles, &s->angles_capacity, n, sizeof *s->angles) ||
        (s->is_affine &&
         !mem_grow(&s->shapes, &s->shapes_capacity, n, sizeof *s->shapes)) ||
        !mem_grow(&s->n_angles, &s->n_angles_capacity, n, sizeof *s->n_angles) ||
        !mem_grow(&s->oriented, &s->oriented_capacity, wanted, sizeof *s->oriented) ||
        !mem_grow(&s->visits, &s->visits_capacity, wanted, sizeof *s->visits))
        return false;
    for (size_t from = 0; from < n && s->n_oriented < wanted;) {
        /* Nearly every candidate has an angle, so this is seldom done twice;
         * more often where shapes are adapted, which a third does not survive. */
        const size_t missing = wanted - s->n_oriented;
        const size_t to = n - from < missing ? n : from + missing;
        orient_range(s, from, to);
        for (; from < to; from++) {
            for (int j = 0; j < s->n_angles[from] && s->n_oriented < wanted; j++)
                s->oriented[s->n_oriented++] =
                    (oriented){.candidate = (uint32_t)from, .angle = s->angles[from][j]};
        }
    }
    return true;
}

/* Keypoint and histogram of a candidate with one of its angles. */
static bovw_keypoint describe_one(const sift_fast *s, const bovw_image *grey,
                                  const oriented *o, float histogram[DESCRIPTOR_BINS])
{
    const candidate *c = &s->found.items[o->candidate];
    const float cosine = (float)cos((double)o->angle), sine = (float)sin((double)o->angle);
    if (s->is_affine) {
        const ellipse *shape = &s->shapes[o->candidate];
        patch round;
        affine_patch(&s->space, shape, s->kernel, &round);
        const plane level = patch_plane(&round);
        const spot at = patch_spot();
        s->kernel->descriptor_histogram(&level, &at, o->angle, cosine, sine, histogram);
        return affine_keypoint(grey, shape, o->angle);
    }
    const plane level = level_of(s, c);
    s->kernel->descriptor_histogram(&level, &c->at, o->angle, cosine, sine, histogram);
    return sift_keypoint(grey, c->octave, &c->at, o->angle);
}

static void describe(sift_fast *s, const bovw_image *grey, bovw_features *out)
{
    for (uint32_t i = 0; i < out->n; i++)
        s->visits[i] = (visit){s->found.items[s->oriented[i].candidate].order, i};
    sort_visits(s, out->n);
#pragma omp parallel for schedule(dynamic, 16) num_threads(s->n_threads)
    for (uint32_t i = 0; i < out->n; i++) {
        const uint32_t item = s->visits[i].item;
        float histogram[DESCRIPTOR_BINS];
        out->keypoints[item] = describe_one(s, grey, &s->oriented[item], histogram);
        sift_normalise(histogram);
        sift_quantise(histogram, s->options.root,
                      out->descriptors + (size_t)item * BOVW_DESCRIPTOR_DIM);
    }
}

bovw_status sift_fast_run(sift_fast *s, const bovw_image *grey, bovw_features *out,
                          bovw_error *err)
{
    if (!scale_space_fill(&s->space, grey->pixels, (int)grey->width, (int)grey->height,
                          s->options.first_octave, s->kernel, s->n_threads))
        return fail_memory(err, "scale space of an image");
    if (!extrema_find(&s->found, &s->space, s->response, s->options.peak_threshold,
                      s->options.edge_threshold, s->kernel, s->n_threads) ||
        !orient(s))
        return fail_memory(err, "keypoints of an image");

    const bovw_status status = sift_make_room(out, s->n_oriented, err);
    if (status == BOVW_OK)
        describe(s, grey, out);
    return status;
}
