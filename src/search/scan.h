/* scan.h - walk the signatures of a word, in one segment, that are near one of a
 * query, without copying them. */
#ifndef SEARCH_SCAN_H
#define SEARCH_SCAN_H

#include "index/snapshot.h"
#include "search/hamming.h"

typedef enum scan_kind {
    SCAN_HE,  /* one signature a feature */
    SCAN_ASMK /* one a posting */
} scan_kind;

/* Signatures that are near: match i differs in distances[i] bits, and is of image
 * images[i] of the segment by stored number, which is not removed. */
typedef struct scan_matches {
    size_t n;
    const uint32_t *images;    /* (n,) ascending */
    const uint32_t *distances; /* (n,) */
} scan_matches;

typedef struct scan {
    /* For good. */
    const bovw_index *index;
    const hamming_kernel *kernel;
    scan_kind kind;
    bool is_long; /* 128 bits, or 64 */

    /* Of one word and query signature. */
    const segment *segment;
    uint32_t word, threshold;
    uint64_t query[2];
    const uint8_t *planes[2];
    uint64_t n_signatures, n_scanned;
    postings_reader reader;
    uint32_t last_image; /* of the postings that were read */
    hamming_found found; /* of the current block: positions become images */
    uint32_t owners[HAMMING_BLOCK + POSTINGS_BLOCK]; /* images of its signatures */
    size_t n_owners;                                 /* those that were read */
} scan;

/* With a kernel of bovw_compute. */
bovw_status scan_new(const bovw_index *index, scan_kind kind, bool is_long,
                     const char *kernel, scan **made, bovw_error *err);
void scan_free(scan *s);

/* Begin with a word in a segment. BOVW_ERR_CORRUPT where the index is damaged. */
bovw_status scan_word(scan *s, uint32_t number, uint32_t word, const uint64_t query[2],
                      uint32_t threshold, bovw_error *err);

/* Next matches, in ascending order of image and feature; none past the last. They are
 * valid until the next call. BOVW_ERR_CORRUPT where the index is damaged. */
bovw_status scan_next(scan *s, scan_matches *matches, bovw_error *err);

#endif
