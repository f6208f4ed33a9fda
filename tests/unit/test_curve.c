/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/random.h"
#include "report/curve.h"
#include "report/outline.h"

#include <cmocka.h>

/* ---- curves -------------------------------------------------------------- */

static const bovw_judgement W = BOVW_WRONG, R = BOVW_RELEVANT, I = BOVW_IGNORED;

static void ranks_are_those_of_what_is_not_ignored(void **state)
{
    (void)state;
    const bovw_judgement judgements[] = {I, R, W, I, R, W, W, R};
    uint32_t ranks[5] = {0};

    assert_int_equal(curve_ranks(judgements, 8, 5, ranks), 3);
    assert_int_equal(ranks[0], 1);
    assert_int_equal(ranks[1], 3);
    assert_int_equal(ranks[2], 6);
    assert_int_equal(curve_ranks(judgements, 0, 5, ranks), 0);
}

static void the_curve_falls_before_a_hit_and_rises_with_it(void **state)
{
    (void)state;
    const uint32_t ranks[] = {1, 4};
    curve_point points[5];

    /* Of 4 relevant: precision 1/1, then 1/3 before and 2/4 with the second. */
    assert_int_equal(curve_points(ranks, 2, 4, points), 4);
    const double wanted[4][2] = {{0, 1}, {0.25, 1}, {0.25, 1 / 3.0}, {0.5, 0.5}};
    for (int i = 0; i < 4; i++) {
        assert_true(points[i].recall == wanted[i][0]);
        assert_true(fabs(points[i].precision - wanted[i][1]) < 1e-15);
    }
    assert_int_equal(curve_points(ranks, 0, 4, points), 1);
}

static double area_of(const curve_point *points, size_t n)
{
    double area = 0;
    for (size_t i = 1; i < n; i++)
        area += (points[i].recall - points[i - 1].recall) *
                (points[i].precision + points[i - 1].precision) / 2;
    return area;
}

static void the_area_under_the_curve_is_average_precision(void **state)
{
    (void)state;
    enum {
        N = 60,
        N_RELEVANT = 25
    };
    bovw_judgement judgements[N];
    uint32_t ranks[N_RELEVANT];
    curve_point points[2 * N_RELEVANT + 1];
    double values[BOVW_MAX_MEASURES];
    uint64_t random = 7;

    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < N; i++)
            judgements[i] = (bovw_judgement)random_below(&random, 3);
        const size_t n = curve_ranks(judgements, N, N_RELEVANT, ranks);
        bovw_evaluate(judgements, N, N_RELEVANT, values);
        assert_true(fabs(area_of(points, curve_points(ranks, n, N_RELEVANT, points)) -
                         values[0]) < 1e-12);
    }
}

static void interpolated_precision_is_the_best_at_that_recall_or_more(void **state)
{
    (void)state;
    const uint32_t ranks[] = {2, 3, 20}; /* precision 1/2, 2/3, 3/20 of 4 relevant */
    double sums[CURVE_LEVELS] = {0};

    curve_add_interpolated(ranks, 3, 4, sums);
    assert_true(sums[0] == 2 / 3.0);
    assert_true(sums[25] == 2 / 3.0);
    assert_true(sums[50] == 2 / 3.0);
    assert_true(sums[51] == 3 / 20.0);
    assert_true(sums[75] == 3 / 20.0);
    assert_true(sums[76] == 0);
    assert_true(sums[100] == 0);
    /* They are sums. */
    const uint32_t perfect[] = {1};
    curve_add_interpolated(perfect, 1, 1, sums);
    assert_true(sums[0] == 1 + 2 / 3.0);
    assert_true(sums[100] == 1);
}

/* ---- outlines ------------------------------------------------------------- */

static void an_outline_is_the_moved_border(void **state)
{
    (void)state;
    /* Twice as large, then 10 to the right and 20 down. */
    const float transform[9] = {2, 0, 10, 0, 2, 20, 0, 0, 1};
    draw_point ends[2];

    assert_true(outline_side(transform, 100, 50, 1, ends));
    assert_true(ends[0].x == 209 && ends[0].y == 19);
    assert_true(ends[1].x == 209 && ends[1].y == 119);
    assert_true(outline_side(transform, 100, 50, 3, ends));
    assert_true(ends[0].x == 9 && ends[0].y == 119);
    assert_true(ends[1].x == 9 && ends[1].y == 19);
}

static void what_is_behind_the_viewer_is_cut_off(void **state)
{
    (void)state;
    /* w = 1 - x / 50: the right half of the top is behind. */
    const float half[9] = {1, 0, 0, 0, 1, 0, -0.02f, 0, 1};
    const float behind[9] = {1, 0, 0, 0, 1, 0, 0, 0, -1};
    draw_point ends[2];

    assert_true(outline_side(half, 100, 50, 0, ends));
    assert_true(isfinite(ends[0].x) && isfinite(ends[1].x));
    assert_true(ends[1].x > 1000);
    assert_false(outline_side(half, 100, 50, 1, ends));
    assert_false(outline_side(behind, 100, 50, 0, ends));
}

static void lines_are_cut_to_a_rectangle(void **state)
{
    (void)state;
    const draw_point corner = {0, 0}, opposite = {10, 10};
    draw_point a = {-5, 5}, b = {15, 5};
    assert_true(draw_clip(corner, opposite, &a, &b));
    assert_true(a.x == 0 && a.y == 5 && b.x == 10 && b.y == 5);
    assert_true(draw_clip(corner, opposite, &a, &b)); /* inside: as it was */
    assert_true(a.x == 0 && b.x == 10);
    draw_point c = {-5, 5}, d = {-1, 5};
    assert_false(draw_clip(corner, opposite, &c, &d));
    draw_point e = {NAN, 0}, f = {5, 5};
    assert_false(draw_clip(corner, opposite, &e, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_those_of_what_is_not_ignored),
        cmocka_unit_test(the_curve_falls_before_a_hit_and_rises_with_it),
        cmocka_unit_test(the_area_under_the_curve_is_average_precision),
        cmocka_unit_test(interpolated_precision_is_the_best_at_that_recall_or_more),
        cmocka_unit_test(an_outline_is_the_moved_border),
        cmocka_unit_test(what_is_behind_the_viewer_is_cut_off),
        cmocka_unit_test(lines_are_cut_to_a_rectangle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
