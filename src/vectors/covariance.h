/* covariance.h - means, covariances and products of many vectors, in an order of
 * sums that does not depend on threads. */
#ifndef VECTORS_COVARIANCE_H
#define VECTORS_COVARIANCE_H

#include "bovw/monitor.h"
#include "vectors/vectors.h"

typedef struct covariance {
    uint32_t n, dim;
    size_t stride;
    double *mean;  /* (stride,) */
    double *rows;  /* (stride, stride), the lower triangle, divided by n */
    double fourth; /* sum of the fourth powers of the lengths, less the mean */
} covariance;

void covariance_clear(covariance *c); /* zeroes it; a zeroed one is fine */

/* Of all vectors of a file, in two passes. BOVW_ERR_MISMATCH for fewer than 2, or
 * where all are the same; BOVW_ERR_LIMIT beyond LAPACK_MAX_ROWS dimensions; what
 * reading fails with; BOVW_ERR_CANCELLED, _NOMEM. */
bovw_status covariance_learn(const bovw_vectors *from, int n_threads,
                             const bovw_monitor *monitor, covariance *c, bovw_error *err);

/* All vectors less their mean, (n, *stride), the caller's, and mean (*stride,) the
 * same. Fails alike, but has no limit. */
bovw_status covariance_centred(const bovw_vectors *from, int n_threads,
                               const bovw_monitor *monitor, double **centred, double **mean,
                               bovw_error *err);

/* Lower triangle of sums (stride, stride) += x^T x, x (n, stride). */
void covariance_add(const double *x, size_t n, size_t stride, int n_threads, double *sums);

/* Lower triangle of to (n, stride_to) = x x^T. */
void covariance_gram(const double *x, size_t n, size_t stride, int n_threads, double *to,
                     size_t stride_to);

/* The share of shrinkage towards m I, m the mean of the diagonal, that Ledoit and
 * Wolf estimate, in [least, 1]. */
double covariance_share(const covariance *c, double m, double least);

/* Shrink the lower triangle of rows (dim, stride) towards m I. */
void covariance_shrink(double *rows, uint32_t dim, size_t stride, double share, double m);

/* The mean of the diagonal. */
double covariance_variance(const double *rows, uint32_t dim, size_t stride);

#endif
