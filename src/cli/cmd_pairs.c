/* SPDX-License-Identifier: MIT
 *
 * bovw pairs: the images of an index that are worth matching with each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "bovw/pairs.h"
#include "cli/commands.h"
#include "cli/console.h"

enum {
    KEY_ROOT = 0x100
};

typedef struct pairs_command {
    common_options common;
    const char *index, *output;
    const char *root; /* or NULL */
    uint32_t top;
} pairs_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    pairs_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case 'n':
        c->top = (uint32_t)parse_count(state, "-n", text, 1, UINT32_MAX);
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case KEY_ROOT:
        c->root = text;
        return 0;
    case ARGP_KEY_ARG:
        if (c->index)
            argp_error(state, "one INDEX only, not \"%s\" too", text);
        c->index = text;
        return 0;
    case ARGP_KEY_END:
        if (!c->index)
            argp_error(state, "INDEX is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option table[] = {
    {"top", 'n', "N", 0, "the N best partners of every image (default 50)", 0},
    {"root", KEY_ROOT, "FOLDER", 0,
     "write names relative to this folder, which all of them must be in", 0},
    {"output", 'o', "FILE", 0, "the list to write (default -)", 0},
    {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "INDEX",
    .doc = "Write the pairs of images that look alike, \"NAME1 NAME2\" a line, each pair "
           "once: the list that COLMAP's matches_importer and hloc read. The words that "
           "the index has are compared; the pictures are not needed.\v"
           "Example:\n"
           "  bovw pairs photos.bovw -n 50 --root photos -o pairs.txt\n"
           "  colmap matches_importer --database_path db.db --match_list_path pairs.txt",
    .children = common_children};

/* The image's name as the list has it; NULL with an error. */
static const char *listed_name(const pairs_command *c, const char *name, bovw_error *err)
{
    const char *shown = name;
    if (c->root) {
        size_t length = strlen(c->root);
        while (length > 1 && c->root[length - 1] == '/')
            length--;
        if (strncmp(name, c->root, length) != 0 || name[length] != '/') {
            fail(err, BOVW_ERR_ARG, "image %s is not in the folder %s", name, c->root);
            return NULL;
        }
        shown = name + length + 1;
    }
    if (shown[strcspn(shown, " \t\r\n\v\f")] != '\0') {
        fail(err, BOVW_ERR_ARG,
             "image %s: a list of pairs cannot hold a name with white space", name);
        return NULL;
    }
    return shown;
}

static bovw_status list_names(const pairs_command *c, const bovw_index *index,
                              const char ***names, bovw_error *err)
{
    const uint32_t n = bovw_index_n_images(index);
    const char **listed = mem_array(n, sizeof *listed);
    if (!listed)
        return fail_memory(err, "names of images");
    for (uint32_t i = 0; i < n; i++) {
        listed[i] = listed_name(c, bovw_index_image(index, i).name, err);
        if (!listed[i]) {
            free(listed);
            return BOVW_ERR_ARG;
        }
    }
    *names = listed;
    return BOVW_OK;
}

static bovw_status write_pairs(const pairs_command *c, const bovw_pair *pairs, size_t n,
                               const char *const *names, bovw_error *err)
{
    new_file file;
    const bovw_status status = new_file_open(c->output, &file, err);
    if (status != BOVW_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        fprintf(file.stream, "%s %s\n", names[pairs[i].a], names[pairs[i].b]);
    if (ferror(file.stream)) {
        const bovw_status failed = fail_errno(err, c->output, "cannot write");
        new_file_abort(&file);
        return failed;
    }
    return new_file_commit(&file, err);
}

static bovw_status make_pairs(const pairs_command *c, console *out, bovw_error *err)
{
    const bovw_monitor monitor = console_monitor(out);
    bovw_index *index = NULL;
    const char **names = NULL;
    bovw_pair *pairs = NULL;
    size_t n = 0;
    bovw_status status = bovw_index_open(c->index, &index, err);
    if (status == BOVW_OK)
        status = list_names(c, index, &names, err);
    if (status == BOVW_OK)
        status =
            bovw_index_pairs(index, c->top, &c->common.compute, &monitor, &pairs, &n, err);
    if (status == BOVW_OK)
        status = write_pairs(c, pairs, n, names, err);
    if (status == BOVW_OK) {
        char n_pairs[COUNT_TEXT], n_images[COUNT_TEXT];
        console_say(out, "%s pairs of %s images", count_text(n, n_pairs),
                    count_text(bovw_index_n_images(index), n_images));
    }
    free(pairs);
    free(names);
    bovw_index_close(index);
    return status;
}

static int run(int argc, char **argv)
{
    pairs_command c = {.output = "-", .top = 50};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    console_begin(&out, argv[0], &c.common);
    const bovw_status status = make_pairs(&c, &out, &err);
    return console_finish(&out, status, &err, "nothing was written");
}

const command command_pairs = {
    .name = "pairs",
    .group = "Searching",
    .summary = "pairs of images that look alike, for structure from motion",
    .run = run,
};
