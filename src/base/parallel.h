/* parallel.h - number of threads; builds without OpenMP too. */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stdint.h>

#include "bovw/monitor.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Index of the calling thread in [0, parallel_threads()) inside a region. */
static inline int parallel_thread(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

/* How many threads a region shall use: compute may be NULL. */
static inline int parallel_threads(const bovw_compute *compute)
{
#ifdef _OPENMP
    if (compute && compute->n_threads > 0)
        return compute->n_threads < 1024 ? (int)compute->n_threads : 1024;
    return omp_get_num_procs();
#else
    (void)compute;
    return 1;
#endif
}

#endif
