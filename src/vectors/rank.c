/* SPDX-License-Identifier: MIT
 *
 * A block of queries is held in memory while all blocks of the database pass by;
 * threads share the queries of a block, four at a time, and each query keeps its
 * best in a heap of its own. Whitened vectors are made on the way in, block by block.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/topk.h"
#include "vectors/length.h"
#include "vectors/products.h"
#include "vectors/projection.h"
#include "vectors/vectors.h"

enum {
    QUERY_BYTES = 64 << 20,   /* of a block of queries */
    RESULT_BYTES = 256 << 20, /* of its heaps */
    ROW_BYTES = 4 << 20,      /* of a block of the database */
    TILE_BYTES = 256 << 10,   /* rows that four queries pass over while in cache */
    FOUR = PRODUCT_QUERIES
};

typedef struct rank {
    const bovw_vectors *db, *queries;
    const bovw_rank_options *opts;
    const product_kernel *kernel;
    int n_threads;
    bovw_projection map;        /* of all zeros: none */
    size_t read_stride;         /* floats of a vector in a file, filled up with zeros */
    size_t stride;              /* of one that is compared: the same, or whitened */
    uint32_t top;               /* of each query, at most the database */
    uint32_t n_block, n_rows;   /* queries and rows of a block, at most */
    uint32_t n_tile;            /* rows of a tile */
    float *raw;                 /* (n_threads, PROJECTION_BATCH, read_stride) to whiten */
    double *work;               /* (n_threads, 2, PROJECTION_BATCH, read_stride) */
    float *block;               /* (n_block, stride) */
    float *rows;                /* (n_rows, stride) */
    float *products;            /* (n_threads, n_tile, 4) */
    scored *heaps;              /* (n_block, top) */
    size_t *n_found;            /* (n_block,) */
    bovw_neighbour *neighbours; /* (top,) */
} rank;

static const char *const metrics[] = {[BOVW_METRIC_COSINE] = "cosine",
                                      [BOVW_METRIC_EUCLIDEAN] = "euclidean",
                                      [BOVW_METRIC_MAHALANOBIS] = "mahalanobis",
                                      [BOVW_METRIC_L1] = "l1",
                                      [BOVW_METRIC_INTERSECTION] = "intersection"};

const char *bovw_metric_name(size_t i)
{
    return i < sizeof metrics / sizeof *metrics ? metrics[i] : NULL;
}

void bovw_rank_options_default(bovw_rank_options *opts)
{
    *opts = (bovw_rank_options){.metric = BOVW_METRIC_COSINE};
}

/* ---- memory --------------------------------------------------------------------- */

/* How many items of so many bytes fit, between least and most. */
static uint32_t fitting(size_t bytes, size_t item_bytes, uint32_t least, uint32_t most)
{
    const size_t n = bytes / item_bytes;
    return n < least ? least : n > most ? most : (uint32_t)n;
}

static uint32_t up_to_four(uint32_t n)
{
    return (n + FOUR - 1) / FOUR * FOUR;
}

static size_t padded(size_t dim)
{
    return (dim + PRODUCT_LANES - 1) / PRODUCT_LANES * PRODUCT_LANES;
}

/* Learn what the measure needs of the database. */
static bovw_status rank_learn(rank *r, const bovw_monitor *monitor, bovw_error *err)
{
    if (r->opts->metric == BOVW_METRIC_MAHALANOBIS) {
        if (r->opts->whiten > 0)
            return fail(err, BOVW_ERR_ARG,
                        "whitened vectors are measured by cosine, euclidean or l1: "
                        "mahalanobis whitens already");
        return projection_mahalanobis(r->db, r->n_threads, monitor, &r->map, err);
    }
    if (r->opts->whiten > 0)
        return projection_pca(r->db, r->opts->whiten, 1, r->n_threads, monitor, &r->map,
                              err);
    return BOVW_OK;
}

static bovw_status rank_new(rank *r, bovw_error *err)
{
    const uint32_t n_db = bovw_vectors_count(r->db), n = bovw_vectors_count(r->queries);
    r->read_stride = padded(bovw_vectors_dim(r->db));
    r->stride = r->map.rows ? padded(r->map.n_out) : r->read_stride;
    const size_t vector_bytes = r->stride * sizeof(float);
    r->top = r->opts->top == 0 || r->opts->top > n_db ? n_db : r->opts->top;
    const uint32_t n_queries = fitting(QUERY_BYTES, vector_bytes, 1, n < 1024 ? n : 1024);
    const uint32_t n_heaps = fitting(RESULT_BYTES, r->top * sizeof(scored), FOUR, 1024);
    r->n_block = up_to_four(n_queries < n_heaps ? n_queries : n_heaps);
    r->n_rows = fitting(ROW_BYTES, vector_bytes, 1, n_db);
    r->n_tile = fitting(TILE_BYTES, vector_bytes, 1, r->n_rows);

    const size_t n_batch = r->map.rows ? (size_t)r->n_threads * PROJECTION_BATCH : 0;
    r->raw = mem_array(n_batch, r->read_stride * sizeof *r->raw);
    r->work = mem_array(n_batch, 2 * r->read_stride * sizeof *r->work);
    r->block = mem_array(r->n_block, vector_bytes);
    r->rows = mem_array(r->n_rows, vector_bytes);
    r->products = mem_array((size_t)r->n_threads * r->n_tile, FOUR * sizeof *r->products);
    r->heaps = mem_array(r->n_block, r->top * sizeof *r->heaps);
    r->n_found = mem_array(r->n_block, sizeof *r->n_found);
    r->neighbours = mem_array(r->top, sizeof *r->neighbours);
    if (!r->raw || !r->work || !r->block || !r->rows || !r->products || !r->heaps ||
        !r->n_found || !r->neighbours)
        return fail_memory(err, "search of vectors");
    return BOVW_OK;
}

static void rank_free(rank *r)
{
    projection_clear(&r->map);
    free(r->raw);
    free(r->work);
    free(r->block);
    free(r->rows);
    free(r->products);
    free(r->heaps);
    free(r->n_found);
    free(r->neighbours);
}

/* ---- reading -------------------------------------------------------------------- */

/* Vectors [first, first + n) as the file has them, or whitened, with the buffers
 * of thread t. */
static bovw_status read_share(const rank *r, const matrix *m, int t, uint32_t first,
                              uint32_t n, float *to, bovw_error *err)
{
    if (!r->map.rows)
        return matrix_rows(m, first, n, to, r->stride, err);
    float *raw = r->raw + (size_t)t * PROJECTION_BATCH * r->read_stride;
    double *work = r->work + (size_t)t * 2 * PROJECTION_BATCH * r->read_stride;
    for (uint32_t i = 0; i < n; i += PROJECTION_BATCH) {
        const uint32_t n_batch = n - i < PROJECTION_BATCH ? n - i : PROJECTION_BATCH;
        const bovw_status status =
            matrix_rows(m, first + i, n_batch, raw, r->read_stride, err);
        if (status != BOVW_OK)
            return status;
        projection_map(&r->map, raw, r->read_stride, n_batch, to + (size_t)i * r->stride,
                       r->stride, work);
    }
    return BOVW_OK;
}

/* Vectors [first, first + n) into `to` (n, stride), in parallel; of several bad
 * ones the first is told. */
static bovw_status read_vectors(const rank *r, const bovw_vectors *from, uint32_t first,
                                uint32_t n, float *to, bovw_error *err)
{
    const matrix *m = &from->matrix;
    const bool is_normalised = r->opts->metric == BOVW_METRIC_COSINE || r->opts->whiten > 0;
    const uint32_t share = (n + (uint32_t)r->n_threads - 1) / (uint32_t)r->n_threads;
    bool is_bad = false;

#pragma omp parallel for num_threads(r->n_threads) if (r->n_threads > 1)                   \
    reduction(||                                                                           \
              : is_bad)
    for (int t = 0; t < r->n_threads; t++) {
        const uint32_t begin = (uint32_t)t * share;
        const uint32_t end = begin + share < n ? begin + share : n;
        if (begin >= end)
            continue;
        float *rows = to + (size_t)begin * r->stride;
        if (read_share(r, m, t, first + begin, end - begin, rows, NULL) != BOVW_OK)
            is_bad = true;
        for (uint32_t i = 0; is_normalised && !is_bad && i < end - begin; i++)
            length_one(rows + (size_t)i * r->stride, r->stride);
    }
    matrix_done(m, first, n);
    return is_bad ? read_share(r, m, 0, first, n, to, err) : BOVW_OK;
}

/* ---- searching -------------------------------------------------------------------- */

static product_function *compare_of(const rank *r)
{
    switch (r->opts->metric) {
    case BOVW_METRIC_COSINE:
        return r->kernel->dots;
    case BOVW_METRIC_L1:
        return r->kernel->distances_l1;
    case BOVW_METRIC_INTERSECTION:
        return r->kernel->intersections;
    case BOVW_METRIC_EUCLIDEAN:
    case BOVW_METRIC_MAHALANOBIS:
    default:
        return r->kernel->distances_sq;
    }
}

static float score_of(const rank *r, float product)
{
    switch (r->opts->metric) {
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

/* Four queries of the block from `query` on against rows (n,) of the database
 * from `first` on. n_queries are in the block, the others are zeros. */
static void search_four(rank *r, uint32_t query, uint32_t n_queries, uint32_t first,
                        uint32_t n)
{
    float *products = r->products + (size_t)parallel_thread() * r->n_tile * FOUR;
    product_function *compare = compare_of(r);
    const uint32_t n_four = n_queries - query < FOUR ? n_queries - query : FOUR;
    for (uint32_t begin = 0; begin < n; begin += r->n_tile) {
        const uint32_t n_tile = n - begin < r->n_tile ? n - begin : r->n_tile;
        compare(r->block + (size_t)query * r->stride, r->rows + (size_t)begin * r->stride,
                n_tile, r->stride, products);
        for (uint32_t q = 0; q < n_four; q++) {
            scored *heap = r->heaps + (size_t)(query + q) * r->top;
            for (uint32_t i = 0; i < n_tile; i++)
                topk_offer(heap, &r->n_found[query + q], r->top,
                           (scored){.score = score_of(r, products[i * FOUR + q]),
                                    .id = first + begin + i});
        }
    }
}

static bovw_status search_block(rank *r, uint32_t first_query, uint32_t n_queries,
                                const bovw_monitor *monitor, bovw_error *err)
{
    const uint32_t n_db = bovw_vectors_count(r->db);
    const uint64_t total = (uint64_t)n_db * bovw_vectors_count(r->queries);
    for (uint32_t first = 0; first < n_db; first += r->n_rows) {
        const uint32_t n = n_db - first < r->n_rows ? n_db - first : r->n_rows;
        const uint64_t done = (uint64_t)first_query * n_db + (uint64_t)n_queries * first;
        if (monitor && monitor->progress &&
            !monitor->progress(monitor->context, "comparing", done, total))
            return fail(err, BOVW_ERR_CANCELLED, "stopped");
        const bovw_status status = read_vectors(r, r->db, first, n, r->rows, err);
        if (status != BOVW_OK)
            return status;
#pragma omp parallel for schedule(dynamic) num_threads(r->n_threads) if (r->n_threads > 1)
        for (uint32_t q = 0; q < n_queries; q += FOUR)
            search_four(r, q, n_queries, first, n);
    }
    return BOVW_OK;
}

static bovw_status hand_over(rank *r, uint32_t first_query, uint32_t n_queries,
                             bovw_neighbour_consumer *consume, void *context,
                             bovw_error *err)
{
    for (uint32_t q = 0; q < n_queries; q++) {
        scored *heap = r->heaps + (size_t)q * r->top;
        topk_sort(heap, r->n_found[q]);
        for (size_t i = 0; i < r->n_found[q]; i++)
            r->neighbours[i] = (bovw_neighbour){heap[i].id, heap[i].score};
        const bovw_status status =
            consume(context, first_query + q, r->neighbours, (uint32_t)r->n_found[q], err);
        if (status != BOVW_OK)
            return status;
    }
    return BOVW_OK;
}

bovw_status bovw_vectors_rank(const bovw_vectors *db, const bovw_vectors *queries,
                              const bovw_rank_options *opts, const bovw_compute *compute,
                              const bovw_monitor *monitor, bovw_neighbour_consumer *consume,
                              void *context, bovw_error *err)
{
    rank r = {.db = db,
              .queries = queries,
              .opts = opts,
              .kernel = product_kernel_find(compute ? compute->kernel : NULL),
              .n_threads = parallel_threads(compute)};
    if (bovw_vectors_dim(db) != bovw_vectors_dim(queries))
        return fail(err, BOVW_ERR_MISMATCH, "%s has %u dimensions, %s has %u", db->path,
                    bovw_vectors_dim(db), queries->path, bovw_vectors_dim(queries));
    bovw_status status = rank_learn(&r, monitor, err);
    if (status == BOVW_OK)
        status = rank_new(&r, err);
    const uint32_t n = bovw_vectors_count(queries);
    for (uint32_t first = 0; status == BOVW_OK && first < n; first += r.n_block) {
        const uint32_t n_queries = n - first < r.n_block ? n - first : r.n_block;
        memset(r.block, 0, (size_t)r.n_block * r.stride * sizeof *r.block);
        memset(r.n_found, 0, r.n_block * sizeof *r.n_found);
        status = read_vectors(&r, queries, first, n_queries, r.block, err);
        if (status == BOVW_OK)
            status = search_block(&r, first, n_queries, monitor, err);
        if (status == BOVW_OK)
            status = hand_over(&r, first, n_queries, consume, context, err);
    }
    rank_free(&r);
    return status;
}
