/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "bovw/search.h"

/* ---- by word --------------------------------------------------------------- */

static void sorted_words(const uint32_t *words, uint32_t n, uint64_t *keys, uint64_t *spare)
{
    for (uint32_t i = 0; i < n; i++)
        keys[i] = (uint64_t)words[i] << 32 | i;
    keys_sort(keys, spare, n);
}

/* A word of both images: where its keys start, and how many there are. */
typedef struct shared_word {
    uint32_t a, n_a, b, n_b;
} shared_word;

static uint32_t run_length(const uint64_t *keys, uint32_t from, uint32_t n)
{
    uint32_t to = from;
    while (to < n && keys[to] >> 32 == keys[from] >> 32)
        to++;
    return to - from;
}

static uint32_t find_shared_words(const uint64_t *a, uint32_t n_a, const uint64_t *b,
                                  uint32_t n_b, shared_word *shared)
{
    uint32_t i = 0, j = 0, n = 0;
    while (i < n_a && j < n_b) {
        if (a[i] >> 32 < b[j] >> 32) {
            i++;
        } else if (a[i] >> 32 > b[j] >> 32) {
            j++;
        } else {
            shared[n] = (shared_word){i, run_length(a, i, n_a), j, run_length(b, j, n_b)};
            i += shared[n].n_a;
            j += shared[n].n_b;
            n++;
        }
    }
    return n;
}

/* Order the shared words, which are by word, by their number of pairs. Numbers
 * past 32 bits count as one: any such word fills the list. */
static uint64_t order_by_rarity(const shared_word *shared, uint32_t n, uint64_t *order,
                                uint64_t *spare)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t n_pairs = (uint64_t)shared[i].n_a * shared[i].n_b;
        if (n_pairs > UINT32_MAX)
            n_pairs = UINT32_MAX;
        order[i] = n_pairs << 32 | i;
        total += n_pairs;
    }
    keys_sort(order, spare, n);
    return total;
}

/* The first n_matches pairs in that order. */
static void write_pairs(const uint64_t *a, const uint64_t *b, const shared_word *shared,
                        const uint64_t *order, size_t n_matches, bovw_match *matches)
{
    size_t n = 0;
    for (; n < n_matches; order++) {
        const shared_word *word = &shared[(uint32_t)*order];
        for (uint32_t i = 0; i < word->n_a && n < n_matches; i++) {
            for (uint32_t j = 0; j < word->n_b && n < n_matches; j++)
                matches[n++] =
                    (bovw_match){(uint32_t)a[word->a + i], (uint32_t)b[word->b + j]};
        }
    }
}

bovw_status bovw_match_words(const uint32_t *a_words, uint32_t n_a, const uint32_t *b_words,
                             uint32_t n_b, uint32_t max_matches, bovw_match **matches,
                             size_t *n, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    const uint32_t more = n_a > n_b ? n_a : n_b, fewer = n_a > n_b ? n_b : n_a;
    uint64_t *a = mem_array(n_a, sizeof *a), *b = mem_array(n_b, sizeof *b);
    uint64_t *spare = mem_array(more, sizeof *spare),
             *order = mem_array(fewer, sizeof *order);
    shared_word *shared = mem_array(fewer, sizeof *shared);
    if (!a || !b || !spare || !order || !shared) {
        status = fail_memory(err, "matches by word");
        goto done;
    }
    sorted_words(a_words, n_a, a, spare);
    sorted_words(b_words, n_b, b, spare);
    const uint32_t n_shared = find_shared_words(a, n_a, b, n_b, shared);
    const uint64_t total = order_by_rarity(shared, n_shared, order, spare);
    const size_t n_matches = total < max_matches ? (size_t)total : max_matches;
    bovw_match *found = mem_array(n_matches, sizeof *found);
    if (!found) {
        status = fail_memory(err, "matches by word");
        goto done;
    }
    write_pairs(a, b, shared, order, n_matches, found);
    *matches = found;
    *n = n_matches;

done:
    free(a);
    free(b);
    free(spare);
    free(order);
    free(shared);
    return status;
}

/* ---- by descriptor ---------------------------------------------------------- */

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    BLOCK = 8 /* rows that share one pass over the other image */
};

/* Descriptors widened to 16 bits, which multiply into 32 without loss, and
 * their squared lengths. */
typedef struct wide_rows {
    uint32_t n;
    int16_t *values;  /* (n, DIM) */
    int32_t *norm_sq; /* (n,) */
} wide_rows;

/* The nearest row and the two least squared distances; of equally near rows
 * the first. */
typedef struct nearest {
    uint32_t row;
    int32_t first_sq, second_sq; /* INT32_MAX where there is no such row */
} nearest;

static inline int32_t dot(const int16_t *restrict a, const int16_t *restrict b)
{
    int32_t sum = 0;
    /* gcc vectorises but does not unroll by itself: three times slower. */
#pragma GCC unroll 16
    for (int k = 0; k < DIM; k++)
        sum += (int32_t)a[k] * b[k];
    return sum;
}

/* False without memory; what was allocated is the caller's to free. */
static bool widen(const bovw_features *features, wide_rows *rows)
{
    const size_t n = features->n;
    rows->n = features->n;
    rows->values = mem_array(n, DIM * sizeof *rows->values);
    rows->norm_sq = mem_array(n, sizeof *rows->norm_sq);
    if (!rows->values || !rows->norm_sq)
        return false;
    for (size_t i = 0; i < n * DIM; i++)
        rows->values[i] = features->descriptors[i];
    for (size_t i = 0; i < n; i++)
        rows->norm_sq[i] = dot(rows->values + i * DIM, rows->values + i * DIM);
    return true;
}

/* The nearest in `among` of n <= BLOCK rows of `of`, given by index. */
static void find_nearest(const wide_rows *of, const uint32_t *rows, int n,
                         const wide_rows *among, nearest *out)
{
    for (int k = 0; k < n; k++)
        out[k] = (nearest){0, INT32_MAX, INT32_MAX};
    for (uint32_t j = 0; j < among->n; j++) {
        const int16_t *other = among->values + (size_t)j * DIM;
        for (int k = 0; k < n; k++) {
            const int32_t distance_sq = of->norm_sq[rows[k]] + among->norm_sq[j] -
                                        2 * dot(of->values + (size_t)rows[k] * DIM, other);
            if (distance_sq < out[k].first_sq) {
                out[k].second_sq = out[k].first_sq;
                out[k].first_sq = distance_sq;
                out[k].row = j;
            } else if (distance_sq < out[k].second_sq) {
                out[k].second_sq = distance_sq;
            }
        }
    }
}

/* The same for any number of rows, in parallel over blocks of them. */
static void find_all_nearest(const wide_rows *of, const uint32_t *rows, uint32_t n,
                             const wide_rows *among, int n_threads, nearest *out)
{
    const int64_t n_blocks = ((int64_t)n + BLOCK - 1) / BLOCK;
    (void)n_threads;
#pragma omp parallel for schedule(dynamic, 8) num_threads(n_threads)
    for (int64_t block = 0; block < n_blocks; block++) {
        const uint32_t from = (uint32_t)(block * BLOCK);
        const int size = n - from < BLOCK ? (int)(n - from) : BLOCK;
        find_nearest(of, rows + from, size, among, out + from);
    }
}

/* A match with its distance, for sorting. */
typedef struct near_pair {
    int32_t distance_sq;
    uint32_t a, b;
} near_pair;

static int compare_near_pairs(const void *left, const void *right)
{
    const near_pair *a = left, *b = right;
    if (a->distance_sq != b->distance_sq)
        return a->distance_sq < b->distance_sq ? -1 : 1;
    return (a->a > b->a) - (a->a < b->a);
}

typedef struct descriptor_matcher {
    wide_rows a, b;
    uint32_t *rows;     /* (a.n,) rows to look for, of a and then of b */
    nearest *to_b;      /* (a.n,) */
    nearest *back_to_a; /* (n_pairs,) */
    near_pair *pairs;   /* (n_pairs,) that pass the ratio test */
    uint32_t n_pairs;
} descriptor_matcher;

static bool matcher_init(descriptor_matcher *m, const bovw_features *a,
                         const bovw_features *b)
{
    m->rows = mem_array(a->n, sizeof *m->rows);
    m->to_b = mem_array(a->n, sizeof *m->to_b);
    m->back_to_a = mem_array(a->n, sizeof *m->back_to_a);
    m->pairs = mem_array(a->n, sizeof *m->pairs);
    return widen(a, &m->a) && widen(b, &m->b) && m->rows && m->to_b && m->back_to_a &&
           m->pairs;
}

static void matcher_free(descriptor_matcher *m)
{
    free(m->a.values);
    free(m->a.norm_sq);
    free(m->b.values);
    free(m->b.norm_sq);
    free(m->rows);
    free(m->to_b);
    free(m->back_to_a);
    free(m->pairs);
}

/* Fill m->pairs, sorted. */
static void matcher_run(descriptor_matcher *m, double ratio, int n_threads)
{
    uint32_t n_mutual = 0;
    for (uint32_t i = 0; i < m->a.n; i++)
        m->rows[i] = i;
    find_all_nearest(&m->a, m->rows, m->a.n, &m->b, n_threads, m->to_b);
    for (uint32_t i = 0; i < m->a.n && m->b.n > 0; i++) {
        const nearest *to = &m->to_b[i];
        if (m->b.n > 1 && !(to->first_sq < ratio * ratio * to->second_sq))
            continue;
        m->rows[m->n_pairs] = to->row;
        m->pairs[m->n_pairs++] = (near_pair){to->first_sq, i, to->row};
    }
    /* Few pass the ratio test, so the way back is searched for them alone. */
    find_all_nearest(&m->b, m->rows, m->n_pairs, &m->a, n_threads, m->back_to_a);
    for (uint32_t i = 0; i < m->n_pairs; i++) {
        if (m->back_to_a[i].row == m->pairs[i].a)
            m->pairs[n_mutual++] = m->pairs[i];
    }
    m->n_pairs = n_mutual;
    qsort(m->pairs, m->n_pairs, sizeof *m->pairs, compare_near_pairs);
}

bovw_status bovw_match_descriptors(const bovw_features *a, const bovw_features *b,
                                   float ratio, const bovw_compute *compute,
                                   bovw_match **matches, size_t *n, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    descriptor_matcher m = {0};
    if (!(ratio > 0 && isfinite(ratio)))
        return fail(err, BOVW_ERR_ARG, "ratio = %g is not a number above 0", (double)ratio);
    if (!matcher_init(&m, a, b)) {
        status = fail_memory(err, "matches by descriptor");
        goto done;
    }
    matcher_run(&m, ratio, parallel_threads(compute));
    bovw_match *found = mem_array(m.n_pairs, sizeof *found);
    if (!found) {
        status = fail_memory(err, "matches by descriptor");
        goto done;
    }
    for (uint32_t i = 0; i < m.n_pairs; i++)
        found[i] = (bovw_match){m.pairs[i].a, m.pairs[i].b};
    *matches = found;
    *n = m.n_pairs;

done:
    matcher_free(&m);
    return status;
}
