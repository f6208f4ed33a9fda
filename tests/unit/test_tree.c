/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "synthetic.h"

#include "base/memory.h"
#include "base/random.h"
#include "vocabulary/tree.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N = 3000
};

static tree grow(uint8_t *points, size_t n, uint32_t branch, uint32_t depth,
                 uint32_t n_threads)
{
    const tree_options opts = {
        .branch = branch, .depth = depth, .n_iterations = 10, .seed = 1};
    const bovw_compute compute = {.n_threads = n_threads};
    tree made;
    assert_int_equal(tree_grow(points, n, &opts, &compute, NULL, &made, NULL), BOVW_OK);
    return made;
}

/* 8 places on a line, in two halves of two quarters of two: 10 points each. */
static void a_tree_by_hand(void **state)
{
    static const uint8_t places[] = {0, 4, 40, 44, 180, 184, 220, 224};
    static const uint8_t quarters[] = {2, 42, 182, 222}, halves[] = {22, 202};
    uint8_t points[80 * DIM] = {0};
    (void)state;

    for (int i = 0; i < 80; i++)
        points[i * DIM] = places[i % 8];
    tree made = grow(points, 80, 2, 3, 1);
    assert_int_equal(made.n_levels, 3);
    assert_int_equal(made.levels[0].n, 2);
    assert_int_equal(made.levels[1].n, 4);
    assert_int_equal(made.levels[2].n, 8);
    assert_true(made.error == 0.0);

    /* Which half is first is up to the seed; below it everything follows. */
    const uint32_t first = made.levels[0].centroids[0] == halves[0] ? 0 : 1;
    for (uint32_t h = 0; h < 2; h++) {
        assert_int_equal(made.levels[0].centroids[h * DIM], halves[h ^ first]);
        assert_int_equal(made.levels[0].sizes[h], 2);
        for (uint32_t q = 2 * h; q < 2 * h + 2; q++) {
            const uint8_t *quarter = made.levels[1].centroids + q * DIM;
            assert_true(*quarter == quarters[2 * (h ^ first)] ||
                        *quarter == quarters[2 * (h ^ first) + 1]);
            assert_int_equal(made.levels[1].sizes[q], 2);
            for (uint32_t w = 2 * q; w < 2 * q + 2; w++) {
                const uint8_t *word = made.levels[2].centroids + w * DIM;
                assert_int_equal(abs(*word - *quarter), 2);
                for (uint32_t i = 0; i < 10; i++) /* points are in the leaves' order */
                    assert_int_equal(points[(w * 10 + i) * DIM], *word);
            }
        }
    }
    tree_free(&made);
}

static void threads_change_nothing(void **state)
{
    uint8_t *points = random_points(N, 1), *same = random_points(N, 1);
    tree one = grow(points, N, 7, 3, 1), three = grow(same, N, 7, 3, 3);
    (void)state;

    assert_memory_equal(points, same, (size_t)N * DIM);
    assert_int_equal(one.n_levels, three.n_levels);
    assert_true(one.error == three.error);
    for (uint32_t l = 0; l < one.n_levels; l++) {
        assert_int_equal(one.levels[l].n, three.levels[l].n);
        assert_memory_equal(one.levels[l].centroids, three.levels[l].centroids,
                            (size_t)one.levels[l].n * DIM);
        assert_memory_equal(one.levels[l].sizes, three.levels[l].sizes,
                            one.levels[l].n * sizeof *one.levels[l].sizes);
    }
    tree_free(&one);
    tree_free(&three);
    free(points);
    free(same);
}

static void deeper_trees_fit_better(void **state)
{
    double last = 1e9;
    (void)state;
    for (uint32_t depth = 1; depth <= 4; depth++) {
        uint8_t *points = random_points(N, 1);
        tree made = grow(points, N, 4, depth, 2);
        assert_true(made.error < last);
        last = made.error;
        tree_free(&made);
        free(points);
    }
}

/* Copies of few points: nodes that have fewer than `branch`, and none empty. */
static void branches_without_points_are_left_out(void **state)
{
    uint8_t *points = random_points(5, 1), *copies = mem_array(50, DIM);
    (void)state;

    assert_non_null(copies);
    for (size_t i = 0; i < 50; i++)
        memcpy(copies + i * DIM, points + i % 5 * DIM, DIM);
    tree made = grow(copies, 50, 4, 4, 1);
    assert_int_equal(made.levels[made.n_levels - 1].n, 5);
    assert_true(made.error == 0.0);
    for (uint32_t l = 0; l + 1 < made.n_levels; l++) {
        for (uint32_t i = 0; i < made.levels[l].n; i++)
            assert_true(made.levels[l].sizes[i] > 0);
    }
    tree_free(&made);
    free(points);
    free(copies);
}

static bool stop_late(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    (void)total;
    assert_string_equal(stage, "growing");
    return done < 2;
}

static void bad_options_and_stops(void **state)
{
    uint8_t *points = random_points(100, 1);
    tree_options opts = {.branch = 1, .depth = 2, .n_iterations = 5, .seed = 1};
    const bovw_monitor monitor = {.progress = stop_late};
    tree made;
    (void)state;

    assert_int_equal(tree_grow(points, 100, &opts, NULL, NULL, &made, NULL), BOVW_ERR_ARG);
    opts.branch = 2;
    opts.depth = TREE_MAX_DEPTH + 1;
    assert_int_equal(tree_grow(points, 100, &opts, NULL, NULL, &made, NULL), BOVW_ERR_ARG);
    opts.depth = 5;
    assert_int_equal(tree_grow(points, 0, &opts, NULL, NULL, &made, NULL), BOVW_ERR_ARG);
    assert_int_equal(tree_grow(points, 100, &opts, NULL, &monitor, &made, NULL),
                     BOVW_ERR_CANCELLED);
    assert_int_equal(made.n_levels, 0);
    free(points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_by_hand),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(deeper_trees_fit_better),
        cmocka_unit_test(branches_without_points_are_left_out),
        cmocka_unit_test(bad_options_and_stops),
    };
    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
