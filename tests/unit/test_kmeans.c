/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synthetic.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "bovw/vocabulary.h"
#include "vocabulary/kmeans.h"
#include "vocabulary/kmeans_repair.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    DIM = BOVW_DESCRIPTOR_DIM
};

/* n points around n_centres random ones, off by at most 3 in each dimension. */
static uint8_t *clustered_points(size_t n, const uint8_t *centres, size_t n_centres,
                                 uint64_t seed)
{
    uint8_t *points = mem_array(n, DIM);
    assert_non_null(points);
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < DIM; d++) {
            const int value =
                centres[i % n_centres * DIM + d] + (int)random_below(&seed, 7) - 3;
            points[i * DIM + d] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
    }
    return points;
}

static bovw_kmeans_options options(uint32_t k, uint32_t n_iterations)
{
    bovw_kmeans_options opts;
    bovw_kmeans_options_default(&opts);
    opts.k = k;
    opts.n_iterations = n_iterations;
    return opts;
}

static uint32_t distance_sq(const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;
    for (int d = 0; d < DIM; d++)
        sum += (uint32_t)((a[d] - b[d]) * (a[d] - b[d]));
    return sum;
}

/* Sum over the points of the squared distance to the nearest centroid. */
static double error_of(const uint8_t *points, size_t n, const uint8_t *centroids,
                       uint32_t k)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < k; c++) {
            const uint32_t distance = distance_sq(points + i * DIM, centroids + c * DIM);
            best = distance < best ? distance : best;
        }
        sum += best;
    }
    return (double)sum / (double)n;
}

static void well_separated_clusters_are_found(void **state)
{
    (void)state;
    enum {
        K = 25,
        N = 2500
    };
    uint8_t *centres = random_points(K, 1);
    uint8_t *points = clustered_points(N, centres, K, 2);
    uint8_t centroids[K * DIM];
    bool is_found[K] = {false};
    bovw_kmeans_result result;
    const bovw_kmeans_options opts = options(K, 20);

    assert_int_equal(bovw_kmeans(points, N, &opts, NULL, NULL, centroids, &result, NULL),
                     BOVW_OK);
    for (size_t c = 0; c < K; c++) {
        for (size_t t = 0; t < K; t++) {
            if (distance_sq(centroids + c * DIM, centres + t * DIM) <= DIM)
                is_found[t] = true;
        }
    }
    for (size_t t = 0; t < K; t++)
        assert_true(is_found[t]);
    assert_true(result.error < 4.5 * DIM); /* the variance of 7 values is 4 */
    assert_true(result.n_iterations < 20);
    free(centres);
    free(points);
}

static void one_centroid_is_the_rounded_mean(void **state)
{
    (void)state;
    uint8_t *points = random_points(77, 3), centroid[DIM];
    const bovw_kmeans_options opts = options(1, 20);
    bovw_kmeans_result result;
    assert_int_equal(bovw_kmeans(points, 77, &opts, NULL, NULL, centroid, &result, NULL),
                     BOVW_OK);
    for (size_t d = 0; d < DIM; d++) {
        double sum = 0.0;
        for (size_t i = 0; i < 77; i++)
            sum += points[i * DIM + d];
        assert_int_equal(centroid[d], (int)(sum / 77.0 + 0.5));
    }
    assert_true(result.error == error_of(points, 77, centroid, 1));
    free(points);
}

static void halves_are_rounded_up(void **state)
{
    (void)state;
    uint8_t points[2 * DIM] = {0}, centroid[DIM];
    const bovw_kmeans_options opts = options(1, 20);
    points[0] = 1;
    points[1] = 255;
    points[DIM + 1] = 254;
    assert_int_equal(bovw_kmeans(points, 2, &opts, NULL, NULL, centroid, NULL, NULL),
                     BOVW_OK);
    assert_int_equal(centroid[0], 1);
    assert_int_equal(centroid[1], 255);
    assert_int_equal(centroid[2], 0);
}

static void as_many_centroids_as_distinct_points_are_the_points(void **state)
{
    (void)state;
    enum {
        N = 60
    };
    uint8_t *points = random_points(N, 4), centroids[N * DIM];
    const bovw_kmeans_options opts = options(N, 20);
    bovw_kmeans_result result;
    assert_int_equal(bovw_kmeans(points, N, &opts, NULL, NULL, centroids, &result, NULL),
                     BOVW_OK);
    assert_true(result.error == 0.0);
    assert_true(error_of(points, N, centroids, N) == 0.0);
    free(points);
}

/* With one iteration more at a time, the error of the result must not rise. */
static void the_error_never_rises_and_is_no_less_than_the_true_one(void **state)
{
    (void)state;
    enum {
        N = 600,
        K = 40
    };
    uint8_t *points = random_points(N, 5), centroids[K * DIM];
    double previous = 1e30, first = 0.0;
    for (uint32_t n_iterations = 1; n_iterations <= 12; n_iterations++) {
        const bovw_kmeans_options opts = options(K, n_iterations);
        bovw_kmeans_result result;
        assert_int_equal(
            bovw_kmeans(points, N, &opts, NULL, NULL, centroids, &result, NULL), BOVW_OK);
        assert_true(result.n_iterations <= n_iterations);
        assert_true(result.error <= previous);
        /* Assigned anew, the points can only come nearer. */
        assert_true(error_of(points, N, centroids, K) <= result.error);
        previous = result.error;
        first = n_iterations == 1 ? result.error : first;
    }
    assert_true(previous < first);
    free(points);
}

static void threads_and_kernels_do_not_change_a_byte(void **state)
{
    (void)state;
    enum {
        N = 70000, /* more than the points between two progress calls */
        K = 8
    };
    uint8_t *centres = random_points(3 * K, 6);
    uint8_t *points = clustered_points(N, centres, 3 * K, 7);
    uint8_t expected[K * DIM], centroids[K * DIM];
    const bovw_kmeans_options opts = options(K, 2);
    bovw_kmeans_result expected_result, result;
    const bovw_compute portable = {.n_threads = 1, .kernel = "portable"};

    assert_int_equal(
        bovw_kmeans(points, N, &opts, &portable, NULL, expected, &expected_result, NULL),
        BOVW_OK);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        for (uint32_t n_threads = 1; n_threads <= 2; n_threads++) {
            const bovw_compute compute = {.n_threads = n_threads,
                                          .kernel = bovw_kernel_name(i)};
            assert_int_equal(
                bovw_kmeans(points, N, &opts, &compute, NULL, centroids, &result, NULL),
                BOVW_OK);
            assert_memory_equal(centroids, expected, sizeof expected);
            assert_true(result.error == expected_result.error);
            assert_int_equal(result.n_iterations, expected_result.n_iterations);
        }
    }
    free(centres);
    free(points);
}

static void the_seed_decides(void **state)
{
    (void)state;
    enum {
        N = 500,
        K = 20
    };
    uint8_t *points = random_points(N, 8), first[K * DIM], second[K * DIM];
    bovw_kmeans_options opts = options(K, 2);
    assert_int_equal(bovw_kmeans(points, N, &opts, NULL, NULL, first, NULL, NULL), BOVW_OK);
    opts.seed = 2;
    assert_int_equal(bovw_kmeans(points, N, &opts, NULL, NULL, second, NULL, NULL),
                     BOVW_OK);
    assert_memory_not_equal(first, second, sizeof first);
    opts.seed = 1;
    assert_int_equal(bovw_kmeans(points, N, &opts, NULL, NULL, second, NULL, NULL),
                     BOVW_OK);
    assert_memory_equal(first, second, sizeof first);
    free(points);
}

static void fewer_distinct_points_than_centroids_end_well(void **state)
{
    (void)state;
    enum {
        N = 300,
        K = 10,
        DISTINCT = 4
    };
    uint8_t *distinct = random_points(DISTINCT, 9), *points = mem_array(N, DIM);
    uint8_t centroids[K * DIM];
    const bovw_kmeans_options opts = options(K, 20);
    bovw_kmeans_result result;
    assert_non_null(points);
    for (size_t i = 0; i < N; i++)
        memcpy(points + i * DIM, distinct + i % DISTINCT * DIM, DIM);
    assert_int_equal(bovw_kmeans(points, N, &opts, NULL, NULL, centroids, &result, NULL),
                     BOVW_OK);
    assert_true(result.error == 0.0);
    assert_true(error_of(points, N, centroids, K) == 0.0);
    assert_true(result.n_iterations <= 2);
    free(distinct);
    free(points);
}

typedef struct listener {
    char texts[32][160];
    size_t n_texts;
    const char *stop_at; /* stage, or NULL */
    uint64_t n_calls;
} listener;

static void listen_to_message(void *context, const char *text)
{
    listener *l = context;
    if (l->n_texts < 32)
        snprintf(l->texts[l->n_texts++], sizeof l->texts[0], "%s", text);
}

static bool listen_to_progress(void *context, const char *stage, uint64_t done,
                               uint64_t total)
{
    listener *l = context;
    assert_true(done <= total);
    l->n_calls++;
    return !l->stop_at || strcmp(stage, l->stop_at) != 0;
}

/* Many points at one place and a few elsewhere: the sample may see the crowd
 * alone, its centroids fall together, and all but one of them are empty. */
static void empty_clusters_take_the_farthest_points(void **state)
{
    (void)state;
    enum {
        N = 20000,
        K = 4
    };
    uint8_t *points = mem_array(N, DIM), centroids[K * DIM];
    listener l = {.n_texts = 0};
    const bovw_monitor monitor = {.context = &l, .message = listen_to_message};
    bovw_kmeans_options opts = options(K, 20);
    bovw_kmeans_result result;
    assert_non_null(points);
    memset(points, 100, N * DIM);
    for (size_t i = 0; i < K - 1; i++)
        memset(points + (i * 6000 + 17) * DIM, (int)(10 + 100 * i), DIM);
    assert_int_equal(
        bovw_kmeans(points, N, &opts, NULL, &monitor, centroids, &result, NULL), BOVW_OK);
    assert_true(result.n_repaired >= 1);
    assert_non_null(strstr(l.texts[0], "refilled"));
    assert_true(result.error == 0.0);
    assert_true(error_of(points, N, centroids, K) == 0.0);
    free(points);
}

static void only_points_that_can_be_spared_are_moved(void **state)
{
    (void)state;
    /* Cluster 0 is empty; 1 has its only point; 2 and 3 have three each; 4 is
     * empty; 5 has two points on its centroid. */
    uint32_t words[9] = {1, 2, 2, 2, 3, 3, 3, 5, 5};
    uint32_t distances[9] = {90, 20, 70, 30, 5, 70, 60, 0, 0};
    uint32_t counts[6] = {0, 1, 3, 3, 0, 2}, scratch[9];
    kmeans_donation donations[2];
    assert_int_equal(kmeans_repair(words, distances, 9, counts, 6, scratch, donations), 2);
    assert_int_equal(donations[0].point, 2);
    assert_int_equal(donations[0].from, 2);
    assert_int_equal(donations[1].point, 5);
    assert_int_equal(donations[1].from, 3);
    const uint32_t expected_words[9] = {1, 2, 0, 2, 3, 4, 3, 5, 5};
    const uint32_t expected_distances[9] = {90, 20, 0, 30, 5, 0, 60, 0, 0};
    const uint32_t expected_counts[6] = {1, 1, 2, 2, 1, 2};
    assert_memory_equal(words, expected_words, sizeof words);
    assert_memory_equal(distances, expected_distances, sizeof distances);
    assert_memory_equal(counts, expected_counts, sizeof counts);
}

static void a_donor_keeps_its_last_point(void **state)
{
    (void)state;
    uint32_t words[3] = {0, 0, 2}, distances[3] = {50, 60, 70};
    uint32_t counts[4] = {2, 0, 1, 0}, scratch[3];
    kmeans_donation donations[2];
    assert_int_equal(kmeans_repair(words, distances, 3, counts, 4, scratch, donations), 1);
    const uint32_t expected_words[3] = {0, 1, 2}, expected_counts[4] = {1, 1, 1, 0};
    assert_memory_equal(words, expected_words, sizeof words);
    assert_memory_equal(counts, expected_counts, sizeof counts);
}

/* Against the plain way: look through all points for each empty cluster. */
static void repair_takes_the_farthest_in_turn(void **state)
{
    (void)state;
    enum {
        N = 500,
        K = 60
    };
    uint32_t words[N], distances[N], counts[K], scratch[N];
    uint32_t plain_words[N], plain_distances[N], plain_counts[K];
    kmeans_donation donations[K];
    uint64_t seed = 13;
    for (int round = 0; round < 20; round++) {
        uint32_t n_repaired = 0;
        memset(counts, 0, sizeof counts);
        for (size_t i = 0; i < N; i++) {
            words[i] =
                (uint32_t)random_below(&seed, K / 2) * 2; /* the odd ones are empty */
            distances[i] = (uint32_t)random_below(&seed, 40);
            counts[words[i]]++;
        }
        memcpy(plain_words, words, sizeof words);
        memcpy(plain_distances, distances, sizeof distances);
        memcpy(plain_counts, counts, sizeof counts);
        for (uint32_t c = 0; c < K; c++) {
            size_t farthest = N;
            for (size_t i = 0; plain_counts[c] == 0 && i < N; i++) {
                if (plain_distances[i] > 0 && plain_counts[plain_words[i]] > 1 &&
                    (farthest == N || plain_distances[i] > plain_distances[farthest]))
                    farthest = i;
            }
            if (farthest == N)
                continue;
            plain_counts[plain_words[farthest]]--;
            plain_words[farthest] = c;
            plain_distances[farthest] = 0;
            plain_counts[c] = 1;
            n_repaired++;
        }
        assert_int_equal(kmeans_repair(words, distances, N, counts, K, scratch, donations),
                         n_repaired);
        assert_memory_equal(words, plain_words, sizeof words);
        assert_memory_equal(distances, plain_distances, sizeof distances);
        assert_memory_equal(counts, plain_counts, sizeof counts);
    }
}

static void each_iteration_is_reported_with_its_error(void **state)
{
    (void)state;
    enum {
        N = 400,
        K = 9
    };
    uint8_t *points = random_points(N, 10), centroids[K * DIM];
    listener l = {.n_texts = 0};
    const bovw_monitor monitor = {
        .context = &l, .progress = listen_to_progress, .message = listen_to_message};
    const bovw_kmeans_options opts = options(K, 3);
    bovw_kmeans_result result;
    char expected[160];
    assert_int_equal(
        bovw_kmeans(points, N, &opts, NULL, &monitor, centroids, &result, NULL), BOVW_OK);
    assert_int_equal(l.n_texts, result.n_iterations);
    assert_int_equal(strncmp(l.texts[0], "iteration 1: error ", 19), 0);
    assert_non_null(strstr(l.texts[0], "100.0 % of descriptors moved"));
    snprintf(expected, sizeof expected, "iteration %u: error %.1f, ", result.n_iterations,
             result.error);
    assert_int_equal(strncmp(l.texts[l.n_texts - 1], expected, strlen(expected)), 0);
    assert_true(l.n_calls > result.n_iterations);
    free(points);
}

static void stopping_leaves_the_outputs_alone(void **state)
{
    (void)state;
    enum {
        N = 400,
        K = 9
    };
    const char *const stages[] = {"seeding", "clustering"};
    uint8_t *points = random_points(N, 11), centroids[K * DIM], untouched[K * DIM];
    const bovw_kmeans_options opts = options(K, 3);
    memset(centroids, 7, sizeof centroids);
    memset(untouched, 7, sizeof untouched);
    for (size_t i = 0; i < 2; i++) {
        listener l = {.stop_at = stages[i]};
        const bovw_monitor monitor = {.context = &l, .progress = listen_to_progress};
        bovw_kmeans_result result = {.n_iterations = 77};
        bovw_error err = {0};
        assert_int_equal(
            bovw_kmeans(points, N, &opts, NULL, &monitor, centroids, &result, &err),
            BOVW_ERR_CANCELLED);
        assert_int_equal(err.status, BOVW_ERR_CANCELLED);
        assert_memory_equal(centroids, untouched, sizeof centroids);
        assert_int_equal(result.n_iterations, 77);
    }
    free(points);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    uint8_t *points = random_points(10, 12), centroids[11 * DIM];
    const bovw_compute abacus = {.kernel = "abacus"};
    bovw_kmeans_options opts = options(0, 5);
    bovw_error err = {0};
    assert_int_equal(bovw_kmeans(points, 10, &opts, NULL, NULL, centroids, NULL, &err),
                     BOVW_ERR_ARG);
    assert_string_equal(err.text, "k = 0 is not in [1, 10]");
    opts.k = 11;
    assert_int_equal(bovw_kmeans(points, 10, &opts, NULL, NULL, centroids, NULL, &err),
                     BOVW_ERR_ARG);
    opts = options(5, 0);
    assert_int_equal(bovw_kmeans(points, 10, &opts, NULL, NULL, centroids, NULL, &err),
                     BOVW_ERR_ARG);
    opts = options(5, 5);
    assert_int_equal(bovw_kmeans(points, 10, &opts, &abacus, NULL, centroids, NULL, &err),
                     BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "abacus"));
    free(points);
}

/* ---- continuing ------------------------------------------------------------ */

static const char state_path[] = "./test_kmeans.training";

static bovw_status run_plan(const point_set *p, const kmeans_plan *plan, uint32_t k,
                            uint32_t n_iterations, uint64_t seed,
                            const bovw_monitor *monitor, uint8_t *centroids,
                            bovw_kmeans_result *result, bovw_error *err)
{
    bovw_kmeans_options opts = options(k, n_iterations);
    const bovw_compute compute = {.n_threads = 1}; /* there is little for each */
    opts.seed = seed;
    return kmeans_run(p, &opts, plan, &compute, monitor, centroids, result, err);
}

/* Says stop at the call number `left` of a stage. */
typedef struct stopper {
    const char *stage;
    int left;
    int n_continued; /* messages that say so */
} stopper;

static bool stop_later(void *context, const char *stage, uint64_t done, uint64_t total)
{
    stopper *s = context;
    assert_true(done <= total);
    return strcmp(stage, s->stage) != 0 || --s->left >= 0;
}

static void count_continued(void *context, const char *text)
{
    stopper *s = context;
    s->n_continued += strncmp(text, "continuing ", 11) == 0;
}

/* Run again and again, each time stopped a little later in a stage, until one
 * is through; returns how many found something to continue from. */
static int run_in_pieces(const point_set *p, const kmeans_plan *plan, uint32_t k,
                         const char *stage, int step, uint8_t *centroids,
                         bovw_kmeans_result *result)
{
    int n_continued = 0;
    for (int round = 0; round < 100; round++) {
        stopper s = {.stage = stage, .left = 1 + round % 2 + step};
        const bovw_monitor monitor = {
            .context = &s, .progress = stop_later, .message = count_continued};
        const bovw_status status =
            run_plan(p, plan, k, 12, 1, &monitor, centroids, result, NULL);
        n_continued += s.n_continued;
        if (status == BOVW_OK)
            return n_continued;
        assert_int_equal(status, BOVW_ERR_CANCELLED);
    }
    return -1;
}

static void a_stopped_clustering_continues_to_the_same_bytes(void **state)
{
    (void)state;
    enum {
        N = 900,
        K = 60
    };
    uint8_t *data = random_points(N, 20), whole[K * DIM], pieces[K * DIM];
    const point_set p = {.data = data, .n = N};
    kmeans_plan plan;
    bovw_kmeans_result expected, result;
    kmeans_plan_default(&plan);
    for (int lazy = 0; lazy < 2; lazy++) {
        plan.lazy_from = lazy ? 1 : UINT32_MAX;
        plan.seeding_work = 0;
        plan.path = NULL;
        assert_int_equal(run_plan(&p, &plan, K, 12, 1, NULL, whole, &expected, NULL),
                         BOVW_OK);
        plan.path = state_path;
        remove(state_path);
        const int n = run_in_pieces(&p, &plan, K, "clustering", 0, pieces, &result);
        assert_true(n >= 3);
        assert_memory_equal(pieces, whole, sizeof whole);
        assert_memory_equal(&result, &expected, sizeof result);

        /* Finished, it is found as it is. */
        memset(pieces, 0, sizeof pieces);
        assert_int_equal(run_in_pieces(&p, &plan, K, "seeding", -9, pieces, &result), 1);
        assert_memory_equal(pieces, whole, sizeof whole);
        assert_memory_equal(&result, &expected, sizeof result);
    }
    remove(state_path);
    free(data);
}

static void stopped_seeding_continues_to_the_same_bytes(void **state)
{
    (void)state;
    enum {
        N = 3000,
        K = 700
    };
    uint8_t *data = random_points(N, 21), *whole = mem_array(K, DIM),
            *pieces = mem_array(K, DIM);
    const point_set p = {.data = data, .n = N};
    kmeans_plan plan;
    bovw_kmeans_result expected, result;
    kmeans_plan_default(&plan);
    plan.lazy_from = K;
    plan.seeding_work = 0;
    assert_int_equal(run_plan(&p, &plan, K, 12, 1, NULL, whole, &expected, NULL), BOVW_OK);
    plan.path = state_path;
    remove(state_path);
    assert_true(run_in_pieces(&p, &plan, K, "seeding", 1, pieces, &result) >= 2);
    assert_memory_equal(pieces, whole, (size_t)K * DIM);
    assert_memory_equal(&result, &expected, sizeof result);
    remove(state_path);
    free(data);
    free(whole);
    free(pieces);
}

static void what_another_clustering_left_is_refused(void **state)
{
    (void)state;
    enum {
        N = 300,
        K = 20
    };
    uint8_t *data = random_points(N, 22), centroids[(K + 1) * DIM];
    point_set p = {.data = data, .n = N};
    kmeans_plan plan;
    bovw_error err = {0};
    kmeans_plan_default(&plan);
    plan.path = state_path;
    remove(state_path);
    assert_int_equal(run_plan(&p, &plan, K, 2, 1, NULL, centroids, NULL, NULL), BOVW_OK);

    assert_int_equal(run_plan(&p, &plan, K + 1, 2, 1, NULL, centroids, NULL, &err),
                     BOVW_ERR_MISMATCH);
    assert_string_equal(err.text, "./test_kmeans.training: begun for 20 words and seed 1; "
                                  "give the same, or remove it to start anew");
    assert_int_equal(run_plan(&p, &plan, K, 2, 2, NULL, centroids, NULL, &err),
                     BOVW_ERR_MISMATCH);
    assert_int_equal(run_plan(&p, &plan, K, 1, 1, NULL, centroids, NULL, &err),
                     BOVW_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "2 iterations are done already"));
    data[77] ^= 1;
    assert_int_equal(run_plan(&p, &plan, K, 2, 1, NULL, centroids, NULL, &err),
                     BOVW_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "other descriptors"));
    data[77] ^= 1;
    p.n--;
    assert_int_equal(run_plan(&p, &plan, K, 2, 1, NULL, centroids, NULL, &err),
                     BOVW_ERR_MISMATCH);
    p.n++;
    /* More iterations are no other clustering. */
    assert_int_equal(run_plan(&p, &plan, K, 4, 1, NULL, centroids, NULL, &err), BOVW_OK);
    remove(state_path);
    free(data);
}

static void a_damaged_file_is_named(void **state)
{
    (void)state;
    enum {
        N = 100,
        K = 5
    };
    uint8_t *data = random_points(N, 23), centroids[K * DIM], *bytes = NULL;
    const point_set p = {.data = data, .n = N};
    size_t n_bytes = 0;
    kmeans_plan plan;
    kmeans_plan_default(&plan);
    plan.path = state_path;
    remove(state_path);
    assert_int_equal(run_plan(&p, &plan, K, 1, 1, NULL, centroids, NULL, NULL), BOVW_OK);
    assert_int_equal(file_read(state_path, 1 << 20, &bytes, &n_bytes, NULL), BOVW_OK);
    for (size_t at = 0; at < n_bytes; at += 37) {
        bovw_error err = {0};
        new_file damaged = {0};
        bytes[at] ^= 0x20;
        assert_int_equal(new_file_open(state_path, &damaged, NULL), BOVW_OK);
        assert_int_equal(new_file_write(&damaged, bytes, n_bytes, NULL), BOVW_OK);
        assert_int_equal(new_file_commit_unsynced(&damaged, NULL), BOVW_OK);
        bytes[at] ^= 0x20;
        const bovw_status status =
            run_plan(&p, &plan, K, 2, 1, NULL, centroids, NULL, &err);
        assert_true(status == BOVW_ERR_CORRUPT || status == BOVW_ERR_FORMAT ||
                    status == BOVW_ERR_VERSION);
        assert_non_null(strstr(err.text, state_path));
    }
    remove(state_path);
    free(bytes);
    free(data);
}

/* A run that continues knows of no centroid that it rests. So one iteration a run is
 * the plain way, and all in one run skip what cannot change. */
static void what_is_skipped_changes_nothing(void **state)
{
    (void)state;
    enum {
        N = 6000,
        K = 150,
        N_ITERATIONS = 14
    };
    uint8_t *data = random_points(N, 28), plain[K * DIM] = {0}, skipping[K * DIM];
    uint8_t before[K * DIM];
    const point_set p = {.data = data, .n = N};
    bovw_kmeans_result plain_result, result;
    uint32_t n_resting = 0;
    kmeans_plan plan;
    kmeans_plan_default(&plan);
    /* Two in three points are far from all others but their like: their clusters
     * come to rest early, those of the random ones do not. */
    for (size_t i = 0; i < (size_t)N * 2 / 3 * DIM; i++)
        data[i] = (uint8_t)(data[i] / 4 + (random_mix(i / DIM % 70 * DIM + i % DIM) & 191));
    plan.path = state_path;
    remove(state_path);
    for (uint32_t i = 1; i <= N_ITERATIONS; i++) {
        memcpy(before, plain, sizeof before);
        assert_int_equal(run_plan(&p, &plan, K, i, 1, NULL, plain, &plain_result, NULL),
                         BOVW_OK);
        uint32_t n_same = 0;
        for (size_t c = 0; c < K; c++)
            n_same += memcmp(before + c * DIM, plain + c * DIM, DIM) == 0;
        n_resting += plain_result.n_iterations == i && n_same > K / 5;
    }
    remove(state_path);
    plan.path = NULL;
    assert_int_equal(run_plan(&p, &plan, K, N_ITERATIONS, 1, NULL, skipping, &result, NULL),
                     BOVW_OK);
    assert_memory_equal(skipping, plain, sizeof plain);
    assert_true(result.error == plain_result.error);
    assert_int_equal(result.n_iterations, plain_result.n_iterations);
    assert_true(n_resting >= 3); /* or nothing was skipped */
    free(data);
}

/* ---- seeds drawn lazily ------------------------------------------------------ */

static void lazy_seeds_do_not_depend_on_threads_and_kernels(void **state)
{
    (void)state;
    enum {
        N = 5000,
        K = 300
    };
    uint8_t *data = random_points(N, 24), *expected = mem_array(K, DIM),
            *centroids = mem_array(K, DIM);
    const point_set p = {.data = data, .n = N};
    const bovw_kmeans_options opts = options(K, 1);
    kmeans_plan plan;
    kmeans_plan_default(&plan);
    plan.lazy_from = K;
    const bovw_compute portable = {.n_threads = 1, .kernel = "portable"};
    assert_int_equal(kmeans_run(&p, &opts, &plan, &portable, NULL, expected, NULL, NULL),
                     BOVW_OK);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        const bovw_compute compute = {.n_threads = 1 + (uint32_t)i % 3,
                                      .kernel = bovw_kernel_name(i)};
        assert_int_equal(
            kmeans_run(&p, &opts, &plan, &compute, NULL, centroids, NULL, NULL), BOVW_OK);
        assert_memory_equal(centroids, expected, (size_t)K * DIM);
    }
    free(data);
    free(expected);
    free(centroids);
}

/* How many of the centres have a centroid of the first iteration near them. */
static size_t count_found(const point_set *p, const kmeans_plan *plan,
                          const uint8_t *centres, uint32_t k, uint64_t seed)
{
    uint8_t *centroids = mem_array(k, DIM);
    size_t n_found = 0;
    assert_int_equal(run_plan(p, plan, k, 1, seed, NULL, centroids, NULL, NULL), BOVW_OK);
    for (size_t t = 0; t < k; t++) {
        bool is_found = false;
        for (size_t c = 0; c < k && !is_found; c++)
            is_found = distance_sq(centroids + c * DIM, centres + t * DIM) <= 16 * DIM;
        n_found += is_found;
    }
    free(centroids);
    return n_found;
}

/* Of well separated clusters k-means++ misses few, and equally many the one way
 * and the other; of as many seeds that are drawn evenly a third fall into a
 * cluster that has one already. */
static void lazy_seeds_are_drawn_by_distance(void **state)
{
    (void)state;
    enum {
        K = 200,
        N = 40 * K,
        N_SEEDS = 12
    };
    uint8_t *centres = random_points(K, 25);
    uint8_t *data = clustered_points(N, centres, K, 26);
    const point_set p = {.data = data, .n = N};
    size_t n_found[2] = {0};
    for (int lazy = 0; lazy < 2; lazy++) {
        kmeans_plan plan;
        kmeans_plan_default(&plan);
        plan.lazy_from = lazy ? 1 : UINT32_MAX;
        for (uint64_t seed = 1; seed <= N_SEEDS; seed++)
            n_found[lazy] += count_found(&p, &plan, centres, K, seed);
    }
    assert_true(n_found[1] > N_SEEDS * K * 97 / 100);
    assert_true(n_found[1] + N_SEEDS * K / 100 > n_found[0]);
    free(centres);
    free(data);
}

static void lazy_seeds_of_few_distinct_points_end(void **state)
{
    (void)state;
    enum {
        N = 300,
        K = 40,
        DISTINCT = 4
    };
    uint8_t *distinct = random_points(DISTINCT, 27), *data = mem_array(N, DIM);
    uint8_t centroids[K * DIM];
    const point_set p = {.data = data, .n = N};
    kmeans_plan plan;
    bovw_kmeans_result result;
    kmeans_plan_default(&plan);
    plan.lazy_from = K;
    for (size_t i = 0; i < N; i++)
        memcpy(data + i * DIM, distinct + i % DISTINCT * DIM, DIM);
    assert_int_equal(run_plan(&p, &plan, K, 5, 1, NULL, centroids, &result, NULL), BOVW_OK);
    assert_true(result.error == 0.0);
    free(distinct);
    free(data);
}

/* ---- centroids in groups ------------------------------------------------------- */

static kmeans_plan grouped_plan(uint32_t n_probes)
{
    kmeans_plan plan;
    kmeans_plan_default(&plan);
    plan.grouped_from = 1;
    plan.n_probes = n_probes;
    return plan;
}

static void in_groups_the_error_never_rises(void **state)
{
    (void)state;
    enum {
        N = 3000,
        K = 150
    };
    uint8_t *data = random_points(N, 30), centroids[K * DIM];
    const point_set p = {.data = data, .n = N};
    kmeans_plan plan = grouped_plan(1);
    double previous = 1e30;
    for (uint32_t n_iterations = 1; n_iterations <= 8; n_iterations++) {
        bovw_kmeans_result result;
        assert_int_equal(
            run_plan(&p, &plan, K, n_iterations, 1, NULL, centroids, &result, NULL),
            BOVW_OK);
        assert_true(result.error <= previous);
        assert_true(error_of(data, N, centroids, K) <= result.error);
        previous = result.error;
    }
    free(data);
}

/* Probing all groups is looking at all centroids, but that equal distances, of
 * which there are none here, are told apart in another order. */
static void with_all_groups_it_is_exact(void **state)
{
    (void)state;
    enum {
        N = 2000,
        K = 100
    };
    uint8_t *data = random_points(N, 33), exact[K * DIM], grouped[K * DIM];
    const point_set p = {.data = data, .n = N};
    kmeans_plan plan;
    bovw_kmeans_result expected, result;
    kmeans_plan_default(&plan);
    assert_int_equal(run_plan(&p, &plan, K, 5, 1, NULL, exact, &expected, NULL), BOVW_OK);
    plan = grouped_plan(UINT32_MAX);
    assert_int_equal(run_plan(&p, &plan, K, 5, 1, NULL, grouped, &result, NULL), BOVW_OK);
    assert_memory_equal(exact, grouped, sizeof exact);
    assert_true(result.error == expected.error);
    plan = grouped_plan(1);
    assert_int_equal(run_plan(&p, &plan, K, 5, 1, NULL, grouped, &result, NULL), BOVW_OK);
    assert_true(result.error > expected.error);
    free(data);
}

static void in_groups_pieces_threads_and_kernels_do_not_change_a_byte(void **state)
{
    (void)state;
    enum {
        N = 2000,
        K = 120
    };
    uint8_t *data = random_points(N, 32), expected[K * DIM], centroids[K * DIM];
    const point_set p = {.data = data, .n = N};
    const bovw_kmeans_options opts = options(K, 12);
    const bovw_compute portable = {.n_threads = 1, .kernel = "portable"};
    kmeans_plan plan = grouped_plan(2);
    bovw_kmeans_result expected_result, result;
    assert_int_equal(
        kmeans_run(&p, &opts, &plan, &portable, NULL, expected, &expected_result, NULL),
        BOVW_OK);
    for (size_t i = 0; bovw_kernel_name(i); i++) {
        const bovw_compute compute = {.n_threads = 1 + (uint32_t)i % 3,
                                      .kernel = bovw_kernel_name(i)};
        assert_int_equal(
            kmeans_run(&p, &opts, &plan, &compute, NULL, centroids, NULL, NULL), BOVW_OK);
        assert_memory_equal(centroids, expected, sizeof expected);
    }
    plan.path = state_path;
    remove(state_path);
    assert_true(run_in_pieces(&p, &plan, K, "clustering", 0, centroids, &result) >= 3);
    assert_memory_equal(centroids, expected, sizeof expected);
    assert_memory_equal(&result, &expected_result, sizeof result);
    remove(state_path);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_separated_clusters_are_found),
        cmocka_unit_test(one_centroid_is_the_rounded_mean),
        cmocka_unit_test(halves_are_rounded_up),
        cmocka_unit_test(as_many_centroids_as_distinct_points_are_the_points),
        cmocka_unit_test(the_error_never_rises_and_is_no_less_than_the_true_one),
        cmocka_unit_test(threads_and_kernels_do_not_change_a_byte),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(fewer_distinct_points_than_centroids_end_well),
        cmocka_unit_test(empty_clusters_take_the_farthest_points),
        cmocka_unit_test(only_points_that_can_be_spared_are_moved),
        cmocka_unit_test(a_donor_keeps_its_last_point),
        cmocka_unit_test(repair_takes_the_farthest_in_turn),
        cmocka_unit_test(each_iteration_is_reported_with_its_error),
        cmocka_unit_test(stopping_leaves_the_outputs_alone),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(a_stopped_clustering_continues_to_the_same_bytes),
        cmocka_unit_test(stopped_seeding_continues_to_the_same_bytes),
        cmocka_unit_test(what_another_clustering_left_is_refused),
        cmocka_unit_test(a_damaged_file_is_named),
        cmocka_unit_test(what_is_skipped_changes_nothing),
        cmocka_unit_test(lazy_seeds_do_not_depend_on_threads_and_kernels),
        cmocka_unit_test(lazy_seeds_are_drawn_by_distance),
        cmocka_unit_test(lazy_seeds_of_few_distinct_points_end),
        cmocka_unit_test(in_groups_the_error_never_rises),
        cmocka_unit_test(with_all_groups_it_is_exact),
        cmocka_unit_test(in_groups_pieces_threads_and_kernels_do_not_change_a_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
