/* hamming.h - which signatures of a word are near one of a query.
 *
 * A kernel is one file and one line of the table in hamming.c; all kernels give
 * the same. */
#ifndef SEARCH_HAMMING_H
#define SEARCH_HAMMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HAMMING_BLOCK = 2048 /* signatures that one call takes, at most: their planes
                          * and its results stay in the first-level cache */
};

/* Room for the results of a block, and what a kernel writes past their end. */
typedef struct hamming_found {
    uint32_t positions[HAMMING_BLOCK + 16]; /* in the block, ascending */
    uint32_t distances[HAMMING_BLOCK + 16]; /* bits that differ */
} hamming_found;

typedef struct hamming_kernel {
    const char *name;
    bool (*is_supported)(void);

    /* Those of n <= HAMMING_BLOCK signatures in which at most `threshold` bits
     * differ from the query's. low and high are planes of 8 bytes, little-endian,
     * at any address; high is NULL for signatures of 64 bits. Returns how many. */
    size_t (*find)(const uint8_t *low, const uint8_t *high, size_t n,
                   const uint64_t query[2], uint32_t threshold, hamming_found *found);
} hamming_kernel;

extern const hamming_kernel hamming_portable;
#if defined(__x86_64__)
extern const hamming_kernel hamming_popcnt;
extern const hamming_kernel hamming_avx512;
#endif

/* Kernel i that this processor has, fastest first, the portable one last; NULL
 * past the end. */
const hamming_kernel *hamming_kernel_at(size_t i);

/* The fastest kernel, or the portable one where `kernel` is "portable": the name
 * of an assignment kernel, or NULL. */
const hamming_kernel *hamming_kernel_find(const char *kernel);

#endif
