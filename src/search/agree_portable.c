/* SPDX-License-Identifier: MIT
 *
 * The reference that the other kernels are tested against. Loops over blocks
 * of constant length without branches, which compilers turn into vector code.
 */
#include <math.h>

#include "search/agree.h"
#include "search/transform.h"

enum {
    BLOCK = 16
};

static const float pi = 3.14159265358979323846f;

static bool is_supported(void)
{
    return true;
}

/* Turns agree where their difference d in [0, 2 pi] is near 0 or near 2 pi,
 * that is, far from pi. */
static inline int32_t agrees(const pair_columns *p, const similarity *h, uint32_t i)
{
    const float u = h->c * p->ax[i] - h->s * p->ay[i] + h->x - p->bx[i];
    const float v = h->s * p->ax[i] + h->c * p->ay[i] + h->y - p->by[i];
    const float opposite = fabsf(fabsf(p->turn[i] - h->turn) - pi);
    return (u * u + v * v < h->max_error_sq) & (p->ratio[i] >= h->least_ratio) &
           (p->ratio[i] <= h->most_ratio) & (opposite >= h->min_opposite);
}

static uint32_t count(const pair_columns *pairs, const similarity *motion, uint32_t from,
                      uint32_t to, uint32_t least)
{
    const pair_columns p = *pairs;
    const similarity h = *motion;
    uint32_t n = 0, i = from;
    for (; to - i >= BLOCK; i += BLOCK) {
        int32_t sum = 0;
        if (n + (to - i) < least)
            return n;
        for (uint32_t k = 0; k < BLOCK; k++)
            sum += agrees(&p, &h, i + k);
        n += (uint32_t)sum;
    }
    for (; i < to; i++)
        n += (uint32_t)agrees(&p, &h, i);
    return n;
}

static uint32_t list(const pair_columns *p, const similarity *h, uint32_t from, uint32_t to,
                     uint32_t *found)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        if (agrees(p, h, i))
            found[n++] = i;
    }
    return n;
}

static uint32_t select_near(const pair_columns *p, const double m[9], double tolerance_sq,
                            uint32_t n, uint32_t *found)
{
    uint32_t n_found = 0;
    for (uint32_t i = 0; i < n; i++) {
        double x, y;
        if (!transform_apply(m, p->ax[i], p->ay[i], &x, &y))
            continue;
        const double u = x - p->bx[i], v = y - p->by[i];
        found[n_found] = i;
        n_found += u * u + v * v < tolerance_sq;
    }
    return n_found;
}

const agree_kernel agree_portable = {.name = "portable",
                                     .is_supported = is_supported,
                                     .count = count,
                                     .list = list,
                                     .select = select_near};
