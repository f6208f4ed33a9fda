/* SPDX-License-Identifier: MIT */
#include "io/matrix.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

static const char npy_magic[] = "\x93NUMPY";

static bool has_suffix(const char *path, const char *suffix)
{
    const size_t length = strlen(path), end = strlen(suffix);
    return length > end && strcmp(path + length - end, suffix) == 0;
}

bovw_status matrix_open(const char *path, matrix *m, bovw_error *err)
{
    matrix opened = {.path = path};
    bovw_status status = file_map_open(path, &opened.map, err);
    if (status != BOVW_OK)
        return status;
    if (opened.map.size >= sizeof npy_magic - 1 &&
        memcmp(opened.map.data, npy_magic, sizeof npy_magic - 1) == 0)
        status = matrix_read_npy(&opened, err);
    else if (has_suffix(path, ".fvecs"))
        status = matrix_read_vecs(&opened, false, err);
    else if (has_suffix(path, ".bvecs"))
        status = matrix_read_vecs(&opened, true, err);
    else
        status =
            fail(err, BOVW_ERR_FORMAT,
                 "%s: not a file of vectors: neither npy nor named .fvecs or .bvecs", path);
    if (status != BOVW_OK) {
        matrix_close(&opened);
        return status;
    }
    *m = opened;
    return BOVW_OK;
}

void matrix_close(matrix *m)
{
    file_map_close(&m->map);
    *m = (matrix){0};
}

/* ---- elements ------------------------------------------------------------------ */

static size_t element_bytes(element_type type)
{
    static const size_t bytes[] = {[ELEMENT_FLOAT16] = 2,
                                   [ELEMENT_FLOAT32] = 4,
                                   [ELEMENT_FLOAT64] = 8,
                                   [ELEMENT_UINT8] = 1};
    return bytes[type];
}

/* IEEE 754 binary16. */
static float half_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float value;
    if (exponent == 31)
        value = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexpf((float)fraction, -24);
    else
        value = ldexpf((float)(1024 + fraction), exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static float double_value(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    /* Beyond the range of float the conversion would not be defined. */
    return fabs(value) <= (double)MATRIX_MAX_VALUE ? (float)value : INFINITY;
}

static uint64_t load_element(const uint8_t *p, size_t bytes, bool is_big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)p[is_big_endian ? bytes - 1 - i : i] << (8 * i);
    return value;
}

static float element_value(const matrix *m, const uint8_t *p)
{
    switch (m->type) {
    case ELEMENT_FLOAT16:
        return half_value((uint16_t)load_element(p, 2, m->is_big_endian));
    case ELEMENT_FLOAT32: {
        const uint32_t bits = (uint32_t)load_element(p, 4, m->is_big_endian);
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    case ELEMENT_FLOAT64:
        return double_value(load_element(p, 8, m->is_big_endian));
    case ELEMENT_UINT8:
    default:
        return p[0];
    }
}

/* n elements that follow each other, each `step` floats after the other. */
static void convert(const matrix *m, const uint8_t *from, size_t n, float *to, size_t step)
{
    const size_t bytes = element_bytes(m->type);
    if (m->type == ELEMENT_FLOAT32 && !m->is_big_endian) {
        for (size_t i = 0; i < n; i++)
            to[i * step] = load_lefloat(from + 4 * i);
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i * step] = element_value(m, from + i * bytes);
}

/* ---- rows ------------------------------------------------------------------------ */

static size_t row_bytes(const matrix *m)
{
    return (m->has_row_header ? 4 : 0) + (size_t)m->dim * element_bytes(m->type);
}

static bovw_status check_row(const matrix *m, uint32_t row, const float *values,
                             bovw_error *err)
{
    for (uint32_t j = 0; j < m->dim; j++) {
        /* Written so that it holds for what is not a number, too. */
        if (!(fabsf(values[j]) <= MATRIX_MAX_VALUE))
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: row %u: value %u is not finite or beyond %g", m->path, row, j,
                        (double)MATRIX_MAX_VALUE);
    }
    return BOVW_OK;
}

static bovw_status read_row(const matrix *m, uint32_t row, float *out, bovw_error *err)
{
    const uint8_t *p = m->map.data + m->offset + row * row_bytes(m);
    if (m->has_row_header) {
        if (load_le32(p) != m->dim)
            return fail(err, BOVW_ERR_CORRUPT, "%s: row %u: dimension %u, not %u", m->path,
                        row, load_le32(p), m->dim);
        p += 4;
    }
    convert(m, p, m->dim, out, 1);
    return BOVW_OK;
}

bovw_status matrix_rows(const matrix *m, uint32_t first, uint32_t n, float *out,
                        size_t stride, bovw_error *err)
{
    const size_t bytes = element_bytes(m->type);
    for (uint32_t j = 0; m->is_columns && j < m->dim; j++)
        convert(m, m->map.data + m->offset + ((size_t)j * m->n + first) * bytes, n, out + j,
                stride);
    for (uint32_t i = 0; i < n; i++) {
        float *row = out + i * stride;
        bovw_status status = BOVW_OK;
        if (!m->is_columns)
            status = read_row(m, first + i, row, err);
        if (status == BOVW_OK)
            status = check_row(m, first + i, row, err);
        if (status != BOVW_OK)
            return status;
    }
    return BOVW_OK;
}

void matrix_done(const matrix *m, uint32_t first, uint32_t n)
{
    if (!m->is_columns)
        file_map_done(&m->map, m->offset + first * row_bytes(m), n * row_bytes(m));
}
