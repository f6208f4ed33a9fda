/* snapshot.h - the inside of an open index, for the files of this layer and
 * for search. */
#ifndef INDEX_SNAPSHOT_H
#define INDEX_SNAPSHOT_H

#include "index/manifest.h"
#include "index/segment.h"
#include "index/weights.h"

struct bovw_index {
    char *path;
    manifest manifest;
    bovw_vocabulary *vocabulary;
    segment *segments; /* (n_segments,) */
    uint32_t *starts;  /* (n_segments + 1,) first image of each segment */
    uint32_t n_segments;
    weights weights;
};

#endif
