/* searcher.h - the part of a searcher that comes after the words. */
#ifndef SEARCH_SEARCHER_H
#define SEARCH_SEARCHER_H

#include "search/query_words.h"

/* As bovw_searcher_run_together(), for n query images whose words are known: as many of
 * each feature as the options use, with signatures where they are used. */
bovw_status searcher_run_words(bovw_searcher *s, const query_words *queries, size_t n,
                               bovw_ranking *ranking, bovw_error *err);

#endif
