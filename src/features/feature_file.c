/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/names.h"
#include "bovw/features.h"
#include "features/record.h"

struct bovw_feature_file {
    char *path;
    file_map map;
    feature_header header;
    const uint8_t *index; /* (n_images,) little-endian 64-bit file offsets */
    const char **names;   /* (n_images,) into the map */
    name_table *table;
};

/* The record of image i; false where it is damaged. */
static bool get_record(const bovw_feature_file *file, uint32_t i, const uint8_t **bytes,
                       record_view *view)
{
    const uint64_t offset = load_le64(file->index + (size_t)i * 8);
    const uint64_t end = file->header.index_offset;
    if (offset < FEATURE_HEADER_BYTES || offset >= end || offset % RECORD_ALIGNMENT)
        return false;
    *bytes = file->map.data + offset;
    return record_decode(*bytes, end - offset, view);
}

/* Check the header, the index and the place of every record. */
static bovw_status check_layout(bovw_feature_file *file, bovw_error *err)
{
    bovw_status status = feature_header_decode(file->path, file->map.data, file->map.size,
                                               &file->header, err);
    if (status != BOVW_OK)
        return status;

    const feature_header *h = &file->header;
    if (h->index_offset == 0)
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: unfinished; run the `bovw extract` that makes it once more",
                    file->path);
    if (h->n_images >= UINT32_MAX || h->index_offset > file->map.size ||
        h->index_offset % RECORD_ALIGNMENT ||
        file->map.size - h->index_offset != h->n_images * 8)
        return fail(err, BOVW_ERR_CORRUPT, "%s: cut short or damaged", file->path);
    file->index = file->map.data + h->index_offset;
    if (hash64(file->index, h->n_images * 8) != h->index_checksum)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged index (checksum)", file->path);

    file->names = mem_array(h->n_images, sizeof *file->names);
    if (!file->names)
        return fail_memory(err, file->path);
    uint64_t n_features = 0;
    for (uint32_t i = 0; i < h->n_images; i++) {
        const uint8_t *bytes;
        record_view view;
        if (!get_record(file, i, &bytes, &view))
            return fail(err, BOVW_ERR_CORRUPT, "%s: record %u is damaged", file->path, i);
        file->names[i] = view.name;
        n_features += view.n;
    }
    if (n_features != h->n_features)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged counts", file->path);
    const bovw_status made =
        name_table_new(file->names, (uint32_t)h->n_images, &file->table, err);
    file_map_done(&file->map, 0, h->index_offset); /* a page or more of each record */
    return made;
}

bovw_status bovw_feature_file_open(const char *path, bovw_feature_file **file,
                                   bovw_error *err)
{
    bovw_feature_file *opened = mem_array(1, sizeof *opened);
    if (!opened)
        return fail_memory(err, path);
    opened->path = mem_text(path);
    bovw_status status =
        opened->path ? file_map_open(path, &opened->map, err) : fail_memory(err, path);
    if (status == BOVW_OK)
        status = check_layout(opened, err);
    if (status != BOVW_OK) {
        bovw_feature_file_close(opened);
        return status;
    }
    *file = opened;
    return BOVW_OK;
}

void bovw_feature_file_close(bovw_feature_file *file)
{
    if (!file)
        return;
    name_table_free(file->table);
    free(file->names);
    file_map_close(&file->map);
    free(file->path);
    free(file);
}

uint32_t bovw_feature_file_count(const bovw_feature_file *file)
{
    return (uint32_t)file->header.n_images;
}

uint64_t bovw_feature_file_n_features(const bovw_feature_file *file)
{
    return file->header.n_features;
}

const bovw_feature_options *bovw_feature_file_options(const bovw_feature_file *file)
{
    return &file->header.options;
}

const char *bovw_feature_file_name(const bovw_feature_file *file, uint32_t i)
{
    return file->names[i];
}

uint32_t bovw_feature_file_find(const bovw_feature_file *file, const char *name)
{
    return name_table_find(file->table, name);
}

bovw_status bovw_feature_file_read(const bovw_feature_file *file, uint32_t i,
                                   bovw_features *features, bovw_error *err)
{
    const uint8_t *bytes;
    record_view view;
    if (!get_record(file, i, &bytes, &view) || !record_verify(bytes, &view))
        return fail(err, BOVW_ERR_CORRUPT, "%s: record %u is damaged (checksum)",
                    file->path, i);

    bovw_features out = {.width = view.width, .height = view.height, .n = view.n};
    out.name = mem_text(view.name);
    out.keypoints = mem_array(view.n, sizeof *out.keypoints);
    out.descriptors = mem_array(view.n, BOVW_DESCRIPTOR_DIM);
    if (!out.name || !out.keypoints || !out.descriptors) {
        bovw_features_free(&out);
        return fail_memory(err, file->path);
    }
    memcpy(out.content_id, view.content_id, BOVW_CONTENT_ID_BYTES);
    for (uint32_t k = 0; k < view.n; k++) {
        const uint8_t *at = view.keypoints + (size_t)k * 16;
        out.keypoints[k] = (bovw_keypoint){.x = load_lefloat(at),
                                           .y = load_lefloat(at + 4),
                                           .scale = load_lefloat(at + 8),
                                           .angle = load_lefloat(at + 12)};
    }
    memcpy(out.descriptors, view.descriptors, (size_t)view.n * BOVW_DESCRIPTOR_DIM);
    /* Who goes through a large file need not end up with all of it in memory. */
    file_map_done(&file->map, (size_t)(bytes - file->map.data), view.n_bytes);
    *features = out;
    return BOVW_OK;
}
