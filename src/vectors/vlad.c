/* SPDX-License-Identifier: MIT
 *
 * Descriptors and words are bytes, so that the sums of their differences are exact
 * integers. What follows is division and square roots in a fixed order, which
 * IEEE 754 defines to the bit. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "vectors/encoder.h"
#include "vectors/length.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM
};

static bovw_status assign(const bovw_encoder *e, const uint8_t *descriptors, size_t n,
                          uint32_t **words, bovw_error *err)
{
    const bovw_compute compute = {.n_threads = 1};
    uint32_t *made = mem_array(n, sizeof *made);
    if (!made)
        return fail_memory(err, "words of an image");
    const bovw_status status =
        bovw_vocabulary_assign(e->vocabulary, descriptors, n, &compute, made, NULL, err);
    if (status == BOVW_OK)
        *words = made;
    else
        free(made);
    return status;
}

/* sums (k, 128) of descriptor less word, by word; |a sum| <= 255 * 2^23. */
static void add_differences(const bovw_encoder *e, const uint8_t *descriptors, size_t n,
                            const uint32_t *words, int32_t *sums)
{
    const uint8_t *centroids = bovw_vocabulary_centroids(e->vocabulary);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *x = descriptors + i * DIM;
        const uint8_t *c = centroids + (size_t)words[i] * DIM;
        int32_t *sum = sums + (size_t)words[i] * DIM;
        for (int d = 0; d < DIM; d++)
            sum[d] += x[d] - c[d];
    }
}

/* 1, or 1 over the length of a word's part, or 0 where it has none. */
static double part_scale(const int32_t *sum, bool is_intra)
{
    double square = 0; /* of whole numbers: exact below 2^53 */
    for (int d = 0; is_intra && d < DIM; d++)
        square += (double)sum[d] * sum[d];
    return !is_intra ? 1 : square > 0 ? 1 / sqrt(square) : 0;
}

bovw_status encode_vlad(const bovw_encoder *e, const uint8_t *descriptors, size_t n,
                        float *vector, bovw_error *err)
{
    uint32_t *words = NULL;
    bovw_status status = assign(e, descriptors, n, &words, err);
    if (status != BOVW_OK)
        return status;
    int32_t *sums = mem_array(e->dim, sizeof *sums);
    if (!sums) {
        free(words);
        return fail_memory(err, "VLAD");
    }
    add_differences(e, descriptors, n, words, sums);
    for (size_t part = 0; part < e->dim; part += DIM) {
        const double scale =
            part_scale(sums + part, e->normalisation & BOVW_NORMALISE_INTRA);
        for (size_t d = part; d < part + DIM; d++)
            vector[d] = (float)(sums[d] * scale);
    }
    free(sums);
    free(words);
    if (e->normalisation & BOVW_NORMALISE_ROOT)
        encode_root(vector, e->dim);
    length_one(vector, e->dim);
    return BOVW_OK;
}

bovw_status encode_bow(const bovw_encoder *e, const uint8_t *descriptors, size_t n,
                       float *vector, bovw_error *err)
{
    uint32_t *words = NULL;
    const bovw_status status = assign(e, descriptors, n, &words, err);
    if (status != BOVW_OK)
        return status;
    for (size_t i = 0; i < e->dim; i++)
        vector[i] = 0;
    for (size_t i = 0; i < n; i++)
        vector[words[i]]++; /* exact below 2^24 */
    for (size_t i = 0; i < e->dim; i++)
        vector[i] /= (float)n;
    free(words);
    if (e->normalisation & BOVW_NORMALISE_ROOT)
        encode_root(vector, e->dim);
    return BOVW_OK;
}
