/* SPDX-License-Identifier: MIT */
#include "bovw/index.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "index/snapshot.h"

/* ---- creating ------------------------------------------------------------ */

/* May an index be made in this folder? Only what a creation that was cut short
 * leaves behind may be in it. */
static bovw_status check_folder(const char *path, bovw_error *err)
{
    DIR *folder = opendir(path);
    bovw_status status = BOVW_OK;
    if (!folder)
        return fail_errno(err, path, NULL);
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        const char *name = e->d_name;
        if (strcmp(name, "MANIFEST") == 0)
            status = fail(err, BOVW_ERR_ARG,
                          "%s: is an index already (`bovw index add` adds to it)", path);
        else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
                 strcmp(name, "LOCK") != 0 && strncmp(name, "vocabulary", 10) != 0 &&
                 strncmp(name, "weights.", 8) != 0 && strncmp(name, "MANIFEST.", 9) != 0)
            status = fail(err, BOVW_ERR_ARG, "%s: the folder is not empty", path);
        if (status != BOVW_OK)
            break;
    }
    closedir(folder);
    return status;
}

static bovw_status write_empty(const char *path, const bovw_vocabulary *vocabulary,
                               uint32_t signatures, bovw_error *err)
{
    manifest m = {0};
    char *vocabulary_file = vocabulary_path(path);
    char *weights_file = weights_path(path, 0);
    bovw_status status = BOVW_OK;

    m.signatures = signatures;
    memcpy(m.vocabulary_id, bovw_vocabulary_id(vocabulary), sizeof m.vocabulary_id);
    if (!vocabulary_file || !weights_file)
        status = fail_memory(err, path);
    if (status == BOVW_OK)
        status = bovw_vocabulary_save(vocabulary, vocabulary_file, err);
    if (status == BOVW_OK)
        status = weights_write(weights_file, NULL, 0, bovw_vocabulary_size(vocabulary),
                               NULL, &m.weights_checksum, err);
    if (status == BOVW_OK)
        status = manifest_write(path, &m, err);
    free(vocabulary_file);
    free(weights_file);
    return status;
}

bovw_status bovw_index_create_with(const char *path, const bovw_vocabulary *vocabulary,
                                   uint32_t signatures, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    if (signatures && !bovw_vocabulary_has_signatures(vocabulary))
        return fail(err, BOVW_ERR_ARG,
                    "the vocabulary is of a version before signatures: train it again "
                    "(bovw vocab train), or make the index without them");
    if (signatures & BOVW_SIGNATURES_HE128)
        signatures |= BOVW_SIGNATURES_HE64;
    if (mkdir(path, 0777) != 0) {
        if (errno != EEXIST)
            return fail_errno(err, path, "cannot make the folder");
        if (!file_is_folder(path))
            return fail(err, BOVW_ERR_ARG, "%s: is there and is not a folder", path);
        status = check_folder(path, err);
    }
    if (status == BOVW_OK)
        status = write_empty(path, vocabulary, signatures, err);
    return status;
}

bovw_status bovw_index_create(const char *path, const bovw_vocabulary *vocabulary,
                              bovw_error *err)
{
    return bovw_index_create_with(path, vocabulary, BOVW_SIGNATURES_NONE, err);
}

/* ---- opening ------------------------------------------------------------- */

static bovw_status open_vocabulary(bovw_index *index, bovw_error *err)
{
    char *path = vocabulary_path(index->path);
    bovw_status status = path ? bovw_vocabulary_open(path, &index->vocabulary, err)
                              : fail_memory(err, index->path);
    if (status == BOVW_OK &&
        strcmp(bovw_vocabulary_id(index->vocabulary), index->manifest.vocabulary_id) != 0)
        status = fail(err, BOVW_ERR_MISMATCH,
                      "%s: vocabulary %s does not belong to the index, which has %s", path,
                      bovw_vocabulary_id(index->vocabulary), index->manifest.vocabulary_id);
    if (status == BOVW_OK && index->manifest.signatures &&
        !bovw_vocabulary_has_signatures(index->vocabulary))
        status = fail(err, BOVW_ERR_CORRUPT,
                      "%s: the index has signatures and its vocabulary has none", path);
    free(path);
    return status;
}

static bovw_status open_removed(const bovw_index *index, const manifest_segment *m,
                                segment *s, bovw_error *err)
{
    char *path = removed_path(index->path, m->number, m->removed.generation);
    bovw_status status =
        path ? segment_open_removed(s, path, err) : fail_memory(err, index->path);
    if (status == BOVW_OK &&
        (s->removed.checksum != m->removed.checksum ||
         s->removed.n_bytes != m->removed.n_bytes || s->removed.n != m->removed.n_images))
        status = fail(err, BOVW_ERR_MISMATCH,
                      "%s: not the removed images that MANIFEST names", path);
    free(path);
    return status;
}

static bovw_status open_segment(bovw_index *index, uint32_t i, bovw_error *err)
{
    const manifest_segment *m = &index->manifest.segments[i];
    segment *s = &index->segments[i];
    char *path = segment_path(index->path, m->number);
    bovw_status status = path ? segment_open(path, bovw_vocabulary_size(index->vocabulary),
                                             index->manifest.signatures, s, err)
                              : fail_memory(err, index->path);
    if (status == BOVW_OK) {
        index->n_segments = i + 1;
        if (s->file.checksum != m->checksum || s->file.map.size != m->n_bytes ||
            s->n_images != m->n_images || s->n_features != m->n_features ||
            s->n_postings != m->n_postings)
            status = fail(err, BOVW_ERR_MISMATCH, "%s: not the segment that MANIFEST names",
                          path);
    }
    if (status == BOVW_OK && m->removed.n_images > 0)
        status = open_removed(index, m, s, err);
    if (status == BOVW_OK)
        index->starts[i + 1] = index->starts[i] + s->n_live;
    free(path);
    return status;
}

bovw_status snapshot_open_segments(bovw_index *index, bovw_error *err)
{
    const uint32_t n = index->manifest.n_segments;
    bovw_status status = BOVW_OK;
    index->segments = mem_array(n, sizeof *index->segments);
    index->starts = mem_array((size_t)n + 1, sizeof *index->starts);
    if (!index->segments || !index->starts)
        return fail_memory(err, index->path);
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        status = open_segment(index, i, err);
    return status;
}

bovw_status snapshot_open_weights(bovw_index *index, bovw_error *err)
{
    char *path = weights_path(index->path, index->manifest.weights_generation);
    bovw_status status =
        path ? weights_open(path, bovw_vocabulary_size(index->vocabulary),
                            index->starts[index->n_segments], &index->weights, err)
             : fail_memory(err, index->path);
    if (status == BOVW_OK &&
        index->weights.file.checksum != index->manifest.weights_checksum)
        status =
            fail(err, BOVW_ERR_MISMATCH, "%s: not the weights that MANIFEST names", path);
    free(path);
    return status;
}

static bovw_status open_generation(const char *path, bovw_index **index, bovw_error *err)
{
    bovw_index *opened = mem_array(1, sizeof *opened);
    if (!opened)
        return fail_memory(err, path);
    opened->path = mem_text(path);
    bovw_status status =
        opened->path ? manifest_read(path, &opened->manifest, err) : fail_memory(err, path);
    if (status == BOVW_OK)
        status = open_vocabulary(opened, err);
    if (status == BOVW_OK)
        status = snapshot_open_segments(opened, err);
    if (status == BOVW_OK)
        status = snapshot_open_weights(opened, err);
    *index = opened; /* also on failure: the caller compares its generation */
    return status;
}

bovw_status bovw_index_open(const char *path, bovw_index **index, bovw_error *err)
{
    /* A writer may replace what a manifest names between our reading it and
     * our opening that. Then there is a newer manifest: read that one. */
    for (;;) {
        bovw_index *opened = NULL;
        manifest now = {0};
        const bovw_status status = open_generation(path, &opened, err);
        if (status == BOVW_OK) {
            *index = opened;
            return BOVW_OK;
        }
        const uint64_t generation = opened ? opened->manifest.generation : 0;
        const bool has_changed = opened && opened->vocabulary &&
                                 manifest_read(path, &now, NULL) == BOVW_OK &&
                                 now.generation != generation;
        manifest_free(&now);
        bovw_index_close(opened);
        if (!has_changed)
            return status;
    }
}

void bovw_index_close(bovw_index *index)
{
    if (!index)
        return;
    for (uint32_t i = 0; i < index->n_segments; i++)
        segment_close(&index->segments[i]);
    weights_close(&index->weights);
    bovw_vocabulary_close(index->vocabulary);
    manifest_free(&index->manifest);
    free(index->segments);
    free(index->starts);
    free(index->path);
    free(index);
}

/* ---- looking ------------------------------------------------------------- */

uint32_t bovw_index_n_images(const bovw_index *index)
{
    return index->starts[index->n_segments];
}

uint64_t bovw_index_n_features(const bovw_index *index)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < index->n_segments; i++) {
        const manifest_segment *m = &index->manifest.segments[i];
        n += m->n_features - m->removed.n_features;
    }
    return n;
}

uint64_t bovw_index_n_postings(const bovw_index *index)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < index->n_segments; i++) {
        const manifest_segment *m = &index->manifest.segments[i];
        n += m->n_postings - m->removed.n_postings;
    }
    return n;
}

uint32_t bovw_index_n_segments(const bovw_index *index)
{
    return index->n_segments;
}

uint64_t bovw_index_generation(const bovw_index *index)
{
    return index->manifest.generation;
}

uint64_t bovw_index_bytes(const bovw_index *index)
{
    uint64_t n = index->weights.file.map.size;
    for (uint32_t i = 0; i < index->n_segments; i++)
        n += index->segments[i].file.map.size + index->segments[i].removed.n_bytes;
    return n;
}

/* Bytes of a segment that do not depend on its images. */
static uint64_t fixed_bytes(const bovw_index *index)
{
    const uint64_t k = bovw_vocabulary_size(index->vocabulary);
    const uint32_t signatures = index->manifest.signatures;
    const uint64_t per_word = 8 + 4 + (signatures & BOVW_SIGNATURES_HE64 ? 8 : 0) +
                              (signatures & BOVW_SIGNATURES_ASMK ? 8 : 0);
    return k * per_word;
}

bovw_removed_info bovw_index_removed(const bovw_index *index)
{
    const uint64_t fixed = fixed_bytes(index);
    bovw_removed_info info = {0};
    for (uint32_t i = 0; i < index->n_segments; i++) {
        const manifest_segment *m = &index->manifest.segments[i];
        const uint64_t varying = m->n_bytes > fixed ? m->n_bytes - fixed : 0;
        /* Images without features count as one feature, so that they count. */
        const double share = ((double)m->removed.n_features + (double)m->removed.n_images) /
                             ((double)m->n_features + (double)m->n_images);
        info.n_images += m->removed.n_images;
        info.n_features += m->removed.n_features;
        info.bytes +=
            (uint64_t)((double)varying * share) + m->removed.n_bytes + (i > 0 ? fixed : 0);
    }
    return info;
}

uint32_t bovw_index_signatures(const bovw_index *index)
{
    return index->manifest.signatures;
}

const bovw_vocabulary *bovw_index_vocabulary(const bovw_index *index)
{
    return index->vocabulary;
}

/* The segment that holds an image. */
static uint32_t segment_of(const bovw_index *index, uint32_t image)
{
    uint32_t low = 0, high = index->n_segments;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (index->starts[middle] <= image)
            low = middle;
        else
            high = middle;
    }
    return low;
}

bovw_status snapshot_names(const bovw_index *index, const char ***names, name_table **table,
                           bovw_error *err)
{
    const uint32_t n = bovw_index_n_images(index);
    *names = mem_array(n, sizeof **names);
    if (!*names)
        return fail_memory(err, "names of images");
    for (uint32_t i = 0; i < n; i++)
        (*names)[i] = bovw_index_image(index, i).name;
    return name_table_new(*names, n, table, err);
}

uint32_t snapshot_locate(const bovw_index *index, uint32_t image, uint32_t *stored)
{
    const uint32_t s = segment_of(index, image);
    *stored = segment_stored(&index->segments[s], image - index->starts[s]);
    return s;
}

bovw_image_info bovw_index_image(const bovw_index *index, uint32_t image)
{
    uint32_t stored;
    const uint32_t s = snapshot_locate(index, image, &stored);
    return segment_image(&index->segments[s], stored);
}

float bovw_index_idf(const bovw_index *index, uint32_t word)
{
    return load_lefloat(index->weights.idf + (size_t)word * 4);
}

float bovw_index_norm(const bovw_index *index, uint32_t image)
{
    return load_lefloat(index->weights.norms + (size_t)image * 4);
}

bovw_status bovw_index_features(const bovw_index *index, uint32_t image, uint32_t *words,
                                bovw_keypoint *keypoints, bovw_error *err)
{
    uint32_t stored;
    const uint32_t s = snapshot_locate(index, image, &stored);
    return segment_features(&index->segments[s], stored, words, keypoints, err);
}

bovw_status bovw_index_postings(const bovw_index *index, uint32_t segment_id, uint32_t word,
                                bovw_posting **postings, size_t *capacity, size_t *n,
                                bovw_error *err)
{
    const segment *s = &index->segments[segment_id];
    const uint32_t most = segment_frequency(s, word);
    uint32_t *images = mem_array(most, sizeof *images);
    uint32_t *tfs = mem_array(most, sizeof *tfs);
    uint32_t count = 0;
    bovw_status status = BOVW_OK;

    if (!images || !tfs || !mem_grow(postings, capacity, most, sizeof **postings))
        status = fail_memory(err, "postings of a word");
    if (status == BOVW_OK)
        status = segment_postings(s, word, images, tfs, &count, err);
    for (uint32_t i = 0; status == BOVW_OK && i < count; i++)
        (*postings)[i] =
            (bovw_posting){.image = index->starts[segment_id] + images[i], .tf = tfs[i]};
    if (status == BOVW_OK)
        *n = count;
    free(images);
    free(tfs);
    return status;
}

/* ---- checking ------------------------------------------------------------ */

/* Do the removed images of a segment have what MANIFEST says? */
static bovw_status check_removed(const bovw_index *index, uint32_t i, bovw_error *err)
{
    const segment *s = &index->segments[i];
    const manifest_removed *m = &index->manifest.segments[i].removed;
    uint32_t *removed = mem_array(s->removed.n, sizeof *removed);
    uint64_t n_features = 0, n_postings = 0;
    uint32_t n = 0;

    if (!removed)
        return fail_memory(err, s->path);
    for (uint32_t image = 0; s->removed.n > 0 && image < s->n_images; image++) {
        if (segment_live(s, image) == IMAGE_REMOVED)
            removed[n++] = image;
    }
    bovw_status status = segment_sum(s, removed, n, &n_features, &n_postings, err);
    if (status == BOVW_OK && (n_features != m->n_features || n_postings != m->n_postings))
        status = fail(err, BOVW_ERR_CORRUPT,
                      "%s: its removed images are not those that MANIFEST counts", s->path);
    free(removed);
    return status;
}

bovw_status bovw_index_check(const char *path, const bovw_monitor *monitor, bovw_error *err)
{
    bovw_index *index = NULL;
    bovw_status status = bovw_index_open(path, &index, err);
    if (status != BOVW_OK)
        return status;

    const uint32_t n_words = bovw_vocabulary_size(index->vocabulary);
    for (uint32_t i = 0; status == BOVW_OK && i < index->n_segments; i++) {
        status = segment_check(&index->segments[i], err);
        if (status == BOVW_OK)
            status = check_removed(index, i, err);
        if (status == BOVW_OK)
            status = monitor_progress(monitor, "checking", i + 1, index->n_segments, err);
    }
    if (status == BOVW_OK) {
        char *name = weights_path(path, index->manifest.weights_generation);
        status = name ? weights_check(&index->weights, name, index->segments,
                                      index->n_segments, n_words, err)
                      : fail_memory(err, path);
        free(name);
    }
    bovw_index_close(index);
    return status;
}
