/* random.h - seeded random numbers with explicit state.
 *
 * Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014 (SplitMix64): small, and good for sampling.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* A 64-bit value scrambled: distinct inputs give distinct outputs. */
static inline uint64_t random_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Next 64 bits; any start value of *state will do. */
static inline uint64_t random_next(uint64_t *state)
{
    const uint64_t value = random_mix(*state);
    *state += 0x9e3779b97f4a7c15u;
    return value;
}

/* Uniform in [0, n), n > 0: the high half of a 128-bit product. */
static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
    const uint64_t x = random_next(state);
    const uint64_t x_lo = (uint32_t)x, x_hi = x >> 32, n_lo = (uint32_t)n, n_hi = n >> 32;
    const uint64_t mid = x_hi * n_lo + ((x_lo * n_lo) >> 32);
    return x_hi * n_hi + (mid >> 32) + ((x_lo * n_hi + (uint32_t)mid) >> 32);
}

#endif
