/* tree.h - hierarchical k-means: a vocabulary tree.
 *
 * Nister and Stewenius, "Scalable recognition with a vocabulary tree", CVPR
 * 2006: k-means into `branch` clusters, then of the points of each cluster,
 * and so on; the leaves are the words. A descriptor goes down to the nearest
 * child on each level, so words are found with few distances, but less well
 * than the nearest of all.
 */
#ifndef VOCABULARY_TREE_H
#define VOCABULARY_TREE_H

#include "vocabulary/groups.h"

enum {
    TREE_MAX_DEPTH = GROUPS_MAX_LEVELS + 1
};

typedef struct tree_options {
    uint32_t branch;       /* above 1 */
    uint32_t depth;        /* in [1, TREE_MAX_DEPTH] */
    uint32_t n_iterations; /* of each k-means */
    uint64_t seed;
} tree_options;

typedef struct tree {
    uint32_t n_levels;                   /* with the leaves */
    groups_level levels[TREE_MAX_DEPTH]; /* owned; the leaves have no sizes */
    double error; /* mean squared distance of a point to its leaf's centroid */
} tree;

/*
 * Grow a tree on n > 0 points (n, 128), which are put in the order of its
 * leaves. A cluster of fewer points than `branch` has one child for each, and
 * no cluster is empty: a tree has branch^depth leaves, or fewer.
 *
 * The same points, options and seed give the same tree. BOVW_ERR_ARG for options
 * out of range, BOVW_ERR_LIMIT for more than BOVW_MAX_WORDS leaves,
 * BOVW_ERR_NOMEM, BOVW_ERR_CANCELLED. Memory: 140 bytes a point besides the
 * points, and 260 a leaf.
 */
bovw_status tree_grow(uint8_t *points, size_t n, const tree_options *opts,
                      const bovw_compute *compute, const bovw_monitor *monitor, tree *made,
                      bovw_error *err);
void tree_free(tree *made);

#endif
