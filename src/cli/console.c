/* SPDX-License-Identifier: MIT */
#include "cli/console.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Seconds between two drawings of the bar, and two lines in a log. */
static const double BAR_INTERVAL = 0.1;
static const double LINE_INTERVAL = 5.0;
enum {
    BAR_CELLS = 20
};

static volatile sig_atomic_t is_stopped;

static void ask_to_stop(int number)
{
    (void)number;
    is_stopped = 1;
}

void console_begin(console *c, const char *name, const common_options *opts)
{
    const char *terminal = getenv("TERM");
    *c = (console){.name = name,
                   .is_quiet = opts->is_quiet,
                   .is_verbose = opts->is_verbose,
                   .is_terminal =
                       isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0};
}

/* ---- lines --------------------------------------------------------------- */

static void clear_bar(console *c)
{
    if (c->is_bar_drawn)
        fputs("\r\033[K", stderr);
    c->is_bar_drawn = false;
}

/* Control characters in file names must not break the line or the terminal. */
static void print_line(console *c, const char *before, const char *text)
{
    clear_bar(c);
    fflush(stdout);
    fprintf(stderr, "%s: %s", c->name, before);
    for (const char *p = text; *p; p++)
        fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, stderr);
    fputc('\n', stderr);
}

static void print_format(console *c, const char *format, va_list list)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, list);
    print_line(c, "", text);
}

void console_say(console *c, const char *format, ...)
{
    va_list list;
    if (c->is_quiet)
        return;
    va_start(list, format);
    print_format(c, format, list);
    va_end(list);
}

void console_detail(console *c, const char *format, ...)
{
    va_list list;
    if (!c->is_verbose)
        return;
    va_start(list, format);
    print_format(c, format, list);
    va_end(list);
}

void console_complain(console *c, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_format(c, format, list);
    va_end(list);
}

int console_fail(console *c, const bovw_error *err)
{
    print_line(c, "", err->text);
    return EXIT_FAILED;
}

void console_skip(console *c, const char *name, const bovw_error *reason)
{
    const size_t length = strlen(name);
    c->n_skipped++;
    /* Most reasons begin with the name already. */
    if (strncmp(reason->text, name, length) == 0 && reason->text[length] == ':') {
        print_line(c, "skipped ", reason->text);
    } else {
        char text[1024];
        snprintf(text, sizeof text, "%s: %s", name, reason->text);
        print_line(c, "skipped ", text);
    }
}

int console_end(console *c)
{
    clear_bar(c);
    return c->n_skipped > 0 ? EXIT_SKIPPED : EXIT_DONE;
}

/* ---- progress ------------------------------------------------------------ */

/* Rate and time left, as far as they are known. */
static void pace_text(const console *c, uint64_t done, uint64_t total, double now,
                      char text[64])
{
    const double seconds = now - c->begun;
    text[0] = '\0';
    if (seconds < 0.5 || done <= c->first)
        return;
    const double rate = (double)(done - c->first) / seconds;
    const int n = snprintf(text, 64, ", %.*f/s", rate < 10 ? 1 : 0, rate);
    if (n < 0 || total <= done)
        return;
    const double left = (double)(total - done) / rate + 0.5;
    if (left < 360000) {
        const unsigned s = (unsigned)left;
        if (s >= 3600)
            snprintf(text + n, 64 - (size_t)n, ", %u:%02u:%02u left", s / 3600, s / 60 % 60,
                     s % 60);
        else
            snprintf(text + n, 64 - (size_t)n, ", %u:%02u left", s / 60, s % 60);
    }
}

static void draw_bar(console *c, uint64_t done, uint64_t total, const char *pace)
{
    char bar[BAR_CELLS + 1] = "", done_text[COUNT_TEXT], total_text[COUNT_TEXT];
    count_text(done, done_text);
    if (total == 0) {
        fprintf(stderr, "\r\033[K%.30s %s%s", c->stage, done_text, pace);
    } else {
        const double part = done < total ? (double)done / (double)total : 1.0;
        for (int i = 0; i < BAR_CELLS; i++)
            bar[i] = i < (int)(part * BAR_CELLS) ? '#' : '-';
        fprintf(stderr, "\r\033[K%.20s [%s] %s of %s%s", c->stage, bar, done_text,
                count_text(total, total_text), pace);
    }
    fflush(stderr);
    c->is_bar_drawn = true;
}

static void print_progress(console *c, uint64_t done, uint64_t total, const char *pace)
{
    char done_text[COUNT_TEXT], total_text[COUNT_TEXT];
    count_text(done, done_text);
    if (total == 0)
        console_say(c, "%s %s%s", c->stage, done_text, pace);
    else
        console_say(c, "%s %s of %s%s", c->stage, done_text, count_text(total, total_text),
                    pace);
}

static bool on_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    console *c = context;
    if (is_stopped)
        return false;
    if (c->is_quiet)
        return true;

    const double now = clock_seconds();
    if (strncmp(stage, c->stage, sizeof c->stage - 1) != 0 || done < c->first) {
        snprintf(c->stage, sizeof c->stage, "%s", stage);
        c->first = done;
        c->begun = c->shown = now;
    }
    if (now - c->shown < (c->is_terminal ? BAR_INTERVAL : LINE_INTERVAL))
        return true;
    c->shown = now;

    char pace[64];
    pace_text(c, done, total, now, pace);
    if (c->is_terminal)
        draw_bar(c, done, total, pace);
    else
        print_progress(c, done, total, pace);
    return true;
}

static void on_message(void *context, const char *text)
{
    console *c = context;
    if (!c->is_quiet)
        print_line(c, "", text);
}

static void on_skipped(void *context, const char *name, const bovw_error *reason)
{
    console_skip(context, name, reason);
}

/* A signal that we were started to ignore, as in the background of a script,
 * stays ignored. */
static void catch_signal(int number)
{
    struct sigaction before = {0};
    struct sigaction action = {.sa_handler = ask_to_stop,
                               .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

bovw_monitor console_monitor(console *c)
{
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    return (bovw_monitor){.context = c,
                          .progress = on_progress,
                          .message = on_message,
                          .skipped = on_skipped};
}

int console_finish(console *c, bovw_status status, const bovw_error *err,
                   const char *stopped)
{
    if (status == BOVW_ERR_CANCELLED) {
        console_complain(c, "stopped; %s", stopped);
        return EXIT_FAILED;
    }
    return status == BOVW_OK ? console_end(c) : console_fail(c, err);
}
