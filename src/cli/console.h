/* console.h - what a command says on standard error: errors, skipped inputs,
 * progress; and how it is stopped. */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bovw/monitor.h"
#include "cli/commands.h"
#include "cli/common.h"

typedef struct console {
    const char *name; /* "bovw query", before every line */
    bool is_quiet, is_verbose, is_terminal;
    bool is_bar_drawn;
    uint32_t n_skipped;

    /* The stage that progress is reported of. */
    char stage[64];
    uint64_t first; /* done at the first report: what an earlier run had done */
    double begun, shown;
} console;

void console_begin(console *c, const char *name, const common_options *opts);

/* Callbacks for the library. From here on SIGINT and SIGTERM ask for a stop
 * at the next commit point; the second one ends the program at once. */
bovw_monitor console_monitor(console *c);

/* One line, prefixed. say: silent if quiet. detail: only if verbose. complain:
 * always. */
void console_say(console *c, const char *format, ...) PRINTF_LIKE(2, 3);
void console_detail(console *c, const char *format, ...) PRINTF_LIKE(2, 3);
void console_complain(console *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* Print the error; returns EXIT_FAILED. */
int console_fail(console *c, const bovw_error *err);

/* Name an input that was left out, and count it. */
void console_skip(console *c, const char *name, const bovw_error *reason);

/* The end of a command: console_end(), or console_fail(); or "stopped; ..." where it was
 * asked to, and what that means for the work. */
int console_finish(console *c, bovw_status status, const bovw_error *err,
                   const char *stopped);

/* EXIT_SKIPPED if an input was skipped, else EXIT_DONE. */
int console_end(console *c);

#endif
