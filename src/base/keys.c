/* SPDX-License-Identifier: MIT */
#include "base/keys.h"

#include <stdbool.h>
#include <string.h>

/* As the words of an index's images are, for one. */
static bool is_sorted(const uint64_t *keys, size_t n)
{
    size_t i = 1;
    while (i < n && keys[i - 1] >> 32 <= keys[i] >> 32)
        i++;
    return i >= n;
}

void keys_sort(uint64_t *keys, uint64_t *spare, size_t n)
{
    uint64_t *from = keys, *to = spare;
    if (is_sorted(keys, n))
        return;
    for (int shift = 32; shift < 64; shift += 8) {
        size_t starts[256] = {0};
        for (size_t i = 0; i < n; i++)
            starts[from[i] >> shift & 255]++;
        if (starts[from[0] >> shift & 255] == n)
            continue;
        size_t total = 0;
        for (int digit = 0; digit < 256; digit++) {
            const size_t count = starts[digit];
            starts[digit] = total;
            total += count;
        }
        for (size_t i = 0; i < n; i++)
            to[starts[from[i] >> shift & 255]++] = from[i];
        uint64_t *const swapped = from;
        from = to;
        to = swapped;
    }
    if (from != keys)
        memcpy(keys, from, n * sizeof *keys);
}
