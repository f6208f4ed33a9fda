/* pairs.h - which images of an index look alike: its join with itself.
 *
 * SPDX-License-Identifier: MIT
 *
 * For programs that match every picture with its likely partners only, as
 * structure from motion does.
 */
#ifndef BOVW_PAIRS_H
#define BOVW_PAIRS_H

#include "bovw/index.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bovw_pair {
    uint32_t a, b; /* images of the index, a < b */
    float score;   /* cosine of their tf-idf vectors */
} bovw_pair;

/*
 * The best `top` partners of every image, each pair once, whichever of the two
 * it is among the best of; sorted by a, then b. An image has fewer partners where
 * fewer share a word with it. The images' own words are what is searched for, so
 * no picture and no feature file is needed.
 *
 *   top    at least 1.
 *   pairs  the caller's: free().
 *
 * BOVW_ERR_ARG; BOVW_ERR_CORRUPT where the index is damaged; BOVW_ERR_CANCELLED;
 * BOVW_ERR_NOMEM. Memory: 12 bytes a pair, and for each thread 32 MB or 4 bytes
 * an image, if that is more. The same pairs for any number of threads.
 */
BOVW_API bovw_status bovw_index_pairs(const bovw_index *index, uint32_t top,
                                      const bovw_compute *compute,
                                      const bovw_monitor *monitor, bovw_pair **pairs,
                                      size_t *n, bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
