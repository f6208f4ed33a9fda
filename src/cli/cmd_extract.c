/* SPDX-License-Identifier: MIT
 *
 * bovw extract: features of many pictures into one file, once. A killed run
 * leaves PHOTOS.feat.part, which the same command continues. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bovw/features.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

enum {
    KEY_FORCE = 0x100
};

typedef struct extract_command {
    common_options common;
    feature_input features;
    const char *output;
    bool is_forced;
    arguments paths;
} extract_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    extract_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->features;
        state->child_inputs[1] = &c->common;
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case KEY_FORCE:
        c->is_forced = true;
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->paths);
        return 0;
    case ARGP_KEY_END:
        if (!c->output)
            argp_error(state, "-o FILE is missing");
        if (strcmp(c->output, "-") == 0)
            argp_error(state, "-o: a feature file cannot be written to standard output");
        if (c->paths.n == 0)
            argp_error(state, "PATH is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option table[] = {
    {"output", 'o', "FILE", 0, "the feature file to make (required)", 0},
    {"force", KEY_FORCE, NULL, 0, "replace FILE if it exists", 0},
    {0}};

static const struct argp_child children[] = {
    {&feature_argp, 0, "Features:", 1}, {&common_argp, 0, "Common options:", 2}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "-o FILE PATH...",
    .doc = "Extract the features of pictures into a file that vocab train, index add and "
           "query read in place of the pictures. PATH is a picture, a folder (searched "
           "recursively, in sorted order), @LIST (a file with one path a line), another "
           "feature file, or - for one picture on standard input.\n"
           "A run that is stopped leaves FILE.part; the same command continues it.\v"
           "Example:\n"
           "  bovw extract -o photos.feat photos/\n"
           "  bovw index create -v my.vocab photos.bovw photos.feat",
    .children = children};

static void say_result(console *out, const extract_command *c,
                       const bovw_extract_result *result, double seconds)
{
    char images[COUNT_TEXT], features[COUNT_TEXT], kept[COUNT_TEXT];
    count_text(result->n_images, images);
    count_text(result->n_features, features);
    if (result->n_kept > 0)
        console_say(out, "%s images were kept from an earlier run",
                    count_text(result->n_kept, kept));
    console_say(out, "%s: %s image%s, %s features (%.0f per image) in %.1f s", c->output,
                images, plural(result->n_images), features,
                (double)result->n_features / result->n_images, seconds);
}

static int extract(const extract_command *c, console *out)
{
    bovw_error err;
    bovw_source *source = NULL;
    bovw_extract_result result = {0};
    const bovw_monitor monitor = console_monitor(out);
    const double start = clock_seconds();

    bovw_status status = check_output(c->output, c->is_forced, &err);
    if (status == BOVW_OK)
        status = open_source(&c->paths, feature_input_get(&c->features), &monitor, &source,
                             &err);
    if (status == BOVW_OK) {
        char text[BOVW_FEATURE_OPTIONS_TEXT];
        bovw_feature_options_format(bovw_source_options(source), text);
        console_detail(out, "%u images, %s", bovw_source_count(source), text);
        status =
            bovw_extract(source, c->output, &c->common.compute, &monitor, &result, &err);
    }
    bovw_source_close(source);

    if (status == BOVW_ERR_CANCELLED) {
        console_complain(out,
                         "stopped; what is done is in %s.part, the same command "
                         "continues",
                         c->output);
        return EXIT_FAILED;
    }
    if (status != BOVW_OK)
        return console_fail(out, &err);
    if (result.n_images == 0) {
        console_complain(out, "%s: no picture could be read, the file is empty", c->output);
        return EXIT_FAILED;
    }
    say_result(out, c, &result, clock_seconds() - start);
    return console_end(out);
}

static int run(int argc, char **argv)
{
    extract_command c = {0};
    common_options_default(&c.common);
    feature_input_default(&c.features);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    console_begin(&out, argv[0], &c.common);
    return extract(&c, &out);
}

const command command_extract = {
    .name = "extract",
    .group = "Making",
    .summary = "extract the features of pictures into a file, to reuse them",
    .run = run,
};
