/* pictures.h - the pictures of a page: each file once, and each inlined once.
 *
 * A page shows a picture by a class, "p" and a number, whose background it is;
 * so it is in the page once, needs no script, and is decoded when it comes into
 * view.
 */
#ifndef REPORT_PICTURES_H
#define REPORT_PICTURES_H

#include "bovw/monitor.h"
#include "report/html.h"

enum {
    PICTURE_NONE = UINT32_MAX /* where there is no file to show */
};

typedef struct page_picture {
    char *file;             /* owned */
    char *reason;           /* why it cannot be shown, owned; NULL where it can */
    uint32_t shown_as;      /* number in its class: its own, or that of an equal one */
    uint32_t width, height; /* pixels of the thumbnail */
    uint32_t n_bytes;       /* of its JPEG */
    uint64_t check;         /* half of the JPEG's hash; its key has the other half */
} page_picture;

/* From 64-bit keys to numbers. */
typedef struct key_table {
    uint64_t *keys;
    uint32_t *values; /* PICTURE_NONE: free */
    size_t n, size;   /* size: a power of two, or 0 */
} key_table;

typedef struct picture_set {
    page_picture *pictures; /* (n,) */
    uint32_t n;
    size_t capacity;
    key_table files, contents;
    uint32_t n_inlined, n_missing; /* after pictures_write() */
    uint64_t n_bytes;              /* of the JPEGs that are inlined */
    uint32_t side;                 /* pixels that they were made at */
} picture_set;                     /* a zeroed one is empty */

void pictures_free(picture_set *set);

/* Number of the picture in this file, PICTURE_NONE for NULL and for "-", which
 * was read by whoever extracted the features. BOVW_ERR_NOMEM. */
bovw_status pictures_add(picture_set *set, const char *file, uint32_t *number,
                         bovw_error *err);

/*
 * Make every picture, in parallel, and write them as <style> elements for the
 * head of a page; then the set says how each can be shown.
 *
 *   side   longer side, pixels; 0: by their number.
 *   most   so many are made; the others get a reason.
 *
 * The same bytes for any number of threads. BOVW_ERR_NOMEM, BOVW_ERR_CANCELLED
 * where the monitor (NULL allowed) says so.
 */
bovw_status pictures_write(picture_set *set, uint32_t side, uint32_t most, html_out *out,
                           const bovw_compute *compute, const bovw_monitor *monitor);

#endif
