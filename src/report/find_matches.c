/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "bovw/report.h"
#include "search/tentative.h"

/* The matches of one hit. */
typedef struct found {
    bovw_page_match *matches; /* (n,), owned */
    uint32_t n;
} found;

/* What all threads read. */
typedef struct finder {
    const bovw_index *index;
    const bovw_features *query;
    const bovw_search_options *opts;
    const bovw_hit *hits;
    query_words words;    /* one of each feature; with signatures, several */
    tentative *tentative; /* NULL where the index has no signatures for it */
} finder;

static bovw_status keep_inliers(const finder *f, const bovw_keypoint *keypoints,
                                const bovw_match *matches, const uint8_t *is_inlier,
                                size_t n, found *to, bovw_error *err)
{
    to->matches = mem_array(n, sizeof *to->matches);
    if (!to->matches)
        return fail_memory(err, "matches");
    for (size_t i = 0; i < n; i++) {
        if (!is_inlier[i])
            continue;
        const bovw_keypoint *a = &f->query->keypoints[matches[i].a];
        const bovw_keypoint *b = &keypoints[matches[i].b];
        to->matches[to->n++] = (bovw_page_match){a->x, a->y, b->x, b->y};
    }
    return BOVW_OK;
}

/* What was verified: matches by word, or by word and signature. */
static bovw_status propose(const finder *f, uint32_t hit, const uint32_t *words,
                           uint32_t n_words, bovw_match **matches, size_t *n,
                           bovw_error *err)
{
    if (f->tentative)
        return tentative_get(f->tentative, hit, words, n_words, matches, n, err);
    return bovw_match_words(f->words.words, f->query->n, words, n_words,
                            f->opts->geometry.max_matches, matches, n, err);
}

static bovw_status find(const finder *f, bovw_verifier *verifier, uint32_t hit, found *to,
                        bovw_error *err)
{
    const uint32_t image = f->hits[hit].image;
    const bovw_image_info info = bovw_index_image(f->index, image);
    uint32_t *words = mem_array(info.n_features, sizeof *words);
    bovw_keypoint *keypoints = mem_array(info.n_features, sizeof *keypoints);
    bovw_match *matches = NULL;
    uint8_t *is_inlier = NULL;
    size_t n = 0;
    bovw_geometry geometry;
    const bovw_frame a = {f->query->keypoints, f->query->n, f->query->width,
                          f->query->height};
    const bovw_frame b = {keypoints, info.n_features, info.width, info.height};

    bovw_status status = words && keypoints ? BOVW_OK : fail_memory(err, "matches");
    if (status == BOVW_OK)
        status = bovw_index_features(f->index, image, words, keypoints, err);
    if (status == BOVW_OK)
        status = propose(f, hit, words, info.n_features, &matches, &n, err);
    if (status == BOVW_OK && !(is_inlier = mem_array(n, 1)))
        status = fail_memory(err, "matches");
    if (status == BOVW_OK)
        status = bovw_verify(verifier, &a, &b, matches, n, is_inlier, &geometry, err);
    if (status == BOVW_OK)
        status = keep_inliers(f, keypoints, matches, is_inlier, n, to, err);
    free(words);
    free(keypoints);
    free(matches);
    free(is_inlier);
    return status;
}

/* Has it a motion, and from the first of several query images? */
static bool is_of_query(const bovw_hit *hit)
{
    return hit->geometry.model != BOVW_MODEL_NONE && hit->query == 0;
}

static bovw_status find_all(const finder *f, const bovw_compute *compute, size_t n,
                            found *all, bovw_error *err)
{
    bovw_status status = BOVW_OK;

    (void)compute; /* where OpenMP is off */
#pragma omp parallel num_threads(parallel_threads(compute))
    {
        bovw_verifier *verifier = NULL;
        bovw_error mine = {0};
        bovw_status result = bovw_verifier_new(&f->opts->geometry, &verifier, &mine);
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < n; i++) {
            if (result == BOVW_OK && is_of_query(&f->hits[i]))
                result = find(f, verifier, (uint32_t)i, &all[i], &mine);
        }
        if (result != BOVW_OK) {
#pragma omp critical(bovw_find_matches_error)
            {
                status = result;
                if (err)
                    *err = mine;
            }
        }
        bovw_verifier_free(verifier);
    }
    return status;
}

/* One after the other, as the caller wants them. */
static bovw_status join(const found *all, size_t n, uint32_t *counts,
                        bovw_page_match **matches, bovw_error *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        total += all[i].n;
    bovw_page_match *joined = mem_array(total, sizeof *joined);
    if (!joined)
        return fail_memory(err, "matches");
    for (size_t i = 0; i < n; i++) {
        for (uint32_t m = 0; m < all[i].n; m++)
            joined[at++] = all[i].matches[m];
        counts[i] = all[i].n;
    }
    *matches = joined;
    return BOVW_OK;
}

/* As the searcher does before it verifies (src/search/rerank.c). */
static bovw_status prepare(finder *f, const bovw_compute *compute, uint32_t n,
                           bovw_error *err)
{
    const bovw_vocabulary *vocabulary = bovw_index_vocabulary(f->index);
    const bool is_signed = (bovw_index_signatures(f->index) & BOVW_SIGNATURES_HE64) != 0;

    bovw_status status =
        query_words_find(&f->words, vocabulary, f->query,
                         is_signed ? f->opts->match_assign : 1, is_signed, compute, err);
    if (status == BOVW_OK && is_signed)
        status = tentative_new(f->index, f->opts, compute, &f->tentative, err);
    if (status == BOVW_OK && is_signed)
        status = tentative_find(f->tentative, &f->words, f->hits, n, err);
    return status;
}

bovw_status bovw_page_find_matches(const bovw_index *index, const bovw_features *query,
                                   const bovw_search_options *opts,
                                   const bovw_compute *compute, const bovw_hit *hits,
                                   uint32_t n, uint32_t *counts, bovw_page_match **matches,
                                   bovw_error *err)
{
    finder f = {.index = index, .query = query, .opts = opts, .hits = hits};
    bovw_status status = BOVW_OK;
    size_t n_moved = 0;
    found *all = mem_array(n, sizeof *all);

    if (!all)
        status = fail_memory(err, "matches");
    for (size_t i = 0; i < n; i++)
        n_moved += is_of_query(&hits[i]);
    if (status == BOVW_OK && n_moved > 0) {
        status = prepare(&f, compute, n, err);
        if (status == BOVW_OK)
            status = find_all(&f, compute, n, all, err);
    }
    if (status == BOVW_OK)
        status = join(all, n, counts, matches, err);
    for (size_t i = 0; all && i < n; i++)
        free(all[i].matches);
    free(all);
    query_words_free(&f.words);
    tentative_free(f.tentative);
    return status;
}
