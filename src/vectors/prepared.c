/* SPDX-License-Identifier: MIT */
#include "vectors/prepared.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "vectors/length.h"

enum {
    TILE_BYTES = 256 << 10
};

static size_t padded(size_t dim)
{
    return (dim + PRODUCT_LANES - 1) / PRODUCT_LANES * PRODUCT_LANES;
}

static product_function *compare_of(bovw_metric metric, const product_kernel *kernel)
{
    switch (metric) {
    case BOVW_METRIC_COSINE:
        return kernel->dots;
    case BOVW_METRIC_L1:
        return kernel->distances_l1;
    case BOVW_METRIC_INTERSECTION:
        return kernel->intersections;
    case BOVW_METRIC_EUCLIDEAN:
    case BOVW_METRIC_MAHALANOBIS:
    default:
        return kernel->distances_sq;
    }
}

static bovw_status learn_map(const bovw_vectors *db, const bovw_monitor *monitor,
                             prepared *p, bovw_error *err)
{
    if (p->opts->metric == BOVW_METRIC_MAHALANOBIS) {
        if (p->opts->whiten > 0)
            return fail(err, BOVW_ERR_ARG,
                        "whitened vectors are measured by cosine, euclidean or l1: "
                        "mahalanobis whitens already");
        return projection_mahalanobis(db, p->n_threads, monitor, &p->map, err);
    }
    if (p->opts->whiten > 0)
        return projection_pca(db, p->opts->whiten, 1, p->n_threads, monitor, &p->map, err);
    return BOVW_OK;
}

bovw_status prepared_learn(const bovw_vectors *db, const bovw_rank_options *opts,
                           const bovw_compute *compute, const bovw_monitor *monitor,
                           prepared *p, bovw_error *err)
{
    const product_kernel *kernel = product_kernel_find(compute ? compute->kernel : NULL);
    *p = (prepared){.opts = opts, .n_threads = parallel_threads(compute)};
    p->compare = compare_of(opts->metric, kernel);
    const bovw_status status = learn_map(db, monitor, p, err);
    if (status != BOVW_OK)
        return status;
    p->read_stride = padded(bovw_vectors_dim(db));
    p->stride = p->map.rows ? padded(p->map.n_out) : p->read_stride;
    const size_t n_mapping = p->map.rows ? (size_t)p->n_threads : 0;
    const size_t n_work = p->map.rows ? projection_work(&p->map) : 0;
    p->raw = mem_array(n_mapping * PROJECTION_BATCH, p->read_stride * sizeof *p->raw);
    p->work = mem_array(n_mapping, n_work * sizeof *p->work);
    return p->raw && p->work ? BOVW_OK : fail_memory(err, "search of vectors");
}

void prepared_free(prepared *p)
{
    projection_clear(&p->map);
    free(p->raw);
    free(p->work);
}

/* ---- reading -------------------------------------------------------------------- */

/* Vectors [first, first + n) as the file has them, or mapped, with the buffers of
 * thread t. */
static bovw_status read_share(const prepared *p, const matrix *m, int t, uint32_t first,
                              uint32_t n, float *to, bovw_error *err)
{
    if (!p->map.rows)
        return matrix_rows(m, first, n, to, p->stride, err);
    float *raw = p->raw + (size_t)t * PROJECTION_BATCH * p->read_stride;
    double *work = p->work + (size_t)t * projection_work(&p->map);
    for (uint32_t i = 0; i < n; i += PROJECTION_BATCH) {
        const uint32_t n_batch = n - i < PROJECTION_BATCH ? n - i : PROJECTION_BATCH;
        const bovw_status status =
            matrix_rows(m, first + i, n_batch, raw, p->read_stride, err);
        if (status != BOVW_OK)
            return status;
        projection_map(&p->map, raw, p->read_stride, n_batch, to + (size_t)i * p->stride,
                       p->stride, work);
    }
    return BOVW_OK;
}

bovw_status prepared_read(const prepared *p, const bovw_vectors *from, uint32_t first,
                          uint32_t n, float *to, bovw_error *err)
{
    const matrix *m = &from->matrix;
    const bool is_normalised = p->opts->metric == BOVW_METRIC_COSINE || p->opts->whiten > 0;
    const uint32_t share = (n + (uint32_t)p->n_threads - 1) / (uint32_t)p->n_threads;
    bool is_bad = false;

#pragma omp parallel for num_threads(p->n_threads) if (p->n_threads > 1)                   \
    reduction(||                                                                           \
              : is_bad)
    for (int t = 0; t < p->n_threads; t++) {
        const uint32_t begin = (uint32_t)t * share;
        const uint32_t end = n - begin > share ? begin + share : n;
        if (begin >= n)
            continue;
        float *rows = to + (size_t)begin * p->stride;
        if (read_share(p, m, t, first + begin, end - begin, rows, NULL) != BOVW_OK)
            is_bad = true;
        for (uint32_t i = 0; is_normalised && !is_bad && i < end - begin; i++)
            length_one(rows + (size_t)i * p->stride, p->stride);
    }
    matrix_done(m, first, n);
    return is_bad ? read_share(p, m, 0, first, n, to, err) : BOVW_OK;
}

/* ---- comparing ------------------------------------------------------------------ */

float prepared_score(const prepared *p, float product)
{
    switch (p->opts->metric) {
    case BOVW_METRIC_COSINE:
    case BOVW_METRIC_INTERSECTION:
        return product;
    case BOVW_METRIC_L1:
        return -product;
    case BOVW_METRIC_EUCLIDEAN:
    case BOVW_METRIC_MAHALANOBIS:
    default:
        return -sqrtf(product);
    }
}

uint32_t prepared_tile(const prepared *p, uint32_t most)
{
    const size_t n = TILE_BYTES / (p->stride * sizeof(float));
    return n < 1 ? 1 : n > most ? most : (uint32_t)n;
}

void prepared_offer(const prepared *p, const four *f, const float *rows, uint32_t first,
                    uint32_t n, uint32_t tile, float *products)
{
    for (uint32_t begin = 0; begin < n; begin += tile) {
        const uint32_t n_tile = n - begin < tile ? n - begin : tile;
        p->compare(f->queries, rows + (size_t)begin * p->stride, n_tile, p->stride,
                   products);
        for (uint32_t q = 0; q < f->n; q++) {
            scored *heap = f->heaps + (size_t)q * f->top;
            for (uint32_t i = 0; i < n_tile; i++)
                topk_offer(
                    heap, &f->n_found[q], f->top,
                    (scored){.score = prepared_score(p, products[i * PRODUCT_QUERIES + q]),
                             .id = first + begin + i});
        }
    }
}
