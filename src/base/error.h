/* error.h - fill the error record at the place that detects the failure. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "bovw/status.h"

#if defined(__GNUC__)
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* Store status and text in *err (NULL allowed) and return status. */
bovw_status fail(bovw_error *err, bovw_status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* BOVW_ERR_IO with "PATH: WHAT: reason of errno"; BOVW_ERR_NOMEM for ENOMEM.
 * what may be NULL. */
bovw_status fail_errno(bovw_error *err, const char *path, const char *what);

/* BOVW_ERR_NOMEM with "out of memory: WHAT". */
bovw_status fail_memory(bovw_error *err, const char *what);

/* Put "PREFIX: " in front of a text that is there. err may be NULL. */
void fail_prefix(bovw_error *err, const char *prefix);

#endif
