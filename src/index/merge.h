/* merge.h - one segment from several. */
#ifndef INDEX_MERGE_H
#define INDEX_MERGE_H

#include "index/segment.h"

/*
 * Write what is left of n segments, one after the other, as one: the same bytes
 * as if its images had been built together. At least one image must be left.
 * Every byte of the segments is verified before, so that damage is not passed
 * on under a new checksum.
 *
 * The segments are read and the new one is written front to back. Memory: 28
 * bytes a word and 8 an image.
 *
 *   signatures  that the segments have, a set of BOVW_SIGNATURES_.
 *   monitor     asked before each segment is verified, and every 1,024 images
 *               or words: BOVW_ERR_CANCELLED.
 */
bovw_status segment_merge(const segment *segments, uint32_t n, uint32_t signatures,
                          const char *path, const bovw_monitor *monitor, uint64_t *checksum,
                          bovw_error *err);

#endif
