/* SPDX-License-Identifier: MIT
 *
 * Queries whose nearest vectors are found exactly: half to choose by, half held out to
 * measure what was chosen. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "vectors/lsh.h"

enum {
    SAMPLE = 512,          /* queries, both halves together */
    FEW = 64,              /* queries: the database is sampled instead */
    NEAREST = 10,          /* where the number of results is not bounded */
    MAX_TRUTHS = 64 * 1024 /* of all queries, for fewer queries where many are asked */
};

void lsh_sample_free(lsh_sample *sample)
{
    free(sample->queries);
    free(sample->own);
    free(sample->nearest);
}

static bool sample_new(lsh_sample *sample, uint32_t n, size_t stride)
{
    const size_t n_rows =
        ((size_t)n + PRODUCT_QUERIES - 1) / PRODUCT_QUERIES * PRODUCT_QUERIES;
    sample->n = n;
    sample->queries = mem_array(n_rows, stride * sizeof *sample->queries);
    sample->own = mem_array(n, sizeof *sample->own);
    return sample->queries && sample->own;
}

/* ---- drawing -------------------------------------------------------------------- */

/* Query `number` of the file, or of the database that is in memory. */
static bovw_status take(const bovw_lsh *lsh, const bovw_vectors *from, uint32_t number,
                        lsh_sample *sample, uint32_t at, bovw_error *err)
{
    const size_t stride = lsh->prepared.stride;
    float *to = sample->queries + at * stride;
    sample->own[at] = from == lsh->db ? number : UINT32_MAX;
    if (from != lsh->db)
        return prepared_read(&lsh->prepared, from, number, 1, to, err);
    memcpy(to, lsh->rows + number * stride, stride * sizeof *to);
    return BOVW_OK;
}

/* n of n_all numbers, each set of them as likely, one after the other to each half. */
static bovw_status draw(bovw_lsh *lsh, const bovw_vectors *from, uint32_t n,
                        bovw_error *err)
{
    const uint32_t n_all = bovw_vectors_count(from);
    uint64_t random = random_mix(lsh->facts.chosen.seed ^ 0x73616d706c65);
    uint32_t taken = 0;
    for (uint32_t i = 0; taken < n; i++) {
        if (random_below(&random, n_all - i) >= n - taken)
            continue;
        lsh_sample *half = taken % 2 ? &lsh->held_out : &lsh->planning;
        const bovw_status status = take(lsh, from, i, half, taken / 2, err);
        if (status != BOVW_OK)
            return status;
        taken++;
    }
    return BOVW_OK;
}

/* ---- the nearest, exactly -------------------------------------------------------- */

/* Without the query's own vector. */
static void keep_nearest(lsh_sample *sample, uint32_t q, const scored *heap, size_t n)
{
    uint32_t *to = sample->nearest + (size_t)q * sample->n_nearest;
    uint32_t kept = 0;
    for (size_t i = 0; i < n && kept < sample->n_nearest; i++) {
        if (heap[i].id != sample->own[q])
            to[kept++] = heap[i].id;
    }
}

static void search_four(const bovw_lsh *lsh, lsh_sample *sample, uint32_t q, scored *heaps,
                        size_t *n_found, float *products, uint32_t tile)
{
    const uint32_t left = sample->n - q;
    const four f = {.queries = sample->queries + q * lsh->prepared.stride,
                    .n = left < PRODUCT_QUERIES ? left : PRODUCT_QUERIES,
                    .top = sample->n_nearest + 1,
                    .heaps = heaps + (size_t)q * (sample->n_nearest + 1),
                    .n_found = n_found + q};
    prepared_offer(&lsh->prepared, &f, lsh->rows, 0, lsh->n, tile, products);
    for (uint32_t k = 0; k < f.n; k++) {
        scored *heap = f.heaps + (size_t)k * f.top;
        topk_sort(heap, f.n_found[k]);
        keep_nearest(sample, q + k, heap, f.n_found[k]);
    }
}

bovw_status lsh_sample_search(const bovw_lsh *lsh, lsh_sample *sample, bovw_error *err)
{
    const int n_threads = lsh->prepared.n_threads;
    const uint32_t tile = prepared_tile(&lsh->prepared, lsh->n);
    scored *heaps = mem_array(sample->n, (sample->n_nearest + 1) * sizeof *heaps);
    size_t *n_found = mem_array(sample->n, sizeof *n_found);
    float *products =
        mem_array((size_t)n_threads * tile * PRODUCT_QUERIES, sizeof *products);
    sample->nearest = mem_array(sample->n, sample->n_nearest * sizeof *sample->nearest);
    const bool is_made = heaps && n_found && products && sample->nearest;
    if (is_made) {
        const double start = clock_seconds();
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
        for (uint32_t q = 0; q < sample->n; q += PRODUCT_QUERIES)
            search_four(lsh, sample, q, heaps, n_found,
                        products + (size_t)parallel_thread() * tile * PRODUCT_QUERIES,
                        tile);
        sample->seconds = clock_seconds() - start;
    }
    free(heaps);
    free(n_found);
    free(products);
    return is_made ? BOVW_OK : fail_memory(err, "sample");
}

bovw_status lsh_sample_draw(bovw_lsh *lsh, const bovw_vectors *queries, bovw_error *err)
{
    const uint32_t top = lsh->prepared.opts->top;
    uint32_t n_nearest = top == 0 ? NEAREST : top < LSH_MAX_NEAREST ? top : LSH_MAX_NEAREST;
    if (n_nearest >= lsh->n)
        n_nearest = lsh->n - 1;
    const bovw_vectors *from = bovw_vectors_count(queries) < FEW ? lsh->db : queries;
    uint32_t n = SAMPLE;
    if (n_nearest > 0 && n > MAX_TRUTHS / n_nearest)
        n = MAX_TRUTHS / n_nearest;
    if (n > bovw_vectors_count(from))
        n = bovw_vectors_count(from);
    lsh->facts.n_nearest = n_nearest;
    lsh->planning.n_nearest = lsh->held_out.n_nearest = n_nearest;
    if (n_nearest == 0)
        return BOVW_OK; /* nothing to learn from */
    if (!sample_new(&lsh->planning, (n + 1) / 2, lsh->prepared.stride) ||
        !sample_new(&lsh->held_out, n / 2, lsh->prepared.stride))
        return fail_memory(err, "sample");
    return draw(lsh, from, n, err);
}
