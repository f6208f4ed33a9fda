/* terms.h - what a query looks for: words, how much each counts, and the
 * signatures within them. */
#ifndef SEARCH_TERMS_H
#define SEARCH_TERMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct term {
    uint32_t word;
    uint32_t source;       /* the query or image that it comes from */
    uint32_t feature;      /* he: terms of one feature follow each other */
    float share;           /* he: what burstiness within its source leaves of it */
    double weight;         /* tfidf: what the term frequency counts */
    uint64_t signature[2]; /* he, asmk */
} term;

typedef struct terms {
    term *items;
    size_t n, capacity;
} terms;

/* BOVW_ERR_NOMEM. */
bovw_status terms_add(terms *t, term added, bovw_error *err);

/* Sort by word, then source, then feature. */
void terms_sort(terms *t);

/* to gets the terms of from, whatever it had. BOVW_ERR_NOMEM. */
bovw_status terms_copy(const terms *from, terms *to, bovw_error *err);

/* The terms are gone, their memory is not. */
static inline void terms_clear(terms *t)
{
    t->n = 0;
}

void terms_free(terms *t);

#endif
