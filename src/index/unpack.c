/* SPDX-License-Identifier: MIT */
#include "index/unpack.h"

#include "base/bytes.h"

static bool always(void)
{
    return true;
}

static uint32_t sums(const uint8_t *bytes, uint32_t width, uint32_t n, uint32_t before,
                     uint32_t *out)
{
    const uint32_t mask = width ? 0xffffffffu >> (32 - width) : 0;
    uint32_t largest = 0;
    uint64_t bit = 0;
    for (uint32_t i = 0; i < n; i++, bit += width) {
        before += (uint32_t)(load_le64(bytes + bit / 8) >> bit % 8) & mask;
        out[i] = before;
        largest = before > largest ? before : largest;
    }
    return largest;
}

const unpack_kernel unpack_portable = {
    .name = "portable", .is_supported = always, .sums = sums};

const unpack_kernel *unpack_kernel_find(void)
{
#if defined(__x86_64__)
    if (unpack_avx2.is_supported())
        return &unpack_avx2;
#endif
    return &unpack_portable;
}

size_t pack_bits(const uint32_t *values, uint32_t n, uint32_t width, uint8_t *out)
{
    uint8_t *at = out;
    uint64_t bits = 0;
    uint32_t n_bits = 0;
    for (uint32_t i = 0; i < n; i++) {
        bits |= (uint64_t)values[i] << n_bits;
        for (n_bits += width; n_bits >= 8; n_bits -= 8, bits >>= 8)
            *at++ = (uint8_t)bits;
    }
    if (n_bits > 0)
        *at++ = (uint8_t)bits;
    return (size_t)(at - out);
}
