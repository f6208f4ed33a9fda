/* compare.h - runs of several systems under one ground truth, and their fusion.
 *
 * SPDX-License-Identifier: MIT
 *
 * Smucker, Allan and Carterette, "A comparison of statistical significance
 * tests for information retrieval evaluation", CIKM 2007: the randomisation
 * test and the bootstrap. Cormack, Clarke and Buettcher, "Reciprocal rank
 * fusion outperforms Condorcet and individual rank learning methods", SIGIR
 * 2009.
 */
#ifndef BOVW_COMPARE_H
#define BOVW_COMPARE_H

#include "bovw/eval.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- runs ---------------------------------------------------------------- */

/* A run file in memory: immutable, shared by threads. */
typedef struct bovw_run bovw_run;

typedef struct bovw_run_entry {
    uint32_t image; /* in [0, n_images) */
    float score;
} bovw_run_entry;

/*
 * Read a TREC run file, "-" is standard input: lines `qid Q0 image rank score
 * tag`, names percent-decoded, in any order. A ranking is in descending order of
 * score, as trec_eval has it; of equal scores the lower rank is first, then the
 * earlier line.
 *
 * BOVW_ERR_IO; BOVW_ERR_CORRUPT naming file, line and reason: a line of another
 * form, a score that is not finite, an image twice for a query, or a score that
 * rises with the rank (distances, for example). BOVW_ERR_LIMIT beyond 2^32 - 1
 * lines. Memory 20 bytes a line, and the names once.
 */
BOVW_API bovw_status bovw_run_open(const char *path, bovw_run **run, bovw_error *err);
BOVW_API void bovw_run_close(bovw_run *run); /* NULL allowed */

/* Queries in order of first appearance. */
BOVW_API uint32_t bovw_run_n_queries(const bovw_run *run);
BOVW_API const char *bovw_run_query(const bovw_run *run, uint32_t query);

/* *entries is (n,), best first, borrowed; returns n. */
BOVW_API uint32_t bovw_run_ranking(const bovw_run *run, uint32_t query,
                                   const bovw_run_entry **entries);

/* All images of all rankings, each once. */
BOVW_API uint32_t bovw_run_n_images(const bovw_run *run);
BOVW_API const char *bovw_run_image(const bovw_run *run, uint32_t image);

/* What a run and a truth did not have in common. */
typedef struct bovw_run_coverage {
    uint32_t n_missing; /* queries of the truth without a ranking: all values 0 */
    uint32_t n_unknown; /* queries of the run that the truth does not have */
} bovw_run_coverage;

/*
 * All measures of each query of the truth. Its queries are looked for by their
 * name, else by that of their picture, its images by their names, as in
 * bovw_binding_new().
 *
 *   values    (n_queries of the truth, BOVW_MAX_MEASURES), caller's.
 *   coverage  NULL allowed.
 */
BOVW_API bovw_status bovw_run_evaluate(const bovw_run *run, const bovw_truth *truth,
                                       double *values, bovw_run_coverage *coverage,
                                       bovw_error *err);

/* ---- two systems on the same queries -------------------------------------- */

typedef struct bovw_paired_options {
    uint64_t seed;      /* 1 */
    uint32_t n_samples; /* of the test and of the interval; 10,000 */
    double confidence;  /* of the interval; 0.95 */
} bovw_paired_options;

BOVW_API void bovw_paired_options_default(bovw_paired_options *opts);

typedef struct bovw_paired {
    uint32_t n; /* queries */
    double mean_a, mean_b;
    double difference;     /* mean of b - a */
    double low, high;      /* bootstrap percentile interval of the difference */
    double p;              /* two-sided paired randomisation test: how often would
                            * systems that do not differ differ so much? */
    uint32_t wins, losses; /* queries on which b is better, worse */
    uint32_t ties;         /* by no more than 1e-9 */
} bovw_paired;

/*
 * Compare values a and b (n,) of the same queries. The test goes through all
 * 2^n changes of sign where that is no more than n_samples, else through
 * n_samples random ones, of which with the observed one p is never 0. n == 0
 * gives zeros and p 1. The same for any machine. BOVW_ERR_ARG unless n_samples is
 * in [1, 10^7] and confidence in (0, 1); BOVW_ERR_NOMEM. O(n n_samples).
 */
BOVW_API bovw_status bovw_compare_paired(const double *a, const double *b, uint32_t n,
                                         const bovw_paired_options *opts,
                                         bovw_paired *result, bovw_error *err);

/* ---- many runs under one truth ---------------------------------------------- */

/* Some queries of the truth. */
typedef struct bovw_comparison_part {
    const char *set;   /* "all" where it is of all sets */
    const char *group; /* "" where it is of all groups */
    uint32_t *queries; /* (n,) ascending; owned */
    uint32_t n;
} bovw_comparison_part;

typedef struct bovw_comparison {
    const bovw_truth *truth; /* borrowed */
    uint32_t n_runs, n_queries;
    double *values;              /* (n_runs, n_queries, BOVW_MAX_MEASURES); owned */
    bovw_run_coverage *coverage; /* (n_runs,); owned */
    bovw_comparison_part *sets;  /* (n_sets,) as rows of bovw_summary, without "all"
                                  * where sets share rankings; owned */
    uint32_t n_sets;
    bovw_comparison_part *groups; /* (n_groups,) sets and groups in order of first
                                   * appearance, none where the truth has none; owned */
    uint32_t n_groups;
} bovw_comparison;

/* runs (n,) are borrowed for the call, the truth as long as the comparison. */
BOVW_API bovw_status bovw_comparison_new(const bovw_truth *truth,
                                         const bovw_run *const *runs, uint32_t n,
                                         bovw_comparison **comparison, bovw_error *err);
BOVW_API void bovw_comparison_free(bovw_comparison *comparison); /* NULL allowed */

/* One query's measure under one run. */
BOVW_API double bovw_comparison_value(const bovw_comparison *c, uint32_t run,
                                      uint32_t query, size_t measure);

/* Means of a part's queries under one run. */
BOVW_API void bovw_comparison_means(const bovw_comparison *c,
                                    const bovw_comparison_part *part, uint32_t run,
                                    double means[BOVW_MAX_MEASURES]);

/* Run b against run a on a part's queries, by one measure. */
BOVW_API bovw_status bovw_comparison_paired(const bovw_comparison *c,
                                            const bovw_comparison_part *part, uint32_t a,
                                            uint32_t b, size_t measure,
                                            const bovw_paired_options *opts,
                                            bovw_paired *result, bovw_error *err);

/* order (n_queries,) gets all queries, those first on which runs a and b differ
 * most, of equal ones in the order of the truth. */
BOVW_API bovw_status bovw_comparison_order(const bovw_comparison *c, uint32_t a, uint32_t b,
                                           size_t measure, uint32_t *order,
                                           bovw_error *err);

/* ---- late fusion -------------------------------------------------------------- */

typedef enum bovw_fusion {
    BOVW_FUSION_RECIPROCAL_RANK, /* sum of weight / (k + rank), rank from 1 */
    BOVW_FUSION_SCORE_SUM        /* sum of weight * score, where the scores of a
                                  * ranking are mapped to [0, 1], to 1 where they
                                  * are all equal */
} bovw_fusion;

typedef struct bovw_fuse_options {
    bovw_fusion method;    /* reciprocal rank */
    double k;              /* 60 */
    const double *weights; /* (n,) of the runs; NULL: 1 each */
    uint32_t top;          /* results a query; 0: all; 0 */
} bovw_fuse_options;

BOVW_API void bovw_fuse_options_default(bovw_fuse_options *opts);

/*
 * Write the fusion of runs (n,), n > 0. Queries and images of different runs are
 * the same where their names are equal or the only one that ends with the other,
 * as paths. An image that a ranking lacks gets nothing from it. Of equal scores
 * the image that was ranked first by the first run is first.
 * BOVW_ERR_ARG for weights or k that are negative or not finite; what the writer
 * fails with; BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_fuse(const bovw_run *const *runs, size_t n,
                               const bovw_fuse_options *opts, bovw_run_writer *writer,
                               bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
