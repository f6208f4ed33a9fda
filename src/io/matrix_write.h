/* matrix_write.h - npy files of float32, written row by row. */
#ifndef IO_MATRIX_WRITE_H
#define IO_MATRIX_WRITE_H

#include "base/file.h"

typedef struct matrix_writer {
    new_file file;
    uint32_t n, dim; /* rows so far */
} matrix_writer;

/* A file that appears whole, with as many rows as there are then. BOVW_ERR_ARG
 * for standard output, pipes and devices: the header is written last. */
bovw_status matrix_writer_open(const char *path, uint32_t dim, matrix_writer *w,
                               bovw_error *err);
/* rows (n, dim), each `stride` floats after the other. BOVW_ERR_IO; BOVW_ERR_LIMIT
 * beyond 2^32 - 2 rows. */
bovw_status matrix_writer_add(matrix_writer *w, const float *rows, uint32_t n,
                              size_t stride, bovw_error *err);
/* Frees, also on failure. BOVW_ERR_ARG where there are no rows. */
bovw_status matrix_writer_commit(matrix_writer *w, bovw_error *err);
/* Nothing appears. A zeroed one is fine. */
void matrix_writer_abort(matrix_writer *w);

#endif
