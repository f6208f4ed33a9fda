/* monitor.h - how long operations report, and how they are asked to stop.
 *
 * SPDX-License-Identifier: MIT
 *
 * The library prints nothing. An operation that takes a `const bovw_monitor *`
 * (NULL allowed, and so is any member) calls it from the thread that called
 * the operation, never from two threads at once.
 */
#ifndef BOVW_MONITOR_H
#define BOVW_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "bovw/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bovw_monitor {
    void *context; /* handed to every callback; not touched by the library */

    /* `done` of `total` items of `stage` (a few words, in lower case, such as
     * "indexing"); total is 0 where it is not known. Return false to stop: the
     * operation ends at its next commit point with BOVW_ERR_CANCELLED. */
    bool (*progress)(void *context, const char *stage, uint64_t done, uint64_t total);

    /* One line worth reading, such as the error of a k-means iteration. */
    void (*message)(void *context, const char *text);

    /* An input was left out, and why; the rest of the batch goes on. */
    void (*skipped)(void *context, const char *name, const bovw_error *reason);
} bovw_monitor;

/* How an operation computes. Results do not depend on it, but for the last bits
 * of features where another extractor is named. */
typedef struct bovw_compute {
    uint32_t n_threads;    /* 0: all processors */
    const char *kernel;    /* assignment kernel by name, see bovw_kernel_name();
                            * NULL or "auto": the fastest this processor has */
    const char *extractor; /* of features, see bovw_extractor_new(); NULL: "fast" */
} bovw_compute;

#ifdef __cplusplus
}
#endif
#endif
