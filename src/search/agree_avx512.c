/* SPDX-License-Identifier: MIT */
#include "search/agree.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum {
    LANES = 16
};
#define TARGET    __attribute__((target("avx512f,avx512dq,popcnt")))
#define NAME_TEXT "avx512"
#define KERNEL    agree_avx512

typedef float floats __attribute__((vector_size(64)));
typedef int32_t ints __attribute__((vector_size(64)));
typedef float half __attribute__((vector_size(32)));
typedef double doubles __attribute__((vector_size(64)));
typedef int64_t longs __attribute__((vector_size(64)));

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("popcnt");
}

TARGET static inline uint32_t bits_of(ints mask)
{
    return _mm512_movepi32_mask((__m512i)mask);
}

TARGET static inline uint32_t bits_of_wide(longs mask)
{
    return _mm512_movepi64_mask((__m512i)mask);
}

#include "search/agree_template.h"
#else
typedef int agree_avx512_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
