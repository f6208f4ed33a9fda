/* SPDX-License-Identifier: MIT
 *
 * The features of the images that have a word of the query are gathered by word, with
 * their signatures, and each word of the query is compared with them: images that are to
 * be verified are few, and the lists of their words are long. One sort by image and
 * distance puts the matches in their order. */
#include "search/tentative.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/order.h"
#include "base/parallel.h"
#include "search/hamming.h"
#include "search/image_features.h"

enum {
    DISTANCE_BITS = 8,        /* of a key's upper half, below the rank */
    MAX_RANKS = (1 << 24) - 1 /* the rank after the last fits too */
};

/* A match in the order in which it was found. */
typedef struct pair {
    uint32_t query_feature, word;
    uint32_t feature; /* which of the image's features of the word */
} pair;

struct tentative {
    const bovw_index *index;
    const hamming_kernel *kernel;
    int n_threads;
    uint32_t threshold;
    bool is_long;
    uint8_t *is_wanted;      /* (n_words,) is it a word of the query? */
    image_features features; /* of the images, those of the query's words */
    uint64_t *planes[2];     /* their signatures, little-endian */
    size_t planes_capacity[2];
    hamming_found found;
    pair *pairs;
    uint64_t *keys, *spare; /* rank, distance, number of the pair */
    size_t n, pairs_capacity, keys_capacity, spare_capacity;
};

bovw_status tentative_new(const bovw_index *index, const bovw_search_options *options,
                          const bovw_compute *compute, tentative **made, bovw_error *err)
{
    tentative *t = mem_array(1, sizeof *t);
    if (!t)
        return fail_memory(err, "verification");
    t->index = index;
    t->n_threads = parallel_threads(compute);
    t->is_long = bovw_index_signatures(index) & BOVW_SIGNATURES_HE128;
    t->threshold = options->match_threshold * (t->is_long ? 2 : 1);
    t->kernel = hamming_kernel_find(compute ? compute->kernel : NULL);
    t->is_wanted = mem_array(bovw_vocabulary_size(bovw_index_vocabulary(index)), 1);
    if (!t->is_wanted) {
        tentative_free(t);
        return fail_memory(err, "verification");
    }
    *made = t;
    return BOVW_OK;
}

void tentative_free(tentative *t)
{
    if (!t)
        return;
    image_features_free(&t->features);
    free(t->is_wanted);
    free(t->planes[0]);
    free(t->planes[1]);
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

static void mark_words(tentative *t, const query_words *query, bool is_wanted)
{
    for (uint32_t i = 0; i < query->n; i++) {
        for (uint32_t j = 0; j < query->r; j++)
            t->is_wanted[query->words[(size_t)i * query->stride + j]] = is_wanted;
    }
}

/* The features of the images that have a word of the query, and their signatures: by
 * word, and of each word by rank. */
static bovw_status gather_features(tentative *t, const bovw_hit *hits, uint32_t n,
                                   bovw_error *err)
{
    const image_region anywhere = {.transform = NULL};
    image_features *f = &t->features;
    bovw_status status = BOVW_OK;

    f->n = 0;
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++) {
        size_t n_kept = f->n;
        status = image_features_add(f, t->index, hits[i].image, i, &anywhere, err);
        for (size_t j = n_kept; j < f->n; j++) {
            f->items[n_kept] = f->items[j];
            n_kept += t->is_wanted[f->items[j].word];
        }
        f->n = n_kept;
    }
    if (status == BOVW_OK && f->n > UINT32_MAX)
        status =
            fail(err, BOVW_ERR_LIMIT, "more than %u features are verified", UINT32_MAX);
    if (status == BOVW_OK)
        status = image_features_sort(f, err);
    if (status == BOVW_OK)
        status = image_features_sign(f, t->index, SCAN_HE, t->n_threads, err);
    return status;
}

static bovw_status fill_planes(tentative *t, bovw_error *err)
{
    const image_features *f = &t->features;
    for (int i = 0; i <= t->is_long; i++) {
        if (!mem_grow(&t->planes[i], &t->planes_capacity[i], f->n, sizeof **t->planes))
            return fail_memory(err, "matches of a query");
        for (size_t j = 0; j < f->n; j++)
            store_le64((uint8_t *)&t->planes[i][j], f->items[j].signature[i]);
    }
    return BOVW_OK;
}

/* The first feature whose word is not below `word`. */
static size_t first_of_word(const image_features *f, uint32_t word)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (f->items[middle].word < word)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bovw_status find_word(tentative *t, uint32_t query_feature, uint32_t word,
                             const uint64_t signature[2], bovw_error *err)
{
    const size_t end = first_of_word(&t->features, word + 1);
    bovw_status status = BOVW_OK;
    for (size_t first = first_of_word(&t->features, word); first < end;
         first += HAMMING_BLOCK) {
        const size_t n = end - first < HAMMING_BLOCK ? end - first : HAMMING_BLOCK;
        const size_t n_found =
            t->kernel->find((const uint8_t *)(t->planes[0] + first),
                            t->is_long ? (const uint8_t *)(t->planes[1] + first) : NULL, n,
                            signature, t->threshold, &t->found);
        for (size_t i = 0; status == BOVW_OK && i < n_found; i++) {
            const image_feature *f = &t->features.items[first + t->found.positions[i]];
            status = add_pair(t, f->source, t->found.distances[i],
                              (pair){query_feature, word, f->nth}, err);
        }
    }
    return status;
}

bovw_status tentative_find(tentative *t, const query_words *query, const bovw_hit *hits,
                           uint32_t n, bovw_error *err)
{
    if (n > MAX_RANKS)
        return fail(err, BOVW_ERR_LIMIT, "at most %d images are verified", MAX_RANKS);
    t->n = 0;
    mark_words(t, query, true);
    bovw_status status = gather_features(t, hits, n, err);
    mark_words(t, query, false);
    if (status == BOVW_OK)
        status = fill_planes(t, err);
    for (uint32_t i = 0; status == BOVW_OK && t->features.n > 0 && i < query->n; i++) {
        const size_t first = (size_t)i * query->stride;
        for (size_t j = first; status == BOVW_OK && j < first + query->r; j++)
            status = find_word(t, i, query->words[j], query->signatures + 2 * j, err);
    }
    if (status == BOVW_OK &&
        !mem_grow(&t->spare, &t->spare_capacity, t->n, sizeof *t->spare))
        status = fail_memory(err, "matches of a query");
    if (status == BOVW_OK && t->n > 0)
        keys_sort(t->keys, t->spare, t->n);
    return status;
}

/* The first key of a rank that is not below `rank`. */
static size_t first_of(const tentative *t, uint64_t rank)
{
    return lower_bound_u64(t->keys, t->n, rank << (32 + DISTANCE_BITS));
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
            (uint64_t)lower_bound_u32(words, n_words, p->word) + p->feature;
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
