/* SPDX-License-Identifier: MIT
 *
 * Four lanes, which compilers turn into SSE2, NEON or plain C. */
#include "features/sift_kernel.h"

#include <math.h>

enum {
    LANES = 4,
    PART = 4
};
#define TARGET
#define NAME_TEXT "portable"
#define KERNEL    sift_kernel_portable

typedef float lanes __attribute__((vector_size(4 * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(4 * sizeof(int32_t))));
typedef float part __attribute__((vector_size(4 * sizeof(float))));
typedef int32_t part_mask __attribute__((vector_size(4 * sizeof(int32_t))));

static bool is_supported(void)
{
    return true;
}

static inline lanes square_root(lanes v)
{
    return (lanes){sqrtf(v[0]), sqrtf(v[1]), sqrtf(v[2]), sqrtf(v[3])};
}

static inline bool is_any(mask m)
{
    return (m[0] | m[1] | m[2] | m[3]) != 0;
}

#include "features/sift_kernel_template.h"
