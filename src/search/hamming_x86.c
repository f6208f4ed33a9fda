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

/* Bits that differ in 8 signatures from i on, those of `lanes`. */
AVX512 static __m512i distances_of_8(const uint8_t *low, const uint8_t *high, size_t i,
                                     __mmask8 lanes, __m512i query_low, __m512i query_high)
{
    const __m512i distance = _mm512_popcnt_epi64(
        _mm512_xor_si512(_mm512_maskz_loadu_epi64(lanes, low + i * 8), query_low));
    if (!high)
        return distance;
    return _mm512_add_epi64(
        distance, _mm512_popcnt_epi64(_mm512_xor_si512(
                      _mm512_maskz_loadu_epi64(lanes, high + i * 8), query_high)));
}

AVX512 static size_t find_avx512(const uint8_t *low, const uint8_t *high, size_t n,
                                 const uint64_t query[2], uint32_t threshold,
                                 hamming_found *found)
{
    const __m512i query_low = _mm512_set1_epi64((long long)query[0]);
    const __m512i query_high = _mm512_set1_epi64((long long)query[1]);
    const __m512i most = _mm512_set1_epi32((int)threshold);
    __m512i positions =
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t n_found = 0;

    for (size_t i = 0; i < n; i += 16) {
        const uint32_t lanes = n - i < 16 ? (1u << (n - i)) - 1 : 0xffffu;
        const __m256i first = _mm512_cvtepi64_epi32(
            distances_of_8(low, high, i, (__mmask8)lanes, query_low, query_high));
        const __m256i second = _mm512_cvtepi64_epi32(distances_of_8(
            low, high, i + 8, (__mmask8)(lanes >> 8), query_low, query_high));
        const __m512i distance =
            _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
        const __mmask16 is_near =
            _mm512_mask_cmple_epu32_mask((__mmask16)lanes, distance, most);
        /* Whole registers are stored: writing through a mask is slow on some. */
        _mm512_storeu_si512(found->positions + n_found,
                            _mm512_maskz_compress_epi32(is_near, positions));
        _mm512_storeu_si512(found->distances + n_found,
                            _mm512_maskz_compress_epi32(is_near, distance));
        n_found += (size_t)__builtin_popcount(is_near);
        positions = _mm512_add_epi32(positions, _mm512_set1_epi32(16));
    }
    return n_found;
}

const hamming_kernel hamming_avx512 = {
    .name = "avx512", .is_supported = has_avx512, .find = find_avx512};

#else
typedef int hamming_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
