/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "bovw/vocabulary.h"
#include "vocabulary/nearest.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MAX_WORDS = 3001,
    MAX_DESCRIPTORS = 500
};

typedef uint8_t random_byte(uint64_t *state);

static uint8_t any_byte(uint64_t *state)
{
    return (uint8_t)random_next(state);
}

static uint8_t extreme_byte(uint64_t *state)
{
    return random_next(state) & 1 ? 255 : 0;
}

static uint8_t *vectors(size_t n, random_byte *byte, uint64_t seed)
{
    uint8_t *bytes = mem_array(n, DIM);
    assert_non_null(bytes);
    for (size_t i = 0; i < n * DIM; i++)
        bytes[i] = byte(&seed);
    return bytes;
}

static const nearest_kernel *kernel_named(const char *name)
{
    const nearest_kernel *kernel = NULL;
    assert_int_equal(nearest_kernel_find(name, &kernel, NULL), BOVW_OK);
    return kernel;
}

typedef struct found {
    uint32_t words[MAX_DESCRIPTORS + 1], distances[MAX_DESCRIPTORS + 1];
} found;

static void run(const char *kernel, const uint8_t *centroids, uint32_t k,
                const uint8_t *descriptors, size_t n, int n_threads, found *f)
{
    nearest *made = NULL;
    memset(f, 0xee, sizeof *f);
    assert_int_equal(nearest_new(centroids, k, kernel_named(kernel), &made, NULL), BOVW_OK);
    nearest_run(made, descriptors, n, 1, n_threads, f->words, f->distances);
    nearest_free(made);
}

/* All kernels against the portable one, which proves nothing about itself. */
static void compare_kernels(const uint8_t *centroids, uint32_t k,
                            const uint8_t *descriptors, size_t n)
{
    static found expected, got;
    run("portable", centroids, k, descriptors, n, 1, &expected);
    assert_int_equal(expected.words[n], 0xeeeeeeee);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            run(bovw_kernel_name(i), centroids, k, descriptors, n, n_threads, &got);
            assert_memory_equal(&got, &expected, sizeof got);
        }
    }
}

static void the_portable_kernel_finds_the_nearest_word(void **state)
{
    (void)state;
    uint8_t centroids[3 * DIM] = {0}, descriptors[2 * DIM] = {0};
    static found f;
    memset(centroids, 255, DIM);   /* word 0: all 255 */
    centroids[2 * DIM + 5] = 10;   /* word 2: 10 at 5, word 1: all zero */
    memset(descriptors, 250, DIM); /* 128 * 25 from word 0 */
    descriptors[DIM + 5] = 7;      /* 9 from word 2, 49 from word 1 */
    run("portable", centroids, 3, descriptors, 2, 1, &f);
    assert_int_equal(f.words[0], 0);
    assert_int_equal(f.distances[0], 128 * 25);
    assert_int_equal(f.words[1], 2);
    assert_int_equal(f.distances[1], 9);
}

static void every_kernel_equals_the_portable_one_for_any_small_vocabulary(void **state)
{
    (void)state;
    uint8_t *centroids = vectors(70, any_byte, 1), *descriptors = vectors(37, any_byte, 2);
    for (uint32_t k = 1; k <= 70; k++)
        compare_kernels(centroids, k, descriptors, 37);
    free(centroids);
    free(descriptors);
}

static void every_kernel_equals_the_portable_one_for_any_number_of_descriptors(void **state)
{
    (void)state;
    uint8_t *centroids = vectors(19, any_byte, 3);
    uint8_t *descriptors = vectors(300, any_byte, 4);
    for (size_t n = 0; n <= 300; n += n < 30 ? 1 : 7)
        compare_kernels(centroids, 19, descriptors, n);
    free(centroids);
    free(descriptors);
}

static void every_kernel_equals_the_portable_one_on_thousands_of_words(void **state)
{
    (void)state;
    uint8_t *centroids = vectors(MAX_WORDS, any_byte, 5);
    uint8_t *descriptors = vectors(MAX_DESCRIPTORS, any_byte, 6);
    compare_kernels(centroids, MAX_WORDS, descriptors, MAX_DESCRIPTORS);
    free(centroids);
    free(descriptors);
}

static void every_kernel_equals_the_portable_one_on_extreme_bytes(void **state)
{
    (void)state;
    uint8_t *centroids = vectors(300, extreme_byte, 7);
    uint8_t *descriptors = vectors(100, extreme_byte, 8);
    memset(centroids, 0, DIM);
    memset(centroids + DIM, 255, DIM);
    memset(descriptors, 255, DIM);
    memset(descriptors + DIM, 0, DIM);
    compare_kernels(centroids, 300, descriptors, 100);
    compare_kernels(centroids, 1, descriptors, 100); /* the largest distance of all */
    compare_kernels(centroids + DIM, 1, descriptors, 100);
    free(centroids);
    free(descriptors);
}

static void the_lower_of_equally_near_words_wins(void **state)
{
    (void)state;
    enum {
        DISTINCT = 11,
        K = 4 * DISTINCT
    };
    uint8_t *distinct = vectors(DISTINCT, any_byte, 9), *centroids = mem_array(K, DIM);
    static found f;
    assert_non_null(centroids);
    for (size_t copy = 0; copy < 4; copy++)
        memcpy(centroids + copy * DISTINCT * DIM, distinct, DISTINCT * DIM);
    compare_kernels(centroids, K, distinct, DISTINCT);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        run(bovw_kernel_name(i), centroids, K, distinct, DISTINCT, 1, &f);
        for (uint32_t word = 0; word < DISTINCT; word++) {
            assert_int_equal(f.words[word], word);
            assert_int_equal(f.distances[word], 0);
        }
    }
    free(distinct);
    free(centroids);
}

static void distances_may_be_left_out(void **state)
{
    (void)state;
    uint8_t *centroids = vectors(40, any_byte, 10);
    uint8_t *descriptors = vectors(250, any_byte, 11);
    static found expected;
    uint32_t words[250];
    run("portable", centroids, 40, descriptors, 250, 1, &expected);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        nearest *made = NULL;
        assert_int_equal(
            nearest_new(centroids, 40, kernel_named(bovw_kernel_name(i)), &made, NULL),
            BOVW_OK);
        nearest_run(made, descriptors, 250, 1, 2, words, NULL);
        assert_memory_equal(words, expected.words, sizeof words);
        nearest_free(made);
    }
    free(centroids);
    free(descriptors);
}

static uint32_t distance_by_hand(const uint8_t *a, const uint8_t *b)
{
    uint32_t distance = 0;
    for (int d = 0; d < DIM; d++)
        distance += (uint32_t)((a[d] - b[d]) * (a[d] - b[d]));
    return distance;
}

static int compare_keys(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The nearest words by sorting all of them: distance first, then word. */
static void sort_words(const uint8_t *centroids, uint32_t k, const uint8_t *descriptor,
                       uint32_t n_words, uint32_t *words, uint32_t *distances)
{
    uint64_t keys[MAX_WORDS];
    for (uint32_t word = 0; word < k; word++)
        keys[word] = (uint64_t)distance_by_hand(centroids + (size_t)word * DIM, descriptor)
                         << 32 |
                     word;
    qsort(keys, k, sizeof keys[0], compare_keys);
    for (uint32_t j = 0; j < n_words; j++) {
        words[j] = (uint32_t)keys[j];
        distances[j] = (uint32_t)(keys[j] >> 32);
    }
}

static void compare_with_sorting(const uint8_t *centroids, uint32_t k,
                                 const uint8_t *descriptors, size_t n, uint32_t n_words)
{
    static uint32_t words[(MAX_DESCRIPTORS + 1) * NEAREST_WORDS],
        distances[(MAX_DESCRIPTORS + 1) * NEAREST_WORDS];
    uint32_t expected[NEAREST_WORDS], expected_distances[NEAREST_WORDS];
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        nearest *made = NULL;
        assert_int_equal(
            nearest_new(centroids, k, kernel_named(bovw_kernel_name(i)), &made, NULL),
            BOVW_OK);
        memset(words, 0xee, sizeof words);
        nearest_run(made, descriptors, n, n_words, 2, words, distances);
        nearest_free(made);
        for (size_t j = 0; j < n; j++) {
            sort_words(centroids, k, descriptors + j * DIM, n_words, expected,
                       expected_distances);
            assert_memory_equal(words + j * n_words, expected, 4 * n_words);
            assert_memory_equal(distances + j * n_words, expected_distances, 4 * n_words);
        }
        assert_int_equal(words[n * n_words], 0xeeeeeeee);
    }
}

static void every_kernel_finds_several_words_as_sorting_does(void **state)
{
    (void)state;
    uint8_t *centroids = vectors(MAX_WORDS, any_byte, 14);
    uint8_t *descriptors = vectors(MAX_DESCRIPTORS, any_byte, 15);
    for (uint32_t n_words = 1; n_words <= NEAREST_WORDS; n_words++) {
        compare_with_sorting(centroids, n_words, descriptors, 3, n_words); /* all words */
        compare_with_sorting(centroids, 150, descriptors, 21, n_words);
    }
    compare_with_sorting(centroids, MAX_WORDS, descriptors, 200, NEAREST_WORDS);
    free(centroids);
    free(descriptors);
}

/* Few distinct words, so that most distances are equal, in falling order of
 * distance, so that each new word is taken in. */
static void several_equally_near_words_come_in_order(void **state)
{
    (void)state;
    enum {
        K = 200
    };
    uint8_t *centroids = mem_array(K, DIM), *descriptors = mem_array(2, DIM);
    assert_non_null(centroids);
    assert_non_null(descriptors);
    memset(centroids, 0, (size_t)K * DIM);
    memset(descriptors, 0, DIM);
    memset(descriptors + DIM, 255, DIM);
    for (size_t word = 0; word < K; word++)
        centroids[word * DIM + word % DIM] = (uint8_t)(255 - word / 50 * 60);
    for (uint32_t n_words = 1; n_words <= NEAREST_WORDS; n_words++)
        compare_with_sorting(centroids, K, descriptors, 2, n_words);
    free(centroids);
    free(descriptors);
}

static void every_kernel_lowers_distances_like_the_portable_one(void **state)
{
    (void)state;
    random_byte *const kinds[] = {any_byte, extreme_byte};
    for (size_t kind = 0; kind < 2; kind++) {
        uint8_t *points = vectors(101, kinds[kind], 12);
        uint8_t *centre = vectors(1, kinds[kind], 13);
        uint32_t expected[101], got[101];
        for (uint32_t i = 0; i < 101; i++)
            expected[i] = i % 3 == 0 ? i * 100 : UINT32_MAX; /* some are low already */
        uint32_t before[101];
        memcpy(before, expected, sizeof before);
        const uint64_t sum =
            kernel_named("portable")->lower_distances(centre, points, 101, expected);
        uint64_t by_hand = 0;
        for (uint32_t i = 0; i < 101; i++) {
            const uint32_t distance = distance_by_hand(centre, points + i * DIM);
            assert_int_equal(expected[i], distance < before[i] ? distance : before[i]);
            by_hand += expected[i];
        }
        assert_int_equal(sum, by_hand);
        for (size_t i = 0; bovw_kernel_name(i); i++) {
            memcpy(got, before, sizeof got);
            assert_int_equal(kernel_named(bovw_kernel_name(i))
                                 ->lower_distances(centre, points, 101, got),
                             sum);
            assert_memory_equal(got, expected, sizeof got);
        }
        free(points);
        free(centre);
    }
}

static void the_portable_kernel_is_listed_last_and_auto_is_the_first(void **state)
{
    (void)state;
    size_t n = 0;
    while (bovw_kernel_name(n))
        n++;
    assert_true(n > 0);
    assert_string_equal(bovw_kernel_name(n - 1), "portable");
    assert_string_equal(kernel_named("auto")->name, bovw_kernel_name(0));
    assert_string_equal(kernel_named(NULL)->name, bovw_kernel_name(0));
}

static void an_unknown_kernel_is_refused_by_name(void **state)
{
    (void)state;
    const nearest_kernel *kernel = NULL;
    bovw_error err = {0};
    assert_int_equal(nearest_kernel_find("abacus", &kernel, &err), BOVW_ERR_ARG);
    assert_null(kernel);
    assert_non_null(strstr(err.text, "abacus"));
    assert_non_null(strstr(err.text, "portable"));
}

static void all_distances_are_measured(void **state)
{
    enum {
        K_MEASURED = 131,
        STRIDE = 192
    };
    static uint32_t distances[(NEAREST_BLOCK + NEAREST_ROWS) * STRIDE];
    uint8_t *centroids = vectors(K_MEASURED, any_byte, 1);
    uint8_t *descriptors = vectors(NEAREST_BLOCK, any_byte, 2);
    (void)state;

    for (size_t i = 0; bovw_kernel_name(i); i++) {
        nearest *made = NULL;
        assert_int_equal(nearest_new(centroids, K_MEASURED,
                                     kernel_named(bovw_kernel_name(i)), &made, NULL),
                         BOVW_OK);
        for (size_t n = 1; n <= NEAREST_BLOCK; n += 19) {
            memset(distances, 0, sizeof distances);
            nearest_measure(made, descriptors, n, distances, STRIDE);
            for (size_t x = 0; x < n * K_MEASURED; x++) {
                const uint8_t *a = descriptors + x / K_MEASURED * DIM;
                const uint8_t *b = centroids + x % K_MEASURED * DIM;
                uint32_t expected = 0;
                for (int d = 0; d < DIM; d++)
                    expected += (uint32_t)((a[d] - b[d]) * (a[d] - b[d]));
                assert_int_equal(distances[x / K_MEASURED * STRIDE + x % K_MEASURED],
                                 expected);
            }
        }
        nearest_free(made);
    }
    free(centroids);
    free(descriptors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_distances_are_measured),
        cmocka_unit_test(the_portable_kernel_finds_the_nearest_word),
        cmocka_unit_test(every_kernel_equals_the_portable_one_for_any_small_vocabulary),
        cmocka_unit_test(
            every_kernel_equals_the_portable_one_for_any_number_of_descriptors),
        cmocka_unit_test(every_kernel_equals_the_portable_one_on_thousands_of_words),
        cmocka_unit_test(every_kernel_equals_the_portable_one_on_extreme_bytes),
        cmocka_unit_test(the_lower_of_equally_near_words_wins),
        cmocka_unit_test(distances_may_be_left_out),
        cmocka_unit_test(every_kernel_finds_several_words_as_sorting_does),
        cmocka_unit_test(several_equally_near_words_come_in_order),
        cmocka_unit_test(every_kernel_lowers_distances_like_the_portable_one),
        cmocka_unit_test(the_portable_kernel_is_listed_last_and_auto_is_the_first),
        cmocka_unit_test(an_unknown_kernel_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
