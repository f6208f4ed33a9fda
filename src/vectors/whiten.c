/* SPDX-License-Identifier: MIT
 *
 * Two passes over the vectors, in blocks: the mean, then the covariance of what
 * is left without it. Threads share tiles of the covariance, never a sum. */
#include "vectors/whiten.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "vectors/lapack.h"

enum {
    TILE = 4,        /* rows and columns of the covariance summed at a time */
    COLUMNS = 16,    /* a thread's share of the mean */
    BLOCK_ROWS = 256 /* vectors of a block */
};

/* What is learned from, and the sums. */
typedef struct learning {
    const bovw_vectors *from;
    const bovw_monitor *monitor;
    int n_threads;
    uint32_t n, dim;
    size_t stride;
    float *floats;      /* (BLOCK_ROWS, stride) */
    double *centred;    /* (BLOCK_ROWS, stride), less the mean */
    double *mean;       /* (stride,) */
    double *covariance; /* (stride, stride), the lower triangle */
    double fourth;      /* sum of the fourth powers of the lengths */
} learning;

void whitening_free(whitening *w)
{
    free(w->mean);
    free(w->rows);
    *w = (whitening){0};
}

/* ---- covariance ------------------------------------------------------------------ */

static bovw_status learning_new(learning *l, bovw_error *err)
{
    l->n = bovw_vectors_count(l->from);
    l->dim = bovw_vectors_dim(l->from);
    l->stride = ((size_t)l->dim + COLUMNS - 1) / COLUMNS * COLUMNS;
    if (l->dim > LAPACK_MAX_ROWS)
        return fail(err, BOVW_ERR_LIMIT, "%s: covariance of %u dimensions, at most %d",
                    l->from->path, l->dim, LAPACK_MAX_ROWS);
    if (l->n < 2)
        return fail(err, BOVW_ERR_MISMATCH, "%s: a covariance needs 2 vectors or more",
                    l->from->path);
    l->floats = mem_array(BLOCK_ROWS * l->stride, sizeof *l->floats);
    l->centred = mem_array(BLOCK_ROWS * l->stride, sizeof *l->centred);
    l->mean = mem_array(l->stride, sizeof *l->mean);
    l->covariance = mem_array(l->stride * l->stride, sizeof *l->covariance);
    if (!l->floats || !l->centred || !l->mean || !l->covariance)
        return fail_memory(err, "covariance");
    return BOVW_OK;
}

static void learning_free(learning *l)
{
    free(l->floats);
    free(l->centred);
    free(l->mean);
    free(l->covariance);
}

static void add_to_mean(learning *l, uint32_t n)
{
#pragma omp parallel for num_threads(l->n_threads) if (l->n_threads > 1)
    for (size_t begin = 0; begin < l->stride; begin += COLUMNS) {
        for (uint32_t v = 0; v < n; v++) {
            const float *row = l->floats + v * l->stride;
            for (size_t j = begin; j < begin + COLUMNS; j++)
                l->mean[j] += (double)row[j];
        }
    }
}

static void centre(learning *l, uint32_t n)
{
    for (uint32_t v = 0; v < n; v++) {
        const float *row = l->floats + v * l->stride;
        double *to = l->centred + v * l->stride;
        double length_sq = 0;
        for (size_t j = 0; j < l->stride; j++) {
            to[j] = (double)row[j] - l->mean[j];
            length_sq += to[j] * to[j];
        }
        l->fourth += length_sq * length_sq;
    }
}

/* The tile at (i, j) of the covariance, over the n centred vectors in order. */
static void add_tile(learning *l, size_t i, size_t j, uint32_t n)
{
    double sums[TILE][TILE] = {{0}};
    for (uint32_t v = 0; v < n; v++) {
        const double *a = l->centred + v * l->stride + i;
        const double *b = l->centred + v * l->stride + j;
        for (int r = 0; r < TILE; r++) {
            for (int c = 0; c < TILE; c++)
                sums[r][c] += a[r] * b[c];
        }
    }
    for (int r = 0; r < TILE; r++) {
        for (int c = 0; c < TILE; c++)
            l->covariance[(i + r) * l->stride + j + c] += sums[r][c];
    }
}

static void add_to_covariance(learning *l, uint32_t n)
{
    centre(l, n);
#pragma omp parallel for schedule(dynamic) num_threads(l->n_threads) if (l->n_threads > 1)
    for (size_t i = 0; i < l->stride; i += TILE) {
        for (size_t j = 0; j <= i; j += TILE)
            add_tile(l, i, j, n);
    }
}

static bovw_status pass_over(learning *l, bool is_second, bovw_error *err)
{
    const matrix *m = &l->from->matrix;
    for (uint32_t first = 0; first < l->n; first += BLOCK_ROWS) {
        const uint32_t n = l->n - first < BLOCK_ROWS ? l->n - first : BLOCK_ROWS;
        const uint64_t done = (is_second ? (uint64_t)l->n : 0) + first;
        if (l->monitor && l->monitor->progress &&
            !l->monitor->progress(l->monitor->context, "learning", done,
                                  2 * (uint64_t)l->n))
            return fail(err, BOVW_ERR_CANCELLED, "stopped");
        const bovw_status status = matrix_rows(m, first, n, l->floats, l->stride, err);
        if (status != BOVW_OK)
            return status;
        if (is_second)
            add_to_covariance(l, n);
        else
            add_to_mean(l, n);
        matrix_done(m, first, n);
    }
    return BOVW_OK;
}

/* Mean and covariance, both divided by n. */
static bovw_status learn(learning *l, bovw_error *err)
{
    bovw_status status = learning_new(l, err);
    if (status == BOVW_OK)
        status = pass_over(l, false, err);
    if (status != BOVW_OK)
        return status;
    double mean_sq = 0, variance = 0;
    for (size_t j = 0; j < l->stride; j++) {
        l->mean[j] /= l->n;
        mean_sq += l->mean[j] * l->mean[j];
    }
    status = pass_over(l, true, err);
    if (status != BOVW_OK)
        return status;
    for (size_t i = 0; i < l->stride; i++) {
        for (size_t j = 0; j <= i; j++)
            l->covariance[i * l->stride + j] /= l->n;
        variance += l->covariance[i * l->stride + i];
    }
    /* What rounding leaves of equal floats is far below, one unit of one float
     * far above. */
    if (variance <= 1e-26 * mean_sq)
        return fail(err, BOVW_ERR_MISMATCH, "%s: all vectors are the same: no covariance",
                    l->from->path);
    return BOVW_OK;
}

/* Give w mean and covariance, which become its rows. */
static void hand_over(learning *l, whitening *w)
{
    w->dim = l->dim;
    w->stride = l->stride;
    w->mean = l->mean;
    w->rows = l->covariance;
    l->mean = l->covariance = NULL;
}

/* ---- Mahalanobis ------------------------------------------------------------------ */

/* Ledoit and Wolf's share: the error of the covariance over its distance from
 * m I, both squared Frobenius norms. */
static double shrinkage_of(const learning *l, double m)
{
    double norm_sq = 0, distance_sq = 0;
    for (size_t i = 0; i < l->dim; i++) {
        const double *row = l->covariance + i * l->stride;
        double off = 0;
        for (size_t j = 0; j < i; j++)
            off += row[j] * row[j];
        norm_sq += 2 * off + row[i] * row[i];
        distance_sq += 2 * off + (row[i] - m) * (row[i] - m);
    }
    const double n = l->n;
    const double error_sq = (l->fourth / n - norm_sq) / n;
    if (error_sq >= distance_sq)
        return 1;
    const double share = error_sq / distance_sq;
    return share > WHITEN_MIN_SHRINKAGE ? share : WHITEN_MIN_SHRINKAGE;
}

static void shrink(learning *l, double share, double m)
{
    for (size_t i = 0; i < l->dim; i++) {
        double *row = l->covariance + i * l->stride;
        for (size_t j = 0; j <= i; j++)
            row[j] *= 1 - share;
        row[i] += share * m;
    }
}

bovw_status whitening_mahalanobis(const bovw_vectors *from, int n_threads,
                                  const bovw_monitor *monitor, whitening *w,
                                  bovw_error *err)
{
    learning l = {.from = from, .monitor = monitor, .n_threads = n_threads};
    bovw_status status = learn(&l, err);
    double share = 0, m = 0;
    if (status == BOVW_OK) {
        for (size_t i = 0; i < l.dim; i++)
            m += l.covariance[i * l.stride + i] / l.dim;
        share = shrinkage_of(&l, m);
        shrink(&l, share, m);
        status = lapack_cholesky(l.covariance, l.dim, l.stride, err);
    }
    if (status == BOVW_OK) {
        *w = (whitening){.n_out = l.dim, .is_triangle = true, .shrinkage = share};
        hand_over(&l, w);
    }
    learning_free(&l);
    return status;
}

/* ---- PCA --------------------------------------------------------------------------- */

/* Eigenvectors (dim, stride), ascending, to the n_out last, the last one first,
 * each divided by the root of its eigenvalue. */
static void select_rows(double *rows, const double *values, uint32_t n_out, uint32_t dim,
                        size_t stride)
{
    const double least = WHITEN_MIN_EIGENVALUE * values[dim - 1];
    for (uint32_t i = 0; i < dim / 2; i++) {
        double *a = rows + i * stride, *b = rows + (dim - 1 - i) * stride;
        for (size_t j = 0; j < dim; j++) {
            const double kept = a[j];
            a[j] = b[j];
            b[j] = kept;
        }
    }
    for (uint32_t i = 0; i < n_out; i++) {
        const double value = values[dim - 1 - i];
        const double scale = 1 / sqrt(value > least ? value : least);
        for (size_t j = 0; j < dim; j++)
            rows[i * stride + j] *= scale;
    }
}

bovw_status whitening_pca(const bovw_vectors *from, uint32_t n_out, int n_threads,
                          const bovw_monitor *monitor, whitening *w, bovw_error *err)
{
    const uint32_t n = bovw_vectors_count(from), dim = bovw_vectors_dim(from);
    learning l = {.from = from, .monitor = monitor, .n_threads = n_threads};
    if (n_out == 0 || n_out > dim)
        return fail(err, BOVW_ERR_MISMATCH, "%s: %u dimensions cannot be whitened to %u",
                    from->path, dim, n_out);
    if (n_out > n - 1)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s: whitening to %u dimensions needs %u vectors or more, not %u",
                    from->path, n_out, n_out + 1, n);
    double *values = mem_array(dim, sizeof *values);
    bovw_status status = values ? learn(&l, err) : fail_memory(err, "eigenvalues");
    if (status == BOVW_OK)
        status = lapack_eigenvectors(l.covariance, dim, l.stride, values, err);
    if (status == BOVW_OK) {
        select_rows(l.covariance, values, n_out, dim, l.stride);
        *w = (whitening){.n_out = n_out};
        hand_over(&l, w);
    }
    free(values);
    learning_free(&l);
    return status;
}

/* ---- mapping ------------------------------------------------------------------------ */

/* to (WHITEN_BATCH,) = sum over j < n of row[j] * columns (n, WHITEN_BATCH)[j]. */
static void combine(const double *row, const double *columns, size_t n, double *to)
{
    double sums[WHITEN_BATCH] = {0};
    for (size_t j = 0; j < n; j++) {
        for (int v = 0; v < WHITEN_BATCH; v++)
            sums[v] += row[j] * columns[j * WHITEN_BATCH + v];
    }
    memcpy(to, sums, sizeof sums);
}

void whitening_map(const whitening *w, const float *x, size_t stride_x, uint32_t n,
                   float *y, size_t stride_y, double *work)
{
    double *in = work; /* (stride, WHITEN_BATCH), as is `out` */
    double *out = work + w->stride * WHITEN_BATCH;
    for (size_t j = 0; j < w->dim; j++) {
        for (uint32_t v = 0; v < WHITEN_BATCH; v++)
            in[j * WHITEN_BATCH + v] = v < n ? (double)x[v * stride_x + j] - w->mean[j] : 0;
    }
    for (size_t i = 0; i < w->n_out; i++) {
        const double *row = w->rows + i * w->stride;
        double *to = out + i * WHITEN_BATCH;
        combine(row, w->is_triangle ? out : in, w->is_triangle ? i : w->dim, to);
        for (int v = 0; w->is_triangle && v < WHITEN_BATCH; v++)
            to[v] = (in[i * WHITEN_BATCH + v] - to[v]) / row[i];
        for (uint32_t v = 0; v < n; v++)
            y[v * stride_y + i] = (float)to[v];
    }
}
