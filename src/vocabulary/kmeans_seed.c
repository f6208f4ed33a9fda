/* SPDX-License-Identifier: MIT
 *
 * The plain way lowers all distances after each draw, and so reads the sample
 * from memory once for every centroid.
 *
 * The lazy way, for many words, lowers them for a batch of centroids at a time,
 * which the assignment kernels do many times as fast. In between a point is
 * drawn by its distance from the centroids before the batch, and kept with a
 * probability of its true squared distance over that one: then the true one is
 * what it was drawn by. The centroids are others than those of the plain way,
 * which stays for the vocabularies that were trained with it.
 */
#include "vocabulary/kmeans_seed.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/random.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    BLOCK = 1024,    /* points that one thread takes at a time */
    MIN_BLOCKS = 64, /* with fewer, waking the threads takes longer than the work */
    CENTROIDS_PER_REPORT = 64,
    MAX_BATCH = 1024,
    BATCH_PART = 8,   /* of the centroids so far: most points drawn are kept */
    MAX_REFUSALS = 64 /* then the distances are too old */
};

typedef struct seeding {
    const kmeans_plan *plan;
    const nearest_kernel *kernel;
    int n_threads;
    const bovw_monitor *monitor;
    kmeans_state *state;
    size_t n;
    uint8_t *points;      /* (n, 128), the sample */
    uint32_t *distances;  /* (n,) squared, to the nearest of the first n_known */
    uint64_t *block_sums; /* (n_blocks,) of distances */
    size_t n_blocks;
    uint32_t n_known; /* centroids */
    uint32_t n_saved;
} seeding;

static bool is_lazy(const kmeans_plan *plan, uint32_t k)
{
    return k >= plan->lazy_from;
}

static size_t sample_size(size_t n, uint32_t k, const kmeans_plan *plan)
{
    uint64_t size = ((uint64_t)1 << (is_lazy(plan, k) ? 38 : 32)) / k;
    if (size > 8 * (uint64_t)k)
        size = 8 * (uint64_t)k;
    if (size < 2 * (uint64_t)k)
        size = 2 * (uint64_t)k;
    return size < n ? (size_t)size : n;
}

/* Every subset is equally likely (Knuth, The Art of Computer Programming,
 * volume 2, algorithm 3.4.2 S). */
static void take_sample(seeding *s, const point_set *p)
{
    size_t taken = 0;
    for (size_t first = 0; first < p->n; first += POINTS_CHUNK) {
        const size_t size = points_chunk(p, first);
        for (size_t i = first; i < first + size && taken < s->n; i++) {
            if (random_below(&s->state->random, p->n - i) < s->n - taken) {
                memcpy(s->points + taken * DIM, p->data + i * DIM, DIM);
                taken++;
            }
        }
        points_done(p, first, size);
    }
}

/* A point with probability in proportion to its distance. */
static size_t draw_point(seeding *s)
{
    uint64_t total = 0;
    for (size_t b = 0; b < s->n_blocks; b++)
        total += s->block_sums[b];
    if (total == 0)
        return (size_t)random_below(&s->state->random, s->n);

    uint64_t at = random_below(&s->state->random, total);
    size_t block = 0;
    while (at >= s->block_sums[block])
        at -= s->block_sums[block++];
    size_t i = block * BLOCK;
    while (at >= s->distances[i])
        at -= s->distances[i++];
    return i;
}

static bovw_status report(const seeding *s, uint32_t i, bovw_error *err)
{
    return i % CENTROIDS_PER_REPORT != 0
               ? BOVW_OK
               : monitor_progress(s->monitor, "seeding", i, s->state->k, err);
}

static void add_centroid(seeding *s, size_t point)
{
    memcpy(s->state->centroids + (size_t)s->state->n_seeded++ * DIM,
           s->points + point * DIM, DIM);
}

/* ---- the plain way ------------------------------------------------------- */

static void lower_distances(seeding *s, const uint8_t *centre)
{
#pragma omp parallel for schedule(dynamic)                                                 \
    num_threads(s->n_threads) if (s->n_threads > 1 && s->n_blocks >= MIN_BLOCKS)
    for (size_t b = 0; b < s->n_blocks; b++) {
        const size_t first = b * BLOCK;
        const size_t size = s->n - first < BLOCK ? s->n - first : BLOCK;
        s->block_sums[b] = s->kernel->lower_distances(centre, s->points + first * DIM, size,
                                                      s->distances + first);
    }
}

static bovw_status draw_plainly(seeding *s, bovw_error *err)
{
    kmeans_state *state = s->state;
    while (state->n_seeded < state->k) {
        const uint32_t i = state->n_seeded;
        const bovw_status status = report(s, i, err);
        if (status != BOVW_OK)
            return status;
        const size_t point =
            i == 0 ? (size_t)random_below(&state->random, s->n) : draw_point(s);
        add_centroid(s, point);
        if (i + 1 < state->k)
            lower_distances(s, s->points + point * DIM);
    }
    return BOVW_OK;
}

/* ---- the lazy way -------------------------------------------------------- */

static void add_up_block(seeding *s, size_t block)
{
    const size_t end = s->n - block * BLOCK < BLOCK ? s->n : (block + 1) * BLOCK;
    uint64_t sum = 0;
    for (size_t i = block * BLOCK; i < end; i++)
        sum += s->distances[i];
    s->block_sums[block] = sum;
}

/* Make the distances those to all centroids so far. */
static bovw_status catch_up(seeding *s, bovw_error *err)
{
    const uint32_t n_new = s->state->n_seeded - s->n_known;
    uint32_t *fresh = mem_array(2 * (size_t)POINTS_CHUNK, sizeof *fresh);
    nearest *batch = NULL;
    bovw_status status = fresh ? nearest_new(s->state->centroids + (size_t)s->n_known * DIM,
                                             n_new, s->kernel, &batch, err)
                               : fail_memory(err, "seeding");

    for (size_t first = 0; status == BOVW_OK && first < s->n; first += POINTS_CHUNK) {
        const size_t size = s->n - first < POINTS_CHUNK ? s->n - first : POINTS_CHUNK;
        nearest_run(batch, s->points + first * DIM, size, 1, s->n_threads, fresh,
                    fresh + POINTS_CHUNK);
        for (size_t i = 0; i < size; i++) {
            const uint32_t distance = fresh[POINTS_CHUNK + i];
            if (distance < s->distances[first + i])
                s->distances[first + i] = distance;
        }
        for (size_t b = first / BLOCK; b * BLOCK < first + size; b++)
            add_up_block(s, b);
    }
    nearest_free(batch);
    free(fresh);
    s->n_known = s->state->n_seeded;
    return status;
}

/* Squared distance of a point to the nearest of all centroids. */
static uint32_t true_distance(const seeding *s, size_t point)
{
    const uint32_t n_new = s->state->n_seeded - s->n_known;
    uint32_t distances[MAX_BATCH], least = s->distances[point];
    memset(distances, 0xff, n_new * sizeof *distances);
    s->kernel->lower_distances(s->points + point * DIM,
                               s->state->centroids + (size_t)s->n_known * DIM, n_new,
                               distances);
    for (uint32_t i = 0; i < n_new; i++)
        least = distances[i] < least ? distances[i] : least;
    return least;
}

/* As draw_point(), but for the true distances. */
static bovw_status draw_truly(seeding *s, size_t *point, bovw_error *err)
{
    for (int n_refused = 0;; n_refused++) {
        *point = draw_point(s);
        const uint32_t distance = s->distances[*point];
        if (s->n_known == s->state->n_seeded ||
            random_below(&s->state->random, distance) < true_distance(s, *point))
            return BOVW_OK;
        if (n_refused == MAX_REFUSALS) {
            const bovw_status status = catch_up(s, err);
            if (status != BOVW_OK)
                return status;
        }
    }
}

static uint32_t batch_size(const seeding *s)
{
    const uint32_t size = s->n_known / BATCH_PART;
    return size < 1 ? 1 : size > MAX_BATCH ? MAX_BATCH : size;
}

static bovw_status save(seeding *s, bovw_error *err)
{
    const uint64_t work = (uint64_t)(s->n_known - s->n_saved) * s->n;
    if (work < s->plan->seeding_work)
        return BOVW_OK;
    s->n_saved = s->n_known;
    return kmeans_state_save(s->state, s->distances, s->n, err);
}

static bovw_status draw_lazily(seeding *s, bovw_error *err)
{
    kmeans_state *state = s->state;
    bovw_status status = BOVW_OK;

    while (status == BOVW_OK && state->n_seeded < state->k) {
        size_t point;
        status = report(s, state->n_seeded, err);
        if (status != BOVW_OK)
            break;
        if (state->n_seeded == 0)
            point = (size_t)random_below(&state->random, s->n);
        else
            status = draw_truly(s, &point, err);
        if (status != BOVW_OK)
            break;
        add_centroid(s, point);
        if (state->n_seeded < state->k && state->n_seeded - s->n_known >= batch_size(s)) {
            status = catch_up(s, err);
            if (status == BOVW_OK)
                status = save(s, err);
        }
    }
    return status;
}

/* Go on from what was saved: only the lazy way does that. */
static bovw_status continue_from(seeding *s, const uint32_t *values, size_t n_values,
                                 uint64_t random, bovw_error *err)
{
    if (n_values != s->n)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged", s->state->path);
    memcpy(s->distances, values, s->n * sizeof *values);
    for (size_t b = 0; b < s->n_blocks; b++)
        add_up_block(s, b);
    s->n_known = s->n_saved = s->state->n_seeded;
    s->state->random = random;
    return BOVW_OK;
}

bovw_status kmeans_seed(const point_set *p, const kmeans_plan *plan,
                        const nearest_kernel *kernel, int n_threads,
                        const bovw_monitor *monitor, const uint32_t *values,
                        size_t n_values, kmeans_state *state, bovw_error *err)
{
    const uint64_t saved_random = state->random;
    seeding s = {.plan = plan,
                 .kernel = kernel,
                 .n_threads = n_threads,
                 .monitor = monitor,
                 .state = state,
                 .n = sample_size(p->n, state->k, plan)};
    bovw_status status = BOVW_OK;

    s.n_blocks = (s.n + BLOCK - 1) / BLOCK;
    s.points = mem_array(s.n, DIM);
    s.distances = mem_array(s.n, sizeof *s.distances);
    s.block_sums = mem_array(s.n_blocks, sizeof *s.block_sums);
    if (!s.points || !s.distances || !s.block_sums) {
        status = fail(err, BOVW_ERR_NOMEM, "out of memory: seeding of %u words from %zu",
                      state->k, s.n);
        goto done;
    }
    state->random = random_mix(state->seed);
    take_sample(&s, p);
    memset(s.distances, 0xff, s.n * sizeof *s.distances);
    if (values)
        status = continue_from(&s, values, n_values, saved_random, err);
    if (status == BOVW_OK)
        status = is_lazy(plan, state->k) ? draw_lazily(&s, err) : draw_plainly(&s, err);
done:
    free(s.points);
    free(s.distances);
    free(s.block_sums);
    return status;
}
