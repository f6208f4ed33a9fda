/* SPDX-License-Identifier: MIT
 *
 * Our scale space against VLFeat's, level by level. */
#include "features/scale_space.h"

#include <math.h>

#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Noise with large plain areas, so that both flat and busy places occur. */
static float *make_pixels(int width, int height, uint64_t seed)
{
    float *pixels = mem_array((size_t)width * (size_t)height, sizeof *pixels);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const int tile = x / 11 + 7 * (y / 9);
            pixels[(size_t)y * (size_t)width + (size_t)x] =
                tile % 3 ? (float)(random_next(&seed) & 255) : (float)(tile * 37 % 256);
        }
    }
    return pixels;
}

/* Largest difference of any level of the octave that both filters hold. */
static double largest_difference(VlSiftFilt *ours, VlSiftFilt *theirs)
{
    const size_t n = (size_t)vl_sift_get_octave_width(theirs) *
                     (size_t)vl_sift_get_octave_height(theirs);
    double largest = 0;
    assert_int_equal(vl_sift_get_octave_index(ours), vl_sift_get_octave_index(theirs));
    assert_int_equal(vl_sift_get_octave_width(ours), vl_sift_get_octave_width(theirs));
    assert_int_equal(vl_sift_get_octave_height(ours), vl_sift_get_octave_height(theirs));
    for (int s = theirs->s_min; s <= theirs->s_max; s++) {
        const float *a = vl_sift_get_octave(ours, s), *b = vl_sift_get_octave(theirs, s);
        for (size_t i = 0; i < n; i++) {
            const double difference = fabs((double)a[i] - (double)b[i]);
            /* Not fmax(), which hides what is not a number. */
            if (!(difference <= largest))
                largest = difference;
        }
    }
    return largest;
}

static void compare(int width, int height, int first_octave)
{
    float *pixels = make_pixels(width, height, (uint64_t)(width * 1000 + height));
    VlSiftFilt *ours = vl_sift_new(width, height, -1, 3, first_octave);
    VlSiftFilt *theirs = vl_sift_new(width, height, -1, 3, first_octave);
    scale_space space = {0};
    int n_octaves = 0;

    assert_true(scale_space_init(&space, ours));
    bool more = scale_space_first(&space, ours, pixels);
    int there = vl_sift_process_first_octave(theirs, pixels);
    while (more && there == VL_ERR_OK) {
        /* Grey levels are up to 255: their last bit as a float is 1.5e-5. */
        assert_true(largest_difference(ours, theirs) < 5e-4);
        n_octaves++;
        more = scale_space_next(&space, ours);
        there = vl_sift_process_next_octave(theirs);
    }
    assert_false(more);
    assert_int_not_equal(there, VL_ERR_OK);
    assert_int_equal(n_octaves, vl_sift_get_noctaves(theirs));
    scale_space_free(&space);
    vl_sift_delete(ours);
    vl_sift_delete(theirs);
    free(pixels);
}

static void levels_equal_those_of_vlfeat(void **state)
{
    (void)state;
    static const int sizes[][2] = {{16, 16},  {17, 33},   {31, 16},   {64, 48},
                                   {101, 77}, {200, 131}, {320, 241}, {511, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int octave = -1; octave <= 1; octave++)
            compare(sizes[i][0], sizes[i][1], octave);
    }
}

static void a_plain_image_stays_plain(void **state)
{
    (void)state;
    enum {
        SIDE = 40
    };
    float pixels[SIDE * SIDE];
    scale_space space = {0};
    VlSiftFilt *filter = vl_sift_new(SIDE, SIDE, -1, 3, -1);
    for (int i = 0; i < SIDE * SIDE; i++)
        pixels[i] = 200;
    assert_true(scale_space_init(&space, filter));
    for (bool more = scale_space_first(&space, filter, pixels); more;
         more = scale_space_next(&space, filter)) {
        const int n = filter->octave_width * filter->octave_height;
        for (int s = filter->s_min; s <= filter->s_max; s++) {
            for (int i = 0; i < n; i++)
                assert_true(fabsf(vl_sift_get_octave(filter, s)[i] - 200) < 1e-3F);
        }
    }
    scale_space_free(&space);
    vl_sift_delete(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_equal_those_of_vlfeat),
        cmocka_unit_test(a_plain_image_stays_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
