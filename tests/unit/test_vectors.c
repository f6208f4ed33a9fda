/* SPDX-License-Identifier: MIT
 *
 * Files of vectors, byte by byte; that the kernels agree to the last bit; that
 * what is found is what a plain loop finds, for any number of threads. */
#include "synthetic.h"

#include <math.h>

#include "vectors/products.h"
#include "vectors/projection.h"
#include "vectors/vectors.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *folder;
static char *path; /* of the vectors */

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    path = mem_format("%s/v.npy", folder);
    return path ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    remove_folder(folder);
    return 0;
}

/* An npy file of this version and header, and n bytes of elements. */
static void write_npy(int version, const char *header, const void *elements, size_t n)
{
    uint8_t *bytes = mem_array(strlen(header) + n + 16, 1);
    size_t length = strlen(header), begin = version == 1 ? 10 : 12;
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (uint8_t)version;
    if (version == 1)
        store_le16(bytes + 8, (uint16_t)length);
    else
        store_le32(bytes + 8, (uint32_t)length);
    memcpy(bytes + begin, header, length);
    if (n > 0)
        memcpy(bytes + begin + length, elements, n);
    spit(path, bytes, begin + length + n);
    free(bytes);
}

static bovw_vectors *open_good(const char *file)
{
    bovw_vectors *vectors = NULL;
    bovw_error err = {0};
    if (bovw_vectors_open(file, &vectors, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return vectors;
}

static void check_values(const char *file, uint32_t n, uint32_t dim, const float *want)
{
    float got[64];
    bovw_vectors *vectors = open_good(file);
    assert_int_equal(bovw_vectors_count(vectors), n);
    assert_int_equal(bovw_vectors_dim(vectors), dim);
    assert_int_equal(bovw_vectors_read(vectors, 0, n, got, NULL), BOVW_OK);
    assert_memory_equal(got, want, n * dim * sizeof *want);
    for (uint32_t i = 0; i < n; i++) { /* one at a time, too */
        assert_int_equal(bovw_vectors_read(vectors, i, 1, got, NULL), BOVW_OK);
        assert_memory_equal(got, want + i * dim, dim * sizeof *want);
    }
    bovw_vectors_close(vectors);
}

static const float wanted[6] = {1, -2, 0.5F, 0, 65504, -0.25F}; /* (2, 3) */

static void npy_of_every_type_and_order(void **state)
{
    (void)state;
    static const uint16_t halves[6] = {0x3c00, 0xc000, 0x3800, 0, 0x7bff, 0xb400};
    static const struct {
        const char *type;
        size_t bytes;
    } types[] = {{"f2", 2}, {"f4", 4}, {"f8", 8}};
    for (int round = 0; round < 3 * 2 * 2; round++) {
        const size_t bytes = types[round % 3].bytes;
        const bool is_big = round / 3 % 2, is_columns = round / 6;
        uint8_t elements[48];
        for (size_t at = 0; at < 6; at++) {
            const size_t i = is_columns ? at % 2 * 3 + at / 2 : at;
            const double value = (double)wanted[i];
            uint64_t bits = halves[i];
            if (bytes == 4) {
                uint32_t single;
                memcpy(&single, &wanted[i], 4);
                bits = single;
            } else if (bytes == 8) {
                memcpy(&bits, &value, 8);
            }
            for (size_t b = 0; b < bytes; b++)
                elements[at * bytes + (is_big ? bytes - 1 - b : b)] =
                    (uint8_t)(bits >> 8 * b);
        }
        char header[128];
        snprintf(header, sizeof header,
                 "{'descr': '%c%s', 'fortran_order': %s, 'shape': (2, 3), }   \n",
                 is_big ? '>' : '<', types[round % 3].type, is_columns ? "True" : "False");
        write_npy(1 + round % 3, header, elements, 6 * bytes);
        check_values(path, 2, 3, wanted);
    }
}

static void halves_of_every_kind(void **state)
{
    (void)state;
    /* smallest subnormal, largest subnormal, smallest normal */
    static const uint8_t elements[6] = {0x01, 0x00, 0xff, 0x03, 0x00, 0x84};
    const float want[3] = {ldexpf(1, -24), ldexpf(1023, -24), -ldexpf(1, -14)};
    write_npy(1, "{\"shape\":(1L,3L,),\"fortran_order\":False,\"descr\":\"<f2\"}", elements,
              6);
    check_values(path, 1, 3, want);
}

static void fvecs_and_bvecs(void **state)
{
    (void)state;
    static const float want[4] = {1.5F, -2, 3, 0};
    static const float bytes_want[4] = {0, 255, 7, 8};
    static const uint8_t bytes[12] = {2, 0, 0, 0, 0, 255, 2, 0, 0, 0, 7, 8};
    uint8_t floats[24];
    char *fvecs = mem_format("%s/a.fvecs", folder),
         *bvecs = mem_format("%s/a.bvecs", folder);
    for (int i = 0; i < 2; i++) {
        store_le32(floats + 12 * i, 2);
        store_lefloat(floats + 12 * i + 4, want[2 * i]);
        store_lefloat(floats + 12 * i + 8, want[2 * i + 1]);
    }
    spit(fvecs, floats, 24);
    check_values(fvecs, 2, 2, want);
    spit(bvecs, bytes, 12);
    check_values(bvecs, 2, 2, bytes_want);

    /* The second vector says another dimension. */
    bovw_error err = {0};
    float out[4];
    floats[12] = 3;
    spit(fvecs, floats, 24);
    bovw_vectors *vectors = open_good(fvecs);
    assert_int_equal(bovw_vectors_read(vectors, 0, 2, out, &err), BOVW_ERR_CORRUPT);
    char *reason = mem_format("%s: row 1: dimension 3, not 2", fvecs);
    assert_string_equal(err.text, reason);
    free(reason);
    bovw_vectors_close(vectors);
    free(fvecs);
    free(bvecs);
}

static void refuse(const char *file, const char *reason)
{
    bovw_vectors *vectors = NULL;
    bovw_error err = {0};
    assert_int_not_equal(bovw_vectors_open(file, &vectors, &err), BOVW_OK);
    assert_null(vectors);
    char *want = mem_format("%s: %s", file, reason);
    assert_string_equal(err.text, want);
    free(want);
    assert_int_not_equal(bovw_vectors_open(file, &vectors, NULL), BOVW_OK);
}

static void malformed_npy(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t n;
        const char *reason;
    } cases[] = {
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3)}", 24,
         "npy header: elements must be float16, float32 or float64: {'descr': '<i4', "
         "'fortran_order': False, 'shape': (2, 3)}"},
        {"{'descr': '|O', 'x': 1}", 0,
         "npy header: elements must be float16, float32 or float64: {'descr': '|O', 'x': "
         "1}"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", 24,
         "npy header: the shape must have two dimensions: {'descr': '<f4', "
         "'fortran_order': False, 'shape': (6,)}"},
        {"{'shape': (1, 2, 3)}", 24,
         "npy header: the shape must have two dimensions: {'shape': (1, 2, 3)}"},
        {"{'shape': (0, 3)}", 0, "npy header: the array is empty: {'shape': (0, 3)}"},
        {"{'shape': (99999999999, 3)}", 0,
         "npy header: too large: {'shape': (99999999999, 3)}"},
        {"{'shape': (99999999999999999999999, 3)}", 0,
         "npy header: the shape must have two dimensions: {'shape': "
         "(99999999999999999999999, 3)}"},
        {"{'shape': (2, 3), 'fortran_order': 1}", 0,
         "npy header: fortran_order is neither True nor False: {'shape': (2, 3), "
         "'fortran_order': 1}"},
        {"{'shape': (2, 3)}", 0,
         "npy header: descr, fortran_order or shape is missing: {'shape': (2, 3)}"},
        {"{'other': 1}", 0, "npy header: an unknown key: {'other': 1}"},
        {"{'shape': (2, 3)", 0, "npy header: not a dictionary: {'shape': (2, 3)"},
        {"[]", 0, "npy header: not a dictionary: []"},
        {"", 0, "npy header: not a dictionary: "},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 23,
         "npy: 23 bytes of elements where the shape (2, 3) needs 24"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 1000000)}", 8,
         "npy: 8 bytes of elements where the shape (4000000000, 1000000) needs "
         "32000000000000000"},
    };
    static const uint8_t zeros[32] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_npy(2, cases[i].header, zeros, cases[i].n);
        refuse(path, cases[i].reason);
    }
    write_npy(4, "{}", zeros, 0);
    refuse(path, "npy: version 4, not 1 to 3");
    spit(path, "\x93NUMPY\x01\x00", 8);
    refuse(path, "npy: cut off in its header");
    spit(path, "\x93NUMPY\x01\x00\xff\x00{}", 12);
    refuse(path, "npy: cut off in its header");
    spit(path, "text", 4);
    refuse(path, "not a file of vectors: neither npy nor named .fvecs or .bvecs");
    char *fvecs = mem_format("%s/a.fvecs", folder);
    spit(fvecs, "abc", 3);
    refuse(fvecs, "too short for one vector");
    spit(fvecs, "\0\0\0\0", 4);
    refuse(fvecs, "row 0: dimension 0, not in [1, 1048576]");
    spit(fvecs, "\2\0\0\0", 4);
    refuse(fvecs, "4 bytes are not whole vectors of dimension 2");
    refuse("/nowhere/v.npy", "No such file or directory");
    free(fvecs);
}

static void values_that_are_not_finite_are_told(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -1e300, 2e15};
    float out[4];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const double values[4] = {1, 2, 3, bad[i]};
        bovw_error err = {0};
        uint8_t elements[32];
        for (int j = 0; j < 4; j++) {
            uint64_t bits;
            memcpy(&bits, &values[j], 8);
            store_le64(elements + 8 * j, bits);
        }
        write_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}", elements,
                  32);
        bovw_vectors *vectors = open_good(path);
        assert_int_equal(bovw_vectors_read(vectors, 0, 1, out, &err), BOVW_OK);
        assert_int_equal(bovw_vectors_read(vectors, 0, 2, out, &err), BOVW_ERR_CORRUPT);
        char *want = mem_format("%s: row 1: value 1 is not finite or beyond 1e+15", path);
        assert_string_equal(err.text, want);
        free(want);
        bovw_vectors_close(vectors);
    }
}

/* ---- names ------------------------------------------------------------------------ */

static void refuse_names(const char *text, uint32_t n, const char *reason)
{
    bovw_names names = {0};
    bovw_error err = {0};
    spit(path, text, strlen(text));
    assert_int_not_equal(bovw_names_read(path, n, &names, &err), BOVW_OK);
    assert_null(names.items);
    char *want = mem_format("%s: %s", path, reason);
    assert_string_equal(err.text, want);
    free(want);
}

static void names_are_lines(void **state)
{
    (void)state;
#define BYTE_ORDER_MARK "\xef\xbb\xbf"
    static const char *const texts[] = {"a b.jpg\nc\r\n", "a b.jpg\r\nc",
                                        (BYTE_ORDER_MARK "a b.jpg\nc\n")};
    for (size_t i = 0; i < 3; i++) {
        bovw_names names = {0};
        spit(path, texts[i], strlen(texts[i]));
        assert_int_equal(bovw_names_read(path, 2, &names, NULL), BOVW_OK);
        assert_int_equal(names.n, 2);
        assert_string_equal(names.items[0], "a b.jpg");
        assert_string_equal(names.items[1], "c");
        bovw_names_free(&names);
        bovw_names_free(&names);
    }
    refuse_names("a\nb\n", 3, "2 names for 3 vectors");
    refuse_names("a\nb\nc\n", 2, "3 names for 2 vectors");
    refuse_names("a\n\nb\n", 2, "line 2: empty");
    refuse_names("a\nb\n\n", 2, "line 3: empty");
    refuse_names("a\nb\na\n", 3, "line 3: name 'a' is in line 1 already");
}

/* ---- search ------------------------------------------------------------------------- */

static void kernels_agree_to_the_last_bit(void **state)
{
    (void)state;
    enum {
        ROWS = 7
    };
    const product_kernel *fast = product_kernel_find(NULL);
    uint64_t random = 3;
    assert_string_equal(product_kernel_find("portable")->name, "portable");
    for (size_t stride = PRODUCT_LANES; stride <= 20 * PRODUCT_LANES;
         stride += PRODUCT_LANES) {
        float *queries = mem_array(PRODUCT_QUERIES * stride, sizeof *queries);
        float *rows = mem_array(ROWS * stride, sizeof *rows);
        float want[ROWS * PRODUCT_QUERIES], got[ROWS * PRODUCT_QUERIES];
        for (size_t i = 0; i < PRODUCT_QUERIES * stride; i++)
            queries[i] = (float)random_below(&random, 1000000) / 3e5F - 1;
        for (size_t i = 0; i < ROWS * stride; i++)
            rows[i] = (float)random_below(&random, 1000000) / 7e5F - 1;
        product_portable.dots(queries, rows, ROWS, stride, want);
        fast->dots(queries, rows, ROWS, stride, got);
        assert_memory_equal(got, want, sizeof want);
        double sum = 0;
        for (size_t i = 0; i < stride; i++)
            sum += (double)queries[stride + i] * (double)rows[2 * stride + i];
        assert_true(fabs((double)got[2 * PRODUCT_QUERIES + 1] - sum) <
                    1e-6 * (double)stride);
        product_portable.distances_sq(queries, rows, ROWS, stride, want);
        fast->distances_sq(queries, rows, ROWS, stride, got);
        assert_memory_equal(got, want, sizeof want);
        product_portable.distances_l1(queries, rows, ROWS, stride, want);
        fast->distances_l1(queries, rows, ROWS, stride, got);
        assert_memory_equal(got, want, sizeof want);
        product_portable.intersections(queries, rows, ROWS, stride, want);
        fast->intersections(queries, rows, ROWS, stride, got);
        assert_memory_equal(got, want, sizeof want);
        free(queries);
        free(rows);
    }
}

typedef struct found {
    bovw_neighbour *all; /* (n_queries, top) */
    uint32_t top, n_queries;
    uint32_t stop_at; /* query that ends the search, or UINT32_MAX */
} found;

static bovw_status keep(void *context, uint32_t query, const bovw_neighbour *neighbours,
                        uint32_t n, bovw_error *err)
{
    found *f = context;
    assert_int_equal(query, f->n_queries++);
    assert_int_equal(n, f->top);
    if (query == f->stop_at) {
        *err = (bovw_error){.status = BOVW_ERR_IO};
        return BOVW_ERR_IO;
    }
    memcpy(f->all + (size_t)query * n, neighbours, n * sizeof *neighbours);
    return BOVW_OK;
}

/* n random vectors as float32; every fifth repeats an earlier one, one is zero. */
static float *random_vectors(const char *file, uint32_t n, uint32_t dim, uint64_t *random)
{
    float *values = mem_array((size_t)n * dim, sizeof *values);
    char header[128];
    for (size_t i = 0; i < (size_t)n * dim; i++)
        values[i] = (float)random_below(random, 2001) / 1000 - 1;
    for (uint32_t i = 5; i < n; i += 5)
        memcpy(values + (size_t)i * dim, values + (size_t)(i - 4) * dim, dim * 4);
    memset(values + dim, 0, dim * sizeof *values);
    snprintf(header, sizeof header,
             "{'descr': '<f4', 'fortran_order': False, 'shape': (%u, %u)}", n, dim);
    char *old = path;
    path = (char *)(uintptr_t)file;
    write_npy(1, header, values, (size_t)n * dim * 4); /* this machine's order */
    path = old;
    return values;
}

static double score(const float *a, const float *b, uint32_t dim, bovw_metric metric)
{
    double ab = 0, aa = 0, bb = 0, d = 0, l1 = 0, common = 0;
    for (uint32_t i = 0; i < dim; i++) {
        const double x = (double)a[i], y = (double)b[i];
        ab += x * y;
        aa += x * x;
        bb += y * y;
        d += (x - y) * (x - y);
        l1 += fabs(x - y);
        common += x < y ? x : y;
    }
    if (metric == BOVW_METRIC_EUCLIDEAN)
        return -sqrt(d);
    if (metric == BOVW_METRIC_L1)
        return -l1;
    if (metric == BOVW_METRIC_INTERSECTION)
        return common;
    return aa * bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static void search_finds_what_a_plain_loop_finds(void **state)
{
    (void)state;
    enum {
        N = 67,
        QUERIES = 13,
        DIM = 37
    };
    uint64_t random = 9;
    char *other = mem_format("%s/q.npy", folder);
    float *db = random_vectors(path, N, DIM, &random);
    float *queries = random_vectors(other, QUERIES, DIM, &random);
    bovw_vectors *opened = open_good(path), *asked = open_good(other);
    static const bovw_metric measures[] = {BOVW_METRIC_COSINE, BOVW_METRIC_EUCLIDEAN,
                                           BOVW_METRIC_L1, BOVW_METRIC_INTERSECTION};
    for (int round = 0; round < 8; round++) {
        bovw_rank_options opts;
        bovw_rank_options_default(&opts);
        opts.metric = measures[round % 4];
        opts.top = round / 4 ? 5 : 0;
        found one = {.top = round / 4 ? 5 : N, .stop_at = UINT32_MAX}, many = one;
        const bovw_compute slow = {.n_threads = 1, .kernel = "portable"};
        const bovw_compute fast = {.n_threads = 3};
        one.all = mem_array(QUERIES * N, sizeof *one.all);
        many.all = mem_array(QUERIES * N, sizeof *many.all);
        assert_int_equal(
            bovw_vectors_rank(opened, asked, &opts, &slow, NULL, keep, &one, NULL),
            BOVW_OK);
        assert_int_equal(
            bovw_vectors_rank(opened, asked, &opts, &fast, NULL, keep, &many, NULL),
            BOVW_OK);
        assert_int_equal(one.n_queries, QUERIES);
        assert_memory_equal(one.all, many.all, QUERIES * one.top * sizeof *one.all);
        for (uint32_t q = 0; q < QUERIES; q++) {
            const bovw_neighbour *got = one.all + q * one.top;
            bool is_seen[N] = {false};
            for (uint32_t i = 0; i < one.top; i++) {
                const double want =
                    score(queries + q * DIM, db + got[i].vector * DIM, DIM, opts.metric);
                assert_true(fabs((double)got[i].score - want) < 1e-5);
                assert_false(is_seen[got[i].vector]);
                is_seen[got[i].vector] = true;
                if (i > 0) { /* equal vectors have equal scores, the lower first */
                    assert_true(got[i].score <= got[i - 1].score);
                    assert_true(got[i].score < got[i - 1].score ||
                                got[i].vector > got[i - 1].vector);
                }
            }
            for (uint32_t v = 0; v < N; v++)
                assert_true(is_seen[v] ||
                            score(queries + q * DIM, db + v * DIM, DIM, opts.metric) <=
                                (double)got[one.top - 1].score + 1e-5);
        }
        free(one.all);
        free(many.all);
    }
    bovw_vectors_close(opened);
    bovw_vectors_close(asked);
    free(db);
    free(queries);
    free(other);
}

static bool refuse_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    (void)stage;
    (void)done;
    (void)total;
    return false;
}

static void search_stops_when_it_should(void **state)
{
    (void)state;
    uint64_t random = 9;
    char *other = mem_format("%s/q.npy", folder);
    float *db = random_vectors(path, 10, 4, &random);
    float *queries = random_vectors(other, 3, 5, &random);
    bovw_vectors *opened = open_good(path), *asked = open_good(other);
    bovw_rank_options opts;
    bovw_error err = {0};
    found f = {.top = 10, .stop_at = 1, .all = mem_array(100, sizeof *f.all)};
    bovw_rank_options_default(&opts);
    assert_int_equal(bovw_vectors_rank(opened, asked, &opts, NULL, NULL, keep, &f, &err),
                     BOVW_ERR_MISMATCH);
    assert_int_equal(bovw_vectors_rank(opened, opened, &opts, NULL, NULL, keep, &f, &err),
                     BOVW_ERR_IO);
    assert_int_equal(f.n_queries, 2);
    const bovw_monitor monitor = {.progress = refuse_progress};
    assert_int_equal(
        bovw_vectors_rank(opened, opened, &opts, NULL, &monitor, keep, &f, &err),
        BOVW_ERR_CANCELLED);
    bovw_vectors_close(opened);

    /* A bad value in the database ends the search with its row. */
    db[7 * 4 + 2] = NAN;
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 4)}", db, 160);
    opened = open_good(path);
    assert_int_equal(bovw_vectors_rank(opened, opened, &opts, NULL, NULL, keep, &f, &err),
                     BOVW_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "row 7: value 2"));
    bovw_vectors_close(opened);
    bovw_vectors_close(asked);
    free(f.all);
    free(db);
    free(queries);
    free(other);
}

/* ---- whitening ---------------------------------------------------------------------- */

/* Vectors (n, dim) in the file `path`, opened. */
static bovw_vectors *vectors_of(const float *values, uint32_t n, uint32_t dim)
{
    char header[128];
    snprintf(header, sizeof header,
             "{'descr': '<f4', 'fortran_order': False, 'shape': (%u, %u)}", n, dim);
    write_npy(1, header, values, (size_t)n * dim * 4);
    return open_good(path);
}

/* All scores, that of query q and vector v at q * n + v. */
static float *all_scores(const bovw_vectors *vectors, const bovw_rank_options *opts,
                         const bovw_compute *compute)
{
    const uint32_t n = bovw_vectors_count(vectors);
    found f = {.top = n, .stop_at = UINT32_MAX};
    float *scores = mem_array((size_t)n * n, sizeof *scores);
    bovw_error err = {0};
    f.all = mem_array((size_t)n * n, sizeof *f.all);
    if (bovw_vectors_rank(vectors, vectors, opts, compute, NULL, keep, &f, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < (size_t)n * n; i++)
        scores[i / n * n + f.all[i].vector] = f.all[i].score;
    free(f.all);
    return scores;
}

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.9g, not %.9g", got, want);
}

static void measures_by_hand(void **state)
{
    (void)state;
    static const float pair[6] = {0.9F, 0.07F, 0.03F, 1, 0, 0};
    static const struct {
        bovw_metric metric;
        double want;
    } cases[] = {{BOVW_METRIC_EUCLIDEAN, -0.125698},
                 {BOVW_METRIC_COSINE, 0.996439},
                 {BOVW_METRIC_L1, -0.2},
                 {BOVW_METRIC_INTERSECTION, 0.9}};
    bovw_vectors *vectors = vectors_of(pair, 2, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bovw_rank_options opts = {.metric = cases[i].metric};
        float *scores = all_scores(vectors, &opts, NULL);
        assert_near((double)scores[1], cases[i].want, 1e-6);
        assert_near((double)scores[2], cases[i].want, 1e-6);
        free(scores);
    }
    bovw_vectors_close(vectors);
}

/* Their covariance is diag(2, 1/2), its mean variance m = 5/4. The distance from
 * m I is (3/4)^2 + (3/4)^2 = 9/8; the error ((16 + 16 + 1 + 1) / 4 - (4 + 1/4)) / 4
 * = 17/16: the share is 17/18, and what remains diag(31/24, 29/24). */
static const float cross[8] = {3, 5, -1, 5, 1, 6, 1, 4}; /* (4, 2) around (1, 5) */

static void mahalanobis_by_hand(void **state)
{
    (void)state;
    const bovw_rank_options opts = {.metric = BOVW_METRIC_MAHALANOBIS};
    bovw_vectors *vectors = vectors_of(cross, 4, 2);
    float *scores = all_scores(vectors, &opts, NULL);
    assert_near((double)scores[0], 0, 0);
    assert_near((double)scores[1], -4 / sqrt(31.0 / 24), 1e-6);
    assert_near((double)scores[2], -sqrt(4 * 24.0 / 31 + 24.0 / 29), 1e-6);
    assert_near((double)scores[2 * 4 + 3], -2 / sqrt(29.0 / 24), 1e-6);
    free(scores);
    bovw_vectors_close(vectors);
}

static void whitening_by_hand(void **state)
{
    (void)state;
    bovw_rank_options opts = {.metric = BOVW_METRIC_EUCLIDEAN, .whiten = 2};
    bovw_vectors *vectors = vectors_of(cross, 4, 2);
    /* (+-sqrt 2, 0) and (0, +-sqrt 2), at length 1 the axes. */
    float *scores = all_scores(vectors, &opts, NULL);
    assert_near((double)scores[1], -2, 1e-6);
    assert_near((double)scores[2], -sqrt(2), 1e-6);
    assert_near((double)scores[2 * 4 + 3], -2, 1e-6);
    free(scores);
    /* Of the first component alone: 1, -1, and nothing. */
    opts = (bovw_rank_options){.metric = BOVW_METRIC_COSINE, .whiten = 1};
    scores = all_scores(vectors, &opts, NULL);
    assert_near((double)scores[0], 1, 1e-6);
    assert_near((double)scores[1], -1, 1e-6);
    free(scores);
    bovw_vectors_close(vectors);
}

enum {
    W_N = 300, /* more than a block */
    W_DIM = 21
};

/* Random vectors (W_N, W_DIM) whose components depend on each other. */
static float *correlated(void)
{
    uint64_t random = 5;
    float *values = random_vectors(path, W_N, W_DIM, &random);
    for (uint32_t i = 0; i < W_N; i++) {
        for (uint32_t j = 1; j < W_DIM; j++)
            values[i * W_DIM + j] =
                values[i * W_DIM + j] / (float)j + values[i * W_DIM + j - 1] * 0.7F + 3;
    }
    return values;
}

static void whitened_vectors_have_the_identity_as_covariance(void **state)
{
    (void)state;
    enum {
        OUT = 9
    };
    float *values = correlated();
    bovw_vectors *vectors = vectors_of(values, W_N, W_DIM);
    bovw_projection w = {0};
    assert_int_equal(projection_pca(vectors, OUT, 1, 2, NULL, &w, NULL), BOVW_OK);
    assert_int_equal(w.n_out, OUT);
    float *mapped = mem_array(W_N * OUT, sizeof *mapped);
    double *work = mem_array(projection_work(&w), sizeof *work);
    for (uint32_t i = 0; i < W_N; i += PROJECTION_BATCH)
        projection_map(&w, values + i * W_DIM, W_DIM,
                       W_N - i < PROJECTION_BATCH ? W_N - i : PROJECTION_BATCH,
                       mapped + i * OUT, OUT, work);
    for (int a = 0; a < OUT; a++) {
        double largest = 0;
        for (int b = 0; b < OUT; b++) {
            double sum = 0, product = 0;
            for (uint32_t i = 0; i < W_N; i++) {
                sum += (double)mapped[i * OUT + a];
                product += (double)mapped[i * OUT + a] * (double)mapped[i * OUT + b];
            }
            assert_near(sum / W_N, 0, 1e-5);
            assert_near(product / W_N, a == b, 1e-5);
        }
        for (int j = 0; j < W_DIM; j++) {
            const double value = w.rows[a * w.stride + j];
            largest = fabs(value) > fabs(largest) ? value : largest;
        }
        assert_true(largest > 0);
    }
    free(work);
    free(mapped);
    free(values);
    projection_clear(&w);
    projection_clear(&w);
    bovw_vectors_close(vectors);
}

/* a (W_DIM, W_DIM) to its inverse, by Gauss and Jordan. */
static void invert(double a[W_DIM][W_DIM])
{
    for (int k = 0; k < W_DIM; k++) {
        const double pivot = a[k][k];
        a[k][k] = 1;
        for (int j = 0; j < W_DIM; j++)
            a[k][j] /= pivot;
        for (int i = 0; i < W_DIM; i++) {
            const double factor = a[i][k];
            if (i == k)
                continue;
            a[i][k] = 0;
            for (int j = 0; j < W_DIM; j++)
                a[i][j] -= factor * a[k][j];
        }
    }
}

/* The inverse of the shrunk covariance; the share by its definition. */
static void plain_inverse(const float *values, double s[W_DIM][W_DIM])
{
    double mean[W_DIM] = {0}, m = 0, distance = 0, error = 0;
    memset(s, 0, sizeof(double) * W_DIM * W_DIM);
    for (int i = 0; i < W_N * W_DIM; i++)
        mean[i % W_DIM] += (double)values[i] / W_N;
    for (int v = 0; v < W_N; v++) {
        const float *x = values + v * W_DIM;
        for (int i = 0; i < W_DIM * W_DIM; i++)
            s[i / W_DIM][i % W_DIM] += ((double)x[i / W_DIM] - mean[i / W_DIM]) *
                                       ((double)x[i % W_DIM] - mean[i % W_DIM]) / W_N;
    }
    for (int i = 0; i < W_DIM; i++)
        m += s[i][i] / W_DIM;
    for (int v = 0; v < W_N; v++) {
        const float *x = values + v * W_DIM;
        for (int i = 0; i < W_DIM * W_DIM; i++) {
            const double d = ((double)x[i / W_DIM] - mean[i / W_DIM]) *
                                 ((double)x[i % W_DIM] - mean[i % W_DIM]) -
                             s[i / W_DIM][i % W_DIM];
            error += d * d / W_N / W_N;
        }
    }
    for (int i = 0; i < W_DIM * W_DIM; i++) {
        const double d = s[i / W_DIM][i % W_DIM] - (i / W_DIM == i % W_DIM ? m : 0);
        distance += d * d;
    }
    const double share = error / distance;
    assert_true(share > 0.001 && share < 0.5);
    for (int i = 0; i < W_DIM * W_DIM; i++)
        s[i / W_DIM][i % W_DIM] = (1 - share) * s[i / W_DIM][i % W_DIM] +
                                  (i / W_DIM == i % W_DIM ? share * m : 0);
    invert(s);
}

static void mahalanobis_is_what_an_inverse_gives(void **state)
{
    (void)state;
    const bovw_rank_options opts = {.metric = BOVW_METRIC_MAHALANOBIS};
    static double inverse[W_DIM][W_DIM];
    float *values = correlated();
    bovw_vectors *vectors = vectors_of(values, W_N, W_DIM);
    float *scores = all_scores(vectors, &opts, NULL);
    plain_inverse(values, inverse);
    for (int q = 0; q < 20; q++) {
        for (int v = 0; v < W_N; v++) {
            double sum = 0;
            for (int i = 0; i < W_DIM; i++) {
                for (int j = 0; j < W_DIM; j++)
                    sum += inverse[i][j] *
                           (double)(values[q * W_DIM + i] - values[v * W_DIM + i]) *
                           (double)(values[q * W_DIM + j] - values[v * W_DIM + j]);
            }
            const double want = sum > 0 ? -sqrt(sum) : 0;
            assert_near((double)scores[q * W_N + v], want, 1e-4 * fabs(want) + 1e-6);
        }
    }
    free(scores);
    free(values);
    bovw_vectors_close(vectors);
}

static void what_is_learned_does_not_depend_on_threads(void **state)
{
    (void)state;
    static const bovw_rank_options all[] = {
        {.metric = BOVW_METRIC_MAHALANOBIS},
        {.metric = BOVW_METRIC_COSINE, .whiten = 7},
        {.metric = BOVW_METRIC_EUCLIDEAN, .whiten = W_DIM}};
    const bovw_compute slow = {.n_threads = 1, .kernel = "portable"};
    const bovw_compute fast = {.n_threads = 3};
    float *values = correlated();
    bovw_vectors *vectors = vectors_of(values, W_N, W_DIM);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        float *one = all_scores(vectors, &all[i], &slow);
        float *many = all_scores(vectors, &all[i], &fast);
        assert_memory_equal(one, many, W_N * W_N * sizeof *one);
        free(one);
        free(many);
    }
    free(values);
    bovw_vectors_close(vectors);
}

static void refuse_rank(const bovw_vectors *vectors, bovw_metric metric, uint32_t whiten,
                        bovw_status status, const char *reason)
{
    const bovw_rank_options opts = {.metric = metric, .whiten = whiten};
    bovw_error err = {0};
    found f = {.stop_at = 0};
    assert_int_equal(bovw_vectors_rank(vectors, vectors, &opts, NULL, NULL, keep, &f, &err),
                     status);
    assert_non_null(strstr(err.text, reason));
}

static void what_cannot_be_learned_is_told(void **state)
{
    (void)state;
    static const float same[6] = {0.1F, 7, 0.1F, 7, 0.1F, 7};
    float bad[8];
    bovw_vectors *vectors = vectors_of(cross, 4, 2);
    refuse_rank(vectors, BOVW_METRIC_COSINE, 3, BOVW_ERR_MISMATCH,
                "2 dimensions cannot be whitened to 3");
    refuse_rank(vectors, BOVW_METRIC_MAHALANOBIS, 2, BOVW_ERR_ARG, "whitens already");
    bovw_vectors_close(vectors);
    vectors = vectors_of(cross, 2, 4);
    refuse_rank(vectors, BOVW_METRIC_EUCLIDEAN, 2, BOVW_ERR_MISMATCH,
                "whitening to 2 dimensions needs 3 vectors or more, not 2");
    bovw_vectors_close(vectors);
    vectors = vectors_of(cross, 1, 8);
    refuse_rank(vectors, BOVW_METRIC_MAHALANOBIS, 0, BOVW_ERR_MISMATCH,
                "a covariance needs 2 vectors or more");
    bovw_vectors_close(vectors);
    vectors = vectors_of(same, 3, 2);
    refuse_rank(vectors, BOVW_METRIC_MAHALANOBIS, 0, BOVW_ERR_MISMATCH,
                "all vectors are the same");
    bovw_vectors_close(vectors);
    memcpy(bad, cross, sizeof bad);
    bad[5] = NAN;
    vectors = vectors_of(bad, 4, 2);
    refuse_rank(vectors, BOVW_METRIC_MAHALANOBIS, 0, BOVW_ERR_CORRUPT, "row 2: value 1");
    refuse_rank(vectors, BOVW_METRIC_COSINE, 1, BOVW_ERR_CORRUPT, "row 2: value 1");
    bovw_vectors_close(vectors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(npy_of_every_type_and_order),
        TEST(halves_of_every_kind),
        TEST(fvecs_and_bvecs),
        TEST(malformed_npy),
        TEST(values_that_are_not_finite_are_told),
        TEST(names_are_lines),
        TEST(kernels_agree_to_the_last_bit),
        TEST(search_finds_what_a_plain_loop_finds),
        TEST(search_stops_when_it_should),
        TEST(measures_by_hand),
        TEST(mahalanobis_by_hand),
        TEST(whitening_by_hand),
        TEST(whitened_vectors_have_the_identity_as_covariance),
        TEST(mahalanobis_is_what_an_inverse_gives),
        TEST(what_is_learned_does_not_depend_on_threads),
        TEST(what_cannot_be_learned_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
