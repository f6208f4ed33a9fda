/* SPDX-License-Identifier: MIT
 *
 * Two passes over the vectors, in blocks: the mean, then the covariance of what
 * is left without it. Threads share tiles of the covariance, never a sum. */
#include "vectors/covariance.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "vectors/lapack.h"
#include "vectors/projection.h"

enum {
    TILE = 4,        /* rows and columns of the covariance summed at a time */
    COLUMNS = 16,    /* a thread's share of the mean */
    BLOCK_ROWS = 256 /* vectors of a block */
};

/* One pass over the vectors. */
typedef struct pass {
    const bovw_vectors *from;
    const bovw_monitor *monitor;
    int n_threads;
    uint32_t n, dim, n_done;
    size_t stride;
    float *floats;   /* (BLOCK_ROWS, stride) */
    double *mean;    /* (stride,) */
    double *centred; /* (BLOCK_ROWS, stride), or of all vectors */
    bool keeps_all;
    covariance *to; /* or NULL */
} pass;

size_t projection_stride(uint32_t dim)
{
    return ((size_t)dim + COLUMNS - 1) / COLUMNS * COLUMNS;
}

void covariance_clear(covariance *c)
{
    free(c->mean);
    free(c->rows);
    *c = (covariance){0};
}

/* ---- sums -------------------------------------------------------------------------- */

/* The tile at (i, j) of the sums, over the n vectors in order. */
static void add_tile(const double *x, size_t n, size_t stride, size_t i, size_t j,
                     double *to)
{
    double sums[TILE][TILE] = {{0}};
    for (size_t v = 0; v < n; v++) {
        const double *a = x + v * stride + i;
        const double *b = x + v * stride + j;
        for (int r = 0; r < TILE; r++) {
            for (int c = 0; c < TILE; c++)
                sums[r][c] += a[r] * b[c];
        }
    }
    for (int r = 0; r < TILE; r++) {
        for (int c = 0; c < TILE; c++)
            to[(i + r) * stride + j + c] += sums[r][c];
    }
}

void covariance_add(const double *x, size_t n, size_t stride, int n_threads, double *sums)
{
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (size_t i = 0; i < stride; i += TILE) {
        for (size_t j = 0; j <= i; j += TILE)
            add_tile(x, n, stride, i, j, sums);
    }
}

/* Sum in COLUMNS parts, added in order. */
static double product(const double *a, const double *b, size_t stride)
{
    double parts[COLUMNS] = {0}, sum = 0;
    for (size_t i = 0; i < stride; i += COLUMNS) {
        for (int p = 0; p < COLUMNS; p++)
            parts[p] += a[i + p] * b[i + p];
    }
    for (int p = 0; p < COLUMNS; p++)
        sum += parts[p];
    return sum;
}

void covariance_gram(const double *x, size_t n, size_t stride, int n_threads, double *to,
                     size_t stride_to)
{
    enum {
        ROWS = 32 /* that stay in cache while all before them pass by */
    };
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (size_t first = 0; first < n; first += ROWS) {
        const size_t end = first + ROWS < n ? first + ROWS : n;
        for (size_t j = 0; j < end; j++) {
            for (size_t i = j > first ? j : first; i < end; i++)
                to[i * stride_to + j] = product(x + i * stride, x + j * stride, stride);
        }
    }
}

/* ---- passes ------------------------------------------------------------------------ */

static void add_to_mean(pass *p, uint32_t n)
{
#pragma omp parallel for num_threads(p->n_threads) if (p->n_threads > 1)
    for (size_t begin = 0; begin < p->stride; begin += COLUMNS) {
        for (uint32_t v = 0; v < n; v++) {
            const float *row = p->floats + v * p->stride;
            for (size_t j = begin; j < begin + COLUMNS; j++)
                p->mean[j] += (double)row[j];
        }
    }
}

static void centre(pass *p, uint32_t first, uint32_t n)
{
    double *centred = p->centred + (p->keeps_all ? first * p->stride : 0);
    for (uint32_t v = 0; v < n; v++) {
        const float *row = p->floats + v * p->stride;
        double *to = centred + v * p->stride;
        double length_sq = 0;
        for (size_t j = 0; j < p->stride; j++) {
            to[j] = (double)row[j] - p->mean[j];
            length_sq += to[j] * to[j];
        }
        if (p->to)
            p->to->fourth += length_sq * length_sq;
    }
    if (p->to)
        covariance_add(centred, n, p->stride, p->n_threads, p->to->rows);
}

static bovw_status run_pass(pass *p, bool is_second, bovw_error *err)
{
    const matrix *m = &p->from->matrix;
    for (uint32_t first = 0; first < p->n; first += BLOCK_ROWS) {
        const uint32_t n = p->n - first < BLOCK_ROWS ? p->n - first : BLOCK_ROWS;
        const uint64_t done = (is_second ? (uint64_t)p->n : 0) + first;
        bovw_status status =
            monitor_progress(p->monitor, "learning", done, 2 * (uint64_t)p->n, err);
        if (status == BOVW_OK)
            status = matrix_rows(m, first, n, p->floats, p->stride, err);
        if (status != BOVW_OK)
            return status;
        if (is_second)
            centre(p, first, n);
        else
            add_to_mean(p, n);
        matrix_done(m, first, n);
    }
    return BOVW_OK;
}

/* Both passes; what the pass owns, the caller frees. */
static bovw_status run_passes(pass *p, bovw_error *err)
{
    if (p->n < 2)
        return fail(err, BOVW_ERR_MISMATCH, "%s: a covariance needs 2 vectors or more",
                    p->from->path);
    const size_t n_centred = p->keeps_all ? p->n : BLOCK_ROWS;
    p->floats = mem_array(BLOCK_ROWS * p->stride, sizeof *p->floats);
    p->centred = mem_array(n_centred, p->stride * sizeof *p->centred);
    p->mean = mem_array(p->stride, sizeof *p->mean);
    if (!p->floats || !p->centred || !p->mean)
        return fail_memory(err, "covariance");
    bovw_status status = run_pass(p, false, err);
    for (size_t j = 0; status == BOVW_OK && j < p->stride; j++)
        p->mean[j] /= p->n;
    return status == BOVW_OK ? run_pass(p, true, err) : status;
}

/* What rounding leaves of equal floats is far below, one unit of one float far
 * above. */
static bovw_status check_variance(const pass *p, double variance, bovw_error *err)
{
    double mean_sq = 0;
    for (size_t j = 0; j < p->stride; j++)
        mean_sq += p->mean[j] * p->mean[j];
    if (variance > 1e-26 * mean_sq)
        return BOVW_OK;
    return fail(err, BOVW_ERR_MISMATCH, "%s: all vectors are the same: no covariance",
                p->from->path);
}

static pass pass_over(const bovw_vectors *from, int n_threads, const bovw_monitor *monitor)
{
    const uint32_t dim = bovw_vectors_dim(from);
    return (pass){.from = from,
                  .monitor = monitor,
                  .n_threads = n_threads,
                  .n = bovw_vectors_count(from),
                  .dim = dim,
                  .stride = projection_stride(dim)};
}

bovw_status covariance_learn(const bovw_vectors *from, int n_threads,
                             const bovw_monitor *monitor, covariance *c, bovw_error *err)
{
    pass p = pass_over(from, n_threads, monitor);
    covariance made = {.n = p.n, .dim = p.dim, .stride = p.stride};
    if (p.dim > LAPACK_MAX_ROWS)
        return fail(err, BOVW_ERR_LIMIT, "%s: covariance of %u dimensions, at most %d",
                    from->path, p.dim, LAPACK_MAX_ROWS);
    made.rows = mem_array(p.stride, p.stride * sizeof *made.rows);
    if (!made.rows)
        return fail_memory(err, "covariance");
    p.to = &made;
    bovw_status status = run_passes(&p, err);
    double variance = 0;
    for (size_t i = 0; status == BOVW_OK && i < p.stride; i++) {
        for (size_t j = 0; j <= i; j++)
            made.rows[i * p.stride + j] /= p.n;
        variance += made.rows[i * p.stride + i];
    }
    if (status == BOVW_OK)
        status = check_variance(&p, variance, err);
    free(p.floats);
    free(p.centred);
    made.mean = p.mean;
    if (status == BOVW_OK)
        *c = made;
    else
        covariance_clear(&made);
    return status;
}

bovw_status covariance_centred(const bovw_vectors *from, int n_threads,
                               const bovw_monitor *monitor, double **centred, double **mean,
                               bovw_error *err)
{
    pass p = pass_over(from, n_threads, monitor);
    double variance = 0;
    p.keeps_all = true;
    bovw_status status = run_passes(&p, err);
    for (size_t i = 0; status == BOVW_OK && i < p.n * p.stride; i++)
        variance += p.centred[i] * p.centred[i] / p.n;
    if (status == BOVW_OK)
        status = check_variance(&p, variance, err);
    free(p.floats);
    if (status != BOVW_OK) {
        free(p.centred);
        free(p.mean);
        return status;
    }
    *centred = p.centred;
    *mean = p.mean;
    return BOVW_OK;
}

/* ---- shrinkage ---------------------------------------------------------------------- */

/* Ledoit and Wolf's share: the error of the covariance over its distance from
 * m I, both squared Frobenius norms. */
double covariance_share(const covariance *c, double m, double least)
{
    double norm_sq = 0, distance_sq = 0;
    for (size_t i = 0; i < c->dim; i++) {
        const double *row = c->rows + i * c->stride;
        double off = 0;
        for (size_t j = 0; j < i; j++)
            off += row[j] * row[j];
        norm_sq += 2 * off + row[i] * row[i];
        distance_sq += 2 * off + (row[i] - m) * (row[i] - m);
    }
    const double n = c->n;
    const double error_sq = (c->fourth / n - norm_sq) / n;
    if (error_sq >= distance_sq)
        return 1;
    const double share = error_sq / distance_sq;
    return share > least ? share : least;
}

void covariance_shrink(double *rows, uint32_t dim, size_t stride, double share, double m)
{
    for (size_t i = 0; i < dim; i++) {
        double *row = rows + i * stride;
        for (size_t j = 0; j <= i; j++)
            row[j] *= 1 - share;
        row[i] += share * m;
    }
}

double covariance_variance(const double *rows, uint32_t dim, size_t stride)
{
    double m = 0;
    for (size_t i = 0; i < dim; i++)
        m += rows[i * stride + i] / dim;
    return m;
}
