/* scan.h - walk the signatures of a word, in all segments, that are near one of
 * a query, without copying them. */
#ifndef SEARCH_SCAN_H
#define SEARCH_SCAN_H

#include "index/snapshot.h"
#include "search/hamming.h"

typedef enum scan_kind {
    SCAN_HE,  /* one signature a feature */
    SCAN_ASMK /* one a posting */
} scan_kind;

/* A signature that is near. */
typedef struct scan_match {
    uint32_t image;    /* id in the index */
    uint32_t feature;  /* which of the image's features of the word; 0 for ASMK */
    uint32_t distance; /* bits that differ */
} scan_match;

typedef struct scan {
    /* For good. */
    const bovw_index *index;
    const hamming_kernel *kernel;
    scan_kind kind;
    bool is_long;           /* 128 bits, or 64 */
    uint32_t *images, *tfs; /* (largest segment,) postings of the word */

    /* Of one word and query signature. */
    uint32_t word, threshold;
    uint64_t query[2];
    uint32_t n_segments_seen; /* the current one is the last of them */
    const uint8_t *planes[2];
    uint64_t n_signatures, n_scanned;    /* in the current segment */
    uint32_t n_postings;                 /* of it, decoded; 0 where not yet */
    uint32_t posting;                    /* that holds the last match */
    uint64_t posting_first, posting_end; /* its signatures */
    uint64_t block_first;
    hamming_found found; /* of the current block */
    size_t n_found, n_returned;
} scan;

bovw_status scan_new(const bovw_index *index, scan_kind kind, bool is_long,
                     const char *kernel, scan **made, bovw_error *err);
void scan_free(scan *s);

/* Begin with a word. */
void scan_word(scan *s, uint32_t word, const uint64_t query[2], uint32_t threshold);

/* Next match, in ascending order of image and feature. *is_found is false past
 * the last. BOVW_ERR_CORRUPT where the index is damaged. */
bovw_status scan_next(scan *s, scan_match *match, bool *is_found, bovw_error *err);

#endif
