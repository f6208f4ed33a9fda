/* SPDX-License-Identifier: MIT
 *
 * bovw vlad: one vector of every picture. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bovw/encoder.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

enum {
    KEY_FORCE = 0x100,
    KEY_METHOD,
    KEY_NAMES,
    KEY_NORMALISE
};

typedef struct vlad_command {
    common_options common;
    feature_input features;
    bovw_encoding encoding;
    const char *normalise; /* as given, or NULL */
    unsigned normalisation;
    const char *vocabulary, *output, *names;
    bool is_forced;
    arguments paths;
} vlad_command;

static unsigned parse_normalisation(const struct argp_state *state, const char *text)
{
    static const struct {
        const char *name;
        unsigned value;
    } known[] = {{"none", 0},
                 {"intra", BOVW_NORMALISE_INTRA},
                 {"root", BOVW_NORMALISE_ROOT},
                 {"intra,root", BOVW_NORMALISE_INTRA | BOVW_NORMALISE_ROOT}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(text, known[i].name) == 0)
            return known[i].value;
    }
    argp_error(state, "--normalise: \"%s\" is not one of intra,root, intra, root, none",
               text);
    return 0;
}

static void check_arguments(vlad_command *c, const struct argp_state *state)
{
    if (!c->vocabulary)
        argp_error(state, "-v FILE is missing");
    if (!c->output)
        argp_error(state, "-o FILE is missing");
    if (strcmp(c->output, "-") == 0)
        argp_error(state, "-o: vectors cannot be written to standard output");
    if (c->paths.n == 0)
        argp_error(state, "PATH is missing");
    c->normalisation = c->normalise ? parse_normalisation(state, c->normalise)
                                    : bovw_encoding_normalisation(c->encoding);
    if (c->encoding != BOVW_ENCODING_VLAD && c->normalisation & BOVW_NORMALISE_INTRA)
        argp_error(state, "--normalise intra goes with --method vlad");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    vlad_command *c = state->input;
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
    case KEY_NAMES:
        c->names = text;
        return 0;
    case KEY_FORCE:
        c->is_forced = true;
        return 0;
    case KEY_METHOD:
        c->encoding =
            (bovw_encoding)parse_name(state, "--method", text, bovw_encoding_name);
        return 0;
    case KEY_NORMALISE:
        c->normalise = text;
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

static const struct argp_option table[] = {
    {"vocabulary", 'v', "FILE", 0,
     "the vocabulary, or for fisher the mixture of \"bovw gmm train\" (required)", 0},
    {"output", 'o', "FILE", 0, "the file of vectors to make, in numpy's format (required)",
     0},
    {"names", KEY_NAMES, "FILE", 0,
     "their names, one a line (default: the output with .names in place of .npy)", 0},
    {"force", KEY_FORCE, NULL, 0, "replace files that exist", 0},
    {"method", KEY_METHOD, "NAME", 0,
     "vlad (128 values a word), bow (a histogram of the words) or fisher (twice the "
     "mixture's dimensions a Gaussian) (default vlad)",
     0},
    {"normalise", KEY_NORMALISE, "LIST", 0,
     "intra,root (default of vlad: each word's part to length 1, then square roots), "
     "intra, root (default of fisher) or none (default of bow); then vlad and fisher "
     "are divided by their length, bow is divided by its sum before",
     0},
    {0}};

static const struct argp_child children[] = {
    {&feature_argp, 0, "Features:", 1}, {&common_argp, 0, "Common options:", 2}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "-v FILE -o FILE.npy PATH...",
    .doc = "Make one vector of every picture, for \"bovw rank\" and \"bovw metric\", and "
           "the file of their names. A vocabulary of 64 or so words is the usual choice "
           "for VLAD. PATH is a picture, a folder, @LIST or a feature file.\v"
           "Example:\n"
           "  bovw vocab train -k 64 -o small.vocab photos.feat\n"
           "  bovw vlad -v small.vocab -o photos.npy photos.feat\n"
           "  bovw rank --db photos.npy --db-names photos.names -n 20",
    .children = children};

/* What encodes: a vocabulary or a mixture, and the encoder on it. */
typedef struct opened_encoder {
    bovw_vocabulary *vocabulary;
    bovw_mixture *mixture;
    bovw_encoder *encoder;
} opened_encoder;

static bovw_status open_encoder(const vlad_command *c, opened_encoder *o, bovw_error *err)
{
    bovw_status status;
    if (c->encoding == BOVW_ENCODING_FISHER) {
        status = bovw_mixture_open(c->vocabulary, &o->mixture, err);
        if (status == BOVW_OK)
            status =
                bovw_encoder_new_fisher(o->mixture, c->normalisation, &o->encoder, err);
        return status;
    }
    status = bovw_vocabulary_open(c->vocabulary, &o->vocabulary, err);
    if (status == BOVW_OK)
        status = bovw_encoder_new(o->vocabulary, c->encoding, c->normalisation, &o->encoder,
                                  err);
    return status;
}

static void close_encoder(opened_encoder *o)
{
    bovw_encoder_free(o->encoder);
    bovw_vocabulary_close(o->vocabulary);
    bovw_mixture_close(o->mixture);
}

static bovw_status encode(const vlad_command *c, const char *names, console *out,
                          uint32_t *n, uint32_t *dim, bovw_error *err)
{
    opened_encoder opened = {0};
    bovw_source *source = NULL;
    const bovw_monitor monitor = console_monitor(out);
    bovw_status status = check_output(c->output, c->is_forced, err);
    if (status == BOVW_OK)
        status = check_output(names, c->is_forced, err);
    if (status == BOVW_OK)
        status = open_encoder(c, &opened, err);
    if (status == BOVW_OK) /* pictures are extracted as the vocabulary's were */
        status = open_source(&c->paths,
                             c->features.is_given ? feature_input_get(&c->features)
                                                  : bovw_encoder_options(opened.encoder),
                             &monitor, &source, err);
    if (status == BOVW_OK) {
        *dim = bovw_encoder_dim(opened.encoder);
        status = bovw_encode_source(opened.encoder, source, c->output, names,
                                    &c->common.compute, &monitor, n, err);
    }
    bovw_source_close(source);
    close_encoder(&opened);
    return status;
}

/* "photos.names" beside "photos.npy". The caller's; NULL without memory. */
static char *names_beside(const char *output)
{
    const size_t length = strlen(output);
    const bool has_suffix = length > 4 && strcmp(output + length - 4, ".npy") == 0;
    return mem_format("%.*s.names", (int)(has_suffix ? length - 4 : length), output);
}

static int run(int argc, char **argv)
{
    vlad_command c = {.encoding = BOVW_ENCODING_VLAD};
    common_options_default(&c.common);
    feature_input_default(&c.features);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    uint32_t n = 0, dim = 0;
    const double start = clock_seconds();
    console_begin(&out, argv[0], &c.common);
    char *names = c.names ? mem_text(c.names) : names_beside(c.output);
    const bovw_status status =
        names ? encode(&c, names, &out, &n, &dim, &err) : fail_memory(&err, c.output);
    if (status == BOVW_OK) {
        char count[COUNT_TEXT];
        console_say(&out, "%s: %s vector%s of %u values in %.1f s, names in %s", c.output,
                    count_text(n, count), plural(n), dim, clock_seconds() - start, names);
    }
    free(names);
    return console_finish(&out, status, &err, "nothing was written");
}

const command command_vlad = {
    .name = "vlad",
    .group = "Making",
    .summary = "make one vector of every picture: VLAD, histogram, Fisher vector",
    .run = run,
};
