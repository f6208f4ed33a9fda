/* SPDX-License-Identifier: MIT
 *
 * One query: descriptors to words, words to a similarity with every image
 * (scoring.h), the best of these, and their geometry.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/topk.h"
#include "search/rerank.h"
#include "search/scoring.h"

struct bovw_searcher {
    const bovw_index *index;
    bovw_search_options options;
    bovw_compute compute;
    const scorer *scorer;
    scoring scoring;
    reranker *reranker; /* NULL where nothing is verified */
    query_words words;  /* of the current query */
    scored *best;
    size_t best_capacity;
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
    bovw_searcher *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "searcher");
    made->index = index;
    made->options = *opts;
    if (compute)
        made->compute = *compute;
    made->scorer = scorer_find(opts->score);
    bovw_status status =
        scoring_init(&made->scoring, index, &made->options, made->compute.kernel, err);
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
    reranker_free(searcher->reranker);
    query_words_free(&searcher->words);
    free(searcher->best);
    free(searcher);
}

/* Words of a query feature that scoring uses. */
static uint32_t n_assigned(const bovw_searcher *s)
{
    return s->options.assign ? s->options.assign : s->scorer->n_assigned;
}

/* Find as many words, and such signatures, as any of the stages wants. */
static bovw_status quantise(bovw_searcher *s, const bovw_features *query, bovw_error *err)
{
    const uint32_t for_matches = s->reranker ? reranker_n_assigned(s->reranker) : 1;
    const uint32_t for_score = n_assigned(s);
    const bool is_signed =
        s->scorer->is_signed || (s->reranker && reranker_is_signed(s->reranker));
    return query_words_find(&s->words, bovw_index_vocabulary(s->index), query,
                            for_score > for_matches ? for_score : for_matches, is_signed,
                            &s->compute, err);
}

static bovw_status score(bovw_searcher *s, bovw_error *err)
{
    const query_words words = query_words_first(&s->words, n_assigned(s));
    return s->scorer->run(&s->scoring, &words, err);
}

/* The best images by similarity as hits. */
static bovw_status select_best(bovw_searcher *s, bovw_ranking *ranking, bovw_error *err)
{
    const uint32_t n_images = bovw_index_n_images(s->index);
    const scoring *of = &s->scoring;
    size_t wanted = n_images, n = 0;
    if (s->options.top) {
        wanted = s->options.top > s->options.verify ? s->options.top : s->options.verify;
        wanted = wanted < n_images ? wanted : n_images;
    }
    if (!mem_grow(&s->best, &s->best_capacity, wanted, sizeof *s->best))
        return fail_memory(err, "ranking");
    for (uint32_t i = 0; i < n_images; i++) {
        const float dot = of->scores[i];
        if (dot > 0.0F) {
            const double length = (double)load_lefloat(of->norms + (size_t)i * 4);
            const double similarity = dot / (of->norm * length);
            topk_offer(s->best, &n, wanted, (scored){.score = (float)similarity, .id = i});
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

    const double start = clock_seconds();
    bovw_status status = quantise(searcher, query, err);
    const double quantised = clock_seconds();
    if (status == BOVW_OK)
        status = score(searcher, err);
    if (status == BOVW_OK)
        status = select_best(searcher, &out, err);
    if (bovw_index_n_images(searcher->index))
        memset(searcher->scoring.scores, 0,
               bovw_index_n_images(searcher->index) * sizeof *searcher->scoring.scores);
    const double searched = clock_seconds();
    if (status == BOVW_OK && searcher->reranker)
        status = reranker_run(searcher->reranker, &searcher->words, &out, err);
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
