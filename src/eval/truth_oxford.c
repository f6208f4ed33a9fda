/* SPDX-License-Identifier: MIT
 *
 * The Oxford and Paris buildings: a folder with, for each query NAME, the files
 * NAME_query.txt (the image and a box), NAME_good.txt, NAME_ok.txt and
 * NAME_junk.txt (an image a line, without its suffix).
 *
 * Philbin, Chum, Isard, Sivic and Zisserman, "Object retrieval with large
 * vocabularies and fast spatial matching", CVPR 2007.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "base/memory.h"
#include "eval/lists.h"

static const char query_end[] = "_query.txt";

/* Oxford's query files put this before the name, its lists do not. */
static const char query_prefix[] = "oxc1_";

static bovw_status read_box(lines *in, char *rest, float region[4], bovw_error *err)
{
    for (int i = 0; i < 4; i++) {
        char *end = NULL;
        const char *word = lines_word(&rest);
        const float value = word ? strtof(word, &end) : 0;
        if (!word || *end || !isfinite(value))
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: line %u: want the name of an image and x1 y1 x2 y2", in->label,
                        in->line);
        region[i] = value;
    }
    if (lines_word(&rest) || !(region[0] < region[2] && region[1] < region[3]))
        return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: not a box: x1 y1 x2 y2", in->label,
                    in->line);
    return BOVW_OK;
}

static bovw_status add_query(bovw_truth *truth, lines *in, const char *name,
                             bovw_error *err)
{
    truth_query query = {.shown = {.set = "", .has_region = true}};
    char *rest = lines_next(in);
    const char *image = lines_word(&rest);
    if (!image)
        return fail(err, BOVW_ERR_CORRUPT, "%s: empty", in->label);
    const size_t skipped =
        strncmp(image, query_prefix, strlen(query_prefix)) == 0 ? strlen(query_prefix) : 0;
    const bovw_status status = read_box(in, rest, query.shown.region, err);
    if (status != BOVW_OK)
        return status;
    query.shown.name = truth_keep(truth, mem_text(name));
    query.shown.picture =
        truth_keep(truth, mem_format("%s%s", image + skipped, truth->kind->suffix));
    query.shown.group = query.shown.name ? truth_landmark(truth, query.shown.name) : NULL;
    if (!query.shown.picture || !query.shown.group)
        return fail_memory(err, in->label);
    return truth_add_query(truth, &query, err);
}

static bovw_status add_list(bovw_truth *truth, const char *path, bovw_judgement judgement,
                            bovw_error *err)
{
    lines in;
    bovw_status status = lines_open(path, &in, err);
    char *line;
    while (status == BOVW_OK && (line = lines_next(&in))) {
        const char *image = lines_word(&line);
        if (!image)
            continue;
        if (lines_word(&line))
            status = fail(err, BOVW_ERR_CORRUPT, "%s: line %u: more than one name",
                          in.label, in.line);
        else
            status = lists_add(truth, image, judgement, in.line, err);
    }
    lines_close(&in);
    return status;
}

/* The query's picture and box, then its three lists. */
static bovw_status read_query(bovw_truth *truth, const char *name, bovw_error *err)
{
    static const struct {
        const char *end;
        bovw_judgement judgement;
    } lists[] = {{"good", BOVW_RELEVANT}, {"ok", BOVW_RELEVANT}, {"junk", BOVW_IGNORED}};
    lines in;
    char *path = mem_format("%s%s%s", truth->folder, name, query_end);
    if (!path)
        return fail_memory(err, truth->path);
    bovw_status status = lines_open(path, &in, err);
    if (status == BOVW_OK)
        status = add_query(truth, &in, name, err);
    lines_close(&in);
    free(path);
    for (size_t i = 0; status == BOVW_OK && i < sizeof lists / sizeof *lists; i++) {
        path = mem_format("%s%s_%s.txt", truth->folder, name, lists[i].end);
        status = path ? add_list(truth, path, lists[i].judgement, err)
                      : fail_memory(err, truth->path);
        free(path);
    }
    return status;
}

static bovw_status open_oxford(bovw_truth *truth, bovw_error *err)
{
    char **names = NULL;
    size_t n = 0;
    bovw_status status = lists_begin(truth, err);
    if (status == BOVW_OK)
        status = file_list(truth->path, &names, &n, err);
    for (size_t i = 0; status == BOVW_OK && i < n; i++) {
        const size_t length = strlen(names[i]), end_length = strlen(query_end);
        if (length <= end_length || strcmp(names[i] + length - end_length, query_end) != 0)
            continue;
        names[i][length - end_length] = '\0';
        status = read_query(truth, names[i], err);
    }
    file_list_free(names, n);
    if (status == BOVW_OK && truth->n_queries == 0)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: no files *%s", truth->path, query_end);
    /* As compute_ap does: what is listed twice counts once, junk goes first. */
    return status == BOVW_OK ? lists_end(truth, NULL, err) : status;
}

const truth_kind truth_oxford = {
    .name = "oxford",
    .summary = "folder of *_query.txt, *_good.txt, *_ok.txt, *_junk.txt; also Paris",
    .pictures = "../jpg",
    .suffix = ".jpg",
    .open = open_oxford,
};
