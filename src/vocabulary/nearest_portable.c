/* SPDX-License-Identifier: MIT
 *
 * The reference that every other kernel must equal.
 */
#include "vocabulary/nearest.h"

static bool is_supported(void)
{
    return true;
}

static uint32_t distance_sq(const uint8_t *a, const uint8_t *b)
{
    int32_t sum = 0;
    for (int d = 0; d < BOVW_DESCRIPTOR_DIM; d++) {
        const int32_t difference = a[d] - b[d];
        sum += difference * difference;
    }
    return (uint32_t)sum;
}

static void assign(const uint8_t *centroids, const void *packed, uint32_t k,
                   const uint8_t *descriptors, size_t n, nearest_found *found)
{
    (void)packed;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *descriptor = descriptors + i * BOVW_DESCRIPTOR_DIM;
        for (uint32_t word = 0; word < k; word++) {
            const uint8_t *centroid = centroids + (size_t)word * BOVW_DESCRIPTOR_DIM;
            const uint32_t distance = distance_sq(descriptor, centroid);
            if (found->all)
                found->all[i * found->stride + word] = distance;
            else if ((int32_t)distance < found->limits[i])
                nearest_take(found, i, word, distance);
        }
    }
}

static uint64_t lower_distances(const uint8_t *centre, const uint8_t *points, size_t n,
                                uint32_t *distances)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t distance = distance_sq(centre, points + i * BOVW_DESCRIPTOR_DIM);
        if (distance < distances[i])
            distances[i] = distance;
        sum += distances[i];
    }
    return sum;
}

const nearest_kernel nearest_portable = {.name = "portable",
                                         .is_supported = is_supported,
                                         .assign = assign,
                                         .lower_distances = lower_distances};
