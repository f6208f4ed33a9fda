/* SPDX-License-Identifier: MIT
 *
 * agree_portable.c in vectors of 8 floats and 4 doubles: the same operations
 * in the same order, none of them fused.
 */
#include "search/agree.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,popcnt")))

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

AVX2 static inline __m256 absolute(__m256 x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

/* A similarity in every lane. */
typedef struct wide_similarity {
    __m256 c, s, x, y, turn, max_error_sq, least_ratio, most_ratio, min_opposite;
} wide_similarity;

AVX2 static inline wide_similarity widen(const similarity *h)
{
    return (wide_similarity){.c = _mm256_set1_ps(h->c),
                             .s = _mm256_set1_ps(h->s),
                             .x = _mm256_set1_ps(h->x),
                             .y = _mm256_set1_ps(h->y),
                             .turn = _mm256_set1_ps(h->turn),
                             .max_error_sq = _mm256_set1_ps(h->max_error_sq),
                             .least_ratio = _mm256_set1_ps(h->least_ratio),
                             .most_ratio = _mm256_set1_ps(h->most_ratio),
                             .min_opposite = _mm256_set1_ps(h->min_opposite)};
}

/* Pairs [i, i + 8) that agree, one bit each. */
AVX2 static inline uint32_t agreeing(const pair_columns *p, const wide_similarity *h,
                                     uint32_t i)
{
    const __m256 pi = _mm256_set1_ps(3.14159265358979323846f);
    const __m256 ax = _mm256_loadu_ps(p->ax + i), ay = _mm256_loadu_ps(p->ay + i);
    const __m256 ratio = _mm256_loadu_ps(p->ratio + i);
    const __m256 to_x = _mm256_add_ps(
        _mm256_sub_ps(_mm256_mul_ps(h->c, ax), _mm256_mul_ps(h->s, ay)), h->x);
    const __m256 to_y = _mm256_add_ps(
        _mm256_add_ps(_mm256_mul_ps(h->s, ax), _mm256_mul_ps(h->c, ay)), h->y);
    const __m256 u = _mm256_sub_ps(to_x, _mm256_loadu_ps(p->bx + i));
    const __m256 v = _mm256_sub_ps(to_y, _mm256_loadu_ps(p->by + i));
    const __m256 error_sq = _mm256_add_ps(_mm256_mul_ps(u, u), _mm256_mul_ps(v, v));
    const __m256 apart = absolute(_mm256_sub_ps(_mm256_loadu_ps(p->turn + i), h->turn));
    const __m256 opposite = absolute(_mm256_sub_ps(apart, pi));
    const __m256 near = _mm256_cmp_ps(error_sq, h->max_error_sq, _CMP_LT_OQ);
    const __m256 scale = _mm256_and_ps(_mm256_cmp_ps(ratio, h->least_ratio, _CMP_GE_OQ),
                                       _mm256_cmp_ps(ratio, h->most_ratio, _CMP_LE_OQ));
    const __m256 turn = _mm256_cmp_ps(opposite, h->min_opposite, _CMP_GE_OQ);
    return (uint32_t)_mm256_movemask_ps(_mm256_and_ps(_mm256_and_ps(near, scale), turn));
}

/* The positions of the bits, which begin at pair `from`, behind the n found. */
static inline uint32_t write_bits(uint32_t bits, uint32_t from, uint32_t *found, uint32_t n)
{
    for (; bits; bits &= bits - 1)
        found[n++] = from + (uint32_t)__builtin_ctz(bits);
    return n;
}

AVX2 static uint32_t count(const pair_columns *pairs, const similarity *motion,
                           uint32_t from, uint32_t to, uint32_t least)
{
    const pair_columns p = *pairs;
    const wide_similarity h = widen(motion);
    uint32_t n = 0, i = from;
    for (; to - i >= 8; i += 8) {
        if (n + (to - i) < least)
            return n;
        n += (uint32_t)_mm_popcnt_u32(agreeing(&p, &h, i));
    }
    if (i < to)
        n += (uint32_t)_mm_popcnt_u32(agreeing(&p, &h, i) & ((1u << (to - i)) - 1));
    return n;
}

AVX2 static uint32_t list(const pair_columns *pairs, const similarity *motion,
                          uint32_t from, uint32_t to, uint32_t *found)
{
    const pair_columns p = *pairs;
    const wide_similarity h = widen(motion);
    uint32_t n = 0, i = from;
    for (; to - i >= 8; i += 8)
        n = write_bits(agreeing(&p, &h, i), i, found, n);
    if (i < to)
        n = write_bits(agreeing(&p, &h, i) & ((1u << (to - i)) - 1), i, found, n);
    return n;
}

AVX2 static inline __m256d row(const double m[3], __m256d x, __m256d y)
{
    return _mm256_add_pd(_mm256_add_pd(_mm256_mul_pd(_mm256_set1_pd(m[0]), x),
                                       _mm256_mul_pd(_mm256_set1_pd(m[1]), y)),
                         _mm256_set1_pd(m[2]));
}

AVX2 static inline __m256d load4(const float *from)
{
    return _mm256_cvtps_pd(_mm_loadu_ps(from));
}

AVX2 static uint32_t select_near(const pair_columns *p, const double m[9],
                                 double tolerance_sq, uint32_t n, uint32_t *found)
{
    uint32_t n_found = 0;
    for (uint32_t i = 0; i < n; i += 4) {
        const __m256d ax = load4(p->ax + i), ay = load4(p->ay + i);
        const __m256d depth = row(m + 6, ax, ay);
        const __m256d f = _mm256_div_pd(_mm256_set1_pd(1), depth);
        const __m256d u = _mm256_sub_pd(_mm256_mul_pd(f, row(m, ax, ay)), load4(p->bx + i));
        const __m256d v =
            _mm256_sub_pd(_mm256_mul_pd(f, row(m + 3, ax, ay)), load4(p->by + i));
        const __m256d error_sq = _mm256_add_pd(_mm256_mul_pd(u, u), _mm256_mul_pd(v, v));
        const __m256d in_front = _mm256_cmp_pd(depth, _mm256_setzero_pd(), _CMP_GT_OQ);
        const __m256d near =
            _mm256_cmp_pd(error_sq, _mm256_set1_pd(tolerance_sq), _CMP_LT_OQ);
        uint32_t mask = (uint32_t)_mm256_movemask_pd(_mm256_and_pd(in_front, near));
        if (n - i < 4)
            mask &= (1u << (n - i)) - 1;
        n_found = write_bits(mask, i, found, n_found);
    }
    return n_found;
}

const agree_kernel agree_avx2 = {.name = "avx2",
                                 .is_supported = is_supported,
                                 .count = count,
                                 .list = list,
                                 .select = select_near};
#else
typedef int agree_avx2_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
