/* least.h - which of many distances are the least. */
#ifndef VOCABULARY_LEAST_H
#define VOCABULARY_LEAST_H

#include <stddef.h>
#include <stdint.h>

enum {
    LEAST_CHUNK = 16
};

/*
 * The places of the n_wanted least of n distances below 2^31, in ascending order of
 * place; of equal distances the earlier.
 *
 *   distances  (n rounded up to LEAST_CHUNK,); what is past n is overwritten.
 *   places     (n_wanted,), n_wanted in [1, n].
 *   scratch    (3 (n + LEAST_CHUNK),)
 *
 * O(n), and little more than reading them once where few are wanted.
 */
void least_of(uint32_t *distances, uint32_t n, uint32_t n_wanted, uint32_t *places,
              uint32_t *scratch);

#endif
