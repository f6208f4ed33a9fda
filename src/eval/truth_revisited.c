/* SPDX-License-Identifier: MIT
 *
 * Revisited Oxford and Paris: the published ground truth as JSON, which
 * tools/revisited-to-json makes of the pickle:
 *
 *   {"imlist": [NAME...], "qimlist": [NAME...],
 *    "gnd": [{"easy": [i...], "hard": [i...], "junk": [i...],
 *             "bbx": [x1, y1, x2, y2]}...]}
 *
 * where i counts in imlist from 0. A query is judged in three sets; its images
 * are not part of the database, so all of qimlist is ignored.
 *
 * Radenovic, Iscen, Tolias, Avrithis and Chum, "Revisiting Oxford and Paris:
 * large-scale image retrieval benchmarking", CVPR 2018.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/lines.h"
#include "base/memory.h"
#include "eval/lists.h"

enum label {
    EASY,
    HARD,
    JUNK,
    N_LABELS
};

static const char *const labels[N_LABELS] = {"easy", "hard", "junk"};

static const struct {
    const char *name;
    bovw_judgement judgements[N_LABELS];
} sets[] = {
    {"easy", {BOVW_RELEVANT, BOVW_IGNORED, BOVW_IGNORED}},
    {"medium", {BOVW_RELEVANT, BOVW_RELEVANT, BOVW_IGNORED}},
    {"hard", {BOVW_IGNORED, BOVW_RELEVANT, BOVW_IGNORED}},
};

enum {
    N_SETS = sizeof sets / sizeof *sets
};

typedef struct revisited {
    bovw_truth *truth;
    const json_t *images, *queries, *gnd;
    size_t at; /* query that is read */
} revisited;

/* ---- checked access ------------------------------------------------------ */

static bovw_status check_names(const revisited *r, const char *key, const json_t *list,
                               bovw_error *err)
{
    if (!json_is_array(list) || json_array_size(list) == 0)
        return fail(err, BOVW_ERR_FORMAT, "%s: no list \"%s\"", truth_label(r->truth), key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || !*name)
            return fail(err, BOVW_ERR_CORRUPT, "%s: %s[%zu]: not the name of an image",
                        truth_label(r->truth), key, i);
    }
    return BOVW_OK;
}

static bovw_status check_lists(const revisited *r, const json_t *query, bovw_error *err)
{
    for (int l = 0; l < N_LABELS; l++) {
        const json_t *list = json_object_get(query, labels[l]);
        if (!json_is_array(list))
            return fail(err, BOVW_ERR_CORRUPT, "%s: gnd[%zu]: no list \"%s\"",
                        truth_label(r->truth), r->at, labels[l]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *item = json_array_get(list, i);
            const json_int_t image = json_integer_value(item);
            if (!json_is_integer(item) || image < 0 ||
                (size_t)image >= json_array_size(r->images))
                return fail(err, BOVW_ERR_CORRUPT,
                            "%s: gnd[%zu].%s[%zu]: not an index of imlist",
                            truth_label(r->truth), r->at, labels[l], i);
        }
    }
    return BOVW_OK;
}

static bovw_status read_box(const revisited *r, const json_t *query, float region[4],
                            bovw_error *err)
{
    const json_t *box = json_object_get(query, "bbx");
    bool is_box = json_array_size(box) == 4;
    for (size_t i = 0; is_box && i < 4; i++) {
        region[i] = (float)json_number_value(json_array_get(box, i));
        is_box = json_is_number(json_array_get(box, i)) && isfinite(region[i]);
    }
    if (!is_box || !(region[0] < region[2] && region[1] < region[3]))
        return fail(err, BOVW_ERR_CORRUPT, "%s: gnd[%zu].bbx: not a box: x1, y1, x2, y2",
                    truth_label(r->truth), r->at);
    return BOVW_OK;
}

/* ---- the truth ------------------------------------------------------------ */

/* What each listed image is to the query in one set, and that no picture of a
 * query is in the database. */
static bovw_status add_set(revisited *r, const json_t *query, int set, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (int l = 0; l < N_LABELS; l++) {
        const json_t *list = json_object_get(query, labels[l]);
        for (size_t i = 0; status == BOVW_OK && i < json_array_size(list); i++) {
            const size_t image = (size_t)json_integer_value(json_array_get(list, i));
            status =
                lists_add(r->truth, json_string_value(json_array_get(r->images, image)),
                          sets[set].judgements[l], (uint32_t)r->at, err);
        }
    }
    for (size_t i = 0; status == BOVW_OK && i < json_array_size(r->queries); i++)
        status = lists_add(r->truth, json_string_value(json_array_get(r->queries, i)),
                           BOVW_IGNORED, (uint32_t)r->at, err);
    return status;
}

static bovw_status read_query(revisited *r, bovw_error *err)
{
    const json_t *query = json_array_get(r->gnd, r->at);
    truth_query read = {.shown = {.has_region = true}};
    bovw_status status = check_lists(r, query, err);
    if (status == BOVW_OK)
        status = read_box(r, query, read.shown.region, err);
    if (status != BOVW_OK)
        return status;

    const char *name = json_string_value(json_array_get(r->queries, r->at));
    read.shown.name = truth_keep(r->truth, mem_text(name));
    read.shown.picture =
        truth_keep(r->truth, mem_format("%s%s", name, r->truth->kind->suffix));
    read.shown.group = read.shown.name ? truth_landmark(r->truth, read.shown.name) : NULL;
    if (!read.shown.group || !read.shown.picture)
        return fail_memory(err, truth_label(r->truth));
    for (int set = 0; status == BOVW_OK && set < N_SETS; set++) {
        read.shown.set = sets[set].name;
        status = truth_add_query(r->truth, &read, err);
        if (status == BOVW_OK)
            status = add_set(r, query, set, err);
    }
    return status;
}

static bovw_status read_all(revisited *r, bovw_error *err)
{
    bovw_status status = check_names(r, "imlist", r->images, err);
    if (status == BOVW_OK)
        status = check_names(r, "qimlist", r->queries, err);
    if (status != BOVW_OK)
        return status;
    if (json_array_size(r->gnd) != json_array_size(r->queries))
        return fail(err, BOVW_ERR_CORRUPT, "%s: gnd has %zu entries, qimlist %zu",
                    truth_label(r->truth), json_array_size(r->gnd),
                    json_array_size(r->queries));
    for (; status == BOVW_OK && r->at < json_array_size(r->queries); r->at++)
        status = read_query(r, err);
    if (status != BOVW_OK)
        return status;

    lists_clash clash = {0};
    bovw_error reason = {0};
    status = lists_end(r->truth, &clash, &reason);
    if (status != BOVW_OK && clash.name)
        return fail(err, status, "%s: gnd[%u]: image '%s' is listed twice",
                    truth_label(r->truth), clash.place, clash.name);
    if (status != BOVW_OK)
        return fail(err, status, "%s", reason.text);
    return status;
}

static bovw_status open_revisited(bovw_truth *truth, bovw_error *err)
{
    lines in;
    json_error_t reason;
    bovw_status status = lines_open(truth->path, &in, err);
    if (status != BOVW_OK)
        return status;
    json_t *root = json_loads(in.rest, JSON_REJECT_DUPLICATES, &reason);
    lines_close(&in);
    if (!root)
        return fail(err, BOVW_ERR_FORMAT, "%s: line %d: not JSON: %s", truth_label(truth),
                    reason.line, reason.text);
    revisited r = {.truth = truth,
                   .images = json_object_get(root, "imlist"),
                   .queries = json_object_get(root, "qimlist"),
                   .gnd = json_object_get(root, "gnd")};
    status = lists_begin(truth, err);
    if (status == BOVW_OK)
        status = read_all(&r, err);
    json_decref(root);
    return status;
}

const truth_kind truth_revisited = {
    .name = "revisited",
    .summary = "JSON of tools/revisited-to-json; sets easy, medium, hard",
    .pictures = "jpg",
    .suffix = ".jpg",
    .has_common_rankings = true,
    .open = open_revisited,
};
