/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "vocabulary/groups.h"
#include "vocabulary/least.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    K = 3000,
    N = 500,
    MAX_R = 5
};

/* Points around a few centres, so that near groups are worth searching. */
static uint8_t *clustered(size_t n, uint64_t seed)
{
    uint8_t *bytes = mem_array(n, DIM);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        uint64_t centre = 77 + random_below(&seed, 40);
        for (int d = 0; d < DIM; d++)
            bytes[i * DIM + d] =
                (uint8_t)(20 + (random_next(&centre) >> 57) + (random_next(&seed) >> 59));
    }
    return bytes;
}

static const nearest_kernel *kernel_named(const char *name)
{
    const nearest_kernel *kernel = NULL;
    assert_int_equal(nearest_kernel_find(name, &kernel, NULL), BOVW_OK);
    return kernel;
}

static groups *grouped(const uint8_t *centroids, uint32_t k, uint32_t n_groups,
                       const char *kernel, uint32_t n_threads)
{
    const bovw_compute compute = {.n_threads = n_threads, .kernel = kernel};
    groups *made = NULL;
    assert_int_equal(groups_new(centroids, k, n_groups, 1, &compute, NULL, &made, NULL),
                     BOVW_OK);
    return made;
}

typedef struct found {
    uint32_t words[N * MAX_R + 1], distances[N * MAX_R + 1];
} found;

static void run(const groups *made, const uint8_t *descriptors, uint32_t r,
                uint32_t n_probes, int n_threads, found *f)
{
    memset(f, 0xee, sizeof *f);
    assert_int_equal(groups_run(made, descriptors, N, r, n_probes, n_threads, f->words,
                                f->distances, NULL),
                     BOVW_OK);
    assert_int_equal(f->words[N * r], 0xeeeeeeee);
}

static void run_exactly(const uint8_t *centroids, uint32_t k, const uint8_t *descriptors,
                        uint32_t r, found *f)
{
    nearest *made = NULL;
    memset(f, 0xee, sizeof *f);
    assert_int_equal(nearest_new(centroids, k, kernel_named("portable"), &made, NULL),
                     BOVW_OK);
    nearest_run(made, descriptors, N, r, 1, f->words, f->distances);
    nearest_free(made);
}

static void all_groups_give_the_exact_words(void **state)
{
    static found expected, got;
    uint8_t *centroids = clustered(K, 1), *descriptors = clustered(N, 2);
    (void)state;

    for (uint32_t r = 1; r <= MAX_R; r += 2) {
        run_exactly(centroids, K, descriptors, r, &expected);
        groups *made = grouped(centroids, K, 12, NULL, 2);
        run(made, descriptors, r, 100, 1, &got);
        assert_memory_equal(&got, &expected, sizeof got);
        groups_free(made);
    }
    free(centroids);
    free(descriptors);
}

static double recall(const found *got, const found *expected)
{
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += got->words[i] == expected->words[i];
    return (double)n / N;
}

static void more_groups_find_more(void **state)
{
    static found expected, got;
    uint8_t *centroids = clustered(K, 1), *descriptors = clustered(N, 2);
    groups *made = grouped(centroids, K, 0, NULL, 2);
    double last = 0.0;
    (void)state;

    run_exactly(centroids, K, descriptors, 1, &expected);
    for (uint32_t n_probes = 1; n_probes <= 8; n_probes *= 2) {
        run(made, descriptors, 1, n_probes, 2, &got);
        for (size_t i = 0; i < N; i++)
            assert_true(got.distances[i] >= expected.distances[i]);
        assert_true(recall(&got, &expected) >= last);
        last = recall(&got, &expected);
    }
    assert_true(last > 0.9);
    groups_free(made);
    free(centroids);
    free(descriptors);
}

static void kernels_and_threads_find_the_same(void **state)
{
    static found expected, got;
    uint8_t *centroids = clustered(K, 1), *descriptors = clustered(N, 2);
    groups *made = grouped(centroids, K, 50, "portable", 1);
    (void)state;

    run(made, descriptors, 3, 2, 1, &expected);
    groups_free(made);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        made = grouped(centroids, K, 50, bovw_kernel_name(i), 1 + (uint32_t)i);
        assert_string_equal(groups_kernel_of(made)->name, bovw_kernel_name(i));
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            run(made, descriptors, 3, 2, n_threads, &got);
            assert_memory_equal(&got, &expected, sizeof got);
        }
        groups_free(made);
    }
    free(centroids);
    free(descriptors);
}

/* Two values, far apart, repeated: nearly every group is empty or a duplicate. */
static void groups_too_small_are_filled_up_from_all(void **state)
{
    static found expected, got;
    uint8_t *centroids = mem_array(40, DIM), *descriptors = clustered(N, 2);
    groups *made;
    (void)state;

    assert_non_null(centroids);
    memset(centroids, 10, (size_t)3 * DIM);
    memset(centroids + 3 * DIM, 200, (size_t)37 * DIM);
    made = grouped(centroids, 40, 8, NULL, 1);
    run(made, descriptors, MAX_R, 1, 2, &got);
    run_exactly(centroids, 40, descriptors, MAX_R, &expected);
    assert_memory_equal(got.distances, expected.distances, sizeof got.distances);
    for (size_t i = 0; i < (size_t)N * MAX_R; i++)
        assert_true(got.words[i] < 40);
    groups_free(made);
    free(centroids);
    free(descriptors);
}

/* Centroids on a line, as groups of groups: 2, then 4, then 8 words. */
static void levels_are_descended(void **state)
{
    enum {
        N_WORDS = 8
    };
    static const uint8_t top[] = {40, 200}, middle[] = {20, 60, 190, 210};
    static const uint8_t words[N_WORDS] = {0, 30, 50, 119, 180, 195, 205, 255};
    static const uint32_t two[] = {2, 2}, twos[] = {2, 2, 2, 2};
    uint8_t top_vectors[2 * DIM] = {0}, middle_vectors[4 * DIM] = {0};
    uint8_t word_vectors[N_WORDS * DIM] = {0}, descriptors[2 * DIM] = {0};
    groups *made = NULL;
    uint32_t found_words[2], distances[2];
    (void)state;

    for (int i = 0; i < 2; i++)
        top_vectors[i * DIM] = top[i];
    for (int i = 0; i < 4; i++)
        middle_vectors[i * DIM] = middle[i];
    for (int i = 0; i < N_WORDS; i++)
        word_vectors[i * DIM] = words[i];
    const groups_layout layout = {
        .n_levels = 2,
        .levels = {{.n = 2, .centroids = top_vectors, .sizes = two},
                   {.n = 4, .centroids = middle_vectors, .sizes = twos}}};
    assert_int_equal(
        groups_from(&layout, word_vectors, N_WORDS, kernel_named(NULL), &made, NULL),
        BOVW_OK);

    descriptors[0] = 122;  /* 200, 190, 180: not 119, which is nearer */
    descriptors[DIM] = 42; /* 40, 60, 50 */
    assert_int_equal(
        groups_run(made, descriptors, 2, 1, 1, 1, found_words, distances, NULL), BOVW_OK);
    assert_int_equal(found_words[0], 4);
    assert_int_equal(distances[0], (180 - 122) * (180 - 122));
    assert_int_equal(found_words[1], 2);
    assert_int_equal(distances[1], 8 * 8);

    assert_int_equal(
        groups_run(made, descriptors, 2, 1, 4, 1, found_words, distances, NULL), BOVW_OK);
    assert_int_equal(found_words[0], 3);
    assert_int_equal(distances[0], 9);
    groups_free(made);
}

static void sizes_that_do_not_sum_up_are_refused(void **state)
{
    static const uint32_t sizes[] = {2, 2};
    uint8_t centroids[5 * DIM] = {0};
    bovw_error err = {0};
    groups *made = NULL;
    const groups_layout layout = {
        .n_levels = 1, .levels = {{.n = 2, .centroids = centroids, .sizes = sizes}}};
    const groups_layout none = {.n_levels = 0};
    (void)state;

    assert_int_equal(groups_from(&layout, centroids, 5, kernel_named(NULL), &made, &err),
                     BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "hold 4 centroids of 5"));
    assert_int_equal(groups_from(&none, centroids, 5, kernel_named(NULL), &made, &err),
                     BOVW_ERR_ARG);
    assert_int_equal(groups_new(centroids, 5, 6, 1, NULL, NULL, &made, &err), BOVW_ERR_ARG);
    assert_null(made);
}

static void the_layout_can_be_made_again(void **state)
{
    static found expected, got;
    uint8_t *centroids = clustered(K, 1), *descriptors = clustered(N, 2);
    uint8_t *ordered = mem_array(K, DIM);
    groups *made = grouped(centroids, K, 0, NULL, 1), *again = NULL;
    (void)state;

    assert_non_null(ordered);
    for (size_t i = 0; i < K; i++)
        memcpy(ordered + i * DIM, centroids + (size_t)groups_order(made)[i] * DIM, DIM);
    assert_int_equal(
        groups_from(groups_layout_of(made), ordered, K, kernel_named(NULL), &again, NULL),
        BOVW_OK);
    assert_null(groups_order(again));
    run(made, descriptors, 1, 2, 1, &expected);
    run(again, descriptors, 1, 2, 1, &got);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(groups_order(made)[got.words[i]], expected.words[i]);
    groups_free(made);
    groups_free(again);
    free(centroids);
    free(descriptors);
    free(ordered);
}

/* ---- the least of many ------------------------------------------------------- */

static void least_by_hand(void **state)
{
    int32_t distances[LEAST_BLOCK] = {5, 3, 9, 3, 7, 3};
    uint32_t places[6];
    int32_t scratch[3 * (6 + LEAST_BLOCK)];
    (void)state;

    least_of(distances, 6, 2, places, scratch);
    assert_int_equal(places[0], 1); /* of three threes the first two */
    assert_int_equal(places[1], 3);
    least_of(distances, 6, 4, places, scratch);
    assert_int_equal(places[0], 0);
    assert_int_equal(places[3], 5);
    least_of(distances, 6, 6, places, scratch);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(places[i], i);
}

/* Against counting, for every value, how many come before it. */
static void least_of_any_number(void **state)
{
    enum {
        MAX = 700
    };
    static int32_t distances[MAX + LEAST_BLOCK];
    static uint32_t places[MAX];
    static int32_t scratch[3 * (MAX + LEAST_BLOCK)];
    uint64_t random = 3;
    (void)state;

    for (uint32_t n = 1; n <= MAX; n += 1 + n / 5) {
        for (uint32_t i = 0; i < n; i++) /* many are equal */
            distances[i] = (int32_t)random_below(&random, n % 2 ? 20 : 1u << 24);
        for (uint32_t n_wanted = 1; n_wanted <= n; n_wanted += 1 + n / 7) {
            uint32_t at = 0;
            least_of(distances, n, n_wanted, places, scratch);
            for (uint32_t i = 0; i < n; i++) {
                uint32_t n_before = 0;
                for (uint32_t j = 0; j < n; j++)
                    n_before += distances[j] < distances[i] ||
                                (distances[j] == distances[i] && j < i);
                if (n_before < n_wanted)
                    assert_int_equal(places[at++], i);
            }
            assert_int_equal(at, n_wanted);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_groups_give_the_exact_words),
        cmocka_unit_test(more_groups_find_more),
        cmocka_unit_test(kernels_and_threads_find_the_same),
        cmocka_unit_test(groups_too_small_are_filled_up_from_all),
        cmocka_unit_test(levels_are_descended),
        cmocka_unit_test(sizes_that_do_not_sum_up_are_refused),
        cmocka_unit_test(the_layout_can_be_made_again),
        cmocka_unit_test(least_by_hand),
        cmocka_unit_test(least_of_any_number),
    };
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
