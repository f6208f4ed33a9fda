/* SPDX-License-Identifier: MIT
 *
 * A sample of the descriptors, its main directions, k-means for a start, and
 * expectation maximisation from there. All but the last is exact integers or
 * sums in a fixed order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "vectors/mixture.h"
#include "vocabulary/eigen.h"
#include "vocabulary/sample.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MIN_SAMPLE = 100000,
    SAMPLE_PER_GAUSSIAN = 1000,
    MAX_SAMPLE = 1 << 26, /* sums of products stay within 64 bits */
    KMEANS_ITERATIONS = 10
};

static bovw_status consume(void *context, const bovw_source_batch *batch, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < batch->n; i++)
        status =
            sample_add(context, batch->features[i].descriptors, batch->features[i].n, err);
    return status;
}

/* ---- main directions -------------------------------------------------------------- */

/* Row i of the scatter: sums over the points of x_i x_j, j >= i. */
static void scatter_row(const uint8_t *points, size_t n, int i, int64_t *row)
{
    for (size_t p = 0; p < n; p++) {
        const uint8_t *x = points + p * DIM;
        for (int j = i; j < DIM; j++)
            row[j] += x[i] * x[j];
    }
}

/* Mean and eigenvectors of the covariance of points (n, 128). */
static bovw_status find_directions(bovw_mixture *m, const uint8_t *points, size_t n,
                                   int n_threads, bovw_error *err)
{
    int64_t *scatter = mem_array((size_t)DIM * DIM, sizeof *scatter);
    double *matrix = mem_array((size_t)DIM * DIM, sizeof *matrix);
    double *vectors = mem_array((size_t)DIM * DIM, sizeof *vectors);
    int64_t sums[DIM] = {0};
    if (!scatter || !matrix || !vectors) {
        free(scatter);
        free(matrix);
        free(vectors);
        return fail_memory(err, "directions of descriptors");
    }
    for (size_t p = 0; p < n; p++) {
        for (int d = 0; d < DIM; d++)
            sums[d] += points[p * DIM + d];
    }
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (int i = 0; i < DIM; i++)
        scatter_row(points, n, i, scatter + (size_t)i * DIM);
    for (int i = 0; i < DIM; i++) {
        for (int j = i; j < DIM; j++)
            matrix[i * DIM + j] = matrix[j * DIM + i] =
                (double)scatter[i * DIM + j] / (double)n -
                (double)sums[i] / (double)n * ((double)sums[j] / (double)n);
        m->centre[i] = (float)((double)sums[i] / (double)n / 512);
    }
    eigen_symmetric(matrix, DIM, vectors);
    for (size_t i = 0; i < (size_t)m->dim * DIM; i++)
        m->directions[i] = (float)vectors[i];
    free(scatter);
    free(matrix);
    free(vectors);
    return BOVW_OK;
}

/* ---- the start ---------------------------------------------------------------------- */

/* Share, mean and variance of the points of each word. An empty one, which k-means
 * does not leave but for equal points, gets the least share. */
static void measure_words(bovw_mixture *m, const float *points, const uint32_t *words,
                          size_t n, double *sums, double *squares, uint64_t *counts)
{
    for (size_t p = 0; p < n; p++) {
        const size_t at = (size_t)words[p] * m->dim;
        counts[words[p]]++;
        for (uint32_t d = 0; d < m->dim; d++) {
            const double x = (double)points[p * m->dim + d];
            sums[at + d] += x;
            squares[at + d] += x * x;
        }
    }
    for (uint32_t w = 0; w < m->k; w++) {
        const double count = counts[w] > 0 ? (double)counts[w] : 1;
        const float prior = (float)(count / (double)n);
        m->priors[w] = prior > MIXTURE_MIN_PRIOR ? prior : MIXTURE_MIN_PRIOR;
        for (uint32_t d = 0; d < m->dim; d++) {
            const size_t at = (size_t)w * m->dim + d;
            const double mean = sums[at] / count;
            const float variance = (float)(squares[at] / count - mean * mean);
            m->means[at] = (float)mean;
            m->covariances[at] =
                variance > MIXTURE_MIN_VARIANCE ? variance : MIXTURE_MIN_VARIANCE;
        }
    }
}

static bovw_status start_from_words(bovw_mixture *m, const uint8_t *descriptors,
                                    const float *points, size_t n, uint64_t seed,
                                    const bovw_compute *compute,
                                    const bovw_monitor *monitor, bovw_error *err)
{
    const bovw_kmeans_options kmeans = {
        .k = m->k, .n_iterations = KMEANS_ITERATIONS, .seed = seed};
    const size_t n_values = (size_t)m->k * m->dim;
    bovw_vocabulary *vocabulary = NULL;
    uint8_t *centroids = mem_array(m->k, DIM);
    uint32_t *words = mem_array(n, sizeof *words);
    double *sums = mem_array(2 * n_values, sizeof *sums);
    uint64_t *counts = mem_array(m->k, sizeof *counts);
    bovw_status status =
        centroids && words && sums && counts
            ? bovw_kmeans(descriptors, n, &kmeans, compute, monitor, centroids, NULL, err)
            : fail_memory(err, "start of a Gaussian mixture");
    if (status == BOVW_OK)
        status = bovw_vocabulary_new(&m->options, centroids, m->k, NULL, &vocabulary, err);
    if (status == BOVW_OK)
        status =
            bovw_vocabulary_assign(vocabulary, descriptors, n, compute, words, NULL, err);
    if (status == BOVW_OK)
        measure_words(m, points, words, n, sums, sums + n_values, counts);
    bovw_vocabulary_close(vocabulary);
    free(centroids);
    free(words);
    free(sums);
    free(counts);
    return status;
}

/* ---- training ----------------------------------------------------------------------- */

static bovw_status fit(bovw_mixture *m, const sample *s, const uint8_t *descriptors,
                       const bovw_mixture_options *opts, const bovw_compute *compute,
                       const bovw_monitor *monitor, bovw_error *err)
{
    const int n_threads = parallel_threads(compute);
    double log_likelihood = 0;
    bovw_status status = find_directions(m, descriptors, s->n, n_threads, err);
    if (status != BOVW_OK)
        return status;
    float *points = mem_array(s->n, m->dim * sizeof *points);
    if (!points)
        return fail_memory(err, "projected descriptors");
    mixture_project(m, descriptors, s->n, points);
    status =
        start_from_words(m, descriptors, points, s->n, opts->seed, compute, monitor, err);
    if (status == BOVW_OK)
        monitor_message(monitor, "expectation maximisation, on one thread");
    if (status == BOVW_OK)
        status = mixture_fit(m, points, s->n, opts->n_iterations, &log_likelihood, err);
    free(points);
    if (status == BOVW_OK) {
        m->summary = mem_format(
            "%" PRIu32 " Gaussians in %" PRIu32 " dimensions on %zu descriptors "
            "of %" PRIu32 " images, seed %" PRIu64 ", log-likelihood %.2f",
            m->k, m->dim, s->n, s->n_images, opts->seed, log_likelihood / (double)s->n);
        status = m->summary ? BOVW_OK : fail_memory(err, "summary of a mixture");
    }
    return status;
}

bovw_status bovw_mixture_train(bovw_source *source, const bovw_mixture_options *opts,
                               const bovw_compute *compute, const bovw_monitor *monitor,
                               bovw_mixture **mixture, bovw_error *err)
{
    sample s = {0};
    bovw_mixture *made = NULL;
    const bovw_source_consumer consumer = {.context = &s, .consume = consume};
    uint64_t wanted = opts->sample ? opts->sample : (uint64_t)opts->k * SAMPLE_PER_GAUSSIAN;
    if (opts->sample == 0 && wanted < MIN_SAMPLE)
        wanted = MIN_SAMPLE;
    if (wanted > MAX_SAMPLE)
        return fail(err, BOVW_ERR_ARG, "a sample of %" PRIu64 " descriptors, at most %d",
                    wanted, MAX_SAMPLE);
    if (opts->n_iterations == 0)
        return fail(err, BOVW_ERR_ARG, "the number of iterations is 0");
    bovw_status status =
        mixture_new(bovw_source_options(source), opts->k, opts->dim, &made, err);
    if (status != BOVW_OK)
        return status;
    status = sample_init(&s, (size_t)wanted, opts->seed, NULL, err);
    if (status == BOVW_OK)
        status = bovw_source_run(source, compute, "sampling", &consumer, monitor, err);
    point_set points = {0};
    if (status == BOVW_OK)
        status = sample_finish(&s, &points, err);
    if (status == BOVW_OK && s.n < 2 * (size_t)opts->k)
        status = fail(err, BOVW_ERR_ARG,
                      "%zu descriptors of %" PRIu32 " images are too few for %" PRIu32
                      " Gaussians",
                      s.n, s.n_images, opts->k);
    if (status == BOVW_OK)
        status = fit(made, &s, points.data, opts, compute, monitor, err);
    sample_free(&s);
    if (status == BOVW_OK)
        *mixture = made;
    else
        bovw_mixture_close(made);
    return status;
}
