/* SPDX-License-Identifier: MIT
 *
 * Maps that are learned without labels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "vectors/covariance.h"
#include "vectors/lapack.h"
#include "vectors/projection.h"

enum {
    STRIP = 16 /* columns that are summed at a time */
};

/* Mean and rows of the covariance become the projection's. */
static void hand_over(covariance *c, bovw_projection *p)
{
    p->dim = c->dim;
    p->stride = c->stride;
    p->mean = c->mean;
    p->rows = c->rows;
    c->mean = c->rows = NULL;
}

bovw_status projection_mahalanobis(const bovw_vectors *from, int n_threads,
                                   const bovw_monitor *monitor, bovw_projection *p,
                                   bovw_error *err)
{
    covariance c = {0};
    bovw_status status = covariance_learn(from, n_threads, monitor, &c, err);
    if (status != BOVW_OK)
        return status;
    const double m = covariance_variance(c.rows, c.dim, c.stride);
    const double share = covariance_share(&c, m, PROJECTION_MIN_SHRINKAGE);
    covariance_shrink(c.rows, c.dim, c.stride, share, m);
    status = lapack_cholesky(c.rows, c.dim, c.stride, err);
    if (status == BOVW_OK) {
        *p = (bovw_projection){.n_out = c.dim, .is_triangle = true, .shrinkage = share};
        hand_over(&c, p);
    }
    covariance_clear(&c);
    return status;
}

/* ---- principal components --------------------------------------------------------- */

/* What a component is multiplied with. */
static double scale_of(double value, double largest, double power)
{
    const double least = PROJECTION_MIN_EIGENVALUE * largest;
    const double used = value > least ? value : least;
    if (power == 0)
        return 1;
    return power == 1 ? 1 / sqrt(used) : pow(used, -power / 2);
}

/* Eigenvectors (dim, stride), ascending, to the n_out last, the last one first,
 * scaled. */
static void select_rows(double *rows, const double *values, uint32_t n_out, double power,
                        uint32_t dim, size_t stride)
{
    for (uint32_t i = 0; i < dim / 2; i++) {
        double *a = rows + i * stride, *b = rows + (dim - 1 - i) * stride;
        for (size_t j = 0; j < dim; j++) {
            const double kept = a[j];
            a[j] = b[j];
            b[j] = kept;
        }
    }
    for (uint32_t i = 0; i < n_out; i++) {
        const double scale = scale_of(values[dim - 1 - i], values[dim - 1], power);
        for (size_t j = 0; j < dim; j++)
            rows[i * stride + j] *= scale;
    }
}

static bovw_status pca_of_dimensions(const bovw_vectors *from, uint32_t n_out, double power,
                                     int n_threads, const bovw_monitor *monitor,
                                     bovw_projection *p, bovw_error *err)
{
    covariance c = {0};
    double *values = mem_array(bovw_vectors_dim(from), sizeof *values);
    bovw_status status = values ? covariance_learn(from, n_threads, monitor, &c, err)
                                : fail_memory(err, "eigenvalues");
    if (status == BOVW_OK)
        status = lapack_eigenvectors(c.rows, c.dim, c.stride, values, err);
    if (status == BOVW_OK) {
        select_rows(c.rows, values, n_out, power, c.dim, c.stride);
        *p = (bovw_projection){.n_out = n_out};
        hand_over(&c, p);
    }
    free(values);
    covariance_clear(&c);
    return status;
}

/* Columns [j, j + STRIP) of the product of weights and vectors. */
static void combine_strip(const double *weights, ptrdiff_t weights_stride, uint32_t n_rows,
                          const double *x, uint32_t n, size_t stride, size_t j,
                          double *rows)
{
    for (uint32_t i = 0; i < n_rows; i++) {
        const double *weight = weights + i * weights_stride;
        double sums[STRIP] = {0};
        for (uint32_t v = 0; v < n; v++) {
            for (int s = 0; s < STRIP; s++)
                sums[s] += weight[v] * x[v * stride + j + s];
        }
        memcpy(rows + i * stride + j, sums, sizeof sums);
    }
}

void projection_combine(const double *weights, ptrdiff_t weights_stride, uint32_t n_rows,
                        const double *x, uint32_t n, size_t stride, int n_threads,
                        double *rows)
{
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (size_t j = 0; j < stride; j += STRIP)
        combine_strip(weights, weights_stride, n_rows, x, n, stride, j, rows);
}

static void set_length(double *row, size_t stride, double length)
{
    double square = 0;
    for (size_t j = 0; j < stride; j++)
        square += row[j] * row[j];
    const double scale = square > 0 ? length / sqrt(square) : 0;
    for (size_t j = 0; j < stride; j++)
        row[j] *= scale;
}

/* How many of the eigenvalues (n,), ascending, are above the least. */
static uint32_t count_varied(const double *values, uint32_t n)
{
    uint32_t n_varied = 0;
    while (n_varied < n &&
           values[n - 1 - n_varied] > PROJECTION_MIN_EIGENVALUE * values[n - 1])
        n_varied++;
    return n_varied;
}

/* With X (n, dim) the centred vectors, X X^T a = n l a gives the eigenvector X^T a
 * of X^T X / n to its eigenvalue l. */
bovw_status projection_pca_of(const double *centred, uint32_t n, uint32_t dim,
                              uint32_t n_out, double power, int n_threads,
                              bovw_projection *p, bovw_error *err)
{
    bovw_projection made = {0};
    double *gram = mem_array(n, (size_t)n * sizeof *gram);
    double *values = mem_array(n, sizeof *values);
    bovw_status status = gram && values ? BOVW_OK : fail_memory(err, "products of vectors");
    if (status == BOVW_OK) {
        covariance_gram(centred, n, projection_stride(dim), n_threads, gram, n);
        status = lapack_eigenvectors(gram, n, n, values, err);
    }
    const uint32_t n_varied = status == BOVW_OK ? count_varied(values, n) : 0;
    const uint32_t n_rows = n_out > 0 ? n_out : n_varied;
    if (status == BOVW_OK)
        status = projection_new(dim, n_rows, n_rows, &made, err);
    if (status == BOVW_OK) {
        projection_combine(gram + (size_t)(n - 1) * n, -(ptrdiff_t)n, n_rows, centred, n,
                           made.stride, n_threads, made.rows);
        for (uint32_t i = 0; i < n_rows; i++) {
            double *row = made.rows + i * made.stride;
            const double value = values[n - 1 - i] / n, largest = values[n - 1] / n;
            set_length(row, made.stride,
                       i < n_varied ? scale_of(value, largest, power) : 0);
            lapack_fix_sign(row, dim);
        }
        *p = made;
    }
    free(gram);
    free(values);
    return status;
}

static bovw_status pca_of_vectors(const bovw_vectors *from, uint32_t n_out, double power,
                                  int n_threads, const bovw_monitor *monitor,
                                  bovw_projection *p, bovw_error *err)
{
    double *centred = NULL, *mean = NULL;
    bovw_status status = covariance_centred(from, n_threads, monitor, &centred, &mean, err);
    if (status == BOVW_OK)
        status = projection_pca_of(centred, bovw_vectors_count(from),
                                   bovw_vectors_dim(from), n_out, power, n_threads, p, err);
    free(centred);
    if (status != BOVW_OK) {
        free(mean);
        return status;
    }
    free(p->mean);
    p->mean = mean;
    return BOVW_OK;
}

bovw_status projection_pca(const bovw_vectors *from, uint32_t n_out, double power,
                           int n_threads, const bovw_monitor *monitor, bovw_projection *p,
                           bovw_error *err)
{
    const uint32_t n = bovw_vectors_count(from), dim = bovw_vectors_dim(from);
    if (n_out == 0 || n_out > dim)
        return fail(err, BOVW_ERR_MISMATCH, "%s: %u dimensions cannot be whitened to %u",
                    from->path, dim, n_out);
    if (n_out > n - 1)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s: whitening to %u dimensions needs %u vectors or more, not %u",
                    from->path, n_out, n_out + 1, n);
    if (n < dim && n <= LAPACK_MAX_ROWS)
        return pca_of_vectors(from, n_out, power, n_threads, monitor, p, err);
    return pca_of_dimensions(from, n_out, power, n_threads, monitor, p, err);
}
