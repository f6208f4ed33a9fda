/* lsi.h - learned secondary index: where a 64-bit key is in a column that stays as
 * it is, unsorted.
 *
 * SPDX-License-Identifier: MIT
 *
 * Kipf, Horn, Pfeil, Marcus and Kraska, "LSI: A Learned Secondary Index Structure",
 * aiDM 2022. The keys are sorted once, to learn their order, and not kept. What is
 * kept: a spline through (key, place in the order) whose error is bounded (one pass:
 * Neumann and Michel, "Smooth Interpolating Histograms with Error Guarantees", BNCOD
 * 2008) with a radix table over its knots; the number of the key at each place,
 * packed to ceil(log2 n) bits; and at each place a fingerprint, a few bits of the
 * key's hash. A lookup asks the spline for a window of places, and reads the column
 * only where the fingerprint agrees.
 *
 * About ceil(log2 n) + fingerprint bits a key, and the spline; equal keys are kept
 * one beside the other, in the order of the column. Immutable once made; shared by
 * threads.
 */
#ifndef BOVW_LSI_H
#define BOVW_LSI_H

#include <stddef.h>
#include <stdint.h>

#include "bovw/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BOVW_LSI_MAX_ERROR = 1 << 20,
    BOVW_LSI_MAX_FINGERPRINT = 16
};

typedef struct bovw_lsi_options {
    uint32_t max_error;        /* of the spline, in places; 1 to BOVW_LSI_MAX_ERROR; 8 */
    uint32_t fingerprint_bits; /* 0 to BOVW_LSI_MAX_FINGERPRINT; 8. Fewer than 4 seldom
                                * pay */
} bovw_lsi_options;

BOVW_API void bovw_lsi_options_default(bovw_lsi_options *opts);

/* The column. Either an array, or a function for keys that are kept in some other
 * form: the i-th key, the same at every call, from any thread. */
typedef struct bovw_column {
    const uint64_t *keys; /* (n,); NULL: ask `key` */
    uint64_t (*key)(const void *context, uint32_t i);
    const void *context;
    uint32_t n;
} bovw_column;

typedef struct bovw_lsi bovw_lsi;

/*
 * Learn a column. What its members point to is borrowed and must outlive the index,
 * unchanged. BOVW_ERR_ARG where an option is out of range; BOVW_ERR_NOMEM. O(n);
 * memory 24 n bytes while it is made. One thread.
 */
BOVW_API bovw_status bovw_lsi_new(const bovw_column *column, const bovw_lsi_options *opts,
                                  bovw_lsi **lsi, bovw_error *err);
BOVW_API void bovw_lsi_free(bovw_lsi *lsi); /* NULL allowed */

/* What it takes, in bytes, without the column. */
typedef struct bovw_lsi_size {
    size_t spline;      /* knots and radix table */
    size_t permutation; /* number of the key at each place */
    size_t fingerprints;
    size_t total;
    uint32_t n_knots;
    uint32_t n_window; /* places that a lookup looks at, at most */
} bovw_lsi_size;

BOVW_API void bovw_lsi_measure(const bovw_lsi *lsi, bovw_lsi_size *size);

/* First place, in ascending order of the keys, whose key is not below this one; n
 * where there is none. Keys from a to b, b not among them, are at the places from
 * that of a to that of b. Reads the column about log2(window) times. */
BOVW_API uint32_t bovw_lsi_lower_bound(const bovw_lsi *lsi, uint64_t key);

/* How many keys are equal to this one; *first gets the place of the first of them
 * (unchanged where there are none). With f fingerprint bits it reads the column once
 * for each hit of a few, and window / 2^f times for nothing. */
BOVW_API uint32_t bovw_lsi_find(const bovw_lsi *lsi, uint64_t key, uint32_t *first);

/* Number, in the column, of the key at a place in [0, n). */
BOVW_API uint32_t bovw_lsi_number(const bovw_lsi *lsi, uint32_t place);

#ifdef __cplusplus
}
#endif
#endif
