/* SPDX-License-Identifier: MIT
 *
 * bovw index create: an empty index with its own copy of a vocabulary, and
 * then the pictures that are given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/adding.h"
#include "cli/commands.h"

#ifndef BOVW_DATADIR
#define BOVW_DATADIR "/usr/local/share/bovw"
#endif

/* Where the vocabulary that ships is looked for; "%s": the program's folder. */
static const char *const default_vocabularies[] = {
    "%s/../share/bovw/default.vocab", /* installed, wherever that was moved to */
    "%s/../vocab/default.vocab",      /* the build folder of the sources */
    BOVW_DATADIR "/default.vocab",
};

enum {
    KEY_SIGNATURES = 0x200 /* apart from those of adding_argp */
};

typedef struct create_command {
    adding adding;
    const char *vocabulary;
    uint32_t signatures;
    bool has_signatures; /* --signatures was given */
} create_command;

static uint32_t parse_signatures(const struct argp_state *state, const char *text)
{
    bovw_error err;
    uint32_t signatures = 0;
    if (bovw_signatures_parse(text, &signatures, &err) != BOVW_OK)
        argp_error(state, "--signatures: %s", err.text);
    return signatures;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    create_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->adding.opts;
        state->child_inputs[1] = &c->adding.common;
        return 0;
    case 'v':
        c->vocabulary = text;
        return 0;
    case KEY_SIGNATURES:
        c->signatures = parse_signatures(state, text);
        c->has_signatures = true;
        return 0;
    case ARGP_KEY_ARG:
        if (c->adding.index)
            return ARGP_ERR_UNKNOWN; /* the rest comes at once, below */
        c->adding.index = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->adding.paths);
        return 0;
    case ARGP_KEY_END:
        if (!c->adding.index)
            argp_error(state, "INDEX is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help(int key, const char *text, void *input)
{
    char kinds[512] = "";
    (void)input;
    if (key != KEY_SIGNATURES)
        return help_as_is(text);
    for (size_t i = 0; bovw_signatures_kind(i, NULL); i++) {
        const char *summary;
        const char *name = bovw_signatures_kind(i, &summary);
        const size_t length = strlen(kinds);
        snprintf(kinds + length, sizeof kinds - length, "%s%s (%s)", i ? ", " : "", name,
                 summary);
    }
    return help_fill(text, "%s", kinds);
}

static const struct argp_option table[] = {
    {"vocabulary", 'v', "FILE", 0,
     "the vocabulary, which is copied into the index (default: the one that was installed "
     "with bovw)",
     0},
    {"signatures", KEY_SIGNATURES, "LIST", 0,
     "what the index keeps of features besides their words, separated by commas: {}, or "
     "none (default he128, or none where the vocabulary is of an older bovw)",
     0},
    {0}};

static const struct argp_child children[] = {
    {&adding_argp, 0, NULL, 0}, {&common_argp, 0, "Common options:", 1}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "INDEX [PATH...]",
    .doc =
        "Make an index of pictures. INDEX is a folder that does not exist yet. PATH is a "
        "picture, a folder (searched recursively, in sorted order), @LIST (a file with "
        "one path a line) or a feature file; without any, the index is empty. An image "
        "is known by its path as given.\v"
        "Example:\n"
        "  bovw index create -v my.vocab photos.bovw photos/\n"
        "  bovw query photos.bovw photo.jpg",
    .children = children,
    .help_filter = help};

/* Folder of the running program; NULL where the system does not tell. */
static char *program_folder(void)
{
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = 0;
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = 0;
    return mem_text(path);
}

/* The first of the places that has it; NULL for none. */
static char *default_vocabulary(void)
{
    char *folder = program_folder(), *found = NULL;
    const size_t n = sizeof default_vocabularies / sizeof default_vocabularies[0];
    for (size_t i = 0; !found && i < n; i++) {
        const char *pattern = default_vocabularies[i];
        const bool is_beside = strncmp(pattern, "%s", 2) == 0;
        if (is_beside && !folder)
            continue;
        found = is_beside ? mem_format("%s%s", folder, pattern + 2) : mem_text(pattern);
        if (found && !file_exists(found)) {
            free(found);
            found = NULL;
        }
    }
    free(folder);
    return found;
}

static bovw_status open_vocabulary(const char *path, bovw_vocabulary **vocabulary,
                                   bovw_error *err)
{
    if (path)
        return bovw_vocabulary_open(path, vocabulary, err);
    char *found = default_vocabulary();
    if (!found)
        return fail(err, BOVW_ERR_IO,
                    "no vocabulary given, and the one that ships with bovw is not "
                    "installed: train one with \"bovw vocab train\" and pass it with -v");
    const bovw_status status = bovw_vocabulary_open(found, vocabulary, err);
    free(found);
    return status;
}

static uint32_t choose_signatures(const create_command *c,
                                  const bovw_vocabulary *vocabulary)
{
    if (c->has_signatures)
        return c->signatures;
    return bovw_vocabulary_has_signatures(vocabulary) ? BOVW_SIGNATURES_HE128
                                                      : BOVW_SIGNATURES_NONE;
}

static int create(const create_command *c, console *out)
{
    const adding *a = &c->adding;
    bovw_error err;
    bovw_vocabulary *vocabulary = NULL;
    bovw_source *source = NULL;
    const bovw_monitor monitor = console_monitor(out);
    int exit_status = EXIT_FAILED;
    bovw_status status = BOVW_OK;

    char *manifest = file_join(a->index, "MANIFEST");
    if (!manifest)
        status = fail_memory(&err, a->index);
    else if (file_exists(manifest))
        status = fail(&err, BOVW_ERR_ARG,
                      "%s: is an index already; \"bovw index add\" adds to it", a->index);
    free(manifest);
    if (status == BOVW_OK)
        status = open_vocabulary(c->vocabulary, &vocabulary, &err);
    /* The pictures come before the folder is made: a wrong path leaves nothing. */
    if (status == BOVW_OK && a->paths.n > 0)
        status = adding_open(a, vocabulary, &monitor, &source, &err);
    if (status == BOVW_OK)
        status = bovw_index_create_with(a->index, vocabulary,
                                        choose_signatures(c, vocabulary), &err);

    if (status != BOVW_OK) {
        console_fail(out, &err);
    } else if (source) {
        exit_status = adding_run(a, source, &monitor, out);
    } else {
        console_say(out, "%s: made, empty", a->index);
        exit_status = console_end(out);
    }
    bovw_source_close(source);
    bovw_vocabulary_close(vocabulary);
    return exit_status;
}

static int run(int argc, char **argv)
{
    create_command c = {0};
    common_options_default(&c.adding.common);
    bovw_add_options_default(&c.adding.opts);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    console_begin(&out, argv[0], &c.adding.common);
    return create(&c, &out);
}

const command command_index_create = {
    .name = "index create",
    .group = "Making",
    .summary = "make an index, and add pictures to it",
    .run = run,
};
