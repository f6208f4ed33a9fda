/* SPDX-License-Identifier: MIT
 *
 * bovw metric learn: a linear map after which vectors compare better. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bovw/eval.h"
#include "bovw/metric.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

enum {
    KEY_FORCE = 0x100,
    KEY_METHOD,
    KEY_DIM,
    KEY_NAMES,
    KEY_TRUTH,
    KEY_PAIRS,
    KEY_POWER,
    KEY_SHRINKAGE,
    KEY_MARGIN,
    KEY_RATE,
    KEY_DECAY,
    KEY_EPOCHS,
    KEY_PATIENCE,
    KEY_VALIDATION
};

typedef struct learn_command {
    common_options common;
    bovw_learn_options opts;
    bool has_method;
    const char *vectors, *output, *names, *truth, *pairs;
    bool is_forced;
} learn_command;

static void check_arguments(const learn_command *c, const struct argp_state *state)
{
    const bool is_supervised = bovw_learner_is_supervised(c->opts.learner);
    if (!c->has_method)
        argp_error(state, "--method NAME is missing");
    if (!c->vectors)
        argp_error(state, "VECTORS is missing");
    if (!c->output)
        argp_error(state, "-o FILE is missing");
    if (strcmp(c->output, "-") == 0)
        argp_error(state, "-o: a metric cannot be written to standard output");
    if (is_supervised && (!c->names || !c->truth == !c->pairs))
        argp_error(state, "--method %s needs --names, and --truth or --pairs",
                   bovw_learner_name(c->opts.learner));
    if (!is_supervised && (c->names || c->truth || c->pairs))
        argp_error(state, "--names, --truth and --pairs go with lw, triplet and siamese");
}

static error_t parse_number_option(learn_command *c, int key, const char *text,
                                   const struct argp_state *state)
{
    bovw_learn_options *o = &c->opts;
    switch (key) {
    case KEY_POWER:
        o->power = parse_number(state, "--power", text, 0, 1);
        return 0;
    case KEY_SHRINKAGE:
        o->shrinkage = parse_number(state, "--shrinkage", text, 1e-6, 1);
        return 0;
    case KEY_MARGIN:
        o->margin = parse_number(state, "--margin", text, 1e-6, 4);
        return 0;
    case KEY_RATE:
        o->rate = parse_number(state, "--rate", text, 0, 1e6);
        return 0;
    case KEY_DECAY:
        o->decay = parse_number(state, "--decay", text, 0, 1);
        return 0;
    case KEY_VALIDATION:
        o->validation = parse_number(state, "--validation", text, 0.01, 0.9);
        return 0;
    case KEY_DIM:
        o->dim = (uint32_t)parse_count(state, "--dim", text, 1, 1 << 20);
        return 0;
    case KEY_EPOCHS:
        o->epochs = (uint32_t)parse_count(state, "--epochs", text, 0, 1000000);
        return 0;
    case KEY_PATIENCE:
        o->patience = (uint32_t)parse_count(state, "--patience", text, 1, 1000000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    learn_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case KEY_METHOD:
        c->opts.learner =
            (bovw_learner)parse_name(state, "--method", text, bovw_learner_name);
        c->has_method = true;
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case KEY_FORCE:
        c->is_forced = true;
        return 0;
    case KEY_NAMES:
        c->names = text;
        return 0;
    case KEY_TRUTH:
        c->truth = text;
        return 0;
    case KEY_PAIRS:
        c->pairs = text;
        return 0;
    case ARGP_KEY_ARG:
        if (c->vectors)
            argp_error(state, "one file of vectors only, not \"%s\" too", text);
        c->vectors = text;
        return 0;
    case ARGP_KEY_END:
        check_arguments(c, state);
        return 0;
    default:
        return parse_number_option(c, key, text, state);
    }
}

static char *help(int key, const char *text, void *input)
{
    bovw_learn_options d;
    (void)input;
    bovw_learn_options_default(&d);
    switch (key) {
    case KEY_POWER:
        return help_fill(text, "%g", (double)d.power);
    case KEY_SHRINKAGE:
        return help_fill(text, "%g", (double)d.shrinkage);
    case KEY_RATE:
        return help_fill(text, "%g", (double)d.rate);
    case KEY_DECAY:
        return help_fill(text, "%g", (double)d.decay);
    case KEY_EPOCHS:
        return help_fill(text, "%u", d.epochs);
    case KEY_PATIENCE:
        return help_fill(text, "%u", d.patience);
    case KEY_VALIDATION:
        return help_fill(text, "%g", (double)d.validation);
    default:
        return help_as_is(text);
    }
}

static const struct argp_option table[] = {
    {"method", KEY_METHOD, "NAME", 0,
     "pca, whiten (principal components, divided by their deviations), and from groups "
     "lw (supervised whitening), triplet or siamese (from there by gradient descent on "
     "triplets or pairs) (required)",
     0},
    {"output", 'o', "FILE", 0, "the metric to make (required)", 0},
    {"force", KEY_FORCE, NULL, 0, "replace FILE if it exists", 0},
    {"dim", KEY_DIM, "N", 0, "dimensions of mapped vectors (default: all there are)", 0},
    {"power", KEY_POWER, "P", 0,
     "of whiten: divide by the variance to the power P/2 (default {}); 0.5 is gentler", 0},
    {0, 0, NULL, 0, "For lw, triplet and siamese:", 1},
    {"names", KEY_NAMES, "FILE", 0, "names of the vectors, one a line", 1},
    {"truth", KEY_TRUTH, "KIND:PATH", 0,
     "what shows the same: a ground truth with groups. Vectors that it does not name "
     "are left alone; a group of one image is held against all others",
     1},
    {"pairs", KEY_PAIRS, "FILE", 0,
     "the same as pairs, \"NAME1 NAME2\" a line; what pairs connect is one group", 1},
    {"shrinkage", KEY_SHRINKAGE, "S", 0,
     "of the covariance within groups, towards the identity (default {}); less with "
     "many groups",
     1},
    {0, 0, NULL, 0, "For triplet and siamese:", 2},
    {"margin", KEY_MARGIN, "M", 0,
     "of triplets, in squared distances (default 0.1); of pairs, a distance (default "
     "0.7)",
     2},
    {"rate", KEY_RATE, "R", 0, "of learning; falls to 0 over the epochs (default {})", 2},
    {"decay", KEY_DECAY, "D", 0, "pull towards the start (default {})", 2},
    {"epochs", KEY_EPOCHS, "N", 0, "at most N passes over the vectors (default {})", 2},
    {"patience", KEY_PATIENCE, "N", 0,
     "stop after N epochs that did not help the groups held out (default {})", 2},
    {"validation", KEY_VALIDATION, "SHARE", 0,
     "share of the groups that is held out for that (default {})", 2},
    {0}};

static const struct argp_child children[] = {{&common_argp, 0, "Common options:", 3}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "--method NAME -o FILE VECTORS",
    .doc = "Learn a linear map of global vectors, after which their cosines say more, "
           "from the vectors alone or from groups of images that show the same. VECTORS "
           "is a file of \"bovw vlad\" or of another model (.npy, .fvecs, .bvecs).\v"
           "Example:\n"
           "  bovw metric learn --method whiten --dim 256 -o w.metric photos.npy\n"
           "  bovw metric learn --method lw --names photos.names \\\n"
           "      --truth groups:groups.tsv -o m.metric photos.npy\n"
           "  bovw metric apply -m m.metric -o better.npy photos.npy",
    .children = children,
    .help_filter = help};

/* ---- labels ----------------------------------------------------------------------------
 */

typedef struct labels {
    uint32_t *groups, *families; /* (n,) */
    bovw_labels view;
} labels;

static bovw_status labels_of_truth(const learn_command *c, const bovw_names *names,
                                   labels *l, bovw_error *err)
{
    bovw_truth *truth = NULL;
    bovw_binding *binding = NULL;
    bovw_status status = bovw_truth_open(c->truth, &truth, err);
    if (status == BOVW_OK)
        status = bovw_binding_new(truth, names->items, names->n, &binding, NULL, err);
    if (status == BOVW_OK)
        status = bovw_binding_labels(binding, l->groups, l->families, err);
    bovw_binding_free(binding);
    bovw_truth_close(truth);
    return status;
}

static bovw_status labels_of_pairs(const learn_command *c, const bovw_names *names,
                                   console *out, labels *l, bovw_error *err)
{
    uint32_t n_missing = 0;
    for (uint32_t i = 0; i < names->n; i++)
        l->families[i] = BOVW_NO_GROUP;
    const bovw_status status =
        bovw_groups_of_pairs(c->pairs, names->items, names->n, l->groups, &n_missing, err);
    if (status == BOVW_OK && n_missing > 0)
        console_complain(out, "%s: %u pair%s with an image that has no vector", c->pairs,
                         n_missing, plural(n_missing));
    return status;
}

static bovw_status read_labels(const learn_command *c, uint32_t n, console *out, labels *l,
                               bovw_error *err)
{
    bovw_names names = {0};
    bovw_status status = bovw_names_read(c->names, n, &names, err);
    if (status != BOVW_OK)
        return status;
    l->groups = mem_array(n, sizeof *l->groups);
    l->families = mem_array(n, sizeof *l->families);
    if (!l->groups || !l->families)
        status = fail_memory(err, "labels of vectors");
    else
        status = c->truth ? labels_of_truth(c, &names, l, err)
                          : labels_of_pairs(c, &names, out, l, err);
    l->view = (bovw_labels){l->groups, l->families};
    bovw_names_free(&names);
    return status;
}

static bovw_status learn(const learn_command *c, console *out, bovw_projection **projection,
                         bovw_error *err)
{
    bovw_vectors *vectors = NULL;
    labels l = {0};
    const bool is_supervised = bovw_learner_is_supervised(c->opts.learner);
    const bovw_monitor monitor = console_monitor(out);
    bovw_status status = check_output(c->output, c->is_forced, err);
    if (status == BOVW_OK)
        status = bovw_vectors_open(c->vectors, &vectors, err);
    if (status == BOVW_OK && is_supervised)
        status = read_labels(c, bovw_vectors_count(vectors), out, &l, err);
    if (status == BOVW_OK)
        status = bovw_projection_learn(vectors, is_supervised ? &l.view : NULL, &c->opts,
                                       &c->common.compute, &monitor, projection, err);
    if (status == BOVW_OK)
        status = bovw_projection_save(*projection, c->output, err);
    free(l.groups);
    free(l.families);
    bovw_vectors_close(vectors);
    return status;
}

static int run(int argc, char **argv)
{
    learn_command c = {0};
    common_options_default(&c.common);
    bovw_learn_options_default(&c.opts);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;
    c.opts.seed = c.common.seed;

    console out;
    bovw_error err;
    bovw_projection *projection = NULL;
    const double start = clock_seconds();
    console_begin(&out, argv[0], &c.common);
    const bovw_status status = learn(&c, &out, &projection, &err);
    if (status == BOVW_OK)
        console_say(&out, "%s: from %u to %u dimensions: %s; %.1f s", c.output,
                    bovw_projection_dim(projection), bovw_projection_n_out(projection),
                    bovw_projection_summary(projection), clock_seconds() - start);
    bovw_projection_free(projection);
    return console_finish(&out, status, &err, "nothing was written");
}

const command command_metric_learn = {
    .name = "metric learn",
    .group = "Making",
    .summary = "learn a linear map that makes global vectors compare better",
    .run = run,
};
