/* SPDX-License-Identifier: MIT
 *
 * bovw metric apply: map vectors by what was learned. */
#include <string.h>

#include "bovw/metric.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

enum {
    KEY_FORCE = 0x100,
    KEY_RAW
};

typedef struct apply_command {
    common_options common;
    const char *metric, *vectors, *output;
    bool is_raw, is_forced;
} apply_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    apply_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case 'm':
        c->metric = text;
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case KEY_RAW:
        c->is_raw = true;
        return 0;
    case KEY_FORCE:
        c->is_forced = true;
        return 0;
    case ARGP_KEY_ARG:
        if (c->vectors)
            argp_error(state, "one file of vectors only, not \"%s\" too", text);
        c->vectors = text;
        return 0;
    case ARGP_KEY_END:
        if (!c->metric)
            argp_error(state, "-m FILE is missing");
        if (!c->vectors)
            argp_error(state, "VECTORS is missing");
        if (!c->output)
            argp_error(state, "-o FILE is missing");
        if (strcmp(c->output, "-") == 0)
            argp_error(state, "-o: vectors cannot be written to standard output");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option table[] = {
    {"metric", 'm', "FILE", 0, "the metric of \"bovw metric learn\" (required)", 0},
    {"output", 'o', "FILE", 0, "the vectors to make, in numpy's format (required)", 0},
    {"raw", KEY_RAW, NULL, 0, "leave their lengths as they come (default: length 1)", 0},
    {"force", KEY_FORCE, NULL, 0, "replace FILE if it exists", 0},
    {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "-m FILE -o FILE.npy VECTORS",
    .doc = "Map vectors by a learned metric. Names stay those of VECTORS, in the same "
           "order.\v"
           "Example:\n"
           "  bovw metric apply -m m.metric -o better.npy photos.npy\n"
           "  bovw rank --db better.npy --db-names photos.names -o better.trec",
    .children = common_children};

static bovw_status apply(const apply_command *c, console *out, bovw_error *err)
{
    bovw_projection *projection = NULL;
    bovw_vectors *vectors = NULL;
    const bovw_monitor monitor = console_monitor(out);
    bovw_status status = check_output(c->output, c->is_forced, err);
    if (status == BOVW_OK)
        status = bovw_projection_open(c->metric, &projection, err);
    if (status == BOVW_OK)
        status = bovw_vectors_open(c->vectors, &vectors, err);
    if (status == BOVW_OK)
        status = bovw_projection_apply(projection, vectors, c->output, c->is_raw,
                                       &c->common.compute, &monitor, err);
    bovw_vectors_close(vectors);
    bovw_projection_free(projection);
    return status;
}

static int run(int argc, char **argv)
{
    apply_command c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    console_begin(&out, argv[0], &c.common);
    const bovw_status status = apply(&c, &out, &err);
    return console_finish(&out, status, &err, "nothing was written");
}

const command command_metric_apply = {
    .name = "metric apply",
    .group = "Making",
    .summary = "map global vectors by a learned metric",
    .run = run,
};
