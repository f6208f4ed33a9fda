/* SPDX-License-Identifier: MIT */
#include "bovw/eval.h"

#include <string.h>

#include "eval/measures.h"

typedef struct ranking {
    const bovw_judgement *judgements; /* (n,) best first */
    size_t n;
    uint32_t n_relevant;
} ranking;

/* A place in the ranking that holds a relevant image. */
typedef struct hit {
    size_t next;      /* judgement to go on from */
    size_t rank;      /* from 1, ignored images not counted */
    uint32_t n_found; /* relevant images so far, this one included */
} hit;

/* Go on to the next relevant image; false where there is none. */
static bool next_hit(const ranking *r, hit *at)
{
    while (at->next < r->n && at->n_found < r->n_relevant) {
        const bovw_judgement judgement = r->judgements[at->next++];
        if (judgement == BOVW_IGNORED)
            continue;
        at->rank++;
        if (judgement == BOVW_RELEVANT) {
            at->n_found++;
            return true;
        }
    }
    return false;
}

/* Area under the curve of precision over recall, its points joined by straight
 * lines; precision is 1 at recall 0. */
static double ap_trapezoid(const ranking *r)
{
    double sum = 0;
    for (hit at = {0}; next_hit(r, &at);) {
        const double before =
            at.rank == 1 ? 1.0 : (at.n_found - 1.0) / (double)(at.rank - 1);
        sum += (before + at.n_found / (double)at.rank) / 2;
    }
    return sum / r->n_relevant;
}

static double ap_rectangular(const ranking *r)
{
    double sum = 0;
    for (hit at = {0}; next_hit(r, &at);)
        sum += at.n_found / (double)at.rank;
    return sum / r->n_relevant;
}

/* Relevant images in the first k ranks. */
static uint32_t found_within(const ranking *r, size_t k)
{
    uint32_t n_found = 0;
    for (hit at = {0}; next_hit(r, &at) && at.rank <= k;)
        n_found = at.n_found;
    return n_found;
}

static double precision_at_1(const ranking *r)
{
    return found_within(r, 1);
}

static double precision_at_10(const ranking *r)
{
    return found_within(r, 10) / 10.0;
}

static double recall_at_100(const ranking *r)
{
    return found_within(r, 100) / (double)r->n_relevant;
}

/* The revisited protocol's precision: k is no larger than the rank of the last
 * relevant image, so that a query with few of them can reach 1. */
static double precision_up_to(const ranking *r, size_t k)
{
    hit last = {0};
    for (hit at = {0}; next_hit(r, &at);)
        last = at;
    if (last.n_found == r->n_relevant && last.rank < k)
        k = last.rank;
    return found_within(r, k) / (double)k;
}

static double precision_up_to_5(const ranking *r)
{
    return precision_up_to(r, 5);
}

static double precision_up_to_10(const ranking *r)
{
    return precision_up_to(r, 10);
}

static double found_in_4(const ranking *r)
{
    return found_within(r, 4) / 4.0;
}

/* A new measure is one function and one line here. */
static const struct {
    const char *name;
    const char *summary;
    double (*value)(const ranking *r);
    double scale;     /* of 1 in tables */
    const char *kind; /* the only kind of truth that shows it, or NULL */
} measures[] = {
    {"mAP", "mean average precision, trapezoid form (Oxford's compute_ap)", ap_trapezoid,
     100, NULL},
    {"mAP-rect", "mean average precision, rectangular form (trec_eval)", ap_rectangular,
     100, NULL},
    {"P@1", "share of queries whose first image is relevant", precision_at_1, 100, NULL},
    {"P@10", "relevant images among the first 10, divided by 10", precision_at_10, 100,
     NULL},
    {"recall@100", "share of the relevant images among the first 100", recall_at_100, 100,
     NULL},
    {"mP@5", "P@5, but 5 no larger than the rank of the last relevant image",
     precision_up_to_5, 100, "revisited"},
    {"mP@10", "P@10, but 10 no larger than the rank of the last relevant image",
     precision_up_to_10, 100, "revisited"},
    {"N-S", "relevant images among the first 4, of 4", found_in_4, 4, "ukbench"},
};

enum {
    N_MEASURES = sizeof measures / sizeof measures[0]
};

_Static_assert((int)N_MEASURES <= (int)BOVW_MAX_MEASURES, "too many measures");

const char *bovw_measure(size_t i, const char **summary)
{
    if (i >= N_MEASURES)
        return NULL;
    if (summary)
        *summary = measures[i].summary;
    return measures[i].name;
}

double bovw_measure_scale(size_t i)
{
    return i < N_MEASURES ? measures[i].scale : 0;
}

const char *measure_kind(size_t i)
{
    return i < N_MEASURES ? measures[i].kind : NULL;
}

void bovw_evaluate(const bovw_judgement *judgements, size_t n, uint32_t n_relevant,
                   double values[BOVW_MAX_MEASURES])
{
    const ranking r = {.judgements = judgements, .n = n, .n_relevant = n_relevant};
    memset(values, 0, BOVW_MAX_MEASURES * sizeof *values);
    for (size_t i = 0; i < N_MEASURES; i++)
        values[i] = measures[i].value(&r);
}
