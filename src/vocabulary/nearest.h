/* nearest.h - exact nearest centroids of byte descriptors.
 *
 * A kernel is one file and one line of the table in nearest.c; all kernels
 * give the same words and distances, only the speed differs.
 */
#ifndef VOCABULARY_NEAREST_H
#define VOCABULARY_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bovw/vocabulary.h"

enum {
    NEAREST_BLOCK = 192, /* descriptors that one call of a kernel takes, at most */
    NEAREST_WORDS = BOVW_MAX_ASSIGNED, /* words of a descriptor, at most */
    NEAREST_FAR = 1 << 24              /* more than any squared distance */
};

/* The nearest words so far of each descriptor of a block. A kernel computes
 * distances and reads limits; which words stay is decided in one place. */
typedef struct nearest_found {
    uint32_t n_words; /* to find for each, in [1, NEAREST_WORDS] */
    uint32_t first;   /* what a kernel's word 0 is called here */
    /* Or NULL: a kernel takes no word, but writes every distance to it, (n,
     * stride), as nearest_measure() says. */
    uint32_t *all;
    size_t stride;
    /* The farthest so far: words there or beyond it are out. INT32_MIN for the
     * rows after the last descriptor, which kernels need not tell apart. */
    int32_t limits[NEAREST_BLOCK];
    uint32_t distances[NEAREST_BLOCK][NEAREST_WORDS]; /* ascending */
    uint32_t words[NEAREST_BLOCK][NEAREST_WORDS];
} nearest_found;

static inline int32_t nearest_norm_sq(const uint8_t *vector)
{
    int32_t sum = 0;
    for (int d = 0; d < BOVW_DESCRIPTOR_DIM; d++)
        sum += vector[d] * vector[d];
    return sum;
}

/* Take in a kernel's word whose squared distance from descriptor i is below limits[i]. */
void nearest_take(nearest_found *found, size_t i, uint32_t word, uint32_t distance);

typedef struct nearest_kernel {
    const char *name;
    bool (*is_supported)(void); /* by this processor */

    /* (k, 128) centroids in the kernel's own order: the caller's, free();
     * NULL without memory. NULL where the kernel reads them as they are. */
    void *(*pack)(const uint8_t *centroids, uint32_t k);

    /* Give nearest_take() every word below the limit of a descriptor, in
     * ascending order: then of equal distances the lower word stays. n is in
     * [1, NEAREST_BLOCK]; packed is from pack(). */
    void (*assign)(const uint8_t *centroids, const void *packed, uint32_t k,
                   const uint8_t *descriptors, size_t n, nearest_found *found);

    /* Lower each of the n distances to the squared distance from points[i] to
     * centre where that is less; returns their sum. */
    uint64_t (*lower_distances)(const uint8_t *centre, const uint8_t *points, size_t n,
                                uint32_t *distances);
} nearest_kernel;

extern const nearest_kernel nearest_portable;
#if defined(__x86_64__)
extern const nearest_kernel nearest_avx2; /* packs 260 bytes a word */
extern const nearest_kernel nearest_vnni; /* 132 */
#endif

/* Dot products of bytes: where the compiler may use them in one function alone,
 * with a check at run time, or where the whole build may. */
#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define NEAREST_HAS_NEON 1
#elif defined(__aarch64__) && defined(__linux__) &&                                        \
    (defined(__clang__) ? __clang_major__ >= 17 : __GNUC__ >= 9)
#define NEAREST_HAS_NEON 1
#else
#define NEAREST_HAS_NEON 0
#endif
#if NEAREST_HAS_NEON
extern const nearest_kernel nearest_neon; /* 132 */
#endif

/* The supported kernel of this name; NULL or "auto": the fastest one.
 * BOVW_ERR_ARG naming those that there are. */
bovw_status nearest_kernel_find(const char *name, const nearest_kernel **kernel,
                                bovw_error *err);

/* Centroids made ready for one kernel. Immutable once made; shared by threads. */
typedef struct nearest nearest;

/* centroids (k, 128), k > 0, must outlive the result. BOVW_ERR_NOMEM. */
bovw_status nearest_new(const uint8_t *centroids, uint32_t k, const nearest_kernel *kernel,
                        nearest **made, bovw_error *err);
void nearest_free(nearest *made);

/* Set what has been found for n descriptors, in [0, NEAREST_BLOCK], to nothing. */
void nearest_found_init(nearest_found *found, size_t n, uint32_t n_words);

enum {
    NEAREST_ROWS = 12, /* every kernel's rows and panels divide these */
    NEAREST_PANEL = 64
};

/* All squared distances, (n, stride), of n descriptors in [1, NEAREST_BLOCK]. There
 * must be room for n rounded up to NEAREST_ROWS; stride is at least k rounded up
 * to NEAREST_PANEL. What is past n and k is undefined. */
void nearest_measure(const nearest *made, const uint8_t *descriptors, size_t n,
                     uint32_t *distances, size_t stride);

/* Add what is nearer than what has been found: for callers that gather over
 * several sets of centroids. n is in [1, NEAREST_BLOCK]. */
void nearest_add(const nearest *made, const uint8_t *descriptors, size_t n,
                 nearest_found *found);
const nearest_kernel *nearest_kernel_of(const nearest *made);

/* The n_words nearest words of n descriptors and their squared distances (NULL
 * allowed), both (n, n_words), ascending; of equal distances the lower word is
 * first. n_words is in [1, NEAREST_WORDS] and at most k. On n_threads threads
 * over blocks of descriptors. */
void nearest_run(const nearest *made, const uint8_t *descriptors, size_t n,
                 uint32_t n_words, int n_threads, uint32_t *words, uint32_t *distances);

#endif
