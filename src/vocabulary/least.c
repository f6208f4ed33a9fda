/* SPDX-License-Identifier: MIT
 *
 * A column is every 16th of 256 distances; columns are what compilers make
 * vectors of. The n_wanted-th least of the minima of columns is no less than
 * the n_wanted-th least of all, as each minimum is an element of its own. Most
 * columns have nothing below that bound and are never looked into.
 */
#include "vocabulary/least.h"

#include <stdbool.h>

enum {
    COLUMNS = 16,
    ROWS = LEAST_BLOCK / COLUMNS,
    FAR = INT32_MAX
};

/* Lowest of each column of a block. */
static void find_minima(const int32_t *block, int32_t *minima)
{
    int32_t least[COLUMNS];
    for (int c = 0; c < COLUMNS; c++)
        least[c] = block[c];
    for (int r = 1; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) {
            const int32_t value = block[r * COLUMNS + c];
            least[c] = value < least[c] ? value : least[c];
        }
    }
    for (int c = 0; c < COLUMNS; c++)
        minima[c] = least[c];
}

/* How many of n values, a multiple of COLUMNS, are at most `bound`. */
static uint32_t count_up_to(const int32_t *values, uint32_t n, int32_t bound)
{
    int32_t counts[COLUMNS] = {0};
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i += COLUMNS) {
        for (int c = 0; c < COLUMNS; c++)
            counts[c] += values[i + c] <= bound;
    }
    for (int c = 0; c < COLUMNS; c++)
        sum += (uint32_t)counts[c];
    return sum;
}

static uint32_t pad(int32_t *values, uint32_t n, uint32_t multiple)
{
    for (; n % multiple != 0; n++)
        values[n] = FAR;
    return n;
}

/* The nth least, from 1, of n values; they are padded. */
static int32_t nth_least(int32_t *values, uint32_t n, uint32_t nth)
{
    int32_t low = FAR, high = 0; /* the answer is in [low, high] */
    for (uint32_t i = 0; i < n; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    const uint32_t n_padded = pad(values, n, COLUMNS);
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (count_up_to(values, n_padded, middle) >= nth)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Gather what is at most `bound`, in order; returns how many there are. */
static uint32_t gather(const int32_t *distances, const int32_t *minima, uint32_t n_blocks,
                       int32_t bound, int32_t *values, uint32_t *places)
{
    uint32_t n = 0;
    for (uint32_t b = 0; b < n_blocks; b++, minima += COLUMNS) {
        uint32_t columns[COLUMNS], n_columns = 0;
        for (uint32_t c = 0; c < COLUMNS; c++) {
            columns[n_columns] = c;
            n_columns += minima[c] <= bound;
        }
        for (uint32_t row = b * LEAST_BLOCK; n_columns > 0 && row < (b + 1) * LEAST_BLOCK;
             row += COLUMNS) {
            for (uint32_t c = 0; c < n_columns; c++) {
                values[n] = distances[row + columns[c]];
                places[n] = row + columns[c];
                n += values[n] <= bound;
            }
        }
    }
    return n;
}

void least_of(int32_t *distances, uint32_t n, uint32_t n_wanted, uint32_t *places,
              int32_t *scratch)
{
    const uint32_t n_padded = pad(distances, n, LEAST_BLOCK);
    const uint32_t n_blocks = n_padded / LEAST_BLOCK, n_minima = n_blocks * COLUMNS;
    int32_t *minima = scratch, *near = scratch + n_padded;
    uint32_t *near_places = (uint32_t *)near + n_padded;

    for (uint32_t b = 0; b < n_blocks; b++)
        find_minima(distances + (size_t)b * LEAST_BLOCK, minima + (size_t)b * COLUMNS);
    int32_t bound = n_wanted > n_minima ? FAR : nth_least(minima, n_minima, n_wanted);
    bound = bound < FAR ? bound : FAR - 1; /* padding is never wanted */
    const uint32_t n_near = gather(distances, minima, n_blocks, bound, near, near_places);

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
