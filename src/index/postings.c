/* SPDX-License-Identifier: MIT
 *
 * Stream VByte keeps the lengths of four integers in one control byte, all
 * control bytes first. The decoder trusts them, so the length of a stream is
 * computed from its control bytes before it is decoded.
 */
#include "index/postings.h"

#include <streamvbyte.h>
#include <streamvbytedelta.h>

#include "base/bytes.h"

size_t postings_bound(uint32_t n)
{
    return 2 * streamvbyte_max_compressedbytes(n) + CODED_PADDING;
}

enum {
    TF_BLOCK = 256 /* term frequencies in one stream */
};

/* The two ways of Stream VByte to tell the length of an integer by two bits. */
typedef enum code_kind {
    CODE_1234,
    CODE_0124
} code_kind;

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

/* Bytes of a stream of n integers whose control bytes are at `bytes`; SIZE_MAX
 * where the control bytes alone exceed n_bytes. */
static size_t stream_bytes(const uint8_t *bytes, size_t n_bytes, uint32_t n, code_kind kind)
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

size_t postings_encode(const uint32_t *images, const uint32_t *tfs, uint32_t n,
                       uint8_t *out)
{
    uint32_t less_one[TF_BLOCK];

    if (n == 0)
        return 0;
    size_t at = streamvbyte_delta_encode(images, n, out, 0);
    /* Term frequencies are coded block by block, since the encoder wants them
     * in one array: most are 1, which takes a quarter of a byte. */
    for (uint32_t first = 0; first < n; first += TF_BLOCK) {
        const uint32_t count = n - first < TF_BLOCK ? n - first : TF_BLOCK;
        for (uint32_t i = 0; i < count; i++)
            less_one[i] = tfs[first + i] - 1;
        at += streamvbyte_encode_0124(less_one, count, out + at);
    }
    return at;
}

/* Low bytes of an integer that CODE_0124 keeps. */
static const uint32_t masks_0124[4] = {0, 0xff, 0xffff, 0xffffffff};

/* Image ids from their gaps. Nearly all gaps take a byte, so that four at a
 * time can be told by their control byte. Up to three bytes past the stream
 * are read. */
static void decode_images(const uint8_t *bytes, uint32_t n, uint32_t *images)
{
    const uint8_t *data = bytes + ((size_t)n + 3) / 4;
    uint32_t image = 0, i = 0;

    for (; i + 4 <= n; i += 4) {
        uint32_t controls = bytes[i / 4];
        if (controls == 0) {
            images[i] = image + data[0];
            images[i + 1] = images[i] + data[1];
            images[i + 2] = images[i + 1] + data[2];
            image = images[i + 3] = images[i + 2] + data[3];
            data += 4;
            continue;
        }
        for (uint32_t j = 0; j < 4; j++, controls >>= 2) {
            image += load_le32(data) & 0xffffffffu >> (24 - 8 * (controls & 3));
            images[i + j] = image;
            data += 1 + (controls & 3);
        }
    }
    for (uint32_t controls = i < n ? bytes[i / 4] : 0; i < n; i++, controls >>= 2) {
        image += load_le32(data) & 0xffffffffu >> (24 - 8 * (controls & 3));
        images[i] = image;
        data += 1 + (controls & 3);
    }
}

/* Term frequencies of one block, nearly all of which are 1. Up to four bytes
 * past the stream are read. */
static void decode_tfs(const uint8_t *bytes, uint32_t n, uint32_t *tfs)
{
    const uint8_t *data = bytes + ((size_t)n + 3) / 4;
    for (uint32_t i = 0; i < n; i += 4) {
        uint32_t controls = bytes[i / 4];
        const uint32_t count = n - i < 4 ? n - i : 4;
        for (uint32_t j = 0; j < count; j++)
            tfs[i + j] = 1;
        for (uint32_t j = 0; controls && j < count; j++, controls >>= 2) {
            tfs[i + j] += load_le32(data) & masks_0124[controls & 3];
            data += (controls & 3) + ((controls & 3) == 3);
        }
    }
}

bool postings_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n, uint32_t n_images,
                     uint32_t *images, uint32_t *tfs)
{
    if (n == 0)
        return n_bytes == 0;
    size_t at = stream_bytes(bytes, n_bytes, n, CODE_1234);
    if (at > n_bytes)
        return false;
    decode_images(bytes, n, images);
    for (uint32_t first = 0; first < n; first += TF_BLOCK) {
        const uint32_t count = n - first < TF_BLOCK ? n - first : TF_BLOCK;
        const size_t length = stream_bytes(bytes + at, n_bytes - at, count, CODE_0124);
        if (length > n_bytes - at)
            return false;
        decode_tfs(bytes + at, count, tfs + first);
        at += length;
    }
    uint32_t largest = 0;
    for (uint32_t i = 0; i < n; i++)
        largest = images[i] > largest ? images[i] : largest;
    return at == n_bytes && largest < n_images;
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
