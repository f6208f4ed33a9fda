/* products.h - inner products, distances and intersections of many vectors.
 *
 * A kernel is one file and one line of the table in products.c. All give the
 * same bits: each sum has PRODUCT_LANES parts, part j of the terms j, j +
 * PRODUCT_LANES ... in ascending order, and the parts are added in halves: j and
 * j + 8, j and j + 4, j and j + 2, the last two.
 */
#ifndef VECTORS_PRODUCTS_H
#define VECTORS_PRODUCTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
    PRODUCT_LANES = 16,
    PRODUCT_QUERIES = 4 /* that one call compares with each row */
};

/* queries (PRODUCT_QUERIES, stride) and rows (n, stride), where stride is a
 * multiple of PRODUCT_LANES, aligned to 64 bytes and filled up with zeros;
 * results (n, PRODUCT_QUERIES). */
typedef void product_function(const float *queries, const float *rows, size_t n,
                              size_t stride, float *results);

typedef struct product_kernel {
    const char *name;
    bool (*is_supported)(void); /* by this processor */
    product_function *dots, *distances_sq;
    product_function *distances_l1;  /* sums of |x - y| */
    product_function *intersections; /* sums of min(x, y) */
} product_kernel;

extern const product_kernel product_portable;
#if defined(__x86_64__)
extern const product_kernel product_avx2;
#endif

/* The fastest one; for the name "portable" that one. */
const product_kernel *product_kernel_find(const char *name);

#endif
