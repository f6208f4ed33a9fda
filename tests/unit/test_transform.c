/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "search/transform.h"

static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
static const double homography[9] = {0.9, 0.1, 40, -0.05, 0.85, 30, 2.5e-4, 1.5e-4, 1};

static void a_matrix_times_its_inverse_is_the_identity(void **state)
{
    double inverse[9], product[9];
    const double singular[9] = {1, 2, 3, 2, 4, 6, 0, 0, 1};
    (void)state;
    assert_true(transform_inverse(homography, inverse));
    transform_multiply(homography, inverse, product);
    for (int i = 0; i < 9; i++)
        assert_true(fabs(product[i] - identity[i]) < 1e-12);
    assert_false(transform_inverse(singular, inverse));
}

/* By hand: twice as large, a quarter turn, (1,1) to (5,7). */
static void a_similarity_follows_from_one_pair_or_from_two(void **state)
{
    const point_pair pairs[] = {{1, 1, 5, 7}, {2, 1, 5, 9}};
    const double expected[9] = {0, -2, 7, 2, 0, 5, 0, 0, 1};
    double found[9];
    (void)state;
    transform_similarity(2, 1.57079632679489661923, &pairs[0], found);
    for (int i = 0; i < 9; i++)
        assert_true(fabs(found[i] - expected[i]) < 1e-12);
    assert_true(transform_fit_similarity(pairs, 2, found));
    for (int i = 0; i < 9; i++)
        assert_true(fabs(found[i] - expected[i]) < 1e-12);
    assert_false(transform_fit_similarity(pairs, 1, found));
}

static void directions_are_those_of_the_library(void **state)
{
    double c, s;
    (void)state;
    for (int i = -4000; i <= 4000; i++) {
        transform_direction(0.01 * i, &c, &s);
        assert_true(fabs(c - cos(0.01 * i)) < 1e-14 && fabs(s - sin(0.01 * i)) < 1e-14);
    }
    transform_direction(0, &c, &s);
    assert_true(c == 1 && s == 0);
}

/* The derivative against small steps. */
static void the_derivative_is_the_limit_of_differences(void **state)
{
    const double x = 300, y = 500, step = 1e-3;
    double d[4], x0, y0, x1, y1;
    (void)state;
    assert_true(transform_apply(homography, x, y, &x0, &y0));
    transform_derivative(homography, transform_depth(homography, x, y), x0, y0, d);
    assert_true(transform_apply(homography, x + step, y, &x1, &y1));
    assert_true(fabs((x1 - x0) / step - d[0]) < 1e-5);
    assert_true(fabs((y1 - y0) / step - d[2]) < 1e-5);
    assert_true(transform_apply(homography, x, y + step, &x1, &y1));
    assert_true(fabs((x1 - x0) / step - d[1]) < 1e-5);
    assert_true(fabs((y1 - y0) / step - d[3]) < 1e-5);
}

/* By hand: (0,0) (1,0) (0,1) go to (2,3) (2,5) (-1,3). */
static void three_pairs_determine_an_affinity(void **state)
{
    const point_pair pairs[] = {{0, 0, 2, 3}, {1, 0, 2, 5}, {0, 1, -1, 3}};
    const double expected[9] = {0, -3, 2, 2, 0, 3, 0, 0, 1};
    double found[9];
    (void)state;
    assert_true(transform_fit_affine(pairs, 3, found));
    for (int i = 0; i < 9; i++)
        assert_true(fabs(found[i] - expected[i]) < 1e-12);
    assert_false(transform_fit_affine(pairs, 2, found));
}

/* By hand: the unit square to the trapezium (0,0) (4,0) (3,1) (1,1), whose
 * sides meet at (2,2). */
static void four_pairs_determine_a_homography(void **state)
{
    const point_pair pairs[] = {{0, 0, 0, 0}, {1, 0, 4, 0}, {1, 1, 3, 1}, {0, 1, 1, 1}};
    const double expected[9] = {4, 2, 0, 0, 2, 0, 0, 1, 1};
    double found[9], x, y;
    (void)state;
    assert_true(transform_fit_homography(pairs, 4, found));
    for (int i = 0; i < 9; i++)
        assert_true(fabs(found[i] / found[8] - expected[i]) < 1e-9);
    for (int i = 0; i < 4; i++) {
        assert_true(transform_apply(found, pairs[i].ax, pairs[i].ay, &x, &y));
        assert_true(hypot(x - pairs[i].bx, y - pairs[i].by) < 1e-9);
    }
    assert_false(transform_apply(expected, 0, -1, &x, &y));
}

static void fits_refuse_points_that_do_not_determine_them(void **state)
{
    point_pair line[12], spot[12];
    double found[9];
    (void)state;
    for (int i = 0; i < 12; i++) {
        line[i] = (point_pair){i, 2 * i + 1, 3 * i, i};
        spot[i] = (point_pair){5, 6, i, i * i};
    }
    assert_true(transform_fit_similarity(line, 12, found));
    assert_false(transform_fit_affine(line, 12, found));
    assert_false(transform_fit_homography(line, 12, found));
    assert_false(transform_fit_similarity(spot, 12, found));
    assert_false(transform_fit_affine(spot, 12, found));
    assert_false(transform_fit_homography(spot, 12, found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_times_its_inverse_is_the_identity),
        cmocka_unit_test(a_similarity_follows_from_one_pair_or_from_two),
        cmocka_unit_test(directions_are_those_of_the_library),
        cmocka_unit_test(the_derivative_is_the_limit_of_differences),
        cmocka_unit_test(three_pairs_determine_an_affinity),
        cmocka_unit_test(four_pairs_determine_a_homography),
        cmocka_unit_test(fits_refuse_points_that_do_not_determine_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
