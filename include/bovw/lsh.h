/* lsh.h - approximate search among global vectors by locality-sensitive hashing.
 *
 * SPDX-License-Identifier: MIT
 *
 * L tables of K hashes each. Cosine: the side of a random hyperplane, h(x) = [r.x >= 0],
 * equal for two vectors with probability 1 - angle / pi (Charikar, "Similarity estimation
 * techniques from rounding algorithms", STOC 2002). Distances: h(x) = floor((a.x + b) /
 * W), a normal, b uniform in [0, W) (Datar, Immorlica, Indyk and Mirrokni, "Locality-
 * sensitive hashing scheme based on p-stable distributions", SoCG 2004). The projections
 * of a table are made orthogonal (Ji et al., "Super-bit locality-sensitive hashing", NIPS
 * 2012), which changes no single hash's law. In each table
 * the T buckets are looked into that are likeliest to hold neighbours, in the order of
 * Lv, Josephson, Wang, Charikar and Li, "Multi-probe LSH", VLDB 2007. All that is found
 * is then compared exactly: scores are those of bovw_vectors_rank(), bit for bit.
 *
 * K, L, T and W are chosen for a wanted recall, by a sample. Everything follows from the
 * seed, for any number of threads.
 */
#ifndef BOVW_LSH_H
#define BOVW_LSH_H

#include "bovw/lsi.h"
#include "bovw/vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BOVW_LSH_MAX_HASHES = 32,
    BOVW_LSH_MAX_TABLES = 64,
    BOVW_LSH_MAX_PROBES = 65536,
    BOVW_LSH_MAX_POINTS = 64 /* of a curve */
};

/* What finds the vectors of a bucket. */
typedef enum bovw_directory {
    BOVW_DIRECTORY_LSI,   /* learned index over the codes, unsorted in K or 32 bits each */
    BOVW_DIRECTORY_HASH,  /* hash table of the buckets, vectors grouped */
    BOVW_DIRECTORY_SORTED /* sorted copy of the codes, binary search */
} bovw_directory;

/* Name of directory i, as options have it; NULL past the end. */
BOVW_API const char *bovw_directory_name(size_t i);

typedef struct bovw_lsh_options {
    double recall;     /* wanted share of the nearest, (0, 1), that what is 0 below is
                        * chosen for; 0.9 */
    uint32_t n_hashes; /* K, to BOVW_LSH_MAX_HASHES; 0: chosen; 0 */
    uint32_t n_tables; /* L, to BOVW_LSH_MAX_TABLES; 0: chosen; 0 */
    uint32_t n_probes; /* T, to BOVW_LSH_MAX_PROBES, of a table; 0: chosen; 0 */
    double width;      /* W, in the measure's distance; 0: chosen; not for cosine; 0 */
    bovw_directory directory; /* learned index */
    bovw_lsi_options lsi;     /* of that: 8 places, 4 bits */
    uint64_t seed;            /* 1 */
} bovw_lsh_options;

BOVW_API void bovw_lsh_options_default(bovw_lsh_options *opts);

/* Vectors in memory with their tables: immutable, shared by threads. */
typedef struct bovw_lsh bovw_lsh;

/*
 * Read `db` into memory, choose what is not given, fill the tables.
 *
 *   queries  what will be asked, maybe db itself; up to 512 of them are the sample, or,
 *            where there are fewer than 64, of the database. Every second one serves for
 *            choosing, the others are held out for the curve. Borrowed: must outlive the
 *            result, as db and rank (measure, whitening, and the number of nearest that
 *            recall is of: 0 stands for 10, at most 1,000).
 *
 * Choosing: the sample's nearest are found exactly. For each K and W of a grid, every L
 * to 32 and T to 128, it is counted which of them, and which of up to 4,096 other
 * vectors, share a bucket with their query. Of those whose recall is the wanted one with
 * 99 % confidence (its mean less 2.326 standard errors) the one is taken that would take
 * the least time for all queries and for filling the tables; where none is, that of
 * the highest recall. For cosine the planes pass through the mean of the vectors, not
 * the origin, which evens the buckets out and is no part of the method's guarantee.
 *
 * Memory 4 dim bytes a vector, the tables (bovw_lsh_describe()), 32 bytes a vector and
 * thread while they are filled. O(db dim (sample + K L)).
 *
 * BOVW_ERR_ARG where an option is out of range, or for the measures l1 and
 * intersection; what bovw_vectors_rank() fails with.
 */
BOVW_API bovw_status bovw_lsh_new(const bovw_vectors *db, const bovw_vectors *queries,
                                  const bovw_rank_options *rank,
                                  const bovw_lsh_options *opts, const bovw_compute *compute,
                                  const bovw_monitor *monitor, bovw_lsh **lsh,
                                  bovw_error *err);
BOVW_API void bovw_lsh_free(bovw_lsh *lsh); /* NULL allowed */

/* What was chosen, and what it takes. */
typedef struct bovw_lsh_facts {
    bovw_lsh_options chosen;         /* nothing is 0 any more, but the width for cosine */
    uint32_t n_vectors, n_nearest;   /* recall is of so many */
    uint32_t n_sample;               /* queries that it was chosen by; 0: all was given */
    bool is_reached;                 /* with 99 % confidence */
    double recall;                   /* of the sample, expected */
    double n_candidates;             /* of a query, expected */
    size_t vector_bytes, hash_bytes; /* in memory: the vectors; the projections */
    size_t code_bytes;      /* of all tables: the codes that the learned index reads */
    size_t directory_bytes; /* of all tables: the rest */
    double seconds_choosing, seconds_filling;
} bovw_lsh_facts;

BOVW_API void bovw_lsh_describe(const bovw_lsh *lsh, bovw_lsh_facts *facts);

/* What a search took, summed over its queries. */
typedef struct bovw_lsh_work {
    uint64_t n_queries, n_candidates, n_buckets; /* buckets that were looked for */
    double seconds; /* hashing, buckets and comparing, on all threads together */
} bovw_lsh_work;

/*
 * As bovw_vectors_rank() with the options that the tables were made with, but among the
 * candidates alone: there may be fewer than `top`. work may be NULL.
 */
BOVW_API bovw_status bovw_lsh_rank(const bovw_lsh *lsh, const bovw_vectors *queries,
                                   const bovw_monitor *monitor,
                                   bovw_neighbour_consumer *consume, void *context,
                                   bovw_lsh_work *work, bovw_error *err);

typedef struct bovw_lsh_point {
    uint32_t n_tables, n_probes;
    double recall, n_candidates; /* means over the queries */
    double seconds;              /* of a query */
} bovw_lsh_point;

typedef struct bovw_lsh_curve {
    uint32_t n, n_queries; /* points; queries of the sample that was held out */
    double exact_seconds;  /* of a query of the sample, searched exactly, the same way */
    bovw_lsh_point chosen;
    bovw_lsh_point points[BOVW_LSH_MAX_POINTS]; /* by tables (a quarter, half, all), then
                                                 * probes: 1, 2, 4 ... */
} bovw_lsh_curve;

/* Recall of the queries held out over what is looked at. Searches them about 30 times
 * and once exactly. */
BOVW_API bovw_status bovw_lsh_curve_measure(const bovw_lsh *lsh,
                                            const bovw_monitor *monitor,
                                            bovw_lsh_curve *curve, bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
