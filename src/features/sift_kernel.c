/* SPDX-License-Identifier: MIT */
#include "features/sift_kernel.h"

#include <string.h>

/* Fastest first. */
static const sift_kernel *const kernels[] = {
#if defined(__x86_64__)
    &sift_kernel_avx512,
    &sift_kernel_avx2,
#endif
    &sift_kernel_portable,
};

enum {
    N_KERNELS = sizeof kernels / sizeof kernels[0]
};

const sift_kernel *sift_kernel_at(size_t i)
{
    for (size_t j = 0; j < N_KERNELS; j++) {
        if (kernels[j]->is_supported() && i-- == 0)
            return kernels[j];
    }
    return NULL;
}

const sift_kernel *sift_kernel_find(const char *name)
{
    for (size_t i = 0; name && sift_kernel_at(i); i++) {
        if (strcmp(name, sift_kernel_at(i)->name) == 0)
            return sift_kernel_at(i);
    }
    return sift_kernel_at(0);
}
