/* SPDX-License-Identifier: MIT
 */
#include "index/postings_v1.h"

#include "base/bytes.h"
#include "index/stream.h"

enum {
    TF_BLOCK = 256 /* term frequencies in one stream */
};

/* Two control bits of integer i. */
static uint32_t control(const uint8_t *controls, uint32_t i)
{
    return controls[i / 4] >> 2 * (i % 4) & 3;
}

bool postings_v1_open(postings_reader *r, uint32_t n)
{
    const size_t n_bytes = (size_t)(r->end - r->at);
    size_t at = stream_bytes(r->at, n_bytes, n, CODE_1234);
    if (at > n_bytes)
        return false;
    r->is_v1 = true;
    r->v1 = (struct v1_reader){.gap_controls = r->at,
                               .gaps = r->at + ((size_t)n + 3) / 4,
                               .tfs = r->at + at,
                               .n_postings = n};
    for (uint32_t first = 0; first < n; first += TF_BLOCK) {
        const uint32_t count = n - first < TF_BLOCK ? n - first : TF_BLOCK;
        const size_t length = stream_bytes(r->at + at, n_bytes - at, count, CODE_0124);
        if (length > n_bytes - at)
            return false;
        at += length;
    }
    return at == n_bytes;
}

/* Low bytes of an integer that CODE_0124 keeps. */
static const uint32_t masks_0124[4] = {0, 0xff, 0xffff, 0xffffffff};

/* Image of the next posting, and its term frequency. Up to four bytes past the list are
 * read. */
static void next_posting(postings_reader *r)
{
    struct v1_reader *v = &r->v1;
    const uint32_t i = v->n_read++;
    const uint32_t gap = control(v->gap_controls, i);
    if (i % TF_BLOCK == 0) {
        const uint32_t left = v->n_postings - i;
        v->tf_controls = v->tfs;
        v->tfs += ((left < TF_BLOCK ? left : TF_BLOCK) + 3) / 4;
    }
    const uint32_t tf = control(v->tf_controls, i % TF_BLOCK);
    r->image += load_le32(v->gaps) & 0xffffffffu >> (24 - 8 * gap);
    v->gaps += 1 + gap;
    v->n_more = (load_le32(v->tfs) & masks_0124[tf]) + 1;
    v->tfs += tf + (tf == 3);
}

bool postings_v1_next(postings_reader *r, uint32_t images[POSTINGS_BLOCK], uint32_t *n)
{
    for (*n = 0; *n < POSTINGS_BLOCK; r->v1.n_more--) {
        if (r->v1.n_more == 0) {
            if (r->v1.n_read == r->v1.n_postings)
                return true;
            next_posting(r);
            if (r->image >= r->n_images || r->v1.n_more == 0 || r->v1.n_more > r->n_left)
                return false;
            r->n_left -= r->v1.n_more;
        }
        images[(*n)++] = r->image;
    }
    return true;
}
