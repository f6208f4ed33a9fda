/* SPDX-License-Identifier: MIT
 *
 * bovw gmm train: the Gaussian mixture that Fisher vectors are made with. */
#include <string.h>

#include "base/clock.h"
#include "bovw/encoder.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

enum {
    KEY_FORCE = 0x100,
    KEY_DIM,
    KEY_ITERATIONS,
    KEY_SAMPLE
};

typedef struct gmm_command {
    common_options common;
    feature_input features;
    bovw_mixture_options opts;
    const char *output;
    bool is_forced;
    arguments paths;
} gmm_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    gmm_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->features;
        state->child_inputs[1] = &c->common;
        return 0;
    case 'k':
        c->opts.k = (uint32_t)parse_count(state, "-k", text, 1, BOVW_MAX_GAUSSIANS);
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case KEY_FORCE:
        c->is_forced = true;
        return 0;
    case KEY_DIM:
        c->opts.dim = (uint32_t)parse_count(state, "--dim", text, 1, BOVW_DESCRIPTOR_DIM);
        return 0;
    case KEY_ITERATIONS:
        c->opts.n_iterations =
            (uint32_t)parse_count(state, "--iterations", text, 1, 100000);
        return 0;
    case KEY_SAMPLE:
        c->opts.sample = parse_count(state, "--sample", text, 0, 1 << 26);
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->paths);
        return 0;
    case ARGP_KEY_END:
        if (!c->output)
            argp_error(state, "-o FILE is missing");
        if (strcmp(c->output, "-") == 0)
            argp_error(state, "-o: a mixture cannot be written to standard output");
        if (c->paths.n == 0)
            argp_error(state, "PATH is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help(int key, const char *text, void *input)
{
    bovw_mixture_options defaults;
    (void)input;
    bovw_mixture_options_default(&defaults);
    switch (key) {
    case 'k':
        return help_fill(text, "%u", defaults.k);
    case KEY_DIM:
        return help_fill(text, "%u", defaults.dim);
    case KEY_ITERATIONS:
        return help_fill(text, "%u", defaults.n_iterations);
    default:
        return help_as_is(text);
    }
}

static const struct argp_option table[] = {
    {"gaussians", 'k', "N", 0, "number of Gaussians (default {})", 0},
    {"output", 'o', "FILE", 0, "the mixture to make (required)", 0},
    {"force", KEY_FORCE, NULL, 0, "replace FILE if it exists", 0},
    {"dim", KEY_DIM, "N", 0, "project descriptors on N main directions first (default {})",
     0},
    {"iterations", KEY_ITERATIONS, "N", 0,
     "at most N rounds of expectation and maximisation (default {})", 0},
    {"sample", KEY_SAMPLE, "N", 0,
     "train on N descriptors, drawn evenly from all pictures; 0: 1,000 a Gaussian, at "
     "least 100,000 (default 0)",
     0},
    {0}};

static const struct argp_child children[] = {
    {&feature_argp, 0, "Features:", 1}, {&common_argp, 0, "Common options:", 2}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "-o FILE PATH...",
    .doc = "Train a Gaussian mixture on the features of pictures, for Fisher vectors. "
           "PATH is a picture, a folder, @LIST or a feature file.\v"
           "Example:\n"
           "  bovw gmm train -k 64 -o my.gmm photos.feat\n"
           "  bovw vlad --method fisher -v my.gmm -o photos.npy photos.feat",
    .children = children,
    .help_filter = help};

static bovw_status train(const gmm_command *c, console *out, bovw_mixture **mixture,
                         bovw_error *err)
{
    bovw_source *source = NULL;
    const bovw_monitor monitor = console_monitor(out);
    bovw_status status = check_output(c->output, c->is_forced, err);
    if (status == BOVW_OK)
        status =
            open_source(&c->paths, feature_input_get(&c->features), &monitor, &source, err);
    if (status == BOVW_OK)
        status = bovw_mixture_train(source, &c->opts, &c->common.compute, &monitor, mixture,
                                    err);
    if (status == BOVW_OK)
        status = bovw_mixture_save(*mixture, c->output, err);
    bovw_source_close(source);
    return status;
}

static int run(int argc, char **argv)
{
    gmm_command c = {0};
    common_options_default(&c.common);
    feature_input_default(&c.features);
    bovw_mixture_options_default(&c.opts);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;
    c.opts.seed = c.common.seed;

    console out;
    bovw_error err;
    bovw_mixture *mixture = NULL;
    const double start = clock_seconds();
    console_begin(&out, argv[0], &c.common);
    const bovw_status status = train(&c, &out, &mixture, &err);
    if (status == BOVW_OK)
        console_say(&out, "%s: %s, %.1f s", c.output, bovw_mixture_summary(mixture),
                    clock_seconds() - start);
    bovw_mixture_close(mixture);
    return console_finish(&out, status, &err, "nothing was kept");
}

const command command_gmm_train = {
    .name = "gmm train",
    .group = "Making",
    .summary = "train a Gaussian mixture on pictures, for Fisher vectors",
    .run = run,
};
