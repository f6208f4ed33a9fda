/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "bovw/vocabulary.h"
#include "vocabulary/embedding.h"
#include "vocabulary/kmeans.h"
#include "vocabulary/sample.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MIN_SAMPLE = 100000,
    SAMPLE_PER_WORD = 50,
    /* Memory besides the sample: bytes for each descriptor and each word, of
     * clustering or of the signatures, and for all else (buffers of threads, the
     * images of a batch). */
    POINT_BYTES = 4 + DIM / EMBEDDING_PASSES,
    WORD_BYTES = KMEANS_WORD_BYTES,
    OTHER_BYTES = 96 << 20
};

_Static_assert((int)POINT_BYTES >= (int)KMEANS_POINT_BYTES, "the larger of the two");

void bovw_train_options_default(bovw_train_options *opts)
{
    *opts = (bovw_train_options){.sample = 0};
    bovw_kmeans_options_default(&opts->kmeans);
}

static bovw_status consume(void *context, const bovw_source_batch *batch, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < batch->n; i++)
        status =
            sample_add(context, batch->features[i].descriptors, batch->features[i].n, err);
    return status;
}

static uint64_t sample_size(const bovw_train_options *opts)
{
    const uint64_t by_words = (uint64_t)opts->kmeans.k * SAMPLE_PER_WORD;
    if (opts->sample > 0)
        return opts->sample;
    return by_words < MIN_SAMPLE ? MIN_SAMPLE : by_words;
}

static bovw_status check_options(const bovw_train_options *opts, bovw_error *err)
{
    const uint32_t k = opts->kmeans.k;
    const uint64_t wanted = sample_size(opts);
    if (k == 0 || k > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_ARG, "%" PRIu32 " words are not in [1, %u]", k,
                    BOVW_MAX_WORDS);
    if (wanted < k || wanted > UINT32_MAX)
        return fail(err, BOVW_ERR_ARG,
                    "a sample of %" PRIu64 " descriptors is not in [%" PRIu32 ", %" PRIu32
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
    const uint64_t words = (uint64_t)opts->kmeans.k * WORD_BYTES;
    const uint64_t state = sampled * POINT_BYTES + words;

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
    if (!monitor || !monitor->message)
        return BOVW_OK;
    if (*in_file)
        snprintf(text, sizeof text,
                 "training takes %.2f GB of memory at most, and a file of about %.2f GB",
                 gigabytes(m.with_file), gigabytes(m.file));
    else
        snprintf(text, sizeof text, "training takes %.2f GB of memory at most",
                 gigabytes(m.in_memory));
    monitor->message(monitor->context, text);
    return BOVW_OK;
}

/* ---- training ------------------------------------------------------------ */

static void report_sample(const sample *s, const bovw_monitor *monitor)
{
    char text[128];
    if (!monitor || !monitor->message)
        return;
    snprintf(text, sizeof text,
             "training on %zu of %" PRIu64 " descriptors of %" PRIu32 " image%s", s->n,
             s->n_descriptors, s->n_images, s->n_images == 1 ? "" : "s");
    monitor->message(monitor->context, text);
}

static bovw_status check_sample(const sample *s, uint32_t k, bovw_error *err)
{
    if (s->n >= k)
        return BOVW_OK;
    return fail(err, BOVW_ERR_ARG,
                "%zu descriptors of %" PRIu32 " images are too few for %" PRIu32 " words",
                s->n, s->n_images, k);
}

static bovw_status cluster(const sample *s, const point_set *p, bovw_source *source,
                           const bovw_train_options *opts, const bovw_compute *compute,
                           const bovw_monitor *monitor, bovw_vocabulary **vocabulary,
                           bovw_error *err)
{
    bovw_kmeans_result result;
    char summary[256];
    bovw_vocabulary *plain = NULL;
    kmeans_plan plan;
    uint8_t *centroids = mem_array(opts->kmeans.k, DIM);
    if (!centroids)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: %" PRIu32 " words",
                    opts->kmeans.k);

    kmeans_plan_default(&plan);
    plan.path = opts->state;
    bovw_status status =
        kmeans_run(p, &opts->kmeans, &plan, compute, monitor, centroids, &result, err);
    if (status == BOVW_OK) {
        snprintf(summary, sizeof summary,
                 "%" PRIu32 " words, k-means++ and %" PRIu32 " iterations on %zu "
                 "descriptors of %" PRIu32 " images, seed %" PRIu64
                 ", mean squared error %.1f",
                 opts->kmeans.k, result.n_iterations, s->n, s->n_images, opts->kmeans.seed,
                 result.error);
        status = bovw_vocabulary_new(bovw_source_options(source), centroids, opts->kmeans.k,
                                     summary, &plain, err);
    }
    if (status == BOVW_OK)
        status = vocabulary_embed(plain, p, opts->kmeans.seed, compute, monitor, vocabulary,
                                  err);
    bovw_vocabulary_close(plain);
    free(centroids);
    return status;
}

bovw_status bovw_vocabulary_train(bovw_source *source, const bovw_train_options *opts,
                                  const bovw_compute *compute, const bovw_monitor *monitor,
                                  bovw_vocabulary **vocabulary, bovw_error *err)
{
    sample s = {0};
    point_set p = {0};
    bool in_file = false;
    const bovw_source_consumer consumer = {.context = &s, .consume = consume};

    bovw_status status = check_options(opts, err);
    if (status == BOVW_OK)
        status =
            plan_memory(opts, bovw_source_max_features(source), monitor, &in_file, err);
    if (status == BOVW_OK)
        status = sample_init(&s, (size_t)sample_size(opts), opts->kmeans.seed,
                             in_file ? opts->state : NULL, err);
    if (status == BOVW_OK)
        status = bovw_source_run(source, compute, "sampling", &consumer, monitor, err);
    if (status == BOVW_OK)
        status = sample_finish(&s, &p, err);
    if (status == BOVW_OK) {
        report_sample(&s, monitor);
        status = check_sample(&s, opts->kmeans.k, err);
    }
    if (status == BOVW_OK)
        status = cluster(&s, &p, source, opts, compute, monitor, vocabulary, err);
    sample_free(&s);
    return status;
}
