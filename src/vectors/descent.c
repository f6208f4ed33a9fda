/* SPDX-License-Identifier: MIT
 *
 * Stochastic gradient descent with momentum on triplets or pairs, from a given
 * map. In a trial some groups are held out: their mean average precision among all
 * vectors, after each epoch, decides how many epochs are run on all groups. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/random.h"
#include "vectors/learn.h"

enum {
    BATCH = 96,    /* images of a batch, at most */
    PER_GROUP = 8, /* of one group, at most */
    MAX_TRIPLETS = BATCH * PER_GROUP
};

#define MOMENTUM       0.9
#define TRIPLET_MARGIN 0.1F
#define PAIR_MARGIN    0.7F

typedef struct descent {
    const training *t;
    const bovw_learn_options *opts;
    double margin;
    uint64_t random;
    uint32_t *order;  /* (n,) images in the order of this epoch */
    uint32_t *chosen; /* (n_groups,) batch that the group was last in */
    uint32_t n_batches;
    batch b;   /* of BATCH images */
    batch all; /* of all images, for validation */
    uint32_t picked[BATCH];
    triplet *triplets;                       /* (MAX_TRIPLETS,) */
    double *rows, *start, *gradient, *speed; /* (n_out, stride) */
    double *distances;                       /* (n_threads, n) */
    double *batch_distances;                 /* (BATCH, BATCH) squared */
    double *precisions;                      /* (n,) */
    size_t n_values;
} descent;

/* ---- validation -----------------------------------------------------------------------
 */

static bool is_same_family(const training *t, uint32_t i, uint32_t j)
{
    return t->family[i] != BOVW_NO_GROUP && t->family[i] == t->family[j];
}

/* Average precision of image q among all others: for each image of its group, the
 * share of these among what is at least as near. Other groups of its family are
 * passed over. distances is (n,). */
static double precision_of(const descent *d, uint32_t q, double *distances)
{
    const training *t = d->t;
    const uint32_t first = t->starts[t->group[q]], end = t->starts[t->group[q] + 1];
    double sum = 0;
    for (uint32_t j = 0; j < t->n; j++) {
        const bool is_passed =
            j == q || (t->group[j] != t->group[q] && is_same_family(t, q, j));
        distances[j] = is_passed ? INFINITY : batch_distance_sq(&d->all, q, j);
    }
    for (uint32_t i = first; i < end; i++) {
        uint32_t n_near = 0, n_right = 0;
        if (i == q)
            continue;
        for (uint32_t j = 0; j < t->n; j++)
            n_near += distances[j] <= distances[i];
        for (uint32_t j = first; j < end; j++)
            n_right += distances[j] <= distances[i];
        sum += (double)n_right / n_near;
    }
    return sum / (end - first - 1);
}

/* Mean over the images that are held out. */
static double validate(descent *d)
{
    const training *t = d->t;
    uint32_t n = 0;
    double sum = 0;
    batch_map(&d->all, d->rows, t->n_threads);
#pragma omp parallel for schedule(dynamic) num_threads(t->n_threads) if (t->n_threads > 1)
    for (uint32_t q = 0; q < t->n; q++) {
        if (t->is_held[t->group[q]])
            d->precisions[q] =
                precision_of(d, q, d->distances + (size_t)parallel_thread() * t->n);
    }
    for (uint32_t q = 0; q < t->n; q++) {
        n += t->is_held[t->group[q]];
        sum += t->is_held[t->group[q]] ? d->precisions[q] : 0;
    }
    return sum / n;
}

/* ---- batches --------------------------------------------------------------------------
 */

static void swap(uint32_t *a, uint32_t *b)
{
    const uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Images that are not held out, shuffled; returns how many. */
static uint32_t shuffle(descent *d)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->t->n; i++) {
        if (!d->t->is_held[d->t->group[i]])
            d->order[n++] = i;
    }
    for (uint32_t i = n; i > 1; i--)
        swap(&d->order[i - 1], &d->order[random_below(&d->random, i)]);
    return n;
}

/* Some images of a group into the batch, as many as fit. */
static void add_group(descent *d, uint32_t group)
{
    const uint32_t first = d->t->starts[group], n = d->t->starts[group + 1] - first;
    uint32_t n_taken = 0;
    /* Each of those left is taken with the chance that leaves an even draw. */
    for (uint32_t i = 0; i < n && n_taken < PER_GROUP && d->b.n < BATCH; i++) {
        const uint32_t wanted = n < PER_GROUP ? n : PER_GROUP;
        if (random_below(&d->random, n - i) < wanted - n_taken) {
            d->picked[d->b.n++] = first + i;
            n_taken++;
        }
    }
}

/* The next batch: the groups of the images from *at on. */
static void fill_batch(descent *d, uint32_t *at, uint32_t n)
{
    d->b.n = 0;
    d->n_batches++;
    for (; *at < n && d->b.n < BATCH; ++*at) {
        const uint32_t group = d->t->group[d->order[*at]];
        if (d->chosen[group] == d->n_batches)
            continue;
        d->chosen[group] = d->n_batches;
        add_group(d, group);
    }
}

/* The semi-hard negative of a matching pair of the batch, or UINT32_MAX. */
static uint32_t find_negative(const descent *d, const double *distances, uint32_t anchor,
                              uint32_t positive)
{
    const training *t = d->t;
    const double limit = distances[anchor * BATCH + positive];
    uint32_t nearest = UINT32_MAX, farthest = UINT32_MAX;
    for (uint32_t j = 0; j < d->b.n; j++) {
        const double distance = distances[anchor * BATCH + j];
        const uint32_t a = d->picked[anchor], i = d->picked[j];
        if (t->group[a] == t->group[i] || is_same_family(t, a, i))
            continue;
        if (distance > limit &&
            (nearest == UINT32_MAX || distance < distances[anchor * BATCH + nearest]))
            nearest = j;
        if (farthest == UINT32_MAX || distance > distances[anchor * BATCH + farthest])
            farthest = j;
    }
    return nearest != UINT32_MAX ? nearest : farthest;
}

static size_t mine(descent *d)
{
    double *distances = d->batch_distances;
    size_t n = 0;
    for (uint32_t i = 0; i < d->b.n; i++) {
        for (uint32_t j = 0; j < i; j++)
            distances[i * BATCH + j] = distances[j * BATCH + i] =
                batch_distance_sq(&d->b, i, j);
    }
    for (uint32_t i = 0; i < d->b.n; i++) {
        for (uint32_t j = 0; j < d->b.n; j++) {
            if (i == j || d->t->group[d->picked[i]] != d->t->group[d->picked[j]])
                continue;
            const uint32_t negative = find_negative(d, distances, i, j);
            if (negative != UINT32_MAX)
                d->triplets[n++] = (triplet){i, j, negative};
        }
    }
    return n;
}

/* ---- steps ----------------------------------------------------------------------------
 */

static double step(descent *d, double rate)
{
    const training *t = d->t;
    batch_map(&d->b, d->rows, t->n_threads);
    const size_t n = mine(d);
    if (n == 0)
        return 0;
    const double loss = d->opts->learner == BOVW_LEARN_TRIPLET
                            ? batch_triplet_loss(&d->b, d->triplets, n, d->margin)
                            : batch_pair_loss(&d->b, d->triplets, n, d->margin);
    batch_gradient(&d->b, t->n_threads, d->gradient);
    for (size_t i = 0; i < d->n_values; i++) {
        d->speed[i] = MOMENTUM * d->speed[i] + d->gradient[i] +
                      (double)d->opts->decay * (d->rows[i] - d->start[i]);
        d->rows[i] -= rate * d->speed[i];
    }
    return loss;
}

/* One pass over the images; returns the mean loss of its batches. */
static double run_epoch(descent *d, uint32_t epoch)
{
    const uint32_t n = shuffle(d);
    double sum = 0;
    uint32_t n_steps = 0;
    for (uint32_t at = 0; at < n;) {
        const double done = (epoch + (double)at / n) / d->opts->epochs;
        fill_batch(d, &at, n);
        sum += step(d, (double)d->opts->rate * (1 - done));
        n_steps++;
    }
    return sum / n_steps;
}

static void report(const descent *d, uint32_t epoch, double loss, double precision)
{
    char text[128];
    snprintf(text, sizeof text, "epoch %u: loss %.4f, mAP of the groups held out %.2f",
             epoch, loss, 100 * precision);
    monitor_message(d->t->monitor, text);
}

static bovw_status go_on(const descent *d, uint32_t epoch, bovw_error *err)
{
    return monitor_progress(d->t->monitor, "learning", epoch, d->opts->epochs, err);
}

/* Until the groups held out gain no more. */
static bovw_status find_epochs(descent *d, descent_result *r, bovw_error *err)
{
    r->begin = r->best = validate(d);
    report(d, 0, 0, r->begin);
    while (r->n_epochs < d->opts->epochs &&
           r->n_epochs - r->best_epoch < d->opts->patience) {
        const bovw_status status = go_on(d, r->n_epochs, err);
        if (status != BOVW_OK)
            return status;
        const double loss = run_epoch(d, r->n_epochs);
        const double precision = validate(d);
        report(d, ++r->n_epochs, loss, precision);
        if (precision > r->best) {
            r->best = precision;
            r->best_epoch = r->n_epochs;
        }
    }
    return BOVW_OK;
}

static bovw_status run_epochs(descent *d, uint32_t n, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (uint32_t epoch = 0; status == BOVW_OK && epoch < n; epoch++) {
        status = go_on(d, epoch, err);
        if (status == BOVW_OK)
            run_epoch(d, epoch);
    }
    return status;
}

/* ---- the whole ------------------------------------------------------------------------
 */

static bovw_status batch_new(batch *b, const training *t, uint32_t n, uint32_t n_out,
                             bovw_error *err)
{
    *b = (batch){.x = t->x, .stride = t->stride, .n = n, .n_out = n_out};
    b->y = mem_array(n, n_out * sizeof *b->y);
    b->dy = mem_array(n, n_out * sizeof *b->dy);
    b->lengths = mem_array(n, sizeof *b->lengths);
    return b->y && b->dy && b->lengths ? BOVW_OK : fail_memory(err, "mapped vectors");
}

static void batch_free(batch *b)
{
    free(b->y);
    free(b->dy);
    free(b->lengths);
}

static bovw_status descent_new(descent *d, const bovw_projection *p, bovw_error *err)
{
    const training *t = d->t;
    bovw_status status = batch_new(&d->b, t, BATCH, p->n_out, err);
    if (status == BOVW_OK)
        status = batch_new(&d->all, t, t->n, p->n_out, err);
    d->n_values = p->n_out * p->stride;
    d->chosen = mem_array(t->n_groups, sizeof *d->chosen);
    d->order = mem_array(t->n, sizeof *d->order);
    d->triplets = mem_array(MAX_TRIPLETS, sizeof *d->triplets);
    d->batch_distances = mem_array((size_t)BATCH * BATCH, sizeof *d->batch_distances);
    d->distances = mem_array((size_t)t->n_threads, t->n * sizeof *d->distances);
    d->precisions = mem_array(t->n, sizeof *d->precisions);
    d->start = mem_array(d->n_values, sizeof *d->start);
    d->gradient = mem_array(d->n_values, sizeof *d->gradient);
    d->speed = mem_array(d->n_values, sizeof *d->speed);
    if (status == BOVW_OK &&
        (!d->chosen || !d->order || !d->triplets || !d->batch_distances || !d->distances ||
         !d->precisions || !d->start || !d->gradient || !d->speed))
        status = fail_memory(err, "gradient descent");
    if (status != BOVW_OK)
        return status;
    d->b.items = d->picked;
    return BOVW_OK;
}

static void descent_free(descent *d)
{
    batch_free(&d->b);
    batch_free(&d->all);
    free(d->chosen);
    free(d->order);
    free(d->triplets);
    free(d->batch_distances);
    free(d->distances);
    free(d->precisions);
    free(d->start);
    free(d->gradient);
    free(d->speed);
}

/* Scale the map so that mapped vectors have the mean length 1, which gives the
 * rate of learning a meaning. */
static void scale_start(descent *d)
{
    double sum = 0;
    batch_map(&d->all, d->rows, d->t->n_threads);
    for (uint32_t i = 0; i < d->t->n; i++)
        sum += d->all.lengths[i];
    for (size_t i = 0; sum > 0 && i < d->n_values; i++)
        d->rows[i] *= d->t->n / sum;
    memcpy(d->start, d->rows, d->n_values * sizeof *d->start);
}

bovw_status learn_by_descent(const training *t, const bovw_learn_options *opts,
                             bool is_trial, bovw_projection *p, descent_result *result,
                             bovw_error *err)
{
    const float usual = opts->learner == BOVW_LEARN_TRIPLET ? TRIPLET_MARGIN : PAIR_MARGIN;
    descent d = {.t = t,
                 .opts = opts,
                 .margin = (double)(opts->margin > 0 ? opts->margin : usual),
                 .random = random_mix(opts->seed),
                 .rows = p->rows};
    bovw_status status = descent_new(&d, p, err);
    if (status == BOVW_OK) {
        scale_start(&d);
        status = is_trial ? find_epochs(&d, result, err)
                          : run_epochs(&d, result->best_epoch, err);
    }
    descent_free(&d);
    return status;
}
