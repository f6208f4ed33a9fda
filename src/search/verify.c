/* SPDX-License-Identifier: MIT
 *
 * Every usable match is a hypothesis; hypotheses_find() counts the matches
 * that agree with each. The few that most agree with, each place of an image
 * counted once, are refined by consensus_climb(). Nothing here calls the
 * mathematical library for more than a square root, which is exact, so the
 * result is the same on every machine.
 */
#include "bovw/verify.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "search/agree.h"
#include "search/consensus.h"
#include "search/hypotheses.h"
#include "search/spread.h"

#define PI 3.14159265358979323846

enum {
    N_REFINED = 5,
    MIN_INLIERS = 3,
    MOST_MATCHES = 1 << 24,
    N_FLOATS = 8, /* arrays of the pair table and of the order by turn, by type */
    N_INTEGERS = 6,
    N_ORDERED_FLOATS = 6
};

/* Keypoints farther from the image's centre than so many longer sides, and
 * hypotheses that enlarge by more, are not looked at. */
static const double max_distance = 16;
static const float max_enlargement = 16;

struct bovw_verifier {
    bovw_verify_options opts;
    hypothesis_limits limits;
    size_t capacity; /* pairs that the arrays below have room for */
    pair_table table;
    turn_order order;
    float *floats;         /* (N_FLOATS, capacity) behind the table's arrays */
    uint32_t *integers;    /* (N_INTEGERS, capacity) likewise */
    float *ordered_floats; /* (N_ORDERED_FLOATS, 2 capacity) behind the order's */
    uint32_t *slots;       /* (4 capacity,) hash table of places: pair + 1, or 0 */
    consensus best, local, spare;
};

const char *bovw_model_name(bovw_model model)
{
    static const char *const names[] = {"none", "similarity", "affine", "homography"};
    return (size_t)model < sizeof names / sizeof names[0] ? names[model] : "none";
}

bool bovw_geometry_is_verified(const bovw_geometry *geometry)
{
    return geometry->effective >= BOVW_VERIFIED_EFFECTIVE;
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

static double cosine_of(double angle)
{
    double cosine, sine;
    transform_direction(angle, &cosine, &sine);
    return cosine;
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
    made->table.max_scale_ratio = opts->max_scale_ratio;
    made->table.min_cosine = cosine_of(opts->max_angle);
    made->table.kernel = agree_kernel_at(0);
    made->limits = (hypothesis_limits){.max_scale_ratio = opts->max_scale_ratio,
                                       .max_angle = opts->max_angle,
                                       .max_enlargement = max_enlargement,
                                       .least = MIN_INLIERS};
    *verifier = made;
    return BOVW_OK;
}

static void free_arrays(bovw_verifier *v)
{
    free(v->floats);
    free(v->integers);
    free(v->ordered_floats);
    free(v->order.pair);
    free(v->order.found);
    free(v->slots);
    free(v->table.found);
    free(v->table.points);
    free(v->best.members);
    free(v->local.members);
    free(v->spare.members);
    v->floats = v->ordered_floats = NULL;
    v->integers = v->slots = v->order.pair = v->order.found = NULL;
    v->table.found = NULL;
    v->table.points = NULL;
    v->best.members = v->local.members = v->spare.members = NULL;
    v->capacity = 0;
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
    pair_columns *p = &t->pairs, *o = &v->order.pairs;
    float **const floats[] = {&p->ax,    &p->ay,   &p->bx,      &p->by,
                              &p->ratio, &p->turn, &t->a_angle, &t->b_angle};
    _Static_assert(sizeof floats / sizeof floats[0] == N_FLOATS, "one is missing");
    uint32_t **const integers[] = {&t->match,  &t->a_place, &t->b_place,
                                   &t->a_uses, &t->b_uses,  &t->near};
    _Static_assert(sizeof integers / sizeof integers[0] == N_INTEGERS, "one is missing");
    float **const ordered[] = {&o->ax, &o->ay, &o->bx, &o->by, &o->ratio, &o->turn};
    _Static_assert(sizeof ordered / sizeof ordered[0] == N_ORDERED_FLOATS,
                   "one is missing");
    for (size_t i = 0; i < N_FLOATS; i++)
        *floats[i] = v->floats + i * v->capacity;
    for (size_t i = 0; i < N_INTEGERS; i++)
        *integers[i] = v->integers + i * v->capacity;
    for (size_t i = 0; i < N_ORDERED_FLOATS; i++)
        *ordered[i] = v->ordered_floats + i * 2 * v->capacity;
}

/* Room for n pairs. Without memory the verifier is as good as new. */
static bovw_status reserve(bovw_verifier *v, size_t n, bovw_error *err)
{
    if (n + AGREE_PADDING <= v->capacity)
        return BOVW_OK;
    free_arrays(v);
    const size_t wanted = n + n / 4 + AGREE_PADDING;
    v->floats = mem_array(wanted, N_FLOATS * sizeof *v->floats);
    v->integers = mem_array(wanted, N_INTEGERS * sizeof *v->integers);
    v->ordered_floats = mem_array(wanted, 2 * N_ORDERED_FLOATS * sizeof *v->ordered_floats);
    v->order.pair = mem_array(wanted, 2 * sizeof *v->order.pair);
    v->order.found = mem_array(wanted, sizeof *v->order.found);
    v->slots = mem_array(wanted, 4 * sizeof *v->slots);
    v->table.found = mem_array(wanted, sizeof *v->table.found);
    v->table.points = mem_array(wanted, sizeof *v->table.points);
    v->best.members = mem_array(wanted, sizeof *v->best.members);
    v->local.members = mem_array(wanted, sizeof *v->local.members);
    v->spare.members = mem_array(wanted, sizeof *v->spare.members);
    if (!v->floats || !v->integers || !v->ordered_floats || !v->order.pair ||
        !v->order.found || !v->slots || !v->table.found || !v->table.points ||
        !v->best.members || !v->local.members || !v->spare.members) {
        free_arrays(v);
        return fail_memory(err, "verifier");
    }
    v->capacity = wanted;
    share_out(v);
    return BOVW_OK;
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

/* The angle in [0, 2 pi]. The remainder is exact, and rarely needed. */
static double whole_turns_less(double angle)
{
    if (!(angle >= 0 && angle <= 2 * PI)) {
        angle = fmod(angle, 2 * PI);
        angle = angle < 0 ? angle + 2 * PI : angle;
    }
    return angle;
}

/* The keypoint in normalised units; false where it cannot be used. */
static bool normalise(const bovw_keypoint *k, const normaliser *in, bovw_keypoint *out)
{
    const double x = (k->x - in->centre_x) / in->side;
    const double y = (k->y - in->centre_y) / in->side;
    *out = (bovw_keypoint){(float)x, (float)y, (float)(k->scale / in->side),
                           (float)whole_turns_less(k->angle)};
    return fabs(x) <= max_distance && fabs(y) <= max_distance && isnormal(out->scale) &&
           k->scale > 0 && isfinite(out->angle);
}

static void load_pair(pair_table *t, uint32_t match, const bovw_keypoint *a,
                      const bovw_keypoint *b)
{
    pair_columns *p = &t->pairs;
    const uint32_t i = t->n++;
    p->ax[i] = a->x;
    p->ay[i] = a->y;
    p->bx[i] = b->x;
    p->by[i] = b->y;
    p->ratio[i] = b->scale / a->scale;
    p->turn[i] = (float)whole_turns_less((double)b->angle - a->angle);
    t->a_angle[i] = a->angle;
    t->b_angle[i] = b->angle;
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
            load_pair(t, i, &key_a, &key_b);
    }
    find_places(t->pairs.ax, t->pairs.ay, t->n, v->slots, t->a_place);
    find_places(t->pairs.bx, t->pairs.by, t->n, v->slots, t->b_place);
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
    const uint32_t n =
        hypotheses_find(&v->table, &v->order, &v->limits, hypotheses, N_REFINED);
    v->best.n = 0;
    v->best.quality = 0;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = hypotheses[k].pair;
        if (is_member(&v->best, i))
            continue;
        const point_pair seed = {t->pairs.ax[i], t->pairs.ay[i], t->pairs.bx[i],
                                 t->pairs.by[i]};
        transform_similarity(t->pairs.ratio[i], t->pairs.turn[i], &seed, v->local.motion);
        consensus_collect(&v->table, BOVW_MODEL_SIMILARITY, &v->local);
        consensus_climb(&v->table, &v->local, &v->spare);
        if (v->local.quality > v->best.quality) {
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

static float effective_of(const pair_table *t, const consensus *c)
{
    const float in_a = spread_count(t->pairs.ax, t->pairs.ay, c->members, c->n);
    const float in_b = spread_count(t->pairs.bx, t->pairs.by, c->members, c->n);
    return in_a < in_b ? in_a : in_b;
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
            found.effective = effective_of(&v->table, &v->best);
        } else {
            memset(found.transform, 0, sizeof found.transform);
        }
    }
    for (uint32_t i = 0; is_inlier && i < found.n_inliers; i++)
        is_inlier[v->table.match[v->best.members[i]]] = 1;
    *geometry = found;
    return BOVW_OK;
}
