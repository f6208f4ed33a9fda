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

/* Signatures that are near, of one segment: match i differs in distances[i] bits,
 * and is of image first_image + owners[positions[i]]. */
typedef struct scan_matches {
    size_t n;
    const uint32_t *positions; /* (n,) ascending */
    const uint32_t *distances; /* (n,) */
    const uint32_t *owners;
    size_t n_before; /* owners before the first */
    uint32_t first_image;
} scan_matches;

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
    uint64_t n_signatures, n_scanned; /* in the current segment */
    bool is_decoded;                  /* its postings */
    uint32_t *spread;                 /* its image of each feature, where decoded */
    size_t spread_capacity;
    hamming_found found; /* of the current block */
} scan;

bovw_status scan_new(const bovw_index *index, scan_kind kind, bool is_long,
                     const char *kernel, scan **made, bovw_error *err);
void scan_free(scan *s);

/* Begin with a word. */
void scan_word(scan *s, uint32_t word, const uint64_t query[2], uint32_t threshold);

/* Next matches, in ascending order of image and feature; none past the last.
 * They are valid until the next call. BOVW_ERR_CORRUPT where the index is
 * damaged. */
bovw_status scan_next(scan *s, scan_matches *matches, bovw_error *err);

/* Which of its image's features of the word match i is. */
static inline uint32_t scan_feature(const scan_matches *m, size_t i)
{
    const uint32_t *owner = m->owners + m->positions[i];
    const uint32_t *first = m->owners - m->n_before;
    uint32_t n = 0;
    while (owner > first && owner[-1] == *owner) {
        owner--;
        n++;
    }
    return n;
}

#endif
