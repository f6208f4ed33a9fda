/* SPDX-License-Identifier: MIT
 *
 * Vocabularies whose words are in groups: made, saved, read, trained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/container.h"
#include "synthetic.h"
#include "vocabulary/vocabulary_parts.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    K = 400,
    N = 300,
    N_IMAGES = 120,
    N_FEATURES = 20
};

static char *folder, *path, *other_path, *features_path;
static uint8_t centroids[K * DIM], descriptors[N * DIM];

static int set_up(void **state)
{
    static bovw_features images[N_IMAGES];
    bovw_feature_options options;
    uint64_t seed = 5;
    (void)state;
    for (size_t i = 0; i < sizeof centroids; i++)
        centroids[i] = (uint8_t)random_next(&seed);
    for (size_t i = 0; i < sizeof descriptors; i++)
        descriptors[i] = (uint8_t)random_next(&seed);
    folder = make_folder();
    path = mem_format("%s/a.vocab", folder);
    other_path = mem_format("%s/b.vocab", folder);
    features_path = mem_format("%s/a.feat", folder);
    if (!path || !other_path || !features_path)
        return -1;
    for (uint32_t i = 0; i < N_IMAGES; i++) {
        char name[16];
        snprintf(name, sizeof name, "%03u.jpg", i);
        images[i] = random_features(name, N_FEATURES, &seed);
    }
    bovw_feature_options_default(&options);
    write_features(features_path, &options, images, N_IMAGES);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        bovw_features_free(&images[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    free(path);
    free(other_path);
    free(features_path);
    return 0;
}

static bovw_vocabulary *make_plain(void)
{
    bovw_feature_options opts;
    bovw_vocabulary *v = NULL;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, K, "plain", &v, NULL), BOVW_OK);
    return v;
}

static bovw_vocabulary *make_grouped(uint32_t n_groups, double recall, uint32_t n_threads)
{
    bovw_vocabulary *plain = make_plain(), *v = NULL;
    bovw_group_options opts;
    const bovw_compute compute = {.n_threads = n_threads};
    bovw_group_options_default(&opts);
    opts.n_groups = n_groups;
    opts.recall = recall;
    assert_int_equal(
        bovw_vocabulary_group(plain, descriptors, N, &opts, &compute, NULL, &v, NULL),
        BOVW_OK);
    bovw_vocabulary_close(plain);
    return v;
}

typedef struct assigned {
    uint32_t words[N], distances[N];
} assigned;

static void assign(const bovw_vocabulary *v, const char *kernel, uint32_t n_threads,
                   assigned *to)
{
    const bovw_compute compute = {.n_threads = n_threads, .kernel = kernel};
    assert_int_equal(
        bovw_vocabulary_assign(v, descriptors, N, &compute, to->words, to->distances, NULL),
        BOVW_OK);
}

/* How many descriptors got as near a word as there is. */
static size_t count_exact(const bovw_vocabulary *v)
{
    static assigned expected, got;
    bovw_vocabulary *plain = make_plain();
    size_t n = 0;
    assign(plain, NULL, 1, &expected);
    assign(v, NULL, 1, &got);
    for (size_t i = 0; i < N; i++)
        n += got.distances[i] == expected.distances[i];
    bovw_vocabulary_close(plain);
    return n;
}

static void enough_groups_are_searched_and_no_more(void **state)
{
    static const double recalls[] = {0.5, 0.9, 1.0};
    uint32_t last = 0;
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        bovw_vocabulary *v = make_grouped(20, recalls[i], 2);
        const bovw_word_groups made = bovw_vocabulary_groups(v);
        assert_int_equal(made.n_levels, 1);
        assert_int_equal(made.n_groups, 20);
        assert_true(made.n_probes > last);
        assert_true((double)count_exact(v) >= recalls[i] * N - 1e-9);
        last = made.n_probes;

        /* One group less would not do. */
        bovw_embedding none;
        vocabulary_parts parts = vocabulary_parts_of(v, &none);
        bovw_vocabulary *less = NULL;
        parts.n_probes--;
        assert_int_equal(vocabulary_make(&parts, &less, NULL), BOVW_OK);
        assert_true((double)count_exact(less) < recalls[i] * N);
        bovw_vocabulary_close(less);
        bovw_vocabulary_close(v);
    }
    assert_true(last <= 20);
}

static void the_summary_says_what_was_measured(void **state)
{
    char expected[100];
    bovw_vocabulary *v = make_grouped(0, 0.8, 1);
    const bovw_word_groups made = bovw_vocabulary_groups(v);
    (void)state;
    assert_int_equal(made.n_groups, 40); /* twice the root of 400 */
    snprintf(expected, sizeof expected,
             "plain, in 40 groups of which %u are searched, recall %.4f on 300 descriptors",
             made.n_probes, (double)count_exact(v) / N);
    assert_string_equal(bovw_vocabulary_summary(v), expected);
    bovw_vocabulary_close(v);

    v = make_plain();
    assert_int_equal(bovw_vocabulary_groups(v).n_levels, 0);
    bovw_vocabulary_close(v);
}

static void words_are_those_of_the_plain_vocabulary_in_another_order(void **state)
{
    bovw_vocabulary *v = make_grouped(20, 0.9, 1);
    size_t n_moved = 0;
    (void)state;
    for (uint32_t i = 0; i < K; i++) {
        uint32_t j = 0;
        while (j < K && memcmp(bovw_vocabulary_centroids(v) + (size_t)i * DIM,
                               centroids + (size_t)j * DIM, DIM) != 0)
            j++;
        assert_true(j < K);
        n_moved += i != j;
    }
    assert_true(n_moved > 0);
    bovw_vocabulary_close(v);
}

static void threads_and_kernels_change_nothing(void **state)
{
    static assigned expected, got;
    bovw_vocabulary *v = make_grouped(20, 0.9, 1), *same = make_grouped(20, 0.9, 3);
    (void)state;
    assert_string_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(same));
    assign(v, "portable", 1, &expected);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        assign(v, bovw_kernel_name(i), (uint32_t)i, &got);
        assert_memory_equal(&got, &expected, sizeof got);
    }
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(same);
}

static void bad_options_are_refused(void **state)
{
    bovw_vocabulary *plain = make_plain(), *v = NULL;
    bovw_group_options opts;
    (void)state;
    bovw_group_options_default(&opts);
    opts.recall = 0.0;
    assert_int_equal(
        bovw_vocabulary_group(plain, descriptors, N, &opts, NULL, NULL, &v, NULL),
        BOVW_ERR_ARG);
    opts.recall = 1.01;
    assert_int_equal(
        bovw_vocabulary_group(plain, descriptors, N, &opts, NULL, NULL, &v, NULL),
        BOVW_ERR_ARG);
    bovw_group_options_default(&opts);
    assert_int_equal(
        bovw_vocabulary_group(plain, descriptors, 0, &opts, NULL, NULL, &v, NULL),
        BOVW_ERR_ARG);
    opts.n_groups = K + 1;
    assert_int_equal(
        bovw_vocabulary_group(plain, descriptors, N, &opts, NULL, NULL, &v, NULL),
        BOVW_ERR_ARG);
    assert_null(v);
    bovw_vocabulary_close(plain);
}

/* ---- files ------------------------------------------------------------------- */

static void a_saved_vocabulary_opens_as_it_was(void **state)
{
    static assigned expected, got;
    bovw_vocabulary *plain = make_grouped(20, 0.9, 1), *v = NULL;
    (void)state;
    assert_int_equal(bovw_vocabulary_embed(plain, descriptors, N, 1, NULL, NULL, &v, NULL),
                     BOVW_OK);
    for (int is_embedded = 0; is_embedded < 2; is_embedded++) {
        bovw_vocabulary *saved = is_embedded ? v : plain, *read = NULL;
        container file = {0};
        assert_int_equal(bovw_vocabulary_save(saved, path, NULL), BOVW_OK);
        assert_int_equal(bovw_vocabulary_open(path, &read, NULL), BOVW_OK);
        assert_string_equal(bovw_vocabulary_id(read), bovw_vocabulary_id(saved));
        assert_string_equal(bovw_vocabulary_summary(read), bovw_vocabulary_summary(saved));
        assert_int_equal(bovw_vocabulary_has_signatures(read), is_embedded);
        assign(saved, NULL, 1, &expected);
        assign(read, NULL, 2, &got);
        assert_memory_equal(&got, &expected, sizeof got);
        assert_int_equal(container_open(path, "VOCA", 3, &file, NULL), BOVW_OK);
        assert_int_equal(file.version, 3);
        container_close(&file);
        bovw_vocabulary_close(read);
    }
    bovw_vocabulary_close(plain);
    bovw_vocabulary_close(v);
}

static void the_id_depends_on_the_groups(void **state)
{
    bovw_embedding none;
    bovw_vocabulary *v = make_grouped(20, 0.9, 1), *plain = NULL, *more = NULL;
    vocabulary_parts parts = vocabulary_parts_of(v, &none);
    (void)state;
    parts.n_probes++;
    assert_int_equal(vocabulary_make(&parts, &more, NULL), BOVW_OK);
    parts.layout = NULL;
    assert_int_equal(vocabulary_make(&parts, &plain, NULL), BOVW_OK);
    assert_string_not_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(more));
    assert_string_not_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(plain));
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(more);
    bovw_vocabulary_close(plain);
}

/* Write the file at path again with other groups, of n bytes. */
static bovw_status open_with_groups(const uint8_t *bytes, size_t n)
{
    container file = {0};
    container_section sections[CONTAINER_MAX_SECTIONS];
    bovw_vocabulary *v = NULL;
    bovw_error err = {0};

    assert_int_equal(container_open(path, "VOCA", 3, &file, NULL), BOVW_OK);
    memcpy(sections, file.sections, sizeof sections);
    assert_int_equal(sections[3].id, 6);
    sections[3].data = bytes;
    sections[3].n_bytes = n;
    assert_int_equal(
        container_write(other_path, "VOCA", 3, sections, file.n_sections, NULL, NULL),
        BOVW_OK);
    container_close(&file);
    const bovw_status status = bovw_vocabulary_open(other_path, &v, &err);
    if (status != BOVW_OK)
        assert_int_equal(strncmp(err.text, other_path, strlen(other_path)), 0);
    bovw_vocabulary_close(v);
    return status;
}

static void well_formed_files_with_bad_groups_are_refused(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
    } bad[] = {{0, 0},  {0, 21}, {0, UINT32_MAX},                  /* groups searched */
               {4, 0},  {4, 2},  {4, 25},         {4, UINT32_MAX}, /* levels */
               {8, 0},  {8, 19}, {8, 21},         {8, UINT32_MAX}, /* groups */
               {12, 0}, {12, K}, {12, UINT32_MAX}};                /* size of the first */
    bovw_vocabulary *v = make_grouped(20, 0.9, 1);
    size_t n;
    const uint8_t *good = vocabulary_groups_bytes(v, &n);
    uint8_t *bytes = mem_array(n + 1, 1);
    (void)state;

    assert_non_null(bytes);
    memcpy(bytes, good, n);
    assert_int_equal(n, 8 + 4 + 20 * (4 + DIM));
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    assert_int_equal(open_with_groups(bytes, n), BOVW_OK);
    for (size_t kept = 0; kept < n; kept += kept < 16 ? 1 : 97)
        assert_int_equal(open_with_groups(bytes, kept), BOVW_ERR_CORRUPT);
    assert_int_equal(open_with_groups(bytes, n + 1), BOVW_ERR_CORRUPT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        store_le32(bytes + bad[i].at, bad[i].value);
        assert_int_equal(open_with_groups(bytes, n), BOVW_ERR_CORRUPT);
        memcpy(bytes, good, n);
    }
    free(bytes);
    bovw_vocabulary_close(v);
}

/* ---- training ---------------------------------------------------------------- */

static bovw_status train(const bovw_train_options *opts, uint32_t n_threads,
                         bovw_vocabulary **vocabulary, bovw_error *err)
{
    bovw_source *source = NULL;
    const bovw_compute compute = {.n_threads = n_threads};
    assert_int_equal(
        bovw_source_open((const char *const *)&features_path, 1, NULL, NULL, &source, NULL),
        BOVW_OK);
    const bovw_status status =
        bovw_vocabulary_train(source, opts, &compute, NULL, vocabulary, err);
    bovw_source_close(source);
    return status;
}

static void groups_are_trained_and_measured_on_images_held_out(void **state)
{
    bovw_train_options opts;
    bovw_vocabulary *v = NULL, *same = NULL, *plain = NULL;
    (void)state;
    bovw_train_options_default(&opts);
    opts.kmeans.k = 150;
    opts.grouping = 12;
    opts.recall = 0.9;
    assert_int_equal(train(&opts, 1, &v, NULL), BOVW_OK);
    assert_int_equal(train(&opts, 3, &same, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_groups(v).n_groups, 12);
    assert_true(bovw_vocabulary_has_signatures(v));
    assert_string_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(same));
    /* 2 of 120 images, with 20 features each. */
    assert_non_null(
        strstr(bovw_vocabulary_summary(v), "on 2360 descriptors of 118 images"));
    assert_non_null(strstr(bovw_vocabulary_summary(v), "on 40 descriptors"));

    opts.grouping = BOVW_GROUPS_AUTO; /* few words */
    assert_int_equal(train(&opts, 1, &plain, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_groups(plain).n_levels, 0);
    assert_non_null(
        strstr(bovw_vocabulary_summary(plain), "on 2400 descriptors of 120 images"));
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(same);
    bovw_vocabulary_close(plain);
}

static void trees_are_trained(void **state)
{
    bovw_train_options opts;
    bovw_vocabulary *v = NULL, *same = NULL, *read = NULL;
    (void)state;
    bovw_train_options_default(&opts);
    opts.tree_branch = 5;
    opts.tree_depth = 3;
    assert_int_equal(train(&opts, 1, &v, NULL), BOVW_OK);
    assert_int_equal(train(&opts, 3, &same, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_size(v), 125);
    assert_int_equal(bovw_vocabulary_groups(v).n_levels, 2);
    assert_int_equal(bovw_vocabulary_groups(v).n_groups, 25);
    assert_int_equal(bovw_vocabulary_groups(v).n_probes, 1);
    assert_string_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(same));
    assert_non_null(strstr(bovw_vocabulary_summary(v), "125 words, leaves of a tree 5^3"));
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_open(path, &read, NULL), BOVW_OK);
    assert_string_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(read));
    bovw_vocabulary_close(read);
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(same);

    v = NULL;
    opts.tree_branch = 1000;
    assert_int_equal(train(&opts, 1, &v, NULL), BOVW_ERR_ARG); /* a billion words */
    assert_null(v);
    opts.tree_depth = 1;
    assert_int_equal(train(&opts, 1, &v, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_groups(v).n_levels, 0); /* flat */
    bovw_vocabulary_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enough_groups_are_searched_and_no_more),
        cmocka_unit_test(the_summary_says_what_was_measured),
        cmocka_unit_test(words_are_those_of_the_plain_vocabulary_in_another_order),
        cmocka_unit_test(threads_and_kernels_change_nothing),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(a_saved_vocabulary_opens_as_it_was),
        cmocka_unit_test(the_id_depends_on_the_groups),
        cmocka_unit_test(well_formed_files_with_bad_groups_are_refused),
        cmocka_unit_test(groups_are_trained_and_measured_on_images_held_out),
        cmocka_unit_test(trees_are_trained),
    };
    return cmocka_run_group_tests_name("grouped vocabulary", tests, set_up, tear_down);
}
