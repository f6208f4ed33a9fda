/* SPDX-License-Identifier: MIT
 *
 * Our SIFT against VLFeat's, and each kernel against the portable one. */
#include "features/sift.h"

#include <math.h>

#include "same_feature.h"
#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    N_PICTURES = 4
};

static bovw_features run(const char *extractor, const char *kernel, uint32_t n_threads,
                         const bovw_feature_options *opts, const bovw_image *image)
{
    const bovw_compute compute = {
        .n_threads = n_threads, .kernel = kernel, .extractor = extractor};
    bovw_extractor *e = NULL;
    bovw_features features;
    assert_int_equal(bovw_extractor_new(opts, &compute, &e, NULL), BOVW_OK);
    assert_int_equal(bovw_extractor_run(e, image, &features, NULL), BOVW_OK);
    bovw_extractor_free(e);
    return features;
}

static void compare_with_vlfeat(bovw_feature_options opts)
{
    uint32_t n = 0, n_found = 0, n_close = 0;
    for (uint32_t i = 0; i < N_PICTURES; i++) {
        bovw_image image = shapes_image(300 + 33 * i, 240 + 17 * i, i + 1);
        bovw_features ours = run(NULL, NULL, 1, &opts, &image);
        bovw_features theirs = run("vlfeat", NULL, 1, &opts, &image);
        assert_in_range(ours.n, theirs.n * 0.99, theirs.n * 1.01);
        n += theirs.n;
        for (uint32_t j = 0; j < theirs.n; j++) {
            const double c = same_feature_cosine(&ours, &theirs, j);
            n_found += c >= 0;
            n_close += c >= 0.999;
        }
        bovw_features_free(&ours);
        bovw_features_free(&theirs);
        bovw_image_free(&image);
    }
    assert_true(n > 500);
    /* Where VLFeat's two candidates are almost equal, rounding may choose. */
    assert_true(n_found >= 0.998 * n);
    assert_true(n_close >= 0.999 * n_found);
}

static void features_equal_those_of_vlfeat(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    opts.max_features = 0;
    for (opts.first_octave = -1; opts.first_octave <= 1; opts.first_octave++) {
        opts.peak_threshold = opts.first_octave == 1 ? 0.2F : 1.0F;
        opts.root = opts.first_octave != 0;
        compare_with_vlfeat(opts);
    }
}

static void the_strongest_are_chosen_as_with_vlfeat(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    opts.max_features = 300;
    compare_with_vlfeat(opts);
}

/* Without an orientation each candidate gives one feature of angle 0. */
static void upright_features_equal_those_of_vlfeat(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    opts.max_features = 0;
    opts.upright = true;
    compare_with_vlfeat(opts);

    bovw_image image = shapes_image(300, 240, 1);
    bovw_features upright = run(NULL, NULL, 1, &opts, &image);
    opts.upright = false;
    bovw_features turned = run(NULL, NULL, 1, &opts, &image);
    assert_true(upright.n > 100 && upright.n < turned.n);
    for (uint32_t i = 0; i < upright.n; i++)
        assert_true(upright.keypoints[i].angle == 0.0F);
    bovw_features_free(&upright);
    bovw_features_free(&turned);
    bovw_image_free(&image);
}

static void bytes_are_the_same_on_any_kernel_and_any_threads(void **state)
{
    (void)state;
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    for (uint32_t i = 0; bovw_detector_name(i); i++) {
        bovw_image image = shapes_image(257 + 50 * i, 190 + 31 * i, 100 + i);
        opts.detector = (bovw_detector)i;
        opts.max_features = i % 2 ? 0 : 200;
        bovw_features wanted = run(NULL, "portable", 1, &opts, &image);
        assert_true(wanted.n >= 200);
        for (size_t k = 0; sift_kernel_at(k); k++) {
            for (uint32_t n_threads = 1; n_threads <= 4; n_threads += 3) {
                bovw_features f =
                    run("fast", sift_kernel_at(k)->name, n_threads, &opts, &image);
                assert_int_equal(f.n, wanted.n);
                assert_memory_equal(f.keypoints, wanted.keypoints,
                                    f.n * sizeof *f.keypoints);
                assert_memory_equal(f.descriptors, wanted.descriptors,
                                    (size_t)f.n * BOVW_DESCRIPTOR_DIM);
                bovw_features_free(&f);
            }
        }
        bovw_features_free(&wanted);
        bovw_image_free(&image);
    }
}

/* A ramp has one gradient everywhere: all of a histogram is in one bin. */
/* a x^2 + b y^2 + c x y has the determinant 4 a b - c^2 everywhere. */
static void the_determinant_of_a_quadratic_is_known(void **state)
{
    (void)state;
    enum {
        N = 45
    };
    float memory[3][N + 2 * PLANE_PADDING] = {{0}}, out[N];
    const float *rows[3];
    for (int y = 0; y < 3; y++) {
        rows[y] = memory[y] + PLANE_PADDING;
        for (int x = 0; x < N; x++)
            memory[y][PLANE_PADDING + x] = (float)(3 * x * x + 5 * y * y + 2 * x * y);
    }
    for (size_t k = 0; sift_kernel_at(k); k++) {
        sift_kernel_at(k)->hessian(rows, 0.25F, N, out);
        assert_true(out[0] == 0.0F && out[N - 1] == 0.0F);
        for (int x = 1; x < N - 1; x++) {
            assert_true(out[x] == 0.25F * (4 * 3 * 5 - 2 * 2));
            assert_true(hessian_at(rows, 0.25F, x) == out[x]);
        }
    }
}

static void a_ramp_has_one_direction(void **state)
{
    (void)state;
    enum {
        SIDE = 64
    };
    static float memory[SIDE * SIDE + 2 * PLANE_PADDING];
    float *pixels = memory + PLANE_PADDING, histogram[N_ANGLE_BINS], angles[MAX_ANGLES];
    const plane level = {pixels, SIDE, SIDE};
    const spot at = {31.3F, 30.6F, 3.0F};
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++)
            pixels[y * SIDE + x] = 2.0F * (float)y; /* down: a quarter turn */
    }
    for (size_t k = 0; sift_kernel_at(k); k++) {
        sift_kernel_at(k)->orientation_histogram(&level, &at, histogram);
        assert_int_equal(sift_angles(histogram, angles), 1);
        assert_true(fabsf(angles[0] - 1.5707963F) < 0.02F);

        float bins[DESCRIPTOR_BINS];
        sift_kernel_at(k)->descriptor_histogram(&level, &at, angles[0], cosf(angles[0]),
                                                sinf(angles[0]), bins);
        sift_normalise(bins);
        double square = 0, along = 0;
        for (int i = 0; i < DESCRIPTOR_BINS; i++) {
            square += (double)bins[i] * (double)bins[i];
            along += i % 8 ? 0 : (double)bins[i] * (double)bins[i];
        }
        assert_true(fabs(square - 1) < 1e-4);
        assert_true(along > 0.99); /* the first direction is the keypoint's own */
    }
}

static void peaks_of_a_histogram_are_interpolated(void **state)
{
    (void)state;
    float histogram[N_ANGLE_BINS] = {0}, angles[MAX_ANGLES];
    histogram[9] = 1; /* its middle is at 9.5 of 36 */
    histogram[27] = 0.9F;
    histogram[28] = 0.09F; /* draws the second peak a little towards it */
    histogram[18] = 0.5F;  /* too low */
    assert_int_equal(sift_angles(histogram, angles), 2);
    assert_true(fabsf(angles[0] * 36 / 6.2831853F - 9.5F) < 1e-3F);
    const float second = angles[1] * 36 / 6.2831853F;
    assert_true(second > 27.55F && second < 27.75F);
}

static void an_unknown_extractor_is_named(void **state)
{
    (void)state;
    const bovw_compute compute = {.extractor = "orb"};
    bovw_feature_options opts;
    bovw_extractor *e = NULL;
    bovw_error err;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_extractor_new(&opts, &compute, &e, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "orb"));

    const bovw_compute vlfeat = {.extractor = "vlfeat"};
    opts.detector = BOVW_DETECTOR_HESSIAN_AFFINE;
    assert_int_equal(bovw_extractor_new(&opts, &vlfeat, &e, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "hessian-affine"));
    assert_null(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_equal_those_of_vlfeat),
        cmocka_unit_test(the_strongest_are_chosen_as_with_vlfeat),
        cmocka_unit_test(upright_features_equal_those_of_vlfeat),
        cmocka_unit_test(bytes_are_the_same_on_any_kernel_and_any_threads),
        cmocka_unit_test(the_determinant_of_a_quadratic_is_known),
        cmocka_unit_test(a_ramp_has_one_direction),
        cmocka_unit_test(peaks_of_a_histogram_are_interpolated),
        cmocka_unit_test(an_unknown_extractor_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
