/* agree.h - which matches agree with a motion: the two loops where spatial
 * verification spends its time, written once for each instruction set.
 *
 * A kernel is one file and one line of the table in agree.c. All kernels make
 * the same sums in the same order and give the same bits.
 */
#ifndef SEARCH_AGREE_H
#define SEARCH_AGREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AGREE_PADDING = 16 /* floats that kernels may read past the end of a column */
};

/* Properties of keypoint pairs, one array each. Positions are normalised (see
 * consensus.h); ratio is scale b over scale a, turn is angle b less angle a in
 * [0, 2 pi]. */
typedef struct pair_columns {
    float *ax, *ay, *bx, *by;
    float *ratio, *turn;
} pair_columns;

/* A similarity, and the limits within which a pair agrees with it. Under a
 * similarity the backward error is the forward error over the scale, so one
 * limit serves both. */
typedef struct similarity {
    float c, s, x, y; /* (ax, ay) goes to (c ax - s ay + x, s ax + c ay + y) */
    float turn;
    float max_error_sq; /* pairs agree below it */
    float least_ratio, most_ratio;
    float min_opposite; /* pi less the largest difference of turns */
} similarity;

typedef struct agree_kernel {
    const char *name;
    bool (*is_supported)(void); /* by this processor */

    /* How many of the pairs [from, to) agree; or, where those are fewer than
     * `least`, any number below it. */
    uint32_t (*count)(const pair_columns *pairs, const similarity *motion, uint32_t from,
                      uint32_t to, uint32_t least);

    /* Those pairs, ascending; how many. found is (to - from,). */
    uint32_t (*list)(const pair_columns *pairs, const similarity *motion, uint32_t from,
                     uint32_t to, uint32_t *found);

    /* The pairs of [0, n) that a motion (row-major 3 x 3) takes to less than
     * sqrt(tolerance_sq) from where they belong, ascending; how many. found is
     * (n,). */
    uint32_t (*select)(const pair_columns *pairs, const double motion[9],
                       double tolerance_sq, uint32_t n, uint32_t *found);
} agree_kernel;

extern const agree_kernel agree_portable;
#if defined(__x86_64__)
extern const agree_kernel agree_avx2;
extern const agree_kernel agree_avx512;
#endif

/* The i-th kernel that this processor supports, the fastest first and the
 * portable one last; NULL past it. */
const agree_kernel *agree_kernel_at(size_t i);

#endif
