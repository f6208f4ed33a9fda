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

AVX2 static void dots(const float *queries, const float *rows, size_t n, size_t stride,
                      float *results)
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
                low[q] = _mm256_add_ps(low[q], _mm256_mul_ps(_mm256_load_ps(query), x));
                high[q] =
                    _mm256_add_ps(high[q], _mm256_mul_ps(_mm256_load_ps(query + 8), y));
            }
        }
        for (int q = 0; q < PRODUCT_QUERIES; q++)
            results[r * PRODUCT_QUERIES + q] = add_parts(low[q], high[q]);
    }
}

AVX2 static void distances_sq(const float *queries, const float *rows, size_t n,
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
                const __m256 a = _mm256_sub_ps(_mm256_load_ps(query), x);
                const __m256 b = _mm256_sub_ps(_mm256_load_ps(query + 8), y);
                low[q] = _mm256_add_ps(low[q], _mm256_mul_ps(a, a));
                high[q] = _mm256_add_ps(high[q], _mm256_mul_ps(b, b));
            }
        }
        for (int q = 0; q < PRODUCT_QUERIES; q++)
            results[r * PRODUCT_QUERIES + q] = add_parts(low[q], high[q]);
    }
}

const product_kernel product_avx2 = {.name = "avx2",
                                     .is_supported = is_supported,
                                     .dots = dots,
                                     .distances_sq = distances_sq};

#endif
