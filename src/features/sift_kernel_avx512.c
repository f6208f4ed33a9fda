/* SPDX-License-Identifier: MIT */
#include "features/sift_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum {
    LANES = 16,
    PART = 8
};
#define TARGET    __attribute__((target("avx512f,avx512dq,avx512vl,avx2")))
#define NAME_TEXT "avx512"
#define KERNEL    sift_kernel_avx512

typedef float lanes __attribute__((vector_size(16 * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(16 * sizeof(int32_t))));
typedef float part __attribute__((vector_size(8 * sizeof(float))));
typedef int32_t part_mask __attribute__((vector_size(8 * sizeof(int32_t))));

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

TARGET static inline lanes square_root(lanes v)
{
    return (lanes)_mm512_sqrt_ps((__m512)v);
}

TARGET static inline bool is_any(mask m)
{
    return _mm512_movepi32_mask((__m512i)m) != 0;
}

#include "features/sift_kernel_template.h"

#endif
