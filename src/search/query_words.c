/* SPDX-License-Identifier: MIT */
#include "search/query_words.h"

#include <stdlib.h>

#include "base/memory.h"

bovw_status query_words_find(query_words *q, const bovw_vocabulary *vocabulary,
                             const bovw_features *features, uint32_t r, bool is_signed,
                             const bovw_compute *compute, bovw_error *err)
{
    const uint32_t k = bovw_vocabulary_size(vocabulary);
    q->features = features;
    q->n = features->n;
    q->r = q->stride = r < k ? r : k;
    const size_t n = (size_t)q->n * q->r;
    if (!mem_grow(&q->words, &q->words_capacity, n, sizeof *q->words) ||
        !mem_grow(&q->distances, &q->distances_capacity, n, sizeof *q->distances) ||
        (is_signed &&
         !mem_grow(&q->signatures, &q->signatures_capacity, 2 * n, sizeof *q->signatures)))
        return fail_memory(err, "words of a query");
    bovw_status status =
        bovw_vocabulary_assign_multiple(vocabulary, features->descriptors, q->n, q->r,
                                        compute, q->words, q->distances, err);
    if (status == BOVW_OK && is_signed)
        status = bovw_vocabulary_signatures(vocabulary, features->descriptors, q->n, q->r,
                                            q->words, compute, q->signatures, err);
    return status;
}

void query_words_free(query_words *q)
{
    free(q->words);
    free(q->distances);
    free(q->signatures);
    *q = (query_words){0};
}
