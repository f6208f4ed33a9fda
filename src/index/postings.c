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

/* Bytes of a stream of n integers whose control bytes are at `bytes`; lengths
 * has the bytes of an integer by its two control bits. SIZE_MAX where the
 * control bytes alone exceed n_bytes. */
static size_t stream_bytes(const uint8_t *bytes, size_t n_bytes, uint32_t n,
                           const uint8_t lengths[4])
{
    const size_t n_controls = ((size_t)n + 3) / 4;
    size_t total = n_controls;

    if (n_controls > n_bytes)
        return SIZE_MAX;
    for (size_t i = 0; i < n / 4; i++) {
        const uint8_t c = bytes[i];
        total += (size_t)lengths[c & 3] + lengths[c >> 2 & 3] + lengths[c >> 4 & 3] +
                 lengths[c >> 6];
    }
    for (uint32_t i = 0; i < n % 4; i++)
        total += lengths[bytes[n_controls - 1] >> (2 * i) & 3];
    return total;
}

static const uint8_t lengths_1234[4] = {1, 2, 3, 4};
static const uint8_t lengths_0124[4] = {0, 1, 2, 4};

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

/* The integer of a 0-1-2-4 stream whose control bits are given; *at moves on. */
static uint32_t next_0124(const uint8_t **at, uint32_t control)
{
    const uint8_t *p = *at;
    *at += lengths_0124[control];
    return control == 0   ? 0
           : control == 1 ? p[0]
           : control == 2 ? load_le16(p)
                          : load_le32(p);
}

/* Term frequencies of one block. Nearly all are 1, so that four at a time can
 * be told by their control byte. The stream lies within its bytes. */
static void decode_tfs(const uint8_t *bytes, uint32_t n, uint32_t *tfs)
{
    const uint8_t *data = bytes + (n + 3) / 4;
    for (uint32_t i = 0; i < n; i += 4) {
        const uint8_t controls = bytes[i / 4];
        const uint32_t count = n - i < 4 ? n - i : 4;
        for (uint32_t j = 0; j < count; j++)
            tfs[i + j] = 1;
        for (uint32_t j = 0; controls && j < count; j++)
            tfs[i + j] += next_0124(&data, controls >> (2 * j) & 3);
    }
}

bool postings_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n, uint32_t n_images,
                     uint32_t *images, uint32_t *tfs)
{
    if (n == 0)
        return n_bytes == 0;
    size_t at = stream_bytes(bytes, n_bytes, n, lengths_1234);
    if (at > n_bytes)
        return false;
    streamvbyte_delta_decode(bytes, images, n, 0);
    for (uint32_t first = 0; first < n; first += TF_BLOCK) {
        const uint32_t count = n - first < TF_BLOCK ? n - first : TF_BLOCK;
        const size_t length = stream_bytes(bytes + at, n_bytes - at, count, lengths_0124);
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
    if (stream_bytes(bytes, n_bytes, n, lengths_1234) != n_bytes)
        return false;
    if (n)
        streamvbyte_delta_decode(bytes, values, n, 0);
    return true;
}
