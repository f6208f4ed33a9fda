/* SPDX-License-Identifier: MIT */
#include "vocabulary/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/vocabulary.h"

/* Fastest first. */
static const nearest_kernel *const kernels[] = {
#if defined(__x86_64__)
    &nearest_vnni,
    &nearest_avx2,
#elif NEAREST_HAS_NEON
    &nearest_neon,
#endif
    &nearest_portable,
};

enum {
    N_KERNELS = sizeof kernels / sizeof kernels[0]
};

struct nearest {
    const nearest_kernel *kernel;
    const uint8_t *centroids; /* (k, 128) */
    uint32_t k;
    void *packed;
};

const char *bovw_kernel_name(size_t i)
{
    for (size_t j = 0; j < N_KERNELS; j++) {
        if (kernels[j]->is_supported() && i-- == 0)
            return kernels[j]->name;
    }
    return NULL;
}

bovw_status nearest_kernel_find(const char *name, const nearest_kernel **kernel,
                                bovw_error *err)
{
    const bool is_any = !name || strcmp(name, "auto") == 0;
    char known[128] = "";
    size_t length = 0;

    for (size_t i = 0; i < N_KERNELS; i++) {
        if (!kernels[i]->is_supported())
            continue;
        if (is_any || strcmp(name, kernels[i]->name) == 0) {
            *kernel = kernels[i];
            return BOVW_OK;
        }
        if (length < sizeof known)
            length += (size_t)snprintf(known + length, sizeof known - length, ", %s",
                                       kernels[i]->name);
    }
    return fail(err, BOVW_ERR_ARG, "no kernel \"%s\" for this processor, there are: auto%s",
                name, known);
}

bovw_status nearest_new(const uint8_t *centroids, uint32_t k, const nearest_kernel *kernel,
                        nearest **made, bovw_error *err)
{
    nearest *n = mem_array(1, sizeof *n);
    if (!n)
        return fail_memory(err, "vocabulary");
    *n = (nearest){.kernel = kernel, .centroids = centroids, .k = k};
    if (kernel->pack) {
        n->packed = kernel->pack(centroids, k);
        if (!n->packed) {
            nearest_free(n);
            return fail(err, BOVW_ERR_NOMEM, "out of memory: %u words for kernel %s", k,
                        kernel->name);
        }
    }
    *made = n;
    return BOVW_OK;
}

void nearest_free(nearest *made)
{
    if (made)
        free(made->packed);
    free(made);
}

const nearest_kernel *nearest_kernel_of(const nearest *made)
{
    return made->kernel;
}

void nearest_found_init(nearest_found *found, size_t n, uint32_t n_words)
{
    found->n_words = n_words;
    found->first = 0;
    found->all = NULL;
    for (size_t i = 0; i < n; i++) {
        found->limits[i] = NEAREST_FAR;
        for (uint32_t j = 0; j < n_words; j++)
            found->distances[i][j] = NEAREST_FAR;
    }
    for (size_t i = n; i < NEAREST_BLOCK; i++)
        found->limits[i] = INT32_MIN; /* takes nothing */
}

void nearest_take(nearest_found *found, size_t i, uint32_t word, uint32_t distance)
{
    uint32_t *distances = found->distances[i], *words = found->words[i];
    const uint32_t last = found->n_words - 1;
    uint32_t at = last;

    for (; at > 0 && distances[at - 1] > distance; at--) {
        distances[at] = distances[at - 1];
        words[at] = words[at - 1];
    }
    distances[at] = distance;
    words[at] = found->first + word;
    found->limits[i] = (int32_t)distances[last];
}

void nearest_add(const nearest *made, const uint8_t *descriptors, size_t n,
                 nearest_found *found)
{
    made->kernel->assign(made->centroids, made->packed, made->k, descriptors, n, found);
}

void nearest_measure(const nearest *made, const uint8_t *descriptors, size_t n,
                     uint32_t *distances, size_t stride)
{
    nearest_found found;
    nearest_found_init(&found, n, 1);
    found.all = distances;
    found.stride = stride;
    nearest_add(made, descriptors, n, &found);
}

static void run_block(const nearest *made, const uint8_t *descriptors, size_t n,
                      uint32_t n_words, uint32_t *words, uint32_t *distances)
{
    nearest_found found;
    nearest_found_init(&found, n, n_words);
    nearest_add(made, descriptors, n, &found);
    for (size_t i = 0; i < n; i++) {
        memcpy(words + i * n_words, found.words[i], n_words * sizeof *words);
        if (distances)
            memcpy(distances + i * n_words, found.distances[i],
                   n_words * sizeof *distances);
    }
}

void nearest_run(const nearest *made, const uint8_t *descriptors, size_t n,
                 uint32_t n_words, int n_threads, uint32_t *words, uint32_t *distances)
{
    /* The descriptors of one small image still keep every thread busy. */
    size_t block = n / (size_t)n_threads + 1;
    if (block > NEAREST_BLOCK)
        block = NEAREST_BLOCK;
    const size_t n_blocks = (n + block - 1) / block;

#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (size_t b = 0; b < n_blocks; b++) {
        const size_t first = b * block;
        const size_t size = n - first < block ? n - first : block;
        run_block(made, descriptors + first * BOVW_DESCRIPTOR_DIM, size, n_words,
                  words + first * n_words, distances ? distances + first * n_words : NULL);
    }
}
