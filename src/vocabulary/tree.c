/* SPDX-License-Identifier: MIT
 *
 * Level by level: the points of each node lie together, are clustered, and put
 * in the order of its children. Large nodes use all threads one after the
 * other; of small ones each thread takes one.
 */
#include "vocabulary/tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/random.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    LARGE = 100000 /* points of a node that all threads share */
};

/* Nodes of one level. */
typedef struct layer {
    uint32_t n;
    uint32_t *ends;     /* (n,) of each node's points */
    uint8_t *centroids; /* (n, 128) */
    uint32_t *sizes;    /* (n,) children */
} layer;

typedef struct growth {
    uint8_t *points; /* (n, 128) in order of the newest layer's nodes */
    size_t n;
    const tree_options *opts;
    const bovw_compute *compute;
    uint32_t depth;    /* of the layer that is clustered */
    uint8_t *children; /* (n_nodes, branch, 128) centroids */
    uint32_t *counts;  /* (n_nodes, branch) points of each child; 0: there is none */
    uint64_t *errors;  /* (n_nodes,) */
} growth;

static void layer_free(layer *l)
{
    free(l->ends);
    free(l->centroids);
    free(l->sizes);
    *l = (layer){0};
}

static bovw_status layer_init(layer *l, uint32_t n, bovw_error *err)
{
    *l = (layer){.n = n};
    l->ends = mem_array(n, sizeof *l->ends);
    l->centroids = mem_array(n, DIM);
    l->sizes = mem_array(n, sizeof *l->sizes);
    return l->ends && l->centroids && l->sizes ? BOVW_OK
                                               : fail_memory(err, "vocabulary tree");
}

/* ---- one node ---------------------------------------------------------- */

/* Put n points in the order of their clusters; counts (k,) are there. */
static void order_points(uint8_t *points, size_t n, const uint32_t *words,
                         const uint32_t *counts, uint32_t k, uint32_t *starts,
                         uint8_t *copy)
{
    memcpy(copy, points, n * DIM);
    for (uint32_t c = 0, start = 0; c < k; c++) {
        starts[c] = start;
        start += counts[c];
    }
    for (size_t i = 0; i < n; i++)
        memcpy(points + (size_t)starts[words[i]]++ * DIM, copy + i * DIM, DIM);
}

static bovw_status split(uint8_t *points, size_t n, uint64_t seed, const growth *g,
                         const bovw_compute *compute, uint8_t *children, uint32_t *counts,
                         uint64_t *error, bovw_error *err)
{
    const uint32_t k = n < g->opts->branch ? (uint32_t)n : g->opts->branch;
    const bovw_kmeans_options opts = {
        .k = k, .n_iterations = g->opts->n_iterations, .seed = seed};
    const nearest_kernel *kernel;
    nearest *found = NULL;
    uint32_t *words = mem_array(n, sizeof *words);
    uint32_t *distances = mem_array(n, sizeof *distances);
    uint32_t *starts = mem_array(k, sizeof *starts);
    uint8_t *copy = mem_array(n, DIM);

    bovw_status status =
        words && distances && starts && copy
            ? bovw_kmeans(points, n, &opts, compute, NULL, children, NULL, err)
            : fail_memory(err, "vocabulary tree");
    if (status == BOVW_OK)
        status = nearest_kernel_find(compute->kernel, &kernel, err);
    if (status == BOVW_OK)
        status = nearest_new(children, k, kernel, &found, err);
    if (status == BOVW_OK) {
        nearest_run(found, points, n, 1, parallel_threads(compute), words, distances);
        *error = 0;
        for (size_t i = 0; i < n; i++) {
            counts[words[i]]++;
            *error += distances[i];
        }
        order_points(points, n, words, counts, k, starts, copy);
    }
    nearest_free(found);
    free(words);
    free(distances);
    free(starts);
    free(copy);
    return status;
}

/* ---- one level --------------------------------------------------------- */

static bovw_status split_node(const growth *g, const layer *l, uint32_t node,
                              const bovw_compute *compute, bovw_error *err)
{
    const size_t start = node > 0 ? l->ends[node - 1] : 0, n = l->ends[node] - start;
    const uint64_t seed =
        random_mix(g->opts->seed + ((uint64_t)g->depth << 32) + (uint64_t)node);
    return split(g->points + start * DIM, n, seed, g, compute,
                 g->children + (size_t)node * g->opts->branch * DIM,
                 g->counts + (size_t)node * g->opts->branch, &g->errors[node], err);
}

static bool is_large(const layer *l, uint32_t node)
{
    return l->ends[node] - (node > 0 ? l->ends[node - 1] : 0) >= LARGE;
}

static bovw_status split_layer(growth *g, const layer *l, bovw_error *err)
{
    const int n_threads = parallel_threads(g->compute);
    const bovw_compute alone = {.n_threads = 1,
                                .kernel = g->compute ? g->compute->kernel : NULL};
    const bovw_compute together = {.n_threads = (uint32_t)n_threads,
                                   .kernel = alone.kernel};
    bovw_status status = BOVW_OK;

    for (uint32_t i = 0; status == BOVW_OK && i < l->n; i++) {
        if (is_large(l, i))
            status = split_node(g, l, i, &together, err);
    }
    if (status != BOVW_OK)
        return status;
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (uint32_t i = 0; i < l->n; i++) {
        bovw_error why = {0};
        const bovw_status one =
            is_large(l, i) ? BOVW_OK : split_node(g, l, i, &alone, &why);
        if (one != BOVW_OK) {
#pragma omp critical
            {
                status = one;
                if (err)
                    *err = why;
            }
        }
    }
    return status;
}

/* Those children that have points become the next layer. */
static bovw_status collect(const growth *g, layer *l, layer *next, bovw_error *err)
{
    const uint32_t branch = g->opts->branch;
    uint64_t n = 0;
    for (size_t i = 0; i < (size_t)l->n * branch; i++)
        n += g->counts[i] > 0;
    if (n > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_LIMIT, "a tree of more than %u words", BOVW_MAX_WORDS);
    const bovw_status status = layer_init(next, (uint32_t)n, err);
    uint32_t at = 0, end = 0;
    for (size_t i = 0; status == BOVW_OK && i < (size_t)l->n * branch; i++) {
        if (g->counts[i] == 0)
            continue;
        l->sizes[i / branch]++;
        end += g->counts[i];
        next->ends[at] = end;
        memcpy(next->centroids + (size_t)at++ * DIM, g->children + i * DIM, DIM);
    }
    return status;
}

static bovw_status grow_layer(growth *g, layer *l, layer *next, double *error,
                              bovw_error *err)
{
    g->children = mem_array((size_t)l->n * g->opts->branch, DIM);
    g->counts = mem_array((size_t)l->n * g->opts->branch, sizeof *g->counts);
    g->errors = mem_array(l->n, sizeof *g->errors);
    bovw_status status = g->children && g->counts && g->errors
                             ? split_layer(g, l, err)
                             : fail_memory(err, "vocabulary tree");
    if (status == BOVW_OK)
        status = collect(g, l, next, err);
    uint64_t sum = 0;
    for (uint32_t i = 0; status == BOVW_OK && i < l->n; i++)
        sum += g->errors[i];
    *error = (double)sum / (double)g->n;
    free(g->children);
    free(g->counts);
    free(g->errors);
    return status;
}

/* ---- the tree ---------------------------------------------------------- */

static bovw_status check_options(const tree_options *opts, size_t n, bovw_error *err)
{
    if (opts->branch < 2 || opts->branch > BOVW_MAX_WORDS || opts->depth == 0 ||
        opts->depth > TREE_MAX_DEPTH)
        return fail(err, BOVW_ERR_ARG,
                    "a tree of %" PRIu32 " branches and %" PRIu32 " levels", opts->branch,
                    opts->depth);
    if (n == 0 || n > UINT32_MAX)
        return fail(err, BOVW_ERR_ARG, "a tree takes from 1 to %" PRIu32 " descriptors",
                    UINT32_MAX);
    return BOVW_OK;
}

/* Hand a layer over to the tree. */
static void keep_layer(tree *made, layer *l)
{
    made->levels[made->n_levels++] =
        (groups_level){.n = l->n, .centroids = l->centroids, .sizes = l->sizes};
    free(l->ends);
    *l = (layer){0};
}

bovw_status tree_grow(uint8_t *points, size_t n, const tree_options *opts,
                      const bovw_compute *compute, const bovw_monitor *monitor, tree *made,
                      bovw_error *err)
{
    growth g = {.points = points, .n = n, .opts = opts, .compute = compute};
    layer l = {0}, next = {0};

    *made = (tree){0};
    bovw_status status = check_options(opts, n, err);
    if (status == BOVW_OK)
        status = layer_init(&l, 1, err);
    if (status == BOVW_OK)
        l.ends[0] = (uint32_t)n;
    for (; status == BOVW_OK && g.depth < opts->depth; g.depth++) {
        status = monitor_progress(monitor, "growing", g.depth, opts->depth, err);
        if (status == BOVW_OK)
            status = grow_layer(&g, &l, &next, &made->error, err);
        if (status != BOVW_OK)
            break;
        if (g.depth > 0) /* the root is no centroid */
            keep_layer(made, &l);
        layer_free(&l);
        l = next;
        next = (layer){0};
    }
    if (status == BOVW_OK)
        keep_layer(made, &l);
    if (status == BOVW_OK)
        status = monitor_progress(monitor, "growing", opts->depth, opts->depth, err);
    layer_free(&l);
    layer_free(&next);
    if (status != BOVW_OK)
        tree_free(made);
    return status;
}

void tree_free(tree *made)
{
    for (uint32_t i = 0; i < made->n_levels; i++) {
        free((void *)(uintptr_t)made->levels[i].centroids);
        free((void *)(uintptr_t)made->levels[i].sizes);
    }
    *made = (tree){0};
}
