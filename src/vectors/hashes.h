/* hashes.h - K hashes in each of L tables: random projections, cut into sides (cosine)
 * or into cells of a width (distances), and combined to one code a table.
 *
 * The code before it is finished is a sum over the hashes, cell times multiplier, so
 * that a step to the next cell is one addition. */
#ifndef VECTORS_HASHES_H
#define VECTORS_HASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vectors/probes.h"
#include "vectors/products.h"

typedef struct hashes {
    bool is_sides;     /* of planes; else cells */
    uint32_t n_hashes; /* of a table */
    uint32_t n_tables;
    double width;      /* of a cell */
    size_t stride;     /* of a projection */
    float *rows;       /* (n_tables, n_hashes, stride) */
    double *shifts;    /* (n_tables, n_hashes): sides: what is subtracted; cells: share of
                        * a width that is added */
    uint64_t *factors; /* (n_tables, n_hashes) of the cells in the sum */
} hashes;

/* What hashes are made of. Hash i of table t is the same whatever n_hashes and n_tables
 * are. */
typedef struct hashes_plan {
    bool is_sides;
    uint32_t n_hashes, n_tables;
    double width;
    uint32_t dim;        /* values of a vector */
    size_t stride;       /* dim filled up with zeros, for the kernel */
    const float *centre; /* (stride,) that planes pass through; NULL: the origin */
    uint64_t seed;
} hashes_plan;

/* false without memory. */
bool hashes_new(const hashes_plan *plan, const product_kernel *kernel, hashes *h);
void hashes_free(hashes *h); /* a zeroed one is fine */

/* A plan's projection i of table t, (dim,). Its values are normal: sums of 1,024 random
 * bits, exact on every machine, with a uniform part between their steps. hashes_new()
 * then makes the rows of a table orthogonal, at their lengths. */
void hashes_row(uint64_t seed, uint32_t t, uint32_t i, uint32_t dim, float *row);

/* Codes of a table have so many bits. */
uint32_t hashes_bits(const hashes *h);

/* The code of a vector from its products with the table's rows, `step` floats one after
 * the other. */
uint64_t hashes_code(const hashes *h, uint32_t table, const float *products, size_t step);

/* The same, before it is finished, with the steps to other cells: (n_hashes,) of sides,
 * (2 n_hashes,) of cells; returns how many. A step costs the square of the distance to
 * that cell, in widths for cells. */
uint32_t hashes_steps(const hashes *h, uint32_t table, const float *products, size_t step,
                      uint64_t *sum, probe_step *steps);
uint64_t hashes_finish(const hashes *h, uint64_t sum);

#endif
