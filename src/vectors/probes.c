/* SPDX-License-Identifier: MIT
 *
 * The heap begins with the cheapest step alone. A set that leaves it puts in two: the
 * one whose last step is replaced by the next (shifted), and the one with the next
 * added (expanded). Both cost no less, and every set is reached once. */
#include "vectors/probes.h"

#include <stdlib.h>

#include "base/memory.h"

void probes_free(probes *p)
{
    free(p->heap);
    *p = (probes){0};
}

static bool is_before(const probe_set *a, const probe_set *b)
{
    if (a->cost != b->cost)
        return a->cost < b->cost;
    if (a->last != b->last)
        return a->last < b->last;
    return a->steps < b->steps;
}

static bool push(probes *p, probe_set set)
{
    if (!mem_grow(&p->heap, &p->capacity, p->n + 1, sizeof *p->heap))
        return false;
    size_t at = p->n++;
    while (at > 0 && is_before(&set, &p->heap[(at - 1) / 2])) {
        p->heap[at] = p->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    p->heap[at] = set;
    return true;
}

static probe_set pop(probes *p)
{
    const probe_set first = p->heap[0], set = p->heap[--p->n];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < p->n && is_before(&p->heap[child + 1], &p->heap[child]))
            child++;
        if (child >= p->n || !is_before(&p->heap[child], &set))
            break;
        p->heap[at] = p->heap[child];
        at = child;
    }
    if (p->n > 0)
        p->heap[at] = set;
    return first;
}

/* Insertion keeps the order of equal ones. */
static void sort_steps(probe_step *steps, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const probe_step step = steps[i];
        uint32_t at = i;
        while (at > 0 && steps[at - 1].cost > step.cost) {
            steps[at] = steps[at - 1];
            at--;
        }
        steps[at] = step;
    }
}

static bool push_next(probes *p, probe_set set, const probe_step *steps, uint32_t n_steps)
{
    const uint32_t next = set.last + 1;
    if (next >= n_steps)
        return true;
    const uint64_t last_bit = UINT64_C(1) << set.last, next_bit = UINT64_C(1) << next;
    const probe_set shifted = {set.rest, set.rest + steps[next].cost,
                               (set.steps ^ last_bit) | next_bit, next};
    const probe_set expanded = {set.cost, set.cost + steps[next].cost, set.steps | next_bit,
                                next};
    return push(p, shifted) && push(p, expanded);
}

/* The sum's change; false where two steps are of one hash. */
static bool change_of(const probe_set *set, const probe_step *steps, uint64_t *change)
{
    uint64_t hashes = 0;
    *change = 0;
    for (uint64_t rest = set->steps; rest; rest &= rest - 1) {
        const probe_step *step = &steps[__builtin_ctzll(rest)];
        const uint64_t bit = UINT64_C(1) << step->hash;
        if (hashes & bit)
            return false;
        hashes |= bit;
        *change += step->change;
    }
    return true;
}

bool probes_find(probes *p, uint64_t sum, probe_step *steps, uint32_t n_steps, uint32_t n,
                 uint64_t *sums, uint32_t *n_found)
{
    uint32_t found = 0;
    uint64_t change;
    p->n = 0;
    if (n > 0)
        sums[found++] = sum;
    if (n > 1) {
        sort_steps(steps, n_steps);
        if (n_steps > 0 && !push(p, (probe_set){0, steps[0].cost, 1, 0}))
            return false;
    }
    while (found < n && p->n > 0) {
        const probe_set set = pop(p);
        if (change_of(&set, steps, &change))
            sums[found++] = sum + change;
        if (!push_next(p, set, steps, n_steps))
            return false;
    }
    *n_found = found;
    return true;
}
