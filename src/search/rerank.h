/* rerank.h - verify the geometry of a ranking's first images and reorder. */
#ifndef SEARCH_RERANK_H
#define SEARCH_RERANK_H

#include "search/query_words.h"

/* The scratch for one query at a time; index must outlive it. */
typedef struct reranker reranker;

bovw_status reranker_new(const bovw_index *index, const bovw_search_options *opts,
                         const bovw_compute *compute, reranker **out, bovw_error *err);
void reranker_free(reranker *r);

/* How many words of a query's features it uses, and whether signatures. */
uint32_t reranker_n_assigned(const reranker *r);
bool reranker_is_signed(const reranker *r);

/* Forget what is known of the images: the next ranking is of another query. */
void reranker_begin(reranker *r);

/*
 * Verify the first opts->verify hits, in parallel over images, with each query
 * image of one object; the one that agrees best counts. Nothing is verified twice,
 * and what was verified for an earlier ranking of the query counts wherever it is.
 * queries (n_queries,) have at least as many words as said above. Scores grow by
 * the effective inliers.
 */
bovw_status reranker_run(reranker *r, const query_words *queries, uint32_t n_queries,
                         bovw_ranking *ranking, bovw_error *err);

#endif
