/* SPDX-License-Identifier: MIT
 *
 * Every query and every image gets one number over all runs; scores are summed
 * run by run, in the order in which the runs are given. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/intern.h"
#include "base/memory.h"
#include "base/names.h"
#include "bovw/compare.h"

typedef struct fused {
    float score;
    uint32_t image; /* number over all runs */
    uint32_t order; /* of the query's images, as the runs came to them */
} fused;

typedef struct fusion {
    const bovw_run *const *runs;
    size_t n_runs;
    const bovw_fuse_options *opts;
    intern *queries, *images;
    uint32_t **query_of; /* (n_runs,) of (n_queries of the run,) numbers over all runs */
    uint32_t **image_of; /* (n_runs,) of (n_images of the run,) */
    double *scores;      /* (n_images,) of the query at work */
    bool *is_ranked;     /* (n_images,) */
    fused *ranking;      /* (n_images,) */
    uint32_t n;
} fusion;

void bovw_fuse_options_default(bovw_fuse_options *opts)
{
    *opts = (bovw_fuse_options){.method = BOVW_FUSION_RECIPROCAL_RANK, .k = 60};
}

/* ---- one numbering ------------------------------------------------------------ */

/* The names of one run, and what numbers they get. */
typedef struct renaming {
    const char **names; /* (n,) */
    uint32_t n;
    uint32_t *number_of; /* (n,) */
} renaming;

/* Name i is known as number k, if neither is taken. */
static void claim(renaming *r, bool *is_taken, uint32_t i, uint32_t k)
{
    if (i == NAME_NONE || k == NAME_NONE || is_taken[k] || r->number_of[i] != NAME_NONE)
        return;
    r->number_of[i] = k;
    is_taken[k] = true;
}

/* Equal names first, then those that a known one ends with, then those that end
 * with a known one. is_taken (n_known,) is false. */
static void match_names(renaming *r, const intern *known, const name_table *known_table,
                        const name_table *table, bool *is_taken)
{
    for (uint32_t i = 0; i < r->n; i++)
        r->number_of[i] = NAME_NONE;
    for (uint32_t i = 0; i < r->n; i++)
        claim(r, is_taken, i, intern_find(known, r->names[i]));
    for (uint32_t i = 0; i < r->n; i++)
        claim(r, is_taken, i, name_table_find(known_table, r->names[i]));
    for (uint32_t k = 0; k < intern_count(known); k++)
        claim(r, is_taken, name_table_find(table, intern_texts(known)[k]), k);
}

static bovw_status number_names(renaming *r, intern *known, bovw_error *err)
{
    name_table *known_table = NULL, *table = NULL;
    const uint32_t n_known = intern_count(known);
    bool *is_taken = mem_array(n_known, sizeof *is_taken);
    bovw_status status = is_taken ? BOVW_OK : fail_memory(err, "names of runs");
    if (status == BOVW_OK)
        status = name_table_new(intern_texts(known), n_known, &known_table, err);
    if (status == BOVW_OK)
        status = name_table_new(r->names, r->n, &table, err);
    if (status == BOVW_OK)
        match_names(r, known, known_table, table, is_taken);
    free(is_taken);
    name_table_free(known_table);
    name_table_free(table);
    for (uint32_t i = 0; status == BOVW_OK && i < r->n; i++) {
        if (r->number_of[i] == NAME_NONE)
            r->number_of[i] = intern_add(known, r->names[i]);
        if (r->number_of[i] == INTERN_NONE)
            status = fail_memory(err, "names of runs");
    }
    return status;
}

typedef const char *name_of_run(const bovw_run *run, uint32_t i);

/* Numbers for the names (n,) of one run; *number_of is the fusion's. */
static bovw_status number_run(const bovw_run *run, uint32_t n, name_of_run *name,
                              intern *known, uint32_t **number_of, bovw_error *err)
{
    renaming r = {.names = mem_array(n, sizeof *r.names), .n = n};
    *number_of = mem_array(n, sizeof **number_of);
    r.number_of = *number_of;
    bovw_status status = BOVW_OK;
    if (!r.names || !r.number_of)
        status = fail_memory(err, "names of runs");
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        r.names[i] = name(run, i);
    if (status == BOVW_OK)
        status = number_names(&r, known, err);
    free(r.names);
    return status;
}

static bovw_status number_all(fusion *f, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < f->n_runs; i++) {
        const bovw_run *run = f->runs[i];
        status = number_run(run, bovw_run_n_queries(run), bovw_run_query, f->queries,
                            &f->query_of[i], err);
        if (status == BOVW_OK)
            status = number_run(run, bovw_run_n_images(run), bovw_run_image, f->images,
                                &f->image_of[i], err);
    }
    return status;
}

/* ---- one query ------------------------------------------------------------------ */

/* What place i of a ranking (n,) is worth. */
static double worth(const fusion *f, const bovw_run_entry *ranking, uint32_t n, uint32_t i)
{
    if (f->opts->method == BOVW_FUSION_RECIPROCAL_RANK)
        return 1 / (f->opts->k + i + 1);
    const double most = (double)ranking[0].score, least = (double)ranking[n - 1].score;
    return most > least ? ((double)ranking[i].score - least) / (most - least) : 1;
}

static void add_ranking(fusion *f, size_t run, uint32_t query)
{
    const double weight = f->opts->weights ? f->opts->weights[run] : 1;
    const bovw_run_entry *entries = NULL;
    const uint32_t n = bovw_run_ranking(f->runs[run], query, &entries);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t image = f->image_of[run][entries[i].image];
        if (!f->is_ranked[image]) {
            f->is_ranked[image] = true;
            f->scores[image] = 0;
            f->ranking[f->n] = (fused){.image = image, .order = f->n};
            f->n++;
        }
        f->scores[image] += weight * worth(f, entries, n, i);
    }
}

static int compare_fused(const void *a, const void *b)
{
    const fused *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static bovw_status write_query(fusion *f, uint32_t query, bovw_run_writer *writer,
                               bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (uint32_t i = 0; i < f->n; i++) {
        f->ranking[i].score = (float)f->scores[f->ranking[i].image];
        f->is_ranked[f->ranking[i].image] = false;
    }
    qsort(f->ranking, f->n, sizeof *f->ranking, compare_fused);
    const uint32_t n = f->opts->top > 0 && f->opts->top < f->n ? f->opts->top : f->n;
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        status = bovw_run_writer_add(writer, intern_texts(f->queries)[query],
                                     intern_texts(f->images)[f->ranking[i].image], i + 1,
                                     f->ranking[i].score, err);
    f->n = 0;
    return status;
}

/* ---- all of them ------------------------------------------------------------------ */

/* query_in_run[run * n_queries + query] is the run's number of the query. */
static bovw_status fuse_all(fusion *f, bovw_run_writer *writer, bovw_error *err)
{
    const uint32_t n_queries = intern_count(f->queries), n_images = intern_count(f->images);
    uint32_t *in_run = mem_array((size_t)n_queries * f->n_runs, sizeof *in_run);
    bovw_status status = BOVW_OK;
    f->scores = mem_array(n_images, sizeof *f->scores);
    f->is_ranked = mem_array(n_images, sizeof *f->is_ranked);
    f->ranking = mem_array(n_images, sizeof *f->ranking);
    if (!in_run || !f->scores || !f->is_ranked || !f->ranking)
        status = fail_memory(err, "fusion");
    for (size_t i = 0; status == BOVW_OK && i < f->n_runs; i++) {
        for (uint32_t q = 0; q < n_queries; q++)
            in_run[i * n_queries + q] = NAME_NONE;
        for (uint32_t q = 0; q < bovw_run_n_queries(f->runs[i]); q++)
            in_run[i * n_queries + f->query_of[i][q]] = q;
    }
    for (uint32_t q = 0; status == BOVW_OK && q < n_queries; q++) {
        for (size_t i = 0; i < f->n_runs; i++) {
            if (in_run[i * n_queries + q] != NAME_NONE)
                add_ranking(f, i, in_run[i * n_queries + q]);
        }
        status = write_query(f, q, writer, err);
    }
    free(in_run);
    return status;
}

static bovw_status check_options(const bovw_fuse_options *opts, size_t n, bovw_error *err)
{
    if (!(opts->k >= 0 && isfinite(opts->k)))
        return fail(err, BOVW_ERR_ARG, "k is %g, not 0 or more", opts->k);
    for (size_t i = 0; opts->weights && i < n; i++) {
        if (!(opts->weights[i] >= 0 && isfinite(opts->weights[i])))
            return fail(err, BOVW_ERR_ARG, "weight %zu is %g, not 0 or more", i + 1,
                        opts->weights[i]);
    }
    return BOVW_OK;
}

bovw_status bovw_fuse(const bovw_run *const *runs, size_t n, const bovw_fuse_options *opts,
                      bovw_run_writer *writer, bovw_error *err)
{
    fusion f = {.runs = runs, .n_runs = n, .opts = opts};
    bovw_status status = check_options(opts, n, err);
    if (status != BOVW_OK)
        return status;
    f.queries = intern_new();
    f.images = intern_new();
    f.query_of = mem_array(n, sizeof *f.query_of);
    f.image_of = mem_array(n, sizeof *f.image_of);
    if (!f.queries || !f.images || !f.query_of || !f.image_of)
        status = fail_memory(err, "fusion");
    if (status == BOVW_OK)
        status = number_all(&f, err);
    if (status == BOVW_OK)
        status = fuse_all(&f, writer, err);
    for (size_t i = 0; i < n; i++) {
        if (f.query_of)
            free(f.query_of[i]);
        if (f.image_of)
            free(f.image_of[i]);
    }
    free(f.query_of);
    free(f.image_of);
    intern_free(f.queries);
    intern_free(f.images);
    free(f.scores);
    free(f.is_ranked);
    free(f.ranking);
    return status;
}
