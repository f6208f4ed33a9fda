/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "bovw/vocabulary.h"
#include "vocabulary/embedding.h"
#include "vocabulary/kmeans.h"
#include "vocabulary/sample.h"
#include "vocabulary/tree.h"
#include "vocabulary/vocabulary_parts.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MIN_SAMPLE = 100000,
    SAMPLE_PER_WORD = 50,
    HELD_OUT_IMAGES = 50, /* one of so many is held out */
    HELD_OUT = 10000,     /* descriptors of them that recall is measured with */

    /* Memory besides the sample: bytes for each descriptor and each word, of
     * clustering or of the signatures, and for all else (buffers of threads, the
     * images of a batch). */
    POINT_BYTES = 4 + DIM / EMBEDDING_PASSES,
    TREE_POINT_BYTES = DIM + 140,
    WORD_BYTES = KMEANS_WORD_BYTES,
    OTHER_BYTES = 96 << 20
};

_Static_assert((int)POINT_BYTES >= (int)KMEANS_POINT_BYTES, "the larger of the two");

void bovw_train_options_default(bovw_train_options *opts)
{
    bovw_group_options grouping;
    bovw_group_options_default(&grouping);
    *opts = (bovw_train_options){.recall = grouping.recall};
    bovw_kmeans_options_default(&opts->kmeans);
}

/* ---- sampling ------------------------------------------------------------ */

typedef struct samples {
    sample training;
    sample held_out; /* of other images; nothing is wanted where there are no groups */
    uint32_t n_images;
} samples;

static bool is_tree(const bovw_train_options *opts)
{
    return opts->tree_depth > 0;
}

static bool is_grouped(const bovw_train_options *opts)
{
    if (is_tree(opts))
        return false;
    return opts->grouping == BOVW_GROUPS_AUTO ? opts->kmeans.k > BOVW_MAX_EXACT_WORDS
                                              : opts->grouping != BOVW_GROUPS_NONE;
}

static bovw_status consume(void *context, const bovw_source_batch *batch, bovw_error *err)
{
    samples *s = context;
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < batch->n; i++) {
        const bovw_features *features = &batch->features[i];
        const bool is_held_out =
            s->held_out.wanted > 0 && ++s->n_images % HELD_OUT_IMAGES == 0;
        status = sample_add(is_held_out ? &s->held_out : &s->training,
                            features->descriptors, features->n, err);
    }
    return status;
}

/* How many words are wanted: of a tree, at most. */
static uint64_t count_words(const bovw_train_options *opts)
{
    uint64_t n = 1;
    if (!is_tree(opts))
        return opts->kmeans.k;
    for (uint32_t i = 0; i < opts->tree_depth && n <= BOVW_MAX_WORDS; i++)
        n *= opts->tree_branch;
    return n;
}

static uint64_t sample_size(const bovw_train_options *opts)
{
    const uint64_t by_words = count_words(opts) * SAMPLE_PER_WORD;
    if (opts->sample > 0)
        return opts->sample;
    return by_words < MIN_SAMPLE ? MIN_SAMPLE : by_words;
}

static bovw_status check_options(const bovw_train_options *opts, bovw_error *err)
{
    const uint64_t k = count_words(opts);
    const uint64_t wanted = sample_size(opts);
    if (k == 0 || k > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_ARG, "%" PRIu64 " words are not in [1, %u]", k,
                    BOVW_MAX_WORDS);
    if (wanted < k || wanted > UINT32_MAX)
        return fail(err, BOVW_ERR_ARG,
                    "a sample of %" PRIu64 " descriptors is not in [%" PRIu64 ", %" PRIu32
                    "]",
                    wanted, k, UINT32_MAX);
    return BOVW_OK;
}

/* ---- memory -------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void bovw_train_memory_estimate(const bovw_train_options *opts, uint64_t n,
                                bovw_train_memory *memory)
{
    const uint64_t wanted = sample_size(opts);
    const uint64_t sampled = wanted < n ? wanted : n;
    const uint64_t held = 2 * wanted < n ? 2 * wanted : n; /* while sampling */
    const uint64_t words = count_words(opts) * WORD_BYTES;
    const uint64_t state =
        sampled * (is_tree(opts) ? TREE_POINT_BYTES : POINT_BYTES) + words;

    memory->in_memory = OTHER_BYTES + larger(held * SAMPLE_BYTES, sampled * DIM + state);
    memory->with_file = OTHER_BYTES + larger(held * SAMPLE_FILE_BYTES, state);
    /* Each place of the sample is taken by the best so far of a growing stream. */
    const double times = n > wanted ? 1.0 + log((double)n / (double)wanted) : 1.0;
    memory->file = (uint64_t)((double)sampled * (DIM + 8) * times);
}

static double gigabytes(uint64_t n_bytes)
{
    return 1e-9 * (double)n_bytes;
}

/* Decide where the sample is kept, and say what that takes. */
static bovw_status plan_memory(const bovw_train_options *opts, uint64_t n_features,
                               const bovw_monitor *monitor, bool *in_file, bovw_error *err)
{
    bovw_train_memory m;
    char text[160];

    bovw_train_memory_estimate(opts, n_features, &m);
    *in_file = opts->max_memory > 0 && m.in_memory > opts->max_memory;
    if (*in_file && m.with_file > opts->max_memory)
        return fail(err, BOVW_ERR_LIMIT,
                    "training needs %.2f GB of memory at least, %.2f GB are allowed: take "
                    "fewer descriptors or words",
                    gigabytes(m.with_file), gigabytes(opts->max_memory));
    if (*in_file && !opts->state)
        return fail(err, BOVW_ERR_ARG,
                    "training needs %.2f GB of memory, or a path for its file",
                    gigabytes(m.in_memory));
    if (*in_file)
        snprintf(text, sizeof text,
                 "training takes %.2f GB of memory at most, and a file of about %.2f GB",
                 gigabytes(m.with_file), gigabytes(m.file));
    else
        snprintf(text, sizeof text, "training takes %.2f GB of memory at most",
                 gigabytes(m.in_memory));
    monitor_message(monitor, text);
    return BOVW_OK;
}

/* ---- the sample ----------------------------------------------------------- */

static void report_sample(const sample *s, const bovw_monitor *monitor)
{
    char text[128];
    snprintf(text, sizeof text,
             "training on %zu of %" PRIu64 " descriptors of %" PRIu32 " image%s", s->n,
             s->n_descriptors, s->n_images, s->n_images == 1 ? "" : "s");
    monitor_message(monitor, text);
}

static bovw_status check_sample(const sample *s, uint32_t k, bovw_error *err)
{
    if (s->n >= k && s->n > 0)
        return BOVW_OK;
    return fail(err, BOVW_ERR_ARG,
                "%zu descriptors of %" PRIu32 " images are too few for %" PRIu32 " words",
                s->n, s->n_images, k);
}

/* ---- training ------------------------------------------------------------ */

typedef struct training {
    const bovw_feature_options *features;
    const bovw_train_options *opts;
    const bovw_compute *compute;
    const bovw_monitor *monitor;
    const sample *sample;
    const point_set *points; /* of the sample */
    samples *samples;
} training;

/* A vocabulary of flat k-means, neither in groups nor with signatures. */
static bovw_status cluster(const training *t, bovw_vocabulary **plain, bovw_error *err)
{
    const bovw_kmeans_options *opts = &t->opts->kmeans;
    bovw_kmeans_result result;
    kmeans_plan plan;
    char summary[256];
    uint8_t *centroids = mem_array(opts->k, DIM);
    if (!centroids)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: %" PRIu32 " words", opts->k);

    kmeans_plan_default(&plan);
    plan.path = t->opts->state;
    bovw_status status =
        kmeans_run(t->points, opts, &plan, t->compute, t->monitor, centroids, &result, err);
    if (status == BOVW_OK) {
        snprintf(summary, sizeof summary,
                 "%" PRIu32 " words, k-means++ and %" PRIu32 " iterations on %zu "
                 "descriptors of %" PRIu32 " images, seed %" PRIu64
                 ", mean squared error %.1f",
                 opts->k, result.n_iterations, t->sample->n, t->sample->n_images,
                 opts->seed, result.error);
        status = bovw_vocabulary_new(t->features, centroids, opts->k, summary, plain, err);
    }
    free(centroids);
    return status;
}

/* A vocabulary of the leaves of a tree, which are found through it. */
static bovw_status make_of_tree(const training *t, const tree *grown,
                                bovw_vocabulary **plain, bovw_error *err)
{
    const groups_level *leaves = &grown->levels[grown->n_levels - 1];
    groups_layout layout = {.n_levels = grown->n_levels - 1};
    char summary[256];
    snprintf(summary, sizeof summary,
             "%" PRIu32 " words, leaves of a tree %" PRIu32 "^%" PRIu32
             " of k-means++ on %zu descriptors of %" PRIu32 " images, seed %" PRIu64
             ", mean squared error %.1f",
             leaves->n, t->opts->tree_branch, t->opts->tree_depth, t->sample->n,
             t->sample->n_images, t->opts->kmeans.seed, grown->error);
    memcpy(layout.levels, grown->levels, layout.n_levels * sizeof layout.levels[0]);
    const vocabulary_parts parts = {.options = t->features,
                                    .centroids = leaves->centroids,
                                    .k = leaves->n,
                                    .layout = layout.n_levels > 0 ? &layout : NULL,
                                    .n_probes = 1,
                                    .summary = summary};
    return vocabulary_make(&parts, plain, err);
}

static bovw_status grow(const training *t, bovw_vocabulary **plain, bovw_error *err)
{
    const tree_options opts = {.branch = t->opts->tree_branch,
                               .depth = t->opts->tree_depth,
                               .n_iterations = t->opts->kmeans.n_iterations,
                               .seed = t->opts->kmeans.seed};
    tree grown = {0};
    uint8_t *points = mem_array(t->sample->n, DIM); /* to be put in order */
    if (!points)
        return fail_memory(err, "vocabulary tree");
    memcpy(points, t->points->data, t->sample->n * DIM);
    points_done(t->points, 0, t->points->n);
    bovw_status status =
        tree_grow(points, t->sample->n, &opts, t->compute, t->monitor, &grown, err);
    free(points);
    if (status == BOVW_OK)
        status = make_of_tree(t, &grown, plain, err);
    tree_free(&grown);
    return status;
}

/* Put words in groups, with descriptors that they were not trained on; where
 * there are too few images to hold one out, with some of the others. */
static bovw_status group(const training *t, bovw_vocabulary **plain, bovw_error *err)
{
    sample *held_out = &t->samples->held_out;
    point_set others = {0};
    bovw_vocabulary *grouped = NULL;
    const bovw_group_options opts = {
        .n_groups = t->opts->grouping == BOVW_GROUPS_AUTO ? 0 : t->opts->grouping,
        .recall = t->opts->recall,
        .seed = t->opts->kmeans.seed};
    bovw_status status = sample_finish(held_out, &others, err);
    if (status == BOVW_OK && others.n == 0) {
        others = *t->points;
        others.n = others.n < HELD_OUT ? others.n : HELD_OUT;
    }
    if (status == BOVW_OK)
        status = bovw_vocabulary_group(*plain, others.data, others.n, &opts, t->compute,
                                       t->monitor, &grouped, err);
    if (status == BOVW_OK) {
        bovw_vocabulary_close(*plain);
        *plain = grouped;
    }
    return status;
}

static bovw_status make(const training *t, bovw_vocabulary **vocabulary, bovw_error *err)
{
    bovw_vocabulary *plain = NULL;
    bovw_status status = is_tree(t->opts) ? grow(t, &plain, err) : cluster(t, &plain, err);
    if (status == BOVW_OK && is_grouped(t->opts))
        status = group(t, &plain, err);
    if (status == BOVW_OK)
        status = vocabulary_embed(plain, t->points, t->opts->kmeans.seed, t->compute,
                                  t->monitor, vocabulary, err);
    bovw_vocabulary_close(plain);
    return status;
}

bovw_status bovw_vocabulary_train(bovw_source *source, const bovw_train_options *opts,
                                  const bovw_compute *compute, const bovw_monitor *monitor,
                                  bovw_vocabulary **vocabulary, bovw_error *err)
{
    samples s = {0};
    point_set points = {0};
    bool in_file = false;
    const bovw_source_consumer consumer = {.context = &s, .consume = consume};
    const training t = {.features = bovw_source_options(source),
                        .opts = opts,
                        .compute = compute,
                        .monitor = monitor,
                        .sample = &s.training,
                        .points = &points,
                        .samples = &s};

    bovw_status status = check_options(opts, err);
    if (status == BOVW_OK)
        status =
            plan_memory(opts, bovw_source_max_features(source), monitor, &in_file, err);
    if (status == BOVW_OK)
        status = sample_init(&s.training, (size_t)sample_size(opts), opts->kmeans.seed,
                             in_file ? opts->state : NULL, err);
    if (status == BOVW_OK && is_grouped(opts))
        status = sample_init(&s.held_out, HELD_OUT, opts->kmeans.seed, NULL, err);
    if (status == BOVW_OK)
        status = bovw_source_run(source, compute, "sampling", &consumer, monitor, err);
    if (status == BOVW_OK)
        status = sample_finish(&s.training, &points, err);
    if (status == BOVW_OK) {
        report_sample(&s.training, monitor);
        status = check_sample(&s.training, opts->kmeans.k, err);
    }
    if (status == BOVW_OK)
        status = make(&t, vocabulary, err);
    sample_free(&s.training);
    sample_free(&s.held_out);
    return status;
}
