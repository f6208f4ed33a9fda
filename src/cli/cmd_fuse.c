/* SPDX-License-Identifier: MIT
 *
 * bovw fuse: one run of several. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/compare.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/runs.h"

enum {
    KEY_METHOD = 0x100,
    KEY_K,
    KEY_WEIGHTS
};

typedef struct fuse_command {
    common_options common;
    bovw_fuse_options opts;
    arguments runs;
    const char *weights; /* as given, or NULL */
    const char *output;
} fuse_command;

/* In the order of bovw_fusion. */
static const char *method_name(size_t i)
{
    static const char *const names[] = {"rrf", "sum"};
    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    fuse_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case KEY_METHOD:
        c->opts.method = (bovw_fusion)parse_name(state, "--method", text, method_name);
        return 0;
    case KEY_K:
        c->opts.k = (double)parse_number(state, "--k", text, 0, 1e6);
        return 0;
    case KEY_WEIGHTS:
        c->weights = text;
        return 0;
    case 'n':
        c->opts.top = (uint32_t)parse_count(state, "-n", text, 0, UINT32_MAX);
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->runs);
        return 0;
    case ARGP_KEY_END:
        if (c->runs.n < 2)
            argp_error(state, "two RUN files at least");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option table[] = {
    {"method", KEY_METHOD, "NAME", 0,
     "rrf: reciprocal ranks, 1 / (k + rank); sum: scores, mapped to 0..1 for each query "
     "(default rrf)",
     0},
    {"k", KEY_K, "K", 0, "of rrf (default 60)", 0},
    {"weights", KEY_WEIGHTS, "W,W...", 0, "a weight for each run (default 1 each)", 0},
    {"top", 'n', "N", 0, "N results for each query; 0: all (default 0)", 0},
    {"output", 'o', "FILE", 0, "the TREC run file to write (default -)", 0},
    {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "RUN RUN...",
    .doc = "Fuse runs (TREC files) late: rank the images of each query by what several "
           "systems say of them.\v"
           "Example:\n"
           "  bovw fuse words.trec deep.trec -o both.trec\n"
           "  bovw fuse words.trec deep.trec --method sum --weights 1,2 -o both.trec",
    .children = common_children};

/* One number for each run; NULL with an error. */
static double *parse_weights(const char *text, size_t n, bovw_error *err)
{
    double *weights = mem_array(n, sizeof *weights);
    const char *p = text;
    size_t i = 0;
    if (!weights) {
        fail_memory(err, "weights");
        return NULL;
    }
    for (; i < n; i++) {
        char *end = NULL;
        weights[i] = strtod(p, &end);
        if (end == p || *end != (i + 1 < n ? ',' : '\0'))
            break;
        p = end + 1;
    }
    if (i == n)
        return weights;
    fail(err, BOVW_ERR_ARG, "--weights: \"%s\" is not %zu numbers with commas between them",
         text, n);
    free(weights);
    return NULL;
}

static bovw_status fuse(fuse_command *c, bovw_error *err)
{
    bovw_run **runs = NULL;
    bovw_run_writer *writer = NULL;
    double *weights = NULL;
    bovw_status status = BOVW_OK;
    if (c->weights) {
        weights = parse_weights(c->weights, c->runs.n, err);
        if (!weights)
            return err->status;
        c->opts.weights = weights;
    }
    status = runs_open(&c->runs, &runs, err);
    if (status == BOVW_OK)
        status = bovw_run_writer_open(c->output, "bovw-fuse", &writer, err);
    if (status == BOVW_OK)
        status = bovw_fuse((const bovw_run *const *)runs, c->runs.n, &c->opts, writer, err);
    if (status == BOVW_OK)
        status = bovw_run_writer_close(writer, err);
    else
        bovw_run_writer_abort(writer);
    runs_close(runs, c->runs.n);
    free(weights);
    return status;
}

static int run(int argc, char **argv)
{
    fuse_command c = {.output = "-"};
    common_options_default(&c.common);
    bovw_fuse_options_default(&c.opts);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    console_begin(&out, argv[0], &c.common);
    return fuse(&c, &err) == BOVW_OK ? console_end(&out) : console_fail(&out, &err);
}

const command command_fuse = {
    .name = "fuse",
    .group = "Measuring",
    .summary = "one run of several, by rank or by score",
    .run = run,
};
