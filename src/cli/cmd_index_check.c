/* SPDX-License-Identifier: MIT
 *
 * bovw index check: read and verify every byte of an index. */
#include <stdio.h>

#include "bovw/index.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

typedef struct check_command {
    common_options common;
    const char *index;
} check_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    check_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case ARGP_KEY_ARG:
        if (c->index)
            argp_error(state, "one INDEX only, not \"%s\" too", text);
        c->index = text;
        return 0;
    case ARGP_KEY_END:
        if (!c->index)
            argp_error(state, "INDEX is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, "Common options:", 1}, {0}};

static const struct argp argp = {
    .parser = parse,
    .args_doc = "INDEX",
    .doc = "Verify an index: every checksum, every bound, and that its parts agree with "
           "each other. The first thing that is wrong is named, and the exit status is "
           "then 1.\v"
           "Example:\n"
           "  bovw index check photos.bovw",
    .children = children};

static int run(int argc, char **argv)
{
    check_command c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    console_begin(&out, argv[0], &c.common);
    const bovw_monitor monitor = console_monitor(&out);
    const bovw_status status = bovw_index_check(c.index, &monitor, &err);
    if (status == BOVW_ERR_CANCELLED) {
        console_complain(&out, "stopped; not everything was checked");
        return EXIT_FAILED;
    }
    if (status != BOVW_OK)
        return console_fail(&out, &err);
    console_say(&out, "%s: no damage found", c.index);
    return console_end(&out);
}

const command command_index_check = {
    .name = "index check",
    .group = "Inspecting",
    .summary = "verify every byte of an index",
    .run = run,
};
