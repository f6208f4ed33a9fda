/* SPDX-License-Identifier: MIT
 *
 * Learned maps: against what defines them, gradients against finite differences,
 * groups that were not learned from, and files. */
#include "synthetic.h"

#include <math.h>

#include "vectors/learn.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *folder;
static bovw_error err; /* of the last call that failed */

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.9g, not %.9g", got, want);
}

static double uniform(uint64_t *random)
{
    return (double)random_below(random, 2000001) / 1e6 - 1;
}

static char *in_folder(const char *name)
{
    return mem_format("%s/%s", folder, name);
}

/* Values (n, dim) as an fvecs file, opened. */
static bovw_vectors *vectors_of(const float *values, uint32_t n, uint32_t dim)
{
    const size_t row = 4 + (size_t)dim * 4;
    char *path = in_folder("v.fvecs");
    bovw_vectors *vectors = NULL;
    uint8_t *bytes = mem_array(n, row);
    for (uint32_t i = 0; i < n; i++) {
        store_le32(bytes + i * row, dim);
        for (uint32_t j = 0; j < dim; j++)
            store_lefloat(bytes + i * row + 4 + 4 * (size_t)j, values[i * dim + j]);
    }
    spit(path, bytes, n * row);
    GOOD(bovw_vectors_open(path, &vectors, &err));
    free(bytes);
    free(path);
    return vectors;
}

/* The map applied, (n, n_out); the caller's. */
static float *apply(const bovw_projection *p, const bovw_vectors *vectors, bool is_raw,
                    uint32_t n_threads)
{
    const bovw_compute compute = {.n_threads = n_threads};
    const uint32_t n = bovw_vectors_count(vectors), n_out = bovw_projection_n_out(p);
    char *path = in_folder("mapped.npy");
    bovw_vectors *mapped = NULL;
    float *values = mem_array((size_t)n * n_out, sizeof *values);
    GOOD(bovw_projection_apply(p, vectors, path, is_raw, &compute, NULL, &err));
    GOOD(bovw_vectors_open(path, &mapped, &err));
    assert_int_equal(bovw_vectors_count(mapped), n);
    assert_int_equal(bovw_vectors_dim(mapped), n_out);
    GOOD(bovw_vectors_read(mapped, 0, n, values, &err));
    bovw_vectors_close(mapped);
    free(path);
    return values;
}

static bovw_projection *learn(const bovw_vectors *vectors, const bovw_labels *labels,
                              const bovw_learn_options *opts, uint32_t n_threads)
{
    const bovw_compute compute = {.n_threads = n_threads};
    bovw_projection *p = NULL;
    GOOD(bovw_projection_learn(vectors, labels, opts, &compute, NULL, &p, &err));
    return p;
}

static double distance(const float *a, const float *b, uint32_t dim)
{
    double sum = 0;
    for (uint32_t j = 0; j < dim; j++)
        sum += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
    return sqrt(sum);
}

/* ---- principal components
 * ------------------------------------------------------------------- */

enum {
    FEW = 12,
    WIDE = 37
};

/* Fewer vectors than dimensions: all components keep every distance; whitened, the
 * covariance is the identity. */
static void few_vectors_of_many_dimensions(void **state)
{
    (void)state;
    uint64_t random = 3;
    float values[FEW * WIDE];
    bovw_learn_options opts;
    bovw_learn_options_default(&opts);
    for (int i = 0; i < FEW * WIDE; i++)
        values[i] = (float)(uniform(&random) + 2);
    bovw_vectors *vectors = vectors_of(values, FEW, WIDE);
    opts.learner = BOVW_LEARN_PCA;
    bovw_projection *p = learn(vectors, NULL, &opts, 2);
    assert_int_equal(bovw_projection_n_out(p), FEW - 1);
    float *mapped = apply(p, vectors, true, 2);
    for (int i = 0; i < FEW; i++) {
        for (int j = 0; j < i; j++)
            assert_near(distance(mapped + i * (FEW - 1), mapped + j * (FEW - 1), FEW - 1),
                        distance(values + i * WIDE, values + j * WIDE, WIDE), 1e-5);
    }
    free(mapped);
    bovw_projection_free(p);

    opts.learner = BOVW_LEARN_WHITEN;
    opts.dim = 7;
    p = learn(vectors, NULL, &opts, 1);
    mapped = apply(p, vectors, true, 1);
    for (int a = 0; a < 7; a++) {
        for (int b = 0; b < 7; b++) {
            double sum = 0;
            for (int i = 0; i < FEW; i++)
                sum += (double)mapped[i * 7 + a] * (double)mapped[i * 7 + b] / FEW;
            assert_near(sum, a == b, 1e-5);
        }
    }
    free(mapped);
    bovw_projection_free(p);
    bovw_vectors_close(vectors);
}

/* Both ways give the same map: of n vectors in n - 1 and in n + 1 dimensions, two of
 * which are always 0. */
static void both_ways_agree(void **state)
{
    (void)state;
    enum {
        N = 20,
        D = 19
    };
    uint64_t random = 5;
    float narrow[N * D], wide[N * (D + 2)] = {0};
    bovw_learn_options opts;
    bovw_learn_options_default(&opts);
    opts.dim = 6;
    opts.power = 0.5F;
    for (int i = 0; i < N * D; i++) {
        narrow[i] = (float)(uniform(&random) * (1 + i % D));
        wide[i / D * (D + 2) + i % D] = narrow[i];
    }
    bovw_vectors *vectors = vectors_of(narrow, N, D);
    bovw_projection *p = learn(vectors, NULL, &opts, 1);
    float *a = apply(p, vectors, false, 1);
    bovw_projection_free(p);
    bovw_vectors_close(vectors);
    vectors = vectors_of(wide, N, D + 2);
    p = learn(vectors, NULL, &opts, 3);
    float *b = apply(p, vectors, false, 3);
    for (int i = 0; i < N * 6; i++)
        assert_near((double)a[i], (double)b[i], 1e-5);
    free(a);
    free(b);
    bovw_projection_free(p);
    bovw_vectors_close(vectors);
}

/* Variances 4 and 1 along the axes, divided by their fourth roots to the power of
 * a half: 2 / sqrt 2 stays of the first, 1 of the second. */
static void power_by_hand(void **state)
{
    (void)state;
    static const float values[8] = {2.82842712F, 0, -2.82842712F, 0, 0,
                                    1.41421356F, 0, -1.41421356F};
    bovw_learn_options opts;
    bovw_learn_options_default(&opts);
    opts.power = 0.5F;
    bovw_vectors *vectors = vectors_of(values, 4, 2);
    bovw_projection *p = learn(vectors, NULL, &opts, 1);
    float *mapped = apply(p, vectors, true, 1);
    assert_near(fabs((double)mapped[0]), 2, 1e-5); /* 2 sqrt 2 / sqrt 2 */
    assert_near(fabs((double)mapped[5]), sqrt(2), 1e-5);
    free(mapped);
    bovw_projection_free(p);
    bovw_vectors_close(vectors);
}

/* ---- groups
 * ---------------------------------------------------------------------------------- */

enum {
    GROUPS = 40,
    EACH = 6,
    IMAGES = GROUPS * EACH,
    DIM = 24,
    SIGNAL = 8
};

/* Images of a group share SIGNAL values; the others are noise that is three times as
 * large. Groups below GROUPS / 2 are labelled. */
static bovw_vectors *grouped(uint32_t groups[IMAGES])
{
    uint64_t random = 17;
    float *values = mem_array((size_t)IMAGES * DIM, sizeof *values);
    for (int g = 0; g < GROUPS; g++) {
        double shared[SIGNAL];
        for (int j = 0; j < SIGNAL; j++)
            shared[j] = uniform(&random);
        for (int i = g * EACH; i < (g + 1) * EACH; i++) {
            groups[i] = g < GROUPS / 2 ? (uint32_t)g * 10 : BOVW_NO_GROUP;
            for (int j = 0; j < DIM; j++)
                values[i * DIM + j] =
                    (float)(j < SIGNAL ? shared[j] + 0.2 * uniform(&random)
                                       : 3 * uniform(&random));
        }
    }
    bovw_vectors *vectors = vectors_of(values, IMAGES, DIM);
    free(values);
    return vectors;
}

/* Mean share of the images of groups that were not labelled whose nearest of all is
 * of their group. */
static double nearest_is_right(const float *x, uint32_t dim)
{
    int n_right = 0;
    for (int q = IMAGES / 2; q < IMAGES; q++) {
        int nearest = -1;
        for (int i = 0; i < IMAGES; i++) {
            if (i != q &&
                (nearest < 0 || distance(x + q * dim, x + i * dim, dim) <
                                    distance(x + q * dim, x + nearest * dim, dim)))
                nearest = i;
        }
        n_right += nearest / EACH == q / EACH;
    }
    return 2.0 * n_right / IMAGES;
}

static void groups_not_learned_from_gain(void **state)
{
    (void)state;
    static const bovw_learner learners[] = {BOVW_LEARN_LW, BOVW_LEARN_TRIPLET,
                                            BOVW_LEARN_SIAMESE};
    uint32_t groups[IMAGES];
    bovw_vectors *vectors = grouped(groups);
    const bovw_labels labels = {.groups = groups};
    float *values = mem_array((size_t)IMAGES * DIM, sizeof *values);
    GOOD(bovw_vectors_read(vectors, 0, IMAGES, values, &err));
    const double before = nearest_is_right(values, DIM);
    assert_true(before < 0.4);
    for (size_t i = 0; i < sizeof learners / sizeof *learners; i++) {
        bovw_learn_options opts;
        bovw_learn_options_default(&opts);
        opts.learner = learners[i];
        opts.dim = SIGNAL;
        opts.shrinkage = 0.01F; /* what is shared is small beside the noise */
        bovw_projection *p = learn(vectors, &labels, &opts, 1);
        float *mapped = apply(p, vectors, false, 1);
        if (nearest_is_right(mapped, SIGNAL) < 0.9)
            fail_msg("%s: %.2f of %.2f", bovw_learner_name(learners[i]),
                     nearest_is_right(mapped, SIGNAL), before);
        free(mapped);
        bovw_projection_free(p);
    }
    free(values);
    bovw_vectors_close(vectors);
}

/* What lw is defined by: mapped, the covariance within groups is the identity but for
 * its shrinkage, and that of all is diagonal, falling. */
static void lw_is_what_defines_it(void **state)
{
    (void)state;
    uint32_t groups[IMAGES];
    double within[DIM][DIM] = {{0}}, all[DIM][DIM] = {{0}};
    bovw_vectors *vectors = grouped(groups);
    const bovw_labels labels = {.groups = groups};
    bovw_learn_options opts;
    bovw_learn_options_default(&opts);
    opts.learner = BOVW_LEARN_LW;
    opts.shrinkage = 1e-6F;
    bovw_projection *p = learn(vectors, &labels, &opts, 1);
    float *y = apply(p, vectors, true, 1);
    for (int g = 0; g < GROUPS / 2; g++) {
        double mean[DIM] = {0};
        for (int i = g * EACH * DIM; i < (g + 1) * EACH * DIM; i++)
            mean[i % DIM] += (double)y[i] / EACH;
        for (int i = g * EACH; i < (g + 1) * EACH; i++) {
            for (int k = 0; k < DIM * DIM; k++) {
                const int a = k / DIM, b = k % DIM;
                const double ya = (double)y[i * DIM + a], yb = (double)y[i * DIM + b];
                within[a][b] += (ya - mean[a]) * (yb - mean[b]) / (IMAGES / 2 - GROUPS / 2);
                all[a][b] += ya * yb / (IMAGES / 2);
            }
        }
    }
    for (int a = 0; a < DIM; a++) {
        assert_true(a == 0 || all[a][a] <= all[a - 1][a - 1] + 1e-3);
        for (int b = 0; b < DIM; b++) {
            assert_near(within[a][b], a == b, 2e-3);
            if (a != b)
                assert_near(all[a][b], 0, 2e-3 * all[0][0]);
        }
    }
    free(y);
    bovw_projection_free(p);
    bovw_vectors_close(vectors);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    uint32_t groups[IMAGES];
    bovw_vectors *vectors = grouped(groups);
    const bovw_labels labels = {.groups = groups};
    char *path = in_folder("m.metric");
    for (size_t l = 0; bovw_learner_name(l); l++) {
        bovw_learn_options opts;
        size_t n[2];
        uint8_t *bytes[2];
        bovw_learn_options_default(&opts);
        opts.learner = (bovw_learner)l;
        opts.epochs = 3;
        for (uint32_t i = 0; i < 2; i++) {
            bovw_projection *p =
                learn(vectors, bovw_learner_is_supervised(opts.learner) ? &labels : NULL,
                      &opts, 1 + 2 * i);
            GOOD(bovw_projection_save(p, path, &err));
            bytes[i] = slurp(path, &n[i]);
            bovw_projection_free(p);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(bytes[0], bytes[1], n[0]);
        free(bytes[0]);
        free(bytes[1]);
    }
    free(path);
    bovw_vectors_close(vectors);
}

/* Fewer labelled vectors than dimensions: learned in their span, which gives the same
 * as in all dimensions where the rest is nothing. */
static void few_labels_in_many_dimensions(void **state)
{
    (void)state;
    enum {
        N = 9,
        D = 30
    };
    static const uint32_t groups[N] = {1, 1, 1, 2, 2, 2, 3, 3, 3};
    const bovw_labels labels = {.groups = groups};
    uint64_t random = 23;
    float wide[N * D] = {0}, narrow[N * 8];
    bovw_learn_options opts;
    bovw_learn_options_default(&opts);
    opts.learner = BOVW_LEARN_LW;
    opts.dim = 5;
    for (int i = 0; i < N * 8; i++) {
        narrow[i] = (float)uniform(&random);
        wide[i / 8 * D + 3 * (i % 8)] = narrow[i];
    }
    bovw_vectors *vectors = vectors_of(narrow, N, 8);
    bovw_projection *p = learn(vectors, &labels, &opts, 1);
    float *a = apply(p, vectors, false, 1);
    bovw_projection_free(p);
    bovw_vectors_close(vectors);
    vectors = vectors_of(wide, N, D);
    p = learn(vectors, &labels, &opts, 1);
    float *b = apply(p, vectors, false, 1);
    for (int i = 0; i < N; i++) { /* signs of components may differ */
        for (int j = 0; j < N; j++)
            assert_near(distance(a + i * 5, a + j * 5, 5),
                        distance(b + i * 5, b + j * 5, 5), 1e-4);
    }
    free(a);
    free(b);
    bovw_projection_free(p);
    bovw_vectors_close(vectors);
}

/* ---- gradients
 * --------------------------------------------------------------------------------- */

enum {
    B = 5,
    B_DIM = 13,
    B_STRIDE = 16,
    B_OUT = 4
};

typedef double loss_function(batch *b, const triplet *triplets, size_t n, double margin);

static void check_gradient(loss_function *loss, double margin)
{
    static const uint32_t items[B] = {4, 0, 2, 5, 1};
    static const triplet triplets[] = {{0, 1, 2}, {1, 0, 3}, {2, 3, 4}, {3, 2, 1}};
    enum {
        N = sizeof triplets / sizeof *triplets
    };
    uint64_t random = 29;
    double x[6 * B_STRIDE] = {0}, rows[B_OUT * B_STRIDE], gradient[B_OUT * B_STRIDE];
    double y[B * B_OUT], dy[B * B_OUT], lengths[B];
    batch b = {.x = x,
               .stride = B_STRIDE,
               .items = items,
               .n = B,
               .n_out = B_OUT,
               .y = y,
               .lengths = lengths,
               .dy = dy};
    double largest = 0;
    for (int i = 0; i < 6 * B_STRIDE; i++)
        x[i] = i % B_STRIDE < B_DIM ? uniform(&random) : 0;
    for (int i = 0; i < B_OUT * B_STRIDE; i++)
        rows[i] = uniform(&random);
    batch_map(&b, rows, 1);
    assert_true(loss(&b, triplets, N, margin) > 0);
    batch_gradient(&b, 1, gradient);
    for (int i = 0; i < B_OUT * B_STRIDE; i++) {
        const double kept = rows[i], step = 1e-6;
        rows[i] = kept + step;
        batch_map(&b, rows, 1);
        const double above = loss(&b, triplets, N, margin);
        rows[i] = kept - step;
        batch_map(&b, rows, 1);
        const double below = loss(&b, triplets, N, margin);
        rows[i] = kept;
        assert_near(gradient[i], (above - below) / (2 * step), 1e-7);
        largest = fabs(gradient[i]) > largest ? fabs(gradient[i]) : largest;
    }
    assert_true(largest > 0.01);
}

static void gradients_are_finite_differences(void **state)
{
    (void)state;
    check_gradient(batch_triplet_loss, 0.1);
    check_gradient(batch_triplet_loss, 3);
    check_gradient(batch_pair_loss, 0.7);
    check_gradient(batch_pair_loss, 3);
}

/* Unit vectors at 0, 90 and 60 degrees: squared distances 2 and 1. */
static void losses_by_hand(void **state)
{
    (void)state;
    double x[3 * B_STRIDE] = {0}, y[6], dy[6], lengths[3], rows[2 * B_STRIDE] = {0};
    batch b = {.x = x,
               .stride = B_STRIDE,
               .n = 3,
               .n_out = 2,
               .y = y,
               .lengths = lengths,
               .dy = dy};
    const triplet t = {0, 1, 2}, easy = {0, 2, 1};
    rows[0] = rows[B_STRIDE + 1] = 5; /* lengths do not matter */
    x[0] = 1;
    x[B_STRIDE + 1] = 2;
    x[2 * B_STRIDE] = 0.5;
    x[2 * B_STRIDE + 1] = sqrt(0.75);
    batch_map(&b, rows, 1);
    assert_near(lengths[1], 10, 1e-12);
    assert_near(batch_triplet_loss(&b, &t, 1, 0.1), 2 - 1 + 0.1, 1e-12);
    assert_near(batch_triplet_loss(&b, &easy, 1, 0.1), 0, 0);
    assert_near(dy[0], 0, 0);
    assert_near(batch_pair_loss(&b, &t, 1, 1.5), 1 + 0.125, 1e-12);
    assert_near(batch_pair_loss(&b, &t, 1, 0.9), 1, 1e-12);
}

/* ---- what cannot be learned
 * ----------------------------------------------------------------------- */

static void refuse(const bovw_vectors *vectors, const bovw_labels *labels,
                   const bovw_learn_options *opts, bovw_status status, const char *reason)
{
    bovw_projection *p = NULL;
    assert_int_equal(bovw_projection_learn(vectors, labels, opts, NULL, NULL, &p, &err),
                     status);
    assert_null(p);
    if (!strstr(err.text, reason))
        fail_msg("%s", err.text);
}

static void what_cannot_be_learned_is_told(void **state)
{
    (void)state;
    uint32_t groups[IMAGES], few[IMAGES];
    bovw_vectors *vectors = grouped(groups);
    const bovw_labels labels = {.groups = groups}, poor = {.groups = few};
    bovw_learn_options good, opts;
    bovw_learn_options_default(&good);
    good.learner = BOVW_LEARN_TRIPLET;
    refuse(vectors, NULL, &good, BOVW_ERR_ARG, "triplet needs groups");
    opts = good;
    opts.dim = DIM + 1;
    refuse(vectors, &labels, &opts, BOVW_ERR_MISMATCH, "cannot become vectors of 25");
    opts = good;
    opts.shrinkage = NAN;
    refuse(vectors, &labels, &opts, BOVW_ERR_ARG, "shrinkage");
    opts = good;
    opts.margin = -1;
    refuse(vectors, &labels, &opts, BOVW_ERR_ARG, "margin");
    opts = good;
    opts.validation = 0;
    refuse(vectors, &labels, &opts, BOVW_ERR_ARG, "validation");
    for (uint32_t i = 0; i < IMAGES; i++)
        few[i] = BOVW_NO_GROUP;
    refuse(vectors, &poor, &good, BOVW_ERR_MISMATCH, "0 vectors have a group");
    few[0] = few[1] = few[2] = 7;
    refuse(vectors, &poor, &good, BOVW_ERR_MISMATCH, "of 1 groups");
    few[3] = 8;
    refuse(vectors, &poor, &good, BOVW_ERR_MISMATCH, "to decide when to stop");
    bovw_vectors_close(vectors);
}

/* ---- files
 * ------------------------------------------------------------------------------------------
 */

static void metric_file(void **state)
{
    (void)state;
    uint32_t groups[IMAGES];
    char *path = in_folder("m.metric");
    bovw_vectors *vectors = grouped(groups);
    const bovw_labels labels = {.groups = groups};
    bovw_learn_options opts;
    bovw_projection *back = NULL;
    bovw_learn_options_default(&opts);
    opts.learner = BOVW_LEARN_LW;
    opts.dim = 3;
    bovw_projection *p = learn(vectors, &labels, &opts, 1);
    GOOD(bovw_projection_save(p, path, &err));
    GOOD(bovw_projection_open(path, &back, &err));
    assert_int_equal(bovw_projection_dim(back), DIM);
    assert_int_equal(bovw_projection_n_out(back), 3);
    assert_string_equal(bovw_projection_summary(back), bovw_projection_summary(p));
    float *a = apply(p, vectors, false, 1), *b = apply(back, vectors, false, 3);
    assert_memory_equal(a, b, IMAGES * 3 * sizeof *a);
    free(a);
    free(b);
    bovw_projection_free(back);

    size_t n = 0;
    uint8_t *bytes = slurp(path, &n);
    for (size_t i = 0; i < n; i++) {
        back = NULL;
        bytes[i] ^= 0x40;
        spit(path, bytes, n);
        bytes[i] ^= 0x40;
        assert_int_not_equal(bovw_projection_open(path, &back, NULL), BOVW_OK);
        assert_null(back);
    }
    free(bytes);
    p->rows[1] = INFINITY; /* whole, but no metric */
    GOOD(bovw_projection_save(p, path, &err));
    assert_int_equal(bovw_projection_open(path, &back, &err), BOVW_ERR_CORRUPT);

    /* Vectors of other dimensions; vectors that would become too large. */
    p->rows[1] = 1e30;
    char *mapped = in_folder("never.npy");
    assert_int_equal(bovw_projection_apply(p, vectors, mapped, true, NULL, NULL, &err),
                     BOVW_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "row 0: becomes too large"));
    bovw_vectors_close(vectors);
    vectors = vectors_of((float[]){1, 2, 3, 4}, 2, 2);
    assert_int_equal(bovw_projection_apply(p, vectors, mapped, true, NULL, NULL, &err),
                     BOVW_ERR_MISMATCH);
    assert_int_not_equal(access(mapped, F_OK), 0);
    bovw_vectors_close(vectors);
    bovw_projection_free(p);
    free(mapped);
    free(path);
}

/* ---- labels
 * -----------------------------------------------------------------------------------------
 */

static void groups_of_pairs(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "d/b c", "x/c", "e", "f"};
    static const char text[] = "a\td/b c\nf e\n\nb c\tc\nnone a\n";
    uint32_t groups[5], n_missing = 9;
    char *path = in_folder("pairs.txt");
    spit(path, text, sizeof text - 1);
    GOOD(bovw_groups_of_pairs(path, names, 5, groups, &n_missing, &err));
    assert_int_equal(n_missing, 1);
    assert_true(groups[0] == groups[1] && groups[1] == groups[2]);
    assert_true(groups[3] == groups[4] && groups[3] != groups[0]);
    static const char *const bad[] = {"a\n", "a b c\n", "a\tb\tc\n", "a\t\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        spit(path, bad[i], strlen(bad[i]));
        assert_int_equal(bovw_groups_of_pairs(path, names, 5, groups, NULL, &err),
                         BOVW_ERR_CORRUPT);
        assert_non_null(strstr(err.text, "line 1: not two names"));
    }
    free(path);
}

static void groups_of_truths(void **state)
{
    (void)state;
    static const char text[] = "image\tgroup\tfamily\na\tg\tf\nb\tg\tf\nc\th\tf\nd\ti\t\n";
    static const char *const names[] = {"b", "z/a", "other", "d", "c"};
    uint32_t groups[5], families[5];
    bovw_truth *truth = NULL;
    bovw_binding *binding = NULL;
    char *path = in_folder("t.tsv"), *spec = mem_format("groups:%s/t.tsv", folder);
    spit(path, text, sizeof text - 1);
    GOOD(bovw_truth_open(spec, &truth, &err));
    GOOD(bovw_binding_new(truth, names, 5, &binding, NULL, &err));
    GOOD(bovw_binding_labels(binding, groups, families, &err));
    assert_true(groups[0] == groups[1] && groups[0] != groups[4] && groups[3] != groups[0]);
    assert_true(families[0] == families[1] && families[0] == families[4]);
    assert_int_equal(groups[2], UINT32_MAX);
    assert_int_equal(families[2], UINT32_MAX);
    assert_int_equal(families[3], UINT32_MAX);
    bovw_binding_free(binding);
    bovw_truth_close(truth);
    free(spec);
    spit(path, "q 0 a 1\n", 8);
    spec = mem_format("qrels:%s", path);
    GOOD(bovw_truth_open(spec, &truth, &err));
    const char *const one[] = {"a"};
    GOOD(bovw_binding_new(truth, one, 1, &binding, NULL, &err));
    assert_int_equal(bovw_binding_labels(binding, groups, families, &err), BOVW_ERR_ARG);
    bovw_binding_free(binding);
    bovw_truth_close(truth);
    free(spec);
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(few_vectors_of_many_dimensions),
        TEST(both_ways_agree),
        TEST(power_by_hand),
        TEST(groups_not_learned_from_gain),
        TEST(lw_is_what_defines_it),
        TEST(threads_change_nothing),
        TEST(few_labels_in_many_dimensions),
        TEST(gradients_are_finite_differences),
        TEST(losses_by_hand),
        TEST(what_cannot_be_learned_is_told),
        TEST(metric_file),
        TEST(groups_of_pairs),
        TEST(groups_of_truths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
