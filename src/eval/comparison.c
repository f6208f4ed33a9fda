/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/intern.h"
#include "base/memory.h"
#include "bovw/compare.h"

/* ---- parts ---------------------------------------------------------------- */

static void free_parts(bovw_comparison_part *parts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(parts[i].queries);
    free(parts);
}

/* Append a query; parts are filled in two rounds, of which the first counts. */
static void put(bovw_comparison_part *part, uint32_t query)
{
    if (part->queries)
        part->queries[part->n] = query;
    part->n++;
}

/* Distribute the queries: part_of (n_queries,) is the number of each one's part,
 * INTERN_NONE for none. */
static bool fill_parts(bovw_comparison_part *parts, uint32_t n_parts,
                       const uint32_t *part_of, uint32_t n_queries)
{
    for (uint32_t q = 0; q < n_queries; q++) {
        if (part_of[q] != INTERN_NONE)
            put(&parts[part_of[q]], q);
    }
    for (uint32_t i = 0; i < n_parts; i++) {
        parts[i].queries = mem_array(parts[i].n, sizeof *parts[i].queries);
        if (!parts[i].queries)
            return false;
        parts[i].n = 0;
    }
    for (uint32_t q = 0; q < n_queries; q++) {
        if (part_of[q] != INTERN_NONE)
            put(&parts[part_of[q]], q);
    }
    return true;
}

/* Number of the query's set, or of its set and group. */
static uint32_t part_number(intern *keys, const bovw_truth_query *query, bool by_group,
                            bool *ok)
{
    if (by_group && query->group[0] == '\0')
        return INTERN_NONE;
    char *key = mem_format("%s\n%s", query->set, by_group ? query->group : "");
    const uint32_t number = key ? intern_add(keys, key) : INTERN_NONE;
    *ok &= number != INTERN_NONE;
    free(key);
    return number;
}

/* One part of each set, or of each set and group, in order of appearance, with
 * room for one more. */
static bool make_parts(const bovw_comparison *c, bool by_group,
                       bovw_comparison_part **parts, uint32_t *n_parts)
{
    intern *keys = intern_new();
    uint32_t *part_of = mem_array(c->n_queries, sizeof *part_of);
    bool ok = keys && part_of;
    for (uint32_t q = 0; ok && q < c->n_queries; q++) {
        const bovw_truth_query query = bovw_truth_get(c->truth, q);
        part_of[q] = part_number(keys, &query, by_group, &ok);
    }
    if (ok) {
        *n_parts = intern_count(keys);
        *parts = mem_array((size_t)*n_parts + 1, sizeof **parts);
        ok = *parts;
    }
    for (uint32_t q = 0; ok && q < c->n_queries; q++) {
        const bovw_truth_query query = bovw_truth_get(c->truth, q);
        if (part_of[q] != INTERN_NONE && !(*parts)[part_of[q]].set)
            (*parts)[part_of[q]] = (bovw_comparison_part){
                .set = query.set, .group = by_group ? query.group : ""};
    }
    ok = ok && fill_parts(*parts, *n_parts, part_of, c->n_queries);
    intern_free(keys);
    free(part_of);
    return ok;
}

/* The overall row, as in a summary: the only one where there are no sets. */
static bool add_all(bovw_comparison *c)
{
    if (c->n_sets < 2) {
        c->sets[0].set = "all";
        return true;
    }
    if (bovw_truth_has_common_rankings(c->truth))
        return true;
    bovw_comparison_part *all = &c->sets[c->n_sets];
    *all = (bovw_comparison_part){.set = "all", .group = "", .n = c->n_queries};
    all->queries = mem_array(c->n_queries, sizeof *all->queries);
    if (!all->queries)
        return false;
    for (uint32_t q = 0; q < c->n_queries; q++)
        all->queries[q] = q;
    c->n_sets++;
    return true;
}

/* ---- the comparison ---------------------------------------------------------- */

bovw_status bovw_comparison_new(const bovw_truth *truth, const bovw_run *const *runs,
                                uint32_t n, bovw_comparison **comparison, bovw_error *err)
{
    bovw_comparison *c = mem_array(1, sizeof *c);
    if (!c)
        return fail_memory(err, "comparison");
    c->truth = truth;
    c->n_runs = n;
    c->n_queries = bovw_truth_n_queries(truth);
    const size_t size = (size_t)c->n_queries * BOVW_MAX_MEASURES;
    c->values = mem_array(n, size * sizeof *c->values);
    c->coverage = mem_array(n, sizeof *c->coverage);

    bovw_status status = BOVW_OK;
    if (!c->values || !c->coverage || !make_parts(c, false, &c->sets, &c->n_sets) ||
        !add_all(c) || !make_parts(c, true, &c->groups, &c->n_groups))
        status = fail_memory(err, "comparison");
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        status =
            bovw_run_evaluate(runs[i], truth, c->values + i * size, &c->coverage[i], err);
    if (status != BOVW_OK) {
        bovw_comparison_free(c);
        return status;
    }
    *comparison = c;
    return BOVW_OK;
}

void bovw_comparison_free(bovw_comparison *c)
{
    if (!c)
        return;
    if (c->sets)
        free_parts(c->sets, c->n_sets);
    if (c->groups)
        free_parts(c->groups, c->n_groups);
    free(c->values);
    free(c->coverage);
    free(c);
}

double bovw_comparison_value(const bovw_comparison *c, uint32_t run, uint32_t query,
                             size_t measure)
{
    return c->values[((size_t)run * c->n_queries + query) * BOVW_MAX_MEASURES + measure];
}

void bovw_comparison_means(const bovw_comparison *c, const bovw_comparison_part *part,
                           uint32_t run, double means[BOVW_MAX_MEASURES])
{
    for (size_t m = 0; m < BOVW_MAX_MEASURES; m++) {
        double sum = 0;
        for (uint32_t i = 0; i < part->n; i++)
            sum += bovw_comparison_value(c, run, part->queries[i], m);
        means[m] = part->n > 0 ? sum / part->n : 0;
    }
}

bovw_status bovw_comparison_paired(const bovw_comparison *c,
                                   const bovw_comparison_part *part, uint32_t a, uint32_t b,
                                   size_t measure, const bovw_paired_options *opts,
                                   bovw_paired *result, bovw_error *err)
{
    double *values = mem_array(part->n, 2 * sizeof *values);
    if (!values)
        return fail_memory(err, "comparison");
    for (uint32_t i = 0; i < part->n; i++) {
        values[i] = bovw_comparison_value(c, a, part->queries[i], measure);
        values[part->n + i] = bovw_comparison_value(c, b, part->queries[i], measure);
    }
    const bovw_status status =
        bovw_compare_paired(values, values + part->n, part->n, opts, result, err);
    free(values);
    return status;
}

typedef struct distance {
    double value;
    uint32_t query;
} distance;

static int compare_distances(const void *a, const void *b)
{
    const distance *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->query > y->query) - (x->query < y->query);
}

bovw_status bovw_comparison_order(const bovw_comparison *c, uint32_t a, uint32_t b,
                                  size_t measure, uint32_t *order, bovw_error *err)
{
    distance *distances = mem_array(c->n_queries, sizeof *distances);
    if (!distances)
        return fail_memory(err, "comparison");
    for (uint32_t q = 0; q < c->n_queries; q++)
        distances[q] = (distance){fabs(bovw_comparison_value(c, b, q, measure) -
                                       bovw_comparison_value(c, a, q, measure)),
                                  q};
    qsort(distances, c->n_queries, sizeof *distances, compare_distances);
    for (uint32_t q = 0; q < c->n_queries; q++)
        order[q] = distances[q].query;
    free(distances);
    return BOVW_OK;
}
