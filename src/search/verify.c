/* SPDX-License-Identifier: MIT
 *
 * Every usable match is a hypothesis: the similarity that takes its keypoint
 * of image a to that of image b. count_agreeing() tests all matches against
 * one hypothesis and is where the time goes; under a similarity the backward
 * error is the forward error over its scale, so one comparison serves both.
 * The few hypotheses that most matches agree with, each place of an image
 * counted once, are refined by consensus_climb().
 */
#include "bovw/verify.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "search/consensus.h"

#define PI 3.14159265358979323846

enum {
    LANES = 16, /* the table is padded to a multiple of this */
    N_REFINED = 5,
    MIN_INLIERS = 3,
    MOST_MATCHES = 1 << 24,
    N_FLOATS = 12, /* arrays of the pair table, by type */
    N_INTEGERS = 5
};

/* Keypoints farther from the image's centre than so many longer sides, and
 * hypotheses that enlarge by more, are not looked at. */
static const double max_distance = 16;
static const float max_log_enlargement = 2.7725887f; /* log 16 */

/* Position of a padded lane in the second image: far from everything. */
static const float nowhere = 1e15f;

struct bovw_verifier {
    bovw_verify_options opts;
    float max_log_ratio;
    size_t capacity; /* pairs that the arrays below have room for */
    pair_table table;
    float *floats;      /* (N_FLOATS, capacity) behind the table's arrays */
    uint32_t *integers; /* (N_INTEGERS, capacity) likewise */
    int32_t *agrees;    /* (capacity,) 1 where a pair agrees with a hypothesis */
    uint32_t *slots;    /* (4 capacity,) hash table of places: pair + 1, or 0 */
    consensus best, local, spare;
};

typedef struct hypothesis {
    uint32_t n; /* agreeing places of the image that has fewer */
    uint32_t pair;
} hypothesis;

const char *bovw_model_name(bovw_model model)
{
    static const char *const names[] = {"none", "similarity", "affine", "homography"};
    return (size_t)model < sizeof names / sizeof names[0] ? names[model] : "none";
}

void bovw_verify_options_default(bovw_verify_options *opts)
{
    *opts = (bovw_verify_options){.tolerance = 0.015f,
                                  .max_scale_ratio = 2,
                                  .max_angle = (float)(PI / 6),
                                  .max_matches = 2000};
}

static bovw_status check_options(const bovw_verify_options *opts, bovw_error *err)
{
    if (!(opts->tolerance > 0 && opts->tolerance <= 1))
        return fail(err, BOVW_ERR_ARG, "tolerance = %g is not in (0, 1]",
                    (double)opts->tolerance);
    if (!(opts->max_scale_ratio >= 1 && opts->max_scale_ratio <= FLT_MAX))
        return fail(err, BOVW_ERR_ARG, "max_scale_ratio = %g is not a number from 1",
                    (double)opts->max_scale_ratio);
    if (!(opts->max_angle > 0 && opts->max_angle <= (float)PI))
        return fail(err, BOVW_ERR_ARG, "max_angle = %g is not in (0, pi]",
                    (double)opts->max_angle);
    if (opts->max_matches == 0 || opts->max_matches > MOST_MATCHES)
        return fail(err, BOVW_ERR_ARG, "max_matches = %u is not in [1, %d]",
                    opts->max_matches, MOST_MATCHES);
    return BOVW_OK;
}

bovw_status bovw_verifier_new(const bovw_verify_options *opts, bovw_verifier **verifier,
                              bovw_error *err)
{
    const bovw_status status = check_options(opts, err);
    if (status != BOVW_OK)
        return status;
    bovw_verifier *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "verifier");
    made->opts = *opts;
    made->table.tolerance_sq = (double)opts->tolerance * opts->tolerance;
    made->max_log_ratio = logf(opts->max_scale_ratio);
    made->table.min_cosine = cos(opts->max_angle);
    *verifier = made;
    return BOVW_OK;
}

static void free_arrays(bovw_verifier *v)
{
    free(v->floats);
    free(v->integers);
    free(v->agrees);
    free(v->slots);
    free(v->table.found);
    free(v->table.points);
    free(v->best.members);
    free(v->local.members);
    free(v->spare.members);
}

void bovw_verifier_free(bovw_verifier *v)
{
    if (v)
        free_arrays(v);
    free(v);
}

static void share_out(bovw_verifier *v)
{
    pair_table *t = &v->table;
    float **const floats[] = {&t->ax,        &t->ay,    &t->bx,         &t->by,
                              &t->log_ratio, &t->turn,  &t->a_cos,      &t->a_sin,
                              &t->b_cos,     &t->b_sin, &t->least_area, &t->most_area};
    _Static_assert(sizeof floats / sizeof floats[0] == N_FLOATS, "one is missing");
    uint32_t **const integers[] = {&t->match, &t->a_place, &t->b_place, &t->a_uses,
                                   &t->b_uses};
    _Static_assert(sizeof integers / sizeof integers[0] == N_INTEGERS, "one is missing");
    for (size_t i = 0; i < N_FLOATS; i++)
        *floats[i] = v->floats + i * v->capacity;
    for (size_t i = 0; i < N_INTEGERS; i++)
        *integers[i] = v->integers + i * v->capacity;
}

/* Room for n pairs. Without memory the verifier is as good as new. */
static bovw_status reserve(bovw_verifier *v, size_t n, bovw_error *err)
{
    if (n <= v->capacity)
        return BOVW_OK;
    free_arrays(v);
    const size_t wanted = (n + n / 4 + LANES - 1) / LANES * LANES;
    v->capacity = wanted;
    v->floats = mem_array(wanted, N_FLOATS * sizeof *v->floats);
    v->integers = mem_array(wanted, N_INTEGERS * sizeof *v->integers);
    v->agrees = mem_array(wanted, sizeof *v->agrees);
    v->slots = mem_array(wanted, 4 * sizeof *v->slots);
    v->table.found = mem_array(wanted, sizeof *v->table.found);
    v->table.points = mem_array(wanted, sizeof *v->table.points);
    v->best.members = mem_array(wanted, sizeof *v->best.members);
    v->local.members = mem_array(wanted, sizeof *v->local.members);
    v->spare.members = mem_array(wanted, sizeof *v->spare.members);
    if (v->floats && v->integers && v->agrees && v->slots && v->table.found &&
        v->table.points && v->best.members && v->local.members && v->spare.members) {
        share_out(v);
        return BOVW_OK;
    }
    free_arrays(v);
    v->floats = NULL;
    v->integers = v->slots = NULL;
    v->agrees = NULL;
    v->table.found = NULL;
    v->table.points = NULL;
    v->best.members = v->local.members = v->spare.members = NULL;
    v->capacity = 0;
    return fail_memory(err, "verifier");
}

/* ---- loading ------------------------------------------------------------- */

/* normalised = (pixel - centre) / side */
typedef struct normaliser {
    double centre_x, centre_y, side;
} normaliser;

static normaliser normaliser_of(const bovw_frame *frame)
{
    const uint32_t side = frame->width > frame->height ? frame->width : frame->height;
    return (normaliser){0.5 * (frame->width - 1.0), 0.5 * (frame->height - 1.0), side};
}

/* The keypoint in normalised units; false where it cannot be used. */
static bool normalise(const bovw_keypoint *k, const normaliser *in, bovw_keypoint *out)
{
    const double x = (k->x - in->centre_x) / in->side;
    const double y = (k->y - in->centre_y) / in->side;
    *out = (bovw_keypoint){(float)x, (float)y, (float)(k->scale / in->side), k->angle};
    return fabs(x) <= max_distance && fabs(y) <= max_distance && isnormal(out->scale) &&
           k->scale > 0 && isfinite(k->angle);
}

static void load_pair(bovw_verifier *v, uint32_t match, const bovw_keypoint *a,
                      const bovw_keypoint *b)
{
    pair_table *t = &v->table;
    const uint32_t i = t->n++;
    const float least = b->scale / a->scale / v->opts.max_scale_ratio;
    const float most = b->scale / a->scale * v->opts.max_scale_ratio;
    const double turn = fmod((double)b->angle - a->angle, 2 * PI);
    t->ax[i] = a->x;
    t->ay[i] = a->y;
    t->bx[i] = b->x;
    t->by[i] = b->y;
    t->log_ratio[i] = logf(b->scale) - logf(a->scale);
    t->turn[i] = (float)(turn < 0 ? turn + 2 * PI : turn);
    t->a_cos[i] = cosf(a->angle);
    t->a_sin[i] = sinf(a->angle);
    t->b_cos[i] = cosf(b->angle);
    t->b_sin[i] = sinf(b->angle);
    t->least_area[i] = least * least;
    t->most_area[i] = most * most;
    t->match[i] = match;
}

/* places[i] is the first pair with the same position as pair i: a keypoint in
 * several matches, or several keypoints on one spot, of which detectors make
 * one for each orientation. */
static void find_places(const float *x, const float *y, uint32_t n, uint32_t *slots,
                        uint32_t *places)
{
    uint32_t mask = 1;
    while (mask < 2 * n)
        mask = 2 * mask + 1;
    memset(slots, 0, ((size_t)mask + 1) * sizeof *slots);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits[2];
        const float xy[2] = {x[i] + 0.0f, y[i] + 0.0f}; /* no negative zero */
        memcpy(bits, xy, sizeof bits);
        uint32_t slot = (bits[0] * 0x9e3779b1u) ^ (bits[1] * 0x85ebca77u);
        slot = (slot ^ slot >> 15) & mask;
        while (slots[slot] && (x[slots[slot] - 1] != x[i] || y[slots[slot] - 1] != y[i]))
            slot = (slot + 1) & mask;
        if (!slots[slot])
            slots[slot] = i + 1;
        places[i] = slots[slot] - 1;
    }
}

static void load(bovw_verifier *v, const bovw_frame *a, const bovw_frame *b,
                 const bovw_match *matches, uint32_t n)
{
    pair_table *t = &v->table;
    const normaliser in_a = normaliser_of(a), in_b = normaliser_of(b);
    bovw_keypoint key_a, key_b;
    t->n = 0;
    t->half_width = in_a.centre_x / in_a.side;
    t->half_height = in_a.centre_y / in_a.side;
    for (uint32_t i = 0; i < n; i++) {
        if (normalise(&a->keypoints[matches[i].a], &in_a, &key_a) &&
            normalise(&b->keypoints[matches[i].b], &in_b, &key_b))
            load_pair(v, i, &key_a, &key_b);
    }
    for (uint32_t i = t->n; i % LANES != 0; i++) {
        t->ax[i] = t->ay[i] = t->log_ratio[i] = t->turn[i] = 0;
        t->bx[i] = t->by[i] = nowhere;
    }
    find_places(t->ax, t->ay, t->n, v->slots, t->a_place);
    find_places(t->bx, t->by, t->n, v->slots, t->b_place);
}

/* ---- hypotheses ------------------------------------------------------------ */

/* A similarity and the limits within which a pair agrees with it. */
typedef struct similarity {
    float c, s, x, y; /* (ax, ay) goes to (c ax - s ay + x, s ax + c ay + y) */
    float log_ratio, turn;
    float max_error_sq, max_log_ratio, min_opposite;
} similarity;

static similarity similarity_of(const bovw_verifier *v, uint32_t i)
{
    const pair_table *t = &v->table;
    const float scale = expf(t->log_ratio[i]);
    const float c = scale * cosf(t->turn[i]), s = scale * sinf(t->turn[i]);
    const float smaller = scale < 1 ? scale : 1;
    return (similarity){.c = c,
                        .s = s,
                        .x = t->bx[i] - c * t->ax[i] + s * t->ay[i],
                        .y = t->by[i] - s * t->ax[i] - c * t->ay[i],
                        .log_ratio = t->log_ratio[i],
                        .turn = t->turn[i],
                        .max_error_sq = (float)t->tolerance_sq * smaller * smaller,
                        .max_log_ratio = v->max_log_ratio,
                        .min_opposite = (float)PI - v->opts.max_angle};
}

/* One block of constant length without branches, which compilers turn into
 * vector code. Angles agree where their difference d in [0, 2 pi] is near 0 or
 * near 2 pi, that is, far from pi. */
static inline void test_block(const pair_table *t, const similarity *h, uint32_t from,
                              int32_t *restrict agrees)
{
    const float *ax = t->ax + from, *ay = t->ay + from;
    const float *bx = t->bx + from, *by = t->by + from;
    const float *log_ratio = t->log_ratio + from, *turn = t->turn + from;
    for (int k = 0; k < LANES; k++) {
        const float u = h->c * ax[k] - h->s * ay[k] + h->x - bx[k];
        const float v = h->s * ax[k] + h->c * ay[k] + h->y - by[k];
        const float ratio = fabsf(log_ratio[k] - h->log_ratio);
        const float opposite = fabsf(fabsf(turn[k] - h->turn) - (float)PI);
        agrees[k] = (u * u + v * v < h->max_error_sq) & (ratio <= h->max_log_ratio) &
                    (opposite >= h->min_opposite);
    }
}

static uint32_t count_agreeing(const pair_table *t, const similarity *h, int32_t *agrees)
{
    int32_t sums[LANES] = {0}, n = 0;
    const similarity local = *h;
    for (uint32_t from = 0; from < t->n; from += LANES) {
        test_block(t, &local, from, agrees + from);
        for (int k = 0; k < LANES; k++)
            sums[k] += agrees[from + k];
    }
    for (int k = 0; k < LANES; k++)
        n += sums[k];
    return (uint32_t)n;
}

/* Places of the agreeing pairs, in the image that has fewer of them: what a
 * one-to-one choice cannot exceed. */
static uint32_t count_places(pair_table *t, const int32_t *agrees)
{
    uint32_t n_a = 0, n_b = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        if (!agrees[i])
            continue;
        n_a += t->a_uses[t->a_place[i]]++ == 0;
        n_b += t->b_uses[t->b_place[i]]++ == 0;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        if (agrees[i])
            t->a_uses[t->a_place[i]] = t->b_uses[t->b_place[i]] = 0;
    }
    return n_a < n_b ? n_a : n_b;
}

/* The hypotheses with most agreement, best first, ties by lower pair; how
 * many there are. */
static int best_hypotheses(bovw_verifier *v, hypothesis best[N_REFINED])
{
    pair_table *t = &v->table;
    int n_best = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        if (fabsf(t->log_ratio[i]) > max_log_enlargement)
            continue;
        const similarity h = similarity_of(v, i);
        const uint32_t least = n_best < N_REFINED ? MIN_INLIERS : best[N_REFINED - 1].n + 1;
        if (count_agreeing(t, &h, v->agrees) < least)
            continue;
        const uint32_t n = count_places(t, v->agrees);
        if (n < least)
            continue;
        int at = n_best < N_REFINED ? n_best++ : N_REFINED - 1;
        for (; at > 0 && best[at - 1].n < n; at--)
            best[at] = best[at - 1];
        best[at] = (hypothesis){n, i};
    }
    return n_best;
}

/* ---- result ---------------------------------------------------------------- */

static bool is_member(const consensus *c, uint32_t pair)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->members[i] == pair)
            return true;
    }
    return false;
}

/* A hypothesis that the best consensus so far contains would climb to the same
 * place. */
static void refine(bovw_verifier *v)
{
    hypothesis hypotheses[N_REFINED];
    const pair_table *t = &v->table;
    const int n = best_hypotheses(v, hypotheses);
    v->best.n = 0;
    v->best.error = 0;
    for (int k = 0; k < n; k++) {
        const uint32_t i = hypotheses[k].pair;
        if (is_member(&v->best, i))
            continue;
        const point_pair seed = {t->ax[i], t->ay[i], t->bx[i], t->by[i]};
        transform_similarity(exp(t->log_ratio[i]), t->turn[i], &seed, v->local.motion);
        consensus_collect(&v->table, BOVW_MODEL_SIMILARITY, &v->local);
        consensus_climb(&v->table, &v->local, &v->spare);
        if (consensus_is_better(&v->local, &v->best)) {
            const consensus worse = v->best;
            v->best = v->local;
            v->local = worse;
        }
    }
}

/* The motion between pixels, bottom right 1; false where floats cannot hold
 * it. */
static bool to_pixels(const double motion[9], const bovw_frame *a, const bovw_frame *b,
                      float transform[9])
{
    const normaliser in_a = normaliser_of(a), in_b = normaliser_of(b);
    const double from_a[9] = {1 / in_a.side,
                              0,
                              -in_a.centre_x / in_a.side,
                              0,
                              1 / in_a.side,
                              -in_a.centre_y / in_a.side,
                              0,
                              0,
                              1};
    const double to_b[9] = {in_b.side, 0, in_b.centre_x, 0, in_b.side, in_b.centre_y, 0,
                            0,         1};
    double half[9], pixels[9];
    transform_multiply(motion, from_a, half);
    transform_multiply(to_b, half, pixels);
    for (int i = 0; i < 9; i++) {
        transform[i] = (float)(pixels[i] / pixels[8]);
        if (!isfinite(transform[i]))
            return false;
    }
    return true;
}

static bovw_status check_matches(const bovw_frame *a, const bovw_frame *b,
                                 const bovw_match *matches, size_t n, bovw_error *err)
{
    if (n > 0 && (!a->width || !a->height || !b->width || !b->height))
        return fail(err, BOVW_ERR_ARG, "matches of images of %u x %u and %u x %u pixels",
                    a->width, a->height, b->width, b->height);
    for (size_t i = 0; i < n; i++) {
        if (matches[i].a >= a->n || matches[i].b >= b->n)
            return fail(err, BOVW_ERR_ARG, "match %zu is (%u, %u) of %u and %u keypoints",
                        i, matches[i].a, matches[i].b, a->n, b->n);
    }
    return BOVW_OK;
}

bovw_status bovw_verify(bovw_verifier *v, const bovw_frame *a, const bovw_frame *b,
                        const bovw_match *matches, size_t n, uint8_t *is_inlier,
                        bovw_geometry *geometry, bovw_error *err)
{
    bovw_geometry found = {.model = BOVW_MODEL_NONE};
    const uint32_t n_used = n < v->opts.max_matches ? (uint32_t)n : v->opts.max_matches;
    bovw_status status = check_matches(a, b, matches, n, err);
    if (status == BOVW_OK)
        status = reserve(v, n_used, err);
    if (status != BOVW_OK)
        return status;

    if (is_inlier && n > 0)
        memset(is_inlier, 0, n);
    if (n_used >= MIN_INLIERS) {
        load(v, a, b, matches, n_used);
        refine(v);
        if (v->best.n >= MIN_INLIERS && to_pixels(v->best.motion, a, b, found.transform)) {
            found.model = v->best.model;
            found.n_inliers = v->best.n;
        } else {
            memset(found.transform, 0, sizeof found.transform);
        }
    }
    for (uint32_t i = 0; is_inlier && i < found.n_inliers; i++)
        is_inlier[v->table.match[v->best.members[i]]] = 1;
    *geometry = found;
    return BOVW_OK;
}
