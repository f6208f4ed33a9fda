/* query_words.h - the visual words of a query's features, and their signatures
 * within them. */
#ifndef SEARCH_QUERY_WORDS_H
#define SEARCH_QUERY_WORDS_H

#include "bovw/search.h"

typedef struct query_words {
    const bovw_features *features; /* borrowed */
    uint32_t n, r;                 /* features, words of each that are used */
    uint32_t stride;               /* words of each that there are, at least r */
    uint32_t *words;               /* (n, stride) nearest first */
    uint32_t *distances;           /* (n, stride) squared, to the words' centroids */
    uint64_t *signatures;          /* (n, stride, 2), where they were asked for */
    size_t words_capacity, distances_capacity, signatures_capacity;
} query_words;

/* Find the r nearest words of each feature, and the signatures where is_signed.
 * Zero *q before the first use; free it with query_words_free(). */
bovw_status query_words_find(query_words *q, const bovw_vocabulary *vocabulary,
                             const bovw_features *features, uint32_t r, bool is_signed,
                             const bovw_compute *compute, bovw_error *err);
void query_words_free(query_words *q);

/* The same with the r nearest words alone; borrows from q. */
static inline query_words query_words_first(const query_words *q, uint32_t r)
{
    query_words first = *q;
    first.r = r < q->stride ? r : q->stride;
    return first;
}

#endif
