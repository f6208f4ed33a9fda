/* thumbnail.h - small JPEG copies of pictures, made in parallel. */
#ifndef REPORT_THUMBNAIL_H
#define REPORT_THUMBNAIL_H

#include <stdbool.h>

#include "base/error.h"
#include "bovw/image.h"
#include "bovw/monitor.h"

typedef struct thumbnail_job {
    const char *picture; /* file; NULL or unreadable: no thumbnail */
    uint32_t side;       /* longer side, pixels */
    const float *region; /* x0 y0 x1 y1 in pixels of the picture; NULL: none */
} thumbnail_job;

typedef struct thumbnail {
    uint8_t *jpeg; /* owned; NULL: no picture to show */
    size_t n_bytes;
    uint32_t width, height;
} thumbnail;

/* A region that can be drawn: there, and finite. */
bool thumbnail_is_region(const float *region);

/* Do n jobs: the same bytes for any number of threads. A picture that cannot
 * be shown is no failure. BOVW_ERR_NOMEM. Memory: one decoded picture a
 * thread, and the results; free those with thumbnails_free(). */
bovw_status thumbnails_make(const thumbnail_job *jobs, size_t n,
                            const bovw_compute *compute, thumbnail *thumbnails,
                            bovw_error *err);
void thumbnails_free(thumbnail *thumbnails, size_t n);

#endif
