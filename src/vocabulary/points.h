/* points.h - descriptors that are gone through again and again, in memory or in
 * a file that need not fit there. */
#ifndef VOCABULARY_POINTS_H
#define VOCABULARY_POINTS_H

#include "base/file.h"
#include "bovw/features.h"

enum {
    POINTS_CHUNK = 65536 /* points to work on between two calls of points_done() */
};

typedef struct point_set {
    const uint8_t *data; /* (n, 128) */
    size_t n;
    const file_map *map; /* whose beginning data is; NULL: in memory */
} point_set;

/* Points [first, first + n) will not be needed soon: those of a file leave
 * memory and come back by themselves. */
static inline void points_done(const point_set *p, size_t first, size_t n)
{
    if (p->map)
        file_map_done(p->map, first * BOVW_DESCRIPTOR_DIM, n * BOVW_DESCRIPTOR_DIM);
}

/* Size of the chunk that begins at point `first`. */
static inline size_t points_chunk(const point_set *p, size_t first)
{
    return p->n - first < POINTS_CHUNK ? p->n - first : POINTS_CHUNK;
}

#endif
