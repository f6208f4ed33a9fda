/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/names.h"
#include "bovw/compare.h"
#include "eval/truth.h"

typedef struct run_evaluation {
    const bovw_run *run;
    const bovw_truth *truth;
    const char **query_names; /* of the run */
    const char **image_names;
    name_table *queries; /* of the run, by name */
    bovw_binding *images;
    char *scratch;
    bool *is_used; /* queries of the run that the truth has */
    bovw_judgement *judgements;
} run_evaluation;

static void evaluation_free(run_evaluation *e)
{
    name_table_free(e->queries);
    bovw_binding_free(e->images);
    free(e->query_names);
    free(e->image_names);
    free(e->scratch);
    free(e->is_used);
    free(e->judgements);
}

static bovw_status evaluation_new(run_evaluation *e, bovw_error *err)
{
    const uint32_t n_queries = bovw_run_n_queries(e->run);
    const uint32_t n_images = bovw_run_n_images(e->run);
    e->query_names = mem_array(n_queries, sizeof *e->query_names);
    e->image_names = mem_array(n_images, sizeof *e->image_names);
    e->scratch = truth_name_scratch(e->truth);
    e->is_used = mem_array(n_queries, sizeof *e->is_used);
    e->judgements = mem_array(n_images, sizeof *e->judgements);
    if (!e->query_names || !e->image_names || !e->scratch || !e->is_used || !e->judgements)
        return fail_memory(err, "evaluation of a run");
    for (uint32_t i = 0; i < n_queries; i++)
        e->query_names[i] = bovw_run_query(e->run, i);
    for (uint32_t i = 0; i < n_images; i++)
        e->image_names[i] = bovw_run_image(e->run, i);
    const bovw_status status = name_table_new(e->query_names, n_queries, &e->queries, err);
    if (status != BOVW_OK)
        return status;
    return bovw_binding_new(e->truth, e->image_names, n_images, &e->images, NULL, err);
}

/* The run's query that a query of the truth is: by name, else by picture. */
static uint32_t find_query(const run_evaluation *e, uint32_t query)
{
    const bovw_truth_query q = bovw_truth_get(e->truth, query);
    const uint32_t found = name_table_find(e->queries, q.name);
    if (found != NAME_NONE)
        return found;
    return truth_find_name(e->truth, e->queries, q.picture, e->scratch);
}

static void evaluate_query(run_evaluation *e, uint32_t query, uint32_t ranked,
                           double *values)
{
    const bovw_run_entry *entries = NULL;
    const uint32_t n = bovw_run_ranking(e->run, ranked, &entries);
    for (uint32_t i = 0; i < n; i++)
        e->judgements[i] = bovw_binding_judge(e->images, query, entries[i].image);
    bovw_evaluate(e->judgements, n, bovw_truth_n_relevant(e->truth, query), values);
    e->is_used[ranked] = true;
}

bovw_status bovw_run_evaluate(const bovw_run *run, const bovw_truth *truth, double *values,
                              bovw_run_coverage *coverage, bovw_error *err)
{
    run_evaluation e = {.run = run, .truth = truth};
    bovw_run_coverage counted = {0};
    const bovw_status status = evaluation_new(&e, err);
    if (status == BOVW_OK) {
        const uint32_t n = bovw_truth_n_queries(truth);
        memset(values, 0, (size_t)n * BOVW_MAX_MEASURES * sizeof *values);
        for (uint32_t q = 0; q < n; q++) {
            const uint32_t ranked = find_query(&e, q);
            if (ranked == NAME_NONE)
                counted.n_missing++;
            else
                evaluate_query(&e, q, ranked, values + (size_t)q * BOVW_MAX_MEASURES);
        }
        for (uint32_t i = 0; i < bovw_run_n_queries(run); i++)
            counted.n_unknown += !e.is_used[i];
        if (coverage)
            *coverage = counted;
    }
    evaluation_free(&e);
    return status;
}
