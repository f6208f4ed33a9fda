/* tentative.h - tentative matches of a query with the images that are to be
 * verified: features of the same word whose signatures are near. */
#ifndef SEARCH_TENTATIVE_H
#define SEARCH_TENTATIVE_H

#include "search/query_words.h"

typedef struct tentative tentative;

/* options: match_threshold. The index must have HE signatures. Memory: a byte a word of
 * the vocabulary, 100 a feature that is verified and has a word of the query, 28 a
 * match. */
bovw_status tentative_new(const bovw_index *index, const bovw_search_options *options,
                          const bovw_compute *compute, tentative **made, bovw_error *err);
void tentative_free(tentative *t);

/* Find the matches of a query, by all of its words, with the n first hits. */
bovw_status tentative_find(tentative *t, const query_words *query, const bovw_hit *hits,
                           uint32_t n, bovw_error *err);

/*
 * The matches with hit `rank`, those with the nearest signatures first.
 *
 *   words    (n_words,) of the image's features, ascending; a match names them
 *            by their place in it
 *   matches  the caller's: free()
 *
 * May be called by several threads. BOVW_ERR_CORRUPT where the words do not fit
 * the postings.
 */
bovw_status tentative_get(const tentative *t, uint32_t rank, const uint32_t *words,
                          uint32_t n_words, bovw_match **matches, size_t *n,
                          bovw_error *err);

#endif
