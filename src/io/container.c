/* SPDX-License-Identifier: MIT */
#include "io/container.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"
#include "io/container_head.h"

enum {
    HEADER_BYTES = CONTAINER_HEADER_BYTES,
    ENTRY_BYTES = CONTAINER_ENTRY_BYTES,
    CHUNK_BYTES = 64 << 20 /* of a section that is verified: what stays in memory */
};

static const uint8_t magic[4] = {'B', 'O', 'V', 'W'};

uint64_t container_align(uint64_t offset)
{
    return (offset + CONTAINER_ALIGNMENT - 1) / CONTAINER_ALIGNMENT * CONTAINER_ALIGNMENT;
}

size_t container_head(uint8_t head[CONTAINER_MAX_HEAD_BYTES], const char *kind,
                      uint32_t version, const container_section *sections,
                      uint32_t n_sections, uint64_t *checksum)
{
    const size_t head_bytes = HEADER_BYTES + (size_t)n_sections * ENTRY_BYTES;
    uint64_t offset = container_align(head_bytes);

    memset(head, 0, head_bytes);
    for (uint32_t i = 0; i < n_sections; i++) {
        uint8_t *entry = head + HEADER_BYTES + (size_t)i * ENTRY_BYTES;
        store_le32(entry, sections[i].id);
        store_le64(entry + 8, offset);
        store_le64(entry + 16, sections[i].n_bytes);
        store_le64(entry + 24, sections[i].checksum);
        offset = container_align(offset + sections[i].n_bytes);
    }
    memcpy(head, magic, 4);
    memcpy(head + 4, kind, CONTAINER_KIND_BYTES);
    store_le32(head + 8, version);
    store_le32(head + 12, HEADER_BYTES);
    store_le32(head + 16, n_sections);
    store_le64(head + 24, offset);
    *checksum = hash64(head, head_bytes); /* with the checksum field still zero */
    store_le64(head + 40, *checksum);
    return head_bytes;
}

static bovw_status write_padding(new_file *file, uint64_t n_bytes, bovw_error *err)
{
    static const uint8_t zeros[CONTAINER_ALIGNMENT];
    return new_file_write(file, zeros, container_align(n_bytes) - n_bytes, err);
}

static bovw_status write_file(const char *path, const char kind[CONTAINER_KIND_BYTES],
                              uint32_t version, const container_section *sections,
                              uint32_t n_sections,
                              bovw_status (*commit)(new_file *, bovw_error *),
                              uint64_t *checksum, bovw_error *err)
{
    uint8_t head[CONTAINER_MAX_HEAD_BYTES];
    container_section summed[CONTAINER_MAX_SECTIONS] = {0};
    uint64_t sum;
    new_file file = {0};

    if (n_sections > CONTAINER_MAX_SECTIONS)
        return fail(err, BOVW_ERR_ARG, "%s: %u sections", path, n_sections);
    bovw_status status = new_file_open(path, &file, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t i = 0; i < n_sections; i++) {
        summed[i] = sections[i];
        summed[i].checksum = hash64(sections[i].data, sections[i].n_bytes);
    }
    const size_t head_bytes = container_head(head, kind, version, summed, n_sections, &sum);
    status = new_file_write(&file, head, head_bytes, err);
    if (status == BOVW_OK)
        status = write_padding(&file, head_bytes, err);
    for (uint32_t i = 0; status == BOVW_OK && i < n_sections; i++) {
        status = new_file_write(&file, sections[i].data, sections[i].n_bytes, err);
        if (status == BOVW_OK)
            status = write_padding(&file, sections[i].n_bytes, err);
    }
    if (status != BOVW_OK) {
        new_file_abort(&file);
        return status;
    }
    status = commit(&file, err);
    if (status == BOVW_OK && checksum)
        *checksum = sum;
    return status;
}

bovw_status container_write(const char *path, const char kind[CONTAINER_KIND_BYTES],
                            uint32_t version, const container_section *sections,
                            uint32_t n_sections, uint64_t *checksum, bovw_error *err)
{
    return write_file(path, kind, version, sections, n_sections, new_file_commit, checksum,
                      err);
}

bovw_status container_write_unsynced(const char *path,
                                     const char kind[CONTAINER_KIND_BYTES],
                                     uint32_t version, const container_section *sections,
                                     uint32_t n_sections, bovw_error *err)
{
    return write_file(path, kind, version, sections, n_sections, new_file_commit_unsynced,
                      NULL, err);
}

static bovw_status check_head(container *file, const char *path,
                              const char kind[CONTAINER_KIND_BYTES], uint32_t newest,
                              bovw_error *err)
{
    const uint8_t *data = file->map.data;
    const size_t size = file->map.size;

    if (size < 8 || memcmp(data, magic, 4) != 0 ||
        memcmp(data + 4, kind, CONTAINER_KIND_BYTES) != 0)
        return fail(err, BOVW_ERR_FORMAT, "%s: not a bovw %.4s file", path, kind);
    if (size < HEADER_BYTES)
        return fail(err, BOVW_ERR_CORRUPT, "%s: cut short at %zu bytes", path, size);

    file->version = load_le32(data + 8);
    if (file->version == 0 || file->version > newest || load_le32(data + 20) != 0)
        return fail(err, BOVW_ERR_VERSION, "%s: format version %u, this build reads %s%u",
                    path, file->version, newest > 1 ? "1 to " : "", newest);
    if (load_le64(data + 24) != size)
        return fail(err, BOVW_ERR_CORRUPT, "%s: has %zu bytes, should have %llu", path,
                    size, (unsigned long long)load_le64(data + 24));

    file->n_sections = load_le32(data + 16);
    const size_t head_bytes = HEADER_BYTES + (size_t)file->n_sections * ENTRY_BYTES;
    if (load_le32(data + 12) != HEADER_BYTES || file->n_sections > CONTAINER_MAX_SECTIONS ||
        head_bytes > size)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged header", path);

    uint8_t head[HEADER_BYTES + CONTAINER_MAX_SECTIONS * ENTRY_BYTES];
    memcpy(head, data, head_bytes);
    memset(head + 40, 0, 8);
    file->checksum = load_le64(data + 40);
    if (hash64(head, head_bytes) != file->checksum)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged header (checksum)", path);

    for (uint32_t i = 0; i < file->n_sections; i++) {
        const uint8_t *entry = data + HEADER_BYTES + (size_t)i * ENTRY_BYTES;
        const uint64_t offset = load_le64(entry + 8), n_bytes = load_le64(entry + 16);
        if (offset % CONTAINER_ALIGNMENT || offset < head_bytes || offset > size ||
            n_bytes > size - offset)
            return fail(err, BOVW_ERR_CORRUPT, "%s: section %u lies outside the file", path,
                        load_le32(entry));
        file->sections[i] = (container_section){.id = load_le32(entry),
                                                .n_bytes = n_bytes,
                                                .data = data + offset,
                                                .checksum = load_le64(entry + 24)};
    }
    return BOVW_OK;
}

bovw_status container_open(const char *path, const char kind[CONTAINER_KIND_BYTES],
                           uint32_t newest, container *file, bovw_error *err)
{
    container opened = {0};
    bovw_status status = file_map_open(path, &opened.map, err);
    if (status == BOVW_OK)
        status = check_head(&opened, path, kind, newest, err);
    if (status == BOVW_OK)
        *file = opened;
    else
        container_close(&opened);
    return status;
}

void container_close(container *file)
{
    file_map_close(&file->map);
    *file = (container){0};
}

bovw_status container_section_get(const container *file, const char *path, uint32_t id,
                                  const char *name, uint64_t n_bytes,
                                  const container_section **section, bovw_error *err)
{
    for (uint32_t i = 0; i < file->n_sections; i++) {
        const container_section *s = &file->sections[i];
        if (s->id != id)
            continue;
        if (n_bytes != UINT64_MAX && s->n_bytes != n_bytes)
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: section of %s has %llu bytes, should have %llu", path, name,
                        (unsigned long long)s->n_bytes, (unsigned long long)n_bytes);
        *section = s;
        return BOVW_OK;
    }
    return fail(err, BOVW_ERR_CORRUPT, "%s: section of %s is missing", path, name);
}

bovw_status container_text_get(const container *file, const char *path, uint32_t id,
                               const char *name, const char **text, bovw_error *err)
{
    const container_section *section = NULL;
    const bovw_status status =
        container_section_get(file, path, id, name, UINT64_MAX, &section, err);
    if (status != BOVW_OK)
        return status;
    const char *end =
        section->n_bytes > 0 ? memchr(section->data, 0, section->n_bytes) : NULL;
    if (!end || (uint64_t)(end - (const char *)section->data) + 1 != section->n_bytes)
        return fail(err, BOVW_ERR_CORRUPT, "%s: section of %s is not one text", path, name);
    *text = section->data;
    return BOVW_OK;
}

/* Are the bytes from *at up to the next aligned offset zero? Moves there. */
static bool padding_is_zero(const container *file, uint64_t *at)
{
    const uint64_t end = container_align(*at);
    if (end > file->map.size)
        return false;
    for (; *at < end; ++*at) {
        if (file->map.data[*at] != 0)
            return false;
    }
    return true;
}

static bool section_is_whole(const container *file, const container_section *s,
                             hash64_stream *hash)
{
    const uint8_t *data = s->data;
    for (uint64_t at = 0; at < s->n_bytes; at += CHUNK_BYTES) {
        const uint64_t left = s->n_bytes - at;
        const size_t n = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        hash64_add(hash, data + at, n);
        if (file->map.size > CHUNK_BYTES)
            file_map_done(&file->map, (size_t)(data - file->map.data) + at, n);
    }
    return hash64_take(hash) == s->checksum;
}

bovw_status container_verify(const container *file, const char *path, bovw_error *err)
{
    uint64_t at = HEADER_BYTES + (uint64_t)file->n_sections * ENTRY_BYTES;
    hash64_stream *hash = hash64_begin();
    bool is_whole = true;
    if (!hash)
        return fail_memory(err, path);
    for (uint32_t i = 0; is_whole && i < file->n_sections; i++) {
        is_whole = section_is_whole(file, &file->sections[i], hash);
        if (!is_whole)
            fail(err, BOVW_ERR_CORRUPT, "%s: section %u is damaged (checksum)", path,
                 file->sections[i].id);
    }
    hash64_free(hash);
    if (!is_whole)
        return BOVW_ERR_CORRUPT;
    for (uint32_t i = 0; i < file->n_sections; i++) {
        const container_section *s = &file->sections[i];
        const uint8_t *data = s->data;
        if (!padding_is_zero(file, &at) || data != file->map.data + at)
            return fail(err, BOVW_ERR_CORRUPT, "%s: damaged before section %u", path,
                        s->id);
        at += s->n_bytes;
    }
    if (!padding_is_zero(file, &at) || at != file->map.size)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged after the last section", path);
    return BOVW_OK;
}

bovw_status container_kind(const char *path, char kind[CONTAINER_KIND_BYTES + 1],
                           bovw_error *err)
{
    FILE *stream = fopen(path, "rbe");
    uint8_t head[8];
    if (!stream)
        return fail_errno(err, path, NULL);
    const size_t n = fread(head, 1, sizeof head, stream);
    fclose(stream);
    const bool is_ours = n == sizeof head && memcmp(head, magic, 4) == 0;
    memset(kind, 0, CONTAINER_KIND_BYTES + 1);
    if (is_ours)
        memcpy(kind, head + 4, CONTAINER_KIND_BYTES);
    return BOVW_OK;
}
