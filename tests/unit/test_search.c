/* SPDX-License-Identifier: MIT
 *
 * Search against a brute-force tf-idf cosine that shares no code with it. */
#include <math.h>

#include "base/topk.h"
#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    N_WORDS = 60,
    N_IMAGES = 40,
    N_QUERIES = 12
};

/* A small collection: an index on disk, and its features in memory. */
typedef struct fixture {
    char *folder, *index_path;
    bovw_vocabulary *vocabulary;
    bovw_features images[N_IMAGES];
    bovw_index *index;
} fixture;

/* Image i has up to 90 features (none for every tenth image); some words are
 * much more frequent than others, as in photographs. */
static bovw_features make_image(uint32_t i, const uint8_t *centroids, uint64_t *state)
{
    char name[32];
    snprintf(name, sizeof name, "dir/%03u.jpg", i);
    const uint32_t n = i % 10 == 9 ? 0 : (uint32_t)random_below(state, 90) + 1;
    bovw_features f = random_features(name, n, state);
    for (uint32_t j = 0; j < n; j++) {
        const uint64_t a = random_below(state, N_WORDS), b = random_below(state, N_WORDS);
        memcpy(f.descriptors + (size_t)j * BOVW_DESCRIPTOR_DIM,
               centroids + (a < b ? a : b) * BOVW_DESCRIPTOR_DIM, BOVW_DESCRIPTOR_DIM);
    }
    return f;
}

static void add_images(const fixture *f, uint32_t first, uint32_t n, uint32_t batch)
{
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    char *path = mem_format("%s/%u.feat", f->folder, first);
    write_features(path, &opts, f->images + first, n);
    const char *paths[] = {path};
    bovw_source *source = NULL;
    const bovw_add_options add = {.batch = batch};
    assert_int_equal(bovw_source_open(paths, 1, &opts, NULL, &source, NULL), BOVW_OK);
    assert_int_equal(bovw_index_add(f->index_path, source, &add, NULL, NULL, NULL, NULL),
                     BOVW_OK);
    bovw_source_close(source);
    free(path);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    uint64_t seed = 7;
    uint8_t centroids[N_WORDS * BOVW_DESCRIPTOR_DIM];
    bovw_feature_options opts;

    bovw_feature_options_default(&opts);
    f->folder = make_folder();
    f->index_path = mem_format("%s/index", f->folder);
    random_bytes(centroids, sizeof centroids, &seed);
    assert_int_equal(
        bovw_vocabulary_new(&opts, centroids, N_WORDS, "random", &f->vocabulary, NULL),
        BOVW_OK);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        f->images[i] = make_image(i, centroids, &seed);
    assert_int_equal(bovw_index_create(f->index_path, f->vocabulary, NULL), BOVW_OK);
    add_images(f, 0, 25, 7); /* several segments */
    add_images(f, 25, N_IMAGES - 25, 4096);
    assert_int_equal(bovw_index_open(f->index_path, &f->index, NULL), BOVW_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    bovw_index_close(f->index);
    bovw_vocabulary_close(f->vocabulary);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        bovw_features_free(&f->images[i]);
    free(f->index_path);
    remove_folder(f->folder);
    free(f);
    return 0;
}

/* ---- the brute force: dense histograms, nearest word by a double loop ------- */

static void histogram(const uint8_t *centroids, const bovw_features *f, double *h)
{
    memset(h, 0, N_WORDS * sizeof *h);
    for (uint32_t i = 0; i < f->n; i++) {
        int best = 0;
        long best_distance = -1;
        for (int w = 0; w < N_WORDS; w++) {
            long d = 0;
            for (int k = 0; k < BOVW_DESCRIPTOR_DIM; k++) {
                const long x = f->descriptors[i * BOVW_DESCRIPTOR_DIM + (uint32_t)k];
                const long y = centroids[w * BOVW_DESCRIPTOR_DIM + k];
                d += (x - y) * (x - y);
            }
            if (best_distance < 0 || d < best_distance) {
                best = w;
                best_distance = d;
            }
        }
        h[best] += 1.0;
    }
}

static double cosine(const double *a, const double *b, const double *idf)
{
    double dot = 0, aa = 0, bb = 0;
    for (int w = 0; w < N_WORDS; w++) {
        dot += a[w] * idf[w] * b[w] * idf[w];
        aa += a[w] * idf[w] * a[w] * idf[w];
        bb += b[w] * idf[w] * b[w] * idf[w];
    }
    return aa > 0 && bb > 0 ? dot / (sqrt(aa) * sqrt(bb)) : 0.0;
}

typedef struct brute {
    double histograms[N_IMAGES][N_WORDS];
    double idf[N_WORDS];
} brute;

static void brute_force(const fixture *f, brute *b)
{
    const uint8_t *centroids = bovw_vocabulary_centroids(f->vocabulary);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        histogram(centroids, &f->images[i], b->histograms[i]);
    for (int w = 0; w < N_WORDS; w++) {
        int n = 0;
        for (int i = 0; i < N_IMAGES; i++)
            n += b->histograms[i][w] > 0;
        b->idf[w] = n ? log((double)N_IMAGES / n) : 0.0;
    }
}

static void scores_equal_a_brute_force_tf_idf_cosine(void **state)
{
    const fixture *f = *state;
    brute *b = calloc(1, sizeof *b);
    bovw_search_options opts;
    bovw_ranking rankings[N_QUERIES] = {0};

    brute_force(f, b);
    bovw_search_options_default(&opts);
    opts.top = 0;
    assert_int_equal(
        bovw_search(f->index, f->images, N_QUERIES, &opts, NULL, rankings, NULL), BOVW_OK);
    for (int q = 0; q < N_QUERIES; q++) {
        uint32_t expected = 0;
        for (int i = 0; i < N_IMAGES; i++)
            expected += cosine(b->histograms[q], b->histograms[i], b->idf) > 0;
        assert_int_equal(rankings[q].n, expected);
        for (uint32_t r = 0; r < rankings[q].n; r++) {
            const bovw_hit *hit = &rankings[q].hits[r];
            const double wanted =
                cosine(b->histograms[q], b->histograms[hit->image], b->idf);
            assert_true(fabs(wanted - (double)hit->score) < 2e-6);
            if (r > 0)
                assert_true(hit[-1].score >= hit->score);
        }
        if (f->images[q].n)
            assert_int_equal(rankings[q].hits[0].image, q);
        bovw_ranking_free(&rankings[q]);
    }
    free(b);
}

static void rankings_do_not_depend_on_threads_or_kernel(void **state)
{
    const fixture *f = *state;
    bovw_search_options opts;
    bovw_ranking one[N_QUERIES], other[N_QUERIES];
    const bovw_compute computes[] = {{.n_threads = 2},
                                     {.n_threads = 3},
                                     {.n_threads = 40},
                                     {.n_threads = 1, .kernel = "portable"}};
    const bovw_compute single = {.n_threads = 1};

    bovw_search_options_default(&opts);
    opts.verify = 5;
    opts.min_inliers = 3;
    assert_int_equal(bovw_search(f->index, f->images, N_QUERIES, &opts, &single, one, NULL),
                     BOVW_OK);
    for (size_t c = 0; c < sizeof computes / sizeof computes[0]; c++) {
        assert_int_equal(
            bovw_search(f->index, f->images, N_QUERIES, &opts, &computes[c], other, NULL),
            BOVW_OK);
        for (int q = 0; q < N_QUERIES; q++) {
            assert_int_equal(one[q].n, other[q].n);
            for (uint32_t r = 0; r < one[q].n; r++) {
                assert_int_equal(one[q].hits[r].image, other[q].hits[r].image);
                assert_memory_equal(&one[q].hits[r].score, &other[q].hits[r].score, 4);
                assert_memory_equal(one[q].hits[r].geometry.transform,
                                    other[q].hits[r].geometry.transform, 36);
            }
            bovw_ranking_free(&other[q]);
        }
    }
    for (int q = 0; q < N_QUERIES; q++)
        bovw_ranking_free(&one[q]);
}

static void top_results_are_the_first_of_the_full_ranking(void **state)
{
    const fixture *f = *state;
    bovw_search_options opts;
    bovw_ranking all, few;

    bovw_search_options_default(&opts);
    opts.top = 0;
    assert_int_equal(bovw_search(f->index, f->images, 1, &opts, NULL, &all, NULL), BOVW_OK);
    for (uint32_t n = 1; n <= all.n + 2; n++) {
        opts.top = n;
        assert_int_equal(bovw_search(f->index, f->images, 1, &opts, NULL, &few, NULL),
                         BOVW_OK);
        assert_int_equal(few.n, n < all.n ? n : all.n);
        for (uint32_t r = 0; r < few.n; r++)
            assert_int_equal(few.hits[r].image, all.hits[r].image);
        bovw_ranking_free(&few);
    }
    bovw_ranking_free(&all);
}

static void verification_puts_an_image_that_matches_itself_first(void **state)
{
    const fixture *f = *state;
    bovw_search_options opts;
    bovw_ranking ranking;

    bovw_search_options_default(&opts);
    opts.verify = 10;
    for (uint32_t q = 0; q < N_IMAGES; q++) {
        if (f->images[q].n < 40)
            continue;
        assert_int_equal(
            bovw_search(f->index, f->images + q, 1, &opts, NULL, &ranking, NULL), BOVW_OK);
        const bovw_hit *first = &ranking.hits[0];
        assert_int_equal(first->image, q);
        assert_true(first->is_verified);
        assert_true(first->geometry.n_inliers >= 30);
        assert_true(first->geometry.effective > 5);
        /* The cosine with itself is 1. */
        assert_true(fabsf(first->score - (1 + 0.3F * first->geometry.effective)) < 1e-4F);
        const float *t = first->geometry.transform;
        assert_true(fabsf(t[0] - 1) < 0.02F && fabsf(t[4] - 1) < 0.02F && fabsf(t[2]) < 3 &&
                    fabsf(t[5]) < 3);
        bovw_ranking_free(&ranking);
    }
}

static void a_query_without_features_finds_nothing(void **state)
{
    const fixture *f = *state;
    bovw_search_options opts;
    bovw_ranking ranking;
    bovw_features empty = {.width = 10, .height = 10};

    bovw_search_options_default(&opts);
    opts.verify = 10;
    assert_int_equal(bovw_search(f->index, &empty, 1, &opts, NULL, &ranking, NULL),
                     BOVW_OK);
    assert_int_equal(ranking.n, 0);
    bovw_ranking_free(&ranking);
}

static void topk_keeps_the_best_and_breaks_ties_by_id(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (size_t k = 1; k < 12; k++) {
        scored all[50], kept[12];
        size_t n = 0;
        for (uint32_t i = 0; i < 50; i++) {
            all[i] = (scored){.score = (float)random_below(&seed, 9), .id = 49 - i};
            topk_offer(kept, &n, k, all[i]);
        }
        topk_sort(kept, n);
        topk_sort(all, 50);
        assert_int_equal(n, k);
        for (size_t i = 0; i < k; i++) {
            assert_int_equal(kept[i].id, all[i].id);
            if (i > 0 && kept[i].score == kept[i - 1].score)
                assert_true(kept[i].id > kept[i - 1].id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_equal_a_brute_force_tf_idf_cosine),
        cmocka_unit_test(rankings_do_not_depend_on_threads_or_kernel),
        cmocka_unit_test(top_results_are_the_first_of_the_full_ranking),
        cmocka_unit_test(verification_puts_an_image_that_matches_itself_first),
        cmocka_unit_test(a_query_without_features_finds_nothing),
        cmocka_unit_test(topk_keeps_the_best_and_breaks_ties_by_id),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
