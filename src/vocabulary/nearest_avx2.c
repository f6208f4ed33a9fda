/* SPDX-License-Identifier: MIT
 *
 * |x - c|^2 = |x|^2 + (|c|^2 - 2 x.c), and |x|^2 does not matter for which c
 * is nearest. One register holds, for 8 words, the pair (2d, 2d + 1) of -2 c as
 * 16-bit integers; with a descriptor's pair in every lane, one multiply-add
 * gives 8 words two more terms each, and nothing is summed across lanes.
 *
 * A panel is 16 words: 4 kB that stay in the first-level cache while a block
 * of descriptors passes over them, 6 at a time against 2 registers of words,
 * which is all that 16 registers allow. Panels stream from memory once per
 * block. Few words come below the limit of a descriptor after the first, so
 * one compare and one branch a panel is all that the choice among them costs.
 */
#include "vocabulary/nearest.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdalign.h>
#include <string.h>

#include "base/memory.h"

#define AVX2 __attribute__((target("avx2")))

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_PAIRS = DIM / 2,
    LANES = 8,
    PANEL_WORDS = 2 * LANES,
    ROWS = 6 /* descriptors at a time */
};

_Static_assert(NEAREST_BLOCK % ROWS == 0, "a block is made of whole rows");
_Static_assert(NEAREST_ROWS % ROWS == 0 && NEAREST_PANEL % PANEL_WORDS == 0,
               "as nearest.h says");

typedef struct panel {
    int32_t norms[2][LANES]; /* |c|^2 */
    int16_t pairs[N_PAIRS][2][LANES][2];
} panel;

_Static_assert(sizeof(panel) == 260 * PANEL_WORDS, "as nearest.h and vocabulary.h say");

typedef struct block {
    alignas(32) int16_t pairs[NEAREST_BLOCK][DIM];
    int32_t norms[NEAREST_BLOCK]; /* |x|^2 */
} block;

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2");
}

static void *pack(const uint8_t *centroids, uint32_t k)
{
    const size_t n_panels = ((size_t)k + PANEL_WORDS - 1) / PANEL_WORDS;
    panel *panels = mem_array(n_panels, sizeof *panels);
    if (!panels)
        return NULL;
    for (size_t word = 0; word < n_panels * PANEL_WORDS; word++) {
        panel *to = &panels[word / PANEL_WORDS];
        const size_t half = word / LANES % 2, lane = word % LANES;
        if (word >= k) {
            to->norms[half][lane] = INT32_MAX / 2; /* never the nearest */
            continue;
        }
        const uint8_t *centroid = centroids + word * DIM;
        for (int d = 0; d < DIM; d++) {
            to->pairs[d / 2][half][lane][d % 2] = (int16_t)(-2 * centroid[d]);
        }
        to->norms[half][lane] = nearest_norm_sq(centroid);
    }
    return panels;
}

AVX2 static void fill_block(block *b, const uint8_t *descriptors, size_t n)
{
    const size_t n_rows = (n + ROWS - 1) / ROWS * ROWS;
    for (size_t i = 0; i < n; i++) {
        b->norms[i] = nearest_norm_sq(descriptors + i * DIM);
        for (int d = 0; d < DIM; d += 16) {
            const __m128i bytes =
                _mm_loadu_si128((const __m128i *)(descriptors + i * DIM + d));
            _mm256_store_si256((__m256i *)(b->pairs[i] + d), _mm256_cvtepu8_epi16(bytes));
        }
    }
    memset(b->pairs + n, 0, (n_rows - n) * sizeof b->pairs[0]);
    memset(b->norms + n, 0, (n_rows - n) * sizeof b->norms[0]);
}

AVX2 static __m256i pair_of(const int16_t *row, int p)
{
    int32_t pair;
    memcpy(&pair, row + 2 * p, sizeof pair);
    return _mm256_set1_epi32(pair);
}

/* Offer one panel, as its scores |c|^2 - 2 x.c, to descriptor i. */
AVX2 static void keep_near(const block *b, size_t i, __m256i score0, __m256i score1,
                           uint32_t word, nearest_found *found)
{
    const __m256i limit = _mm256_set1_epi32(found->limits[i] - b->norms[i]);
    const __m256i is_near0 = _mm256_cmpgt_epi32(limit, score0);
    const __m256i is_near1 = _mm256_cmpgt_epi32(limit, score1);
    const __m256i is_near = _mm256_or_si256(is_near0, is_near1);
    alignas(32) int32_t scores[PANEL_WORDS];

    if (_mm256_testz_si256(is_near, is_near))
        return;
    _mm256_store_si256((__m256i *)scores, score0);
    _mm256_store_si256((__m256i *)(scores + LANES), score1);
    for (uint32_t lane = 0; lane < PANEL_WORDS; lane++) {
        const int32_t distance = scores[lane] + b->norms[i];
        if (distance < found->limits[i])
            nearest_take(found, i, word + lane, (uint32_t)distance);
    }
}

/* Write the distances of one panel from descriptor i. */
AVX2 static void write_all(const block *b, size_t i, __m256i score0, __m256i score1,
                           uint32_t word, nearest_found *found)
{
    const __m256i norm = _mm256_set1_epi32(b->norms[i]);
    __m256i *to = (__m256i *)(found->all + i * found->stride + word);
    _mm256_storeu_si256(to, _mm256_add_epi32(score0, norm));
    _mm256_storeu_si256(to + 1, _mm256_add_epi32(score1, norm));
}

/* Multiply-add of one row. The empty statement keeps the compiler from doing
 * all rows side by side, for which there are too few registers. */
#define ROW(a, b, row)                                                                     \
    do {                                                                                   \
        const __m256i x = pair_of(rows + (row)*DIM, p);                                    \
        a = _mm256_add_epi32(a, _mm256_madd_epi16(c0, x));                                 \
        b = _mm256_add_epi32(b, _mm256_madd_epi16(c1, x));                                 \
        __asm__("" : "+x"(a), "+x"(b));                                                    \
    } while (0)

/* ROWS descriptors from row `first` against one panel, whose first word is
 * `word`. */
AVX2 static void run_rows(const panel *words, uint32_t word, const block *b, size_t first,
                          nearest_found *found)
{
    const int16_t *rows = b->pairs[first];
    const __m256i norm0 = _mm256_load_si256((const __m256i *)words->norms[0]);
    const __m256i norm1 = _mm256_load_si256((const __m256i *)words->norms[1]);
    __m256i a0 = norm0, a1 = norm0, a2 = norm0, a3 = norm0, a4 = norm0, a5 = norm0;
    __m256i b0 = norm1, b1 = norm1, b2 = norm1, b3 = norm1, b4 = norm1, b5 = norm1;

    for (int p = 0; p < N_PAIRS; p++) {
        const __m256i c0 = _mm256_load_si256((const __m256i *)words->pairs[p][0]);
        const __m256i c1 = _mm256_load_si256((const __m256i *)words->pairs[p][1]);
        ROW(a0, b0, 0);
        ROW(a1, b1, 1);
        ROW(a2, b2, 2);
        ROW(a3, b3, 3);
        ROW(a4, b4, 4);
        ROW(a5, b5, 5);
    }
    const __m256i a[ROWS] = {a0, a1, a2, a3, a4, a5}, c[ROWS] = {b0, b1, b2, b3, b4, b5};
    for (size_t i = 0; i < ROWS; i++) {
        if (found->all)
            write_all(b, first + i, a[i], c[i], word, found);
        else
            keep_near(b, first + i, a[i], c[i], word, found);
    }
}

static void assign(const uint8_t *centroids, const void *packed, uint32_t k,
                   const uint8_t *descriptors, size_t n, nearest_found *found)
{
    const panel *panels = packed;
    block b;
    (void)centroids;

    fill_block(&b, descriptors, n);
    for (uint32_t word = 0; word < k; word += PANEL_WORDS) {
        for (size_t i = 0; i < n; i += ROWS)
            run_rows(&panels[word / PANEL_WORDS], word, &b, i, found);
    }
}

AVX2 static __m256i load_wide(const uint8_t *bytes)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)bytes));
}

AVX2 static uint32_t sum_of_lanes(__m256i v)
{
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(sum);
}

AVX2 static uint64_t lower_distances(const uint8_t *centre, const uint8_t *points, size_t n,
                                     uint32_t *distances)
{
    __m256i from[DIM / 16];
    uint64_t sum = 0;

    for (int j = 0; j < DIM / 16; j++)
        from[j] = load_wide(centre + 16 * j);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *point = points + i * DIM;
        __m256i even = _mm256_setzero_si256(), odd = even;
        for (int j = 0; j < DIM / 16; j += 2) {
            const __m256i u = _mm256_sub_epi16(load_wide(point + 16 * j), from[j]);
            const __m256i v = _mm256_sub_epi16(load_wide(point + 16 * j + 16), from[j + 1]);
            even = _mm256_add_epi32(even, _mm256_madd_epi16(u, u));
            odd = _mm256_add_epi32(odd, _mm256_madd_epi16(v, v));
        }
        const uint32_t distance = sum_of_lanes(_mm256_add_epi32(even, odd));
        if (distance < distances[i])
            distances[i] = distance;
        sum += distances[i];
    }
    return sum;
}

const nearest_kernel nearest_avx2 = {.name = "avx2",
                                     .is_supported = is_supported,
                                     .pack = pack,
                                     .assign = assign,
                                     .lower_distances = lower_distances};

#else
typedef int nearest_avx2_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
