/* SPDX-License-Identifier: MIT
 *
 * VLFeat alone: its scale space, keypoints, orientations and descriptors. The
 * reference that sift_fast.c is tested against.
 *
 * Only the strongest keypoints are described, and which those are is known
 * when the last octave has been searched. VLFeat's filter holds one octave at
 * a time, so the gradients of every octave are kept: orientation and
 * descriptor need nothing else. Its filter object lets its gradient buffer be
 * exchanged, which makes keeping them free of copies.
 */
#include <math.h>
#include <stdlib.h>
#include <vl/sift.h>

#include "base/memory.h"
#include "features/sift.h"

enum {
    SCALES = 3, /* levels per octave (Lowe 2004, section 3) */
    MAX_OCTAVES = 16
};

/* A keypoint as VLFeat found it, and how strong it is. */
typedef struct vl_candidate {
    VlSiftKeypoint keypoint;
    float strength;
    uint32_t order; /* in which it was found: breaks ties */
} vl_candidate;

struct sift_vlfeat {
    bovw_feature_options options;
    VlSiftFilt *filter; /* for images of filter_width x filter_height */
    uint32_t filter_width, filter_height;
    float *filter_gradient;        /* the buffer that VLFeat allocated */
    float *gradients[MAX_OCTAVES]; /* of each octave, (SCALES, h, w, 2) */
    int widths[MAX_OCTAVES], heights[MAX_OCTAVES];
    float *pixels; /* the image as floats */
    vl_candidate *candidates;
    size_t n_candidates, candidates_capacity;
    oriented *oriented;
    size_t n_oriented, oriented_capacity;
};

bovw_status sift_vlfeat_new(const bovw_feature_options *opts, sift_vlfeat **made,
                            bovw_error *err)
{
    *made = mem_array(1, sizeof **made);
    if (!*made)
        return fail_memory(err, "feature extractor");
    (*made)->options = *opts;
    return BOVW_OK;
}

/* Free everything whose size depends on the image's. */
static void drop_filter(sift_vlfeat *e)
{
    if (e->filter) {
        e->filter->grad = e->filter_gradient;
        vl_sift_delete(e->filter);
        e->filter = NULL;
    }
    for (int i = 0; i < MAX_OCTAVES; i++) {
        free(e->gradients[i]);
        e->gradients[i] = NULL;
    }
    free(e->pixels);
    e->pixels = NULL;
}

void sift_vlfeat_free(sift_vlfeat *s)
{
    if (!s)
        return;
    drop_filter(s);
    free(s->candidates);
    free(s->oriented);
    free(s);
}

/* Make the filter and buffers fit an image, or keep them where they do. */
static bovw_status fit_filter(sift_vlfeat *e, uint32_t width, uint32_t height,
                              bovw_error *err)
{
    if (e->filter && e->filter_width == width && e->filter_height == height)
        return BOVW_OK;
    drop_filter(e);

    const int first = e->options.first_octave;
    e->pixels = mem_array((size_t)width * height, sizeof *e->pixels);
    if (!e->pixels)
        return fail_memory(err, "image of floats");

    /* VLFeat does not check its own allocations, the largest of which is its
     * gradient buffer: see first whether that much is to be had. */
    const size_t pixels = (size_t)width * height * (first < 0 ? 4 : 1);
    void *probe = malloc(pixels * sizeof(float) * (4 * SCALES + 20));
    if (!probe)
        return fail_memory(err, "scale space of an image");
    free(probe);
    e->filter = vl_sift_new((int)width, (int)height, -1, SCALES, first);
    if (!e->filter)
        return fail_memory(err, "scale space of an image");
    e->filter_gradient = e->filter->grad;
    e->filter_width = width;
    e->filter_height = height;
    vl_sift_set_peak_thresh(e->filter, (double)e->options.peak_threshold);
    vl_sift_set_edge_thresh(e->filter, (double)e->options.edge_threshold);
    return BOVW_OK;
}

/* |DoG| at the refined position of a keypoint: the value in the sample that it
 * is next to, and half the gradient along the offset (Lowe 2004, equation 3). */
static float keypoint_strength(const VlSiftFilt *f, const VlSiftKeypoint *k)
{
    const ptrdiff_t dy = f->octave_width, ds = dy * f->octave_height;
    const vl_sift_pix *at = f->dog + k->ix + k->iy * dy + (k->is - f->s_min) * ds;
    const float step = ldexpf(1.0F, f->o_cur);
    const float off_x = k->x / step - (float)k->ix;
    const float off_y = k->y / step - (float)k->iy;
    const float off_s = k->s - (float)k->is;
    const float slope_x = 0.5F * (at[1] - at[-1]);
    const float slope_y = 0.5F * (at[dy] - at[-dy]);
    const float slope_s = 0.5F * (at[ds] - at[-ds]);
    return fabsf(at[0] + 0.5F * (slope_x * off_x + slope_y * off_y + slope_s * off_s));
}

/* Compute the gradients of the octave that the filter holds, into our buffer.
 * VLFeat does so when it first needs them for a keypoint of that octave. */
static bovw_status keep_gradient(sift_vlfeat *e, const VlSiftKeypoint *keys, int n,
                                 bovw_error *err)
{
    VlSiftFilt *f = e->filter;
    const int slot = f->o_cur - f->o_min;
    const size_t floats = (size_t)f->octave_width * f->octave_height * 2 * SCALES;

    if (!e->gradients[slot]) {
        e->gradients[slot] = mem_array(floats, sizeof(float));
        if (!e->gradients[slot])
            return fail_memory(err, "gradients of an image");
    }
    e->widths[slot] = f->octave_width;
    e->heights[slot] = f->octave_height;
    f->grad = e->gradients[slot];
    f->grad_o = f->o_min - 1;
    for (int i = 0; i < n && f->grad_o != f->o_cur; i++) {
        double angles[MAX_ANGLES];
        vl_sift_calc_keypoint_orientations(f, angles, &keys[i]);
    }
    return BOVW_OK;
}

/* Find the keypoints of every octave. */
static bovw_status detect(sift_vlfeat *e, bovw_error *err)
{
    VlSiftFilt *f = e->filter;
    bovw_status status = BOVW_OK;

    e->n_candidates = 0;
    for (int more = vl_sift_process_first_octave(f, e->pixels); more == VL_ERR_OK;
         more = vl_sift_process_next_octave(f)) {
        if (f->o_cur - f->o_min >= MAX_OCTAVES)
            break;
        vl_sift_detect(f);
        const int n = vl_sift_get_nkeypoints(f);
        const VlSiftKeypoint *keys = vl_sift_get_keypoints(f);
        if (n == 0)
            continue;
        if (!mem_grow(&e->candidates, &e->candidates_capacity, e->n_candidates + (size_t)n,
                      sizeof *e->candidates))
            return fail_memory(err, "keypoints of an image");
        for (int i = 0; i < n; i++) {
            e->candidates[e->n_candidates] =
                (vl_candidate){.keypoint = keys[i],
                               .strength = keypoint_strength(f, &keys[i]),
                               .order = (uint32_t)e->n_candidates};
            e->n_candidates++;
        }
        status = keep_gradient(e, keys, n, err);
        if (status != BOVW_OK)
            break;
    }
    return status;
}

static int stronger_first(const void *a, const void *b)
{
    const vl_candidate *x = a, *y = b;
    if (x->strength != y->strength)
        return x->strength > y->strength ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Give the filter back the octave that a keypoint was found in. */
static void restore_octave(sift_vlfeat *e, int octave)
{
    VlSiftFilt *f = e->filter;
    const int slot = octave - f->o_min;
    f->o_cur = octave;
    f->grad_o = octave;
    f->grad = e->gradients[slot];
    f->octave_width = e->widths[slot];
    f->octave_height = e->heights[slot];
}

/* Orient the candidates, strongest first, until there are enough features. */
static bovw_status orient(sift_vlfeat *e, bovw_error *err)
{
    const size_t wanted =
        e->options.max_features ? e->options.max_features : SIZE_MAX - MAX_ANGLES;

    e->n_oriented = 0;
    for (size_t i = 0; i < e->n_candidates && e->n_oriented < wanted; i++) {
        double angles[MAX_ANGLES] = {(double)UPRIGHT_ANGLE};
        const VlSiftKeypoint *k = &e->candidates[i].keypoint;
        int n = 1;
        if (!e->options.upright) {
            restore_octave(e, k->o);
            n = vl_sift_calc_keypoint_orientations(e->filter, angles, k);
        }
        if (!mem_grow(&e->oriented, &e->oriented_capacity, e->n_oriented + MAX_ANGLES,
                      sizeof *e->oriented))
            return fail_memory(err, "orientations of an image");
        for (int j = 0; j < n && e->n_oriented < wanted; j++)
            e->oriented[e->n_oriented++] =
                (oriented){.candidate = (uint32_t)i, .angle = (float)angles[j]};
    }
    return BOVW_OK;
}

static void describe(sift_vlfeat *e, const bovw_image *grey, bovw_features *out)
{
    for (uint32_t i = 0; i < out->n; i++) {
        const VlSiftKeypoint *k = &e->candidates[e->oriented[i].candidate].keypoint;
        const float angle = e->oriented[i].angle;
        const spot at = {k->x, k->y, k->sigma}; /* in pixels of the image */
        float descriptor[DESCRIPTOR_BINS] = {0};

        restore_octave(e, k->o);
        vl_sift_calc_keypoint_descriptor(e->filter, descriptor, k, (double)angle);
        sift_quantise(descriptor, e->options.root,
                      out->descriptors + (size_t)i * BOVW_DESCRIPTOR_DIM);
        out->keypoints[i] = sift_keypoint(grey, 0, &at, angle);
    }
}

bovw_status sift_vlfeat_run(sift_vlfeat *s, const bovw_image *grey, bovw_features *out,
                            bovw_error *err)
{
    bovw_status status = fit_filter(s, grey->width, grey->height, err);
    if (status != BOVW_OK)
        return status;
    const size_t n_pixels = (size_t)grey->width * grey->height;
    for (size_t i = 0; i < n_pixels; i++)
        s->pixels[i] = (float)grey->pixels[i];

    status = detect(s, err);
    if (status != BOVW_OK)
        return status;
    if (s->n_candidates)
        qsort(s->candidates, s->n_candidates, sizeof *s->candidates, stronger_first);
    status = orient(s, err);
    if (status == BOVW_OK)
        status = sift_make_room(out, s->n_oriented, err);
    if (status == BOVW_OK)
        describe(s, grey, out);
    return status;
}
