/* SPDX-License-Identifier: MIT
 *
 * A block of queries is held in memory while all blocks of the database pass by;
 * threads share the queries of a block, four at a time, and each query keeps its
 * best in a heap of its own. Whitened vectors are made on the way in, block by block.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "vectors/prepared.h"

enum {
    QUERY_BYTES = 64 << 20,   /* of a block of queries */
    RESULT_BYTES = 256 << 20, /* of its heaps */
    ROW_BYTES = 4 << 20,      /* of a block of the database */
    FOUR = PRODUCT_QUERIES
};

typedef struct rank {
    const bovw_vectors *db, *queries;
    prepared prepared;
    uint32_t top;               /* of each query, at most the database */
    uint32_t n_block, n_rows;   /* queries and rows of a block, at most */
    uint32_t n_tile;            /* rows of a tile */
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

static bovw_status rank_new(rank *r, bovw_error *err)
{
    const uint32_t n_db = bovw_vectors_count(r->db), n = bovw_vectors_count(r->queries);
    const size_t vector_bytes = r->prepared.stride * sizeof(float);
    const uint32_t top = r->prepared.opts->top;
    r->top = top == 0 || top > n_db ? n_db : top;
    const uint32_t n_queries = fitting(QUERY_BYTES, vector_bytes, 1, n < 1024 ? n : 1024);
    const uint32_t n_heaps = fitting(RESULT_BYTES, r->top * sizeof(scored), FOUR, 1024);
    r->n_block = up_to_four(n_queries < n_heaps ? n_queries : n_heaps);
    r->n_rows = fitting(ROW_BYTES, vector_bytes, 1, n_db);
    r->n_tile = prepared_tile(&r->prepared, r->n_rows);

    r->block = mem_array(r->n_block, vector_bytes);
    r->rows = mem_array(r->n_rows, vector_bytes);
    r->products =
        mem_array((size_t)r->prepared.n_threads * r->n_tile, FOUR * sizeof *r->products);
    r->heaps = mem_array(r->n_block, r->top * sizeof *r->heaps);
    r->n_found = mem_array(r->n_block, sizeof *r->n_found);
    r->neighbours = mem_array(r->top, sizeof *r->neighbours);
    if (!r->block || !r->rows || !r->products || !r->heaps || !r->n_found || !r->neighbours)
        return fail_memory(err, "search of vectors");
    return BOVW_OK;
}

static void rank_free(rank *r)
{
    prepared_free(&r->prepared);
    free(r->block);
    free(r->rows);
    free(r->products);
    free(r->heaps);
    free(r->n_found);
    free(r->neighbours);
}

/* ---- searching -------------------------------------------------------------------- */

/* Four queries of the block from `query` on against rows (n,) of the database
 * from `first` on. n_queries are in the block, the others are zeros. */
static void search_four(rank *r, uint32_t query, uint32_t n_queries, uint32_t first,
                        uint32_t n)
{
    const four f = {.queries = r->block + (size_t)query * r->prepared.stride,
                    .n = n_queries - query < FOUR ? n_queries - query : FOUR,
                    .top = r->top,
                    .heaps = r->heaps + (size_t)query * r->top,
                    .n_found = r->n_found + query};
    prepared_offer(&r->prepared, &f, r->rows, first, n, r->n_tile,
                   r->products + (size_t)parallel_thread() * r->n_tile * FOUR);
}

static bovw_status search_block(rank *r, uint32_t first_query, uint32_t n_queries,
                                const bovw_monitor *monitor, bovw_error *err)
{
    const uint32_t n_db = bovw_vectors_count(r->db);
    const uint64_t total = (uint64_t)n_db * bovw_vectors_count(r->queries);
    for (uint32_t first = 0; first < n_db; first += r->n_rows) {
        const uint32_t n = n_db - first < r->n_rows ? n_db - first : r->n_rows;
        const uint64_t done = (uint64_t)first_query * n_db + (uint64_t)n_queries * first;
        bovw_status status = monitor_progress(monitor, "comparing", done, total, err);
        if (status == BOVW_OK)
            status = prepared_read(&r->prepared, r->db, first, n, r->rows, err);
        if (status != BOVW_OK)
            return status;
#pragma omp parallel for schedule(dynamic)                                                 \
    num_threads(r->prepared.n_threads) if (r->prepared.n_threads > 1)
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
    rank r = {.db = db, .queries = queries};
    if (bovw_vectors_dim(db) != bovw_vectors_dim(queries))
        return fail(err, BOVW_ERR_MISMATCH, "%s has %u dimensions, %s has %u", db->path,
                    bovw_vectors_dim(db), queries->path, bovw_vectors_dim(queries));
    bovw_status status = prepared_learn(db, opts, compute, monitor, &r.prepared, err);
    if (status == BOVW_OK)
        status = rank_new(&r, err);
    const uint32_t n = bovw_vectors_count(queries);
    for (uint32_t first = 0; status == BOVW_OK && first < n; first += r.n_block) {
        const uint32_t n_queries = n - first < r.n_block ? n - first : r.n_block;
        memset(r.block, 0, (size_t)r.n_block * r.prepared.stride * sizeof *r.block);
        memset(r.n_found, 0, r.n_block * sizeof *r.n_found);
        status = prepared_read(&r.prepared, queries, first, n_queries, r.block, err);
        if (status == BOVW_OK)
            status = search_block(&r, first, n_queries, monitor, err);
        if (status == BOVW_OK)
            status = hand_over(&r, first, n_queries, consume, context, err);
    }
    rank_free(&r);
    return status;
}
