/* SPDX-License-Identifier: MIT */
#include "vocabulary/kmeans_repair.h"

#include <stdbool.h>

/* Points with the farthest on top. */
typedef struct heap {
    const uint32_t *distances;
    uint32_t *points; /* (n,) */
    size_t n;
} heap;

static bool is_farther(const heap *h, uint32_t a, uint32_t b)
{
    if (h->distances[a] != h->distances[b])
        return h->distances[a] > h->distances[b];
    return a < b;
}

/* Let the point at `root` sink to its place. */
static void sift_down(heap *h, size_t root)
{
    const uint32_t point = h->points[root];
    for (size_t child = 2 * root + 1; child < h->n; child = 2 * root + 1) {
        if (child + 1 < h->n && is_farther(h, h->points[child + 1], h->points[child]))
            child++;
        if (!is_farther(h, h->points[child], point))
            break;
        h->points[root] = h->points[child];
        root = child;
    }
    h->points[root] = point;
}

static void heap_make(heap *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->points[i] = (uint32_t)i;
    for (size_t i = h->n / 2; i-- > 0;)
        sift_down(h, i);
}

static uint32_t heap_take(heap *h)
{
    const uint32_t point = h->points[0];
    h->points[0] = h->points[--h->n];
    if (h->n > 0)
        sift_down(h, 0);
    return point;
}

/* The farthest point that its cluster can spare; false where there is none. */
static bool take_donation(heap *h, const uint32_t *words, const uint32_t *counts,
                          uint32_t *point)
{
    while (h->n > 0 && h->distances[h->points[0]] > 0) {
        *point = heap_take(h);
        if (counts[words[*point]] > 1)
            return true;
    }
    return false;
}

uint32_t kmeans_repair(uint32_t *words, uint32_t *distances, size_t n, uint32_t *counts,
                       uint32_t k, uint32_t *scratch, kmeans_donation *donations)
{
    heap h = {.distances = distances, .points = scratch, .n = n};
    bool is_made = false;
    uint32_t n_repaired = 0, point;

    for (uint32_t cluster = 0; cluster < k; cluster++) {
        if (counts[cluster] > 0)
            continue;
        if (!is_made)
            heap_make(&h);
        is_made = true;
        if (!take_donation(&h, words, counts, &point))
            break;
        donations[n_repaired++] = (kmeans_donation){point, words[point]};
        counts[words[point]]--;
        counts[cluster] = 1;
        words[point] = cluster;
        distances[point] = 0; /* it is off the heap already */
    }
    return n_repaired;
}
