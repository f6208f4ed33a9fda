/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "bovw/vocabulary.h"
#include "io/container.h"
#include "synthetic.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    K = 21,
    N_SMALL = 3 /* words of the files that are damaged byte by byte */
};

static char *folder, *path, *other_path;
static uint8_t centroids[K * DIM];

static int set_up(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (size_t i = 0; i < sizeof centroids; i++)
        centroids[i] = (uint8_t)random_next(&seed);
    folder = make_folder();
    path = mem_format("%s/a.vocab", folder);
    other_path = mem_format("%s/b.vocab", folder);
    if (!path || !other_path)
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    free(path);
    free(other_path);
    return 0;
}

static bovw_vocabulary *make(uint32_t k, const char *summary)
{
    bovw_feature_options opts;
    bovw_vocabulary *v = NULL;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, k, summary, &v, NULL), BOVW_OK);
    return v;
}

static void a_vocabulary_has_what_it_was_made_of(void **state)
{
    (void)state;
    bovw_vocabulary *v = make(K, "from a test");
    char text[BOVW_FEATURE_OPTIONS_TEXT], expected[BOVW_FEATURE_OPTIONS_TEXT];
    bovw_feature_options opts;
    assert_int_equal(bovw_vocabulary_size(v), K);
    assert_memory_equal(bovw_vocabulary_centroids(v), centroids, sizeof centroids);
    assert_ptr_not_equal(bovw_vocabulary_centroids(v), centroids);
    assert_string_equal(bovw_vocabulary_summary(v), "from a test");
    bovw_feature_options_default(&opts);
    bovw_feature_options_format(&opts, expected);
    bovw_feature_options_format(bovw_vocabulary_options(v), text);
    assert_string_equal(text, expected);
    bovw_vocabulary_close(v);

    v = make(1, NULL);
    assert_string_equal(bovw_vocabulary_summary(v), "");
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(NULL);
}

static void the_id_is_the_hash_that_the_format_describes(void **state)
{
    (void)state;
    uint8_t bytes[BOVW_FEATURE_OPTIONS_TEXT + 4 + sizeof centroids], id[16];
    char text[33];
    bovw_vocabulary *v = make(K, "x");
    bovw_feature_options_format(bovw_vocabulary_options(v), (char *)bytes);
    const size_t length = strlen((char *)bytes) + 1;
    store_le32(bytes + length, K);
    memcpy(bytes + length + 4, centroids, sizeof centroids);
    hash128(bytes, length + 4 + sizeof centroids, id);
    hash_text(id, text);
    assert_string_equal(bovw_vocabulary_id(v), text);
    bovw_vocabulary_close(v);
}

static void the_id_depends_on_options_and_centroids_but_not_on_the_summary(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_vocabulary *v = make(K, "one"), *same = make(K, "two"),
                    *fewer = make(K - 1, "one");
    bovw_vocabulary *upright = NULL;
    bovw_feature_options_default(&opts);
    opts.root = false;
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, K, "one", &upright, NULL),
                     BOVW_OK);
    assert_string_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(same));
    assert_string_not_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(fewer));
    assert_string_not_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(upright));
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(same);
    bovw_vocabulary_close(fewer);
    bovw_vocabulary_close(upright);
}

static void bad_parts_are_refused(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_vocabulary *v = NULL;
    char too_long[BOVW_MAX_SUMMARY + 2];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, 0, "", &v, NULL), BOVW_ERR_ARG);
    assert_int_equal(
        bovw_vocabulary_new(&opts, centroids, BOVW_MAX_WORDS + 1, "", &v, NULL),
        BOVW_ERR_ARG);
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, K, "two\nlines", &v, NULL),
                     BOVW_ERR_ARG);
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, K, too_long, &v, NULL),
                     BOVW_ERR_ARG);
    opts.max_side = 0;
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, K, "", &v, NULL), BOVW_ERR_ARG);
    assert_null(v);
}

static void a_saved_vocabulary_opens_as_it_was(void **state)
{
    (void)state;
    bovw_vocabulary *v = make(K, "K words, caf\xc3\xa9"), *read = NULL;
    char text[BOVW_FEATURE_OPTIONS_TEXT], expected[BOVW_FEATURE_OPTIONS_TEXT];
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_open(path, &read, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_size(read), K);
    assert_memory_equal(bovw_vocabulary_centroids(read), centroids, sizeof centroids);
    assert_string_equal(bovw_vocabulary_summary(read), bovw_vocabulary_summary(v));
    assert_string_equal(bovw_vocabulary_id(read), bovw_vocabulary_id(v));
    bovw_feature_options_format(bovw_vocabulary_options(v), expected);
    bovw_feature_options_format(bovw_vocabulary_options(read), text);
    assert_string_equal(text, expected);
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(read);
}

static void the_same_vocabulary_is_saved_as_the_same_bytes(void **state)
{
    (void)state;
    bovw_vocabulary *v = make(K, "s"), *read = NULL;
    uint8_t *first = NULL, *second = NULL;
    size_t n_first, n_second;
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_open(path, &read, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_save(read, other_path, NULL), BOVW_OK);
    assert_int_equal(file_read(path, SIZE_MAX, &first, &n_first, NULL), BOVW_OK);
    assert_int_equal(file_read(other_path, SIZE_MAX, &second, &n_second, NULL), BOVW_OK);
    assert_int_equal(n_first, n_second);
    assert_memory_equal(first, second, n_first);
    free(first);
    free(second);
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(read);
}

/* Opening other_path must fail and name it. */
static bovw_status refused(void)
{
    bovw_vocabulary *v = NULL;
    bovw_error err = {0};
    const bovw_status status = bovw_vocabulary_open(other_path, &v, &err);
    assert_int_not_equal(status, BOVW_OK);
    assert_int_equal(err.status, status);
    assert_null(v);
    assert_int_equal(strncmp(err.text, other_path, strlen(other_path)), 0);
    return status;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    bovw_vocabulary *v = make(N_SMALL, "s");
    uint8_t *bytes = NULL;
    size_t n;
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    assert_int_equal(file_read(path, SIZE_MAX, &bytes, &n, NULL), BOVW_OK);
    for (size_t kept = 0; kept < n; kept++) {
        spit(other_path, bytes, kept);
        const bovw_status status = refused();
        assert_int_equal(status, kept < 8 ? BOVW_ERR_FORMAT : BOVW_ERR_CORRUPT);
    }
    bovw_vocabulary_close(v);
    free(bytes);
}

static void every_flipped_bit_that_means_something_is_refused(void **state)
{
    (void)state;
    bovw_vocabulary *v = make(N_SMALL, "s"), *read = NULL;
    uint8_t *bytes = NULL;
    size_t n, n_refused = 0;
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    assert_int_equal(file_read(path, SIZE_MAX, &bytes, &n, NULL), BOVW_OK);
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= (uint8_t)(1 << i % 8);
        spit(other_path, bytes, n);
        /* Padding between sections carries nothing. */
        if (bovw_vocabulary_open(other_path, &read, NULL) == BOVW_OK) {
            assert_string_equal(bovw_vocabulary_id(read), bovw_vocabulary_id(v));
            assert_string_equal(bovw_vocabulary_summary(read), "s");
            bovw_vocabulary_close(read);
            read = NULL;
        } else {
            const bovw_status status = refused();
            n_refused++;
            assert_true(status == BOVW_ERR_FORMAT || status == BOVW_ERR_VERSION ||
                        status == BOVW_ERR_CORRUPT);
        }
        bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    assert_true(n_refused >= 64 + 3 * 32 + N_SMALL * DIM);
    bovw_vocabulary_close(v);
    free(bytes);
}

/* Files whose checksums are right and whose contents are not. */
static void well_formed_files_with_bad_contents_are_refused(void **state)
{
    (void)state;
    static const char good[] =
        "dog-sift first-octave=-1 peak=1 edge=10 max-side=1024 max-features=2000 root=1";
    const container_section options = {.id = 1, .data = good, .n_bytes = sizeof good};
    const container_section words = {.id = 2, .data = centroids, .n_bytes = 2 * DIM};
    const container_section summary = {.id = 3, .data = "ok", .n_bytes = 3};
    const struct {
        const char *kind;
        uint32_t version;
        container_section sections[3];
        bovw_status status;
    } cases[] = {
        {"VOCA", 1, {options, words, summary}, BOVW_OK},
        {"INDX", 1, {options, words, summary}, BOVW_ERR_FORMAT},
        {"VOCA", 0, {options, words, summary}, BOVW_ERR_VERSION},
        {"VOCA", 2, {options, words, summary}, BOVW_ERR_CORRUPT}, /* no signatures */
        {"VOCA", 3, {options, words, summary}, BOVW_ERR_CORRUPT}, /* no groups */
        {"VOCA", 4, {options, words, summary}, BOVW_ERR_VERSION},
        {"VOCA", 1, {options, words, words}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {options, summary, summary}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {words, words, summary}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {{1, sizeof good - 1, good, 0}, words, summary}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {{1, 6, "sift!", 0}, words, summary}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {{1, 0, good, 0}, words, summary}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {options, {2, 0, centroids, 0}, summary}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {options, {2, 2 * DIM - 1, centroids, 0}, summary}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {options, words, {3, 4, "a\0b", 0}}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {options, words, {3, 4, "a\nb", 0}}, BOVW_ERR_CORRUPT},
        {"VOCA", 1, {options, words, {3, 0, "", 0}}, BOVW_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(container_write(other_path, cases[i].kind, cases[i].version,
                                         cases[i].sections, 3, NULL, NULL),
                         BOVW_OK);
        bovw_vocabulary *v = NULL;
        if (cases[i].status == BOVW_OK) {
            assert_int_equal(bovw_vocabulary_open(other_path, &v, NULL), BOVW_OK);
            assert_int_equal(bovw_vocabulary_size(v), 2);
            bovw_vocabulary_close(v);
        } else {
            assert_int_equal(refused(), cases[i].status);
            assert_int_equal(bovw_vocabulary_open(other_path, &v, NULL), cases[i].status);
        }
    }
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    unlink(other_path);
    assert_int_equal(refused(), BOVW_ERR_IO);
}

static void descriptors_are_assigned_alike_by_every_kernel_and_thread_count(void **state)
{
    (void)state;
    enum {
        N = 333
    };
    bovw_vocabulary *v = make(K, "s");
    uint8_t descriptors[N * DIM];
    uint32_t expected[N], expected_distances[N], words[N], distances[N];
    uint64_t seed = 6;
    for (size_t i = 0; i < sizeof descriptors; i++)
        descriptors[i] = (uint8_t)random_next(&seed);
    memcpy(descriptors, centroids, sizeof centroids);
    const bovw_compute portable = {.n_threads = 1, .kernel = "portable"};
    assert_int_equal(bovw_vocabulary_assign(v, descriptors, N, &portable, expected,
                                            expected_distances, NULL),
                     BOVW_OK);
    for (uint32_t i = 0; i < K; i++) {
        assert_int_equal(expected[i], i);
        assert_int_equal(expected_distances[i], 0);
    }
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        for (uint32_t n_threads = 0; n_threads <= 3; n_threads++) {
            const bovw_compute compute = {.n_threads = n_threads,
                                          .kernel = bovw_kernel_name(i)};
            assert_int_equal(
                bovw_vocabulary_assign(v, descriptors, N, &compute, words, distances, NULL),
                BOVW_OK);
            assert_memory_equal(words, expected, sizeof words);
            assert_memory_equal(distances, expected_distances, sizeof distances);
        }
    }
    memset(words, 0, sizeof words);
    assert_int_equal(bovw_vocabulary_assign(v, descriptors, N, NULL, words, NULL, NULL),
                     BOVW_OK);
    assert_memory_equal(words, expected, sizeof words);
    assert_int_equal(bovw_vocabulary_assign(v, NULL, 0, NULL, NULL, NULL, NULL), BOVW_OK);

    const bovw_compute abacus = {.kernel = "abacus"};
    assert_int_equal(bovw_vocabulary_assign(v, descriptors, N, &abacus, words, NULL, NULL),
                     BOVW_ERR_ARG);
    bovw_vocabulary_close(v);
}

static void several_words_of_a_descriptor_are_assigned_nearest_first(void **state)
{
    (void)state;
    uint8_t points[4 * DIM] = {0}, descriptors[2 * DIM] = {0};
    bovw_feature_options opts;
    bovw_vocabulary *v = NULL;
    bovw_error err = {0};
    points[1] = 3;            /* word 0: 9 from zero */
    points[DIM + 1] = 1;      /* word 1: 1 */
    points[2 * DIM + 2] = 3;  /* word 2: 9 */
    points[3 * DIM + 2] = 10; /* word 3: 100 */
    descriptors[DIM + 2] = 9;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_vocabulary_new(&opts, points, 4, NULL, &v, NULL), BOVW_OK);

    const uint32_t expected[] = {1, 0, 2, 3, 2, 1};
    const uint32_t expected_distances[] = {1, 9, 9, 1, 36, 82};
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        const bovw_compute compute = {.n_threads = 1, .kernel = bovw_kernel_name(i)};
        uint32_t words[6], distances[6];
        assert_int_equal(bovw_vocabulary_assign_multiple(v, descriptors, 2, 3, &compute,
                                                         words, distances, NULL),
                         BOVW_OK);
        assert_memory_equal(words, expected, sizeof words);
        assert_memory_equal(distances, expected_distances, sizeof distances);
    }
    uint32_t words[2 * BOVW_MAX_ASSIGNED] = {0};
    assert_int_equal(
        bovw_vocabulary_assign_multiple(v, descriptors, 2, 4, NULL, words, NULL, NULL),
        BOVW_OK);
    assert_int_equal(words[3], 3);
    assert_int_equal(
        bovw_vocabulary_assign_multiple(v, descriptors, 2, 0, NULL, words, NULL, &err),
        BOVW_ERR_ARG);
    assert_int_equal(
        bovw_vocabulary_assign_multiple(v, descriptors, 2, 5, NULL, words, NULL, &err),
        BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "4"));
    bovw_vocabulary_close(v);

    v = make(K, NULL); /* more words than the limit */
    assert_int_equal(bovw_vocabulary_assign_multiple(v, descriptors, 2, BOVW_MAX_ASSIGNED,
                                                     NULL, words, NULL, NULL),
                     BOVW_OK);
    assert_int_equal(bovw_vocabulary_assign_multiple(
                         v, descriptors, 2, BOVW_MAX_ASSIGNED + 1, NULL, words, NULL, NULL),
                     BOVW_ERR_ARG);
    bovw_vocabulary_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vocabulary_has_what_it_was_made_of),
        cmocka_unit_test(the_id_is_the_hash_that_the_format_describes),
        cmocka_unit_test(the_id_depends_on_options_and_centroids_but_not_on_the_summary),
        cmocka_unit_test(bad_parts_are_refused),
        cmocka_unit_test(a_saved_vocabulary_opens_as_it_was),
        cmocka_unit_test(the_same_vocabulary_is_saved_as_the_same_bytes),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_that_means_something_is_refused),
        cmocka_unit_test(well_formed_files_with_bad_contents_are_refused),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(descriptors_are_assigned_alike_by_every_kernel_and_thread_count),
        cmocka_unit_test(several_words_of_a_descriptor_are_assigned_nearest_first),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
