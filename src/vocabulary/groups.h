/* groups.h - nearest centroids among very many: in groups below coarser
 * centroids, and only the nearest groups are searched.
 *
 * One level above the words makes of them the inverted lists of Jegou, Douze and
 * Schmid, "Product quantization for nearest neighbor search", PAMI 2011; more
 * levels with one group searched on each are a vocabulary tree (Nister and
 * Stewenius, "Scalable recognition with a vocabulary tree", CVPR 2006).
 *
 * Descriptors go through the exact kernels of nearest.h in batches that are
 * sorted by group, so that what is searched is searched at their full speed.
 * What is found depends neither on the kernel nor on threads and batches.
 */
#ifndef VOCABULARY_GROUPS_H
#define VOCABULARY_GROUPS_H

#include <stdint.h>

#include "base/error.h"
#include "bovw/monitor.h"
#include "vocabulary/nearest.h"

enum {
    GROUPS_MAX_LEVELS = 24 /* above the words */
};

/* Centroids of one level above the words, ordered by their own groups. */
typedef struct groups_level {
    uint32_t n;
    const uint8_t *centroids; /* (n, 128) */
    const uint32_t *sizes;    /* (n,) centroids of the next level in each group */
} groups_level;

/* What a file holds. Coarsest level first; the sizes of each level sum up to n
 * of the next, those of the last to the number of words. */
typedef struct groups_layout {
    uint32_t n_levels; /* in [1, GROUPS_MAX_LEVELS] */
    groups_level levels[GROUPS_MAX_LEVELS];
} groups_layout;

/* Immutable once made; shared by threads. */
typedef struct groups groups;

/*
 * Group k > 0 centroids (k, 128) below n_groups coarse ones (0: a good number),
 * by a few iterations of k-means on the centroids.
 *
 *   centroids  borrowed during the call only.
 *   compute    threads and kernel of this call, and kernel of those to come.
 *   monitor    or NULL; progress only.
 *
 * The same centroids and seed give the same groups. BOVW_ERR_ARG for more groups
 * than centroids or an unknown kernel, BOVW_ERR_NOMEM, BOVW_ERR_CANCELLED.
 * Memory: 4 bytes a centroid, 128 for its copy, and what its kernel needs.
 */
bovw_status groups_new(const uint8_t *centroids, uint32_t k, uint32_t n_groups,
                       uint64_t seed, const bovw_compute *compute,
                       const bovw_monitor *monitor, groups **made, bovw_error *err);

/*
 * From a layout and k centroids that are ordered by group already. The layout
 * is copied; the centroids must outlive the result. BOVW_ERR_ARG for sizes that
 * do not sum up, BOVW_ERR_NOMEM.
 */
bovw_status groups_from(const groups_layout *layout, const uint8_t *centroids, uint32_t k,
                        const nearest_kernel *kernel, groups **made, bovw_error *err);
void groups_free(groups *made);

const nearest_kernel *groups_kernel_of(const groups *made);
/* Borrowed. */
const groups_layout *groups_layout_of(const groups *made);
/* (k,) the caller's index of each centroid in order of groups; NULL if it was
 * that order already. */
const uint32_t *groups_order(const groups *made);

/*
 * The n_words nearest centroids of n descriptors among those in the n_probes
 * nearest groups of each level, by the caller's indices, and their squared
 * distances (NULL allowed), both (n, n_words), ascending. Of equal distances
 * the centroid that is earlier in order of groups is first.
 *
 * n_words is in [1, NEAREST_WORDS] and at most k; n_probes is at least 1, and as
 * many groups as there are where it is more; at most NEAREST_WORDS below the
 * coarsest level. Where the groups hold fewer than n_words centroids, all are searched.
 * BOVW_ERR_NOMEM. Memory: for each thread up to 30 MB, and 200 bytes a group.
 */
bovw_status groups_run(const groups *made, const uint8_t *descriptors, size_t n,
                       uint32_t n_words, uint32_t n_probes, int n_threads, uint32_t *words,
                       uint32_t *distances, bovw_error *err);

#endif
