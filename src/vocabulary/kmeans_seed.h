/* kmeans_seed.h - first centroids by k-means++ on a sample of the points. */
#ifndef VOCABULARY_KMEANS_SEED_H
#define VOCABULARY_KMEANS_SEED_H

#include "bovw/vocabulary.h"
#include "vocabulary/nearest.h"

/*
 * Arthur and Vassilvitskii 2007, algorithm 1a to 1d, on max(2 k, min(8 k,
 * 2^32 / k)) points or all: each next centroid is a point drawn with
 * probability in proportion to its squared distance from those before.
 * Where every point is a centroid already, any point is drawn again.
 *
 *   points     (n, 128), n >= opts->k > 0.
 *   centroids  (k, 128), the caller's; undefined on failure.
 *
 * BOVW_ERR_NOMEM, BOVW_ERR_CANCELLED. The same for any kernel and n_threads.
 */
bovw_status kmeans_seed(const uint8_t *points, size_t n, const bovw_kmeans_options *opts,
                        const nearest_kernel *kernel, int n_threads,
                        const bovw_monitor *monitor, uint8_t *centroids, bovw_error *err);

#endif
