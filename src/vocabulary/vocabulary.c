/* SPDX-License-Identifier: MIT */
#include "bovw/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "vocabulary/embedding.h"
#include "vocabulary/groups.h"
#include "vocabulary/groups_bytes.h"
#include "vocabulary/nearest.h"
#include "vocabulary/vocabulary_parts.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    HEAD_BYTES = 192, /* room for what the id covers before the centroids, aligned */
    PROJECTION_BYTES = DIM * DIM * 2
};

_Static_assert(HEAD_BYTES >= BOVW_FEATURE_OPTIONS_TEXT + 4 && HEAD_BYTES % 64 == 0,
               "options text, size, then aligned centroids");

struct bovw_vocabulary {
    bovw_feature_options options;
    uint32_t k;
    uint8_t *block; /* HEAD_BYTES that end in options text and k, then (k, 128); then
                     * projection and thresholds where there is an embedding; then
                     * groups_bytes where there are groups */
    size_t block_bytes;
    const uint8_t *centroids; /* in the block */
    const int8_t *thresholds; /* (k, 128) in the block, or NULL */
    int16_t *projection;      /* (128, 128) or NULL; in the block it is little-endian */
    char *summary;
    char id[33];
    nearest *nearest;      /* for the fastest kernel; NULL where there are groups */
    groups *groups;        /* the same; NULL where words are found exactly */
    uint32_t n_probes;     /* groups searched */
    uint8_t *groups_bytes; /* in the block, or NULL */
    embedding embedding;   /* the same */
};

/* Put options text and size right before the centroids: the id is the hash of
 * these and everything after them. */
static void make_id(bovw_vocabulary *v)
{
    char text[BOVW_FEATURE_OPTIONS_TEXT];
    uint8_t id[16];

    bovw_feature_options_format(&v->options, text);
    const size_t text_bytes = strlen(text) + 1;
    uint8_t *start = v->block + HEAD_BYTES - 4 - text_bytes;
    memcpy(start, text, text_bytes);
    store_le32(v->block + HEAD_BYTES - 4, v->k);
    hash128(start, (size_t)(v->block + v->block_bytes - start), id);
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

static bovw_status copy_embedding(bovw_vocabulary *v, const bovw_embedding *from,
                                  bovw_error *err)
{
    uint8_t *at = v->block + HEAD_BYTES + (size_t)v->k * DIM;
    v->projection = mem_array((size_t)DIM * DIM, sizeof *v->projection);
    if (!v->projection)
        return fail_memory(err, "vocabulary");
    memcpy(v->projection, from->projection, PROJECTION_BYTES);
    for (int i = 0; i < DIM * DIM; i++)
        store_le16(at + (size_t)i * 2, (uint16_t)from->projection[i]);
    memcpy(at + PROJECTION_BYTES, from->thresholds, (size_t)v->k * DIM);
    v->thresholds = (const int8_t *)at + PROJECTION_BYTES;
    return embedding_init(v->projection, embedding_kernel_find(NULL), &v->embedding, err);
}

/* Make words findable: in their groups, or one after the other. */
static bovw_status make_findable(bovw_vocabulary *v, const vocabulary_parts *from,
                                 bovw_error *err)
{
    const nearest_kernel *kernel;
    const bovw_status status = nearest_kernel_find(NULL, &kernel, err);
    if (status != BOVW_OK)
        return status;
    if (!from->layout)
        return nearest_new(v->centroids, v->k, kernel, &v->nearest, err);
    v->n_probes = from->n_probes;
    return groups_from(from->layout, v->centroids, v->k, kernel, &v->groups, err);
}

static bovw_status vocabulary_fill(bovw_vocabulary *v, const vocabulary_parts *from,
                                   bovw_error *err)
{
    const size_t word_bytes = (size_t)from->k * DIM;
    bovw_status status = BOVW_OK;

    v->options = *from->options;
    v->k = from->k;
    v->summary = mem_text(from->summary ? from->summary : "");
    v->block_bytes = HEAD_BYTES + word_bytes;
    if (from->embedding)
        v->block_bytes += PROJECTION_BYTES + word_bytes;
    const size_t groups_at = v->block_bytes;
    if (from->layout)
        v->block_bytes += groups_n_bytes(from->layout);
    v->block = mem_array(v->block_bytes, 1);
    if (!v->summary || !v->block)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: vocabulary of %u words", v->k);
    memcpy(v->block + HEAD_BYTES, from->centroids, word_bytes);
    v->centroids = v->block + HEAD_BYTES;
    if (from->embedding)
        status = copy_embedding(v, from->embedding, err);
    if (status == BOVW_OK)
        status = make_findable(v, from, err);
    if (status == BOVW_OK && from->layout) {
        v->groups_bytes = v->block + groups_at;
        groups_store(from->layout, from->n_probes, v->groups_bytes);
    }
    if (status == BOVW_OK)
        make_id(v);
    return status;
}

/* A row that is longer than 1 could overflow what is computed with it. */
static bovw_status check_embedding(const bovw_embedding *from, bovw_error *err)
{
    for (int i = 0; i < DIM; i++) {
        int64_t square = 0;
        for (int d = 0; d < DIM; d++)
            square +=
                (int32_t)from->projection[i * DIM + d] * from->projection[i * DIM + d];
        if (square > (int64_t)(EMBEDDING_ONE + DIM) * (EMBEDDING_ONE + DIM))
            return fail(err, BOVW_ERR_ARG, "row %d of the projection is longer than 1", i);
    }
    return BOVW_OK;
}

bovw_status vocabulary_make(const vocabulary_parts *parts, bovw_vocabulary **vocabulary,
                            bovw_error *err)
{
    if (parts->k == 0 || parts->k > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_ARG, "%u words are not in [1, %u]", parts->k,
                    BOVW_MAX_WORDS);
    bovw_status status = bovw_feature_options_check(parts->options, err);
    if (status == BOVW_OK)
        status = check_summary(parts->summary ? parts->summary : "", err);
    if (status == BOVW_OK && parts->embedding)
        status = check_embedding(parts->embedding, err);
    if (status != BOVW_OK)
        return status;

    bovw_vocabulary *v = mem_array(1, sizeof *v);
    if (!v)
        return fail_memory(err, "vocabulary");
    status = vocabulary_fill(v, parts, err);
    if (status == BOVW_OK)
        *vocabulary = v;
    else
        bovw_vocabulary_close(v);
    return status;
}

vocabulary_parts vocabulary_parts_of(const bovw_vocabulary *vocabulary,
                                     bovw_embedding *learned)
{
    const bovw_vocabulary *v = vocabulary;
    *learned = (bovw_embedding){v->projection, v->thresholds};
    return (vocabulary_parts){.options = &v->options,
                              .centroids = v->centroids,
                              .k = v->k,
                              .embedding = v->projection ? learned : NULL,
                              .layout = v->groups ? groups_layout_of(v->groups) : NULL,
                              .n_probes = v->n_probes,
                              .summary = v->summary};
}

const uint8_t *vocabulary_groups_bytes(const bovw_vocabulary *vocabulary, size_t *n)
{
    *n = vocabulary->groups ? groups_n_bytes(groups_layout_of(vocabulary->groups)) : 0;
    return vocabulary->groups_bytes;
}

bovw_status bovw_vocabulary_new_embedded(const bovw_feature_options *opts,
                                         const uint8_t *centroids, uint32_t k,
                                         const bovw_embedding *from, const char *summary,
                                         bovw_vocabulary **vocabulary, bovw_error *err)
{
    const vocabulary_parts parts = {.options = opts,
                                    .centroids = centroids,
                                    .k = k,
                                    .embedding = from,
                                    .summary = summary};
    return vocabulary_make(&parts, vocabulary, err);
}

bovw_status bovw_vocabulary_new(const bovw_feature_options *opts, const uint8_t *centroids,
                                uint32_t k, const char *summary,
                                bovw_vocabulary **vocabulary, bovw_error *err)
{
    return bovw_vocabulary_new_embedded(opts, centroids, k, NULL, summary, vocabulary, err);
}

void bovw_vocabulary_close(bovw_vocabulary *vocabulary)
{
    if (!vocabulary)
        return;
    nearest_free(vocabulary->nearest);
    groups_free(vocabulary->groups);
    embedding_free(&vocabulary->embedding);
    free(vocabulary->projection);
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

bovw_word_groups bovw_vocabulary_groups(const bovw_vocabulary *vocabulary)
{
    bovw_word_groups result = {0};
    if (vocabulary->groups) {
        const groups_layout *layout = groups_layout_of(vocabulary->groups);
        result.n_levels = layout->n_levels;
        result.n_groups = layout->levels[layout->n_levels - 1].n;
        result.n_probes = vocabulary->n_probes;
    }
    return result;
}

bovw_status bovw_vocabulary_assign(const bovw_vocabulary *vocabulary,
                                   const uint8_t *descriptors, size_t n,
                                   const bovw_compute *compute, uint32_t *words,
                                   uint32_t *distances, bovw_error *err)
{
    return bovw_vocabulary_assign_multiple(vocabulary, descriptors, n, 1, compute, words,
                                           distances, err);
}

/* With a kernel that is not the vocabulary's, the words are packed for it first. */
static bovw_status assign_exactly(const bovw_vocabulary *v, const uint8_t *descriptors,
                                  size_t n, uint32_t r, const nearest_kernel *kernel,
                                  int n_threads, uint32_t *words, uint32_t *distances,
                                  bovw_error *err)
{
    nearest *other = NULL;
    bovw_status status = BOVW_OK;
    if (kernel != nearest_kernel_of(v->nearest))
        status = nearest_new(v->centroids, v->k, kernel, &other, err);
    if (status == BOVW_OK)
        nearest_run(other ? other : v->nearest, descriptors, n, r, n_threads, words,
                    distances);
    nearest_free(other);
    return status;
}

static bovw_status assign_in_groups(const bovw_vocabulary *v, const uint8_t *descriptors,
                                    size_t n, uint32_t r, const nearest_kernel *kernel,
                                    int n_threads, uint32_t *words, uint32_t *distances,
                                    bovw_error *err)
{
    groups *other = NULL;
    bovw_status status = BOVW_OK;
    if (kernel != groups_kernel_of(v->groups))
        status = groups_from(groups_layout_of(v->groups), v->centroids, v->k, kernel,
                             &other, err);
    if (status == BOVW_OK)
        status = groups_run(other ? other : v->groups, descriptors, n, r, v->n_probes,
                            n_threads, words, distances, err);
    groups_free(other);
    return status;
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

    if (vocabulary->groups)
        return assign_in_groups(vocabulary, descriptors, n, r, kernel, n_threads, words,
                                distances, err);
    return assign_exactly(vocabulary, descriptors, n, r, kernel, n_threads, words,
                          distances, err);
}

/* ---- signatures ----------------------------------------------------------- */

bool bovw_vocabulary_has_signatures(const bovw_vocabulary *vocabulary)
{
    return vocabulary->projection != NULL;
}

const int16_t *vocabulary_projection(const bovw_vocabulary *vocabulary)
{
    return vocabulary->projection;
}

const int8_t *vocabulary_thresholds(const bovw_vocabulary *vocabulary)
{
    return vocabulary->thresholds;
}

static void residual_of(const bovw_vocabulary *v, const embedding *e,
                        const uint8_t *descriptor, uint32_t word, int32_t *out)
{
    embedding_residual(e, descriptor, v->centroids + (size_t)word * DIM,
                       v->thresholds + (size_t)word * DIM, out);
}

static uint64_t signs(const int32_t *values)
{
    uint64_t bits = 0;
    for (int i = 0; i < EMBEDDING_HALF; i++)
        bits |= (uint64_t)(values[i] > 0) << i;
    return bits;
}

static void sign_all(const bovw_vocabulary *v, const embedding *e,
                     const uint8_t *descriptors, size_t n, uint32_t n_words,
                     const uint32_t *words, int n_threads, uint64_t *signatures)
{
    (void)n_threads;
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i * n_words; j < (i + 1) * n_words; j++) {
            int32_t residual[DIM];
            residual_of(v, e, descriptors + i * DIM, words[j], residual);
            signatures[2 * j] = signs(residual);
            signatures[2 * j + 1] = signs(residual + EMBEDDING_HALF);
        }
    }
}

bovw_status bovw_vocabulary_signatures(const bovw_vocabulary *vocabulary,
                                       const uint8_t *descriptors, size_t n,
                                       uint32_t n_words, const uint32_t *words,
                                       const bovw_compute *compute, uint64_t *signatures,
                                       bovw_error *err)
{
    if (!vocabulary->projection)
        return fail(err, BOVW_ERR_ARG,
                    "the vocabulary has no signatures: train it again with this version");
    for (size_t i = 0; i < n * n_words; i++) {
        if (words[i] >= vocabulary->k)
            return fail(err, BOVW_ERR_ARG, "word %u of a vocabulary of %u", words[i],
                        vocabulary->k);
    }
    const embedding_kernel *kernel =
        embedding_kernel_find(compute ? compute->kernel : NULL);
    embedding other = {0};
    bovw_status status = BOVW_OK;
    const bool is_other = kernel != vocabulary->embedding.kernel;
    if (is_other)
        status = embedding_init(vocabulary->projection, kernel, &other, err);
    if (status == BOVW_OK)
        sign_all(vocabulary, is_other ? &other : &vocabulary->embedding, descriptors, n,
                 n_words, words, parallel_threads(compute), signatures);
    embedding_free(&other);
    return status;
}

/* Signs of sums, which need 64 bits. */
static uint64_t signs_of_sums(const int64_t *sums)
{
    uint64_t bits = 0;
    for (int i = 0; i < EMBEDDING_HALF; i++)
        bits |= (uint64_t)(sums[i] > 0) << i;
    return bits;
}

size_t vocabulary_aggregate(const bovw_vocabulary *vocabulary, const uint8_t *descriptors,
                            const uint64_t *keys, size_t n, uint32_t *words,
                            uint64_t *signatures)
{
    size_t n_made = 0;
    for (size_t i = 0; i < n; n_made++) {
        const uint32_t word = (uint32_t)(keys[i] >> 32);
        int64_t sums[DIM] = {0};
        for (; i < n && keys[i] >> 32 == word; i++) {
            int32_t residual[DIM];
            residual_of(vocabulary, &vocabulary->embedding,
                        descriptors + (size_t)(uint32_t)keys[i] * DIM, word, residual);
            for (int b = 0; b < DIM; b++)
                sums[b] += residual[b];
        }
        if (words)
            words[n_made] = word;
        signatures[2 * n_made] = signs_of_sums(sums);
        signatures[2 * n_made + 1] = signs_of_sums(sums + EMBEDDING_HALF);
    }
    return n_made;
}
