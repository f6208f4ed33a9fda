/* SPDX-License-Identifier: MIT
 *
 * |x - c|^2 = |x|^2 + (|c|^2 - 2 x.c), as in nearest_avx2.c. The instruction
 * adds four products of unsigned bytes to a 32-bit sum; a register holds the
 * same four bytes of 4 words, and the descriptor's four bytes are picked from
 * a register by number, so that 16 dimensions are loaded at a time.
 *
 * A panel is 16 words, 2 kB, and meets 4 descriptors at a time: 16 sums, 4
 * registers of words and 4 of descriptors.
 */
#include "vocabulary/nearest.h"

#if NEAREST_HAS_NEON

#include <arm_neon.h>
#include <string.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif

#include "base/memory.h"

#ifdef __clang__
#define DOT __attribute__((target("dotprod")))
#else
#define DOT __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_QUADS = DIM / 4,
    LANES = 4,
    PARTS = 4, /* registers of words */
    PANEL_WORDS = PARTS * LANES,
    ROWS = 4 /* descriptors at a time */
};

_Static_assert(NEAREST_BLOCK % ROWS == 0, "a block is made of whole rows");
_Static_assert(NEAREST_ROWS % ROWS == 0 && NEAREST_PANEL % PANEL_WORDS == 0,
               "as nearest.h says");

typedef struct panel {
    int32_t norms[PARTS][LANES]; /* |c|^2 */
    uint8_t quads[N_QUADS][PARTS][LANES][4];
} panel;

_Static_assert(sizeof(panel) == 132 * PANEL_WORDS, "as nearest.h says");

typedef struct block {
    uint8_t rows[NEAREST_BLOCK][DIM];
    int32_t norms[NEAREST_BLOCK]; /* |x|^2 */
} block;

static bool is_supported(void)
{
#ifdef __ARM_FEATURE_DOTPROD
    return true; /* or nothing of this build would run */
#else
    const unsigned long asimddp = 1ul << 20; /* HWCAP_ASIMDDP */
    return (getauxval(AT_HWCAP) & asimddp) != 0;
#endif
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
        to->norms[part][lane] = nearest_norm_sq(centroid);
        for (int q = 0; q < N_QUADS; q++)
            memcpy(to->quads[q][part][lane], centroid + 4 * q, 4);
    }
    return panels;
}

static void fill_block(block *b, const uint8_t *descriptors, size_t n)
{
    const size_t n_rows = (n + ROWS - 1) / ROWS * ROWS;
    memcpy(b->rows, descriptors, n * sizeof b->rows[0]);
    memset(b->rows + n, 0, (n_rows - n) * sizeof b->rows[0]);
    for (size_t i = 0; i < n_rows; i++)
        b->norms[i] = nearest_norm_sq(b->rows[i]);
}

/* Offer one panel to descriptor i. */
DOT static void keep_near(const panel *words, const block *b, size_t i,
                          const uint32x4_t products[PARTS], uint32_t word,
                          nearest_found *found)
{
    const int32x4_t limit = vdupq_n_s32(found->limits[i] - b->norms[i]);
    int32x4_t scores[PARTS]; /* |c|^2 - 2 x.c */
    int32_t score[PANEL_WORDS];

    for (int part = 0; part < PARTS; part++)
        scores[part] = vsubq_s32(vld1q_s32(words->norms[part]),
                                 vreinterpretq_s32_u32(vshlq_n_u32(products[part], 1)));
    const int32x4_t least =
        vminq_s32(vminq_s32(scores[0], scores[1]), vminq_s32(scores[2], scores[3]));
    if (vmaxvq_u32(vcltq_s32(least, limit)) == 0)
        return;
    for (int part = 0; part < PARTS; part++)
        vst1q_s32(score + part * LANES, scores[part]);
    for (uint32_t j = 0; j < PANEL_WORDS; j++) {
        const int32_t distance = score[j] + b->norms[i];
        if (distance < found->limits[i])
            nearest_take(found, i, word + j, (uint32_t)distance);
    }
}

/* Write the distances of one panel from descriptor i. */
DOT static void write_all(const panel *words, const block *b, size_t i,
                          const uint32x4_t products[PARTS], uint32_t word,
                          nearest_found *found)
{
    uint32_t *to = found->all + i * found->stride + word;
    for (int part = 0; part < PARTS; part++) {
        const uint32x4_t norms = vreinterpretq_u32_s32(
            vaddq_s32(vld1q_s32(words->norms[part]), vdupq_n_s32(b->norms[i])));
        vst1q_u32(to + part * LANES, vsubq_u32(norms, vshlq_n_u32(products[part], 1)));
    }
}

/* Quad q, of the four that x holds, of row r. */
#define ROW(r, q)                                                                          \
    do {                                                                                   \
        s##r##0 = vdotq_laneq_u32(s##r##0, c0, x##r, q);                                   \
        s##r##1 = vdotq_laneq_u32(s##r##1, c1, x##r, q);                                   \
        s##r##2 = vdotq_laneq_u32(s##r##2, c2, x##r, q);                                   \
        s##r##3 = vdotq_laneq_u32(s##r##3, c3, x##r, q);                                   \
    } while (0)

#define ROWS_OF_QUAD(q)                                                                    \
    do {                                                                                   \
        const uint8x16_t c0 = vld1q_u8(words->quads[d / 4 + (q)][0][0]);                   \
        const uint8x16_t c1 = vld1q_u8(words->quads[d / 4 + (q)][1][0]);                   \
        const uint8x16_t c2 = vld1q_u8(words->quads[d / 4 + (q)][2][0]);                   \
        const uint8x16_t c3 = vld1q_u8(words->quads[d / 4 + (q)][3][0]);                   \
        ROW(0, q);                                                                         \
        ROW(1, q);                                                                         \
        ROW(2, q);                                                                         \
        ROW(3, q);                                                                         \
    } while (0)

#define SUMS(r) uint32x4_t s##r##0 = zero, s##r##1 = zero, s##r##2 = zero, s##r##3 = zero

/* ROWS descriptors from row `first` against one panel, whose first word is
 * `word`. */
DOT static void run_rows(const panel *words, uint32_t word, const block *b, size_t first,
                         nearest_found *found)
{
    const uint32x4_t zero = vdupq_n_u32(0);
    SUMS(0);
    SUMS(1);
    SUMS(2);
    SUMS(3);

    for (int d = 0; d < DIM; d += 16) {
        const uint8x16_t x0 = vld1q_u8(b->rows[first] + d);
        const uint8x16_t x1 = vld1q_u8(b->rows[first + 1] + d);
        const uint8x16_t x2 = vld1q_u8(b->rows[first + 2] + d);
        const uint8x16_t x3 = vld1q_u8(b->rows[first + 3] + d);
        ROWS_OF_QUAD(0);
        ROWS_OF_QUAD(1);
        ROWS_OF_QUAD(2);
        ROWS_OF_QUAD(3);
    }
    const uint32x4_t sums[ROWS][PARTS] = {{s00, s01, s02, s03},
                                          {s10, s11, s12, s13},
                                          {s20, s21, s22, s23},
                                          {s30, s31, s32, s33}};
    for (size_t row = 0; row < ROWS; row++) {
        if (found->all)
            write_all(words, b, first + row, sums[row], word, found);
        else
            keep_near(words, b, first + row, sums[row], word, found);
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

DOT static uint64_t lower_distances(const uint8_t *centre, const uint8_t *points, size_t n,
                                    uint32_t *distances)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint32x4_t even = vdupq_n_u32(0), odd = even;
        for (int d = 0; d < DIM; d += 32) {
            const uint8_t *point = points + i * DIM + d;
            const uint8x16_t u = vabdq_u8(vld1q_u8(point), vld1q_u8(centre + d));
            const uint8x16_t v = vabdq_u8(vld1q_u8(point + 16), vld1q_u8(centre + d + 16));
            even = vdotq_u32(even, u, u);
            odd = vdotq_u32(odd, v, v);
        }
        const uint32_t distance = vaddvq_u32(vaddq_u32(even, odd));
        if (distance < distances[i])
            distances[i] = distance;
        sum += distances[i];
    }
    return sum;
}

const nearest_kernel nearest_neon = {.name = "neon",
                                     .is_supported = is_supported,
                                     .pack = pack,
                                     .assign = assign,
                                     .lower_distances = lower_distances};

#else
typedef int nearest_neon_is_for_arm_only; /* ISO C wants a declaration */
#endif
