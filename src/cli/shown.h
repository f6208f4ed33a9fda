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

/* The lines at the foot of a page: command, index, vocabulary, options and
 * version. The caller's; NULL without memory. */
char *shown_foot(const char *command_line, const char *path, const bovw_index *index);

#endif
