/* image.h - read, orient, scale and write pictures.
 *
 * SPDX-License-Identifier: MIT
 *
 * Reads JPEG, PNG, BMP, TGA, PNM and GIF (first frame) by content, whatever
 * the name. Pixels are (height, width, channels), 8 bit, row-major, top-left
 * first, without padding. All functions may be called from many threads.
 */
#ifndef BOVW_IMAGE_H
#define BOVW_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bovw/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Images with more pixels are refused before any pixel is decoded. */
#define BOVW_IMAGE_MAX_PIXELS (200u * 1000u * 1000u)

typedef struct bovw_image {
    uint32_t width, height;           /* of `pixels` */
    uint32_t channels;                /* 1 grey, 3 RGB */
    uint32_t full_width, full_height; /* after orientation, before scaling */
    uint8_t *pixels;                  /* (height, width, channels), owned */
} bovw_image;

/*
 * Decode a picture that is in memory, apply its EXIF orientation, scale it
 * down (never up) so that the longer side is at most max_side.
 *
 *   bytes, n_bytes  the whole file.
 *   channels        1 for grey, 3 for RGB.
 *   max_side        pixels; 0 keeps the size.
 *   name            only for error text.
 *   image           filled on success; free with bovw_image_free().
 *
 * Returns BOVW_ERR_FORMAT if it is no picture that can be read,
 * BOVW_ERR_CORRUPT if it is damaged or cut short, BOVW_ERR_LIMIT if it has
 * more than BOVW_IMAGE_MAX_PIXELS, BOVW_ERR_NOMEM.
 * Memory: about 6 bytes a pixel of the file's picture while it decodes, 12 for
 * a progressive JPEG or a GIF, 16 for a 16-bit PNG.
 */
BOVW_API bovw_status bovw_image_decode(const uint8_t *bytes, size_t n_bytes,
                                       uint32_t channels, uint32_t max_side,
                                       const char *name, bovw_image *image,
                                       bovw_error *err);

/* The same from a file; "-" is standard input. Also BOVW_ERR_IO. */
BOVW_API bovw_status bovw_image_read(const char *path, uint32_t channels, uint32_t max_side,
                                     bovw_image *image, bovw_error *err);

/* Allocate a picture of one colour: every byte of `pixels` is `value`. */
BOVW_API bovw_status bovw_image_new(uint32_t width, uint32_t height, uint32_t channels,
                                    uint8_t value, bovw_image *image, bovw_error *err);

/* Free the pixels and zero the struct. */
BOVW_API void bovw_image_free(bovw_image *image);

/* Encode as JPEG (quality 1 to 100) or PNG. *bytes is the caller's: free(). */
BOVW_API bovw_status bovw_image_encode_jpeg(const bovw_image *image, int quality,
                                            uint8_t **bytes, size_t *n_bytes,
                                            bovw_error *err);
BOVW_API bovw_status bovw_image_encode_png(const bovw_image *image, uint8_t **bytes,
                                           size_t *n_bytes, bovw_error *err);

/* Write as PNG, or as JPEG where path ends in .jpg or .jpeg; "-" is standard
 * output (PNG). The file appears whole or not at all. */
BOVW_API bovw_status bovw_image_write(const bovw_image *image, const char *path,
                                      bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
