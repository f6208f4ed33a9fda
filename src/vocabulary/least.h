/* least.h - which of many distances are the least. */
#ifndef VOCABULARY_LEAST_H
#define VOCABULARY_LEAST_H

#include <stddef.h>
#include <stdint.h>

enum {
    LEAST_BLOCK = 256
};

/*
 * The places of the n_wanted least of n distances below 2^31 - 1, in ascending order of
 * place; of equal distances the earlier.
 *
 *   distances  (n rounded up to LEAST_BLOCK,); what is past n is overwritten.
 *   places     (n_wanted,), n_wanted in [1, n].
 *   scratch    (3 (n + LEAST_BLOCK),)
 *
 * O(n), and little more than reading them once where few are wanted.
 */
void least_of(int32_t *distances, uint32_t n, uint32_t n_wanted, uint32_t *places,
              int32_t *scratch);

#endif
