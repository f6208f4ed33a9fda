/* SPDX-License-Identifier: MIT
 *
 * Every code has the same lists: of each feature of a word its image, ascending. Stream
 * VByte has the gaps between images and term frequencies in streams of their own, the
 * other codes one gap a feature, which is 0 where the image is the same.
 */
#include "bench/postings_codes.h"

#include <math.h>
#include <stdlib.h>
#include <streamvbyte.h>
#include <streamvbytedelta.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench/rows.h"
#include "index/unpack.h"

enum {
    MOST_TF = 64,
    N_RUNS = 3,
    MOST_FEATURES = 20000000 /* of words that are taken, each in the same place of the
                              * order of words */
};

/* One list in all the forms that the codes want. */
typedef struct list {
    uint32_t *images, *tfs, *less_one, *gaps; /* (n,) postings, (n_features,) gaps */
    uint32_t n, n_features;
} list;

/* A code: encode to `to`, decode from there to the images of the features. scratch has
 * room for the features too. */
typedef struct code {
    const char *name;
    size_t (*encode)(const list *l, uint8_t *to);
    void (*decode)(const list *l, const uint8_t *from, size_t n_bytes, uint32_t *images,
                   uint32_t *scratch);
} code;

static size_t varint_encode(const list *l, uint8_t *to)
{
    uint8_t *at = to;
    for (uint32_t i = 0; i < l->n_features; i++) {
        uint32_t gap = l->gaps[i];
        for (; gap >= 0x80; gap >>= 7)
            *at++ = (uint8_t)(gap | 0x80);
        *at++ = (uint8_t)gap;
    }
    return (size_t)(at - to);
}

static void varint_decode(const list *l, const uint8_t *from, size_t n_bytes,
                          uint32_t *images, uint32_t *scratch)
{
    uint32_t image = 0;
    (void)n_bytes;
    (void)scratch;
    for (uint32_t i = 0; i < l->n_features; i++) {
        uint32_t gap = *from & 0x7f;
        for (int shift = 7; *from++ & 0x80; shift += 7)
            gap |= (uint32_t)(*from & 0x7f) << shift;
        images[i] = image += gap;
    }
}

static size_t stream_encode(const list *l, uint8_t *to)
{
    const size_t n_bytes = streamvbyte_delta_encode(l->images, l->n, to, 0);
    return n_bytes + streamvbyte_encode_0124(l->less_one, l->n, to + n_bytes);
}

static void stream_decode(const list *l, const uint8_t *from, size_t n_bytes,
                          uint32_t *images, uint32_t *scratch)
{
    uint32_t *tfs = scratch + l->n, at = 0;
    (void)n_bytes;
    from += streamvbyte_delta_decode(from, scratch, l->n, 0);
    streamvbyte_decode_0124(from, tfs, l->n);
    for (uint32_t i = 0; i < l->n; i++) {
        for (uint32_t j = 0; j <= tfs[i]; j++)
            images[at++] = scratch[i];
    }
}

static size_t feature_stream_encode(const list *l, uint8_t *to)
{
    return streamvbyte_encode(l->gaps, l->n_features, to);
}

static void feature_stream_decode(const list *l, const uint8_t *from, size_t n_bytes,
                                  uint32_t *images, uint32_t *scratch)
{
    (void)n_bytes;
    (void)scratch;
    streamvbyte_decode(from, images, l->n_features);
    for (uint32_t i = 1; i < l->n_features; i++)
        images[i] += images[i - 1];
}

static size_t pack_blocks(const list *l, uint32_t n_block, uint8_t *to)
{
    uint8_t *at = to;
    for (uint32_t first = 0; first < l->n_features; first += n_block) {
        const uint32_t left = l->n_features - first, n = left < n_block ? left : n_block;
        uint32_t all = 0, width = 0;
        for (uint32_t i = 0; i < n; i++)
            all |= l->gaps[first + i];
        while (all >> width)
            width++;
        *at++ = (uint8_t)width;
        at += pack_bits(l->gaps + first, n, width, at);
    }
    return (size_t)(at - to);
}

static void unpack_blocks(const list *l, uint32_t n_block, const unpack_kernel *kernel,
                          const uint8_t *from, uint32_t *images)
{
    uint32_t image = 0;
    for (uint32_t first = 0; first < l->n_features; first += n_block) {
        const uint32_t left = l->n_features - first, n = left < n_block ? left : n_block;
        const uint32_t width = *from++;
        kernel->sums(from, width, n, image, images + first);
        from += packed_bytes(n, width);
        image = images[first + n - 1];
    }
}

#define PACKED(suffix, n_block, kernel)                                                    \
    static size_t pack_##suffix(const list *l, uint8_t *to)                                \
    {                                                                                      \
        return pack_blocks(l, n_block, to);                                                \
    }                                                                                      \
    static void unpack_##suffix(const list *l, const uint8_t *from, size_t n_bytes,        \
                                uint32_t *images, uint32_t *scratch)                       \
    {                                                                                      \
        (void)n_bytes;                                                                     \
        (void)scratch;                                                                     \
        unpack_blocks(l, n_block, kernel, from, images);                                   \
    }
PACKED(32, 32, unpack_kernel_find())
PACKED(64, 64, unpack_kernel_find())
PACKED(128, 128, unpack_kernel_find())
PACKED(256, 256, unpack_kernel_find())
PACKED(plain, 128, &unpack_portable)

static const code codes[] = {
    {"varint", varint_encode, varint_decode},
    {"Stream VByte, gaps and tf", stream_encode, stream_decode},
    {"Stream VByte, features", feature_stream_encode, feature_stream_decode},
    {"bits, blocks of 32", pack_32, unpack_32},
    {"bits, blocks of 64", pack_64, unpack_64},
    {"bits, blocks of 128", pack_128, unpack_128},
    {"bits, blocks of 256", pack_256, unpack_256},
    {"bits of 128, portable", pack_plain, unpack_plain},
};

enum {
    N_CODES = sizeof codes / sizeof codes[0]
};

typedef struct comparison {
    list list;
    uint8_t *bytes;
    uint32_t *images, *scratch;
    double n_bytes[N_CODES], seconds[N_CODES];
    double n_features, n_postings, set_bits; /* information of the sets of images */
    double tfs[MOST_TF + 1];                 /* how many postings have each */
} comparison;

/* Bits that tell which m of n: log2 of n over m. */
static double choice_bits(double n, double m)
{
    return (lgamma(n + 1) - lgamma(m + 1) - lgamma(n - m + 1)) / log(2.0);
}

static bool get_list(const segment *s, uint32_t word, list *l)
{
    l->n = segment_frequency(s, word);
    if (segment_stored_postings(s, word, l->images, l->tfs, NULL) != BOVW_OK)
        return false;
    uint32_t image = 0;
    l->n_features = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        l->less_one[i] = l->tfs[i] - 1;
        for (uint32_t j = 0; j < l->tfs[i]; j++) {
            l->gaps[l->n_features++] = l->images[i] - image;
            image = l->images[i];
        }
    }
    return true;
}

static void take_word(const segment *s, uint32_t word, comparison *c)
{
    list *l = &c->list;
    if (!get_list(s, word, l) || l->n == 0)
        return;
    c->n_features += l->n_features;
    c->n_postings += l->n;
    c->set_bits += choice_bits(s->n_images, l->n);
    for (uint32_t i = 0; i < l->n; i++)
        c->tfs[l->tfs[i] < MOST_TF ? l->tfs[i] : MOST_TF]++;
    for (int i = 0; i < N_CODES; i++) {
        const size_t n_bytes = codes[i].encode(l, c->bytes);
        double best = HUGE_VAL;
        for (int run = 0; run < N_RUNS; run++) {
            const double start = clock_seconds();
            codes[i].decode(l, c->bytes, n_bytes, c->images, c->scratch);
            best = fmin(best, clock_seconds() - start);
        }
        c->n_bytes[i] += (double)n_bytes;
        c->seconds[i] += best;
    }
}

static void print(const segment *s, const comparison *c)
{
    double tf_bits = 0.0;
    for (int i = 1; i <= MOST_TF; i++) {
        if (c->tfs[i] > 0)
            tf_bits -= c->tfs[i] * log2(c->tfs[i] / c->n_postings);
    }
    const double entropy = (c->set_bits + tf_bits) / 8;
    rows_table("postings-codes", "postings of the first segment in other codes, in cache");
    rows_number("images", 0, s->n_images);
    rows_text("code", "entropy");
    rows_number("bytes/feature", 3, entropy / c->n_features);
    rows_number("bytes/posting", 3, entropy / c->n_postings);
    rows_number("x entropy", 3, 1.0);
    rows_number("decode ns/feature", 2, NAN);
    rows_end();
    for (int i = 0; i < N_CODES; i++) {
        rows_number("images", 0, s->n_images);
        rows_text("code", codes[i].name);
        rows_number("bytes/feature", 3, c->n_bytes[i] / c->n_features);
        rows_number("bytes/posting", 3, c->n_bytes[i] / c->n_postings);
        rows_number("x entropy", 3, c->n_bytes[i] / entropy);
        rows_number("decode ns/feature", 2, 1e9 * c->seconds[i] / c->n_features);
        rows_end();
    }
}

void postings_codes_compare(const segment *s)
{
    comparison c = {.n_features = 0};
    const size_t n = s->n_images, most = (size_t)s->n_features / 8 + 4 * n;
    list *l = &c.list;
    l->images = mem_array(n, 4);
    l->tfs = mem_array(n, 4);
    l->less_one = mem_array(n, 4);
    l->gaps = mem_array(most, 4);
    c.bytes = mem_array(most, 8);
    c.images = mem_array(most, 4);
    c.scratch = mem_array(most, 8);
    if (l->images && l->tfs && l->less_one && l->gaps && c.bytes && c.images && c.scratch) {
        for (uint32_t w = 0; w < s->n_words && c.n_features < MOST_FEATURES; w++)
            take_word(s, w, &c);
        print(s, &c);
    }
    free(l->images);
    free(l->tfs);
    free(l->less_one);
    free(l->gaps);
    free(c.bytes);
    free(c.images);
    free(c.scratch);
}
