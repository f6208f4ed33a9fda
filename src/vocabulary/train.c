/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "bovw/vocabulary.h"
#include "vocabulary/sample.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MIN_SAMPLE = 100000,
    SAMPLE_PER_WORD = 50
};

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

static bovw_status check_options(const bovw_train_options *opts, size_t *n_wanted,
                                 bovw_error *err)
{
    const uint32_t k = opts->kmeans.k;
    if (k == 0 || k > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_ARG, "%" PRIu32 " words are not in [1, %u]", k,
                    BOVW_MAX_WORDS);
    uint64_t wanted = opts->sample;
    if (wanted == 0)
        wanted = (uint64_t)k * SAMPLE_PER_WORD < MIN_SAMPLE ? MIN_SAMPLE
                                                            : (uint64_t)k * SAMPLE_PER_WORD;
    if (wanted < k || wanted > UINT32_MAX)
        return fail(err, BOVW_ERR_ARG,
                    "a sample of %" PRIu64 " descriptors is not in [%" PRIu32 ", %" PRIu32
                    "]",
                    wanted, k, UINT32_MAX);
    *n_wanted = (size_t)wanted;
    return BOVW_OK;
}

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

static bovw_status cluster(const sample *s, const uint8_t *points, bovw_source *source,
                           const bovw_train_options *opts, const bovw_compute *compute,
                           const bovw_monitor *monitor, bovw_vocabulary **vocabulary,
                           bovw_error *err)
{
    bovw_kmeans_result result;
    char summary[256];
    bovw_vocabulary *plain = NULL;
    uint8_t *centroids = mem_array(opts->kmeans.k, DIM);
    if (!centroids)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: %" PRIu32 " words",
                    opts->kmeans.k);

    bovw_status status =
        bovw_kmeans(points, s->n, &opts->kmeans, compute, monitor, centroids, &result, err);
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
        status = bovw_vocabulary_embed(plain, points, s->n, opts->kmeans.seed, compute,
                                       monitor, vocabulary, err);
    bovw_vocabulary_close(plain);
    free(centroids);
    return status;
}

bovw_status bovw_vocabulary_train(bovw_source *source, const bovw_train_options *opts,
                                  const bovw_compute *compute, const bovw_monitor *monitor,
                                  bovw_vocabulary **vocabulary, bovw_error *err)
{
    sample s = {0};
    size_t wanted = 0;
    const bovw_source_consumer consumer = {.context = &s, .consume = consume};

    bovw_status status = check_options(opts, &wanted, err);
    if (status != BOVW_OK)
        return status;
    sample_init(&s, wanted, opts->kmeans.seed);
    status = bovw_source_run(source, compute, "sampling", &consumer, monitor, err);
    if (status != BOVW_OK)
        goto done;
    const uint8_t *points = sample_finish(&s);
    report_sample(&s, monitor);
    if (s.n < opts->kmeans.k) {
        status =
            fail(err, BOVW_ERR_ARG,
                 "%zu descriptors of %" PRIu32 " images are too few for %" PRIu32 " words",
                 s.n, s.n_images, opts->kmeans.k);
        goto done;
    }
    status = cluster(&s, points, source, opts, compute, monitor, vocabulary, err);
done:
    sample_free(&s);
    return status;
}
