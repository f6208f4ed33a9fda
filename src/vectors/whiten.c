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

/* What weighs centred vectors (n, stride): weights of row i at weights[-i * n]. */
typedef struct combination {
    const double *centred, *weights;
    uint32_t n, n_rows;
    size_t stride;
} combination;

/* Columns [j, j + STRIP) of rows (n_rows, stride): sums of the vectors, weighted. */
static void combine_strip(const combination *c, size_t j, double *rows)
{
    for (uint32_t i = 0; i < c->n_rows; i++) {
        const double *weights = c->weights - (size_t)i * c->n;
        double sums[STRIP] = {0};
        for (uint32_t v = 0; v < c->n; v++) {
            const double *x = c->centred + v * c->stride + j;
            for (int s = 0; s < STRIP; s++)
                sums[s] += weights[v] * x[s];
        }
        memcpy(rows + i * c->stride + j, sums, sizeof sums);
    }
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

/* Eigenvalues `values` (n,) and eigenvectors of the products, ascending, to the rows
 * of the n_out largest. */
static void make_rows(const combination *c, const double *values, double power,
                      int n_threads, bovw_projection *p)
{
    const double largest = values[c->n - 1];
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (size_t j = 0; j < c->stride; j += STRIP)
        combine_strip(c, j, p->rows);
    for (uint32_t i = 0; i < c->n_rows; i++) {
        const double value = values[c->n - 1 - i];
        const bool is_varied = value > PROJECTION_MIN_EIGENVALUE * largest;
        double *row = p->rows + i * c->stride;
        set_length(row, c->stride,
                   is_varied ? scale_of(value / c->n, largest / c->n, power) : 0);
        lapack_fix_sign(row, p->dim);
    }
}

/* With X (n, dim) the centred vectors, X X^T a = n l a gives the eigenvector X^T a
 * of X^T X / n to its eigenvalue l. */
static bovw_status pca_of_vectors(const bovw_vectors *from, uint32_t n_out, double power,
                                  int n_threads, const bovw_monitor *monitor,
                                  bovw_projection *p, bovw_error *err)
{
    const uint32_t n = bovw_vectors_count(from), dim = bovw_vectors_dim(from);
    double *centred = NULL, *mean = NULL;
    bovw_projection made = {0};
    double *gram = mem_array(n, (size_t)n * sizeof *gram);
    double *values = mem_array(n, sizeof *values);
    bovw_status status =
        gram && values ? covariance_centred(from, n_threads, monitor, &centred, &mean, err)
                       : fail_memory(err, "products of vectors");
    if (status == BOVW_OK)
        status = projection_new(dim, n_out, n_out, &made, err);
    if (status == BOVW_OK) {
        covariance_gram(centred, n, made.stride, n_threads, gram, n);
        status = lapack_eigenvectors(gram, n, n, values, err);
    }
    if (status == BOVW_OK) {
        const combination c = {.centred = centred,
                               .weights = gram + (size_t)(n - 1) * n,
                               .n = n,
                               .n_rows = n_out,
                               .stride = made.stride};
        make_rows(&c, values, power, n_threads, &made);
        free(made.mean);
        made.mean = mean;
        mean = NULL;
        *p = made;
        made = (bovw_projection){0};
    }
    projection_clear(&made);
    free(centred);
    free(mean);
    free(gram);
    free(values);
    return status;
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
