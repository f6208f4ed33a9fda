/* SPDX-License-Identifier: MIT
 *
 * |x - c|^2 = |x|^2 + (|c|^2 - 2 x.c), as in nearest_avx2.c. The instruction
 * multiplies unsigned bytes by signed ones and adds four products to a 32-bit
 * sum, without saturation: c stays as it is, x is shifted by 128, and
 *
 *     x.c = (x - 128).c + 128 sum(c)
 *
 * so that the correction belongs to the word alone and goes with its norm. One
 * register holds the same four bytes of 16 words; with a descriptor's four
 * bytes in every lane nothing is summed across lanes.
 *
 * A panel is 64 words, 8 kB, and meets 6 descriptors at a time: 24 sums, 4
 * registers of words and one of a descriptor. Each panel is fetched from
 * memory once per block, while the one before it is at work.
 */
#include "vocabulary/nearest.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdalign.h>
#include <string.h>

#include "base/memory.h"

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_QUADS = DIM / 4,
    LANES = 16,
    PARTS = 4, /* registers of words */
    PANEL_WORDS = PARTS * LANES,
    ROWS = 6, /* descriptors at a time */
    LINE = 64 /* bytes that one prefetch brings */
};

_Static_assert(NEAREST_BLOCK % ROWS == 0, "a block is made of whole rows");
_Static_assert(NEAREST_ROWS % ROWS == 0 && NEAREST_PANEL % PANEL_WORDS == 0,
               "as nearest.h says");

typedef struct panel {
    int32_t norms[PARTS][LANES]; /* |c|^2 - 256 sum(c) */
    uint8_t quads[N_QUADS][PARTS][LANES][4];
} panel;

_Static_assert(sizeof(panel) == 132 * PANEL_WORDS, "as nearest.h says");

typedef struct block {
    alignas(64) uint8_t quads[NEAREST_BLOCK][DIM]; /* x - 128 */
    int32_t norms[NEAREST_BLOCK];                  /* |x|^2 */
} block;

/* The compiler's check covers the registers that the system must save. */
static bool is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vnni");
}

static int32_t sum_of(const uint8_t *vector)
{
    int32_t sum = 0;
    for (int d = 0; d < DIM; d++)
        sum += vector[d];
    return sum;
}

static void *pack(const uint8_t *centroids, uint32_t k)
{
    const size_t n_panels = ((size_t)k + PANEL_WORDS - 1) / PANEL_WORDS;
    panel *panels = mem_array(n_panels, sizeof *panels);
    if (!panels)
        return NULL;
    for (size_t word = 0; word < n_panels * PANEL_WORDS; word++) {
        panel *to = &panels[word / PANEL_WORDS];
        const size_t part = word / LANES % PARTS, lane = word % LANES;
        if (word >= k) {
            to->norms[part][lane] = INT32_MAX / 2; /* never near */
            continue;
        }
        const uint8_t *centroid = centroids + word * DIM;
        to->norms[part][lane] = nearest_norm_sq(centroid) - 256 * sum_of(centroid);
        for (int q = 0; q < N_QUADS; q++)
            memcpy(to->quads[q][part][lane], centroid + 4 * q, 4);
    }
    return panels;
}

static void fill_block(block *b, const uint8_t *descriptors, size_t n)
{
    const size_t n_rows = (n + ROWS - 1) / ROWS * ROWS;
    for (size_t i = 0; i < n; i++) {
        b->norms[i] = nearest_norm_sq(descriptors + i * DIM);
        for (int d = 0; d < DIM; d++)
            b->quads[i][d] = descriptors[i * DIM + d] ^ 0x80;
    }
    memset(b->quads + n, 0, (n_rows - n) * sizeof b->quads[0]);
    memset(b->norms + n, 0, (n_rows - n) * sizeof b->norms[0]);
}

VNNI static __m512i scores_of(__m512i norms, __m512i products)
{
    return _mm512_sub_epi32(norms, _mm512_slli_epi32(products, 1));
}

/* What the score |c|^2 - 2 x.c of a word must be less than. */
VNNI static __m512i limit_of(const block *b, size_t i, const nearest_found *found)
{
    return _mm512_set1_epi32(found->limits[i] - b->norms[i]);
}

/* Whether any score of a panel is below the limit of descriptor i. */
VNNI static unsigned is_near(const panel *words, __m512i s0, __m512i s1, __m512i s2,
                             __m512i s3, __m512i limit)
{
    s0 = scores_of(_mm512_load_si512(words->norms[0]), s0);
    s1 = scores_of(_mm512_load_si512(words->norms[1]), s1);
    s2 = scores_of(_mm512_load_si512(words->norms[2]), s2);
    s3 = scores_of(_mm512_load_si512(words->norms[3]), s3);
    const __m512i least =
        _mm512_min_epi32(_mm512_min_epi32(s0, s1), _mm512_min_epi32(s2, s3));
    return _mm512_cmplt_epi32_mask(least, limit) != 0;
}

/* Write the distances of a panel from descriptor i. */
VNNI static void write_all(const panel *words, const block *b, size_t i, __m512i s0,
                           __m512i s1, __m512i s2, __m512i s3, uint32_t word,
                           nearest_found *found)
{
    const __m512i products[PARTS] = {s0, s1, s2, s3};
    const __m512i norm = _mm512_set1_epi32(b->norms[i]);
    uint32_t *to = found->all + i * found->stride + word;
    for (int part = 0; part < PARTS; part++) {
        const __m512i norms = _mm512_load_si512(words->norms[part]);
        _mm512_storeu_si512(to + part * LANES,
                            _mm512_add_epi32(scores_of(norms, products[part]), norm));
    }
}

/* Offer a panel to descriptor i, for which some of its words are near. */
VNNI static void take_near(const panel *words, const block *b, size_t i,
                           const __m512i products[PARTS], uint32_t word,
                           nearest_found *found)
{
    alignas(64) int32_t scores[LANES];
    for (int part = 0; part < PARTS; part++, word += LANES) {
        const __m512i norms = _mm512_load_si512(words->norms[part]);
        const __m512i these = scores_of(norms, products[part]);
        unsigned near = _mm512_cmplt_epi32_mask(these, limit_of(b, i, found));
        _mm512_store_si512(scores, these);
        for (; near; near &= near - 1) {
            const unsigned lane = (unsigned)__builtin_ctz(near);
            const int32_t distance = scores[lane] + b->norms[i];
            if (distance < found->limits[i])
                nearest_take(found, i, word + lane, (uint32_t)distance);
        }
    }
}

VNNI static __m512i quad_of(const uint8_t *row, int q)
{
    int32_t quad;
    memcpy(&quad, row + 4 * q, sizeof quad);
    return _mm512_set1_epi32(quad);
}

/* Multiply-add of row r. The empty statement keeps the compiler from doing all
 * rows side by side, for which there are too few registers. */
#define ROW(r)                                                                             \
    do {                                                                                   \
        const __m512i x = quad_of(rows + (r)*DIM, q);                                      \
        s##r##0 = _mm512_dpbusd_epi32(s##r##0, c0, x);                                     \
        s##r##1 = _mm512_dpbusd_epi32(s##r##1, c1, x);                                     \
        s##r##2 = _mm512_dpbusd_epi32(s##r##2, c2, x);                                     \
        s##r##3 = _mm512_dpbusd_epi32(s##r##3, c3, x);                                     \
        __asm__("" : "+v"(s##r##0), "+v"(s##r##1), "+v"(s##r##2), "+v"(s##r##3));          \
    } while (0)

#define SUMS(r) __m512i s##r##0 = zero, s##r##1 = zero, s##r##2 = zero, s##r##3 = zero

#define IS_NEAR(r)                                                                         \
    is_near(words, s##r##0, s##r##1, s##r##2, s##r##3, limit_of(b, first + (r), found))    \
        << (r)

#define WRITE_ALL(r)                                                                       \
    write_all(words, b, first + (r), s##r##0, s##r##1, s##r##2, s##r##3, word, found)

/* ROWS descriptors from row `first` against one panel, whose first word is
 * `word`. */
VNNI static void run_rows(const panel *words, uint32_t word, const block *b, size_t first,
                          nearest_found *found)
{
    const uint8_t *rows = b->quads[first];
    const __m512i zero = _mm512_setzero_si512();
    SUMS(0);
    SUMS(1);
    SUMS(2);
    SUMS(3);
    SUMS(4);
    SUMS(5);

    for (int q = 0; q < N_QUADS; q++) {
        const __m512i c0 = _mm512_load_si512(words->quads[q][0]);
        const __m512i c1 = _mm512_load_si512(words->quads[q][1]);
        const __m512i c2 = _mm512_load_si512(words->quads[q][2]);
        const __m512i c3 = _mm512_load_si512(words->quads[q][3]);
        ROW(0);
        ROW(1);
        ROW(2);
        ROW(3);
        ROW(4);
        ROW(5);
    }
    if (found->all) {
        WRITE_ALL(0);
        WRITE_ALL(1);
        WRITE_ALL(2);
        WRITE_ALL(3);
        WRITE_ALL(4);
        WRITE_ALL(5);
        return;
    }
    unsigned near =
        IS_NEAR(0) | IS_NEAR(1) | IS_NEAR(2) | IS_NEAR(3) | IS_NEAR(4) | IS_NEAR(5);
    if (near == 0) /* mostly */
        return;
    const __m512i sums[ROWS][PARTS] = {{s00, s01, s02, s03}, {s10, s11, s12, s13},
                                       {s20, s21, s22, s23}, {s30, s31, s32, s33},
                                       {s40, s41, s42, s43}, {s50, s51, s52, s53}};
    for (; near; near &= near - 1) {
        const unsigned row = (unsigned)__builtin_ctz(near);
        take_near(words, b, first + row, sums[row], word, found);
    }
}

/* Fetch the part of a panel that is due while rows from `first` are at work:
 * whole lines, so that a few at its end are left to the processor. */
static void prefetch(const panel *next, size_t first)
{
    enum {
        LINES = sizeof(panel) / LINE / (NEAREST_BLOCK / ROWS)
    };
    const uint8_t *from = (const uint8_t *)next + first / ROWS * LINES * LINE;
    for (size_t line = 0; line < LINES; line++)
        __builtin_prefetch(from + line * LINE);
}

static void assign(const uint8_t *centroids, const void *packed, uint32_t k,
                   const uint8_t *descriptors, size_t n, nearest_found *found)
{
    const panel *panels = packed;
    block b;
    (void)centroids;

    fill_block(&b, descriptors, n);
    for (uint32_t word = 0; word < k; word += PANEL_WORDS) {
        const panel *words = &panels[word / PANEL_WORDS];
        for (size_t i = 0; i < n; i += ROWS) {
            if (k - word > PANEL_WORDS)
                prefetch(words + 1, i);
            run_rows(words, word, &b, i, found);
        }
    }
}

/* Squared differences of 64 bytes, summed by lane. */
VNNI static __m512i add_squares(__m512i sums, __m512i a, __m512i b)
{
    const __m512i difference =
        _mm512_or_si512(_mm512_subs_epu8(a, b), _mm512_subs_epu8(b, a));
    const __m512i zero = _mm512_setzero_si512();
    const __m512i low = _mm512_unpacklo_epi8(difference, zero);
    const __m512i high = _mm512_unpackhi_epi8(difference, zero);
    return _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(sums, low, low), high, high);
}

VNNI static uint64_t lower_distances(const uint8_t *centre, const uint8_t *points, size_t n,
                                     uint32_t *distances)
{
    const __m512i from0 = _mm512_loadu_si512(centre);
    const __m512i from1 = _mm512_loadu_si512(centre + 64);
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        const uint8_t *point = points + i * DIM;
        const __m512i zero = _mm512_setzero_si512();
        const uint32_t distance = (uint32_t)_mm512_reduce_add_epi32(
            _mm512_add_epi32(add_squares(zero, _mm512_loadu_si512(point), from0),
                             add_squares(zero, _mm512_loadu_si512(point + 64), from1)));
        if (distance < distances[i])
            distances[i] = distance;
        sum += distances[i];
    }
    return sum;
}

const nearest_kernel nearest_vnni = {.name = "vnni",
                                     .is_supported = is_supported,
                                     .pack = pack,
                                     .assign = assign,
                                     .lower_distances = lower_distances};

#else
typedef int nearest_vnni_is_for_x86_64_only; /* ISO C wants a declaration */
#endif
