/* SPDX-License-Identifier: MIT
 *
 * Postings, segments, manifests and what becomes of an index that is damaged. */
#include <dirent.h>
#include <math.h>

#include "base/file.h"
#include "index/postings.h"
#include "index/segment_layout.h"
#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    N_WORDS = 40,
    N_IMAGES = 30
};

/* ---- postings ---------------------------------------------------------------- */

/* Lists whose gaps take up to `most_bits` bits; now and then an image has many features. */
static uint64_t make_postings(uint32_t n, uint32_t most_bits, uint64_t *seed,
                              uint32_t *images, uint32_t *tfs)
{
    uint32_t id = 0;
    uint64_t n_features = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t bits = (uint32_t)random_below(seed, most_bits + 1);
        id += 1 + (uint32_t)random_below(seed, (uint64_t)1 << bits);
        images[i] = id;
        tfs[i] = 1 + (uint32_t)(random_below(seed, 8) == 0 ? random_below(seed, 300) : 0);
        n_features += tfs[i];
    }
    return n_features;
}

enum {
    MOST = 1500
};

/* What a list becomes, and what a reader makes of its bytes. */
static void check_list(const uint32_t *images, const uint32_t *tfs, uint32_t n,
                       uint64_t n_features)
{
    static uint32_t images_again[MOST], tfs_again[MOST];
    uint8_t *bytes = mem_array(postings_bound(n_features), 1);
    postings_limits limits = {2, n ? images[n - 1] + 1 : 1, n_features};
    const size_t length = postings_encode(images, tfs, n, bytes);
    assert_true(length + CODED_PADDING <= postings_bound(n_features));
    assert_true(postings_decode(bytes, length, n, &limits, images_again, tfs_again));
    assert_memory_equal(images, images_again, n * sizeof *images);
    assert_memory_equal(tfs, tfs_again, n * sizeof *tfs);
    /* A list that is longer or shorter than it says; an image or a feature too many. */
    assert_false(postings_decode(bytes, length + 1, n, &limits, images_again, tfs_again));
    if (length)
        assert_false(
            postings_decode(bytes, length - 1, n, &limits, images_again, tfs_again));
    limits.n_images--;
    if (n)
        assert_false(postings_decode(bytes, length, n, &limits, images_again, tfs_again));
    limits.n_images++;
    limits.n_features--;
    if (n)
        assert_false(postings_decode(bytes, length, n, &limits, images_again, tfs_again));
    free(bytes);
}

static void postings_survive_encoding(void **state)
{
    (void)state;
    static uint32_t images[MOST], tfs[MOST];
    uint64_t seed = 3;
    for (uint32_t n = 0; n < MOST; n = n < 140 ? n + 1 : n + 97) {
        const uint64_t n_features = make_postings(n, n % 21, &seed, images, tfs);
        check_list(images, tfs, n, n_features);
    }
}

/* Gaps of every width, up to 32 bits. */
static void postings_of_all_widths_survive_encoding(void **state)
{
    (void)state;
    for (uint32_t width = 1; width <= 32; width++) {
        const uint32_t gap = (uint32_t)(((uint64_t)1 << width) - 1);
        uint32_t images[8], tfs[8], n = 0;
        uint64_t n_features = 0;
        for (uint64_t id = gap - 1; n < 8 && id < UINT32_MAX; id += gap) {
            images[n] = (uint32_t)id;
            tfs[n] = 1 + 130 * (n % 2);
            n_features += tfs[n++];
        }
        check_list(images, tfs, n, n_features);
    }
}

/* A known list, by hand: three features of image 2, one of image 9. */
static void postings_are_the_stated_bytes(void **state)
{
    (void)state;
    const uint32_t images[] = {2, 9}, tfs[] = {3, 1};
    /* Two features more than images; 3 bits; 2, 0, 0, 7 from the lowest bit on. */
    const uint8_t expected[] = {2, 3, 0x02, 0x0e};
    uint8_t bytes[100];
    assert_int_equal(postings_encode(images, tfs, 2, bytes), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

/* Lists of version 1 as they were written: gaps 2, 7 and 300; frequencies 3, 1 and 258. */
static void postings_of_version_1_are_read(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0x10, 2, 7, 0x2c, 0x01, 0x21, 2, 0x01, 0x01};
    uint32_t images[3], tfs[3];
    const uint32_t expected_images[] = {2, 9, 309}, expected_tfs[] = {3, 1, 258};
    postings_limits limits = {1, 310, 262};
    assert_true(postings_decode(bytes, 9, 3, &limits, images, tfs));
    assert_memory_equal(images, expected_images, sizeof images);
    assert_memory_equal(tfs, expected_tfs, sizeof tfs);
    assert_false(postings_decode(bytes, 8, 3, &limits, images, tfs));
    assert_false(postings_decode(bytes, 10, 3, &limits, images, tfs));
    limits.n_images = 309;
    assert_false(postings_decode(bytes, 9, 3, &limits, images, tfs));
    limits = (postings_limits){1, 310, 261};
    assert_false(postings_decode(bytes, 9, 3, &limits, images, tfs));
}

static void unpacking_kernels_agree(void **state)
{
    (void)state;
    const unpack_kernel *kernel = unpack_kernel_find();
    uint64_t seed = 6;
    for (uint32_t width = 0; width <= 32; width++) {
        for (uint32_t n = 0; n <= POSTINGS_BLOCK; n++) {
            uint8_t *bytes = mem_array(packed_bytes(n, width) + UNPACK_PADDING, 1);
            uint32_t fast[POSTINGS_BLOCK], plain[POSTINGS_BLOCK];
            const uint32_t before = (uint32_t)random_next(&seed);
            random_bytes(bytes, packed_bytes(n, width) + UNPACK_PADDING, &seed);
            const uint32_t a = kernel->sums(bytes, width, n, before, fast);
            const uint32_t b = unpack_portable.sums(bytes, width, n, before, plain);
            assert_int_equal(a, b);
            assert_memory_equal(fast, plain, n * sizeof *fast);
            free(bytes);
        }
    }
}

static void hostile_postings_never_lead_outside(void **state)
{
    (void)state;
    enum {
        BYTES = 64,
        N = 40
    };
    uint32_t images[N], tfs[N];
    uint64_t seed = 4;
    int accepted[3] = {0};
    for (int round = 0; round < 200000; round++) {
        uint8_t *bytes = mem_array(BYTES + CODED_PADDING, 1);
        const postings_limits limits = {1 + round % 2, 1000, 10000};
        random_bytes(bytes, BYTES, &seed);
        const uint32_t n = (uint32_t)random_below(&seed, N + 1);
        for (int i = 0; i < 16; i++) /* make short codes, and so success, likely */
            bytes[i] &= (uint8_t)random_below(&seed, 4) ? 0 : 0xff;
        if (limits.version == 2) {
            bytes[0] %= 64;
            bytes[1] %= 8;
        }
        const size_t length = random_below(&seed, BYTES);
        if (postings_decode(bytes, length, n, &limits, images, tfs)) {
            accepted[limits.version] += n > 0;
            for (uint32_t i = 0; i < n; i++)
                assert_true(images[i] < 1000);
        }
        free(bytes);
    }
    assert_true(accepted[1] > 0 && accepted[2] > 0);
}

static void keypoints_keep_the_stated_precision(void **state)
{
    (void)state;
    uint64_t seed = 9;
    for (int i = 0; i < 20000; i++) {
        const uint32_t width = 16 + (uint32_t)random_below(&seed, 9000), height = 777;
        const bovw_keypoint k = {.x = (float)random_below(&seed, width * 8) / 8.0F,
                                 .y = (float)random_below(&seed, height * 8) / 8.0F,
                                 .scale = 0.5F *
                                          exp2f((float)random_below(&seed, 1000) / 100.0F),
                                 .angle = (float)random_below(&seed, 6283) / 1000.0F};
        uint8_t bytes[KEYPOINT_BYTES];
        bovw_keypoint back;
        keypoint_encode(&k, width, height, bytes);
        keypoint_decode(bytes, width, height, &back);
        if (k.x < (float)width - 0.5F)
            assert_true(fabsf(back.x - k.x) <= (float)width / 65535.0F + 1e-3F);
        if (k.y < (float)height - 0.5F)
            assert_true(fabsf(back.y - k.y) <= (float)height / 65535.0F + 1e-3F);
        assert_true(fabsf(back.scale / k.scale - 1.0F) < 0.0222F);
        float turn = fabsf(back.angle - k.angle);
        turn = turn > 3.0F ? 6.28318531F - turn : turn;
        assert_true(turn < 0.01228F);
    }
    const bovw_keypoint odd = {.x = NAN, .y = -5, .scale = -1, .angle = 7};
    uint8_t bytes[KEYPOINT_BYTES];
    bovw_keypoint back;
    keypoint_encode(&odd, 100, 100, bytes);
    keypoint_decode(bytes, 100, 100, &back);
    assert_true(back.x == -0.5F && back.y == -0.5F && back.scale > 0 && back.angle < 6.3F);
}

/* ---- indexes ------------------------------------------------------------------- */

typedef struct fixture {
    char *folder, *index_path, *features_path;
    bovw_vocabulary *vocabulary;
    bovw_feature_options options;
    bovw_features images[N_IMAGES];
} fixture;

static bovw_status add(const fixture *f, const char *features, uint32_t batch,
                       const bovw_monitor *monitor, bovw_add_result *result,
                       bovw_error *err)
{
    const char *paths[] = {features};
    bovw_source *source = NULL;
    const bovw_add_options opts = {.batch = batch};
    bovw_status status = bovw_source_open(paths, 1, &f->options, NULL, &source, err);
    if (status == BOVW_OK)
        status = bovw_index_add(f->index_path, source, &opts, NULL, monitor, result, err);
    bovw_source_close(source);
    return status;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    uint64_t seed = 21;
    uint8_t centroids[N_WORDS * BOVW_DESCRIPTOR_DIM];

    bovw_feature_options_default(&f->options);
    f->folder = make_folder();
    f->index_path = mem_format("%s/index", f->folder);
    f->features_path = mem_format("%s/all.feat", f->folder);
    random_bytes(centroids, sizeof centroids, &seed);
    assert_int_equal(bovw_vocabulary_new(&f->options, centroids, N_WORDS, "random",
                                         &f->vocabulary, NULL),
                     BOVW_OK);
    for (uint32_t i = 0; i < N_IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%u.jpg", i);
        f->images[i] = random_features(name, (uint32_t)random_below(&seed, 70), &seed);
    }
    write_features(f->features_path, &f->options, f->images, N_IMAGES);
    assert_int_equal(bovw_index_create(f->index_path, f->vocabulary, NULL), BOVW_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    bovw_vocabulary_close(f->vocabulary);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        bovw_features_free(&f->images[i]);
    free(f->index_path);
    free(f->features_path);
    remove_folder(f->folder);
    free(f);
    return 0;
}

/* The index holds the images, in order, with the words that assignment gives. */
static void expect_images(const fixture *f, uint32_t n)
{
    bovw_index *index = NULL;
    assert_int_equal(bovw_index_check(f->index_path, NULL, NULL), BOVW_OK);
    assert_int_equal(bovw_index_open(f->index_path, &index, NULL), BOVW_OK);
    assert_int_equal(bovw_index_n_images(index), n);
    for (uint32_t i = 0; i < n; i++) {
        const bovw_features *image = &f->images[i];
        const bovw_image_info info = bovw_index_image(index, i);
        uint32_t words[70], assigned[70], counts[N_WORDS] = {0};
        bovw_keypoint keypoints[70];
        assert_string_equal(info.name, image->name);
        assert_int_equal(info.n_features, image->n);
        assert_memory_equal(info.content_id, image->content_id, BOVW_CONTENT_ID_BYTES);
        assert_int_equal(bovw_index_features(index, i, words, keypoints, NULL), BOVW_OK);
        assert_int_equal(bovw_vocabulary_assign(f->vocabulary, image->descriptors, image->n,
                                                NULL, assigned, NULL, NULL),
                         BOVW_OK);
        for (uint32_t k = 0; k < image->n; k++) {
            counts[assigned[k]]++;
            counts[words[k]]--;
        }
        for (uint32_t w = 0; w < N_WORDS; w++)
            assert_int_equal(counts[w], 0);
    }
    bovw_index_close(index);
}

static void images_come_back_from_any_sequence_of_batches(void **state)
{
    const fixture *f = *state;
    bovw_add_result result;
    expect_images(f, 0);
    char *part = mem_format("%s/part.feat", f->folder);
    write_features(part, &f->options, f->images, 11);
    assert_int_equal(add(f, part, 4, NULL, &result, NULL), BOVW_OK);
    assert_int_equal(result.n_added, 11);
    expect_images(f, 11);
    assert_int_equal(add(f, f->features_path, 100, NULL, &result, NULL), BOVW_OK);
    assert_int_equal(result.n_added, N_IMAGES - 11);
    assert_int_equal(result.n_present, 11);
    expect_images(f, N_IMAGES);
    assert_int_equal(add(f, f->features_path, 100, NULL, &result, NULL), BOVW_OK);
    assert_int_equal(result.n_added, 0);
    assert_int_equal(result.n_present, N_IMAGES);
    free(part);
}

static void a_name_with_other_content_is_refused_and_named(void **state)
{
    const fixture *f = *state;
    skips seen = {0};
    const bovw_monitor monitor = {.context = &seen, .skipped = note_skipped};
    bovw_add_result result;
    char *path = mem_format("%s/changed.feat", f->folder);
    bovw_features changed[2] = {f->images[0], f->images[1]};

    assert_int_equal(add(f, f->features_path, 100, NULL, &result, NULL), BOVW_OK);
    changed[1].content_id[3] ^= 1;
    write_features(path, &f->options, changed, 2);
    assert_int_equal(add(f, path, 100, &monitor, &result, NULL), BOVW_OK);
    assert_int_equal(result.n_refused, 1);
    assert_int_equal(result.n_present, 1);
    assert_int_equal(seen.n, 1);
    assert_non_null(strstr(seen.text, "1.jpg"));
    expect_images(f, N_IMAGES);
    free(path);
}

static bool stop_at_once(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    (void)stage;
    (void)done;
    (void)total;
    return false;
}

static void a_cancelled_add_leaves_a_prefix_and_can_go_on(void **state)
{
    const fixture *f = *state;
    const bovw_monitor monitor = {.progress = stop_at_once};
    bovw_add_result first, second;
    assert_int_equal(add(f, f->features_path, 3, &monitor, &first, NULL),
                     BOVW_ERR_CANCELLED);
    assert_true(first.n_added < N_IMAGES);
    expect_images(f, first.n_added);
    assert_int_equal(add(f, f->features_path, 3, NULL, &second, NULL), BOVW_OK);
    assert_int_equal(first.n_added + second.n_added, N_IMAGES);
    expect_images(f, N_IMAGES);
}

static void an_open_index_keeps_its_generation(void **state)
{
    const fixture *f = *state;
    bovw_index *before = NULL;
    char *part = mem_format("%s/part.feat", f->folder);
    write_features(part, &f->options, f->images, 5);
    assert_int_equal(add(f, part, 2, NULL, NULL, NULL), BOVW_OK);
    assert_int_equal(bovw_index_open(f->index_path, &before, NULL), BOVW_OK);
    assert_int_equal(add(f, f->features_path, 2, NULL, NULL, NULL), BOVW_OK);
    assert_int_equal(bovw_index_n_images(before), 5);
    assert_string_equal(bovw_index_image(before, 4).name, f->images[4].name);
    bovw_search_options opts;
    bovw_ranking ranking;
    bovw_search_options_default(&opts);
    assert_int_equal(bovw_search(before, f->images, 1, &opts, NULL, &ranking, NULL),
                     BOVW_OK);
    bovw_ranking_free(&ranking);
    bovw_index_close(before);
    expect_images(f, N_IMAGES);
    free(part);
}

/* Index files that must all be whole, by name. */
static uint32_t list_files(const fixture *f, char names[64][64])
{
    uint32_t n = 0;
    DIR *folder = opendir(f->index_path);
    assert_non_null(folder);
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (e->d_name[0] != '.' && strcmp(e->d_name, "LOCK") != 0)
            snprintf(names[n++], 64, "%.63s", e->d_name);
    }
    closedir(folder);
    return n;
}

/* Everything that a user does with an index; must survive any damage. */
static bovw_status use(const fixture *f, bovw_error *err)
{
    bovw_index *index = NULL;
    bovw_ranking ranking = {0};
    bovw_search_options opts;
    bovw_status status = bovw_index_open(f->index_path, &index, err);
    bovw_search_options_default(&opts);
    opts.verify = 10;
    if (status == BOVW_OK)
        status = bovw_search(index, f->images + 3, 1, &opts, NULL, &ranking, err);
    for (uint32_t i = 0; status == BOVW_OK && i < bovw_index_n_images(index); i++)
        assert_true(strlen(bovw_index_image(index, i).name) < 4096);
    bovw_ranking_free(&ranking);
    bovw_index_close(index);
    return status;
}

static void damage_is_found_by_open_or_check_and_never_crashes(void **state)
{
    const fixture *f = *state;
    char names[64][64];
    uint64_t seed = 77;
    bovw_error err;

    assert_int_equal(add(f, f->features_path, 16, NULL, NULL, NULL), BOVW_OK);
    /* The weights of the generation before are left for readers: not checked. */
    const uint32_t n_files = list_files(f, names);
    for (uint32_t i = 0; i < n_files; i++) {
        if (strncmp(names[i], "weights.", 8) == 0 && strcmp(names[i], "weights.2") != 0)
            continue;
        char *path = mem_format("%s/%s", f->index_path, names[i]);
        size_t n;
        uint8_t *bytes = slurp(path, &n);
        uint8_t *copy = malloc(n);
        for (int round = 0; round < 60; round++) {
            memcpy(copy, bytes, n);
            const size_t at = random_below(&seed, n);
            copy[at] ^= (uint8_t)(1 << random_below(&seed, 8));
            spit(path, copy, n);
            use(f, &err);
            assert_int_not_equal(bovw_index_check(f->index_path, NULL, &err), BOVW_OK);
            assert_non_null(strstr(err.text, f->folder));
        }
        for (int round = 0; round < 20; round++) {
            spit(path, bytes, random_below(&seed, n));
            use(f, &err);
            assert_int_not_equal(bovw_index_check(f->index_path, NULL, &err), BOVW_OK);
            assert_non_null(strstr(err.text, f->folder));
        }
        unlink(path);
        assert_int_not_equal(use(f, &err), BOVW_OK);
        spit(path, bytes, n);
        free(bytes);
        free(copy);
        free(path);
    }
    expect_images(f, N_IMAGES);
}

static void files_of_two_indexes_do_not_mix(void **state)
{
    const fixture *f = *state;
    uint8_t centroids[N_WORDS * BOVW_DESCRIPTOR_DIM];
    uint64_t seed = 99;
    bovw_vocabulary *other = NULL;
    bovw_error err;
    char *path = mem_format("%s/vocabulary", f->index_path);

    random_bytes(centroids, sizeof centroids, &seed);
    assert_int_equal(
        bovw_vocabulary_new(&f->options, centroids, N_WORDS, "other", &other, NULL),
        BOVW_OK);
    assert_int_equal(bovw_vocabulary_save(other, path, NULL), BOVW_OK);
    assert_int_equal(use(f, &err), BOVW_ERR_MISMATCH);
    assert_non_null(strstr(err.text, bovw_vocabulary_id(other)));
    assert_non_null(strstr(err.text, bovw_vocabulary_id(f->vocabulary)));
    bovw_vocabulary_close(other);
    free(path);
}

static void an_index_is_not_made_over_anything(void **state)
{
    const fixture *f = *state;
    bovw_error err;
    assert_int_equal(bovw_index_create(f->index_path, f->vocabulary, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "is an index already"));
    assert_int_equal(bovw_index_create(f->folder, f->vocabulary, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "not empty"));
    assert_int_equal(bovw_index_create(f->features_path, f->vocabulary, &err),
                     BOVW_ERR_ARG);
    char *inside = mem_format("%s/none/index", f->folder);
    assert_int_equal(bovw_index_create(inside, f->vocabulary, &err), BOVW_ERR_IO);
    free(inside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postings_survive_encoding),
        cmocka_unit_test(postings_of_all_widths_survive_encoding),
        cmocka_unit_test(postings_are_the_stated_bytes),
        cmocka_unit_test(postings_of_version_1_are_read),
        cmocka_unit_test(unpacking_kernels_agree),
        cmocka_unit_test(hostile_postings_never_lead_outside),
        cmocka_unit_test(keypoints_keep_the_stated_precision),
        cmocka_unit_test_setup_teardown(images_come_back_from_any_sequence_of_batches,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_with_other_content_is_refused_and_named,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_add_leaves_a_prefix_and_can_go_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_open_index_keeps_its_generation, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(damage_is_found_by_open_or_check_and_never_crashes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(files_of_two_indexes_do_not_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(an_index_is_not_made_over_anything, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
