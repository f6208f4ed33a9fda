/* SPDX-License-Identifier: MIT
 *
 * The protocols of the public data sets, on miniatures of their layouts: which
 * images are queries, what each image is to them, average precision worked by
 * hand, and what malformed files are told. */
#include "synthetic.h"

#include <math.h>
#include <sys/stat.h>

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static char *folder;

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

static void write_file(const char *name, const char *text)
{
    char *path = mem_format("%s/%s", folder, name);
    for (char *p = path + strlen(folder) + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = '\0';
        mkdir(path, 0700);
    }
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, strlen(text), stream), strlen(text));
    assert_int_equal(fclose(stream), 0);
    free(path);
}

static bovw_status open_kind(const char *kind, const char *name, bovw_truth **truth,
                             bovw_error *err)
{
    char *spec = mem_format("%s:%s/%s", kind, folder, name);
    const bovw_status status = bovw_truth_open(spec, truth, err);
    free(spec);
    return status;
}

static bovw_truth *open_good(const char *kind, const char *name)
{
    bovw_truth *truth = NULL;
    bovw_error err = {0};
    if (open_kind(kind, name, &truth, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return truth;
}

/* Refused, and the message ends with `reason` after the folder's name. */
static void refuse(const char *kind, const char *name, const char *reason)
{
    bovw_truth *truth = NULL;
    bovw_error err = {0};
    assert_int_not_equal(open_kind(kind, name, &truth, &err), BOVW_OK);
    assert_null(truth);
    assert_int_not_equal(err.status, BOVW_OK);
    char *want = mem_format("%s/%s", folder, reason);
    assert_string_equal(err.text, want);
    free(want);
    assert_int_not_equal(open_kind(kind, name, &truth, NULL), BOVW_OK);
}

static void check_query(const bovw_truth *truth, uint32_t query, const char *name,
                        const char *set, uint32_t n_relevant)
{
    const bovw_truth_query q = bovw_truth_get(truth, query);
    assert_string_equal(q.name, name);
    assert_string_equal(q.set, set);
    assert_int_equal(bovw_truth_n_relevant(truth, query), n_relevant);
}

/* The judgements of a ranking of names (n,), one letter each, and both APs. */
static void check_ranking(const bovw_truth *truth, uint32_t query, const char *const *names,
                          uint32_t n, const char *want, double trapezoid,
                          double rectangular)
{
    bovw_binding *binding = NULL;
    bovw_judgement judgements[16];
    double values[BOVW_MAX_MEASURES];
    char got[17] = "";
    assert_true(n <= 16);
    assert_int_equal(bovw_binding_new(truth, names, n, &binding, NULL, NULL), BOVW_OK);
    for (uint32_t i = 0; i < n; i++) {
        judgements[i] = bovw_binding_judge(binding, query, i);
        got[i] = "wri"[judgements[i]];
    }
    assert_string_equal(got, want);
    bovw_evaluate(judgements, n, bovw_truth_n_relevant(truth, query), values);
    NEAR(values[0], trapezoid);
    NEAR(values[1], rectangular);
    bovw_binding_free(binding);
}

/* ---- oxford ---------------------------------------------------------------- */

static void write_oxford(void)
{
    write_file("gt/old_hall_1_query.txt", "oxc1_old_hall_000013 1.5 2 30 40.25\n");
    write_file("gt/old_hall_1_good.txt", "old_hall_000013\nold_hall_000026\n");
    write_file("gt/old_hall_1_ok.txt", "old_hall_000091\n");
    write_file("gt/old_hall_1_junk.txt", "old_hall_000007\r\n\n");
    write_file("gt/old_hall_2_query.txt", "old_hall_000026 0 0 9 9");
    write_file("gt/old_hall_2_good.txt", "old_hall_000026\n");
    write_file("gt/old_hall_2_ok.txt", "");
    write_file("gt/old_hall_2_junk.txt", "");
    write_file("gt/README", "not a query\n");
}

static void oxford_counts_the_query_and_skips_junk(void **state)
{
    (void)state;
    /* junk is skipped; r at ranks 1, 3 and 4 */
    static const char *const names[] = {"d/old_hall_000007.jpg", "d/old_hall_000013.jpg",
                                        "d/tower_000001.jpg", "d/old_hall_000091.jpg",
                                        "d/old_hall_000026.jpg"};
    write_oxford();
    bovw_truth *truth = open_good("oxford", "gt");
    assert_int_equal(bovw_truth_n_queries(truth), 2);
    check_query(truth, 0, "old_hall_1", "", 3);
    check_query(truth, 1, "old_hall_2", "", 1);
    const bovw_truth_query q = bovw_truth_get(truth, 0);
    assert_string_equal(q.group, "old_hall");
    assert_string_equal(q.picture, "old_hall_000013.jpg"); /* without oxc1_ */
    assert_true(q.has_region);
    NEAR(q.region[0], 1.5);
    NEAR(q.region[3], 40.25);
    check_ranking(truth, 0, names, 5, "irwrr",
                  ((1 + 1) / 2.0 + (1 / 2.0 + 2 / 3.0) / 2 + (2 / 3.0 + 3 / 4.0) / 2) / 3,
                  (1 + 2 / 3.0 + 3 / 4.0) / 3);
    assert_false(bovw_truth_has_common_rankings(truth));
    bovw_truth_close(truth);
}

static void oxford_names_stand_for_pictures_with_and_without_suffix(void **state)
{
    (void)state;
    static const char *const bare[] = {"old_hall_000013", "old_hall_000007", "x"};
    bovw_binding *binding = NULL;
    uint32_t n_missing = 0;
    char *path = NULL;
    write_oxford();
    bovw_truth *truth = open_good("oxford", "gt/");
    check_ranking(truth, 0, bare, 3, "riw", 1 / 3.0, 1 / 3.0);
    assert_int_equal(bovw_binding_new(truth, bare, 3, &binding, &n_missing, NULL), BOVW_OK);
    assert_int_equal(n_missing, 2);
    assert_int_equal(bovw_binding_picture(binding, 0), 0);
    assert_int_equal(bovw_binding_picture(binding, 1), UINT32_MAX);
    bovw_binding_free(binding);

    assert_int_equal(bovw_truth_picture(truth, 0, &path, NULL), BOVW_ERR_IO);
    write_file("jpg/old_hall_000013.jpg", "1");
    assert_int_equal(bovw_truth_picture(truth, 0, &path, NULL), BOVW_OK);
    char *want = mem_format("%s/gt/../jpg/old_hall_000013.jpg", folder);
    assert_string_equal(path, want);
    free(want);
    free(path);
    bovw_truth_close(truth);
}

/* As compute_ap: a set of positives, and junk looked up first. */
static void oxford_lists_that_overlap_are_taken_as_compute_ap_takes_them(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b"};
    write_file("gt/x_1_query.txt", "a 0 0 9 9\n");
    write_file("gt/x_1_good.txt", "a\nb\n");
    write_file("gt/x_1_ok.txt", "a\n");
    write_file("gt/x_1_junk.txt", "b\n");
    bovw_truth *truth = open_good("oxford", "gt");
    check_query(truth, 0, "x_1", "", 2);
    check_ranking(truth, 0, names, 2, "ri", 0.5, 0.5);
    bovw_truth_close(truth);
}

static void oxford_malformed(void **state)
{
    (void)state;
    write_file("empty/file", "");
    refuse("oxford", "empty", "empty: no files *_query.txt");
    refuse("oxford", "missing", "missing: No such file or directory");
    write_file("gt/x_1_query.txt", "a 0 0 9\n");
    refuse("oxford", "gt",
           "gt/x_1_query.txt: line 1: want the name of an image and x1 y1 x2 y2");
    write_file("gt/x_1_query.txt", "\n");
    refuse("oxford", "gt", "gt/x_1_query.txt: empty");
    write_file("gt/x_1_query.txt", "a 9 0 0 9\n");
    refuse("oxford", "gt", "gt/x_1_query.txt: line 1: not a box: x1 y1 x2 y2");
    write_file("gt/x_1_query.txt", "a 0 0 nan 9\n");
    refuse("oxford", "gt",
           "gt/x_1_query.txt: line 1: want the name of an image and x1 y1 x2 y2");
    write_file("gt/x_1_query.txt", "a 0 0 9 9\n");
    refuse("oxford", "gt", "gt/x_1_good.txt: No such file or directory");
    write_file("gt/x_1_good.txt", "b\nc d\n");
    refuse("oxford", "gt", "gt/x_1_good.txt: line 2: more than one name");
    write_file("gt/x_1_good.txt", "");
    write_file("gt/x_1_ok.txt", "");
    write_file("gt/x_1_junk.txt", "b\n");
    refuse("oxford", "gt", "gt: no query has a relevant image");
}

/* ---- revisited ------------------------------------------------------------- */

static const char revisited[] =
    "{\"imlist\": [\"a_1\", \"a_2\", \"a_3\", \"b_1\", \"b_2\"],\n"
    " \"qimlist\": [\"a_9\", \"b_9\"],\n"
    " \"gnd\": [{\"easy\": [0], \"hard\": [1], \"junk\": [2], \"bbx\": [1, 2, 3.5, 4]},\n"
    "  {\"easy\": [], \"hard\": [3, 4], \"junk\": [], \"bbx\": [0, 0, 5, 5]}]}\n";

static void revisited_judges_one_ranking_in_three_sets(void **state)
{
    (void)state;
    /* Both query pictures are ignored, and so is what is junk in the set. */
    static const char *const names[] = {"b_9.jpg", "a_2.jpg", "b_1.jpg",
                                        "a_3.jpg", "a_9.jpg", "a_1.jpg"};
    write_file("gnd.json", revisited);
    bovw_truth *truth = open_good("revisited", "gnd.json");
    assert_true(bovw_truth_has_common_rankings(truth));
    assert_int_equal(bovw_truth_n_queries(truth), 5); /* b_9 has no easy one */
    check_query(truth, 0, "a_9", "easy", 1);
    check_query(truth, 1, "a_9", "medium", 2);
    check_query(truth, 2, "a_9", "hard", 1);
    check_query(truth, 3, "b_9", "medium", 2);
    check_query(truth, 4, "b_9", "hard", 2);
    assert_string_equal(bovw_truth_get(truth, 4).group, "b");
    NEAR(bovw_truth_get(truth, 0).region[2], 3.5);
    /* easy: w r; medium: r w r; hard: r w */
    check_ranking(truth, 0, names, 6, "iiwiir", (0 + 1 / 2.0) / 2, 1 / 2.0);
    check_ranking(truth, 1, names, 6, "irwiir", (1 + (1 / 2.0 + 2 / 3.0) / 2) / 2,
                  (1 + 2 / 3.0) / 2);
    check_ranking(truth, 2, names, 6, "irwiii", 1, 1);
    check_ranking(truth, 3, names, 6, "iwrwiw", (0 + 1 / 2.0) / 2 / 2, 1 / 4.0);
    bovw_truth_close(truth);
}

static void revisited_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"{}", "g: no list \"imlist\""},
        {"{\"imlist\": [\"a\"], \"qimlist\": []}", "g: no list \"qimlist\""},
        {"{\"imlist\": [\"a\", 3], \"qimlist\": [\"q\"]}",
         "g: imlist[1]: not the name of an image"},
        {"{\"imlist\": [\"a\"], \"qimlist\": [\"q\"], \"gnd\": []}",
         "g: gnd has 0 entries, qimlist 1"},
        {"{\"imlist\": [\"a\"], \"qimlist\": [\"q\"], \"gnd\": [{\"easy\": []}]}",
         "g: gnd[0]: no list \"hard\""},
        {"{\"imlist\": [\"a\"], \"qimlist\": [\"q\"], \"gnd\": [{\"easy\": [0, 1], "
         "\"hard\": [], \"junk\": [], \"bbx\": [0, 0, 1, 1]}]}",
         "g: gnd[0].easy[1]: not an index of imlist"},
        {"{\"imlist\": [\"a\"], \"qimlist\": [\"q\"], \"gnd\": [{\"easy\": [-1], "
         "\"hard\": [], \"junk\": [], \"bbx\": [0, 0, 1, 1]}]}",
         "g: gnd[0].easy[0]: not an index of imlist"},
        {"{\"imlist\": [\"a\"], \"qimlist\": [\"q\"], \"gnd\": [{\"easy\": [0], "
         "\"hard\": [], \"junk\": [], \"bbx\": [0, 0, 1]}]}",
         "g: gnd[0].bbx: not a box: x1, y1, x2, y2"},
        {"{\"imlist\": [\"a\"], \"qimlist\": [\"q\"], \"gnd\": [{\"easy\": [0], "
         "\"hard\": [0], \"junk\": [], \"bbx\": [0, 0, 1, 1]}]}",
         "g: gnd[0]: image 'a' is listed twice"},
        {"{\"imlist\": [\"a\"], \"qimlist\": [\"q\"], \"gnd\": [{\"easy\": [], "
         "\"hard\": [], \"junk\": [0], \"bbx\": [0, 0, 1, 1]}]}",
         "g: no query has a relevant image"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("g", cases[i].text);
        refuse("revisited", "g", cases[i].reason);
    }
    bovw_truth *truth = NULL;
    bovw_error err = {0};
    write_file("g", "{\n\"imlist\": [,\n");
    assert_int_equal(open_kind("revisited", "g", &truth, &err), BOVW_ERR_FORMAT);
    assert_non_null(strstr(err.text, "/g: line 2: not JSON: "));
}

/* ---- holidays, ukbench, copydays --------------------------------------------- */

static void holidays_skips_the_query(void **state)
{
    (void)state;
    static const char *const names[] = {"100100.jpg", "100000.jpg", "100001.jpg",
                                        "999999.jpg", "100002.jpg"};
    static const char *const files[] = {
        "jpg/100000.jpg", "jpg/100001.jpg", "jpg/100002.jpg", "jpg/100100.jpg",
        "jpg/100101.jpg", "jpg/100200.jpg", "jpg/cover.jpg"};
    for (int round = 0; round < 2; round++) {
        /* The same from the folder of pictures and from the list. */
        if (round == 0) {
            for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                write_file(files[i], "");
        } else {
            write_file("holidays_images.dat",
                       "100101.jpg\n100100.jpg\n100000.jpg\n100001.jpg\n100002.jpg\n");
        }
        bovw_truth *truth = open_good("holidays", "");
        assert_int_equal(bovw_truth_n_queries(truth), 2); /* 100200 is alone */
        const uint32_t q = round == 0 ? 0 : 1;
        check_query(truth, q, "100000.jpg", "", 2);
        check_query(truth, 1 - q, "100100.jpg", "", 1);
        check_ranking(truth, q, names, 5, "wirwr",
                      ((0 + 1 / 2.0) / 2 + (1 / 3.0 + 2 / 4.0) / 2) / 2,
                      (1 / 2.0 + 2 / 4.0) / 2);
        bovw_truth_close(truth);
    }
    write_file("holidays_images.dat", "100000.jpg\n10000.jpg\n");
    refuse("holidays", "", "holidays_images.dat: line 2: want a name NNNNNN.jpg");
    write_file("holidays_images.dat", "100000.jpg\n100001.jpg x\n");
    refuse("holidays", "", "holidays_images.dat: line 2: want a name NNNNNN.jpg");
    write_file("holidays_images.dat", "100001.jpg\n100002.jpg\n");
    refuse("holidays", "", ": no picture is a query of holidays");
    write_file("none/a.txt", "");
    refuse("holidays", "none", "none: no .jpg files, nor in its folder jpg");
}

static void ukbench_counts_the_query(void **state)
{
    (void)state;
    static const char *const names[] = {"ukbench00001.jpg", "ukbench00004.jpg",
                                        "ukbench00000.jpg", "ukbench00003.jpg",
                                        "ukbench00002.jpg"};
    char name[64];
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "full/ukbench%05d.jpg", i);
        write_file(name, "");
    }
    write_file("full/thumb.jpg", "");
    bovw_truth *truth = open_good("ukbench", "");
    assert_int_equal(bovw_truth_n_queries(truth), 8);
    check_query(truth, 5, "ukbench00005.jpg", "", 4);
    /* r at 1, 3, 4, 5 */
    check_ranking(
        truth, 1, names, 5, "rwrrr",
        (1 + (1 / 2.0 + 2 / 3.0) / 2 + (2 / 3.0 + 3 / 4.0) / 2 + (3 / 4.0 + 4 / 5.0) / 2) /
            4,
        (1 + 2 / 3.0 + 3 / 4.0 + 4 / 5.0) / 4);
    bovw_truth_close(truth);
    write_file("full/ukbench00009.jpg", "");
    refuse("ukbench", "",
           ": pictures are missing: the group of ukbench00009.jpg has fewer than four");
}

static void copydays_looks_for_the_original(void **state)
{
    (void)state;
    static const char *const files[] = {"original/200000.jpg",  "original/200100.jpg",
                                        "strong/200001.jpg",    "strong/200002.jpg",
                                        "crops/10/200100.jpg",  "crops/10/notes.txt",
                                        "jpegqual/3/200000.jpg"};
    static const char *const names[] = {"d/original/200100.jpg", "d/crops/10/200100.jpg",
                                        "d/original/200000.jpg", "d/strong/200001.jpg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        write_file(files[i], "");
    bovw_truth *truth = open_good("copydays", "");
    assert_int_equal(bovw_truth_n_queries(truth), 4);
    check_query(truth, 0, "crops/10/200100.jpg", "crops/10", 1);
    check_query(truth, 1, "jpegqual/3/200000.jpg", "jpegqual/3", 1);
    check_query(truth, 2, "strong/200001.jpg", "strong", 1);
    check_ranking(truth, 0, names, 4, "riwi", 1, 1);
    check_ranking(truth, 2, names, 4, "wiri", 1 / 4.0, 1 / 2.0);
    bovw_truth_close(truth);
    write_file("bare/strong/200001.jpg", "");
    refuse("copydays", "bare", "bare: no folder original");
}

/* ---- qrels ---------------------------------------------------------------------- */

static void qrels_relevance_below_0_is_ignored(void **state)
{
    (void)state;
    static const char *const names[] = {"b 1", "c", "d", "a", "e"};
    write_file("q", "one 0 a 1\ntwo 0 a 2\none 0 c 0\n one\t0 b%201 -1\n\n"
                    "one 0 e 3\r\nnone 0 a 0\n");
    bovw_truth *truth = open_good("qrels", "q");
    assert_int_equal(bovw_truth_n_queries(truth), 2); /* none has nothing to find */
    check_query(truth, 0, "one", "", 2);
    check_query(truth, 1, "two", "", 1);
    check_ranking(truth, 0, names, 5, "iwwrr",
                  ((0 + 1 / 3.0) / 2 + (1 / 3.0 + 2 / 4.0) / 2) / 2,
                  (1 / 3.0 + 2 / 4.0) / 2);
    bovw_truth_close(truth);

    write_file("q", "one 0 a\n");
    refuse("qrels", "q", "q: line 1: want four words: query 0 image relevance");
    write_file("q", "one 0 a 1\none 0 b 1 x\n");
    refuse("qrels", "q", "q: line 2: want four words: query 0 image relevance");
    write_file("q", "one 0 a yes\n");
    refuse("qrels", "q", "q: line 1: relevance 'yes' is not a number");
    write_file("q", "one 0 a 1\none 0 b 1\none 0 a 0\n");
    refuse("qrels", "q", "q: line 3: image 'a' of query 'one' is in line 1 already");
    write_file("q", "one 0 a%00b 1\n");
    refuse("qrels", "q", "q: line 1: %00 in a name");
    write_file("q", "one 0 a 0\n");
    refuse("qrels", "q", "q: no query has a relevant image");
    write_file("q", "");
    refuse("qrels", "q", "q: no query has a relevant image");
}

static void tables_show_the_measures_of_their_protocol(void **state)
{
    (void)state;
    bool has_n_s = false, has_mp = false;
    write_file("gnd.json", revisited);
    bovw_truth *truth = open_good("revisited", "gnd.json");
    for (size_t i = 0; bovw_measure(i, NULL); i++) {
        has_n_s |=
            strcmp(bovw_measure(i, NULL), "N-S") == 0 && bovw_truth_shows_measure(truth, i);
        has_mp |= strcmp(bovw_measure(i, NULL), "mP@10") == 0 &&
                  bovw_truth_shows_measure(truth, i);
    }
    assert_false(has_n_s);
    assert_true(has_mp);
    assert_true(bovw_truth_shows_measure(truth, 0));
    bovw_truth_close(truth);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(oxford_counts_the_query_and_skips_junk),
        TEST(oxford_names_stand_for_pictures_with_and_without_suffix),
        TEST(oxford_lists_that_overlap_are_taken_as_compute_ap_takes_them),
        TEST(oxford_malformed),
        TEST(revisited_judges_one_ranking_in_three_sets),
        TEST(revisited_malformed),
        TEST(holidays_skips_the_query),
        TEST(ukbench_counts_the_query),
        TEST(copydays_looks_for_the_original),
        TEST(qrels_relevance_below_0_is_ignored),
        TEST(tables_show_the_measures_of_their_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
