/* SPDX-License-Identifier: MIT
 *
 * The images that are wanted are marked; one walk over the signatures of the
 * query's words keeps what falls on them; one sort by image and distance puts
 * the matches in their order. */
#include "search/tentative.h"

#include <stdlib.h>
#include <string.h>

#include "base/keys.h"
#include "base/memory.h"
#include "search/scan.h"

enum {
    DISTANCE_BITS = 8, /* of a key's upper half, below the rank */
    MAX_RANKS = 1 << 24
};

/* A match in the order in which it was found. */
typedef struct pair {
    uint32_t query_feature, word;
    uint32_t feature; /* which of the image's features of the word */
} pair;

struct tentative {
    const bovw_index *index;
    uint32_t threshold;
    scan *scan;
    uint32_t *ranks; /* (n_images,) 1 + rank of an image that is wanted, else 0 */
    pair *pairs;
    uint64_t *keys, *spare; /* rank, distance, number of the pair */
    size_t n, pairs_capacity, keys_capacity, spare_capacity;
};

bovw_status tentative_new(const bovw_index *index, const bovw_search_options *options,
                          const char *kernel, tentative **made, bovw_error *err)
{
    const bool is_long = bovw_index_signatures(index) & BOVW_SIGNATURES_HE128;
    tentative *t = mem_array(1, sizeof *t);
    bovw_status status = BOVW_OK;
    if (!t)
        return fail_memory(err, "verification");
    t->index = index;
    t->threshold = options->match_threshold * (is_long ? 2 : 1);
    t->ranks = mem_array(bovw_index_n_images(index), sizeof *t->ranks);
    status = t->ranks ? scan_new(index, SCAN_HE, is_long, kernel, &t->scan, err)
                      : fail_memory(err, "verification");
    if (status == BOVW_OK)
        *made = t;
    else
        tentative_free(t);
    return status;
}

void tentative_free(tentative *t)
{
    if (!t)
        return;
    scan_free(t->scan);
    free(t->ranks);
    free(t->pairs);
    free(t->keys);
    free(t->spare);
    free(t);
}

static bovw_status add_pair(tentative *t, uint32_t rank, uint32_t distance, pair found,
                            bovw_error *err)
{
    if (t->n == UINT32_MAX)
        return fail(err, BOVW_ERR_LIMIT, "more than %u matches of one query", UINT32_MAX);
    if (!mem_grow(&t->pairs, &t->pairs_capacity, t->n + 1, sizeof *t->pairs) ||
        !mem_grow(&t->keys, &t->keys_capacity, t->n + 1, sizeof *t->keys))
        return fail_memory(err, "matches of a query");
    t->pairs[t->n] = found;
    t->keys[t->n] = (uint64_t)(rank << DISTANCE_BITS | distance) << 32 | t->n;
    t->n++;
    return BOVW_OK;
}

static bovw_status find_word(tentative *t, uint32_t query_feature, uint32_t word,
                             const uint64_t signature[2], bovw_error *err)
{
    scan_matches matches = {.n = 1};
    bovw_status status = BOVW_OK;
    scan_word(t->scan, word, signature, t->threshold);
    while (status == BOVW_OK && matches.n > 0) {
        status = scan_next(t->scan, &matches, err);
        for (size_t i = 0; status == BOVW_OK && i < matches.n; i++) {
            const uint32_t image =
                matches.first_image + matches.owners[matches.positions[i]];
            const uint32_t rank = t->ranks[image];
            if (rank > 0)
                status =
                    add_pair(t, rank - 1, matches.distances[i],
                             (pair){query_feature, word, scan_feature(&matches, i)}, err);
        }
    }
    return status;
}

bovw_status tentative_find(tentative *t, const query_words *query, const bovw_hit *hits,
                           uint32_t n, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    if (n > MAX_RANKS)
        return fail(err, BOVW_ERR_LIMIT, "at most %d images are verified", MAX_RANKS);
    t->n = 0;
    for (uint32_t i = 0; i < n; i++)
        t->ranks[hits[i].image] = i + 1;
    for (uint32_t i = 0; status == BOVW_OK && n > 0 && i < query->n; i++) {
        const size_t first = (size_t)i * query->stride;
        for (size_t j = first; status == BOVW_OK && j < first + query->r; j++) {
            status = find_word(t, i, query->words[j], query->signatures + 2 * j, err);
        }
    }
    for (uint32_t i = 0; i < n; i++)
        t->ranks[hits[i].image] = 0;
    if (status == BOVW_OK &&
        !mem_grow(&t->spare, &t->spare_capacity, t->n, sizeof *t->spare))
        status = fail_memory(err, "matches of a query");
    if (status == BOVW_OK)
        keys_sort(t->keys, t->spare, t->n);
    return status;
}

static uint64_t rank_of(uint64_t key)
{
    return key >> (32 + DISTANCE_BITS);
}

/* The first key of a rank that is not below `rank`. */
static size_t first_of(const tentative *t, uint64_t rank)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (rank_of(t->keys[middle]) < rank)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t first_feature(const uint32_t *words, uint32_t n, uint32_t word)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (words[middle] < word)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bovw_status tentative_get(const tentative *t, uint32_t rank, const uint32_t *words,
                          uint32_t n_words, bovw_match **matches, size_t *n,
                          bovw_error *err)
{
    const size_t first = first_of(t, rank), end = first_of(t, (uint64_t)rank + 1);
    bovw_match *made = mem_array(end - first, sizeof *made);
    if (!made)
        return fail_memory(err, "matches of an image");
    for (size_t i = first; i < end; i++) {
        const pair *p = &t->pairs[(uint32_t)t->keys[i]];
        const uint64_t feature =
            (uint64_t)first_feature(words, n_words, p->word) + p->feature;
        if (feature >= n_words || words[feature] != p->word) {
            free(made);
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: postings and words of an image disagree", t->index->path);
        }
        made[i - first] = (bovw_match){.a = p->query_feature, .b = (uint32_t)feature};
    }
    *matches = made;
    *n = end - first;
    return BOVW_OK;
}
