/* SPDX-License-Identifier: MIT
 *
 * Vectors of images: worked by hand, against plain formulas, the same for any
 * number of threads; files of mixtures, whole and damaged. */
#include "synthetic.h"

#include <math.h>

#include "vectors/mixture.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    DIM = BOVW_DESCRIPTOR_DIM
};

static char *folder;
static bovw_error err; /* of the last call that failed */
static bovw_feature_options options;

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    bovw_feature_options_default(&options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6))
        fail_msg("%.9g, not %.9g", got, want);
}

/* ---- VLAD and histograms ---------------------------------------------------------------
 */

/* Two words: of tens, of two hundreds. */
static bovw_vocabulary *two_words(void)
{
    uint8_t centroids[2 * DIM];
    bovw_vocabulary *vocabulary = NULL;
    memset(centroids, 10, DIM);
    memset(centroids + DIM, 200, DIM);
    GOOD(bovw_vocabulary_new(&options, centroids, 2, NULL, &vocabulary, &err));
    return vocabulary;
}

/* Of three descriptors, two of the first word, (3, 0) and (0, 4) from it, and one of
 * the second, -5 from it. */
static void three_descriptors(uint8_t x[3 * DIM])
{
    memset(x, 10, (size_t)2 * DIM);
    memset(x + (size_t)2 * DIM, 200, DIM);
    x[0] = 13;
    x[DIM + 1] = 14;
    x[2 * DIM] = 195;
}

static void check_encoding(bovw_encoding encoding, unsigned normalisation, uint32_t dim,
                           size_t second, const double want[3])
{
    uint8_t x[3 * DIM];
    float vector[2 * DIM];
    bovw_encoder *encoder = NULL;
    bovw_vocabulary *vocabulary = two_words();
    three_descriptors(x);
    GOOD(bovw_encoder_new(vocabulary, encoding, normalisation, &encoder, &err));
    assert_int_equal(bovw_encoder_dim(encoder), dim);
    GOOD(bovw_encoder_run(encoder, x, 3, vector, &err));
    assert_near((double)vector[0], want[0]);
    assert_near((double)vector[1], want[1]);
    assert_near((double)vector[second], want[2]);
    for (size_t i = 2; i < dim; i++)
        assert_true(i == second || vector[i] == 0);
    GOOD(bovw_encoder_run(encoder, x, 0, vector, &err));
    for (size_t i = 0; i < dim; i++)
        assert_true(vector[i] == 0);
    bovw_encoder_free(encoder);
    bovw_vocabulary_close(vocabulary);
}

static void vlad_by_hand(void **state)
{
    (void)state;
    const unsigned intra = BOVW_NORMALISE_INTRA, root = BOVW_NORMALISE_ROOT;
    const double plain = sqrt(50), rooted = sqrt(12), both = sqrt(2.4);
    check_encoding(BOVW_ENCODING_VLAD, 0, 2 * DIM, DIM,
                   (double[]){3 / plain, 4 / plain, -5 / plain});
    check_encoding(BOVW_ENCODING_VLAD, intra, 2 * DIM, DIM,
                   (double[]){0.6 / sqrt(2), 0.8 / sqrt(2), -1 / sqrt(2)});
    check_encoding(BOVW_ENCODING_VLAD, root, 2 * DIM, DIM,
                   (double[]){sqrt(3) / rooted, 2 / rooted, -sqrt(5) / rooted});
    check_encoding(BOVW_ENCODING_VLAD, intra | root, 2 * DIM, DIM,
                   (double[]){sqrt(0.6) / both, sqrt(0.8) / both, -1 / both});
}

static void histogram_by_hand(void **state)
{
    (void)state;
    /* The last value is the second one's again. */
    check_encoding(BOVW_ENCODING_BOW, 0, 2, 1, (double[]){2.0 / 3, 1.0 / 3, 1.0 / 3});
    check_encoding(BOVW_ENCODING_BOW, BOVW_NORMALISE_ROOT, 2, 1,
                   (double[]){sqrt(2.0 / 3), sqrt(1.0 / 3), sqrt(1.0 / 3)});
}

static void encoders_that_make_no_sense(void **state)
{
    (void)state;
    bovw_encoder *encoder = NULL;
    bovw_vocabulary *vocabulary = two_words();
    assert_int_equal(bovw_encoder_new(vocabulary, BOVW_ENCODING_FISHER, 0, &encoder, &err),
                     BOVW_ERR_ARG);
    assert_int_equal(bovw_encoder_new(vocabulary, BOVW_ENCODING_BOW, BOVW_NORMALISE_INTRA,
                                      &encoder, &err),
                     BOVW_ERR_ARG);
    assert_null(encoder);
    bovw_vocabulary_close(vocabulary);

    uint8_t *centroids = mem_array(8193, DIM);
    for (size_t i = 0; i < 8193; i++)
        store_le16(centroids + i * DIM, (uint16_t)i);
    GOOD(bovw_vocabulary_new(&options, centroids, 8193, NULL, &vocabulary, &err));
    assert_int_equal(bovw_encoder_new(vocabulary, BOVW_ENCODING_VLAD, 0, &encoder, &err),
                     BOVW_ERR_LIMIT);
    bovw_vocabulary_close(vocabulary);
    free(centroids);
}

/* ---- Fisher vectors
 * ------------------------------------------------------------------------ */

enum {
    K = 3,
    D = 5,
    N = 1500 /* more than VLFeat encodes at a time */
};

/* A mixture of K Gaussians on D of the descriptors' values. */
static bovw_mixture *some_mixture(void)
{
    bovw_mixture *m = NULL;
    GOOD(mixture_new(&options, K, D, &m, &err));
    m->summary = mem_text("made up");
    for (int d = 0; d < DIM; d++)
        m->centre[d] = 0.25F;
    for (int j = 0; j < D; j++)
        m->directions[j * DIM + 3 * j] = 1;
    for (int i = 0; i < K; i++) {
        m->priors[i] = i == 0 ? 0.5F : 0.25F;
        for (int j = 0; j < D; j++) {
            m->means[i * D + j] = (float)(i - 1) * 0.1F + (float)j * 0.01F;
            m->covariances[i * D + j] = 0.01F + (float)(i + j) * 0.003F;
        }
    }
    return m;
}

/* By the formulas of Perronnin, Sanchez and Mensink, in double. */
static void plain_fisher(const bovw_mixture *m, const uint8_t *x, size_t n,
                         double out[2 * K * D])
{
    double square = 0;
    memset(out, 0, sizeof(double) * 2 * K * D);
    for (size_t v = 0; v < n; v++) {
        double p[K], sum = 0, u[K][D];
        for (int i = 0; i < K; i++) {
            double exponent = 0, volume = 1;
            for (int j = 0; j < D; j++) {
                const double sigma = sqrt((double)m->covariances[i * D + j]);
                u[i][j] = ((double)x[v * DIM + 3 * (size_t)j] / 512 - 0.25 -
                           (double)m->means[i * D + j]) /
                          sigma;
                exponent += u[i][j] * u[i][j];
                volume *= sigma;
            }
            p[i] = (double)m->priors[i] * exp(-exponent / 2) / volume;
            sum += p[i];
        }
        for (int i = 0; i < K; i++) {
            for (int j = 0; j < D; j++) {
                const double w = p[i] / sum / (double)n / sqrt((double)m->priors[i]);
                out[i * D + j] += w * u[i][j];
                out[K * D + i * D + j] += w * (u[i][j] * u[i][j] - 1) / sqrt(2);
            }
        }
    }
    for (int i = 0; i < 2 * K * D; i++) {
        out[i] = out[i] < 0 ? -sqrt(-out[i]) : sqrt(out[i]);
        square += out[i] * out[i];
    }
    for (int i = 0; i < 2 * K * D; i++)
        out[i] /= sqrt(square);
}

static void fisher_is_what_the_formula_gives(void **state)
{
    (void)state;
    uint64_t random = 7;
    float got[2 * K * D];
    double want[2 * K * D];
    bovw_encoder *encoder = NULL;
    bovw_mixture *m = some_mixture();
    uint8_t *x = mem_array(N, DIM);
    random_bytes(x, (size_t)N * DIM, &random);
    GOOD(bovw_encoder_new_fisher(m, BOVW_NORMALISE_ROOT, &encoder, &err));
    assert_int_equal(bovw_encoder_dim(encoder), 2 * K * D);
    GOOD(bovw_encoder_run(encoder, x, N, got, &err));
    plain_fisher(m, x, N, want);
    for (int i = 0; i < 2 * K * D; i++) {
        if (fabs((double)got[i] - want[i]) > 1e-4)
            fail_msg("value %d: %g, not %g", i, (double)got[i], want[i]);
    }
    bovw_encoder_free(encoder);
    bovw_mixture_close(m);
    free(x);
}

/* ---- mixtures
 * ------------------------------------------------------------------------------ */

enum {
    IMAGES = 40,
    FEATURES = 50
};

/* A feature file of images whose descriptors are around 20 or 200; one is empty. */
static char *feature_file(void)
{
    uint64_t random = 11;
    bovw_features images[IMAGES];
    char *path = mem_format("%s/photos.feat", folder);
    for (uint32_t i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "photos/%u.jpg", i);
        images[i] = random_features(name, i == 3 ? 0 : FEATURES, &random);
        for (size_t d = 0; d < (size_t)images[i].n * DIM; d++)
            images[i].descriptors[d] =
                (uint8_t)(images[i].descriptors[d] % 16 + (d / DIM % 2 ? 200 : 20));
    }
    write_features(path, &options, images, IMAGES);
    for (uint32_t i = 0; i < IMAGES; i++)
        bovw_features_free(&images[i]);
    return path;
}

static bovw_source *open_source(const char *path, int n)
{
    const char *paths[2] = {path, path};
    bovw_source *source = NULL;
    GOOD(bovw_source_open(paths, (size_t)n, NULL, NULL, &source, &err));
    return source;
}

static bovw_mixture *train(const char *path, uint32_t n_threads)
{
    const bovw_compute compute = {.n_threads = n_threads};
    bovw_mixture_options opts;
    bovw_mixture *mixture = NULL;
    bovw_source *source = open_source(path, 1);
    bovw_mixture_options_default(&opts);
    opts.k = 2;
    opts.dim = 3;
    GOOD(bovw_mixture_train(source, &opts, &compute, NULL, &mixture, &err));
    bovw_source_close(source);
    return mixture;
}

static void mixture_finds_both_kinds(void **state)
{
    (void)state;
    char *path = feature_file();
    bovw_mixture *one = train(path, 1), *many = train(path, 3);
    assert_memory_equal(one->numbers, many->numbers,
                        mixture_n_numbers(2, 3) * sizeof *one->numbers);
    /* Half each, and far apart along the first direction. */
    for (int i = 0; i < 2; i++)
        assert_true(fabsf(one->priors[i] - 0.5F) < 1e-3F);
    assert_true(fabsf(one->means[0] - one->means[3]) > 3);
    assert_true(fabsf(one->means[1] - one->means[4]) < 0.1F);
    assert_non_null(strstr(one->summary, "2 Gaussians in 3 dimensions on 1950 descriptors "
                                         "of 40 images"));
    bovw_mixture_close(one);
    bovw_mixture_close(many);
    free(path);
}

static void refuse_training(uint32_t k, uint32_t dim, uint64_t sample)
{
    char *path = feature_file();
    bovw_mixture_options opts;
    bovw_mixture *mixture = NULL;
    bovw_source *source = open_source(path, 1);
    bovw_mixture_options_default(&opts);
    opts.k = k;
    opts.dim = dim;
    opts.sample = sample;
    assert_int_equal(bovw_mixture_train(source, &opts, NULL, NULL, &mixture, NULL),
                     BOVW_ERR_ARG);
    assert_null(mixture);
    bovw_source_close(source);
    free(path);
}

static void mixtures_that_cannot_be(void **state)
{
    (void)state;
    refuse_training(0, 3, 0);
    refuse_training(BOVW_MAX_GAUSSIANS + 1, 3, 0);
    refuse_training(2, 0, 0);
    refuse_training(2, 129, 0);
    refuse_training(1000, 3, 0); /* 1,950 descriptors */
    refuse_training(2, 3, 1ULL << 40);
}

static void mixture_file(void **state)
{
    (void)state;
    char *path = mem_format("%s/m.gmm", folder);
    bovw_mixture *m = some_mixture(), *back = NULL;
    GOOD(bovw_mixture_save(m, path, &err));
    GOOD(bovw_mixture_open(path, &back, &err));
    assert_int_equal(bovw_mixture_size(back), K);
    assert_int_equal(bovw_mixture_dim(back), D);
    assert_string_equal(bovw_mixture_summary(back), "made up");
    assert_memory_equal(back->numbers, m->numbers,
                        mixture_n_numbers(K, D) * sizeof *m->numbers);
    bovw_mixture_close(back);

    /* A byte that is another, anywhere. */
    size_t n = 0;
    uint8_t *bytes = slurp(path, &n);
    for (size_t i = 0; i < n; i++) {
        back = NULL;
        bytes[i] ^= 0x40;
        spit(path, bytes, n);
        bytes[i] ^= 0x40;
        assert_int_not_equal(bovw_mixture_open(path, &back, NULL), BOVW_OK);
        assert_null(back);
    }
    spit(path, bytes, n - 64);
    assert_int_equal(bovw_mixture_open(path, &back, NULL), BOVW_ERR_CORRUPT);
    free(bytes);

    /* Whole, but no mixture. */
    float *const bad[] = {&m->priors[1], &m->covariances[4], &m->means[2]};
    static const float values[] = {0, -1, NAN};
    for (int i = 0; i < 3; i++) {
        const float kept = *bad[i];
        *bad[i] = values[i];
        GOOD(bovw_mixture_save(m, path, &err));
        *bad[i] = kept;
        assert_int_equal(bovw_mixture_open(path, &back, &err), BOVW_ERR_CORRUPT);
        assert_non_null(strstr(err.text, path));
    }
    bovw_mixture_close(m);
    free(path);
}

/* ---- a whole source
 * ------------------------------------------------------------------------ */

static void encode(const char *feat, const char *npy, const char *names, uint32_t n_threads)
{
    const bovw_compute compute = {.n_threads = n_threads};
    uint32_t n = 0;
    bovw_encoder *encoder = NULL;
    bovw_vocabulary *vocabulary = two_words();
    bovw_source *source = open_source(feat, 1);
    GOOD(bovw_encoder_new(vocabulary, BOVW_ENCODING_VLAD, 3, &encoder, &err));
    GOOD(bovw_encode_source(encoder, source, npy, names, &compute, NULL, &n, &err));
    assert_int_equal(n, IMAGES);
    bovw_source_close(source);
    bovw_encoder_free(encoder);
    bovw_vocabulary_close(vocabulary);
}

static void source_becomes_vectors_and_names(void **state)
{
    (void)state;
    char *feat = feature_file(), *npy = mem_format("%s/v.npy", folder);
    char *names = mem_format("%s/v.names", folder), *other = mem_format("%s/w.npy", folder);
    size_t n = 0, n_other = 0;
    float vector[2 * DIM], want[2 * DIM];
    bovw_vectors *vectors = NULL;
    bovw_names list = {0};
    encode(feat, npy, names, 1);
    encode(feat, other, names, 3);
    uint8_t *one = slurp(npy, &n), *many = slurp(other, &n_other);
    assert_int_equal(n, 128 + IMAGES * 2 * DIM * 4);
    assert_int_equal(n, n_other);
    assert_memory_equal(one, many, n);
    free(one);
    free(many);

    GOOD(bovw_vectors_open(npy, &vectors, &err));
    GOOD(bovw_names_read(names, IMAGES, &list, &err));
    assert_string_equal(list.items[39], "photos/39.jpg");

    bovw_feature_file *file = NULL;
    bovw_features f = {0};
    bovw_encoder *encoder = NULL;
    bovw_vocabulary *vocabulary = two_words();
    GOOD(bovw_feature_file_open(feat, &file, &err));
    GOOD(bovw_encoder_new(vocabulary, BOVW_ENCODING_VLAD, 3, &encoder, &err));
    for (uint32_t i = 0; i < IMAGES; i++) {
        GOOD(bovw_feature_file_read(file, i, &f, &err));
        GOOD(bovw_encoder_run(encoder, f.descriptors, f.n, want, &err));
        GOOD(bovw_vectors_read(vectors, i, 1, vector, &err));
        assert_memory_equal(vector, want, sizeof want);
        bovw_features_free(&f);
    }
    bovw_encoder_free(encoder);
    bovw_vocabulary_close(vocabulary);
    bovw_feature_file_close(file);
    bovw_vectors_close(vectors);
    bovw_names_free(&list);
    free(feat);
    free(npy);
    free(names);
    free(other);
}

static void sources_that_do_not_fit(void **state)
{
    (void)state;
    char *feat = feature_file(), *npy = mem_format("%s/v.npy", folder);
    char *names = mem_format("%s/v.names", folder);
    bovw_encoder *encoder = NULL;
    bovw_vocabulary *vocabulary = two_words();
    GOOD(bovw_encoder_new(vocabulary, BOVW_ENCODING_BOW, 0, &encoder, &err));
    bovw_source *twice = open_source(feat, 2);
    assert_int_equal(bovw_encode_source(encoder, twice, npy, names, NULL, NULL, NULL, &err),
                     BOVW_ERR_ARG);
    assert_string_equal(err.text, "photos/0.jpg: given twice");
    bovw_source_close(twice);
    bovw_source *once = open_source(feat, 1);
    assert_int_equal(
        bovw_encode_source(encoder, once, "/dev/null", names, NULL, NULL, NULL, &err),
        BOVW_ERR_ARG);
    bovw_encoder_free(encoder);
    bovw_vocabulary_close(vocabulary);
    options.upright = true;
    vocabulary = two_words();
    GOOD(bovw_encoder_new(vocabulary, BOVW_ENCODING_BOW, 0, &encoder, &err));
    assert_int_equal(bovw_encode_source(encoder, once, npy, names, NULL, NULL, NULL, &err),
                     BOVW_ERR_MISMATCH);
    bovw_source_close(once);
    bovw_encoder_free(encoder);
    bovw_vocabulary_close(vocabulary);
    assert_int_not_equal(access(npy, F_OK), 0);
    assert_int_not_equal(access(names, F_OK), 0);
    free(feat);
    free(npy);
    free(names);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vlad_by_hand),
        TEST(histogram_by_hand),
        TEST(encoders_that_make_no_sense),
        TEST(fisher_is_what_the_formula_gives),
        TEST(mixture_finds_both_kinds),
        TEST(mixtures_that_cannot_be),
        TEST(mixture_file),
        TEST(source_becomes_vectors_and_names),
        TEST(sources_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
