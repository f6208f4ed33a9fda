/* SPDX-License-Identifier: MIT */
#include "vectors/products.h"

#include <string.h>

/* Fastest first; the last one runs anywhere. */
static const product_kernel *const kernels[] = {
#if defined(__x86_64__)
    &product_avx2,
#endif
    &product_portable,
};

const product_kernel *product_kernel_find(const char *name)
{
    const size_t n = sizeof kernels / sizeof *kernels;
    if (name && strcmp(name, product_portable.name) == 0)
        return &product_portable;
    for (size_t i = 0; i + 1 < n; i++) {
        if (kernels[i]->is_supported())
            return kernels[i];
    }
    return kernels[n - 1];
}
