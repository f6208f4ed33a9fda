/* SPDX-License-Identifier: MIT
 *
 * One register holds the elements (2d, 2d + 1) of 8 rows of P; with a
 * residual's pair in every lane, one multiply-add gives 8 rows two more terms
 * each, and nothing is summed across lanes. Half of the rows at a time: 8
 * registers of sums.
 */
#include "vocabulary/embedding.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdalign.h>
#include <string.h>

#include "base/memory.h"

#define AVX2 __attribute__((target("avx2")))

enum {
    N_PAIRS = EMBEDDING_DIM / 2,
    LANES = 8,
    N_GROUPS = EMBEDDING_HALF / LANES /* registers of one half */
};

typedef struct packed_half {
    int16_t pairs[N_PAIRS][N_GROUPS][LANES][2];
} packed_half;

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2");
}

static void *pack(const int16_t *projection)
{
    packed_half *halves = mem_array(2, sizeof *halves);
    for (int row = 0; halves && row < EMBEDDING_DIM; row++) {
        packed_half *half = &halves[row / EMBEDDING_HALF];
        const int group = row % EMBEDDING_HALF / LANES, lane = row % LANES;
        for (int d = 0; d < EMBEDDING_DIM; d++)
            half->pairs[d / 2][group][lane][d % 2] = projection[row * EMBEDDING_DIM + d];
    }
    return halves;
}

AVX2 static __m256i load_wide(const uint8_t *bytes)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)bytes));
}

AVX2 static void project_half(const packed_half *half, const int16_t *residual,
                              int32_t *out)
{
    __m256i sums[N_GROUPS];
    for (int g = 0; g < N_GROUPS; g++)
        sums[g] = _mm256_setzero_si256();
    for (int p = 0; p < N_PAIRS; p++) {
        int32_t pair;
        memcpy(&pair, residual + 2 * p, sizeof pair);
        const __m256i x = _mm256_set1_epi32(pair);
        for (int g = 0; g < N_GROUPS; g++) {
            const __m256i rows = _mm256_load_si256((const __m256i *)half->pairs[p][g]);
            sums[g] = _mm256_add_epi32(sums[g], _mm256_madd_epi16(rows, x));
        }
    }
    for (int g = 0; g < N_GROUPS; g++)
        _mm256_storeu_si256((__m256i *)(out + g * LANES), sums[g]);
}

AVX2 static void project(const void *packed, const uint8_t *descriptor,
                         const uint8_t *centroid, int32_t *out)
{
    const packed_half *halves = packed;
    alignas(32) int16_t residual[EMBEDDING_DIM];
    for (int d = 0; d < EMBEDDING_DIM; d += 16)
        _mm256_store_si256(
            (__m256i *)(residual + d),
            _mm256_sub_epi16(load_wide(descriptor + d), load_wide(centroid + d)));
    project_half(&halves[0], residual, out);
    project_half(&halves[1], residual, out + EMBEDDING_HALF);
}

const embedding_kernel embedding_avx2 = {
    .name = "avx2", .is_supported = is_supported, .pack = pack, .project = project};

#else
typedef int embedding_avx2_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
