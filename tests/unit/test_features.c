/* SPDX-License-Identifier: MIT
 *
 * Feature options, extraction, and feature files that are cut short. */
#include <math.h>

#include "base/file.h"
#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    N_PICTURES = 6
};

static void options_survive_their_text(void **state)
{
    (void)state;
    bovw_feature_options opts, again;
    char text[BOVW_FEATURE_OPTIONS_TEXT];
    bovw_feature_options_default(&opts);
    opts.peak_threshold = 1.25F;
    opts.first_octave = 0;
    opts.root = false;
    bovw_feature_options_format(&opts, text);
    assert_int_equal(bovw_feature_options_parse(text, &again, NULL), BOVW_OK);
    assert_int_equal(again.max_side, opts.max_side);
    assert_int_equal(again.max_features, opts.max_features);
    assert_int_equal(again.first_octave, 0);
    assert_true(again.peak_threshold == 1.25F && again.edge_threshold == 10.0F);
    assert_false(again.root || again.upright);
    assert_null(strstr(text, "upright")); /* as texts were before there was this option */

    opts.upright = true;
    bovw_feature_options_format(&opts, text);
    assert_non_null(strstr(text, " root=0 upright=1"));
    assert_int_equal(bovw_feature_options_parse(text, &again, NULL), BOVW_OK);
    assert_true(again.upright);

    for (size_t i = 0; bovw_detector_name(i); i++) {
        opts.detector = (bovw_detector)i;
        bovw_feature_options_format(&opts, text);
        const size_t n = strlen(bovw_detector_name(i));
        assert_memory_equal(text, bovw_detector_name(i), n);
        assert_memory_equal(text + n, "-sift first-octave=", 19);
        assert_int_equal(bovw_feature_options_parse(text, &again, NULL), BOVW_OK);
        assert_int_equal(again.detector, i);
    }
}

static void option_text_that_is_not_canonical_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "dog-sift",
        "dog-sift first-octave=-1 peak=2 edge=10 max-side=1024",
        "dog-sift first-octave=-1 peak=2.0 edge=10 max-side=1024 max-features=2000 root=1",
        "dog-sift first-octave=-1 peak=2 edge=10 max-side=1024 max-features=2000 root=2",
        "dog-sift first-octave=-9 peak=2 edge=10 max-side=1024 max-features=2000 root=1",
        "dog-sift first-octave=-1 peak=nan edge=10 max-side=1024 max-features=2000 root=1",
        "dog-sift first-octave=-1 peak=2 edge=10 max-side=1024 max-features=2000 root=1 ",
        "mser-sift first-octave=-1 peak=2 edge=10 max-side=1024 max-features=2000 root=1",
        "dog-sift first-octave=-1 peak=2 edge=10 max-side=1024 max-features=2000 root=1 "
        "upright=0",
        "dog-sift first-octave=-1 peak=2 edge=10 max-side=1024 max-features=2000 upright=1 "
        "root=1",
    };
    bovw_feature_options opts;
    bovw_error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(bovw_feature_options_parse(bad[i], &opts, &err), BOVW_ERR_CORRUPT);
}

static void options_out_of_range_are_named(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_error err;
    bovw_feature_options_default(&opts);
    opts.max_side = 15;
    assert_int_equal(bovw_feature_options_check(&opts, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "max side 15"));
    bovw_feature_options_default(&opts);
    opts.peak_threshold = NAN;
    assert_int_equal(bovw_feature_options_check(&opts, &err), BOVW_ERR_ARG);
    bovw_feature_options_default(&opts);
    opts.detector = (bovw_detector)77;
    assert_int_equal(bovw_feature_options_check(&opts, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "77"));
}

/* A grey picture with one Gaussian blob. */
static bovw_image blob_image(uint32_t side, float cx, float cy, float sigma)
{
    bovw_image image;
    assert_int_equal(bovw_image_new(side, side, 1, 40, &image, NULL), BOVW_OK);
    for (uint32_t y = 0; y < side; y++) {
        for (uint32_t x = 0; x < side; x++) {
            const float dx = (float)x - cx, dy = (float)y - cy;
            const float value = 180.0F * expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
            image.pixels[(size_t)y * side + x] = (uint8_t)(40.5F + value);
        }
    }
    return image;
}

static bovw_features extract(const bovw_feature_options *opts, const bovw_image *image)
{
    bovw_extractor *extractor = NULL;
    bovw_features features;
    assert_int_equal(bovw_extractor_new(opts, NULL, &extractor, NULL), BOVW_OK);
    assert_int_equal(bovw_extractor_run(extractor, image, &features, NULL), BOVW_OK);
    bovw_extractor_free(extractor);
    return features;
}

static void a_blob_is_found_where_it_is_and_as_large_as_it_is(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    for (int octave = -1; octave <= 0; octave++) {
        /* Off the centres of pixels: between two equal samples there is no
         * extremum. */
        bovw_image image = blob_image(128, 60.3F, 70.8F, 5);
        opts.first_octave = octave;
        /* The same picture as if it had been scaled down from one twice its size. */
        for (uint32_t scale = 1; scale <= 2; scale++) {
            image.full_width = image.full_height = 128 * scale;
            bovw_features f = extract(&opts, &image);
            assert_true(f.n >= 1);
            assert_int_equal(f.width, 128 * scale);
            const float wanted_x = (60.8F * (float)scale) - 0.5F;
            const float wanted_y = (71.3F * (float)scale) - 0.5F;
            assert_true(fabsf(f.keypoints[0].x - wanted_x) < 0.3F * (float)scale);
            assert_true(fabsf(f.keypoints[0].y - wanted_y) < 0.3F * (float)scale);
            /* A Gaussian blob of deviation s has its extremum near scale s. */
            assert_true(f.keypoints[0].scale > 3.5F * (float)scale &&
                        f.keypoints[0].scale < 6.5F * (float)scale);
            bovw_features_free(&f);
        }
        bovw_image_free(&image);
    }
}

static void descriptors_are_unit_vectors_of_512(void **state)
{
    (void)state;
    bovw_image image = blob_image(96, 40, 50, 3);
    for (uint32_t i = 0; i < 96 * 96; i++)
        image.pixels[i] = (uint8_t)(image.pixels[i] + (i * 2654435761u >> 28));
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    opts.peak_threshold = 0.5F;
    for (int root = 0; root <= 1; root++) {
        opts.root = root;
        bovw_features f = extract(&opts, &image);
        assert_true(f.n > 5);
        for (uint32_t i = 0; i < f.n; i++) {
            double square = 0;
            for (int k = 0; k < BOVW_DESCRIPTOR_DIM; k++) {
                const double v = f.descriptors[i * BOVW_DESCRIPTOR_DIM + (uint32_t)k];
                square += v * v;
            }
            /* Less where an element of a very peaked one was cut at 255. */
            assert_true(sqrt(square) < 516 && sqrt(square) > 380);
        }
        bovw_features_free(&f);
    }
    bovw_image_free(&image);
}

static void fewer_features_are_the_strongest_of_all(void **state)
{
    char *folder = *state;
    char *path = mem_format("%s/p0.pgm", folder);
    bovw_image grey;
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_image_read(path, 1, 1024, &grey, NULL), BOVW_OK);
    for (size_t i = 0; bovw_detector_name(i); i++) {
        opts.detector = (bovw_detector)i;
        opts.max_features = 0;
        bovw_features all = extract(&opts, &grey);
        assert_true(all.n > 40);
        for (uint32_t n = 1; n < 40; n += 6) {
            opts.max_features = n;
            bovw_features few = extract(&opts, &grey);
            assert_int_equal(few.n, n);
            assert_memory_equal(few.keypoints, all.keypoints, n * sizeof *few.keypoints);
            assert_memory_equal(few.descriptors, all.descriptors, n * BOVW_DESCRIPTOR_DIM);
            bovw_features_free(&few);
        }
        bovw_features_free(&all);
    }
    bovw_image_free(&grey);
    free(path);
}

static void an_extractor_gives_the_same_after_other_images(void **state)
{
    char *folder = *state;
    bovw_extractor *used = NULL;
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_extractor_new(&opts, NULL, &used, NULL), BOVW_OK);
    for (int i = 0; i < 2 * N_PICTURES; i++) {
        char *path = mem_format("%s/p%d.pgm", folder, i % N_PICTURES);
        bovw_extractor *fresh = NULL;
        bovw_features a, b;
        assert_int_equal(bovw_extractor_new(&opts, NULL, &fresh, NULL), BOVW_OK);
        assert_int_equal(bovw_extractor_run_file(used, path, &a, NULL), BOVW_OK);
        assert_int_equal(bovw_extractor_run_file(fresh, path, &b, NULL), BOVW_OK);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.descriptors, b.descriptors, a.n * BOVW_DESCRIPTOR_DIM);
        assert_memory_equal(a.content_id, b.content_id, BOVW_CONTENT_ID_BYTES);
        bovw_features_free(&a);
        bovw_features_free(&b);
        bovw_extractor_free(fresh);
        free(path);
    }
    bovw_extractor_free(used);
}

static void images_that_are_too_small_are_refused(void **state)
{
    (void)state;
    bovw_extractor *extractor = NULL;
    bovw_feature_options opts;
    bovw_features features;
    bovw_image image;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_extractor_new(&opts, NULL, &extractor, NULL), BOVW_OK);
    assert_int_equal(bovw_image_new(15, 400, 1, 9, &image, NULL), BOVW_OK);
    assert_int_equal(bovw_extractor_run(extractor, &image, &features, NULL),
                     BOVW_ERR_LIMIT);
    bovw_image_free(&image);
    assert_int_equal(bovw_image_new(16, 16, 1, 9, &image, NULL), BOVW_OK);
    assert_int_equal(bovw_extractor_run(extractor, &image, &features, NULL), BOVW_OK);
    assert_int_equal(features.n, 0);
    bovw_features_free(&features);
    bovw_image_free(&image);
    bovw_extractor_free(extractor);
}

static void cropping_keeps_what_is_strictly_inside(void **state)
{
    (void)state;
    uint64_t seed = 5;
    bovw_features f = random_features("x", 5, &seed);
    static const float xs[] = {10, 10.5F, 20, 15, 15}, ys[] = {15, 15, 15, 30, 29};
    for (int i = 0; i < 5; i++) {
        f.keypoints[i].x = xs[i];
        f.keypoints[i].y = ys[i];
        f.descriptors[i * BOVW_DESCRIPTOR_DIM] = (uint8_t)i;
    }
    bovw_features_crop(&f, 10, 10, 20, 30);
    assert_int_equal(f.n, 2);
    assert_int_equal(f.descriptors[0], 1);
    assert_int_equal(f.descriptors[BOVW_DESCRIPTOR_DIM], 4);
    bovw_features_free(&f);
}

/* ---- feature files --------------------------------------------------------- */

static bovw_status run_extract(const char *folder, const char *out, uint32_t n_threads,
                               bovw_extract_result *result)
{
    const char *paths[] = {folder};
    bovw_source *source = NULL;
    const bovw_compute compute = {.n_threads = n_threads};
    assert_int_equal(bovw_source_open(paths, 1, NULL, NULL, &source, NULL), BOVW_OK);
    const bovw_status status = bovw_extract(source, out, &compute, NULL, result, NULL);
    bovw_source_close(source);
    return status;
}

static void a_feature_file_gives_back_what_was_extracted(void **state)
{
    char *folder = *state;
    char *out = mem_format("%s/all.feat", folder);
    bovw_extract_result result;
    bovw_feature_file *file = NULL;
    bovw_extractor *extractor = NULL;
    bovw_feature_options opts;

    bovw_feature_options_default(&opts);
    assert_int_equal(run_extract(folder, out, 2, &result), BOVW_OK);
    assert_int_equal(result.n_images, N_PICTURES);
    assert_int_equal(bovw_feature_file_open(out, &file, NULL), BOVW_OK);
    assert_int_equal(bovw_feature_file_count(file), N_PICTURES);
    assert_int_equal(bovw_feature_file_n_features(file), result.n_features);
    assert_int_equal(bovw_feature_file_find(file, "p3.pgm"), 3);
    assert_int_equal(bovw_feature_file_find(file, "3.pgm"), UINT32_MAX);
    assert_int_equal(bovw_extractor_new(&opts, NULL, &extractor, NULL), BOVW_OK);
    for (uint32_t i = 0; i < N_PICTURES; i++) {
        bovw_features stored, fresh;
        assert_int_equal(bovw_feature_file_read(file, i, &stored, NULL), BOVW_OK);
        assert_int_equal(bovw_extractor_run_file(extractor, stored.name, &fresh, NULL),
                         BOVW_OK);
        assert_string_equal(stored.name, bovw_feature_file_name(file, i));
        assert_int_equal(stored.n, fresh.n);
        assert_int_equal(stored.width, fresh.width);
        assert_memory_equal(stored.keypoints, fresh.keypoints,
                            fresh.n * sizeof *fresh.keypoints);
        assert_memory_equal(stored.descriptors, fresh.descriptors,
                            fresh.n * BOVW_DESCRIPTOR_DIM);
        bovw_features_free(&stored);
        bovw_features_free(&fresh);
    }
    bovw_extractor_free(extractor);
    bovw_feature_file_close(file);
    unlink(out);
    free(out);
}

/* Whatever a killed run left of the .part file, the next one ends with the
 * same bytes as a run that was left alone. */
static void an_interrupted_extraction_continues_to_the_same_bytes(void **state)
{
    char *folder = *state;
    char *out = mem_format("%s/all.feat", folder), *part = mem_format("%s.part", out);
    bovw_extract_result result;
    size_t n, n_again;

    assert_int_equal(run_extract(folder, out, 1, NULL), BOVW_OK);
    uint8_t *whole = slurp(out, &n);
    uint64_t seed = 11;
    uint32_t most_kept = 0;
    for (int round = 0; round < 12; round++) {
        const size_t cut = round == 0 ? 0 : round == 1 ? n : random_below(&seed, n);
        unlink(out);
        spit(part, whole, cut);
        assert_int_equal(run_extract(folder, out, 2, &result), BOVW_OK);
        uint8_t *again = slurp(out, &n_again);
        assert_int_equal(n, n_again);
        assert_memory_equal(whole, again, n);
        most_kept = result.n_kept > most_kept ? result.n_kept : most_kept;
        assert_false(file_exists(part));
        free(again);
    }
    assert_int_equal(most_kept, N_PICTURES);
    unlink(out);
    free(whole);
    free(out);
    free(part);
}

static bovw_status open_and_read_all(const char *path, bovw_error *err)
{
    bovw_feature_file *file = NULL;
    bovw_status status = bovw_feature_file_open(path, &file, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t i = 0; status == BOVW_OK && i < bovw_feature_file_count(file); i++) {
        bovw_features f = {0};
        status = bovw_feature_file_read(file, i, &f, err);
        bovw_features_free(&f);
    }
    bovw_feature_file_close(file);
    return status;
}

static void damaged_feature_files_are_refused_with_their_name(void **state)
{
    char *folder = *state;
    char *path = mem_format("%s/made.feat", folder);
    bovw_feature_options opts;
    bovw_features images[3];
    bovw_error err;
    uint64_t seed = 1;
    size_t n;

    bovw_feature_options_default(&opts);
    for (uint32_t i = 0; i < 3; i++)
        images[i] = random_features(i == 0 ? "a" : i == 1 ? "b/c" : "d", 3 * i, &seed);
    write_features(path, &opts, images, 3);
    assert_int_equal(open_and_read_all(path, &err), BOVW_OK);
    uint8_t *bytes = slurp(path, &n);
    for (size_t cut = 0; cut < n; cut += 7) {
        spit(path, bytes, cut);
        assert_int_not_equal(open_and_read_all(path, &err), BOVW_OK);
        assert_non_null(strstr(err.text, "made.feat"));
    }
    for (size_t at = 0; at < n; at++) {
        bytes[at] ^= 0x10;
        spit(path, bytes, n);
        const bovw_status status = open_and_read_all(path, &err);
        bytes[at] ^= 0x10;
        /* Every byte is covered by a checksum or by a check. */
        assert_int_not_equal(status, BOVW_OK);
        assert_non_null(strstr(err.text, "made.feat"));
    }
    store_le32(bytes + 8, FEATURE_FILE_VERSION + 1);
    spit(path, bytes, n);
    assert_int_equal(open_and_read_all(path, &err), BOVW_ERR_VERSION);
    for (int i = 0; i < 3; i++)
        bovw_features_free(&images[i]);
    unlink(path);
    free(bytes);
    free(path);
}

static void sources_with_other_options_do_not_mix(void **state)
{
    char *folder = *state;
    char *path = mem_format("%s/made.feat", folder);
    bovw_feature_options opts;
    uint64_t seed = 1;
    bovw_features image = random_features("a", 4, &seed);
    bovw_source *source = NULL;
    bovw_error err;

    bovw_feature_options_default(&opts);
    write_features(path, &opts, &image, 1);
    opts.max_side = 512;
    const char *paths[] = {path};
    assert_int_equal(bovw_source_open(paths, 1, &opts, NULL, &source, &err),
                     BOVW_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "max-side=512"));
    assert_non_null(strstr(err.text, "max-side=1024"));
    assert_int_equal(bovw_source_open(paths, 1, NULL, NULL, &source, &err), BOVW_OK);
    assert_int_equal(bovw_source_options(source)->max_side, 1024);
    bovw_source_close(source);
    bovw_features_free(&image);
    unlink(path);
    free(path);
}

static int setup(void **state)
{
    char *folder = make_folder();
    for (int i = 0; i < N_PICTURES; i++) {
        char *path = mem_format("%s/p%d.pgm", folder, i);
        write_picture(path, 160, i % 2 ? 120 : 140, (uint64_t)i + 1);
        free(path);
    }
    *state = folder;
    return 0;
}

static int teardown(void **state)
{
    remove_folder(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_survive_their_text),
        cmocka_unit_test(option_text_that_is_not_canonical_is_refused),
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(a_blob_is_found_where_it_is_and_as_large_as_it_is),
        cmocka_unit_test(descriptors_are_unit_vectors_of_512),
        cmocka_unit_test(fewer_features_are_the_strongest_of_all),
        cmocka_unit_test(an_extractor_gives_the_same_after_other_images),
        cmocka_unit_test(images_that_are_too_small_are_refused),
        cmocka_unit_test(cropping_keeps_what_is_strictly_inside),
        cmocka_unit_test(a_feature_file_gives_back_what_was_extracted),
        cmocka_unit_test(an_interrupted_extraction_continues_to_the_same_bytes),
        cmocka_unit_test(damaged_feature_files_are_refused_with_their_name),
        cmocka_unit_test(sources_with_other_options_do_not_mix),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
