/* SPDX-License-Identifier: MIT */
#include "search/consensus.h"

#include <math.h>
#include <stdlib.h>

/* How far a motion may go and still be a view of one thing. SIFT bridges a
 * few octaves of scale and tilts of about 60 degrees, a foreshortening of 2;
 * the limits leave room around that. Scales are relative to the longer sides
 * of the images. */
static const double max_enlargement = 16;
static const double max_foreshortening = 5;
static const double max_depth_ratio = 8; /* between the corners of the image */

/* One step of the climb. min_members leaves each model more equations than
 * parameters: without that a fit always meets its own points. More than that
 * keeps chance matches from growing much, but less of a tilted plane is found:
 * with 4 and 8, 300 random matches of upright pictures had 6 members at most
 * in 3,000 trials. */
typedef struct climb_step {
    bovw_model model;
    uint32_t min_members;
    bool (*fit)(const point_pair *pairs, size_t n, double out[9]);
} climb_step;

static const climb_step climb_steps[] = {
    {BOVW_MODEL_SIMILARITY, 3, transform_fit_similarity},
    {BOVW_MODEL_AFFINE, 4, transform_fit_affine},
    {BOVW_MODEL_HOMOGRAPHY, 8, transform_fit_homography},
};

enum {
    N_STEPS = sizeof climb_steps / sizeof climb_steps[0],
    MAX_ROUNDS = 6
};

static const uint32_t n_parameters[] = {
    [BOVW_MODEL_NONE] = 0,
    [BOVW_MODEL_SIMILARITY] = 4,
    [BOVW_MODEL_AFFINE] = 6,
    [BOVW_MODEL_HOMOGRAPHY] = 8,
};

/* Does a motion with this derivative at keypoint a make of a's scale and
 * direction those of b? */
static bool shape_agrees(const pair_table *t, const double d[4], uint32_t i)
{
    const double ratio = t->pairs.ratio[i];
    const double least = ratio / t->max_scale_ratio, most = ratio * t->max_scale_ratio;
    const double area = d[0] * d[3] - d[1] * d[2];
    double a_cos, a_sin, b_cos, b_sin;
    if (!(area >= least * least && area <= most * most))
        return false;
    transform_direction(t->a_angle[i], &a_cos, &a_sin);
    transform_direction(t->b_angle[i], &b_cos, &b_sin);
    const double u = d[0] * a_cos + d[1] * a_sin;
    const double v = d[2] * a_cos + d[3] * a_sin;
    return u * b_cos + v * b_sin >= t->min_cosine * sqrt(u * u + v * v);
}

/* Sum of the squared transfer errors of pair i, whose forward error is within
 * the tolerance, or a negative number where it does not agree. */
static double agreement_error(const pair_table *t, const double motion[9],
                              const double inverse[9], uint32_t i)
{
    const double ax = t->pairs.ax[i], ay = t->pairs.ay[i];
    const double bx = t->pairs.bx[i], by = t->pairs.by[i];
    double x, y, back_x, back_y, d[4];
    if (!transform_apply(motion, ax, ay, &x, &y) ||
        !transform_apply(inverse, bx, by, &back_x, &back_y))
        return -1;
    const double forward_sq = (x - bx) * (x - bx) + (y - by) * (y - by);
    const double backward_sq =
        (back_x - ax) * (back_x - ax) + (back_y - ay) * (back_y - ay);
    if (!(backward_sq < t->tolerance_sq))
        return -1;
    transform_derivative(motion, transform_depth(motion, ax, ay), x, y, d);
    return shape_agrees(t, d, i) ? forward_sq + backward_sq : -1;
}

static int compare_agreements(const void *left, const void *right)
{
    const agreement *a = left, *b = right;
    if (a->error_sq != b->error_sq)
        return a->error_sq < b->error_sq ? -1 : 1;
    return (a->pair > b->pair) - (a->pair < b->pair);
}

/* Pairs that share no place are members whatever their order, so only the
 * others are sorted. Gives the sum of the members' errors. */
static double choose_one_to_one(pair_table *t, size_t n_found, consensus *out)
{
    double sum = 0;
    size_t n_disputed = 0;
    for (size_t i = 0; i < n_found; i++) {
        t->a_uses[t->a_place[t->found[i].pair]]++;
        t->b_uses[t->b_place[t->found[i].pair]]++;
    }
    for (size_t i = 0; i < n_found; i++) {
        const agreement one = t->found[i];
        if (t->a_uses[t->a_place[one.pair]] == 1 && t->b_uses[t->b_place[one.pair]] == 1) {
            sum += one.error_sq;
            out->members[out->n++] = one.pair;
        } else {
            t->found[n_disputed++] = one;
        }
    }
    qsort(t->found, n_disputed, sizeof *t->found, compare_agreements);
    for (size_t i = 0; i < n_disputed; i++) {
        t->a_uses[t->a_place[t->found[i].pair]] = 0;
        t->b_uses[t->b_place[t->found[i].pair]] = 0;
    }
    for (size_t i = 0; i < n_disputed; i++) {
        const agreement one = t->found[i];
        uint32_t *a_uses = &t->a_uses[t->a_place[one.pair]];
        uint32_t *b_uses = &t->b_uses[t->b_place[one.pair]];
        if (*a_uses == 0 && *b_uses == 0) {
            *a_uses = *b_uses = 1;
            sum += one.error_sq;
            out->members[out->n++] = one.pair;
        }
    }
    for (uint32_t i = 0; i < out->n; i++) {
        t->a_uses[t->a_place[out->members[i]]] = 0;
        t->b_uses[t->b_place[out->members[i]]] = 0;
    }
    return sum;
}

void consensus_collect(pair_table *t, bovw_model model, consensus *out)
{
    double inverse[9];
    out->model = model;
    out->n = 0;
    out->quality = 0;
    if (!transform_inverse(out->motion, inverse))
        return;
    size_t n_found = 0;
    const uint32_t n_near =
        t->kernel->select(&t->pairs, out->motion, t->tolerance_sq, t->n, t->near);
    for (uint32_t i = 0; i < n_near; i++) {
        const double error_sq = agreement_error(t, out->motion, inverse, t->near[i]);
        if (error_sq >= 0)
            t->found[n_found++] = (agreement){error_sq, t->near[i]};
    }
    const double sum = choose_one_to_one(t, n_found, out);
    const double freedom = 2.0 * out->n - n_parameters[model];
    const double error_sq = sum / (freedom > 1 ? freedom : 1);
    out->quality = out->n * (1 - error_sq / t->tolerance_sq);
}

/* No mirror image, all of the first image in front of the camera, and scale
 * and foreshortening within bounds at the centroid of the points. */
static bool is_plausible(const pair_table *t, const double motion[9], size_t n_points)
{
    double least = INFINITY, most = -INFINITY, x = 0, y = 0, to_x, to_y, d[4];
    for (int corner = 0; corner < 4; corner++) {
        const double depth =
            transform_depth(motion, corner & 1 ? t->half_width : -t->half_width,
                            corner & 2 ? t->half_height : -t->half_height);
        least = fmin(least, depth);
        most = fmax(most, depth);
    }
    if (!(transform_determinant(motion) > 0) || !(least * max_depth_ratio > most))
        return false;

    for (size_t i = 0; i < n_points; i++) {
        x += t->points[i].ax;
        y += t->points[i].ay;
    }
    x /= (double)n_points;
    y /= (double)n_points;
    if (!transform_apply(motion, x, y, &to_x, &to_y))
        return false;
    transform_derivative(motion, transform_depth(motion, x, y), to_x, to_y, d);
    /* With singular values s and t: area = s t, and (s s + t t) / (s t) grows
     * with s / t alone. */
    const double area = d[0] * d[3] - d[1] * d[2];
    const double sum_sq = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + d[3] * d[3];
    return area <= max_enlargement * max_enlargement &&
           area * max_enlargement * max_enlargement >= 1 &&
           sum_sq <= area * (max_foreshortening + 1 / max_foreshortening);
}

/* A fit to the members of `from`; false where there is none worth having. */
static bool fit_step(pair_table *t, const climb_step *step, const consensus *from,
                     double motion[9])
{
    if (from->n < step->min_members)
        return false;
    for (uint32_t i = 0; i < from->n; i++) {
        const uint32_t pair = from->members[i];
        t->points[i] = (point_pair){t->pairs.ax[pair], t->pairs.ay[pair], t->pairs.bx[pair],
                                    t->pairs.by[pair]};
    }
    return step->fit(t->points, from->n, motion) && is_plausible(t, motion, from->n);
}

void consensus_climb(pair_table *t, consensus *best, consensus *spare)
{
    for (int s = 0; s < N_STEPS; s++) {
        const climb_step *step = &climb_steps[s];
        for (int round = 0; round < MAX_ROUNDS; round++) {
            if (!fit_step(t, step, best, spare->motion))
                break;
            consensus_collect(t, step->model, spare);
            if (!(spare->quality > best->quality))
                break;
            const consensus worse = *best;
            *best = *spare;
            *spare = worse;
        }
    }
}
