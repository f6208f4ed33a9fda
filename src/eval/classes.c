/* SPDX-License-Identifier: MIT */
#include "eval/classes.h"

#include <stdlib.h>

#include "base/memory.h"

typedef struct classes {
    const char **names; /* (n_names,) */
    uint32_t *group;    /* (n_names,) */
    uint32_t *family;   /* (n_names,) NO_CLASS: none */
    bool *is_outside;   /* (n_names,) */
    uint32_t *name_of;  /* (n_queries,) */
    bool counts_self;
} classes;

static bovw_judgement judge(const void *state, uint32_t query, uint32_t name)
{
    const classes *c = state;
    const uint32_t self = c->name_of[query];
    if (c->is_outside[name] || (name == self && !c->counts_self))
        return BOVW_IGNORED;
    if (c->group[name] == c->group[self])
        return BOVW_RELEVANT;
    if (c->family[name] != NO_CLASS && c->family[name] == c->family[self])
        return BOVW_IGNORED;
    return BOVW_WRONG;
}

static void classes_free(void *state)
{
    classes *c = state;
    free(c->names);
    free(c->group);
    free(c->family);
    free(c->is_outside);
    free(c->name_of);
    free(c);
}

/* The truth owns them from the start, also half made. */
static classes *classes_new(bovw_truth *truth, uint32_t n)
{
    classes *c = mem_array(1, sizeof *c);
    if (!c)
        return NULL;
    truth->rules = c;
    truth->rules_free = classes_free;
    truth->judge = judge;
    c->names = mem_array(n, sizeof *c->names);
    c->group = mem_array(n, sizeof *c->group);
    c->family = mem_array(n, sizeof *c->family);
    c->is_outside = mem_array(n, sizeof *c->is_outside);
    c->name_of = mem_array(n, sizeof *c->name_of);
    return c->names && c->group && c->family && c->is_outside && c->name_of ? c : NULL;
}

/* size (n,) is scratch: at each group the images in the database. */
static bovw_status add_queries(bovw_truth *truth, classes *c, const class_image *images,
                               uint32_t n, uint32_t *size, bovw_error *err)
{
    for (uint32_t i = 0; i < n; i++)
        size[images[i].group] += !images[i].is_outside;
    for (uint32_t i = 0; i < n; i++) {
        const class_image *image = &images[i];
        const bool loses_self = !c->counts_self && !image->is_outside;
        const uint32_t n_relevant = size[image->group] - loses_self;
        if (!image->is_query || n_relevant == 0)
            continue;
        c->name_of[truth->n_queries] = i;
        const truth_query query = {.shown = {.name = image->name,
                                             .picture = image->name,
                                             .set = image->set,
                                             .group = image->label},
                                   .n_relevant = n_relevant};
        const bovw_status status = truth_add_query(truth, &query, err);
        if (status != BOVW_OK)
            return status;
    }
    return BOVW_OK;
}

bovw_status classes_make(bovw_truth *truth, const class_image *images, uint32_t n,
                         bool counts_self, bovw_error *err)
{
    classes *c = classes_new(truth, n);
    uint32_t *size = mem_array(n, sizeof *size);
    if (!c || !size) {
        free(size);
        return fail_memory(err, truth_label(truth));
    }
    c->counts_self = counts_self;
    for (uint32_t i = 0; i < n; i++) {
        c->names[i] = images[i].name;
        c->group[i] = images[i].group;
        c->family[i] = images[i].family;
        c->is_outside[i] = images[i].is_outside;
    }
    truth->names = c->names;
    truth->n_names = n;
    const bovw_status status = add_queries(truth, c, images, n, size, err);
    free(size);
    return status;
}

bool classes_get(const bovw_truth *truth, uint32_t name, uint32_t *group, uint32_t *family)
{
    const classes *c = truth->rules;
    if (truth->judge != judge)
        return false;
    *group = c->group[name];
    *family = c->family[name];
    return true;
}
