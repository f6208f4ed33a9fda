/* kmeans.h - bovw_kmeans() on descriptors in memory or in a file, with a file
 * that keeps how far it came. */
#ifndef VOCABULARY_KMEANS_H
#define VOCABULARY_KMEANS_H

#include "bovw/vocabulary.h"
#include "vocabulary/points.h"

enum {
    /* Memory besides the points: bytes for each of them, and for each word. */
    KMEANS_POINT_BYTES = 12,
    KMEANS_WORD_BYTES = 1820
};

/* How a clustering is done. What is in it besides the path decides the result:
 * only tests change it. */
typedef struct kmeans_plan {
    const char *path;      /* of the file of kmeans_state.h, or NULL: no such file */
    uint32_t lazy_from;    /* words from which seeds are drawn lazily */
    uint64_t seeding_work; /* distances between two times that seeds are saved */
    uint32_t grouped_from; /* words from which points meet the words of the groups */
    uint32_t n_probes;     /* that are nearest to them, and that of their own word */
} kmeans_plan;

void kmeans_plan_default(kmeans_plan *plan);

/*
 * What bovw_kmeans() says. Where the file is there it continues, to the same
 * result as without a stop; it stays when all is done, until the caller removes
 * it, and a call that finds it then ends at once.
 *
 * BOVW_ERR_MISMATCH where the file was begun with another k, seed or points;
 * another number of iterations is fine. Also what writing and reading it ends
 * with. p->map is read once through in each iteration.
 */
bovw_status kmeans_run(const point_set *p, const bovw_kmeans_options *opts,
                       const kmeans_plan *plan, const bovw_compute *compute,
                       const bovw_monitor *monitor, uint8_t *centroids,
                       bovw_kmeans_result *result, bovw_error *err);

#endif
