/* SPDX-License-Identifier: MIT
 *
 * Bits are counted by the processor: one signature at a time with POPCNT, eight
 * at a time with AVX-512 VPOPCNTDQ. */
#include "search/hamming.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define POPCNT __attribute__((target("popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512vl,avx512vpopcntdq,popcnt")))

static bool has_popcnt(void)
{
    return __builtin_cpu_supports("popcnt");
}

static uint64_t load(const uint8_t *plane, size_t i)
{
    uint64_t value;
    memcpy(&value, plane + i * 8, sizeof value);
    return value;
}

POPCNT static size_t find_popcnt(const uint8_t *low, const uint8_t *high, size_t n,
                                 const uint64_t query[2], uint32_t threshold,
                                 hamming_found *found)
{
    size_t n_found = 0;
    for (size_t i = 0; i < n; i++) {
        int distance = __builtin_popcountll(load(low, i) ^ query[0]);
        if (high)
            distance += __builtin_popcountll(load(high, i) ^ query[1]);
        found->positions[n_found] = (uint32_t)i;
        found->distances[n_found] = (uint32_t)distance;
        n_found += (uint32_t)distance <= threshold;
    }
    return n_found;
}

const hamming_kernel hamming_popcnt = {
    .name = "popcnt", .is_supported = has_popcnt, .find = find_popcnt};

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vpopcntdq");
}

AVX512 static size_t find_avx512(const uint8_t *low, const uint8_t *high, size_t n,
                                 const uint64_t query[2], uint32_t threshold,
                                 hamming_found *found)
{
    const __m512i query_low = _mm512_set1_epi64((long long)query[0]);
    const __m512i query_high = _mm512_set1_epi64((long long)query[1]);
    const __m512i most = _mm512_set1_epi64(threshold);
    __m256i positions = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    size_t n_found = 0;

    for (size_t i = 0; i < n; i += 8) {
        const __mmask8 lanes = (__mmask8)(n - i < 8 ? (1u << (n - i)) - 1 : 0xffu);
        __m512i distance = _mm512_popcnt_epi64(
            _mm512_xor_si512(_mm512_maskz_loadu_epi64(lanes, low + i * 8), query_low));
        if (high)
            distance = _mm512_add_epi64(
                distance, _mm512_popcnt_epi64(_mm512_xor_si512(
                              _mm512_maskz_loadu_epi64(lanes, high + i * 8), query_high)));
        const __mmask8 is_near = _mm512_mask_cmple_epu64_mask(lanes, distance, most);
        /* Whole registers are stored: writing through a mask is slow on some. */
        _mm256_storeu_si256((__m256i *)(found->positions + n_found),
                            _mm256_maskz_compress_epi32(is_near, positions));
        _mm256_storeu_si256(
            (__m256i *)(found->distances + n_found),
            _mm256_maskz_compress_epi32(is_near, _mm512_cvtepi64_epi32(distance)));
        n_found += (size_t)__builtin_popcount(is_near);
        positions = _mm256_add_epi32(positions, _mm256_set1_epi32(8));
    }
    return n_found;
}

const hamming_kernel hamming_avx512 = {
    .name = "avx512", .is_supported = has_avx512, .find = find_avx512};

#else
typedef int hamming_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
