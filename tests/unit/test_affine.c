/* SPDX-License-Identifier: MIT
 *
 * Detectors: shapes of known blobs, VLFeat's shapes, and what adaptation is
 * for: a picture and its foreshortened copy. */
#include "features/affine.h"

#include <math.h>
#include <vl/covdet.h>

#include "features/extrema.h"
#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bovw_features extract(bovw_detector detector, bool upright, uint32_t max_features,
                             const bovw_image *image)
{
    bovw_feature_options opts;
    bovw_extractor *e = NULL;
    bovw_features features;
    bovw_feature_options_default(&opts);
    opts.detector = detector;
    opts.upright = upright;
    opts.max_features = max_features;
    assert_int_equal(bovw_extractor_new(&opts, NULL, &e, NULL), BOVW_OK);
    assert_int_equal(bovw_extractor_run(e, image, &features, NULL), BOVW_OK);
    bovw_extractor_free(e);
    return features;
}

/* A Gaussian blob with deviations `major` along `angle` and `minor` across. */
static bovw_image blob_image(double cx, double cy, double major, double minor, double angle)
{
    enum {
        SIDE = 160
    };
    bovw_image image;
    assert_int_equal(bovw_image_new(SIDE, SIDE, 1, 40, &image, NULL), BOVW_OK);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const double dx = i % SIDE - cx, dy = i / SIDE - cy;
        const double u = (cos(angle) * dx + sin(angle) * dy) / major;
        const double v = (cos(angle) * dy - sin(angle) * dx) / minor;
        image.pixels[i] = (uint8_t)(40.5 + 180 * exp(-0.5 * (u * u + v * v)));
    }
    return image;
}

/* The picture as seen through x' = a x, about its middle; each pixel is a mean
 * of 4 x 4 points. */
static bovw_image seen_through(const bovw_image *from, const double a[4])
{
    const double determinant = a[0] * a[3] - a[1] * a[2];
    const double cx = 0.5 * from->width, cy = 0.5 * from->height;
    bovw_image image;
    assert_int_equal(bovw_image_new(from->width, from->height, 1, 0, &image, NULL),
                     BOVW_OK);
    for (uint32_t i = 0; i < from->width * from->height; i++) {
        double sum = 0;
        for (int j = 0; j < 16; j++) {
            const double dx = i % from->width + (j % 4 - 1.5) / 4 - cx;
            const double dy = i / from->width + (j / 4 - 1.5) / 4 - cy;
            const double x = cx + (a[3] * dx - a[1] * dy) / determinant;
            const double y = cy + (a[0] * dy - a[2] * dx) / determinant;
            const bool is_inside =
                x >= 0 && y >= 0 && x < from->width - 0.5 && y < from->height - 0.5;
            sum +=
                is_inside
                    ? from->pixels[(uint32_t)(y + 0.5) * from->width + (uint32_t)(x + 0.5)]
                    : 90;
        }
        image.pixels[i] = (uint8_t)(sum / 16 + 0.5);
    }
    return image;
}

/* ---- shapes ---------------------------------------------------------------- */

/* The strongest candidate of an image and its shape. */
static bool strongest_shape(const bovw_image *image, response kind, ellipse *shape)
{
    scale_space space = {0};
    extrema found = {0};
    const sift_kernel *kernel = sift_kernel_find(NULL);
    assert_true(scale_space_fill(&space, image->pixels, (int)image->width,
                                 (int)image->height, -1, kernel, 1));
    assert_true(extrema_find(&found, &space, kind, 1, 10, kernel, 1));
    assert_true(found.n > 0);
    const bool is_found = affine_adapt(&space, &found.items[0], shape);
    extrema_free(&found);
    scale_space_free(&space);
    return is_found;
}

static void a_stretched_blob_has_its_place_axes_and_direction(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        const double angle = 0.4 * i, major = 8, minor = 4.5;
        bovw_image image = blob_image(78.3, 81.8, major, minor, angle);
        ellipse e;
        assert_true(strongest_shape(
            &image, i % 2 ? HESSIAN_DETERMINANT : DIFFERENCE_OF_GAUSSIANS, &e));
        assert_true(fabs((double)e.x - 78.3) < 0.4 && fabs((double)e.y - 81.8) < 0.4);
        /* Seen through a blur of about 5, the blob of 8 to 4.5 is one of 9.4 to 6.7. */
        const double ratio = (double)(e.major / e.minor);
        assert_true(ratio > 1.3 && ratio < 1.6);
        const double across = (double)e.cosine * sin(angle) - (double)e.sine * cos(angle);
        assert_true(fabs(across) < 0.08);
        bovw_image_free(&image);
    }
}

static void a_round_blob_stays_round(void **state)
{
    (void)state;
    bovw_image image = blob_image(80.3, 70.9, 5, 5, 0);
    ellipse e;
    assert_true(strongest_shape(&image, HESSIAN_DETERMINANT, &e));
    assert_true(e.major < 1.06F * e.minor);
    bovw_image_free(&image);
}

/* The keypoint is the circle of the same area at the same place, and the
 * frame's y axis, not the ellipse's, is what its angle tells. */
static void every_detector_finds_a_stretched_blob(void **state)
{
    (void)state;
    bovw_image image = blob_image(78.3, 81.8, 7, 4, 0.7);
    for (size_t i = 0; bovw_detector_name(i); i++) {
        for (int upright = 0; upright <= 1; upright++) {
            bovw_features f = extract((bovw_detector)i, upright, 0, &image);
            assert_true(f.n >= 1);
            assert_true(fabsf(f.keypoints[0].x - 78.3F) < 0.4F);
            assert_true(fabsf(f.keypoints[0].y - 81.8F) < 0.4F);
            assert_true(f.keypoints[0].scale > 3 && f.keypoints[0].scale < 7.5F);
            if (upright) {
                const float angle = f.keypoints[0].angle;
                assert_true(angle < 1e-5F || angle > 6.28317F);
            }
            bovw_features_free(&f);
        }
    }
    bovw_image_free(&image);
}

/* Difference of two shapes as vectors: as long as the logarithm of the ratio of
 * the axes, in the direction of twice the major axis' angle. */
static double shape_distance(const ellipse *e, const VlFrameOrientedEllipse *f)
{
    const double xx = (double)f->a11 * (double)f->a11 + (double)f->a12 * (double)f->a12;
    const double yy = (double)f->a21 * (double)f->a21 + (double)f->a22 * (double)f->a22;
    const double xy = (double)f->a11 * (double)f->a21 + (double)f->a12 * (double)f->a22;
    const double mean = 0.5 * (xx + yy), half = 0.5 * (xx - yy);
    const double spread = sqrt(half * half + xy * xy);
    const double theirs = 0.5 * log((mean + spread) / fmax(mean - spread, 1e-9));
    const double ours = log((double)(e->major / e->minor));
    const double c = (double)e->cosine, s = (double)e->sine;
    const double dx = ours * (c * c - s * s) - theirs * half / fmax(spread, 1e-9);
    const double dy = ours * 2 * c * s - theirs * xy / fmax(spread, 1e-9);
    return hypot(dx, dy);
}

/* VLFeat's window and levels are others than ours, so shapes are alike only. */
static void shapes_are_like_those_of_vlfeat(void **state)
{
    (void)state;
    bovw_image image = shapes_image(400, 300, 9);
    float *pixels = mem_array((size_t)image.width * image.height, sizeof *pixels);
    for (uint32_t i = 0; i < image.width * image.height; i++)
        pixels[i] = (float)image.pixels[i];
    VlCovDet *vl = vl_covdet_new(VL_COVDET_METHOD_DOG);
    vl_covdet_set_first_octave(vl, -1);
    assert_int_equal(vl_covdet_put_image(vl, pixels, image.width, image.height), 0);

    scale_space space = {0};
    extrema found = {0};
    const sift_kernel *kernel = sift_kernel_find(NULL);
    assert_true(scale_space_fill(&space, image.pixels, 400, 300, -1, kernel, 1));
    assert_true(extrema_find(&found, &space, DIFFERENCE_OF_GAUSSIANS, 2, 10, kernel, 1));
    int n = 0, n_alike = 0, n_like_circle = 0;
    for (size_t i = 0; i < found.n; i++) {
        ellipse e;
        const float pixel = ldexpf(1, found.items[i].octave);
        const float sigma = found.items[i].at.sigma * pixel;
        const VlFrameOrientedEllipse circle = {
            found.items[i].at.x * pixel, found.items[i].at.y * pixel, sigma, 0, 0, sigma};
        VlFrameOrientedEllipse theirs;
        if (!affine_adapt(&space, &found.items[i], &e) ||
            vl_covdet_extract_affine_shape_for_frame(vl, &theirs, circle) != VL_ERR_OK)
            continue;
        n++;
        n_alike += shape_distance(&e, &theirs) < 0.25;
        n_like_circle += shape_distance(&e, &circle) < 0.25;
    }
    assert_true(n > 150);
    assert_true(n_alike > 0.9 * n);
    assert_true(n_like_circle < 0.5 * n); /* so that the above says something */
    extrema_free(&found);
    scale_space_free(&space);
    vl_covdet_delete(vl);
    free(pixels);
    bovw_image_free(&image);
}

/* ---- matching -------------------------------------------------------------- */

static uint32_t nearest_of(const bovw_features *f, const uint8_t *descriptor)
{
    uint32_t nearest = 0;
    int least = INT32_MAX;
    for (uint32_t i = 0; i < f->n; i++) {
        int distance = 0;
        for (uint32_t k = 0; k < BOVW_DESCRIPTOR_DIM; k++) {
            const int d = descriptor[k] - f->descriptors[i * BOVW_DESCRIPTOR_DIM + k];
            distance += d * d;
        }
        if (distance < least) {
            least = distance;
            nearest = i;
        }
    }
    return nearest;
}

/* How many of 400 features have their nearest descriptor where it should be in
 * the picture seen through a. */
static uint32_t count_correct(bovw_detector detector, bool upright, const double a[4])
{
    uint32_t n = 0;
    bovw_image image = shapes_image(420, 380, 3);
    bovw_image seen = seen_through(&image, a);
    bovw_features f = extract(detector, upright, 400, &image);
    bovw_features g = extract(detector, upright, 0, &seen);
    assert_true(f.n == 400 && g.n > 100);
    for (uint32_t i = 0; i < f.n; i++) {
        const double dx = (double)f.keypoints[i].x - 210,
                     dy = (double)f.keypoints[i].y - 190;
        const uint32_t j = nearest_of(&g, f.descriptors + (size_t)i * BOVW_DESCRIPTOR_DIM);
        n += hypot(210 + a[0] * dx + a[1] * dy - (double)g.keypoints[j].x,
                   190 + a[2] * dx + a[3] * dy - (double)g.keypoints[j].y) < 3;
    }
    bovw_features_free(&f);
    bovw_features_free(&g);
    bovw_image_free(&image);
    bovw_image_free(&seen);
    return n;
}

static void adaptation_matches_a_foreshortened_picture_better(void **state)
{
    (void)state;
    const double tilted[4] = {0.95, 0.3, -0.15, 0.45};
    const uint32_t dog = count_correct(BOVW_DETECTOR_DOG, false, tilted);
    const uint32_t hessian = count_correct(BOVW_DETECTOR_HESSIAN, false, tilted);
    assert_true(count_correct(BOVW_DETECTOR_DOG_AFFINE, false, tilted) > 1.2 * dog);
    assert_true(count_correct(BOVW_DETECTOR_HESSIAN_AFFINE, false, tilted) > 1.2 * hessian);
}

static void upright_features_do_not_match_a_turned_picture(void **state)
{
    (void)state;
    const double turned[4] = {0.5, -0.8660254, 0.8660254, 0.5};
    const double sheared[4] = {1, 0, 0.3, 1}; /* vertical lines stay vertical */
    for (size_t i = 0; bovw_detector_name(i); i++) {
        const bovw_detector detector = (bovw_detector)i;
        assert_true(count_correct(detector, false, turned) > 200);
        assert_true(count_correct(detector, true, turned) < 40);
        assert_true(count_correct(detector, true, sheared) > 160);
    }
}

/* ---- hostile pictures ------------------------------------------------------ */

static void any_size_and_one_colour_are_survived(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {
        {16, 16}, {17, 16}, {16, 8192}, {8192, 16}, {40, 33}};
    for (size_t i = 0; bovw_detector_name(i); i++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            bovw_image image;
            assert_int_equal(bovw_image_new(sizes[s][0], sizes[s][1], 1, 77, &image, NULL),
                             BOVW_OK);
            bovw_features flat = extract((bovw_detector)i, false, 0, &image);
            assert_int_equal(flat.n, 0);
            bovw_features_free(&flat);
            bovw_image_free(&image);

            image = shapes_image(sizes[s][0], sizes[s][1], s);
            bovw_features f = extract((bovw_detector)i, s % 2, 0, &image);
            for (uint32_t k = 0; k < f.n; k++) {
                const bovw_keypoint *p = &f.keypoints[k];
                assert_true(p->x >= 0 && p->x < (float)sizes[s][0]);
                assert_true(p->y >= 0 && p->y < (float)sizes[s][1]);
                assert_true(p->scale > 0.5F && p->angle >= 0 && p->angle < 6.2831854F);
            }
            bovw_features_free(&f);
            bovw_image_free(&image);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stretched_blob_has_its_place_axes_and_direction),
        cmocka_unit_test(a_round_blob_stays_round),
        cmocka_unit_test(every_detector_finds_a_stretched_blob),
        cmocka_unit_test(shapes_are_like_those_of_vlfeat),
        cmocka_unit_test(adaptation_matches_a_foreshortened_picture_better),
        cmocka_unit_test(upright_features_do_not_match_a_turned_picture),
        cmocka_unit_test(any_size_and_one_colour_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
