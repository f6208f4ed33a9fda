/* SPDX-License-Identifier: MIT */
#include "search/agree.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum {
    LANES = 8
};
#define TARGET    __attribute__((target("avx2,popcnt")))
#define NAME_TEXT "avx2"
#define KERNEL    agree_avx2

typedef float floats __attribute__((vector_size(32)));
typedef int32_t ints __attribute__((vector_size(32)));
typedef float half __attribute__((vector_size(16)));
typedef double doubles __attribute__((vector_size(32)));
typedef int64_t longs __attribute__((vector_size(32)));

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

TARGET static inline uint32_t bits_of(ints mask)
{
    return (uint32_t)_mm256_movemask_ps((__m256)mask);
}

TARGET static inline uint32_t bits_of_wide(longs mask)
{
    return (uint32_t)_mm256_movemask_pd((__m256d)mask);
}

#include "search/agree_template.h"
#else
typedef int agree_avx2_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
