/* SPDX-License-Identifier: MIT */
#include "cli/compare_page.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"
#include "cli/shown.h"

/* A run's names tied to the truth. */
typedef struct tied_run {
    const bovw_run *run;
    const char **names;     /* of its queries */
    name_table *by_name;    /* of its queries */
    bovw_binding *pictures; /* its queries as images: which one shows a query */
    bovw_binding *images;
    char **files; /* (n_images,) where their pictures are, as far as it was asked */
    bovw_judgement *judgements; /* (n_images,) of one ranking */
    bovw_page_result *results;  /* (SHOWN_MOST,) */
} tied_run;

static void untie(tied_run *t)
{
    for (uint32_t i = 0; t->files && i < bovw_run_n_images(t->run); i++)
        free(t->files[i]);
    free(t->files);
    free(t->names);
    free(t->judgements);
    free(t->results);
    name_table_free(t->by_name);
    bovw_binding_free(t->pictures);
    bovw_binding_free(t->images);
}

static bovw_status tie(tied_run *t, const bovw_truth *truth, bovw_error *err)
{
    const uint32_t n_queries = bovw_run_n_queries(t->run);
    const uint32_t n_images = bovw_run_n_images(t->run);
    const char **images = mem_array(n_images, sizeof *images);
    bovw_status status = BOVW_OK;

    t->names = mem_array(n_queries, sizeof *t->names);
    t->files = mem_array(n_images, sizeof *t->files);
    t->judgements = mem_array(n_images, sizeof *t->judgements);
    t->results = mem_array(SHOWN_MOST, sizeof *t->results);
    if (!images || !t->names || !t->files || !t->judgements || !t->results)
        status = fail_memory(err, "page of a comparison");
    for (uint32_t i = 0; status == BOVW_OK && i < n_queries; i++)
        t->names[i] = bovw_run_query(t->run, i);
    for (uint32_t i = 0; status == BOVW_OK && i < n_images; i++)
        images[i] = bovw_run_image(t->run, i);
    if (status == BOVW_OK)
        status = name_table_new(t->names, n_queries, &t->by_name, err);
    if (status == BOVW_OK)
        status = bovw_binding_new(truth, t->names, n_queries, &t->pictures, NULL, err);
    if (status == BOVW_OK)
        status = bovw_binding_new(truth, images, n_images, &t->images, NULL, err);
    free(images);
    return status;
}

/* ---- pictures ------------------------------------------------------------------- */

/* Beside the ground truth or from here; the caller's. */
static char *find_file(const compare_page *c, const char *name)
{
    const size_t n_folder = (size_t)(file_base_name(c->truth_path) - c->truth_path);
    if (file_exists(name) || n_folder == 0)
        return mem_text(name);
    char *beside = mem_format("%.*s%s", (int)n_folder, c->truth_path, name);
    if (beside && !file_exists(beside)) {
        free(beside);
        return mem_text(name);
    }
    return beside;
}

/* A truth may know where its queries' pictures are under other names. */
static bovw_status find_query_files(const compare_page *c, tied_run *t, bovw_error *err)
{
    const bovw_truth *truth = c->comparison->truth;
    for (uint32_t q = 0; q < bovw_truth_n_queries(truth); q++) {
        const uint32_t image = bovw_binding_picture(t->images, q);
        if (image == UINT32_MAX || t->files[image])
            continue;
        const bovw_status status = bovw_truth_picture(truth, q, &t->files[image], NULL);
        if (status == BOVW_ERR_NOMEM)
            return fail_memory(err, "page of a comparison");
    }
    return BOVW_OK;
}

/* ---- queries -------------------------------------------------------------------- */

static bovw_status make_results(const compare_page *c, tied_run *t,
                                const bovw_run_entry *entries, size_t n, bovw_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t image = entries[i].image;
        if (!t->files[image])
            t->files[image] = find_file(c, bovw_run_image(t->run, image));
        if (!t->files[image])
            return fail_memory(err, "page of a comparison");
        t->results[i] = (bovw_page_result){.name = bovw_run_image(t->run, image),
                                           .picture = t->files[image],
                                           .hit = {.score = entries[i].score},
                                           .judgement = t->judgements[i]};
    }
    return BOVW_OK;
}

static bovw_status rank(const compare_page *c, tied_run *t, uint32_t query,
                        bovw_page_ranking *ranking, bovw_error *err)
{
    const bovw_truth_query q = bovw_truth_get(c->comparison->truth, query);
    const bovw_run_entry *entries = NULL;
    uint32_t at = name_table_find(t->by_name, q.name);

    *ranking = (bovw_page_ranking){0};
    if (at == NAME_NONE)
        at = bovw_binding_picture(t->pictures, query);
    if (at == UINT32_MAX)
        return BOVW_OK;
    const uint32_t n = bovw_run_ranking(t->run, at, &entries);
    for (uint32_t i = 0; i < n; i++)
        t->judgements[i] = bovw_binding_judge(t->images, query, entries[i].image);
    *ranking = (bovw_page_ranking){.results = t->results,
                                   .n = shown_count(t->judgements, n),
                                   .judgements = t->judgements,
                                   .n_judgements = n};
    return make_results(c, t, entries, ranking->n, err);
}

static bovw_status add_query(const compare_page *c, tied_run *runs, uint32_t query,
                             bovw_page *page, bovw_error *err)
{
    bovw_page_ranking rankings[BOVW_PAGE_MAX_RUNS];
    bovw_status status = BOVW_OK;

    for (uint32_t i = 0; status == BOVW_OK && i < c->comparison->n_runs; i++)
        status = rank(c, &runs[i], query, &rankings[i], err);
    return status == BOVW_OK
               ? shown_add_judged(page, c->comparison->truth, query, NULL, rankings, err)
               : status;
}

bovw_status compare_page_fill(const compare_page *c, bovw_page *page, bovw_error *err)
{
    const uint32_t n_runs = c->comparison->n_runs;
    tied_run *runs = mem_array(n_runs, sizeof *runs);
    bovw_status status = runs ? BOVW_OK : fail_memory(err, "page of a comparison");

    for (uint32_t i = 0; runs && i < n_runs; i++)
        runs[i].run = c->runs[i];
    for (uint32_t i = 0; status == BOVW_OK && i < n_runs; i++) {
        status = tie(&runs[i], c->comparison->truth, err);
        if (status == BOVW_OK)
            status = find_query_files(c, &runs[i], err);
    }
    for (uint32_t q = 0; status == BOVW_OK && q < c->comparison->n_queries; q++)
        status = add_query(c, runs, q, page, err);
    for (uint32_t i = 0; runs && i < n_runs; i++)
        untie(&runs[i]);
    free(runs);
    return status;
}
