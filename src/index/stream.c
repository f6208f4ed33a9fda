/* SPDX-License-Identifier: MIT
 *
 * Stream VByte keeps the lengths of four integers in one control byte, all control
 * bytes first. A decoder trusts them, so the length of a stream is computed from its
 * control bytes before it is decoded.
 */
#include "index/stream.h"

#include <streamvbyte.h>
#include <streamvbytedelta.h>

#include "base/bytes.h"

/* Bytes of the integers that 32 pairs of control bits tell, less one for each
 * where the code is CODE_1234: the sum of the pairs, and in the other code one
 * more for each pair of 3. */
static size_t sum_lengths(uint64_t controls, code_kind kind)
{
    const uint64_t pairs = 0x3333333333333333u, nibbles = 0x0f0f0f0f0f0f0f0fu;
    const uint64_t threes = controls & controls >> 1 & 0x5555555555555555u;
    uint64_t sums = (controls & pairs) + (controls >> 2 & pairs);
    if (kind == CODE_0124)
        sums += (threes & pairs) + (threes >> 2 & pairs);
    sums = (sums & nibbles) + (sums >> 4 & nibbles);
    return (size_t)(sums * 0x0101010101010101u >> 56);
}

size_t stream_bytes(const uint8_t *bytes, size_t n_bytes, uint32_t n, code_kind kind)
{
    const size_t n_controls = ((size_t)n + 3) / 4;
    size_t total = n_controls + (kind == CODE_1234 ? n : 0);
    size_t i = 0;

    if (n_controls > n_bytes)
        return SIZE_MAX;
    for (; i + 8 <= n / 4; i += 8)
        total += sum_lengths(load_le64(bytes + i), kind);
    for (; i < n_controls; i++) {
        const uint32_t left = n - (uint32_t)i * 4;
        const uint32_t used = left < 4 ? (1u << 2 * left) - 1 : 0xff;
        total += sum_lengths(bytes[i] & used, kind);
    }
    return total;
}

size_t column_bound(uint32_t n)
{
    return streamvbyte_max_compressedbytes(n) + STREAM_PADDING;
}

size_t column_encode(const uint32_t *values, uint32_t n, uint8_t *out)
{
    return n ? streamvbyte_delta_encode(values, n, out, 0) : 0;
}

bool column_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n, uint32_t *values)
{
    if (stream_bytes(bytes, n_bytes, n, CODE_1234) != n_bytes)
        return false;
    if (n)
        streamvbyte_delta_decode(bytes, values, n, 0);
    return true;
}
