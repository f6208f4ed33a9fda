/* SPDX-License-Identifier: MIT
 *
 * The table of queries. Each is a <tbody> of two rows, its figures and what
 * unfolds under them, so that sorting and filtering keep both together. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/chart.h"
#include "report/page.h"

enum {
    LONG_NAME = 80, /* characters shown of a longer name or folder */
    N_MARKS = 10,   /* first results that a folded query tells of */
    MAX_OPEN = 5    /* pages of no more queries come unfolded */
};

/* ---- small things that several parts write ------------------------------------ */

void page_write_count(html_out *out, uint64_t n, const char *one, const char *many)
{
    html_format(out, "%" PRIu64 " %s", n, n == 1 ? one : many);
}

void page_write_name(html_out *out, const char *name)
{
    const char *base = file_base_name(name);
    if (*base == '\0')
        base = name;
    const size_t folder = (size_t)(base - name);

    html_markup(out, "<span class=\"name\"");
    if (strlen(name) > LONG_NAME) { /* it may be shortened */
        html_markup(out, " title=\"");
        html_text(out, name);
        html_markup(out, "\"");
    }
    html_markup(out, "><bdi>");
    html_fitted_text(out, base, (html_fit){strlen(base), LONG_NAME, true});
    html_markup(out, "</bdi></span>");
    if (folder > 0) {
        html_markup(out, " <span class=\"folder\"><bdi>");
        html_fitted_text(out, name, (html_fit){folder, LONG_NAME, true});
        html_markup(out, "</bdi></span>");
    }
}

void page_write_duration(html_out *out, double seconds)
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

bool page_write_timings(html_out *out, const char *before, const bovw_timings *seconds,
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
        page_write_duration(out, stages[i].seconds / parts);
        is_first = false;
    }
    if (!is_first)
        html_markup(out, after);
    return !is_first;
}

/* ---- columns ------------------------------------------------------------------- */

/* What the cells of a row are made from. */
typedef struct cell {
    html_out *out;
    const bovw_page *page;
    const page_query *query;
    const page_ranking *ranking; /* of the column's run */
} cell;

typedef struct query_column {
    const char *label; /* NULL: the measure, of each run */
    const char *class; /* of its cells; "opt": not on narrow screens */
    bool is_per_run;
    bool (*is_wanted)(const bovw_page *page);
    void (*write)(const cell *c);
} query_column;

static bool is_judged(const bovw_page *page)
{
    return page->options.truth != NULL;
}

static bool is_judged_alone(const bovw_page *page)
{
    return page->options.truth && page->options.n_runs == 1;
}

static bool is_judged_pair(const bovw_page *page)
{
    return page->options.truth && page->options.n_runs == 2;
}

static bool is_plain(const bovw_page *page)
{
    return !page->options.truth && page->options.n_runs == 1;
}

static bool has_sets(const bovw_page *page)
{
    return page->n_sets > 1;
}

static void write_set(const cell *c)
{
    html_text(c->out, page_text(c->page, c->query->set));
}

/* The bar repeats the number. */
static void write_value(const cell *c)
{
    const size_t m = c->page->options.measure;
    html_markup(c->out, "<span class=\"bar\" style=\"--v:");
    html_number(c->out, 100 * c->ranking->values[m], 0);
    html_markup(c->out, "%\">");
    html_number(c->out, bovw_measure_scale(m) * c->ranking->values[m], 2);
    html_markup(c->out, "</span>");
}

static void write_difference(const cell *c)
{
    const size_t m = c->page->options.measure;
    const double difference =
        bovw_measure_scale(m) * (page_ranking_of(c->page, c->query, 1)->values[m] -
                                 page_ranking_of(c->page, c->query, 0)->values[m]);
    html_markup(c->out, difference > 0 ? "+" : "");
    html_number(c->out, difference, 2);
}

/* The best-ranked relevant image; nothing sorts behind everything. */
static void write_first_correct(const cell *c)
{
    if (c->ranking->n_found > 0)
        html_format(c->out, "%u", c->page->ranks[c->ranking->first_rank]);
    else
        html_markup(c->out, "none");
}

static void write_n_relevant(const cell *c)
{
    html_format(c->out, "%u", c->query->n_relevant);
}

static void write_n_features(const cell *c)
{
    html_format(c->out, "%u", c->query->n_features);
}

static const page_result *first_result(const cell *c)
{
    return c->ranking->n_results > 0 ? &c->page->results[c->ranking->first_result] : NULL;
}

static void write_best_score(const cell *c)
{
    const page_result *first = first_result(c);
    html_number(c->out, first ? (double)first->hit.score : (double)NAN, 4);
}

static uint32_t count_verified(const cell *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->ranking->n_results; i++)
        n += c->page->results[c->ranking->first_result + i].hit.is_verified;
    return n;
}

static void write_n_verified(const cell *c)
{
    html_format(c->out, "%u", count_verified(c));
}

static void write_time(const cell *c)
{
    const bovw_timings *s = &c->ranking->seconds;
    html_number(c->out,
                1000 * (s->extraction + s->quantisation + s->search + s->verification +
                        s->expansion),
                1);
}

static const query_column columns[] = {
    {"set", "text opt", false, has_sets, write_set},
    {NULL, "", true, is_judged, write_value},
    {"change", "", false, is_judged_pair, write_difference},
    {"first correct", "", false, is_judged_alone, write_first_correct},
    {"relevant", "opt", false, is_judged, write_n_relevant},
    {"features", "opt", false, is_plain, write_n_features},
    {"best score", "", false, is_plain, write_best_score},
    {"verified", "", false, is_plain, write_n_verified},
    {"ms", "opt", false, is_plain, write_time},
};

enum {
    N_COLUMNS = sizeof columns / sizeof columns[0]
};

/* How often a column is there: once, once for each run, or not. */
static uint32_t times_of(const query_column *column, const bovw_page *page)
{
    if (!column->is_wanted(page))
        return 0;
    return column->is_per_run ? page->options.n_runs : 1;
}

static uint32_t count_columns(const bovw_page *page)
{
    uint32_t n = 1;
    for (size_t i = 0; i < N_COLUMNS; i++)
        n += times_of(&columns[i], page);
    return n;
}

/* Of one query mAP is its AP. */
static void write_measure_head(html_out *out, const bovw_page *page, uint32_t run)
{
    const size_t m = page->options.measure;
    html_markup(out, m == 0 ? "AP" : bovw_measure(m, NULL));
    if (page->options.n_runs > 1) {
        html_markup(out, " <bdi>");
        html_text(out, file_base_name(page->runs[run]));
        html_markup(out, "</bdi>");
    }
}

static void write_column_heads(html_out *out, const bovw_page *page)
{
    html_markup(out, "<thead><tr><th scope=\"col\" class=\"text first\">query</th>");
    for (size_t i = 0; i < N_COLUMNS; i++) {
        for (uint32_t run = 0; run < times_of(&columns[i], page); run++) {
            html_format(out, "<th scope=\"col\" class=\"%s\">", columns[i].class);
            if (columns[i].label)
                html_markup(out, columns[i].label);
            else
                write_measure_head(out, page, run);
            html_markup(out, "</th>");
        }
    }
    html_markup(out, "</tr></thead>\n");
}

static void write_cells(html_out *out, const bovw_page *page, const page_query *query)
{
    for (size_t i = 0; i < N_COLUMNS; i++) {
        for (uint32_t run = 0; run < times_of(&columns[i], page); run++) {
            const cell c = {out, page, query, page_ranking_of(page, query, run)};
            html_format(out, columns[i].class[0] ? "<td class=\"%s\">" : "<td>",
                        columns[i].class);
            columns[i].write(&c);
            html_markup(out, "</td>");
        }
    }
}

/* ---- rows ------------------------------------------------------------------------ */

/* The first results in signs, and in words. */
static void write_marks(html_out *out, const bovw_page *page, const page_ranking *ranking)
{
    uint32_t n = 0, n_correct = 0;

    html_markup(out, "<span class=\"marks\" aria-hidden=\"true\">");
    for (uint32_t i = 0; i < ranking->n_results && n < N_MARKS; i++) {
        const bovw_judgement judgement = page->results[ranking->first_result + i].judgement;
        if (judgement == BOVW_IGNORED)
            continue;
        n++;
        n_correct += judgement == BOVW_RELEVANT;
        html_markup(out, judgement == BOVW_RELEVANT ? "<b>\xe2\x9c\x93</b>"
                                                    : "<i>\xe2\x9c\x97</i>");
    }
    html_format(out, "</span> %u of the first %u correct", n_correct, n);
}

static void write_summary(html_out *out, const bovw_page *page, const page_query *query)
{
    for (uint32_t run = 0; run < page->options.n_runs; run++) {
        const page_ranking *ranking = page_ranking_of(page, query, run);
        html_markup(out, run > 0 ? "<br>" : "");
        if (page->options.n_runs > 1) {
            html_text(out, page->runs[run]);
            html_markup(out, ": ");
        }
        if (page->options.truth)
            write_marks(out, page, ranking);
        else
            page_write_count(out, ranking->n_results, "result", "results");
    }
}

static void write_thumb(html_out *out, const page_picture *picture)
{
    if (!picture->reason)
        html_format(out, "<span class=\"thumb p%u\"></span>", picture->shown_as);
}

static void write_query(html_out *out, const bovw_page *page, size_t i)
{
    const page_query *query = &page->queries[i];
    const bool is_open = page->n_shown <= MAX_OPEN;

    html_format(out,
                "<tbody id=\"q%zu\"><tr><th scope=\"row\" class=\"text first\"><a "
                "href=\"#q%zu\">",
                i + 1, i + 1);
    if (query->picture != PICTURE_NONE)
        write_thumb(out, &page->pictures.pictures[query->picture]);
    html_format(out, "<span class=\"hidden\">Query </span>%zu</a> ", i + 1);
    page_write_name(out, page_text(page, query->name));
    html_markup(out, "</th>");
    write_cells(out, page, query);
    html_format(out, "</tr>\n<tr class=\"more\"><td colspan=\"%u\"><details%s><summary>",
                count_columns(page), is_open ? " open" : "");
    write_summary(out, page, query);
    html_markup(out, "</summary>\n");
    page_write_results(out, page, query);
    html_markup(out, "</details></td></tr></tbody>\n");
}

/* The script shows it: without one it would do nothing. */
static void write_controls(html_out *out, const bovw_page *page)
{
    html_markup(out, "<form id=\"controls\" hidden>\n<label>Find <input type=\"search\" "
                     "id=\"find\" autocomplete=\"off\"></label>\n");
    if (page->n_sets > 1) {
        html_markup(out, "<label>Set <select id=\"set\"><option value=\"\">all</option>");
        for (size_t i = 0; i < page->n_sets; i++) {
            html_markup(out, "<option>");
            html_text(out, page_text(page, page->sets[i].name));
            html_markup(out, "</option>");
        }
        html_markup(out, "</select></label>\n");
    }
    html_markup(out, "<span id=\"status\" role=\"status\"></span>\n</form>\n");
}

void page_write_queries(html_out *out, const bovw_page *page)
{
    html_markup(out, "<section aria-labelledby=\"list\">\n<h2 id=\"list\">Queries</h2>\n");
    if (page->n_shown == 0) {
        html_markup(out, "<p class=\"none\">No queries.</p>\n</section>\n");
        return;
    }
    /* One definition for all: where a line of a match begins and ends. */
    html_markup(out, "<svg class=\"hidden\" aria-hidden=\"true\"><defs><marker id=\"dot\" "
                     "viewBox=\"-3 -3 6 6\" markerWidth=\"7\" markerHeight=\"7\" "
                     "markerUnits=\"userSpaceOnUse\"><circle r=\"2.2\"/></marker></defs>"
                     "</svg>\n");
    if (page->n_shown > 1)
        write_controls(out, page);
    html_markup(out, "<table id=\"queries\">\n");
    write_column_heads(out, page);
    for (size_t i = 0; i < page->n_shown; i++)
        write_query(out, page, i);
    html_markup(out, "</table>\n</section>\n");
}
