/* SPDX-License-Identifier: MIT
 *
 * A feature file grows as PATH.part: header, then one record per image in the
 * order in which they come. The index that is appended at the end lists them
 * in source order. A .part file that is found is continued: whole records of
 * images that the source still has, with the same content, are kept where they
 * are, and what follows the last whole record is cut off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/names.h"
#include "bovw/features.h"
#include "features/record.h"

/* Where the record of one source item is; offset 0: there is none (yet). */
typedef struct placed_record {
    uint64_t offset;
    uint32_t n_features;
    bool is_kept; /* from an earlier run; its content is still to be compared */
    uint8_t content_id[BOVW_CONTENT_ID_BYTES];
} placed_record;

typedef struct extraction {
    bovw_source *source;
    char *part; /* "PATH.part" */
    FILE *stream;
    uint64_t end;          /* offset at which the next record is written */
    placed_record *placed; /* (source count,) */
    uint32_t n_kept;
} extraction;

/* ---- taking over what an interrupted run left ---------------------------- */

/* Note the whole records of a .part file that the source asks for. */
static bovw_status scan_part(extraction *x, const file_map *map, const name_table *table,
                             bovw_error *err)
{
    feature_header header;
    char here[BOVW_FEATURE_OPTIONS_TEXT], there[BOVW_FEATURE_OPTIONS_TEXT];

    x->end = FEATURE_HEADER_BYTES;
    if (feature_header_decode(x->part, map->data, map->size, &header, NULL) != BOVW_OK)
        return BOVW_OK; /* not even its header was complete: start over */
    bovw_feature_options_format(bovw_source_options(x->source), here);
    bovw_feature_options_format(&header.options, there);
    if (strcmp(here, there) != 0)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s: was begun with \"%s\", now \"%s\"; remove it to start over",
                    x->part, there, here);

    for (;;) {
        record_view view;
        if (x->end >= map->size ||
            !record_decode(map->data + x->end, map->size - x->end, &view) ||
            !record_verify(map->data + x->end, &view))
            return BOVW_OK;
        const uint32_t item = name_table_exact(table, view.name);
        if (item != NAME_NONE) {
            x->placed[item] =
                (placed_record){.offset = x->end, .n_features = view.n, .is_kept = true};
            memcpy(x->placed[item].content_id, view.content_id, BOVW_CONTENT_ID_BYTES);
        }
        x->end += view.n_bytes;
    }
}

static bovw_status take_over(extraction *x, bovw_error *err)
{
    const uint32_t n = bovw_source_count(x->source);
    const char **names = mem_array(n, sizeof *names);
    name_table *table = NULL;
    file_map map = {0};
    bovw_status status = BOVW_OK;

    if (!names)
        return fail_memory(err, x->part);
    for (uint32_t i = 0; i < n; i++)
        names[i] = bovw_source_name(x->source, i);
    status = name_table_new(names, n, &table, err);
    if (status == BOVW_OK)
        status = file_map_open(x->part, &map, err);
    if (status == BOVW_OK)
        status = scan_part(x, &map, table, err);
    file_map_close(&map);
    name_table_free(table);
    free(names);
    return status;
}

/* ---- writing ------------------------------------------------------------- */

static bovw_status write_header(extraction *x, const feature_header *header,
                                bovw_error *err)
{
    uint8_t bytes[FEATURE_HEADER_BYTES];
    feature_header_encode(header, bytes);
    if (fseeko(x->stream, 0, SEEK_SET) != 0 ||
        fwrite(bytes, 1, sizeof bytes, x->stream) != sizeof bytes ||
        fseeko(x->stream, (off_t)x->end, SEEK_SET) != 0)
        return fail_errno(err, x->part, "cannot write");
    return BOVW_OK;
}

/* Open PATH.part for one writer, with the records that can be kept. */
static bovw_status open_part(extraction *x, bovw_error *err)
{
    const int fd = open(x->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_errno(err, x->part, "cannot write");
    x->stream = fdopen(fd, "r+b");
    if (!x->stream) {
        close(fd);
        return fail_errno(err, x->part, NULL);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? fail(err, BOVW_ERR_BUSY, "%s: another process is writing it", x->part)
                   : fail_errno(err, x->part, "cannot lock");

    const bovw_status status = take_over(x, err);
    if (status != BOVW_OK)
        return status;
    if (ftruncate(fd, (off_t)x->end) != 0)
        return fail_errno(err, x->part, "cannot write");
    return write_header(x, &(feature_header){.options = *bovw_source_options(x->source)},
                        err);
}

static bool is_wanted(void *context, uint32_t item, const char *name,
                      const uint8_t content_id[BOVW_CONTENT_ID_BYTES])
{
    extraction *x = context;
    placed_record *placed = &x->placed[item];
    (void)name;
    if (placed->offset == 0 ||
        memcmp(placed->content_id, content_id, BOVW_CONTENT_ID_BYTES) != 0)
        return true;
    x->n_kept++;
    placed->is_kept = false;
    return false;
}

static bovw_status append_batch(void *context, const bovw_source_batch *batch,
                                bovw_error *err)
{
    extraction *x = context;
    for (size_t i = 0; i < batch->n; i++) {
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        const bovw_status status =
            record_encode(&batch->features[i], &bytes, &n_bytes, err);
        if (status != BOVW_OK)
            return status;
        const bool ok = fwrite(bytes, 1, n_bytes, x->stream) == n_bytes;
        free(bytes);
        if (!ok)
            return fail_errno(err, x->part, "cannot write");
        x->placed[batch->items[i]] =
            (placed_record){.offset = x->end, .n_features = batch->features[i].n};
        x->end += n_bytes;
    }
    if (fflush(x->stream) != 0)
        return fail_errno(err, x->part, "cannot write");
    return BOVW_OK;
}

/* Append the index, complete the header and give the file its name. */
static bovw_status finish(extraction *x, const char *path, bovw_extract_result *result,
                          bovw_error *err)
{
    const uint32_t n = bovw_source_count(x->source);
    feature_header header = {.index_offset = x->end,
                             .options = *bovw_source_options(x->source)};
    uint8_t *index = mem_array(n, 8);
    bovw_status status = BOVW_OK;

    if (!index)
        return fail_memory(err, x->part);
    for (uint32_t i = 0; i < n; i++) {
        const placed_record *placed = &x->placed[i];
        /* A kept record that nobody asked for belongs to an image that can no
         * longer be read. */
        if (placed->offset == 0 || placed->is_kept)
            continue;
        store_le64(index + 8 * header.n_images, placed->offset);
        header.n_images++;
        header.n_features += placed->n_features;
    }
    header.index_checksum = hash64(index, header.n_images * 8);
    if (fwrite(index, 8, header.n_images, x->stream) != header.n_images)
        status = fail_errno(err, x->part, "cannot write");
    if (status == BOVW_OK)
        status = write_header(x, &header, err);
    if (status == BOVW_OK && (fflush(x->stream) != 0 || fsync(fileno(x->stream)) != 0 ||
                              rename(x->part, path) != 0))
        status = fail_errno(err, path, "cannot write");
    if (status == BOVW_OK)
        status = file_sync_folder_of(path, err);
    free(index);
    *result = (bovw_extract_result){.n_images = (uint32_t)header.n_images,
                                    .n_kept = x->n_kept,
                                    .n_features = header.n_features};
    return status;
}

bovw_status bovw_extract(bovw_source *source, const char *path, const bovw_compute *compute,
                         const bovw_monitor *monitor, bovw_extract_result *result,
                         bovw_error *err)
{
    extraction x = {.source = source};
    bovw_extract_result done = {0};
    bovw_status status = BOVW_OK;

    x.part = mem_format("%s.part", path);
    x.placed = mem_array(bovw_source_count(source), sizeof *x.placed);
    if (!x.part || !x.placed)
        status = fail_memory(err, path);
    if (status == BOVW_OK)
        status = open_part(&x, err);
    if (status == BOVW_OK) {
        const bovw_source_consumer consumer = {
            .context = &x, .wanted = is_wanted, .consume = append_batch};
        status = bovw_source_run(source, compute, "extracting", &consumer, monitor, err);
    }
    if (status == BOVW_OK)
        status = finish(&x, path, &done, err);
    if (x.stream && fclose(x.stream) != 0 && status == BOVW_OK)
        status = fail_errno(err, path, "cannot write");
    if (status == BOVW_OK && result)
        *result = done;
    free(x.placed);
    free(x.part);
    return status;
}
