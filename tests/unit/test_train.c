/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bovw/vocabulary.h"
#include "synthetic.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    N_IMAGES = 70, /* more than two batches of a source */
    N_FEATURES = 50
};

static char *folder;
static char *all_path; /* N_IMAGES images */
static char *parts[2]; /* the same images, 41 and 29 of them */
static bovw_feature_options options;

static int set_up(void **state)
{
    (void)state;
    static bovw_features images[N_IMAGES];
    uint64_t seed = 1;

    folder = make_folder();
    all_path = mem_format("%s/all.feat", folder);
    parts[0] = mem_format("%s/0.feat", folder);
    parts[1] = mem_format("%s/1.feat", folder);
    if (!all_path || !parts[0] || !parts[1])
        return -1;
    bovw_feature_options_default(&options);
    options.max_side = 640;
    for (uint32_t i = 0; i < N_IMAGES; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02u.jpg", i);
        images[i] = random_features(name, N_FEATURES, &seed);
    }
    write_features(all_path, &options, images, N_IMAGES);
    write_features(parts[0], &options, images, 41);
    write_features(parts[1], &options, images + 41, N_IMAGES - 41);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        bovw_features_free(&images[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    free(all_path);
    free(parts[0]);
    free(parts[1]);
    return 0;
}

static bovw_status train(char *const *paths, size_t n_paths, uint32_t k, uint64_t sample,
                         uint32_t n_threads, const bovw_monitor *monitor,
                         bovw_vocabulary **vocabulary, bovw_error *err)
{
    bovw_source *source = NULL;
    bovw_train_options opts;
    const bovw_compute compute = {.n_threads = n_threads};
    assert_int_equal(
        bovw_source_open((const char *const *)paths, n_paths, NULL, NULL, &source, NULL),
        BOVW_OK);
    bovw_train_options_default(&opts);
    opts.kmeans.k = k;
    opts.sample = sample;
    const bovw_status status =
        bovw_vocabulary_train(source, &opts, &compute, monitor, vocabulary, err);
    bovw_source_close(source);
    return status;
}

/* The first two messages, one after the other. */
static void keep_first(void *context, const char *text)
{
    char *first = context;
    if (!strchr(first, '\n'))
        snprintf(first + strlen(first), 200 - strlen(first), "%s%s", *first ? "\n" : "",
                 text);
}

static void a_vocabulary_is_trained_with_the_options_of_its_source(void **state)
{
    (void)state;
    bovw_vocabulary *v = NULL;
    char expected[BOVW_FEATURE_OPTIONS_TEXT], text[BOVW_FEATURE_OPTIONS_TEXT];
    char first[200] = "";
    const bovw_monitor monitor = {.context = first, .message = keep_first};
    assert_int_equal(train(&all_path, 1, 30, 0, 0, &monitor, &v, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_size(v), 30);
    bovw_feature_options_format(&options, expected);
    bovw_feature_options_format(bovw_vocabulary_options(v), text);
    assert_string_equal(text, expected);
    assert_string_equal(first, "training takes 0.10 GB of memory at most\n"
                               "training on 3500 of 3500 descriptors of 70 images");
    assert_non_null(strstr(bovw_vocabulary_summary(v), "30 words"));
    assert_non_null(strstr(bovw_vocabulary_summary(v), "3500 descriptors of 70 images"));
    bovw_vocabulary_close(v);
}

static void threads_and_the_cut_into_files_do_not_change_a_vocabulary(void **state)
{
    (void)state;
    bovw_vocabulary *one = NULL, *two = NULL, *three = NULL;
    assert_int_equal(train(&all_path, 1, 20, 1000, 1, NULL, &one, NULL), BOVW_OK);
    assert_int_equal(train(&all_path, 1, 20, 1000, 2, NULL, &two, NULL), BOVW_OK);
    assert_int_equal(train(parts, 2, 20, 1000, 3, NULL, &three, NULL), BOVW_OK);
    assert_string_equal(bovw_vocabulary_id(one), bovw_vocabulary_id(two));
    assert_string_equal(bovw_vocabulary_id(one), bovw_vocabulary_id(three));
    assert_string_equal(bovw_vocabulary_summary(one), bovw_vocabulary_summary(three));
    assert_non_null(strstr(bovw_vocabulary_summary(one), "on 1000 descriptors"));
    bovw_vocabulary_close(one);
    bovw_vocabulary_close(two);
    bovw_vocabulary_close(three);
}

static void a_sample_of_everything_is_the_default_for_a_small_source(void **state)
{
    (void)state;
    bovw_vocabulary *whole = NULL, *sampled = NULL, *usual = NULL;
    assert_int_equal(train(&all_path, 1, 10, 3500, 1, NULL, &whole, NULL), BOVW_OK);
    assert_int_equal(train(&all_path, 1, 10, 0, 1, NULL, &usual, NULL), BOVW_OK);
    assert_int_equal(train(&all_path, 1, 10, 3400, 1, NULL, &sampled, NULL), BOVW_OK);
    assert_string_equal(bovw_vocabulary_id(whole), bovw_vocabulary_id(usual));
    assert_string_not_equal(bovw_vocabulary_id(whole), bovw_vocabulary_id(sampled));
    bovw_vocabulary_close(whole);
    bovw_vocabulary_close(usual);
    bovw_vocabulary_close(sampled);
}

static void too_few_descriptors_and_bad_options_are_refused(void **state)
{
    (void)state;
    bovw_vocabulary *v = NULL;
    bovw_error err = {0};
    assert_int_equal(train(&all_path, 1, 3501, 0, 1, NULL, &v, &err), BOVW_ERR_ARG);
    assert_string_equal(err.text,
                        "3500 descriptors of 70 images are too few for 3501 words");
    assert_int_equal(train(&all_path, 1, 0, 0, 1, NULL, &v, &err), BOVW_ERR_ARG);
    assert_int_equal(train(&all_path, 1, 50, 49, 1, NULL, &v, &err), BOVW_ERR_ARG);
    assert_int_equal(train(&all_path, 1, BOVW_MAX_WORDS + 1, 0, 1, NULL, &v, &err),
                     BOVW_ERR_ARG);
    assert_null(v);
}

static bool stop(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    return strcmp(stage, context) != 0;
}

static void training_can_be_stopped_in_every_stage(void **state)
{
    (void)state;
    char stages[][16] = {"sampling", "seeding", "clustering"};
    for (size_t i = 0; i < 3; i++) {
        const bovw_monitor monitor = {.context = stages[i], .progress = stop};
        bovw_vocabulary *v = NULL;
        assert_int_equal(train(&all_path, 1, 20, 0, 1, &monitor, &v, NULL),
                         BOVW_ERR_CANCELLED);
        assert_null(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vocabulary_is_trained_with_the_options_of_its_source),
        cmocka_unit_test(threads_and_the_cut_into_files_do_not_change_a_vocabulary),
        cmocka_unit_test(a_sample_of_everything_is_the_default_for_a_small_source),
        cmocka_unit_test(too_few_descriptors_and_bad_options_are_refused),
        cmocka_unit_test(training_can_be_stopped_in_every_stage),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
