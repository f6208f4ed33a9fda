/* SPDX-License-Identifier: MIT */
#include "vectors/hashes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum {
    NORMAL_WORDS = 16, /* of random bits in one normal number */
    CELL_BITS = 32
};

static uint64_t stream(uint64_t seed, uint32_t t, uint32_t i)
{
    return random_mix(random_mix(seed) ^ ((uint64_t)t << 32 | i));
}

/* In [0, 1). */
static double uniform(uint64_t *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* The variance of the bits is a quarter each, of the uniform part one twelfth. */
static float normal(uint64_t *random)
{
    int n = -32 * NORMAL_WORDS;
    for (int word = 0; word < NORMAL_WORDS; word++)
        n += __builtin_popcountll(random_next(random));
    const double deviation = 16.002604; /* sqrt(64 * 16 / 4 + 1 / 12) */
    return (float)(((double)n + uniform(random) - 0.5) / deviation);
}

void hashes_row(uint64_t seed, uint32_t t, uint32_t i, uint32_t dim, float *row)
{
    uint64_t random = stream(seed, t, i);
    for (uint32_t d = 0; d < dim; d++)
        row[d] = normal(&random);
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Take from a row what it has in common with the rows of its table before it, as many
 * as there are dimensions, and give it its length back: it is as random as before, but
 * the hashes of a table repeat each other less (Ji, Li, Yan, Zhang and Tian, "Super-bit
 * locality-sensitive hashing", NIPS 2012). */
static void turn_row(float *rows, uint32_t i, uint32_t dim, size_t stride)
{
    float *row = rows + i * stride;
    const double length_sq = dot(row, row, dim);
    for (uint32_t k = i - i % dim; k < i; k++) {
        const float *other = rows + k * stride;
        const double share = dot(row, other, dim) / dot(other, other, dim);
        for (uint32_t d = 0; d < dim; d++)
            row[d] = (float)((double)row[d] - share * (double)other[d]);
    }
    const double left_sq = dot(row, row, dim);
    const double scale = left_sq > 0 ? sqrt(length_sq / left_sq) : 1;
    for (uint32_t d = 0; d < dim; d++)
        row[d] = (float)(scale * (double)row[d]);
}

/* Products of the rows with the centre. */
static bool find_shifts(const hashes_plan *plan, const product_kernel *kernel, hashes *h)
{
    const size_t n = (size_t)h->n_tables * h->n_hashes;
    float *centres = mem_array(PRODUCT_QUERIES * h->stride, sizeof *centres);
    float *products = mem_array(n * PRODUCT_QUERIES, sizeof *products);
    const bool is_made = centres && products;
    if (is_made) {
        memcpy(centres, plan->centre, h->stride * sizeof *centres);
        kernel->dots(centres, h->rows, n, h->stride, products);
        for (size_t i = 0; i < n; i++)
            h->shifts[i] = (double)products[i * PRODUCT_QUERIES];
    }
    free(centres);
    free(products);
    return is_made;
}

bool hashes_new(const hashes_plan *plan, const product_kernel *kernel, hashes *h)
{
    const size_t n = (size_t)plan->n_tables * plan->n_hashes;
    *h = (hashes){.is_sides = plan->is_sides,
                  .n_hashes = plan->n_hashes,
                  .n_tables = plan->n_tables,
                  .width = plan->width,
                  .stride = plan->stride};
    h->rows = mem_array(n, plan->stride * sizeof *h->rows);
    h->shifts = mem_array(n, sizeof *h->shifts);
    h->factors = mem_array(n, sizeof *h->factors);
    if (!h->rows || !h->shifts || !h->factors)
        return false;
    for (size_t at = 0; at < n; at++) {
        const uint32_t t = (uint32_t)(at / plan->n_hashes);
        const uint32_t i = (uint32_t)(at % plan->n_hashes);
        hashes_row(plan->seed, t, i, plan->dim, h->rows + at * plan->stride);
        turn_row(h->rows + (size_t)t * plan->n_hashes * plan->stride, i, plan->dim,
                 plan->stride);
        uint64_t random = stream(~plan->seed, t, i);
        h->factors[at] = plan->is_sides ? UINT64_C(1) << i : random_next(&random) | 1;
        h->shifts[at] = plan->is_sides ? 0 : uniform(&random);
    }
    return !plan->centre || !plan->is_sides || find_shifts(plan, kernel, h);
}

void hashes_free(hashes *h)
{
    free(h->rows);
    free(h->shifts);
    free(h->factors);
}

uint32_t hashes_bits(const hashes *h)
{
    return h->is_sides ? h->n_hashes : CELL_BITS;
}

/* Beyond this far all cells are one: no conversion is undefined. */
static double bounded(double value)
{
    const double most = 4e18;
    return value > most ? most : value < -most ? -most : value;
}

uint64_t hashes_finish(const hashes *h, uint64_t sum)
{
    return h->is_sides ? sum : random_mix(sum) >> (64 - CELL_BITS);
}

uint64_t hashes_code(const hashes *h, uint32_t table, const float *products, size_t step)
{
    const size_t first = (size_t)table * h->n_hashes;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < h->n_hashes; i++) {
        const double product = (double)products[i * step], shift = h->shifts[first + i];
        if (h->is_sides)
            sum += product >= shift ? h->factors[first + i] : 0;
        else
            sum += (uint64_t)(int64_t)floor(bounded(product / h->width + shift)) *
                   h->factors[first + i];
    }
    return hashes_finish(h, sum);
}

uint32_t hashes_steps(const hashes *h, uint32_t table, const float *products, size_t step,
                      uint64_t *sum, probe_step *steps)
{
    const size_t first = (size_t)table * h->n_hashes;
    uint32_t n = 0;
    *sum = 0;
    for (uint32_t i = 0; i < h->n_hashes; i++) {
        const double product = (double)products[i * step], shift = h->shifts[first + i];
        const uint64_t factor = h->factors[first + i];
        if (h->is_sides) {
            const double margin = product - shift;
            *sum += margin >= 0 ? factor : 0;
            steps[n++] =
                (probe_step){margin * margin, margin >= 0 ? 0 - factor : factor, i};
            continue;
        }
        const double place = bounded(product / h->width + shift), cell = floor(place);
        const double below = place - cell, above = 1 - below;
        *sum += (uint64_t)(int64_t)cell * factor;
        steps[n++] = (probe_step){below * below, 0 - factor, i};
        steps[n++] = (probe_step){above * above, factor, i};
    }
    return n;
}
