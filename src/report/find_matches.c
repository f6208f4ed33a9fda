/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "bovw/report.h"

/* The matches of one hit. */
typedef struct found {
    bovw_page_match *matches; /* (n,), owned */
    uint32_t n;
} found;

/* What all threads read. */
typedef struct finder {
    const bovw_index *index;
    const bovw_features *query;
    const bovw_verify_options *opts;
    uint32_t *words; /* (query->n,) */
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

static bovw_status find(const finder *f, bovw_verifier *verifier, uint32_t image, found *to,
                        bovw_error *err)
{
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
        status = bovw_match_words(f->words, f->query->n, words, info.n_features,
                                  f->opts->max_matches, &matches, &n, err);
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

static bovw_status find_all(const finder *f, const bovw_compute *compute,
                            const bovw_hit *hits, size_t n, found *all, bovw_error *err)
{
    bovw_status status = BOVW_OK;

    (void)compute; /* where OpenMP is off */
#pragma omp parallel num_threads(parallel_threads(compute))
    {
        bovw_verifier *verifier = NULL;
        bovw_error mine = {0};
        bovw_status result = bovw_verifier_new(f->opts, &verifier, &mine);
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < n; i++) {
            if (result == BOVW_OK && hits[i].geometry.model != BOVW_MODEL_NONE)
                result = find(f, verifier, hits[i].image, &all[i], &mine);
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

static bool is_any_moved(const bovw_hit *hits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (hits[i].geometry.model != BOVW_MODEL_NONE)
            return true;
    }
    return false;
}

bovw_status bovw_page_find_matches(const bovw_index *index, const bovw_features *query,
                                   const bovw_verify_options *opts,
                                   const bovw_compute *compute, const bovw_hit *hits,
                                   size_t n, uint32_t *counts, bovw_page_match **matches,
                                   bovw_error *err)
{
    finder f = {.index = index, .query = query, .opts = opts};
    bovw_status status = BOVW_OK;
    found *all = mem_array(n, sizeof *all);

    f.words = mem_array(query->n, sizeof *f.words);
    if (!all || !f.words)
        status = fail_memory(err, "matches");
    if (status == BOVW_OK && is_any_moved(hits, n)) {
        status = bovw_vocabulary_assign(bovw_index_vocabulary(index), query->descriptors,
                                        query->n, compute, f.words, NULL, err);
        if (status == BOVW_OK)
            status = find_all(&f, compute, hits, n, all, err);
    }
    if (status == BOVW_OK)
        status = join(all, n, counts, matches, err);
    for (size_t i = 0; all && i < n; i++)
        free(all[i].matches);
    free(all);
    free(f.words);
    return status;
}
