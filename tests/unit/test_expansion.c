/* SPDX-License-Identifier: MIT
 *
 * Query expansion and several query images, on a collection small enough to work
 * out: a query, a copy of it that shows more, and images that share something with
 * the copy alone. */
#include <math.h>

#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_SHARED = 24, /* words of query and copy, one feature each */
    INSIDE = N_SHARED,
    RIGHT,   /* in the right half of the query image */
    OUTSIDE, /* where the query image does not reach */
    OTHER,
    N_WORDS
};

/* The images. The query has words [0, N_SHARED). */
enum {
    COPY,       /* all of the query, at the same places, and the three more */
    HAS_INSIDE, /* INSIDE alone, ... */
    HAS_RIGHT,  /* ... and so on */
    HAS_OUTSIDE,
    STRANGER, /* OTHER alone */
    HAS_SOME, /* two words of the query, and OTHER */
    N_IMAGES
};

typedef struct fixture {
    char *folder;
    uint8_t centroids[N_WORDS * DIM];
    int16_t projection[DIM * DIM];
    int8_t thresholds[N_WORDS * DIM];
    bovw_vocabulary *vocabulary;
    bovw_features images[N_IMAGES];
    bovw_features query;
    bovw_index *one, *several;
    double idf[N_WORDS];
} fixture;

static void add_feature(const fixture *f, bovw_features *image, uint32_t word, float x,
                        float y)
{
    uint8_t *descriptor = image->descriptors + image->n * DIM;
    memcpy(descriptor, f->centroids + word * DIM, DIM);
    image->keypoints[image->n++] =
        (bovw_keypoint){.x = x, .y = y, .scale = 4.0F, .angle = 1.0F};
}

/* The features that query and copy share, spread over 640 x 480. */
static void add_shared(const fixture *f, bovw_features *image)
{
    for (uint32_t w = 0; w < N_SHARED; w++)
        add_feature(f, image, w, 20.0F + 120.0F * (float)(w % 6) + (float)(w / 6),
                    20.0F + 110.0F * (float)(w / 6) + 3.0F * (float)(w % 5));
}

static bovw_features empty_image(uint32_t i, uint32_t width, uint64_t *seed)
{
    char name[32];
    snprintf(name, sizeof name, "%u.jpg", i);
    bovw_features image = random_features(name, N_WORDS, seed);
    image.width = width;
    image.n = 0;
    return image;
}

static void make_images(fixture *f, uint64_t *seed)
{
    for (uint32_t i = 0; i < N_IMAGES; i++)
        f->images[i] = empty_image(i, i == COPY ? 1280 : 640, seed);
    f->query = empty_image(99, 640, seed);
    add_shared(f, &f->query);
    add_shared(f, &f->images[COPY]);
    add_feature(f, &f->images[COPY], INSIDE, 100, 200);
    add_feature(f, &f->images[COPY], RIGHT, 500, 200);
    add_feature(f, &f->images[COPY], OUTSIDE, 900, 200);
    add_feature(f, &f->images[HAS_INSIDE], INSIDE, 30, 40);
    add_feature(f, &f->images[HAS_RIGHT], RIGHT, 30, 40);
    add_feature(f, &f->images[HAS_OUTSIDE], OUTSIDE, 30, 40);
    add_feature(f, &f->images[STRANGER], OTHER, 30, 40);
    add_feature(f, &f->images[HAS_SOME], 3, 30, 40);
    add_feature(f, &f->images[HAS_SOME], 4, 60, 40);
    add_feature(f, &f->images[HAS_SOME], OTHER, 90, 40);
}

static bovw_index *make_index(const fixture *f, const char *name, uint32_t batch)
{
    bovw_feature_options opts;
    bovw_index *index = NULL;
    bovw_source *source = NULL;
    const bovw_add_options add = {.batch = batch};
    char *path = mem_format("%s/%s.bovw", f->folder, name);
    char *feat = mem_format("%s/some.feat", f->folder);
    const char *paths[] = {feat};
    bovw_feature_options_default(&opts);
    write_features(feat, &opts, f->images, N_IMAGES);
    assert_int_equal(bovw_index_create_with(path, f->vocabulary,
                                            BOVW_SIGNATURES_HE128 | BOVW_SIGNATURES_ASMK,
                                            NULL),
                     BOVW_OK);
    assert_int_equal(bovw_source_open(paths, 1, &opts, NULL, &source, NULL), BOVW_OK);
    assert_int_equal(bovw_index_add(path, source, &add, NULL, NULL, NULL, NULL), BOVW_OK);
    assert_int_equal(bovw_index_open(path, &index, NULL), BOVW_OK);
    bovw_source_close(source);
    free(path);
    free(feat);
    return index;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    uint64_t seed = 5;
    bovw_feature_options opts;
    const bovw_embedding from = {f->projection, f->thresholds};

    bovw_feature_options_default(&opts);
    f->folder = make_folder();
    random_bytes(f->centroids, sizeof f->centroids, &seed);
    for (int i = 0; i < DIM * DIM; i++)
        f->projection[i] = (int16_t)((int)random_below(&seed, 2801) - 1400);
    for (int i = 0; i < N_WORDS * DIM; i++)
        f->thresholds[i] = (int8_t)((int)random_below(&seed, 21) - 10);
    assert_int_equal(bovw_vocabulary_new_embedded(&opts, f->centroids, N_WORDS, &from,
                                                  "random", &f->vocabulary, NULL),
                     BOVW_OK);
    make_images(f, &seed);
    f->one = make_index(f, "one", 100);
    f->several = make_index(f, "several", 2);
    for (uint32_t w = 0; w < N_WORDS; w++) /* two images of six have it, or one */
        f->idf[w] = log(w == 3 || w == 4 || w >= N_SHARED ? 3.0 : 6.0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    bovw_index_close(f->one);
    bovw_index_close(f->several);
    bovw_vocabulary_close(f->vocabulary);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        bovw_features_free(&f->images[i]);
    bovw_features_free(&f->query);
    remove_folder(f->folder);
    free(f);
    return 0;
}

static bovw_search_options options(bovw_score score, uint32_t expand)
{
    bovw_search_options opts;
    bovw_search_options_default(&opts);
    opts.score = score;
    opts.assign = 1;
    opts.top = 0;
    opts.verify = 10;
    opts.min_inliers = 6;
    opts.expand = expand;
    return opts;
}

static bovw_ranking search(const bovw_index *index, const bovw_features *query,
                           const bovw_search_options *opts)
{
    bovw_ranking ranking;
    bovw_error err;
    if (bovw_search(index, query, 1, opts, NULL, &ranking, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return ranking;
}

/* The hit of an image, or NULL. */
static const bovw_hit *hit_of(const bovw_ranking *ranking, uint32_t image)
{
    for (uint32_t i = 0; i < ranking->n; i++) {
        if (ranking->hits[i].image == image)
            return &ranking->hits[i];
    }
    return NULL;
}

/* ---- by hand ---------------------------------------------------------------- */

/* Cosine of an image and the mean of two vectors of length 1: that of the query's
 * words and that of the copy's, which has `extra` besides. */
static double by_hand(const fixture *f, const uint32_t *extra, int n_extra,
                      const uint32_t *image, int n_image)
{
    double vector[N_WORDS] = {0}, query_sq = 0, copy_sq = 0, sq = 0, image_sq = 0, dot = 0;
    for (int w = 0; w < N_SHARED; w++)
        query_sq += f->idf[w] * f->idf[w];
    copy_sq = query_sq;
    for (int i = 0; i < n_extra; i++)
        copy_sq += f->idf[extra[i]] * f->idf[extra[i]];
    for (int w = 0; w < N_SHARED; w++)
        vector[w] = f->idf[w] / sqrt(query_sq) + f->idf[w] / sqrt(copy_sq);
    for (int i = 0; i < n_extra; i++)
        vector[extra[i]] = f->idf[extra[i]] / sqrt(copy_sq);
    for (int w = 0; w < N_WORDS; w++)
        sq += vector[w] * vector[w];
    for (int i = 0; i < n_image; i++) {
        image_sq += f->idf[image[i]] * f->idf[image[i]];
        dot += f->idf[image[i]] * vector[image[i]];
    }
    return dot / sqrt(sq * image_sq);
}

static void expect_score(const bovw_ranking *ranking, uint32_t image, double wanted)
{
    const bovw_hit *hit = hit_of(ranking, image);
    assert_non_null(hit);
    assert_false(hit->is_verified);
    assert_true(fabs((double)hit->score - wanted) < 1e-6);
}

static void the_mean_of_vectors_by_hand(void **state)
{
    const fixture *f = *state;
    const uint32_t extra[] = {INSIDE, RIGHT}, some[] = {3, 4, OTHER};
    const bovw_search_options plain = options(BOVW_SCORE_TFIDF, 0);
    const bovw_search_options expanded = options(BOVW_SCORE_TFIDF, 5);

    bovw_ranking before = search(f->one, &f->query, &plain);
    assert_int_equal(before.n, 2);
    assert_int_equal(before.hits[0].image, COPY);
    assert_true(before.hits[0].is_verified);
    assert_int_equal(before.hits[0].geometry.n_inliers, N_SHARED);

    bovw_ranking after = search(f->one, &f->query, &expanded);
    assert_int_equal(after.n, 4); /* not the stranger, nor what is outside */
    assert_int_equal(after.hits[0].image, COPY);
    assert_true(after.hits[0].is_verified);
    assert_int_equal(after.hits[0].geometry.n_inliers, N_SHARED);
    assert_null(hit_of(&after, HAS_OUTSIDE));
    expect_score(&after, HAS_INSIDE, by_hand(f, extra, 2, extra, 1));
    expect_score(&after, HAS_RIGHT, by_hand(f, extra, 2, extra + 1, 1));
    expect_score(&after, HAS_SOME, by_hand(f, extra, 2, some, 3));
    bovw_ranking_free(&before);
    bovw_ranking_free(&after);
}

static void a_region_limits_what_is_added(void **state)
{
    const fixture *f = *state;
    uint64_t seed = 1;
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        const bovw_search_options opts = options((bovw_score)score, 5);
        bovw_features query = empty_image(98, 640, &seed);
        add_shared(f, &query);
        bovw_features_crop(&query, 0, 0, 400, 480);
        bovw_ranking ranking = search(f->one, &query, &opts);
        assert_true(ranking.hits[0].is_verified);
        assert_non_null(hit_of(&ranking, HAS_INSIDE));
        assert_null(hit_of(&ranking, HAS_RIGHT));
        assert_null(hit_of(&ranking, HAS_OUTSIDE));
        bovw_ranking_free(&ranking);
        bovw_features_free(&query);
    }
}

/* ---- what holds for every score ------------------------------------------------ */

static void same_rankings(const bovw_ranking *a, const bovw_ranking *b)
{
    assert_int_equal(a->n, b->n);
    for (uint32_t i = 0; i < a->n; i++) {
        const bovw_hit *x = &a->hits[i], *y = &b->hits[i];
        assert_int_equal(x->image, y->image);
        assert_int_equal(x->query, y->query);
        assert_memory_equal(&x->score, &y->score, sizeof x->score);
        assert_int_equal(x->is_verified, y->is_verified);
        assert_int_equal(x->geometry.n_inliers, y->geometry.n_inliers);
        assert_memory_equal(x->geometry.transform, y->geometry.transform, 36);
    }
}

/* The similarities with one query image, verified or not, and the length of its
 * vector, in which each word, or feature, counts once. */
static double similarities(const fixture *f, const bovw_features *query, bovw_score score,
                           double of[N_IMAGES])
{
    bovw_search_options opts = options(score, 0);
    opts.verify = 0;
    bovw_ranking ranking = search(f->one, query, &opts);
    double square = 0;
    for (uint32_t i = 0; i < N_IMAGES; i++)
        of[i] = 0;
    for (uint32_t i = 0; i < ranking.n; i++)
        of[ranking.hits[i].image] = (double)ranking.hits[i].score;
    for (uint32_t i = 0; i < query->n; i++) {
        for (uint32_t w = 0; w < N_WORDS; w++) {
            if (memcmp(query->descriptors + i * DIM, f->centroids + w * DIM, DIM) == 0)
                square += f->idf[w] * f->idf[w];
        }
    }
    bovw_ranking_free(&ranking);
    return sqrt(square);
}

/* Where matches count one by one, the mean of the vectors has the mean of the
 * products: the copy's features are as good as those of a query image. */
static void signatures_of_images_are_those_of_a_query(void **state)
{
    const fixture *f = *state;
    uint64_t seed = 2;
    bovw_features seen = empty_image(97, 640, &seed);
    add_shared(f, &seen);
    add_feature(f, &seen, INSIDE, 100, 200);
    add_feature(f, &seen, RIGHT, 500, 200);
    for (int score = BOVW_SCORE_HE; score <= BOVW_SCORE_ASMK; score++) {
        const bovw_search_options opts = options((bovw_score)score, 5);
        double by_query[N_IMAGES], by_copy[N_IMAGES];
        const double a = similarities(f, &f->query, (bovw_score)score, by_query);
        const double b = similarities(f, &seen, (bovw_score)score, by_copy);
        bovw_ranking ranking = search(f->one, &f->query, &opts);
        assert_int_equal(ranking.n, 4);
        for (uint32_t i = 1; i < ranking.n; i++) {
            const uint32_t image = ranking.hits[i].image;
            expect_score(&ranking, image,
                         (a * by_query[image] + b * by_copy[image]) /
                             sqrt(2 * (a * a + b * b)));
        }
        bovw_ranking_free(&ranking);
    }
    bovw_features_free(&seen);
}

static void without_verified_images_nothing_changes(void **state)
{
    const fixture *f = *state;
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        bovw_search_options plain = options((bovw_score)score, 0);
        plain.min_inliers = N_SHARED + 1;
        bovw_search_options expanded = plain;
        expanded.expand = 5;
        bovw_ranking a = search(f->one, &f->query, &plain);
        bovw_ranking b = search(f->one, &f->query, &expanded);
        same_rankings(&a, &b);
        bovw_ranking_free(&a);
        bovw_ranking_free(&b);
    }
}

static void segments_and_threads_do_not_change_a_ranking(void **state)
{
    const fixture *f = *state;
    assert_true(bovw_index_n_segments(f->several) == 3);
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        const bovw_search_options opts = options((bovw_score)score, 2);
        bovw_ranking expected = search(f->one, &f->query, &opts);
        assert_int_equal(expected.n, 4);
        for (uint32_t threads = 1; threads <= 4; threads++) {
            const bovw_compute compute = {.n_threads = threads};
            bovw_ranking got;
            assert_int_equal(
                bovw_search(f->several, &f->query, 1, &opts, &compute, &got, NULL),
                BOVW_OK);
            same_rankings(&expected, &got);
            bovw_ranking_free(&got);
        }
        bovw_ranking_free(&expected);
    }
}

static void expansion_wants_verification(void **state)
{
    const fixture *f = *state;
    bovw_search_options opts = options(BOVW_SCORE_TFIDF, 5);
    bovw_ranking ranking;
    bovw_error err;
    opts.verify = 0;
    assert_int_equal(bovw_search(f->one, &f->query, 1, &opts, NULL, &ranking, &err),
                     BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "verif"));
}

/* ---- several query images -------------------------------------------------------- */

static bovw_ranking search_together(const bovw_index *index, const bovw_features *queries,
                                    size_t n, const bovw_search_options *opts)
{
    bovw_searcher *searcher = NULL;
    bovw_ranking ranking;
    assert_int_equal(bovw_searcher_new(index, opts, NULL, &searcher, NULL), BOVW_OK);
    /* Twice: what the first left behind must not matter. */
    assert_int_equal(bovw_searcher_run_together(searcher, queries, n, &ranking, NULL),
                     BOVW_OK);
    bovw_ranking_free(&ranking);
    assert_int_equal(bovw_searcher_run_together(searcher, queries, n, &ranking, NULL),
                     BOVW_OK);
    bovw_searcher_free(searcher);
    return ranking;
}

static void one_image_together_is_a_plain_query(void **state)
{
    const fixture *f = *state;
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        const bovw_search_options opts = options((bovw_score)score, 3);
        bovw_ranking plain = search(f->one, &f->query, &opts);
        bovw_ranking together = search_together(f->one, &f->query, 1, &opts);
        same_rankings(&plain, &together);
        bovw_ranking_free(&plain);
        bovw_ranking_free(&together);
    }
}

static void several_images_find_what_each_finds(void **state)
{
    const fixture *f = *state;
    const bovw_features queries[] = {f->images[STRANGER], f->query};
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        const bovw_search_options opts = options((bovw_score)score, 0);
        bovw_ranking ranking = search_together(f->one, queries, 2, &opts);
        assert_int_equal(ranking.n,
                         3); /* the copy, the stranger, and who shares with both */
        assert_int_equal(ranking.hits[0].image, COPY);
        assert_true(ranking.hits[0].is_verified);
        assert_int_equal(ranking.hits[0].query, 1);
        assert_int_equal(ranking.hits[0].geometry.n_inliers, N_SHARED);
        bovw_ranking_free(&ranking);
    }
}

static void together_is_the_mean_of_vectors(void **state)
{
    const fixture *f = *state;
    const bovw_features queries[] = {f->query, f->images[STRANGER]};
    bovw_search_options opts = options(BOVW_SCORE_TFIDF, 0);
    opts.verify = 0;
    bovw_ranking ranking = search_together(f->one, queries, 2, &opts);
    double query_sq = 0;
    for (int w = 0; w < N_SHARED; w++)
        query_sq += f->idf[w] * f->idf[w];
    /* Vectors at right angles, of length 1: their sum has length sqrt(2). */
    const double stranger = 1 / sqrt(2);
    const double some_sq = 3 * f->idf[3] * f->idf[3];
    const double some =
        (2 * f->idf[3] * f->idf[3] / sqrt(query_sq) + f->idf[OTHER]) / sqrt(2 * some_sq);
    expect_score(&ranking, STRANGER, stranger);
    expect_score(&ranking, HAS_SOME, some);
    bovw_ranking_free(&ranking);
}

static void without_images_there_are_no_results(void **state)
{
    const fixture *f = *state;
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        const bovw_search_options opts = options((bovw_score)score, 3);
        bovw_ranking ranking = search_together(f->one, NULL, 0, &opts);
        assert_int_equal(ranking.n, 0);
        bovw_ranking_free(&ranking);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_of_vectors_by_hand),
        cmocka_unit_test(a_region_limits_what_is_added),
        cmocka_unit_test(signatures_of_images_are_those_of_a_query),
        cmocka_unit_test(without_verified_images_nothing_changes),
        cmocka_unit_test(segments_and_threads_do_not_change_a_ranking),
        cmocka_unit_test(expansion_wants_verification),
        cmocka_unit_test(one_image_together_is_a_plain_query),
        cmocka_unit_test(several_images_find_what_each_finds),
        cmocka_unit_test(together_is_the_mean_of_vectors),
        cmocka_unit_test(without_images_there_are_no_results),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
