/* SPDX-License-Identifier: MIT
 *
 * The part of a judged page that is about all queries together. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/chart.h"
#include "report/page.h"

enum {
    MAX_SERIES = CHART_MAX_LINES
};

/* ---- measures --------------------------------------------------------------- */

static void write_row(html_out *out, const bovw_page *page, uint32_t row, uint32_t run)
{
    double means[BOVW_MAX_MEASURES];
    uint32_t n_queries = 0;
    const char *set = bovw_summary_row(page->summaries[run], row, &n_queries, means);

    const bool is_all = row + 1 == bovw_summary_n_rows(page->summaries[run]);
    html_format(out, "<tr%s><th scope=\"row\" class=\"text\">",
                is_all ? " class=\"all\"" : "");
    html_text(out, set[0] ? set : "(no name)");
    html_markup(out, "</th>");
    if (page->options.n_runs > 1) {
        html_markup(out, "<th scope=\"row\" class=\"text\"><bdi>");
        html_text(out, page->runs[run]);
        html_markup(out, "</bdi></th>");
    }
    html_format(out, "<td>%u</td>", n_queries);
    for (size_t m = 0; bovw_measure(m, NULL); m++) {
        if (!bovw_truth_shows_measure(page->options.truth, m))
            continue;
        html_markup(out, "<td>");
        html_number(out, bovw_measure_scale(m) * means[m], 2);
        html_markup(out, "</td>");
    }
    html_markup(out, "</tr>\n");
}

/* A mean over sets that judge the same rankings has no meaning. */
static bool has_all(const bovw_page *page)
{
    return page->n_sets <= 1 || !bovw_truth_has_common_rankings(page->options.truth);
}

static void write_measures(html_out *out, const bovw_page *page)
{
    const uint32_t n_rows = bovw_summary_n_rows(page->summaries[0]) - !has_all(page);
    const char *summary;

    html_markup(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                     "aria-label=\"Measures\">\n<table class=\"measures\">\n<caption>Means "
                     "over the queries of each set</caption>\n<thead><tr>"
                     "<th scope=\"col\" class=\"text\">set</th>");
    if (page->options.n_runs > 1)
        html_markup(out, "<th scope=\"col\" class=\"text\">run</th>");
    html_markup(out, "<th scope=\"col\">queries</th>");
    for (size_t m = 0; bovw_measure(m, &summary); m++) {
        if (bovw_truth_shows_measure(page->options.truth, m))
            html_format(out, "<th scope=\"col\" title=\"%s\">%s</th>", summary,
                        bovw_measure(m, NULL));
    }
    html_markup(out, "</tr></thead>\n<tbody>\n");
    for (uint32_t row = 0; row < n_rows; row++) {
        for (uint32_t run = 0; run < page->options.n_runs; run++)
            write_row(out, page, row, run);
    }
    html_markup(out, "</tbody>\n</table>\n</div>\n");
}

/* ---- differences ---------------------------------------------------------------- */

static void write_signed(html_out *out, double value)
{
    html_markup(out, value > 0 ? "+" : "");
    html_number(out, value, 2);
}

static void write_difference(html_out *out, const bovw_page *page,
                             const bovw_comparison_part *part, uint32_t run)
{
    const bovw_page_options *o = &page->options;
    const double scale = bovw_measure_scale(o->measure);
    bovw_paired p;

    if (out->status != BOVW_OK)
        return;
    out->status = bovw_comparison_paired(o->comparison, part, 0, run, o->measure,
                                         &o->paired, &p, out->err);
    if (out->status != BOVW_OK)
        return;
    html_markup(out, "<tr><th scope=\"row\" class=\"text\">");
    html_text(out, part->set[0] ? part->set : "(no name)");
    html_markup(out, "</th><th scope=\"row\" class=\"text\"><bdi>");
    html_text(out, page->runs[run]);
    html_markup(out, "</bdi></th><td>");
    write_signed(out, scale * p.difference);
    html_markup(out, "</td><td>");
    write_signed(out, scale * p.low);
    html_markup(out, " to ");
    write_signed(out, scale * p.high);
    html_markup(out, "</td><td>");
    html_number(out, p.p, 4);
    html_format(out, "</td><td>%u</td><td>%u</td><td>%u</td></tr>\n", p.wins, p.losses,
                p.ties);
}

static void write_differences(html_out *out, const bovw_page *page)
{
    const bovw_page_options *o = &page->options;

    html_format(out,
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                "aria-label=\"Differences\">\n<table class=\"measures\">\n<caption>%s "
                "against ",
                bovw_measure(o->measure, NULL));
    html_text(out, page->runs[0]);
    html_markup(out, ": difference with its bootstrap interval of ");
    html_number(out, 100 * o->paired.confidence, 0);
    html_markup(out, " %, p of a paired randomisation test, and queries that are better, "
                     "worse and equal</caption>\n<thead><tr>");
    static const char *const heads[] = {"set", "run",  "difference", "interval",
                                        "p",   "wins", "losses",     "ties"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        html_format(out, "<th scope=\"col\"%s>%s</th>", i < 2 ? " class=\"text\"" : "",
                    heads[i]);
    html_markup(out, "</tr></thead>\n<tbody>\n");
    for (uint32_t s = 0; s < o->comparison->n_sets; s++) {
        for (uint32_t run = 1; run < o->n_runs; run++)
            write_difference(out, page, &o->comparison->sets[s], run);
    }
    html_markup(out, "</tbody>\n</table>\n</div>\n");
}

/* ---- curves -------------------------------------------------------------------- */

/* One line of both charts: the queries of a set in a run. */
typedef struct series {
    const page_set *set;
    const char *name;
    uint32_t run;
} series;

/* Runs where there are several; else the sets, as far as there are lines, and all. */
static size_t choose_series(const bovw_page *page, series chosen[MAX_SERIES])
{
    size_t n = 0;
    if (page->options.n_runs > 1) {
        const page_set *set = has_all(page) ? &page->all : &page->sets[0];
        for (uint32_t run = 0; run < page->options.n_runs; run++)
            chosen[n++] = (series){set, page->runs[run], run};
        return n;
    }
    if (has_all(page))
        chosen[n++] = (series){&page->all, "all", 0};
    for (size_t i = 0; page->n_sets > 1 && i < page->n_sets && n < MAX_SERIES; i++)
        chosen[n++] = (series){&page->sets[i], page_text(page, page->sets[i].name), 0};
    return n;
}

static void write_legend(html_out *out, const bovw_page *page, const series *lines,
                         size_t n)
{
    html_markup(out, "<ul class=\"legend\">\n");
    for (size_t i = 0; i < n; i++) {
        html_markup(out, "<li>");
        chart_sample(out, (uint32_t)i);
        html_markup(out, "<bdi>");
        html_text(out, lines[i].name[0] ? lines[i].name : "(no name)");
        html_markup(out, "</bdi></li>\n");
    }
    html_markup(out, "</ul>\n");
    if (page->options.n_runs == 1 && page->n_sets > n)
        html_markup(out, "<p>The other sets are in the table only.</p>\n");
    if (page->options.n_runs > 1 && !has_all(page)) {
        html_markup(out, "<p>The charts are of the set ");
        html_text(out, page_text(page, page->sets[0].name));
        html_markup(out, ".</p>\n");
    }
}

static void draw_precision(html_out *out, const series *lines, size_t n)
{
    const chart c = {out, "recall", "precision", 0, 1, false, false};
    chart_point points[CURVE_LEVELS];

    html_markup(out, "<figure class=\"card\">\n");
    chart_begin(&c, "Mean precision over recall");
    for (size_t i = n; i-- > 0;) {
        const page_set *set = lines[i].set;
        for (int level = 0; level < CURVE_LEVELS; level++)
            points[level] =
                (chart_point){level / (double)(CURVE_LEVELS - 1),
                              set->precision[lines[i].run][level] / (double)set->n};
        chart_line(&c, (uint32_t)i, points, CURVE_LEVELS);
    }
    chart_end(&c);
    html_markup(out, "<figcaption>Precision over recall, mean of the queries' interpolated "
                     "precision at 101 levels of recall</figcaption>\n</figure>\n");
}

static int higher_first(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* What the queries of a line that are shown come to, into values (n_shown,). */
static size_t collect_values(const bovw_page *page, const series *line, double *values)
{
    size_t n = 0;
    for (size_t i = 0; i < page->n_shown; i++) {
        const page_query *query = &page->queries[i];
        if (line->set != &page->all &&
            strcmp(page_text(page, query->set), page_text(page, line->set->name)) != 0)
            continue;
        values[n++] =
            page_ranking_of(page, query, line->run)->values[page->options.measure];
    }
    qsort(values, n, sizeof *values, higher_first);
    return n;
}

static void draw_values(html_out *out, const bovw_page *page, const series *lines, size_t n)
{
    const size_t m = page->options.measure;
    const char *measure = m == 0 ? "average precision" : bovw_measure(m, NULL);
    const chart c = {out, "share of the queries", measure, 0, 1, false, false};
    double *values = mem_array(page->n_shown, sizeof *values);

    if (!values) {
        if (out->status == BOVW_OK)
            out->status = fail_memory(out->err, "chart");
        return;
    }
    html_markup(out, "<figure class=\"card\">\n");
    chart_begin(&c, "Each query, the best first");
    for (size_t i = n; i-- > 0;)
        chart_steps(&c, (uint32_t)i, values, collect_values(page, &lines[i], values));
    chart_end(&c);
    html_format(out,
                "<figcaption>%s of each query, the best first</figcaption>\n</figure>\n",
                m == 0 ? "AP" : measure);
    free(values);
}

void page_write_overview(html_out *out, const bovw_page *page)
{
    series lines[MAX_SERIES];
    const size_t n = choose_series(page, lines);

    html_markup(out, "<section class=\"overview\" aria-label=\"All queries\">\n");
    write_measures(out, page);
    if (page->options.comparison && page->options.n_runs > 1)
        write_differences(out, page);
    html_markup(out, "<div class=\"charts\">\n");
    draw_precision(out, lines, n);
    draw_values(out, page, lines, n);
    html_markup(out, "</div>\n");
    write_legend(out, page, lines, n);
    html_markup(out, "</section>\n");
}
