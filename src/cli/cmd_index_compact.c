/* SPDX-License-Identifier: MIT
 *
 * bovw index compact: as few segments as can be, without what was removed. */
#include "base/clock.h"
#include "bovw/index.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

typedef struct compact_command {
    common_options common;
    const char *index;
} compact_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    compact_command *c = state->input;
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
    .doc = "Make fewer files of an index's parts, without the images that were removed. It "
           "takes less space then and is searched a little faster; rankings stay exactly "
           "as they are. It can be queried meanwhile, and stopped at any moment; the same "
           "command then goes on. Parts have at most 65,536 images. The disk needs room "
           "for both, the old parts and the new "
           "one. \"bovw index add\" merges small parts by itself, so this is for after "
           "many removals or updates: \"bovw info\" tells how much it would free.\v"
           "Example:\n"
           "  bovw index compact photos.bovw",
    .children = children};

static int run(int argc, char **argv)
{
    compact_command c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    bovw_compact_result result = {0};
    const double start = clock_seconds();
    console_begin(&out, argv[0], &c.common);
    const bovw_monitor monitor = console_monitor(&out);
    const bovw_status status = bovw_index_compact(c.index, &monitor, &result, &err);
    if (status == BOVW_ERR_CANCELLED) {
        console_complain(&out, "stopped; %s ranks as it did", c.index);
        return EXIT_FAILED;
    }
    if (status != BOVW_OK)
        return console_fail(&out, &err);
    console_say(&out, "%s: %u segment%s of %.1f MB became %.1f MB in %.1f s", c.index,
                result.n_segments, plural(result.n_segments),
                (double)result.bytes_before / 1e6, (double)result.bytes_after / 1e6,
                clock_seconds() - start);
    return console_end(&out);
}

const command command_index_compact = {
    .name = "index compact",
    .group = "Making",
    .summary = "get the space of removed images back",
    .run = run,
};
