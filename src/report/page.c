/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/report.h"
#include "report/html.h"
#include "report/page_style.h"
#include "report/thumbnail.h"

enum {
    DEFAULT_SIDE = 240,
    MAX_SIDE = 4096,  /* larger wishes are cut down to this */
    BLOCK = 64,       /* thumbnails in memory at a time */
    LONG_NAME = 80,   /* characters shown of a longer name or folder */
    MAX_LINKS = 1000, /* queries linked at the foot */
};

struct bovw_page {
    new_file file;
    char *foot; /* owned; NULL: none */
    uint32_t side;
    uint64_t n_queries, n_results, n_verified, n_missing;
    bovw_timings seconds; /* sums over the queries */
    bovw_status status;   /* of the first write that failed */
};

/* ---- markup ------------------------------------------------------------- */

/* The part after the last '/' first, the folder under it; both are shortened,
 * so the title has the whole name. */
static void write_name(html_out *out, const char *name)
{
    const char *base = file_base_name(name);
    if (*base == '\0')
        base = name;
    const size_t folder = (size_t)(base - name);

    html_markup(out, "<span class=\"name\" title=\"");
    html_text(out, name);
    html_markup(out, "\"><bdi>");
    html_fitted_text(out, base, (html_fit){strlen(base), LONG_NAME, true});
    html_markup(out, "</bdi></span>");
    if (folder > 0) {
        html_markup(out, " <span class=\"folder\"><bdi>");
        html_fitted_text(out, name, (html_fit){folder, LONG_NAME, true});
        html_markup(out, "</bdi></span>");
    }
}

/* alt and label say the same to those who do not see the picture. */
static void write_picture(html_out *out, const thumbnail *picture, const char *what,
                          const char *name)
{
    if (picture->jpeg) {
        html_format(out,
                    "<div class=\"frame\"><img width=\"%u\" height=\"%u\" "
                    "loading=\"lazy\" decoding=\"async\" alt=\"%s: ",
                    picture->width, picture->height, what);
        html_fitted_text(out, name, (html_fit){strlen(name), LONG_NAME, false});
        html_markup(out, "\" src=\"");
        html_jpeg_address(out, picture->jpeg, picture->n_bytes);
        html_markup(out, "\"></div>\n");
    } else {
        html_format(out,
                    "<div class=\"missing\" role=\"img\" "
                    "aria-label=\"%s, picture not available: ",
                    what);
        html_fitted_text(out, name, (html_fit){strlen(name), LONG_NAME, false});
        html_markup(out, "\">picture not available</div>\n");
    }
}

static void write_duration(html_out *out, double seconds)
{
    const double ms = seconds * 1000;
    if (ms >= 1000) {
        html_number(out, seconds, seconds < 100 ? 1 : 0);
        html_markup(out, " s");
    } else if (ms >= 0.1) {
        html_number(out, ms, ms < 2 ? 1 : 0);
        html_markup(out, " ms");
    } else {
        html_markup(out, "under 0.1 ms");
    }
}

/* "extracted in 211 ms, searched in 0.4 ms"; false where nothing was timed. */
static bool write_timings(html_out *out, const char *before, const bovw_timings *seconds,
                          double parts, const char *after)
{
    const struct {
        const char *word;
        double seconds;
    } stages[] = {{"extracted", seconds->extraction},
                  {"assigned", seconds->quantisation},
                  {"searched", seconds->search},
                  {"verified", seconds->verification},
                  {"expanded", seconds->expansion}};
    bool is_first = true;

    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        if (!(stages[i].seconds > 0))
            continue;
        html_format(out, "%s%s in ", is_first ? before : ", ", stages[i].word);
        write_duration(out, stages[i].seconds / parts);
        is_first = false;
    }
    if (!is_first)
        html_markup(out, after);
    return !is_first;
}

static void write_region(html_out *out, const float *region)
{
    html_markup(out, "<li>region ");
    html_number(out, fabs((double)region[2] - (double)region[0]), 0);
    html_markup(out, " \xc3\x97 ");
    html_number(out, fabs((double)region[3] - (double)region[1]), 0);
    html_markup(out, " pixels from (");
    html_number(out, fmin((double)region[0], (double)region[2]), 0);
    html_markup(out, ", ");
    html_number(out, fmin((double)region[1], (double)region[3]), 0);
    html_markup(out, ")</li>\n");
}

static void write_query(html_out *out, uint64_t number, const bovw_page_query *query,
                        const thumbnail *picture)
{
    html_format(out,
                "<section class=\"query\" id=\"q%" PRIu64 "\" aria-labelledby=\"n%" PRIu64
                "\">\n",
                number, number);
    html_markup(out, "<figure class=\"asked\">\n");
    write_picture(out, picture, "Query", query->name);
    html_format(out,
                "<figcaption>\n<h2 id=\"n%" PRIu64 "\"><a href=\"#q%" PRIu64 "\">"
                "<span class=\"hidden\">Query </span>%" PRIu64 "</a> ",
                number, number, number);
    write_name(out, query->name);
    html_format(out, "</h2>\n<ul class=\"facts\">\n<li>%u feature%s</li>\n",
                query->n_features, query->n_features == 1 ? "" : "s");
    if (thumbnail_is_region(query->region))
        write_region(out, query->region);
    write_timings(out, "<li>", &query->seconds, 1, "</li>\n");
    html_markup(out, "</ul>\n</figcaption>\n</figure>\n");
}

static void write_result(html_out *out, size_t rank, const bovw_page_result *result,
                         const thumbnail *picture)
{
    const bovw_geometry *geometry = &result->hit.geometry;
    char what[48];

    snprintf(what, sizeof what, "Result %zu", rank);
    html_markup(out, "<li><figure>\n");
    write_picture(out, picture, what, result->name);
    html_format(out,
                "<figcaption>\n<div class=\"line\"><span class=\"rank\">"
                "<span class=\"hidden\">Rank </span>%zu</span> <span class=\"score\">"
                "<span class=\"hidden\">score </span>",
                rank);
    html_number(out, (double)result->hit.score, 4);
    html_markup(out, "</span></div>\n");
    if (geometry->model != BOVW_MODEL_NONE)
        html_format(
            out, "<div class=\"line\">%s<span class=\"inliers\">%u inlier%s</span></div>\n",
            result->hit.is_verified ? "<span class=\"badge\">verified</span> " : "",
            geometry->n_inliers, geometry->n_inliers == 1 ? "" : "s");
    write_name(out, result->name);
    html_markup(out, "\n</figcaption>\n</figure></li>\n");
}

static void write_head(html_out *out, const char *title)
{
    /* The policy keeps the promise that a page loads nothing. */
    html_markup(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                "'none'; img-src data:; style-src 'unsafe-inline'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, "
                "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"generator\" content=\"bovw " BOVW_VERSION "\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n<title>");
    html_text(out, title);
    html_markup(out, "</title>\n<style>\n");
    html_markup(out, page_style);
    html_markup(out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#summary\">"
                     "Skip to the summary</a>\n<header>\n<h1>");
    html_text(out, title);
    html_markup(out, "</h1>\n<p>Each query with the pictures most like it, best "
                     "first.</p>\n</header>\n<main>\n");
}

static void write_count(html_out *out, uint64_t n, const char *one, const char *many,
                        const char *after)
{
    html_format(out, "%" PRIu64 " %s%s", n, n == 1 ? one : many, after);
}

static void write_links(html_out *out, uint64_t n)
{
    html_markup(out, "<nav aria-label=\"Queries\">\n<ol>\n");
    for (uint64_t i = 1; i <= n && i <= MAX_LINKS; i++)
        html_format(out, "<li><a href=\"#q%" PRIu64 "\">%" PRIu64 "</a></li>\n", i, i);
    html_markup(out, "</ol>\n</nav>\n");
}

static void write_tail(html_out *out, const bovw_page *page)
{
    html_markup(out, "</main>\n<footer id=\"summary\">\n<h2>Summary</h2>\n<p>");
    write_count(out, page->n_queries, "query", "queries", ", ");
    write_count(out, page->n_results, "result", "results", "");
    if (page->n_verified > 0)
        html_format(out,
                    ", %" PRIu64
                    " of them verified: their geometry agrees with the query's, "
                    "and far more matches agree than chance would give",
                    page->n_verified);
    html_markup(out, ".</p>\n");
    if (page->n_missing > 0) {
        html_markup(out, "<p>");
        write_count(out, page->n_missing, "picture", "pictures",
                    " could not be shown.</p>\n");
    }
    if (page->n_queries > 1) {
        write_timings(out, "<p>On average ", &page->seconds, (double)page->n_queries,
                      " per query.</p>\n");
        write_links(out, page->n_queries);
    }
    if (page->foot && page->foot[0]) {
        html_markup(out, "<pre>");
        html_text(out, page->foot);
        html_markup(out, "</pre>\n");
    }
    html_markup(out, "</footer>\n</body>\n</html>\n");
}

/* ---- the page ----------------------------------------------------------- */

bovw_status bovw_page_open(const char *path, const char *title, const char *foot,
                           uint32_t side, bovw_page **page, bovw_error *err)
{
    bovw_page *made = mem_array(1, sizeof *made);
    bovw_status status = BOVW_OK;

    if (made && foot)
        made->foot = mem_text(foot);
    if (!made || (foot && !made->foot)) {
        status = fail_memory(err, path);
        goto done;
    }
    made->side = side == 0 ? DEFAULT_SIDE : side < MAX_SIDE ? side : MAX_SIDE;
    status = new_file_open(path, &made->file, err);
    if (status != BOVW_OK)
        goto done;
    html_out out = {&made->file, BOVW_OK, err};
    write_head(&out, title);
    status = out.status;
    if (status == BOVW_OK) {
        *page = made;
        made = NULL;
    }
done:
    bovw_page_abort(made);
    return status;
}

static void count_result(bovw_page *page, const bovw_page_result *result,
                         const thumbnail *picture)
{
    page->n_results++;
    page->n_verified += result->hit.is_verified;
    page->n_missing += !picture->jpeg;
}

static void count_query(bovw_page *page, const bovw_page_query *query,
                        const thumbnail *picture)
{
    page->n_queries++;
    page->n_missing += !picture->jpeg;
    page->seconds.extraction += query->seconds.extraction;
    page->seconds.quantisation += query->seconds.quantisation;
    page->seconds.search += query->seconds.search;
    page->seconds.verification += query->seconds.verification;
    page->seconds.expansion += query->seconds.expansion;
}

/* The section of a query up to its first result. */
static void begin_query(html_out *out, bovw_page *page, const bovw_page_query *query,
                        size_t n_results, const thumbnail *picture)
{
    count_query(page, query, picture);
    write_query(out, page->n_queries, query, picture);
    html_markup(out, n_results > 0 ? "<ol class=\"results\" role=\"list\">\n"
                                   : "<p class=\"none\">No results.</p>\n");
}

bovw_status bovw_page_add(bovw_page *page, const bovw_page_query *query,
                          const bovw_page_result *results, size_t n,
                          const bovw_compute *compute, bovw_error *err)
{
    thumbnail_job jobs[BLOCK + 1];
    thumbnail thumbnails[BLOCK + 1];
    html_out out = {&page->file, BOVW_OK, err};

    if (page->status != BOVW_OK)
        return fail(err, page->status, "%s: an earlier part could not be written",
                    page->file.path);
    /* In blocks, so that memory stays bounded; the query's own picture is
     * behind those of the first block. */
    for (size_t first = 0; out.status == BOVW_OK && (first == 0 || first < n);
         first += BLOCK) {
        const size_t n_block = n - first < BLOCK ? n - first : BLOCK;
        const size_t n_jobs = n_block + (first == 0);
        for (size_t i = 0; i < n_block; i++)
            jobs[i] = (thumbnail_job){results[first + i].picture, page->side, NULL};
        if (first == 0)
            jobs[n_block] =
                (thumbnail_job){query->picture, page->side + page->side / 2, query->region};
        out.status = thumbnails_make(jobs, n_jobs, compute, thumbnails, err);
        if (out.status != BOVW_OK)
            break;
        if (first == 0)
            begin_query(&out, page, query, n, &thumbnails[n_block]);
        for (size_t i = 0; i < n_block; i++) {
            count_result(page, &results[first + i], &thumbnails[i]);
            write_result(&out, first + i + 1, &results[first + i], &thumbnails[i]);
        }
        thumbnails_free(thumbnails, n_jobs);
    }
    html_markup(&out, n > 0 ? "</ol>\n</section>\n" : "</section>\n");
    page->status = out.status;
    return out.status;
}

bovw_status bovw_page_close(bovw_page *page, bovw_error *err)
{
    html_out out = {&page->file, page->status, err};

    if (page->status == BOVW_OK)
        write_tail(&out, page);
    else
        fail(err, page->status, "%s: a part could not be written", page->file.path);
    if (out.status == BOVW_OK)
        out.status = new_file_commit(&page->file, err);
    bovw_page_abort(page); /* nothing is left to undo after a commit */
    return out.status;
}

void bovw_page_abort(bovw_page *page)
{
    if (!page)
        return;
    new_file_abort(&page->file);
    free(page->foot);
    free(page);
}
