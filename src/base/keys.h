/* keys.h - radix sorts of 64-bit keys. */
#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* Sort by the upper 32 bits, stably: a radix sort that leaves out the digits
 * that all keys share. keys and spare are (n,). O(n), and least where they are
 * sorted already. */
void keys_sort(uint64_t *keys, uint64_t *spare, size_t n);

/* Sort by all 64 bits, stably, and move the numbers beside the keys with them.
 * All are (n,). O(n), as above. */
void keys_sort_numbered(uint64_t *keys, uint32_t *numbers, uint64_t *spare_keys,
                        uint32_t *spare_numbers, size_t n);

#endif
