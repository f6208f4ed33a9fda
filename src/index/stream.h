/* stream.h - integers as Stream VByte: columns of words, and the postings of segments of
 * version 1.
 *
 * Lemire, Kurz and Rupp, "Stream VByte: faster byte-oriented integer compression",
 * Information Processing Letters 130, 2018.
 */
#ifndef INDEX_STREAM_H
#define INDEX_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STREAM_PADDING = 16 /* bytes that may be read past a stream */
};

/* The two ways of Stream VByte to tell the length of an integer by two bits. */
typedef enum code_kind {
    CODE_1234,
    CODE_0124
} code_kind;

/* Bytes of a stream of n integers whose control bytes are at `bytes`; SIZE_MAX where the
 * control bytes alone exceed n_bytes. */
size_t stream_bytes(const uint8_t *bytes, size_t n_bytes, uint32_t n, code_kind kind);

/* A column of non-decreasing integers: the words of an image. */
size_t column_bound(uint32_t n); /* bytes that are enough for n */
size_t column_encode(const uint32_t *values, uint32_t n, uint8_t *out);
/* False where it does not fill exactly n_bytes. */
bool column_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n, uint32_t *values);

#endif
