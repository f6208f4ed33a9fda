/* SPDX-License-Identifier: MIT
 *
 * One query: descriptors to words, words to term frequencies, then term at a
 * time over the postings into one accumulator per image. Terms come in
 * ascending order of word, so each image's sum is made in the same order in
 * any index that holds it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/topk.h"
#include "bovw/search.h"
#include "index/snapshot.h"
#include "search/rerank.h"

struct bovw_searcher {
    const bovw_index *index;
    bovw_search_options options;
    bovw_compute compute;
    reranker *reranker; /* NULL where nothing is verified */
    float *scores;      /* (n_images,) zero between queries */
    uint32_t *images;   /* (largest segment,) one decoded list */
    uint32_t *tfs;
    uint32_t *words; /* of the query's features, in their order */
    size_t words_capacity;
    uint32_t *sorted; /* the same, ascending */
    size_t sorted_capacity;
    scored *best;
    size_t best_capacity;
};

void bovw_search_options_default(bovw_search_options *opts)
{
    *opts = (bovw_search_options){.top = 20, .verify = 0, .min_inliers = 0};
    bovw_verify_options_default(&opts->geometry);
}

void bovw_ranking_free(bovw_ranking *ranking)
{
    free(ranking->hits);
    *ranking = (bovw_ranking){0};
}

bovw_status bovw_searcher_new(const bovw_index *index, const bovw_search_options *opts,
                              const bovw_compute *compute, bovw_searcher **searcher,
                              bovw_error *err)
{
    uint32_t largest = 0;
    for (uint32_t s = 0; s < index->n_segments; s++)
        largest =
            index->segments[s].n_images > largest ? index->segments[s].n_images : largest;

    bovw_searcher *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "searcher");
    made->index = index;
    made->options = *opts;
    if (compute)
        made->compute = *compute;
    made->scores = mem_array(bovw_index_n_images(index), sizeof *made->scores);
    made->images = mem_array(largest, sizeof *made->images);
    made->tfs = mem_array(largest, sizeof *made->tfs);
    bovw_status status =
        made->scores && made->images && made->tfs ? BOVW_OK : fail_memory(err, "searcher");
    if (status == BOVW_OK && opts->verify > 0)
        status = reranker_new(index, opts, &made->compute, &made->reranker, err);
    if (status != BOVW_OK) {
        bovw_searcher_free(made);
        return status;
    }
    *searcher = made;
    return BOVW_OK;
}

void bovw_searcher_free(bovw_searcher *searcher)
{
    if (!searcher)
        return;
    reranker_free(searcher->reranker);
    free(searcher->scores);
    free(searcher->images);
    free(searcher->tfs);
    free(searcher->words);
    free(searcher->sorted);
    free(searcher->best);
    free(searcher);
}

static int compare_words(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bovw_status quantise(bovw_searcher *s, const bovw_features *query, bovw_error *err)
{
    if (!mem_grow(&s->words, &s->words_capacity, query->n, sizeof *s->words) ||
        !mem_grow(&s->sorted, &s->sorted_capacity, query->n, sizeof *s->sorted))
        return fail_memory(err, "words of a query");
    const bovw_status status =
        bovw_vocabulary_assign(bovw_index_vocabulary(s->index), query->descriptors,
                               query->n, &s->compute, s->words, NULL, err);
    if (status != BOVW_OK)
        return status;
    if (query->n) {
        memcpy(s->sorted, s->words, query->n * sizeof *s->words);
        qsort(s->sorted, query->n, sizeof *s->sorted, compare_words);
    }
    return BOVW_OK;
}

/* Add one term's part to the scores of the images that contain it. */
static bovw_status add_term(bovw_searcher *s, uint32_t word, float weight, bovw_error *err)
{
    const bovw_index *index = s->index;
    for (uint32_t i = 0; i < index->n_segments; i++) {
        const segment *seg = &index->segments[i];
        const uint32_t n = segment_frequency(seg, word);
        if (n == 0)
            continue;
        const bovw_status status = segment_postings(seg, word, s->images, s->tfs, err);
        if (status != BOVW_OK)
            return status;
        float *scores = s->scores + index->starts[i];
        for (uint32_t p = 0; p < n; p++)
            scores[s->images[p]] += weight * (float)s->tfs[p];
    }
    return BOVW_OK;
}

/* Dot products of the query's tf-idf vector with those of all images, into
 * scores; *norm is the length of the query's vector. */
static bovw_status accumulate(bovw_searcher *s, uint32_t n, double *norm, bovw_error *err)
{
    double square = 0.0;
    for (uint32_t i = 0; i < n;) {
        const uint32_t word = s->sorted[i];
        uint32_t tf = 0;
        while (i < n && s->sorted[i] == word) {
            tf++;
            i++;
        }
        const double idf = (double)bovw_index_idf(s->index, word);
        if (idf == 0.0)
            continue;
        square += (tf * idf) * (tf * idf);
        const bovw_status status = add_term(s, word, (float)(tf * idf * idf), err);
        if (status != BOVW_OK)
            return status;
    }
    *norm = sqrt(square);
    return BOVW_OK;
}

/* The best images by cosine as hits. Leaves the scores zero. */
static bovw_status select_best(bovw_searcher *s, double norm, bovw_ranking *ranking,
                               bovw_error *err)
{
    const uint32_t n_images = bovw_index_n_images(s->index);
    size_t wanted = n_images, n = 0;
    if (s->options.top) {
        wanted = s->options.top > s->options.verify ? s->options.top : s->options.verify;
        wanted = wanted < n_images ? wanted : n_images;
    }
    if (!mem_grow(&s->best, &s->best_capacity, wanted, sizeof *s->best))
        return fail_memory(err, "ranking");
    for (uint32_t i = 0; i < n_images; i++) {
        const float dot = s->scores[i];
        if (dot > 0.0F) {
            const double score = dot / (norm * (double)bovw_index_norm(s->index, i));
            topk_offer(s->best, &n, wanted, (scored){.score = (float)score, .id = i});
        }
    }
    topk_sort(s->best, n);

    bovw_hit *hits = mem_array(n, sizeof *hits);
    if (!hits)
        return fail_memory(err, "ranking");
    for (size_t i = 0; i < n; i++)
        hits[i] = (bovw_hit){.image = s->best[i].id, .score = s->best[i].score};
    ranking->hits = hits;
    ranking->n = (uint32_t)n;
    return BOVW_OK;
}

bovw_status bovw_searcher_run(bovw_searcher *searcher, const bovw_features *query,
                              bovw_ranking *ranking, bovw_error *err)
{
    bovw_ranking out = {0};
    double norm = 0.0;

    const double start = clock_seconds();
    bovw_status status = quantise(searcher, query, err);
    const double quantised = clock_seconds();
    if (status == BOVW_OK)
        status = accumulate(searcher, query->n, &norm, err);
    if (status == BOVW_OK)
        status = select_best(searcher, norm, &out, err);
    if (bovw_index_n_images(searcher->index))
        memset(searcher->scores, 0,
               bovw_index_n_images(searcher->index) * sizeof *searcher->scores);
    const double searched = clock_seconds();
    if (status == BOVW_OK && searcher->reranker)
        status = reranker_run(searcher->reranker, query, searcher->words, &out, err);
    if (status != BOVW_OK) {
        bovw_ranking_free(&out);
        return status;
    }
    if (searcher->options.top && out.n > searcher->options.top)
        out.n = searcher->options.top;
    out.seconds = (bovw_timings){.quantisation = quantised - start,
                                 .search = searched - quantised,
                                 .verification = clock_seconds() - searched};
    *ranking = out;
    return BOVW_OK;
}

/* One query after the other, each on all threads. */
static bovw_status search_in_turn(const bovw_index *index, const bovw_features *queries,
                                  size_t n, const bovw_search_options *opts,
                                  const bovw_compute *compute, bovw_ranking *rankings,
                                  bovw_error *err)
{
    bovw_searcher *searcher = NULL;
    bovw_status status = bovw_searcher_new(index, opts, compute, &searcher, err);
    for (size_t i = 0; status == BOVW_OK && i < n; i++)
        status = bovw_searcher_run(searcher, &queries[i], &rankings[i], err);
    bovw_searcher_free(searcher);
    return status;
}

/* Queries side by side, each on one thread. */
static bovw_status search_side_by_side(const bovw_index *index,
                                       const bovw_features *queries, size_t n,
                                       const bovw_search_options *opts,
                                       const bovw_compute *compute, int n_threads,
                                       bovw_ranking *rankings, bovw_error *err)
{
    const bovw_compute single = {.n_threads = 1,
                                 .kernel = compute ? compute->kernel : NULL};
    bovw_status status = BOVW_OK;

#pragma omp parallel num_threads(n_threads)
    {
        bovw_searcher *searcher = NULL;
        bovw_error mine = {0};
        bovw_status result = bovw_searcher_new(index, opts, &single, &searcher, &mine);
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < n; i++) {
            if (result == BOVW_OK)
                result = bovw_searcher_run(searcher, &queries[i], &rankings[i], &mine);
        }
        if (result != BOVW_OK) {
#pragma omp critical(bovw_search_error)
            {
                status = result;
                if (err)
                    *err = mine;
            }
        }
        bovw_searcher_free(searcher);
    }
    return status;
}

bovw_status bovw_search(const bovw_index *index, const bovw_features *queries, size_t n,
                        const bovw_search_options *opts, const bovw_compute *compute,
                        bovw_ranking *rankings, bovw_error *err)
{
    const int n_threads = parallel_threads(compute);
    bovw_ranking *made = mem_array(n, sizeof *made);
    if (!made)
        return fail_memory(err, "rankings");
    const bovw_status status =
        n < (size_t)n_threads || n_threads == 1
            ? search_in_turn(index, queries, n, opts, compute, made, err)
            : search_side_by_side(index, queries, n, opts, compute, n_threads, made, err);
    for (size_t i = 0; i < n; i++) {
        if (status == BOVW_OK)
            rankings[i] = made[i];
        else
            bovw_ranking_free(&made[i]);
    }
    free(made);
    return status;
}
