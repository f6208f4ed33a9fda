/* SPDX-License-Identifier: MIT */
#include "bovw/image.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "io/stb.h"

enum {
    FILE_QUALITY = 90,
    MAX_JPEG_SIDE = 65535
};

static bovw_status check_image(const bovw_image *image, bovw_error *err)
{
    if (!image->pixels || image->width == 0 || image->height == 0 ||
        (image->channels != 1 && image->channels != 3))
        return fail(err, BOVW_ERR_ARG, "image of %u x %u pixels, %u channels", image->width,
                    image->height, image->channels);
    if (image->height > BOVW_IMAGE_MAX_PIXELS / image->width)
        return fail(err, BOVW_ERR_LIMIT, "image of %u x %u pixels, the limit is %u million",
                    image->width, image->height, BOVW_IMAGE_MAX_PIXELS / 1000000u);
    return BOVW_OK;
}

bovw_status bovw_image_encode_jpeg(const bovw_image *image, int quality, uint8_t **bytes,
                                   size_t *n_bytes, bovw_error *err)
{
    const bovw_status status = check_image(image, err);
    if (status != BOVW_OK)
        return status;
    if (quality < 1 || quality > 100)
        return fail(err, BOVW_ERR_ARG, "JPEG quality %d is not in [1, 100]", quality);
    if (image->width > MAX_JPEG_SIDE || image->height > MAX_JPEG_SIDE)
        return fail(err, BOVW_ERR_LIMIT,
                    "JPEG of %u x %u pixels, the limit for a side is %d", image->width,
                    image->height, MAX_JPEG_SIDE);
    uint8_t *encoded = stb_encode_jpeg(image, quality, n_bytes);
    if (!encoded)
        return fail_memory(err, "encoding a JPEG");
    *bytes = encoded;
    return BOVW_OK;
}

bovw_status bovw_image_encode_png(const bovw_image *image, uint8_t **bytes, size_t *n_bytes,
                                  bovw_error *err)
{
    const bovw_status status = check_image(image, err);
    if (status != BOVW_OK)
        return status;
    uint8_t *encoded = stb_encode_png(image, n_bytes);
    if (!encoded)
        return fail_memory(err, "encoding a PNG");
    *bytes = encoded;
    return BOVW_OK;
}

static bool is_jpeg_name(const char *path)
{
    const char *dot = strrchr(file_base_name(path), '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static bovw_status write_bytes(const char *path, const uint8_t *bytes, size_t n_bytes,
                               bovw_error *err)
{
    new_file file = {0};
    bovw_status status = new_file_open(path, &file, err);
    if (status != BOVW_OK)
        return status;
    status = new_file_write(&file, bytes, n_bytes, err);
    if (status != BOVW_OK) {
        new_file_abort(&file);
        return status;
    }
    return new_file_commit(&file, err);
}

bovw_status bovw_image_write(const bovw_image *image, const char *path, bovw_error *err)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    bovw_status status =
        is_jpeg_name(path)
            ? bovw_image_encode_jpeg(image, FILE_QUALITY, &bytes, &n_bytes, err)
            : bovw_image_encode_png(image, &bytes, &n_bytes, err);
    if (status != BOVW_OK) {
        fail_prefix(err, path);
        return status;
    }
    status = write_bytes(path, bytes, n_bytes, err);
    free(bytes);
    return status;
}
