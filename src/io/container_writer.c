/* SPDX-License-Identifier: MIT */
#include "io/container_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "io/container_head.h"

struct container_writer {
    new_file file;
    char kind[CONTAINER_KIND_BYTES];
    uint32_t version, n_sections;
    uint32_t n_begun;                                   /* sections */
    container_section sections[CONTAINER_MAX_SECTIONS]; /* of those begun */
    uint64_t offsets[CONTAINER_MAX_SECTIONS];
    bool is_open; /* the last of them: what is written goes there */
    uint64_t end; /* of the file so far */
    hash64_stream *hash;
};

static bovw_status append(container_writer *w, const void *bytes, size_t n_bytes,
                          bovw_error *err)
{
    const bovw_status status = new_file_write(&w->file, bytes, n_bytes, err);
    if (status == BOVW_OK)
        w->end += n_bytes;
    return status;
}

static bovw_status append_zeros(container_writer *w, uint64_t n_bytes, bovw_error *err)
{
    static const uint8_t zeros[4096];
    bovw_status status = BOVW_OK;
    while (status == BOVW_OK && n_bytes > 0) {
        const size_t n = n_bytes < sizeof zeros ? (size_t)n_bytes : sizeof zeros;
        status = append(w, zeros, n, err);
        n_bytes -= n;
    }
    return status;
}

bovw_status container_writer_open(const char *path, const char kind[CONTAINER_KIND_BYTES],
                                  uint32_t version, uint32_t n_sections,
                                  container_writer **writer, bovw_error *err)
{
    if (n_sections > CONTAINER_MAX_SECTIONS)
        return fail(err, BOVW_ERR_ARG, "%s: %u sections", path, n_sections);
    container_writer *w = mem_array(1, sizeof *w);
    if (!w || !(w->hash = hash64_begin())) {
        free(w);
        return fail_memory(err, path);
    }
    memcpy(w->kind, kind, CONTAINER_KIND_BYTES);
    w->version = version;
    w->n_sections = n_sections;
    bovw_status status = new_file_open(path, &w->file, err);
    if (status == BOVW_OK) /* header and table come last */
        status = append_zeros(
            w, CONTAINER_HEADER_BYTES + (uint64_t)n_sections * CONTAINER_ENTRY_BYTES, err);
    if (status == BOVW_OK)
        *writer = w;
    else
        container_writer_abort(w);
    return status;
}

/* End the section that is being written. */
static bovw_status end_section(container_writer *w, bovw_error *err)
{
    if (w->is_open)
        w->sections[w->n_begun - 1].checksum = hash64_take(w->hash);
    w->is_open = false;
    return append_zeros(w, container_align(w->end) - w->end, err);
}

static bovw_status begin(container_writer *w, uint32_t id, bovw_error *err)
{
    const bovw_status status = end_section(w, err);
    if (status != BOVW_OK)
        return status;
    if (w->n_begun == w->n_sections)
        return fail(err, BOVW_ERR_ARG, "%s: more than %u sections", w->file.path,
                    w->n_sections);
    w->offsets[w->n_begun] = w->end;
    w->sections[w->n_begun++] = (container_section){.id = id};
    return BOVW_OK;
}

bovw_status container_writer_section(container_writer *w, uint32_t id, bovw_error *err)
{
    const bovw_status status = begin(w, id, err);
    w->is_open = status == BOVW_OK;
    return status;
}

bovw_status container_writer_write(container_writer *w, const void *bytes, size_t n_bytes,
                                   bovw_error *err)
{
    const bovw_status status = append(w, bytes, n_bytes, err);
    if (status == BOVW_OK && n_bytes > 0) {
        hash64_add(w->hash, bytes, n_bytes);
        w->sections[w->n_begun - 1].n_bytes += n_bytes;
    }
    return status;
}

uint64_t container_writer_bytes(const container_writer *w)
{
    return w->end;
}

bovw_status container_writer_reserve(container_writer *w, uint32_t id, size_t n_bytes,
                                     bovw_error *err)
{
    bovw_status status = begin(w, id, err);
    if (status == BOVW_OK)
        status = append_zeros(w, n_bytes, err);
    if (status == BOVW_OK)
        w->sections[w->n_begun - 1].n_bytes = n_bytes;
    return status;
}

bovw_status container_writer_fill(container_writer *w, uint32_t id, const void *bytes,
                                  bovw_error *err)
{
    for (uint32_t i = 0; i < w->n_begun; i++) {
        container_section *s = &w->sections[i];
        if (s->id != id)
            continue;
        s->checksum = hash64(bytes, s->n_bytes);
        return new_file_write_at(&w->file, w->offsets[i], bytes, s->n_bytes, err);
    }
    return fail(err, BOVW_ERR_ARG, "%s: no section %u", w->file.path, id);
}

bovw_status container_writer_commit(container_writer *w, uint64_t *checksum,
                                    bovw_error *err)
{
    uint8_t head[CONTAINER_MAX_HEAD_BYTES];
    uint64_t sum = 0;
    bovw_status status = end_section(w, err);
    if (status == BOVW_OK && w->n_begun != w->n_sections)
        status = fail(err, BOVW_ERR_ARG, "%s: %u sections of %u", w->file.path, w->n_begun,
                      w->n_sections);
    if (status == BOVW_OK) {
        const size_t n =
            container_head(head, w->kind, w->version, w->sections, w->n_sections, &sum);
        status = new_file_write_at(&w->file, 0, head, n, err);
    }
    if (status == BOVW_OK) {
        status = new_file_commit(&w->file, err);
    }
    container_writer_abort(w);
    if (status == BOVW_OK && checksum)
        *checksum = sum;
    return status;
}

void container_writer_abort(container_writer *w)
{
    if (!w)
        return;
    new_file_abort(&w->file);
    hash64_free(w->hash);
    free(w);
}
