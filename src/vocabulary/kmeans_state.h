/* kmeans_state.h - how far a clustering came, and the file that keeps it. */
#ifndef VOCABULARY_KMEANS_STATE_H
#define VOCABULARY_KMEANS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct kmeans_state {
    const char *path; /* NULL: it is not kept */

    /* Whose it is. */
    uint32_t k;
    uint64_t seed;
    uint64_t n;            /* points */
    uint8_t points_id[16]; /* hash of all of them */

    uint32_t n_seeded; /* centroids drawn, of k */
    uint64_t random;   /* state of the generator that draws the next one */
    uint32_t n_done;   /* iterations */
    uint32_t n_repaired;
    bool is_finished;   /* no further iteration would change enough */
    uint64_t error;     /* sum of squared distances; UINT64_MAX before the first */
    uint8_t *centroids; /* (k, 128), the caller's */
} kmeans_state;

/* Replace the file. values (n_values,) go with it: while seeding the distance of
 * each point of its sample, afterwards the word of each point. No path: nothing
 * is done. BOVW_ERR_IO. Writes 128 bytes a word and 4 a value. */
bovw_status kmeans_state_save(const kmeans_state *s, const uint32_t *values,
                              size_t n_values, bovw_error *err);

/*
 * Fill in how far it came, if there is a file. *values (*n_values,) is the
 * caller's, free(); NULL where there is none.
 *
 * BOVW_ERR_MISMATCH where it is another's; BOVW_ERR_FORMAT, _VERSION, _CORRUPT;
 * BOVW_ERR_NOMEM.
 */
bovw_status kmeans_state_load(kmeans_state *s, uint32_t **values, size_t *n_values,
                              bovw_error *err);

#endif
