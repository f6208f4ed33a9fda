/* expansion.h - a query joined with the images that it found.
 *
 * Chum, Philbin, Sivic, Isard and Zisserman, "Total recall: automatic query
 * expansion with a generative feature model for object retrieval", ICCV 2007:
 * the mean of the vectors. Tolias and Jegou, "Visual query expansion with or
 * without geometry", Pattern Recognition 2014: the same with signatures. */
#ifndef SEARCH_EXPANSION_H
#define SEARCH_EXPANSION_H

#include "search/scoring.h"

/*
 * Add the first s->options->expand verified images of a ranking to a query's
 * terms. Of an image those features count that lie where the query image, or its
 * region, is seen in it.
 *
 *   f         scratch; zero before the first use, image_features_free() after the last
 *   queries   (n_queries,) query images, which are sources 0, 1, ... of `query`
 *   n_images  how many images were added; where 0 the terms are as before
 *
 * BOVW_ERR_CORRUPT where the index is damaged, BOVW_ERR_NOMEM.
 */
bovw_status expansion_add(image_features *f, scoring *s, const query_words *queries,
                          uint32_t n_queries, const bovw_ranking *ranking, terms *query,
                          uint32_t *n_images, bovw_error *err);

#endif
