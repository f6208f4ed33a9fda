/* SPDX-License-Identifier: MIT */
#include "bovw/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "vocabulary/nearest.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    HEAD_BYTES = 192 /* room for what the id covers before the centroids, aligned */
};

_Static_assert(HEAD_BYTES >= BOVW_FEATURE_OPTIONS_TEXT + 4 && HEAD_BYTES % 64 == 0,
               "options text, size, then aligned centroids");

struct bovw_vocabulary {
    bovw_feature_options options;
    uint32_t k;
    uint8_t *block;           /* HEAD_BYTES that end in options text and k, then (k, 128) */
    const uint8_t *centroids; /* in the block */
    char *summary;
    char id[33];
    nearest *nearest; /* for the fastest kernel */
};

/* Put options text and size right before the centroids: the id is the hash of
 * all three together. */
static void make_id(bovw_vocabulary *v)
{
    char text[BOVW_FEATURE_OPTIONS_TEXT];
    uint8_t id[16];

    bovw_feature_options_format(&v->options, text);
    const size_t text_bytes = strlen(text) + 1;
    uint8_t *start = v->block + HEAD_BYTES - 4 - text_bytes;
    memcpy(start, text, text_bytes);
    store_le32(v->block + HEAD_BYTES - 4, v->k);
    hash128(start, text_bytes + 4 + (size_t)v->k * DIM, id);
    hash_text(id, v->id);
}

static bovw_status check_summary(const char *summary, bovw_error *err)
{
    if (strlen(summary) > BOVW_MAX_SUMMARY)
        return fail(err, BOVW_ERR_ARG, "summary is longer than %d bytes", BOVW_MAX_SUMMARY);
    for (const char *c = summary; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return fail(err, BOVW_ERR_ARG, "summary has a control character");
    }
    return BOVW_OK;
}

static bovw_status vocabulary_fill(bovw_vocabulary *v, const bovw_feature_options *opts,
                                   const uint8_t *centroids, uint32_t k,
                                   const char *summary, bovw_error *err)
{
    const nearest_kernel *kernel;
    bovw_status status = nearest_kernel_find(NULL, &kernel, err);
    if (status != BOVW_OK)
        return status;
    v->options = *opts;
    v->k = k;
    v->summary = mem_text(summary);
    v->block = mem_array(HEAD_BYTES + (size_t)k * DIM, 1);
    if (!v->summary || !v->block)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: vocabulary of %u words", k);
    memcpy(v->block + HEAD_BYTES, centroids, (size_t)k * DIM);
    v->centroids = v->block + HEAD_BYTES;
    make_id(v);
    return nearest_new(v->centroids, k, kernel, &v->nearest, err);
}

bovw_status bovw_vocabulary_new(const bovw_feature_options *opts, const uint8_t *centroids,
                                uint32_t k, const char *summary,
                                bovw_vocabulary **vocabulary, bovw_error *err)
{
    if (k == 0 || k > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_ARG, "%u words are not in [1, %u]", k, BOVW_MAX_WORDS);
    bovw_status status = bovw_feature_options_check(opts, err);
    if (status == BOVW_OK)
        status = check_summary(summary ? summary : "", err);
    if (status != BOVW_OK)
        return status;

    bovw_vocabulary *v = mem_array(1, sizeof *v);
    if (!v)
        return fail_memory(err, "vocabulary");
    status = vocabulary_fill(v, opts, centroids, k, summary ? summary : "", err);
    if (status == BOVW_OK)
        *vocabulary = v;
    else
        bovw_vocabulary_close(v);
    return status;
}

void bovw_vocabulary_close(bovw_vocabulary *vocabulary)
{
    if (!vocabulary)
        return;
    nearest_free(vocabulary->nearest);
    free(vocabulary->summary);
    free(vocabulary->block);
    free(vocabulary);
}

uint32_t bovw_vocabulary_size(const bovw_vocabulary *vocabulary)
{
    return vocabulary->k;
}

const uint8_t *bovw_vocabulary_centroids(const bovw_vocabulary *vocabulary)
{
    return vocabulary->centroids;
}

const bovw_feature_options *bovw_vocabulary_options(const bovw_vocabulary *vocabulary)
{
    return &vocabulary->options;
}

const char *bovw_vocabulary_id(const bovw_vocabulary *vocabulary)
{
    return vocabulary->id;
}

const char *bovw_vocabulary_summary(const bovw_vocabulary *vocabulary)
{
    return vocabulary->summary;
}

bovw_status bovw_vocabulary_assign(const bovw_vocabulary *vocabulary,
                                   const uint8_t *descriptors, size_t n,
                                   const bovw_compute *compute, uint32_t *words,
                                   uint32_t *distances, bovw_error *err)
{
    return bovw_vocabulary_assign_multiple(vocabulary, descriptors, n, 1, compute, words,
                                           distances, err);
}

bovw_status bovw_vocabulary_assign_multiple(const bovw_vocabulary *vocabulary,
                                            const uint8_t *descriptors, size_t n,
                                            uint32_t r, const bovw_compute *compute,
                                            uint32_t *words, uint32_t *distances,
                                            bovw_error *err)
{
    const uint32_t max_r = vocabulary->k < NEAREST_WORDS ? vocabulary->k : NEAREST_WORDS;
    if (r == 0 || r > max_r)
        return fail(err, BOVW_ERR_ARG, "%u words a descriptor are not in [1, %u]", r,
                    max_r);
    const int n_threads = parallel_threads(compute);
    const nearest_kernel *kernel;
    bovw_status status =
        nearest_kernel_find(compute ? compute->kernel : NULL, &kernel, err);
    if (status != BOVW_OK)
        return status;

    if (kernel == nearest_kernel_of(vocabulary->nearest)) {
        nearest_run(vocabulary->nearest, descriptors, n, r, n_threads, words, distances);
        return BOVW_OK;
    }
    nearest *other = NULL;
    status = nearest_new(vocabulary->centroids, vocabulary->k, kernel, &other, err);
    if (status == BOVW_OK)
        nearest_run(other, descriptors, n, r, n_threads, words, distances);
    nearest_free(other);
    return status;
}
