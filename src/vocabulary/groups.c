/* SPDX-License-Identifier: MIT
 *
 * A batch of descriptors goes down level by level. On each, the groups that its
 * descriptors chose on the level above are taken in order; those descriptors
 * that chose a group are copied together and meet its centroids through the
 * kernel, up to NEAREST_BLOCK at a time, and what each has found so far limits
 * what it takes. Every descriptor meets its groups in ascending order, however
 * the batches are cut: so ties do not depend on it either.
 */
#include "vocabulary/groups.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "vocabulary/least.h"

_Static_assert(LEAST_BLOCK % NEAREST_PANEL == 0, "distances fit kernels and least_of()");

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MAX_ROWS = 1 << 20, /* descriptors times groups searched, of a batch */
    BATCH = 16384,      /* descriptors at a time: as many meet in each group as can */
    TOP_ROWS = 48,   /* descriptors whose distances to the coarsest level stay in cache */
    SMALL = 16,      /* a group of fewer centroids is not worth packing */
    N_ITERATIONS = 8 /* of k-means, for coarse centroids */
};

static const uint32_t NONE = UINT32_MAX;

typedef struct level {
    uint32_t n;               /* centroids */
    uint32_t n_groups;        /* centroids of the level above; 1 for the coarsest */
    uint32_t *starts;         /* (n_groups + 1,) of the groups among the centroids */
    const uint8_t *centroids; /* (n, 128) */
    nearest **groups;         /* (n_groups,), NULL for an empty one */
} level;

struct groups {
    const nearest_kernel *kernel;
    uint32_t n_levels;                   /* with the words */
    level levels[GROUPS_MAX_LEVELS + 1]; /* coarsest first, the words last */
    groups_layout layout;                /* all but the words */
    uint8_t *upper;                      /* centroids of the layout */
    uint32_t *sizes;                     /* sizes of the layout */
    uint8_t *ordered;                    /* the words' centroids, if not the caller's */
    uint32_t *order;                     /* (k,) or NULL */
};

/* ---- making ------------------------------------------------------------ */

static bovw_status check_layout(const groups_layout *layout, uint32_t k, bovw_error *err)
{
    if (layout->n_levels == 0 || layout->n_levels > GROUPS_MAX_LEVELS)
        return fail(err, BOVW_ERR_ARG, "%" PRIu32 " levels above the words",
                    layout->n_levels);
    for (uint32_t l = 0; l < layout->n_levels; l++) {
        const uint32_t below = l + 1 < layout->n_levels ? layout->levels[l + 1].n : k;
        uint64_t sum = 0;
        for (uint32_t i = 0; i < layout->levels[l].n; i++)
            sum += layout->levels[l].sizes[i];
        if (layout->levels[l].n == 0 || sum != below)
            return fail(err, BOVW_ERR_ARG,
                        "groups of level %" PRIu32 " hold %" PRIu64
                        " centroids of %" PRIu32,
                        l, sum, below);
    }
    return BOVW_OK;
}

static bovw_status copy_layout(groups *g, const groups_layout *from, bovw_error *err)
{
    size_t n = 0, at = 0;
    for (uint32_t l = 0; l < from->n_levels; l++)
        n += from->levels[l].n;
    g->upper = mem_array(n, DIM);
    g->sizes = mem_array(n, sizeof *g->sizes);
    if (!g->upper || !g->sizes)
        return fail_memory(err, "groups of words");
    g->layout.n_levels = from->n_levels;
    for (uint32_t l = 0; l < from->n_levels; l++) {
        const groups_level *upper = &from->levels[l];
        memcpy(g->upper + at * DIM, upper->centroids, (size_t)upper->n * DIM);
        memcpy(g->sizes + at, upper->sizes, upper->n * sizeof *g->sizes);
        g->layout.levels[l] = (groups_level){
            .n = upper->n, .centroids = g->upper + at * DIM, .sizes = g->sizes + at};
        at += upper->n;
    }
    return BOVW_OK;
}

/* Make a level's groups searchable; sizes (n_groups,), NULL: one group of all. */
static bovw_status level_init(level *l, const uint8_t *centroids, uint32_t n,
                              const uint32_t *sizes, uint32_t n_groups,
                              const nearest_kernel *kernel, bovw_error *err)
{
    *l = (level){.n = n, .n_groups = n_groups, .centroids = centroids};
    l->starts = mem_array((size_t)n_groups + 1, sizeof *l->starts);
    l->groups = mem_array(n_groups, sizeof *l->groups);
    if (!l->starts || !l->groups)
        return fail_memory(err, "groups of words");
    for (uint32_t i = 0; i < n_groups; i++) {
        const uint32_t start = l->starts[i], size = sizes ? sizes[i] : n;
        l->starts[i + 1] = start + size;
        if (size == 0)
            continue;
        const bovw_status status =
            nearest_new(centroids + (size_t)start * DIM, size,
                        size < SMALL ? &nearest_portable : kernel, &l->groups[i], err);
        if (status != BOVW_OK)
            return status;
    }
    return BOVW_OK;
}

static void level_free(level *l)
{
    for (uint32_t i = 0; l->groups && i < l->n_groups; i++)
        nearest_free(l->groups[i]);
    free(l->groups);
    free(l->starts);
}

static bovw_status groups_fill(groups *g, const groups_layout *layout,
                               const uint8_t *centroids, uint32_t k, bovw_error *err)
{
    bovw_status status = check_layout(layout, k, err);
    if (status == BOVW_OK)
        status = copy_layout(g, layout, err);
    const groups_level *upper = g->layout.levels;
    for (uint32_t l = 0; status == BOVW_OK && l <= g->layout.n_levels; l++) {
        const bool is_last = l == g->layout.n_levels;
        g->n_levels = l + 1;
        status = level_init(&g->levels[l], is_last ? centroids : upper[l].centroids,
                            is_last ? k : upper[l].n, l > 0 ? upper[l - 1].sizes : NULL,
                            l > 0 ? upper[l - 1].n : 1, g->kernel, err);
    }
    return status;
}

bovw_status groups_from(const groups_layout *layout, const uint8_t *centroids, uint32_t k,
                        const nearest_kernel *kernel, groups **made, bovw_error *err)
{
    groups *g = mem_array(1, sizeof *g);
    if (!g)
        return fail_memory(err, "groups of words");
    g->kernel = kernel;
    const bovw_status status = groups_fill(g, layout, centroids, k, err);
    if (status == BOVW_OK)
        *made = g;
    else
        groups_free(g);
    return status;
}

void groups_free(groups *made)
{
    if (!made)
        return;
    for (uint32_t l = 0; l < made->n_levels; l++)
        level_free(&made->levels[l]);
    free(made->upper);
    free(made->sizes);
    free(made->ordered);
    free(made->order);
    free(made);
}

const nearest_kernel *groups_kernel_of(const groups *made)
{
    return made->kernel;
}

const groups_layout *groups_layout_of(const groups *made)
{
    return &made->layout;
}

const uint32_t *groups_order(const groups *made)
{
    return made->order;
}

/* ---- grouping ---------------------------------------------------------- */

typedef struct grouping {
    uint32_t n_groups;
    uint8_t *coarse;    /* (n_groups, 128) */
    uint32_t *sizes;    /* (n_groups,) */
    uint32_t *group_of; /* (k,) */
    uint32_t *order;    /* (k,) as groups_order() */
    uint8_t *ordered;   /* (k, 128) */
} grouping;

/* k-means has its own stage and messages; what is left of a caller's monitor. */
static bool report_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    const bovw_monitor *m = context;
    (void)stage;
    return m->progress(m->context, "grouping", done, total);
}

static bovw_status make_coarse(grouping *to, const uint8_t *centroids, uint32_t k,
                               uint64_t seed, const bovw_compute *compute,
                               const bovw_monitor *monitor, bovw_error *err)
{
    const bovw_kmeans_options opts = {
        .k = to->n_groups, .n_iterations = N_ITERATIONS, .seed = seed};
    const bovw_monitor progress = {.context = (void *)(uintptr_t)monitor,
                                   .progress = report_progress};
    const nearest_kernel *kernel;
    nearest *coarse = NULL;

    bovw_status status =
        bovw_kmeans(centroids, k, &opts, compute,
                    monitor && monitor->progress ? &progress : NULL, to->coarse, NULL, err);
    if (status == BOVW_OK)
        status = nearest_kernel_find(compute ? compute->kernel : NULL, &kernel, err);
    if (status == BOVW_OK)
        status = nearest_new(to->coarse, to->n_groups, kernel, &coarse, err);
    if (status == BOVW_OK)
        nearest_run(coarse, centroids, k, 1, parallel_threads(compute), to->group_of, NULL);
    nearest_free(coarse);
    return status;
}

/* Counting sort of the centroids by group. */
static void order_centroids(grouping *to, const uint8_t *centroids, uint32_t k)
{
    uint32_t start = 0;
    for (uint32_t i = 0; i < k; i++)
        to->sizes[to->group_of[i]]++;
    for (uint32_t g = 0; g < to->n_groups; g++) {
        const uint32_t size = to->sizes[g];
        to->sizes[g] = start;
        start += size;
    }
    for (uint32_t i = 0; i < k; i++) {
        const uint32_t at = to->sizes[to->group_of[i]]++;
        to->order[at] = i;
        memcpy(to->ordered + (size_t)at * DIM, centroids + (size_t)i * DIM, DIM);
    }
    for (uint32_t g = to->n_groups; g-- > 1;)
        to->sizes[g] -= to->sizes[g - 1];
}

static bovw_status grouping_make(grouping *to, const uint8_t *centroids, uint32_t k,
                                 uint64_t seed, const bovw_compute *compute,
                                 const bovw_monitor *monitor, bovw_error *err)
{
    to->coarse = mem_array(to->n_groups, DIM);
    to->sizes = mem_array(to->n_groups, sizeof *to->sizes);
    to->group_of = mem_array(k, sizeof *to->group_of);
    to->order = mem_array(k, sizeof *to->order);
    to->ordered = mem_array(k, DIM);
    if (!to->coarse || !to->sizes || !to->group_of || !to->order || !to->ordered)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: grouping of %" PRIu32 " words", k);
    const bovw_status status = make_coarse(to, centroids, k, seed, compute, monitor, err);
    if (status == BOVW_OK)
        order_centroids(to, centroids, k);
    return status;
}

static void grouping_free(grouping *to)
{
    free(to->coarse);
    free(to->sizes);
    free(to->group_of);
    free(to->order);
    free(to->ordered);
}

bovw_status groups_new(const uint8_t *centroids, uint32_t k, uint32_t n_groups,
                       uint64_t seed, const bovw_compute *compute,
                       const bovw_monitor *monitor, groups **made, bovw_error *err)
{
    const nearest_kernel *kernel;
    grouping to = {.n_groups = n_groups ? n_groups : (uint32_t)(2.0 * sqrt((double)k))};
    if (n_groups == 0 && to.n_groups > k)
        to.n_groups = k;
    bovw_status status =
        nearest_kernel_find(compute ? compute->kernel : NULL, &kernel, err);
    if (status == BOVW_OK)
        status = grouping_make(&to, centroids, k, seed, compute, monitor, err);
    if (status == BOVW_OK) {
        const groups_layout layout = {
            .n_levels = 1,
            .levels = {{.n = to.n_groups, .centroids = to.coarse, .sizes = to.sizes}}};
        status = groups_from(&layout, to.ordered, k, kernel, made, err);
    }
    if (status == BOVW_OK) {
        (*made)->ordered = to.ordered;
        (*made)->order = to.order;
        to.ordered = NULL;
        to.order = NULL;
    }
    grouping_free(&to);
    return status;
}

/* ---- searching --------------------------------------------------------- */

/* The nearest centroids of one level, for a batch of descriptors. */
typedef struct beam {
    uint32_t width;
    uint32_t *nodes;     /* (n, width), NONE where fewer were found */
    uint32_t *distances; /* (n, width) ascending, but for the coarsest level */
} beam;

typedef struct batch {
    const uint8_t *descriptors; /* (n, 128) */
    size_t n;
    uint32_t *ends; /* (n_groups,) of the rows of each group */
    uint32_t *rows; /* descriptors by group */
    int32_t *top;   /* (TOP_ROWS, stride) distances to the coarsest level */
    size_t stride;
    int32_t *least; /* scratch of least_of() */
    uint8_t gathered[NEAREST_BLOCK * DIM];
    nearest_found found;
} batch;

/* Fill rows with the descriptors that chose each group of a level. */
static void sort_by_group(batch *b, const beam *chosen, uint32_t n_groups)
{
    const size_t n = b->n * chosen->width;
    uint32_t start = 0;
    memset(b->ends, 0, n_groups * sizeof *b->ends);
    for (size_t i = 0; i < n; i++) {
        if (chosen->nodes[i] != NONE)
            b->ends[chosen->nodes[i]]++;
    }
    for (uint32_t g = 0; g < n_groups; g++) {
        const uint32_t size = b->ends[g];
        b->ends[g] = start;
        start += size;
    }
    for (size_t i = 0; i < n; i++) {
        if (chosen->nodes[i] != NONE)
            b->rows[b->ends[chosen->nodes[i]]++] = (uint32_t)(i / chosen->width);
    }
}

/* Up to NEAREST_BLOCK descriptors, given by their rows, against one group whose
 * first centroid is `first`. */
static void search_block(batch *b, const nearest *group, uint32_t first,
                         const uint32_t *rows, size_t n, beam *to)
{
    nearest_found *found = &b->found;
    const size_t bytes = to->width * sizeof *to->nodes;

    nearest_found_init(found, n, to->width);
    found->first = first;
    for (size_t i = 0; i < n; i++) {
        const size_t at = (size_t)rows[i] * to->width;
        memcpy(b->gathered + i * DIM, b->descriptors + (size_t)rows[i] * DIM, DIM);
        memcpy(found->words[i], to->nodes + at, bytes);
        memcpy(found->distances[i], to->distances + at, bytes);
        found->limits[i] = (int32_t)to->distances[at + to->width - 1];
    }
    nearest_add(group, b->gathered, n, found);
    for (size_t i = 0; i < n; i++) {
        const size_t at = (size_t)rows[i] * to->width;
        memcpy(to->nodes + at, found->words[i], bytes);
        memcpy(to->distances + at, found->distances[i], bytes);
    }
}

static void search_group(batch *b, const level *l, uint32_t group, const uint32_t *rows,
                         size_t n, beam *to)
{
    for (size_t first = 0; l->groups[group] && first < n; first += NEAREST_BLOCK) {
        const size_t size = n - first < NEAREST_BLOCK ? n - first : NEAREST_BLOCK;
        search_block(b, l->groups[group], l->starts[group], rows + first, size, to);
    }
}

/* Fill a beam with the nearest of one level, among the groups chosen on the
 * level above. */
static void search_level(batch *b, const level *l, const beam *chosen, beam *to)
{
    for (size_t i = 0; i < b->n * to->width; i++) {
        to->nodes[i] = NONE;
        to->distances[i] = NEAREST_FAR;
    }
    sort_by_group(b, chosen, l->n_groups);
    for (uint32_t g = 0; g < l->n_groups; g++) {
        const uint32_t start = g > 0 ? b->ends[g - 1] : 0;
        search_group(b, l, g, b->rows + start, b->ends[g] - start, to);
    }
}

/* The nearest centroids of the coarsest level, in no order but their own. */
static void search_top(batch *b, const level *l, beam *to)
{
    for (size_t first = 0; first < b->n; first += TOP_ROWS) {
        const size_t n = b->n - first < TOP_ROWS ? b->n - first : TOP_ROWS;
        nearest_measure(l->groups[0], b->descriptors + first * DIM, n, (uint32_t *)b->top,
                        b->stride);
        for (size_t i = 0; i < n; i++)
            least_of(b->top + i * b->stride, l->n, to->width,
                     to->nodes + (first + i) * to->width, b->least);
    }
}

/* Descriptors whose groups held too few centroids meet them all. */
static void complete(batch *b, const level *l, beam *to)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const size_t at = (size_t)i * to->width;
        if (to->nodes[at + to->width - 1] != NONE)
            continue;
        for (size_t j = at; j < at + to->width; j++) {
            to->nodes[j] = NONE;
            to->distances[j] = NEAREST_FAR;
        }
        for (uint32_t g = 0; g < l->n_groups; g++)
            search_group(b, l, g, &i, 1, to);
    }
}

typedef struct search {
    const groups *made;
    const uint8_t *descriptors; /* (n, 128) */
    size_t n;
    uint32_t n_words, n_probes; /* at most as many as groups of the coarsest level */
    size_t batch;               /* descriptors of a batch */
    uint32_t *words;            /* (n, n_words) */
    uint32_t *distances;        /* or NULL */
} search;

/* What one thread needs. */
typedef struct scratch {
    batch batch;
    beam beams[2];
    uint32_t *distances; /* where the caller wants none */
} scratch;

static uint32_t largest_level(const groups *g)
{
    uint32_t n = 1;
    for (uint32_t l = 0; l < g->n_levels; l++)
        n = g->levels[l].n_groups > n ? g->levels[l].n_groups : n;
    return n;
}

static void scratch_free(scratch *s)
{
    if (!s)
        return;
    for (int i = 0; i < 2; i++) {
        free(s->beams[i].nodes);
        free(s->beams[i].distances);
    }
    free(s->distances);
    free(s->batch.ends);
    free(s->batch.rows);
    free(s->batch.top);
    free(s->batch.least);
    free(s);
}

static scratch *scratch_new(const search *job)
{
    const uint32_t n_top = job->made->levels[0].n;
    const size_t n = job->batch * job->n_probes;
    scratch *s = mem_array(1, sizeof *s);
    if (!s)
        return NULL;
    bool is_whole = true;
    for (int i = 0; i < 2; i++) {
        s->beams[i].nodes = mem_array(n, sizeof *s->beams[i].nodes);
        s->beams[i].distances = mem_array(n, sizeof *s->beams[i].distances);
        is_whole = is_whole && s->beams[i].nodes && s->beams[i].distances;
    }
    s->distances = mem_array(job->batch * job->n_words, sizeof *s->distances);
    s->batch.ends = mem_array(largest_level(job->made), sizeof *s->batch.ends);
    s->batch.rows = mem_array(n, sizeof *s->batch.rows);
    s->batch.stride = ((size_t)n_top + LEAST_BLOCK - 1) / LEAST_BLOCK * LEAST_BLOCK;
    s->batch.top = mem_array(TOP_ROWS * s->batch.stride, sizeof *s->batch.top);
    s->batch.least = mem_array(3 * ((size_t)n_top + LEAST_BLOCK), sizeof *s->batch.least);
    is_whole = is_whole && s->distances && s->batch.ends && s->batch.rows && s->batch.top &&
               s->batch.least;
    if (!is_whole) {
        scratch_free(s);
        return NULL;
    }
    return s;
}

/* Centroids in order of groups become the caller's indices. */
static void rename_words(const groups *g, uint32_t *words, size_t n)
{
    for (size_t i = 0; g->order && i < n; i++)
        words[i] = g->order[words[i]];
}

static uint32_t min3(uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t least = a < b ? a : b;
    return least < c ? least : c;
}

static void search_batch(const search *job, size_t first, size_t n, scratch *s)
{
    const groups *g = job->made;
    batch *b = &s->batch;
    beam *chosen = &s->beams[0], *next = &s->beams[1];

    b->descriptors = job->descriptors + first * DIM;
    b->n = n;
    chosen->width = job->n_probes;
    search_top(b, &g->levels[0], chosen);
    for (uint32_t l = 1; l + 1 < g->n_levels; l++) {
        next->width = min3(job->n_probes, NEAREST_WORDS, g->levels[l].n);
        search_level(b, &g->levels[l], chosen, next);
        beam *last = chosen;
        chosen = next;
        next = last;
    }
    beam words = {.width = job->n_words,
                  .nodes = job->words + first * job->n_words,
                  .distances = job->distances ? job->distances + first * job->n_words
                                              : s->distances};
    search_level(b, &g->levels[g->n_levels - 1], chosen, &words);
    complete(b, &g->levels[g->n_levels - 1], &words);
    rename_words(g, words.nodes, n * words.width);
}

bovw_status groups_run(const groups *made, const uint8_t *descriptors, size_t n,
                       uint32_t n_words, uint32_t n_probes, int n_threads, uint32_t *words,
                       uint32_t *distances, bovw_error *err)
{
    search job = {.made = made,
                  .descriptors = descriptors,
                  .n = n,
                  .n_words = n_words,
                  .n_probes = n_probes < made->levels[0].n ? n_probes : made->levels[0].n,
                  .batch = n / (size_t)n_threads + 1,
                  .words = words,
                  .distances = distances};
    const size_t most =
        MAX_ROWS / job.n_probes < BATCH ? MAX_ROWS / job.n_probes + 1 : BATCH;
    if (job.batch > most)
        job.batch = most;
    const size_t n_batches = (n + job.batch - 1) / job.batch;
    bool is_out_of_memory = false;

#pragma omp parallel num_threads(n_threads) if (n_threads > 1)                             \
    reduction(||                                                                           \
              : is_out_of_memory)
    {
        scratch *s = scratch_new(&job);
        is_out_of_memory = !s;
#pragma omp for schedule(dynamic)
        for (size_t b = 0; b < n_batches; b++) {
            const size_t first = b * job.batch;
            if (s)
                search_batch(&job, first, n - first < job.batch ? n - first : job.batch, s);
        }
        scratch_free(s);
    }
    return is_out_of_memory ? fail_memory(err, "assignment to groups of words") : BOVW_OK;
}
