/* SPDX-License-Identifier: MIT */
#include "bovw/eval.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

typedef struct part {
    char *set;
    uint32_t n_queries;
    double sums[BOVW_MAX_MEASURES];
} part;

struct bovw_summary {
    part all;    /* its set is NULL */
    part *parts; /* (n_parts,) sets in order of first appearance */
    uint32_t n_parts;
    size_t capacity;
    size_t n_measures;
};

bovw_status bovw_summary_new(bovw_summary **summary, bovw_error *err)
{
    bovw_summary *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "summary");
    while (bovw_measure(made->n_measures, NULL))
        made->n_measures++;
    *summary = made;
    return BOVW_OK;
}

void bovw_summary_free(bovw_summary *summary)
{
    if (!summary)
        return;
    for (uint32_t i = 0; i < summary->n_parts; i++)
        free(summary->parts[i].set);
    free(summary->parts);
    free(summary);
}

/* The set's part, a new one where it has none; NULL without memory. */
static part *find_part(bovw_summary *summary, const char *set)
{
    for (uint32_t i = 0; i < summary->n_parts; i++) {
        if (strcmp(summary->parts[i].set, set) == 0)
            return &summary->parts[i];
    }
    if (!mem_grow(&summary->parts, &summary->capacity, (size_t)summary->n_parts + 1,
                  sizeof *summary->parts))
        return NULL;
    char *copy = mem_text(set);
    if (!copy)
        return NULL;
    part *added = &summary->parts[summary->n_parts++];
    *added = (part){.set = copy};
    return added;
}

static void add_values(part *to, const double *values, size_t n)
{
    to->n_queries++;
    for (size_t i = 0; i < n; i++)
        to->sums[i] += values[i];
}

bovw_status bovw_summary_add(bovw_summary *summary, const char *set,
                             const double values[BOVW_MAX_MEASURES], bovw_error *err)
{
    part *of_set = find_part(summary, set);
    if (!of_set)
        return fail_memory(err, "summary");
    add_values(of_set, values, summary->n_measures);
    add_values(&summary->all, values, summary->n_measures);
    return BOVW_OK;
}

uint32_t bovw_summary_n_rows(const bovw_summary *summary)
{
    return summary->n_parts < 2 ? 1 : summary->n_parts + 1;
}

const char *bovw_summary_row(const bovw_summary *summary, uint32_t row, uint32_t *n_queries,
                             double means[BOVW_MAX_MEASURES])
{
    const uint32_t n_rows = bovw_summary_n_rows(summary);
    if (row >= n_rows)
        return NULL;
    const part *shown = row + 1 == n_rows ? &summary->all : &summary->parts[row];
    memset(means, 0, BOVW_MAX_MEASURES * sizeof *means);
    for (size_t i = 0; shown->n_queries && i < summary->n_measures; i++)
        means[i] = shown->sums[i] / shown->n_queries;
    *n_queries = shown->n_queries;
    return shown->set ? shown->set : "all";
}
