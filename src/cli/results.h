/* results.h - rankings as text: table, tsv, json, trec. */
#ifndef CLI_RESULTS_H
#define CLI_RESULTS_H

#include "bovw/search.h"

typedef struct ranked_query {
    const char *name;    /* of several images, the first one's */
    uint32_t n_images;   /* of one object, that are one query; else 1 */
    uint32_t n_features; /* of all of them */
    bovw_ranking ranking;
} ranked_query;

typedef struct results results;

/* Name of format i and one line on it, NULL past the end; the first one is
 * the default. */
const char *results_format(size_t i, const char **summary);

/* format is one of those names; path "-" is standard output, a file appears
 * under its name at close. Index and options, which json and trec record, must
 * outlive the results. */
bovw_status results_open(const char *format, const char *path, const bovw_index *index,
                         const bovw_search_options *search, results **made,
                         bovw_error *err);
bovw_status results_add(results *r, const ranked_query *query, bovw_error *err);
/* Commit and free, also on failure. */
bovw_status results_close(results *r, bovw_error *err);
/* Give up: no file appears. NULL allowed. */
void results_abort(results *r);

#endif
