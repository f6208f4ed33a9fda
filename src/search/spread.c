/* SPDX-License-Identifier: MIT */
#include "search/spread.h"

#include <string.h>

enum {
    FINEST = 64, /* cells along a side: about the tolerance of an inlier */
    COARSEST = 8,
    N_LEVELS = 4
};

static uint32_t cell_of(float x)
{
    const float scaled = (x + 0.5f) * FINEST;
    return scaled <= 0 ? 0 : scaled >= FINEST ? FINEST - 1 : (uint32_t)scaled;
}

static uint32_t count_bits(uint64_t bits)
{
    uint32_t n = 0;
    for (; bits; bits &= bits - 1)
        n++;
    return n;
}

/* Halve the number of cells along both sides; bit x of row y. */
static void coarsen(uint64_t rows[FINEST], uint32_t side)
{
    for (uint32_t y = 0; y < side / 2; y++) {
        const uint64_t both = rows[2 * y] | rows[2 * y + 1];
        uint64_t half = 0;
        for (uint32_t x = 0; x < side / 2; x++)
            half |= (uint64_t)((both >> 2 * x & 3) != 0) << x;
        rows[y] = half;
    }
}

float spread_count(const float *x, const float *y, const uint32_t *members, uint32_t n)
{
    uint64_t rows[FINEST] = {0};
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        rows[cell_of(y[members[i]])] |= (uint64_t)1 << cell_of(x[members[i]]);
    for (uint32_t side = FINEST; side >= COARSEST; side /= 2) {
        for (uint32_t row = 0; row < side; row++)
            sum += count_bits(rows[row]);
        coarsen(rows, side);
    }
    return (float)sum / N_LEVELS;
}
