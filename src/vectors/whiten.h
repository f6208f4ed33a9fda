/* whiten.h - linear maps learned on vectors without labels, after which plain
 * distances and cosines heed how the components vary together.
 *
 * The sums are our own, in an order that does not depend on threads; the
 * factorisations are LAPACK's (lapack.h).
 */
#ifndef VECTORS_WHITEN_H
#define VECTORS_WHITEN_H

#include "bovw/monitor.h"
#include "vectors/vectors.h"

enum {
    WHITEN_BATCH = 16 /* vectors that one call maps */
};

/* Least shrinkage: it keeps the covariance of few vectors invertible. */
#define WHITEN_MIN_SHRINKAGE 1e-6
/* Smaller eigenvalues, as a share of the largest, count as this much. */
#define WHITEN_MIN_EIGENVALUE 1e-10

/* y = R (x - mean), or, of a triangle, the y of R y = x - mean. */
typedef struct whitening {
    uint32_t dim, n_out; /* values of x and of y */
    size_t stride;       /* of a row: dim filled up with zeros */
    bool is_triangle;    /* R is lower triangular (dim, dim) */
    double *mean;        /* (stride,) */
    double *rows;        /* (n_out, stride) */
    double shrinkage;    /* that the triangle was made with */
} whitening;

/*
 * The Cholesky factor L of the vectors' covariance S (divided by n): distances
 * between mapped vectors are the Mahalanobis distances of the vectors. S is
 * shrunk towards m I, m the mean of its diagonal, by the share that Ledoit and
 * Wolf estimate ("A well-conditioned estimator for large-dimensional covariance
 * matrices", Journal of Multivariate Analysis 88, 2004), at least
 * WHITEN_MIN_SHRINKAGE.
 *
 * BOVW_ERR_MISMATCH for fewer than 2 vectors or where all are the same;
 * BOVW_ERR_LIMIT beyond LAPACK_MAX_ROWS dimensions; what reading fails with;
 * BOVW_ERR_CANCELLED; BOVW_ERR_NOMEM. O(n dim^2 + dim^3); memory 8 dim^2 bytes.
 */
bovw_status whitening_mahalanobis(const bovw_vectors *from, int n_threads,
                                  const bovw_monitor *monitor, whitening *w,
                                  bovw_error *err);

/*
 * The first n_out eigenvectors of S (not shrunk), each divided by the root of its
 * eigenvalue: mapped vectors have the identity as covariance. Fails as above, with
 * BOVW_ERR_MISMATCH for n_out 0, beyond dim, or beyond the number of vectors less
 * one, too. Memory 24 dim^2 bytes, 8 dim^2 when done.
 */
bovw_status whitening_pca(const bovw_vectors *from, uint32_t n_out, int n_threads,
                          const bovw_monitor *monitor, whitening *w, bovw_error *err);

void whitening_free(whitening *w); /* zeroes it; a zeroed one is fine */

/* Map x (n, stride_x) to y (n, stride_y), n <= WHITEN_BATCH; work is
 * WHITEN_BATCH * 2 * stride doubles. A vector's result does not depend on the
 * others. */
void whitening_map(const whitening *w, const float *x, size_t stride_x, uint32_t n,
                   float *y, size_t stride_y, double *work);

#endif
