/* SPDX-License-Identifier: MIT
 *
 * Block by block: the kernel leaves the places of near signatures, and the postings,
 * which are read along, tell the image of each. */
#include "search/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bovw_status scan_new(const bovw_index *index, scan_kind kind, bool is_long,
                     const char *kernel, scan **made, bovw_error *err)
{
    scan *s = mem_array(1, sizeof *s);
    if (!s)
        return fail_memory(err, "searcher");
    s->index = index;
    s->kind = kind;
    s->is_long = is_long;
    s->kernel = hamming_kernel_find(kernel);
    *made = s;
    return BOVW_OK;
}

void scan_free(scan *s)
{
    free(s);
}

bovw_status scan_word(scan *s, uint32_t number, uint32_t word, const uint64_t query[2],
                      uint32_t threshold, bovw_error *err)
{
    const segment *seg = &s->index->segments[number];
    s->segment = seg;
    s->word = word;
    s->query[0] = query[0];
    s->query[1] = query[1];
    s->threshold = threshold;
    s->n_scanned = 0;
    s->n_owners = 0;
    s->last_image = UINT32_MAX;
    const bovw_status status = segment_signatures(seg, word, s->kind == SCAN_ASMK,
                                                  s->planes, &s->n_signatures, err);
    if (status != BOVW_OK || s->n_signatures == 0)
        return status;
    return segment_read_postings(seg, word, &s->reader, err);
}

/* Near signatures of the next n: how many. */
static size_t scan_block(scan *s, size_t n)
{
    const size_t offset = (size_t)s->n_scanned * sizeof(uint64_t);
    return s->kernel->find(s->planes[0] + offset, s->is_long ? s->planes[1] + offset : NULL,
                           n, s->query, s->threshold, &s->found);
}

/* The images of the next n signatures, to s->owners. */
static bovw_status read_owners(scan *s, size_t n, bovw_error *err)
{
    while (s->n_owners < n) {
        uint32_t *to = s->owners + s->n_owners, n_read = 0;
        const bovw_status status =
            segment_next_postings(s->segment, s->word, &s->reader, to, &n_read, err);
        if (status != BOVW_OK)
            return status;
        if (n_read == 0)
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: signatures and postings of word %u disagree", s->segment->path,
                        s->word);
        s->n_owners += s->kind == SCAN_ASMK
                           ? postings_drop_repeated(to, n_read, &s->last_image)
                           : n_read;
    }
    return BOVW_OK;
}

/* Leave out the matches of removed images: how many are left. */
static size_t drop_removed(scan *s, size_t n_found)
{
    hamming_found *f = &s->found;
    size_t n = 0;
    for (size_t i = 0; i < n_found; i++) {
        const uint32_t image = f->positions[i];
        f->positions[n] = image;
        f->distances[n] = f->distances[i];
        n += segment_live(s->segment, image) != IMAGE_REMOVED;
    }
    return n;
}

bovw_status scan_next(scan *s, scan_matches *matches, bovw_error *err)
{
    matches->n = 0;
    while (matches->n == 0 && s->n_scanned < s->n_signatures) {
        const uint64_t left = s->n_signatures - s->n_scanned;
        const size_t n = left < HAMMING_BLOCK ? (size_t)left : HAMMING_BLOCK;
        size_t n_found = scan_block(s, n);
        const bovw_status status = read_owners(s, n, err);
        if (status != BOVW_OK)
            return status;
        uint32_t *found = s->found.positions;
        for (size_t i = 0; i < n_found; i++)
            found[i] = s->owners[found[i]];
        if (s->segment->removed.n > 0)
            n_found = drop_removed(s, n_found);
        s->n_scanned += n;
        s->n_owners -= n;
        memmove(s->owners, s->owners + n, s->n_owners * sizeof *s->owners);
        *matches =
            (scan_matches){.n = n_found, .images = found, .distances = s->found.distances};
    }
    return BOVW_OK;
}
