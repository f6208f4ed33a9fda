/* removed.h - the set of removed images of a segment, and how the images that are
 * left are numbered. FORMAT.md has the bytes.
 *
 * Stored numbers are those of the segment's file, in [0, n_images); live ones
 * count the images that are left, in the same order, in [0, n_live).
 */
#ifndef INDEX_REMOVED_H
#define INDEX_REMOVED_H

#include "io/container.h"

#define IMAGE_REMOVED UINT32_MAX

/* Zeroed: nothing is removed. */
typedef struct removed_set {
    uint32_t n;        /* images that are removed */
    uint32_t *live;    /* (n_images,) live number of each stored image, or
                        * IMAGE_REMOVED; NULL where nothing is removed */
    uint32_t *stored;  /* (n_images - n,) the other way round */
    uint64_t checksum; /* of its file, and its size */
    uint64_t n_bytes;
} removed_set;

/* Read a set of images of a segment that has n_images. Every byte is verified;
 * some image, and not all, must be removed. Memory 8 bytes an image.
 * BOVW_ERR_IO, _FORMAT, _VERSION, _CORRUPT, _NOMEM. */
bovw_status removed_open(const char *path, uint32_t n_images, removed_set *set,
                         bovw_error *err);
void removed_close(removed_set *set); /* zeroes it; a zeroed one is fine */

/* Write a set of images: those of `before`, and images (n,) by live number, all
 * different. */
bovw_status removed_write(const char *path, uint32_t n_images, const removed_set *before,
                          const uint32_t *images, uint32_t n, bovw_error *err);

#endif
