/* stb.h - stb_image, stb_image_resize and stb_image_write behind a few calls;
 * stb.c is the only file that knows them. */
#ifndef IO_STB_H
#define IO_STB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bovw/image.h"

/* Longest side that is handed to stb, pixels. Its resizer takes time
 * proportional to a side before times the side after. */
#define STB_MAX_SIDE (1u << 20)

/*
 * Decode a JPEG, PNG, BMP, TGA or GIF (first frame).
 *
 *   channels    1 grey, 3 RGB, 0: as many as the file has, alpha last.
 *   max_memory  largest single allocation; a file that wants more is damaged.
 *   image       gets width, height, channels and pixels.
 *
 * BOVW_ERR_FORMAT for a variant that stb cannot read, _CORRUPT, _LIMIT, _NOMEM.
 */
bovw_status stb_decode(const uint8_t *bytes, size_t n_bytes, uint32_t channels,
                       size_t max_memory, const char *name, bovw_image *image,
                       bovw_error *err);

/* Scale `from` into `pixels` (height, width, from->channels); false without
 * memory. */
bool stb_resize(const bovw_image *from, uint32_t width, uint32_t height, uint8_t *pixels);

/* Encode; the bytes are the caller's: free(). NULL without memory. */
uint8_t *stb_encode_png(const bovw_image *image, size_t *n_bytes);
uint8_t *stb_encode_jpeg(const bovw_image *image, int quality, size_t *n_bytes);

#endif
