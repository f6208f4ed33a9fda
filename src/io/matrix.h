/* matrix.h - files of vectors of other programs: npy, fvecs, bvecs. */
#ifndef IO_MATRIX_H
#define IO_MATRIX_H

#include <stdbool.h>

#include "base/file.h"

enum {
    MATRIX_MAX_DIM = 1 << 20
};

/* Largest magnitude of a value: squares of differences, a million of them, still
 * fit a float. */
#define MATRIX_MAX_VALUE 1e15F

typedef enum element_type {
    ELEMENT_FLOAT16,
    ELEMENT_FLOAT32,
    ELEMENT_FLOAT64,
    ELEMENT_UINT8
} element_type;

/* A mapped matrix: immutable, shared by threads. */
typedef struct matrix {
    const char *path; /* borrowed */
    file_map map;
    uint32_t n, dim;
    element_type type;
    bool is_big_endian;
    bool is_columns;     /* Fortran order: element (i, j) is number j * n + i */
    bool has_row_header; /* fvecs, bvecs: each row begins with its dimension */
    size_t offset;       /* of the first element or row */
} matrix;

/*
 * npy (version 1 to 3; float16, float32, float64, either byte order, C or
 * Fortran order, two dimensions) by its first bytes; .fvecs and .bvecs by their
 * suffix. path is borrowed until close. BOVW_ERR_IO; BOVW_ERR_FORMAT where it is
 * none of these; BOVW_ERR_CORRUPT where header and size disagree; BOVW_ERR_LIMIT
 * beyond 2^32 - 2 rows or MATRIX_MAX_DIM.
 */
bovw_status matrix_open(const char *path, matrix *m, bovw_error *err);
void matrix_close(matrix *m); /* zeroes it; a zeroed one is fine */

/* Readers of one kind: fill everything but path and map. */
bovw_status matrix_read_npy(matrix *m, bovw_error *err);
bovw_status matrix_read_vecs(matrix *m, bool is_bytes, bovw_error *err);

/* Rows [first, first + n) as float, n > 0: row i at out + i * stride, stride >=
 * dim. BOVW_ERR_CORRUPT naming the row where a value is not finite or beyond
 * MATRIX_MAX_VALUE, or a row's own dimension is another. */
bovw_status matrix_rows(const matrix *m, uint32_t first, uint32_t n, float *out,
                        size_t stride, bovw_error *err);

/* Those rows will not be read again soon: their memory may go. */
void matrix_done(const matrix *m, uint32_t first, uint32_t n);

#endif
