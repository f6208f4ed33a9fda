/* postings.h - one postings list as bytes: gaps between image ids, then term
 * frequencies less one, both as Stream VByte.
 *
 * Lemire, Kurz and Rupp, "Stream VByte: faster byte-oriented integer
 * compression", Information Processing Letters 130, 2018.
 */
#ifndef INDEX_POSTINGS_H
#define INDEX_POSTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that may be read past the end of a list: the section that holds lists
 * ends with so many zeros. */
enum {
    CODED_PADDING = 16
};

/* Bytes that are enough for a list, or a column, of n integers. */
size_t postings_bound(uint32_t n);

/* images (n,) ascending, tfs (n,) at least 1. Returns the bytes written. */
size_t postings_encode(const uint32_t *images, const uint32_t *tfs, uint32_t n,
                       uint8_t *out);

/* Decode a list of n postings that must fill exactly n_bytes. False where it
 * does not, or where an image is not in [0, n_images). Image order is not
 * checked. images and tfs have room for n. */
bool postings_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n, uint32_t n_images,
                     uint32_t *images, uint32_t *tfs);

/* A column of non-decreasing integers: the words of an image. */
size_t column_encode(const uint32_t *values, uint32_t n, uint8_t *out);
bool column_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n, uint32_t *values);

#endif
