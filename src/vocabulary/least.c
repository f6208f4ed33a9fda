/* SPDX-License-Identifier: MIT
 *
 * The n_wanted-th least of the minima of chunks is no less than the
 * n_wanted-th least of all, as each minimum is an element of its own. Most
 * chunks have nothing below that bound and are never looked into.
 */
#include "vocabulary/least.h"

#include <stdbool.h>

static const uint32_t FAR = INT32_MAX;

static uint32_t chunk_least(const uint32_t *chunk)
{
    int32_t least = (int32_t)chunk[0];
    for (int i = 1; i < LEAST_CHUNK; i++)
        least = (int32_t)chunk[i] < least ? (int32_t)chunk[i] : least;
    return (uint32_t)least;
}

/* How many of n values, a multiple of LEAST_CHUNK, are at most `bound`. */
static uint32_t count_up_to(const uint32_t *values, uint32_t n, uint32_t bound)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i += LEAST_CHUNK) {
        for (int j = 0; j < LEAST_CHUNK; j++)
            count += (int32_t)values[i + j] <= (int32_t)bound;
    }
    return count;
}

static uint32_t pad(uint32_t *values, uint32_t n)
{
    for (; n % LEAST_CHUNK != 0; n++)
        values[n] = FAR;
    return n;
}

/* The nth least, from 1, of n values; they are padded. */
static uint32_t nth_least(uint32_t *values, uint32_t n, uint32_t nth)
{
    uint32_t low = FAR, high = 0; /* the answer is in [low, high] */
    for (uint32_t i = 0; i < n; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    const uint32_t n_padded = pad(values, n);
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (count_up_to(values, n_padded, middle) >= nth)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Gather what is at most `bound`, in order; returns how many there are. */
static uint32_t gather(const uint32_t *distances, const uint32_t *least, uint32_t n_chunks,
                       uint32_t bound, uint32_t *values, uint32_t *places)
{
    uint32_t n = 0;
    for (uint32_t c = 0; c < n_chunks; c++) {
        if (least[c] > bound)
            continue;
        for (uint32_t i = c * LEAST_CHUNK; i < (c + 1) * LEAST_CHUNK; i++) {
            values[n] = distances[i];
            places[n] = i;
            n += distances[i] <= bound;
        }
    }
    return n;
}

void least_of(uint32_t *distances, uint32_t n, uint32_t n_wanted, uint32_t *places,
              uint32_t *scratch)
{
    const uint32_t n_padded = pad(distances, n), n_chunks = n_padded / LEAST_CHUNK;
    uint32_t *least = scratch; /* of each chunk */
    uint32_t *near = least + n_padded, *near_places = near + n_padded;

    for (uint32_t c = 0; c < n_chunks; c++)
        least[c] = chunk_least(distances + (size_t)c * LEAST_CHUNK);
    uint32_t bound = n_wanted > n_chunks ? FAR - 1 : nth_least(least, n_chunks, n_wanted);
    const uint32_t n_near = gather(distances, least, n_chunks, bound, near, near_places);

    bound = nth_least(near, n_near, n_wanted);
    uint32_t n_below = 0, n_taken = 0;
    for (uint32_t i = 0; i < n_near; i++)
        n_below += near[i] < bound;
    uint32_t n_equal = n_wanted - n_below; /* to take */
    for (uint32_t i = 0; n_taken < n_wanted; i++) {
        const bool is_equal = near[i] == bound && n_equal > 0;
        n_equal -= is_equal;
        places[n_taken] = near_places[i];
        n_taken += near[i] < bound || is_equal;
    }
}
