/* SPDX-License-Identifier: MIT
 *
 * Pictures of every format, made by hand, by our own writer, or by other
 * programs (tests/data/pictures); whole, cut short, and damaged. */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "bovw/image.h"
#include "pictures.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Decode from a block of exactly n bytes, so that a read behind it is noticed. */
static bovw_status decode(const uint8_t *data, size_t n, uint32_t channels,
                          uint32_t max_side, bovw_image *image, bovw_error *err)
{
    uint8_t *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    if (n)
        memcpy(exact, data, n);
    const bovw_status status =
        bovw_image_decode(exact, n, channels, max_side, "some.jpg", image, err);
    free(exact);
    return status;
}

static bovw_image decode_well(const bytes *b, uint32_t channels)
{
    bovw_image image = {0};
    bovw_error err;
    if (decode(b->data, b->n, channels, 0, &image, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    assert_int_equal(image.channels, channels);
    assert_int_equal(image.full_width, image.width);
    assert_int_equal(image.full_height, image.height);
    return image;
}

static void assert_status(const bytes *b, bovw_status expected, const char *text)
{
    bovw_image image = {.width = 77};
    bovw_error err = {0};
    const bovw_status status = decode(b->data, b->n, 1, 0, &image, &err);
    if (status != expected || !strstr(err.text, text))
        fail_msg("%s, expected %s: %s", bovw_status_name(status),
                 bovw_status_name(expected), err.text);
    assert_int_equal(err.status, status);
    assert_non_null(strstr(err.text, "some.jpg: "));
    assert_int_equal(image.width, 77); /* untouched */
    assert_null(image.pixels);
}

static void assert_near(int value, int expected, int tolerance, size_t i)
{
    if (abs(value - expected) > tolerance)
        fail_msg("pixel byte %zu is %d, should be %d", i, value, expected);
}

/* Is it the pattern, in RGB and in grey? */
static void assert_pattern(const bytes *b, int tolerance)
{
    bovw_image image = decode_well(b, 3);
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(image.height, HEIGHT);
    for (size_t i = 0; i < WIDTH * HEIGHT * 3; i++)
        assert_near(image.pixels[i], pattern()[i], tolerance, i);
    bovw_image_free(&image);
    image = decode_well(b, 1);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        assert_near(image.pixels[i], grey_of(pattern() + 3 * i), tolerance, i);
    bovw_image_free(&image);
}

/* Does it show grey 10 x everywhere? */
static void assert_ramp(const bytes *b, uint32_t channels, int tolerance)
{
    bovw_image image = decode_well(b, channels);
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(image.height, HEIGHT);
    for (size_t i = 0; i < WIDTH * HEIGHT * channels; i++)
        assert_near(image.pixels[i], red_at((int)(i / channels % WIDTH)), tolerance, i);
    bovw_image_free(&image);
}

static bovw_image pattern_image(void)
{
    bovw_image image = {0};
    assert_int_equal(bovw_image_new(WIDTH, HEIGHT, 3, 0, &image, NULL), BOVW_OK);
    memcpy(image.pixels, pattern(), WIDTH * HEIGHT * 3);
    return image;
}

static bytes make_png(void)
{
    bovw_image image = pattern_image();
    bytes b = {0};
    assert_int_equal(bovw_image_encode_png(&image, &b.data, &b.n, NULL), BOVW_OK);
    bovw_image_free(&image);
    return b;
}

static bytes make_jpeg(void)
{
    bovw_image image = pattern_image();
    bytes b = {0};
    assert_int_equal(bovw_image_encode_jpeg(&image, 95, &b.data, &b.n, NULL), BOVW_OK);
    bovw_image_free(&image);
    return b;
}

static bytes read_data(const char *name)
{
    bytes b = {0};
    bovw_error err;
    char path[256];
    snprintf(path, sizeof path, "tests/data/pictures/%s", name);
    if (file_read(path, 1 << 20, &b.data, &b.n, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return b;
}

/* ---- whole files ------------------------------------------------------------ */

static void test_uncompressed_formats_are_read_exactly(void **state)
{
    (void)state;
    bytes made[] = {make_bmp(false), make_bmp(true),        make_tga(false),
                    make_tga(true),  make_run_length_tga(), make_pnm(6, 255),
                    make_png()};
    for (size_t i = 0; i < COUNT(made); i++) {
        assert_pattern(&made[i], 0);
        free(made[i].data);
    }
}

static void test_jpeg_is_read_up_to_its_loss(void **state)
{
    (void)state;
    bytes b = make_jpeg();
    assert_pattern(&b, 6);
    put_text(&b, "whatever follows the end marker");
    assert_pattern(&b, 6);
    free(b.data);
}

static void test_grey_files_are_read_exactly(void **state)
{
    (void)state;
    bytes made[] = {make_palette_bmp(256), make_palette_bmp(WIDTH), make_pnm(5, 255),
                    make_gif(false), make_gif(true)};
    for (size_t i = 0; i < COUNT(made); i++) {
        assert_ramp(&made[i], 1, 0);
        assert_ramp(&made[i], 3, 0);
        free(made[i].data);
    }
}

static void test_pnm_of_any_largest_value_is_read(void **state)
{
    (void)state;
    static const uint32_t largest[] = {1023, 65535, 256, 254};
    for (size_t i = 0; i < COUNT(largest); i++) {
        bytes grey = make_pnm(5, largest[i]), colour = make_pnm(6, largest[i]);
        assert_ramp(&grey, 1, 1);
        assert_pattern(&colour, 1);
        free(grey.data);
        free(colour.data);
    }
    const uint8_t coarse[] = "P5 3 1 2\n\0\1\2";
    bytes b = {(uint8_t *)(uintptr_t)coarse, sizeof coarse - 1, 0};
    bovw_image image = decode_well(&b, 1);
    assert_memory_equal(image.pixels, "\0\x80\xff", 3);
    bovw_image_free(&image);
}

static void test_files_of_other_programs_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int tolerance;
    } files[] = {{"progressive.jpg", 6},
                 {"restart.jpg", 9},
                 {"cmyk.jpg", 6},
                 {"rgb16.png", 0},
                 {"interlaced.png", 0}};
    for (size_t i = 0; i < COUNT(files); i++) {
        bytes b = read_data(files[i].name);
        assert_pattern(&b, files[i].tolerance);
        free(b.data);
    }
}

static void test_grey_files_of_other_programs_are_read(void **state)
{
    (void)state;
    bytes b = read_data("grey16.png");
    assert_ramp(&b, 1, 0);
    assert_ramp(&b, 3, 0);
    free(b.data);
    b = read_data("grey.jpg");
    assert_ramp(&b, 1, 4);
    assert_ramp(&b, 3, 4);
    free(b.data);
    b = read_data("bilevel.png");
    bovw_image image = decode_well(&b, 1);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        assert_near(image.pixels[i], (i % WIDTH + i / WIDTH) % 2 ? 255 : 0, 0, i);
    bovw_image_free(&image);
    free(b.data);
}

/* The lower half of these is transparent, and the first colour of the palette. */
static void test_transparent_pixels_become_white(void **state)
{
    (void)state;
    const size_t half = WIDTH * HEIGHT / 2;
    bytes b = read_data("rgba.png");
    bovw_image image = decode_well(&b, 3);
    for (size_t i = 0; i < 6 * half; i++)
        assert_near(image.pixels[i], i < 3 * half ? pattern()[i] : 255, 0, i);
    bovw_image_free(&image);
    free(b.data);

    b = read_data("grey-alpha.png");
    image = decode_well(&b, 1);
    for (size_t i = 0; i < 2 * half; i++)
        assert_near(image.pixels[i], i < half ? red_at((int)(i % WIDTH)) : 255, 0, i);
    bovw_image_free(&image);
    free(b.data);

    b = read_data("palette.png");
    image = decode_well(&b, 3);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        const bool is_clear = i % WIDTH == 0;
        assert_near(image.pixels[3 * i], is_clear ? 255 : red_at((int)(i % WIDTH)), 0, i);
        assert_near(image.pixels[3 * i + 1], is_clear ? 255 : 0, 0, i);
        assert_near(image.pixels[3 * i + 2], 255, 0, i);
    }
    bovw_image_free(&image);
    free(b.data);
}

static void test_one_pixel_is_a_picture(void **state)
{
    (void)state;
    bovw_image image = {0};
    assert_int_equal(bovw_image_new(1, 1, 3, 90, &image, NULL), BOVW_OK);
    for (int is_jpeg = 0; is_jpeg < 2; is_jpeg++) {
        bytes b = {0};
        if (is_jpeg)
            assert_int_equal(bovw_image_encode_jpeg(&image, 100, &b.data, &b.n, NULL), 0);
        else
            assert_int_equal(bovw_image_encode_png(&image, &b.data, &b.n, NULL), 0);
        bovw_image back = decode_well(&b, 1);
        assert_int_equal(back.width, 1);
        assert_int_equal(back.height, 1);
        assert_near(back.pixels[0], 90, 1, 0);
        bovw_image_free(&back);
        free(b.data);
    }
    bovw_image_free(&image);
}

/* ---- orientation ------------------------------------------------------------ */

/* Pixel of the stored picture that is shown at (x, y), worked out from the
 * definition: which stored edge is shown at the top, which at the left. */
static void stored_position(uint32_t orientation, int x, int y, int *stored_x,
                            int *stored_y)
{
    switch (orientation) {
    case 1: /* row 0 at the top, column 0 at the left */
        *stored_y = y, *stored_x = x;
        break;
    case 2: /* top, right */
        *stored_y = y, *stored_x = WIDTH - 1 - x;
        break;
    case 3: /* bottom, right */
        *stored_y = HEIGHT - 1 - y, *stored_x = WIDTH - 1 - x;
        break;
    case 4: /* bottom, left */
        *stored_y = HEIGHT - 1 - y, *stored_x = x;
        break;
    case 5: /* row 0 is the left side, column 0 the top */
        *stored_y = x, *stored_x = y;
        break;
    case 6: /* row 0 is the right side, column 0 the top */
        *stored_y = HEIGHT - 1 - x, *stored_x = y;
        break;
    case 7: /* row 0 is the right side, column 0 the bottom */
        *stored_y = HEIGHT - 1 - x, *stored_x = WIDTH - 1 - y;
        break;
    default: /* 8: row 0 is the left side, column 0 the bottom */
        *stored_y = x, *stored_x = WIDTH - 1 - y;
    }
}

static bytes make_oriented(uint32_t orientation, bool is_big_endian)
{
    bytes jpeg = make_jpeg(), exif = make_exif(orientation, is_big_endian), b = {0};
    put(&b, jpeg.data, 2);
    put(&b, exif.data, exif.n);
    put(&b, jpeg.data + 2, jpeg.n - 2);
    free(jpeg.data);
    free(exif.data);
    return b;
}

static void test_orientation_is_applied_to_every_pixel(void **state)
{
    (void)state;
    for (uint32_t o = 1; o <= 8; o++) {
        bytes b = make_oriented(o, o % 2 == 0);
        bovw_image image = decode_well(&b, 3);
        assert_int_equal(image.width, o < 5 ? WIDTH : HEIGHT);
        assert_int_equal(image.height, o < 5 ? HEIGHT : WIDTH);
        for (int y = 0; y < (int)image.height; y++) {
            for (int x = 0; x < (int)image.width; x++) {
                int sx, sy;
                stored_position(o, x, y, &sx, &sy);
                const size_t i = 3 * ((size_t)y * image.width + (size_t)x);
                assert_near(image.pixels[i], red_at(sx), 6, i);
                assert_near(image.pixels[i + 1], green_at(sy), 6, i + 1);
                assert_near(image.pixels[i + 2], BLUE, 6, i + 2);
            }
        }
        bovw_image_free(&image);
        free(b.data);
    }
}

static void test_orientation_that_means_nothing_is_ignored(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 9, 200};
    for (size_t i = 0; i < COUNT(values); i++) {
        bytes b = make_oriented(values[i], false);
        assert_pattern(&b, 6);
        free(b.data);
    }
}

static void test_oriented_picture_is_scaled_and_keeps_its_full_size(void **state)
{
    (void)state;
    bytes b = make_oriented(6, true);
    bovw_image image = {0};
    assert_int_equal(decode(b.data, b.n, 1, 12, &image, NULL), BOVW_OK);
    assert_int_equal(image.width, 8);
    assert_int_equal(image.height, 12);
    assert_int_equal(image.full_width, HEIGHT);
    assert_int_equal(image.full_height, WIDTH);
    bovw_image_free(&image);
    free(b.data);
}

/* ---- scaling ----------------------------------------------------------------- */

static void test_longer_side_is_scaled_to_the_limit(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height, max_side, to_width, to_height;
    } sizes[] = {{100, 50, 10, 10, 5},
                 {50, 100, 10, 5, 10},
                 {1000, 1, 10, 10, 1},
                 {1, 1000, 10, 1, 10},
                 {7, 5, 4, 4, 3},
                 {3, 2, 2, 2, 1},
                 {64, 64, 1, 1, 1},
                 {64, 48, 64, 64, 48},
                 {64, 48, 1000, 64, 48},
                 {64, 48, 63, 63, 47},
                 {2000, 1500, 0, 2000, 1500}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (uint32_t channels = 1; channels <= 3; channels += 2) {
            bovw_image image = {0}, scaled = {0};
            bytes b = {0};
            assert_int_equal(bovw_image_new(sizes[i].width, sizes[i].height, channels, 201,
                                            &image, NULL),
                             BOVW_OK);
            assert_int_equal(bovw_image_encode_png(&image, &b.data, &b.n, NULL), BOVW_OK);
            assert_int_equal(
                decode(b.data, b.n, channels, sizes[i].max_side, &scaled, NULL), BOVW_OK);
            assert_int_equal(scaled.width, sizes[i].to_width);
            assert_int_equal(scaled.height, sizes[i].to_height);
            assert_int_equal(scaled.full_width, sizes[i].width);
            assert_int_equal(scaled.full_height, sizes[i].height);
            for (size_t k = 0; k < (size_t)scaled.width * scaled.height * channels; k++)
                assert_near(scaled.pixels[k], 201, 0, k);
            bovw_image_free(&image);
            bovw_image_free(&scaled);
            free(b.data);
        }
    }
}

static void test_scaling_averages(void **state)
{
    (void)state;
    bytes b = make_pnm(6, 255);
    bovw_image image = {0};
    assert_int_equal(decode(b.data, b.n, 3, WIDTH / 2, &image, NULL), BOVW_OK);
    for (int y = 1; y < HEIGHT / 2 - 1; y++) {
        for (int x = 1; x < WIDTH / 2 - 1; x++) {
            const size_t i = 3 * ((size_t)y * image.width + (size_t)x);
            assert_near(image.pixels[i], (red_at(2 * x) + red_at(2 * x + 1)) / 2, 2, i);
            assert_near(image.pixels[i + 1], (green_at(2 * y) + green_at(2 * y + 1)) / 2, 2,
                        i + 1);
        }
    }
    bovw_image_free(&image);
    free(b.data);
}

/* ---- what is refused ----------------------------------------------------------- */

static void test_what_is_no_picture_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"hello, this is text",
                                        "<!DOCTYPE html><html>",
                                        "BMW builds cars",
                                        "P",
                                        "GIF",
                                        "\n",
                                        "{\"a\": 1}",
                                        "\xff\xd8",
                                        "Peter",
                                        "RIFF....WEBPVP8 "};
    bytes b = {0};
    assert_status(&b, BOVW_ERR_FORMAT, "is empty");
    for (size_t i = 0; i < COUNT(texts); i++) {
        b = (bytes){.data = (uint8_t *)(uintptr_t)texts[i], .n = strlen(texts[i])};
        assert_status(&b, BOVW_ERR_FORMAT,
                      "not a picture that can be read (JPEG, PNG, BMP, TGA, PNM, GIF)");
    }
    uint8_t zeros[4096] = {0};
    b = (bytes){.data = zeros, .n = sizeof zeros};
    assert_status(&b, BOVW_ERR_FORMAT, "not a picture");
}

static void test_random_bytes_are_no_picture(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int trial = 0; trial < 20000; trial++) {
        uint8_t noise[600];
        bytes b = {.data = noise, .n = random_below(&random, sizeof noise)};
        for (size_t i = 0; i < b.n; i++)
            noise[i] = (uint8_t)random_next(&random);
        assert_status(&b, BOVW_ERR_FORMAT, "some.jpg: ");
    }
}

/* Each length but the whole gives an error or, where only an end mark was cut,
 * the whole picture. */
static void check_truncations(const bytes *b, size_t n_complete)
{
    bovw_image whole = decode_well(b, 3);
    const size_t n_pixels = (size_t)whole.width * whole.height * 3;
    for (size_t n = 0; n < b->n; n++) {
        bovw_image image = {0};
        bovw_error err = {0};
        const bovw_status status = decode(b->data, n, 3, 0, &image, &err);
        if (n >= n_complete) {
            assert_int_equal(status, BOVW_OK);
            assert_memory_equal(image.pixels, whole.pixels, n_pixels);
        } else {
            if (status != BOVW_ERR_CORRUPT && (n >= 18 || status != BOVW_ERR_FORMAT))
                fail_msg("%zu of %zu bytes: %s %s", n, b->n, bovw_status_name(status),
                         err.text);
            assert_null(image.pixels);
        }
        bovw_image_free(&image);
    }
    bovw_image_free(&whole);
}

static void test_cut_files_are_refused(void **state)
{
    (void)state;
    bytes made[] = {make_bmp(false),
                    make_bmp(true),
                    make_palette_bmp(WIDTH),
                    make_tga(false),
                    make_run_length_tga(),
                    make_pnm(6, 255),
                    make_pnm(5, 65535),
                    make_png(),
                    make_jpeg(),
                    make_oriented(6, true)};
    for (size_t i = 0; i < COUNT(made); i++) {
        check_truncations(&made[i], made[i].n);
        free(made[i].data);
    }
    static const char *const files[] = {"progressive.jpg", "restart.jpg", "cmyk.jpg",
                                        "grey.jpg",        "grey16.png",  "rgb16.png",
                                        "grey-alpha.png",  "rgba.png",    "palette.png",
                                        "interlaced.png",  "bilevel.png"};
    for (size_t i = 0; i < COUNT(files); i++) {
        bytes b = read_data(files[i]);
        check_truncations(&b, b.n);
        free(b.data);
    }
    bytes gif = make_gif(false);
    check_truncations(&gif, gif.n - 1); /* all but the trailer */
    free(gif.data);
}

static void test_rest_that_was_never_written_is_refused(void **state)
{
    (void)state;
    bytes made[] = {make_png(), make_jpeg(), make_gif(false)};
    for (size_t i = 0; i < COUNT(made); i++) {
        for (size_t n = 20; n < made[i].n - 1; n += 13) {
            bytes b = {0};
            put(&b, made[i].data, n);
            while (b.n < made[i].n + 20)
                put8(&b, 0);
            assert_status(&b, BOVW_ERR_CORRUPT, "some.jpg: ");
            free(b.data);
        }
        free(made[i].data);
    }
}

/* Whatever a changed byte means, it must be read within bounds. */
static void check_flips(const bytes *b)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x10};
    for (size_t i = 0; i < b->n; i++) {
        for (size_t k = 0; k < COUNT(masks); k++) {
            bovw_image image = {0};
            bovw_error err = {0};
            b->data[i] ^= masks[k];
            const bovw_status status = decode(b->data, b->n, 1, 64, &image, &err);
            b->data[i] ^= masks[k];
            if (status == BOVW_OK)
                assert_true(image.width > 0 && image.width <= 64 && image.height > 0 &&
                            image.height <= 64);
            else
                assert_true(err.text[0] != '\0' && !image.pixels);
            bovw_image_free(&image);
        }
    }
}

static void test_damaged_files_do_no_harm(void **state)
{
    (void)state;
    bytes made[] = {make_bmp(false), make_palette_bmp(WIDTH), make_run_length_tga(),
                    make_pnm(5, 65535), make_gif(true)};
    for (size_t i = 0; i < COUNT(made); i++) {
        check_flips(&made[i]);
        free(made[i].data);
    }
    static const char *const files[] = {"progressive.jpg", "restart.jpg", "cmyk.jpg",
                                        "palette.png", "interlaced.png"};
    for (size_t i = 0; i < COUNT(files); i++) {
        bytes b = read_data(files[i]);
        check_flips(&b);
        free(b.data);
    }
}

static void test_damaged_png_is_noticed_by_its_checksum(void **state)
{
    (void)state;
    bytes b = make_png();
    for (size_t i = 16; i < b.n; i++) {
        b.data[i] ^= 4;
        bovw_image image = {0};
        assert_int_not_equal(decode(b.data, b.n, 1, 0, &image, NULL), BOVW_OK);
        b.data[i] ^= 4;
    }
    free(b.data);
}

static void test_pictures_over_the_limit_are_refused_by_their_header(void **state)
{
    (void)state;
    const char *text = "some.jpg: 30000 x 30000 pixels, the limit is 200 million";
    bytes b = make_bmp(false);
    store_le32(b.data + 18, 30000);
    store_le32(b.data + 22, 30000);
    assert_status(&b, BOVW_ERR_LIMIT, text);
    store_le32(b.data + 22, (uint32_t)-30000);
    assert_status(&b, BOVW_ERR_LIMIT, text);
    free(b.data);

    b = make_png();
    set_png_size(b.data, 30000, 30000);
    assert_status(&b, BOVW_ERR_LIMIT, text);
    set_png_size(b.data, 0xffffffff, 0xffffffff);
    assert_status(&b, BOVW_ERR_LIMIT, "the limit is");
    set_png_size(b.data, 100000000, 1);
    assert_status(&b, BOVW_ERR_LIMIT, "the limit for a side is");
    set_png_size(b.data, 0, 5);
    assert_status(&b, BOVW_ERR_CORRUPT, "0 x 5 pixels");
    free(b.data);

    b = make_gif(false);
    store_le16(b.data + 6, 30000);
    store_le16(b.data + 8, 30000);
    assert_status(&b, BOVW_ERR_LIMIT, text);
    free(b.data);

    b = make_tga(false);
    store_le16(b.data + 12, 30000);
    store_le16(b.data + 14, 30000);
    assert_status(&b, BOVW_ERR_LIMIT, text);
    free(b.data);

    b = (bytes){0};
    put_text(&b, "P5 30000 30000 255\n");
    assert_status(&b, BOVW_ERR_LIMIT, text);
    free(b.data);

    b = read_data("grey.jpg");
    uint8_t *frame = b.data;
    while (frame[0] != 0xff || frame[1] != 0xc0)
        frame++;
    store_be32(frame + 5, 30000u << 16 | 30000u);
    assert_status(&b, BOVW_ERR_LIMIT, text);
    free(b.data);
}

static void test_png_that_unpacks_to_more_than_its_size_is_refused(void **state)
{
    (void)state;
    bovw_image image = {0};
    bytes b = {0};
    assert_int_equal(bovw_image_new(2000, 1000, 1, 0, &image, NULL), BOVW_OK);
    assert_int_equal(bovw_image_encode_png(&image, &b.data, &b.n, NULL), BOVW_OK);
    bovw_image_free(&image);
    set_png_size(b.data, 1, 1);
    assert_status(&b, BOVW_ERR_CORRUPT, "unpacks to more than its size");
    free(b.data);
}

static void test_variants_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    bytes b = make_bmp(false);
    store_le32(b.data + 30, 1);
    assert_status(&b, BOVW_ERR_FORMAT, "compressed BMP");
    free(b.data);

    b = make_tga(false);
    b.data[17] |= 0x10;
    assert_status(&b, BOVW_ERR_FORMAT, "right to left");
    free(b.data);

    b = (bytes){0};
    put_text(&b, "P3 1 1 255 1 2 3\n");
    assert_status(&b, BOVW_ERR_FORMAT, "kind P3");
    free(b.data);

    b = read_data("cmyk.jpg");
    uint8_t *adobe = b.data;
    while (memcmp(adobe, "Adobe", 5) != 0)
        adobe++;
    *adobe = 'a';
    assert_status(&b, BOVW_ERR_FORMAT, "Adobe");
    free(b.data);

    b = make_jpeg();
    uint8_t *frame = b.data;
    while (frame[0] != 0xff || frame[1] != 0xc0)
        frame++;
    frame[1] = 0xc9;
    assert_status(&b, BOVW_ERR_FORMAT, "arithmetic");
    free(b.data);
}

/* A palette that lacks colours that pixels have. */
static void test_colours_outside_the_palette_do_not_depend_on_memory(void **state)
{
    (void)state;
    bytes b = make_palette_bmp(WIDTH - 1);
    assert_status(&b, BOVW_ERR_CORRUPT, "colour outside the palette");
    free(b.data);

    b = read_data("palette.png");
    uint8_t *palette = b.data;
    while (memcmp(palette, "PLTE", 4) != 0)
        palette++;
    /* Three colours less: what follows moves up. */
    store_be32(palette - 4, 3 * (WIDTH - 3));
    const size_t end = (size_t)(palette - b.data) + 4 + 3 * (WIDTH - 3);
    store_be32(b.data + end, slow_crc32(palette, 4 + 3 * (WIDTH - 3)));
    memmove(b.data + end + 4, b.data + end + 13, b.n - end - 13);
    b.n -= 9;
    bovw_image image = decode_well(&b, 3);
    for (size_t x = WIDTH - 3; x < WIDTH; x++)
        assert_memory_equal(image.pixels + 3 * x, "\0\0\0", 3);
    bovw_image_free(&image);
    free(b.data);
}

static void test_wrong_arguments_are_refused(void **state)
{
    (void)state;
    bytes b = make_png();
    bovw_image image = {0};
    uint8_t *encoded = NULL;
    size_t n = 0;
    assert_int_equal(decode(b.data, b.n, 2, 0, &image, NULL), BOVW_ERR_ARG);
    assert_int_equal(decode(b.data, b.n, 0, 0, &image, NULL), BOVW_ERR_ARG);
    free(b.data);
    assert_int_equal(bovw_image_new(0, 1, 1, 0, &image, NULL), BOVW_ERR_ARG);
    assert_int_equal(bovw_image_new(1, 1, 2, 0, &image, NULL), BOVW_ERR_ARG);
    assert_int_equal(bovw_image_new(30000, 30000, 1, 0, &image, NULL), BOVW_ERR_LIMIT);
    assert_int_equal(bovw_image_encode_png(&image, &encoded, &n, NULL), BOVW_ERR_ARG);
    assert_int_equal(bovw_image_new(70000, 1, 1, 0, &image, NULL), BOVW_OK);
    assert_int_equal(bovw_image_encode_jpeg(&image, 0, &encoded, &n, NULL), BOVW_ERR_ARG);
    assert_int_equal(bovw_image_encode_jpeg(&image, 101, &encoded, &n, NULL), BOVW_ERR_ARG);
    assert_int_equal(bovw_image_encode_jpeg(&image, 90, &encoded, &n, NULL),
                     BOVW_ERR_LIMIT);
    assert_null(encoded);
    bovw_image_free(&image);
    bovw_image_free(&image);
}

/* ---- files --------------------------------------------------------------------- */

static void test_written_files_read_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/bovw-image-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    bovw_image image = pattern_image(), back = {0};
    bovw_error err;

    snprintf(path, sizeof path, "%s/a.png", folder);
    assert_int_equal(bovw_image_write(&image, path, &err), BOVW_OK);
    assert_int_equal(bovw_image_read(path, 3, 0, &back, &err), BOVW_OK);
    assert_memory_equal(back.pixels, pattern(), WIDTH * HEIGHT * 3);
    bovw_image_free(&back);
    assert_int_equal(unlink(path), 0);

    static const char *const names[] = {"a.jpg", "b.JPEG"};
    for (size_t i = 0; i < COUNT(names); i++) {
        bytes b = {0};
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(bovw_image_write(&image, path, &err), BOVW_OK);
        assert_int_equal(file_read(path, 1 << 20, &b.data, &b.n, &err), BOVW_OK);
        assert_memory_equal(b.data, "\xff\xd8\xff", 3);
        assert_pattern(&b, 12);
        free(b.data);
        assert_int_equal(unlink(path), 0);
    }
    bovw_image_free(&image);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left in it */
}

static void test_files_that_cannot_be_opened_are_named(void **state)
{
    (void)state;
    char folder[] = "/tmp/bovw-image-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    bovw_image image = pattern_image(), back = {0};
    bovw_error err;

    snprintf(path, sizeof path, "%s/missing/a.png", folder);
    assert_int_equal(bovw_image_read(path, 3, 0, &back, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(bovw_image_write(&image, path, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(bovw_image_read(folder, 3, 0, &back, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, folder));
    assert_int_equal(bovw_image_write(&image, folder, &err), BOVW_ERR_IO);
    image.channels = 2;
    snprintf(path, sizeof path, "%s/a.png", folder);
    assert_int_equal(bovw_image_write(&image, path, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, path));
    bovw_image_free(&image);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uncompressed_formats_are_read_exactly),
        cmocka_unit_test(test_jpeg_is_read_up_to_its_loss),
        cmocka_unit_test(test_grey_files_are_read_exactly),
        cmocka_unit_test(test_pnm_of_any_largest_value_is_read),
        cmocka_unit_test(test_files_of_other_programs_are_read),
        cmocka_unit_test(test_grey_files_of_other_programs_are_read),
        cmocka_unit_test(test_transparent_pixels_become_white),
        cmocka_unit_test(test_one_pixel_is_a_picture),
        cmocka_unit_test(test_orientation_is_applied_to_every_pixel),
        cmocka_unit_test(test_orientation_that_means_nothing_is_ignored),
        cmocka_unit_test(test_oriented_picture_is_scaled_and_keeps_its_full_size),
        cmocka_unit_test(test_longer_side_is_scaled_to_the_limit),
        cmocka_unit_test(test_scaling_averages),
        cmocka_unit_test(test_what_is_no_picture_is_refused),
        cmocka_unit_test(test_random_bytes_are_no_picture),
        cmocka_unit_test(test_cut_files_are_refused),
        cmocka_unit_test(test_rest_that_was_never_written_is_refused),
        cmocka_unit_test(test_damaged_files_do_no_harm),
        cmocka_unit_test(test_damaged_png_is_noticed_by_its_checksum),
        cmocka_unit_test(test_pictures_over_the_limit_are_refused_by_their_header),
        cmocka_unit_test(test_png_that_unpacks_to_more_than_its_size_is_refused),
        cmocka_unit_test(test_variants_that_cannot_be_read_are_named),
        cmocka_unit_test(test_colours_outside_the_palette_do_not_depend_on_memory),
        cmocka_unit_test(test_wrong_arguments_are_refused),
        cmocka_unit_test(test_written_files_read_back),
        cmocka_unit_test(test_files_that_cannot_be_opened_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
