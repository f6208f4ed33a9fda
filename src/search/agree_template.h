/* agree_template.h - the code of the vector kernels of agree.h. Included once by
 * each of their files, which defines the registers (floats, ints, doubles, longs;
 * LANES floats, half as many doubles), how to turn a mask into bits, and the
 * instruction set (TARGET). The same operations in the same order as
 * agree_portable.c, lane by lane. */
#ifndef TARGET
#error "included by the kernels only"
#endif

#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))

enum {
    WIDE = LANES / 2 /* doubles at a time */
};

INLINE floats load(const float *from)
{
    floats v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE doubles load_wide(const float *from)
{
    half v;
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, doubles);
}

INLINE floats absolute(floats v)
{
    return (floats)((ints)v & 0x7fffffff);
}

/* Pairs [i, i + LANES) that agree, one bit each. */
INLINE uint32_t agreeing(const pair_columns *p, const similarity *h, uint32_t i)
{
    const float pi = 3.14159265358979323846f;
    const floats ax = load(p->ax + i), ay = load(p->ay + i), ratio = load(p->ratio + i);
    const floats u = h->c * ax - h->s * ay + h->x - load(p->bx + i);
    const floats v = h->s * ax + h->c * ay + h->y - load(p->by + i);
    const floats opposite = absolute(absolute(load(p->turn + i) - h->turn) - pi);
    return bits_of((u * u + v * v < h->max_error_sq) & (ratio >= h->least_ratio) &
                   (ratio <= h->most_ratio) & (opposite >= h->min_opposite));
}

/* The lowest n bits; n is less than 32. */
static inline uint32_t low_bits(uint32_t n)
{
    return (1u << n) - 1;
}

static inline uint32_t write_bits(uint32_t bits, uint32_t from, uint32_t *found, uint32_t n)
{
    for (; bits; bits &= bits - 1)
        found[n++] = from + (uint32_t)__builtin_ctz(bits);
    return n;
}

TARGET static uint32_t count(const pair_columns *pairs, const similarity *motion,
                             uint32_t from, uint32_t to, uint32_t least)
{
    const pair_columns p = *pairs;
    const similarity h = *motion;
    uint32_t n = 0, i = from;
    for (; to - i >= LANES; i += LANES) {
        if (n + (to - i) < least)
            return n;
        n += (uint32_t)__builtin_popcount(agreeing(&p, &h, i));
    }
    if (i < to)
        n += (uint32_t)__builtin_popcount(agreeing(&p, &h, i) & low_bits(to - i));
    return n;
}

TARGET static uint32_t list(const pair_columns *pairs, const similarity *motion,
                            uint32_t from, uint32_t to, uint32_t *found)
{
    const pair_columns p = *pairs;
    const similarity h = *motion;
    uint32_t n = 0, i = from;
    for (; to - i >= LANES; i += LANES)
        n = write_bits(agreeing(&p, &h, i), i, found, n);
    if (i < to)
        n = write_bits(agreeing(&p, &h, i) & low_bits(to - i), i, found, n);
    return n;
}

INLINE doubles row(const double m[3], doubles x, doubles y)
{
    return m[0] * x + m[1] * y + m[2];
}

TARGET static uint32_t select_near(const pair_columns *p, const double m[9],
                                   double tolerance_sq, uint32_t n, uint32_t *found)
{
    uint32_t n_found = 0;
    for (uint32_t i = 0; i < n; i += WIDE) {
        const doubles ax = load_wide(p->ax + i), ay = load_wide(p->ay + i);
        const doubles depth = row(m + 6, ax, ay), f = 1.0 / depth;
        const doubles u = f * row(m, ax, ay) - load_wide(p->bx + i);
        const doubles v = f * row(m + 3, ax, ay) - load_wide(p->by + i);
        uint32_t bits = bits_of_wide((depth > 0.0) & (u * u + v * v < tolerance_sq));
        if (n - i < WIDE)
            bits &= low_bits(n - i);
        n_found = write_bits(bits, i, found, n_found);
    }
    return n_found;
}

const agree_kernel KERNEL = {.name = NAME_TEXT,
                             .is_supported = is_supported,
                             .count = count,
                             .list = list,
                             .select = select_near};
