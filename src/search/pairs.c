/* SPDX-License-Identifier: MIT
 *
 * Images are taken as queries block by block: each postings list is decoded once
 * for a block, and its images are added to the scores of all queries of the
 * block that have the word. Per score the terms come in ascending order of word,
 * as in a search.
 */
#include "bovw/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/topk.h"

enum {
    SCORE_BYTES = 32 << 20, /* of the scores of a block */
    MAX_BLOCK = 64          /* queries */
};

/* A word of a query of the block. */
typedef struct term {
    uint32_t word;
    uint32_t query; /* in the block */
    float weight;   /* tf * idf^2 */
} term;

/* The scratch of one thread. */
typedef struct joiner {
    const bovw_index *index;
    uint32_t n_images, n_block, top;
    float *scores; /* (n_block, n_images) zeros between blocks */
    double *norms; /* (n_block,) */
    term *terms;   /* (n_terms,) sorted by word, then query */
    size_t n_terms, terms_capacity;
    uint32_t *words; /* of one image */
    size_t words_capacity;
    bovw_posting *postings;
    size_t postings_capacity;
    scored *best; /* (top,) */
} joiner;

typedef struct join {
    const bovw_index *index;
    uint32_t n_images, n_block, n_blocks, top;
    bovw_pair *pairs; /* (n_images, top) places; a == b: not filled */
} join;

static void joiner_free(joiner *j)
{
    free(j->scores);
    free(j->norms);
    free(j->terms);
    free(j->words);
    free(j->postings);
    free(j->best);
}

static bovw_status joiner_new(const join *all, joiner *j, bovw_error *err)
{
    *j = (joiner){.index = all->index,
                  .n_images = all->n_images,
                  .n_block = all->n_block,
                  .top = all->top};
    j->scores = mem_array((size_t)j->n_block * j->n_images, sizeof *j->scores);
    j->norms = mem_array(j->n_block, sizeof *j->norms);
    j->best = mem_array(j->top, sizeof *j->best);
    return j->scores && j->norms && j->best ? BOVW_OK : fail_memory(err, "pairs");
}

/* ---- one block ------------------------------------------------------------------ */

/* Append the terms of one image, whose words come in ascending order. */
static bovw_status add_terms(joiner *j, uint32_t query, uint32_t image, bovw_error *err)
{
    const uint32_t n = bovw_index_image(j->index, image).n_features;
    double square = 0;
    if (!mem_grow(&j->words, &j->words_capacity, n, sizeof *j->words) ||
        !mem_grow(&j->terms, &j->terms_capacity, j->n_terms + n, sizeof *j->terms))
        return fail_memory(err, "pairs");
    const bovw_status status = bovw_index_features(j->index, image, j->words, NULL, err);
    for (uint32_t i = 0; status == BOVW_OK && i < n;) {
        const uint32_t word = j->words[i];
        uint32_t tf = 0;
        for (; i < n && j->words[i] == word; i++)
            tf++;
        const double idf = (double)bovw_index_idf(j->index, word);
        square += (tf * idf) * (tf * idf);
        if (idf != 0.0)
            j->terms[j->n_terms++] = (term){word, query, (float)(tf * idf * idf)};
    }
    j->norms[query] = sqrt(square);
    return status;
}

static int compare_terms(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return (x->query > y->query) - (x->query < y->query);
}

/* Terms [first, end) have one word. */
static bovw_status add_postings(joiner *j, size_t first, size_t end, uint32_t segment,
                                bovw_error *err)
{
    size_t n = 0;
    const bovw_status status =
        bovw_index_postings(j->index, segment, j->terms[first].word, &j->postings,
                            &j->postings_capacity, &n, err);
    for (size_t t = first; status == BOVW_OK && t < end; t++) {
        float *scores = j->scores + (size_t)j->terms[t].query * j->n_images;
        const float weight = j->terms[t].weight;
        for (size_t p = 0; p < n; p++)
            scores[j->postings[p].image] += weight * (float)j->postings[p].tf;
    }
    return status;
}

static bovw_status accumulate(joiner *j, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (uint32_t s = 0; s < bovw_index_n_segments(j->index); s++) {
        for (size_t first = 0; status == BOVW_OK && first < j->n_terms;) {
            size_t end = first + 1;
            while (end < j->n_terms && j->terms[end].word == j->terms[first].word)
                end++;
            status = add_postings(j, first, end, s, err);
            first = end;
        }
    }
    return status;
}

/* The best partners of one query into its places; zeroes its scores. */
static void select_partners(joiner *j, uint32_t query, uint32_t image, bovw_pair *places)
{
    float *scores = j->scores + (size_t)query * j->n_images;
    size_t n = 0;
    for (uint32_t i = 0; i < j->n_images; i++) {
        if (i == image || !(scores[i] > 0.0F))
            continue;
        const double score =
            scores[i] / (j->norms[query] * (double)bovw_index_norm(j->index, i));
        topk_offer(j->best, &n, j->top, (scored){.score = (float)score, .id = i});
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t other = j->best[i].id;
        places[i] = (bovw_pair){.a = image < other ? image : other,
                                .b = image < other ? other : image,
                                .score = j->best[i].score};
    }
    memset(scores, 0, j->n_images * sizeof *scores);
}

static bovw_status join_block(joiner *j, const join *all, uint32_t block, bovw_error *err)
{
    const uint32_t first = block * all->n_block;
    const uint32_t left = all->n_images - first;
    const uint32_t n = left < all->n_block ? left : all->n_block;
    bovw_status status = BOVW_OK;
    j->n_terms = 0;
    for (uint32_t q = 0; status == BOVW_OK && q < n; q++)
        status = add_terms(j, q, first + q, err);
    if (status == BOVW_OK && j->n_terms > 0)
        qsort(j->terms, j->n_terms, sizeof *j->terms, compare_terms);
    if (status == BOVW_OK)
        status = accumulate(j, err);
    for (uint32_t q = 0; status == BOVW_OK && q < n; q++)
        select_partners(j, q, first + q, all->pairs + (size_t)(first + q) * all->top);
    return status;
}

/* ---- all of them ------------------------------------------------------------------ */

/* Blocks [first, end), on as many threads. Of several errors the first block's is
 * told. */
static bovw_status join_blocks(const join *all, joiner *joiners, uint32_t first,
                               uint32_t end, int n_threads, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    uint32_t failed = UINT32_MAX;
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads) if (n_threads > 1)
    for (uint32_t block = first; block < end; block++) {
        bovw_error mine = {0};
        const bovw_status result =
            join_block(&joiners[parallel_thread()], all, block, &mine);
        if (result == BOVW_OK)
            continue;
#pragma omp critical(bovw_pairs_error)
        if (block < failed) {
            failed = block;
            status = result;
            if (err)
                *err = mine;
        }
    }
    return status;
}

static bovw_status join_all(const join *all, int n_threads, const bovw_monitor *monitor,
                            bovw_error *err)
{
    joiner *joiners = mem_array((size_t)n_threads, sizeof *joiners);
    const uint32_t n_round = 4 * (uint32_t)n_threads; /* blocks between two reports */
    bovw_status status = joiners ? BOVW_OK : fail_memory(err, "pairs");
    for (int t = 0; status == BOVW_OK && t < n_threads; t++)
        status = joiner_new(all, &joiners[t], err);
    for (uint32_t first = 0; status == BOVW_OK && first < all->n_blocks; first += n_round) {
        const uint32_t left = all->n_blocks - first;
        status = monitor_progress(monitor, "pairing", (uint64_t)first * all->n_block,
                                  all->n_images, err);
        if (status == BOVW_OK)
            status = join_blocks(all, joiners, first,
                                 first + (left < n_round ? left : n_round), n_threads, err);
    }
    for (int t = 0; joiners && t < n_threads; t++)
        joiner_free(&joiners[t]);
    free(joiners);
    return status;
}

/* The side of the lower image is first where both have the pair: its place comes
 * first, and so does its score. */
static int compare_pairs(const void *a, const void *b)
{
    const bovw_pair *x = a, *y = b;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    if (x->b != y->b)
        return x->b < y->b ? -1 : 1;
    return (x->score < y->score) - (x->score > y->score);
}

/* Filled places, each pair once. */
static size_t gather(bovw_pair *pairs, size_t n_places)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < n_places; i++) {
        if (pairs[i].a != pairs[i].b)
            pairs[n++] = pairs[i];
    }
    if (n > 0)
        qsort(pairs, n, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || pairs[i].a != pairs[i - 1].a || pairs[i].b != pairs[i - 1].b)
            pairs[kept++] = pairs[i];
    }
    return kept;
}

bovw_status bovw_index_pairs(const bovw_index *index, uint32_t top,
                             const bovw_compute *compute, const bovw_monitor *monitor,
                             bovw_pair **pairs, size_t *n, bovw_error *err)
{
    join all = {.index = index, .n_images = bovw_index_n_images(index)};
    if (top == 0)
        return fail(err, BOVW_ERR_ARG, "0 partners of an image are wanted");
    const size_t row_bytes = (all.n_images ? all.n_images : 1) * sizeof(float);
    const size_t n_fitting = SCORE_BYTES / row_bytes;
    all.n_block = n_fitting < 1           ? 1
                  : n_fitting > MAX_BLOCK ? MAX_BLOCK
                                          : (uint32_t)n_fitting;
    all.n_blocks = all.n_images / all.n_block + (all.n_images % all.n_block != 0);
    all.top = top < all.n_images ? top : (all.n_images ? all.n_images : 1);
    all.pairs = mem_array((size_t)all.n_images * all.top, sizeof *all.pairs);
    if (!all.pairs)
        return fail_memory(err, "pairs");
    const bovw_status status = join_all(&all, parallel_threads(compute), monitor, err);
    if (status != BOVW_OK) {
        free(all.pairs);
        return status;
    }
    *n = gather(all.pairs, (size_t)all.n_images * all.top);
    *pairs = all.pairs;
    return BOVW_OK;
}
