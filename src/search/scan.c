/* SPDX-License-Identifier: MIT
 *
 * Block by block: the kernel leaves the places of near signatures, and the
 * postings tell the image of each. They are decoded only where something is
 * near, and spread to an image for each feature: matches are many, and looking
 * up each is faster than a walk over term frequencies. */
#include "search/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
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
    free(s->spread);
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
}

static bovw_status next_segment(scan *s, bovw_error *err)
{
    const segment *seg = &s->index->segments[s->n_segments_seen++];
    s->n_scanned = 0;
    s->is_decoded = false;
    return segment_signatures(seg, s->word, s->kind == SCAN_ASMK, s->planes,
                              &s->n_signatures, err);
}

/* Near signatures of the next block: how many. */
static size_t scan_block(scan *s, size_t *n_block)
{
    const uint64_t left = s->n_signatures - s->n_scanned;
    const size_t n = left < HAMMING_BLOCK ? (size_t)left : HAMMING_BLOCK;
    const size_t offset = (size_t)s->n_scanned * sizeof(uint64_t);
    *n_block = n;
    return s->kernel->find(s->planes[0] + offset, s->is_long ? s->planes[1] + offset : NULL,
                           n, s->query, s->threshold, &s->found);
}

/* The image of each feature from those of the postings. False where there are
 * not as many as signatures. */
static bool spread(scan *s, uint32_t n_postings)
{
    size_t at = 0;
    for (uint32_t p = 0; p < n_postings; p++) {
        if (s->tfs[p] > s->n_signatures - at)
            return false;
        for (uint32_t i = 0; i < s->tfs[p]; i++)
            s->spread[at++] = s->images[p];
    }
    return at == s->n_signatures;
}

static bovw_status decode(scan *s, bovw_error *err)
{
    const segment *seg = &s->index->segments[s->n_segments_seen - 1];
    const uint32_t n_postings = segment_frequency(seg, s->word);
    /* Signatures follow all stored postings, those of removed images too. */
    const bovw_status status =
        segment_stored_postings(seg, s->word, s->images, s->tfs, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t i = 0; seg->removed.n > 0 && i < n_postings; i++)
        s->images[i] = segment_live(seg, s->images[i]);
    if (s->kind == SCAN_HE && !mem_grow(&s->spread, &s->spread_capacity,
                                        (size_t)s->n_signatures, sizeof *s->spread))
        return fail_memory(err, "matches of a query");
    const bool fits =
        s->kind == SCAN_HE ? spread(s, n_postings) : n_postings == s->n_signatures;
    if (!fits)
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: signatures and postings of word %u disagree", seg->path, s->word);
    s->is_decoded = true;
    return BOVW_OK;
}

/* Leave out the matches of removed images: how many are left. */
static size_t drop_removed(scan *s, const uint32_t *owners, size_t n_found)
{
    size_t n = 0;
    for (size_t i = 0; i < n_found; i++) {
        s->found.positions[n] = s->found.positions[i];
        s->found.distances[n] = s->found.distances[i];
        n += owners[s->found.positions[i]] != IMAGE_REMOVED;
    }
    return n;
}

/* Matches of the next block of the current segment; matches->n is 0 where there
 * are none. */
static bovw_status next_block(scan *s, scan_matches *matches, bovw_error *err)
{
    const segment *seg = &s->index->segments[s->n_segments_seen - 1];
    size_t n_block = 0;
    size_t n_found = scan_block(s, &n_block);
    if (n_found > 0 && !s->is_decoded) {
        const bovw_status status = decode(s, err);
        if (status != BOVW_OK)
            return status;
    }
    /* Not looked at where nothing was found. */
    const uint32_t *owners =
        s->is_decoded ? (s->kind == SCAN_HE ? s->spread : s->images) + s->n_scanned : NULL;
    if (n_found > 0 && seg->removed.n > 0)
        n_found = drop_removed(s, owners, n_found);
    if (n_found > 0)
        *matches = (scan_matches){.n = n_found,
                                  .positions = s->found.positions,
                                  .distances = s->found.distances,
                                  .owners = owners,
                                  .n_before = (size_t)s->n_scanned,
                                  .first_image = s->index->starts[s->n_segments_seen - 1]};
    s->n_scanned += n_block;
    return BOVW_OK;
}

bovw_status scan_next(scan *s, scan_matches *matches, bovw_error *err)
{
    bovw_status status = BOVW_OK;

    matches->n = 0;
    while (status == BOVW_OK && matches->n == 0) {
        if (s->n_scanned < s->n_signatures)
            status = next_block(s, matches, err);
        else if (s->n_segments_seen < s->index->n_segments)
            status = next_segment(s, err);
        else
            break;
    }
    return status;
}
