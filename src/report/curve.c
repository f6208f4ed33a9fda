/* SPDX-License-Identifier: MIT */
#include "report/curve.h"

size_t curve_ranks(const bovw_judgement *judgements, size_t n, uint32_t n_relevant,
                   uint32_t *ranks)
{
    size_t n_found = 0;
    uint32_t rank = 0;

    for (size_t i = 0; i < n && n_found < n_relevant; i++) {
        if (judgements[i] == BOVW_IGNORED)
            continue;
        rank++;
        if (judgements[i] == BOVW_RELEVANT)
            ranks[n_found++] = rank;
    }
    return n_found;
}

/* With the i-th relevant image, counted from 0. */
static double precision_with(const uint32_t *ranks, size_t i)
{
    return (double)(i + 1) / ranks[i];
}

static double precision_before(const uint32_t *ranks, size_t i)
{
    return ranks[i] > 1 ? (double)i / (ranks[i] - 1) : 1;
}

size_t curve_points(const uint32_t *ranks, size_t n_found, uint32_t n_relevant,
                    curve_point *points)
{
    size_t n = 0;
    points[n++] = (curve_point){0, 1};
    for (size_t i = 0; i < n_found; i++) {
        const double recall = (double)i / n_relevant;
        const double before = precision_before(ranks, i);
        if (before != points[n - 1].precision)
            points[n++] = (curve_point){recall, before};
        points[n++] = (curve_point){(double)(i + 1) / n_relevant, precision_with(ranks, i)};
    }
    return n;
}

void curve_add_interpolated(const uint32_t *ranks, size_t n_found, uint32_t n_relevant,
                            double sums[CURVE_LEVELS])
{
    double highest = 0;
    size_t i = n_found; /* those from i on are in `highest` */

    for (size_t level = CURVE_LEVELS; level-- > 0;) {
        /* In whole numbers: recall (i of n_relevant) >= level / 100. */
        while (i > 0 && (uint64_t)i * (CURVE_LEVELS - 1) >= (uint64_t)level * n_relevant) {
            i--;
            if (precision_with(ranks, i) > highest)
                highest = precision_with(ranks, i);
        }
        sums[level] += highest;
    }
}
