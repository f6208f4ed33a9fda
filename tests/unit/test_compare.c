/* SPDX-License-Identifier: MIT
 *
 * Runs of other systems: how they are read, measured, compared and fused, with
 * rankings and probabilities worked by hand. */
#include "synthetic.h"

#include <math.h>

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((double)(a) - (double)(b)) < 1e-9)

static char *folder;
static char *path; /* of a run */

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    path = mem_format("%s/run.trec", folder);
    return path ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    remove_folder(folder);
    return 0;
}

static bovw_run *open_text(const char *text)
{
    bovw_run *run = NULL;
    bovw_error err = {0};
    spit(path, text, strlen(text));
    if (bovw_run_open(path, &run, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return run;
}

static bovw_truth *open_qrels(const char *text)
{
    bovw_truth *truth = NULL;
    bovw_error err = {0};
    char *file = mem_format("%s/qrels", folder), *spec = mem_format("qrels:%s", file);
    spit(file, text, strlen(text));
    if (bovw_truth_open(spec, &truth, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    free(file);
    free(spec);
    return truth;
}

/* Names of a ranking with blanks between them. */
static void check_ranking(const bovw_run *run, uint32_t query, const char *name,
                          const char *want)
{
    char got[256] = "";
    const bovw_run_entry *entries = NULL;
    const uint32_t n = bovw_run_ranking(run, query, &entries);
    for (uint32_t i = 0; i < n; i++) {
        const size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s%s", i ? " " : "",
                 bovw_run_image(run, entries[i].image));
    }
    assert_string_equal(bovw_run_query(run, query), name);
    assert_string_equal(got, want);
}

/* ---- reading ---------------------------------------------------------------- */

static void rankings_follow_score_then_rank_then_line(void **state)
{
    (void)state;
    bovw_run *run = open_text("q1 Q0 c 3 0.5 t\n"
                              "q2 Q0 a 1 1e3 t\n"
                              "q1\tQ0  b 2 0.5 t\r\n"
                              "\n"
                              "q1 Q0 a%20b 1 0.75 t\n"
                              "q1 Q0 d 3 0.5 t\n"
                              "q2 Q0 100% 2 -1 t");
    assert_int_equal(bovw_run_n_queries(run), 2);
    assert_int_equal(bovw_run_n_images(run), 6);
    check_ranking(run, 0, "q1", "a b b c d");
    check_ranking(run, 1, "q2", "a 100%");
    const bovw_run_entry *entries = NULL;
    bovw_run_ranking(run, 1, &entries);
    NEAR(entries[0].score, 1000);
    bovw_run_close(run);
    bovw_run_close(NULL);
}

static void refuse(const char *text, size_t n, const char *reason)
{
    bovw_run *run = NULL;
    bovw_error err = {0};
    spit(path, text, n);
    assert_int_not_equal(bovw_run_open(path, &run, &err), BOVW_OK);
    assert_null(run);
    char *want = mem_format("%s: %s", path, reason);
    assert_string_equal(err.text, want);
    free(want);
    assert_int_not_equal(bovw_run_open(path, &run, NULL), BOVW_OK);
}

static void malformed_runs_are_told_line_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "empty: no rankings"},
        {"q Q0 a 1 1\n", "line 1: want six words: qid Q0 image rank score tag"},
        {"\nq Q0 a 1 1 t x\n", "line 2: want six words: qid Q0 image rank score tag"},
        {"q Q0 a -1 1 t\n", "line 1: the rank is not a whole number"},
        {"q Q0 a 4294967296 1 t\n", "line 1: the rank is not a whole number"},
        {"q Q0 a 1 high t\n", "line 1: the score is not a finite number"},
        {"q Q0 a 1 inf t\n", "line 1: the score is not a finite number"},
        {"q Q0 a 1 1e99 t\n", "line 1: the score is not a finite number"},
        {"q Q0 a%00 1 1 t\n", "line 1: %00 in a name"},
        {"q Q0 a 1 2 t\nq Q0 b 2 1 t\nq Q0 a 3 0 t\n",
         "line 3: image 'a' of query 'q' is in line 1 already"},
        /* distances: the nearest first */
        {"q Q0 a 1 0.1 t\nq Q0 b 2 0.2 t\n",
         "line 2: rank 2 has a higher score than rank 1 in line 1: the best must have the "
         "highest score"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse(cases[i].text, strlen(cases[i].text), cases[i].reason);
    refuse("q Q0 a 1 2 t\nq Q0 \0 1 1 t\n", 26,
           "line 2: longer than 65,535 bytes, or with a zero byte");
    char *text = mem_array(70000, 1);
    memset(text, 'a', 70000);
    refuse(text, 70000, "line 1: longer than 65,535 bytes, or with a zero byte");
    free(text);

    bovw_run *run = NULL;
    bovw_error err = {0};
    assert_int_equal(bovw_run_open("/nowhere/run", &run, &err), BOVW_ERR_IO);
    assert_string_equal(err.text, "/nowhere/run: No such file or directory");
}

/* What the writer writes is read back. */
static void names_of_any_kind_come_back(void **state)
{
    (void)state;
    static const char *const names[] = {"a b",    "100%",      "50%25",
                                        "t\tn\n", "\xe9t\xe9", "\xc2\xa0.jpg"};
    bovw_run_writer *writer = NULL;
    bovw_run *run = NULL;
    assert_int_equal(bovw_run_writer_open(path, "tag", &writer, NULL), BOVW_OK);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(bovw_run_writer_add(writer, names[5 - i], names[i], 1, 1, NULL),
                         BOVW_OK);
    assert_int_equal(bovw_run_writer_close(writer, NULL), BOVW_OK);
    assert_int_equal(bovw_run_open(path, &run, NULL), BOVW_OK);
    assert_int_equal(bovw_run_n_images(run), 6);
    for (uint32_t i = 0; i < 6; i++)
        check_ranking(run, i, names[5 - i], names[i]);
    bovw_run_close(run);
}

/* ---- measuring ----------------------------------------------------------------- */

static void queries_that_a_run_lacks_count_as_nothing(void **state)
{
    (void)state;
    bovw_truth *truth = open_qrels("one.jpg 0 a 1\none.jpg 0 b 1\ntwo.jpg 0 a 1\n");
    bovw_run *run = open_text("d/one.jpg Q0 d/b 1 3 t\nd/one.jpg Q0 d/c 2 2 t\n"
                              "d/one.jpg Q0 d/a 3 1 t\nother Q0 d/a 1 1 t\n");
    double values[2 * BOVW_MAX_MEASURES];
    bovw_run_coverage coverage;
    assert_int_equal(bovw_run_evaluate(run, truth, values, &coverage, NULL), BOVW_OK);
    NEAR(values[0], (1 + (1 / 2.0 + 2 / 3.0) / 2) / 2); /* r w r */
    NEAR(values[1], (1 + 2 / 3.0) / 2);
    for (int m = 0; m < BOVW_MAX_MEASURES; m++)
        assert_true(values[BOVW_MAX_MEASURES + m] == 0);
    assert_int_equal(coverage.n_missing, 1);
    assert_int_equal(coverage.n_unknown, 1);
    bovw_run_close(run);
    bovw_truth_close(truth);
}

/* ---- two systems ----------------------------------------------------------------- */

static bovw_paired compare(const double *a, const double *b, uint32_t n,
                           const bovw_paired_options *opts)
{
    bovw_paired result;
    assert_int_equal(bovw_compare_paired(a, b, n, opts, &result, NULL), BOVW_OK);
    return result;
}

static void few_queries_are_tested_exactly(void **state)
{
    (void)state;
    static const double zeros[4] = {0}, up[4] = {0.1, 0.2, 0.3, 0};
    static const double mixed[3] = {0.5, -0.1, 0.2}, three[3] = {0.1, 0.2, 0.3};
    bovw_paired_options opts;
    bovw_paired_options_default(&opts);

    /* Of the signs of 0.1, 0.2, 0.3 only +++ and --- reach 0.6; the 0 has two. */
    bovw_paired r = compare(zeros, up, 4, &opts);
    NEAR(r.p, 2 / 8.0);
    NEAR(r.difference, 0.15);
    NEAR(r.mean_b, 0.15);
    assert_int_equal(r.wins, 3);
    assert_int_equal(r.losses, 0);
    assert_int_equal(r.ties, 1);
    assert_true(r.low >= 0 && r.low < r.difference);
    assert_true(r.high > r.difference && r.high <= 0.3);
    /* |sum| at least 0.6: +++ 0.6, +-+ 0.8, and their opposites; ++- is 0.2, -++ is
     * -0.4. Observed is 0.5 - 0.1 + 0.2. */
    r = compare(zeros, mixed, 3, &opts);
    NEAR(r.p, 4 / 8.0);
    assert_int_equal(r.losses, 1);
    /* The other way round only the sign changes. */
    const bovw_paired back = compare(three, zeros, 3, &opts);
    NEAR(back.p, 2 / 8.0);
    NEAR(back.difference, -0.2);
    assert_int_equal(back.losses, 3);
}

static void equal_systems_do_not_differ(void **state)
{
    (void)state;
    static const double a[3] = {0.3, 0.7, 1};
    bovw_paired_options opts;
    bovw_paired_options_default(&opts);
    bovw_paired r = compare(a, a, 3, &opts);
    NEAR(r.p, 1);
    NEAR(r.low, 0);
    NEAR(r.high, 0);
    assert_int_equal(r.ties, 3);
    r = compare(a, a, 0, &opts);
    NEAR(r.p, 1);
    assert_int_equal(r.n, 0);
    r = compare(a, a + 1, 1, &opts);
    NEAR(r.p, 1); /* both signs are as far */
    NEAR(r.low, 0.4);
}

/* Where all differences are 1, the sum is that of coin tosses: p is known. */
static void many_queries_are_sampled(void **state)
{
    (void)state;
    enum {
        N = 100
    };
    double a[N] = {0}, b[N], noise[N];
    uint64_t random = 5;
    bovw_paired_options opts;
    bovw_paired_options_default(&opts);
    /* 60 of 100 won: P(|heads - 50| >= 10) = 0.0569 */
    for (int i = 0; i < N; i++)
        b[i] = i % 5 < 3 ? 1 : -1;
    bovw_paired r = compare(a, b, N, &opts);
    assert_true(fabs(r.p - 0.0569) < 0.01);
    assert_true(r.low < 0.2 && r.low > -0.1 && r.high > 0.2 && r.high < 0.5);
    const bovw_paired again = compare(a, b, N, &opts);
    assert_memory_equal(&r, &again, sizeof r);
    opts.seed = 2;
    const bovw_paired other = compare(a, b, N, &opts);
    assert_true(other.p != r.p);

    for (int i = 0; i < N; i++)
        b[i] = 1;
    r = compare(a, b, N, &opts);
    NEAR(r.p, 1 / 10001.0); /* never 0 */
    NEAR(r.low, 1);
    /* A difference far below the noise is not found. */
    for (int i = 0; i < N; i++)
        noise[i] = (double)random_below(&random, 2001) / 1000 - 1;
    r = compare(a, noise, N, &opts);
    assert_true(r.p > 0.001);

    opts.n_samples = 0;
    assert_int_equal(bovw_compare_paired(a, b, N, &opts, &r, NULL), BOVW_ERR_ARG);
    opts.n_samples = 10;
    opts.confidence = 1;
    assert_int_equal(bovw_compare_paired(a, b, N, &opts, &r, NULL), BOVW_ERR_ARG);
}

/* ---- many runs ------------------------------------------------------------------- */

static void comparisons_have_sets_groups_and_an_order(void **state)
{
    (void)state;
    char *file = mem_format("%s/t.tsv", folder), *spec = mem_format("groups:%s", file);
    static const char table[] =
        "image\tgroup\tset\na\tg1\tx\nb\tg1\tx\nc\tg2\ty\nd\tg2\ty\n"
        "e\tg3\tx\nf\tg3\tx\n";
    bovw_truth *truth = NULL;
    bovw_comparison *c = NULL;
    uint32_t order[6];
    double means[BOVW_MAX_MEASURES];
    spit(file, table, strlen(table));
    assert_int_equal(bovw_truth_open(spec, &truth, NULL), BOVW_OK);
    /* The second run finds c and e first, and b second. */
    bovw_run *runs[2] = {open_text("a Q0 b 1 1 t\n"),
                         open_text("c Q0 d 1 1 t\ne Q0 f 1 1 t\n"
                                   "b Q0 d 1 2 t\nb Q0 a 2 1 t\n")};
    assert_int_equal(bovw_comparison_new(truth, (const bovw_run *const *)runs, 2, &c, NULL),
                     BOVW_OK);
    assert_int_equal(c->n_queries, 6);
    assert_int_equal(c->n_sets, 3);
    assert_string_equal(c->sets[0].set, "x");
    assert_int_equal(c->sets[0].n, 4);
    assert_string_equal(c->sets[2].set, "all");
    assert_int_equal(c->n_groups, 3);
    assert_string_equal(c->groups[2].group, "g3");
    assert_string_equal(c->groups[2].set, "x");
    assert_int_equal(c->groups[1].queries[1], 3);
    assert_int_equal(c->coverage[0].n_missing, 5);
    assert_int_equal(c->coverage[1].n_missing, 3);

    bovw_comparison_means(c, &c->sets[0], 0, means);
    NEAR(means[0], 1 / 4.0);
    bovw_comparison_means(c, &c->sets[0], 1, means);
    NEAR(means[0], (1 + 0.25) / 4); /* w r: trapezoid (0 + 1/2) / 2 */
    NEAR(means[1], (1 + 0.5) / 4);
    NEAR(bovw_comparison_value(c, 1, 1, 1), 0.5);

    assert_int_equal(bovw_comparison_order(c, 0, 1, 0, order, NULL), BOVW_OK);
    static const uint32_t want[6] = {0, 2, 4, 1, 3, 5}; /* -1, +1, +1, +0.25 */
    assert_memory_equal(order, want, sizeof want);

    bovw_paired_options opts;
    bovw_paired paired;
    bovw_paired_options_default(&opts);
    assert_int_equal(bovw_comparison_paired(c, &c->sets[2], 0, 1, 0, &opts, &paired, NULL),
                     BOVW_OK);
    assert_int_equal(paired.wins, 3);
    assert_int_equal(paired.losses, 1);
    NEAR(paired.difference, 1.25 / 6);
    bovw_comparison_free(c);
    bovw_run_close(runs[0]);
    bovw_run_close(runs[1]);
    bovw_truth_close(truth);
    free(file);
    free(spec);
}

/* ---- fusion ------------------------------------------------------------------------ */

static void check_fused(bovw_run *const *runs, size_t n, const bovw_fuse_options *opts,
                        const char *want)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    bovw_run_writer *writer = NULL;
    bovw_error err = {0};
    assert_int_equal(bovw_run_writer_open(path, "t", &writer, NULL), BOVW_OK);
    if (bovw_fuse((const bovw_run *const *)runs, n, opts, writer, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    assert_int_equal(bovw_run_writer_close(writer, NULL), BOVW_OK);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    bytes = mem_array(4096, 1);
    n_bytes = fread(bytes, 1, 4095, file);
    fclose(file);
    assert_int_equal(n_bytes, strlen(want));
    assert_string_equal((char *)bytes, want);
    free(bytes);
}

static void fusion_by_rank_and_by_score(void **state)
{
    (void)state;
    bovw_fuse_options opts;
    bovw_fuse_options_default(&opts);
    assert_true(opts.k == 60);
    /* The second run knows the pictures by the end of their paths. */
    bovw_run *runs[2] = {open_text("q Q0 d/a 1 10 t\nq Q0 d/b 2 6 t\nq Q0 d/c 3 2 t\n"),
                         open_text("q Q0 b 1 1 t\nq Q0 e 2 0.875 t\nq Q0 x/d/a 3 0.5 t\n"
                                   "r Q0 e 1 1 t\n")};
    /* k = 0: a 1 + 1/3, b 1/2 + 1, c 1/3, e 1/2 */
    opts.k = 0;
    check_fused(runs, 2, &opts,
                "q Q0 d/b 1 1.5 t\nq Q0 d/a 2 1.33333337 t\nq Q0 e 3 0.5 t\n"
                "q Q0 d/c 4 0.333333343 t\nr Q0 e 1 1 t\n");
    /* sum: a 1 + 0, b 0.5 + 1, c 0 + 0, e 0.75; the weight of the second is 2 */
    static const double weights[2] = {1, 2};
    opts.method = BOVW_FUSION_SCORE_SUM;
    opts.weights = weights;
    opts.top = 3;
    check_fused(runs, 2, &opts,
                "q Q0 d/b 1 2.5 t\nq Q0 e 2 1.5 t\nq Q0 d/a 3 1 t\nr Q0 e 1 2 t\n");
    bovw_run_close(runs[0]);
    bovw_run_close(runs[1]);
}

static void fusion_of_equal_scores_keeps_the_first_run_first(void **state)
{
    (void)state;
    bovw_fuse_options opts;
    bovw_fuse_options_default(&opts);
    opts.k = 1;
    bovw_run *runs[2] = {open_text("p Q0 b 1 1 t\nq Q0 a 1 1 t\n"),
                         open_text("q Q0 b 1 1 t\n")};
    check_fused(runs, 2, &opts, "p Q0 b 1 0.5 t\nq Q0 a 1 0.5 t\nq Q0 b 2 0.5 t\n");

    bovw_run_writer *writer = NULL;
    assert_int_equal(bovw_run_writer_open(path, "t", &writer, NULL), BOVW_OK);
    static const double weights[2] = {1, -1};
    opts.weights = weights;
    assert_int_equal(bovw_fuse((const bovw_run *const *)runs, 2, &opts, writer, NULL),
                     BOVW_ERR_ARG);
    opts.weights = NULL;
    opts.k = NAN;
    assert_int_equal(bovw_fuse((const bovw_run *const *)runs, 2, &opts, writer, NULL),
                     BOVW_ERR_ARG);
    bovw_run_writer_abort(writer);
    bovw_run_close(runs[0]);
    bovw_run_close(runs[1]);
}

/* Two names of a run never become one image. */
static void fusion_keeps_images_of_one_run_apart(void **state)
{
    (void)state;
    bovw_fuse_options opts;
    bovw_fuse_options_default(&opts);
    opts.k = 0;
    bovw_run *runs[2] = {open_text("q Q0 d/a 1 1 t\n"),
                         open_text("q Q0 a 1 2 t\nq Q0 d/a 2 1 t\n")};
    check_fused(runs, 2, &opts, "q Q0 d/a 1 1.5 t\nq Q0 a 2 1 t\n");
    bovw_run_close(runs[0]);
    bovw_run_close(runs[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rankings_follow_score_then_rank_then_line),
        TEST(malformed_runs_are_told_line_and_reason),
        TEST(names_of_any_kind_come_back),
        TEST(queries_that_a_run_lacks_count_as_nothing),
        TEST(few_queries_are_tested_exactly),
        TEST(equal_systems_do_not_differ),
        TEST(many_queries_are_sampled),
        TEST(comparisons_have_sets_groups_and_an_order),
        TEST(fusion_by_rank_and_by_score),
        TEST(fusion_of_equal_scores_keeps_the_first_run_first),
        TEST(fusion_keeps_images_of_one_run_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
