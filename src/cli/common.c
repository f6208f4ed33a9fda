/* SPDX-License-Identifier: MIT */
#include "cli/common.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "bovw/eval.h"

/* ---- arguments and numbers ---------------------------------------------- */

void arguments_take(const struct argp_state *state, arguments *args)
{
    args->items = state->argv + state->next;
    args->n = (size_t)(state->argc - state->next);
}

size_t parse_name(const struct argp_state *state, const char *option, const char *text,
                  name_at *name)
{
    char names[128] = "";
    for (size_t i = 0; name(i); i++) {
        const size_t length = strlen(names);
        if (strcmp(text, name(i)) == 0)
            return i;
        snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", name(i));
    }
    argp_error(state, "%s: \"%s\" is not one of %s", option, text, names);
    return 0;
}

uint64_t parse_count(const struct argp_state *state, const char *option, const char *text,
                     uint64_t least, uint64_t most)
{
    char *end = NULL;
    errno = 0;
    /* strtoull would take a sign and leading space. */
    const unsigned long long value =
        text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || value < least || value > most)
        argp_error(state, "%s: \"%s\" is not a whole number from %" PRIu64 " to %" PRIu64,
                   option, text, least, most);
    return value;
}

int32_t parse_integer(const struct argp_state *state, const char *option, const char *text,
                      int32_t least, int32_t most)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    char *end = NULL;
    errno = 0;
    const long value = digits[0] >= '0' && digits[0] <= '9' ? strtol(text, &end, 10) : 0;
    if (!end || *end || errno || value < least || value > most)
        argp_error(state, "%s: \"%s\" is not a whole number from %d to %d", option, text,
                   least, most);
    return (int32_t)value;
}

float parse_number(const struct argp_state *state, const char *option, const char *text,
                   double least, double most)
{
    char *end = NULL;
    const double value = strchr(" \t\n\v\f\r", text[0]) ? 0 : strtod(text, &end);
    if (!end || end == text || *end || !(value >= least && value <= most))
        argp_error(state, "%s: \"%s\" is not a number from %g to %g", option, text, least,
                   most);
    return (float)value;
}

uint64_t parse_bytes(const struct argp_state *state, const char *option, const char *text)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    double bytes = text[0] >= '0' && text[0] <= '9' ? strtod(text, &end) : 0.0;
    const char *unit = end && *end ? strchr(units, *end) : NULL;
    for (const char *u = units; unit && u <= unit; u++)
        bytes *= 1000.0;
    if (!unit || end[1] || !(bytes >= 1.0 && bytes <= 1e18))
        argp_error(state, "%s: \"%s\" is not a size such as 800M or 4G", option, text);
    return (uint64_t)bytes;
}

void parse_region(const struct argp_state *state, const char *option, const char *text,
                  float region[4])
{
    double v[4] = {0};
    const char *p = text;
    int n = 0;
    for (; n < 4; n++) {
        char *end = NULL;
        v[n] = strtod(p, &end);
        if (end == p || !isfinite(v[n]) || fabs(v[n]) > 1e6 || *end != (n < 3 ? ',' : '\0'))
            break;
        p = end + 1;
    }
    if (n < 4 || v[2] <= 0 || v[3] <= 0)
        argp_error(state,
                   "%s: \"%s\" is not X,Y,W,H: left, top, width and height in pixels",
                   option, text);
    region[0] = (float)v[0];
    region[1] = (float)v[1];
    region[2] = (float)(v[0] + v[2]);
    region[3] = (float)(v[1] + v[3]);
}

char *help_fill(const char *text, const char *format, ...)
{
    const char *place = text ? strstr(text, "{}") : NULL;
    if (!place)
        return help_as_is(text);

    char value[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(value, sizeof value, format, list);
    va_end(list);
    char *filled = mem_format("%.*s%s%s", (int)(place - text), text, value, place + 2);
    return filled ? filled : help_as_is(text);
}

char *truth_help(const char *text)
{
    char kinds[1024] = "";
    const char *summary = NULL;
    for (size_t i = 0; bovw_truth_kind(i, &summary); i++) {
        const size_t length = strlen(kinds);
        snprintf(kinds + length, sizeof kinds - length, "%s%s (%s)", i ? ", " : "",
                 bovw_truth_kind(i, NULL), summary);
    }
    return help_fill(text, "%s", kinds);
}

char *help_as_is(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* ---- texts and checks ---------------------------------------------------- */

const char *count_text(uint64_t n, char text[COUNT_TEXT])
{
    char digits[COUNT_TEXT];
    const int length = snprintf(digits, sizeof digits, "%" PRIu64, n);
    int to = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[to++] = ',';
        text[to++] = digits[i];
    }
    text[to] = '\0';
    return text;
}

const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

uint64_t machine_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

/* Write word at `to` as a shell would have to read it; returns the end. */
static char *quote_word(char *to, const char *word)
{
    const bool is_plain = *word && !word[strcspn(word, " \t\n'\"\\$&|;<>()*?[]#~`!{}")];
    if (is_plain)
        return stpcpy(to, word);
    *to++ = '\'';
    for (; *word; word++)
        to = *word == '\'' ? stpcpy(to, "'\\''") : (*to = *word, to + 1);
    return stpcpy(to, "'");
}

char *join_words(int n, char **words)
{
    size_t room = 1;
    for (int i = 0; i < n; i++)
        room += 4 * strlen(words[i]) + 3;
    char *text = mem_array(room, 1);
    char *to = text;
    for (int i = 0; text && i < n; i++) {
        if (i > 0)
            *to++ = ' ';
        to = i == 0 ? stpcpy(to, words[0]) : quote_word(to, words[i]);
    }
    return text;
}

bovw_status check_output(const char *path, bool is_forced, bovw_error *err)
{
    if (strcmp(path, "-") == 0)
        return BOVW_OK;
    if (file_is_folder(path))
        return fail(err, BOVW_ERR_ARG, "%s: is a folder", path);
    if (file_exists(path) && !is_forced)
        return fail(err, BOVW_ERR_ARG, "%s: exists already; --force replaces it", path);

    /* Before hours of work, not after them. */
    char *folder = mem_text(path);
    if (!folder)
        return fail_memory(err, path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    const bool is_writable = access(slash ? folder : ".", W_OK | X_OK) == 0;
    free(folder);
    return is_writable ? BOVW_OK : fail_errno(err, path, "cannot write");
}

const char *picture_of(const char *name)
{
    return strcmp(name, "-") != 0 ? name : NULL;
}

bovw_status open_source(const arguments *paths, const bovw_feature_options *opts,
                        const bovw_monitor *monitor, bovw_source **source, bovw_error *err)
{
    bovw_source *opened = NULL;
    const bovw_status status = bovw_source_open((const char *const *)paths->items, paths->n,
                                                opts, monitor, &opened, err);
    if (status != BOVW_OK)
        return status;
    if (bovw_source_count(opened) == 0) {
        bovw_source_close(opened);
        return fail(err, BOVW_ERR_ARG, "no pictures in what was given");
    }
    *source = opened;
    return BOVW_OK;
}
