/* SPDX-License-Identifier: MIT */
#include "eval/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"
#include "eval/classes.h"
#include "eval/measures.h"

/* A new kind is one file and one line here. */
static const truth_kind *const kinds[] = {
    &truth_groups,  &truth_oxford,   &truth_revisited, &truth_holidays,
    &truth_ukbench, &truth_copydays, &truth_qrels,
};

enum {
    N_KINDS = sizeof kinds / sizeof kinds[0]
};

const char *bovw_truth_kind(size_t i, const char **summary)
{
    if (i >= N_KINDS)
        return NULL;
    if (summary)
        *summary = kinds[i]->summary;
    return kinds[i]->name;
}

const char *truth_label(const bovw_truth *truth)
{
    return strcmp(truth->path, "-") == 0 ? "standard input" : truth->path;
}

static const truth_kind *find_kind(const char *name, size_t length)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (strlen(kinds[i]->name) == length && memcmp(kinds[i]->name, name, length) == 0)
            return kinds[i];
    }
    return NULL;
}

static bovw_status fail_kind(const char *spec, bovw_error *err)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < N_KINDS && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 kinds[i]->name);
    return fail(err, BOVW_ERR_ARG, "ground truth '%s': want KIND:PATH; kinds: %s", spec,
                list);
}

/* The folder that the path is or is in, with its slash. */
static char *folder_of(const char *path)
{
    const size_t length = strlen(path);
    if (file_is_folder(path))
        return mem_format("%s%s", path, path[length - 1] == '/' ? "" : "/");
    return mem_format("%.*s", (int)(file_base_name(path) - path), path);
}

bovw_status bovw_truth_open(const char *spec, bovw_truth **truth, bovw_error *err)
{
    const size_t length = strcspn(spec, ":");
    const truth_kind *kind = find_kind(spec, length);
    if (!kind || spec[length] == '\0' || spec[length + 1] == '\0')
        return fail_kind(spec, err);

    bovw_truth *made = mem_array(1, sizeof *made);
    if (made) {
        made->kind = kind;
        made->path = mem_text(spec + length + 1);
        made->folder = made->path ? folder_of(made->path) : NULL;
    }
    if (!made || !made->folder) {
        bovw_truth_close(made);
        return fail_memory(err, spec);
    }
    const bovw_status status = kind->open(made, err);
    if (status != BOVW_OK) {
        bovw_truth_close(made);
        return status;
    }
    *truth = made;
    return BOVW_OK;
}

void bovw_truth_close(bovw_truth *truth)
{
    if (!truth)
        return;
    if (truth->rules)
        truth->rules_free(truth->rules);
    for (size_t i = 0; i < truth->n_texts; i++)
        free(truth->texts[i]);
    free(truth->texts);
    free(truth->queries);
    free(truth->folder);
    free(truth->path);
    free(truth);
}

uint32_t bovw_truth_n_queries(const bovw_truth *truth)
{
    return truth->n_queries;
}

bovw_truth_query bovw_truth_get(const bovw_truth *truth, uint32_t query)
{
    return truth->queries[query].shown;
}

uint32_t bovw_truth_n_relevant(const bovw_truth *truth, uint32_t query)
{
    return truth->queries[query].n_relevant;
}

bool bovw_truth_has_common_rankings(const bovw_truth *truth)
{
    return truth->kind->has_common_rankings;
}

bool bovw_truth_shows_measure(const bovw_truth *truth, size_t measure)
{
    const char *kind = measure_kind(measure);
    return !kind || strcmp(kind, truth->kind->name) == 0;
}

/* ---- for the kinds ------------------------------------------------------ */

char *truth_keep(bovw_truth *truth, char *text)
{
    if (!text || !mem_grow(&truth->texts, &truth->texts_capacity, truth->n_texts + 1,
                           sizeof *truth->texts)) {
        free(text);
        return NULL;
    }
    truth->texts[truth->n_texts++] = text;
    return text;
}

const char *truth_landmark(bovw_truth *truth, const char *name)
{
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9')
        length--;
    if (length < 2 || name[length - 1] != '_')
        return name;
    return truth_keep(truth, mem_format("%.*s", (int)length - 1, name));
}

bovw_status truth_add_query(bovw_truth *truth, const truth_query *query, bovw_error *err)
{
    if (!mem_grow(&truth->queries, &truth->queries_capacity, (size_t)truth->n_queries + 1,
                  sizeof *truth->queries))
        return fail_memory(err, truth_label(truth));
    truth->queries[truth->n_queries++] = *query;
    return BOVW_OK;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), end_length = strlen(end);
    return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* *n_added counts the names that fit. */
static bovw_status list_folder(const bovw_truth *truth, const char *folder,
                               bovw_status (*add)(void *, const char *, bovw_error *),
                               void *context, size_t *n_added, bovw_error *err)
{
    char **names = NULL;
    size_t n = 0;
    bovw_status status = file_list(folder, &names, &n, err);
    for (size_t i = 0; status == BOVW_OK && i < n; i++) {
        if (!ends_with(names[i], truth->kind->suffix))
            continue;
        status = add(context, names[i], err);
        ++*n_added;
    }
    file_list_free(names, n);
    return status;
}

bovw_status truth_list_pictures(const bovw_truth *truth,
                                bovw_status (*add)(void *context, const char *name,
                                                   bovw_error *err),
                                void *context, bovw_error *err)
{
    size_t n = 0;
    bovw_status status = list_folder(truth, truth->path, add, context, &n, err);
    if (status != BOVW_OK || n > 0)
        return status;

    char *below = file_join(truth->path, truth->kind->pictures);
    if (!below)
        return fail_memory(err, truth->path);
    if (file_is_folder(below))
        status = list_folder(truth, below, add, context, &n, err);
    free(below);
    if (status == BOVW_OK && n == 0)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: no %s files, nor in its folder %s",
                      truth->path, truth->kind->suffix, truth->kind->pictures);
    return status;
}

/* ---- pictures ------------------------------------------------------------ */

/* Name i of the places where a picture may be, the caller's; NULL without
 * memory or, with *is_end set, past the last one. */
static char *picture_place(const bovw_truth *truth, const char *picture, size_t i,
                           bool *is_end)
{
    const bool is_absolute = picture[0] == '/';
    const char *below = truth->kind->pictures;
    if (!is_absolute && i > 0 && !below)
        i++; /* no folder of pictures */
    switch (i) {
    case 0:
        return mem_format("%s%s", is_absolute ? "" : truth->folder, picture);
    case 1:
        if (!is_absolute)
            return mem_format("%s%s/%s", truth->folder, below, picture);
        break;
    case 2:
        if (!is_absolute && truth->folder[0] != '\0')
            return mem_text(picture);
        break;
    default:
        break;
    }
    *is_end = true;
    return NULL;
}

bovw_status bovw_truth_picture(const bovw_truth *truth, uint32_t query, char **path,
                               bovw_error *err)
{
    const char *picture = truth->queries[query].shown.picture;
    char *places = mem_text(""); /* that were tried */
    bool is_end = false;
    size_t n = 0;
    while (places) {
        char *place = picture_place(truth, picture, n, &is_end);
        if (place && file_exists(place)) {
            free(places);
            *path = place;
            return BOVW_OK;
        }
        if (!place)
            break;
        char *longer = mem_format("%s%s%s", places, n++ ? " nor " : "", place);
        free(places);
        free(place);
        places = longer;
    }
    bovw_status status;
    if (!is_end)
        status = fail_memory(err, truth->queries[query].shown.name);
    else if (n == 1)
        status = fail(err, BOVW_ERR_IO, "%s: query picture not found", places);
    else
        status = fail(err, BOVW_ERR_IO, "query picture not found: neither %s", places);
    free(places);
    return status;
}

/* ---- binding ----------------------------------------------------------- */

struct bovw_binding {
    const bovw_truth *truth;
    uint32_t n_images;
    uint32_t *name_of;  /* (n_images,) index of the truth's name, or NAME_NONE */
    uint32_t *image_of; /* (n_queries,) the image that shows it, or NAME_NONE */
};

uint32_t truth_find_name(const bovw_truth *truth, const name_table *table, const char *name,
                         char *scratch)
{
    const uint32_t image = name_table_find(table, name);
    const char *suffix = truth->kind->suffix;
    if (image != NAME_NONE || !suffix)
        return image;

    if (ends_with(name, suffix)) {
        const size_t kept = strlen(name) - strlen(suffix);
        memcpy(scratch, name, kept);
        scratch[kept] = '\0';
    } else {
        stpcpy(stpcpy(scratch, name), suffix);
    }
    return name_table_find(table, scratch);
}

char *truth_name_scratch(const bovw_truth *truth)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < truth->n_names; i++) {
        const size_t length = strlen(truth->names[i]);
        longest = length > longest ? length : longest;
    }
    for (uint32_t q = 0; q < truth->n_queries; q++) {
        const size_t length = strlen(truth->queries[q].shown.picture);
        longest = length > longest ? length : longest;
    }
    return mem_array(longest + 16, 1);
}

/* Give each name its image; where two lead to one image, to the longer, since
 * both are ends of its path. Returns the number of names without an image. */
static uint32_t bind_names(bovw_binding *binding, const name_table *table, char *scratch)
{
    const bovw_truth *truth = binding->truth;
    uint32_t n_bound = 0;
    for (uint32_t i = 0; i < truth->n_names; i++) {
        const uint32_t image = truth_find_name(truth, table, truth->names[i], scratch);
        if (image == NAME_NONE)
            continue;
        const uint32_t other = binding->name_of[image];
        if (other == NAME_NONE)
            n_bound++;
        if (other == NAME_NONE || strlen(truth->names[i]) > strlen(truth->names[other]))
            binding->name_of[image] = i;
    }
    for (uint32_t q = 0; q < truth->n_queries; q++)
        binding->image_of[q] =
            truth_find_name(truth, table, truth->queries[q].shown.picture, scratch);
    return truth->n_names - n_bound;
}

bovw_status bovw_binding_new(const bovw_truth *truth, const char *const *names, uint32_t n,
                             bovw_binding **binding, uint32_t *n_missing, bovw_error *err)
{
    name_table *table = NULL;
    char *scratch = truth_name_scratch(truth);
    bovw_binding *made = mem_array(1, sizeof *made);
    bovw_status status = BOVW_OK;

    if (made) {
        made->name_of = mem_array(n, sizeof *made->name_of);
        made->image_of = mem_array(truth->n_queries, sizeof *made->image_of);
    }
    if (!made || !made->name_of || !made->image_of || !scratch) {
        status = fail_memory(err, truth_label(truth));
        goto done;
    }
    made->truth = truth;
    made->n_images = n;
    for (uint32_t i = 0; i < n; i++)
        made->name_of[i] = NAME_NONE;

    status = name_table_new(names, n, &table, err);
    if (status != BOVW_OK)
        goto done;
    const uint32_t missing = bind_names(made, table, scratch);
    if (n_missing)
        *n_missing = missing;
    *binding = made;
    made = NULL;
done:
    free(scratch);
    name_table_free(table);
    bovw_binding_free(made);
    return status;
}

void bovw_binding_free(bovw_binding *binding)
{
    if (!binding)
        return;
    free(binding->name_of);
    free(binding->image_of);
    free(binding);
}

bovw_judgement bovw_binding_judge(const bovw_binding *binding, uint32_t query,
                                  uint32_t image)
{
    if (image >= binding->n_images || binding->name_of[image] == NAME_NONE)
        return BOVW_WRONG;
    return binding->truth->judge(binding->truth->rules, query, binding->name_of[image]);
}

uint32_t bovw_binding_picture(const bovw_binding *binding, uint32_t query)
{
    return binding->image_of[query];
}

bovw_status bovw_binding_labels(const bovw_binding *binding, uint32_t *groups,
                                uint32_t *families, bovw_error *err)
{
    const bovw_truth *truth = binding->truth;
    for (uint32_t i = 0; i < binding->n_images; i++) {
        groups[i] = families[i] = UINT32_MAX;
        if (binding->name_of[i] != NAME_NONE &&
            !classes_get(truth, binding->name_of[i], &groups[i], &families[i]))
            return fail(err, BOVW_ERR_ARG, "%s: a ground truth of kind %s has no groups",
                        truth_label(truth), truth->kind->name);
    }
    return BOVW_OK;
}
