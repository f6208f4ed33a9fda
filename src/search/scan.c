/* SPDX-License-Identifier: MIT
 *
 * Block by block: the kernel leaves the places of near signatures, and the
 * postings tell the image of each. They are decoded only where something is
 * near, which for a word far from the query's feature is often nothing. */
#include "search/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bovw_status scan_new(const bovw_index *index, scan_kind kind, bool is_long,
                     const char *kernel, scan **made, bovw_error *err)
{
    uint32_t largest = 0;
    for (uint32_t i = 0; i < index->n_segments; i++)
        largest =
            index->segments[i].n_images > largest ? index->segments[i].n_images : largest;
    scan *s = mem_array(1, sizeof *s);
    if (!s)
        return fail_memory(err, "searcher");
    s->index = index;
    s->kind = kind;
    s->is_long = is_long;
    s->kernel = hamming_kernel_find(kernel);
    s->images = mem_array(largest, sizeof *s->images);
    s->tfs = mem_array(largest, sizeof *s->tfs);
    if (!s->images || !s->tfs) {
        scan_free(s);
        return fail_memory(err, "searcher");
    }
    *made = s;
    return BOVW_OK;
}

void scan_free(scan *s)
{
    if (!s)
        return;
    free(s->images);
    free(s->tfs);
    free(s);
}

void scan_word(scan *s, uint32_t word, const uint64_t query[2], uint32_t threshold)
{
    s->word = word;
    s->query[0] = query[0];
    s->query[1] = query[1];
    s->threshold = threshold;
    s->n_segments_seen = 0;
    s->n_signatures = s->n_scanned = 0;
    s->n_found = s->n_returned = 0;
}

static bovw_status next_segment(scan *s, bovw_error *err)
{
    const segment *seg = &s->index->segments[s->n_segments_seen++];
    s->n_scanned = 0;
    s->n_postings = 0;
    return segment_signatures(seg, s->word, s->kind == SCAN_ASMK, s->planes,
                              &s->n_signatures, err);
}

static void scan_block(scan *s)
{
    const uint64_t left = s->n_signatures - s->n_scanned;
    const size_t n = left < HAMMING_BLOCK ? (size_t)left : HAMMING_BLOCK;
    const size_t offset = (size_t)s->n_scanned * sizeof(uint64_t);
    s->n_found =
        s->kernel->find(s->planes[0] + offset, s->is_long ? s->planes[1] + offset : NULL, n,
                        s->query, s->threshold, &s->found);
    s->n_returned = 0;
    s->block_first = s->n_scanned;
    s->n_scanned += n;
}

static bovw_status decode(scan *s, bovw_error *err)
{
    const segment *seg = &s->index->segments[s->n_segments_seen - 1];
    s->n_postings = segment_frequency(seg, s->word);
    const bovw_status status = segment_postings(seg, s->word, s->images, s->tfs, err);
    s->posting = 0;
    s->posting_first = 0;
    s->posting_end = s->n_postings ? s->tfs[0] : 0;
    return status;
}

/* The posting of signature `at`. False past the last. */
static bool find_posting(scan *s, uint64_t at)
{
    if (s->kind == SCAN_ASMK) {
        s->posting = (uint32_t)at;
        s->posting_first = at;
        return at < s->n_postings;
    }
    while (at >= s->posting_end) {
        if (s->posting + 1 >= s->n_postings)
            return false;
        s->posting_first = s->posting_end;
        s->posting_end += s->tfs[++s->posting];
    }
    return true;
}

bovw_status scan_next(scan *s, scan_match *match, bool *is_found, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    *is_found = false;
    while (s->n_returned == s->n_found) {
        if (s->n_scanned < s->n_signatures) {
            scan_block(s);
            continue;
        }
        if (s->n_segments_seen == s->index->n_segments)
            return BOVW_OK;
        status = next_segment(s, err);
        if (status != BOVW_OK)
            return status;
    }
    if (s->n_postings == 0)
        status = decode(s, err);
    if (status != BOVW_OK)
        return status;

    const uint32_t current = s->n_segments_seen - 1;
    const uint64_t at = s->block_first + s->found.positions[s->n_returned];
    if (!find_posting(s, at))
        return fail(err, BOVW_ERR_CORRUPT, "%s: more signatures than postings of word %u",
                    s->index->segments[current].path, s->word);
    match->image = s->index->starts[current] + s->images[s->posting];
    match->feature = (uint32_t)(at - s->posting_first);
    match->distance = s->found.distances[s->n_returned++];
    *is_found = true;
    return BOVW_OK;
}
