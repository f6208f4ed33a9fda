/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "io/container.h"
#include "io/matrix.h"
#include "vectors/projection.h"

enum {
    FORMAT_VERSION = 1,
    SECTION_HEAD = 1,
    SECTION_MEAN,
    SECTION_ROWS,
    SECTION_SUMMARY,
    HEAD_BYTES = 16,
    UNIT_FLAG = 1
};

static const char kind[CONTAINER_KIND_BYTES] = {'M', 'E', 'T', 'R'};

/* Rows (n, stride) of doubles as (n, dim) in a file. The caller's. */
static uint8_t *encode_rows(const double *rows, uint32_t n, uint32_t dim, size_t stride)
{
    uint8_t *bytes = mem_array((size_t)n * dim, 8);
    for (uint32_t i = 0; bytes && i < n; i++) {
        for (uint32_t j = 0; j < dim; j++) {
            uint64_t bits;
            memcpy(&bits, &rows[i * stride + j], 8);
            store_le64(bytes + ((size_t)i * dim + j) * 8, bits);
        }
    }
    return bytes;
}

/* The same back. Are all finite, and their squares far from overflow? */
static bool decode_rows(const uint8_t *bytes, uint32_t n, uint32_t dim, size_t stride,
                        double *rows)
{
    bool is_sound = true;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < dim; j++) {
            const uint64_t bits = load_le64(bytes + ((size_t)i * dim + j) * 8);
            double *value = &rows[i * stride + j];
            memcpy(value, &bits, 8);
            is_sound = is_sound && fabs(*value) <= 1e30;
        }
    }
    return is_sound;
}

bovw_status bovw_projection_save(const bovw_projection *p, const char *path,
                                 bovw_error *err)
{
    const char *summary = bovw_projection_summary(p);
    uint8_t head[HEAD_BYTES] = {0};
    if (p->is_triangle)
        return fail(err, BOVW_ERR_ARG, "%s: a triangle is not saved", path);
    store_le32(head, p->dim);
    store_le32(head + 4, p->n_out);
    store_le32(head + 8, p->is_unit ? UNIT_FLAG : 0);
    uint8_t *mean = encode_rows(p->mean, 1, p->dim, p->stride);
    uint8_t *rows = encode_rows(p->rows, p->n_out, p->dim, p->stride);
    const container_section sections[] = {
        {.id = SECTION_HEAD, .data = head, .n_bytes = HEAD_BYTES},
        {.id = SECTION_MEAN, .data = mean, .n_bytes = (uint64_t)p->dim * 8},
        {.id = SECTION_ROWS, .data = rows, .n_bytes = (uint64_t)p->n_out * p->dim * 8},
        {.id = SECTION_SUMMARY, .data = summary, .n_bytes = strlen(summary) + 1}};
    const bovw_status status =
        mean && rows ? container_write(path, kind, FORMAT_VERSION, sections,
                                       sizeof sections / sizeof *sections, NULL, err)
                     : fail_memory(err, path);
    free(mean);
    free(rows);
    return status;
}

static bovw_status read_head(const container *file, const char *path, uint32_t *dim,
                             uint32_t *n_out, uint32_t *flags, bovw_error *err)
{
    const container_section *head = NULL;
    const bovw_status status =
        container_section_get(file, path, SECTION_HEAD, "head", HEAD_BYTES, &head, err);
    if (status != BOVW_OK)
        return status;
    *dim = load_le32(head->data);
    *n_out = load_le32((const uint8_t *)head->data + 4);
    *flags = load_le32((const uint8_t *)head->data + 8);
    if (*dim == 0 || *dim > MATRIX_MAX_DIM || *n_out == 0 || *n_out > *dim ||
        *flags > UNIT_FLAG)
        return fail(err, BOVW_ERR_CORRUPT, "%s: from %u to %u dimensions, flags %u", path,
                    *dim, *n_out, *flags);
    return BOVW_OK;
}

static bovw_status read_sections(const container *file, const char *path,
                                 bovw_projection *p, bovw_error *err)
{
    const container_section *mean = NULL, *rows = NULL;
    const char *summary = "";
    uint32_t dim = 0, n_out = 0, flags = 0;
    bovw_status status = read_head(file, path, &dim, &n_out, &flags, err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_MEAN, "mean", (uint64_t)dim * 8,
                                       &mean, err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_ROWS, "rows",
                                       (uint64_t)n_out * dim * 8, &rows, err);
    if (status == BOVW_OK)
        status = container_text_get(file, path, SECTION_SUMMARY, "summary", &summary, err);
    if (status == BOVW_OK)
        status = projection_new(dim, n_out, n_out, p, err);
    if (status != BOVW_OK)
        return status;
    p->is_unit = flags & UNIT_FLAG;
    p->summary = mem_text(summary);
    if (!p->summary)
        return fail_memory(err, path);
    if (!decode_rows(mean->data, 1, dim, p->stride, p->mean) ||
        !decode_rows(rows->data, n_out, dim, p->stride, p->rows))
        return fail(err, BOVW_ERR_CORRUPT, "%s: a number that is not finite", path);
    return BOVW_OK;
}

bovw_status bovw_projection_open(const char *path, bovw_projection **projection,
                                 bovw_error *err)
{
    container file = {0};
    bovw_projection *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, path);
    bovw_status status = container_open(path, kind, FORMAT_VERSION, &file, err);
    if (status == BOVW_OK)
        status = container_verify(&file, path, err);
    if (status == BOVW_OK)
        status = read_sections(&file, path, made, err);
    container_close(&file);
    if (status == BOVW_OK)
        *projection = made;
    else
        bovw_projection_free(made);
    return status;
}
