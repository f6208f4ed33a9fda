/* SPDX-License-Identifier: MIT */
#include "base/keys.h"

#include <stdbool.h>
#include <string.h>

/* As the words of an index's images are, for one. */
static bool is_sorted(const uint64_t *keys, size_t n, int shift)
{
    size_t i = 1;
    while (i < n && keys[i - 1] >> shift <= keys[i] >> shift)
        i++;
    return i >= n;
}

/* Where the keys of each digit begin; false where all keys share one. */
static bool find_starts(const uint64_t *keys, size_t n, int shift, size_t starts[256])
{
    memset(starts, 0, 256 * sizeof *starts);
    for (size_t i = 0; i < n; i++)
        starts[keys[i] >> shift & 255]++;
    if (starts[keys[0] >> shift & 255] == n)
        return false;
    size_t total = 0;
    for (int digit = 0; digit < 256; digit++) {
        const size_t count = starts[digit];
        starts[digit] = total;
        total += count;
    }
    return true;
}

void keys_sort(uint64_t *keys, uint64_t *spare, size_t n)
{
    uint64_t *from = keys, *to = spare;
    size_t starts[256];
    if (is_sorted(keys, n, 32))
        return;
    for (int shift = 32; shift < 64; shift += 8) {
        if (!find_starts(from, n, shift, starts))
            continue;
        for (size_t i = 0; i < n; i++)
            to[starts[from[i] >> shift & 255]++] = from[i];
        uint64_t *const swapped = from;
        from = to;
        to = swapped;
    }
    if (from != keys)
        memcpy(keys, from, n * sizeof *keys);
}

void keys_sort_numbered(uint64_t *keys, uint32_t *numbers, uint64_t *spare_keys,
                        uint32_t *spare_numbers, size_t n)
{
    uint64_t *from = keys, *to = spare_keys;
    uint32_t *numbers_from = numbers, *numbers_to = spare_numbers;
    size_t starts[256];
    if (is_sorted(keys, n, 0))
        return;
    for (int shift = 0; shift < 64; shift += 8) {
        if (!find_starts(from, n, shift, starts))
            continue;
        for (size_t i = 0; i < n; i++) {
            const size_t at = starts[from[i] >> shift & 255]++;
            to[at] = from[i];
            numbers_to[at] = numbers_from[i];
        }
        uint64_t *const swapped = from;
        uint32_t *const numbers_swapped = numbers_from;
        from = to;
        to = swapped;
        numbers_from = numbers_to;
        numbers_to = numbers_swapped;
    }
    if (from != keys) {
        memcpy(keys, from, n * sizeof *keys);
        memcpy(numbers, numbers_from, n * sizeof *numbers);
    }
}
