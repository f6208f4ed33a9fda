/* embedding.h - Hamming embedding: a descriptor x of word c becomes the signs
 * of P (x - c) - tau_c.
 *
 * Jegou, Douze and Schmid, "Hamming embedding and weak geometric consistency",
 * ECCV 2008. P has 128 orthonormal rows: the first 64 span the 64 main
 * directions of the residuals x - c and the others the rest, each half turned
 * at random among itself. So the first half of a 128-bit signature is the
 * 64-bit signature, which is "PCA, then a random rotation". tau_c are the
 * medians of the training descriptors of a word.
 *
 * P is stored in 16 bits and tau in 8, so signatures are exact integer
 * arithmetic: the same on any machine and kernel.
 */
#ifndef VOCABULARY_EMBEDDING_H
#define VOCABULARY_EMBEDDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bovw/vocabulary.h"
#include "vocabulary/points.h"

enum {
    EMBEDDING_DIM = BOVW_DESCRIPTOR_DIM,
    EMBEDDING_HALF = EMBEDDING_DIM / 2,
    EMBEDDING_ONE = 1 << 14,            /* 1 in an element of P */
    EMBEDDING_STEP = EMBEDDING_ONE / 2, /* a threshold of 1, in units of P (x - c) */
    EMBEDDING_PRIOR = 16 /* descriptors that a word's median of 0 counts for */
};

/* Largest |P (x - c)| and less: (2^14 + 1) 255 sqrt(128) < 2^26. */

typedef struct embedding_kernel {
    const char *name;
    bool (*is_supported)(void);

    /* (128, 128) projection in the kernel's own order, the caller's, free();
     * NULL without memory. */
    void *(*pack)(const int16_t *projection);

    /* out (128,) = P (descriptor - centroid). */
    void (*project)(const void *packed, const uint8_t *descriptor, const uint8_t *centroid,
                    int32_t *out);
} embedding_kernel;

extern const embedding_kernel embedding_portable;
#if defined(__x86_64__)
extern const embedding_kernel embedding_avx2;
#endif

/* The fastest kernel that is supported, or the portable one where `kernel` is
 * "portable": the name of an assignment kernel, or NULL. */
const embedding_kernel *embedding_kernel_find(const char *kernel);

/* P made ready for one kernel. Immutable; shared by threads. */
typedef struct embedding {
    const embedding_kernel *kernel;
    void *packed;
} embedding;

bovw_status embedding_init(const int16_t *projection, const embedding_kernel *kernel,
                           embedding *e, bovw_error *err);
void embedding_free(embedding *e);

/* out (128,) = P (descriptor - centroid) - tau, in 1 / EMBEDDING_ONE. */
void embedding_residual(const embedding *e, const uint8_t *descriptor,
                        const uint8_t *centroid, const int8_t *thresholds, int32_t *out);

/*
 * Learn projection (128, 128) and thresholds (k, 128) from p->n > 0 descriptors
 * and their words among k centroids. A word without descriptors gets thresholds
 * of 0, which is where its centroid lies.
 *
 * The result depends on the seed but not on the threads. BOVW_ERR_NOMEM,
 * BOVW_ERR_CANCELLED. The descriptors are read EMBEDDING_PASSES times through.
 * Memory: 128 bytes for each descriptor of such a part of them, or for each of
 * the most frequent word, and 16 MB or 4 bytes for each of that word's for each
 * thread.
 */
enum {
    EMBEDDING_PASSES = 8
};
bovw_status embedding_train(const point_set *p, const uint32_t *words,
                            const uint8_t *centroids, uint32_t k, uint64_t seed,
                            const bovw_compute *compute, const bovw_monitor *monitor,
                            int16_t *projection, int8_t *thresholds, bovw_error *err);

/* bovw_vocabulary_embed() for descriptors in memory or in a file. */
bovw_status vocabulary_embed(const bovw_vocabulary *plain, const point_set *p,
                             uint64_t seed, const bovw_compute *compute,
                             const bovw_monitor *monitor, bovw_vocabulary **vocabulary,
                             bovw_error *err);

/*
 * Aggregated signatures of one image, for ASMK*: the signs of the sum over its
 * descriptors of a word of P (x - c) - tau.
 *
 *   keys        (n,) word << 32 | descriptor, ascending
 *   words       (n,) gets the distinct words, ascending; NULL allowed
 *   signatures  (n, 2) gets theirs
 *
 * Returns how many there are. The vocabulary must have an embedding.
 */
size_t vocabulary_aggregate(const bovw_vocabulary *vocabulary, const uint8_t *descriptors,
                            const uint64_t *keys, size_t n, uint32_t *words,
                            uint64_t *signatures);

/* What a file holds besides the centroids; NULL where there is no embedding. */
const int16_t *vocabulary_projection(const bovw_vocabulary *vocabulary);
const int8_t *vocabulary_thresholds(const bovw_vocabulary *vocabulary);

#endif
