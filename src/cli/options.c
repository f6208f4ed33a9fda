/* SPDX-License-Identifier: MIT
 *
 * The option groups that commands share, as argp children. Defaults in help
 * texts come from the library, so the two cannot disagree. */
#include <stdio.h>
#include <string.h>

#include "bovw/vocabulary.h"
#include "cli/common.h"

enum {
    KEY_THREADS = 0x100,
    KEY_SEED,
    KEY_VERBOSE,
    KEY_KERNEL,
    KEY_EXTRACTOR,
    KEY_MAX_SIDE,
    KEY_MAX_FEATURES,
    KEY_FIRST_OCTAVE,
    KEY_PEAK,
    KEY_EDGE,
    KEY_PLAIN_SIFT,
    KEY_UPRIGHT,
    KEY_DETECTOR,
    KEY_VERIFY,
    KEY_MIN_INLIERS
};

/* ---- options that every command has -------------------------------------- */

void common_options_default(common_options *opts)
{
    bovw_kmeans_options kmeans;
    bovw_kmeans_options_default(&kmeans);
    *opts = (common_options){.seed = kmeans.seed};
}

static const char *parse_kernel(const struct argp_state *state, const char *text)
{
    char names[128] = "auto";
    if (strcmp(text, "auto") == 0)
        return text;
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        const char *name = bovw_kernel_name(i);
        const size_t length = strlen(names);
        if (strcmp(text, name) == 0)
            return name;
        snprintf(names + length, sizeof names - length, ", %s", name);
    }
    argp_error(state, "--kernel: \"%s\" is not one of %s", text, names);
    return NULL;
}

static const char *parse_extractor(const struct argp_state *state, const char *text)
{
    for (size_t i = 0; bovw_extractor_name(i); i++) {
        if (strcmp(text, bovw_extractor_name(i)) == 0)
            return bovw_extractor_name(i);
    }
    argp_error(state, "--extractor: \"%s\" is neither fast nor vlfeat", text);
    return NULL;
}

static error_t parse_common(int key, char *text, struct argp_state *state)
{
    common_options *opts = state->input;
    switch (key) {
    case KEY_THREADS:
        opts->compute.n_threads = (uint32_t)parse_count(state, "--threads", text, 0, 1024);
        return 0;
    case KEY_SEED:
        opts->seed = parse_count(state, "--seed", text, 0, UINT64_MAX);
        return 0;
    case KEY_KERNEL:
        opts->compute.kernel = parse_kernel(state, text);
        return 0;
    case KEY_EXTRACTOR:
        opts->compute.extractor = parse_extractor(state, text);
        return 0;
    case 'q':
        opts->is_quiet = true;
        return 0;
    case KEY_VERBOSE:
        opts->is_verbose = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help_common(int key, const char *text, void *input)
{
    common_options defaults;
    (void)input;
    common_options_default(&defaults);
    if (key == KEY_SEED)
        return help_fill(text, "%llu", (unsigned long long)defaults.seed);
    return help_as_is(text);
}

static const struct argp_option common_table[] = {
    {"threads", KEY_THREADS, "N", 0,
     "use N threads; the result does not depend on it (default 0: all processors)", 0},
    {"seed", KEY_SEED, "S", 0, "seed of what is drawn at random (default {})", 0},
    {"quiet", 'q', NULL, 0, "print errors and skipped inputs only", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "print more of what is done", 0},
    {"kernel", KEY_KERNEL, "NAME", 0,
     "how words are assigned, for tests; the result does not depend on it (default auto: "
     "the fastest; \"bovw --version\" lists them)",
     0},
    {"extractor", KEY_EXTRACTOR, "NAME", 0,
     "fast, or vlfeat: the library that it is measured against; both find the same "
     "features to float rounding (default fast)",
     0},
    {0}};

const struct argp common_argp = {
    .options = common_table, .parser = parse_common, .help_filter = help_common};

/* ---- how features are extracted ------------------------------------------ */

void feature_input_default(feature_input *input)
{
    *input = (feature_input){0};
    bovw_feature_options_default(&input->opts);
}

const bovw_feature_options *feature_input_get(const feature_input *input)
{
    return input->is_given ? &input->opts : NULL;
}

static bovw_detector parse_detector(const struct argp_state *state, const char *text)
{
    char names[128] = "";
    for (size_t i = 0; bovw_detector_name(i); i++) {
        const char *name = bovw_detector_name(i);
        const size_t length = strlen(names);
        if (strcmp(text, name) == 0)
            return (bovw_detector)i;
        snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", name);
    }
    argp_error(state, "--detector: \"%s\" is not one of %s", text, names);
    return BOVW_DETECTOR_DOG;
}

static error_t parse_features(int key, char *text, struct argp_state *state)
{
    feature_input *input = state->input;
    bovw_feature_options *opts = &input->opts;
    switch (key) {
    case KEY_MAX_SIDE:
        opts->max_side = (uint32_t)parse_count(state, "--max-side", text, 16, 8192);
        break;
    case KEY_MAX_FEATURES:
        opts->max_features =
            (uint32_t)parse_count(state, "--max-features", text, 0, 1000000);
        break;
    case KEY_FIRST_OCTAVE:
        opts->first_octave = parse_integer(state, "--first-octave", text, -1, 3);
        break;
    case KEY_PEAK:
        opts->peak_threshold = parse_number(state, "--peak", text, 0, 255);
        break;
    case KEY_EDGE:
        opts->edge_threshold = parse_number(state, "--edge", text, 1, 1000);
        break;
    case KEY_PLAIN_SIFT:
        opts->root = false;
        break;
    case KEY_DETECTOR:
        opts->detector = parse_detector(state, text);
        break;
    case KEY_UPRIGHT:
        opts->upright = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    input->is_given = true;
    return 0;
}

static char *help_features(int key, const char *text, void *input)
{
    bovw_feature_options defaults;
    (void)input;
    bovw_feature_options_default(&defaults);
    switch (key) {
    case KEY_MAX_SIDE:
        return help_fill(text, "%u", defaults.max_side);
    case KEY_MAX_FEATURES:
        return help_fill(text, "%u", defaults.max_features);
    case KEY_FIRST_OCTAVE:
        return help_fill(text, "%d", defaults.first_octave);
    case KEY_PEAK:
        return help_fill(text, "%g", (double)defaults.peak_threshold);
    case KEY_EDGE:
        return help_fill(text, "%g", (double)defaults.edge_threshold);
    case KEY_DETECTOR:
        return help_fill(text, "%s", bovw_detector_name(defaults.detector));
    default:
        return help_as_is(text);
    }
}

static const struct argp_option feature_table[] = {
    {"max-side", KEY_MAX_SIDE, "PIXELS", 0,
     "scale larger pictures down until the longer side has so many pixels, 16 to 8192 "
     "(default {})",
     0},
    {"max-features", KEY_MAX_FEATURES, "N", 0,
     "keep the N strongest features of a picture; 0: all (default {})", 0},
    {"first-octave", KEY_FIRST_OCTAVE, "N", 0,
     "-1 doubles the picture first and finds smaller features, 0 does not (default {})", 0},
    {"peak", KEY_PEAK, "GREY", 0,
     "weakest feature: least difference of Gaussians, grey levels 0 to 255 (default {})",
     0},
    {"edge", KEY_EDGE, "RATIO", 0,
     "largest ratio of curvatures, 1 to 1000; lower values drop more edges (default {})",
     0},
    {"detector", KEY_DETECTOR, "NAME", 0,
     "how features are found: dog, hessian, or dog-affine or hessian-affine, which undo "
     "how a surface is foreshortened (default {})",
     0},
    {"plain-sift", KEY_PLAIN_SIFT, NULL, 0, "SIFT instead of RootSIFT", 0},
    {"upright", KEY_UPRIGHT, NULL, 0,
     "give every feature the same orientation: for pictures that are never turned", 0},
    {0}};

const struct argp feature_argp = {
    .options = feature_table, .parser = parse_features, .help_filter = help_features};

/* ---- how a query is ranked ------------------------------------------------ */

void search_input_default(search_input *input, uint32_t top)
{
    bovw_search_options_default(&input->defaults);
    input->defaults.top = top;
    input->opts = input->defaults;
}

static error_t parse_search(int key, char *text, struct argp_state *state)
{
    search_input *input = state->input;
    switch (key) {
    case 'n':
        input->opts.top = (uint32_t)parse_count(state, "-n", text, 0, UINT32_MAX);
        return 0;
    case KEY_VERIFY:
        input->opts.verify = (uint32_t)parse_count(state, "--verify", text, 0, UINT32_MAX);
        return 0;
    case KEY_MIN_INLIERS:
        input->opts.min_inliers =
            (uint32_t)parse_count(state, "--min-inliers", text, 3, 100000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help_search(int key, const char *text, void *input)
{
    const search_input *search = input;
    if (!search)
        return help_as_is(text);
    switch (key) {
    case 'n':
        return help_fill(text, "%u", search->defaults.top);
    case KEY_VERIFY:
        return help_fill(text, "%u", search->defaults.verify);
    case KEY_MIN_INLIERS:
        return help_fill(text, "%u", search->defaults.min_inliers);
    default:
        return help_as_is(text);
    }
}

static const struct argp_option search_table[] = {
    {"top", 'n', "N", 0,
     "N results for each query; 0: every image that shares a word with it (default {})", 0},
    {"verify", KEY_VERIFY, "N", 0,
     "verify the geometry of the first N results and rank those that agree above all "
     "others (default {})",
     0},
    {"min-inliers", KEY_MIN_INLIERS, "N", 0,
     "matches that must agree for that (default {})", 0},
    {0}};

const struct argp search_argp = {
    .options = search_table, .parser = parse_search, .help_filter = help_search};
