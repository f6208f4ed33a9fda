/* SPDX-License-Identifier: MIT
 *
 * The page as its caller sees it: opened, filled, and written at its end, when
 * it is known how many pictures it has. */
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/page_script.h"
#include "report/page_style.h"

/* ---- open and free -------------------------------------------------------- */

void bovw_page_abort(bovw_page *page)
{
    if (!page)
        return;
    new_file_abort(&page->file);
    free((char *)page->options.title);
    free((char *)page->options.foot);
    for (uint32_t i = 0; i < BOVW_PAGE_MAX_RUNS; i++) {
        free(page->runs[i]);
        bovw_summary_free(page->summaries[i]);
    }
    free(page->sets);
    free(page->queries);
    free(page->rankings);
    free(page->results);
    free(page->matches);
    free(page->ranks);
    free(page->texts);
    pictures_free(&page->pictures);
    free(page);
}

static bovw_status copy_options(bovw_page *page, const bovw_page_options *opts,
                                bovw_error *err)
{
    bovw_status status = BOVW_OK;

    page->options = *opts;
    page->options.runs = NULL;
    page->options.title = mem_text(opts->title);
    page->options.foot = opts->foot ? mem_text(opts->foot) : NULL;
    if (!page->options.title || (opts->foot && !page->options.foot))
        return fail_memory(err, "page");
    for (uint32_t i = 0; status == BOVW_OK && i < opts->n_runs; i++) {
        page->runs[i] = mem_text(opts->runs ? opts->runs[i] : "");
        if (!page->runs[i])
            return fail_memory(err, "page");
        if (opts->truth)
            status = bovw_summary_new(&page->summaries[i], err);
    }
    return status;
}

static bool add_text(bovw_page *page, const char *text, size_t *at)
{
    const size_t n = strlen(text) + 1;
    if (!mem_grow(&page->texts, &page->texts_capacity, page->n_texts + n, 1))
        return false;
    memcpy(page->texts + page->n_texts, text, n);
    *at = page->n_texts;
    page->n_texts += n;
    return true;
}

bovw_status bovw_page_open(const char *path, const bovw_page_options *opts,
                           bovw_page **page, bovw_error *err)
{
    if (opts->n_runs < 1 || opts->n_runs > BOVW_PAGE_MAX_RUNS)
        return fail(err, BOVW_ERR_ARG, "%s: a page shows 1 to %d runs, not %u", path,
                    BOVW_PAGE_MAX_RUNS, opts->n_runs);
    bovw_page *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, path);
    bovw_status status = copy_options(made, opts, err);
    if (status == BOVW_OK && !add_text(made, "all", &made->all.name))
        status = fail_memory(err, path);
    if (status == BOVW_OK)
        status = new_file_open(path, &made->file, err);
    if (status == BOVW_OK)
        *page = made;
    else
        bovw_page_abort(made);
    return status;
}

/* ---- add -------------------------------------------------------------------- */

/* NULL where there are more than have curves, and without memory. */
static page_set *set_of(bovw_page *page, const char *name, bovw_error *err)
{
    for (size_t i = 0; i < page->n_sets; i++) {
        if (strcmp(page_text(page, page->sets[i].name), name) == 0)
            return &page->sets[i];
    }
    if (page->n_sets == PAGE_MAX_SETS) {
        page->has_more_sets = true;
        return NULL;
    }
    page_set set = {0};
    if (!add_text(page, name, &set.name) ||
        !mem_grow(&page->sets, &page->sets_capacity, page->n_sets + 1,
                  sizeof *page->sets)) {
        page->status = fail_memory(err, "page");
        return NULL;
    }
    page->sets[page->n_sets] = set;
    return &page->sets[page->n_sets++];
}

/* Measures and curve of one ranking, and what they add to the sums. */
static bovw_status measure(bovw_page *page, const bovw_page_query *query, page_set *set,
                           uint32_t run, page_ranking *ranking, bovw_error *err)
{
    const bovw_page_ranking *from = &query->rankings[run];

    if (query->n_relevant == 0)
        return fail(err, BOVW_ERR_ARG, "%s: nothing is relevant", query->name);
    if (!mem_grow(&page->ranks, &page->ranks_capacity, page->n_ranks + query->n_relevant,
                  sizeof *page->ranks))
        return fail_memory(err, "page");
    uint32_t *ranks = page->ranks + page->n_ranks;
    const size_t n =
        curve_ranks(from->judgements, from->n_judgements, query->n_relevant, ranks);
    bovw_evaluate(from->judgements, from->n_judgements, query->n_relevant, ranking->values);
    curve_add_interpolated(ranks, n, query->n_relevant, page->all.precision[run]);
    if (set)
        curve_add_interpolated(ranks, n, query->n_relevant, set->precision[run]);
    ranking->first_rank = page->n_ranks;
    ranking->n_found = (uint32_t)n;
    page->n_ranks += n;
    return bovw_summary_add(page->summaries[run], query->set ? query->set : "",
                            ranking->values, err);
}

/* As many matches as are drawn; of more, every so many. */
static bovw_status add_matches(bovw_page *page, const bovw_page_result *from,
                               page_result *result, bovw_error *err)
{
    const size_t n = from->n_matches;
    const size_t n_kept = n < BOVW_PAGE_MAX_MATCHES ? n : BOVW_PAGE_MAX_MATCHES;

    if (!mem_grow(&page->matches, &page->matches_capacity, page->n_matches + n_kept,
                  sizeof *page->matches))
        return fail_memory(err, "page");
    result->first_match = page->n_matches;
    result->n_matches = (uint32_t)n_kept;
    for (size_t i = 0; i < n_kept; i++)
        page->matches[page->n_matches++] = from->matches[i * n / n_kept];
    return BOVW_OK;
}

static bovw_status add_result(bovw_page *page, const bovw_page_result *from,
                              bovw_error *err)
{
    page_result result = {.width = from->width,
                          .height = from->height,
                          .hit = from->hit,
                          .judgement = from->judgement};

    if (!add_text(page, from->name, &result.name) ||
        !mem_grow(&page->results, &page->results_capacity, page->n_results + 1,
                  sizeof *page->results))
        return fail_memory(err, "page");
    bovw_status status = pictures_add(&page->pictures, from->picture, &result.picture, err);
    if (status == BOVW_OK)
        status = add_matches(page, from, &result, err);
    if (status == BOVW_OK)
        page->results[page->n_results++] = result;
    return status;
}

static bovw_status add_ranking(bovw_page *page, const bovw_page_query *query, page_set *set,
                               uint32_t run, bool is_shown, bovw_error *err)
{
    const bovw_page_ranking *from = &query->rankings[run];
    const size_t n_ranks = page->n_ranks;
    page_ranking ranking = {.first_result = page->n_results, .seconds = from->seconds};
    bovw_status status = BOVW_OK;

    if (page->options.truth)
        status = measure(page, query, set, run, &ranking, err);
    if (!is_shown) {
        page->n_ranks = n_ranks;
        return status;
    }
    for (size_t i = 0; status == BOVW_OK && i < from->n; i++)
        status = add_result(page, &from->results[i], err);
    ranking.n_results = (uint32_t)from->n;
    if (status == BOVW_OK && !mem_grow(&page->rankings, &page->rankings_capacity,
                                       page->n_rankings + 1, sizeof *page->rankings))
        status = fail_memory(err, "page");
    if (status == BOVW_OK)
        page->rankings[page->n_rankings++] = ranking;
    return status;
}

static bool is_region(const float *region)
{
    return region && isfinite(region[0]) && isfinite(region[1]) && isfinite(region[2]) &&
           isfinite(region[3]);
}

static bovw_status add_query(bovw_page *page, const bovw_page_query *from, bovw_error *err)
{
    page_query query = {.width = from->width,
                        .height = from->height,
                        .n_features = from->n_features,
                        .n_relevant = from->n_relevant,
                        .first_ranking = page->n_rankings};

    if (is_region(from->region)) {
        query.has_region = true;
        memcpy(query.region, from->region, sizeof query.region);
    }
    if (!add_text(page, from->name, &query.name) ||
        !add_text(page, from->set ? from->set : "", &query.set) ||
        !mem_grow(&page->queries, &page->queries_capacity, page->n_shown + 1,
                  sizeof *page->queries))
        return fail_memory(err, "page");
    const bovw_status status =
        pictures_add(&page->pictures, from->picture, &query.picture, err);
    if (status == BOVW_OK)
        page->queries[page->n_shown++] = query;
    return status;
}

static void count_query(bovw_page *page, const bovw_page_query *query, page_set *set)
{
    const bovw_timings *seconds = &query->rankings[0].seconds;
    page->n_queries++;
    page->all.n++;
    if (set)
        set->n++;
    page->seconds.extraction += seconds->extraction;
    page->seconds.quantisation += seconds->quantisation;
    page->seconds.search += seconds->search;
    page->seconds.verification += seconds->verification;
    page->seconds.expansion += seconds->expansion;
}

bovw_status bovw_page_add(bovw_page *page, const bovw_page_query *query, bovw_error *err)
{
    if (page->status != BOVW_OK)
        return fail(err, page->status, "%s: an earlier part failed", page->file.path);
    const bool is_shown = page->n_queries < BOVW_PAGE_MAX_QUERIES;
    page_set *set =
        page->options.truth ? set_of(page, query->set ? query->set : "", err) : NULL;

    if (page->status == BOVW_OK && is_shown)
        page->status = add_query(page, query, err);
    for (uint32_t run = 0; page->status == BOVW_OK && run < page->options.n_runs; run++)
        page->status = add_ranking(page, query, set, run, is_shown, err);
    if (page->status == BOVW_OK)
        count_query(page, query, set);
    return page->status;
}

/* ---- write ---------------------------------------------------------------- */

void page_write_head(html_out *out, const char *title)
{
    /* The policy keeps the promises that a page loads nothing and that nothing
     * of what it shows is run: the hash allows our script alone. */
    html_markup(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                "'none'; img-src data:; style-src 'unsafe-inline'; script-src "
                "'sha256-" PAGE_SCRIPT_SHA256 "'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, "
                "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"generator\" content=\"bovw " BOVW_VERSION "\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n<title>");
    html_text(out, title);
    html_markup(out, "</title>\n<style>\n");
    html_markup(out, page_style);
    html_markup(out, "</style>\n");
}

static void write_header(html_out *out, const bovw_page *page)
{
    html_markup(out, "<body>\n<a class=\"skip\" href=\"#foot\">Skip to the command and "
                     "options</a>\n<header>\n<h1>");
    html_text(out, page->options.title);
    html_markup(out, "</h1>\n<p>");
    page_write_count(out, page->n_queries, "query", "queries");
    if (page->n_shown < page->n_queries)
        html_format(out, ", the first %zu shown", page->n_shown);
    html_markup(out, ", ");
    page_write_count(out, page->n_results, "result shown", "results shown");
    page_write_timings(out, page->n_queries > 1 ? "; on average " : "; ", &page->seconds,
                       page->n_queries ? (double)page->n_queries : 1, "");
    html_markup(out, ".</p>\n</header>\n<main>\n");
}

static void write_foot(html_out *out, const bovw_page *page)
{
    const picture_set *pictures = &page->pictures;

    html_markup(out, "</main>\n<footer id=\"foot\">\n<h2>How this page was made</h2>\n");
    if (page->options.foot && page->options.foot[0]) {
        html_markup(out, "<pre>");
        html_text(out, page->options.foot);
        html_markup(out, "</pre>\n");
    }
    html_markup(out, "<p>");
    page_write_count(out, pictures->n_inlined, "picture", "pictures");
    html_format(out, " of up to %u pixels inlined, ", pictures->side);
    html_number(out, (double)pictures->n_bytes / 1e6, 1);
    html_markup(out, " MB as JPEG");
    if (pictures->n_missing > 0) {
        html_markup(out, "; ");
        page_write_count(out, pictures->n_missing, "could", "could");
        html_markup(out, " not be shown, the reason is in its place");
    }
    html_markup(out, ". Nothing on this page is loaded from elsewhere.</p>\n</footer>\n");
}

static bovw_status write_page(bovw_page *page, const bovw_compute *compute,
                              const bovw_monitor *monitor, bovw_error *err)
{
    html_out out = {&page->file, BOVW_OK, err};

    page_write_head(&out, page->options.title);
    const bovw_status status =
        pictures_write(&page->pictures, page->options.side, BOVW_PAGE_MAX_PICTURES, &out,
                       compute, monitor);
    if (status != BOVW_OK)
        return status;
    html_markup(&out, "</head>\n");
    write_header(&out, page);
    if (page->options.truth && page->n_queries > 0)
        page_write_overview(&out, page);
    page_write_queries(&out, page);
    write_foot(&out, page);
    html_markup(&out, "<script>");
    html_markup(&out, page_script);
    html_markup(&out, "</script>\n</body>\n</html>\n");
    return out.status;
}

bovw_status bovw_page_close(bovw_page *page, const bovw_compute *compute,
                            const bovw_monitor *monitor, bovw_error *err)
{
    bovw_status status = page->status;

    if (status == BOVW_OK)
        status = write_page(page, compute, monitor, err);
    else
        fail(err, status, "%s: a part could not be made", page->file.path);
    if (status == BOVW_OK)
        status = new_file_commit(&page->file, err);
    bovw_page_abort(page); /* nothing is left to undo after a commit */
    return status;
}
