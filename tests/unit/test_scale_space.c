/* SPDX-License-Identifier: MIT
 *
 * Our scale space against VLFeat's, level by level. */
#include "features/scale_space.h"

#include <math.h>
#include <vl/sift.h>

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

static uint8_t *to_bytes(const float *pixels, size_t n)
{
    uint8_t *bytes = mem_array(n, 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)pixels[i];
    return bytes;
}

/* Largest difference of any level of the octave that the filter holds. */
static double largest_difference(const octave *ours, VlSiftFilt *theirs)
{
    const size_t n = (size_t)vl_sift_get_octave_width(theirs) *
                     (size_t)vl_sift_get_octave_height(theirs);
    double largest = 0;
    assert_int_equal(ours->index, vl_sift_get_octave_index(theirs));
    assert_int_equal(ours->width, vl_sift_get_octave_width(theirs));
    assert_int_equal(ours->height, vl_sift_get_octave_height(theirs));
    for (int s = theirs->s_min; s <= theirs->s_max; s++) {
        const float *a = octave_level(ours, s).pixels, *b = vl_sift_get_octave(theirs, s);
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
    uint8_t *bytes = to_bytes(pixels, (size_t)width * (size_t)height);
    VlSiftFilt *theirs = vl_sift_new(width, height, -1, SCALES, first_octave);
    scale_space space = {0};
    int n_octaves = 0;

    assert_true(scale_space_fill(&space, bytes, width, height, first_octave,
                                 sift_kernel_find(NULL), 2));
    for (int there = vl_sift_process_first_octave(theirs, pixels); there == VL_ERR_OK;
         there = vl_sift_process_next_octave(theirs)) {
        /* Grey levels are up to 255: their last bit as a float is 1.5e-5. */
        assert_true(n_octaves < space.n_octaves);
        assert_true(largest_difference(&space.octaves[n_octaves], theirs) < 5e-4);
        n_octaves++;
    }
    assert_int_equal(n_octaves, space.n_octaves);
    assert_true(fabs(scale_space_sigma(1.5) - theirs->sigma0 * pow(2.0, 1.5 / theirs->S)) <
                1e-12);
    scale_space_free(&space);
    vl_sift_delete(theirs);
    free(bytes);
    free(pixels);
}

static void levels_equal_those_of_vlfeat(void **state)
{
    (void)state;
    static const int sizes[][2] = {{16, 16},  {17, 33},   {31, 16},   {64, 48},
                                   {101, 77}, {200, 131}, {320, 241}, {511, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int first = -1; first <= 1; first++)
            compare(sizes[i][0], sizes[i][1], first);
    }
}

static void a_plain_image_stays_plain(void **state)
{
    (void)state;
    enum {
        SIDE = 40
    };
    uint8_t pixels[SIDE * SIDE];
    scale_space space = {0};
    memset(pixels, 200, sizeof pixels);
    assert_true(
        scale_space_fill(&space, pixels, SIDE, SIDE, -1, sift_kernel_find(NULL), 1));
    for (int i = 0; i < space.n_octaves; i++) {
        const octave *o = &space.octaves[i];
        for (int s = -1; s <= SCALES + 1; s++) {
            for (int at = 0; at < o->width * o->height; at++)
                assert_true(fabsf(octave_level(o, s).pixels[at] - 200) < 1e-3F);
        }
    }
    scale_space_free(&space);
}

/* The same bits on every kernel, from image to image of another size. */
static void levels_are_the_same_on_any_kernel(void **state)
{
    (void)state;
    static const int sizes[][2] = {{200, 131}, {97, 64}, {301, 55}};
    scale_space spaces[2] = {{0}, {0}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int width = sizes[i][0], height = sizes[i][1];
        float *pixels = make_pixels(width, height, i);
        uint8_t *bytes = to_bytes(pixels, (size_t)width * (size_t)height);
        assert_true(scale_space_fill(&spaces[0], bytes, width, height, -1,
                                     &sift_kernel_portable, 1));
        for (size_t k = 0; sift_kernel_at(k); k++) {
            assert_true(scale_space_fill(&spaces[1], bytes, width, height, -1,
                                         sift_kernel_at(k), 3));
            for (int o = 0; o < spaces[0].n_octaves; o++) {
                const octave *a = &spaces[0].octaves[o], *b = &spaces[1].octaves[o];
                for (int s = 0; s < LEVELS; s++)
                    assert_memory_equal(a->levels[s], b->levels[s],
                                        (size_t)a->width * (size_t)a->height *
                                            sizeof(float));
            }
        }
        free(bytes);
        free(pixels);
    }
    scale_space_free(&spaces[0]);
    scale_space_free(&spaces[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_equal_those_of_vlfeat),
        cmocka_unit_test(a_plain_image_stays_plain),
        cmocka_unit_test(levels_are_the_same_on_any_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
