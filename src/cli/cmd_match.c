/* SPDX-License-Identifier: MIT
 *
 * bovw match: do two pictures show the same thing? Tentative matches, the
 * motion that they agree on, and a picture of both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/report.h"
#include "bovw/search.h"
#include "bovw/vocabulary.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

enum {
    KEY_RATIO = 0x100,
    DRAWN_SIDE = 1024 /* longer side of each picture in the drawing, pixels */
};
static const float DEFAULT_RATIO = 0.8F; /* Lowe 2004, section 7.1 */

typedef struct match_command {
    common_options common;
    feature_input features;
    const char *paths[2];
    const char *vocabulary;
    const char *output;
    float ratio;
    bool has_ratio;
} match_command;

/* Everything that is found on the way, so that one place frees it. */
typedef struct matching {
    bovw_features features[2];
    bovw_match *matches;
    uint8_t *is_inlier; /* (n,) */
    size_t n;
    bovw_geometry geometry;
} matching;

static void check_arguments(const match_command *c, const struct argp_state *state)
{
    if (!c->paths[1])
        argp_error(state, "two pictures are needed");
    if (c->vocabulary && c->features.is_given)
        argp_error(state, "the vocabulary (-v) says how features are extracted");
    if (c->vocabulary && c->has_ratio)
        argp_error(state, "--ratio has no meaning with a vocabulary (-v)");
    if (strcmp(c->paths[0], "-") == 0 || strcmp(c->paths[1], "-") == 0) {
        if (c->output)
            argp_error(state, "a picture from standard input cannot be drawn (-o)");
        if (strcmp(c->paths[0], c->paths[1]) == 0)
            argp_error(state, "standard input has one picture only");
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    match_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->features;
        state->child_inputs[1] = &c->common;
        return 0;
    case 'v':
        c->vocabulary = text;
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case KEY_RATIO:
        c->ratio = parse_number(state, "--ratio", text, 0.01, 1);
        c->has_ratio = true;
        return 0;
    case ARGP_KEY_ARG:
        if (c->paths[1])
            argp_error(state, "two pictures only, not \"%s\" too", text);
        c->paths[c->paths[0] ? 1 : 0] = text;
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
    (void)input;
    if (key == KEY_RATIO)
        return help_fill(text, "%g", (double)DEFAULT_RATIO);
    return help_as_is(text);
}

static const struct argp_option table[] = {
    {"vocabulary", 'v', "FILE", 0,
     "match features of the same visual word, as a query does (default: match descriptors)",
     0},
    {"output", 'o', "FILE", 0,
     "draw the matches that agree, as PNG, or JPEG where FILE ends in .jpg; - is standard "
     "output, and the text then goes to standard error",
     0},
    {"ratio", KEY_RATIO, "R", 0,
     "nearest descriptor at most R times as far as the second nearest, 0.01 to 1 (default "
     "{})",
     0},
    {0}};

static const struct argp_child children[] = {
    {&feature_argp, 0, "Features:", 1}, {&common_argp, 0, "Common options:", 2}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "A.jpg B.jpg",
    .doc = "Match two pictures and verify the matches. Prints how many features, tentative "
           "matches and inliers there are, how many those count for given their spread, "
           "whether that is more than chance gives, the model of the motion from A to B, "
           "and its 3 x 3 matrix, row by row, in pixels.\v"
           "Example:\n"
           "  bovw match box.png scene.png -o matches.png",
    .children = children,
    .help_filter = help};

/* ---- steps ------------------------------------------------------------------ */

static bovw_status extract_both(const match_command *c, const bovw_feature_options *opts,
                                matching *m, bovw_error *err)
{
    bovw_extractor *extractor = NULL;
    bovw_status status = bovw_extractor_new(opts, &c->common.compute, &extractor, err);
    for (int i = 0; status == BOVW_OK && i < 2; i++)
        status = bovw_extractor_run_file(extractor, c->paths[i], &m->features[i], err);
    bovw_extractor_free(extractor);
    return status;
}

static bovw_status match_by_word(const match_command *c, const bovw_vocabulary *vocabulary,
                                 uint32_t max_matches, matching *m, bovw_error *err)
{
    uint32_t *words[2] = {NULL, NULL};
    bovw_status status = BOVW_OK;
    for (int i = 0; status == BOVW_OK && i < 2; i++) {
        words[i] = mem_array(m->features[i].n, sizeof *words[i]);
        status = words[i] ? bovw_vocabulary_assign(vocabulary, m->features[i].descriptors,
                                                   m->features[i].n, &c->common.compute,
                                                   words[i], NULL, err)
                          : fail_memory(err, c->paths[i]);
    }
    if (status == BOVW_OK)
        status = bovw_match_words(words[0], m->features[0].n, words[1], m->features[1].n,
                                  max_matches, &m->matches, &m->n, err);
    free(words[0]);
    free(words[1]);
    return status;
}

static bovw_frame frame_of(const bovw_features *features)
{
    return (bovw_frame){.keypoints = features->keypoints,
                        .n = features->n,
                        .width = features->width,
                        .height = features->height};
}

static bovw_status verify(const bovw_verify_options *opts, matching *m, bovw_error *err)
{
    bovw_verifier *verifier = NULL;
    const bovw_frame a = frame_of(&m->features[0]), b = frame_of(&m->features[1]);
    m->is_inlier = mem_array(m->n, 1);
    if (!m->is_inlier)
        return fail_memory(err, "matches");
    bovw_status status = bovw_verifier_new(opts, &verifier, err);
    if (status == BOVW_OK)
        status = bovw_verify(verifier, &a, &b, m->matches, m->n, m->is_inlier, &m->geometry,
                             err);
    bovw_verifier_free(verifier);
    return status;
}

static bovw_status draw(const match_command *c, const matching *m, bovw_error *err)
{
    bovw_image images[2] = {{0}, {0}}, picture = {0};
    bovw_status status = BOVW_OK;
    for (int i = 0; status == BOVW_OK && i < 2; i++)
        status = bovw_image_read(c->paths[i], 3, DRAWN_SIDE, &images[i], err);
    if (status == BOVW_OK)
        status = bovw_draw_matches(&images[0], m->features[0].keypoints, &images[1],
                                   m->features[1].keypoints, m->matches, m->is_inlier, m->n,
                                   &m->geometry, &picture, err);
    if (status == BOVW_OK)
        status = bovw_image_write(&picture, c->output, err);
    for (int i = 0; i < 2; i++)
        bovw_image_free(&images[i]);
    bovw_image_free(&picture);
    return status;
}

static void print_matching(FILE *to, const matching *m)
{
    fprintf(to, "features %u %u\n", m->features[0].n, m->features[1].n);
    fprintf(to, "tentative %zu\n", m->n);
    fprintf(to, "inliers %u\n", m->geometry.n_inliers);
    fprintf(to, "effective %.2f\n", (double)m->geometry.effective);
    fprintf(to, "verified %s\n", bovw_geometry_is_verified(&m->geometry) ? "yes" : "no");
    fprintf(to, "model %s\n", bovw_model_name(m->geometry.model));
    if (m->geometry.model == BOVW_MODEL_NONE)
        return;
    fputs("transform", to);
    for (int i = 0; i < 9; i++)
        fprintf(to, " %.9g", (double)m->geometry.transform[i]);
    fputc('\n', to);
}

static bovw_status match(const match_command *c, matching *m, bovw_error *err)
{
    bovw_vocabulary *vocabulary = NULL;
    bovw_verify_options verify_options;
    bovw_verify_options_default(&verify_options);

    bovw_status status = BOVW_OK;
    if (c->output)
        status = check_output(c->output, true, err);
    if (status == BOVW_OK && c->vocabulary)
        status = bovw_vocabulary_open(c->vocabulary, &vocabulary, err);
    if (status == BOVW_OK)
        status = extract_both(
            c, vocabulary ? bovw_vocabulary_options(vocabulary) : &c->features.opts, m,
            err);
    if (status == BOVW_OK)
        status = vocabulary
                     ? match_by_word(c, vocabulary, verify_options.max_matches, m, err)
                     : bovw_match_descriptors(&m->features[0], &m->features[1], c->ratio,
                                              &c->common.compute, &m->matches, &m->n, err);
    if (status == BOVW_OK)
        status = verify(&verify_options, m, err);
    if (status == BOVW_OK && c->output)
        status = draw(c, m, err);
    bovw_vocabulary_close(vocabulary);
    return status;
}

static int run(int argc, char **argv)
{
    match_command c = {.ratio = DEFAULT_RATIO};
    common_options_default(&c.common);
    feature_input_default(&c.features);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    matching m = {0};
    console_begin(&out, argv[0], &c.common);
    const bovw_status status = match(&c, &m, &err);
    if (status == BOVW_OK)
        print_matching(c.output && strcmp(c.output, "-") == 0 ? stderr : stdout, &m);
    for (int i = 0; i < 2; i++)
        bovw_features_free(&m.features[i]);
    free(m.matches);
    free(m.is_inlier);
    return status == BOVW_OK ? console_end(&out) : console_fail(&out, &err);
}

const command command_match = {
    .name = "match",
    .group = "Searching",
    .summary = "match two pictures, verify and draw the matches",
    .run = run,
};
