/* shown.h - rankings as pages show them. */
#ifndef CLI_SHOWN_H
#define CLI_SHOWN_H

#include "bovw/report.h"

/* The first results of a ranking, with their verified matches. */
typedef struct shown {
    bovw_page_result *results; /* (n,) */
    size_t n;
    uint32_t *counts;         /* of the matches of each */
    bovw_page_match *matches; /* of all */
} shown;

/* query and opts as the ranking was made with; at most n of its hits. The index
 * must outlive what is filled. Free it also on failure. */
bovw_status shown_make(const bovw_index *index, const bovw_features *query,
                       const bovw_search_options *opts, const bovw_ranking *ranking,
                       size_t n, const bovw_compute *compute, shown *made, bovw_error *err);
void shown_free(shown *made); /* zeroes it */

enum {
    SHOWN_RANKS = 10, /* of a query that is judged */
    SHOWN_MOST = 20   /* results, with ignored ones between them */
};

/* How many results have the first SHOWN_RANKS ranks; at most SHOWN_MOST. */
size_t shown_count(const bovw_judgement *judgements, size_t n);

/* Put a query of a truth on a page, with its rankings, one for each run.
 * features: of the query, or NULL where they are not at hand. */
bovw_status shown_add_judged(bovw_page *page, const bovw_truth *truth, uint32_t query,
                             const bovw_features *features,
                             const bovw_page_ranking *rankings, bovw_error *err);

/* The lines at the foot of a page: command, index, vocabulary, options and
 * version. The caller's; NULL without memory. */
char *shown_foot(const char *command_line, const char *path, const bovw_index *index,
                 const bovw_search_options *search);

#endif
