/* SPDX-License-Identifier: MIT
 *
 * A commit: write the segment, then the weights of the next generation, then
 * the manifest that names both. Each file is complete and on disk before the
 * next is begun, so a crash leaves the old generation, and files that no
 * manifest names, which the next writer removes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/names.h"
#include "base/parallel.h"
#include "index/snapshot.h"
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

typedef struct writer {
    const char *path;
    int lock;
    bovw_index *index; /* as of the last commit */
    bovw_source *source;
    const bovw_compute *compute;
    const bovw_monitor *monitor;
    uint32_t batch;
    segment_builder *builder;
    const char **names;    /* of the images that were there */
    name_table *table;     /* of names */
    name_table *own_table; /* of the source's names: finds duplicates */
    const char **own_names;
    uint8_t *states; /* (source count,) item_state */
    uint32_t *words; /* of a batch; scratch */
    size_t words_capacity;
    uint64_t *signatures; /* (features of a batch, 2) scratch */
    size_t signatures_capacity;
    uint64_t *aggregates; /* the same; an image's start where its features do */
    size_t aggregates_capacity;
    bovw_add_result result;
} writer;

/* ---- lock and leftovers --------------------------------------------------- */

static bovw_status lock_index(writer *w, bovw_error *err)
{
    char *path = lock_path(w->path);
    bovw_status status = BOVW_OK;
    if (!path)
        return fail_memory(err, w->path);
    w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (w->lock < 0)
        status = fail_errno(err, path, NULL);
    else if (flock(w->lock, LOCK_EX | LOCK_NB) != 0)
        status = errno == EWOULDBLOCK
                     ? fail(err, BOVW_ERR_BUSY, "%s: another process is writing", w->path)
                     : fail_errno(err, path, "cannot lock");
    free(path);
    return status;
}

static bool is_referenced(const manifest *m, const char *name)
{
    unsigned number = 0;
    unsigned long long generation = 0;
    int end = 0;

    if (sscanf(name, "weights.%llu%n", &generation, &end) == 1 && !name[end])
        /* The generation before is left to readers that are opening it. */
        return generation + 1 >= m->generation && generation <= m->generation;
    if (sscanf(name, "%u.segment%n", &number, &end) == 1 && end && !name[end]) {
        for (uint32_t i = 0; i < m->n_segments; i++) {
            if (m->segments[i].number == number)
                return true;
        }
        return false;
    }
    const size_t length = strlen(name);
    return !(length > 4 && strcmp(name + length - 4, ".tmp") == 0);
}

/* Remove what interrupted writers left and what no reader needs any more.
 * Best effort: a file that stays does no harm. */
static void remove_leftovers(const writer *w)
{
    DIR *folder = opendir(w->path);
    if (!folder)
        return;
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (!is_referenced(&w->index->manifest, e->d_name))
            unlinkat(dirfd(folder), e->d_name, 0);
    }
    closedir(folder);
}

/* ---- commit ---------------------------------------------------------------- */

/* The manifest that follows the current one, with one segment more. */
static bovw_status next_manifest(const bovw_index *index, manifest *next, bovw_error *err)
{
    const manifest *m = &index->manifest;
    uint32_t last = 0;
    *next = *m;
    next->segments = mem_array((size_t)m->n_segments + 1, sizeof *m->segments);
    if (!next->segments)
        return fail_memory(err, index->path);
    if (m->n_segments)
        memcpy(next->segments, m->segments, m->n_segments * sizeof *m->segments);
    for (uint32_t i = 0; i < m->n_segments; i++)
        last = m->segments[i].number > last ? m->segments[i].number : last;
    next->segments[m->n_segments].number = last + 1;
    next->n_segments = m->n_segments + 1;
    next->generation = m->generation + 1;
    return BOVW_OK;
}

/* Weights of the segments that are there and the new one. */
static bovw_status write_weights(const writer *w, const segment *added, manifest *next,
                                 bovw_error *err)
{
    const uint32_t n = w->index->n_segments;
    char *path = weights_path(w->path, next->generation);
    segment *all = mem_array((size_t)n + 1, sizeof *all);
    bovw_status status = BOVW_OK;

    if (!path || !all) {
        status = fail_memory(err, w->path);
    } else {
        if (n)
            memcpy(all, w->index->segments, n * sizeof *all); /* borrowed maps */
        all[n] = *added;
        status = weights_write(path, all, n + 1, added->n_words, w->compute,
                               &next->weights_checksum, err);
    }
    free(all);
    free(path);
    return status;
}

static bovw_status commit(writer *w, bovw_error *err)
{
    manifest next = {0};
    segment added = {0};
    char *path = NULL;
    const uint32_t n_added = segment_builder_count(w->builder);

    bovw_status status = next_manifest(w->index, &next, err);
    if (status != BOVW_OK)
        goto done;
    manifest_segment *entry = &next.segments[next.n_segments - 1];
    path = segment_path(w->path, entry->number);
    status = path ? segment_builder_write(w->builder, path, &entry->checksum, err)
                  : fail_memory(err, w->path);
    if (status == BOVW_OK)
        status = segment_open(path, bovw_vocabulary_size(w->index->vocabulary),
                              w->index->manifest.signatures, &added, err);
    if (status != BOVW_OK)
        goto done;
    entry->n_images = added.n_images;
    entry->n_features = added.n_features;
    entry->n_postings = added.n_postings;
    entry->n_bytes = added.file.map.size;

    status = write_weights(w, &added, &next, err);
    if (status == BOVW_OK)
        status = manifest_write(w->path, &next, err);
    if (status == BOVW_OK) {
        w->result.n_added += n_added;
        bovw_index *now = NULL;
        status = bovw_index_open(w->path, &now, err);
        if (status == BOVW_OK) {
            bovw_index_close(w->index);
            w->index = now;
            remove_leftovers(w);
        }
    }
done:
    segment_close(&added);
    manifest_free(&next);
    free(path);
    return status;
}

/* ---- images ---------------------------------------------------------------- */

static bool is_wanted(void *context, uint32_t item, const char *name,
                      const uint8_t content_id[BOVW_CONTENT_ID_BYTES])
{
    writer *w = context;
    /* The name's first occurrence in the source stands for the others. */
    if (name_table_exact(w->own_table, name) != item) {
        w->states[item] = ITEM_PRESENT;
        return false;
    }
    const uint32_t image = name_table_exact(w->table, name);
    if (image == NAME_NONE)
        return true;
    const bovw_image_info info = bovw_index_image(w->index, image);
    w->states[item] = memcmp(info.content_id, content_id, BOVW_CONTENT_ID_BYTES) == 0
                          ? ITEM_PRESENT
                          : ITEM_REFUSED;
    return false;
}

static int compare_keys(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Aggregates of one image, whose features start at `first` in the batch. */
static bool aggregate_image(writer *w, const bovw_features *image, size_t first)
{
    uint64_t *keys = mem_array(image->n, sizeof *keys);
    if (!keys)
        return false;
    for (uint32_t i = 0; i < image->n; i++)
        keys[i] = (uint64_t)w->words[first + i] << 32 | i;
    qsort(keys, image->n, sizeof *keys, compare_keys);
    vocabulary_aggregate(w->index->vocabulary, image->descriptors, keys, image->n, NULL,
                         w->aggregates + 2 * first);
    free(keys);
    return true;
}

static bovw_status aggregate_batch(writer *w, const bovw_source_batch *batch, size_t n,
                                   bovw_error *err)
{
    const int n_threads = parallel_threads(w->compute);
    bool ok = true;
    size_t *starts = mem_array(batch->n + 1, sizeof *starts);
    if (!starts ||
        !mem_grow(&w->aggregates, &w->aggregates_capacity, 2 * n, sizeof *w->aggregates)) {
        free(starts);
        return fail_memory(err, "signatures of a batch");
    }
    (void)n_threads;
    for (size_t i = 0; i < batch->n; i++)
        starts[i + 1] = starts[i] + batch->features[i].n;
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (size_t i = 0; i < batch->n; i++) {
        if (!aggregate_image(w, &batch->features[i], starts[i])) {
#pragma omp atomic write
            ok = false;
        }
    }
    free(starts);
    return ok ? BOVW_OK : fail_memory(err, "signatures of a batch");
}

/* Signatures of all images of a batch, as far as the index has them.
 * descriptors and w->words (n,) are those of all images together. */
static bovw_status sign_batch(writer *w, const bovw_source_batch *batch,
                              const uint8_t *descriptors, size_t n, bovw_error *err)
{
    const uint32_t wanted = w->index->manifest.signatures;
    bovw_status status = BOVW_OK;
    if (wanted & BOVW_SIGNATURES_HE64) {
        if (!mem_grow(&w->signatures, &w->signatures_capacity, 2 * n,
                      sizeof *w->signatures))
            return fail_memory(err, "signatures of a batch");
        status = bovw_vocabulary_signatures(w->index->vocabulary, descriptors, n, 1,
                                            w->words, w->compute, w->signatures, err);
    }
    if (status == BOVW_OK && wanted & BOVW_SIGNATURES_ASMK)
        status = aggregate_batch(w, batch, n, err);
    return status;
}

/* Words of all images of a batch, in one call so that all cores work. */
static bovw_status quantise_batch(writer *w, const bovw_source_batch *batch,
                                  bovw_error *err)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < batch->n; i++)
        n += batch->features[i].n;
    uint8_t *descriptors = mem_array(n, BOVW_DESCRIPTOR_DIM);
    if (!descriptors || !mem_grow(&w->words, &w->words_capacity, n, sizeof *w->words)) {
        free(descriptors);
        return fail_memory(err, "words of a batch");
    }
    for (size_t i = 0; i < batch->n; i++) {
        const size_t bytes = (size_t)batch->features[i].n * BOVW_DESCRIPTOR_DIM;
        memcpy(descriptors + at, batch->features[i].descriptors, bytes);
        at += bytes;
    }
    bovw_status status = bovw_vocabulary_assign(w->index->vocabulary, descriptors, n,
                                                w->compute, w->words, NULL, err);
    if (status == BOVW_OK)
        status = sign_batch(w, batch, descriptors, n, err);
    free(descriptors);
    return status;
}

static bovw_status add_batch(void *context, const bovw_source_batch *batch, bovw_error *err)
{
    writer *w = context;
    size_t at = 0;
    bovw_status status = quantise_batch(w, batch, err);
    for (size_t i = 0; status == BOVW_OK && i < batch->n; i++) {
        const uint32_t n_there = bovw_index_n_images(w->index);
        if (segment_builder_count(w->builder) >= UINT32_MAX - 2 - n_there)
            return fail(err, BOVW_ERR_LIMIT, "%s: more images than an index can hold",
                        w->path);
        const image_signatures signatures = {
            .features = w->signatures ? w->signatures + 2 * at : NULL,
            .aggregates = w->aggregates ? w->aggregates + 2 * at : NULL};
        status = segment_builder_add(w->builder, &batch->features[i], w->words + at,
                                     &signatures, err);
        at += batch->features[i].n;
        if (status == BOVW_OK && segment_builder_count(w->builder) >= w->batch)
            status = commit(w, err);
    }
    return status;
}

/* Count the images that were left out, and report those that were refused. */
static void report_items(writer *w)
{
    const uint32_t n = bovw_source_count(w->source);
    for (uint32_t i = 0; i < n; i++) {
        w->result.n_present += w->states[i] == ITEM_PRESENT;
        if (w->states[i] != ITEM_REFUSED)
            continue;
        w->result.n_refused++;
        if (w->monitor && w->monitor->skipped) {
            const char *name = bovw_source_name(w->source, i);
            bovw_error reason;
            fail(&reason, BOVW_ERR_ARG,
                 "%s: an image of this name but with other content is in the index", name);
            w->monitor->skipped(w->monitor->context, name, &reason);
        }
    }
}

static bovw_status tables(writer *w, bovw_error *err)
{
    const uint32_t n = bovw_index_n_images(w->index);
    const uint32_t n_own = bovw_source_count(w->source);
    w->names = mem_array(n, sizeof *w->names);
    w->own_names = mem_array(n_own, sizeof *w->own_names);
    w->states = mem_array(n_own, 1);
    if (!w->names || !w->own_names || !w->states)
        return fail_memory(err, "names of images");
    for (uint32_t i = 0; i < n; i++) {
        /* A copy: the map goes when a commit opens the next generation. */
        w->names[i] = mem_text(bovw_index_image(w->index, i).name);
        if (!w->names[i])
            return fail_memory(err, "names of images");
    }
    for (uint32_t i = 0; i < n_own; i++)
        w->own_names[i] = bovw_source_name(w->source, i);
    bovw_status status = name_table_new(w->names, n, &w->table, err);
    if (status == BOVW_OK)
        status = name_table_new(w->own_names, n_own, &w->own_table, err);
    return status;
}

static bovw_status check_source(const writer *w, bovw_error *err)
{
    char here[BOVW_FEATURE_OPTIONS_TEXT], there[BOVW_FEATURE_OPTIONS_TEXT];
    bovw_feature_options_format(bovw_vocabulary_options(w->index->vocabulary), here);
    bovw_feature_options_format(bovw_source_options(w->source), there);
    if (strcmp(here, there) == 0)
        return BOVW_OK;
    return fail(err, BOVW_ERR_MISMATCH, "%s: has features of \"%s\", not \"%s\"", w->path,
                here, there);
}

static void writer_free(writer *w, uint32_t n_names)
{
    for (uint32_t i = 0; w->names && i < n_names; i++)
        free((char *)(uintptr_t)w->names[i]);
    free(w->names);
    free(w->own_names);
    free(w->states);
    free(w->words);
    free(w->signatures);
    free(w->aggregates);
    name_table_free(w->table);
    name_table_free(w->own_table);
    segment_builder_free(w->builder);
    bovw_index_close(w->index);
    if (w->lock >= 0)
        close(w->lock); /* which gives up the lock */
}

bovw_status bovw_index_add(const char *path, bovw_source *source,
                           const bovw_add_options *opts, const bovw_compute *compute,
                           const bovw_monitor *monitor, bovw_add_result *result,
                           bovw_error *err)
{
    bovw_add_options defaults;
    bovw_add_options_default(&defaults);
    writer w = {.path = path,
                .lock = -1,
                .source = source,
                .compute = compute,
                .monitor = monitor,
                .batch = opts ? opts->batch : defaults.batch};
    uint32_t n_names = 0;

    if (w.batch == 0)
        return fail(err, BOVW_ERR_ARG, "a batch of 0 images");
    /* Before the lock, so that a folder that is no index gets no LOCK file. */
    bovw_status status = bovw_index_open(path, &w.index, err);
    if (status == BOVW_OK)
        status = lock_index(&w, err);
    if (status == BOVW_OK) {
        bovw_index_close(w.index);
        w.index = NULL;
        status = bovw_index_open(path, &w.index, err);
    }
    if (status == BOVW_OK) {
        remove_leftovers(&w);
        n_names = bovw_index_n_images(w.index);
        status = check_source(&w, err);
    }
    if (status == BOVW_OK)
        status = tables(&w, err);
    if (status == BOVW_OK)
        status = segment_builder_new(bovw_vocabulary_size(w.index->vocabulary),
                                     w.index->manifest.signatures, &w.builder, err);
    if (status == BOVW_OK) {
        const bovw_source_consumer consumer = {
            .context = &w, .wanted = is_wanted, .consume = add_batch};
        status = bovw_source_run(source, compute, "indexing", &consumer, monitor, err);
        if ((status == BOVW_OK || status == BOVW_ERR_CANCELLED) &&
            segment_builder_count(w.builder) > 0) {
            const bovw_status committed = commit(&w, err);
            status = committed != BOVW_OK ? committed : status;
        }
        report_items(&w);
    }
    if (result)
        *result = w.result;
    writer_free(&w, n_names);
    return status;
}
