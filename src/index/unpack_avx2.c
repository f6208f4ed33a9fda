/* SPDX-License-Identifier: MIT
 *
 * Eight integers of b bits fill b bytes exactly. The first four lie in the 16 bytes
 * from there, the others in the 16 from where the fifth begins. Each one's bytes are
 * shuffled into a lane of 32 bits and shifted down, which does for widths of up to 25
 * bits: a wider one may lie across five bytes. */
#include "index/unpack.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum {
    WIDEST = 25
};

#define AVX2 __attribute__((target("avx2")))

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

/* Of eight lanes, the sums up to each. */
AVX2 static __m256i sums_of_8(__m256i x)
{
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 8)); /* in each half */
    const __m256i low = _mm256_permute2x128_si256(x, x, 0x08);
    return _mm256_add_epi32(x, _mm256_shuffle_epi32(low, 0xff));
}

AVX2 static uint32_t largest_of_8(__m256i x)
{
    __m128i m = _mm_max_epu32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(m);
}

AVX2 static uint32_t sums(const uint8_t *bytes, uint32_t width, uint32_t n, uint32_t before,
                          uint32_t *out)
{
    if (width > WIDEST)
        return unpack_portable.sums(bytes, width, n, before, out);

    const int b = (int)width, odd = (4 * b) & 7;
    const __m256i bits =
        _mm256_setr_epi32(0, b, 2 * b, 3 * b, odd, odd + b, odd + 2 * b, odd + 3 * b);
    const __m256i shifts = _mm256_and_si256(bits, _mm256_set1_epi32(7));
    const __m256i shuffle = _mm256_add_epi32(
        _mm256_mullo_epi32(_mm256_srli_epi32(bits, 3), _mm256_set1_epi32(0x01010101)),
        _mm256_set1_epi32(0x03020100));
    const __m256i mask = _mm256_set1_epi32((int)((1u << width) - 1));
    const __m256i last = _mm256_set1_epi32(7);
    __m256i carry = _mm256_set1_epi32((int)before), largest = _mm256_setzero_si256();
    uint32_t i = 0;

    for (; i + 8 <= n; i += 8, bytes += width) {
        const uint8_t *second = bytes + 4 * width / 8;
        __m256i x = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)bytes)),
            _mm_loadu_si128((const __m128i *)second), 1);
        x = _mm256_srlv_epi32(_mm256_shuffle_epi8(x, shuffle), shifts);
        x = sums_of_8(_mm256_and_si256(x, mask));
        const __m256i sum = _mm256_add_epi32(x, carry);
        _mm256_storeu_si256((__m256i *)(out + i), sum);
        largest = _mm256_max_epu32(largest, sum);
        carry = _mm256_add_epi32(carry, _mm256_permutevar8x32_epi32(x, last));
    }
    const uint32_t most = largest_of_8(largest);
    const uint32_t rest = unpack_portable.sums(
        bytes, width, n - i, (uint32_t)_mm_cvtsi128_si32(_mm256_castsi256_si128(carry)),
        out + i);
    return most > rest ? most : rest;
}

const unpack_kernel unpack_avx2 = {.name = "avx2", .is_supported = has_avx2, .sums = sums};

#else
typedef int unpack_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
