/* writer.h - the one writer of an index: the lock, and commits, each of which is
 * a generation that is there as a whole or not at all.
 *
 * A commit writes segments and sets of removed images, then the weights of the
 * next generation, then the manifest that names them. Each file is complete and
 * on disk before the next is begun, so a crash leaves the old generation, and
 * files that no manifest names, which the next writer removes. */
#ifndef INDEX_WRITER_H
#define INDEX_WRITER_H

#include "index/snapshot.h"

typedef struct index_writer {
    const char *path; /* borrowed */
    int lock;
    bovw_index *index; /* as of the last commit */
    const bovw_compute *compute;
} index_writer;

/* Lock an index, open it and remove what interrupted writers left.
 * BOVW_ERR_BUSY where another writes. Close it also on failure. */
bovw_status writer_open(const char *path, const bovw_compute *compute, index_writer *w,
                        bovw_error *err);
void writer_close(index_writer *w);

/*
 * Remove images and add those of a builder, in one commit.
 *
 *   removed  (n_removed,) ids of images of w->index, ascending; NULL for none.
 *   added    becomes the last segment, and is empty then; NULL for none.
 *
 * On failure the index is as it was. O(postings of the index): all weights
 * change.
 */
bovw_status writer_commit(index_writer *w, const uint32_t *removed, uint32_t n_removed,
                          segment_builder *added, bovw_error *err);

/* Make one segment of n neighbours, from the first on, without what is removed.
 * Images keep their order and weights theirs. BOVW_ERR_CANCELLED. */
bovw_status writer_merge(index_writer *w, uint32_t first, uint32_t n,
                         const bovw_monitor *monitor, bovw_error *err);

/*
 * Merge segments that have grown many. The tier of a segment is the logarithm
 * to base 8 of its images that are left, rounded down. From the first segment
 * on, a level goes up to the last segment of the highest tier that there is; the
 * next level begins after it. A level of 8 segments becomes one, or as many as it takes
 * where that would have more than 65,536 images; and so does a segment of which more than
 * half is removed. So at most 7 segments a tier are left below that size, neighbours stay
 * neighbours, and an image is written again once a tier where batches are alike, and at
 * most 7 times where they are not.
 */
bovw_status writer_merge_tiers(index_writer *w, const bovw_monitor *monitor,
                               bovw_error *err);

/* The first neighbours that it would merge; false where there are none. */
bool writer_find_due(const bovw_index *index, uint32_t *first, uint32_t *n);

/* How many neighbours, from the first on, may be one segment: at least 1. */
uint32_t writer_run(const bovw_index *index, uint32_t first);

#endif
