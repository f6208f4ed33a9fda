/* SPDX-License-Identifier: MIT */
#include "report/outline.h"

#include <math.h>

bool outline_side(const float transform[9], uint32_t width, uint32_t height, int side,
                  draw_point ends[2])
{
    /* Pixel centres are whole numbers, so the border is half a pixel outside. */
    const double right = width - 0.5, bottom = height - 0.5;
    const double corners[4][2] = {
        {-0.5, -0.5}, {right, -0.5}, {right, bottom}, {-0.5, bottom}};
    double moved[2][3]; /* homogeneous */

    for (int i = 0; i < 2; i++) {
        const double *corner = corners[(side + i) % 4];
        for (int row = 0; row < 3; row++)
            moved[i][row] = (double)transform[3 * row] * corner[0] +
                            (double)transform[3 * row + 1] * corner[1] +
                            (double)transform[3 * row + 2];
    }
    const double nearest = 1e-4 * fmax(fabs(moved[0][2]), fabs(moved[1][2]));
    if (!(moved[0][2] > nearest) && !(moved[1][2] > nearest))
        return false;
    for (int i = 0; i < 2; i++) {
        const double *end = moved[i], *other = moved[1 - i];
        double x = end[0], y = end[1], w = end[2];
        if (!(w > nearest)) {
            const double t = (nearest - w) / (other[2] - w);
            x += t * (other[0] - x);
            y += t * (other[1] - y);
            w = nearest;
        }
        ends[i] = (draw_point){x / w, y / w};
    }
    return true;
}
