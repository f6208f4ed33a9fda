/* SPDX-License-Identifier: MIT */
#include "io/picture.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/stb.h"

typedef bovw_status decode_fn(const picture_file *file, uint32_t channels,
                              const picture_info *info, bovw_image *image, bovw_error *err);

static decode_fn decode_opaque, decode_alpha, decode_png, decode_pnm;

typedef struct picture_kind {
    bool (*matches)(const picture_file *file);
    bovw_status (*check)(const picture_file *file, picture_info *info, bovw_error *err);
    decode_fn *decode;
} picture_kind;

/* TGA has no signature: last. The fourth channel of BMP and TGA is seldom
 * meant as transparency and is dropped. */
static const picture_kind kinds[] = {
    {picture_jpeg_matches, picture_jpeg_check, decode_opaque},
    {picture_png_matches, picture_png_check, decode_png},
    {picture_gif_matches, picture_gif_check, decode_alpha},
    {picture_bmp_matches, picture_bmp_check, decode_opaque},
    {picture_pnm_matches, picture_pnm_check, decode_pnm},
    {picture_tga_matches, picture_tga_check, decode_opaque},
};

bovw_status picture_set_size(const picture_file *file, uint64_t width, uint64_t height,
                             picture_info *info, bovw_error *err)
{
    if (width == 0 || height == 0)
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: picture of %" PRIu64 " x %" PRIu64 " pixels", file->name, width,
                    height);
    if (width > BOVW_IMAGE_MAX_PIXELS || height > BOVW_IMAGE_MAX_PIXELS / width)
        return fail(err, BOVW_ERR_LIMIT,
                    "%s: %" PRIu64 " x %" PRIu64 " pixels, the limit is %u million",
                    file->name, width, height, BOVW_IMAGE_MAX_PIXELS / 1000000u);
    if (width > STB_MAX_SIDE || height > STB_MAX_SIDE)
        return fail(err, BOVW_ERR_LIMIT,
                    "%s: %" PRIu64 " x %" PRIu64 " pixels, the limit for a side is %u",
                    file->name, width, height, STB_MAX_SIDE);
    info->width = (uint32_t)width;
    info->height = (uint32_t)height;
    return BOVW_OK;
}

bovw_status picture_cut_short(const picture_file *file, const char *kind, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: %s file is cut short", file->name, kind);
}

static const picture_kind *find_kind(const picture_file *file, bovw_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].matches(file))
            return &kinds[i];
    }
    if (file->n_bytes == 0)
        fail(err, BOVW_ERR_FORMAT, "%s: is empty", file->name);
    else
        fail(err, BOVW_ERR_FORMAT,
             "%s: not a picture that can be read (JPEG, PNG, BMP, TGA, PNM, GIF)",
             file->name);
    return NULL;
}

/* ---- decoding -------------------------------------------------------------- */

static bovw_status decode_with_stb(const picture_file *file, uint32_t channels,
                                   const picture_info *info, bovw_image *image,
                                   bovw_error *err)
{
    /* The largest block of a sound file: 16-bit RGBA, in rows that are split
     * into passes, doubled once; JPEG pads its sides to blocks of 32. */
    const size_t max_memory =
        16 * ((size_t)info->width + 64) * ((size_t)info->height + 64) + 2 * file->n_bytes +
        ((size_t)1 << 16);
    bovw_image decoded = {0};
    const bovw_status status = stb_decode(file->bytes, file->n_bytes, channels, max_memory,
                                          file->name, &decoded, err);
    if (status != BOVW_OK)
        return status;
    if (decoded.width != info->width || decoded.height != info->height) {
        free(decoded.pixels);
        return fail(err, BOVW_ERR_CORRUPT, "%s: contradicts itself about its size",
                    file->name);
    }
    *image = decoded;
    return BOVW_OK;
}

static bovw_status decode_opaque(const picture_file *file, uint32_t channels,
                                 const picture_info *info, bovw_image *image,
                                 bovw_error *err)
{
    return decode_with_stb(file, channels, info, image, err);
}

static bovw_status decode_pnm(const picture_file *file, uint32_t channels,
                              const picture_info *info, bovw_image *image, bovw_error *err)
{
    (void)info;
    return picture_pnm_decode(file, channels, image, err);
}

static uint8_t over_white(uint8_t value, uint32_t alpha)
{
    return (uint8_t)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* One pixel of 1 to 4 channels to grey or RGB on white. */
static void flatten_pixel(const uint8_t *from, uint32_t n_from, uint8_t *to, uint32_t n_to)
{
    const bool has_colour = n_from >= 3;
    const uint32_t alpha = n_from % 2 == 0 ? from[n_from - 1] : 255;
    uint8_t rgb[3];
    for (uint32_t c = 0; c < 3; c++)
        rgb[c] = over_white(from[has_colour ? c : 0], alpha);
    if (n_to == 1) {
        to[0] = has_colour ? picture_grey(rgb) : rgb[0];
        return;
    }
    for (uint32_t c = 0; c < 3; c++)
        to[c] = rgb[c];
}

static bovw_status decode_alpha(const picture_file *file, uint32_t channels,
                                const picture_info *info, bovw_image *image,
                                bovw_error *err)
{
    bovw_image decoded = {0};
    const bovw_status status = decode_with_stb(file, 0, info, &decoded, err);
    if (status != BOVW_OK)
        return status;
    if (decoded.channels == channels) {
        *image = decoded;
        return BOVW_OK;
    }
    const size_t n = (size_t)decoded.width * decoded.height;
    uint8_t *flat = malloc(n * channels);
    if (!flat) {
        free(decoded.pixels);
        return fail_memory(err, file->name);
    }
    for (size_t i = 0; i < n; i++)
        flatten_pixel(decoded.pixels + i * decoded.channels, decoded.channels,
                      flat + i * channels, channels);
    free(decoded.pixels);
    decoded.pixels = flat;
    decoded.channels = channels;
    *image = decoded;
    return BOVW_OK;
}

static bovw_status decode_png(const picture_file *file, uint32_t channels,
                              const picture_info *info, bovw_image *image, bovw_error *err)
{
    picture_file filled = {.name = file->name};
    uint8_t *bytes = NULL;
    bovw_status status = picture_png_fill_palette(file, &bytes, &filled.n_bytes, err);
    if (status != BOVW_OK)
        return status;
    filled.bytes = bytes;
    status = decode_alpha(bytes ? &filled : file, channels, info, image, err);
    free(bytes);
    return status;
}

bovw_status picture_decode(const picture_file *file, uint32_t channels, picture_info *info,
                           bovw_image *image, bovw_error *err)
{
    const picture_kind *kind = find_kind(file, err);
    if (!kind)
        return BOVW_ERR_FORMAT;
    picture_info found = {.orientation = 1};
    bovw_status status = kind->check(file, &found, err);
    if (status == BOVW_OK)
        status = kind->decode(file, channels, &found, image, err);
    if (status == BOVW_OK)
        *info = found;
    return status;
}
