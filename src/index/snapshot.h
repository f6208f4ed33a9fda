/* snapshot.h - the inside of an open index, for the files of this layer and
 * for search. */
#ifndef INDEX_SNAPSHOT_H
#define INDEX_SNAPSHOT_H

#include "base/names.h"
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

/* Images are numbered through the segments, those that are left: image i of
 * segment s by live number is image starts[s] + i of the index. */

/* The segment of an image, and its stored number there. */
uint32_t snapshot_locate(const bovw_index *index, uint32_t image, uint32_t *stored);

/* A table of the names (n_images,) of all images, the caller's both; the names are
 * borrowed from the index. BOVW_ERR_NOMEM. */
bovw_status snapshot_names(const bovw_index *index, const char ***names, name_table **table,
                           bovw_error *err);

/* Open what the manifest of an index names, for an index that has path, manifest
 * and vocabulary; and then its weights. */
bovw_status snapshot_open_segments(bovw_index *index, bovw_error *err);
bovw_status snapshot_open_weights(bovw_index *index, bovw_error *err);

#endif
