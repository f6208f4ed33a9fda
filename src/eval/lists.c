/* SPDX-License-Identifier: MIT
 *
 * Entries sorted by query and name, so that a judgement is a binary search. */
#include "eval/lists.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/memory.h"

typedef struct entry {
    uint32_t query;
    uint32_t name;
    uint32_t judgement;
    uint32_t place;
} entry;

typedef struct list {
    intern *names;
    entry *entries; /* (n,) */
    size_t n, capacity;
    size_t *first; /* (n_queries + 1,) */
} list;

static void list_free(void *state)
{
    list *l = state;
    intern_free(l->names);
    free(l->entries);
    free(l->first);
    free(l);
}

static bovw_judgement judge(const void *state, uint32_t query, uint32_t name)
{
    const list *l = state;
    size_t low = l->first[query], high = l->first[query + 1];
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (l->entries[middle].name < name)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < l->first[query + 1] && l->entries[low].name == name)
        return (bovw_judgement)l->entries[low].judgement;
    return BOVW_WRONG;
}

bovw_status lists_begin(bovw_truth *truth, bovw_error *err)
{
    list *l = mem_array(1, sizeof *l);
    if (!l)
        return fail_memory(err, truth_label(truth));
    truth->rules = l;
    truth->rules_free = list_free;
    l->names = intern_new();
    return l->names ? BOVW_OK : fail_memory(err, truth_label(truth));
}

const char *lists_name(bovw_truth *truth, const char *name)
{
    list *l = truth->rules;
    const uint32_t number = intern_add(l->names, name);
    return number == INTERN_NONE ? NULL : intern_texts(l->names)[number];
}

bovw_status lists_add(bovw_truth *truth, const char *name, bovw_judgement judgement,
                      uint32_t place, bovw_error *err)
{
    list *l = truth->rules;
    const uint32_t number = intern_add(l->names, name);
    if (number == INTERN_NONE ||
        !mem_grow(&l->entries, &l->capacity, l->n + 1, sizeof *l->entries))
        return fail_memory(err, truth_label(truth));
    l->entries[l->n++] = (entry){.query = truth->n_queries - 1,
                                 .name = number,
                                 .judgement = (uint32_t)judgement,
                                 .place = place};
    return BOVW_OK;
}

/* Of one image and query, ignored comes first, then what was said earlier. */
static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    if (x->judgement != y->judgement)
        return x->judgement > y->judgement ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static bool is_same(const entry *a, const entry *b)
{
    return a->query == b->query && a->name == b->name;
}

/* The clash that the file has first. */
static bool find_clash(const bovw_truth *truth, const list *l, lists_clash *clash)
{
    const entry *found = NULL;
    for (size_t i = 1; i < l->n; i++) {
        const entry *a = &l->entries[i - 1], *b = &l->entries[i];
        if (!is_same(a, b))
            continue;
        const entry *later = a->place > b->place ? a : b;
        if (found && found->place <= later->place)
            continue;
        found = later;
        *clash = (lists_clash){.query = truth->queries[a->query].shown.name,
                               .name = intern_texts(l->names)[a->name],
                               .place = later->place,
                               .first_place = later == a ? b->place : a->place};
    }
    return found;
}

/* Count the relevant ones of each query and leave one entry of each image. */
static void merge(bovw_truth *truth, list *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n;) {
        bool is_relevant = false;
        size_t j = i;
        for (; j < l->n && is_same(&l->entries[i], &l->entries[j]); j++)
            is_relevant |= l->entries[j].judgement == BOVW_RELEVANT;
        truth->queries[l->entries[i].query].n_relevant += is_relevant;
        l->entries[kept++] = l->entries[i];
        i = j;
    }
    l->n = kept;
}

/* Drop the queries without relevant images, and their entries. */
static void drop_empty(bovw_truth *truth, list *l)
{
    size_t at = 0, kept = 0;
    uint32_t n_queries = 0;
    for (uint32_t q = 0; q < truth->n_queries; q++) {
        const bool is_kept = truth->queries[q].n_relevant > 0;
        if (is_kept) {
            l->first[n_queries] = kept;
            truth->queries[n_queries] = truth->queries[q];
        }
        for (; at < l->n && l->entries[at].query == q; at++) {
            if (is_kept) {
                l->entries[kept] = l->entries[at];
                l->entries[kept++].query = n_queries;
            }
        }
        n_queries += is_kept;
    }
    l->first[n_queries] = kept;
    l->n = kept;
    truth->n_queries = n_queries;
}

bovw_status lists_end(bovw_truth *truth, lists_clash *clash, bovw_error *err)
{
    list *l = truth->rules;
    l->first = mem_array((size_t)truth->n_queries + 1, sizeof *l->first);
    if (!l->first)
        return fail_memory(err, truth_label(truth));
    if (l->n > 0)
        qsort(l->entries, l->n, sizeof *l->entries, compare_entries);
    if (clash && find_clash(truth, l, clash))
        return BOVW_ERR_CORRUPT;
    merge(truth, l);
    drop_empty(truth, l);
    truth->names = intern_texts(l->names);
    truth->n_names = intern_count(l->names);
    truth->judge = judge;
    if (truth->n_queries == 0)
        return fail(err, BOVW_ERR_CORRUPT, "%s: no query has a relevant image",
                    truth_label(truth));
    return BOVW_OK;
}
