/* SPDX-License-Identifier: MIT
 *
 * Two orders over the same names: by text for exact look-ups, and by reversed
 * text, in which all names that end alike are neighbours.
 */
#include "base/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct name_table {
    const char *const *names;
    uint32_t n;
    uint32_t *forward;  /* (n,) indices sorted by name, then index */
    uint32_t *backward; /* (n,) indices sorted by reversed name, then index */
};

static int compare_reversed(const char *a, const char *b)
{
    size_t i = strlen(a), j = strlen(b);
    while (i > 0 && j > 0) {
        const unsigned char x = (unsigned char)a[--i], y = (unsigned char)b[--j];
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (i > 0) - (j > 0);
}

/* The same, with a slash in front of b. */
static int compare_path_end(const char *a, const char *b)
{
    size_t i = strlen(a), j = strlen(b) + 1;
    while (i > 0 && j > 0) {
        const unsigned char x = (unsigned char)a[--i];
        const unsigned char y = --j > 0 ? (unsigned char)b[j - 1] : '/';
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (i > 0) - (j > 0);
}

typedef int compare_fn(const char *a, const char *b);

/* Sift-down of a heap sort: no recursion, no scratch, any input. */
static void sift(const char *const *names, uint32_t *order, uint32_t root, uint32_t n,
                 compare_fn *compare)
{
    for (;;) {
        uint64_t child = 2 * (uint64_t)root + 1;
        if (child >= n)
            return;
        if (child + 1 < n) {
            const int c = compare(names[order[child]], names[order[child + 1]]);
            if (c < 0 || (c == 0 && order[child] < order[child + 1]))
                child++;
        }
        const int c = compare(names[order[root]], names[order[child]]);
        if (c > 0 || (c == 0 && order[root] > order[child]))
            return;
        const uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
        root = (uint32_t)child;
    }
}

static void sort_names(const char *const *names, uint32_t *order, uint32_t n,
                       compare_fn *compare)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n / 2; i-- > 0;)
        sift(names, order, i, n, compare);
    for (uint32_t end = n; end-- > 1;) {
        const uint32_t swap = order[0];
        order[0] = order[end];
        order[end] = swap;
        sift(names, order, 0, end, compare);
    }
}

bovw_status name_table_new(const char *const *names, uint32_t n, name_table **table,
                           bovw_error *err)
{
    name_table *made = mem_array(1, sizeof *made);
    if (made) {
        made->names = names;
        made->n = n;
        made->forward = mem_array(n, sizeof *made->forward);
        made->backward = mem_array(n, sizeof *made->backward);
    }
    if (!made || !made->forward || !made->backward) {
        name_table_free(made);
        return fail(err, BOVW_ERR_NOMEM, "out of memory: table of %u names", n);
    }
    sort_names(names, made->forward, n, strcmp);
    sort_names(names, made->backward, n, compare_reversed);
    *table = made;
    return BOVW_OK;
}

void name_table_free(name_table *table)
{
    if (!table)
        return;
    free(table->forward);
    free(table->backward);
    free(table);
}

/* First position in order whose name is not less than `name`. */
static uint32_t lower_bound(const name_table *table, const uint32_t *order,
                            const char *name, compare_fn *compare)
{
    uint32_t low = 0, high = table->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare(table->names[order[middle]], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t name_table_exact(const name_table *table, const char *name)
{
    const uint32_t at = lower_bound(table, table->forward, name, strcmp);
    if (at < table->n && strcmp(table->names[table->forward[at]], name) == 0)
        return table->forward[at];
    return NAME_NONE;
}

static bool ends_with_path(const char *name, const char *end)
{
    const size_t length = strlen(name), end_length = strlen(end);
    return length > end_length && name[length - end_length - 1] == '/' &&
           strcmp(name + length - end_length, end) == 0;
}

uint32_t name_table_find(const name_table *table, const char *name)
{
    const uint32_t exact = name_table_exact(table, name);
    if (exact != NAME_NONE)
        return exact;

    /* Names that end with "/name" follow each other from where "/name" would
     * stand in the reversed order. */
    const uint32_t at = lower_bound(table, table->backward, name, compare_path_end);
    if (at >= table->n || !ends_with_path(table->names[table->backward[at]], name))
        return NAME_NONE;
    if (at + 1 < table->n && ends_with_path(table->names[table->backward[at + 1]], name))
        return NAME_NONE;
    return table->backward[at];
}
