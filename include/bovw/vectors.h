/* vectors.h - global vectors, one of an image, and exact search among them.
 *
 * SPDX-License-Identifier: MIT
 *
 * The vectors come from any model, in files of other programs. What is found is
 * exact, and its bytes do not depend on threads or on the processor: each sum
 * has 16 parts, the terms whose index is 0, 1 ... 15 modulo 16 in ascending
 * order, and the parts are added in pairs. Only what is learned of the database
 * (mahalanobis, whiten) may differ in the last bits from one processor to another,
 * where LAPACK's factorisations do; it does not depend on threads either.
 */
#ifndef BOVW_VECTORS_H
#define BOVW_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bovw/monitor.h"
#include "bovw/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files ------------------------------------------------------------------ */

/* A mapped file of vectors: immutable, shared by threads. */
typedef struct bovw_vectors bovw_vectors;

/*
 * Open a numpy .npy file (two dimensions; float16, float32 or float64 of either
 * byte order, in C or Fortran order), told by its first bytes, or one whose name
 * ends in .fvecs or .bvecs (float32, bytes). BOVW_ERR_IO; BOVW_ERR_FORMAT,
 * _VERSION or _CORRUPT with the reason; BOVW_ERR_LIMIT beyond 2^32 - 2 vectors or
 * 2^20 dimensions.
 */
BOVW_API bovw_status bovw_vectors_open(const char *path, bovw_vectors **vectors,
                                       bovw_error *err);
BOVW_API void bovw_vectors_close(bovw_vectors *vectors); /* NULL allowed */
BOVW_API uint32_t bovw_vectors_count(const bovw_vectors *vectors);
BOVW_API uint32_t bovw_vectors_dim(const bovw_vectors *vectors);

/* Vectors [first, first + n), n > 0, as (n, dim) float32. BOVW_ERR_CORRUPT naming
 * the row where a value is not finite or its magnitude beyond 1e15. */
BOVW_API bovw_status bovw_vectors_read(const bovw_vectors *vectors, uint32_t first,
                                       uint32_t n, float *out, bovw_error *err);

/* Names of vectors. */
typedef struct bovw_names {
    const char **items; /* (n,) all different */
    uint32_t n;
    char *text; /* that they point into */
} bovw_names;

/* One name a line, the i-th of vector i; "-" is standard input. BOVW_ERR_IO;
 * BOVW_ERR_CORRUPT naming the line of an empty or repeated name; BOVW_ERR_MISMATCH
 * where there are not n of them. */
BOVW_API bovw_status bovw_names_read(const char *path, uint32_t n, bovw_names *names,
                                     bovw_error *err);
/* Free what the struct owns and zero it. */
BOVW_API void bovw_names_free(bovw_names *names);

/* ---- search ------------------------------------------------------------------- */

typedef enum bovw_metric {
    BOVW_METRIC_COSINE,      /* score: cosine; 0 with a vector of zeros */
    BOVW_METRIC_EUCLIDEAN,   /* score: distance, negated */
    BOVW_METRIC_MAHALANOBIS, /* the same, under the database's covariance */
    BOVW_METRIC_L1,          /* sum of absolute differences, negated */
    BOVW_METRIC_INTERSECTION /* sum of the lesser of two values: of histograms whose
                              * values sum to 1, what they have in common */
} bovw_metric;

/* Name of metric i, as options have it; NULL past the end. */
BOVW_API const char *bovw_metric_name(size_t i);

typedef struct bovw_rank_options {
    bovw_metric metric; /* cosine */
    uint32_t top;       /* vectors a query; 0: all; 0 */
    uint32_t whiten;    /* dimensions to whiten to first; 0: not; 0 */
} bovw_rank_options;

BOVW_API void bovw_rank_options_default(bovw_rank_options *opts);

typedef struct bovw_neighbour {
    uint32_t vector; /* of the database */
    float score;
} bovw_neighbour;

/* Called for each query in turn, from the calling thread. neighbours (n,) are
 * best first, of equal scores the lower vector; borrowed. Any status but BOVW_OK
 * ends the search with it. */
typedef bovw_status bovw_neighbour_consumer(void *context, uint32_t query,
                                            const bovw_neighbour *neighbours, uint32_t n,
                                            bovw_error *err);

/*
 * For every vector of `queries` the nearest of `db`. Both are read in blocks:
 * memory is at most about 400 MB, or 8 bytes a vector of the result of 4
 * queries where that is more.
 *
 *   compute  NULL allowed; the kernel "portable" avoids vector instructions.
 *
 * Mahalanobis: the covariance S of the database, divided by the number of its
 * vectors and shrunk towards a multiple of the identity by the share of Ledoit and
 * Wolf (Journal of Multivariate Analysis 88, 2004; at least 1e-6); with S = L L^T
 * (Cholesky) the distance is that of L^-1 x and L^-1 y, by forward substitution.
 *
 * whiten P: as the learner "whiten" of metric.h does, learned from the database. Its mean
 * is subtracted, the rest projected on the P eigenvectors of S (not shrunk) of largest
 * eigenvalue, each component divided by the root of its eigenvalue (at least 1e-10 of the
 * largest), and the result divided by its length. Not with mahalanobis: BOVW_ERR_ARG.
 *
 * Queries are mapped like the database; no labels are used. The database is read
 * twice more, and mapped again for every block of up to 1,024 queries; memory is
 * 8 dim^2 bytes more (24 dim^2 while eigenvectors are sought) and 320 dim a
 * thread. OpenBLAS has one thread meanwhile, in the whole process.
 * BOVW_ERR_LIMIT beyond 16,384 dimensions; BOVW_ERR_MISMATCH where P is beyond the
 * dimensions or the vectors less one, for fewer than 2 vectors, or if all are the
 * same. O(db * dim^2 + dim^3) to learn.
 *
 * BOVW_ERR_MISMATCH where the dimensions differ; what bovw_vectors_read() and
 * the consumer fail with; BOVW_ERR_CANCELLED; BOVW_ERR_NOMEM. O(queries * db *
 * dim).
 */
BOVW_API bovw_status bovw_vectors_rank(const bovw_vectors *db, const bovw_vectors *queries,
                                       const bovw_rank_options *opts,
                                       const bovw_compute *compute,
                                       const bovw_monitor *monitor,
                                       bovw_neighbour_consumer *consume, void *context,
                                       bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
