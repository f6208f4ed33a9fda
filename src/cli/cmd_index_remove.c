/* SPDX-License-Identifier: MIT
 *
 * bovw index remove: take images out of an index, all in one commit. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lines.h"
#include "base/memory.h"
#include "bovw/index.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

typedef struct remove_command {
    common_options common;
    const char *index;
    arguments given; /* names and lists */

    const char **names; /* (n,) borrowed from the arguments and the lists */
    size_t n, capacity;
    char **texts; /* (n_texts,) of the lists */
    size_t n_texts;
} remove_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    remove_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case ARGP_KEY_ARG:
        if (c->index)
            return ARGP_ERR_UNKNOWN; /* the rest comes at once, below */
        c->index = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->given);
        return 0;
    case ARGP_KEY_END:
        if (!c->index)
            argp_error(state, "INDEX is missing");
        if (c->given.n == 0)
            argp_error(state, "NAME is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .parser = parse,
    .args_doc = "INDEX NAME...",
    .doc =
        "Remove images from an index. NAME is what \"bovw index list\" prints first, or "
        "the end of a path that only one image has, or @LIST, a file with one name a "
        "line (empty lines and lines that start with # mean nothing; @- is standard "
        "input). All are removed in one commit, and are gone at once for every command "
        "that opens the index afterwards; their space returns with \"bovw index "
        "compact\". Names that the index does not have are told one by one, and the exit "
        "status is then 3; where it has none of them nothing is done, and it is 1.\v"
        "Example:\n"
        "  bovw index remove photos.bovw photos/blurred.jpg\n"
        "  bovw index list photos.bovw | cut -f 1 | grep ^photos/2019/ |\n"
        "    bovw index remove photos.bovw @-",
    .children = common_children};

static bovw_status add_name(remove_command *c, const char *name, bovw_error *err)
{
    if (!mem_grow(&c->names, &c->capacity, c->n + 1, sizeof *c->names))
        return fail_memory(err, "names");
    c->names[c->n++] = name;
    return BOVW_OK;
}

static bovw_status add_list(remove_command *c, const char *path, bovw_error *err)
{
    lines in;
    const char *line;
    bovw_status status = lines_open(path, &in, err);
    if (status != BOVW_OK)
        return status;
    while (status == BOVW_OK && (line = lines_next(&in))) {
        if (*line != '#')
            status = add_name(c, line, err);
    }
    c->texts[c->n_texts++] = lines_take(&in);
    lines_close(&in);
    return status;
}

/* The names that are given, one by one. */
static bovw_status take_names(remove_command *c, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    c->texts = mem_array(c->given.n, sizeof *c->texts);
    if (!c->texts)
        return fail_memory(err, "names");
    for (size_t i = 0; status == BOVW_OK && i < c->given.n; i++) {
        const char *given = c->given.items[i];
        status = *given == '@' ? add_list(c, given + 1, err) : add_name(c, given, err);
    }
    if (status == BOVW_OK && c->n >= UINT32_MAX)
        status = fail(err, BOVW_ERR_LIMIT, "more than %u names", UINT32_MAX - 1);
    return status;
}

static void say_removed(const remove_command *c, uint32_t n_removed, double seconds,
                        console *out)
{
    bovw_index *index = NULL;
    char removed[COUNT_TEXT], images[COUNT_TEXT];
    if (bovw_index_open(c->index, &index, NULL) != BOVW_OK)
        return;
    const uint32_t n = bovw_index_n_images(index);
    console_say(out,
                "%s: removed %s image%s in %.1f s; it has %s image%s, and \"bovw index "
                "compact\" would free %.1f of %.1f MB",
                c->index, count_text(n_removed, removed), plural(n_removed), seconds,
                count_text(n, images), plural(n),
                (double)bovw_index_removed(index).bytes / 1e6,
                (double)bovw_index_bytes(index) / 1e6);
    bovw_index_close(index);
}

static int remove_images(remove_command *c, console *out)
{
    bovw_error err;
    bovw_remove_result result = {0};
    const double start = clock_seconds();
    const bovw_monitor monitor = console_monitor(out);
    bovw_status status = take_names(c, &err);
    if (status == BOVW_OK)
        status = bovw_index_remove(c->index, c->names, (uint32_t)c->n, &c->common.compute,
                                   &monitor, &result, &err);
    if (status != BOVW_OK)
        return console_fail(out, &err);
    if (result.n_removed == 0) {
        console_complain(out, "%s: no image was removed", c->index);
        return EXIT_FAILED;
    }
    say_removed(c, result.n_removed, clock_seconds() - start, out);
    return console_end(out);
}

static int run(int argc, char **argv)
{
    remove_command c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    console_begin(&out, argv[0], &c.common);
    const int exit_status = remove_images(&c, &out);
    for (size_t i = 0; i < c.n_texts; i++)
        free(c.texts[i]);
    free(c.texts);
    free(c.names);
    return exit_status;
}

const command command_index_remove = {
    .name = "index remove",
    .group = "Making",
    .summary = "take images out of an index",
    .run = run,
};
