/* prepared.h - vectors of files as a measure compares them: as they are, or mapped by
 * what was learned of the database, and of length 1 where the measure is one of angles.
 */
#ifndef VECTORS_PREPARED_H
#define VECTORS_PREPARED_H

#include "base/topk.h"
#include "vectors/products.h"
#include "vectors/projection.h"
#include "vectors/vectors.h"

typedef struct prepared {
    const bovw_rank_options *opts; /* borrowed */
    int n_threads;
    bovw_projection map; /* of all zeros: none */
    size_t read_stride;  /* floats of a vector in a file, filled up with zeros */
    size_t stride;       /* of one that is compared: the same, or mapped */
    float *raw;          /* (n_threads, PROJECTION_BATCH, read_stride) to map */
    double *work;        /* (n_threads, projection_work()) */
    product_function *compare;
} prepared;

/* Learn what the measure needs of the database. Fails as bovw_vectors_rank() does;
 * what is in *p then is freed as usual. */
bovw_status prepared_learn(const bovw_vectors *db, const bovw_rank_options *opts,
                           const bovw_compute *compute, const bovw_monitor *monitor,
                           prepared *p, bovw_error *err);
void prepared_free(prepared *p); /* a zeroed one is fine */

/* Vectors [first, first + n) into `to` (n, stride), in parallel; of several bad ones
 * the first is told. Not from two threads at once. */
bovw_status prepared_read(const prepared *p, const bovw_vectors *from, uint32_t first,
                          uint32_t n, float *to, bovw_error *err);

/* What the result of p->compare() means: higher is nearer. */
float prepared_score(const prepared *p, float product);

/* Queries that are compared with rows together, and the best of each so far. */
typedef struct four {
    const float *queries; /* (PRODUCT_QUERIES, stride); those beyond n are zeros */
    uint32_t n;
    uint32_t top;    /* of each */
    scored *heaps;   /* (n, top) */
    size_t *n_found; /* (n,) */
} four;

/* Rows that four queries pass over while they are in cache: at most this many of
 * `most`. */
uint32_t prepared_tile(const prepared *p, uint32_t most);

/* Offer rows (n, stride), whose numbers begin at `first`, to the heaps; products is
 * (tile, PRODUCT_QUERIES). */
void prepared_offer(const prepared *p, const four *f, const float *rows, uint32_t first,
                    uint32_t n, uint32_t tile, float *products);

#endif
