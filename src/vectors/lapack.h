/* lapack.h - the factorisations of symmetric matrices that linear maps need.
 *
 * Both run on one thread: while they do, OpenBLAS has one thread in the whole
 * process. The last bits are those of the LAPACK that is installed.
 */
#ifndef VECTORS_LAPACK_H
#define VECTORS_LAPACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    LAPACK_MAX_ROWS = 1 << 14 /* their sizes stay within an int */
};

/* The lower triangle of a (n, n) with `stride` values a row becomes L, a = L L^T;
 * above it nothing is read or written. BOVW_ERR_MISMATCH where a is not positive
 * definite; BOVW_ERR_NOMEM. */
bovw_status lapack_cholesky(double *a, uint32_t n, size_t stride, bovw_error *err);

/* From the lower triangle of a: values (n,) ascending, and row i of a becomes the
 * eigenvector of values[i], of length 1, its component of largest magnitude (the
 * first of several) positive. Takes about 16 n^2 bytes. BOVW_ERR_NOMEM. */
bovw_status lapack_eigenvectors(double *a, uint32_t n, size_t stride, double *values,
                                bovw_error *err);

/* The eigenproblem a x = value b x, from the lower triangles of a and b (n, n):
 * values (n,) ascending, and row i of a becomes the x of values[i], with x^T b x = 1
 * and the same rule for its sign. b is destroyed. BOVW_ERR_MISMATCH where b is not
 * positive definite. Memory as above. */
bovw_status lapack_eigenvectors_within(double *a, double *b, uint32_t n, size_t stride,
                                       double *values, bovw_error *err);

/* Turn a vector (n,) so that its component of largest magnitude (the first of
 * several) is positive. */
void lapack_fix_sign(double *vector, uint32_t n);

#endif
