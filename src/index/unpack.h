/* unpack.h - integers packed in bits, as sums: image ids from the gaps between them.
 *
 * A kernel is one file and one line of the table in unpack.c; all kernels give the
 * same. */
#ifndef INDEX_UNPACK_H
#define INDEX_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UNPACK_PADDING = 32 /* bytes that may be read past the packed integers */
};

typedef struct unpack_kernel {
    const char *name;
    bool (*is_supported)(void);

    /* n integers of `width` <= 32 bits each, lowest bits first; out (n,) gets before +
     * the sum up to each, modulo 2^32. Returns the largest of out, 0 without any. */
    uint32_t (*sums)(const uint8_t *bytes, uint32_t width, uint32_t n, uint32_t before,
                     uint32_t *out);
} unpack_kernel;

extern const unpack_kernel unpack_portable;
#if defined(__x86_64__)
extern const unpack_kernel unpack_avx2;
#endif

/* The fastest kernel that this processor has. */
const unpack_kernel *unpack_kernel_find(void);

/* Bytes of n integers of `width` bits. */
static inline size_t packed_bytes(uint32_t n, uint32_t width)
{
    return ((size_t)n * width + 7) / 8;
}

/* Pack n integers of at most `width` bits; returns the bytes written. */
size_t pack_bits(const uint32_t *values, uint32_t n, uint32_t width, uint8_t *out);

#endif
