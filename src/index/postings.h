/* postings.h - one postings list as bytes: for each feature of the word the gap
 * between its image and that of the feature before, block by block in as many bits as
 * the widest gap of the block takes. FORMAT.md has the bytes.
 *
 * Bits in blocks with a width each: Lemire and Boytsov, "Decoding billions of integers
 * per second through vectorization", Software: Practice and Experience 45, 2015.
 */
#ifndef INDEX_POSTINGS_H
#define INDEX_POSTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/unpack.h"

enum {
    /* Bytes that may be read past the end of a list: the section that holds lists ends
     * with so many zeros. */
    CODED_PADDING = UNPACK_PADDING,
    POSTINGS_BLOCK = 128 /* features */
};

/* Bytes that are enough for a list of so many features. */
size_t postings_bound(uint64_t n_features);

/* images (n,) ascending, tfs (n,) at least 1: features of the word. Returns the bytes
 * written. */
size_t postings_encode(const uint32_t *images, const uint32_t *tfs, uint32_t n,
                       uint8_t *out);

/* Reads the images of a list's features, block by block. */
typedef struct postings_reader {
    const uint8_t *at, *end;
    uint64_t n_left;   /* features that were not read yet; version 1: that there can be */
    uint32_t image;    /* of the last feature */
    uint32_t n_images; /* images are below it */
    const unpack_kernel *kernel;
    struct v1_reader { /* postings_v1.c */
        const uint8_t *gap_controls, *gaps, *tf_controls, *tfs;
        uint32_t n_postings, n_read, n_more; /* features of the current image */
    } v1;
    bool is_v1;
} postings_reader;

/* What a list is part of: postings_open() and postings_decode() trust no list further. */
typedef struct postings_limits {
    uint32_t version;    /* of the segment */
    uint32_t n_images;   /* images are below it */
    uint64_t n_features; /* in all */
} postings_limits;

/* Begin with a list of n postings that must fill exactly n_bytes. False where it
 * cannot. */
bool postings_open(const uint8_t *bytes, size_t n_bytes, uint32_t n,
                   const postings_limits *limits, postings_reader *reader);

/* Images of the next features, ascending in a sound list, each below n_images in any:
 * how many, at most POSTINGS_BLOCK, 0 past the last one. False where the list is
 * damaged. */
bool postings_next(postings_reader *reader, uint32_t images[POSTINGS_BLOCK], uint32_t *n);

/* Leave each of n ascending images once; *last is that before them, and then the last of
 * them, UINT32_MAX at the beginning. Returns how many are left. */
static inline uint32_t postings_drop_repeated(uint32_t *images, uint32_t n, uint32_t *last)
{
    uint32_t n_left = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t image = images[i];
        images[n_left] = image;
        n_left += image != *last;
        *last = image;
    }
    return n_left;
}

/* All of a list as images and term frequencies, which have room for n. False where it
 * is damaged or has not n postings. */
bool postings_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n,
                     const postings_limits *limits, uint32_t *images, uint32_t *tfs);

#endif
