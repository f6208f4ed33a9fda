/* SPDX-License-Identifier: MIT */
#include "search/agree.h"

/* Fastest first. */
static const agree_kernel *const kernels[] = {
#if defined(__x86_64__)
    &agree_avx512,
    &agree_avx2,
#endif
    &agree_portable,
};

const agree_kernel *agree_kernel_at(size_t i)
{
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
        if (kernels[k]->is_supported() && i-- == 0)
            return kernels[k];
    }
    return NULL;
}
