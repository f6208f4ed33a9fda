/* SPDX-License-Identifier: MIT */
#include "eval/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"

/* A new kind is one file and one line here. */
static const truth_kind *const kinds[] = {
    &truth_groups,
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

bovw_status bovw_truth_open(const char *spec, bovw_truth **truth, bovw_error *err)
{
    const size_t length = strcspn(spec, ":");
    const truth_kind *kind = find_kind(spec, length);
    if (!kind || spec[length] == '\0' || spec[length + 1] == '\0')
        return fail_kind(spec, err);

    bovw_truth *made = mem_array(1, sizeof *made);
    if (made)
        made->path = mem_text(spec + length + 1);
    if (!made || !made->path) {
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
    free(truth->queries);
    free(truth->names);
    free(truth->text);
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

bovw_status bovw_truth_picture(const bovw_truth *truth, uint32_t query, char **path,
                               bovw_error *err)
{
    const char *picture = truth->queries[query].picture;
    const int folder_length = (int)(file_base_name(truth->path) - truth->path);
    char *beside =
        mem_format("%.*s%s", picture[0] == '/' ? 0 : folder_length, truth->path, picture);
    if (!beside)
        return fail_memory(err, picture);

    if (!file_exists(beside) && file_exists(picture)) {
        free(beside);
        beside = mem_text(picture);
        if (!beside)
            return fail_memory(err, picture);
    } else if (!file_exists(beside)) {
        const bovw_status status =
            strcmp(beside, picture) == 0
                ? fail(err, BOVW_ERR_IO, "%s: query picture not found", picture)
                : fail(err, BOVW_ERR_IO, "query picture not found: neither %s nor %s",
                       beside, picture);
        free(beside);
        return status;
    }
    *path = beside;
    return BOVW_OK;
}

/* ---- binding ----------------------------------------------------------- */

struct bovw_binding {
    const bovw_truth *truth;
    uint32_t n_images;
    uint32_t *name_of; /* (n_images,) index of the truth's name, or NAME_NONE */
};

/* Give each name its image; where two lead to one image, to the longer, since
 * both are ends of its path. Returns the number of names without an image. */
static uint32_t bind_names(bovw_binding *binding, const name_table *table)
{
    const bovw_truth *truth = binding->truth;
    uint32_t n_bound = 0;
    for (uint32_t i = 0; i < truth->n_names; i++) {
        const uint32_t image = name_table_find(table, truth->names[i]);
        if (image == NAME_NONE)
            continue;
        const uint32_t other = binding->name_of[image];
        if (other == NAME_NONE)
            n_bound++;
        if (other == NAME_NONE || strlen(truth->names[i]) > strlen(truth->names[other]))
            binding->name_of[image] = i;
    }
    return truth->n_names - n_bound;
}

bovw_status bovw_binding_new(const bovw_truth *truth, const char *const *names, uint32_t n,
                             bovw_binding **binding, uint32_t *n_missing, bovw_error *err)
{
    name_table *table = NULL;
    bovw_binding *made = mem_array(1, sizeof *made);
    bovw_status status = BOVW_OK;

    if (made)
        made->name_of = mem_array(n, sizeof *made->name_of);
    if (!made || !made->name_of) {
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
    const uint32_t missing = bind_names(made, table);
    if (n_missing)
        *n_missing = missing;
    *binding = made;
    made = NULL;
done:
    name_table_free(table);
    bovw_binding_free(made);
    return status;
}

void bovw_binding_free(bovw_binding *binding)
{
    if (!binding)
        return;
    free(binding->name_of);
    free(binding);
}

bovw_judgement bovw_binding_judge(const bovw_binding *binding, uint32_t query,
                                  uint32_t image)
{
    if (image >= binding->n_images || binding->name_of[image] == NAME_NONE)
        return BOVW_WRONG;
    return binding->truth->judge(binding->truth->rules, query, binding->name_of[image]);
}
