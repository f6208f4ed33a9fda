/* SPDX-License-Identifier: MIT
 *
 * bovw info and bovw index info: what any of our files contains, told by its
 * content, as "key: value" lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "bovw/encoder.h"
#include "bovw/index.h"
#include "bovw/metric.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"
#include "io/container.h"

enum {
    KEY_CHECK = 0x100
};

typedef struct info_command {
    common_options common;
    const char *path;
    bool is_checked;
} info_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    info_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case KEY_CHECK:
        c->is_checked = true;
        return 0;
    case ARGP_KEY_ARG:
        if (c->path)
            argp_error(state, "one FILE only, not \"%s\" too", text);
        c->path = text;
        return 0;
    case ARGP_KEY_END:
        if (!c->path)
            argp_error(state, "FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option table[] = {
    {"check", KEY_CHECK, NULL, 0, "decode and verify all of it", 0}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Print what a vocabulary, a feature file, an index, a Gaussian mixture or a "
           "metric contains, one \"key: value\" a line. What FILE is follows from its "
           "content, not from its name.\v"
           "Example:\n"
           "  bovw info photos.bovw\n"
           "  bovw info --check photos.feat",
    .children = common_children};

static void print_options(const bovw_feature_options *opts)
{
    char text[BOVW_FEATURE_OPTIONS_TEXT];
    bovw_feature_options_format(opts, text);
    printf("features: %s\n", text);
}

static void print_groups(const bovw_vocabulary *vocabulary)
{
    const bovw_word_groups groups = bovw_vocabulary_groups(vocabulary);
    if (groups.n_levels == 1)
        printf("groups: %u, %u searched\n", groups.n_groups, groups.n_probes);
    else if (groups.n_levels > 1)
        printf("tree: %u levels\n", groups.n_levels + 1);
    else
        printf("groups: none\n");
}

/* ---- one function for each kind -------------------------------------------- */

static bovw_status print_vocabulary(const char *path, bovw_error *err)
{
    bovw_vocabulary *vocabulary = NULL;
    /* Opening verifies every byte. */
    const bovw_status status = bovw_vocabulary_open(path, &vocabulary, err);
    if (status != BOVW_OK)
        return status;
    printf("kind: vocabulary\n"
           "words: %u\n"
           "id: %s\n"
           "signatures: %s\n"
           "trained: %s\n",
           bovw_vocabulary_size(vocabulary), bovw_vocabulary_id(vocabulary),
           bovw_vocabulary_has_signatures(vocabulary) ? "128 bits" : "none",
           bovw_vocabulary_summary(vocabulary));
    print_groups(vocabulary);
    print_options(bovw_vocabulary_options(vocabulary));
    bovw_vocabulary_close(vocabulary);
    return BOVW_OK;
}

static bovw_status print_mixture(const char *path, bovw_error *err)
{
    bovw_mixture *mixture = NULL;
    const bovw_status status = bovw_mixture_open(path, &mixture, err);
    if (status != BOVW_OK)
        return status;
    printf("kind: Gaussian mixture\n"
           "gaussians: %u\n"
           "dimensions: %u\n"
           "trained: %s\n",
           bovw_mixture_size(mixture), bovw_mixture_dim(mixture),
           bovw_mixture_summary(mixture));
    print_options(bovw_mixture_options_of(mixture));
    bovw_mixture_close(mixture);
    return BOVW_OK;
}

static bovw_status print_metric(const char *path, bovw_error *err)
{
    bovw_projection *projection = NULL;
    const bovw_status status = bovw_projection_open(path, &projection, err);
    if (status != BOVW_OK)
        return status;
    printf("kind: metric\n"
           "from: %u dimensions\n"
           "to: %u dimensions\n"
           "learned: %s\n",
           bovw_projection_dim(projection), bovw_projection_n_out(projection),
           bovw_projection_summary(projection));
    bovw_projection_free(projection);
    return BOVW_OK;
}

static bovw_status check_feature_file(const bovw_feature_file *file,
                                      const bovw_monitor *monitor, bovw_error *err)
{
    const uint32_t n = bovw_feature_file_count(file);
    for (uint32_t i = 0; i < n; i++) {
        bovw_features features = {0};
        const bovw_status status = bovw_feature_file_read(file, i, &features, err);
        if (status != BOVW_OK)
            return status;
        bovw_features_free(&features);
        if (!monitor->progress(monitor->context, "checking", i + 1, n))
            return fail(err, BOVW_ERR_CANCELLED, "stopped; not everything was checked");
    }
    return BOVW_OK;
}

static bovw_status print_feature_file(const info_command *c, const bovw_monitor *monitor,
                                      bovw_error *err)
{
    bovw_feature_file *file = NULL;
    bovw_status status = bovw_feature_file_open(c->path, &file, err);
    if (status != BOVW_OK)
        return status;
    printf("kind: feature file\n"
           "images: %u\n"
           "features: %" PRIu64 "\n",
           bovw_feature_file_count(file), bovw_feature_file_n_features(file));
    print_options(bovw_feature_file_options(file));
    if (c->is_checked)
        status = check_feature_file(file, monitor, err);
    bovw_feature_file_close(file);
    return status;
}

static bovw_status print_index(const info_command *c, const bovw_monitor *monitor,
                               bovw_error *err)
{
    bovw_index *index = NULL;
    const bovw_status status = bovw_index_open(c->path, &index, err);
    if (status != BOVW_OK)
        return status;
    const bovw_vocabulary *vocabulary = bovw_index_vocabulary(index);
    const bovw_removed_info removed = bovw_index_removed(index);
    char signatures[BOVW_SIGNATURES_TEXT];
    bovw_signatures_format(bovw_index_signatures(index), signatures);
    printf("kind: index\n"
           "images: %u\n"
           "features: %" PRIu64 "\n"
           "postings: %" PRIu64 "\n"
           "segments: %u\n"
           "generation: %" PRIu64 "\n"
           "bytes: %" PRIu64 "\n"
           "removed images: %u\n"
           "reclaimable bytes: about %" PRIu64 "\n"
           "signatures: %s\n"
           "words: %u\n"
           "vocabulary: %s\n"
           "trained: %s\n",
           bovw_index_n_images(index), bovw_index_n_features(index),
           bovw_index_n_postings(index), bovw_index_n_segments(index),
           bovw_index_generation(index), bovw_index_bytes(index), removed.n_images,
           removed.bytes, signatures, bovw_vocabulary_size(vocabulary),
           bovw_vocabulary_id(vocabulary), bovw_vocabulary_summary(vocabulary));
    print_groups(vocabulary);
    print_options(bovw_vocabulary_options(vocabulary));
    bovw_index_close(index);
    return c->is_checked ? bovw_index_check(c->path, monitor, err) : BOVW_OK;
}

static bovw_status print_info(const info_command *c, const bovw_monitor *monitor,
                              bovw_error *err)
{
    char kind[CONTAINER_KIND_BYTES + 1];

    if (file_is_folder(c->path))
        return print_index(c, monitor, err);
    bovw_status status = container_kind(c->path, kind, err);
    if (status != BOVW_OK)
        return status;
    if (strcmp(kind, "VOCA") == 0)
        return print_vocabulary(c->path, err);
    if (strcmp(kind, "GMIX") == 0)
        return print_mixture(c->path, err);
    if (strcmp(kind, "METR") == 0)
        return print_metric(c->path, err);
    if (kind[0] && strcmp(kind, "FEAT") != 0)
        return fail(err, BOVW_ERR_FORMAT,
                    "%s: a part of an index; give the folder that it is in", c->path);
    status = print_feature_file(c, monitor, err);
    if (status == BOVW_ERR_FORMAT)
        return fail(err, BOVW_ERR_FORMAT,
                    "%s: neither a vocabulary nor a feature file nor an index", c->path);
    return status;
}

static int run(int argc, char **argv)
{
    info_command c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    console_begin(&out, argv[0], &c.common);
    const bovw_monitor monitor = console_monitor(&out);
    if (print_info(&c, &monitor, &err) != BOVW_OK)
        return console_fail(&out, &err);
    if (c.is_checked)
        console_say(&out, "%s: no damage found", c.path);
    return console_end(&out);
}

const command command_index_info = {
    .name = "index info",
    .group = "Inspecting",
    .summary = "the same as info, for an index",
    .run = run,
};

const command command_info = {
    .name = "info",
    .group = "Inspecting",
    .summary = "print what a vocabulary, feature file, index, mixture or metric contains",
    .run = run,
};
