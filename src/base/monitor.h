/* monitor.h - telling a caller's monitor, which may be NULL or lack any callback. */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H

#include <stddef.h>

#include "base/error.h"
#include "bovw/monitor.h"

/* BOVW_ERR_CANCELLED where the caller wants to stop. */
static inline bovw_status monitor_progress(const bovw_monitor *monitor, const char *stage,
                                           uint64_t done, uint64_t total, bovw_error *err)
{
    if (monitor && monitor->progress &&
        !monitor->progress(monitor->context, stage, done, total))
        return fail(err, BOVW_ERR_CANCELLED, "stopped");
    return BOVW_OK;
}

static inline void monitor_message(const bovw_monitor *monitor, const char *text)
{
    if (monitor && monitor->message)
        monitor->message(monitor->context, text);
}

static inline void monitor_skipped(const bovw_monitor *monitor, const char *name,
                                   const bovw_error *reason)
{
    if (monitor && monitor->skipped)
        monitor->skipped(monitor->context, name, reason);
}

#endif
