/* SPDX-License-Identifier: MIT */
#include "search/scoring.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/parallel.h"

/* In the order of bovw_score. */
static const scorer *const scorers[] = {&scorer_tfidf, &scorer_he, &scorer_asmk};

const scorer *scorer_find(bovw_score score)
{
    return (size_t)score < sizeof scorers / sizeof scorers[0] ? scorers[score] : NULL;
}

const char *bovw_score_name(bovw_score score, const char **summary)
{
    const scorer *found = scorer_find(score);
    if (found && summary)
        *summary = found->summary;
    return found ? found->name : NULL;
}

static const char *const tf_names[] = {"raw", "root", "binary"};
static const char *const burstiness_names[] = {"none", "intra", "both"};

const char *bovw_tf_name(bovw_tf tf)
{
    return (size_t)tf < sizeof tf_names / sizeof tf_names[0] ? tf_names[tf] : NULL;
}

const char *bovw_burstiness_name(bovw_burstiness burstiness)
{
    const size_t n = sizeof burstiness_names / sizeof burstiness_names[0];
    return (size_t)burstiness < n ? burstiness_names[burstiness] : NULL;
}

static bovw_status new_workers(scoring *s, bovw_error *err)
{
    s->workers = mem_array((size_t)s->n_threads, sizeof *s->workers);
    bool ok = s->workers != NULL;
    for (int i = 0; ok && i < s->n_threads; i++) {
        s->workers[i].scores = mem_array(s->largest, sizeof(float));
        ok = s->workers[i].scores != NULL;
    }
    return ok ? BOVW_OK : fail_memory(err, "searcher");
}

bovw_status scoring_init(scoring *s, const bovw_index *index,
                         const bovw_search_options *options, const bovw_compute *compute,
                         bovw_error *err)
{
    const scorer *found = scorer_find(options->score);
    if (!found)
        return fail(err, BOVW_ERR_ARG, "no score number %d", (int)options->score);
    s->index = index;
    s->options = options;
    if (options->assign > BOVW_MAX_ASSIGNED || options->match_assign > BOVW_MAX_ASSIGNED)
        return fail(err, BOVW_ERR_ARG, "a query feature has at most %d words",
                    BOVW_MAX_ASSIGNED);
    if (options->match_assign == 0 || options->match_threshold > 64)
        return fail(err, BOVW_ERR_ARG, "matches of %u words or with %u bits of 64",
                    options->match_assign, options->match_threshold);
    const uint32_t n_threads = (uint32_t)parallel_threads(compute);
    const uint32_t n_most = index->n_segments > 0 ? index->n_segments : 1;
    s->n_threads = (int)(n_threads < n_most ? n_threads : n_most);
    for (uint32_t i = 0; i < index->n_segments; i++) {
        const uint32_t n = index->segments[i].n_images;
        s->largest = n > s->largest ? n : s->largest;
    }
    const bovw_status status = new_workers(s, err);
    return status == BOVW_OK ? found->init(s, compute ? compute->kernel : NULL, err)
                             : status;
}

bovw_status scoring_new_scans(scoring *s, scan_kind kind, bool is_long, const char *kernel,
                              bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (int i = 0; status == BOVW_OK && i < s->n_threads; i++)
        status = scan_new(s->index, kind, is_long, kernel, &s->workers[i].scan, err);
    return status;
}

void scoring_free(scoring *s)
{
    for (int i = 0; s->workers && i < s->n_threads; i++) {
        free(s->workers[i].scores);
        scan_free(s->workers[i].scan);
        free(s->workers[i].sums);
        free(s->workers[i].touched);
        free(s->workers[i].best);
    }
    free(s->workers);
    for (uint32_t i = 0; s->segments && i < s->index->n_segments; i++) {
        free(s->segments[i].images);
        free(s->segments[i].sums);
        free(s->segments[i].ends);
        free(s->segments[i].totals);
    }
    free(s->segments);
    free(s->keys);
    free(s->spare);
    free(s->term_weights);
    free(s->shares);
    free(s->groups);
    free(s->words);
    free(s->aggregates);
    free(s->squares);
    *s = (scoring){0};
}

/* ---- running --------------------------------------------------------------- */

/* Scores that are sure to be too low are told without dividing: below this, in units of
 * an image's length. */
static float score_floor(const scoring *s, const score_worker *w, size_t wanted)
{
    const double slack = 1.0 - 1e-6; /* more than the rounding of the two products */
    return w->n_best < wanted ? 0.0F : (float)((double)w->best[0].score * s->norm * slack);
}

/* Offer one segment's images to a worker's best, and zero their scores. */
static bovw_status select_best(const scoring *s, score_worker *w, uint32_t number,
                               size_t wanted, bovw_error *err)
{
    const segment *seg = &s->index->segments[number];
    const uint32_t start = s->index->starts[number];
    const uint8_t *norms = s->norms + (size_t)start * 4;
    float floor = score_floor(s, w, wanted);

    for (uint32_t i = 0; i < seg->n_live; i++) {
        const float dot = w->scores[segment_stored(seg, i)];
        const float length = load_lefloat(norms + (size_t)i * 4);
        if (!(dot > 0.0F) || dot < floor * length)
            continue;
        const scored item = {.score = (float)(dot / (s->norm * (double)length)),
                             .id = start + i};
        if (w->n_best < wanted &&
            !mem_grow(&w->best, &w->best_capacity, w->n_best + 1, sizeof *w->best))
            return fail_memory(err, "ranking");
        topk_offer(w->best, &w->n_best, wanted, item);
        floor = score_floor(s, w, wanted);
    }
    memset(w->scores, 0, seg->n_images * sizeof *w->scores);
    return BOVW_OK;
}

/* One of the two walks over a segment. */
static bovw_status walk(scoring *s, const scorer *way, score_worker *w, uint32_t number,
                        const terms *query, size_t wanted, bool is_first, bovw_error *err)
{
    if (is_first)
        return way->prepare(s, w, number, query, err);
    const bovw_status status = way->score(s, w, number, query, err);
    return status == BOVW_OK ? select_best(s, w, number, wanted, err) : status;
}

static bovw_status walk_all(scoring *s, const scorer *way, const terms *query,
                            size_t wanted, bool is_first, bovw_error *err)
{
#pragma omp parallel for schedule(dynamic, 1)                                              \
    num_threads(s->n_threads) if (s->n_threads > 1)
    for (uint32_t i = 0; i < s->index->n_segments; i++) {
        score_worker *w = &s->workers[parallel_thread()];
        if (w->status == BOVW_OK)
            w->status = walk(s, way, w, i, query, wanted, is_first, &w->error);
    }
    for (int i = 0; i < s->n_threads; i++) {
        if (s->workers[i].status != BOVW_OK) {
            if (err)
                *err = s->workers[i].error;
            return s->workers[i].status;
        }
    }
    return BOVW_OK;
}

/* The best of all workers. */
static bovw_status gather(scoring *s, size_t wanted, scored **best, size_t *n,
                          bovw_error *err)
{
    size_t n_all = 0;
    for (int i = 0; i < s->n_threads; i++)
        n_all += s->workers[i].n_best;
    scored *all = mem_array(n_all, sizeof *all);
    if (!all)
        return fail_memory(err, "ranking");
    n_all = 0;
    for (int i = 0; i < s->n_threads; i++) {
        const score_worker *w = &s->workers[i];
        if (w->n_best > 0)
            memcpy(all + n_all, w->best, w->n_best * sizeof *all);
        n_all += w->n_best;
    }
    topk_sort(all, n_all);
    *best = all;
    *n = n_all < wanted ? n_all : wanted;
    return BOVW_OK;
}

bovw_status scoring_run(scoring *s, const terms *query, size_t wanted, scored **best,
                        size_t *n, bovw_error *err)
{
    const scorer *way = scorer_find(s->options->score);
    for (int i = 0; i < s->n_threads; i++) {
        s->workers[i].n_best = 0;
        s->workers[i].status = BOVW_OK;
    }
    bovw_status status = way->begin(s, query, err);
    if (status == BOVW_OK && way->prepare)
        status = walk_all(s, way, query, wanted, true, err);
    if (status == BOVW_OK && way->prepare)
        way->settle(s);
    if (status == BOVW_OK)
        status = walk_all(s, way, query, wanted, false, err);
    if (status == BOVW_OK)
        return gather(s, wanted, best, n, err);
    for (int i = 0; i < s->n_threads; i++) /* as the next query wants them */
        memset(s->workers[i].scores, 0, s->largest * sizeof(float));
    return status;
}

/* ---- words ----------------------------------------------------------------- */

bovw_status scoring_sort_words(scoring *s, const query_words *query, bovw_error *err)
{
    const size_t n = (size_t)query->n * query->r;
    if (!mem_grow(&s->keys, &s->keys_capacity, n, sizeof *s->keys) ||
        !mem_grow(&s->spare, &s->spare_capacity, n, sizeof *s->spare))
        return fail_memory(err, "words of a query");
    uint64_t *key = s->keys;
    for (uint32_t i = 0; i < query->n; i++) {
        for (uint32_t j = 0; j < query->r; j++)
            *key++ = (uint64_t)query->words[(size_t)i * query->stride + j] << 32 | i;
    }
    keys_sort(s->keys, s->spare, n);
    return BOVW_OK;
}

bovw_status scoring_mean(scoring *s, uint32_t n_sources, terms *all, bovw_error *err)
{
    (void)s;
    (void)err;
    for (size_t i = 0; i < all->n; i++)
        all->items[i].weight /= n_sources;
    return BOVW_OK;
}
