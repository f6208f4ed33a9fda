/* hash.h - checksums and content ids (XXH3). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64-bit checksum. */
uint64_t hash64(const void *bytes, size_t n_bytes);

/* The same of bytes that come piece by piece. */
typedef struct hash64_stream hash64_stream;

/* NULL without memory. */
hash64_stream *hash64_begin(void);
void hash64_add(hash64_stream *stream, const void *bytes, size_t n_bytes);
/* The checksum of what was added; the next byte begins a new one. */
uint64_t hash64_take(hash64_stream *stream);
void hash64_free(hash64_stream *stream);

/* 128-bit id in canonical (big-endian) byte order. */
void hash128(const void *bytes, size_t n_bytes, uint8_t id[16]);

/* 32 hexadecimal digits and a zero. */
void hash_text(const uint8_t id[16], char text[33]);

#endif
