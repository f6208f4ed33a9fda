/* SPDX-License-Identifier: MIT */
#include "vocabulary/kmeans_seed.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    BLOCK = 1024,    /* points that one thread takes at a time */
    MIN_BLOCKS = 64, /* with fewer, waking the threads takes longer than the work */
    CENTROIDS_PER_REPORT = 64
};

typedef struct seeding {
    const nearest_kernel *kernel;
    int n_threads;
    uint64_t random;
    size_t n;
    uint8_t *points;      /* (n, 128), the sample */
    uint32_t *distances;  /* (n,) squared, to the nearest centroid so far */
    uint64_t *block_sums; /* (n_blocks,) of distances */
    size_t n_blocks;
} seeding;

static size_t sample_size(size_t n, uint32_t k)
{
    uint64_t size = ((uint64_t)1 << 32) / k;
    if (size > 8 * (uint64_t)k)
        size = 8 * (uint64_t)k;
    if (size < 2 * (uint64_t)k)
        size = 2 * (uint64_t)k;
    return size < n ? (size_t)size : n;
}

/* Every subset is equally likely (Knuth, The Art of Computer Programming,
 * volume 2, algorithm 3.4.2 S). */
static void take_sample(seeding *s, const uint8_t *points, size_t n)
{
    size_t taken = 0;
    for (size_t i = 0; taken < s->n; i++) {
        if (random_below(&s->random, n - i) < s->n - taken) {
            memcpy(s->points + taken * DIM, points + i * DIM, DIM);
            taken++;
        }
    }
}

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

/* A point with probability in proportion to its squared distance. */
static size_t draw_point(seeding *s)
{
    uint64_t total = 0;
    for (size_t b = 0; b < s->n_blocks; b++)
        total += s->block_sums[b];
    if (total == 0)
        return (size_t)random_below(&s->random, s->n);

    uint64_t at = random_below(&s->random, total);
    size_t block = 0;
    while (at >= s->block_sums[block])
        at -= s->block_sums[block++];
    size_t i = block * BLOCK;
    while (at >= s->distances[i])
        at -= s->distances[i++];
    return i;
}

static bovw_status draw_centroids(seeding *s, uint32_t k, const bovw_monitor *monitor,
                                  uint8_t *centroids, bovw_error *err)
{
    memset(s->distances, 0xff, s->n * sizeof *s->distances);
    for (uint32_t i = 0; i < k; i++) {
        if (i % CENTROIDS_PER_REPORT == 0 && monitor && monitor->progress &&
            !monitor->progress(monitor->context, "seeding", i, k))
            return fail(err, BOVW_ERR_CANCELLED, "clustering was cancelled");
        const size_t point =
            i == 0 ? (size_t)random_below(&s->random, s->n) : draw_point(s);
        memcpy(centroids + (size_t)i * DIM, s->points + point * DIM, DIM);
        if (i + 1 < k)
            lower_distances(s, s->points + point * DIM);
    }
    return BOVW_OK;
}

bovw_status kmeans_seed(const uint8_t *points, size_t n, const bovw_kmeans_options *opts,
                        const nearest_kernel *kernel, int n_threads,
                        const bovw_monitor *monitor, uint8_t *centroids, bovw_error *err)
{
    seeding s = {.kernel = kernel,
                 .n_threads = n_threads,
                 .random = random_mix(opts->seed),
                 .n = sample_size(n, opts->k)};
    bovw_status status;

    s.n_blocks = (s.n + BLOCK - 1) / BLOCK;
    s.points = mem_array(s.n, DIM);
    s.distances = mem_array(s.n, sizeof *s.distances);
    s.block_sums = mem_array(s.n_blocks, sizeof *s.block_sums);
    if (!s.points || !s.distances || !s.block_sums) {
        status = fail(err, BOVW_ERR_NOMEM, "out of memory: seeding of %u words from %zu",
                      opts->k, s.n);
        goto done;
    }
    take_sample(&s, points, n);
    status = draw_centroids(&s, opts->k, monitor, centroids, err);
done:
    free(s.points);
    free(s.distances);
    free(s.block_sums);
    return status;
}
