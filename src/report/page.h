/* page.h - what a page holds until it is written, and the parts that write it.
 *
 * Everything is in a few growing arrays that point into each other by number,
 * so that a page of thousands of queries is a handful of allocations.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "bovw/report.h"
#include "report/curve.h"
#include "report/html.h"
#include "report/pictures.h"

enum {
    PAGE_MAX_SETS = 64 /* with curves of their own */
};

typedef struct page_result {
    size_t name; /* in texts */
    uint32_t picture;
    uint32_t width, height; /* of the original; 0: not known */
    bovw_hit hit;
    bovw_judgement judgement;
    size_t first_match; /* in matches */
    uint32_t n_matches; /* kept */
} page_result;

typedef struct page_ranking {
    size_t first_result; /* in results */
    uint32_t n_results;
    bovw_timings seconds;
    /* Where the page is judged. */
    size_t first_rank; /* in ranks */
    uint32_t n_found;
    double values[BOVW_MAX_MEASURES];
} page_ranking;

typedef struct page_query {
    size_t name, set; /* in texts; set "" where there is none */
    uint32_t picture;
    uint32_t width, height;
    float region[4];
    bool has_region;
    uint32_t n_features, n_relevant;
    size_t first_ranking; /* in rankings; one for each run */
} page_query;

/* Queries that are reported together. */
typedef struct page_set {
    size_t name; /* in texts */
    uint64_t n;
    double precision[BOVW_PAGE_MAX_RUNS][CURVE_LEVELS]; /* sums over the queries */
} page_set;

struct bovw_page {
    new_file file;
    bovw_page_options options; /* texts owned */
    char *runs[BOVW_PAGE_MAX_RUNS];
    bovw_summary *summaries[BOVW_PAGE_MAX_RUNS]; /* where the page is judged */
    page_set all;
    page_set *sets; /* (n_sets,) in order of first appearance */
    size_t n_sets, sets_capacity;
    bool has_more_sets; /* than have curves */

    page_query *queries; /* (n_shown,) of n_queries */
    size_t n_shown, queries_capacity;
    page_ranking *rankings;
    size_t n_rankings, rankings_capacity;
    page_result *results;
    size_t n_results, results_capacity;
    bovw_page_match *matches;
    size_t n_matches, matches_capacity;
    uint32_t *ranks; /* of relevant images */
    size_t n_ranks, ranks_capacity;
    char *texts; /* each ends with a zero */
    size_t n_texts, texts_capacity;
    picture_set pictures;

    uint64_t n_queries;
    bovw_timings seconds; /* sums over the queries, of the first run */
    bovw_status status;   /* of the first failure */
};

static inline const char *page_text(const bovw_page *page, size_t text)
{
    return page->texts + text;
}

static inline const page_ranking *page_ranking_of(const bovw_page *page,
                                                  const page_query *query, uint32_t run)
{
    return &page->rankings[query->first_ranking + run];
}

/* ---- the parts ------------------------------------------------------------ */

/* From the document's type to its style, in an open <head>: every page of ours. */
void page_write_head(html_out *out, const char *title);
/* Small things that several parts write. */
void page_write_count(html_out *out, uint64_t n, const char *one, const char *many);
/* The file's name, and its folder; where they are shortened the title has all. */
void page_write_name(html_out *out, const char *name);
/* "extracted in 211 ms, searched in 0.4 ms"; false where nothing was timed. */
bool page_write_timings(html_out *out, const char *before, const bovw_timings *seconds,
                        double parts, const char *after);
void page_write_duration(html_out *out, double seconds);

/* Measures per set and run, and the curves of all queries (page_overview.c). */
void page_write_overview(html_out *out, const bovw_page *page);
/* The table of queries (page_queries.c). */
void page_write_queries(html_out *out, const bovw_page *page);
/* What unfolds under a query: its picture, and its results (page_results.c). */
void page_write_results(html_out *out, const bovw_page *page, const page_query *query);

#endif
