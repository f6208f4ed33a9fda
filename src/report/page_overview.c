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

    html_markup(out, "<tr><th scope=\"row\">");
    html_text(out, set[0] ? set : "(no name)");
    html_markup(out, "</th>");
    if (page->options.n_runs > 1) {
        html_markup(out, "<th scope=\"row\"><bdi>");
        html_text(out, page->runs[run]);
        html_markup(out, "</bdi></th>");
    }
    html_format(out, "<td>%u</td>", n_queries);
    for (size_t m = 0; bovw_measure(m, NULL); m++) {
        html_markup(out, "<td>");
        html_number(out, 100 * means[m], 2);
        html_markup(out, "</td>");
    }
    html_markup(out, "</tr>\n");
}

static void write_measures(html_out *out, const bovw_page *page)
{
    const uint32_t n_rows = bovw_summary_n_rows(page->summaries[0]);
    const char *summary;

    html_markup(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                     "aria-label=\"Measures\">\n<table class=\"measures\">\n<caption>Means "
                     "over the queries of each set, in percent</caption>\n<thead><tr>"
                     "<th scope=\"col\">set</th>");
    if (page->options.n_runs > 1)
        html_markup(out, "<th scope=\"col\">run</th>");
    html_markup(out, "<th scope=\"col\">queries</th>");
    for (size_t m = 0; bovw_measure(m, &summary); m++)
        html_format(out, "<th scope=\"col\" title=\"%s\">%s</th>", summary,
                    bovw_measure(m, NULL));
    html_markup(out, "</tr></thead>\n<tbody>\n");
    for (uint32_t row = 0; row < n_rows; row++) {
        for (uint32_t run = 0; run < page->options.n_runs; run++)
            write_row(out, page, row, run);
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
        for (uint32_t run = 0; run < page->options.n_runs; run++)
            chosen[n++] = (series){&page->all, page->runs[run], run};
        return n;
    }
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
    if (page->options.n_runs == 1 && (page->has_more_sets || page->n_sets + 1 > n + 1))
        html_markup(out, "<p>The other sets are in the table only.</p>\n");
}

static void draw_precision(html_out *out, const series *lines, size_t n)
{
    const chart c = {out, "recall", "precision", 0, 1, false};
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

/* The AP of the queries of a line that are shown, into values (n_shown,). */
static size_t collect_ap(const bovw_page *page, const series *line, double *values)
{
    size_t n = 0;
    for (size_t i = 0; i < page->n_shown; i++) {
        const page_query *query = &page->queries[i];
        if (line->set != &page->all && strcmp(page_text(page, query->set), line->name) != 0)
            continue;
        values[n++] = page_ranking_of(page, query, line->run)->values[0];
    }
    qsort(values, n, sizeof *values, higher_first);
    return n;
}

static void draw_ap(html_out *out, const bovw_page *page, const series *lines, size_t n)
{
    const chart c = {out, "share of the queries", "average precision", 0, 1, false};
    double *values = mem_array(page->n_shown, sizeof *values);

    if (!values) {
        if (out->status == BOVW_OK)
            out->status = fail_memory(out->err, "chart");
        return;
    }
    html_markup(out, "<figure class=\"card\">\n");
    chart_begin(&c, "Average precision of each query, the best first");
    for (size_t i = n; i-- > 0;)
        chart_steps(&c, (uint32_t)i, values, collect_ap(page, &lines[i], values));
    chart_end(&c);
    html_markup(out, "<figcaption>AP of each query, the best first</figcaption>\n"
                     "</figure>\n");
    free(values);
}

void page_write_overview(html_out *out, const bovw_page *page)
{
    series lines[MAX_SERIES];
    const size_t n = choose_series(page, lines);

    html_markup(out, "<section class=\"overview\" aria-label=\"All queries\">\n");
    write_measures(out, page);
    html_markup(out, "<div class=\"charts\">\n");
    draw_precision(out, lines, n);
    draw_ap(out, page, lines, n);
    html_markup(out, "</div>\n");
    write_legend(out, page, lines, n);
    html_markup(out, "</section>\n");
}
