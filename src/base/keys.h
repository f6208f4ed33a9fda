/* keys.h - sort 64-bit keys whose upper half is what they are sorted by. */
#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* Sort by the upper 32 bits, stably: a radix sort that leaves out the digits
 * that all keys share. keys and spare are (n,). O(n), and least where they are
 * sorted already. */
void keys_sort(uint64_t *keys, uint64_t *spare, size_t n);

#endif
