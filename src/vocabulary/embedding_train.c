/* SPDX-License-Identifier: MIT
 *
 * Scatter of the residuals (exact sums, so in any order), its eigenvectors, a
 * random rotation of each half, and per word the medians of the projections.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/random.h"
#include "vocabulary/eigen.h"
#include "vocabulary/embedding.h"
#include "vocabulary/vocabulary_parts.h"

enum {
    DIM = EMBEDDING_DIM,
    HALF = EMBEDDING_HALF,
    BLOCK = 1024, /* residuals whose products are summed in 32 bits: 255^2 * 1024 */
    WORDS_PER_REPORT = 4096,
    MAX_VALUES =
        1 << 22 /* projected numbers that a thread holds, unless one word needs more */
};

typedef struct training {
    const point_set *p;
    const uint8_t *centroids; /* (k, 128) */
    const uint32_t *words;    /* (n,) of the descriptors */
    uint32_t k;
    int n_threads;
    const bovw_monitor *monitor;

    /* Descriptors of words [first, last), by word. */
    uint32_t first, last;
    uint8_t *part; /* (room, 128) */
    size_t room;
    size_t *ends;    /* (k,) where a word's end in it; before: counts */
    size_t n_most;   /* descriptors of the most frequent word */
    size_t n_values; /* of the scratch of a thread */
} training;

/* ---- scatter -------------------------------------------------------------- */

/* Residuals of n <= BLOCK descriptors, transposed: (DIM, BLOCK). */
static void fill_block(const training *t, size_t first, size_t n, int16_t *block)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *x = t->p->data + (first + i) * DIM;
        const uint8_t *c = t->centroids + (size_t)t->words[first + i] * DIM;
        for (int d = 0; d < DIM; d++)
            block[d * BLOCK + (int)i] = (int16_t)(x[d] - c[d]);
    }
}

static int32_t dot(const int16_t *a, const int16_t *b, size_t n)
{
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (int32_t)a[i] * b[i];
    return sum;
}

static void add_block(const int16_t *block, size_t n, int64_t *scatter)
{
    for (int i = 0; i < DIM; i++) {
        for (int j = i; j < DIM; j++)
            scatter[i * DIM + j] += dot(block + i * BLOCK, block + j * BLOCK, n);
    }
}

/* Sum of r r^T over all residuals, both triangles. */
static bovw_status compute_scatter(const training *t, double *scatter, bovw_error *err)
{
    const size_t n_blocks = (t->p->n + BLOCK - 1) / BLOCK;
    int64_t *total = mem_array((size_t)DIM * DIM, sizeof *total);
    bool ok = total != NULL;

#pragma omp parallel num_threads(t->n_threads) if (t->n_threads > 1)
    {
        int16_t *block = mem_array((size_t)DIM * BLOCK, sizeof *block);
        int64_t *mine = mem_array((size_t)DIM * DIM, sizeof *mine);
        const bool is_ready = block && mine && total;
#pragma omp for schedule(dynamic)
        for (size_t b = 0; b < n_blocks; b++) {
            const size_t first = b * BLOCK;
            const size_t n = t->p->n - first < BLOCK ? t->p->n - first : BLOCK;
            if (is_ready) {
                fill_block(t, first, n, block);
                add_block(block, n, mine);
                points_done(t->p, first, n);
            }
        }
#pragma omp critical(bovw_embedding_scatter)
        {
            ok = ok && is_ready;
            for (int i = 0; ok && i < DIM * DIM; i++)
                total[i] += mine[i];
        }
        free(block);
        free(mine);
    }
    for (int i = 0; ok && i < DIM; i++) {
        for (int j = i; j < DIM; j++)
            scatter[i * DIM + j] = scatter[j * DIM + i] =
                (double)total[i * DIM + j] / (double)t->p->n;
    }
    free(total);
    return ok ? BOVW_OK : fail_memory(err, "scatter of residuals");
}

/* ---- projection ----------------------------------------------------------- */

/* Nearly Gaussian: 12 uniform numbers. No logarithm or cosine, whose last bits
 * differ between C libraries. */
static double random_normal(uint64_t *state)
{
    int64_t sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (int64_t)(random_next(state) >> 32);
    return (double)(sum - 6 * ((int64_t)1 << 32)) / 4294967296.0;
}

/* Random orthonormal rows, (HALF, HALF): Gram-Schmidt on a Gaussian matrix,
 * each row twice against the ones before, which makes it stable. */
static void random_rotation(uint64_t *state, double *rows)
{
    for (int i = 0; i < HALF; i++) {
        double *row = rows + i * HALF;
        for (int d = 0; d < HALF; d++)
            row[d] = random_normal(state);
        for (int pass = 0; pass < 2; pass++) {
            for (int j = 0; j < i; j++) {
                const double *other = rows + j * HALF;
                double along = 0.0;
                for (int d = 0; d < HALF; d++)
                    along += row[d] * other[d];
                for (int d = 0; d < HALF; d++)
                    row[d] -= along * other[d];
            }
            double square = 0.0;
            for (int d = 0; d < HALF; d++)
                square += row[d] * row[d];
            const double length = sqrt(square);
            for (int d = 0; d < HALF; d++)
                row[d] /= length;
        }
    }
}

/* Rows `first` and up of the projection: the rotation times HALF eigenvectors. */
static void turn(const double *rotation, const double *vectors, int16_t *projection)
{
    for (int i = 0; i < HALF; i++) {
        for (int d = 0; d < DIM; d++) {
            double sum = 0.0;
            for (int j = 0; j < HALF; j++)
                sum += rotation[i * HALF + j] * vectors[j * DIM + d];
            projection[i * DIM + d] = (int16_t)floor(sum * EMBEDDING_ONE + 0.5);
        }
    }
}

static bovw_status learn_projection(const training *t, uint64_t seed, int16_t *projection,
                                    bovw_error *err)
{
    double *scatter = mem_array((size_t)DIM * DIM, sizeof *scatter);
    double *vectors = mem_array((size_t)DIM * DIM, sizeof *vectors);
    double *rotation = mem_array((size_t)HALF * HALF, sizeof *rotation);
    uint64_t state = random_mix(seed ^ 0x48616d6d696e6721u); /* not the stream of k-means */
    bovw_status status = scatter && vectors && rotation
                             ? compute_scatter(t, scatter, err)
                             : fail_memory(err, "projection of signatures");
    if (status == BOVW_OK) {
        eigen_symmetric(scatter, DIM, vectors);
        for (int half = 0; half < 2; half++) {
            random_rotation(&state, rotation);
            turn(rotation, vectors + half * HALF * DIM, projection + half * HALF * DIM);
        }
    }
    free(scatter);
    free(vectors);
    free(rotation);
    return status;
}

/* ---- thresholds ------------------------------------------------------------
 *
 * The descriptors of a word must come together. They are collected for as many
 * words at a time as there is room for, with a pass over all descriptors. */

static bovw_status prepare_parts(training *t, bovw_error *err)
{
    t->ends = mem_array(t->k, sizeof *t->ends);
    if (!t->ends)
        return fail_memory(err, "thresholds of signatures");
    for (size_t i = 0; i < t->p->n; i++)
        t->ends[t->words[i]]++;
    for (uint32_t w = 0; w < t->k; w++)
        t->n_most = t->ends[w] > t->n_most ? t->ends[w] : t->n_most;

    t->room = (t->p->n + EMBEDDING_PASSES - 1) / EMBEDDING_PASSES;
    t->room = t->room > t->n_most ? t->room : t->n_most;
    t->n_values = t->n_most * DIM < MAX_VALUES ? t->n_most * DIM : MAX_VALUES;
    t->n_values = t->n_values > t->n_most ? t->n_values : t->n_most;
    t->part = mem_array(t->room, DIM);
    return t->part ? BOVW_OK : fail_memory(err, "thresholds of signatures");
}

/* Collect the descriptors of words from `first` on, as many as there is room
 * for: at least one word's. */
static void collect_part(training *t, uint32_t first)
{
    size_t n = 0;
    t->first = t->last = first;
    for (; t->last < t->k && n + t->ends[t->last] <= t->room; t->last++) {
        const size_t count = t->ends[t->last];
        t->ends[t->last] = n; /* its start, for now */
        n += count;
    }
    for (size_t chunk = 0; chunk < t->p->n; chunk += POINTS_CHUNK) {
        const size_t end = chunk + points_chunk(t->p, chunk);
        for (size_t i = chunk; i < end; i++) {
            const uint32_t w = t->words[i];
            if (w >= t->first && w < t->last)
                memcpy(t->part + t->ends[w]++ * DIM, t->p->data + i * DIM, DIM);
        }
        points_done(t->p, chunk, end - chunk);
    }
}

static int compare_values(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int64_t divide_rounded(int64_t a, int64_t b)
{
    return a >= 0 ? (2 * a + b) / (2 * b) : -((-2 * a + b) / (2 * b));
}

/* The median of n > 0 values, drawn towards 0 where they are few, in steps of
 * a threshold. */
static int8_t threshold_of(int32_t *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_values);
    const int64_t twice = (int64_t)values[(n - 1) / 2] + values[n / 2];
    const int64_t count = (int64_t)(n < INT32_MAX ? n : INT32_MAX);
    const int64_t t = divide_rounded(twice * count, 2 * (count + EMBEDDING_PRIOR) *
                                                        (int64_t)EMBEDDING_STEP);
    return (int8_t)(t > INT8_MAX ? INT8_MAX : t < -INT8_MAX ? -INT8_MAX : t);
}

/* As many bits at a time as there is scratch for, mostly all. */
static void learn_word(const training *t, const embedding *e, uint32_t word,
                       int32_t *values, int8_t *thresholds)
{
    const size_t first = word > t->first ? t->ends[word - 1] : 0;
    const size_t n = t->ends[word] - first;
    const uint8_t *centroid = t->centroids + (size_t)word * DIM;
    int32_t projected[DIM];

    if (n == 0)
        return;
    const int n_bits = n <= t->n_values / DIM ? DIM : (int)(t->n_values / n);
    for (int bit = 0; bit < DIM; bit += n_bits) {
        const int end = DIM - bit < n_bits ? DIM : bit + n_bits;
        for (size_t i = 0; i < n; i++) {
            e->kernel->project(e->packed, t->part + (first + i) * DIM, centroid, projected);
            for (int b = bit; b < end; b++)
                values[(size_t)(b - bit) * n + i] = projected[b];
        }
        for (int b = bit; b < end; b++)
            thresholds[b] = threshold_of(values + (size_t)(b - bit) * n, n);
    }
}

/* Words [first, last) of the part. False without memory. */
static bool learn_words(const training *t, const embedding *e, uint32_t first,
                        uint32_t last, int8_t *thresholds)
{
    bool ok = true;
#pragma omp parallel num_threads(t->n_threads) if (t->n_threads > 1)
    {
        int32_t *values = mem_array(t->n_values, sizeof *values);
#pragma omp for schedule(dynamic, 16)
        for (uint32_t w = first; w < last; w++) {
            if (values)
                learn_word(t, e, w, values, thresholds + (size_t)w * DIM);
        }
        if (!values) {
#pragma omp atomic write
            ok = false;
        }
        free(values);
    }
    return ok;
}

static bovw_status report(const training *t, uint64_t done, bovw_error *err)
{
    return monitor_progress(t->monitor, "embedding", done, t->k, err);
}

static bovw_status learn_part(const training *t, const embedding *e, int8_t *thresholds,
                              bovw_error *err)
{
    for (uint32_t first = t->first; first < t->last; first += WORDS_PER_REPORT) {
        const uint32_t last =
            t->last - first < WORDS_PER_REPORT ? t->last : first + WORDS_PER_REPORT;
        const bovw_status status = report(t, first, err);
        if (status != BOVW_OK)
            return status;
        if (!learn_words(t, e, first, last, thresholds))
            return fail_memory(err, "thresholds of signatures");
    }
    return BOVW_OK;
}

static bovw_status learn_thresholds(training *t, const embedding *e, int8_t *thresholds,
                                    bovw_error *err)
{
    bovw_status status = prepare_parts(t, err);
    memset(thresholds, 0, (size_t)t->k * DIM);
    for (uint32_t first = 0; status == BOVW_OK && first < t->k; first = t->last) {
        collect_part(t, first);
        status = learn_part(t, e, thresholds, err);
    }
    return status == BOVW_OK ? report(t, t->k, err) : status;
}

bovw_status embedding_train(const point_set *p, const uint32_t *words,
                            const uint8_t *centroids, uint32_t k, uint64_t seed,
                            const bovw_compute *compute, const bovw_monitor *monitor,
                            int16_t *projection, int8_t *thresholds, bovw_error *err)
{
    training t = {.p = p,
                  .centroids = centroids,
                  .words = words,
                  .k = k,
                  .n_threads = parallel_threads(compute),
                  .monitor = monitor};
    embedding e = {0};
    bovw_status status = learn_projection(&t, seed, projection, err);
    if (status == BOVW_OK)
        status = embedding_init(
            projection, embedding_kernel_find(compute ? compute->kernel : NULL), &e, err);
    if (status == BOVW_OK)
        status = learn_thresholds(&t, &e, thresholds, err);
    embedding_free(&e);
    free(t.part);
    free(t.ends);
    return status;
}

/* ---- a whole vocabulary ------------------------------------------------------ */

static bovw_status assign_all(const bovw_vocabulary *plain, const point_set *p,
                              const bovw_compute *compute, const bovw_monitor *monitor,
                              uint32_t *words, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t first = 0; status == BOVW_OK && first < p->n; first += POINTS_CHUNK) {
        const size_t n = points_chunk(p, first);
        status = monitor_progress(monitor, "assigning", first, p->n, err);
        if (status == BOVW_OK)
            status = bovw_vocabulary_assign(plain, p->data + first * DIM, n, compute,
                                            words + first, NULL, err);
        points_done(p, first, n);
    }
    return status;
}

bovw_status vocabulary_embed(const bovw_vocabulary *plain, const point_set *p,
                             uint64_t seed, const bovw_compute *compute,
                             const bovw_monitor *monitor, bovw_vocabulary **vocabulary,
                             bovw_error *err)
{
    const uint32_t k = bovw_vocabulary_size(plain);
    const uint8_t *centroids = bovw_vocabulary_centroids(plain);
    if (p->n == 0 || p->n > UINT32_MAX)
        return fail(err, BOVW_ERR_ARG, "%zu descriptors to learn signatures from", p->n);
    uint32_t *words = mem_array(p->n, sizeof *words);
    int16_t *projection = mem_array((size_t)DIM * DIM, sizeof *projection);
    int8_t *thresholds = mem_array(k, DIM);
    bovw_status status = words && projection && thresholds
                             ? assign_all(plain, p, compute, monitor, words, err)
                             : fail_memory(err, "signatures of a vocabulary");
    if (status == BOVW_OK)
        status = embedding_train(p, words, centroids, k, seed, compute, monitor, projection,
                                 thresholds, err);
    if (status == BOVW_OK) {
        const bovw_embedding learned = {projection, thresholds};
        bovw_embedding none;
        vocabulary_parts parts = vocabulary_parts_of(plain, &none);
        parts.embedding = &learned;
        status = vocabulary_make(&parts, vocabulary, err);
    }
    free(words);
    free(projection);
    free(thresholds);
    return status;
}

bovw_status bovw_vocabulary_embed(const bovw_vocabulary *plain, const uint8_t *descriptors,
                                  size_t n, uint64_t seed, const bovw_compute *compute,
                                  const bovw_monitor *monitor, bovw_vocabulary **vocabulary,
                                  bovw_error *err)
{
    const point_set p = {.data = descriptors, .n = n};
    return vocabulary_embed(plain, &p, seed, compute, monitor, vocabulary, err);
}
