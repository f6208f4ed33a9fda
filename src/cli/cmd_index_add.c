/* SPDX-License-Identifier: MIT
 *
 * bovw index add: more pictures for an index. Killed at any moment, the same
 * command goes on from the last commit. */
#include "cli/adding.h"
#include "cli/commands.h"

enum {
    KEY_UPDATE = 0x200 /* apart from those of adding_argp */
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    adding *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->opts;
        state->child_inputs[1] = &a->common;
        return 0;
    case KEY_UPDATE:
        a->opts.update = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->index)
            return ARGP_ERR_UNKNOWN; /* the rest comes at once, below */
        a->index = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &a->paths);
        return 0;
    case ARGP_KEY_END:
        if (!a->index)
            argp_error(state, "INDEX is missing");
        if (a->paths.n == 0)
            argp_error(state, "PATH is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option table[] = {
    {"update", KEY_UPDATE, NULL, 0,
     "replace an image whose name is in the index but whose content has changed", 0},
    {0}};

static const struct argp_child children[] = {
    {&adding_argp, 0, NULL, 0}, {&common_argp, 0, "Common options:", 1}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "INDEX PATH...",
    .doc = "Add pictures to an index, with the features of its vocabulary. PATH is a "
           "picture, a folder (searched recursively, in sorted order), @LIST (a file with "
           "one path a line) or a feature file. An image is known by its path as given; "
           "one that is in the index already is left alone, and one of the same name but "
           "with other content is skipped with a message, unless --update is given. Small "
           "parts of the index are merged by the way.\v"
           "Example:\n"
           "  bovw index add photos.bovw more-photos/\n"
           "  bovw index add --update photos.bovw photos/\n"
           "  find photos -name '*.jpg' | bovw index add photos.bovw @-",
    .children = children};

static int run(int argc, char **argv)
{
    adding a = {0};
    common_options_default(&a.common);
    bovw_add_options_default(&a.opts);
    if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
        return EXIT_FAILED;

    console out;
    console_begin(&out, argv[0], &a.common);
    const bovw_monitor monitor = console_monitor(&out);

    bovw_error err;
    bovw_index *index = NULL;
    bovw_source *source = NULL;
    bovw_status status = bovw_index_open(a.index, &index, &err);
    if (status == BOVW_OK)
        status = adding_open(&a, bovw_index_vocabulary(index), &monitor, &source, &err);
    bovw_index_close(index);

    const int exit_status = status == BOVW_OK ? adding_run(&a, source, &monitor, &out)
                                              : console_fail(&out, &err);
    bovw_source_close(source);
    return exit_status;
}

const command command_index_add = {
    .name = "index add",
    .group = "Making",
    .summary = "add pictures to an index",
    .run = run,
};
