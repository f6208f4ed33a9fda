/* SPDX-License-Identifier: MIT */
#include "index/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/memory.h"
#include "index/merge.h"

/* ---- lock and leftovers --------------------------------------------------- */

static bovw_status lock_index(index_writer *w, bovw_error *err)
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

static const manifest_segment *find_segment(const manifest *m, unsigned number)
{
    for (uint32_t i = 0; i < m->n_segments; i++) {
        if (m->segments[i].number == number)
            return &m->segments[i];
    }
    return NULL;
}

/* Does a file belong to the index, or is it none of ours? */
static bool is_kept(const manifest *m, const char *name)
{
    unsigned number = 0;
    unsigned long long generation = 0;
    int end = 0;

    if (sscanf(name, "weights.%llu%n", &generation, &end) == 1 && !name[end])
        return generation == m->weights_generation;
    if (sscanf(name, "%u.segment%n", &number, &end) == 1 && end && !name[end])
        return find_segment(m, number) != NULL;
    if (sscanf(name, "%u.removed.%llu%n", &number, &generation, &end) == 2 && !name[end]) {
        const manifest_segment *s = find_segment(m, number);
        return s && s->removed.n_images > 0 && s->removed.generation == generation;
    }
    const size_t length = strlen(name);
    return !(length > 4 && strcmp(name + length - 4, ".tmp") == 0);
}

/* Remove what interrupted writers left and what no generation to come needs.
 * Readers that have it open keep it. Best effort: a file that stays does no
 * harm. */
static void remove_leftovers(const index_writer *w)
{
    DIR *folder = opendir(w->path);
    if (!folder)
        return;
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (!is_kept(&w->index->manifest, e->d_name))
            unlinkat(dirfd(folder), e->d_name, 0);
    }
    closedir(folder);
}

bovw_status writer_open(const char *path, const bovw_compute *compute, index_writer *w,
                        bovw_error *err)
{
    *w = (index_writer){.path = path, .lock = -1, .compute = compute};
    /* Before the lock, so that a folder that is no index gets no LOCK file. */
    bovw_status status = bovw_index_open(path, &w->index, err);
    if (status == BOVW_OK)
        status = lock_index(w, err);
    if (status == BOVW_OK) {
        bovw_index_close(w->index);
        w->index = NULL;
        status = bovw_index_open(path, &w->index, err);
    }
    if (status == BOVW_OK)
        remove_leftovers(w);
    return status;
}

void writer_close(index_writer *w)
{
    bovw_index_close(w->index);
    if (w->lock >= 0)
        close(w->lock); /* which gives up the lock */
    *w = (index_writer){.lock = -1};
}

/* ---- the next generation ---------------------------------------------------- */

/* The next generation, of which the manifest is being filled in. */
typedef struct next_generation {
    manifest manifest;
    uint32_t number; /* of the next new segment */
} next_generation;

/* It has no segments yet, and room for those that are there and one more. */
static bovw_status begin(const index_writer *w, next_generation *next, bovw_error *err)
{
    const manifest *m = &w->index->manifest;
    uint32_t last = 0;
    for (uint32_t i = 0; i < m->n_segments; i++)
        last = m->segments[i].number > last ? m->segments[i].number : last;
    if (last == UINT32_MAX)
        return fail(err, BOVW_ERR_LIMIT, "%s: no number left for a segment", w->path);
    *next = (next_generation){.manifest = *m, .number = last + 1};
    next->manifest.generation++;
    next->manifest.n_segments = 0;
    next->manifest.segments =
        mem_array((size_t)m->n_segments + 1, sizeof *next->manifest.segments);
    return next->manifest.segments ? BOVW_OK : fail_memory(err, w->path);
}

static void append(next_generation *next, const manifest_segment *entry)
{
    next->manifest.segments[next->manifest.n_segments++] = *entry;
}

/* Name a segment that was written. */
static bovw_status append_written(const index_writer *w, next_generation *next,
                                  const char *path, uint64_t checksum, bovw_error *err)
{
    segment s = {0};
    const bovw_status status =
        segment_open(path, bovw_vocabulary_size(w->index->vocabulary),
                     w->index->manifest.signatures, &s, err);
    if (status != BOVW_OK)
        return status;
    append(next, &(manifest_segment){.number = next->number,
                                     .n_images = s.n_images,
                                     .n_features = s.n_features,
                                     .n_postings = s.n_postings,
                                     .n_bytes = s.file.map.size,
                                     .checksum = checksum});
    segment_close(&s);
    return BOVW_OK;
}

/* Compute the weights of what the manifest names; those of the last generation
 * stay where nothing that they depend on has changed. */
static bovw_status make_weights(const index_writer *w, bovw_index *made, bool has_changed,
                                bovw_error *err)
{
    bovw_status status = BOVW_OK;
    if (has_changed) {
        made->manifest.weights_generation = made->manifest.generation;
        char *path = weights_path(w->path, made->manifest.weights_generation);
        status = path ? weights_write(path, made->segments, made->n_segments,
                                      bovw_vocabulary_size(made->vocabulary), w->compute,
                                      &made->manifest.weights_checksum, err)
                      : fail_memory(err, w->path);
        free(path);
    }
    return status == BOVW_OK ? snapshot_open_weights(made, err) : status;
}

/* Make the next generation the current one. Takes its manifest, also on failure. */
static bovw_status finish(index_writer *w, next_generation *next, bool has_changed,
                          bovw_error *err)
{
    bovw_index *made = mem_array(1, sizeof *made);
    if (!made || !(made->path = mem_text(w->path))) {
        free(made);
        manifest_free(&next->manifest);
        return fail_memory(err, w->path);
    }
    made->manifest = next->manifest;
    made->vocabulary = w->index->vocabulary; /* shared until it is taken over */
    next->manifest = (manifest){0};
    bovw_status status = snapshot_open_segments(made, err);
    if (status == BOVW_OK)
        status = make_weights(w, made, has_changed, err);
    if (status == BOVW_OK)
        status = manifest_write(w->path, &made->manifest, err);
    if (status == BOVW_OK) {
        bovw_index *before = w->index;
        w->index = made;
        made = before;
        remove_leftovers(w);
    }
    made->vocabulary = NULL;
    bovw_index_close(made);
    return status;
}

/* ---- adding and removing ------------------------------------------------------ */

/* Segment i as it is without some more of its images: images (n,) by live number.
 * One of which nothing is left goes. */
static bovw_status append_without(const index_writer *w, next_generation *next, uint32_t i,
                                  uint32_t *images, uint32_t n, bovw_error *err)
{
    const segment *s = &w->index->segments[i];
    manifest_segment entry = w->index->manifest.segments[i];
    manifest_removed *r = &entry.removed;
    uint64_t n_features = 0, n_postings = 0;
    removed_set set = {0};

    if (n == s->n_live)
        return BOVW_OK;
    r->generation = next->manifest.generation;
    char *path = removed_path(w->path, entry.number, r->generation);
    bovw_status status = path
                             ? removed_write(path, s->n_images, &s->removed, images, n, err)
                             : fail_memory(err, w->path);
    if (status == BOVW_OK)
        status = removed_open(path, s->n_images, &set, err);
    for (uint32_t k = 0; k < n; k++)
        images[k] = segment_stored(s, images[k]);
    if (status == BOVW_OK)
        status = segment_sum(s, images, n, &n_features, &n_postings, err);
    if (status == BOVW_OK) {
        r->n_images = set.n;
        r->n_features += n_features;
        r->n_postings += n_postings;
        r->n_bytes = set.n_bytes;
        r->checksum = set.checksum;
        append(next, &entry);
    }
    removed_close(&set);
    free(path);
    return status;
}

/* All segments, without images (n,) of the index, ascending. */
static bovw_status append_rest(const index_writer *w, next_generation *next,
                               const uint32_t *images, uint32_t n, bovw_error *err)
{
    const bovw_index *index = w->index;
    uint32_t *within = mem_array(n, sizeof *within);
    bovw_status status = within ? BOVW_OK : fail_memory(err, w->path);
    for (uint32_t i = 0, at = 0; status == BOVW_OK && i < index->n_segments; i++) {
        uint32_t n_within = 0;
        for (; at < n && images[at] < index->starts[i + 1]; at++)
            within[n_within++] = images[at] - index->starts[i];
        if (n_within > 0)
            status = append_without(w, next, i, within, n_within, err);
        else
            append(next, &index->manifest.segments[i]);
    }
    free(within);
    return status;
}

static bovw_status append_built(const index_writer *w, next_generation *next,
                                segment_builder *added, bovw_error *err)
{
    char *path = segment_path(w->path, next->number);
    uint64_t checksum = 0;
    bovw_status status = path ? segment_builder_write(added, path, &checksum, err)
                              : fail_memory(err, w->path);
    if (status == BOVW_OK)
        status = append_written(w, next, path, checksum, err);
    free(path);
    return status;
}

bovw_status writer_commit(index_writer *w, const uint32_t *removed, uint32_t n_removed,
                          segment_builder *added, bovw_error *err)
{
    next_generation next = {0};
    bovw_status status = begin(w, &next, err);
    if (status == BOVW_OK)
        status = append_rest(w, &next, removed, n_removed, err);
    if (status == BOVW_OK && added)
        status = append_built(w, &next, added, err);
    if (status == BOVW_OK)
        return finish(w, &next, true, err);
    manifest_free(&next.manifest);
    return status;
}

/* ---- merging -------------------------------------------------------------------- */

bovw_status writer_merge(index_writer *w, uint32_t first, uint32_t n,
                         const bovw_monitor *monitor, bovw_error *err)
{
    const manifest *m = &w->index->manifest;
    next_generation next = {0};
    uint64_t checksum = 0;
    char *path = NULL;

    bovw_status status = begin(w, &next, err);
    if (status == BOVW_OK && !(path = segment_path(w->path, next.number)))
        status = fail_memory(err, w->path);
    if (status == BOVW_OK)
        status = segment_merge(w->index->segments + first, n, m->signatures, path, monitor,
                               &checksum, err);
    for (uint32_t i = 0; status == BOVW_OK && i < first; i++)
        append(&next, &m->segments[i]);
    if (status == BOVW_OK)
        status = append_written(w, &next, path, checksum, err);
    for (uint32_t i = first + n; status == BOVW_OK && i < m->n_segments; i++)
        append(&next, &m->segments[i]);
    free(path);
    if (status == BOVW_OK)
        return finish(w, &next, false, err);
    manifest_free(&next.manifest);
    return status;
}

enum {
    TIER_FACTOR = 8,    /* between the sizes of two tiers, and segments of a full level */
    MOST_IMAGES = 65536 /* of a merged segment. Scores of so many stay in a core's cache,
                         * and threads share a query by segments */
};

uint32_t writer_run(const bovw_index *index, uint32_t first)
{
    uint64_t n_images = index->segments[first].n_live;
    uint32_t n = 1;
    while (first + n < index->n_segments &&
           n_images + index->segments[first + n].n_live <= MOST_IMAGES)
        n_images += index->segments[first + n++].n_live;
    return n;
}

static uint32_t tier_of(const segment *s)
{
    uint32_t tier = 0;
    for (uint32_t n = s->n_live; n >= TIER_FACTOR; n /= TIER_FACTOR)
        tier++;
    return tier;
}

/* How many segments the level that begins with `first` has. */
static uint32_t level_size(const bovw_index *index, uint32_t first)
{
    uint32_t highest = 0, last = first;
    for (uint32_t i = first; i < index->n_segments; i++) {
        const uint32_t tier = tier_of(&index->segments[i]);
        if (tier >= highest) {
            highest = tier;
            last = i;
        }
    }
    return last - first + 1;
}

/* The first neighbours of a level that may be one segment. */
static bool find_run(const bovw_index *index, uint32_t level, uint32_t n_level,
                     uint32_t *first, uint32_t *n)
{
    for (uint32_t i = level; i + 1 < level + n_level; i++) {
        const uint32_t n_run = writer_run(index, i), n_left = level + n_level - i;
        *first = i;
        *n = n_run < n_left ? n_run : n_left;
        if (*n > 1)
            return true;
    }
    return false;
}

bool writer_find_due(const bovw_index *index, uint32_t *first, uint32_t *n)
{
    for (uint32_t i = 0, n_level; i < index->n_segments; i += n_level) {
        n_level = level_size(index, i);
        if (n_level >= TIER_FACTOR && find_run(index, i, n_level, first, n))
            return true;
    }
    for (uint32_t i = 0; i < index->n_segments; i++) {
        *first = i;
        *n = 1;
        if (index->segments[i].n_live < index->segments[i].n_images / 2)
            return true;
    }
    return false;
}

bovw_status writer_merge_tiers(index_writer *w, const bovw_monitor *monitor,
                               bovw_error *err)
{
    uint32_t first = 0, n = 0;
    bovw_status status = BOVW_OK;
    while (status == BOVW_OK && writer_find_due(w->index, &first, &n))
        status = writer_merge(w, first, n, monitor, err);
    return status;
}
