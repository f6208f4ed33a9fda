/* SPDX-License-Identifier: MIT */
#include "search/terms.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bovw_status terms_add(terms *t, term added, bovw_error *err)
{
    if (!mem_grow(&t->items, &t->capacity, t->n + 1, sizeof *t->items))
        return fail_memory(err, "terms of a query");
    t->items[t->n++] = added;
    return BOVW_OK;
}

bovw_status terms_copy(const terms *from, terms *to, bovw_error *err)
{
    if (!mem_grow(&to->items, &to->capacity, from->n, sizeof *to->items))
        return fail_memory(err, "terms of a query");
    if (from->n > 0)
        memcpy(to->items, from->items, from->n * sizeof *to->items);
    to->n = from->n;
    return BOVW_OK;
}

static int ascending(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

void terms_sort(terms *t)
{
    if (t->n > 0)
        qsort(t->items, t->n, sizeof *t->items, ascending);
}

void terms_free(terms *t)
{
    free(t->items);
    *t = (terms){0};
}
