/* status.h - result codes and the one-line error record of every call.
 *
 * SPDX-License-Identifier: MIT
 *
 * Functions that can fail return a bovw_status and take a bovw_error last,
 * which may be NULL. On failure outputs are untouched, nothing is leaked, and
 * the record holds one line of text that names the file and the reason.
 */
#ifndef BOVW_STATUS_H
#define BOVW_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BOVW_API __attribute__((visibility("default")))
#else
#define BOVW_API
#endif

#define BOVW_VERSION "0.1.0"

typedef enum bovw_status {
    BOVW_OK = 0,
    BOVW_ERR_ARG,      /* the caller broke the documented contract */
    BOVW_ERR_NOMEM,    /* an allocation failed */
    BOVW_ERR_IO,       /* the system refused; the text has the reason */
    BOVW_ERR_FORMAT,   /* not a file of this kind */
    BOVW_ERR_VERSION,  /* right kind, a version this build cannot read */
    BOVW_ERR_CORRUPT,  /* right kind and version, inconsistent contents */
    BOVW_ERR_MISMATCH, /* two valid things that do not belong together */
    BOVW_ERR_LIMIT,    /* a documented size limit was exceeded */
    BOVW_ERR_BUSY,     /* another process holds the write lock */
    BOVW_ERR_CANCELLED /* the progress callback asked to stop */
} bovw_status;

typedef struct bovw_error {
    bovw_status status;
    char text[512]; /* one line, no newline, always terminated */
} bovw_error;

/* Short name of a code, for example "corrupt". Never NULL. */
BOVW_API const char *bovw_status_name(bovw_status status);

/* Version of the library that is linked, for example "0.1.0". */
BOVW_API const char *bovw_version(void);

#ifdef __cplusplus
}
#endif
#endif
