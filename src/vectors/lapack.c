/* SPDX-License-Identifier: MIT
 *
 * LAPACK counts by columns: our lower triangle is its upper one, and its columns
 * are our rows. */
#include "vectors/lapack.h"

#include <lapacke.h>
#include <math.h>

/* Of OpenBLAS; its cblas.h is not in the same place on every system. */
extern void openblas_set_num_threads(int n);
extern int openblas_get_num_threads(void);

/* How its work is shared out changes the last bits of its sums. */
static int one_thread(void)
{
    const int n = openblas_get_num_threads();
    openblas_set_num_threads(1);
    return n;
}

static bovw_status told(lapack_int info, const char *what, bovw_error *err)
{
    if (info == 0)
        return BOVW_OK;
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return fail_memory(err, what);
    return fail(err, info > 0 ? BOVW_ERR_MISMATCH : BOVW_ERR_ARG, "%s: LAPACK failed (%d)",
                what, (int)info);
}

bovw_status lapack_cholesky(double *a, uint32_t n, size_t stride, bovw_error *err)
{
    const int n_threads = one_thread();
    const lapack_int info =
        LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a, (lapack_int)stride);
    openblas_set_num_threads(n_threads);
    return told(info, "Cholesky factor of the covariance", err);
}

void lapack_fix_sign(double *vector, uint32_t n)
{
    uint32_t largest = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (fabs(vector[i]) > fabs(vector[largest]))
            largest = i;
    }
    for (uint32_t i = 0; vector[largest] < 0 && i < n; i++)
        vector[i] = i == largest ? vector[i] : -vector[i];
    vector[largest] = fabs(vector[largest]);
}

bovw_status lapack_eigenvectors(double *a, uint32_t n, size_t stride, double *values,
                                bovw_error *err)
{
    const int n_threads = one_thread();
    const lapack_int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a,
                                           (lapack_int)stride, values);
    openblas_set_num_threads(n_threads);
    const bovw_status status = told(info, "eigenvectors of the covariance", err);
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        lapack_fix_sign(a + i * stride, n);
    return status;
}

bovw_status lapack_eigenvectors_within(double *a, double *b, uint32_t n, size_t stride,
                                       double *values, bovw_error *err)
{
    const int n_threads = one_thread();
    const lapack_int info =
        LAPACKE_dsygvd(LAPACK_COL_MAJOR, 1, 'V', 'U', (lapack_int)n, a, (lapack_int)stride,
                       b, (lapack_int)stride, values);
    openblas_set_num_threads(n_threads);
    const bovw_status status = told(info, "eigenvectors within a covariance", err);
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        lapack_fix_sign(a + i * stride, n);
    return status;
}
