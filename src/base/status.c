/* SPDX-License-Identifier: MIT */
#include "bovw/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static const char *const status_names[] = {
    [BOVW_OK] = "ok",
    [BOVW_ERR_ARG] = "bad argument",
    [BOVW_ERR_NOMEM] = "out of memory",
    [BOVW_ERR_IO] = "input/output",
    [BOVW_ERR_FORMAT] = "unknown format",
    [BOVW_ERR_VERSION] = "unknown version",
    [BOVW_ERR_CORRUPT] = "corrupt",
    [BOVW_ERR_MISMATCH] = "mismatch",
    [BOVW_ERR_LIMIT] = "limit exceeded",
    [BOVW_ERR_BUSY] = "busy",
    [BOVW_ERR_CANCELLED] = "cancelled",
};

const char *bovw_status_name(bovw_status status)
{
    const size_t n = sizeof status_names / sizeof status_names[0];
    return (size_t)status < n ? status_names[status] : "unknown";
}

const char *bovw_version(void)
{
    return BOVW_VERSION;
}

/* Error text is one line: whatever a file name holds. */
static void flatten(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

bovw_status fail(bovw_error *err, bovw_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->status = status;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        flatten(err->text);
    }
    return status;
}

bovw_status fail_errno(bovw_error *err, const char *path, const char *what)
{
    const int code = errno;
    char reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", code);
    return fail(err, code == ENOMEM ? BOVW_ERR_NOMEM : BOVW_ERR_IO, "%s: %s%s%s", path,
                what ? what : "", what ? ": " : "", reason);
}

bovw_status fail_memory(bovw_error *err, const char *what)
{
    return fail(err, BOVW_ERR_NOMEM, "out of memory: %s", what);
}

void fail_prefix(bovw_error *err, const char *prefix)
{
    if (!err)
        return;
    char text[sizeof err->text];
    snprintf(text, sizeof text, "%s", err->text);
    fail(err, err->status, "%s: %s", prefix, text);
}
