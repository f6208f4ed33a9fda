/* SPDX-License-Identifier: MIT */
#include "index/postings.h"

#include "index/postings_v1.h"

enum {
    MOST_HEADER = 5, /* bytes of a list's first number */
    MOST_WIDTH = 32
};

/* A block costs least where every gap takes all bits. */
size_t postings_bound(uint64_t n_features)
{
    return (size_t)(MOST_HEADER + 1 + 5 * n_features) + CODED_PADDING;
}

static size_t put_number(uint32_t value, uint8_t *out)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (uint8_t)(value | 0x80);
    out[n++] = (uint8_t)value;
    return n;
}

/* Bytes of the number at `bytes`; 0 where there is none. */
static size_t get_number(const uint8_t *bytes, size_t n_bytes, uint32_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n_bytes && i < MOST_HEADER; i++) {
        sum |= (uint64_t)(bytes[i] & 0x7f) << 7 * i;
        if (bytes[i] < 0x80) {
            *value = (uint32_t)sum;
            return sum <= UINT32_MAX ? i + 1 : 0;
        }
    }
    return 0;
}

/* One block: its width, then its gaps. */
static size_t put_block(const uint32_t *gaps, uint32_t n, uint8_t *out)
{
    uint32_t all = 0, width = 0;
    for (uint32_t i = 0; i < n; i++)
        all |= gaps[i];
    while (width < MOST_WIDTH && all >> width)
        width++;
    out[0] = (uint8_t)width;
    return 1 + pack_bits(gaps, n, width, out + 1);
}

size_t postings_encode(const uint32_t *images, const uint32_t *tfs, uint32_t n,
                       uint8_t *out)
{
    uint32_t gaps[POSTINGS_BLOCK], n_gaps = 0, image = 0, n_more = 0;

    if (n == 0)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        n_more += tfs[i] - 1;
    size_t at = put_number(n_more, out);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < tfs[i]; j++) {
            gaps[n_gaps++] = images[i] - image;
            image = images[i];
            if (n_gaps == POSTINGS_BLOCK) {
                at += put_block(gaps, n_gaps, out + at);
                n_gaps = 0;
            }
        }
    }
    return n_gaps > 0 ? at + put_block(gaps, n_gaps, out + at) : at;
}

bool postings_open(const uint8_t *bytes, size_t n_bytes, uint32_t n,
                   const postings_limits *limits, postings_reader *reader)
{
    uint32_t n_more = 0;

    *reader = (postings_reader){.at = bytes,
                                .end = bytes + n_bytes,
                                .n_images = limits->n_images,
                                .n_left = n,
                                .kernel = unpack_kernel_find()};
    if (n == 0)
        return n_bytes == 0;
    if (limits->version == 1) {
        reader->n_left = limits->n_features;
        return postings_v1_open(reader, n);
    }
    const size_t n_header = get_number(bytes, n_bytes, &n_more);
    reader->at += n_header;
    reader->n_left += n_more;
    return n_header > 0 && reader->n_left <= limits->n_features;
}

bool postings_next(postings_reader *r, uint32_t images[POSTINGS_BLOCK], uint32_t *n)
{
    if (r->is_v1)
        return postings_v1_next(r, images, n);
    *n = r->n_left < POSTINGS_BLOCK ? (uint32_t)r->n_left : POSTINGS_BLOCK;
    if (*n == 0)
        return r->at == r->end;
    const uint32_t width = r->at < r->end ? *r->at++ : MOST_WIDTH + 1;
    if (width > MOST_WIDTH || packed_bytes(*n, width) > (size_t)(r->end - r->at))
        return false;
    const uint32_t largest = r->kernel->sums(r->at, width, *n, r->image, images);
    r->at += packed_bytes(*n, width);
    r->image = images[*n - 1];
    r->n_left -= *n;
    return largest < r->n_images;
}

bool postings_decode(const uint8_t *bytes, size_t n_bytes, uint32_t n,
                     const postings_limits *limits, uint32_t *images, uint32_t *tfs)
{
    postings_reader reader;
    uint32_t block[POSTINGS_BLOCK], n_block = 0, n_found = 0;

    if (!postings_open(bytes, n_bytes, n, limits, &reader))
        return false;
    for (;;) {
        if (!postings_next(&reader, block, &n_block))
            return false;
        if (n_block == 0)
            return n_found == n;
        for (uint32_t i = 0; i < n_block; i++) {
            if (n_found > 0 && images[n_found - 1] == block[i]) {
                tfs[n_found - 1]++;
                continue;
            }
            if (n_found == n)
                return false;
            images[n_found] = block[i];
            tfs[n_found++] = 1;
        }
    }
}
