/* bitmap.h - sets of integers as bytes, in the portable format of Roaring bitmaps:
 * Lemire, Kaser, Kurz, Deri, O'Hara, Saint-Jacques and Ssi-Yan-Kai, "Roaring
 * bitmaps: implementation of an optimized software library", Software: Practice
 * and Experience 48(4), 2018.
 *
 * Apart from removed.c, since the library's header has names that are ours too. */
#ifndef INDEX_BITMAP_H
#define INDEX_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Encode values (n,), all different; equal sets give equal bytes. They are the
 * caller's, *n_bytes of them; NULL without memory. */
uint8_t *bitmap_encode(const uint32_t *values, uint32_t n, size_t *n_bytes);

/* Decode a set that must fill exactly n_bytes: values (n,) ascending, in [0, limit).
 * False where the bytes are not such a set of n. */
bool bitmap_decode(const uint8_t *bytes, size_t n_bytes, uint32_t limit, uint32_t *values,
                   uint32_t n);

#endif
