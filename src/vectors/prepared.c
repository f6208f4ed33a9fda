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

static bovw_status learn_map(const bovw_vectors *db, const bovw_monitor *monitor,
                             prepared *p, bovw_error *err)
{
    if (p->opts->metric == BOVW_METRIC_MAHALANOBIS) {
        if (p->opts->whiten > 0)
            return fail(err, BOVW_ERR_ARG,
                        "whitened vectors are measured by cosine or "
                        "euclidean: mahalanobis whitens already");
        return whitening_mahalanobis(db, p->n_threads, monitor, &p->whitening, err);
    }
    if (p->opts->whiten > 0)
        return whitening_pca(db, p->opts->whiten, p->n_threads, monitor, &p->whitening,
                             err);
    return BOVW_OK;
}

bovw_status prepared_learn(const bovw_vectors *db, const bovw_rank_options *opts,
                           const bovw_compute *compute, const bovw_monitor *monitor,
                           prepared *p, bovw_error *err)
{
    const product_kernel *kernel = product_kernel_find(compute ? compute->kernel : NULL);
    *p = (prepared){.opts = opts, .n_threads = parallel_threads(compute)};
    p->compare = opts->metric == BOVW_METRIC_COSINE ? kernel->dots : kernel->distances_sq;
    const bovw_status status = learn_map(db, monitor, p, err);
    if (status != BOVW_OK)
        return status;
    p->read_stride = padded(bovw_vectors_dim(db));
    p->stride = p->whitening.rows ? padded(p->whitening.n_out) : p->read_stride;
    const size_t n_batch = p->whitening.rows ? (size_t)p->n_threads * WHITEN_BATCH : 0;
    p->raw = mem_array(n_batch, p->read_stride * sizeof *p->raw);
    p->work = mem_array(n_batch, 2 * p->read_stride * sizeof *p->work);
    return p->raw && p->work ? BOVW_OK : fail_memory(err, "search of vectors");
}

void prepared_free(prepared *p)
{
    whitening_free(&p->whitening);
    free(p->raw);
    free(p->work);
}

/* ---- reading -------------------------------------------------------------------- */

/* Vectors [first, first + n) as the file has them, or mapped, with the buffers of
 * thread t. */
static bovw_status read_share(const prepared *p, const matrix *m, int t, uint32_t first,
                              uint32_t n, float *to, bovw_error *err)
{
    if (!p->whitening.rows)
        return matrix_rows(m, first, n, to, p->stride, err);
    float *raw = p->raw + (size_t)t * WHITEN_BATCH * p->read_stride;
    double *work = p->work + (size_t)t * 2 * WHITEN_BATCH * p->read_stride;
    for (uint32_t i = 0; i < n; i += WHITEN_BATCH) {
        const uint32_t n_batch = n - i < WHITEN_BATCH ? n - i : WHITEN_BATCH;
        const bovw_status status =
            matrix_rows(m, first + i, n_batch, raw, p->read_stride, err);
        if (status != BOVW_OK)
            return status;
        whitening_map(&p->whitening, raw, p->read_stride, n_batch,
                      to + (size_t)i * p->stride, p->stride, work);
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
    return p->opts->metric == BOVW_METRIC_COSINE ? product : -sqrtf(product);
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
