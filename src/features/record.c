/* SPDX-License-Identifier: MIT */
#include "features/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

enum {
    KEYPOINT_BYTES = 16,
    OPTIONS_AT = 64,
    HEADER_SUM_AT = 48,
    RECORD_SUM_AT = 48
};

static const uint8_t file_magic[8] = {'B', 'O', 'V', 'W', 'F', 'E', 'A', 'T'};
static const uint8_t record_magic[4] = {'I', 'M', 'A', 'G'};

/* Checksum of bytes in which the 8 at `hole` count as zero. */
static uint64_t hash_with_hole(const uint8_t *bytes, size_t n_bytes, size_t hole)
{
    uint8_t copy[FEATURE_HEADER_BYTES];
    memcpy(copy, bytes, n_bytes);
    memset(copy + hole, 0, 8);
    return hash64(copy, n_bytes);
}

void feature_header_encode(const feature_header *header,
                           uint8_t bytes[FEATURE_HEADER_BYTES])
{
    memset(bytes, 0, FEATURE_HEADER_BYTES);
    memcpy(bytes, file_magic, sizeof file_magic);
    store_le32(bytes + 8, FEATURE_FILE_VERSION);
    store_le32(bytes + 12, FEATURE_HEADER_BYTES);
    store_le64(bytes + 16, header->index_offset);
    store_le64(bytes + 24, header->n_images);
    store_le64(bytes + 32, header->n_features);
    store_le64(bytes + 40, header->index_checksum);
    bovw_feature_options_format(&header->options, (char *)bytes + OPTIONS_AT);
    store_le64(bytes + HEADER_SUM_AT,
               hash_with_hole(bytes, FEATURE_HEADER_BYTES, HEADER_SUM_AT));
}

bovw_status feature_header_decode(const char *path, const uint8_t *bytes, size_t n_bytes,
                                  feature_header *header, bovw_error *err)
{
    if (n_bytes < 12 || memcmp(bytes, file_magic, sizeof file_magic) != 0)
        return fail(err, BOVW_ERR_FORMAT, "%s: not a bovw feature file", path);
    if (load_le32(bytes + 8) != FEATURE_FILE_VERSION)
        return fail(err, BOVW_ERR_VERSION, "%s: format version %u, this build reads %d",
                    path, load_le32(bytes + 8), FEATURE_FILE_VERSION);
    if (n_bytes < FEATURE_HEADER_BYTES ||
        load_le64(bytes + HEADER_SUM_AT) !=
            hash_with_hole(bytes, FEATURE_HEADER_BYTES, HEADER_SUM_AT))
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged header", path);

    feature_header read = {.index_offset = load_le64(bytes + 16),
                           .n_images = load_le64(bytes + 24),
                           .n_features = load_le64(bytes + 32),
                           .index_checksum = load_le64(bytes + 40)};
    char text[BOVW_FEATURE_OPTIONS_TEXT];
    memcpy(text, bytes + OPTIONS_AT, sizeof text);
    text[sizeof text - 1] = '\0';
    const bovw_status status = bovw_feature_options_parse(text, &read.options, err);
    if (status != BOVW_OK) {
        fail_prefix(err, path);
        return status;
    }
    *header = read;
    return BOVW_OK;
}

static uint64_t align_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

bool record_decode(const uint8_t *bytes, uint64_t n_bytes, record_view *view)
{
    if (n_bytes < RECORD_HEADER_BYTES || memcmp(bytes, record_magic, 4) != 0)
        return false;
    const uint64_t n = load_le32(bytes + 4), name_bytes = load_le32(bytes + 16);
    const uint64_t names = align_up(name_bytes, KEYPOINT_BYTES);
    const uint64_t need =
        align_up(RECORD_HEADER_BYTES + names + n * (KEYPOINT_BYTES + BOVW_DESCRIPTOR_DIM),
                 RECORD_ALIGNMENT);
    if (load_le64(bytes + 24) != need || need > n_bytes || name_bytes == 0)
        return false;

    const uint8_t *name = bytes + RECORD_HEADER_BYTES;
    if (memchr(name, 0, name_bytes) != name + name_bytes - 1)
        return false;
    *view = (record_view){.n_bytes = need,
                          .n = (uint32_t)n,
                          .width = load_le32(bytes + 8),
                          .height = load_le32(bytes + 12),
                          .content_id = bytes + 32,
                          .name = (const char *)name,
                          .keypoints = name + names,
                          .descriptors = name + names + n * KEYPOINT_BYTES};
    return true;
}

static uint64_t record_checksum(const uint8_t *bytes, uint64_t n_bytes)
{
    const uint64_t head = hash_with_hole(bytes, RECORD_HEADER_BYTES, RECORD_SUM_AT);
    return head ^ hash64(bytes + RECORD_HEADER_BYTES, n_bytes - RECORD_HEADER_BYTES);
}

bool record_verify(const uint8_t *bytes, const record_view *view)
{
    return load_le64(bytes + RECORD_SUM_AT) == record_checksum(bytes, view->n_bytes);
}

bovw_status record_encode(const bovw_features *features, uint8_t **bytes, size_t *n_bytes,
                          bovw_error *err)
{
    const size_t name_bytes = strlen(features->name) + 1;
    const size_t names = align_up(name_bytes, KEYPOINT_BYTES);
    const size_t descriptors = (size_t)features->n * BOVW_DESCRIPTOR_DIM;
    const size_t total = align_up(RECORD_HEADER_BYTES + names +
                                      (size_t)features->n * KEYPOINT_BYTES + descriptors,
                                  RECORD_ALIGNMENT);
    uint8_t *out = mem_array(total, 1);
    if (!out)
        return fail_memory(err, features->name);

    memcpy(out, record_magic, 4);
    store_le32(out + 4, features->n);
    store_le32(out + 8, features->width);
    store_le32(out + 12, features->height);
    store_le32(out + 16, (uint32_t)name_bytes);
    store_le64(out + 24, total);
    memcpy(out + 32, features->content_id, BOVW_CONTENT_ID_BYTES);
    uint8_t *at = out + RECORD_HEADER_BYTES;
    memcpy(at, features->name, name_bytes);
    at += names;
    for (uint32_t i = 0; i < features->n; i++, at += KEYPOINT_BYTES) {
        store_lefloat(at, features->keypoints[i].x);
        store_lefloat(at + 4, features->keypoints[i].y);
        store_lefloat(at + 8, features->keypoints[i].scale);
        store_lefloat(at + 12, features->keypoints[i].angle);
    }
    memcpy(at, features->descriptors, descriptors);
    store_le64(out + RECORD_SUM_AT, record_checksum(out, total));
    *bytes = out;
    *n_bytes = total;
    return BOVW_OK;
}
