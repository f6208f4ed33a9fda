/* hypotheses.h - rough motions, each from one pair of keypoints, and those of
 * them that most other pairs agree with.
 */
#ifndef SEARCH_HYPOTHESES_H
#define SEARCH_HYPOTHESES_H

#include "search/agree.h"
#include "search/consensus.h"

enum {
    N_TURNS = 64 /* bins of a full turn */
};

typedef struct hypothesis {
    uint32_t n; /* agreeing places of the image that has fewer: what a one-to-one
                 * choice of the agreeing pairs cannot exceed */
    uint32_t pair;
} hypothesis;

/* The pairs of a table in order of their turns, all of them twice, so that the
 * pairs of any range of turns lie side by side. Scratch of one thread. */
typedef struct turn_order {
    pair_columns pairs; /* (2 n + AGREE_PADDING,) */
    uint32_t *pair;     /* (2 n,) index in the table */
    uint32_t *found;    /* (n,) */
    uint32_t starts[2 * N_TURNS + 1];
} turn_order;

typedef struct hypothesis_limits {
    float max_scale_ratio, max_angle; /* see bovw_verify_options */
    float max_enlargement; /* hypotheses beyond it, or its inverse, are left out */
    uint32_t least;        /* and those with fewer places */
} hypothesis_limits;

/* The motion that the i-th pair of keypoints alone tells: the similarity that
 * takes position, scale and angle of a to those of b. */
similarity hypothesis_motion(const pair_table *table, const hypothesis_limits *limits,
                             uint32_t i);

/*
 * The n_wanted hypotheses with most agreement, best first, ties by lower pair;
 * returns how many there are.
 *
 * Exact, though most hypotheses are not counted to their end: only pairs whose
 * turns differ by at most max_angle can agree, and a hypothesis is given up
 * as soon as it cannot come among the best any more.
 */
uint32_t hypotheses_find(pair_table *table, turn_order *order,
                         const hypothesis_limits *limits, hypothesis *best,
                         uint32_t n_wanted);

#endif
