/* SPDX-License-Identifier: MIT */
#include "search/hamming.h"

#include <string.h>

#include "base/bytes.h"

static bool always(void)
{
    return true;
}

/* Every signature is stored as found, and overwritten by the next where it is
 * not: a branch would be wrong every few signatures. */
static size_t find(const uint8_t *low, const uint8_t *high, size_t n,
                   const uint64_t query[2], uint32_t threshold, hamming_found *found)
{
    size_t n_found = 0;
    for (size_t i = 0; i < n; i++) {
        int distance = __builtin_popcountll(load_le64(low + i * 8) ^ query[0]);
        if (high)
            distance += __builtin_popcountll(load_le64(high + i * 8) ^ query[1]);
        found->positions[n_found] = (uint32_t)i;
        found->distances[n_found] = (uint32_t)distance;
        n_found += (uint32_t)distance <= threshold;
    }
    return n_found;
}

const hamming_kernel hamming_portable = {
    .name = "portable", .is_supported = always, .find = find};

/* Fastest first. */
static const hamming_kernel *const kernels[] = {
#if defined(__x86_64__)
    &hamming_avx512,
    &hamming_popcnt,
#endif
    &hamming_portable,
};

const hamming_kernel *hamming_kernel_at(size_t i)
{
    for (size_t j = 0; j < sizeof kernels / sizeof kernels[0]; j++) {
        if (kernels[j]->is_supported() && i-- == 0)
            return kernels[j];
    }
    return NULL;
}

const hamming_kernel *hamming_kernel_find(const char *kernel)
{
    if (kernel && strcmp(kernel, hamming_portable.name) == 0)
        return &hamming_portable;
    return hamming_kernel_at(0);
}
