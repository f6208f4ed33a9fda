/* rerank.h - verify the geometry of a ranking's first images and reorder. */
#ifndef SEARCH_RERANK_H
#define SEARCH_RERANK_H

#include "bovw/search.h"

/* The scratch for one query at a time; index must outlive it. */
typedef struct reranker reranker;

bovw_status reranker_new(const bovw_index *index, const bovw_search_options *opts,
                         const bovw_compute *compute, reranker **out, bovw_error *err);
void reranker_free(reranker *r);

/* Verify the first opts->verify hits, in parallel over images. words (query->n,)
 * are those of the query's features. Scores grow by the effective inliers. */
bovw_status reranker_run(reranker *r, const bovw_features *query, const uint32_t *words,
                         bovw_ranking *ranking, bovw_error *err);

#endif
