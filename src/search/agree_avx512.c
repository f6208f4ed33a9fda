/* SPDX-License-Identifier: MIT
 *
 * agree_portable.c in vectors of 16 floats and 8 doubles: the same operations
 * in the same order, none of them fused.
 */
#include "search/agree.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,popcnt")))

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("popcnt");
}

/* A similarity in every lane. */
typedef struct wide_similarity {
    __m512 c, s, x, y, turn, max_error_sq, least_ratio, most_ratio, min_opposite;
} wide_similarity;

AVX512 static inline wide_similarity widen(const similarity *h)
{
    return (wide_similarity){.c = _mm512_set1_ps(h->c),
                             .s = _mm512_set1_ps(h->s),
                             .x = _mm512_set1_ps(h->x),
                             .y = _mm512_set1_ps(h->y),
                             .turn = _mm512_set1_ps(h->turn),
                             .max_error_sq = _mm512_set1_ps(h->max_error_sq),
                             .least_ratio = _mm512_set1_ps(h->least_ratio),
                             .most_ratio = _mm512_set1_ps(h->most_ratio),
                             .min_opposite = _mm512_set1_ps(h->min_opposite)};
}

/* Of the pairs [i, i + 16) those that agree and have a bit in `wanted`. */
AVX512 static inline uint32_t agreeing(const pair_columns *p, const wide_similarity *h,
                                       uint32_t i, __mmask16 wanted)
{
    const __m512 pi = _mm512_set1_ps(3.14159265358979323846f);
    const __m512 ax = _mm512_loadu_ps(p->ax + i), ay = _mm512_loadu_ps(p->ay + i);
    const __m512 ratio = _mm512_loadu_ps(p->ratio + i);
    const __m512 to_x = _mm512_add_ps(
        _mm512_sub_ps(_mm512_mul_ps(h->c, ax), _mm512_mul_ps(h->s, ay)), h->x);
    const __m512 to_y = _mm512_add_ps(
        _mm512_add_ps(_mm512_mul_ps(h->s, ax), _mm512_mul_ps(h->c, ay)), h->y);
    const __m512 u = _mm512_sub_ps(to_x, _mm512_loadu_ps(p->bx + i));
    const __m512 v = _mm512_sub_ps(to_y, _mm512_loadu_ps(p->by + i));
    const __m512 error_sq = _mm512_add_ps(_mm512_mul_ps(u, u), _mm512_mul_ps(v, v));
    const __m512 apart =
        _mm512_abs_ps(_mm512_sub_ps(_mm512_loadu_ps(p->turn + i), h->turn));
    const __m512 opposite = _mm512_abs_ps(_mm512_sub_ps(apart, pi));
    __mmask16 mask = _mm512_mask_cmp_ps_mask(wanted, error_sq, h->max_error_sq, _CMP_LT_OQ);
    mask = _mm512_mask_cmp_ps_mask(mask, ratio, h->least_ratio, _CMP_GE_OQ);
    mask = _mm512_mask_cmp_ps_mask(mask, ratio, h->most_ratio, _CMP_LE_OQ);
    return _mm512_mask_cmp_ps_mask(mask, opposite, h->min_opposite, _CMP_GE_OQ);
}

/* The positions of the bits, which begin at pair `from`, behind the n found. */
static inline uint32_t write_bits(uint32_t bits, uint32_t from, uint32_t *found, uint32_t n)
{
    for (; bits; bits &= bits - 1)
        found[n++] = from + (uint32_t)__builtin_ctz(bits);
    return n;
}

AVX512 static uint32_t count(const pair_columns *pairs, const similarity *motion,
                             uint32_t from, uint32_t to, uint32_t least)
{
    const pair_columns p = *pairs;
    const wide_similarity h = widen(motion);
    uint32_t n = 0, i = from;
    for (; to - i >= 16; i += 16) {
        if (n + (to - i) < least)
            return n;
        n += (uint32_t)_mm_popcnt_u32(agreeing(&p, &h, i, 0xffff));
    }
    if (i < to)
        n += (uint32_t)_mm_popcnt_u32(
            agreeing(&p, &h, i, (__mmask16)((1u << (to - i)) - 1)));
    return n;
}

AVX512 static uint32_t list(const pair_columns *pairs, const similarity *motion,
                            uint32_t from, uint32_t to, uint32_t *found)
{
    const pair_columns p = *pairs;
    const wide_similarity h = widen(motion);
    uint32_t n = 0, i = from;
    for (; to - i >= 16; i += 16)
        n = write_bits(agreeing(&p, &h, i, 0xffff), i, found, n);
    if (i < to)
        n = write_bits(agreeing(&p, &h, i, (__mmask16)((1u << (to - i)) - 1)), i, found, n);
    return n;
}

AVX512 static inline __m512d row(const double m[3], __m512d x, __m512d y)
{
    return _mm512_add_pd(_mm512_add_pd(_mm512_mul_pd(_mm512_set1_pd(m[0]), x),
                                       _mm512_mul_pd(_mm512_set1_pd(m[1]), y)),
                         _mm512_set1_pd(m[2]));
}

AVX512 static inline __m512d load8(const float *from)
{
    return _mm512_cvtps_pd(_mm256_loadu_ps(from));
}

AVX512 static uint32_t select_near(const pair_columns *p, const double m[9],
                                   double tolerance_sq, uint32_t n, uint32_t *found)
{
    uint32_t n_found = 0;
    for (uint32_t i = 0; i < n; i += 8) {
        const __m512d ax = load8(p->ax + i), ay = load8(p->ay + i);
        const __m512d depth = row(m + 6, ax, ay);
        const __m512d f = _mm512_div_pd(_mm512_set1_pd(1), depth);
        const __m512d u = _mm512_sub_pd(_mm512_mul_pd(f, row(m, ax, ay)), load8(p->bx + i));
        const __m512d v =
            _mm512_sub_pd(_mm512_mul_pd(f, row(m + 3, ax, ay)), load8(p->by + i));
        const __m512d error_sq = _mm512_add_pd(_mm512_mul_pd(u, u), _mm512_mul_pd(v, v));
        const __mmask8 in_front =
            _mm512_cmp_pd_mask(depth, _mm512_setzero_pd(), _CMP_GT_OQ);
        uint32_t mask = _mm512_mask_cmp_pd_mask(in_front, error_sq,
                                                _mm512_set1_pd(tolerance_sq), _CMP_LT_OQ);
        if (n - i < 8)
            mask &= (1u << (n - i)) - 1;
        n_found = write_bits(mask, i, found, n_found);
    }
    return n_found;
}

const agree_kernel agree_avx512 = {.name = "avx512",
                                   .is_supported = is_supported,
                                   .count = count,
                                   .list = list,
                                   .select = select_near};
#else
typedef int agree_avx512_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
