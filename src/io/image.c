/* SPDX-License-Identifier: MIT */
#include "bovw/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/picture.h"
#include "io/stb.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

static const char *readable_name(const char *name)
{
    return name && strcmp(name, "-") != 0 ? name : "standard input";
}

/* Side of a picture whose longer side becomes max_side, rounded. */
static uint32_t scaled_side(uint32_t side, uint32_t longer, uint32_t max_side)
{
    const uint64_t scaled =
        ((uint64_t)side * max_side * 2 + longer) / ((uint64_t)longer * 2);
    return scaled ? (uint32_t)scaled : 1;
}

static bovw_status scale_down(bovw_image *image, uint32_t max_side, const char *name,
                              bovw_error *err)
{
    const uint32_t longer = image->width > image->height ? image->width : image->height;
    if (max_side == 0 || longer <= max_side)
        return BOVW_OK;
    const uint32_t width = scaled_side(image->width, longer, max_side);
    const uint32_t height = scaled_side(image->height, longer, max_side);
    uint8_t *scaled = malloc((size_t)width * height * image->channels);
    if (!scaled || !stb_resize(image, width, height, scaled)) {
        free(scaled);
        return fail_memory(err, name);
    }
    free(image->pixels);
    image->pixels = scaled;
    image->width = width;
    image->height = height;
    return BOVW_OK;
}

/* Where an oriented picture has its pixels: (x, y) of it is pixel
 * start + x * step_x + y * step_y of the stored one. */
typedef struct pixel_walk {
    ptrdiff_t start, step_x, step_y;
    bool is_transposed;
} pixel_walk;

static pixel_walk walk_of(uint32_t orientation, ptrdiff_t width, ptrdiff_t height)
{
    const ptrdiff_t right = width - 1, bottom = (height - 1) * width;
    switch (orientation) {
    case 2: /* mirrored left to right */
        return (pixel_walk){right, -1, width, false};
    case 3: /* turned by 180 degrees */
        return (pixel_walk){bottom + right, -1, -width, false};
    case 4: /* mirrored top to bottom */
        return (pixel_walk){bottom, 1, -width, false};
    case 5: /* transposed */
        return (pixel_walk){0, width, 1, true};
    case 6: /* to be turned clockwise */
        return (pixel_walk){bottom, -width, 1, true};
    case 7: /* transposed about the other diagonal */
        return (pixel_walk){bottom + right, -width, -1, true};
    case 8: /* to be turned counterclockwise */
        return (pixel_walk){right, width, -1, true};
    default:
        return (pixel_walk){0, 1, width, false};
    }
}

static bovw_status orient(bovw_image *image, uint32_t orientation, const char *name,
                          bovw_error *err)
{
    if (orientation == 1)
        return BOVW_OK;
    const pixel_walk walk = walk_of(orientation, image->width, image->height);
    const uint32_t channels = image->channels;
    const uint32_t width = walk.is_transposed ? image->height : image->width;
    const uint32_t height = walk.is_transposed ? image->width : image->height;
    uint8_t *turned = malloc((size_t)width * height * channels);
    if (!turned)
        return fail_memory(err, name);
    uint8_t *to = turned;
    for (uint32_t y = 0; y < height; y++) {
        ptrdiff_t from = walk.start + (ptrdiff_t)y * walk.step_y;
        for (uint32_t x = 0; x < width; x++, from += walk.step_x) {
            for (uint32_t c = 0; c < channels; c++)
                *to++ = image->pixels[from * (ptrdiff_t)channels + c];
        }
    }
    free(image->pixels);
    image->pixels = turned;
    image->width = width;
    image->height = height;
    return BOVW_OK;
}

bovw_status bovw_image_decode(const uint8_t *bytes, size_t n_bytes, uint32_t channels,
                              uint32_t max_side, const char *name, bovw_image *image,
                              bovw_error *err)
{
    const picture_file file = {bytes, n_bytes, readable_name(name)};
    picture_info info = {0};
    bovw_image decoded = {0};

    if (channels != 1 && channels != 3)
        return fail(err, BOVW_ERR_ARG, "%s: channels = %u is neither 1 nor 3", file.name,
                    channels);
    bovw_status status = picture_decode(&file, channels, &info, &decoded, err);
    if (status != BOVW_OK)
        goto done;
    /* Scaled first: there is less to turn then. */
    status = scale_down(&decoded, max_side, file.name, err);
    if (status != BOVW_OK)
        goto done;
    status = orient(&decoded, info.orientation, file.name, err);
    if (status != BOVW_OK)
        goto done;
    const bool is_turned = info.orientation >= 5;
    decoded.full_width = is_turned ? info.height : info.width;
    decoded.full_height = is_turned ? info.width : info.height;
    *image = decoded;
    decoded.pixels = NULL;
done:
    free(decoded.pixels);
    return status;
}

bovw_status bovw_image_read(const char *path, uint32_t channels, uint32_t max_side,
                            bovw_image *image, bovw_error *err)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    bovw_status status = file_read(path, MAX_FILE_BYTES, &bytes, &n_bytes, err);
    if (status == BOVW_OK)
        status = bovw_image_decode(bytes, n_bytes, channels, max_side, path, image, err);
    free(bytes);
    return status;
}

bovw_status bovw_image_new(uint32_t width, uint32_t height, uint32_t channels,
                           uint8_t value, bovw_image *image, bovw_error *err)
{
    if (width == 0 || height == 0 || (channels != 1 && channels != 3))
        return fail(err, BOVW_ERR_ARG, "image of %u x %u pixels, %u channels", width,
                    height, channels);
    if (height > BOVW_IMAGE_MAX_PIXELS / width)
        return fail(err, BOVW_ERR_LIMIT, "image of %u x %u pixels, the limit is %u million",
                    width, height, BOVW_IMAGE_MAX_PIXELS / 1000000u);
    const size_t n_bytes = (size_t)width * height * channels;
    uint8_t *pixels = malloc(n_bytes);
    if (!pixels)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: image of %u x %u pixels", width,
                    height);
    memset(pixels, value, n_bytes);
    *image = (bovw_image){.width = width,
                          .height = height,
                          .channels = channels,
                          .full_width = width,
                          .full_height = height,
                          .pixels = pixels};
    return BOVW_OK;
}

void bovw_image_free(bovw_image *image)
{
    if (image) {
        free(image->pixels);
        *image = (bovw_image){0};
    }
}
