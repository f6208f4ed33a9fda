/* SPDX-License-Identifier: MIT */
#include "cli/evaluation.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/features.h"
#include "cli/shown.h"

enum {
    BATCH = 64 /* queries from a feature file that are searched at once */
};

/* ---- the page ------------------------------------------------------------------ */

static bovw_status show(evaluation *e, uint32_t query, const bovw_features *features,
                        const bovw_ranking *ranking, const bovw_judgement *judgements,
                        bovw_error *err)
{
    shown made = {0};
    bovw_status status =
        shown_make(e->index, features, e->search, ranking,
                   shown_count(judgements, ranking->n), e->compute, &made, err);
    for (size_t i = 0; status == BOVW_OK && i < made.n; i++)
        made.results[i].judgement = judgements[i];
    if (status == BOVW_OK)
        status = shown_add_judged(e->page, e->truth, query, features,
                                  &(bovw_page_ranking){.results = made.results,
                                                       .n = made.n,
                                                       .judgements = judgements,
                                                       .n_judgements = ranking->n,
                                                       .seconds = ranking->seconds},
                                  err);
    shown_free(&made);
    return status;
}

bovw_status evaluation_show_missing(evaluation *e, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (uint32_t i = 0; status == BOVW_OK && i < bovw_truth_n_queries(e->truth); i++) {
        if (!e->queries[i].is_done && bovw_truth_n_relevant(e->truth, i) > 0)
            status =
                shown_add_judged(e->page, e->truth, i, NULL, &(bovw_page_ranking){0}, err);
    }
    return status;
}

/* ---- from features to measures ------------------------------------------------ */

/* Is the query judged on the ranking of the one before it? */
static bool shares_ranking(const bovw_truth *truth, uint32_t query)
{
    return query > 0 && bovw_truth_has_common_rankings(truth) &&
           strcmp(bovw_truth_get(truth, query).name,
                  bovw_truth_get(truth, query - 1).name) == 0;
}

static void judge(evaluation *e, uint32_t query, const bovw_ranking *ranking,
                  bovw_judgement *judgements)
{
    measured_query *measured = &e->queries[query];
    for (uint32_t i = 0; i < ranking->n; i++)
        judgements[i] = bovw_binding_judge(e->binding, query, ranking->hits[i].image);
    bovw_evaluate(judgements, ranking->n, bovw_truth_n_relevant(e->truth, query),
                  measured->values);
    measured->seconds = ranking->seconds;
    measured->is_done = true;
}

/* The query, those that share its ranking, and the run file. */
static bovw_status measure(evaluation *e, uint32_t query, const bovw_features *features,
                           const bovw_ranking *ranking, bovw_error *err)
{
    const char *name = bovw_truth_get(e->truth, query).name;
    bovw_judgement *judgements = mem_array(ranking->n, sizeof *judgements);
    bovw_status status = BOVW_OK;
    if (!judgements)
        return fail_memory(err, name);

    uint32_t q = query;
    do {
        judge(e, q, ranking, judgements);
        if (e->page)
            status = show(e, q, features, ranking, judgements, err);
        q++;
    } while (status == BOVW_OK && q < bovw_truth_n_queries(e->truth) &&
             shares_ranking(e->truth, q));
    free(judgements);

    for (uint32_t i = 0; e->run && status == BOVW_OK && i < ranking->n; i++) {
        const bovw_hit *hit = &ranking->hits[i];
        status =
            bovw_run_writer_add(e->run, name, bovw_index_image(e->index, hit->image).name,
                                i + 1, hit->score, err);
    }
    return status;
}

/* features (n,) of the queries (n,); extraction (n,) took so many seconds, or
 * NULL. */
static bovw_status search_queries(evaluation *e, bovw_features *features,
                                  const uint32_t *queries, const double *extraction,
                                  size_t n, bovw_error *err)
{
    bovw_ranking *rankings = mem_array(n, sizeof *rankings);
    if (!rankings)
        return fail_memory(err, "rankings");
    for (size_t i = 0; i < n; i++) {
        const bovw_truth_query q = bovw_truth_get(e->truth, queries[i]);
        if (q.has_region)
            bovw_features_crop(&features[i], q.region[0], q.region[1], q.region[2],
                               q.region[3]);
    }
    bovw_status status =
        bovw_search(e->index, features, n, e->search, e->compute, rankings, err);
    if (status == BOVW_OK) {
        for (size_t i = 0; i < n; i++) {
            rankings[i].seconds.extraction = extraction ? extraction[i] : 0;
            if (status == BOVW_OK)
                status = measure(e, queries[i], &features[i], &rankings[i], err);
            bovw_ranking_free(&rankings[i]);
        }
    }
    free(rankings);
    return status;
}

/* ---- queries from pictures ------------------------------------------------------ */

typedef struct picture_run {
    evaluation *e;
    char **paths;      /* (n,) of the queries that have a picture, owned */
    uint32_t *queries; /* (n,) */
    size_t n;
    uint32_t *query_of_item; /* (source count,) */
} picture_run;

static bovw_status search_batch(void *context, const bovw_source_batch *batch,
                                bovw_error *err)
{
    picture_run *p = context;
    uint32_t *queries = mem_array(batch->n, sizeof *queries);
    if (!queries)
        return fail_memory(err, "queries");
    for (size_t i = 0; i < batch->n; i++)
        queries[i] = p->query_of_item[batch->items[i]];
    const bovw_status status =
        search_queries(p->e, batch->features, queries, batch->seconds, batch->n, err);
    free(queries);
    return status;
}

/* A path that a source takes for nothing but a picture file. */
static char *plain_path(char *path)
{
    if (path[0] != '@' && path[0] != '-')
        return path;
    char *plain = mem_format("./%s", path);
    free(path);
    return plain;
}

/* Where the ground truth has it, or else where it was indexed. */
static bovw_status find_picture(const evaluation *e, uint32_t query, char **path,
                                bovw_error *reason)
{
    const bovw_status status = bovw_truth_picture(e->truth, query, path, reason);
    const uint32_t image = bovw_binding_picture(e->binding, query);
    if (status == BOVW_OK || image == UINT32_MAX)
        return status;
    const char *indexed = picture_of(bovw_index_image(e->index, image).name);
    if (!indexed)
        return status;
    *path = mem_text(indexed);
    return *path ? BOVW_OK : fail_memory(reason, indexed);
}

static bovw_status find_pictures(picture_run *p, bovw_error *err)
{
    evaluation *e = p->e;
    const uint32_t n = bovw_truth_n_queries(e->truth);
    p->paths = mem_array(n, sizeof *p->paths);
    p->queries = mem_array(n, sizeof *p->queries);
    if (!p->paths || !p->queries)
        return fail_memory(err, "queries");
    for (uint32_t i = 0; i < n; i++) {
        char *path = NULL;
        bovw_error reason;
        if (shares_ranking(e->truth, i))
            continue;
        if (find_picture(e, i, &path, &reason) != BOVW_OK) {
            console_skip(e->out, bovw_truth_get(e->truth, i).name, &reason);
            continue;
        }
        path = plain_path(path);
        if (!path)
            return fail_memory(err, "queries");
        p->queries[p->n] = i;
        p->paths[p->n++] = path;
    }
    return BOVW_OK;
}

/* The source has the pictures in the order of the paths, but leaves out those
 * that it cannot open. */
static bovw_status tie_items(picture_run *p, const bovw_source *source, bovw_error *err)
{
    const uint32_t n = bovw_source_count(source);
    size_t at = 0;
    p->query_of_item = mem_array(n, sizeof *p->query_of_item);
    if (!p->query_of_item)
        return fail_memory(err, "queries");
    for (uint32_t i = 0; i < n; i++) {
        while (at < p->n && strcmp(p->paths[at], bovw_source_name(source, i)) != 0)
            at++;
        if (at == p->n)
            return fail(err, BOVW_ERR_MISMATCH, "%s: not a picture",
                        bovw_source_name(source, i));
        p->query_of_item[i] = p->queries[at++];
    }
    return BOVW_OK;
}

bovw_status evaluate_pictures(evaluation *e, const bovw_monitor *monitor, bovw_error *err)
{
    picture_run p = {.e = e};
    bovw_source *source = NULL;
    const bovw_feature_options *opts =
        bovw_vocabulary_options(bovw_index_vocabulary(e->index));

    bovw_status status = find_pictures(&p, err);
    if (status == BOVW_OK)
        status = bovw_source_open((const char *const *)p.paths, p.n, opts, monitor, &source,
                                  err);
    if (status == BOVW_OK)
        status = tie_items(&p, source, err);
    if (status == BOVW_OK) {
        const bovw_source_consumer consumer = {.context = &p, .consume = search_batch};
        status = bovw_source_run(source, e->compute, "evaluating", &consumer, monitor, err);
    }
    bovw_source_close(source);
    for (size_t i = 0; i < p.n; i++)
        free(p.paths[i]);
    free(p.paths);
    free(p.queries);
    free(p.query_of_item);
    return status;
}

/* ---- queries from a feature file -------------------------------------------------- */

static bool read_query(evaluation *e, const bovw_feature_file *file, uint32_t query,
                       bovw_features *features)
{
    bovw_error reason;
    const char *name = bovw_truth_get(e->truth, query).picture;
    const uint32_t i = bovw_feature_file_find(file, name);
    bovw_status status;
    if (i == UINT32_MAX)
        status = fail(&reason, BOVW_ERR_ARG, "%s: not in the feature file", name);
    else
        status = bovw_feature_file_read(file, i, features, &reason);
    if (status != BOVW_OK)
        console_skip(e->out, name, &reason);
    return status == BOVW_OK;
}

/* Read and search queries [first, end). */
static bovw_status search_range(evaluation *e, const bovw_feature_file *file,
                                uint32_t first, uint32_t end, bovw_error *err)
{
    bovw_features features[BATCH] = {{0}};
    uint32_t queries[BATCH] = {0};
    size_t n = 0;
    for (uint32_t i = first; i < end; i++) {
        if (!shares_ranking(e->truth, i) && read_query(e, file, i, &features[n]))
            queries[n++] = i;
    }
    const bovw_status status = search_queries(e, features, queries, NULL, n, err);
    for (size_t i = 0; i < n; i++)
        bovw_features_free(&features[i]);
    return status;
}

bovw_status evaluate_features(evaluation *e, const char *path, const bovw_monitor *monitor,
                              bovw_error *err)
{
    const uint32_t n = bovw_truth_n_queries(e->truth);
    bovw_feature_file *file = NULL;
    bovw_status status = bovw_feature_file_open(path, &file, err);
    if (status != BOVW_OK)
        return status;
    status = bovw_feature_options_match(
        path, bovw_feature_file_options(file), "the index",
        bovw_vocabulary_options(bovw_index_vocabulary(e->index)), err);
    for (uint32_t first = 0; status == BOVW_OK && first < n; first += BATCH) {
        if (!monitor->progress(monitor->context, "evaluating", first, n))
            status = fail(err, BOVW_ERR_CANCELLED, "stopped");
        else
            status =
                search_range(e, file, first, n - first < BATCH ? n : first + BATCH, err);
    }
    bovw_feature_file_close(file);
    return status;
}
