/* SPDX-License-Identifier: MIT
 *
 * bovw vocab train: k-means on the descriptors of many pictures. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "bovw/vocabulary.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

enum {
    KEY_FORCE = 0x100,
    KEY_GROUPS,
    KEY_ITERATIONS,
    KEY_MEMORY,
    KEY_RECALL,
    KEY_SAMPLE,
    KEY_TREE
};

typedef struct train_command {
    common_options common;
    feature_input features;
    bovw_train_options train;
    const char *output;
    bool is_forced, is_grouping_given;
    arguments paths;
} train_command;

static void check_arguments(const train_command *c, const struct argp_state *state)
{
    if (c->train.kmeans.k == 0 && c->train.tree_depth == 0)
        argp_error(state, "-k N is missing");
    if (c->train.kmeans.k > 0 && c->train.tree_depth > 0)
        argp_error(state, "-k N and --tree: the tree says how many words");
    if (c->is_grouping_given && c->train.tree_depth > 0)
        argp_error(state, "--groups and --tree: a tree has its own");
    if (c->train.grouping > BOVW_GROUPS_NONE && c->train.grouping > c->train.kmeans.k)
        argp_error(state, "--groups: %u groups of %u words", c->train.grouping,
                   c->train.kmeans.k);
    if (!c->output)
        argp_error(state, "-o FILE is missing");
    if (strcmp(c->output, "-") == 0)
        argp_error(state, "-o: a vocabulary cannot be written to standard output");
    if (c->paths.n == 0)
        argp_error(state, "PATH is missing");
    if (c->train.sample > 0 && c->train.sample < c->train.kmeans.k)
        argp_error(state, "--sample: %" PRIu64 " descriptors are fewer than %u words",
                   c->train.sample, c->train.kmeans.k);
}

/* "auto", "none" or a number from 2. */
static uint32_t parse_groups(const struct argp_state *state, const char *text)
{
    if (strcmp(text, "auto") == 0)
        return BOVW_GROUPS_AUTO;
    if (strcmp(text, "none") == 0)
        return BOVW_GROUPS_NONE;
    return (uint32_t)parse_count(state, "--groups", text, 2, BOVW_MAX_WORDS);
}

/* BRANCH^DEPTH */
static void parse_tree(const struct argp_state *state, const char *text,
                       bovw_train_options *train)
{
    char branch[16];
    const char *power = strchr(text, '^');
    const size_t length = power ? (size_t)(power - text) : sizeof branch;
    if (length >= sizeof branch)
        argp_error(state, "--tree: \"%s\" is not BRANCH^DEPTH, such as 10^6", text);
    memcpy(branch, text, length);
    branch[length] = '\0';
    train->tree_branch = (uint32_t)parse_count(state, "--tree", branch, 2, BOVW_MAX_WORDS);
    train->tree_depth = (uint32_t)parse_count(state, "--tree", power + 1, 1, 24);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    train_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->features;
        state->child_inputs[1] = &c->common;
        return 0;
    case 'k':
        c->train.kmeans.k = (uint32_t)parse_count(state, "-k", text, 1, 100000000);
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case KEY_FORCE:
        c->is_forced = true;
        return 0;
    case KEY_GROUPS:
        c->train.grouping = parse_groups(state, text);
        c->is_grouping_given = true;
        return 0;
    case KEY_RECALL:
        c->train.recall = parse_number(state, "--recall", text, 0.01, 1.0);
        return 0;
    case KEY_TREE:
        parse_tree(state, text, &c->train);
        return 0;
    case KEY_ITERATIONS:
        c->train.kmeans.n_iterations =
            (uint32_t)parse_count(state, "--iterations", text, 1, 100000);
        return 0;
    case KEY_MEMORY:
        c->train.max_memory = parse_bytes(state, "--max-memory", text);
        return 0;
    case KEY_SAMPLE:
        c->train.sample = parse_count(state, "--sample", text, 0, 10000000000);
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->paths);
        return 0;
    case ARGP_KEY_END:
        check_arguments(c, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help(int key, const char *text, void *input)
{
    bovw_train_options defaults;
    (void)input;
    bovw_train_options_default(&defaults);
    switch (key) {
    case KEY_ITERATIONS:
        return help_fill(text, "%u", defaults.kmeans.n_iterations);
    case KEY_GROUPS:
        return help_fill(text, "%u", BOVW_MAX_EXACT_WORDS);
    case KEY_RECALL:
        return help_fill(text, "%g", defaults.recall);
    case KEY_SAMPLE:
        return help_fill(text, "%" PRIu64, defaults.sample);
    default:
        return help_as_is(text);
    }
}

static const struct argp_option table[] = {
    {"words", 'k', "N", 0, "number of visual words (required, but for --tree)", 0},
    {"output", 'o', "FILE", 0, "the vocabulary to make (required)", 0},
    {"force", KEY_FORCE, NULL, 0, "replace FILE if it exists", 0},
    {"groups", KEY_GROUPS, "N", 0,
     "put the words in N groups, and look for a descriptor's word in the nearest groups "
     "only; none: always look at all words; auto: none up to {} words, and above twice "
     "the square root of their number (default auto)",
     0},
    {"recall", KEY_RECALL, "R", 0,
     "search as many groups as find the nearest word of this part of descriptors, "
     "measured on pictures held out (default {})",
     0},
    {"tree", KEY_TREE, "BRANCH^DEPTH", 0,
     "a vocabulary tree, such as 10^6, instead of k-means among all: faster and less "
     "exact",
     0},
    {"iterations", KEY_ITERATIONS, "N", 0,
     "at most N rounds of k-means (default {}); it stops early when little changes", 0},
    {"max-memory", KEY_MEMORY, "SIZE", 0,
     "take at most so much memory, such as 800M or 4G; where the sample needs more, it is "
     "kept in a file beside FILE, with the same result (default: three quarters of the "
     "machine's)",
     0},
    {"sample", KEY_SAMPLE, "N", 0,
     "train on N descriptors, drawn evenly from all pictures; 0: 50 per word, at least "
     "100,000 (default {})",
     0},
    {0}};

static const struct argp_child children[] = {
    {&feature_argp, 0, "Features:", 1}, {&common_argp, 0, "Common options:", 2}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "-k N -o FILE PATH...\n--tree BRANCH^DEPTH -o FILE PATH...",
    .doc = "Train a vocabulary of N visual words on the features of pictures. The same "
           "pictures, options and seed give the same file. PATH is a picture, a folder, "
           "@LIST or a feature file.\n"
           "A run that is stopped leaves FILE.training; the same command continues it.\v"
           "Example:\n"
           "  bovw extract -o photos.feat photos/\n"
           "  bovw vocab train -k 20000 -o my.vocab photos.feat",
    .children = children,
    .help_filter = help};

static bovw_status train(const train_command *c, console *out, bovw_vocabulary **vocabulary,
                         bovw_error *err)
{
    bovw_source *source = NULL;
    const bovw_monitor monitor = console_monitor(out);

    bovw_status status = check_output(c->output, c->is_forced, err);
    if (status == BOVW_OK)
        status =
            open_source(&c->paths, feature_input_get(&c->features), &monitor, &source, err);
    if (status == BOVW_OK) {
        console_detail(out, "%u images", bovw_source_count(source));
        status = bovw_vocabulary_train(source, &c->train, &c->common.compute, &monitor,
                                       vocabulary, err);
    }
    if (status == BOVW_OK)
        status = bovw_vocabulary_save(*vocabulary, c->output, err);
    if (status == BOVW_OK)
        unlink(c->train.state);
    bovw_source_close(source);
    return status;
}

static int end(const train_command *c, console *out, bovw_status status,
               const bovw_vocabulary *vocabulary, double seconds, const bovw_error *err)
{
    if (status == BOVW_ERR_CANCELLED) {
        if (file_exists(c->train.state))
            console_complain(out,
                             "stopped; what is done is in %s, the same command continues",
                             c->train.state);
        else
            console_complain(out, "stopped; nothing was kept");
        return EXIT_FAILED;
    }
    if (status != BOVW_OK)
        return console_fail(out, err);
    console_say(out, "%s: %s; id %s, %.1f s", c->output,
                bovw_vocabulary_summary(vocabulary), bovw_vocabulary_id(vocabulary),
                seconds);
    return console_end(out);
}

static int run(int argc, char **argv)
{
    train_command c = {0};
    common_options_default(&c.common);
    feature_input_default(&c.features);
    bovw_train_options_default(&c.train);
    c.train.max_memory = machine_memory() / 4 * 3;
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;
    c.train.kmeans.seed = c.common.seed;

    console out;
    bovw_error err;
    bovw_vocabulary *vocabulary = NULL;
    const double start = clock_seconds();
    console_begin(&out, argv[0], &c.common);
    char *state = mem_format("%s.training", c.output);
    c.train.state = state;
    const bovw_status status =
        state ? train(&c, &out, &vocabulary, &err) : fail_memory(&err, "name of a file");
    const int code = end(&c, &out, status, vocabulary, clock_seconds() - start, &err);
    bovw_vocabulary_close(vocabulary);
    free(state);
    return code;
}

const command command_vocab_train = {
    .name = "vocab train",
    .group = "Making",
    .summary = "train a vocabulary of visual words on pictures",
    .run = run,
};
