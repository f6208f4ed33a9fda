/* SPDX-License-Identifier: MIT
 *
 * The vectors lie in memory as their measure compares them. Threads share the tables
 * while they are filled, and the queries, four at a time, while they are searched. */
#include "vectors/lsh.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"

enum {
    QUERY_BYTES = 64 << 20,   /* of a block of queries */
    RESULT_BYTES = 256 << 20, /* of its heaps */
    READ_ROWS = 16384,        /* between two reports */
    CENTRE_ROWS = 65536,      /* that the mean is of, evenly spaced */
    AHEAD = 16,               /* candidates that memory is asked for in time */
    FETCHED = 512, /* values of a candidate, at most; the rest follows by itself */
    MANY = 256,    /* one in so many vectors */
    FOUR = PRODUCT_QUERIES
};

static const char out_of_memory[] = "hashed search";

void bovw_lsh_options_default(bovw_lsh_options *opts)
{
    *opts = (bovw_lsh_options){.recall = 0.9, .directory = BOVW_DIRECTORY_LSI, .seed = 1};
    bovw_lsi_options_default(&opts->lsi);
    opts->lsi.fingerprint_bits = 4;
}

static size_t up_to_four(size_t n)
{
    return (n + FOUR - 1) / FOUR * FOUR;
}

/* ---- the vectors ---------------------------------------------------------------- */

static bovw_status read_all(bovw_lsh *lsh, const bovw_monitor *monitor, bovw_error *err)
{
    const size_t stride = lsh->prepared.stride;
    lsh->rows = mem_large_array(up_to_four(lsh->n), stride * sizeof *lsh->rows);
    if (!lsh->rows)
        return fail_memory(err, out_of_memory);
    for (uint32_t first = 0; first < lsh->n; first += READ_ROWS) {
        const uint32_t n = lsh->n - first < READ_ROWS ? lsh->n - first : READ_ROWS;
        bovw_status status =
            monitor_progress(monitor, "reading vectors", first, lsh->n, err);
        if (status == BOVW_OK)
            status = prepared_read(&lsh->prepared, lsh->db, first, n,
                                   lsh->rows + first * stride, err);
        if (status != BOVW_OK)
            return status;
    }
    lsh->facts.vector_bytes = (size_t)lsh->n * stride * sizeof *lsh->rows;
    return BOVW_OK;
}

static bovw_status find_centre(bovw_lsh *lsh, bovw_error *err)
{
    const size_t stride = lsh->prepared.stride;
    const uint32_t n = lsh->n < CENTRE_ROWS ? lsh->n : CENTRE_ROWS;
    double *sums = mem_array(stride, sizeof *sums);
    lsh->centre = mem_array(stride, sizeof *lsh->centre);
    const bool is_made = sums && lsh->centre;
    for (uint32_t i = 0; is_made && i < n; i++) {
        const float *row = lsh->rows + (uint64_t)i * lsh->n / n * stride;
        for (size_t d = 0; d < stride; d++)
            sums[d] += (double)row[d];
    }
    for (size_t d = 0; is_made && d < stride; d++)
        lsh->centre[d] = (float)(sums[d] / n);
    free(sums);
    return is_made ? BOVW_OK : fail_memory(err, out_of_memory);
}

/* ---- the tables ----------------------------------------------------------------- */

static bovw_status fill_table(bovw_lsh *lsh, uint32_t t, bovw_error *err)
{
    const bovw_lsh_options *chosen = &lsh->facts.chosen;
    const hashes *h = &lsh->hashes;
    const size_t stride = h->stride;
    const float *rows = h->rows + (size_t)t * h->n_hashes * stride;
    uint64_t *codes = mem_array(up_to_four(lsh->n), sizeof *codes);
    float *products = mem_array((size_t)h->n_hashes * FOUR, sizeof *products);
    bovw_status status = BOVW_OK;
    if (!codes || !products)
        status = fail_memory(err, out_of_memory);
    for (size_t i = 0; status == BOVW_OK && i < lsh->n; i += FOUR) {
        lsh->kernel->dots(lsh->rows + i * stride, rows, h->n_hashes, stride, products);
        for (size_t q = 0; q < FOUR; q++)
            codes[i + q] = hashes_code(h, t, products + q, FOUR);
    }
    if (status == BOVW_OK)
        status = directory_new(chosen->directory, codes, lsh->n, hashes_bits(h),
                               &chosen->lsi, &lsh->tables[t], err);
    free(codes);
    free(products);
    return status;
}

/* Tables [first, first + n), each by a thread. */
static bovw_status fill_some(bovw_lsh *lsh, uint32_t first, uint32_t n, bovw_error *err)
{
    bool is_bad = false;
#pragma omp parallel for schedule(dynamic) num_threads(lsh->prepared.n_threads) if (n > 1) \
    reduction(||                                                                           \
              : is_bad)
    for (uint32_t t = first; t < first + n; t++)
        is_bad = is_bad || fill_table(lsh, t, NULL) != BOVW_OK;
    return is_bad ? fail_memory(err, out_of_memory) : BOVW_OK;
}

static bovw_status fill_tables(bovw_lsh *lsh, const bovw_monitor *monitor, bovw_error *err)
{
    const bovw_lsh_options *chosen = &lsh->facts.chosen;
    const double start = clock_seconds();
    const hashes_plan plan =
        lsh_hashes(lsh, chosen->n_hashes, chosen->n_tables, chosen->width);
    lsh->tables = mem_array(chosen->n_tables, sizeof *lsh->tables);
    if (!lsh->tables || !hashes_new(&plan, lsh->kernel, &lsh->hashes))
        return fail_memory(err, out_of_memory);
    const uint32_t batch = (uint32_t)lsh->prepared.n_threads;
    for (uint32_t first = 0; first < chosen->n_tables; first += batch) {
        const uint32_t left = chosen->n_tables - first;
        bovw_status status =
            monitor_progress(monitor, "filling tables", first, chosen->n_tables, err);
        if (status == BOVW_OK)
            status = fill_some(lsh, first, left < batch ? left : batch, err);
        if (status != BOVW_OK)
            return status;
    }
    lsh->facts.hash_bytes =
        (size_t)chosen->n_tables * chosen->n_hashes * (plan.stride * sizeof(float) + 16);
    for (uint32_t t = 0; t < chosen->n_tables; t++) {
        size_t codes, rest;
        directory_measure(lsh->tables[t], &codes, &rest);
        lsh->facts.code_bytes += codes;
        lsh->facts.directory_bytes += rest;
    }
    lsh->facts.seconds_filling = clock_seconds() - start;
    return BOVW_OK;
}

/* ---- made and freed ------------------------------------------------------------- */

static bovw_status check_options(const bovw_lsh_options *o, bovw_error *err)
{
    if (!(o->recall > 0 && o->recall < 1))
        return fail(err, BOVW_ERR_ARG, "a recall of %g is not between 0 and 1", o->recall);
    if (o->n_hashes > BOVW_LSH_MAX_HASHES)
        return fail(err, BOVW_ERR_ARG, "%u hashes, at most %d", o->n_hashes,
                    BOVW_LSH_MAX_HASHES);
    if (o->n_tables > BOVW_LSH_MAX_TABLES)
        return fail(err, BOVW_ERR_ARG, "%u tables, at most %d", o->n_tables,
                    BOVW_LSH_MAX_TABLES);
    if (o->n_probes > BOVW_LSH_MAX_PROBES)
        return fail(err, BOVW_ERR_ARG, "%u probes, at most %d", o->n_probes,
                    BOVW_LSH_MAX_PROBES);
    if (!(o->width >= 0 && o->width <= 1e18))
        return fail(err, BOVW_ERR_ARG, "a width of %g is not in [0, 1e18]", o->width);
    if (!bovw_directory_name((size_t)o->directory))
        return fail(err, BOVW_ERR_ARG, "no directory %d", (int)o->directory);
    return BOVW_OK;
}

static bovw_status make(bovw_lsh *lsh, const bovw_vectors *queries,
                        const bovw_rank_options *rank, const bovw_compute *compute,
                        const bovw_monitor *monitor, bovw_error *err)
{
    bovw_status status =
        prepared_learn(lsh->db, rank, compute, monitor, &lsh->prepared, err);
    if (status == BOVW_OK)
        status = read_all(lsh, monitor, err);
    if (status == BOVW_OK)
        status = find_centre(lsh, err);
    if (status == BOVW_OK)
        status = lsh_sample_draw(lsh, queries, err);
    if (status == BOVW_OK)
        status = lsh_plan(lsh, bovw_vectors_count(queries), monitor, err);
    if (status == BOVW_OK)
        status = fill_tables(lsh, monitor, err);
    return status;
}

bovw_status bovw_lsh_new(const bovw_vectors *db, const bovw_vectors *queries,
                         const bovw_rank_options *rank, const bovw_lsh_options *opts,
                         const bovw_compute *compute, const bovw_monitor *monitor,
                         bovw_lsh **lsh, bovw_error *err)
{
    bovw_status status = check_options(opts, err);
    if (status != BOVW_OK)
        return status;
    if (rank->metric == BOVW_METRIC_L1 || rank->metric == BOVW_METRIC_INTERSECTION)
        return fail(err, BOVW_ERR_ARG,
                    "vectors are hashed for cosine, euclidean or mahalanobis, not for %s",
                    bovw_metric_name((size_t)rank->metric));
    if (bovw_vectors_dim(db) != bovw_vectors_dim(queries))
        return fail(err, BOVW_ERR_MISMATCH, "%s has %u dimensions, %s has %u", db->path,
                    bovw_vectors_dim(db), queries->path, bovw_vectors_dim(queries));
    bovw_lsh *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, out_of_memory);
    made->db = db;
    made->n = bovw_vectors_count(db);
    made->kernel = product_kernel_find(compute ? compute->kernel : NULL);
    made->facts.chosen = *opts;
    made->facts.n_vectors = made->n;
    status = make(made, queries, rank, compute, monitor, err);
    if (status != BOVW_OK) {
        bovw_lsh_free(made);
        return status;
    }
    *lsh = made;
    return BOVW_OK;
}

void bovw_lsh_free(bovw_lsh *lsh)
{
    if (!lsh)
        return;
    for (uint32_t t = 0; lsh->tables && t < lsh->facts.chosen.n_tables; t++)
        directory_free(lsh->tables[t]);
    free(lsh->tables);
    free(lsh->rows);
    free(lsh->centre);
    lsh_sample_free(&lsh->planning);
    lsh_sample_free(&lsh->held_out);
    hashes_free(&lsh->hashes);
    prepared_free(&lsh->prepared);
    free(lsh);
}

void bovw_lsh_describe(const bovw_lsh *lsh, bovw_lsh_facts *facts)
{
    *facts = lsh->facts;
}

/* ---- searching ------------------------------------------------------------------ */

/* Scratch of one thread. */
typedef struct searching {
    float *queries;  /* (4, stride) */
    float *products; /* (n_tables, n_hashes, 4) with the projections */
    uint64_t *sums;  /* (n_probes,) */
    probes probes;
    uint64_t *is_seen;    /* a bit for each vector */
    uint32_t *candidates; /* (n,) */
    uint32_t n_candidates;
    float *rows; /* (4, stride) candidates that are compared */
    bovw_lsh_work work;
} searching;

static void searching_free(searching *s)
{
    free(s->queries);
    free(s->products);
    free(s->sums);
    probes_free(&s->probes);
    free(s->is_seen);
    free(s->candidates);
    free(s->rows);
}

static bool searching_new(const bovw_lsh *lsh, lsh_effort effort, searching *s)
{
    const size_t stride = lsh->hashes.stride;
    s->queries = mem_array(FOUR * stride, sizeof *s->queries);
    s->products = mem_array((size_t)effort.n_tables * lsh->hashes.n_hashes * FOUR,
                            sizeof *s->products);
    s->sums = mem_array(effort.n_probes, sizeof *s->sums);
    s->is_seen = mem_array((size_t)lsh->n / 64 + 1, sizeof *s->is_seen);
    s->candidates = mem_array(lsh->n, sizeof *s->candidates);
    s->rows = mem_array(FOUR * stride, sizeof *s->rows);
    return s->queries && s->products && s->sums && s->is_seen && s->candidates && s->rows;
}

/* The vectors of a bucket that no other bucket had. */
static void add_bucket(const bovw_lsh *lsh, uint32_t table, uint64_t code, searching *s)
{
    uint32_t first, numbers[64];
    uint32_t n = directory_find(lsh->tables[table], code, &first);
    s->work.n_buckets++;
    while (n > 0) {
        const uint32_t part = n < 64 ? n : 64;
        directory_numbers(lsh->tables[table], first, part, numbers);
        for (uint32_t i = 0; i < part; i++) {
            uint64_t *word = &s->is_seen[numbers[i] / 64];
            const uint64_t bit = UINT64_C(1) << (numbers[i] % 64);
            if (!(*word & bit)) {
                *word |= bit;
                s->candidates[s->n_candidates++] = numbers[i];
            }
        }
        first += part;
        n -= part;
    }
}

static bool collect(const bovw_lsh *lsh, lsh_effort effort, const float *products,
                    searching *s)
{
    probe_step steps[PROBES_MAX_STEPS];
    s->n_candidates = 0;
    for (uint32_t t = 0; t < effort.n_tables; t++) {
        uint64_t sum;
        uint32_t n_found;
        const uint32_t n = hashes_steps(&lsh->hashes, t,
                                        products + (size_t)t * lsh->hashes.n_hashes * FOUR,
                                        FOUR, &sum, steps);
        if (!probes_find(&s->probes, sum, steps, n, effort.n_probes, s->sums, &n_found))
            return false;
        for (uint32_t i = 0; i < n_found; i++)
            add_bucket(lsh, t, hashes_finish(&lsh->hashes, s->sums[i]), s);
    }
    return true;
}

/* Candidates that are many are looked up in ascending order, which memory serves best. */
static void sort_candidates(const bovw_lsh *lsh, searching *s)
{
    uint32_t n = 0;
    if (s->n_candidates < lsh->n / MANY)
        return;
    for (uint32_t word = 0; word <= lsh->n / 64; word++) {
        for (uint64_t bits = s->is_seen[word]; bits; bits &= bits - 1)
            s->candidates[n++] = 64 * word + (uint32_t)__builtin_ctzll(bits);
    }
}

/* A vector that will be compared soon: all of it, since each begins somewhere else and
 * the processor foresees little. */
static void fetch(const float *row, size_t stride)
{
    for (size_t d = 0; d < stride && d < FETCHED; d += 16)
        __builtin_prefetch(row + d);
}

/* The query takes the place of a row and four candidates those of queries: products
 * and distances do not change, to the last bit. */
static void compare(const bovw_lsh *lsh, const float *query, uint32_t top, scored *heap,
                    size_t *n_found, searching *s)
{
    const size_t stride = lsh->hashes.stride;
    float products[FOUR];
    sort_candidates(lsh, s);
    for (uint32_t i = 0; i < s->n_candidates; i += FOUR) {
        const uint32_t n = s->n_candidates - i < FOUR ? s->n_candidates - i : FOUR;
        for (uint32_t k = 0; k < n; k++) {
            const uint32_t number = s->candidates[i + k];
            if (i + k + AHEAD < s->n_candidates)
                fetch(lsh->rows + s->candidates[i + k + AHEAD] * stride, stride);
            memcpy(s->rows + k * stride, lsh->rows + number * stride,
                   stride * sizeof *s->rows);
            s->is_seen[number / 64] = 0;
        }
        lsh->prepared.compare(s->rows, query, 1, stride, products);
        for (uint32_t k = 0; k < n; k++)
            topk_offer(heap, n_found, top,
                       (scored){.score = prepared_score(&lsh->prepared, products[k]),
                                .id = s->candidates[i + k]});
    }
    topk_sort(heap, *n_found);
    s->work.n_candidates += s->n_candidates;
}

/* n queries, four at most, with their heaps. */
static bool search_four(const bovw_lsh *lsh, const float *queries, uint32_t n,
                        lsh_effort effort, uint32_t top, scored *heaps, size_t *n_found,
                        searching *s)
{
    const size_t stride = lsh->hashes.stride;
    memcpy(s->queries, queries, n * stride * sizeof *queries);
    lsh->kernel->dots(s->queries, lsh->hashes.rows,
                      (size_t)effort.n_tables * lsh->hashes.n_hashes, stride, s->products);
    for (uint32_t q = 0; q < n; q++) {
        if (!collect(lsh, effort, s->products + q, s))
            return false;
        n_found[q] = 0;
        compare(lsh, s->queries + q * stride, top, heaps + (size_t)q * top, &n_found[q], s);
    }
    s->work.n_queries += n;
    return true;
}

bovw_status lsh_search(const bovw_lsh *lsh, const float *queries, uint32_t n,
                       lsh_effort effort, uint32_t top, scored *heaps, size_t *n_found,
                       bovw_lsh_work *work, bovw_error *err)
{
    const int n_threads = lsh->prepared.n_threads;
    searching *all = mem_array((size_t)n_threads, sizeof *all);
    bool is_bad = !all;
    for (int t = 0; !is_bad && t < n_threads; t++)
        is_bad = !searching_new(lsh, effort, &all[t]);
    if (!is_bad) {
        const double start = clock_seconds();
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)       \
    reduction(||                                                                           \
              : is_bad)
        for (uint32_t q = 0; q < n; q += FOUR) {
            const uint32_t some = n - q < FOUR ? n - q : FOUR;
            is_bad = !search_four(lsh, queries + q * lsh->hashes.stride, some, effort, top,
                                  heaps + (size_t)q * top, n_found + q,
                                  &all[parallel_thread()]) ||
                     is_bad;
        }
        work->seconds += clock_seconds() - start;
    }
    for (int t = 0; all && t < n_threads; t++) {
        work->n_queries += all[t].work.n_queries;
        work->n_candidates += all[t].work.n_candidates;
        work->n_buckets += all[t].work.n_buckets;
        searching_free(&all[t]);
    }
    free(all);
    return is_bad ? fail_memory(err, out_of_memory) : BOVW_OK;
}

/* ---- ranking -------------------------------------------------------------------- */

/* Blocks of queries, as those of bovw_vectors_rank(). */
typedef struct block {
    uint32_t n, top;
    float *queries; /* (n, stride) */
    scored *heaps;  /* (n, top) */
    size_t *n_found;
    bovw_neighbour *neighbours; /* (top,) */
} block;

static uint32_t fitting(size_t bytes, size_t item_bytes, uint32_t most)
{
    const size_t n = bytes / item_bytes;
    return n < FOUR ? FOUR : n > most ? most : (uint32_t)n;
}

static bool block_new(const bovw_lsh *lsh, uint32_t n_queries, block *b)
{
    const size_t vector_bytes = lsh->hashes.stride * sizeof(float);
    const uint32_t top = lsh->prepared.opts->top;
    b->top = top == 0 || top > lsh->n ? lsh->n : top;
    const uint32_t n_vectors = fitting(QUERY_BYTES, vector_bytes, n_queries);
    const uint32_t n_heaps = fitting(RESULT_BYTES, b->top * sizeof(scored), n_queries);
    b->n = n_vectors < n_heaps ? n_vectors : n_heaps;
    b->queries = mem_array(b->n, vector_bytes);
    b->heaps = mem_array(b->n, b->top * sizeof *b->heaps);
    b->n_found = mem_array(b->n, sizeof *b->n_found);
    b->neighbours = mem_array(b->top, sizeof *b->neighbours);
    return b->queries && b->heaps && b->n_found && b->neighbours;
}

static void block_free(block *b)
{
    free(b->queries);
    free(b->heaps);
    free(b->n_found);
    free(b->neighbours);
}

static bovw_status hand_over(const block *b, uint32_t first, uint32_t n,
                             bovw_neighbour_consumer *consume, void *context,
                             bovw_error *err)
{
    for (uint32_t q = 0; q < n; q++) {
        const scored *heap = b->heaps + (size_t)q * b->top;
        for (size_t i = 0; i < b->n_found[q]; i++)
            b->neighbours[i] = (bovw_neighbour){heap[i].id, heap[i].score};
        const bovw_status status =
            consume(context, first + q, b->neighbours, (uint32_t)b->n_found[q], err);
        if (status != BOVW_OK)
            return status;
    }
    return BOVW_OK;
}

bovw_status bovw_lsh_rank(const bovw_lsh *lsh, const bovw_vectors *queries,
                          const bovw_monitor *monitor, bovw_neighbour_consumer *consume,
                          void *context, bovw_lsh_work *work, bovw_error *err)
{
    const uint32_t n_queries = bovw_vectors_count(queries);
    const lsh_effort effort = {lsh->facts.chosen.n_tables, lsh->facts.chosen.n_probes};
    bovw_lsh_work done = {0};
    block b = {0};
    if (bovw_vectors_dim(lsh->db) != bovw_vectors_dim(queries))
        return fail(err, BOVW_ERR_MISMATCH, "%s has %u dimensions, %s has %u",
                    lsh->db->path, bovw_vectors_dim(lsh->db), queries->path,
                    bovw_vectors_dim(queries));
    bovw_status status = BOVW_OK;
    if (!block_new(lsh, n_queries, &b))
        status = fail_memory(err, out_of_memory);
    for (uint32_t first = 0; status == BOVW_OK && first < n_queries; first += b.n) {
        const uint32_t n = n_queries - first < b.n ? n_queries - first : b.n;
        status = monitor_progress(monitor, "searching", first, n_queries, err);
        if (status == BOVW_OK)
            status = prepared_read(&lsh->prepared, queries, first, n, b.queries, err);
        if (status == BOVW_OK)
            status = lsh_search(lsh, b.queries, n, effort, b.top, b.heaps, b.n_found, &done,
                                err);
        if (status == BOVW_OK)
            status = hand_over(&b, first, n, consume, context, err);
    }
    block_free(&b);
    if (status == BOVW_OK && work)
        *work = done;
    return status;
}
