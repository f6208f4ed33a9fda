/* vocabulary.h - visual words: training, files, assignment of descriptors.
 *
 * SPDX-License-Identifier: MIT
 *
 * Sivic and Zisserman, "Video Google", ICCV 2003; Lloyd, "Least squares
 * quantization in PCM", 1982; Arthur and Vassilvitskii, "k-means++", SODA
 * 2007. Centroids are bytes like the descriptors, so every distance is an
 * exact integer and the same on any kernel and any number of threads.
 */
#ifndef BOVW_VOCABULARY_H
#define BOVW_VOCABULARY_H

#include "bovw/features.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BOVW_MAX_WORDS    16777216u /* of a vocabulary */
#define BOVW_MAX_SUMMARY  1000      /* bytes of bovw_vocabulary_summary() */
#define BOVW_MAX_ASSIGNED 16        /* words of one descriptor */

/* ---- k-means on bytes -------------------------------------------------- */

typedef struct bovw_kmeans_options {
    uint32_t k;            /* number of centroids; no default, must be set */
    uint32_t n_iterations; /* at most, above 0; 20 */
    uint64_t seed;         /* same seed and points, same centroids; 1 */
} bovw_kmeans_options;

BOVW_API void bovw_kmeans_options_default(bovw_kmeans_options *opts);

typedef struct bovw_kmeans_result {
    uint32_t n_iterations; /* done */
    uint32_t n_repaired;   /* empty clusters that were refilled, in all */
    double error;          /* mean squared distance of a point to its centroid */
} bovw_kmeans_result;

/*
 * Lloyd's k-means with exact assignment.
 *
 *   points     (n, 128) bytes, borrowed.
 *   opts       opts->k in [1, n] and at most BOVW_MAX_WORDS.
 *   centroids  (k, 128) bytes, caller's buffer, written on success only.
 *   result     or NULL.
 *
 * Seeding is k-means++ on a sample of max(2 k, min(8 k, 2^32 / k)) points.
 * Centroids are means rounded to bytes. An empty cluster takes the point that
 * is farthest from its centroid. Stops early when no assignment changes, or
 * the error falls by less than one part in 10,000.
 *
 * BOVW_ERR_ARG for k out of range, no iterations or an unknown kernel;
 * BOVW_ERR_LIMIT for more than 2^32 - 1 points; BOVW_ERR_NOMEM;
 * BOVW_ERR_CANCELLED. Time O(n k) per iteration, 128 multiply-adds each;
 * memory O(n) * 12 bytes + O(k) * 1 kB besides the points.
 */
BOVW_API bovw_status bovw_kmeans(const uint8_t *points, size_t n,
                                 const bovw_kmeans_options *opts,
                                 const bovw_compute *compute, const bovw_monitor *monitor,
                                 uint8_t *centroids, bovw_kmeans_result *result,
                                 bovw_error *err);

/* Name of assignment kernel i that this processor can run, fastest first, the
 * portable reference last; NULL past the end. */
BOVW_API const char *bovw_kernel_name(size_t i);

/* ---- vocabularies ------------------------------------------------------ */

/* Immutable once made; shared by threads. */
typedef struct bovw_vocabulary bovw_vocabulary;

typedef struct bovw_train_options {
    bovw_kmeans_options kmeans;
    uint64_t sample; /* descriptors to train on, drawn evenly from all images by
                      * the seed; 0: 50 per word, at least 100,000 */
} bovw_train_options;

BOVW_API void bovw_train_options_default(bovw_train_options *opts);

/*
 * Train a vocabulary on the descriptors of a source, in one pass over it.
 * BOVW_ERR_ARG if the source has fewer descriptors than words.
 * Memory: 2 * sample * 144 bytes, besides what bovw_source_run() and
 * bovw_kmeans() need.
 */
BOVW_API bovw_status bovw_vocabulary_train(bovw_source *source,
                                           const bovw_train_options *opts,
                                           const bovw_compute *compute,
                                           const bovw_monitor *monitor,
                                           bovw_vocabulary **vocabulary, bovw_error *err);

/* A vocabulary from given centroids, (k, 128) bytes, copied. The summary is
 * one line without control characters, or NULL. BOVW_ERR_ARG, BOVW_ERR_NOMEM.
 * Memory: 128 bytes a word, and up to 260 for the fastest kernel. */
BOVW_API bovw_status bovw_vocabulary_new(const bovw_feature_options *opts,
                                         const uint8_t *centroids, uint32_t k,
                                         const char *summary, bovw_vocabulary **vocabulary,
                                         bovw_error *err);

/* Write; the file appears whole or not at all. Same vocabulary, same bytes. */
BOVW_API bovw_status bovw_vocabulary_save(const bovw_vocabulary *vocabulary,
                                          const char *path, bovw_error *err);

/* Open; checksums are verified. BOVW_ERR_IO, _FORMAT, _VERSION, _CORRUPT. */
BOVW_API bovw_status bovw_vocabulary_open(const char *path, bovw_vocabulary **vocabulary,
                                          bovw_error *err);
BOVW_API void bovw_vocabulary_close(bovw_vocabulary *vocabulary);

BOVW_API uint32_t bovw_vocabulary_size(const bovw_vocabulary *vocabulary);
/* (size, 128) bytes, borrowed. */
BOVW_API const uint8_t *bovw_vocabulary_centroids(const bovw_vocabulary *vocabulary);
BOVW_API const bovw_feature_options *
bovw_vocabulary_options(const bovw_vocabulary *vocabulary);
/* 32 hexadecimal digits: XXH3-128 of the options and centroids. */
BOVW_API const char *bovw_vocabulary_id(const bovw_vocabulary *vocabulary);
/* How it was trained, one line of text. */
BOVW_API const char *bovw_vocabulary_summary(const bovw_vocabulary *vocabulary);

/*
 * Nearest word of each descriptor, exactly; of equal distances the lower word.
 *
 *   descriptors  (n, 128) bytes.
 *   words        (n,) caller's buffer.
 *   distances    (n,) squared distances, or NULL.
 *
 * Runs on compute->n_threads threads, over blocks of descriptors.
 * BOVW_ERR_ARG for an unknown kernel, BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_vocabulary_assign(const bovw_vocabulary *vocabulary,
                                            const uint8_t *descriptors, size_t n,
                                            const bovw_compute *compute, uint32_t *words,
                                            uint32_t *distances, bovw_error *err);

/*
 * The r nearest words of each descriptor, exactly, nearest first; of equal
 * distances the lower word is first. Costs little more than the nearest one.
 *
 *   r          in [1, BOVW_MAX_ASSIGNED] and at most the vocabulary's size.
 *   words      (n, r) caller's buffer.
 *   distances  (n, r) squared distances, or NULL.
 *
 * Otherwise as bovw_vocabulary_assign(), which is the same with r = 1.
 * BOVW_ERR_ARG also for r out of range.
 */
BOVW_API bovw_status bovw_vocabulary_assign_multiple(
    const bovw_vocabulary *vocabulary, const uint8_t *descriptors, size_t n, uint32_t r,
    const bovw_compute *compute, uint32_t *words, uint32_t *distances, bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
