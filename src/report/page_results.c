/* SPDX-License-Identifier: MIT
 *
 * What unfolds under a query: its picture and facts, and its results as
 * pictures with marks; under each result its verified matches. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/chart.h"
#include "report/outline.h"
#include "report/page.h"

enum {
    PAIR_HEIGHT = 400, /* units of a pair's drawing; a whole one is fine enough */
    PAIR_GAP = 8,
    N_TINTS = 4,           /* colours of lines, by height in the query */
    MAX_LINES = 400000,    /* of matches on a page, as long as that leaves ... */
    MIN_LINES = 20,        /* ... so many a result */
    MAX_RANKS = 40,        /* written of relevant images further down */
    MAX_CURVE_POINTS = 400 /* a finer curve of one query would not be seen */
};

/* ---- pictures ------------------------------------------------------------------ */

static const page_picture *picture_of(const bovw_page *page, uint32_t number)
{
    return number == PICTURE_NONE ? NULL : &page->pictures.pictures[number];
}

static bool is_shown(const page_picture *picture)
{
    return picture && !picture->reason;
}

static void write_missing(html_out *out, const page_picture *picture)
{
    html_markup(out, "<div class=\"pic missing\">no picture");
    if (picture) {
        html_markup(out, ": ");
        html_text(out, picture->reason);
    }
    html_markup(out, "</div>");
}

/* A result's frames are alike; the query's has the picture's shape. */
static void write_picture(html_out *out, const page_picture *picture)
{
    if (is_shown(picture))
        html_format(out, "<div class=\"pic p%u\"></div>", picture->shown_as);
    else
        write_missing(out, picture);
}

static void write_asked_picture(html_out *out, const bovw_page *page,
                                const page_query *query)
{
    const page_picture *picture = picture_of(page, query->picture);
    const float *r = query->region;

    if (!is_shown(picture)) {
        write_missing(out, picture);
        return;
    }
    html_format(out, "<div class=\"pic p%u\" style=\"aspect-ratio:%u/%u\">",
                picture->shown_as, picture->width, picture->height);
    if (query->has_region && query->width > 0 && query->height > 0) {
        html_format(out,
                    "<svg viewBox=\"-0.5 -0.5 %u %u\" "
                    "aria-hidden=\"true\"><path class=\"region\" d=\"M",
                    query->width, query->height);
        const int corners[5][2] = {{0, 1}, {2, 1}, {2, 3}, {0, 3}, {0, 1}};
        for (int i = 0; i < 5; i++) {
            html_markup(out, i ? "L" : "");
            html_number(out, (double)r[corners[i][0]], 1);
            html_markup(out, " ");
            html_number(out, (double)r[corners[i][1]], 1);
        }
        html_markup(out, "\"/></svg>");
    }
    html_markup(out, "</div>\n");
}

/* ---- verified matches ------------------------------------------------------------ */

/* One picture of a pair: where it stands and how originals are scaled to it. */
typedef struct pair_side {
    const page_picture *picture;
    double left, width; /* units of the drawing; the height is PAIR_HEIGHT */
    double x_scale, y_scale;
} pair_side;

static pair_side side_at(const page_picture *picture, double left, uint32_t full_width,
                         uint32_t full_height)
{
    const double width = round((double)PAIR_HEIGHT * picture->width / picture->height);
    return (pair_side){.picture = picture,
                       .left = left,
                       .width = width,
                       .x_scale = width / full_width,
                       .y_scale = (double)PAIR_HEIGHT / full_height};
}

static draw_point to_drawing(const pair_side *side, double x, double y)
{
    return (draw_point){side->left + (x + 0.5) * side->x_scale, (y + 0.5) * side->y_scale};
}

static void write_segment(html_out *out, draw_point from, draw_point to)
{
    html_format(out, "M%.0f %.0fL%.0f %.0f", from.x, from.y, to.x, to.y);
}

/* The border of the query's picture, as the motion lays it into the result. */
static void write_outline(html_out *out, const page_query *query, const pair_side *b,
                          const float transform[9])
{
    const draw_point corner = {b->left, 0}, opposite = {b->left + b->width, PAIR_HEIGHT};
    draw_point ends[2];

    html_markup(out, "<path class=\"border\" d=\"");
    for (int i = 0; i < 4; i++) {
        if (!outline_side(transform, query->width, query->height, i, ends))
            continue;
        for (int end = 0; end < 2; end++)
            ends[end] = to_drawing(b, ends[end].x, ends[end].y);
        if (draw_clip(corner, opposite, &ends[0], &ends[1]))
            write_segment(out, ends[0], ends[1]);
    }
    html_markup(out, "\"/>");
}

static uint32_t tint_of(const bovw_page_match *match, uint32_t height)
{
    const double part = (double)match->ay / height * N_TINTS;
    return part < 1 ? 0 : part < N_TINTS ? (uint32_t)part : N_TINTS - 1;
}

static bool is_drawable(const bovw_page_match *m)
{
    const float limit = 1e6f; /* false for NaN too */
    return fabsf(m->ax) < limit && fabsf(m->ay) < limit && fabsf(m->bx) < limit &&
           fabsf(m->by) < limit;
}

/* How many lines a result has at most: fewer where there are many results. */
static uint32_t lines_per_result(const bovw_page *page)
{
    const size_t share = MAX_LINES / (page->n_results + 1);
    return share < MIN_LINES               ? MIN_LINES
           : share > BOVW_PAGE_MAX_MATCHES ? BOVW_PAGE_MAX_MATCHES
                                           : (uint32_t)share;
}

static uint32_t count_lines(const bovw_page *page, const page_result *result)
{
    const uint32_t most = lines_per_result(page);
    return result->n_matches < most ? result->n_matches : most;
}

/* The lines of one tint are one path: a page may have a million of them. */
static void write_lines(html_out *out, const bovw_page *page, const page_query *query,
                        const page_result *result, const pair_side *a, const pair_side *b)
{
    const bovw_page_match *matches = page->matches + result->first_match;
    const uint32_t n = count_lines(page, result);

    for (uint32_t tint = 0; tint < N_TINTS; tint++) {
        bool is_first = true;
        for (uint32_t i = 0; i < n; i++) {
            const bovw_page_match *m = &matches[(uint64_t)i * result->n_matches / n];
            if (!is_drawable(m) || tint_of(m, query->height) != tint)
                continue;
            if (is_first)
                html_format(out, "<path class=\"t%u\" d=\"", tint);
            is_first = false;
            write_segment(out, to_drawing(a, (double)m->ax, (double)m->ay),
                          to_drawing(b, (double)m->bx, (double)m->by));
        }
        if (!is_first)
            html_markup(out, "\"/>");
    }
}

static void write_half(html_out *out, const pair_side *side, double whole)
{
    html_format(out, "<div class=\"p%u\" style=\"width:", side->picture->shown_as);
    html_number(out, 100 * side->width / whole, 2);
    html_markup(out, "%\"></div>");
}

static void write_pair(html_out *out, const bovw_page *page, const page_query *query,
                       const page_result *result)
{
    const pair_side a =
        side_at(picture_of(page, query->picture), 0, query->width, query->height);
    const pair_side b = side_at(picture_of(page, result->picture), a.width + PAIR_GAP,
                                result->width, result->height);
    const double whole = b.left + b.width;

    html_format(out, "<div class=\"pair\" style=\"aspect-ratio:%.0f/%d\">", whole,
                PAIR_HEIGHT);
    write_half(out, &a, whole);
    write_half(out, &b, whole);
    html_format(out, "<svg viewBox=\"0 0 %.0f %d\" aria-hidden=\"true\">", whole,
                PAIR_HEIGHT);
    write_outline(out, query, &b, result->hit.geometry.transform);
    write_lines(out, page, query, result, &a, &b);
    html_markup(out, "</svg></div>\n");
}

/* Ignored results are mostly the query itself. */
static bool can_be_drawn(const bovw_page *page, const page_query *query,
                         const page_result *result)
{
    return result->n_matches > 0 && result->judgement != BOVW_IGNORED &&
           is_shown(picture_of(page, query->picture)) &&
           is_shown(picture_of(page, result->picture)) && query->width > 0 &&
           query->height > 0 && result->width > 0 && result->height > 0;
}

static void write_geometry(html_out *out, const bovw_page *page, const page_query *query,
                           const page_result *result)
{
    const bovw_geometry *geometry = &result->hit.geometry;
    const bool is_drawn = can_be_drawn(page, query, result);

    if (geometry->model == BOVW_MODEL_NONE)
        return;
    html_markup(out, is_drawn ? "<details class=\"geo\"><summary>" : "<p class=\"geo\">");
    page_write_count(out, geometry->n_inliers, "inlier", "inliers");
    if (result->hit.is_verified)
        html_markup(out, ", verified");
    html_markup(out, is_drawn ? "</summary>\n" : "</p>\n");
    if (!is_drawn)
        return;
    write_pair(out, page, query, result);
    html_format(out, "<p>%s", bovw_model_name(geometry->model));
    if (count_lines(page, result) < geometry->n_inliers)
        html_format(out, ", %u of the matches drawn", count_lines(page, result));
    html_markup(out, "</p></details>\n");
}

/* ---- results ----------------------------------------------------------------------- */

static const struct {
    const char *class, *text;
} marks[] = {[BOVW_WRONG] = {"bad", "\xe2\x9c\x97 wrong"},
             [BOVW_RELEVANT] = {"good", "\xe2\x9c\x93 correct"},
             [BOVW_IGNORED] = {"skip-it", "\xe2\x80\x93 ignored"}};

static void write_score(html_out *out, double score)
{
    html_markup(out, "<span class=\"score\">");
    html_number(out, score, 4);
    html_markup(out, "</span>");
}

/* rank 0: takes none. */
static void write_result(html_out *out, const bovw_page *page, const page_query *query,
                         const page_result *result, uint32_t rank)
{
    const bool is_judged = page->options.truth != NULL;

    html_format(out, "<li%s%s%s>", is_judged ? " class=\"" : "",
                is_judged ? marks[result->judgement].class : "", is_judged ? "\"" : "");
    write_picture(out, picture_of(page, result->picture));
    html_markup(out, "<div class=\"line\">");
    if (rank > 0)
        html_format(out, "<b class=\"rank\">%u</b> ", rank);
    if (is_judged)
        html_format(out, "<span class=\"mark\">%s</span> ", marks[result->judgement].text);
    write_score(out, (double)result->hit.score);
    html_markup(out, "</div>");
    page_write_name(out, page_text(page, result->name));
    write_geometry(out, page, query, result);
    html_markup(out, "</li>\n");
}

static void write_ranking(html_out *out, const bovw_page *page, const page_query *query,
                          uint32_t run)
{
    const page_ranking *ranking = page_ranking_of(page, query, run);
    uint32_t rank = 0;

    if (page->options.n_runs > 1) {
        html_markup(out, "<h3>");
        chart_sample(out, run);
        html_markup(out, "<bdi>");
        html_text(out, page->runs[run]);
        html_markup(out, "</bdi>");
        if (page->options.truth) {
            html_markup(out, " <span class=\"quiet\">AP ");
            html_number(out, 100 * ranking->values[0], 2);
            html_markup(out, " %</span>");
        }
        html_markup(out, "</h3>\n");
    }
    if (ranking->n_results == 0) {
        html_markup(out, "<p class=\"none\">No results.</p>\n");
        return;
    }
    html_markup(out, "<ol class=\"results\" role=\"list\">\n");
    for (uint32_t i = 0; i < ranking->n_results; i++) {
        const page_result *result = &page->results[ranking->first_result + i];
        const bool has_rank = !page->options.truth || result->judgement != BOVW_IGNORED;
        rank += has_rank;
        write_result(out, page, query, result, has_rank ? rank : 0);
    }
    html_markup(out, "</ol>\n");
}

/* ---- facts ------------------------------------------------------------------------- */

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

/* Ranks of relevant images that are not among the results shown. */
static void write_further(html_out *out, const bovw_page *page, const page_query *query,
                          uint32_t run)
{
    const page_ranking *ranking = page_ranking_of(page, query, run);
    const uint32_t *ranks = page->ranks + ranking->first_rank;
    uint32_t n_ranked = 0, first = 0;

    for (uint32_t i = 0; i < ranking->n_results; i++)
        n_ranked += page->results[ranking->first_result + i].judgement != BOVW_IGNORED;
    while (first < ranking->n_found && ranks[first] <= n_ranked)
        first++;
    html_markup(out, "<li>");
    if (page->options.n_runs > 1) {
        html_text(out, page->runs[run]);
        html_markup(out, ": ");
    }
    html_format(out, "%u of %u relevant shown", first, query->n_relevant);
    for (uint32_t i = first; i < ranking->n_found && i < first + MAX_RANKS; i++)
        html_format(out, "%s%u", i == first ? ", others at rank " : ", ", ranks[i]);
    if (ranking->n_found > first + MAX_RANKS)
        html_format(out, " and %u more", ranking->n_found - first - MAX_RANKS);
    if (ranking->n_found < query->n_relevant)
        html_format(out, ", %u not ranked", query->n_relevant - ranking->n_found);
    html_markup(out, "</li>\n");
}

/* Every so many points of a long curve, and its last. */
static size_t thin(const curve_point *points, size_t n, chart_point *kept)
{
    const size_t step = n / MAX_CURVE_POINTS + 1;
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i += step)
        kept[n_kept++] = (chart_point){points[i].recall, points[i].precision};
    if ((n - 1) % step != 0)
        kept[n_kept++] = (chart_point){points[n - 1].recall, points[n - 1].precision};
    return n_kept;
}

static void draw_curve(html_out *out, const bovw_page *page, const page_query *query,
                       uint32_t run, const chart *c)
{
    const page_ranking *ranking = page_ranking_of(page, query, run);
    const uint32_t *ranks = page->ranks + ranking->first_rank;
    curve_point *points = mem_array(2 * (size_t)ranking->n_found + 1, sizeof *points);
    chart_point kept[MAX_CURVE_POINTS + 1];

    if (points) {
        const size_t n = curve_points(ranks, ranking->n_found, query->n_relevant, points);
        chart_line(c, run, kept, thin(points, n, kept));
    } else if (out->status == BOVW_OK) {
        out->status = fail_memory(out->err, "curve");
    }
    free(points);
}

static void draw_curves(html_out *out, const bovw_page *page, const page_query *query)
{
    const chart c = {out, "recall", "precision", 0, 1, true, false};

    html_markup(out, "<div class=\"pr\">");
    chart_begin(&c, "Precision over recall of this query");
    for (uint32_t run = page->options.n_runs; run-- > 0;)
        draw_curve(out, page, query, run, &c);
    chart_end(&c);
    html_markup(out, "<span class=\"quiet\">precision over recall</span></div>\n");
}

static void write_facts(html_out *out, const bovw_page *page, const page_query *query)
{
    html_markup(out, "<ul class=\"facts\">\n");
    if (query->n_features > 0) {
        html_markup(out, "<li>");
        page_write_count(out, query->n_features, "feature", "features");
        html_markup(out, "</li>\n");
    }
    if (query->has_region)
        write_region(out, query->region);
    page_write_timings(out, "<li>", &page_ranking_of(page, query, 0)->seconds, 1,
                       "</li>\n");
    for (uint32_t run = 0; page->options.truth && run < page->options.n_runs; run++)
        write_further(out, page, query, run);
    html_markup(out, "</ul>\n");
}

void page_write_results(html_out *out, const bovw_page *page, const page_query *query)
{
    html_markup(out, "<div class=\"query\">\n<div class=\"asked\">\n");
    write_asked_picture(out, page, query);
    write_facts(out, page, query);
    if (page->options.truth)
        draw_curves(out, page, query);
    html_markup(out, "</div>\n<div class=\"found\">\n");
    for (uint32_t run = 0; run < page->options.n_runs; run++)
        write_ranking(out, page, query, run);
    html_markup(out, "</div>\n</div>\n");
}
