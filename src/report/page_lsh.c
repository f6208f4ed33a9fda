/* SPDX-License-Identifier: MIT
 *
 * The page on hashed search: facts, a chart, and the chart's points as a table. */
#include "report/chart.h"
#include "report/page.h"

static void write_row(html_out *out, const char *name)
{
    html_markup(out, "<tr><th class=\"text\" scope=\"row\">");
    html_markup(out, name);
    html_markup(out, "</th><td>");
}

static void write_number_row(html_out *out, const char *name, double value, int decimals,
                             const char *unit)
{
    write_row(out, name);
    html_number(out, value, decimals);
    html_markup(out, unit);
    html_markup(out, "</td></tr>\n");
}

/* Bytes, all together and of a vector. */
static void write_size_row(html_out *out, const char *name, size_t n_bytes,
                           const bovw_lsh_facts *facts)
{
    write_row(out, name);
    html_number(out, (double)n_bytes / 1e6, 2);
    html_markup(out, " MB, ");
    html_number(out, (double)n_bytes / facts->n_vectors, 2);
    html_markup(out, " bytes a vector</td></tr>\n");
}

static void write_chosen(html_out *out, const bovw_lsh_facts *facts,
                         const bovw_lsh_curve *curve)
{
    const bovw_lsh_options *o = &facts->chosen;
    html_markup(out, "<div class=\"scroll\"><table class=\"measures\"><caption>What was "
                     "searched with</caption><tbody>\n");
    html_format(out,
                "<tr><th class=\"text\" scope=\"row\">hashes a table, tables, probes a "
                "table</th><td>%u, %u, %u</td></tr>\n",
                o->n_hashes, o->n_tables, o->n_probes);
    if (o->width > 0)
        write_number_row(out, "width of a cell", o->width, 4, "");
    if (facts->n_sample > 0) {
        write_number_row(out, "recall wanted", 100 * o->recall, 1, " %");
        html_format(out,
                    "<tr><th class=\"text\" scope=\"row\">recall of the %u queries it "
                    "was chosen by</th><td>",
                    facts->n_sample);
        html_number(out, 100 * facts->recall, 2);
        html_markup(out, facts->is_reached ? " %</td></tr>\n"
                                           : " %, less than wanted</td></tr>\n");
    }
    html_format(out,
                "<tr><th class=\"text\" scope=\"row\">recall@%u of %u queries held "
                "out</th><td>",
                facts->n_nearest, curve->n_queries);
    html_number(out, 100 * curve->chosen.recall, 2);
    html_markup(out, " %</td></tr>\n");
    write_number_row(out, "candidates of a query", curve->chosen.n_candidates, 1, "");
    write_number_row(out, "milliseconds of a query, hashed", 1e3 * curve->chosen.seconds, 4,
                     "");
    write_number_row(out, "the same, exactly", 1e3 * curve->exact_seconds, 4, "");
    html_markup(out, "</tbody></table></div>\n");
}

static void write_sizes(html_out *out, const bovw_lsh_facts *facts)
{
    html_format(out,
                "<div class=\"scroll\"><table class=\"measures\"><caption>Memory for %u "
                "vectors; tables: %u, directory: %s</caption><tbody>\n",
                facts->n_vectors, facts->chosen.n_tables,
                bovw_directory_name((size_t)facts->chosen.directory));
    write_size_row(out, "vectors", facts->vector_bytes, facts);
    write_size_row(out, "directories", facts->directory_bytes, facts);
    write_size_row(out, "codes that they read", facts->code_bytes, facts);
    write_size_row(out, "projections", facts->hash_bytes, facts);
    write_number_row(out, "choosing", facts->seconds_choosing, 2, " s");
    write_number_row(out, "filling the tables", facts->seconds_filling, 2, " s");
    html_markup(out, "</tbody></table></div>\n");
}

/* Points [first, end) are of the same number of tables. */
static uint32_t line_end(const bovw_lsh_curve *curve, uint32_t first)
{
    uint32_t end = first;
    while (end < curve->n && curve->points[end].n_tables == curve->points[first].n_tables)
        end++;
    return end;
}

static void write_chart(html_out *out, const bovw_lsh_facts *facts,
                        const bovw_lsh_curve *curve)
{
    const chart c = {.out = out,
                     .x_label = "vectors looked at",
                     .y_label = "recall",
                     .y_high = 1,
                     .has_decades = true};
    html_markup(out, "<div class=\"charts\"><figure class=\"card\">\n");
    chart_begin(&c, "Recall over the share of the vectors that are looked at");
    uint32_t style = 0, end;
    for (uint32_t first = 0; first < curve->n; first = end, style++) {
        chart_point points[BOVW_LSH_MAX_POINTS];
        end = line_end(curve, first);
        for (uint32_t i = first; i < end; i++)
            points[i - first] = (chart_point){
                chart_decade(curve->points[i].n_candidates / facts->n_vectors),
                curve->points[i].recall};
        chart_line(&c, style, points, end - first);
    }
    chart_end(&c);
    html_markup(out, "<ul class=\"legend\">\n");
    style = 0;
    for (uint32_t first = 0; first < curve->n; first = line_end(curve, first), style++) {
        html_markup(out, "<li>");
        chart_sample(out, style);
        page_write_count(out, curve->points[first].n_tables, "table", "tables");
        html_markup(out, "</li>\n");
    }
    html_markup(out, "</ul><figcaption>Along a line the probes of each table double, from "
                     "1.</figcaption></figure></div>\n");
}

static void write_points(html_out *out, const bovw_lsh_facts *facts,
                         const bovw_lsh_curve *curve)
{
    html_markup(out, "<div class=\"scroll\"><table class=\"measures\"><caption>The "
                     "points</caption><thead><tr><th>tables</th><th>probes</th>"
                     "<th>recall, %</th><th>candidates</th><th>share, %</th>"
                     "<th>ms a query</th></tr></thead><tbody>\n");
    for (uint32_t i = 0; i < curve->n; i++) {
        const bovw_lsh_point *p = &curve->points[i];
        html_format(out, "<tr><td>%u</td><td>%u</td><td>", p->n_tables, p->n_probes);
        html_number(out, 100 * p->recall, 2);
        html_markup(out, "</td><td>");
        html_number(out, p->n_candidates, 1);
        html_markup(out, "</td><td>");
        html_number(out, 100 * p->n_candidates / facts->n_vectors, 4);
        html_markup(out, "</td><td>");
        html_number(out, 1e3 * p->seconds, 4);
        html_markup(out, "</td></tr>\n");
    }
    html_markup(out, "</tbody></table></div>\n");
}

static void write_all(html_out *out, const bovw_lsh_facts *facts,
                      const bovw_lsh_curve *curve, const char *foot)
{
    static const char title[] = "Hashed search among vectors";
    page_write_head(out, title);
    html_markup(out, "</head>\n<body>\n<header>\n<h1>");
    html_text(out, title);
    html_markup(out, "</h1>\n<p>");
    page_write_count(out, facts->n_vectors, "vector", "vectors");
    html_format(out, ", recall of the nearest %u, by ", facts->n_nearest);
    page_write_count(out, curve->n_queries, "query that was", "queries that were");
    html_markup(out, " held out.</p>\n</header>\n<main>\n");
    write_chart(out, facts, curve);
    html_markup(out, "<h2>Choice</h2>\n");
    write_chosen(out, facts, curve);
    write_sizes(out, facts);
    html_markup(out, "<h2>Recall and candidates</h2>\n");
    write_points(out, facts, curve);
    html_markup(out, "</main>\n<footer id=\"foot\">\n<h2>How this page was made</h2>\n");
    if (foot && foot[0]) {
        html_markup(out, "<pre>");
        html_text(out, foot);
        html_markup(out, "</pre>\n");
    }
    html_markup(out, "<p>Nothing on this page is loaded from elsewhere.</p>\n</footer>\n"
                     "</body>\n</html>\n");
}

bovw_status bovw_lsh_page_write(const char *path, const bovw_lsh_facts *facts,
                                const bovw_lsh_curve *curve, const char *foot,
                                bovw_error *err)
{
    new_file file = {0};
    bovw_status status = new_file_open(path, &file, err);
    if (status != BOVW_OK)
        return status;
    html_out out = {&file, BOVW_OK, err};
    write_all(&out, facts, curve, foot);
    if (out.status == BOVW_OK)
        return new_file_commit(&file, err);
    new_file_abort(&file);
    return out.status;
}
