/* SPDX-License-Identifier: MIT
 *
 * Images are collected in memory; a full batch is a commit (writer.h), which also
 * takes out the images that it replaces.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/names.h"
#include "base/order.h"
#include "base/parallel.h"
#include "index/writer.h"
#include "vocabulary/embedding.h"

void bovw_add_options_default(bovw_add_options *opts)
{
    *opts = (bovw_add_options){.batch = 4096};
}

/* What an image of the source turned out to be. */
typedef enum item_state {
    ITEM_NEW = 0,
    ITEM_PRESENT,
    ITEM_REFUSED
} item_state;

typedef struct adder {
    const char *path;
    index_writer writer;
    bovw_source *source;
    const bovw_monitor *monitor;
    uint32_t batch;
    bool is_update;
    segment_builder *builder;
    bovw_index *found;     /* the index as it was found */
    const char **names;    /* (found images,) */
    name_table *table;     /* of names */
    name_table *own_table; /* of the source's names: finds duplicates */
    const char **own_names;
    uint8_t *states; /* (source count,) item_state */
    uint32_t *gone;  /* (n_gone,) images of `found` that were replaced, ascending, then
                      * (n_replaced,) those that the current batch replaces */
    uint32_t n_gone, n_replaced;
    size_t gone_capacity;
    uint32_t *words; /* of a batch; scratch */
    size_t words_capacity;
    uint64_t *signatures; /* (features of a batch, 2) scratch */
    size_t signatures_capacity;
    uint64_t *aggregates; /* the same; an image's start where its features do */
    size_t aggregates_capacity;
    bovw_add_result result;
} adder;

/* ---- commit ---------------------------------------------------------------- */

/* Id, in the index as it is now, of an image of the index as it was found. Images
 * keep their order, so those that went before it tell. */
static uint32_t current_id(const adder *a, uint32_t image)
{
    return image - lower_bound_u32(a->gone, a->n_gone, image);
}

/* What the batch replaced is gone. */
static void forget_replaced(adder *a)
{
    a->n_gone += a->n_replaced;
    a->n_replaced = 0;
    qsort(a->gone, a->n_gone, sizeof *a->gone, order_u32);
}

static bovw_status commit(adder *a, bovw_error *err)
{
    const uint32_t n_built = segment_builder_count(a->builder), n_replaced = a->n_replaced;
    uint32_t *replaced = a->gone + a->n_gone;
    uint32_t *removed = mem_array(n_replaced, sizeof *removed);
    if (!removed)
        return fail_memory(err, a->path);
    if (n_replaced > 0)
        qsort(replaced, n_replaced, sizeof *replaced, order_u32);
    for (uint32_t i = 0; i < n_replaced; i++)
        removed[i] = current_id(a, replaced[i]);
    bovw_status status = writer_commit(&a->writer, removed, n_replaced, a->builder, err);
    free(removed);
    if (status != BOVW_OK)
        return status;
    a->result.n_added += n_built - n_replaced;
    a->result.n_updated += n_replaced;
    if (n_replaced > 0)
        forget_replaced(a);
    return writer_merge_tiers(&a->writer, a->monitor, err);
}

/* ---- images ---------------------------------------------------------------- */

static bool is_wanted(void *context, uint32_t item, const char *name,
                      const uint8_t content_id[BOVW_CONTENT_ID_BYTES])
{
    adder *a = context;
    /* The name's first occurrence in the source stands for the others. */
    if (name_table_exact(a->own_table, name) != item) {
        a->states[item] = ITEM_PRESENT;
        return false;
    }
    const uint32_t image = name_table_exact(a->table, name);
    if (image == NAME_NONE)
        return true;
    const bovw_image_info info = bovw_index_image(a->found, image);
    if (memcmp(info.content_id, content_id, BOVW_CONTENT_ID_BYTES) == 0)
        a->states[item] = ITEM_PRESENT;
    else if (a->is_update)
        return true;
    else
        a->states[item] = ITEM_REFUSED;
    return false;
}

/* Aggregates of one image, whose features start at `first` in the batch. */
static bool aggregate_image(adder *a, const bovw_features *image, size_t first)
{
    uint64_t *keys = mem_array(image->n, sizeof *keys);
    if (!keys)
        return false;
    for (uint32_t i = 0; i < image->n; i++)
        keys[i] = (uint64_t)a->words[first + i] << 32 | i;
    qsort(keys, image->n, sizeof *keys, order_u64);
    vocabulary_aggregate(a->writer.index->vocabulary, image->descriptors, keys, image->n,
                         NULL, a->aggregates + 2 * first);
    free(keys);
    return true;
}

static bovw_status aggregate_batch(adder *a, const bovw_source_batch *batch, size_t n,
                                   bovw_error *err)
{
    const int n_threads = parallel_threads(a->writer.compute);
    bool ok = true;
    size_t *starts = mem_array(batch->n + 1, sizeof *starts);
    if (!starts ||
        !mem_grow(&a->aggregates, &a->aggregates_capacity, 2 * n, sizeof *a->aggregates)) {
        free(starts);
        return fail_memory(err, "signatures of a batch");
    }
    (void)n_threads;
    for (size_t i = 0; i < batch->n; i++)
        starts[i + 1] = starts[i] + batch->features[i].n;
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (size_t i = 0; i < batch->n; i++) {
        if (!aggregate_image(a, &batch->features[i], starts[i])) {
#pragma omp atomic write
            ok = false;
        }
    }
    free(starts);
    return ok ? BOVW_OK : fail_memory(err, "signatures of a batch");
}

/* Signatures of all images of a batch, as far as the index has them.
 * descriptors and a->words (n,) are those of all images together. */
static bovw_status sign_batch(adder *a, const bovw_source_batch *batch,
                              const uint8_t *descriptors, size_t n, bovw_error *err)
{
    const uint32_t wanted = a->writer.index->manifest.signatures;
    bovw_status status = BOVW_OK;
    if (wanted & BOVW_SIGNATURES_HE64) {
        if (!mem_grow(&a->signatures, &a->signatures_capacity, 2 * n,
                      sizeof *a->signatures))
            return fail_memory(err, "signatures of a batch");
        status =
            bovw_vocabulary_signatures(a->writer.index->vocabulary, descriptors, n, 1,
                                       a->words, a->writer.compute, a->signatures, err);
    }
    if (status == BOVW_OK && wanted & BOVW_SIGNATURES_ASMK)
        status = aggregate_batch(a, batch, n, err);
    return status;
}

/* Words of all images of a batch, in one call so that all cores work. */
static bovw_status quantise_batch(adder *a, const bovw_source_batch *batch, bovw_error *err)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < batch->n; i++)
        n += batch->features[i].n;
    uint8_t *descriptors = mem_array(n, BOVW_DESCRIPTOR_DIM);
    if (!descriptors || !mem_grow(&a->words, &a->words_capacity, n, sizeof *a->words)) {
        free(descriptors);
        return fail_memory(err, "words of a batch");
    }
    for (size_t i = 0; i < batch->n; i++) {
        const size_t bytes = (size_t)batch->features[i].n * BOVW_DESCRIPTOR_DIM;
        memcpy(descriptors + at, batch->features[i].descriptors, bytes);
        at += bytes;
    }
    bovw_status status = bovw_vocabulary_assign(a->writer.index->vocabulary, descriptors, n,
                                                a->writer.compute, a->words, NULL, err);
    if (status == BOVW_OK)
        status = sign_batch(a, batch, descriptors, n, err);
    free(descriptors);
    return status;
}

/* How many images the files hold, removed ones too: their number is limited. */
static uint64_t n_stored(const bovw_index *index)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < index->n_segments; i++)
        n += index->segments[i].n_images;
    return n;
}

/* If an image takes the place of one that was found, note that. */
static bovw_status note_replaced(adder *a, const char *name, bovw_error *err)
{
    const uint32_t image = name_table_exact(a->table, name);
    const size_t n = (size_t)a->n_gone + a->n_replaced;
    if (image == NAME_NONE)
        return BOVW_OK;
    if (!mem_grow(&a->gone, &a->gone_capacity, n + 1, sizeof *a->gone))
        return fail_memory(err, "images that are replaced");
    a->gone[n] = image;
    a->n_replaced++;
    return BOVW_OK;
}

static bovw_status add_batch(void *context, const bovw_source_batch *batch, bovw_error *err)
{
    adder *a = context;
    size_t at = 0;
    bovw_status status = quantise_batch(a, batch, err);
    for (size_t i = 0; status == BOVW_OK && i < batch->n; i++) {
        if (segment_builder_count(a->builder) + n_stored(a->writer.index) >= UINT32_MAX - 2)
            return fail(err, BOVW_ERR_LIMIT, "%s: more images than an index can hold",
                        a->path);
        const image_signatures signatures = {
            .features = a->signatures ? a->signatures + 2 * at : NULL,
            .aggregates = a->aggregates ? a->aggregates + 2 * at : NULL};
        status = segment_builder_add(a->builder, &batch->features[i], a->words + at,
                                     &signatures, err);
        at += batch->features[i].n;
        if (status == BOVW_OK)
            status = note_replaced(a, batch->features[i].name, err);
        if (status == BOVW_OK && segment_builder_count(a->builder) >= a->batch)
            status = commit(a, err);
    }
    return status;
}

/* Count the images that were left out, and report those that were refused. */
static void report_items(adder *a)
{
    const uint32_t n = bovw_source_count(a->source);
    for (uint32_t i = 0; i < n; i++) {
        a->result.n_present += a->states[i] == ITEM_PRESENT;
        if (a->states[i] != ITEM_REFUSED)
            continue;
        a->result.n_refused++;
        const char *name = bovw_source_name(a->source, i);
        bovw_error reason;
        fail(&reason, BOVW_ERR_ARG,
             "%s: an image of this name but with other content is in the index; "
             "--update replaces it",
             name);
        monitor_skipped(a->monitor, name, &reason);
    }
}

static bovw_status tables(adder *a, bovw_error *err)
{
    const uint32_t n_own = bovw_source_count(a->source);
    a->own_names = mem_array(n_own, sizeof *a->own_names);
    a->states = mem_array(n_own, 1);
    if (!a->own_names || !a->states)
        return fail_memory(err, "names of images");
    for (uint32_t i = 0; i < n_own; i++)
        a->own_names[i] = bovw_source_name(a->source, i);
    bovw_status status = snapshot_names(a->found, &a->names, &a->table, err);
    if (status == BOVW_OK)
        status = name_table_new(a->own_names, n_own, &a->own_table, err);
    return status;
}

static void adder_free(adder *a)
{
    free(a->names);
    free(a->own_names);
    free(a->states);
    free(a->gone);
    free(a->words);
    free(a->signatures);
    free(a->aggregates);
    name_table_free(a->table);
    name_table_free(a->own_table);
    segment_builder_free(a->builder);
    bovw_index_close(a->found);
    writer_close(&a->writer);
}

/* Run through the source and commit what is left of the last batch. */
static bovw_status add_source(adder *a, bovw_error *err)
{
    const bovw_source_consumer consumer = {
        .context = a, .wanted = is_wanted, .consume = add_batch};
    bovw_status status = bovw_source_run(a->source, a->writer.compute, "indexing",
                                         &consumer, a->monitor, err);
    if ((status == BOVW_OK || status == BOVW_ERR_CANCELLED) &&
        segment_builder_count(a->builder) > 0) {
        const bovw_status committed = commit(a, err);
        status = committed != BOVW_OK ? committed : status;
    }
    return status;
}

bovw_status bovw_index_add(const char *path, bovw_source *source,
                           const bovw_add_options *opts, const bovw_compute *compute,
                           const bovw_monitor *monitor, bovw_add_result *result,
                           bovw_error *err)
{
    bovw_add_options defaults;
    bovw_add_options_default(&defaults);
    if (!opts)
        opts = &defaults;
    adder a = {.path = path,
               .source = source,
               .monitor = monitor,
               .batch = opts->batch,
               .is_update = opts->update};

    if (a.batch == 0)
        return fail(err, BOVW_ERR_ARG, "a batch of 0 images");
    bovw_status status = writer_open(path, compute, &a.writer, err);
    if (status == BOVW_OK)
        status = bovw_feature_options_match(
            path, bovw_vocabulary_options(a.writer.index->vocabulary), "what is added",
            bovw_source_options(source), err);
    if (status == BOVW_OK)
        status = bovw_index_open(path, &a.found, err);
    if (status == BOVW_OK)
        status = tables(&a, err);
    if (status == BOVW_OK)
        status = segment_builder_new(bovw_vocabulary_size(a.writer.index->vocabulary),
                                     a.writer.index->manifest.signatures, &a.builder, err);
    if (status == BOVW_OK)
        status = writer_merge_tiers(&a.writer, monitor, err);
    if (status == BOVW_OK) {
        status = add_source(&a, err);
        report_items(&a);
    }
    if (result)
        *result = a.result;
    adder_free(&a);
    return status;
}
