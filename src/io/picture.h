/* picture.h - what kind of picture some bytes hold, how large it is, and
 * whether all of it is there.
 *
 * stb_image makes up what a file lacks, so that a picture that was cut short
 * comes out half grey. The checks here walk over a file's parts without
 * decoding pixels and refuse such files, and files that would lead stb astray.
 */
#ifndef IO_PICTURE_H
#define IO_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bovw/image.h"

typedef struct picture_file {
    const uint8_t *bytes;
    size_t n_bytes;
    const char *name; /* for error text */
} picture_file;

typedef struct picture_info {
    uint32_t width, height; /* as stored, before orientation */
    uint32_t orientation;   /* of EXIF, 1 to 8; 1 where there is none */
} picture_info;

/* Find the kind of picture, check the file, and decode to grey (channels 1) or
 * RGB (3); fills *info and width, height, channels and pixels of *image, as
 * stored. Transparent pixels become white. Nothing is allocated in proportion to
 * the picture before the check. BOVW_ERR_FORMAT, _CORRUPT, _LIMIT, _NOMEM. */
bovw_status picture_decode(const picture_file *file, uint32_t channels, picture_info *info,
                           bovw_image *image, bovw_error *err);

/* ---- one pair for each kind, for picture.c -------------------------------- */

bool picture_jpeg_matches(const picture_file *file);
bovw_status picture_jpeg_check(const picture_file *file, picture_info *info,
                               bovw_error *err);
bool picture_png_matches(const picture_file *file);
bovw_status picture_png_check(const picture_file *file, picture_info *info,
                              bovw_error *err);
bool picture_gif_matches(const picture_file *file);
bovw_status picture_gif_check(const picture_file *file, picture_info *info,
                              bovw_error *err);
bool picture_bmp_matches(const picture_file *file);
bovw_status picture_bmp_check(const picture_file *file, picture_info *info,
                              bovw_error *err);
bool picture_tga_matches(const picture_file *file);
bovw_status picture_tga_check(const picture_file *file, picture_info *info,
                              bovw_error *err);
bool picture_pnm_matches(const picture_file *file);
bovw_status picture_pnm_check(const picture_file *file, picture_info *info,
                              bovw_error *err);
bovw_status picture_pnm_decode(const picture_file *file, uint32_t channels,
                               bovw_image *image, bovw_error *err);

/* Copy a sound PNG whose palette has less than 256 colours, with a full one:
 * stb_image takes missing colours from memory that it never set. The copy's
 * checksum of the palette is wrong. *bytes is the caller's; NULL where nothing
 * is missing. BOVW_ERR_NOMEM. */
bovw_status picture_png_fill_palette(const picture_file *file, uint8_t **bytes,
                                     size_t *n_bytes, bovw_error *err);

/* Store the size; BOVW_ERR_CORRUPT if it is empty, BOVW_ERR_LIMIT. */
bovw_status picture_set_size(const picture_file *file, uint64_t width, uint64_t height,
                             picture_info *info, bovw_error *err);

/* BOVW_ERR_CORRUPT: "NAME: KIND file is cut short". */
bovw_status picture_cut_short(const picture_file *file, const char *kind, bovw_error *err);

/* Orientation, 1 to 8, from a block that starts with "Exif\0\0"; 1 where it
 * says nothing sensible. 6 and 8 mean: turn by 90 degrees clockwise and
 * counterclockwise to show it. */
uint32_t picture_exif_orientation(const uint8_t *bytes, size_t n_bytes);

/* Luma as stb_image computes it, so that grey is the same for every kind. */
static inline uint8_t picture_grey(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 77 + rgb[1] * 150 + rgb[2] * 29) >> 8);
}

#endif
