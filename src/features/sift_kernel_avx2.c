/* SPDX-License-Identifier: MIT */
#include "features/sift_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum {
    LANES = 8,
    PART = 8
};
#define TARGET    __attribute__((target("avx2")))
#define NAME_TEXT "avx2"
#define KERNEL    sift_kernel_avx2

typedef float lanes __attribute__((vector_size(8 * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(8 * sizeof(int32_t))));
typedef float part __attribute__((vector_size(8 * sizeof(float))));
typedef int32_t part_mask __attribute__((vector_size(8 * sizeof(int32_t))));

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2");
}

TARGET static inline lanes square_root(lanes v)
{
    return (lanes)_mm256_sqrt_ps((__m256)v);
}

TARGET static inline bool is_any(mask m)
{
    return !_mm256_testz_si256((__m256i)m, (__m256i)m);
}

#include "features/sift_kernel_template.h"

#endif
