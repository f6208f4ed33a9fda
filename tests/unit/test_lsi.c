/* SPDX-License-Identifier: MIT
 *
 * The learned index against plain sorting: every way to ask, for keys of every kind,
 * windows and fingerprints of several sizes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/keys.h"
#include "base/memory.h"
#include "base/random.h"
#include "bovw/lsi.h"
#include "vectors/packed.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    N = 3000
};

/* ---- columns ------------------------------------------------------------------------ */

typedef uint64_t key_maker(uint32_t i, uint64_t *random);

static uint64_t any(uint32_t i, uint64_t *random)
{
    (void)i;
    return random_next(random);
}

static uint64_t dense(uint32_t i, uint64_t *random)
{
    (void)random;
    return (uint64_t)i * 7919 % N; /* a permutation: N and 7919 have no common factor */
}

static uint64_t few(uint32_t i, uint64_t *random)
{
    (void)i;
    return random_below(random, 20) * 3;
}

static uint64_t neighbouring_runs(uint32_t i, uint64_t *random)
{
    (void)i;
    return 1000 + random_below(random, 100);
}

/* A key makes up most of it, as a full bucket does. */
static uint64_t one_heavy(uint32_t i, uint64_t *random)
{
    return i % 10 ? UINT64_C(1) << 40 : random_next(random);
}

static uint64_t all_equal(uint32_t i, uint64_t *random)
{
    (void)i;
    (void)random;
    return 42;
}

static uint64_t all_greatest(uint32_t i, uint64_t *random)
{
    (void)i;
    (void)random;
    return UINT64_MAX;
}

static uint64_t extremes(uint32_t i, uint64_t *random)
{
    (void)random;
    return i % 2 ? UINT64_MAX : 0;
}

static uint64_t extremes_and_more(uint32_t i, uint64_t *random)
{
    return i % 5 == 0 ? 0 : i % 5 == 1 ? UINT64_MAX : random_next(random);
}

static uint64_t two_clusters(uint32_t i, uint64_t *random)
{
    const uint64_t base = i % 2 ? UINT64_MAX - 100000 : 5;
    return base + random_below(random, 90000);
}

/* Exponents: no straight line is near it for long. */
static uint64_t exponential(uint32_t i, uint64_t *random)
{
    return (random_next(random) | 1) >> i % 64;
}

static key_maker *const makers[] = {
    any,        dense,        few,      neighbouring_runs, one_heavy,
    all_equal,  all_greatest, extremes, extremes_and_more, two_clusters,
    exponential};

static bool keys_of(key_maker *make, uint32_t n, uint64_t *keys)
{
    uint64_t random = 11;
    for (uint32_t i = 0; i < n; i++)
        keys[i] = make(i, &random);
    return n > 0;
}

/* ---- what plain sorting says ----------------------------------------------------------
 */

typedef struct plain {
    uint64_t key;
    uint32_t number;
} plain;

static int compare(const void *a, const void *b)
{
    const plain *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static void sort_plainly(const uint64_t *keys, uint32_t n, plain *sorted)
{
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = (plain){keys[i], i};
    qsort(sorted, n, sizeof *sorted, compare);
}

static uint32_t plain_bound(const plain *sorted, uint32_t n, uint64_t key)
{
    uint32_t place = 0;
    while (place < n && sorted[place].key < key)
        place++;
    return place;
}

static void check_key(const bovw_lsi *lsi, const plain *sorted, uint32_t n, uint64_t key)
{
    const uint32_t bound = plain_bound(sorted, n, key);
    uint32_t end = bound, first = UINT32_MAX;
    while (end < n && sorted[end].key == key)
        end++;
    const uint32_t got = bovw_lsi_lower_bound(lsi, key);
    if (got != bound)
        fail_msg("lower bound of %" PRIu64 ": %u, not %u", key, got, bound);
    const uint32_t n_found = bovw_lsi_find(lsi, key, &first);
    if (n_found != end - bound)
        fail_msg("%u keys %" PRIu64 ", not %u", n_found, key, end - bound);
    if (n_found > 0)
        assert_int_equal(first, bound);
    else
        assert_int_equal(first, UINT32_MAX);
}

static bovw_lsi *learn(const bovw_column *column, uint32_t error, uint32_t bits)
{
    const bovw_lsi_options opts = {.max_error = error, .fingerprint_bits = bits};
    bovw_lsi *lsi = NULL;
    assert_int_equal(bovw_lsi_new(column, &opts, &lsi, NULL), BOVW_OK);
    return lsi;
}

static void check_column(const bovw_column *column, const uint64_t *keys, uint32_t error,
                         uint32_t bits)
{
    const uint32_t n = column->n;
    plain *sorted = mem_array(n, sizeof *sorted);
    bovw_lsi *lsi = learn(column, error, bits);
    uint64_t random = 3;
    bovw_lsi_size size;
    sort_plainly(keys, n, sorted);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(bovw_lsi_number(lsi, i), sorted[i].number);
    for (uint32_t i = 0; i < n; i += i < 50 ? 1 : 17) {
        check_key(lsi, sorted, n, keys[i]);
        check_key(lsi, sorted, n, keys[i] - 1); /* may wrap: so be it */
        check_key(lsi, sorted, n, keys[i] + 1);
        check_key(lsi, sorted, n, keys[i] / 2 + sorted[n - 1].key / 2);
        check_key(lsi, sorted, n, random_next(&random));
    }
    check_key(lsi, sorted, n, 0);
    check_key(lsi, sorted, n, UINT64_MAX);
    bovw_lsi_measure(lsi, &size);
    assert_true(size.n_window <= 2 * error + 4);
    assert_int_equal(size.total, size.spline + size.permutation + size.fingerprints);
    bovw_lsi_free(lsi);
    free(sorted);
}

static void every_column_is_found_as_sorting_finds_it(void **state)
{
    (void)state;
    static const uint32_t errors[] = {1, 8, 200}, bits[] = {0, 1, 4, 8, 16};
    uint64_t *keys = mem_array(N, sizeof *keys);
    for (size_t m = 0; m < sizeof makers / sizeof *makers; m++) {
        for (size_t k = 0; k < 15; k++) {
            const bovw_column column = {.keys = keys, .n = N};
            keys_of(makers[m], N, keys);
            check_column(&column, keys, errors[k % 3], bits[k / 3]);
        }
    }
    free(keys);
}

static void small_columns(void **state)
{
    (void)state;
    uint64_t keys[9];
    for (size_t m = 0; m < sizeof makers / sizeof *makers; m++) {
        for (uint32_t n = 1; n <= 9; n++) {
            const bovw_column column = {.keys = keys, .n = n};
            keys_of(makers[m], n, keys);
            check_column(&column, keys, 1, n % 2 ? 4 : 0);
        }
    }
    const bovw_column empty = {.keys = keys};
    bovw_lsi *lsi = learn(&empty, 8, 8);
    bovw_lsi_size size;
    uint32_t first = 7;
    assert_int_equal(bovw_lsi_lower_bound(lsi, 5), 0);
    assert_int_equal(bovw_lsi_find(lsi, 5, &first), 0);
    bovw_lsi_measure(lsi, &size);
    assert_int_equal(size.total, 0);
    bovw_lsi_free(lsi);
    bovw_lsi_free(NULL);
}

/* ---- keys that are kept in another form -----------------------------------------------
 */

typedef struct counted {
    const uint64_t *keys;
    uint32_t n_read;
} counted;

static uint64_t count_key(const void *context, uint32_t i)
{
    counted *c = (counted *)context; /* the test counts; an index would not */
    c->n_read++;
    return c->keys[i];
}

static void fingerprints_save_reads(void **state)
{
    (void)state;
    uint64_t *keys = mem_array(N, sizeof *keys), random = 77;
    uint32_t reads[2], missed[2], first;
    keys_of(any, N, keys);
    counted c = {.keys = keys};
    const bovw_column column = {.key = count_key, .context = &c, .n = N};
    check_column(&column, keys, 8, 8);
    for (int round = 0; round < 2; round++) {
        bovw_lsi *lsi = learn(&column, 8, round ? 16 : 0);
        c.n_read = 0;
        for (uint32_t i = 0; i < N; i++)
            assert_int_equal(bovw_lsi_find(lsi, keys[i], &first), 1);
        reads[round] = c.n_read;
        c.n_read = 0;
        for (uint32_t i = 0; i < N; i++)
            bovw_lsi_find(lsi, random_next(&random), &first);
        missed[round] = c.n_read;
        bovw_lsi_free(lsi);
    }
    /* 16 bits: one read a hit, and a few in 65,536 places for nothing. */
    assert_true(reads[1] >= N && reads[1] < N + 10);
    assert_true(missed[1] < 10);
    assert_true(reads[0] > 4 * N && missed[0] > 3 * N);
    free(keys);
}

/* ---- sizes and refusals -----------------------------------------------------------------
 */

static void a_key_takes_its_number_and_fingerprint(void **state)
{
    (void)state;
    enum {
        MANY = 100000 /* 17 bits */
    };
    uint64_t *keys = mem_array(MANY, sizeof *keys);
    const bovw_column column = {.keys = keys, .n = MANY};
    bovw_lsi_size size;
    keys_of(any, MANY, keys);
    bovw_lsi *lsi = learn(&column, 8, 8);
    bovw_lsi_measure(lsi, &size);
    assert_int_equal(size.permutation, 8 * (26563 + 2)); /* 26,562.5 words and padding */
    assert_true(size.fingerprints >= MANY && size.fingerprints <= MANY + 16);
    assert_true(size.n_knots > 1 && size.n_knots < MANY / 20);
    assert_true(size.spline <= 20 * (size_t)size.n_knots + 8);
    bovw_lsi_free(lsi);
    free(keys);
}

static void options_are_checked(void **state)
{
    (void)state;
    const uint64_t key = 1;
    const bovw_column column = {.keys = &key, .n = 1};
    bovw_lsi_options opts;
    bovw_lsi *lsi = NULL;
    bovw_error err;
    bovw_lsi_options_default(&opts);
    opts.max_error = 0;
    assert_int_equal(bovw_lsi_new(&column, &opts, &lsi, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "error of 0"));
    bovw_lsi_options_default(&opts);
    opts.fingerprint_bits = 17;
    assert_int_equal(bovw_lsi_new(&column, &opts, &lsi, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "not 17"));
    assert_null(lsi);
}

static void packed_numbers_come_back(void **state)
{
    (void)state;
    for (uint32_t width = 0; width <= 63; width++) {
        packed p;
        uint64_t random = width;
        const uint64_t mask = (UINT64_C(1) << width) - 1;
        assert_true(packed_new(&p, 130, width));
        for (size_t i = 0; i < 130; i++)
            packed_put(&p, i, random_next(&random) & mask);
        random = width;
        for (size_t i = 0; i < 130; i++)
            assert_true(packed_get(&p, i) == (random_next(&random) & mask));
        packed_free(&p);
    }
    assert_int_equal(packed_width(1), 1);
    assert_int_equal(packed_width(2), 1);
    assert_int_equal(packed_width(3), 2);
    assert_int_equal(packed_width(1024), 10);
    assert_int_equal(packed_width(1025), 11);
}

static void numbers_follow_their_keys(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof makers / sizeof *makers; m++) {
        uint64_t keys[N], spare[N], want[N];
        uint32_t numbers[N], spare_numbers[N];
        keys_of(makers[m], N, keys);
        memcpy(want, keys, sizeof keys);
        for (uint32_t i = 0; i < N; i++)
            numbers[i] = i;
        keys_sort_numbered(keys, numbers, spare, spare_numbers, N);
        for (uint32_t i = 0; i < N; i++) {
            assert_true(keys[i] == want[numbers[i]]);
            assert_true(i == 0 || keys[i - 1] < keys[i] ||
                        (keys[i - 1] == keys[i] && numbers[i - 1] < numbers[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_found_as_sorting_finds_it),
        cmocka_unit_test(small_columns),
        cmocka_unit_test(fingerprints_save_reads),
        cmocka_unit_test(a_key_takes_its_number_and_fingerprint),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(packed_numbers_come_back),
        cmocka_unit_test(numbers_follow_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
