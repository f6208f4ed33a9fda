/* SPDX-License-Identifier: MIT */
#include "vectors/projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "io/matrix_write.h"
#include "vectors/length.h"

enum {
    BATCH = PROJECTION_BATCH,
    APPLY_ROWS = 256 /* vectors of a block */
};

bovw_status projection_new(uint32_t dim, uint32_t n_out, uint32_t n_rows,
                           bovw_projection *p, bovw_error *err)
{
    bovw_projection made = {.dim = dim, .n_out = n_out, .stride = projection_stride(dim)};
    made.mean = mem_array(made.stride, sizeof *made.mean);
    made.rows = mem_array(n_rows, made.stride * sizeof *made.rows);
    if (!made.mean || !made.rows) {
        projection_clear(&made);
        return fail_memory(err, "linear map");
    }
    *p = made;
    return BOVW_OK;
}

void projection_clear(bovw_projection *p)
{
    free(p->mean);
    free(p->rows);
    free(p->summary);
    *p = (bovw_projection){0};
}

void bovw_projection_free(bovw_projection *projection)
{
    if (!projection)
        return;
    projection_clear(projection);
    free(projection);
}

uint32_t bovw_projection_dim(const bovw_projection *projection)
{
    return projection->dim;
}

uint32_t bovw_projection_n_out(const bovw_projection *projection)
{
    return projection->n_out;
}

const char *bovw_projection_summary(const bovw_projection *projection)
{
    return projection->summary ? projection->summary : "";
}

/* ---- mapping ------------------------------------------------------------------------ */

size_t projection_work(const bovw_projection *p)
{
    return 2 * BATCH * (p->stride > p->n_out ? p->stride : p->n_out);
}

/* to (BATCH,) = sum over j < n of row[j] * columns (n, BATCH)[j]. */
static void combine(const double *row, const double *columns, size_t n, double *to)
{
    double sums[BATCH] = {0};
    for (size_t j = 0; j < n; j++) {
        for (int v = 0; v < BATCH; v++)
            sums[v] += row[j] * columns[j * BATCH + v];
    }
    memcpy(to, sums, sizeof sums);
}

/* What a vector is multiplied with to have length 1; 1 where that is not wanted,
 * and for a vector of zeros. */
static double unit_scale(const bovw_projection *p, const float *x)
{
    double square = 0;
    for (size_t j = 0; p->is_unit && j < p->dim; j++)
        square += (double)x[j] * (double)x[j];
    return square > 0 ? 1 / sqrt(square) : 1;
}

void projection_map(const bovw_projection *p, const float *x, size_t stride_x, uint32_t n,
                    float *y, size_t stride_y, double *work)
{
    double *in = work; /* (stride, BATCH), as is `out` */
    double *out = work + projection_work(p) / 2;
    for (uint32_t v = 0; v < BATCH; v++) {
        const double scale = v < n ? unit_scale(p, x + v * stride_x) : 0;
        for (size_t j = 0; j < p->dim; j++)
            in[j * BATCH + v] =
                v < n ? (double)x[v * stride_x + j] * scale - p->mean[j] : 0;
    }
    for (size_t i = 0; i < p->n_out; i++) {
        const double *row = p->rows + i * p->stride;
        double *to = out + i * BATCH;
        combine(row, p->is_triangle ? out : in, p->is_triangle ? i : p->dim, to);
        for (int v = 0; p->is_triangle && v < BATCH; v++)
            to[v] = (in[i * BATCH + v] - to[v]) / row[i];
        for (uint32_t v = 0; v < n; v++)
            y[v * stride_y + i] = (float)to[v];
    }
}

/* ---- a whole file -------------------------------------------------------------------- */

typedef struct application {
    const bovw_projection *p;
    bool is_raw;
    int n_threads;
    float *in, *out; /* (APPLY_ROWS, dim), (APPLY_ROWS, n_out) */
    double *work;    /* (n_threads, projection_work()) */
    matrix_writer writer;
} application;

static void map_block(const application *a, uint32_t n)
{
    const uint32_t dim = a->p->dim, n_out = a->p->n_out;
#pragma omp parallel for schedule(dynamic) num_threads(a->n_threads) if (a->n_threads > 1)
    for (uint32_t first = 0; first < n; first += BATCH) {
        const uint32_t n_batch = n - first < BATCH ? n - first : BATCH;
        double *work = a->work + (size_t)parallel_thread() * projection_work(a->p);
        float *to = a->out + (size_t)first * n_out;
        projection_map(a->p, a->in + (size_t)first * dim, dim, n_batch, to, n_out, work);
        for (uint32_t v = 0; !a->is_raw && v < n_batch; v++)
            length_one(to + (size_t)v * n_out, n_out);
    }
}

/* What is written can be read again. */
static bovw_status check_mapped(const application *a, uint32_t first, uint32_t n,
                                const bovw_vectors *vectors, bovw_error *err)
{
    for (size_t i = 0; i < (size_t)n * a->p->n_out; i++) {
        if (!(fabsf(a->out[i]) <= MATRIX_MAX_VALUE))
            return fail(err, BOVW_ERR_MISMATCH,
                        "%s: row %zu: becomes too large by this metric", vectors->path,
                        first + i / a->p->n_out);
    }
    return BOVW_OK;
}

static bovw_status map_all(application *a, const bovw_vectors *vectors,
                           const bovw_monitor *monitor, bovw_error *err)
{
    const uint32_t n_all = bovw_vectors_count(vectors);
    bovw_status status = BOVW_OK;
    for (uint32_t first = 0; status == BOVW_OK && first < n_all; first += APPLY_ROWS) {
        const uint32_t n = n_all - first < APPLY_ROWS ? n_all - first : APPLY_ROWS;
        status = monitor_progress(monitor, "mapping", first, n_all, err);
        if (status == BOVW_OK)
            status = matrix_rows(&vectors->matrix, first, n, a->in, a->p->dim, err);
        if (status != BOVW_OK)
            return status;
        matrix_done(&vectors->matrix, first, n);
        map_block(a, n);
        status = check_mapped(a, first, n, vectors, err);
        if (status == BOVW_OK)
            status = matrix_writer_add(&a->writer, a->out, n, a->p->n_out, err);
    }
    return status;
}

bovw_status bovw_projection_apply(const bovw_projection *projection,
                                  const bovw_vectors *vectors, const char *path,
                                  bool is_raw, const bovw_compute *compute,
                                  const bovw_monitor *monitor, bovw_error *err)
{
    application a = {
        .p = projection, .is_raw = is_raw, .n_threads = parallel_threads(compute)};
    if (bovw_vectors_dim(vectors) != projection->dim)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s has %u dimensions, the metric was learned on %u", vectors->path,
                    bovw_vectors_dim(vectors), projection->dim);
    a.in = mem_array((size_t)APPLY_ROWS * projection->dim, sizeof *a.in);
    a.out = mem_array((size_t)APPLY_ROWS * projection->n_out, sizeof *a.out);
    a.work = mem_array((size_t)a.n_threads, projection_work(projection) * sizeof *a.work);
    bovw_status status = a.in && a.out && a.work ? BOVW_OK : fail_memory(err, "mapping");
    if (status == BOVW_OK)
        status = matrix_writer_open(path, projection->n_out, &a.writer, err);
    if (status == BOVW_OK)
        status = map_all(&a, vectors, monitor, err);
    if (status == BOVW_OK)
        status = matrix_writer_commit(&a.writer, err);
    matrix_writer_abort(&a.writer);
    free(a.in);
    free(a.out);
    free(a.work);
    return status;
}
