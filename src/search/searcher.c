/* SPDX-License-Identifier: MIT
 *
 * One query: descriptors to words, words to a similarity with every image
 * (scoring.h), the best of these, and their geometry.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "search/expansion.h"
#include "search/rerank.h"
#include "search/scoring.h"
#include "search/searcher.h"
#include "search/stop_words.h"

struct bovw_searcher {
    const bovw_index *index;
    bovw_search_options options;
    bovw_compute compute;
    const scorer *scorer;
    scoring scoring;
    stop_words stopped;
    reranker *reranker;         /* NULL where nothing is verified */
    query_words *words;         /* of the images of a query: scratch */
    const query_words *queries; /* (n_queries,) those of the current one */
    size_t n_queries, words_capacity;
    terms terms;             /* of the current query, each image a source of its own */
    terms combined;          /* what is searched with */
    image_features features; /* of images that expand it */
};

void bovw_search_options_default(bovw_search_options *opts)
{
    *opts = (bovw_search_options){.score = BOVW_SCORE_TFIDF,
                                  .tf = BOVW_TF_RAW,
                                  .he_threshold = 24,
                                  .he_sigma = 16.0F,
                                  .burstiness = BOVW_BURSTINESS_BOTH,
                                  .asmk_alpha = 3.0F,
                                  .asmk_tau = 0.0F,
                                  .match_assign = 5,
                                  .match_threshold = 28,
                                  .top = 20,
                                  .verify = 0,
                                  .min_inliers = 0};
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
    if (opts->expand > 0 && opts->verify == 0)
        return fail(err, BOVW_ERR_ARG,
                    "a query is expanded by verified images: how many shall be verified?");
    if (opts->expand > UINT16_MAX)
        return fail(err, BOVW_ERR_ARG, "a query is expanded by at most %d images",
                    UINT16_MAX);
    bovw_searcher *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "searcher");
    made->index = index;
    made->options = *opts;
    if (compute)
        made->compute = *compute;
    made->scorer = scorer_find(opts->score);
    bovw_status status =
        scoring_init(&made->scoring, index, &made->options, &made->compute, err);
    if (status == BOVW_OK && opts->stop_words > 0)
        status = stop_words_find(&made->stopped, index, opts->stop_words, err);
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
    scoring_free(&searcher->scoring);
    stop_words_free(&searcher->stopped);
    reranker_free(searcher->reranker);
    for (size_t i = 0; i < searcher->words_capacity; i++)
        query_words_free(&searcher->words[i]);
    free(searcher->words);
    terms_free(&searcher->terms);
    terms_free(&searcher->combined);
    image_features_free(&searcher->features);
    free(searcher);
}

/* Words of a query feature that scoring uses. */
static uint32_t n_assigned(const bovw_searcher *s)
{
    return s->options.assign ? s->options.assign : s->scorer->n_assigned;
}

/* Make room for the words of n query images. */
static bovw_status take_queries(bovw_searcher *s, size_t n, bovw_error *err)
{
    const size_t before = s->words_capacity;
    if (n > UINT16_MAX)
        return fail(err, BOVW_ERR_ARG, "more than %d images of one query", UINT16_MAX);
    if (!mem_grow(&s->words, &s->words_capacity, n, sizeof *s->words))
        return fail_memory(err, "images of a query");
    for (size_t i = before; i < s->words_capacity; i++)
        s->words[i] = (query_words){0};
    s->n_queries = n;
    return BOVW_OK;
}

/* Find as many words, and such signatures, as any of the stages wants. */
static bovw_status quantise(bovw_searcher *s, const bovw_features *queries, bovw_error *err)
{
    const uint32_t for_matches = s->reranker ? reranker_n_assigned(s->reranker) : 1;
    const uint32_t for_score = n_assigned(s);
    const bool is_signed =
        s->scorer->is_signed || (s->reranker && reranker_is_signed(s->reranker));
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < s->n_queries; i++)
        status = query_words_find(
            &s->words[i], bovw_index_vocabulary(s->index), &queries[i],
            for_score > for_matches ? for_score : for_matches, is_signed, &s->compute, err);
    s->queries = s->words;
    return status;
}

/* The terms of the query, to begin with of its images alone. */
static bovw_status encode(bovw_searcher *s, bovw_error *err)
{
    const uint32_t n = (uint32_t)s->n_queries;
    bovw_status status = BOVW_OK;
    terms_clear(&s->terms);
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++) {
        const query_words words = query_words_first(&s->queries[i], n_assigned(s));
        status = s->scorer->encode(&s->scoring, &words, i, &s->terms, err);
    }
    if (status == BOVW_OK)
        status = terms_copy(&s->terms, &s->combined, err);
    if (status == BOVW_OK && n > 1)
        status = s->scorer->combine(&s->scoring, n, &s->combined, err);
    return status;
}

/* Rank the images by similarity with the terms. */
static bovw_status rank(bovw_searcher *s, bovw_ranking *ranking, bovw_error *err)
{
    const uint32_t n_images = bovw_index_n_images(s->index);
    size_t wanted = n_images, n = 0;
    scored *best = NULL;
    if (s->options.top) {
        wanted = s->options.top > s->options.verify ? s->options.top : s->options.verify;
        wanted = wanted < n_images ? wanted : n_images;
    }
    stop_words_remove(&s->stopped, &s->combined);
    const bovw_status status =
        scoring_run(&s->scoring, &s->combined, wanted, &best, &n, err);
    if (status != BOVW_OK)
        return status;
    bovw_hit *hits = mem_array(n, sizeof *hits);
    for (size_t i = 0; hits && i < n; i++)
        hits[i] = (bovw_hit){.image = best[i].id, .score = best[i].score};
    free(best);
    if (!hits)
        return fail_memory(err, "ranking");
    ranking->hits = hits;
    ranking->n = (uint32_t)n;
    return BOVW_OK;
}

static bovw_status verify(bovw_searcher *s, bovw_ranking *ranking, bovw_error *err)
{
    return s->reranker
               ? reranker_run(s->reranker, s->queries, (uint32_t)s->n_queries, ranking, err)
               : BOVW_OK;
}

/* Search and verify again with what the verified images add. */
static bovw_status expand(bovw_searcher *s, bovw_ranking *ranking, bovw_error *err)
{
    uint32_t n_images = 0;
    bovw_ranking second = {0};
    bovw_status status = BOVW_OK;
    status = terms_copy(&s->terms, &s->combined, err);
    if (status == BOVW_OK)
        status =
            expansion_add(&s->features, &s->scoring, s->queries, (uint32_t)s->n_queries,
                          ranking, &s->combined, &n_images, err);
    if (status != BOVW_OK || n_images == 0)
        return status;
    status = rank(s, &second, err);
    if (status == BOVW_OK)
        status = verify(s, &second, err);
    if (status != BOVW_OK) {
        bovw_ranking_free(&second);
        return status;
    }
    bovw_ranking_free(ranking);
    *ranking = second;
    return BOVW_OK;
}

/* Everything from the words on. */
static bovw_status search(bovw_searcher *s, bovw_ranking *ranking, bovw_error *err)
{
    bovw_ranking out = {0};

    if (s->reranker)
        reranker_begin(s->reranker);
    const double start = clock_seconds();
    bovw_status status = encode(s, err);
    if (status == BOVW_OK)
        status = rank(s, &out, err);
    const double searched = clock_seconds();
    if (status == BOVW_OK)
        status = verify(s, &out, err);
    const double verified = clock_seconds();
    if (status == BOVW_OK && s->options.expand > 0)
        status = expand(s, &out, err);
    const double expanded = s->options.expand > 0 ? clock_seconds() : verified;
    if (status != BOVW_OK) {
        bovw_ranking_free(&out);
        return status;
    }
    if (s->options.top && out.n > s->options.top)
        out.n = s->options.top;
    out.seconds = (bovw_timings){.search = searched - start,
                                 .verification = verified - searched,
                                 .expansion = expanded - verified};
    *ranking = out;
    return BOVW_OK;
}

bovw_status searcher_run_words(bovw_searcher *s, const query_words *queries, size_t n,
                               bovw_ranking *ranking, bovw_error *err)
{
    s->queries = queries;
    s->n_queries = n;
    return search(s, ranking, err);
}

bovw_status bovw_searcher_run(bovw_searcher *searcher, const bovw_features *query,
                              bovw_ranking *ranking, bovw_error *err)
{
    return bovw_searcher_run_together(searcher, query, 1, ranking, err);
}

bovw_status bovw_searcher_run_together(bovw_searcher *searcher,
                                       const bovw_features *queries, size_t n,
                                       bovw_ranking *ranking, bovw_error *err)
{
    const double start = clock_seconds();
    bovw_status status = take_queries(searcher, n, err);
    if (status == BOVW_OK)
        status = quantise(searcher, queries, err);
    const double quantised = clock_seconds();
    if (status == BOVW_OK)
        status = search(searcher, ranking, err);
    if (status == BOVW_OK)
        ranking->seconds.quantisation = quantised - start;
    return status;
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
