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
#include "bovw/search.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM
};

/* ---- by word --------------------------------------------------------------- */

/* A pair with all that it is ordered by. */
typedef struct ranked_pair {
    uint64_t n_pairs;
    uint32_t word, a, b;
} ranked_pair;

static int compare_ranked(const void *left, const void *right)
{
    const ranked_pair *p = left, *q = right;
    if (p->n_pairs != q->n_pairs)
        return p->n_pairs < q->n_pairs ? -1 : 1;
    if (p->word != q->word)
        return p->word < q->word ? -1 : 1;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return (p->b > q->b) - (p->b < q->b);
}

static uint64_t count(const uint32_t *words, uint32_t n, uint32_t word)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < n; i++)
        found += words[i] == word;
    return found;
}

static void compare_with_all_pairs(const uint32_t *a, uint32_t n_a, const uint32_t *b,
                                   uint32_t n_b, uint32_t max_matches)
{
    ranked_pair *expected = calloc((size_t)n_a * n_b + 1, sizeof *expected);
    bovw_match *matches = NULL;
    size_t n = 0, n_expected = 0;
    assert_non_null(expected);
    for (uint32_t i = 0; i < n_a; i++) {
        for (uint32_t j = 0; j < n_b; j++) {
            if (a[i] == b[j])
                expected[n_expected++] =
                    (ranked_pair){count(a, n_a, a[i]) * count(b, n_b, a[i]), a[i], i, j};
        }
    }
    qsort(expected, n_expected, sizeof *expected, compare_ranked);
    assert_int_equal(bovw_match_words(a, n_a, b, n_b, max_matches, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, n_expected < max_matches ? n_expected : max_matches);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(matches[i].a, expected[i].a);
        assert_int_equal(matches[i].b, expected[i].b);
    }
    free(matches);
    free(expected);
}

static void word_matches_equal_all_pairs_sorted(void **state)
{
    uint32_t a[200], b[150];
    const uint64_t vocabularies[] = {1, 3, 20, 300, 70000, (uint64_t)1 << 32};
    uint64_t random = 5;
    (void)state;
    for (int v = 0; v < 6; v++) {
        for (int i = 0; i < 200; i++)
            a[i] = (uint32_t)random_below(&random, vocabularies[v]);
        for (int i = 0; i < 150; i++)
            b[i] = i % 3 ? (uint32_t)random_below(&random, vocabularies[v])
                         : a[random_below(&random, 200)];
        compare_with_all_pairs(a, 200, b, 150, UINT32_MAX);
        compare_with_all_pairs(a, 200, b, 150, 2000);
        compare_with_all_pairs(a, 200, b, 150, 37);
        compare_with_all_pairs(a, 200, b, 150, 1);
        compare_with_all_pairs(a, 200, b, 150, 0);
        compare_with_all_pairs(a, 1, b, 150, 2000);
        compare_with_all_pairs(a, 200, b, 1, 2000);
    }
}

static void rare_words_come_first(void **state)
{
    /* Word 9: one pair. Word 7: two. Word 2: four. */
    const uint32_t a[] = {2, 7, 9, 2, 5}, b[] = {2, 2, 7, 9, 7, 8};
    const bovw_match expected[] = {{2, 3}, {1, 2}, {1, 4}, {0, 0}, {0, 1}, {3, 0}, {3, 1}};
    bovw_match *matches = NULL;
    size_t n = 0;
    (void)state;
    assert_int_equal(bovw_match_words(a, 5, b, 6, 100, &matches, &n, NULL), BOVW_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(matches, expected, sizeof expected);
    free(matches);
}

/* 65,536 squared is 0 in 32 bits. */
static void a_word_that_is_everywhere_does_not_explode(void **state)
{
    enum {
        N = 65537
    };
    uint32_t *words = calloc(N, sizeof *words);
    bovw_match *matches = NULL;
    size_t n = 0;
    (void)state;
    assert_non_null(words);
    words[N - 1] = 4;
    assert_int_equal(bovw_match_words(words, N, words, N, 2000, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, 2000);
    assert_int_equal(matches[0].a, N - 1);
    assert_int_equal(matches[0].b, N - 1);
    assert_int_equal(matches[1999].a, 0);
    assert_int_equal(matches[1999].b, 1998);
    free(matches);
    free(words);
}

static void images_without_words_or_without_common_words_do_not_match(void **state)
{
    const uint32_t a[] = {1, 3, 5}, b[] = {2, 4, 6};
    bovw_match *matches = NULL;
    size_t n = 9;
    (void)state;
    assert_int_equal(bovw_match_words(a, 3, b, 3, 10, &matches, &n, NULL), BOVW_OK);
    assert_int_equal(n, 0);
    free(matches);
    n = 9;
    assert_int_equal(bovw_match_words(NULL, 0, b, 3, 10, &matches, &n, NULL), BOVW_OK);
    assert_int_equal(n, 0);
    free(matches);
    n = 9;
    assert_int_equal(bovw_match_words(NULL, 0, NULL, 0, 10, &matches, &n, NULL), BOVW_OK);
    assert_int_equal(n, 0);
    free(matches);
}

/* ---- by descriptor ---------------------------------------------------------- */

static bovw_features make_features(uint32_t n)
{
    bovw_features f = {.n = n};
    f.descriptors = calloc((size_t)n * DIM + 1, 1);
    assert_non_null(f.descriptors);
    return f;
}

/* Random descriptors; those of b are in part disturbed copies of a's. */
static void make_pair(uint32_t n_a, uint32_t n_b, uint64_t seed, bovw_features *a,
                      bovw_features *b)
{
    uint64_t random = seed;
    *a = make_features(n_a);
    *b = make_features(n_b);
    for (size_t i = 0; i < (size_t)n_a * DIM; i++)
        a->descriptors[i] = (uint8_t)random_below(&random, 256);
    for (uint32_t j = 0; j < n_b; j++) {
        const uint8_t *source = a->descriptors + random_below(&random, n_a) * DIM;
        const uint64_t noise = random_below(&random, 200);
        for (int k = 0; k < DIM; k++) {
            const uint64_t value = source[k] + random_below(&random, noise + 1);
            b->descriptors[(size_t)j * DIM + k] = (uint8_t)(value > 255 ? 255 : value);
        }
    }
}

static int64_t distance_sq(const bovw_features *a, uint32_t i, const bovw_features *b,
                           uint32_t j)
{
    int64_t sum = 0;
    for (int k = 0; k < DIM; k++) {
        const int64_t d = (int64_t)a->descriptors[(size_t)i * DIM + k] -
                          b->descriptors[(size_t)j * DIM + k];
        sum += d * d;
    }
    return sum;
}

static uint32_t nearest_of(const bovw_features *a, uint32_t i, const bovw_features *b,
                           int64_t *first, int64_t *second)
{
    uint32_t best = 0;
    *first = *second = INT64_MAX;
    for (uint32_t j = 0; j < b->n; j++) {
        const int64_t d = distance_sq(a, i, b, j);
        if (d < *first) {
            *second = *first;
            *first = d;
            best = j;
        } else if (d < *second) {
            *second = d;
        }
    }
    return best;
}

/* The matches that the definition gives, in order; (a->n,) pairs. */
static size_t match_simply(const bovw_features *a, const bovw_features *b, double ratio,
                           ranked_pair *pairs)
{
    size_t n = 0;
    for (uint32_t i = 0; i < a->n && b->n > 0; i++) {
        int64_t first, second, back_first, back_second;
        const uint32_t j = nearest_of(a, i, b, &first, &second);
        if (b->n > 1 && !(sqrt((double)first) < ratio * sqrt((double)second)))
            continue;
        if (nearest_of(b, j, a, &back_first, &back_second) == i)
            pairs[n++] = (ranked_pair){(uint64_t)first, 0, i, j};
    }
    qsort(pairs, n, sizeof *pairs, compare_ranked);
    return n;
}

static size_t compare_with_simple(const bovw_features *a, const bovw_features *b,
                                  float ratio, const bovw_compute *compute)
{
    ranked_pair *expected = calloc(a->n + 1, sizeof *expected);
    bovw_match *matches = NULL;
    size_t n = 0;
    assert_non_null(expected);
    const size_t n_expected = match_simply(a, b, ratio, expected);
    assert_int_equal(bovw_match_descriptors(a, b, ratio, compute, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, n_expected);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(matches[i].a, expected[i].a);
        assert_int_equal(matches[i].b, expected[i].b);
    }
    free(matches);
    free(expected);
    return n;
}

static void descriptor_matches_equal_the_simple_loop(void **state)
{
    const uint32_t sizes[][2] = {{1, 1}, {1, 2},    {2, 1},   {7, 9},
                                 {8, 8}, {100, 40}, {43, 130}};
    const bovw_compute one = {.n_threads = 1}, three = {.n_threads = 3};
    (void)state;
    for (int i = 0; i < 7; i++) {
        bovw_features a, b;
        make_pair(sizes[i][0], sizes[i][1], 7 + (uint64_t)i, &a, &b);
        const size_t n = compare_with_simple(&a, &b, 0.8f, &one);
        assert_int_equal(compare_with_simple(&a, &b, 0.8f, &three), n);
        assert_int_equal(compare_with_simple(&a, &b, 0.8f, NULL), n);
        assert_true(i < 5 || n >= 10); /* the comparison is about something */
        compare_with_simple(&a, &b, 0.5f, NULL);
        compare_with_simple(&a, &b, 1.0f, NULL);
        bovw_features_free(&a);
        bovw_features_free(&b);
    }
}

static void the_largest_distances_do_not_overflow(void **state)
{
    bovw_features a = make_features(2), b = make_features(2);
    bovw_match *matches = NULL;
    size_t n = 0;
    (void)state;
    memset(a.descriptors, 255, 2 * DIM);
    a.descriptors[DIM] = 250;
    b.descriptors[0] = 5; /* all others are 0 */
    assert_int_equal(bovw_match_descriptors(&a, &b, 1, NULL, &matches, &n, NULL), BOVW_OK);
    /* a 1 is nearer to both of b, and b 0 is the nearer one of the two. */
    assert_int_equal(n, 1);
    assert_int_equal(matches[0].a, 1);
    assert_int_equal(matches[0].b, 0);
    free(matches);
    bovw_features_free(&a);
    bovw_features_free(&b);
}

static void two_equally_near_descriptors_are_no_match(void **state)
{
    bovw_features a = make_features(1), b = make_features(3);
    bovw_match *matches = NULL;
    size_t n = 9;
    (void)state;
    memset(a.descriptors, 40, DIM);
    memset(b.descriptors, 40, 2 * DIM);
    assert_int_equal(bovw_match_descriptors(&a, &b, 0.99f, NULL, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, 0);
    free(matches);
    bovw_features_free(&a);
    bovw_features_free(&b);
}

static void of_equal_descriptors_the_first_is_chosen(void **state)
{
    bovw_features a = make_features(2), b = make_features(2);
    bovw_match *matches = NULL;
    size_t n = 0;
    (void)state;
    memset(a.descriptors, 40, 2 * DIM);
    memset(b.descriptors, 200, 2 * DIM);
    memset(b.descriptors + DIM, 41, DIM);
    assert_int_equal(bovw_match_descriptors(&a, &b, 0.8f, NULL, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, 1);
    assert_int_equal(matches[0].a, 0);
    assert_int_equal(matches[0].b, 1);
    free(matches);
    bovw_features_free(&a);
    bovw_features_free(&b);
}

static void a_single_descriptor_is_chosen_by_the_nearest(void **state)
{
    bovw_features a = make_features(5), b = make_features(1);
    bovw_match *matches = NULL;
    size_t n = 0;
    (void)state;
    memset(b.descriptors, 100, DIM);
    memset(a.descriptors, 10, 5 * DIM);
    memset(a.descriptors + 3 * DIM, 90, DIM);
    assert_int_equal(bovw_match_descriptors(&a, &b, 0.001f, NULL, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, 1);
    assert_int_equal(matches[0].a, 3);
    assert_int_equal(matches[0].b, 0);
    free(matches);
    bovw_features_free(&a);
    bovw_features_free(&b);
}

static void images_without_descriptors_do_not_match(void **state)
{
    bovw_features none = {0}, some = make_features(4);
    bovw_match *matches = NULL;
    size_t n = 9;
    (void)state;
    assert_int_equal(bovw_match_descriptors(&none, &some, 0.8f, NULL, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, 0);
    free(matches);
    n = 9;
    assert_int_equal(bovw_match_descriptors(&some, &none, 0.8f, NULL, &matches, &n, NULL),
                     BOVW_OK);
    assert_int_equal(n, 0);
    free(matches);
    bovw_features_free(&some);
}

static void a_ratio_that_is_no_positive_number_is_refused(void **state)
{
    const float bad[] = {0, -1, NAN, INFINITY};
    bovw_features some = make_features(4);
    bovw_match *matches = NULL;
    size_t n = 9;
    bovw_error err;
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            bovw_match_descriptors(&some, &some, bad[i], NULL, &matches, &n, &err),
            BOVW_ERR_ARG);
        assert_non_null(strstr(err.text, "ratio"));
    }
    assert_null(matches);
    assert_int_equal(n, 9);
    bovw_features_free(&some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_matches_equal_all_pairs_sorted),
        cmocka_unit_test(rare_words_come_first),
        cmocka_unit_test(a_word_that_is_everywhere_does_not_explode),
        cmocka_unit_test(images_without_words_or_without_common_words_do_not_match),
        cmocka_unit_test(descriptor_matches_equal_the_simple_loop),
        cmocka_unit_test(the_largest_distances_do_not_overflow),
        cmocka_unit_test(two_equally_near_descriptors_are_no_match),
        cmocka_unit_test(of_equal_descriptors_the_first_is_chosen),
        cmocka_unit_test(a_single_descriptor_is_chosen_by_the_nearest),
        cmocka_unit_test(images_without_descriptors_do_not_match),
        cmocka_unit_test(a_ratio_that_is_no_positive_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
