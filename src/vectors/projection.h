/* projection.h - linear maps learned on vectors, after which plain distances and
 * cosines heed what was learned.
 *
 * The sums are our own, in an order that does not depend on threads; the
 * factorisations are LAPACK's (lapack.h).
 */
#ifndef VECTORS_PROJECTION_H
#define VECTORS_PROJECTION_H

#include <stddef.h>

#include "bovw/metric.h"
#include "bovw/monitor.h"
#include "vectors/vectors.h"

enum {
    PROJECTION_BATCH = 16 /* vectors that one call maps */
};

/* Least shrinkage: it keeps the covariance of few vectors invertible. */
#define PROJECTION_MIN_SHRINKAGE 1e-6
/* Smaller eigenvalues, as a share of the largest, count as this much. */
#define PROJECTION_MIN_EIGENVALUE 1e-10

/* y = R (x - mean), or, of a triangle, the y of R y = x - mean. */
struct bovw_projection {
    uint32_t dim, n_out; /* values of x and of y */
    size_t stride;       /* of a row: dim filled up with zeros */
    bool is_triangle;    /* R is lower triangular (dim, dim) */
    bool is_unit;        /* x is divided by its length first */
    double *mean;        /* (stride,) */
    double *rows;        /* (n_out, stride) */
    double shrinkage;    /* that the covariance was inverted with */
    char *summary;       /* or NULL */
};

/* Of doubles in a row of dim: filled up to tiles of the covariance. */
size_t projection_stride(uint32_t dim);

/* Zeros of that size, rows (n_rows, stride) at least n_out. BOVW_ERR_NOMEM. */
bovw_status projection_new(uint32_t dim, uint32_t n_out, uint32_t n_rows,
                           bovw_projection *p, bovw_error *err);
void projection_clear(bovw_projection *p); /* zeroes it; a zeroed one is fine */

/*
 * The Cholesky factor L of the vectors' covariance S (divided by n): distances
 * between mapped vectors are the Mahalanobis distances of the vectors. S is
 * shrunk towards m I, m the mean of its diagonal, by the share that Ledoit and
 * Wolf estimate ("A well-conditioned estimator for large-dimensional covariance
 * matrices", Journal of Multivariate Analysis 88, 2004), at least
 * PROJECTION_MIN_SHRINKAGE.
 *
 * BOVW_ERR_MISMATCH for fewer than 2 vectors or where all are the same;
 * BOVW_ERR_LIMIT beyond LAPACK_MAX_ROWS dimensions; what reading fails with;
 * BOVW_ERR_CANCELLED; BOVW_ERR_NOMEM. O(n dim^2 + dim^3); memory 8 dim^2 bytes.
 */
bovw_status projection_mahalanobis(const bovw_vectors *from, int n_threads,
                                   const bovw_monitor *monitor, bovw_projection *p,
                                   bovw_error *err);

/*
 * The first n_out eigenvectors of S (not shrunk), each divided by its eigenvalue to
 * the power `power` / 2: with 1, mapped vectors have the identity as covariance,
 * with 0 they are merely turned. Fails as above, with BOVW_ERR_MISMATCH for n_out
 * 0, beyond dim, or beyond the number of vectors less one, too.
 *
 * Fewer vectors than dimensions are compared with each other instead, which has the
 * same eigenvalues: O(n^2 dim + n^3), memory 8 n (n + dim) + 16 n^2 bytes. Then a
 * direction in which they do not vary gives 0. Else memory is 24 dim^2 bytes, 8
 * dim^2 when done. BOVW_ERR_LIMIT where the lesser is beyond LAPACK_MAX_ROWS.
 */
bovw_status projection_pca(const bovw_vectors *from, uint32_t n_out, double power,
                           int n_threads, const bovw_monitor *monitor, bovw_projection *p,
                           bovw_error *err);

/* The same of vectors (n, stride) that are centred already, as is told of fewer
 * vectors than dimensions: the mean is 0. n_out 0: all directions in which they
 * vary. BOVW_ERR_NOMEM. */
bovw_status projection_pca_of(const double *centred, uint32_t n, uint32_t dim,
                              uint32_t n_out, double power, int n_threads,
                              bovw_projection *p, bovw_error *err);

/* rows (n_rows, stride) = weights times x (n, stride): the i-th row of n weights is
 * at weights + i * weights_stride. */
void projection_combine(const double *weights, ptrdiff_t weights_stride, uint32_t n_rows,
                        const double *x, uint32_t n, size_t stride, int n_threads,
                        double *rows);

/* Map x (n, stride_x) to y (n, stride_y), n <= PROJECTION_BATCH; work is
 * PROJECTION_BATCH * 2 * max(stride, n_out) doubles. A vector's result does not
 * depend on the others. */
void projection_map(const bovw_projection *p, const float *x, size_t stride_x, uint32_t n,
                    float *y, size_t stride_y, double *work);

/* Doubles of the work of one thread. */
size_t projection_work(const bovw_projection *p);

#endif
