/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "bovw/features.h"
#include "features/read_image.h"
#include "io/paths.h"

enum {
    BATCH = 32
}; /* images between two calls of the consumer */

typedef struct source_item {
    const char *name;        /* borrowed from the path list or the file */
    bovw_feature_file *file; /* or NULL for a picture */
    uint32_t record;
} source_item;

struct bovw_source {
    path_list paths;
    bovw_feature_file **files; /* (n_files,) owned */
    size_t n_files, files_capacity;
    source_item *items;
    size_t n_items, items_capacity;
    bovw_feature_options options;
    bool has_options;
    uint32_t n_skipped;
};

/* ---- opening ------------------------------------------------------------ */

static bovw_status check_options(bovw_source *source, const char *path,
                                 const bovw_feature_options *opts, bovw_error *err)
{
    if (!source->has_options) {
        source->options = *opts;
        source->has_options = true;
        return BOVW_OK;
    }
    return bovw_feature_options_match(path, opts, "what is wanted", &source->options, err);
}

static bovw_status add_item(bovw_source *source, source_item item, bovw_error *err)
{
    if (source->n_items >= UINT32_MAX - 1)
        return fail(err, BOVW_ERR_LIMIT, "more than %u images", UINT32_MAX - 1);
    if (!mem_grow(&source->items, &source->items_capacity, source->n_items + 1,
                  sizeof *source->items))
        return fail_memory(err, "list of images");
    source->items[source->n_items++] = item;
    return BOVW_OK;
}

static bovw_status add_feature_file(bovw_source *source, const char *path, bovw_error *err)
{
    bovw_feature_file *file = NULL;
    bovw_status status = bovw_feature_file_open(path, &file, err);
    if (status == BOVW_OK)
        status = check_options(source, path, bovw_feature_file_options(file), err);
    if (status == BOVW_OK && !mem_grow(&source->files, &source->files_capacity,
                                       source->n_files + 1, sizeof *source->files))
        status = fail_memory(err, path);
    if (status != BOVW_OK) {
        bovw_feature_file_close(file);
        return status;
    }
    source->files[source->n_files++] = file;
    const uint32_t n = bovw_feature_file_count(file);
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        status = add_item(source,
                          (source_item){.name = bovw_feature_file_name(file, i),
                                        .file = file,
                                        .record = i},
                          err);
    return status;
}

bovw_status bovw_source_open(const char *const *paths, size_t n_paths,
                             const bovw_feature_options *opts, const bovw_monitor *monitor,
                             bovw_source **source, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    if (opts) {
        status = bovw_feature_options_check(opts, err);
        if (status != BOVW_OK)
            return status;
    }
    bovw_source *opened = mem_array(1, sizeof *opened);
    if (!opened)
        return fail_memory(err, "list of images");
    if (opts) {
        opened->options = *opts;
        opened->has_options = true;
    }
    status = path_list_expand(paths, n_paths, monitor, &opened->paths, err);
    for (size_t i = 0; status == BOVW_OK && i < opened->paths.n; i++) {
        const path_item *item = &opened->paths.items[i];
        if (item->kind == PATH_FEATURES)
            status = add_feature_file(opened, item->path, err);
        else
            status = add_item(opened, (source_item){.name = item->path}, err);
    }
    if (status != BOVW_OK) {
        bovw_source_close(opened);
        return status;
    }
    if (!opened->has_options)
        bovw_feature_options_default(&opened->options);
    opened->n_skipped = (uint32_t)opened->paths.n_skipped;
    *source = opened;
    return BOVW_OK;
}

void bovw_source_close(bovw_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->n_files; i++)
        bovw_feature_file_close(source->files[i]);
    free(source->files);
    free(source->items);
    path_list_free(&source->paths);
    free(source);
}

uint32_t bovw_source_count(const bovw_source *source)
{
    return (uint32_t)source->n_items;
}

uint32_t bovw_source_n_skipped(const bovw_source *source)
{
    return source->n_skipped;
}

const bovw_feature_options *bovw_source_options(const bovw_source *source)
{
    return &source->options;
}

uint64_t bovw_source_max_features(const bovw_source *source)
{
    uint64_t n = 0;
    for (size_t i = 0; i < source->n_files; i++)
        n += bovw_feature_file_n_features(source->files[i]);
    for (size_t i = 0; i < source->n_items; i++) {
        if (source->items[i].file)
            continue;
        if (source->options.max_features == 0)
            return UINT64_MAX;
        n += source->options.max_features;
    }
    return n;
}

const char *bovw_source_name(const bovw_source *source, uint32_t i)
{
    return source->items[i].name;
}

/* ---- running ------------------------------------------------------------ */

typedef enum slot_state {
    SLOT_READY,
    SLOT_UNWANTED,
    SLOT_SKIPPED,
    SLOT_CANCELLED
} slot_state;

/* One image of a batch: written by the thread that handles it. */
typedef struct slot {
    slot_state state;
    bovw_features features;
    double seconds;
    bovw_error error;
} slot;

typedef struct source_run {
    bovw_source *source;
    const char *stage;
    const bovw_source_consumer *consumer;
    const bovw_monitor *monitor;
    bovw_extractor **extractors; /* (n_threads,) made when first needed */
    int n_threads;               /* that images are shared out to */
    bovw_compute within;         /* one image */
    slot slots[BATCH];
    uint32_t n_done; /* images finished, by all threads */
    bool is_cancelled;
} source_run;

static bool ask_wanted(source_run *run, uint32_t item, const uint8_t *content_id)
{
    const bovw_source_consumer *consumer = run->consumer;
    bool wanted = true;
    if (consumer->wanted) {
#pragma omp critical(bovw_source_wanted)
        wanted = consumer->wanted(consumer->context, item, run->source->items[item].name,
                                  content_id);
    }
    return wanted;
}

static bovw_status load_record(source_run *run, uint32_t index, slot *s)
{
    const source_item *item = &run->source->items[index];
    const bovw_status status =
        bovw_feature_file_read(item->file, item->record, &s->features, &s->error);
    if (status == BOVW_OK && !ask_wanted(run, index, s->features.content_id)) {
        bovw_features_free(&s->features);
        s->state = SLOT_UNWANTED;
    }
    return status;
}

static bovw_status load_picture(source_run *run, uint32_t index, bovw_extractor **extractor,
                                slot *s)
{
    const source_item *item = &run->source->items[index];
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    uint8_t content_id[BOVW_CONTENT_ID_BYTES];

    bovw_status status =
        file_read(item->name, MAX_PICTURE_BYTES, &bytes, &n_bytes, &s->error);
    if (status != BOVW_OK)
        return status;
    hash128(bytes, n_bytes, content_id);
    if (!ask_wanted(run, index, content_id)) {
        s->state = SLOT_UNWANTED;
    } else {
        if (!*extractor)
            status = bovw_extractor_new(&run->source->options, &run->within, extractor,
                                        &s->error);
        if (status == BOVW_OK)
            status = extract_bytes(*extractor, &run->source->options, item->name, bytes,
                                   n_bytes, &s->features, &s->error);
    }
    free(bytes);
    return status;
}

/* Fill the slot of one image. Any failure leaves the image out. */
static void load_item(source_run *run, uint32_t index, slot *s)
{
    const double start = clock_seconds();
    bovw_extractor **extractor = &run->extractors[parallel_thread()];

    *s = (slot){.state = SLOT_READY};
    const bovw_status status = run->source->items[index].file
                                   ? load_record(run, index, s)
                                   : load_picture(run, index, extractor, s);
    if (status != BOVW_OK)
        s->state = SLOT_SKIPPED;
    s->seconds = clock_seconds() - start;
}

/* Progress, and whether to go on. Only from the caller's thread. */
static void report_progress(source_run *run)
{
    uint32_t n_done;
#pragma omp atomic read
    n_done = run->n_done;
    if (monitor_progress(run->monitor, run->stage, n_done, run->source->n_items, NULL) !=
        BOVW_OK) {
#pragma omp atomic write
        run->is_cancelled = true;
    }
}

static void load_batch(source_run *run, uint32_t first, uint32_t n)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(run->n_threads)
    for (uint32_t i = 0; i < n; i++) {
        bool cancelled;
#pragma omp atomic read
        cancelled = run->is_cancelled;
        if (cancelled) {
            run->slots[i] = (slot){.state = SLOT_CANCELLED};
            continue;
        }
        load_item(run, first + i, &run->slots[i]);
#pragma omp atomic
        run->n_done++;
        if (parallel_thread() == 0)
            report_progress(run);
    }
}

/* Hand the images of a batch that are ready to the consumer, in order. What
 * follows a cancelled one is dropped, so that a later run finds no gap. */
static bovw_status consume_batch(source_run *run, uint32_t first, uint32_t n,
                                 bovw_error *err)
{
    bovw_features features[BATCH];
    double seconds[BATCH];
    uint32_t items[BATCH];
    size_t n_ready = 0;
    bool dropping = false;
    for (uint32_t i = 0; i < n; i++) {
        slot *s = &run->slots[i];
        dropping = dropping || s->state == SLOT_CANCELLED;
        if (dropping) {
            bovw_features_free(&s->features);
        } else if (s->state == SLOT_SKIPPED) {
            run->source->n_skipped++;
            monitor_skipped(run->monitor, run->source->items[first + i].name, &s->error);
        } else if (s->state == SLOT_READY) {
            features[n_ready] = s->features;
            seconds[n_ready] = s->seconds;
            items[n_ready++] = first + i;
        }
    }
    const bovw_source_batch batch = {
        .features = features, .items = items, .seconds = seconds, .n = n_ready};
    const bovw_status status =
        n_ready ? run->consumer->consume(run->consumer->context, &batch, err) : BOVW_OK;
    for (size_t i = 0; i < n_ready; i++)
        bovw_features_free(&features[i]);
    return status;
}

/* An extractor that cannot be made is the run's failure, not that of each picture. */
static bovw_status make_first_extractor(source_run *run, bovw_error *err)
{
    const bovw_source *source = run->source;
    for (size_t i = 0; i < source->n_items; i++) {
        if (!source->items[i].file)
            return bovw_extractor_new(&source->options, &run->within, &run->extractors[0],
                                      err);
    }
    return BOVW_OK;
}

bovw_status bovw_source_run(bovw_source *source, const bovw_compute *compute,
                            const char *stage, const bovw_source_consumer *consumer,
                            const bovw_monitor *monitor, bovw_error *err)
{
    /* Few images: one after the other, each on all threads. */
    const int n_all = parallel_threads(compute);
    const int n_threads = source->n_items < (size_t)n_all ? 1 : n_all;
    source_run *run = mem_array(1, sizeof *run);
    bovw_status status = BOVW_OK;

    if (run)
        run->extractors = mem_array((size_t)n_threads, sizeof(bovw_extractor *));
    if (!run || !run->extractors) {
        free(run);
        return fail_memory(err, "features of a batch");
    }
    run->source = source;
    run->stage = stage;
    run->consumer = consumer;
    run->monitor = monitor;
    run->n_threads = n_threads;
    if (compute)
        run->within = *compute;
    run->within.n_threads = (uint32_t)(n_all / n_threads);

    status = make_first_extractor(run, err);
    for (uint32_t first = 0; status == BOVW_OK && first < source->n_items; first += BATCH) {
        const size_t left = source->n_items - first;
        const uint32_t n = left < BATCH ? (uint32_t)left : BATCH;
        /* Here too: the caller's thread may get no item of a batch. */
        report_progress(run);
        load_batch(run, first, n);
        status = consume_batch(run, first, n, err);
        if (status == BOVW_OK)
            report_progress(run);
        if (status == BOVW_OK && run->is_cancelled)
            status = fail(err, BOVW_ERR_CANCELLED, "stopped");
    }
    for (int i = 0; i < n_threads; i++)
        bovw_extractor_free(run->extractors[i]);
    free(run->extractors);
    free(run);
    return status;
}
