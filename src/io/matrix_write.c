/* SPDX-License-Identifier: MIT
 *
 * The header of an npy file has the number of rows, which is known at the end:
 * its place is kept free until then. */
#include "io/matrix_write.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum {
    HEADER_BYTES = 128, /* a multiple of 64, as numpy has it */
    PREFIX_BYTES = 10,
    CHUNK = 1024 /* floats */
};

static void fill_header(const matrix_writer *w, uint8_t header[HEADER_BYTES])
{
    char text[HEADER_BYTES - PREFIX_BYTES + 1];
    const int length = snprintf(
        text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%u, %u), }",
        w->n, w->dim);
    memset(header, ' ', HEADER_BYTES);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    store_le16(header + 8, HEADER_BYTES - PREFIX_BYTES);
    memcpy(header + PREFIX_BYTES, text, (size_t)length);
    header[HEADER_BYTES - 1] = '\n';
}

bovw_status matrix_writer_open(const char *path, uint32_t dim, matrix_writer *w,
                               bovw_error *err)
{
    uint8_t header[HEADER_BYTES];
    matrix_writer made = {.dim = dim};
    bovw_status status = new_file_open(path, &made.file, err);
    if (status != BOVW_OK)
        return status;
    fill_header(&made, header);
    if (!made.file.temporary)
        status = fail(err, BOVW_ERR_ARG, "%s: vectors must be written to a file",
                      made.file.path);
    else
        status = new_file_write(&made.file, header, HEADER_BYTES, err);
    if (status != BOVW_OK) {
        new_file_abort(&made.file);
        return status;
    }
    *w = made;
    return BOVW_OK;
}

static bovw_status write_floats(matrix_writer *w, const float *values, size_t n,
                                bovw_error *err)
{
    uint8_t bytes[CHUNK * sizeof(float)];
    bovw_status status = BOVW_OK;
    for (size_t first = 0; status == BOVW_OK && first < n; first += CHUNK) {
        const size_t n_chunk = n - first < CHUNK ? n - first : CHUNK;
        for (size_t i = 0; i < n_chunk; i++)
            store_lefloat(bytes + i * sizeof(float), values[first + i]);
        status = new_file_write(&w->file, bytes, n_chunk * sizeof(float), err);
    }
    return status;
}

bovw_status matrix_writer_add(matrix_writer *w, const float *rows, uint32_t n,
                              size_t stride, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    if (n > UINT32_MAX - 1 - w->n)
        return fail(err, BOVW_ERR_LIMIT, "%s: more than 2^32 - 2 vectors", w->file.path);
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        status = write_floats(w, rows + i * stride, w->dim, err);
    if (status == BOVW_OK)
        w->n += n;
    return status;
}

bovw_status matrix_writer_commit(matrix_writer *w, bovw_error *err)
{
    uint8_t header[HEADER_BYTES];
    bovw_status status = BOVW_OK;
    if (w->n == 0)
        status = fail(err, BOVW_ERR_ARG, "%s: no vectors to write", w->file.path);
    else if (fseek(w->file.stream, 0, SEEK_SET) != 0)
        status = fail_errno(err, w->file.path, "cannot write");
    if (status == BOVW_OK) {
        fill_header(w, header);
        status = new_file_write(&w->file, header, HEADER_BYTES, err);
    }
    if (status == BOVW_OK)
        status = new_file_commit(&w->file, err);
    matrix_writer_abort(w);
    return status;
}

void matrix_writer_abort(matrix_writer *w)
{
    new_file_abort(&w->file);
    *w = (matrix_writer){0};
}
