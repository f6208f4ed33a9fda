/* SPDX-License-Identifier: MIT
 *
 * The 16 parts of a sum are two registers of 8; multiplications and additions
 * stay apart, since a fused one would round differently from other machines. */
#include "vectors/products.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

_Static_assert(PRODUCT_LANES == 16 && PRODUCT_QUERIES == 4, "two registers, four sums");

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2");
}

/* low has the parts 0 to 7, high 8 to 15. */
AVX2 static float add_parts(__m256 low, __m256 high)
{
    const __m256 eight = _mm256_add_ps(low, high);
    const __m128 four =
        _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* A term of query value and row value, eight at a time. */
typedef __m256 term_function(__m256 query, __m256 row);

AVX2 static inline __m256 product(__m256 a, __m256 b)
{
    return _mm256_mul_ps(a, b);
}

AVX2 static inline __m256 square(__m256 a, __m256 b)
{
    const __m256 d = _mm256_sub_ps(a, b);
    return _mm256_mul_ps(d, d);
}

AVX2 static inline __m256 absolute(__m256 a, __m256 b)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_sub_ps(a, b));
}

AVX2 static inline __m256 lesser(__m256 a, __m256 b)
{
    return _mm256_min_ps(a, b);
}

/* Inlined with its term into each of the kernel's functions. */
AVX2 static inline __attribute__((always_inline)) void
sum_terms(term_function *term, const float *queries, const float *rows, size_t n,
          size_t stride, float *results)
{
    for (size_t r = 0; r < n; r++) {
        const float *row = rows + r * stride;
        __m256 low[PRODUCT_QUERIES], high[PRODUCT_QUERIES];
        for (int q = 0; q < PRODUCT_QUERIES; q++)
            low[q] = high[q] = _mm256_setzero_ps();
        for (size_t i = 0; i < stride; i += PRODUCT_LANES) {
            const __m256 x = _mm256_load_ps(row + i), y = _mm256_load_ps(row + i + 8);
#pragma GCC unroll 4
            for (int q = 0; q < PRODUCT_QUERIES; q++) {
                const float *query = queries + q * stride + i;
                low[q] = _mm256_add_ps(low[q], term(_mm256_load_ps(query), x));
                high[q] = _mm256_add_ps(high[q], term(_mm256_load_ps(query + 8), y));
            }
        }
        for (int q = 0; q < PRODUCT_QUERIES; q++)
            results[r * PRODUCT_QUERIES + q] = add_parts(low[q], high[q]);
    }
}

AVX2 static void dots(const float *queries, const float *rows, size_t n, size_t stride,
                      float *results)
{
    sum_terms(product, queries, rows, n, stride, results);
}

AVX2 static void distances_sq(const float *queries, const float *rows, size_t n,
                              size_t stride, float *results)
{
    sum_terms(square, queries, rows, n, stride, results);
}

AVX2 static void distances_l1(const float *queries, const float *rows, size_t n,
                              size_t stride, float *results)
{
    sum_terms(absolute, queries, rows, n, stride, results);
}

AVX2 static void intersections(const float *queries, const float *rows, size_t n,
                               size_t stride, float *results)
{
    sum_terms(lesser, queries, rows, n, stride, results);
}

const product_kernel product_avx2 = {.name = "avx2",
                                     .is_supported = is_supported,
                                     .dots = dots,
                                     .distances_sq = distances_sq,
                                     .distances_l1 = distances_l1,
                                     .intersections = intersections};

#endif
