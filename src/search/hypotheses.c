/* SPDX-License-Identifier: MIT */
#include "search/hypotheses.h"

#include <math.h>
#include <string.h>

static const float pi = 3.14159265358979323846f;

/* ---- pairs by turn --------------------------------------------------------- */

static uint32_t turn_bin(float turn)
{
    const int bin = (int)(turn * ((float)N_TURNS / (2 * pi)));
    return bin < N_TURNS ? (uint32_t)bin : N_TURNS - 1;
}

static void copy_pair(const pair_table *t, uint32_t i, turn_order *order, uint32_t to)
{
    order->pairs.ax[to] = t->pairs.ax[i];
    order->pairs.ay[to] = t->pairs.ay[i];
    order->pairs.bx[to] = t->pairs.bx[i];
    order->pairs.by[to] = t->pairs.by[i];
    order->pairs.ratio[to] = t->pairs.ratio[i];
    order->pairs.turn[to] = t->pairs.turn[i];
    order->pair[to] = i;
}

/* A counting sort. starts[bin] is where the pairs of a bin begin, starts[bin +
 * N_TURNS] where they begin once more. */
static void sort_by_turn(const pair_table *t, turn_order *order)
{
    uint32_t next[N_TURNS], *starts = order->starts;
    memset(starts, 0, sizeof order->starts);
    for (uint32_t i = 0; i < t->n; i++)
        starts[turn_bin(t->pairs.turn[i]) + 1]++;
    for (uint32_t bin = 0; bin < N_TURNS; bin++) {
        starts[bin + 1] += starts[bin];
        next[bin] = starts[bin];
    }
    for (uint32_t bin = 0; bin <= N_TURNS; bin++)
        starts[bin + N_TURNS] = t->n + starts[bin];
    for (uint32_t i = 0; i < t->n; i++) {
        const uint32_t to = next[turn_bin(t->pairs.turn[i])]++;
        copy_pair(t, i, order, to);
        copy_pair(t, i, order, to + t->n);
    }
}

/* Where the pairs lie whose turns are within max_angle of this one, and some
 * others. Bins are told apart by rounded products, hence the hundredth. */
static void turn_range(const turn_order *order, float turn, float max_angle, uint32_t *from,
                       uint32_t *to)
{
    const uint32_t beside = (uint32_t)(max_angle * (N_TURNS / (2 * pi)) + 0.01f) + 1;
    if (2 * beside + 1 >= N_TURNS) {
        *from = 0;
        *to = order->starts[N_TURNS];
        return;
    }
    const uint32_t bin = turn_bin(turn);
    const uint32_t first = bin >= beside ? bin - beside : bin + N_TURNS - beside;
    *from = order->starts[first];
    *to = order->starts[first + 2 * beside + 1];
}

/* ---- hypotheses ------------------------------------------------------------- */

similarity hypothesis_motion(const pair_table *t, const hypothesis_limits *limits,
                             uint32_t i)
{
    const pair_columns *p = &t->pairs;
    const float scale = p->ratio[i], smaller = scale < 1 ? scale : 1;
    double cosine, sine;
    transform_direction(p->turn[i], &cosine, &sine);
    const float c = scale * (float)cosine, s = scale * (float)sine;
    return (similarity){.c = c,
                        .s = s,
                        .x = p->bx[i] - c * p->ax[i] + s * p->ay[i],
                        .y = p->by[i] - s * p->ax[i] - c * p->ay[i],
                        .turn = p->turn[i],
                        .max_error_sq = (float)t->tolerance_sq * smaller * smaller,
                        .least_ratio = scale / limits->max_scale_ratio,
                        .most_ratio = scale * limits->max_scale_ratio,
                        .min_opposite = pi - limits->max_angle};
}

/* Places of the n pairs in order->found, in the image that has fewer of them. */
static uint32_t count_places(pair_table *t, const turn_order *order, uint32_t n)
{
    uint32_t n_a = 0, n_b = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t pair = order->pair[order->found[i]];
        n_a += t->a_uses[t->a_place[pair]]++ == 0;
        n_b += t->b_uses[t->b_place[pair]]++ == 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t pair = order->pair[order->found[i]];
        t->a_uses[t->a_place[pair]] = t->b_uses[t->b_place[pair]] = 0;
    }
    return n_a < n_b ? n_a : n_b;
}

/* Agreeing places of the i-th hypothesis; or, where those are fewer than
 * `least`, any number below it. */
static uint32_t count_agreeing(pair_table *t, turn_order *order,
                               const hypothesis_limits *limits, uint32_t i, uint32_t least)
{
    uint32_t from, to;
    turn_range(order, t->pairs.turn[i], limits->max_angle, &from, &to);
    if (to - from < least)
        return 0;
    const similarity motion = hypothesis_motion(t, limits, i);
    if (t->kernel->count(&order->pairs, &motion, from, to, least) < least)
        return 0;
    return count_places(t, order,
                        t->kernel->list(&order->pairs, &motion, from, to, order->found));
}

uint32_t hypotheses_find(pair_table *t, turn_order *order, const hypothesis_limits *limits,
                         hypothesis *best, uint32_t n_wanted)
{
    uint32_t n_best = 0;
    sort_by_turn(t, order);
    for (uint32_t i = 0; i < t->n; i++) {
        const float ratio = t->pairs.ratio[i];
        if (!(ratio <= limits->max_enlargement && ratio * limits->max_enlargement >= 1))
            continue;
        const uint32_t least = n_best < n_wanted ? limits->least : best[n_wanted - 1].n + 1;
        const uint32_t n = count_agreeing(t, order, limits, i, least);
        if (n < least)
            continue;
        uint32_t at = n_best < n_wanted ? n_best++ : n_wanted - 1;
        for (; at > 0 && best[at - 1].n < n; at--)
            best[at] = best[at - 1];
        best[at] = (hypothesis){n, i};
    }
    return n_best;
}
