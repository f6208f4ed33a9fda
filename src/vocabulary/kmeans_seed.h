/* kmeans_seed.h - first centroids by k-means++ on a sample of the points. */
#ifndef VOCABULARY_KMEANS_SEED_H
#define VOCABULARY_KMEANS_SEED_H

#include "vocabulary/kmeans.h"
#include "vocabulary/kmeans_state.h"
#include "vocabulary/nearest.h"

/*
 * Arthur and Vassilvitskii 2007, algorithm 1a to 1d: each next centroid is a
 * point drawn with probability in proportion to its squared distance from those
 * before. Where every point is a centroid already, any point is drawn again.
 * Of p->n points it sees max(2 k, min(8 k, 2^32 / k)), from plan->lazy_from
 * words on max(2 k, min(8 k, 2^38 / k)), or all.
 *
 *   s       centroids [s->n_seeded, k) are drawn, with s->seed; now and then it
 *           is saved. On failure it has what is done.
 *   values  (n_values,) what was saved with s, or NULL at the start.
 *
 * BOVW_ERR_NOMEM, BOVW_ERR_CANCELLED, BOVW_ERR_IO; BOVW_ERR_CORRUPT for values
 * that are none. The same for any kernel and n_threads. Memory: 132 bytes for
 * each point that it sees.
 */
bovw_status kmeans_seed(const point_set *p, const kmeans_plan *plan,
                        const nearest_kernel *kernel, int n_threads,
                        const bovw_monitor *monitor, const uint32_t *values,
                        size_t n_values, kmeans_state *s, bovw_error *err);

#endif
