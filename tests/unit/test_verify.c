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
#include "bovw/verify.h"
#include "search/transform.h"

#define TWO_PI 6.28318530717958647692

enum {
    WIDTH = 1000,
    HEIGHT = 800,
    MOST = 3000
};

/* Two images and matches between them. */
typedef struct scene {
    bovw_keypoint a[MOST], b[MOST];
    bovw_match matches[MOST];
    uint8_t is_inlier[MOST];
    uint32_t n;
    uint64_t random;
} scene;

static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
/* 0.8 times larger, turned by 30 degrees. */
static const double similarity[9] = {0.692820323, -0.4, 250, 0.4, 0.692820323,
                                     -50,         0,    0,   1};
static const double affinity[9] = {1.1, 0.35, -100, -0.1, 0.8, 120, 0, 0, 1};
static const double homography[9] = {0.9, 0.1, 40, -0.05, 0.85, 30, 2.5e-4, 1.5e-4, 1};

static double uniform(scene *s)
{
    return (double)(random_next(&s->random) >> 11) * 0x1p-53;
}

static double gaussian(scene *s)
{
    const double u = 1 - uniform(s), v = uniform(s);
    return sqrt(-2 * log(u)) * cos(TWO_PI * v);
}

static float positive_angle(double angle)
{
    angle = fmod(angle, TWO_PI);
    return (float)(angle < 0 ? angle + TWO_PI : angle);
}

static bovw_keypoint random_keypoint(scene *s)
{
    bovw_keypoint k;
    k.x = (float)(uniform(s) * (WIDTH - 1));
    k.y = (float)(uniform(s) * (HEIGHT - 1));
    k.scale = (float)(1.6 * exp(uniform(s) * log(8)));
    k.angle = positive_angle(uniform(s) * TWO_PI);
    return k;
}

/* What the motion makes of a keypoint, with noise of so many pixels and, where
 * there is any, of 10 % in scale and 5 degrees in angle. */
static bovw_keypoint moved(scene *s, bovw_keypoint k, const double motion[9], double noise)
{
    double x, y, d[4];
    const double more = noise > 0 ? 1 : 0;
    assert_true(transform_apply(motion, k.x, k.y, &x, &y));
    transform_derivative(motion, transform_depth(motion, k.x, k.y), x, y, d);
    const double u = d[0] * cos(k.angle) + d[1] * sin(k.angle);
    const double v = d[2] * cos(k.angle) + d[3] * sin(k.angle);
    bovw_keypoint out;
    out.x = (float)(x + noise * gaussian(s));
    out.y = (float)(y + noise * gaussian(s));
    out.scale = (float)(k.scale * sqrt(fabs(d[0] * d[3] - d[1] * d[2])) *
                        exp(more * 0.1 * gaussian(s)));
    out.angle = positive_angle(atan2(v, u) + more * 0.087 * gaussian(s));
    return out;
}

/* In a scene of s->n matches of which n_good are right: is this one? */
static bool follows_motion(const scene *s, uint32_t n_good, uint32_t i)
{
    return (uint64_t)i * n_good / s->n != ((uint64_t)i + 1) * n_good / s->n;
}

/* n matches of keypoint i with keypoint i, every (n / n_good)th of which
 * follows the motion. */
static void make_scene(scene *s, uint32_t n, uint32_t n_good, const double motion[9],
                       double noise, uint64_t seed)
{
    *s = (scene){.n = n, .random = seed};
    for (uint32_t i = 0; i < n; i++) {
        s->a[i] = random_keypoint(s);
        s->b[i] = follows_motion(s, n_good, i) ? moved(s, s->a[i], motion, noise)
                                               : random_keypoint(s);
        s->matches[i] = (bovw_match){i, i};
    }
}

static bovw_verifier *new_verifier(void)
{
    bovw_verify_options opts;
    bovw_verifier *verifier = NULL;
    bovw_verify_options_default(&opts);
    assert_int_equal(bovw_verifier_new(&opts, &verifier, NULL), BOVW_OK);
    return verifier;
}

static bovw_geometry verify_with(bovw_verifier *verifier, scene *s)
{
    const bovw_frame a = {s->a, MOST, WIDTH, HEIGHT}, b = {s->b, MOST, WIDTH, HEIGHT};
    bovw_geometry geometry;
    bovw_error err;
    assert_int_equal(
        bovw_verify(verifier, &a, &b, s->matches, s->n, s->is_inlier, &geometry, &err),
        BOVW_OK);
    uint32_t n_flagged = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        assert_true(s->is_inlier[i] <= 1);
        n_flagged += s->is_inlier[i];
    }
    assert_int_equal(n_flagged, geometry.n_inliers);
    for (int i = 0; i < 9; i++)
        assert_true(isfinite(geometry.transform[i]));
    assert_true(geometry.transform[8] == (geometry.model == BOVW_MODEL_NONE ? 0.0f : 1.0f));
    assert_true((geometry.model == BOVW_MODEL_NONE) == (geometry.n_inliers == 0));
    return geometry;
}

static bovw_geometry verify(scene *s)
{
    bovw_verifier *verifier = new_verifier();
    const bovw_geometry geometry = verify_with(verifier, s);
    bovw_verifier_free(verifier);
    return geometry;
}

/* Largest distance, over a grid on the first image, between what two motions
 * make of a point. */
static double disagreement(const float found[9], const double motion[9])
{
    double most = 0, matrix[9];
    for (int i = 0; i < 9; i++)
        matrix[i] = found[i];
    for (int i = 0; i < 25; i++) {
        const double x = 0.05 * WIDTH + 0.225 * WIDTH * (i % 5);
        const double y = 0.05 * HEIGHT + 0.225 * HEIGHT * (i / 5);
        double x0, y0, x1, y1;
        assert_true(transform_apply(motion, x, y, &x0, &y0));
        if (!transform_apply(matrix, x, y, &x1, &y1))
            return INFINITY;
        most = fmax(most, hypot(x1 - x0, y1 - y0));
    }
    return most;
}

/* ---- known motions --------------------------------------------------------- */

/* Outliers are 50, 70, 80 and 90 % of the matches in the tests below. Noise
 * of one pixel; the motion is right to max_error pixels everywhere, and
 * nearly all of its matches and nothing else are inliers. */
static void check_recovery(const double motion[9], uint32_t n, uint32_t n_good,
                           double max_error)
{
    static scene s;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        uint32_t n_right = 0, n_wrong = 0;
        make_scene(&s, n, n_good, motion, 1, seed);
        const bovw_geometry geometry = verify(&s);
        for (uint32_t i = 0; i < n; i++) {
            if (s.is_inlier[i] && follows_motion(&s, n_good, i))
                n_right++;
            else if (s.is_inlier[i])
                n_wrong++;
        }
        assert_true(disagreement(geometry.transform, motion) < max_error);
        assert_true(n_right >= n_good * 0.97);
        assert_true(n_wrong <= 2);
    }
}

static void the_identity_is_found_among_outliers(void **state)
{
    (void)state;
    check_recovery(identity, 400, 200, 2);
    check_recovery(identity, 400, 120, 3);
    check_recovery(identity, 400, 80, 3);
    check_recovery(identity, 400, 40, 5);
}

static void a_similarity_is_found_among_outliers(void **state)
{
    (void)state;
    check_recovery(similarity, 400, 200, 2);
    check_recovery(similarity, 400, 120, 3);
    check_recovery(similarity, 400, 80, 3);
    check_recovery(similarity, 400, 40, 5);
}

static void an_affinity_is_found_among_outliers(void **state)
{
    (void)state;
    check_recovery(affinity, 400, 200, 2);
    check_recovery(affinity, 400, 120, 3);
    check_recovery(affinity, 400, 80, 3);
    check_recovery(affinity, 400, 40, 5);
}

static void a_homography_is_found_among_outliers(void **state)
{
    (void)state;
    check_recovery(homography, 400, 200, 2);
    check_recovery(homography, 400, 120, 3);
    check_recovery(homography, 400, 80, 3);
    check_recovery(homography, 400, 40, 5);
}

static void without_noise_the_motion_is_exact(void **state)
{
    static scene s;
    const double *const motions[] = {identity, similarity, affinity, homography};
    (void)state;
    for (int i = 0; i < 4; i++) {
        make_scene(&s, 100, 100, motions[i], 0, 77);
        const bovw_geometry geometry = verify(&s);
        assert_int_equal(geometry.n_inliers, 100);
        assert_true(disagreement(geometry.transform, motions[i]) < 0.01);
        assert_true(geometry.model >= (i < 2    ? BOVW_MODEL_SIMILARITY
                                       : i == 2 ? BOVW_MODEL_AFFINE
                                                : BOVW_MODEL_HOMOGRAPHY));
    }
}

static void images_of_different_sizes_are_measured_by_their_own_sides(void **state)
{
    static scene s;
    const double enlarged[9] = {4, 0, 0, 0, 4, 0, 0, 0, 1};
    bovw_geometry geometry;
    (void)state;
    /* Errors of 20 pixels are within 0.015 of 4,000 and beyond 0.015 of 1,000. */
    make_scene(&s, 60, 60, enlarged, 0, 5);
    for (uint32_t i = 0; i < s.n; i++)
        s.b[i].x += i % 2 ? 20.0f : -20.0f;
    const bovw_frame a = {s.a, MOST, WIDTH, HEIGHT};
    const bovw_frame b = {s.b, MOST, 4 * WIDTH, 4 * HEIGHT};
    bovw_verifier *verifier = new_verifier();
    assert_int_equal(
        bovw_verify(verifier, &a, &b, s.matches, s.n, s.is_inlier, &geometry, NULL),
        BOVW_OK);
    assert_int_equal(geometry.n_inliers, 60);
    bovw_verifier_free(verifier);
}

/* Errors of 8 pixels in the second image, and of 24 or of 2.7 in the first:
 * the limit is 15. */
static void transfer_errors_are_measured_in_both_images(void **state)
{
    static scene s;
    const double reduced[9] = {1 / 3.0, 0, 100, 0, 1 / 3.0, 100, 0, 0, 1};
    const double enlarged[9] = {3, 0, 0, 0, 3, 0, 0, 0, 1};
    (void)state;
    for (int is_enlarged = 0; is_enlarged < 2; is_enlarged++) {
        make_scene(&s, 60, 60, is_enlarged ? enlarged : reduced, 0, 6);
        for (uint32_t i = 0; i < 20; i++)
            s.b[i].x += i % 2 ? 8.0f : -8.0f;
        const bovw_geometry small = verify(&s);
        assert_int_equal(small.n_inliers, is_enlarged ? 60 : 40);
        for (uint32_t i = 0; i < 20; i++)
            s.b[i].x += i % 2 ? 12.0f : -12.0f;
        assert_int_equal(verify(&s).n_inliers, 40);
        for (uint32_t i = 0; i < s.n; i++)
            assert_int_equal(s.is_inlier[i], i >= 20);
    }
}

static void the_motion_back_is_the_inverse(void **state)
{
    static scene s, swapped;
    const double *const motions[] = {identity, similarity, affinity, homography};
    (void)state;
    for (int m = 0; m < 4; m++) {
        make_scene(&s, 300, 150, motions[m], 1, 11);
        swapped = s;
        memcpy(swapped.a, s.b, sizeof s.b);
        memcpy(swapped.b, s.a, sizeof s.a);
        const bovw_geometry there = verify(&s), back = verify(&swapped);
        double matrix[9], inverse[9];
        float rounded[9];
        for (int i = 0; i < 9; i++)
            matrix[i] = back.transform[i];
        assert_true(transform_inverse(matrix, inverse));
        for (int i = 0; i < 9; i++)
            rounded[i] = (float)(inverse[i] / inverse[8]);
        for (int i = 0; i < 9; i++)
            matrix[i] = there.transform[i];
        assert_true(disagreement(rounded, matrix) < 2);
        assert_true(abs((int)there.n_inliers - (int)back.n_inliers) <= 3);
    }
}

/* ---- chance ------------------------------------------------------------------ */

/* Measured over 3,000 seeds: at most 3 inliers where scales and angles are
 * random too, at most 6 where they never contradict (upright pictures). */
static void random_matches_give_few_inliers(void **state)
{
    static scene s;
    uint32_t most = 0, most_upright = 0, n_upright_above_4 = 0;
    bovw_verifier *verifier = new_verifier();
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        make_scene(&s, 300, 0, identity, 0, 1000 + seed);
        const uint32_t n = verify_with(verifier, &s).n_inliers;
        most = n > most ? n : most;
        for (uint32_t i = 0; i < s.n; i++) {
            s.b[i].scale = (float)(s.a[i].scale * exp(0.2 * gaussian(&s)));
            s.b[i].angle = positive_angle(s.a[i].angle + 0.1 * gaussian(&s));
        }
        const uint32_t n_upright = verify_with(verifier, &s).n_inliers;
        most_upright = n_upright > most_upright ? n_upright : most_upright;
        n_upright_above_4 += n_upright > 4;
    }
    bovw_verifier_free(verifier);
    assert_true(most <= 5);
    assert_true(most_upright <= 7);
    assert_true(n_upright_above_4 <= 15);
}

/* ---- spread -------------------------------------------------------------------- */

/* A patch of 8 x 8 keypoints that look alike, each matched with all of another
 * patch: more of them agree than of 15 right matches all over an image. */
static void a_repeated_texture_counts_less_than_an_object(void **state)
{
    static scene object, texture;
    (void)state;
    make_scene(&object, 300, 15, similarity, 1, 91);
    texture = (scene){.random = 92};
    for (uint32_t i = 0; i < 64; i++) {
        const float x = 6 * (float)(i % 8), y = 6 * (float)(i / 8);
        texture.a[i] = (bovw_keypoint){300 + x, 200 + y, 3, 1};
        texture.b[i] = (bovw_keypoint){700 + x, 500 + y, 3, 1};
    }
    for (; texture.n < 2000; texture.n++)
        texture.matches[texture.n] =
            (bovw_match){texture.n * 37 % 4096 / 64, texture.n * 37 % 64};
    const bovw_geometry right = verify(&object), wrong = verify(&texture);
    assert_true(right.n_inliers >= 13 && right.n_inliers <= 17);
    assert_true(wrong.n_inliers > 2 * right.n_inliers);
    assert_true(right.effective > 1.3f * wrong.effective);
    assert_true(bovw_geometry_is_verified(&right));
    assert_false(bovw_geometry_is_verified(&wrong));
}

/* Of the two images the one where they spread less counts. */
static void the_effective_number_is_that_of_the_smaller_spread(void **state)
{
    static scene s, swapped;
    const double reduced[9] = {0.25, 0, 500, 0, 0.25, 300, 0, 0, 1};
    (void)state;
    make_scene(&s, 200, 200, identity, 0, 93);
    const bovw_geometry same = verify(&s);
    make_scene(&s, 200, 200, reduced, 0, 93);
    swapped = s;
    memcpy(swapped.a, s.b, sizeof s.b);
    memcpy(swapped.b, s.a, sizeof s.a);
    const bovw_geometry there = verify(&s), back = verify(&swapped);
    assert_true(same.n_inliers == 200 && there.n_inliers == 200 && back.n_inliers == 200);
    assert_true(there.effective == back.effective);
    assert_true(there.effective < 0.7f * same.effective);
    assert_true(same.effective > 50 && same.effective <= 200);
}

/* ---- one to one ---------------------------------------------------------------- */

static void one_keypoint_with_many_matches_counts_once(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 50, 50, identity, 0, 3);
    for (uint32_t i = 0; i < s.n; i++) {
        s.b[i] = s.b[0];
        s.b[i].x += 0.1f * (float)i;
        s.matches[i] = (bovw_match){0, i};
    }
    assert_int_equal(verify(&s).n_inliers, 0);
    for (uint32_t i = 0; i < s.n; i++) {
        s.a[i] = s.b[i];
        s.matches[i] = (bovw_match){i, 0};
    }
    assert_int_equal(verify(&s).n_inliers, 0);
}

static void many_matches_of_one_keypoint_do_not_outvote_a_motion(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 12, 12, similarity, 0, 8);
    /* 500 more between keypoint 12 and a cloud on the wrong side. */
    s.a[12] = (bovw_keypoint){500, 400, 3, 0};
    for (uint32_t i = 12; i < 512; i++) {
        s.b[i] = (bovw_keypoint){100.0f + 0.01f * (float)i, 700, 3, 1};
        s.matches[i] = (bovw_match){12, i};
    }
    s.n = 512;
    const bovw_geometry geometry = verify(&s);
    assert_int_equal(geometry.n_inliers, 12);
    assert_true(disagreement(geometry.transform, similarity) < 0.01);
}

static void keypoints_at_one_position_count_once(void **state)
{
    static scene s;
    (void)state;
    /* 20 positions, each with two keypoints of different orientation. */
    make_scene(&s, 20, 20, identity, 0, 9);
    for (uint32_t i = 0; i < 20; i++) {
        s.a[20 + i] = s.a[i];
        s.a[20 + i].angle = positive_angle(s.a[i].angle + 1);
        s.b[20 + i] = s.a[20 + i];
        s.matches[20 + i] = (bovw_match){20 + i, 20 + i};
    }
    s.n = 40;
    assert_int_equal(verify(&s).n_inliers, 20);
}

static void inliers_share_no_keypoint_and_no_position(void **state)
{
    static scene s;
    uint8_t a_used[100] = {0}, b_used[100] = {0};
    (void)state;
    /* Every keypoint of a with its own and five other keypoints of b, of which
     * some are close enough to agree as well. */
    make_scene(&s, 100, 100, identity, 1, 21);
    for (uint32_t i = 0; i < 100; i++) {
        s.a[i] = (bovw_keypoint){0.1f * s.a[i].x, 0.1f * s.a[i].y, 4, 1};
        s.b[i] = moved(&s, s.a[i], identity, 1);
        for (uint32_t k = 0; k < 6; k++)
            s.matches[6 * i + k] = (bovw_match){i, (i + k * 17) % 100};
    }
    s.n = 600;
    const bovw_geometry geometry = verify(&s);
    assert_true(geometry.n_inliers >= 90 && geometry.n_inliers <= 100);
    for (uint32_t i = 0; i < s.n; i++) {
        if (!s.is_inlier[i])
            continue;
        assert_int_equal(a_used[s.matches[i].a]++, 0);
        assert_int_equal(b_used[s.matches[i].b]++, 0);
    }
}

/* ---- too little, degenerate, damaged ---------------------------------------------- */

static void fewer_than_three_matches_give_no_motion(void **state)
{
    static scene s;
    (void)state;
    for (uint32_t n = 0; n <= 5; n++) {
        make_scene(&s, 5, 5, similarity, 0, 31);
        s.n = n;
        const bovw_geometry geometry = verify(&s);
        assert_int_equal(geometry.n_inliers, n < 3 ? 0 : n);
        assert_true((geometry.model == BOVW_MODEL_NONE) == (n < 3));
        if (n >= 3)
            assert_true(disagreement(geometry.transform, similarity) < 0.01);
    }
}

static void points_on_a_line_give_a_similarity(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 50, 50, similarity, 0, 41);
    for (uint32_t i = 0; i < s.n; i++) {
        s.a[i].y = 0.5f * s.a[i].x + 20;
        s.b[i] = moved(&s, s.a[i], similarity, 0);
    }
    const bovw_geometry geometry = verify(&s);
    assert_int_equal(geometry.model, BOVW_MODEL_SIMILARITY);
    assert_int_equal(geometry.n_inliers, 50);
    assert_true(disagreement(geometry.transform, similarity) < 0.1);
}

static void a_line_with_noise_is_fitted_by_all_its_points(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 50, 50, similarity, 0, 41);
    for (uint32_t i = 0; i < s.n; i++) {
        s.a[i].y = 0.5f * s.a[i].x + 20;
        s.b[i] = moved(&s, s.a[i], similarity, 1);
    }
    const bovw_geometry geometry = verify(&s);
    assert_int_equal(geometry.model, BOVW_MODEL_SIMILARITY);
    assert_int_equal(geometry.n_inliers, 50);
    assert_true(disagreement(geometry.transform, similarity) < 2);
}

static void small_turns_in_both_directions_agree(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 3, 3, identity, 0, 45);
    for (uint32_t i = 0; i < 3; i++) {
        s.a[i] = (bovw_keypoint){400 + 30 * (float)i, i % 2 ? 340 : 300, 5, 2};
        s.b[i] = s.a[i];
        s.b[i].angle = 1.95f + 0.05f * (float)i;
    }
    assert_int_equal(verify(&s).n_inliers, 3);
}

/* A second motion has more matches in place, but their scales or angles
 * contradict it. */
static void contradicting_matches_do_not_outvote_a_motion(void **state)
{
    static scene s;
    const double shift[9] = {1, 0, -200, 0, 1, 150, 0, 0, 1};
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        make_scene(&s, 120, 120, similarity, 0, 46);
        for (uint32_t i = 30; i < 120; i++) {
            s.b[i] = moved(&s, s.a[i], shift, 0);
            if (i >= 40 && kind == 0)
                s.b[i].angle = positive_angle(s.b[i].angle + 0.6 + 0.05 * i);
            else if (i >= 40)
                s.b[i].scale *=
                    i % 2 ? 2.1f + 0.1f * (float)i : 1 / (2.1f + 0.1f * (float)i);
        }
        const bovw_geometry geometry = verify(&s);
        assert_int_equal(geometry.n_inliers, 30);
        assert_true(disagreement(geometry.transform, similarity) < 0.01);
    }
}

/* Chance matches that all end on one small patch are close to any motion into
 * it, seen from the second image alone. */
static void a_patch_that_attracts_matches_does_not_outvote_a_motion(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 630, 630, similarity, 0, 48);
    for (uint32_t i = 30; i < 630; i++) {
        s.b[i] = random_keypoint(&s);
        s.b[i].x = 700 + 0.01f * s.b[i].x;
        s.b[i].y = 100 + 0.01f * s.b[i].y;
        s.b[i].scale = 0.07f * s.a[i].scale;
        s.b[i].angle = s.a[i].angle;
    }
    const bovw_geometry geometry = verify(&s);
    assert_true(geometry.n_inliers >= 30 && geometry.n_inliers <= 31);
    assert_true(disagreement(geometry.transform, similarity) < 0.5);
}

static void a_plane_seen_from_its_edge_is_no_motion(void **state)
{
    static scene s;
    const double flat[9] = {1, 0, 0, 0, 0.14, 300, 0, 0, 1};
    const double tilted[9] = {1, 0, 0, 0, 0.25, 300, 0, 0, 1};
    (void)state;
    make_scene(&s, 200, 200, tilted, 0, 49);
    assert_int_equal(verify(&s).n_inliers, 200);
    make_scene(&s, 200, 200, flat, 0, 49);
    assert_true(verify(&s).n_inliers < 100);
}

/* A plane whose horizon crosses the first image is no view of that image: no
 * homography is made of it. */
static void no_corner_of_the_image_is_behind_the_camera(void **state)
{
    static scene s;
    const double horizon[9] = {1, 0, 0, 0, 1, 0, 0, -1 / 700.0, 1};
    (void)state;
    make_scene(&s, 100, 0, identity, 0, 47);
    for (uint32_t i = 0; i < s.n; i++) {
        s.a[i].y *= 0.4f;
        s.b[i] = moved(&s, s.a[i], horizon, 0);
    }
    const bovw_geometry geometry = verify(&s);
    assert_true(geometry.n_inliers >= 20);
    for (int corner = 0; corner < 4; corner++) {
        const float x = corner & 1 ? WIDTH - 1 : 0, y = corner & 2 ? HEIGHT - 1 : 0;
        assert_true(geometry.transform[6] * x + geometry.transform[7] * y + 1 > 0);
    }
}

static void points_on_one_spot_give_no_motion(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 50, 50, identity, 0, 42);
    for (uint32_t i = 0; i < s.n; i++) {
        s.a[i].x = s.b[i].x = 300;
        s.a[i].y = s.b[i].y = 200;
    }
    assert_int_equal(verify(&s).model, BOVW_MODEL_NONE);
}

static void a_mirror_image_is_no_motion(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 100, 100, identity, 0, 43);
    for (uint32_t i = 0; i < s.n; i++) {
        s.b[i].x = (float)(WIDTH - 1) - s.a[i].x;
        s.b[i].angle = positive_angle(TWO_PI / 2 - s.a[i].angle);
    }
    assert_true(verify(&s).n_inliers <= 5);
    /* The same with angles that agree with no turn at all. */
    for (uint32_t i = 0; i < s.n; i++)
        s.b[i].angle = s.a[i].angle;
    assert_true(verify(&s).n_inliers <= 12);
}

static void scale_and_angle_must_fit_the_motion(void **state)
{
    static scene s;
    (void)state;
    make_scene(&s, 90, 90, affinity, 0, 44);
    for (uint32_t i = 0; i < 30; i++)
        s.b[i].scale *= i % 2 ? 2.5f : 0.4f;
    for (uint32_t i = 30; i < 60; i++)
        s.b[i].angle = positive_angle(s.b[i].angle + (i % 2 ? 0.7 : -0.7));
    assert_int_equal(verify(&s).n_inliers, 30);
    for (uint32_t i = 0; i < s.n; i++)
        assert_int_equal(s.is_inlier[i], i >= 60);
    make_scene(&s, 90, 90, affinity, 0, 44);
    for (uint32_t i = 0; i < 30; i++)
        s.b[i].scale *= i % 2 ? 1.8f : 0.6f;
    for (uint32_t i = 30; i < 60; i++)
        s.b[i].angle = positive_angle(s.b[i].angle + (i % 2 ? 0.4 : -0.4));
    assert_int_equal(verify(&s).n_inliers, 90);
}

static void keypoints_that_are_not_numbers_are_left_out(void **state)
{
    static scene s;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, 3e38f};
    (void)state;
    make_scene(&s, 60, 60, similarity, 0, 51);
    for (uint32_t i = 0; i < 5; i++) {
        s.a[i].x = s.b[5 + i].y = bad[i];
        s.b[10 + i].scale = bad[i];
        s.a[15 + i].angle = bad[i];
    }
    s.a[20].scale = 0;
    s.b[21].scale = -3;
    s.a[22].scale = 1e-42f;
    const bovw_geometry geometry = verify(&s);
    assert_true(geometry.n_inliers >= 37 && geometry.n_inliers <= 39);
    for (uint32_t i = 0; i < s.n; i++)
        assert_true(i >= 23 ? s.is_inlier[i] : i == 18 || i == 19 || !s.is_inlier[i]);
    assert_true(disagreement(geometry.transform, similarity) < 0.01);
    for (uint32_t i = 0; i < s.n; i++)
        s.a[i] = (bovw_keypoint){NAN, NAN, NAN, NAN};
    assert_int_equal(verify(&s).model, BOVW_MODEL_NONE);
}

static void matches_past_the_most_are_not_used(void **state)
{
    static scene s;
    bovw_verify_options opts;
    bovw_verifier *verifier = NULL;
    (void)state;
    bovw_verify_options_default(&opts);
    opts.max_matches = 40;
    assert_int_equal(bovw_verifier_new(&opts, &verifier, NULL), BOVW_OK);
    make_scene(&s, 100, 100, identity, 0, 61);
    memset(s.is_inlier, 7, sizeof s.is_inlier);
    assert_int_equal(verify_with(verifier, &s).n_inliers, 40);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(s.is_inlier[i], i < 40);
    assert_int_equal(s.is_inlier[100], 7);
    bovw_verifier_free(verifier);
}

static void a_match_outside_is_refused_and_nothing_written(void **state)
{
    static scene s;
    bovw_geometry geometry, before;
    uint8_t is_inlier[10], untouched[10];
    bovw_error err;
    bovw_verifier *verifier = new_verifier();
    (void)state;
    make_scene(&s, 10, 10, identity, 0, 71);
    memset(&geometry, 0x5a, sizeof geometry);
    memset(is_inlier, 0x5a, sizeof is_inlier);
    before = geometry;
    memcpy(untouched, is_inlier, sizeof is_inlier);
    bovw_frame a = {s.a, 10, WIDTH, HEIGHT}, b = {s.b, 9, WIDTH, HEIGHT};
    assert_int_equal(
        bovw_verify(verifier, &a, &b, s.matches, 10, is_inlier, &geometry, &err),
        BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "match 9"));
    b.n = 10;
    a.n = 5;
    assert_int_equal(
        bovw_verify(verifier, &a, &b, s.matches, 10, is_inlier, &geometry, NULL),
        BOVW_ERR_ARG);
    a.n = 10;
    a.width = 0;
    assert_int_equal(
        bovw_verify(verifier, &a, &b, s.matches, 10, is_inlier, &geometry, NULL),
        BOVW_ERR_ARG);
    assert_memory_equal(&geometry, &before, sizeof geometry);
    assert_memory_equal(is_inlier, untouched, sizeof is_inlier);
    a.width = WIDTH;
    assert_int_equal(bovw_verify(verifier, &a, &b, s.matches, 10, NULL, &geometry, NULL),
                     BOVW_OK);
    assert_int_equal(geometry.n_inliers, 10);
    bovw_verifier_free(verifier);
}

static void bad_options_are_refused_by_name(void **state)
{
    bovw_verify_options good, opts;
    bovw_verifier *verifier = NULL;
    bovw_error err;
    (void)state;
    bovw_verify_options_default(&good);
#define REFUSED(field, value)                                                              \
    do {                                                                                   \
        opts = good;                                                                       \
        opts.field = (value);                                                              \
        assert_int_equal(bovw_verifier_new(&opts, &verifier, &err), BOVW_ERR_ARG);         \
        assert_non_null(strstr(err.text, #field));                                         \
        assert_null(verifier);                                                             \
    } while (0)
    REFUSED(tolerance, 0);
    REFUSED(tolerance, NAN);
    REFUSED(tolerance, 2);
    REFUSED(max_scale_ratio, 0.5f);
    REFUSED(max_scale_ratio, INFINITY);
    REFUSED(max_angle, 0);
    REFUSED(max_angle, 4);
    REFUSED(max_matches, 0);
#undef REFUSED
    bovw_verifier_free(NULL);
}

/* ---- repeatable -------------------------------------------------------------------- */

static void a_reused_verifier_gives_the_same_bits(void **state)
{
    static scene s;
    static uint8_t first[MOST];
    const double *const motions[] = {identity, similarity, affinity, homography};
    const uint32_t sizes[] = {300, 3, 1900, 17, 0, 600, 3000, 16};
    bovw_verifier *reused = new_verifier();
    (void)state;
    for (int i = 0; i < 8; i++) {
        make_scene(&s, sizes[i], sizes[i] / 3, motions[i % 4], 1, 81 + (uint64_t)i);
        const bovw_geometry fresh = verify(&s);
        memcpy(first, s.is_inlier, sizeof first);
        for (int round = 0; round < 2; round++) {
            const bovw_geometry again = verify_with(reused, &s);
            assert_memory_equal(&fresh, &again, sizeof fresh);
            assert_memory_equal(first, s.is_inlier, sizes[i]);
        }
    }
    bovw_verifier_free(reused);
}

static void models_have_names(void **state)
{
    (void)state;
    assert_string_equal(bovw_model_name(BOVW_MODEL_NONE), "none");
    assert_string_equal(bovw_model_name(BOVW_MODEL_SIMILARITY), "similarity");
    assert_string_equal(bovw_model_name(BOVW_MODEL_AFFINE), "affine");
    assert_string_equal(bovw_model_name(BOVW_MODEL_HOMOGRAPHY), "homography");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_identity_is_found_among_outliers),
        cmocka_unit_test(a_similarity_is_found_among_outliers),
        cmocka_unit_test(an_affinity_is_found_among_outliers),
        cmocka_unit_test(a_homography_is_found_among_outliers),
        cmocka_unit_test(without_noise_the_motion_is_exact),
        cmocka_unit_test(images_of_different_sizes_are_measured_by_their_own_sides),
        cmocka_unit_test(transfer_errors_are_measured_in_both_images),
        cmocka_unit_test(the_motion_back_is_the_inverse),
        cmocka_unit_test(random_matches_give_few_inliers),
        cmocka_unit_test(a_repeated_texture_counts_less_than_an_object),
        cmocka_unit_test(the_effective_number_is_that_of_the_smaller_spread),
        cmocka_unit_test(one_keypoint_with_many_matches_counts_once),
        cmocka_unit_test(many_matches_of_one_keypoint_do_not_outvote_a_motion),
        cmocka_unit_test(keypoints_at_one_position_count_once),
        cmocka_unit_test(inliers_share_no_keypoint_and_no_position),
        cmocka_unit_test(fewer_than_three_matches_give_no_motion),
        cmocka_unit_test(points_on_a_line_give_a_similarity),
        cmocka_unit_test(a_line_with_noise_is_fitted_by_all_its_points),
        cmocka_unit_test(small_turns_in_both_directions_agree),
        cmocka_unit_test(contradicting_matches_do_not_outvote_a_motion),
        cmocka_unit_test(a_patch_that_attracts_matches_does_not_outvote_a_motion),
        cmocka_unit_test(a_plane_seen_from_its_edge_is_no_motion),
        cmocka_unit_test(no_corner_of_the_image_is_behind_the_camera),
        cmocka_unit_test(points_on_one_spot_give_no_motion),
        cmocka_unit_test(a_mirror_image_is_no_motion),
        cmocka_unit_test(scale_and_angle_must_fit_the_motion),
        cmocka_unit_test(keypoints_that_are_not_numbers_are_left_out),
        cmocka_unit_test(matches_past_the_most_are_not_used),
        cmocka_unit_test(a_match_outside_is_refused_and_nothing_written),
        cmocka_unit_test(bad_options_are_refused_by_name),
        cmocka_unit_test(a_reused_verifier_gives_the_same_bits),
        cmocka_unit_test(models_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
