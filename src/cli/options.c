/* SPDX-License-Identifier: MIT
 *
 * The option groups that commands share, as argp children. Defaults in help
 * texts come from the library, so the two cannot disagree. */
#include <stdarg.h>
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
    KEY_PRESET,
    KEY_VERIFY,
    KEY_MIN_INLIERS,
    KEY_SCORE,
    KEY_ASSIGN,
    KEY_STOP_WORDS,
    KEY_TF,
    KEY_HE_BITS,
    KEY_HE_THRESHOLD,
    KEY_HE_SIGMA,
    KEY_BURSTINESS,
    KEY_ASMK_ALPHA,
    KEY_ASMK_TAU,
    KEY_MATCH_ASSIGN,
    KEY_MATCH_THRESHOLD,
    KEY_EXPAND
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

const struct argp_child common_children[] = {{&common_argp, 0, "Common options:", 1}, {0}};

error_t index_parse(int key, char *text, struct argp_state *state)
{
    index_input *input = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &input->common;
        return 0;
    case ARGP_KEY_ARG:
        if (input->index)
            argp_error(state, "one INDEX only, not \"%s\" too", text);
        input->index = text;
        return 0;
    case ARGP_KEY_END:
        if (!input->index)
            argp_error(state, "INDEX is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

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
        opts->detector =
            (bovw_detector)parse_name(state, "--detector", text, bovw_detector_name);
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

static const char *score_name(size_t i)
{
    return bovw_score_name((bovw_score)i, NULL);
}

static const char *tf_name(size_t i)
{
    return bovw_tf_name((bovw_tf)i);
}

static const char *burstiness_name(size_t i)
{
    return bovw_burstiness_name((bovw_burstiness)i);
}

/* How similar a query and an image are. */
static error_t parse_scoring(int key, const char *text, const struct argp_state *state,
                             bovw_search_options *opts)
{
    switch (key) {
    case KEY_SCORE:
        opts->score = (bovw_score)parse_name(state, "--score", text, score_name);
        return 0;
    case KEY_ASSIGN:
        opts->assign = (uint32_t)parse_count(state, "--assign", text, 1, BOVW_MAX_ASSIGNED);
        return 0;
    case KEY_STOP_WORDS:
        opts->stop_words =
            (uint32_t)parse_count(state, "--stop-words", text, 0, BOVW_MAX_WORDS);
        return 0;
    case KEY_TF:
        opts->tf = (bovw_tf)parse_name(state, "--tf", text, tf_name);
        return 0;
    case KEY_HE_BITS:
        opts->he_bits = (uint32_t)parse_count(state, "--he-bits", text, 64, 128);
        if (opts->he_bits != 64 && opts->he_bits != 128)
            argp_error(state, "--he-bits: %s is neither 64 nor 128", text);
        return 0;
    case KEY_HE_THRESHOLD:
        opts->he_threshold = (uint32_t)parse_count(state, "--he-threshold", text, 0, 64);
        return 0;
    case KEY_HE_SIGMA:
        opts->he_sigma = parse_number(state, "--he-sigma", text, 0.01, 1000);
        return 0;
    case KEY_BURSTINESS:
        opts->burstiness =
            (bovw_burstiness)parse_name(state, "--burstiness", text, burstiness_name);
        return 0;
    case KEY_ASMK_ALPHA:
        opts->asmk_alpha = parse_number(state, "--asmk-alpha", text, 0.01, 100);
        return 0;
    case KEY_ASMK_TAU:
        opts->asmk_tau = parse_number(state, "--asmk-tau", text, 0, 0.99);
        return 0;
    case KEY_MATCH_ASSIGN:
        opts->match_assign =
            (uint32_t)parse_count(state, "--match-assign", text, 1, BOVW_MAX_ASSIGNED);
        return 0;
    case KEY_MATCH_THRESHOLD:
        opts->match_threshold =
            (uint32_t)parse_count(state, "--match-threshold", text, 0, 64);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_search(int key, char *text, struct argp_state *state)
{
    search_input *input = state->input;
    bovw_error err;
    switch (key) {
    case 'n':
        input->opts.top = (uint32_t)parse_count(state, "-n", text, 0, UINT32_MAX);
        return 0;
    case KEY_PRESET:
        if (bovw_search_options_preset(&input->opts, text, &err) != BOVW_OK)
            argp_error(state, "--preset: %s", err.text);
        return 0;
    case KEY_VERIFY:
        input->opts.verify = (uint32_t)parse_count(state, "--verify", text, 0, UINT32_MAX);
        return 0;
    case KEY_MIN_INLIERS:
        input->opts.min_inliers =
            (uint32_t)parse_count(state, "--min-inliers", text, 3, 100000);
        return 0;
    case KEY_EXPAND:
        input->opts.expand = (uint32_t)parse_count(state, "--expand", text, 0, 65535);
        return 0;
    case ARGP_KEY_END:
        if (input->opts.expand > 0 && input->opts.verify == 0)
            argp_error(state, "--expand: it wants verified results; give --verify N too");
        return 0;
    default:
        return parse_scoring(key, text, state, &input->opts);
    }
}

static void PRINTF_LIKE(2, 3) append(char text[SEARCH_TEXT], const char *format, ...)
{
    const size_t length = strlen(text);
    va_list values;
    va_start(values, format);
    vsnprintf(text + length, SEARCH_TEXT - length, format, values);
    va_end(values);
}

const char *search_text(const bovw_search_options *opts, char text[SEARCH_TEXT])
{
    text[0] = 0;
    if (opts->preset)
        append(text, "--preset %s ", opts->preset);
    append(text, "--score %s", score_name((size_t)opts->score));
    if (opts->assign)
        append(text, " --assign %u", opts->assign);
    if (opts->stop_words)
        append(text, " --stop-words %u", opts->stop_words);
    if (opts->score == BOVW_SCORE_TFIDF && opts->tf != BOVW_TF_RAW)
        append(text, " --tf %s", bovw_tf_name(opts->tf));
    if (opts->score == BOVW_SCORE_HE)
        append(text, "%s --he-threshold %u --he-sigma %g --burstiness %s",
               opts->he_bits == 64 ? " --he-bits 64" : "", opts->he_threshold,
               (double)opts->he_sigma, bovw_burstiness_name(opts->burstiness));
    if (opts->score == BOVW_SCORE_ASMK)
        append(text, " --asmk-alpha %g --asmk-tau %g", (double)opts->asmk_alpha,
               (double)opts->asmk_tau);
    append(text, " --verify %u", opts->verify);
    if (opts->verify > 0)
        append(text, " --match-assign %u --match-threshold %u", opts->match_assign,
               opts->match_threshold);
    if (opts->min_inliers > 0)
        append(text, " --min-inliers %u", opts->min_inliers);
    if (opts->expand > 0)
        append(text, " --expand %u", opts->expand);
    append(text, " -n %u", opts->top);
    return text;
}

const char *search_tag(const bovw_search_options *opts, char tag[SEARCH_TAG])
{
    snprintf(tag, SEARCH_TAG, "bovw%s%s", opts->preset ? "-" : "",
             opts->preset ? opts->preset : "");
    return tag;
}

double timings_sum(const bovw_timings *s)
{
    return s->extraction + s->quantisation + s->search + s->verification + s->expansion;
}

static char *help_scores(const char *text)
{
    char names[256] = "";
    const char *summary;
    for (size_t i = 0; bovw_score_name((bovw_score)i, &summary); i++) {
        const size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s (%s%s)", i ? ", " : "",
                 score_name(i), i ? "" : "default: ", summary);
    }
    return help_fill(text, "%s", names);
}

static char *help_presets(const char *text)
{
    char names[256] = "";
    const char *name, *summary;
    for (size_t i = 0; (name = bovw_preset_name(i, &summary)); i++) {
        const size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s (%s)", i ? ", " : "", name,
                 summary);
    }
    return help_fill(text, "%s", names);
}

static char *help_search(int key, const char *text, void *input)
{
    const search_input *search = input;
    if (!search)
        return help_as_is(text);
    switch (key) {
    case 'n':
        return help_fill(text, "%u", search->defaults.top);
    case KEY_PRESET:
        return help_presets(text);
    case KEY_VERIFY:
        return help_fill(text, "%u", search->defaults.verify);
    case KEY_EXPAND:
        return help_fill(text, "%u", search->defaults.expand);
    case KEY_SCORE:
        return help_scores(text);
    case KEY_STOP_WORDS:
        return help_fill(text, "%u", search->defaults.stop_words);
    case KEY_TF:
        return help_fill(text, "%s", bovw_tf_name(search->defaults.tf));
    case KEY_HE_THRESHOLD:
        return help_fill(text, "%u", search->defaults.he_threshold);
    case KEY_HE_SIGMA:
        return help_fill(text, "%g", (double)search->defaults.he_sigma);
    case KEY_BURSTINESS:
        return help_fill(text, "%s", bovw_burstiness_name(search->defaults.burstiness));
    case KEY_ASMK_ALPHA:
        return help_fill(text, "%g", (double)search->defaults.asmk_alpha);
    case KEY_ASMK_TAU:
        return help_fill(text, "%g", (double)search->defaults.asmk_tau);
    case KEY_MATCH_ASSIGN:
        return help_fill(text, "%u", search->defaults.match_assign);
    case KEY_MATCH_THRESHOLD:
        return help_fill(text, "%u", search->defaults.match_threshold);
    default:
        return help_as_is(text);
    }
}

static const struct argp_option search_table[] = {
    {"top", 'n', "N", 0,
     "N results for each query; 0: every image that shares a word with it (default {})", 0},
    {"preset", KEY_PRESET, "NAME", 0,
     "how to search, in one word: {}; options after it change it (default baseline)", 0},
    {"verify", KEY_VERIFY, "N", 0,
     "verify the geometry of the first N results and rank them by similarity and "
     "spatially spread inliers (default {})",
     0},
    {"min-inliers", KEY_MIN_INLIERS, "N", 0,
     "call an image verified from N inliers on and ignore the geometry below that "
     "(default: by how far the inliers spread, so that fewer than 1 in 10,000 chance "
     "matches passes)",
     0},
    {"expand", KEY_EXPAND, "N", 0,
     "search again with what the first N verified results show of the same; needs "
     "--verify (default {})",
     0},
    {"match-assign", KEY_MATCH_ASSIGN, "N", 0,
     "words of a query feature that it is matched by, where the index has he64 or he128 "
     "(default {})",
     0},
    {"match-threshold", KEY_MATCH_THRESHOLD, "BITS", 0,
     "and most bits of 64 in which matching signatures differ (default {})", 0},
    {"score", KEY_SCORE, "NAME", 0, "how images are ranked: {}", 0},
    {"assign", KEY_ASSIGN, "N", 0,
     "words of a query feature, 1 to 16 (default: 1 for tfidf, 5 for he and asmk)", 0},
    {"stop-words", KEY_STOP_WORDS, "N", 0,
     "search without the N words that most images have (default {})", 0},
    {"tf", KEY_TF, "NAME", 0,
     "tfidf: a word that occurs n times counts n (raw), its square root (root) or 1 "
     "(binary) (default {})",
     0},
    {"he-bits", KEY_HE_BITS, "BITS", 0,
     "he: use 64 or 128 bits of the signatures (default: all that the index has)", 0},
    {"he-threshold", KEY_HE_THRESHOLD, "BITS", 0,
     "he: most bits of 64 in which matching signatures differ (default {})", 0},
    {"he-sigma", KEY_HE_SIGMA, "BITS", 0,
     "he: a match with h bits of 64 counts exp(-h^2 / BITS^2) (default {})", 0},
    {"burstiness", KEY_BURSTINESS, "NAME", 0,
     "he: discount what matches often, within an image (intra), also between images "
     "(both), or not at all (none) (default {})",
     0},
    {"asmk-alpha", KEY_ASMK_ALPHA, "A", 0,
     "asmk: a similarity u counts u to the power of A (default {})", 0},
    {"asmk-tau", KEY_ASMK_TAU, "T", 0, "asmk: where it is above T (default {})", 0},
    {0}};

const struct argp search_argp = {
    .options = search_table, .parser = parse_search, .help_filter = help_search};
