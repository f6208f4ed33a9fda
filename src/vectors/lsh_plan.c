/* SPDX-License-Identifier: MIT
 *
 * How many hashes, tables and probes. The projections of the sample's queries, of their
 * nearest and of some other vectors are made once, for the most hashes and tables.
 * For each K and W it is then counted, table after table, at which probe of any table so
 * far each vector turns up; that gives recall and candidates of every L and T at once.
 * All counts are whole numbers, so they do not depend on the order of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/order.h"
#include "base/parallel.h"
#include "base/random.h"
#include "vectors/lsh.h"

enum {
    OTHERS = 4096, /* vectors that stand for the database */
    FILTER_BITS = 12,
    FILTER = 1 << FILTER_BITS,
    MAX_TABLES = 32,
    MAX_WIDTHS = 2,
    MAX_HASHES_TRIED = 16,
    MAX_PROBES_TRIED = 14,
    WORSE = 2, /* values of K after the best, before the others are left out */
    FOUR = PRODUCT_QUERIES
};

/* Nanoseconds on the development machine, near enough to weigh one thing against the
 * other. */
static const double value_ns = 0.055;  /* of a vector, in a projection */
static const double candidate_ns = 60; /* to get at it */
static const double candidate_value_ns = 0.42;
static const double table_vector_ns = 250; /* to enter a vector in a table */
static const double bucket_ns[] = {
    [BOVW_DIRECTORY_LSI] = 400, [BOVW_DIRECTORY_HASH] = 150, [BOVW_DIRECTORY_SORTED] = 600};
/* One-sided, 99 %: the cheapest is taken of many, and luck makes some of them cheap. */
static const double n_errors = 2.326;

static const uint32_t probes_tried[MAX_PROBES_TRIED] = {1,  2,  3,  4,  6,  8,  12,
                                                        16, 24, 32, 48, 64, 96, 128};

/* What is tried. */
typedef struct grid {
    uint32_t hashes[MAX_HASHES_TRIED], n_hashes;
    double widths[MAX_WIDTHS];
    uint32_t n_widths;
    uint32_t probes[MAX_PROBES_TRIED], n_probes; /* ascending */
    uint32_t first_table, n_tables;              /* every L from one to the other */
} grid;

/* Counted for each L and number of probes, over all queries. */
typedef struct tally {
    uint64_t others, found, found_sq;
} tally;

typedef struct planner {
    bovw_lsh *lsh;
    const lsh_sample *sample;
    grid grid;
    uint32_t n_others, n_points; /* others, then each query's nearest, then queries */
    hashes all;                  /* the most hashes and tables */
    float *values;               /* (n_points / 4, n_tables, most hashes, 4) */
    hashes trial;                /* of some K, without rows */
    uint32_t n_coded;            /* points that are no queries */
    uint32_t *codes;             /* (n_tables, n_coded) */
    tally *tallies;              /* (n_threads, n_tables, n_probes) */
    double n_queries;            /* that will be asked */
} planner;

static const char out_of_memory[] = "choice of hashes";

/* ---- what is tried -------------------------------------------------------------- */

static void fill_hashes(grid *g, const bovw_lsh *lsh)
{
    const uint32_t given = lsh->facts.chosen.n_hashes;
    const uint32_t first = lsh_has_sides(lsh) ? 4 : 2;
    uint32_t most = lsh_has_sides(lsh) ? 6 : 2; /* beyond log2(n) */
    for (uint32_t n = lsh->n; n > 1; n /= 2)
        most++;
    if (given > 0) {
        g->hashes[g->n_hashes++] = given;
        return;
    }
    for (uint32_t k = first; k <= most && k <= 30 && g->n_hashes < MAX_HASHES_TRIED; k += 2)
        g->hashes[g->n_hashes++] = k;
}

static void fill_probes(grid *g, const bovw_lsh *lsh)
{
    const uint32_t given = lsh->facts.chosen.n_probes;
    if (given > 0) {
        g->probes[g->n_probes++] = given;
        return;
    }
    memcpy(g->probes, probes_tried, sizeof probes_tried);
    g->n_probes = MAX_PROBES_TRIED;
}

/* The median distance of a query of the sample from the last of its nearest; 0 without
 * memory. */
static double usual_distance(const bovw_lsh *lsh, const lsh_sample *sample)
{
    const size_t stride = lsh->prepared.stride;
    float *rows = mem_array(FOUR * stride, sizeof *rows), products[FOUR];
    double *distances = mem_array(sample->n, sizeof *distances), median = 0;
    for (uint32_t q = 0; rows && distances && q < sample->n; q++) {
        const uint32_t last = sample->nearest[(q + 1) * (size_t)sample->n_nearest - 1];
        memcpy(rows, lsh->rows + last * stride, stride * sizeof *rows);
        lsh->kernel->distances_sq(rows, sample->queries + q * stride, 1, stride, products);
        distances[q] = sqrt((double)products[0]);
    }
    if (rows && distances) {
        qsort(distances, sample->n, sizeof *distances, order_double);
        median = distances[sample->n / 2];
        if (median == 0) /* many are equal: any width separates the others */
            median = distances[sample->n - 1] > 0 ? distances[sample->n - 1] : 1;
    }
    free(rows);
    free(distances);
    return median;
}

static bool fill_widths(grid *g, const bovw_lsh *lsh, const lsh_sample *sample)
{
    const double given = lsh->facts.chosen.width;
    if (lsh_has_sides(lsh) || given > 0) {
        g->widths[g->n_widths++] = lsh_has_sides(lsh) ? 0 : given;
        return true;
    }
    const double distance = usual_distance(lsh, sample);
    for (double factor = 2; factor <= 4; factor *= 2)
        g->widths[g->n_widths++] = factor * distance;
    return distance > 0;
}

static bool fill_grid(grid *g, const bovw_lsh *lsh, const lsh_sample *sample)
{
    const uint32_t given = lsh->facts.chosen.n_tables;
    fill_hashes(g, lsh);
    fill_probes(g, lsh);
    g->first_table = given > 0 ? given : 1;
    g->n_tables = given > 0 ? given : MAX_TABLES;
    return fill_widths(g, lsh, sample);
}

/* ---- projections ---------------------------------------------------------------- */

/* Where a point's vector is. */
static const float *point(const planner *p, uint32_t i)
{
    const size_t stride = p->lsh->prepared.stride;
    if (i < p->n_others)
        return p->lsh->rows + (uint64_t)i * p->lsh->n / p->n_others * stride;
    if (i < p->n_coded)
        return p->lsh->rows + p->sample->nearest[i - p->n_others] * stride;
    return p->sample->queries + (i - p->n_coded) * stride;
}

static size_t values_of_four(const planner *p)
{
    return (size_t)p->all.n_tables * p->all.n_hashes * FOUR;
}

static void project(const planner *p, uint32_t group, float *rows)
{
    const size_t stride = p->lsh->prepared.stride;
    for (uint32_t k = 0; k < FOUR; k++) {
        const uint32_t i = group * FOUR + k;
        if (i < p->n_points)
            memcpy(rows + k * stride, point(p, i), stride * sizeof *rows);
    }
    p->lsh->kernel->dots(rows, p->all.rows, (size_t)p->all.n_tables * p->all.n_hashes,
                         stride, p->values + group * values_of_four(p));
}

static const float *values_of(const planner *p, uint32_t i, uint32_t table)
{
    return p->values + i / FOUR * values_of_four(p) +
           (size_t)table * p->all.n_hashes * FOUR + i % FOUR;
}

static bool project_all(planner *p)
{
    const int n_threads = p->lsh->prepared.n_threads;
    const size_t n_values = FOUR * p->lsh->prepared.stride;
    const uint32_t n_groups = (p->n_points + FOUR - 1) / FOUR;
    float *rows = mem_array((size_t)n_threads * n_values, sizeof *rows);
    p->values = mem_array(n_groups, values_of_four(p) * sizeof *p->values);
    const bool is_made = rows && p->values;
    if (is_made) {
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
        for (uint32_t group = 0; group < n_groups; group++)
            project(p, group, rows + (size_t)parallel_thread() * n_values);
    }
    free(rows);
    return is_made;
}

/* ---- one K and W ---------------------------------------------------------------- */

static void set_trial(planner *p, uint32_t n_hashes, double width)
{
    hashes *h = &p->trial;
    h->n_hashes = n_hashes;
    h->width = width;
    for (uint32_t t = 0; t < h->n_tables; t++) {
        const size_t from = (size_t)t * p->all.n_hashes, to = (size_t)t * n_hashes;
        memcpy(h->shifts + to, p->all.shifts + from, n_hashes * sizeof *h->shifts);
        memcpy(h->factors + to, p->all.factors + from, n_hashes * sizeof *h->factors);
    }
}

static void encode_points(planner *p)
{
    const int n_threads = p->lsh->prepared.n_threads;
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (uint32_t t = 0; t < p->trial.n_tables; t++) {
        for (uint32_t i = 0; i < p->n_coded; i++)
            p->codes[(size_t)t * p->n_coded + i] =
                (uint32_t)hashes_code(&p->trial, t, values_of(p, i, t), FOUR);
    }
}

/* A query's probes in one table: in which group of the grid a code comes. */
typedef struct probe_slots {
    uint32_t *codes; /* (n,), n a power of two */
    uint32_t *groups;
    uint32_t n;
    uint8_t first[FILTER]; /* group of the first with these lower bits of the code: most
                            * vectors need no more */
} probe_slots;

static uint32_t slot_of(const probe_slots *s, uint32_t none, uint32_t code)
{
    uint32_t slot = (uint32_t)random_mix(code) & (s->n - 1);
    while (s->groups[slot] != none && s->codes[slot] != code)
        slot = (slot + 1) & (s->n - 1);
    return slot;
}

/* Scratch of one thread. */
typedef struct counting {
    probes probes;
    uint64_t *sums; /* (most probes,) */
    probe_slots slots;
    uint32_t *groups;        /* (n_others + n_nearest,) at which each turned up so far */
    uint64_t *at_once;       /* (n_probes + 1,) others that turned up in each group */
    uint64_t *found_at_once; /* nearest */
} counting;

static void counting_free(counting *c)
{
    probes_free(&c->probes);
    free(c->sums);
    free(c->slots.codes);
    free(c->slots.groups);
    free(c->groups);
    free(c->at_once);
    free(c->found_at_once);
}

static bool counting_new(const planner *p, counting *c)
{
    const grid *g = &p->grid;
    const uint32_t most = g->probes[g->n_probes - 1];
    c->slots.n = 4;
    while (c->slots.n < 2 * most)
        c->slots.n *= 2;
    c->sums = mem_array(most, sizeof *c->sums);
    c->slots.codes = mem_array(c->slots.n, sizeof *c->slots.codes);
    c->slots.groups = mem_array(c->slots.n, sizeof *c->slots.groups);
    c->groups = mem_array((size_t)p->n_others + p->sample->n_nearest, sizeof *c->groups);
    c->at_once = mem_array((size_t)g->n_probes + 1, sizeof *c->at_once);
    c->found_at_once = mem_array((size_t)g->n_probes + 1, sizeof *c->found_at_once);
    return c->sums && c->slots.codes && c->slots.groups && c->groups && c->at_once &&
           c->found_at_once;
}

/* The probes of query q in table t. */
static bool fill_slots(const planner *p, uint32_t q, uint32_t t, counting *c)
{
    const grid *g = &p->grid;
    probe_step steps[PROBES_MAX_STEPS];
    uint64_t sum;
    uint32_t n_found, group = 0;
    const uint32_t n =
        hashes_steps(&p->trial, t, values_of(p, p->n_coded + q, t), FOUR, &sum, steps);
    if (!probes_find(&c->probes, sum, steps, n, g->probes[g->n_probes - 1], c->sums,
                     &n_found))
        return false;
    for (uint32_t s = 0; s < c->slots.n; s++)
        c->slots.groups[s] = g->n_probes;
    memset(c->slots.first, (int)g->n_probes, sizeof c->slots.first);
    for (uint32_t k = 0; k < n_found; k++) {
        while (k >= g->probes[group])
            group++;
        const uint32_t code = (uint32_t)hashes_finish(&p->trial, c->sums[k]);
        const uint32_t slot = slot_of(&c->slots, g->n_probes, code);
        if (c->slots.groups[slot] == g->n_probes) {
            c->slots.codes[slot] = code;
            c->slots.groups[slot] = group;
            if (group < c->slots.first[code % FILTER])
                c->slots.first[code % FILTER] = (uint8_t)group;
        }
    }
    return true;
}

/* Points [first, first + n), whose groups so far are given. */
static void look_up(const planner *p, uint32_t t, uint32_t first, uint32_t n,
                    const probe_slots *slots, uint32_t *groups, uint64_t *at_once)
{
    const uint32_t none = p->grid.n_probes;
    const bool is_short = hashes_bits(&p->trial) <= FILTER_BITS;
    const uint32_t *codes = p->codes + (size_t)t * p->n_coded + first;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t group = slots->first[codes[i] % FILTER];
        if (group >= groups[i])
            continue;
        if (!is_short)
            group = slots->groups[slot_of(slots, none, codes[i])];
        if (group < groups[i]) {
            at_once[groups[i]]--;
            at_once[group]++;
            groups[i] = group;
        }
    }
}

static bool count_query(const planner *p, uint32_t q, counting *c, tally *tallies)
{
    const uint32_t n_groups = p->grid.n_probes, n_nearest = p->sample->n_nearest;
    for (uint32_t i = 0; i < p->n_others + n_nearest; i++)
        c->groups[i] = n_groups;
    memset(c->at_once, 0, (n_groups + 1) * sizeof *c->at_once);
    memset(c->found_at_once, 0, (n_groups + 1) * sizeof *c->found_at_once);
    for (uint32_t t = 0; t < p->trial.n_tables; t++) {
        if (!fill_slots(p, q, t, c))
            return false;
        look_up(p, t, 0, p->n_others, &c->slots, c->groups, c->at_once);
        look_up(p, t, p->n_others + q * n_nearest, n_nearest, &c->slots,
                c->groups + p->n_others, c->found_at_once);
        uint64_t others = 0, found = 0;
        for (uint32_t g = 0; g < n_groups; g++) {
            tally *to = &tallies[(size_t)t * n_groups + g];
            others += c->at_once[g];
            found += c->found_at_once[g];
            to->others += others;
            to->found += found;
            to->found_sq += found * found;
        }
    }
    return true;
}

/* Counts of all queries end up in the tallies of the first thread. */
static bool count_all(planner *p)
{
    const int n_threads = p->lsh->prepared.n_threads;
    const size_t n = (size_t)p->grid.n_tables * p->grid.n_probes;
    counting *all = mem_array((size_t)n_threads, sizeof *all);
    bool is_bad = !all;
    memset(p->tallies, 0, (size_t)n_threads * n * sizeof *p->tallies);
    for (int t = 0; !is_bad && t < n_threads; t++)
        is_bad = !counting_new(p, &all[t]);
    if (!is_bad) {
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)       \
    reduction(||                                                                           \
              : is_bad)
        for (uint32_t q = 0; q < p->sample->n; q++) {
            const int t = parallel_thread();
            is_bad = !count_query(p, q, &all[t], p->tallies + (size_t)t * n) || is_bad;
        }
    }
    for (int t = 0; all && t < n_threads; t++)
        counting_free(&all[t]);
    free(all);
    for (int t = 1; t < n_threads; t++) {
        for (size_t i = 0; i < n; i++) {
            p->tallies[i].others += p->tallies[(size_t)t * n + i].others;
            p->tallies[i].found += p->tallies[(size_t)t * n + i].found;
            p->tallies[i].found_sq += p->tallies[(size_t)t * n + i].found_sq;
        }
    }
    return !is_bad;
}

/* ---- the choice ------------------------------------------------------------------- */

typedef struct choice {
    uint32_t n_hashes, n_tables, n_probes;
    double width, recall, n_candidates, cost;
    bool is_reached;
} choice;

static double cost_of(const planner *p, const choice *c)
{
    const double dim = (double)p->lsh->prepared.stride;
    const double hashing = value_ns * dim * c->n_hashes * c->n_tables;
    const double filling = hashing + table_vector_ns * c->n_tables;
    const double buckets =
        bucket_ns[p->lsh->facts.chosen.directory] * c->n_tables * c->n_probes;
    const double comparing = (candidate_ns + candidate_value_ns * dim) * c->n_candidates;
    return p->n_queries * (hashing + buckets + comparing) + filling * p->lsh->n;
}

static bool is_better(const choice *a, const choice *b)
{
    if (a->is_reached != b->is_reached)
        return a->is_reached;
    if (!a->is_reached && a->recall != b->recall)
        return a->recall > b->recall;
    return a->cost < b->cost;
}

static void choose(const planner *p, choice *best)
{
    const double n = p->sample->n, n_nearest = p->sample->n_nearest;
    for (uint32_t l = p->grid.first_table; l <= p->grid.n_tables; l++) {
        for (uint32_t g = 0; g < p->grid.n_probes; g++) {
            const tally *t = &p->tallies[(size_t)(l - 1) * p->grid.n_probes + g];
            const double mean = (double)t->found / n;
            const double variance = (double)t->found_sq / n - mean * mean;
            const double error = sqrt(variance > 0 ? variance / n : 0);
            choice c = {.n_hashes = p->trial.n_hashes,
                        .n_tables = l,
                        .n_probes = p->grid.probes[g],
                        .width = p->trial.width,
                        .recall = mean / n_nearest,
                        .n_candidates = (double)t->others / n / p->n_others * p->lsh->n};
            c.is_reached =
                (mean - n_errors * error) / n_nearest >= p->lsh->facts.chosen.recall;
            c.cost = cost_of(p, &c);
            if (best->n_hashes == 0 || is_better(&c, best))
                *best = c;
        }
    }
}

static bovw_status try_all(planner *p, const bovw_monitor *monitor, choice *best,
                           bovw_error *err)
{
    const grid *g = &p->grid;
    const uint32_t n = g->n_hashes * g->n_widths;
    for (uint32_t w = 0; w < g->n_widths; w++) {
        choice best_of_width = {0};
        uint32_t n_worse = 0;
        /* Cost falls with K, and then it rises. */
        for (uint32_t k = 0; k < g->n_hashes && n_worse < WORSE; k++) {
            choice made = {0};
            const bovw_status status = monitor_progress(
                monitor, "choosing hashes and tables", w * g->n_hashes + k, n, err);
            if (status != BOVW_OK)
                return status;
            set_trial(p, g->hashes[k], g->widths[w]);
            encode_points(p);
            if (!count_all(p))
                return fail_memory(err, out_of_memory);
            choose(p, &made);
            if (best_of_width.n_hashes == 0 || is_better(&made, &best_of_width)) {
                best_of_width = made;
                n_worse = 0;
            } else if (best_of_width.is_reached) {
                n_worse++;
            }
        }
        if (best->n_hashes == 0 || is_better(&best_of_width, best))
            *best = best_of_width;
    }
    return BOVW_OK;
}

static bovw_status planner_new(planner *p, bovw_error *err)
{
    bovw_lsh *lsh = p->lsh;
    if (!fill_grid(&p->grid, lsh, p->sample))
        return fail_memory(err, out_of_memory);
    const uint32_t most = p->grid.hashes[p->grid.n_hashes - 1];
    const size_t n_hashes = (size_t)p->grid.n_tables * most;
    const hashes_plan plan = lsh_hashes(lsh, most, p->grid.n_tables, 1);
    p->n_others = lsh->n < OTHERS ? lsh->n : OTHERS;
    p->n_coded = p->n_others + p->sample->n * p->sample->n_nearest;
    p->n_points = p->n_coded + p->sample->n;
    p->trial = (hashes){.is_sides = plan.is_sides,
                        .n_tables = plan.n_tables,
                        .stride = plan.stride,
                        .shifts = mem_array(n_hashes, sizeof *p->trial.shifts),
                        .factors = mem_array(n_hashes, sizeof *p->trial.factors)};
    p->codes = mem_array((size_t)p->n_coded * p->grid.n_tables, sizeof *p->codes);
    p->tallies = mem_array((size_t)lsh->prepared.n_threads * p->grid.n_tables,
                           p->grid.n_probes * sizeof *p->tallies);
    if (!p->trial.shifts || !p->trial.factors || !p->codes || !p->tallies ||
        !hashes_new(&plan, lsh->kernel, &p->all) || !project_all(p))
        return fail_memory(err, out_of_memory);
    return BOVW_OK;
}

static void planner_free(planner *p)
{
    hashes_free(&p->all);
    hashes_free(&p->trial);
    free(p->values);
    free(p->codes);
    free(p->tallies);
}

/* Everything in few buckets that are all looked into. */
static void choose_all(const bovw_lsh *lsh, bovw_lsh_options *chosen)
{
    chosen->n_hashes = chosen->n_hashes > 0 ? chosen->n_hashes : 1;
    chosen->n_tables = chosen->n_tables > 0 ? chosen->n_tables : 1;
    chosen->n_probes = chosen->n_probes > 0 ? chosen->n_probes : 3;
    if (!lsh_has_sides(lsh) && chosen->width == 0)
        chosen->width = 1e18;
}

bovw_status lsh_plan(bovw_lsh *lsh, uint32_t n_queries, const bovw_monitor *monitor,
                     bovw_error *err)
{
    bovw_lsh_options *chosen = &lsh->facts.chosen;
    planner p = {.lsh = lsh, .sample = &lsh->planning, .n_queries = n_queries};
    choice best = {0};
    const double start = clock_seconds();
    if (chosen->n_hashes > 0 && chosen->n_tables > 0 && chosen->n_probes > 0 &&
        (chosen->width > 0 || lsh_has_sides(lsh)))
        return BOVW_OK;
    if (lsh->planning.n == 0) {
        choose_all(lsh, chosen);
        return BOVW_OK;
    }
    bovw_status status =
        monitor_progress(monitor, "searching a sample exactly", 0, lsh->planning.n, err);
    if (status == BOVW_OK)
        status = lsh_sample_search(lsh, &lsh->planning, err);
    if (status == BOVW_OK)
        status = planner_new(&p, err);
    if (status == BOVW_OK)
        status = try_all(&p, monitor, &best, err);
    planner_free(&p);
    if (status != BOVW_OK)
        return status;
    chosen->n_hashes = best.n_hashes;
    chosen->n_tables = best.n_tables;
    chosen->n_probes = best.n_probes;
    chosen->width = best.width;
    lsh->facts.n_sample = lsh->planning.n;
    lsh->facts.is_reached = best.is_reached;
    lsh->facts.recall = best.recall;
    lsh->facts.n_candidates = best.n_candidates;
    lsh->facts.seconds_choosing = clock_seconds() - start;
    return BOVW_OK;
}
