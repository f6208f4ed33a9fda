/* packed.h - an array of unsigned numbers of `width` bits each, without gaps. */
#ifndef VECTORS_PACKED_H
#define VECTORS_PACKED_H

#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

typedef struct packed {
    uint64_t *words; /* more than the numbers need, since two are always read */
    uint32_t width;  /* 0 to 63; of width 0 every number is 0 */
} packed;

static inline size_t packed_words(size_t n, uint32_t width)
{
    return (n * width + 63) / 64 + 2;
}

/* n zeros; false without memory. */
static inline bool packed_new(packed *p, size_t n, uint32_t width)
{
    p->width = width;
    p->words = mem_array(packed_words(n, width), sizeof *p->words);
    return p->words;
}

static inline void packed_free(packed *p)
{
    free(p->words);
    p->words = NULL;
}

static inline uint64_t packed_get(const packed *p, size_t i)
{
    const size_t bit = i * p->width;
    const uint64_t *word = p->words + bit / 64;
    const uint32_t shift = bit % 64;
    /* The second shift is 64 - shift, in two steps, since 64 at once is undefined. */
    const uint64_t both = word[0] >> shift | word[1] << 1 << (63 - shift);
    return both & ((UINT64_C(1) << p->width) - 1);
}

/* Number i, which must be 0 still, and less than 2^width. */
static inline void packed_put(packed *p, size_t i, uint64_t value)
{
    const size_t bit = i * p->width;
    uint64_t *word = p->words + bit / 64;
    const uint32_t shift = bit % 64;
    word[0] |= value << shift;
    word[1] |= value >> 1 >> (63 - shift);
}

/* Bits that a number below n needs, at least 1. */
static inline uint32_t packed_width(uint64_t n)
{
    uint32_t width = 1;
    while (width < 63 && (n - 1) >> width)
        width++;
    return width;
}

#endif
