/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/random.h"
#include "vectors/learn.h"
#include "vectors/length.h"

enum {
    BLOCK_ROWS = 256
};

bool training_has_pairs(const training *t, uint32_t group)
{
    return t->starts[group + 1] - t->starts[group] > 1;
}

void training_free(training *t)
{
    free(t->x);
    free(t->mean);
    free(t->group);
    free(t->family);
    free(t->starts);
    free(t->is_held);
    *t = (training){0};
}

/* Rows (t->n,) of the labelled vectors, by group and within it in order; group and
 * family of each. keys and spare are (n,). */
static void order_rows(training *t, const bovw_labels *labels, uint32_t n, uint64_t *keys,
                       uint64_t *spare)
{
    uint32_t n_keys = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (labels->groups[i] != BOVW_NO_GROUP)
            keys[n_keys++] = (uint64_t)labels->groups[i] << 32 | i;
    }
    keys_sort(keys, spare, n_keys);
    for (uint32_t i = 0; i < n_keys; i++) {
        const uint32_t row = (uint32_t)keys[i];
        if (i == 0 || keys[i] >> 32 != keys[i - 1] >> 32)
            t->starts[t->n_groups++] = i;
        t->group[i] = t->n_groups - 1;
        t->family[i] = labels->families ? labels->families[row] : BOVW_NO_GROUP;
    }
    t->starts[t->n_groups] = n_keys;
    for (uint32_t g = 0; g < t->n_groups; g++)
        t->n_pairs_groups += training_has_pairs(t, g);
}

static bovw_status read_row(const bovw_vectors *from, uint32_t row, float *floats,
                            double *to, bovw_error *err)
{
    const matrix *m = &from->matrix;
    const bovw_status status = matrix_rows(m, row, 1, floats, m->dim, err);
    if (status != BOVW_OK)
        return status;
    double square = 0;
    for (uint32_t j = 0; j < m->dim; j++)
        square += (double)floats[j] * (double)floats[j];
    const double scale = square > 0 ? 1 / sqrt(square) : 1;
    for (uint32_t j = 0; j < m->dim; j++)
        to[j] = (double)floats[j] * scale;
    return BOVW_OK;
}

/* The mean is that of the groups of two and more: single images, which are only held
 * against them, may be of another kind. */
static void centre(training *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        if (!training_has_pairs(t, t->group[i]))
            continue;
        n++;
        for (uint32_t j = 0; j < t->dim; j++)
            t->mean[j] += t->x[i * t->stride + j];
    }
    for (uint32_t j = 0; j < t->dim; j++)
        t->mean[j] /= n;
    for (uint32_t i = 0; i < t->n; i++) {
        for (uint32_t j = 0; j < t->dim; j++)
            t->x[i * t->stride + j] -= t->mean[j];
    }
}

static bovw_status read_all(training *t, const bovw_vectors *from, const uint64_t *keys,
                            bovw_error *err)
{
    float *floats = mem_array(t->dim, sizeof *floats);
    bovw_status status = floats ? BOVW_OK : fail_memory(err, "vectors to learn from");
    for (uint32_t i = 0; status == BOVW_OK && i < t->n; i++)
        status = read_row(from, (uint32_t)keys[i], floats, t->x + i * t->stride, err);
    free(floats);
    if (status == BOVW_OK)
        centre(t);
    return status;
}

static bovw_status fill(training *t, const bovw_vectors *from, const bovw_labels *labels,
                        uint64_t *keys, uint64_t *spare, bovw_error *err)
{
    order_rows(t, labels, bovw_vectors_count(from), keys, spare);
    if (t->n_pairs_groups == 0 || t->n_groups < 2)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s: %u vectors have a group, of %u groups, %u of them with two or "
                    "more: nothing to learn from",
                    from->path, t->n, t->n_groups, t->n_pairs_groups);
    t->x = mem_array(t->n, t->stride * sizeof *t->x);
    t->mean = mem_array(t->stride, sizeof *t->mean);
    if (!t->x || !t->mean)
        return fail_memory(err, "vectors to learn from");
    return read_all(t, from, keys, err);
}

bovw_status training_new(const bovw_vectors *from, const bovw_labels *labels, int n_threads,
                         const bovw_monitor *monitor, training *t, bovw_error *err)
{
    const uint32_t n = bovw_vectors_count(from), dim = bovw_vectors_dim(from);
    training made = {.dim = dim,
                     .stride = projection_stride(dim),
                     .n_threads = n_threads,
                     .monitor = monitor};
    for (uint32_t i = 0; i < n; i++)
        made.n += labels->groups[i] != BOVW_NO_GROUP;
    uint64_t *keys = mem_array(n, sizeof *keys), *spare = mem_array(n, sizeof *spare);
    made.group = mem_array(n, sizeof *made.group);
    made.family = mem_array(n, sizeof *made.family);
    made.starts = mem_array((size_t)n + 1, sizeof *made.starts);
    made.is_held = mem_array(n, sizeof *made.is_held);
    bovw_status status =
        keys && spare && made.group && made.family && made.starts && made.is_held
            ? fill(&made, from, labels, keys, spare, err)
            : fail_memory(err, "labels of vectors");
    free(keys);
    free(spare);
    if (status == BOVW_OK)
        *t = made;
    else
        training_free(&made);
    return status;
}

/* ---- validation --------------------------------------------------------------------- */

static uint64_t priority_of(const training *t, uint64_t seed, uint32_t group)
{
    const uint32_t family = t->family[t->starts[group]];
    const uint64_t unit = family != BOVW_NO_GROUP ? family : 1ULL << 32 | group;
    return random_mix(random_mix(seed) ^ unit);
}

static int compare_priorities(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

bovw_status training_hold_out(training *t, double share, uint64_t seed, bovw_error *err)
{
    uint64_t *priorities = mem_array(t->n_groups, sizeof *priorities);
    uint32_t n = 0, n_units = 0;
    if (!priorities)
        return fail_memory(err, "groups");
    for (uint32_t g = 0; g < t->n_groups; g++) {
        if (training_has_pairs(t, g))
            priorities[n++] = priority_of(t, seed, g);
    }
    qsort(priorities, n, sizeof *priorities, compare_priorities);
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || priorities[i] != priorities[i - 1])
            priorities[n_units++] = priorities[i];
    }
    const uint32_t n_wanted = (uint32_t)(share * n_units);
    const uint64_t limit = priorities[n_wanted > 1 ? n_wanted - 1 : 0];
    free(priorities);
    if (n_units < 2)
        return fail(err, BOVW_ERR_MISMATCH,
                    "one family, or group without one, has two images: none is left to "
                    "decide when to stop");
    for (uint32_t g = 0; g < t->n_groups; g++)
        t->is_held[g] = training_has_pairs(t, g) && priority_of(t, seed, g) <= limit;
    return BOVW_OK;
}
