/* SPDX-License-Identifier: MIT */
#include "cli/results.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "bovw/eval.h"
#include "cli/common.h"
#include "cli/json_text.h"

typedef struct result_format {
    const char *name, *summary;
    bool is_run; /* written by the run writer */
    bovw_status (*add)(results *r, const ranked_query *query, bovw_error *err);
} result_format;

struct results {
    const result_format *format;
    const bovw_index *index;
    const bovw_search_options *search;
    new_file file;
    bovw_run_writer *run;
};

static const char *image_name(const results *r, const bovw_hit *hit)
{
    return bovw_index_image(r->index, hit->image).name;
}

/* Every line of a query at once, so that a reader sees it when it is done. */
static bovw_status flush(results *r, bovw_error *err)
{
    if (ferror(r->file.stream) || fflush(r->file.stream) != 0)
        return fail_errno(err, r->file.path, "cannot write");
    return BOVW_OK;
}

/* ---- the formats ----------------------------------------------------------- */

static bovw_status add_table(results *r, const ranked_query *query, bovw_error *err)
{
    FILE *to = r->file.stream;
    const bovw_timings *s = &query->ranking.seconds;
    fputs(query->name, to);
    if (query->n_images > 1)
        fprintf(to, " and %u more", query->n_images - 1);
    fprintf(to, ": %u features, %.3f s\n", query->n_features, timings_sum(s));
    if (query->ranking.n == 0)
        fputs("  no image shares a visual word with it\n", to);
    else
        fputs("  rank         score  inliers  image\n", to);
    for (uint32_t i = 0; i < query->ranking.n; i++) {
        const bovw_hit *hit = &query->ranking.hits[i];
        fprintf(to, "  %4u  %12.6f  %7u  %s\n", i + 1, (double)hit->score,
                hit->geometry.n_inliers, image_name(r, hit));
    }
    return flush(r, err);
}

static bovw_status add_tsv(results *r, const ranked_query *query, bovw_error *err)
{
    for (uint32_t i = 0; i < query->ranking.n; i++) {
        const bovw_hit *hit = &query->ranking.hits[i];
        fprintf(r->file.stream, "%s\t%u\t%.6f\t%u\t%s\n", query->name, i + 1,
                (double)hit->score, hit->geometry.n_inliers, image_name(r, hit));
    }
    return flush(r, err);
}

static json_t *json_hit(const results *r, const bovw_hit *hit, uint32_t rank)
{
    json_t *object = json_pack(
        "{s:i, s:o, s:f, s:i, s:f, s:b, s:s}", "rank", (int)rank, "image",
        json_name(image_name(r, hit)), "score", (double)hit->score, "inliers",
        (int)hit->geometry.n_inliers, "effective", (double)hit->geometry.effective,
        "verified", (int)hit->is_verified, "model", bovw_model_name(hit->geometry.model));
    if (!object || hit->geometry.model == BOVW_MODEL_NONE)
        return object;
    json_t *transform = json_array();
    for (int i = 0; i < 9; i++)
        json_array_append_new(transform, json_real((double)hit->geometry.transform[i]));
    json_object_set_new(object, "transform", transform);
    return object;
}

static bovw_status add_json(results *r, const ranked_query *query, bovw_error *err)
{
    const bovw_timings *s = &query->ranking.seconds;
    char search[SEARCH_TEXT];
    json_t *hits = json_array();
    for (uint32_t i = 0; i < query->ranking.n; i++) {
        if (json_array_append_new(hits, json_hit(r, &query->ranking.hits[i], i + 1)) != 0) {
            json_decref(hits);
            return fail_memory(err, "JSON");
        }
    }
    json_t *line = json_pack(
        "{s:o, s:i, s:i, s:s, s:{s:f, s:f, s:f, s:f, s:f}, s:o}", "query",
        json_name(query->name), "n_features", (int)query->n_features, "n_images",
        (int)query->n_images, "search", search_text(r->search, search), "seconds",
        "extraction", s->extraction, "quantisation", s->quantisation, "search", s->search,
        "verification", s->verification, "expansion", s->expansion, "results", hits);
    if (!line)
        return fail_memory(err, "JSON");
    bovw_status status = json_write_line(line, r->file.stream, err);
    json_decref(line);
    return status == BOVW_OK ? flush(r, err) : status;
}

static bovw_status add_trec(results *r, const ranked_query *query, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (uint32_t i = 0; status == BOVW_OK && i < query->ranking.n; i++) {
        const bovw_hit *hit = &query->ranking.hits[i];
        status = bovw_run_writer_add(r->run, query->name, image_name(r, hit), i + 1,
                                     hit->score, err);
    }
    return status;
}

static const result_format formats[] = {
    {"table", "for people", false, add_table},
    {"tsv", "lines of query, rank, score, inliers, image, between tabs; no header", false,
     add_tsv},
    {"json", "one object per line and query", false, add_json},
    {"trec",
     "run file: qid Q0 image rank score tag; white space in names is "
     "percent-encoded",
     true, add_trec},
};

/* ---- the writer --------------------------------------------------------------- */

const char *results_format(size_t i, const char **summary)
{
    if (i >= sizeof formats / sizeof *formats)
        return NULL;
    if (summary)
        *summary = formats[i].summary;
    return formats[i].name;
}

bovw_status results_open(const char *format, const char *path, const bovw_index *index,
                         const bovw_search_options *search, results **made, bovw_error *err)
{
    char tag[SEARCH_TAG];
    results *r = mem_array(1, sizeof *r);
    bovw_status status = BOVW_OK;
    if (!r)
        return fail_memory(err, path);
    r->index = index;
    r->search = search;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, format) == 0)
            r->format = &formats[i];
    }
    if (!r->format)
        status = fail(err, BOVW_ERR_ARG, "unknown format \"%s\"", format);
    else if (r->format->is_run)
        status = bovw_run_writer_open(path, search_tag(search, tag), &r->run, err);
    else
        status = new_file_open(path, &r->file, err);
    if (status != BOVW_OK) {
        free(r);
        return status;
    }
    *made = r;
    return BOVW_OK;
}

bovw_status results_add(results *r, const ranked_query *query, bovw_error *err)
{
    return r->format->add(r, query, err);
}

bovw_status results_close(results *r, bovw_error *err)
{
    const bovw_status status =
        r->run ? bovw_run_writer_close(r->run, err) : new_file_commit(&r->file, err);
    free(r);
    return status;
}

void results_abort(results *r)
{
    if (!r)
        return;
    bovw_run_writer_abort(r->run);
    if (r->file.stream)
        new_file_abort(&r->file);
    free(r);
}
