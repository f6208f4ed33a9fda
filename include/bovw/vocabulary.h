/* vocabulary.h - visual words: training, files, assignment of descriptors.
 *
 * SPDX-License-Identifier: MIT
 *
 * Sivic and Zisserman, "Video Google", ICCV 2003; Lloyd, "Least squares
 * quantization in PCM", 1982; Arthur and Vassilvitskii, "k-means++", SODA
 * 2007. Centroids are bytes like the descriptors, so every distance is an
 * exact integer and the same on any kernel and any number of threads.
 * Signatures: Jegou, Douze and Schmid, "Hamming embedding and weak geometric
 * consistency for large scale image search", ECCV 2008. Groups of words: the
 * inverted lists of Jegou, Douze and Schmid, "Product quantization for nearest
 * neighbor search", PAMI 2011. Trees: Nister and Stewenius, "Scalable
 * recognition with a vocabulary tree", CVPR 2006.
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
 * Lloyd's k-means with exact assignment; above BOVW_MAX_EXACT_WORDS centroids a
 * point meets those of the 32 nearest groups, and its own.
 *
 *   points     (n, 128) bytes, borrowed.
 *   opts       opts->k in [1, n] and at most BOVW_MAX_WORDS.
 *   centroids  (k, 128) bytes, caller's buffer, written on success only.
 *   result     or NULL.
 *
 * Seeding is k-means++ on a sample of max(2 k, min(8 k, 2^32 / k)) points, for
 * k >= 32768 of max(2 k, min(8 k, 2^38 / k)). Centroids are means rounded to bytes. An
 * empty cluster takes the point that is farthest from its centroid. Stops early when no
 * assignment changes, or the error falls by less than one part in 10,000.
 *
 * BOVW_ERR_ARG for k out of range, no iterations or an unknown kernel;
 * BOVW_ERR_LIMIT for more than 2^32 - 1 points; BOVW_ERR_NOMEM;
 * BOVW_ERR_CANCELLED. Time O(n k) per iteration, 128 multiply-adds each;
 * memory 12 n + 1820 k bytes besides the points. Seeding: the time of an
 * iteration on its sample, below 32768 words some ten times as much.
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

enum {
    BOVW_GROUPS_AUTO = 0, /* in groups above BOVW_MAX_EXACT_WORDS words */
    BOVW_GROUPS_NONE = 1  /* never: words are found exactly */
};
#define BOVW_MAX_EXACT_WORDS 100000u

/* How words are grouped so that a descriptor need not meet all of them. */
typedef struct bovw_group_options {
    uint32_t n_groups; /* 0: twice the square root of the number of words */
    double recall;     /* search as many of the nearest groups as find the nearest
                        * word of this fraction of descriptors, in (0, 1]; 0.98 */
    uint64_t seed;     /* same seed and words, same groups; 1 */
} bovw_group_options;

BOVW_API void bovw_group_options_default(bovw_group_options *opts);

typedef struct bovw_train_options {
    bovw_kmeans_options kmeans; /* not its k for a tree */
    uint32_t grouping;    /* BOVW_GROUPS_AUTO, BOVW_GROUPS_NONE, or how many, from 2 */
    double recall;        /* as in bovw_group_options; 0.98 */
    uint32_t tree_branch; /* above 1, and tree_depth above 0: a vocabulary tree, */
    uint32_t tree_depth;  /* by k-means of k-means, with branch^depth words at
                           * most; 0: none, the default */
    uint64_t sample;      /* descriptors to train on, drawn evenly from all images by
                           * the seed; 0: 50 per word, at least 100,000 */
    uint64_t max_memory;  /* bytes; 0: no limit. Where the sample would take more
                           * it is kept in a nameless file beside `state` and read
                           * once through in each iteration; same result */
    const char *state;    /* path of a file that keeps how far training came, so
                           * that a stopped one continues, but not a tree; NULL:
                           * none, borrowed */
} bovw_train_options;

BOVW_API void bovw_train_options_default(bovw_train_options *opts);

/* Upper bound of the memory that training takes, in bytes, but for extraction:
 * for a source of n descriptors (UINT64_MAX: not known). */
typedef struct bovw_train_memory {
    uint64_t in_memory; /* with the sample in memory */
    uint64_t with_file; /* with the sample in a file */
    uint64_t file;      /* size of that file, about */
} bovw_train_memory;

BOVW_API void bovw_train_memory_estimate(const bovw_train_options *opts, uint64_t n,
                                         bovw_train_memory *memory);

/*
 * Train a vocabulary on the descriptors of a source, in one pass over it, and
 * then its signatures on the same sample (bovw_vocabulary_embed()). Where its
 * words are to be in groups (bovw_vocabulary_group()), every 50th image is held
 * out, and recall measured on at most 10,000 of their descriptors.
 *
 * opts->state is replaced after each iteration, and now and then while a large
 * vocabulary is seeded. Where it is there, training samples again and continues
 * from it, to the same bytes as without a stop. It stays when all is done: the
 * caller removes it when the vocabulary is safe.
 *
 * BOVW_ERR_ARG if the source has fewer descriptors than words; BOVW_ERR_LIMIT if
 * opts->max_memory is less than what it needs; BOVW_ERR_MISMATCH where
 * opts->state is of other descriptors, another k or seed, or more iterations;
 * BOVW_ERR_IO, _FORMAT, _VERSION, _CORRUPT for opts->state.
 * Memory: the first message to the monitor says how much at most.
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

/* What makes signatures: bit i of a descriptor x of word c is
 * row i of the projection . (x - centroid c) > threshold (c, i). */
typedef struct bovw_embedding {
    const int16_t *projection; /* (128, 128), rows of length 1 times 2^14 */
    const int8_t *thresholds;  /* (k, 128), times 2 */
} bovw_embedding;

/* The same with signatures; from NULL: without. BOVW_ERR_ARG for a row longer
 * than 1. Memory: 128 bytes a word more. */
BOVW_API bovw_status bovw_vocabulary_new_embedded(const bovw_feature_options *opts,
                                                  const uint8_t *centroids, uint32_t k,
                                                  const bovw_embedding *from,
                                                  const char *summary,
                                                  bovw_vocabulary **vocabulary,
                                                  bovw_error *err);

/*
 * A copy of a vocabulary with signatures that are learned from descriptors,
 * (n, 128): the projection from all residuals, by principal components and a
 * random rotation, the thresholds as medians of each word.
 *
 * The same descriptors and seed give the same signatures on any machine.
 * BOVW_ERR_ARG for n = 0 or past 2^32 - 1, BOVW_ERR_NOMEM, BOVW_ERR_CANCELLED.
 * Costs an assignment of all descriptors. Memory: 8 bytes a descriptor, 264 a
 * word, and for each thread 512 for each descriptor of the most frequent word.
 */
BOVW_API bovw_status bovw_vocabulary_embed(const bovw_vocabulary *plain,
                                           const uint8_t *descriptors, size_t n,
                                           uint64_t seed, const bovw_compute *compute,
                                           const bovw_monitor *monitor,
                                           bovw_vocabulary **vocabulary, bovw_error *err);

/*
 * A copy of a vocabulary with its words in groups below coarser centroids, and
 * numbered anew, group after group. From then on a descriptor meets only the
 * words of the groups that are nearest to it: as few of them as find the nearest
 * word of opts->recall of the given descriptors, (n, 128). They should not be
 * those that the words were trained on.
 *
 * What was measured is added to the summary. Signatures are not kept:
 * bovw_vocabulary_embed() comes after this. The same words, descriptors and
 * options give the same groups on any machine. BOVW_ERR_ARG for more groups than
 * words, n = 0 or a recall out of range; BOVW_ERR_NOMEM, BOVW_ERR_CANCELLED.
 * Costs eight rounds of k-means on the words and an exact assignment of the
 * descriptors. Memory: 400 bytes a word with the fastest kernel.
 */
BOVW_API bovw_status bovw_vocabulary_group(const bovw_vocabulary *plain,
                                           const uint8_t *descriptors, size_t n,
                                           const bovw_group_options *opts,
                                           const bovw_compute *compute,
                                           const bovw_monitor *monitor,
                                           bovw_vocabulary **vocabulary, bovw_error *err);

typedef struct bovw_word_groups {
    uint32_t n_levels; /* above the words; 0: words are found exactly */
    uint32_t n_groups; /* of words */
    uint32_t n_probes; /* groups searched for a descriptor; 1 in a tree */
} bovw_word_groups;

BOVW_API bovw_word_groups bovw_vocabulary_groups(const bovw_vocabulary *vocabulary);

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
/* 32 hexadecimal digits: XXH3-128 of options, centroids and, where it has them,
 * what makes signatures, and groups. */
BOVW_API const char *bovw_vocabulary_id(const bovw_vocabulary *vocabulary);
/* How it was trained, one line of text. */
BOVW_API const char *bovw_vocabulary_summary(const bovw_vocabulary *vocabulary);

/*
 * Nearest word of each descriptor; of equal distances the lower word. In a
 * vocabulary whose words are in groups: of the words that are searched.
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
 * The r nearest words of each descriptor, nearest first; of equal distances the
 * lower word is first. In a vocabulary whose words are in groups: of the words
 * that are searched. Costs little more than the nearest one.
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

/* ---- signatures -------------------------------------------------------- */

#define BOVW_SIGNATURE_BITS 128

/* Vocabularies of files of version 1 have none. */
BOVW_API bool bovw_vocabulary_has_signatures(const bovw_vocabulary *vocabulary);

/*
 * Signatures of descriptors within their words.
 *
 *   descriptors  (n, 128) bytes.
 *   words        (n, n_words) each descriptor's words.
 *   signatures   (n, n_words, 2) caller's buffer: bits 0 to 63, bits 64 to 127.
 *                The first alone are the 64-bit signatures.
 *
 * BOVW_ERR_ARG where the vocabulary has no signatures or not such a word;
 * BOVW_ERR_NOMEM. About 0.2 us each with AVX2.
 */
BOVW_API bovw_status bovw_vocabulary_signatures(const bovw_vocabulary *vocabulary,
                                                const uint8_t *descriptors, size_t n,
                                                uint32_t n_words, const uint32_t *words,
                                                const bovw_compute *compute,
                                                uint64_t *signatures, bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
