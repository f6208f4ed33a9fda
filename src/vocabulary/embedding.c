/* SPDX-License-Identifier: MIT */
#include "vocabulary/embedding.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool always(void)
{
    return true;
}

static void *copy(const int16_t *projection)
{
    const size_t n = (size_t)EMBEDDING_DIM * EMBEDDING_DIM;
    int16_t *made = mem_array(n, sizeof *made);
    if (made)
        memcpy(made, projection, n * sizeof *made);
    return made;
}

static void project(const void *packed, const uint8_t *descriptor, const uint8_t *centroid,
                    int32_t *out)
{
    const int16_t *row = packed;
    int16_t residual[EMBEDDING_DIM];
    for (int d = 0; d < EMBEDDING_DIM; d++)
        residual[d] = (int16_t)(descriptor[d] - centroid[d]);
    for (int i = 0; i < EMBEDDING_DIM; i++, row += EMBEDDING_DIM) {
        int32_t sum = 0;
        for (int d = 0; d < EMBEDDING_DIM; d++)
            sum += (int32_t)row[d] * residual[d];
        out[i] = sum;
    }
}

const embedding_kernel embedding_portable = {
    .name = "portable", .is_supported = always, .pack = copy, .project = project};

const embedding_kernel *embedding_kernel_find(const char *kernel)
{
#if defined(__x86_64__)
    if (!(kernel && strcmp(kernel, embedding_portable.name) == 0) &&
        embedding_avx2.is_supported())
        return &embedding_avx2;
#else
    (void)kernel;
#endif
    return &embedding_portable;
}

bovw_status embedding_init(const int16_t *projection, const embedding_kernel *kernel,
                           embedding *e, bovw_error *err)
{
    void *packed = kernel->pack(projection);
    if (!packed)
        return fail_memory(err, "projection of signatures");
    *e = (embedding){.kernel = kernel, .packed = packed};
    return BOVW_OK;
}

void embedding_free(embedding *e)
{
    free(e->packed);
    *e = (embedding){0};
}

void embedding_residual(const embedding *e, const uint8_t *descriptor,
                        const uint8_t *centroid, const int8_t *thresholds, int32_t *out)
{
    e->kernel->project(e->packed, descriptor, centroid, out);
    for (int i = 0; i < EMBEDDING_DIM; i++)
        out[i] -= thresholds[i] * EMBEDDING_STEP;
}
