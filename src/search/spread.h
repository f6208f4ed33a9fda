/* spread.h - how many inliers a set is worth, given how they spread. */
#ifndef SEARCH_SPREAD_H
#define SEARCH_SPREAD_H

#include <stdint.h>

/*
 * The effective number of n points: the cells of a grid that hold any, averaged
 * over grids of 8, 16, 32 and 64 cells along the longer side of the image, in
 * [0, n] and at least 1 for any point. Points in one patch share cells and
 * count little.
 *
 *   x, y     (n,) normalised, as in consensus.h; beyond the image the nearest
 *            cell counts.
 *   members  (n,) which of them.
 */
float spread_count(const float *x, const float *y, const uint32_t *members, uint32_t n);

#endif
