/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bovw/report.h"
#include "report/draw.h"

/* ---- shapes -------------------------------------------------------------- */

static bovw_image grey_picture(uint32_t width, uint32_t height, uint8_t level)
{
    bovw_image image = {0};
    assert_int_equal(bovw_image_new(width, height, 3, level, &image, NULL), BOVW_OK);
    return image;
}

static int level_at(const bovw_image *image, uint32_t x, uint32_t y)
{
    return image->pixels[((size_t)y * image->width + x) * 3];
}

/* What a white line of a width leaves on black, straight from its definition. */
static double line_level(draw_point p, draw_point q, double width, double x, double y)
{
    const double dx = q.x - p.x, dy = q.y - p.y, length_sq = dx * dx + dy * dy;
    double t = length_sq > 0 ? ((x - p.x) * dx + (y - p.y) * dy) / length_sq : 0;
    t = fmin(1, fmax(0, t));
    const double distance = hypot(x - p.x - t * dx, y - p.y - t * dy);
    return 255 * fmin(1, fmax(0, width / 2 + 0.5 - distance));
}

static void lines_cover_what_their_distance_says(void **state)
{
    (void)state;
    static const draw_point lines[][2] = {
        {{3, 5}, {30, 5}},       {{3, 5}, {3, 20}},        {{3, 5}, {30, 20}},
        {{30, 3}, {12, 22}},     {{8.3, 9.7}, {8.3, 9.7}}, {{-40, 5}, {90, 18}},
        {{10, -300}, {14, 200}}, {{5, 30}, {45, -3}},      {{-9, -9}, {-1, -1}},
        {{-5000, 7}, {6000, 9}}, {{0, 0}, {39, 23}},       {{100, 100}, {200, 100}}};
    static const float widths[] = {1, 1.5f, 4};

    for (size_t i = 0; i < sizeof lines / sizeof lines[0] * 3; i++) {
        const draw_point p = lines[i / 3][0], q = lines[i / 3][1];
        bovw_image image = grey_picture(40, 24, 0);
        const draw_canvas canvas = draw_canvas_of(&image);
        draw_line(&canvas, p, q, (draw_pen){255, 255, 255, 1, widths[i % 3]});
        for (uint32_t y = 0; y < 24; y++) {
            for (uint32_t x = 0; x < 40; x++) {
                const double wanted = line_level(p, q, (double)widths[i % 3], x, y);
                assert_true(fabs(level_at(&image, x, y) - wanted) < 1);
            }
        }
        bovw_image_free(&image);
    }
}

static void circles_are_round_and_stay_on_the_canvas(void **state)
{
    (void)state;
    bovw_image image = grey_picture(40, 24, 0);
    const draw_canvas half = {&image, 0, 0, 20, 24};
    draw_circle(&half, (draw_point){20, 12}, 6, (draw_pen){255, 255, 255, 1, 2});
    for (uint32_t y = 0; y < 24; y++) {
        for (uint32_t x = 0; x < 40; x++) {
            const double off = fabs(hypot(x - 20.0, y - 12.0) - 6);
            const double wanted = x < 20 ? 255 * fmin(1, fmax(0, 1.5 - off)) : 0;
            assert_true(fabs(level_at(&image, x, y) - wanted) < 1);
        }
    }
    bovw_image_free(&image);
}

static void shapes_that_are_nowhere_change_nothing(void **state)
{
    (void)state;
    static const double nowhere[] = {NAN, INFINITY, -INFINITY, 1e30, -3e38};
    const draw_pen pen = {255, 255, 255, 1, 3};
    bovw_image image = grey_picture(16, 16, 7);
    const draw_canvas canvas = draw_canvas_of(&image);

    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        const draw_point bad = {nowhere[i], 8}, worse = {8, nowhere[i]}, fine = {8, 8};
        draw_line(&canvas, bad, fine, pen);
        draw_line(&canvas, fine, worse, pen);
        draw_circle(&canvas, bad, 3, pen);
        draw_circle(&canvas, worse, 3, pen);
        draw_circle(&canvas, fine, nowhere[i], pen);
    }
    for (size_t i = 0; i < 16 * 16 * 3; i++)
        assert_int_equal(image.pixels[i], 7);
    bovw_image_free(&image);
}

/* ---- matches ------------------------------------------------------------- */

static const bovw_geometry no_motion = {.model = BOVW_MODEL_NONE};

/* a is 40 x 30 of an original twice as large; b is 50 x 60 as it was taken. */
static void make_pair(bovw_image *a, bovw_image *b)
{
    *a = grey_picture(40, 30, 100);
    a->full_width = 80;
    a->full_height = 60;
    *b = grey_picture(50, 60, 200);
}

static bovw_image draw_pair(const bovw_keypoint *from, const bovw_keypoint *to, size_t n,
                            const uint8_t *is_inlier, const bovw_geometry *geometry)
{
    bovw_image a, b, picture = {0};
    bovw_match matches[8];
    assert_true(n <= 8);
    for (uint32_t i = 0; i < n; i++)
        matches[i] = (bovw_match){i, i};
    make_pair(&a, &b);
    assert_int_equal(bovw_draw_matches(&a, from, &b, to, matches, is_inlier, n, geometry,
                                       &picture, NULL),
                     BOVW_OK);
    bovw_image_free(&a);
    bovw_image_free(&b);
    return picture;
}

static bool is_same(const bovw_image *p, const bovw_image *q, uint32_t x, uint32_t y)
{
    const size_t at = ((size_t)y * p->width + x) * 3;
    return memcmp(p->pixels + at, q->pixels + at, 3) == 0;
}

static void without_matches_the_two_pictures_stand_side_by_side(void **state)
{
    (void)state;
    bovw_image picture = draw_pair(NULL, NULL, 0, NULL, &no_motion);
    assert_int_equal(picture.channels, 3);
    assert_int_equal(picture.height, 60);
    assert_true(picture.width > 90 && picture.width < 110);
    const uint32_t b_left = picture.width - 50;
    const int background = level_at(&picture, 42, 30);
    for (uint32_t y = 0; y < 60; y++) {
        for (uint32_t x = 0; x < picture.width; x++) {
            const bool in_a = x < 40 && y >= 15 && y < 45;
            assert_int_equal(level_at(&picture, x, y), in_a          ? 100
                                                       : x >= b_left ? 200
                                                                     : background);
        }
    }
    bovw_image_free(&picture);
}

static void a_line_joins_the_keypoints_and_touches_nothing_else(void **state)
{
    (void)state;
    /* (20.5, 30.5) of the original is (10, 15) in the picture of a. */
    const bovw_keypoint from[2] = {{20.5f, 30.5f, 1, 0}, {4, 4, 1, 0}};
    const bovw_keypoint to[2] = {{30, 30, 1, 0}, {4, 4, 1, 0}};
    const uint8_t is_inlier[2] = {1, 0};
    bovw_image plain = draw_pair(NULL, NULL, 0, NULL, &no_motion);
    bovw_image picture = draw_pair(from, to, 2, is_inlier, &no_motion);
    const uint32_t end = picture.width - 50 + 30;

    for (uint32_t x = 10; x <= end; x++)
        assert_false(is_same(&plain, &picture, x, 30) && x > 14 && x < end - 4);
    for (uint32_t y = 0; y < 60; y++) {
        for (uint32_t x = 0; x < picture.width; x++) {
            if (y < 25 || y > 35 || x < 5 || x > end + 5)
                assert_true(is_same(&plain, &picture, x, y));
        }
    }
    bovw_image_free(&plain);
    bovw_image_free(&picture);
}

static void a_keypoint_keeps_its_colour_whatever_it_matches(void **state)
{
    (void)state;
    const bovw_keypoint from[1] = {{20.5f, 30.5f, 1, 0}};
    const bovw_keypoint left[1] = {{5, 10, 1, 0}}, right[1] = {{45, 50, 1, 0}};
    const uint8_t is_inlier[1] = {1};
    bovw_image one = draw_pair(from, left, 1, is_inlier, &no_motion);
    bovw_image two = draw_pair(from, right, 1, is_inlier, &no_motion);
    assert_false(level_at(&one, 7, 30) == 100); /* the circle, away from the line */
    assert_true(is_same(&one, &two, 7, 30));
    bovw_image_free(&one);
    bovw_image_free(&two);
}

static void impossible_keypoints_are_left_out(void **state)
{
    (void)state;
    const bovw_keypoint from[5] = {{NAN, 5, 1, 0},
                                   {5, INFINITY, 1, 0},
                                   {20, 20, 1, 0},
                                   {3e38f, 5, 1, 0},
                                   {5, -3e38f, 1, 0}};
    const bovw_keypoint to[5] = {{20, 20, 1, 0},
                                 {20, 20, 1, 0},
                                 {20, -INFINITY, 1, 0},
                                 {20, 20, 1, 0},
                                 {20, 20, 1, 0}};
    const uint8_t is_inlier[5] = {1, 1, 1, 0, 0};
    bovw_image plain = draw_pair(NULL, NULL, 0, NULL, &no_motion);
    bovw_image picture = draw_pair(from, to, 5, is_inlier, &no_motion);
    assert_memory_equal(plain.pixels, picture.pixels,
                        (size_t)plain.width * plain.height * 3);
    bovw_image_free(&picture);

    /* Huge ones are clipped: at most the circle at the good end remains. */
    const uint8_t huge[5] = {0, 0, 0, 1, 1};
    picture = draw_pair(from, to, 5, huge, &no_motion);
    for (uint32_t y = 0; y < 60; y++) {
        for (uint32_t x = 0; x < picture.width; x++) {
            if (hypot(x - (picture.width - 30.0), y - 20.0) > 6)
                assert_true(is_same(&plain, &picture, x, y));
        }
    }
    bovw_image_free(&plain);
    bovw_image_free(&picture);
}

static void the_border_of_a_is_drawn_inside_b_only(void **state)
{
    (void)state;
    /* Half size and moved by (10, 20): from (9.75, 19.75) to (49.75, 49.75). */
    const bovw_geometry half = {
        BOVW_MODEL_AFFINE, 9, 9, {0.5f, 0, 10, 0, 0.5f, 20, 0, 0, 1}};
    /* Larger than b on every side, so nothing of it shows. */
    const bovw_geometry large = {BOVW_MODEL_AFFINE, 9, 9, {9, 0, -99, 0, 9, -99, 0, 0, 1}};
    bovw_image plain = draw_pair(NULL, NULL, 0, NULL, &no_motion);
    bovw_image picture = draw_pair(NULL, NULL, 0, NULL, &half);
    const uint32_t left = picture.width - 50;

    assert_true(level_at(&picture, left + 10, 35) > 240);
    assert_true(level_at(&picture, left + 30, 20) > 240);
    assert_true(level_at(&picture, left + 8, 35) < 100); /* its dark edge */
    assert_int_equal(level_at(&picture, left + 30, 35), 200);
    for (uint32_t y = 0; y < 60; y++) {
        for (uint32_t x = 0; x < left; x++)
            assert_true(is_same(&plain, &picture, x, y));
    }
    bovw_image_free(&picture);

    picture = draw_pair(NULL, NULL, 0, NULL, &large);
    assert_memory_equal(plain.pixels, picture.pixels,
                        (size_t)plain.width * plain.height * 3);
    bovw_image_free(&picture);
    bovw_image_free(&plain);
}

static void a_border_that_passes_the_horizon_is_cut_there(void **state)
{
    (void)state;
    /* w = 1 - x / 40 is 0 in the middle of a: only the left half has an image. */
    const bovw_geometry left_seen = {
        BOVW_MODEL_HOMOGRAPHY, 9, 9, {0.1f, 0, 5, 0, 0.5f, 20, -0.025f, 0, 1}};
    /* Here the left side is outside b, and dividing by the negative w of the
     * right side would put it at column 22. */
    const bovw_geometry none_seen = {
        BOVW_MODEL_HOMOGRAPHY, 9, 9, {0.1f, 0, -30, 0, 0.5f, -40, -0.025f, 0, 1}};
    const bovw_geometry broken = {
        BOVW_MODEL_HOMOGRAPHY, 9, 9, {0.1f, 0, INFINITY, 0, NAN, 20, -0.025f, 0, 1}};
    bovw_image plain = draw_pair(NULL, NULL, 0, NULL, &no_motion);
    bovw_image picture = draw_pair(NULL, NULL, 0, NULL, &left_seen);
    assert_true(level_at(&picture, picture.width - 50 + 5, 35) > 240);
    bovw_image_free(&picture);

    picture = draw_pair(NULL, NULL, 0, NULL, &none_seen);
    assert_memory_equal(plain.pixels, picture.pixels,
                        (size_t)plain.width * plain.height * 3);
    bovw_image_free(&picture);
    picture = draw_pair(NULL, NULL, 0, NULL, &broken);
    assert_memory_equal(plain.pixels, picture.pixels,
                        (size_t)plain.width * plain.height * 3);
    bovw_image_free(&picture);
    bovw_image_free(&plain);
}

static void grey_and_empty_pictures_are_refused(void **state)
{
    (void)state;
    bovw_image a, b, grey = {0}, picture = {0};
    bovw_error err = {0};
    make_pair(&a, &b);
    assert_int_equal(bovw_image_new(8, 8, 1, 0, &grey, NULL), BOVW_OK);
    assert_int_equal(
        bovw_draw_matches(&a, NULL, &grey, NULL, NULL, NULL, 0, &no_motion, &picture, &err),
        BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "image b"));
    bovw_image_free(&grey);
    assert_int_equal(
        bovw_draw_matches(&grey, NULL, &b, NULL, NULL, NULL, 0, &no_motion, &picture, &err),
        BOVW_ERR_ARG);
    assert_null(picture.pixels);
    bovw_image_free(&a);
    bovw_image_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_cover_what_their_distance_says),
        cmocka_unit_test(circles_are_round_and_stay_on_the_canvas),
        cmocka_unit_test(shapes_that_are_nowhere_change_nothing),
        cmocka_unit_test(without_matches_the_two_pictures_stand_side_by_side),
        cmocka_unit_test(a_line_joins_the_keypoints_and_touches_nothing_else),
        cmocka_unit_test(a_keypoint_keeps_its_colour_whatever_it_matches),
        cmocka_unit_test(impossible_keypoints_are_left_out),
        cmocka_unit_test(the_border_of_a_is_drawn_inside_b_only),
        cmocka_unit_test(a_border_that_passes_the_horizon_is_cut_there),
        cmocka_unit_test(grey_and_empty_pictures_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
