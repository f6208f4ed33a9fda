/* SPDX-License-Identifier: MIT
 *
 * Hashes against the formulas of their papers, probes against all sets there are,
 * searches against the exact one, and that what is planned is reached. */
#include "synthetic.h"

#include <math.h>

#include "vectors/directory.h"
#include "vectors/hashes.h"
#include "vectors/lsh.h"
#include "vectors/probes.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double pi = 3.14159265358979323846;

static char *folder;

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    return folder ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* ---- hashes ---------------------------------------------------------------------------
 */

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.9g, not %.9g within %g", got, want, tolerance);
}

static void projections_are_normal(void **state)
{
    (void)state;
    enum {
        N = 200000
    };
    float *row = mem_array(N, sizeof *row);
    double sum = 0, squares = 0, fourth = 0, within = 0, below = 0;
    hashes_row(5, 3, 2, N, row);
    for (int i = 0; i < N; i++) {
        const double x = (double)row[i];
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        within += fabs(x) < 1;
        below += x < -1.959964;
    }
    /* Three standard errors each. */
    assert_near(sum / N, 0, 0.0067);
    assert_near(squares / N, 1, 0.0095);
    assert_near(fourth / N, 3, 0.066);
    assert_near(within / N, 0.682689, 0.0031);
    assert_near(below / N, 0.025, 0.00105);
    free(row);
}

enum {
    DIM = 24,
    STRIDE = 32
};

/* How many of the tables give both vectors the same code. */
static double share_of_collisions(const hashes_plan *plan, const float *a, const float *b)
{
    const product_kernel *kernel = product_kernel_find("portable");
    hashes h;
    float *rows = mem_array(PRODUCT_QUERIES * STRIDE, sizeof *rows);
    const size_t n = (size_t)plan->n_tables * plan->n_hashes;
    float *products = mem_array(n * PRODUCT_QUERIES, sizeof *products);
    uint32_t n_same = 0;
    memcpy(rows, a, DIM * sizeof *a);
    memcpy(rows + STRIDE, b, DIM * sizeof *b);
    assert_true(hashes_new(plan, kernel, &h));
    kernel->dots(rows, h.rows, n, STRIDE, products);
    for (uint32_t t = 0; t < plan->n_tables; t++) {
        const float *at = products + (size_t)t * plan->n_hashes * PRODUCT_QUERIES;
        n_same += hashes_code(&h, t, at, PRODUCT_QUERIES) ==
                  hashes_code(&h, t, at + 1, PRODUCT_QUERIES);
    }
    hashes_free(&h);
    free(rows);
    free(products);
    return (double)n_same / plan->n_tables;
}

/* Charikar: 1 - angle / pi a hash. */
static void sides_collide_as_the_angle_says(void **state)
{
    (void)state;
    for (int k = 0; k <= 6; k++) {
        const double angle = pi * k / 6;
        float a[DIM] = {0}, b[DIM] = {0};
        a[3] = 2; /* lengths do not matter */
        b[3] = (float)(0.5 * cos(angle));
        b[17] = (float)(0.5 * sin(angle));
        const hashes_plan plan = {.is_sides = true,
                                  .n_hashes = 1,
                                  .n_tables = 8000,
                                  .dim = DIM,
                                  .stride = STRIDE,
                                  .seed = 21};
        assert_near(share_of_collisions(&plan, a, b), 1 - angle / pi, 0.017);
    }
}

/* Datar and others, section 3.2: of normal projections. */
static double cell_collision(double distance, double width)
{
    const double r = width / distance;
    return 1 - erfc(r / sqrt(2)) - 2 / (sqrt(2 * pi) * r) * (1 - exp(-r * r / 2));
}

static void cells_collide_as_the_distance_says(void **state)
{
    (void)state;
    static const double distances[] = {0.1, 0.5, 1, 2, 5, 20};
    assert_near(cell_collision(1, 4), 0.8005, 0.0001); /* the paper's p1 for w = 4 */
    for (size_t k = 0; k < sizeof distances / sizeof *distances; k++) {
        float a[DIM] = {0}, b[DIM] = {0};
        for (int d = 0; d < 16; d++) {
            a[d] = (float)d - 3;
            b[d] = a[d] + (float)distances[k] / 4; /* 16 times: the distance */
        }
        const hashes_plan plan = {.n_hashes = 1,
                                  .n_tables = 8000,
                                  .width = 2.5,
                                  .dim = DIM,
                                  .stride = STRIDE,
                                  .seed = 4};
        assert_near(share_of_collisions(&plan, a, b), cell_collision(distances[k], 2.5),
                    0.017);
    }
}

static void hashes_of_a_table_are_orthogonal_and_seeded(void **state)
{
    (void)state;
    hashes h, other;
    hashes_plan plan = {.is_sides = true,
                        .n_hashes = 7,
                        .n_tables = 2,
                        .dim = DIM,
                        .stride = STRIDE,
                        .seed = 8};
    assert_true(hashes_new(&plan, product_kernel_find(NULL), &h));
    for (int i = 0; i < 7; i++) {
        float row[DIM];
        double length_sq = 0, wanted_sq = 0;
        hashes_row(8, 1, (uint32_t)i, DIM, row);
        for (int k = 0; k < i; k++) {
            double product = 0;
            for (int d = 0; d < DIM; d++)
                product += (double)h.rows[(7 + i) * STRIDE + d] *
                           (double)h.rows[(7 + k) * STRIDE + d];
            assert_near(product, 0, 1e-4);
        }
        for (int d = 0; d < DIM; d++) {
            length_sq += pow((double)h.rows[(7 + i) * STRIDE + d], 2);
            wanted_sq += pow((double)row[d], 2);
        }
        assert_near(length_sq, wanted_sq, 1e-3);
    }
    /* Fewer hashes, more tables: those that both have are the same. */
    plan.n_hashes = 3;
    plan.n_tables = 5;
    assert_true(hashes_new(&plan, product_kernel_find("portable"), &other));
    for (int t = 0; t < 2; t++)
        assert_memory_equal(h.rows + t * 7 * STRIDE, other.rows + t * 3 * STRIDE,
                            3 * STRIDE * sizeof *h.rows);
    hashes_free(&other);
    hashes_free(&h);
}

/* ---- probes ---------------------------------------------------------------------------
 */

typedef struct probed {
    double cost;
    uint64_t sum;
} probed;

static int compare_probed(const void *a, const void *b)
{
    const probed *x = a, *y = b;
    return x->cost < y->cost ? -1 : x->cost > y->cost;
}

/* Every set of steps with one of a hash at most, by cost. */
static uint32_t all_sets(const probe_step *steps, uint32_t n, uint64_t sum, probed *all)
{
    uint32_t n_all = 0;
    for (uint64_t set = 0; set < UINT64_C(1) << n; set++) {
        probed made = {0, sum};
        uint64_t seen = 0;
        bool is_valid = true;
        for (uint32_t i = 0; i < n; i++) {
            if (!(set >> i & 1))
                continue;
            is_valid = is_valid && !(seen >> steps[i].hash & 1);
            seen |= UINT64_C(1) << steps[i].hash;
            made.cost += steps[i].cost;
            made.sum += steps[i].change;
        }
        if (is_valid)
            all[n_all++] = made;
    }
    qsort(all, n_all, sizeof *all, compare_probed);
    return n_all;
}

static void check_probes(probe_step *steps, uint32_t n, uint32_t n_wanted)
{
    probes p = {0};
    probed *all = mem_array(4096, sizeof *all);
    uint64_t *sums = mem_array(5000, sizeof *sums);
    uint32_t n_found;
    const uint32_t n_all = all_sets(steps, n, 1000, all);
    assert_int_equal(n_all, n_wanted);
    assert_true(probes_find(&p, 1000, steps, n, 5000, sums, &n_found));
    assert_int_equal(n_found, n_all);
    /* Costs are all different but by chance, so the order is that of the costs. */
    for (uint32_t i = 0; i < n_all; i++)
        assert_true(sums[i] == all[i].sum);
    assert_true(probes_find(&p, 1000, steps, n, 9, sums, &n_found));
    assert_int_equal(n_found, 9);
    for (uint32_t i = 0; i < 9; i++)
        assert_true(sums[i] == all[i].sum);
    probes_free(&p);
    free(all);
    free(sums);
}

static void probes_come_in_the_order_of_their_costs(void **state)
{
    (void)state;
    uint64_t random = 6;
    probe_step steps[12];
    for (uint32_t i = 0; i < 10; i++) /* sides: each may be crossed */
        steps[i] =
            (probe_step){(double)random_below(&random, 1 << 30), UINT64_C(1) << i, i};
    check_probes(steps, 10, 1024);
    for (uint32_t i = 0; i < 12; i++) /* cells: up, down or neither: 3^6 */
        steps[i] = (probe_step){(double)random_below(&random, 1 << 30),
                                random_next(&random), i / 2};
    check_probes(steps, 12, 729);
}

static void steps_lead_to_the_nearest_cells(void **state)
{
    (void)state;
    /* x = 2.75 widths with the shift: cell 2; down costs 0.75^2, up 0.25^2. */
    float row[STRIDE] = {0};
    double shift = 0.25;
    uint64_t factor = 10, sum;
    const hashes h = {.n_hashes = 1,
                      .n_tables = 1,
                      .width = 4,
                      .stride = STRIDE,
                      .rows = row,
                      .shifts = &shift,
                      .factors = &factor};
    const float product = 10;
    probe_step steps[2];
    assert_int_equal(hashes_steps(&h, 0, &product, 1, &sum, steps), 2);
    assert_int_equal(sum, 20);
    assert_near(steps[0].cost, 0.5625, 1e-12);
    assert_true(sum + steps[0].change == 10);
    assert_near(steps[1].cost, 0.0625, 1e-12);
    assert_true(sum + steps[1].change == 30);
}

/* ---- directories ----------------------------------------------------------------------
 */

static void directories_agree(void **state)
{
    (void)state;
    enum {
        N = 5000,
        BITS = 9
    };
    static uint64_t codes[N];
    uint64_t random = 31;
    uint32_t first, *numbers = mem_array(N, sizeof *numbers);
    bovw_lsi_options opts;
    bovw_lsi_options_default(&opts);
    for (int i = 0; i < N; i++) /* some buckets full, many empty */
        codes[i] = random_below(&random, 3) ? random_below(&random, 5)
                                            : random_below(&random, 1 << BITS);
    for (size_t kind = 0; bovw_directory_name(kind); kind++) {
        directory *d = NULL;
        size_t code_bytes, rest;
        uint32_t n_all = 0;
        assert_int_equal(
            directory_new((bovw_directory)kind, codes, N, BITS, &opts, &d, NULL), BOVW_OK);
        for (uint64_t code = 0; code < (1 << BITS); code++) {
            const uint32_t n = directory_find(d, code, &first);
            uint32_t at = 0;
            if (n > 0)
                directory_numbers(d, first, n, numbers);
            for (uint32_t i = 0; i < N; i++) {
                if (codes[i] == code) {
                    assert_true(at < n);
                    assert_int_equal(numbers[at], i);
                    at++;
                }
            }
            assert_int_equal(at, n);
            n_all += n;
        }
        assert_int_equal(n_all, N);
        directory_measure(d, &code_bytes, &rest);
        assert_true(kind == BOVW_DIRECTORY_LSI ? code_bytes >= N * BITS / 8
                                               : code_bytes == 0);
        assert_true(rest >= N * 13 / 8);
        directory_free(d);
    }
    free(numbers);
}

/* ---- searches -------------------------------------------------------------------------
 */

enum {
    V_DIM = 20
};

static float uniform(uint64_t *random)
{
    return (float)(random_next(random) >> 40) * 0x1p-24F - 0.5F;
}

/* n vectors in clusters of about 30 around points that are the same for any n. */
static bovw_vectors *clustered(const char *name, uint32_t n, uint64_t seed)
{
    char *path = mem_format("%s/%s.fvecs", folder, name);
    const size_t bytes = 4 + 4 * V_DIM;
    uint8_t *file = mem_array(n, bytes);
    bovw_vectors *vectors = NULL;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t centre = random_below(&seed, 100) * 7919;
        store_le32(file + i * bytes, V_DIM);
        for (uint32_t d = 0; d < V_DIM; d++)
            store_lefloat(file + i * bytes + 4 + 4 * d,
                          3 + 2 * uniform(&centre) + 0.5F * uniform(&seed));
    }
    spit(path, file, n * bytes);
    assert_int_equal(bovw_vectors_open(path, &vectors, NULL), BOVW_OK);
    free(file);
    free(path);
    return vectors;
}

typedef struct kept {
    bovw_neighbour *all; /* (n_queries, top) */
    uint32_t *n;         /* (n_queries,) */
    uint32_t top;
} kept;

static bovw_status keep(void *context, uint32_t query, const bovw_neighbour *neighbours,
                        uint32_t n, bovw_error *err)
{
    kept *k = context;
    (void)err;
    memcpy(k->all + (size_t)query * k->top, neighbours, n * sizeof *neighbours);
    k->n[query] = n;
    return BOVW_OK;
}

static kept kept_new(uint32_t n_queries, uint32_t top)
{
    return (kept){mem_array(n_queries, top * sizeof(bovw_neighbour)),
                  mem_array(n_queries, sizeof(uint32_t)), top};
}

static void kept_free(kept *k)
{
    free(k->all);
    free(k->n);
}

static bovw_lsh *make(const bovw_vectors *db, const bovw_vectors *queries,
                      const bovw_rank_options *rank, const bovw_lsh_options *opts,
                      const bovw_compute *compute)
{
    bovw_lsh *lsh = NULL;
    bovw_error err = {0};
    if (bovw_lsh_new(db, queries, rank, opts, compute, NULL, &lsh, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return lsh;
}

static void all_buckets_give_the_exact_ranking(void **state)
{
    (void)state;
    enum {
        N = 403,
        QUERIES = 37
    };
    bovw_vectors *db = clustered("db", N, 1), *queries = clustered("q", QUERIES, 2);
    for (int round = 0; round < 8; round++) {
        bovw_rank_options rank;
        bovw_lsh_options opts;
        bovw_lsh_work work;
        bovw_rank_options_default(&rank);
        bovw_lsh_options_default(&opts);
        rank.metric = (bovw_metric)(round % 4 % 3);
        rank.whiten = round % 4 == 3 ? 5 : 0;
        rank.top = round < 4 ? 0 : 9;
        opts.directory = (bovw_directory)(round % 3);
        const bool is_cosine = rank.metric == BOVW_METRIC_COSINE;
        opts.n_hashes = is_cosine ? 6 : 1;
        opts.n_probes = is_cosine ? 64 : 3;
        opts.n_tables = 1 + round % 2;
        opts.width = is_cosine ? 0 : 1e6;
        kept exact = kept_new(QUERIES, N), hashed = kept_new(QUERIES, N);
        bovw_lsh *lsh = make(db, queries, &rank, &opts, NULL);
        assert_int_equal(
            bovw_vectors_rank(db, queries, &rank, NULL, NULL, keep, &exact, NULL), BOVW_OK);
        assert_int_equal(bovw_lsh_rank(lsh, queries, NULL, keep, &hashed, &work, NULL),
                         BOVW_OK);
        assert_memory_equal(exact.n, hashed.n, QUERIES * sizeof *exact.n);
        assert_memory_equal(exact.all, hashed.all, QUERIES * N * sizeof *exact.all);
        assert_int_equal(work.n_queries, QUERIES);
        assert_int_equal(work.n_candidates, QUERIES * N);
        bovw_lsh_free(lsh);
        kept_free(&exact);
        kept_free(&hashed);
    }
    bovw_vectors_close(db);
    bovw_vectors_close(queries);
}

/* What the plan promises is found, with queries of their own and with the database's,
 * by queries that it did not see. */
static void the_wanted_recall_is_reached(void **state)
{
    (void)state;
    enum {
        N = 3000
    };
    static const double wanted[] = {0.7, 0.95};
    bovw_vectors *db = clustered("db", N, 1), *queries = clustered("q", 520, 2);
    double last = 0;
    for (int round = 0; round < 4; round++) {
        bovw_rank_options rank;
        bovw_lsh_options opts;
        bovw_lsh_facts facts;
        bovw_lsh_curve curve;
        bovw_rank_options_default(&rank);
        bovw_lsh_options_default(&opts);
        rank.metric = round < 2 ? BOVW_METRIC_COSINE : BOVW_METRIC_EUCLIDEAN;
        rank.top = 10;
        opts.recall = wanted[round % 2];
        bovw_lsh *lsh = make(db, round % 3 ? db : queries, &rank, &opts, NULL);
        bovw_lsh_describe(lsh, &facts);
        assert_true(facts.is_reached && facts.recall > opts.recall);
        assert_int_equal(facts.n_sample, 256);
        assert_int_equal(facts.n_nearest, 10);
        assert_true(facts.n_candidates < N / 4);
        assert_true((facts.chosen.width > 0) == (round >= 2));
        assert_int_equal(bovw_lsh_curve_measure(lsh, NULL, &curve, NULL), BOVW_OK);
        assert_int_equal(curve.n_queries, 256);
        assert_true(curve.chosen.recall >= opts.recall);
        /* It is no more than it need be, and candidates were foreseen. */
        assert_true(curve.chosen.recall < opts.recall + 0.2);
        assert_near(curve.chosen.n_candidates / facts.n_candidates, 1, 0.1);
        assert_true(round % 2 == 0 || curve.chosen.recall > last);
        last = curve.chosen.recall;
        bovw_lsh_free(lsh);
    }
    bovw_vectors_close(db);
    bovw_vectors_close(queries);
}

static void the_curve_only_rises(void **state)
{
    (void)state;
    bovw_vectors *db = clustered("db", 3000, 5);
    for (int round = 0; round < 2; round++) {
        bovw_rank_options rank;
        bovw_lsh_options opts;
        bovw_lsh_curve curve;
        bovw_rank_options_default(&rank);
        bovw_lsh_options_default(&opts);
        rank.metric = round ? BOVW_METRIC_EUCLIDEAN : BOVW_METRIC_COSINE;
        opts.n_hashes = 7;
        opts.n_tables = 8;
        opts.n_probes = 3;
        opts.width = round ? 1 : 0;
        bovw_lsh *lsh = make(db, db, &rank, &opts, NULL);
        assert_int_equal(bovw_lsh_curve_measure(lsh, NULL, &curve, NULL), BOVW_OK);
        assert_int_equal(curve.n, 3 * 9); /* 2, 4, 8 tables; 1 to 256 probes */
        for (uint32_t i = 0; i < curve.n; i++) {
            const bovw_lsh_point *p = &curve.points[i];
            assert_int_equal(p->n_tables, 2 << i / 9);
            assert_int_equal(p->n_probes, 1 << i % 9);
            assert_true(p->recall >= 0 && p->recall <= 1);
            if (i % 9 > 0) {
                assert_true(p->recall >= p[-1].recall);
                assert_true(p->n_candidates >= p[-1].n_candidates);
            }
            if (i >= 9) { /* more tables, the same probes */
                assert_true(p->recall >= p[-9].recall);
                assert_true(p->n_candidates >= p[-9].n_candidates);
            }
        }
        assert_true(curve.points[0].recall < 0.9);
        /* 256 probes are all the buckets that 7 planes make. */
        assert_true(round == 1 || curve.points[26].recall == 1);
        assert_true(curve.chosen.n_probes == 3 &&
                    curve.chosen.recall >= curve.points[19].recall &&
                    curve.chosen.recall <= curve.points[20].recall);
        bovw_lsh_free(lsh);
    }
    bovw_vectors_close(db);
}

static void the_same_for_any_threads_and_kernel(void **state)
{
    (void)state;
    enum {
        N = 700,
        TOP = 5
    };
    const bovw_compute computes[] = {{.n_threads = 1, .kernel = "portable"},
                                     {.n_threads = 3}};
    bovw_vectors *db = clustered("db", N, 5);
    for (int round = 0; round < 2; round++) {
        bovw_rank_options rank;
        bovw_lsh_options opts;
        bovw_lsh_facts facts[2];
        bovw_lsh_work work[2];
        kept found[2];
        bovw_rank_options_default(&rank);
        bovw_lsh_options_default(&opts);
        rank.metric = round ? BOVW_METRIC_EUCLIDEAN : BOVW_METRIC_COSINE;
        rank.top = TOP;
        opts.recall = 0.8;
        for (int i = 0; i < 2; i++) {
            bovw_lsh *lsh = make(db, db, &rank, &opts, &computes[i]);
            found[i] = kept_new(N, TOP);
            bovw_lsh_describe(lsh, &facts[i]);
            assert_int_equal(bovw_lsh_rank(lsh, db, NULL, keep, &found[i], &work[i], NULL),
                             BOVW_OK);
            bovw_lsh_free(lsh);
        }
        assert_true(facts[0].chosen.n_hashes == facts[1].chosen.n_hashes &&
                    facts[0].chosen.n_tables == facts[1].chosen.n_tables &&
                    facts[0].chosen.n_probes == facts[1].chosen.n_probes &&
                    facts[0].chosen.width == facts[1].chosen.width);
        assert_true(facts[0].recall == facts[1].recall &&
                    facts[0].directory_bytes == facts[1].directory_bytes);
        assert_true(work[0].n_candidates == work[1].n_candidates &&
                    work[0].n_buckets == work[1].n_buckets);
        assert_memory_equal(found[0].all, found[1].all, N * TOP * sizeof *found[0].all);
        for (int i = 0; i < 2; i++)
            kept_free(&found[i]);
    }
    bovw_vectors_close(db);
}

/* ---- few vectors and refusals -----------------------------------------------------------
 */

static void few_vectors(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 6; n++) {
        for (int metric = 0; metric < 2; metric++) {
            bovw_vectors *db = clustered("db", n, n);
            bovw_rank_options rank;
            bovw_lsh_options opts;
            kept found = kept_new(n, n);
            bovw_rank_options_default(&rank);
            bovw_lsh_options_default(&opts);
            rank.metric = (bovw_metric)metric;
            bovw_lsh *lsh = make(db, db, &rank, &opts, NULL);
            assert_int_equal(bovw_lsh_rank(lsh, db, NULL, keep, &found, NULL, NULL),
                             BOVW_OK);
            for (uint32_t i = 0; i < n; i++) { /* itself, at least */
                assert_true(found.n[i] >= 1 && found.n[i] <= n);
                assert_int_equal(found.all[i * n].vector, i);
            }
            bovw_lsh_free(lsh);
            kept_free(&found);
            bovw_vectors_close(db);
        }
    }
    bovw_lsh_free(NULL);
}

static void refuse(const bovw_vectors *db, const bovw_vectors *queries,
                   const bovw_lsh_options *opts, bovw_status status, const char *reason)
{
    bovw_rank_options rank;
    bovw_lsh *lsh = NULL;
    bovw_error err = {0};
    bovw_rank_options_default(&rank);
    assert_int_equal(bovw_lsh_new(db, queries, &rank, opts, NULL, NULL, &lsh, &err),
                     status);
    if (!strstr(err.text, reason))
        fail_msg("%s", err.text);
    assert_null(lsh);
}

static void what_cannot_be_is_told(void **state)
{
    (void)state;
    bovw_vectors *db = clustered("db", 50, 1), *other = NULL;
    bovw_lsh_options opts;
    bovw_lsh_options_default(&opts);
    opts.recall = 1;
    refuse(db, db, &opts, BOVW_ERR_ARG, "recall of 1");
    opts.recall = 0.9;
    opts.n_hashes = 33;
    refuse(db, db, &opts, BOVW_ERR_ARG, "33 hashes, at most 32");
    opts.n_hashes = 0;
    opts.n_tables = 65;
    refuse(db, db, &opts, BOVW_ERR_ARG, "65 tables");
    opts.n_tables = 0;
    opts.n_probes = 65537;
    refuse(db, db, &opts, BOVW_ERR_ARG, "65537 probes");
    opts.n_probes = 0;
    opts.width = -1;
    refuse(db, db, &opts, BOVW_ERR_ARG, "width of -1");
    opts.width = 0;
    uint8_t row[8] = {1, 0, 0, 0};
    char *path = mem_format("%s/o.fvecs", folder);
    spit(path, row, 8);
    assert_int_equal(bovw_vectors_open(path, &other, NULL), BOVW_OK);
    refuse(db, other, &opts, BOVW_ERR_MISMATCH, "20 dimensions");
    bovw_vectors_close(other);
    bovw_vectors_close(db);
    free(path);
}

static bool refuse_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    int *left = context;
    (void)stage;
    (void)done;
    (void)total;
    return (*left)-- > 0;
}

/* At every report in turn. */
static void it_stops_when_asked(void **state)
{
    (void)state;
    bovw_vectors *db = clustered("db", 70, 1);
    bovw_rank_options rank;
    bovw_lsh_options opts;
    int n_stops = 0;
    bovw_rank_options_default(&rank);
    bovw_lsh_options_default(&opts);
    for (;; n_stops++) {
        int left = n_stops;
        bovw_lsh *lsh = NULL;
        const bovw_monitor monitor = {.context = &left, .progress = refuse_progress};
        const bovw_status status =
            bovw_lsh_new(db, db, &rank, &opts, NULL, &monitor, &lsh, NULL);
        bovw_lsh_free(lsh);
        if (status == BOVW_OK)
            break;
        assert_int_equal(status, BOVW_ERR_CANCELLED);
        assert_null(lsh);
    }
    assert_true(n_stops > 4);
    bovw_vectors_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(projections_are_normal),
        TEST(sides_collide_as_the_angle_says),
        TEST(cells_collide_as_the_distance_says),
        TEST(hashes_of_a_table_are_orthogonal_and_seeded),
        TEST(probes_come_in_the_order_of_their_costs),
        TEST(steps_lead_to_the_nearest_cells),
        TEST(directories_agree),
        TEST(all_buckets_give_the_exact_ranking),
        TEST(the_wanted_recall_is_reached),
        TEST(the_curve_only_rises),
        TEST(the_same_for_any_threads_and_kernel),
        TEST(few_vectors),
        TEST(what_cannot_be_is_told),
        TEST(it_stops_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
