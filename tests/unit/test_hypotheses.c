/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "search/agree.h"
#include "search/hypotheses.h"
#include "search/spread.h"

#define TWO_PI 6.28318530717958647692f

enum {
    MOST = 1200,
    ROOM = 2 * MOST + AGREE_PADDING,
    N_WANTED = 5
};

/* A table and an order over static arrays. */
typedef struct workbench {
    float columns[6][ROOM], ordered[6][ROOM];
    uint32_t a_place[MOST], b_place[MOST], a_uses[MOST], b_uses[MOST], near[MOST];
    uint32_t pair[2 * MOST], found[MOST];
    pair_table table;
    turn_order order;
    hypothesis_limits limits;
    uint64_t random;
} workbench;

static pair_columns columns_of(float arrays[6][ROOM])
{
    return (pair_columns){.ax = arrays[0],
                          .ay = arrays[1],
                          .bx = arrays[2],
                          .by = arrays[3],
                          .ratio = arrays[4],
                          .turn = arrays[5]};
}

static float uniform(workbench *w)
{
    return (float)(random_next(&w->random) >> 40) * 0x1p-24f;
}

/* n pairs of which a part follows one similarity; positions on a raster, so
 * that many are shared. kind 0: any turn; 1: all nearly upright; 2: the same
 * turn; 3: turns about 0 and 2 pi. */
static void fill(workbench *w, uint32_t n, float part, int kind, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->random = seed;
    w->table.pairs = columns_of(w->columns);
    w->order.pairs = columns_of(w->ordered);
    w->order.pair = w->pair;
    w->order.found = w->found;
    w->table.n = n;
    w->table.a_place = w->a_place;
    w->table.b_place = w->b_place;
    w->table.a_uses = w->a_uses;
    w->table.b_uses = w->b_uses;
    w->table.near = w->near;
    w->table.tolerance_sq = 0.015 * 0.015;
    w->limits = (hypothesis_limits){
        .max_scale_ratio = 2, .max_angle = TWO_PI / 12, .max_enlargement = 16, .least = 3};
    const pair_columns *p = &w->table.pairs;
    for (uint32_t i = 0; i < n; i++) {
        const float turn = uniform(w);
        p->ax[i] = floorf(uniform(w) * 40) / 40 - 0.5f;
        p->ay[i] = floorf(uniform(w) * 40) / 40 - 0.5f;
        p->bx[i] = floorf(uniform(w) * 40) / 40 - 0.5f;
        p->by[i] = floorf(uniform(w) * 40) / 40 - 0.5f;
        p->ratio[i] = expf(4 * uniform(w) - 2);
        p->turn[i] = kind == 0   ? turn * TWO_PI
                     : kind == 1 ? turn * 0.3f
                     : kind == 2 ? 1
                                 : fabsf(TWO_PI * (float)(i % 2) - 0.2f * turn);
        if (uniform(w) < part) {
            p->bx[i] = 0.8f * p->ax[i] + 0.03f + 0.01f * uniform(w);
            p->by[i] = 0.8f * p->ay[i] - 0.02f + 0.01f * uniform(w);
            p->ratio[i] = 0.8f * expf(uniform(w) - 0.5f);
            p->turn[i] = 0.2f * uniform(w);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t a = 0, b = 0;
        while (p->ax[a] != p->ax[i] || p->ay[a] != p->ay[i])
            a++;
        while (p->bx[b] != p->bx[i] || p->by[b] != p->by[i])
            b++;
        w->a_place[i] = a;
        w->b_place[i] = b;
    }
}

/* The definition, one pair against one motion. */
static bool agrees(const pair_columns *p, const similarity *h, uint32_t i)
{
    const float pi = TWO_PI / 2;
    const float u = h->c * p->ax[i] - h->s * p->ay[i] + h->x - p->bx[i];
    const float v = h->s * p->ax[i] + h->c * p->ay[i] + h->y - p->by[i];
    return u * u + v * v < h->max_error_sq && p->ratio[i] >= h->least_ratio &&
           p->ratio[i] <= h->most_ratio &&
           fabsf(fabsf(p->turn[i] - h->turn) - pi) >= h->min_opposite;
}

static uint32_t agreeing_places(const workbench *w, const similarity *motion)
{
    static bool a_seen[MOST], b_seen[MOST];
    uint32_t n_a = 0, n_b = 0;
    memset(a_seen, 0, sizeof a_seen);
    memset(b_seen, 0, sizeof b_seen);
    for (uint32_t i = 0; i < w->table.n; i++) {
        if (!agrees(&w->table.pairs, motion, i))
            continue;
        n_a += !a_seen[w->a_place[i]];
        n_b += !b_seen[w->b_place[i]];
        a_seen[w->a_place[i]] = b_seen[w->b_place[i]] = true;
    }
    return n_a < n_b ? n_a : n_b;
}

/* Every hypothesis against every pair, then the best by selection. */
static uint32_t find_simply(const workbench *w, hypothesis best[N_WANTED])
{
    static uint32_t places[MOST];
    uint32_t n_best = 0;
    for (uint32_t i = 0; i < w->table.n; i++) {
        const similarity motion = hypothesis_motion(&w->table, &w->limits, i);
        const float ratio = w->table.pairs.ratio[i];
        places[i] =
            ratio <= w->limits.max_enlargement && ratio * w->limits.max_enlargement >= 1
                ? agreeing_places(w, &motion)
                : 0;
    }
    for (; n_best < N_WANTED; n_best++) {
        uint32_t first = 0;
        for (uint32_t i = 1; i < w->table.n; i++) {
            if (places[i] > places[first])
                first = i;
        }
        if (w->table.n == 0 || places[first] < w->limits.least)
            break;
        best[n_best] = (hypothesis){places[first], first};
        places[first] = 0;
    }
    return n_best;
}

static void check_all_kernels(workbench *w)
{
    hypothesis expected[N_WANTED], found[N_WANTED];
    const uint32_t n = find_simply(w, expected);
    for (size_t k = 0; agree_kernel_at(k); k++) {
        w->table.kernel = agree_kernel_at(k);
        assert_int_equal(hypotheses_find(&w->table, &w->order, &w->limits, found, N_WANTED),
                         n);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(found[i].n, expected[i].n);
            assert_int_equal(found[i].pair, expected[i].pair);
        }
    }
}

static void the_best_hypotheses_are_those_of_testing_all(void **state)
{
    static workbench w;
    const uint32_t sizes[] = {0, 1, 2, 3, 4, 15, 16, 17, 31, 33, 100, 300, 700, MOST};
    const float parts[] = {0, 0.05f, 0.3f, 0.9f};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int part = 0; part < 4; part++) {
            for (int kind = 0; kind < 4; kind++) {
                fill(&w, sizes[s], parts[part], kind, 1 + s);
                check_all_kernels(&w);
            }
        }
    }
}

static void any_limit_of_angles_gives_the_same_as_testing_all(void **state)
{
    static workbench w;
    const float angles[] = {1e-4f, 0.049f, 0.098174770f, 0.5f,
                            1.5f,  2.9f,   3.05f,        3.1415926f};
    (void)state;
    for (size_t a = 0; a < sizeof angles / sizeof angles[0]; a++) {
        for (int kind = 0; kind < 4; kind++) {
            fill(&w, 260, 0.2f, kind, 40 + a);
            w.limits.max_angle = angles[a];
            w.limits.max_scale_ratio = 1.3f + (float)a;
            check_all_kernels(&w);
        }
    }
}

/* Any range, and the motions of a homography, by every kernel. */
static void kernels_give_the_same_pairs(void **state)
{
    static workbench w;
    static uint32_t found[MOST + 1];
    const double motions[][9] = {{0.8, 0, 0.035, 0, 0.8, -0.015, 0, 0, 1},
                                 {0.8, 0.1, 0, 0.05, 0.9, 0, 0.4, -0.3, 1},
                                 {0.8, 0, 0, 0, 0.8, 0, 3, 0, 0.5}}; /* partly behind */
    const pair_columns *p = &w.table.pairs;
    (void)state;
    fill(&w, 600, 0.4f, 1, 9);
    for (size_t k = 0; agree_kernel_at(k); k++) {
        const agree_kernel *kernel = agree_kernel_at(k);
        for (uint32_t round = 0; round < 400; round++) {
            const uint32_t from = (uint32_t)(uniform(&w) * 560);
            const uint32_t to = from + (uint32_t)(uniform(&w) * 40);
            const similarity motion = hypothesis_motion(&w.table, &w.limits, round);
            uint32_t n = 0;
            found[to - from] = 77;
            assert_true(kernel->list(p, &motion, from, to, found) <= to - from);
            for (uint32_t i = from; i < to; i++) {
                if (agrees(p, &motion, i))
                    assert_int_equal(found[n++], i);
            }
            assert_int_equal(found[to - from], 77);
            assert_int_equal(kernel->list(p, &motion, from, to, found), n);
            for (uint32_t least = 0; least < n + 3; least++) {
                const uint32_t counted = kernel->count(p, &motion, from, to, least);
                assert_true(least <= n ? counted == n : counted < least);
            }
        }
        for (int m = 0; m < 3; m++) {
            uint32_t expected[600];
            const uint32_t n = agree_portable.select(p, motions[m], 0.01, 597, expected);
            assert_true(n > 20 && n < 500);
            assert_int_equal(kernel->select(p, motions[m], 0.01, 597, found), n);
            assert_memory_equal(found, expected, n * sizeof *found);
        }
    }
}

/* ---- spread ---------------------------------------------------------------- */

static void points_in_one_patch_count_little(void **state)
{
    float x[64] = {0}, y[64] = {0};
    uint32_t members[64];
    (void)state;
    for (uint32_t i = 0; i < 64; i++)
        members[i] = i;
    assert_true(spread_count(x, y, members, 0) == 0);
    /* In the middle of every cell of the coarsest grid. */
    for (uint32_t i = 0; i < 64; i++) {
        x[i] = -0.4375f + 0.125f * (float)(i % 8);
        y[i] = -0.4375f + 0.125f * (float)(i / 8);
    }
    assert_true(spread_count(x, y, members, 64) == 64);
    assert_true(spread_count(x, y, members + 8, 4) == 4);
    /* An eighth as far apart: 64, 16, 4 and 1 cells of the four grids. */
    for (uint32_t i = 0; i < 64; i++) {
        x[i] = 0.0078125f + 0.015625f * (float)(i % 8);
        y[i] = 0.0078125f + 0.015625f * (float)(i / 8);
    }
    assert_true(spread_count(x, y, members, 64) == 85 / 4.0f);
    /* All on one spot, in a corner and beyond it. */
    for (uint32_t i = 0; i < 64; i++) {
        x[i] = i % 2 ? 0.5f : 7;
        y[i] = i % 2 ? -0.5f : -16;
    }
    assert_true(spread_count(x, y, members, 64) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_hypotheses_are_those_of_testing_all),
        cmocka_unit_test(any_limit_of_angles_gives_the_same_as_testing_all),
        cmocka_unit_test(kernels_give_the_same_pairs),
        cmocka_unit_test(points_in_one_patch_count_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
