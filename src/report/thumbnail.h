/* thumbnail.h - small JPEG copies of pictures, made in parallel. */
#ifndef REPORT_THUMBNAIL_H
#define REPORT_THUMBNAIL_H

#include "base/error.h"
#include "bovw/image.h"
#include "bovw/monitor.h"

typedef struct thumbnail {
    uint8_t *jpeg; /* owned; NULL: no picture to show */
    size_t n_bytes;
    uint32_t width, height;
    bovw_error reason; /* why there is none */
} thumbnail;

/* Thumbnails of n picture files, their longer side at most `side` pixels: the
 * same bytes for any number of threads. A picture that cannot be shown is no
 * failure. BOVW_ERR_NOMEM. Memory: one decoded picture a thread, and the
 * results; free those with thumbnails_free(). */
bovw_status thumbnails_make(const char *const *files, size_t n, uint32_t side,
                            const bovw_compute *compute, thumbnail *thumbnails,
                            bovw_error *err);
void thumbnails_free(thumbnail *thumbnails, size_t n);

#endif
