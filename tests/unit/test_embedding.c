/* SPDX-License-Identifier: MIT
 *
 * Signatures: by hand, fast against simple, and what training must give. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "synthetic.h"
#include "vocabulary/eigen.h"
#include "vocabulary/embedding.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    K = 5,
    N = 4000
};

static char *folder, *path;
static uint8_t centroids[K * DIM];
static uint8_t *descriptors; /* (N, DIM), near the centroids */

/* Residuals are wide in the first 64 dimensions and narrow in the others, and
 * skewed, so that medians are not means. */
static int set_up(void **state)
{
    uint64_t seed = 17;
    (void)state;
    folder = make_folder();
    path = mem_format("%s/a.vocab", folder);
    descriptors = mem_array(N, DIM);
    for (size_t i = 0; i < sizeof centroids; i++)
        centroids[i] = (uint8_t)(100 + random_below(&seed, 50));
    for (size_t i = 0; i < N; i++) {
        const uint8_t *c = centroids + random_below(&seed, K) * DIM;
        for (size_t d = 0; d < DIM; d++) {
            const uint64_t width = d < 64 ? 60 : 8;
            const int64_t a = (int64_t)random_below(&seed, width);
            descriptors[i * DIM + d] =
                (uint8_t)(c[d] + a * a / (int64_t)width - (int64_t)width / 3);
        }
    }
    return path && descriptors ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    free(path);
    free(descriptors);
    return 0;
}

/* ---- eigenvectors ------------------------------------------------------------ */

static void eigenvectors_of_a_small_matrix_are_known(void **state)
{
    (void)state;
    /* [2 1; 1 2] has 3 along (1, 1) and 1 along (1, -1). */
    double matrix[4] = {2, 1, 1, 2}, vectors[4];
    eigen_symmetric(matrix, 2, vectors);
    assert_true(fabs(matrix[0] - 3) < 1e-14 && fabs(matrix[3] - 1) < 1e-14);
    assert_true(fabs(vectors[0] - vectors[1]) < 1e-14);
    assert_true(fabs(fabs(vectors[0]) - sqrt(0.5)) < 1e-14);
    assert_true(fabs(vectors[2] + vectors[3]) < 1e-14);

    double zero[9] = {0}, unit[9];
    eigen_symmetric(zero, 3, unit);
    for (int i = 0; i < 9; i++)
        assert_true(unit[i] == (i % 4 == 0 ? 1.0 : 0.0));
}

static void eigenvectors_of_a_random_matrix_satisfy_their_equation(void **state)
{
    (void)state;
    enum {
        M = 50
    };
    static double matrix[M * M], copy[M * M], vectors[M * M];
    uint64_t seed = 3;
    for (int i = 0; i < M; i++) {
        for (int j = 0; j <= i; j++)
            matrix[i * M + j] = matrix[j * M + i] =
                (double)random_below(&seed, 2001) / 1000.0 - 1.0;
    }
    memcpy(copy, matrix, sizeof copy);
    eigen_symmetric(matrix, M, vectors);
    for (int v = 0; v < M; v++) {
        const double value = matrix[v * M + v];
        assert_true(v == 0 || matrix[(v - 1) * M + v - 1] >= value);
        for (int w = 0; w <= v; w++) {
            double dot = 0;
            for (int i = 0; i < M; i++)
                dot += vectors[v * M + i] * vectors[w * M + i];
            assert_true(fabs(dot - (v == w)) < 1e-12);
        }
        for (int i = 0; i < M; i++) {
            double product = 0;
            for (int j = 0; j < M; j++)
                product += copy[i * M + j] * vectors[v * M + j];
            assert_true(fabs(product - value * vectors[v * M + i]) < 1e-11);
        }
    }
}

/* ---- signatures --------------------------------------------------------------- */

static bovw_vocabulary *make(const int16_t *projection, const int8_t *thresholds)
{
    const bovw_embedding from = {projection, thresholds};
    bovw_feature_options opts;
    bovw_vocabulary *v = NULL;
    bovw_feature_options_default(&opts);
    assert_int_equal(
        bovw_vocabulary_new_embedded(&opts, centroids, K, &from, "by hand", &v, NULL),
        BOVW_OK);
    return v;
}

/* With the unit matrix, bit i is x_i - c_i > t_i / 2. */
static void signatures_by_hand(void **state)
{
    (void)state;
    static int16_t unit[DIM * DIM];
    static int8_t thresholds[K * DIM];
    uint8_t x[DIM];
    const uint32_t word = 3;
    uint64_t signature[2];

    for (int i = 0; i < DIM; i++)
        unit[i * DIM + i] = EMBEDDING_ONE;
    memcpy(x, centroids + word * DIM, DIM);
    thresholds[word * DIM + 1] = 3;   /* 1.5 */
    thresholds[word * DIM + 2] = 4;   /* 2 */
    thresholds[word * DIM + 65] = -1; /* -0.5 */
    thresholds[word * DIM + 66] = -2; /* -1 */
    x[0] += 1;                        /* above 0 */
    x[1] += 2;                        /* above 1.5 */
    x[2] += 2;                        /* not above 2 */
    x[66] -= 1;                       /* not above -1 */
    x[127] += 100;
    bovw_vocabulary *v = make(unit, thresholds);
    assert_int_equal(bovw_vocabulary_signatures(v, x, 1, 1, &word, NULL, signature, NULL),
                     BOVW_OK);
    assert_true(signature[0] == 3);
    assert_true(signature[1] == ((uint64_t)1 << 63 | 2));

    /* Aggregated with its mirror image about the centroid, all differences
     * vanish, and twice the thresholds decide. */
    uint8_t both[2 * DIM];
    memcpy(both, x, DIM);
    for (int d = 0; d < DIM; d++)
        both[DIM + d] = (uint8_t)(2 * centroids[word * DIM + (uint32_t)d] - x[d]);
    const uint64_t keys[] = {(uint64_t)word << 32, (uint64_t)word << 32 | 1};
    uint32_t words[2];
    assert_int_equal(vocabulary_aggregate(v, both, keys, 2, words, signature), 1);
    assert_int_equal(words[0], word);
    assert_true(signature[0] == 0);
    assert_true(signature[1] == 6);
    bovw_vocabulary_close(v);
}

static void random_parts(uint64_t seed, int16_t *projection, int8_t *thresholds)
{
    for (int i = 0; i < DIM * DIM; i++)
        projection[i] = (int16_t)((int)random_below(&seed, 2801) - 1400);
    for (int i = 0; i < K * DIM; i++)
        thresholds[i] = (int8_t)random_next(&seed);
}

static void every_kernel_and_thread_count_gives_the_same_signatures(void **state)
{
    (void)state;
    enum {
        M = 300,
        R = 2
    };
    static int16_t projection[DIM * DIM];
    static int8_t thresholds[K * DIM];
    static uint64_t expected[M * R * 2], got[M * R * 2];
    uint8_t extreme[M * DIM];
    uint32_t words[M * R];
    uint64_t seed = 5;

    random_parts(4, projection, thresholds);
    for (int d = 0; d < DIM; d++) /* the longest row that is allowed */
        projection[d] = (int16_t)(d % 2 ? 1448 : -1448);
    for (size_t i = 0; i < sizeof extreme; i++)
        extreme[i] =
            i % 3 ? (uint8_t)random_next(&seed) : (random_next(&seed) & 1 ? 255 : 0);
    for (int i = 0; i < M * R; i++)
        words[i] = (uint32_t)random_below(&seed, K);
    bovw_vocabulary *v = make(projection, thresholds);
    for (int i = 0; i < M * R; i++) { /* the definition, in 64 bits */
        for (int b = 0; b < DIM; b++) {
            int64_t sum = 0;
            for (int d = 0; d < DIM; d++)
                sum += (int64_t)projection[b * DIM + d] *
                       (extreme[i / R * DIM + d] - centroids[words[i] * DIM + (uint32_t)d]);
            if (sum > thresholds[words[i] * DIM + (uint32_t)b] * (int64_t)8192)
                expected[2 * i + b / 64] |= (uint64_t)1 << b % 64;
        }
    }
    const char *kernels[] = {NULL, "portable"};
    for (int k = 0; k < 2; k++) {
        for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
            const bovw_compute compute = {.n_threads = n_threads, .kernel = kernels[k]};
            memset(got, 0xee, sizeof got);
            assert_int_equal(
                bovw_vocabulary_signatures(v, extreme, M, R, words, &compute, got, NULL),
                BOVW_OK);
            assert_memory_equal(got, expected, sizeof got);
        }
    }
    /* Aggregates of single descriptors are their signatures. */
    for (int i = 0; i < M * R; i++) {
        const uint64_t key = (uint64_t)words[i] << 32 | (uint64_t)(i / R);
        assert_int_equal(vocabulary_aggregate(v, extreme, &key, 1, NULL, got), 1);
        assert_memory_equal(got, expected + 2 * i, 16);
    }
    words[7] = K;
    assert_int_equal(bovw_vocabulary_signatures(v, extreme, M, R, words, NULL, got, NULL),
                     BOVW_ERR_ARG);
    bovw_vocabulary_close(v);
}

static void too_long_rows_and_vocabularies_without_signatures_are_refused(void **state)
{
    (void)state;
    static int16_t projection[DIM * DIM];
    static int8_t thresholds[K * DIM];
    const bovw_embedding from = {projection, thresholds};
    bovw_feature_options opts;
    bovw_vocabulary *v = NULL;
    uint64_t signature[2];
    const uint32_t word = 0;
    bovw_feature_options_default(&opts);
    for (int d = 0; d < DIM; d++)
        projection[4 * DIM + d] = 1500;
    assert_int_equal(bovw_vocabulary_new_embedded(&opts, centroids, K, &from, "", &v, NULL),
                     BOVW_ERR_ARG);
    assert_null(v);
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, K, "", &v, NULL), BOVW_OK);
    assert_false(bovw_vocabulary_has_signatures(v));
    assert_int_equal(
        bovw_vocabulary_signatures(v, centroids, 1, 1, &word, NULL, signature, NULL),
        BOVW_ERR_ARG);
    bovw_vocabulary_close(v);
}

/* ---- training ------------------------------------------------------------------ */

static bovw_vocabulary *embed(uint64_t seed, uint32_t n_threads, const char *kernel)
{
    const bovw_compute compute = {.n_threads = n_threads, .kernel = kernel};
    bovw_feature_options opts;
    bovw_vocabulary *plain = NULL, *v = NULL;
    bovw_feature_options_default(&opts);
    assert_int_equal(bovw_vocabulary_new(&opts, centroids, K, "trained", &plain, NULL),
                     BOVW_OK);
    assert_int_equal(
        bovw_vocabulary_embed(plain, descriptors, N, seed, &compute, NULL, &v, NULL),
        BOVW_OK);
    bovw_vocabulary_close(plain);
    return v;
}

static void
the_projection_is_orthonormal_and_its_first_half_spans_the_wide_half(void **state)
{
    (void)state;
    bovw_vocabulary *v = embed(1, 1, NULL);
    const int16_t *p = vocabulary_projection(v);
    const double one = (double)EMBEDDING_ONE * EMBEDDING_ONE;
    for (int i = 0; i < DIM; i++) {
        double wide = 0;
        for (int d = 0; d < 64; d++)
            wide += (double)p[i * DIM + d] * p[i * DIM + d] / one;
        assert_true(i < 64 ? wide > 0.99 : wide < 0.01);
        for (int j = 0; j <= i; j++) {
            double dot = 0;
            for (int d = 0; d < DIM; d++)
                dot += (double)p[i * DIM + d] * p[j * DIM + d] / one;
            assert_true(fabs(dot - (i == j)) < 1e-3);
        }
    }
    /* Turned at random: no row is one of the axes that the data have. */
    for (int i = 0; i < DIM * DIM; i++)
        assert_true(abs(p[i]) < 0.7 * EMBEDDING_ONE);
    bovw_vocabulary_close(v);
}

static void thresholds_are_medians(void **state)
{
    (void)state;
    bovw_vocabulary *v = embed(1, 1, NULL);
    static uint32_t words[N];
    static uint64_t signatures[N * 2];
    assert_int_equal(bovw_vocabulary_assign(v, descriptors, N, NULL, words, NULL, NULL),
                     BOVW_OK);
    assert_int_equal(
        bovw_vocabulary_signatures(v, descriptors, N, 1, words, NULL, signatures, NULL),
        BOVW_OK);
    for (uint32_t w = 0; w < K; w++) {
        for (int b = 0; b < DIM; b++) {
            int n = 0, ones = 0;
            for (int i = 0; i < N; i++) {
                n += words[i] == w;
                ones += words[i] == w && signatures[2 * i + b / 64] >> b % 64 & 1;
            }
            /* Some 800 descriptors a word; a step of half a unit where the narrow
             * half has a deviation of 2 is a tenth of them. */
            assert_true(abs(2 * ones - n) < n / 6);
        }
    }
    bovw_vocabulary_close(v);
}

static void words_without_descriptors_have_thresholds_of_zero(void **state)
{
    (void)state;
    int16_t projection[DIM * DIM];
    int8_t thresholds[2 * DIM];
    const uint32_t words[] = {1, 1};
    const point_set two = {.data = descriptors, .n = 2};
    assert_int_equal(embedding_train(&two, words, centroids, 2, 1, NULL, NULL, projection,
                                     thresholds, NULL),
                     BOVW_OK);
    for (int i = 0; i < DIM; i++)
        assert_int_equal(thresholds[i], 0);
    /* Two descriptors count an eighth of a median of sixteen more at 0. */
    int64_t sum = 0;
    for (int d = 0; d < DIM; d++)
        sum += projection[d] *
               ((int64_t)descriptors[d] + descriptors[DIM + d] - 2 * centroids[DIM + d]);
    const double expected = (double)sum / 2 * 2 / 18 / EMBEDDING_STEP;
    assert_true(fabs(thresholds[DIM] - expected) <= 0.5 + 1e-9);
}

static void training_depends_on_the_seed_alone(void **state)
{
    (void)state;
    bovw_vocabulary *one = embed(1, 1, NULL);
    const struct {
        uint64_t seed;
        uint32_t n_threads;
        const char *kernel;
        bool is_same;
    } cases[] = {{1, 3, NULL, true}, {1, 1, "portable", true}, {2, 1, NULL, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bovw_vocabulary *other = embed(cases[i].seed, cases[i].n_threads, cases[i].kernel);
        assert_int_equal(strcmp(bovw_vocabulary_id(one), bovw_vocabulary_id(other)) == 0,
                         cases[i].is_same);
        bovw_vocabulary_close(other);
    }
    /* On every machine. Other bits here mean that old and new vocabularies of the
     * same pictures differ: think before changing this line. */
    assert_string_equal(bovw_vocabulary_id(one), "0bdecc06d039191e56c772080ddfe9d9");
    bovw_vocabulary_close(one);
}

static bool stop(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return strcmp(stage, "embedding") != 0;
}

static void training_can_be_stopped(void **state)
{
    (void)state;
    const bovw_monitor monitor = {.progress = stop};
    bovw_vocabulary *v = embed(1, 1, NULL), *none = NULL;
    assert_int_equal(
        bovw_vocabulary_embed(v, descriptors, N, 1, NULL, &monitor, &none, NULL),
        BOVW_ERR_CANCELLED);
    assert_int_equal(bovw_vocabulary_embed(v, descriptors, 0, 1, NULL, NULL, &none, NULL),
                     BOVW_ERR_ARG);
    assert_null(none);
    bovw_vocabulary_close(v);
}

/* ---- files --------------------------------------------------------------------- */

static void a_saved_vocabulary_has_the_same_signatures(void **state)
{
    (void)state;
    bovw_vocabulary *v = embed(1, 1, NULL), *read = NULL;
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    assert_int_equal(bovw_vocabulary_open(path, &read, NULL), BOVW_OK);
    assert_string_equal(bovw_vocabulary_id(v), bovw_vocabulary_id(read));
    assert_memory_equal(vocabulary_projection(v), vocabulary_projection(read),
                        DIM * DIM * 2);
    assert_memory_equal(vocabulary_thresholds(v), vocabulary_thresholds(read), K * DIM);
    assert_string_equal(bovw_vocabulary_summary(read), "trained");
    bovw_vocabulary_close(v);
    bovw_vocabulary_close(read);
}

static void damage_is_refused(void **state)
{
    (void)state;
    bovw_vocabulary *v = embed(1, 1, NULL), *read = NULL;
    bovw_error err = {0};
    size_t n;
    uint64_t seed = 1;
    assert_int_equal(bovw_vocabulary_save(v, path, NULL), BOVW_OK);
    uint8_t *bytes = slurp(path, &n);
    for (int round = 0; round < 300; round++) {
        const size_t at = random_below(&seed, n);
        const uint8_t flipped = (uint8_t)(1 << random_below(&seed, 8));
        bytes[at] ^= flipped;
        spit(path, bytes, n);
        assert_int_not_equal(bovw_vocabulary_open(path, &read, &err), BOVW_OK);
        assert_non_null(strstr(err.text, path));
        bytes[at] ^= flipped;
    }
    free(bytes);
    bovw_vocabulary_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigenvectors_of_a_small_matrix_are_known),
        cmocka_unit_test(eigenvectors_of_a_random_matrix_satisfy_their_equation),
        cmocka_unit_test(signatures_by_hand),
        cmocka_unit_test(every_kernel_and_thread_count_gives_the_same_signatures),
        cmocka_unit_test(too_long_rows_and_vocabularies_without_signatures_are_refused),
        cmocka_unit_test(
            the_projection_is_orthonormal_and_its_first_half_spans_the_wide_half),
        cmocka_unit_test(thresholds_are_medians),
        cmocka_unit_test(words_without_descriptors_have_thresholds_of_zero),
        cmocka_unit_test(training_depends_on_the_seed_alone),
        cmocka_unit_test(training_can_be_stopped),
        cmocka_unit_test(a_saved_vocabulary_has_the_same_signatures),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
