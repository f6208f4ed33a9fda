/* kmeans_repair.h - clusters that no point chose get one. */
#ifndef VOCABULARY_KMEANS_REPAIR_H
#define VOCABULARY_KMEANS_REPAIR_H

#include <stddef.h>
#include <stdint.h>

/* A point that was given away. */
typedef struct kmeans_donation {
    uint32_t point, from;
} kmeans_donation;

/*
 * Give each empty cluster, in order, the point that is farthest from its
 * centroid (of equal ones the lower index), but no point that is alone in its
 * cluster or lies on its centroid: with fewer distinct points than clusters
 * some stay empty.
 *
 *   words      (n,) cluster of each point.
 *   distances  (n,) squared, to the centroid of that cluster; 0 for those moved.
 *   counts     (k,) points of each cluster.
 *   scratch    (n,), undefined before and after.
 *   donations  room for as many as there are empty clusters; their points and
 *              where they were.
 *
 * Returns how many clusters were refilled. O(n) where there is an empty one,
 * and O(log n) for each point looked at.
 */
uint32_t kmeans_repair(uint32_t *words, uint32_t *distances, size_t n, uint32_t *counts,
                       uint32_t k, uint32_t *scratch, kmeans_donation *donations);

#endif
