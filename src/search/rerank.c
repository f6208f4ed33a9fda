/* SPDX-License-Identifier: MIT */
#include "search/rerank.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "search/tentative.h"

/* What one thread needs to verify one image. */
typedef struct rerank_scratch {
    bovw_verifier *verifier;
    uint32_t *words;
    size_t words_capacity;
    bovw_keypoint *keypoints;
    size_t keypoints_capacity;
    bovw_status status; /* the first failure of this thread */
    bovw_error error;
} rerank_scratch;

struct reranker {
    const bovw_index *index;
    bovw_search_options options;
    int n_threads;
    tentative *tentative; /* NULL where the index has no signatures for it */
    uint32_t *words;      /* of the query, one each; where tentative is NULL */
    size_t words_capacity;
    rerank_scratch *scratch; /* (n_threads,) */
    bovw_hit *known;         /* (n_known,) images that were verified, ascending */
    bovw_hit *tried;         /* those that are being verified */
    size_t n_known, known_capacity, tried_capacity;
};

bovw_status reranker_new(const bovw_index *index, const bovw_search_options *opts,
                         const bovw_compute *compute, reranker **out, bovw_error *err)
{
    reranker *r = mem_array(1, sizeof *r);
    bovw_status status = BOVW_OK;
    if (!r)
        return fail_memory(err, "verification");
    r->index = index;
    r->options = *opts;
    r->n_threads = parallel_threads(compute);
    if (bovw_index_signatures(index) & BOVW_SIGNATURES_HE64) {
        status = tentative_new(index, opts, compute, &r->tentative, err);
        if (status != BOVW_OK) {
            reranker_free(r);
            return status;
        }
    }
    r->scratch = mem_array((size_t)r->n_threads, sizeof *r->scratch);
    if (!r->scratch)
        status = fail_memory(err, "verification");
    for (int i = 0; status == BOVW_OK && i < r->n_threads; i++)
        status = bovw_verifier_new(&opts->geometry, &r->scratch[i].verifier, err);
    if (status == BOVW_OK)
        *out = r;
    else
        reranker_free(r);
    return status;
}

void reranker_free(reranker *r)
{
    if (!r)
        return;
    for (int i = 0; r->scratch && i < r->n_threads; i++) {
        bovw_verifier_free(r->scratch[i].verifier);
        free(r->scratch[i].words);
        free(r->scratch[i].keypoints);
    }
    free(r->scratch);
    free(r->known);
    free(r->tried);
    tentative_free(r->tentative);
    free(r->words);
    free(r);
}

uint32_t reranker_n_assigned(const reranker *r)
{
    return r->tentative ? r->options.match_assign : 1;
}

bool reranker_is_signed(const reranker *r)
{
    return r->tentative != NULL;
}

/* Whatever makes the matches of a query ready for verify_hit(). */
static bovw_status prepare_matches(reranker *r, const query_words *query,
                                   const bovw_hit *hits, uint32_t n, bovw_error *err)
{
    if (r->tentative) {
        const query_words words = query_words_first(query, r->options.match_assign);
        return tentative_find(r->tentative, &words, hits, n, err);
    }
    if (!mem_grow(&r->words, &r->words_capacity, query->n, sizeof *r->words))
        return fail_memory(err, "verification");
    for (uint32_t i = 0; i < query->n; i++)
        r->words[i] = query->words[(size_t)i * query->stride];
    return BOVW_OK;
}

static bovw_status verify_hit(const reranker *r, rerank_scratch *s,
                              const bovw_features *query, uint32_t rank, bovw_hit *hit,
                              bovw_error *err)
{
    const bovw_image_info info = bovw_index_image(r->index, hit->image);
    const uint32_t n = info.n_features;
    bovw_match *matches = NULL;
    size_t n_matches = 0;

    if (!mem_grow(&s->words, &s->words_capacity, n, sizeof *s->words) ||
        !mem_grow(&s->keypoints, &s->keypoints_capacity, n, sizeof *s->keypoints))
        return fail_memory(err, "verification");
    bovw_status status =
        bovw_index_features(r->index, hit->image, s->words, s->keypoints, err);
    if (status == BOVW_OK && r->tentative)
        status = tentative_get(r->tentative, rank, s->words, n, &matches, &n_matches, err);
    else if (status == BOVW_OK)
        status =
            bovw_match_words(r->words, query->n, s->words, n,
                             r->options.geometry.max_matches, &matches, &n_matches, err);
    if (status == BOVW_OK) {
        const bovw_frame a = {.keypoints = query->keypoints,
                              .n = query->n,
                              .width = query->width,
                              .height = query->height};
        const bovw_frame b = {
            .keypoints = s->keypoints, .n = n, .width = info.width, .height = info.height};
        status =
            bovw_verify(s->verifier, &a, &b, matches, n_matches, NULL, &hit->geometry, err);
    }
    free(matches);
    return status;
}

/* What an effective inlier adds to a score, as a part of it. With 0.2 to 1 the
 * mAP of 1,377 queries differs by 0.1; a factor suits any scale of scores, and
 * a few chance inliers cannot lift an image far. */
static const float worth_of_inlier = 0.3f;

static void judge(const reranker *r, bovw_hit *hit)
{
    const uint32_t least = r->options.min_inliers;
    hit->is_verified = least > 0 ? hit->geometry.n_inliers >= least
                                 : bovw_geometry_is_verified(&hit->geometry);
    if (hit->is_verified || least == 0)
        hit->score *= 1 + worth_of_inlier * hit->geometry.effective;
}

static int best_first(const void *a, const void *b)
{
    const bovw_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

/* Verify some hits against one query image, in parallel over hits. */
static bovw_status verify_hits(reranker *r, const query_words *query, bovw_hit *hits,
                               uint32_t n, bovw_error *err)
{
    const bovw_status status = prepare_matches(r, query, hits, n, err);
    if (status != BOVW_OK)
        return status;

    for (int i = 0; i < r->n_threads; i++)
        r->scratch[i].status = BOVW_OK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(r->n_threads)
    for (uint32_t i = 0; i < n; i++) {
        rerank_scratch *s = &r->scratch[parallel_thread()];
        if (s->status == BOVW_OK)
            s->status = verify_hit(r, s, query->features, i, &hits[i], &s->error);
    }
    for (int i = 0; i < r->n_threads; i++) {
        if (r->scratch[i].status != BOVW_OK) {
            if (err)
                *err = r->scratch[i].error;
            return r->scratch[i].status;
        }
    }
    return BOVW_OK;
}

static int by_image(const void *a, const void *b)
{
    const bovw_hit *x = a, *y = b;
    return (x->image > y->image) - (x->image < y->image);
}

/* Verify those of the first hits of which nothing is known: with every query
 * image, of which the one that agrees best counts. Adds them to what is known. */
static bovw_status learn(reranker *r, const query_words *queries, uint32_t n_queries,
                         const bovw_ranking *ranking, bovw_error *err)
{
    const uint32_t n = ranking->n < r->options.verify ? ranking->n : r->options.verify;
    const size_t n_before = r->n_known;
    if (!mem_grow(&r->known, &r->known_capacity, n_before + n, sizeof *r->known) ||
        !mem_grow(&r->tried, &r->tried_capacity, n, sizeof *r->tried))
        return fail_memory(err, "verification");
    for (uint32_t i = 0; i < n; i++) {
        if (n_before == 0 ||
            !bsearch(&ranking->hits[i], r->known, n_before, sizeof *r->known, by_image))
            r->known[r->n_known++] = (bovw_hit){.image = ranking->hits[i].image};
    }
    bovw_hit *const added = r->known + n_before;
    const uint32_t n_added = (uint32_t)(r->n_known - n_before);
    for (uint32_t q = 0; q < n_queries; q++) {
        for (uint32_t i = 0; i < n_added; i++)
            r->tried[i] = (bovw_hit){.image = added[i].image, .query = q};
        const bovw_status status = verify_hits(r, &queries[q], r->tried, n_added, err);
        if (status != BOVW_OK)
            return status;
        for (uint32_t i = 0; i < n_added; i++) {
            if (r->tried[i].geometry.effective > added[i].geometry.effective)
                added[i] = r->tried[i];
        }
    }
    if (r->n_known > 0)
        qsort(r->known, r->n_known, sizeof *r->known, by_image);
    return BOVW_OK;
}

void reranker_begin(reranker *r)
{
    r->n_known = 0;
}

bovw_status reranker_run(reranker *r, const query_words *queries, uint32_t n_queries,
                         bovw_ranking *ranking, bovw_error *err)
{
    const bovw_status status = learn(r, queries, n_queries, ranking, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t i = 0; r->n_known > 0 && i < ranking->n; i++) {
        bovw_hit *hit = &ranking->hits[i];
        const bovw_hit *known =
            bsearch(hit, r->known, r->n_known, sizeof *r->known, by_image);
        if (!known)
            continue;
        hit->query = known->query;
        hit->geometry = known->geometry;
        judge(r, hit);
    }
    if (ranking->n > 0)
        qsort(ranking->hits, ranking->n, sizeof *ranking->hits, best_first);
    return BOVW_OK;
}
