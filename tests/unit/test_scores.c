/* SPDX-License-Identifier: MIT
 *
 * Hamming embedding and ASMK* against a computation from the descriptors that
 * shares no code with them; their kernels against the plain one; and that
 * segments, threads and kernels do not change a ranking. */
#include <math.h>

#include "base/keys.h"
#include "index/segment_layout.h"
#include "index/snapshot.h"
#include "io/container.h"
#include "search/hamming.h"
#include "search/image_features.h"
#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_WORDS = 30,
    N_IMAGES = 24,
    N_QUERIES = 8,
    MAX_FEATURES = 100,
    R = 3
};

/* A small collection, and indexes of it with all signatures: one segment, and
 * several. */
typedef struct fixture {
    char *folder;
    uint8_t centroids[N_WORDS * DIM];
    int16_t projection[DIM * DIM];
    int8_t thresholds[N_WORDS * DIM];
    bovw_vocabulary *vocabulary;
    bovw_features images[N_IMAGES];
    bovw_index *one, *several;
} fixture;

/* Descriptors lie near their words, and in every second image near a feature
 * of the one before, so that some signatures are near. */
static bovw_features make_image(const fixture *f, uint32_t i, uint64_t *state)
{
    char name[32];
    snprintf(name, sizeof name, "dir/%02u.jpg", i);
    const uint32_t n = i % 8 == 7 ? 0 : (uint32_t)random_below(state, MAX_FEATURES) + 1;
    bovw_features image = random_features(name, n, state);
    const bovw_features *before = i % 2 ? &f->images[i - 1] : NULL;
    for (uint32_t j = 0; j < n; j++) {
        const uint64_t a = random_below(state, N_WORDS), b = random_below(state, N_WORDS);
        const bool is_copy = before && before->n && random_below(state, 2);
        const uint8_t *from =
            is_copy ? before->descriptors + random_below(state, before->n) * DIM
                    : f->centroids + (a < b ? a : b) * DIM;
        for (uint32_t d = 0; d < DIM; d++) {
            const int noise = (int)random_below(state, is_copy ? 9 : 61);
            image.descriptors[j * DIM + d] =
                (uint8_t)(from[d] + noise - (is_copy ? 4 : 30));
        }
    }
    return image;
}

static char *path_of(const fixture *f, const char *name)
{
    return mem_format("%s/%s", f->folder, name);
}

static void add_images(const fixture *f, const char *index, uint32_t first, uint32_t n,
                       uint32_t batch, uint32_t n_threads)
{
    bovw_feature_options opts;
    bovw_feature_options_default(&opts);
    char *path = path_of(f, "some.feat"), *index_path = path_of(f, index);
    write_features(path, &opts, f->images + first, n);
    const char *paths[] = {path};
    bovw_source *source = NULL;
    const bovw_add_options add = {.batch = batch};
    const bovw_compute compute = {.n_threads = n_threads};
    assert_int_equal(bovw_source_open(paths, 1, &opts, NULL, &source, NULL), BOVW_OK);
    assert_int_equal(bovw_index_add(index_path, source, &add, &compute, NULL, NULL, NULL),
                     BOVW_OK);
    bovw_source_close(source);
    free(path);
    free(index_path);
}

static void create(const fixture *f, const char *index, uint32_t signatures)
{
    char *path = path_of(f, index);
    assert_int_equal(bovw_index_create_with(path, f->vocabulary, signatures, NULL),
                     BOVW_OK);
    free(path);
}

static bovw_index *open_checked(const fixture *f, const char *name)
{
    bovw_index *index = NULL;
    char *path = path_of(f, name);
    assert_int_equal(bovw_index_check(path, NULL, NULL), BOVW_OK);
    assert_int_equal(bovw_index_open(path, &index, NULL), BOVW_OK);
    free(path);
    return index;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    uint64_t seed = 11;
    bovw_feature_options opts;
    const bovw_embedding from = {f->projection, f->thresholds};
    const uint32_t all = BOVW_SIGNATURES_HE128 | BOVW_SIGNATURES_ASMK;

    bovw_feature_options_default(&opts);
    f->folder = make_folder();
    for (size_t i = 0; i < sizeof f->centroids; i++)
        f->centroids[i] = (uint8_t)(40 + random_below(&seed, 176));
    for (int i = 0; i < DIM * DIM; i++)
        f->projection[i] = (int16_t)((int)random_below(&seed, 2801) - 1400);
    for (int i = 0; i < N_WORDS * DIM; i++)
        f->thresholds[i] = (int8_t)((int)random_below(&seed, 21) - 10);
    assert_int_equal(bovw_vocabulary_new_embedded(&opts, f->centroids, N_WORDS, &from,
                                                  "random", &f->vocabulary, NULL),
                     BOVW_OK);
    for (uint32_t i = 0; i < N_IMAGES; i++)
        f->images[i] = make_image(f, i, &seed);
    create(f, "one", all);
    add_images(f, "one", 0, N_IMAGES, 4096, 1);
    create(f, "several", all);
    add_images(f, "several", 0, 9, 4, 3);
    add_images(f, "several", 9, N_IMAGES - 9, 5, 2);
    f->one = open_checked(f, "one");
    f->several = open_checked(f, "several");
    assert_int_equal(bovw_index_n_segments(f->one), 1);
    assert_true(bovw_index_n_segments(f->several) > 4);
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
    remove_folder(f->folder);
    free(f);
    return 0;
}

/* ---- from the definitions ---------------------------------------------------- */

/* P (x - c) - tau of one bit, times 2^14. */
static double residual_bit(const fixture *f, const uint8_t *x, uint32_t word, int bit)
{
    double sum = 0;
    for (int d = 0; d < DIM; d++)
        sum += f->projection[bit * DIM + d] *
               (double)(x[d] - f->centroids[word * DIM + (uint32_t)d]);
    return sum - f->thresholds[word * DIM + (uint32_t)bit] * 8192.0;
}

static double distance_sq(const fixture *f, const uint8_t *x, uint32_t word)
{
    double sum = 0;
    for (int d = 0; d < DIM; d++)
        sum += pow(x[d] - f->centroids[word * DIM + (uint32_t)d], 2);
    return sum;
}

/* The r nearest words, nearest first. */
static void nearest_words(const fixture *f, const uint8_t *x, uint32_t r, uint32_t *words)
{
    bool used[N_WORDS] = {false};
    for (uint32_t j = 0; j < r; j++) {
        uint32_t best = N_WORDS;
        for (uint32_t w = 0; w < N_WORDS; w++) {
            if (!used[w] &&
                (best == N_WORDS || distance_sq(f, x, w) < distance_sq(f, x, best)))
                best = w;
        }
        used[best] = true;
        words[j] = best;
    }
}

/* Everything about the images that brute force needs. */
typedef struct brute {
    uint32_t word[N_IMAGES][MAX_FEATURES];
    uint8_t bits[N_IMAGES][MAX_FEATURES][DIM];
    double idf[N_WORDS];
    int tf[N_IMAGES][N_WORDS];
} brute;

static void bits_of(const fixture *f, const uint8_t *x, uint32_t word, uint8_t bits[DIM])
{
    for (int b = 0; b < DIM; b++)
        bits[b] = residual_bit(f, x, word, b) > 0;
}

static brute *brute_new(const fixture *f)
{
    brute *b = calloc(1, sizeof *b);
    for (uint32_t i = 0; i < N_IMAGES; i++) {
        for (uint32_t j = 0; j < f->images[i].n; j++) {
            const uint8_t *x = f->images[i].descriptors + j * DIM;
            nearest_words(f, x, 1, &b->word[i][j]);
            bits_of(f, x, b->word[i][j], b->bits[i][j]);
            b->tf[i][b->word[i][j]]++;
        }
    }
    for (uint32_t w = 0; w < N_WORDS; w++) {
        int n = 0;
        for (int i = 0; i < N_IMAGES; i++)
            n += b->tf[i][w] > 0;
        b->idf[w] = n ? log((double)N_IMAGES / n) : 0;
    }
    return b;
}

static int differing(const uint8_t *a, const uint8_t *b, int n_bits)
{
    int n = 0;
    for (int i = 0; i < n_bits; i++)
        n += a[i] != b[i];
    return n;
}

/* Scores of one query, not yet divided by the lengths of the images. */
static void brute_he(const fixture *f, const brute *b, const bovw_features *query,
                     uint32_t r, int n_bits, int threshold, bovw_burstiness burstiness,
                     double *scores)
{
    const double sigma = n_bits / 4.0;
    double query_square = 0;
    memset(scores, 0, N_IMAGES * sizeof *scores);
    for (uint32_t q = 0; q < query->n; q++) {
        const uint8_t *x = query->descriptors + q * DIM;
        uint32_t words[R];
        double sums[N_IMAGES] = {0}, total = 0;
        int counts[N_IMAGES] = {0};
        nearest_words(f, x, r, words);
        query_square += b->idf[words[0]] * b->idf[words[0]];
        for (uint32_t j = 0; j < r; j++) {
            uint8_t bits[DIM];
            bits_of(f, x, words[j], bits);
            for (int i = 0; i < N_IMAGES; i++) {
                for (uint32_t k = 0; k < f->images[i].n; k++) {
                    const int h = differing(bits, b->bits[i][k], n_bits);
                    if (b->word[i][k] != words[j] || h > threshold || b->idf[words[j]] == 0)
                        continue;
                    sums[i] += pow(b->idf[words[j]], 2) * exp(-h * h / (sigma * sigma));
                    counts[i]++;
                }
            }
        }
        for (int i = 0; i < N_IMAGES; i++) {
            if (counts[i] && burstiness != BOVW_BURSTINESS_NONE)
                sums[i] /= sqrt(counts[i]);
            total += sums[i];
        }
        int n_same = 0;
        for (uint32_t p = 0; p < query->n; p++) {
            uint32_t other;
            nearest_words(f, query->descriptors + p * DIM, 1, &other);
            n_same += other == words[0];
        }
        const double share = burstiness == BOVW_BURSTINESS_NONE ? 1 : 1 / sqrt(n_same);
        for (int i = 0; i < N_IMAGES && total > 0; i++)
            scores[i] +=
                share * sums[i] / (burstiness == BOVW_BURSTINESS_BOTH ? sqrt(total) : 1);
    }
    for (int i = 0; i < N_IMAGES; i++)
        scores[i] /= sqrt(query_square);
}

/* Signs of the sums over an image's features of a word; the query's features
 * have r words each. False where it has none. */
static bool brute_aggregate(const fixture *f, const bovw_features *image, uint32_t r,
                            uint32_t word, uint8_t bits[DIM])
{
    double sums[DIM] = {0};
    bool has_any = false;
    for (uint32_t i = 0; i < image->n; i++) {
        uint32_t words[R];
        nearest_words(f, image->descriptors + i * DIM, r, words);
        for (uint32_t j = 0; j < r; j++) {
            if (words[j] != word)
                continue;
            has_any = true;
            for (int b = 0; b < DIM; b++)
                sums[b] += residual_bit(f, image->descriptors + i * DIM, word, b);
        }
    }
    for (int b = 0; b < DIM; b++)
        bits[b] = sums[b] > 0;
    return has_any;
}

static void brute_asmk(const fixture *f, const brute *b, const bovw_features *query,
                       uint32_t r, double alpha, double tau, double *scores)
{
    double query_square = 0;
    memset(scores, 0, N_IMAGES * sizeof *scores);
    for (uint32_t w = 0; w < N_WORDS; w++) {
        uint8_t bits[DIM], others[DIM];
        if (b->idf[w] == 0 || !brute_aggregate(f, query, r, w, bits))
            continue;
        query_square += b->idf[w] * b->idf[w];
        for (int i = 0; i < N_IMAGES; i++) {
            if (!brute_aggregate(f, &f->images[i], 1, w, others))
                continue;
            const double u = 1 - differing(bits, others, DIM) / 64.0;
            if (u > tau)
                scores[i] += b->idf[w] * b->idf[w] * pow(u, alpha);
        }
    }
    for (int i = 0; i < N_IMAGES; i++)
        scores[i] /= sqrt(query_square);
}

/* The ranking has exactly the images with a score, with these scores. */
static void expect_scores(const bovw_ranking *ranking, const double *scores,
                          const double *lengths)
{
    uint32_t expected = 0;
    for (int i = 0; i < N_IMAGES; i++)
        expected += scores[i] > 0;
    assert_int_equal(ranking->n, expected);
    for (uint32_t i = 0; i < ranking->n; i++) {
        const bovw_hit *hit = &ranking->hits[i];
        const double wanted = scores[hit->image] / lengths[hit->image];
        assert_true(fabs(wanted - (double)hit->score) < 1e-5 * wanted);
        assert_true(i == 0 || hit[-1].score >= hit->score);
    }
}

static void image_lengths(const brute *b, bool is_asmk, double *lengths)
{
    for (int i = 0; i < N_IMAGES; i++) {
        double square = 0;
        for (int w = 0; w < N_WORDS; w++) {
            if (is_asmk)
                square += b->tf[i][w] ? pow(b->idf[w], 2) : 0;
            else
                square += pow(b->tf[i][w] * b->idf[w], 2);
        }
        lengths[i] = sqrt(square);
    }
}

static void hamming_embedding_equals_brute_force(void **state)
{
    const fixture *f = *state;
    brute *b = brute_new(f);
    static const struct {
        uint32_t bits, r, threshold;
        bovw_burstiness burstiness;
    } cases[] = {{64, 1, 24, BOVW_BURSTINESS_NONE},   {64, 1, 24, BOVW_BURSTINESS_INTRA},
                 {64, R, 24, BOVW_BURSTINESS_BOTH},   {128, 1, 24, BOVW_BURSTINESS_BOTH},
                 {128, R, 30, BOVW_BURSTINESS_INTRA}, {0, 2, 64, BOVW_BURSTINESS_BOTH}};
    double lengths[N_IMAGES], scores[N_IMAGES];
    image_lengths(b, false, lengths);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        bovw_search_options opts;
        bovw_ranking rankings[N_QUERIES];
        const int n_bits = cases[c].bits == 64 ? 64 : 128;
        bovw_search_options_default(&opts);
        opts.score = BOVW_SCORE_HE;
        opts.top = 0;
        opts.assign = cases[c].r;
        opts.he_bits = cases[c].bits;
        opts.he_threshold = cases[c].threshold;
        opts.burstiness = cases[c].burstiness;
        assert_int_equal(
            bovw_search(f->one, f->images, N_QUERIES, &opts, NULL, rankings, NULL),
            BOVW_OK);
        for (int q = 0; q < N_QUERIES; q++) {
            brute_he(f, b, &f->images[q], cases[c].r, n_bits,
                     (int)cases[c].threshold * n_bits / 64, cases[c].burstiness, scores);
            expect_scores(&rankings[q], scores, lengths);
            if (f->images[q].n > 20)
                assert_int_equal(rankings[q].hits[0].image, q);
            bovw_ranking_free(&rankings[q]);
        }
    }
    free(b);
}

static void asmk_equals_brute_force(void **state)
{
    const fixture *f = *state;
    brute *b = brute_new(f);
    static const struct {
        uint32_t r;
        float alpha, tau;
    } cases[] = {{1, 3, 0}, {R, 3, 0}, {2, 1.5F, 0.25F}};
    double lengths[N_IMAGES], scores[N_IMAGES];
    image_lengths(b, true, lengths);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        bovw_search_options opts;
        bovw_ranking rankings[N_QUERIES];
        bovw_search_options_default(&opts);
        opts.score = BOVW_SCORE_ASMK;
        opts.top = 0;
        opts.assign = cases[c].r;
        opts.asmk_alpha = cases[c].alpha;
        opts.asmk_tau = cases[c].tau;
        assert_int_equal(
            bovw_search(f->one, f->images, N_QUERIES, &opts, NULL, rankings, NULL),
            BOVW_OK);
        for (int q = 0; q < N_QUERIES; q++) {
            brute_asmk(f, b, &f->images[q], cases[c].r, (double)cases[c].alpha,
                       (double)cases[c].tau, scores);
            expect_scores(&rankings[q], scores, lengths);
            if (cases[c].r == 1 && f->images[q].n > 0) {
                assert_int_equal(rankings[q].hits[0].image, q);
                assert_true(fabsf(rankings[q].hits[0].score - 1) < 1e-5F);
            }
            bovw_ranking_free(&rankings[q]);
        }
    }
    free(b);
}

/* Cosine of tf-idf vectors with damped frequencies and soft assignment. */
static void kinds_of_term_frequency_equal_brute_force(void **state)
{
    const fixture *f = *state;
    brute *b = brute_new(f);
    for (int tf = BOVW_TF_RAW; tf <= BOVW_TF_BINARY; tf++) {
        for (uint32_t r = 1; r <= R; r += R - 1) {
            bovw_search_options opts;
            bovw_ranking ranking;
            bovw_search_options_default(&opts);
            opts.top = 0;
            opts.tf = (bovw_tf)tf;
            opts.assign = r;
            assert_int_equal(
                bovw_search(f->one, &f->images[2], 1, &opts, NULL, &ranking, NULL),
                BOVW_OK);
            double query[N_WORDS] = {0}, lengths[N_IMAGES], scores[N_IMAGES] = {0};
            double query_square = 0;
            for (uint32_t i = 0; i < f->images[2].n; i++) {
                const uint8_t *x = f->images[2].descriptors + i * DIM;
                uint32_t words[R];
                double share[R], sum = 0;
                nearest_words(f, x, r, words);
                for (uint32_t j = 0; j < r; j++)
                    sum += share[j] =
                        exp((distance_sq(f, x, words[0]) - distance_sq(f, x, words[j])) /
                            12500.0);
                for (uint32_t j = 0; j < r; j++)
                    query[words[j]] += share[j] / sum;
            }
            for (int w = 0; w < N_WORDS; w++) {
                if (query[w] > 0 && tf != BOVW_TF_RAW)
                    query[w] = tf == BOVW_TF_ROOT ? sqrt(query[w]) : 1;
                query_square += pow(query[w] * b->idf[w], 2);
            }
            for (int i = 0; i < N_IMAGES; i++) {
                double square = 0;
                for (int w = 0; w < N_WORDS; w++) {
                    double x = b->tf[i][w];
                    if (x > 0 && tf != BOVW_TF_RAW)
                        x = tf == BOVW_TF_ROOT ? sqrt(x) : 1;
                    square += pow(x * b->idf[w], 2);
                    scores[i] += x * query[w] * pow(b->idf[w], 2) / sqrt(query_square);
                }
                lengths[i] = sqrt(square);
            }
            expect_scores(&ranking, scores, lengths);
            bovw_ranking_free(&ranking);
        }
    }
    free(b);
}

/* The words that most images have are as if the query did not have them. */
static void stop_words_are_left_out_of_the_query(void **state)
{
    enum {
        N_STOPPED = 3
    };
    const fixture *f = *state;
    brute *b = brute_new(f);
    double lengths[N_IMAGES], scores[N_IMAGES] = {0}, query_square = 0;
    bool is_stopped[N_WORDS] = {false};
    int n_images[N_WORDS] = {0};
    bovw_search_options opts;
    bovw_ranking ranking;

    for (int w = 0; w < N_WORDS; w++) {
        for (int i = 0; i < N_IMAGES; i++)
            n_images[w] += b->tf[i][w] > 0;
    }
    for (int n = 0; n < N_STOPPED; n++) {
        int best = 0;
        for (int w = 1; w < N_WORDS; w++)
            best = n_images[w] > n_images[best] ? w : best;
        is_stopped[best] = true;
        n_images[best] = -1;
    }
    for (int w = 0; w < N_WORDS; w++) {
        if (is_stopped[w])
            continue;
        query_square += pow(b->tf[2][w] * b->idf[w], 2);
        for (int i = 0; i < N_IMAGES; i++)
            scores[i] += b->tf[i][w] * b->tf[2][w] * pow(b->idf[w], 2);
    }
    for (int i = 0; i < N_IMAGES; i++)
        scores[i] /= sqrt(query_square);
    image_lengths(b, false, lengths);
    bovw_search_options_default(&opts);
    opts.top = 0;
    opts.stop_words = N_STOPPED;
    for (int s = 0; s < 2; s++) {
        assert_int_equal(bovw_search(s ? f->several : f->one, &f->images[2], 1, &opts, NULL,
                                     &ranking, NULL),
                         BOVW_OK);
        expect_scores(&ranking, scores, lengths);
        bovw_ranking_free(&ranking);
    }
    opts.stop_words = N_WORDS + 1;
    assert_int_equal(bovw_search(f->one, &f->images[2], 1, &opts, NULL, &ranking, NULL),
                     BOVW_OK);
    assert_int_equal(ranking.n, 0);
    bovw_ranking_free(&ranking);
    free(b);
}

/* ---- what must not matter ------------------------------------------------------- */

static void same_rankings(const bovw_ranking *a, const bovw_ranking *b)
{
    assert_int_equal(a->n, b->n);
    for (uint32_t i = 0; i < a->n; i++) {
        assert_int_equal(a->hits[i].image, b->hits[i].image);
        assert_memory_equal(&a->hits[i].score, &b->hits[i].score, sizeof(float));
        assert_int_equal(a->hits[i].geometry.n_inliers, b->hits[i].geometry.n_inliers);
        assert_memory_equal(a->hits[i].geometry.transform, b->hits[i].geometry.transform,
                            36);
    }
}

static void segments_threads_and_kernels_do_not_change_a_ranking(void **state)
{
    const fixture *f = *state;
    static const bovw_compute computes[] = {{.n_threads = 1},
                                            {.n_threads = 2},
                                            {.n_threads = 30},
                                            {.n_threads = 1, .kernel = "portable"}};
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        bovw_search_options opts;
        bovw_ranking expected[N_QUERIES], got[N_QUERIES];
        bovw_search_options_default(&opts);
        opts.score = (bovw_score)score;
        opts.verify = 6;
        opts.min_inliers = 3;
        assert_int_equal(
            bovw_search(f->one, f->images, N_QUERIES, &opts, &computes[0], expected, NULL),
            BOVW_OK);
        for (int c = 0; c < 8; c++) {
            assert_int_equal(bovw_search(c % 2 ? f->one : f->several, f->images, N_QUERIES,
                                         &opts, &computes[c / 2], got, NULL),
                             BOVW_OK);
            for (int q = 0; q < N_QUERIES; q++) {
                same_rankings(&expected[q], &got[q]);
                bovw_ranking_free(&got[q]);
            }
        }
        for (int q = 0; q < N_QUERIES; q++)
            bovw_ranking_free(&expected[q]);
    }
}

/* The signature of one feature of image i, or of all of its word. */
static void wanted_bits(const fixture *f, const brute *b, uint32_t i,
                        const image_feature *feature, bool is_asmk, uint8_t bits[DIM])
{
    uint32_t nth = 0;
    if (is_asmk) {
        assert_true(brute_aggregate(f, &f->images[i], 1, feature->word, bits));
        return;
    }
    for (uint32_t j = 0; j < f->images[i].n; j++) {
        if (b->word[i][j] == feature->word && nth++ == feature->nth) {
            memcpy(bits, b->bits[i][j], DIM);
            return;
        }
    }
    assert_true(false);
}

static void signatures_of_images_are_those_of_their_descriptors(void **state)
{
    const fixture *f = *state;
    brute *b = brute_new(f);
    const image_region everything = {0};
    for (int round = 0; round < 4; round++) {
        const bovw_index *index = round % 2 ? f->one : f->several;
        const bool is_asmk = round / 2;
        image_features features = {0};
        size_t n = 0;
        for (uint32_t i = 0; i < N_IMAGES; i += 2) { /* sources in another order */
            const uint32_t image = (i + 13) % N_IMAGES;
            n += f->images[image].n;
            assert_int_equal(
                image_features_add(&features, index, image, i, &everything, NULL), BOVW_OK);
        }
        assert_int_equal(features.n, n);
        assert_int_equal(image_features_sort(&features, NULL), BOVW_OK);
        assert_int_equal(
            image_features_sign(&features, index, is_asmk ? SCAN_ASMK : SCAN_HE, 2, NULL),
            BOVW_OK);
        for (size_t i = 0; i < n; i++) {
            const image_feature *feature = &features.items[i];
            uint8_t bits[DIM];
            wanted_bits(f, b, feature->image, feature, is_asmk, bits);
            for (int bit = 0; bit < DIM; bit++)
                assert_int_equal(feature->signature[bit / 64] >> bit % 64 & 1, bits[bit]);
        }
        image_features_free(&features);
    }
    free(b);
}

static void verification_by_signature_finds_an_image_in_itself(void **state)
{
    const fixture *f = *state;
    bovw_search_options opts;
    bovw_ranking ranking;
    bovw_search_options_default(&opts);
    opts.score = BOVW_SCORE_HE;
    opts.verify = 10;
    opts.match_threshold = 0; /* none but the features themselves */
    for (uint32_t q = 0; q < N_IMAGES; q++) {
        if (f->images[q].n < 30)
            continue;
        assert_int_equal(
            bovw_search(f->several, &f->images[q], 1, &opts, NULL, &ranking, NULL),
            BOVW_OK);
        assert_int_equal(ranking.hits[0].image, q);
        assert_int_equal(ranking.hits[0].geometry.n_inliers, f->images[q].n);
        for (uint32_t i = 1; i < ranking.n; i++)
            assert_false(ranking.hits[i].is_verified);
        bovw_ranking_free(&ranking);
    }
}

static void every_kernel_finds_the_same_signatures(void **state)
{
    (void)state;
    uint64_t seed = 4;
    uint8_t planes[2][HAMMING_BLOCK * 8 + 1];
    static hamming_found expected, got;
    static const size_t sizes[] = {
        0, 1, 2, 7, 8, 9, 63, 500, HAMMING_BLOCK - 1, HAMMING_BLOCK};
    random_bytes(planes[0], sizeof planes[0], &seed);
    random_bytes(planes[1], sizeof planes[1], &seed);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (uint32_t threshold = 0; threshold <= 128; threshold += 16) {
            const bool is_long = random_next(&seed) & 1;
            uint64_t query[2];
            memcpy(query, planes[0] + 1, 8); /* which differs from itself in 0 bits */
            memcpy(query + 1, planes[1] + 1, 8);
            const uint8_t *low = planes[0] + 1, *high = is_long ? planes[1] + 1 : NULL;
            const size_t n =
                hamming_portable.find(low, high, sizes[s], query, threshold, &expected);
            assert_true(sizes[s] == 0 || (n > 0 && expected.distances[0] == 0));
            assert_true(threshold < 128 || n == sizes[s]);
            for (size_t k = 0; hamming_kernel_at(k); k++) {
                assert_int_equal(
                    hamming_kernel_at(k)->find(low, high, sizes[s], query, threshold, &got),
                    n);
                assert_memory_equal(got.positions, expected.positions, n * 4);
                assert_memory_equal(got.distances, expected.distances, n * 4);
            }
        }
    }
    /* By hand: 3 and 4 bits differ; 2 more in the second plane. */
    const uint8_t low[16] = {7, 0, 0, 0, 0, 0, 0, 0, 0x0f},
                  high[16] = {0, 3, 0, 0, 0, 0, 0, 0, 0, 3};
    const uint64_t zero[2] = {0, 0};
    for (size_t k = 0; hamming_kernel_at(k); k++) {
        assert_int_equal(hamming_kernel_at(k)->find(low, NULL, 2, zero, 3, &got), 1);
        assert_int_equal(got.positions[0], 0);
        assert_int_equal(got.distances[0], 3);
        assert_int_equal(hamming_kernel_at(k)->find(low, high, 2, zero, 6, &got), 2);
        assert_int_equal(got.positions[1], 1);
        assert_int_equal(got.distances[1], 6);
    }
}

/* ---- indexes ------------------------------------------------------------------- */

static void names_of_signatures_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
    } cases[] = {{"none", "none"},
                 {"he64", "he64"},
                 {"he128", "he128"},
                 {"he64,he128", "he128"},
                 {"asmk", "asmk"},
                 {"asmk,he64", "he64,asmk"},
                 {"he128,asmk", "he128,asmk"}};
    char text[BOVW_SIGNATURES_TEXT];
    uint32_t signatures;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(bovw_signatures_parse(cases[i].text, &signatures, NULL), BOVW_OK);
        bovw_signatures_format(signatures, text);
        assert_string_equal(text, cases[i].canonical);
    }
    static const char *const wrong[] = {"", "he", "he64,", ",asmk", "he64,none", "HE64"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(bovw_signatures_parse(wrong[i], &signatures, NULL), BOVW_ERR_ARG);
}

static void a_score_without_its_signatures_says_what_to_do(void **state)
{
    const fixture *f = *state;
    static const char *const lists[] = {"none", "he64", "asmk"};
    bovw_error err;
    for (int i = 0; i < 3; i++) {
        uint32_t signatures;
        bovw_signatures_parse(lists[i], &signatures, NULL);
        create(f, lists[i], signatures);
        add_images(f, lists[i], 0, 5, 2, 1);
        bovw_index *index = open_checked(f, lists[i]);
        assert_int_equal(bovw_index_signatures(index), signatures);
        for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
            bovw_search_options opts;
            bovw_ranking ranking = {0};
            bovw_search_options_default(&opts);
            opts.score = (bovw_score)score;
            opts.verify = 3;
            const bool is_fine = score == 0 || score == i;
            assert_int_equal(bovw_search(index, f->images, 1, &opts, NULL, &ranking, &err),
                             is_fine ? BOVW_OK : BOVW_ERR_ARG);
            if (!is_fine)
                assert_non_null(strstr(err.text, "--signatures"));
            bovw_ranking_free(&ranking);
            opts.he_bits = 128;
            if (score == BOVW_SCORE_HE && i == 1)
                assert_int_equal(
                    bovw_search(index, f->images, 1, &opts, NULL, &ranking, &err),
                    BOVW_ERR_ARG);
        }
        bovw_index_close(index);
    }

    bovw_feature_options options;
    bovw_vocabulary *plain = NULL;
    bovw_feature_options_default(&options);
    assert_int_equal(bovw_vocabulary_new(&options, f->centroids, N_WORDS, "", &plain, NULL),
                     BOVW_OK);
    char *path = path_of(f, "plain");
    assert_int_equal(bovw_index_create_with(path, plain, BOVW_SIGNATURES_ASMK, &err),
                     BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "train it again"));
    assert_int_equal(bovw_index_create(path, plain, NULL), BOVW_OK);
    bovw_vocabulary_close(plain);
    free(path);
}

/* Turn the only generation with images of an index into one of version 1: its
 * weights have two sections, its manifest has no signatures. */
static void make_old(const fixture *f, const char *index)
{
    char *folder = path_of(f, index);
    char *weights_file = weights_path(folder, 1), *manifest_file = manifest_path(folder);
    container now = {0};
    uint64_t checksum;
    size_t n;

    assert_int_equal(container_open(weights_file, "WGHT", 2, &now, NULL), BOVW_OK);
    assert_int_equal(
        container_write(weights_file, "WGHT", 1, now.sections, 2, &checksum, NULL),
        BOVW_OK);
    char *text = (char *)slurp(manifest_file, &n), hex[17];
    text[n - 18] = '\0'; /* the line with the checksum */
    char *version = strstr(text, "\"version\": 3"), *line = strstr(text, " \"signatures\"");
    char *sums_at = strstr(text, "\"weights\": \"");
    assert_true(version && line && sums_at);
    version[strlen("\"version\": ")] = '1';
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)checksum);
    memcpy(sums_at + strlen("\"weights\": \""), hex, 16);
    memset(line, ' ', (size_t)(strchr(line, '\n') - line));
    char *whole =
        mem_format("%s\n%016llx\n", text, (unsigned long long)hash64(text, strlen(text)));
    spit(manifest_file, (uint8_t *)whole, strlen(whole));
    container_close(&now);
    free(whole);
    free(text);
    free(weights_file);
    free(manifest_file);
    free(folder);
}

static void an_index_of_version_1_is_ranked_and_added_to(void **state)
{
    const fixture *f = *state;
    bovw_search_options opts;
    bovw_ranking expected, got;
    create(f, "old", BOVW_SIGNATURES_NONE);
    add_images(f, "old", 0, 12, 4096, 1);
    bovw_index *index = open_checked(f, "old");
    bovw_search_options_default(&opts);
    opts.verify = 4;
    assert_int_equal(bovw_search(index, &f->images[2], 1, &opts, NULL, &expected, NULL),
                     BOVW_OK);
    bovw_index_close(index);

    make_old(f, "old");
    index = open_checked(f, "old");
    assert_int_equal(bovw_index_signatures(index), BOVW_SIGNATURES_NONE);
    assert_int_equal(bovw_search(index, &f->images[2], 1, &opts, NULL, &got, NULL),
                     BOVW_OK);
    same_rankings(&expected, &got);
    bovw_ranking_free(&expected);
    bovw_ranking_free(&got);
    opts.tf = BOVW_TF_ROOT; /* for which it has no lengths */
    assert_int_equal(bovw_search(index, &f->images[2], 1, &opts, NULL, &got, NULL),
                     BOVW_ERR_ARG);
    bovw_index_close(index);

    add_images(f, "old", 0, 14, 4096, 1);
    index = open_checked(f, "old");
    assert_int_equal(bovw_index_n_images(index), 14);
    assert_int_equal(bovw_search(index, &f->images[2], 1, &opts, NULL, &got, NULL),
                     BOVW_OK);
    bovw_ranking_free(&got);
    bovw_index_close(index);
}

/* Rankings and matches by signature, by every score. */
static void use(const bovw_index *index, const fixture *f)
{
    for (int score = BOVW_SCORE_TFIDF; score <= BOVW_SCORE_ASMK; score++) {
        bovw_search_options opts;
        bovw_ranking ranking = {0};
        bovw_search_options_default(&opts);
        opts.score = (bovw_score)score;
        opts.verify = 10;
        bovw_search(index, f->images + 2, 1, &opts, NULL, &ranking, NULL);
        bovw_ranking_free(&ranking);
    }
}

/* Segments whose checksums are right and whose postings or signatures are not:
 * every section in turn is missing, of another size, or has other numbers. */
static void wrong_postings_and_signatures_are_found_and_never_lead_outside(void **state)
{
    const fixture *f = *state;
    char *segment_name = path_of(f, "one/000001.segment");
    const segment *good = &f->one->segments[0];
    const container whole = good->file; /* its map stays while the file is replaced */
    uint64_t seed = 12;
    int n_checked = 0, n_missed = 0;

    for (uint32_t victim = 0; victim < whole.n_sections; victim++) {
        const uint32_t id = whole.sections[victim].id;
        for (int round = 0; id >= SECTION_POSTING_OFFSETS && round < 12; round++) {
            container_section sections[CONTAINER_MAX_SECTIONS];
            uint32_t n = 0;
            uint8_t *copy = malloc(whole.sections[victim].n_bytes);
            memcpy(copy, whole.sections[victim].data, whole.sections[victim].n_bytes);
            memcpy(sections, whole.sections, sizeof sections);
            sections[victim].data = copy;
            n = whole.n_sections;
            if (round == 0)
                sections[victim] = sections[--n];
            else if (round == 1)
                sections[victim].n_bytes -= 8;
            else
                copy[random_below(&seed, sections[victim].n_bytes)] ^=
                    (uint8_t)(1 << random_below(&seed, 8));
            uint64_t checksum;
            char *path = path_of(f, "wrong.segment");
            assert_int_equal(
                container_write(path, SEGMENT_KIND, 1, sections, n, &checksum, NULL),
                BOVW_OK);
            segment wrong;
            bovw_error err;
            bovw_status status =
                segment_open(path, N_WORDS, bovw_index_signatures(f->one), &wrong, &err);
            if (round == 0 || (round == 1 && id != SECTION_POSTINGS))
                assert_int_equal(status, BOVW_ERR_CORRUPT);
            if (status == BOVW_OK) {
                bovw_index damaged = *f->one;
                damaged.segments = &wrong;
                use(&damaged, f);
                status = segment_check(&wrong, &err);
                segment_close(&wrong);
            }
            /* Bits of a list that nothing reads may be anything. */
            if (round < 2 || id == SECTION_POSTING_OFFSETS || id == SECTION_FREQUENCIES ||
                id == SECTION_FEATURE_STARTS || id == SECTION_POSTING_STARTS)
                assert_int_equal(status, BOVW_ERR_CORRUPT);
            n_checked++;
            n_missed += status == BOVW_OK;
            free(copy);
            free(path);
        }
    }
    assert_int_equal(n_checked, 9 * 12);
    /* A signature cannot be recomputed; but where an image has a word once, it is
     * there twice. */
    assert_true(n_missed < 4 * 10);
    free(segment_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hamming_embedding_equals_brute_force),
        cmocka_unit_test(asmk_equals_brute_force),
        cmocka_unit_test(kinds_of_term_frequency_equal_brute_force),
        cmocka_unit_test(stop_words_are_left_out_of_the_query),
        cmocka_unit_test(segments_threads_and_kernels_do_not_change_a_ranking),
        cmocka_unit_test(signatures_of_images_are_those_of_their_descriptors),
        cmocka_unit_test(verification_by_signature_finds_an_image_in_itself),
        cmocka_unit_test(every_kernel_finds_the_same_signatures),
        cmocka_unit_test(names_of_signatures_are_read_and_written),
        cmocka_unit_test(a_score_without_its_signatures_says_what_to_do),
        cmocka_unit_test(an_index_of_version_1_is_ranked_and_added_to),
        cmocka_unit_test(wrong_postings_and_signatures_are_found_and_never_lead_outside),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
