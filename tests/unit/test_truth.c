/* SPDX-License-Identifier: MIT
 *
 * Ground truth of the groups kind: what it says of each image, how its names
 * are tied to a database, and what malformed files are told. */
#include "synthetic.h"

#include "base/file.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    MAX_IMAGES = 16
};

/* Group g1 is a, b, c; g2 is d, e; g3 only f. b, d and f are of family k. */
static const char table[] = "image\tgroup\tfamily\tset\n"
                            "a.jpg\tg1\t\tone\n"
                            "b.jpg\tg1\tk\tone\n"
                            "c.jpg\tg1\tother\tone\n"
                            "d.jpg\tg2\tk\ttwo\n"
                            "e.jpg\tg2\t\ttwo\n"
                            "f.jpg\tg3\tk\ttwo\n";

static char *folder;
static char *path; /* of the truth */

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    path = mem_format("%s/truth.tsv", folder);
    return path ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    remove_folder(folder);
    return 0;
}

static bovw_status open_file(bovw_truth **truth, bovw_error *err)
{
    char *spec = mem_format("groups:%s", path);
    assert_non_null(spec);
    const bovw_status status = bovw_truth_open(spec, truth, err);
    free(spec);
    return status;
}

static bovw_truth *open_text(const char *text)
{
    bovw_truth *truth = NULL;
    bovw_error err = {0};
    spit(path, text, strlen(text));
    if (open_file(&truth, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return truth;
}

/* The text as a truth is refused with this status, and a message that names
 * the file and ends with `reason`. */
static void refuse_bytes(const void *bytes, size_t n, bovw_status status,
                         const char *reason)
{
    bovw_truth *truth = NULL;
    bovw_error err = {0};
    spit(path, bytes, n);
    assert_int_equal(open_file(&truth, &err), status);
    assert_int_equal(err.status, status);
    assert_null(truth);
    char *want = mem_format("%s: %s", path, reason);
    assert_string_equal(err.text, want);
    free(want);
    assert_int_equal(open_file(&truth, NULL), status);
}

static void refuse(const char *text, bovw_status status, const char *reason)
{
    refuse_bytes(text, strlen(text), status, reason);
}

static bovw_binding *bind(const bovw_truth *truth, const char *const *names, uint32_t n,
                          uint32_t n_missing)
{
    bovw_binding *binding = NULL;
    uint32_t missing = 99;
    assert_int_equal(bovw_binding_new(truth, names, n, &binding, &missing, NULL), BOVW_OK);
    assert_int_equal(missing, n_missing);
    return binding;
}

/* What the binding says of each image, one letter each. */
static void check_judgements(const bovw_binding *binding, uint32_t query, const char *want)
{
    char got[MAX_IMAGES + 1] = "";
    for (uint32_t i = 0; i < strlen(want); i++)
        got[i] = "wri"[bovw_binding_judge(binding, query, i)];
    assert_string_equal(got, want);
}

/* ---- the protocol ------------------------------------------------------ */

static void kinds_are_listed_with_a_line_each(void **state)
{
    (void)state;
    const char *summary = NULL;
    assert_string_equal(bovw_truth_kind(0, &summary), "groups");
    assert_true(strlen(summary) > 10);
    size_t n = 0;
    while (bovw_truth_kind(n, NULL))
        n++;
    assert_true(n >= 1);
    assert_null(bovw_truth_kind(n, NULL));
}

static void images_with_others_in_their_group_are_queries(void **state)
{
    (void)state;
    static const char *const names[] = {"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"};
    static const uint32_t n_relevant[] = {2, 2, 2, 1, 1};
    bovw_truth *truth = open_text(table);
    assert_int_equal(bovw_truth_n_queries(truth), 5); /* f is alone */
    for (uint32_t q = 0; q < 5; q++) {
        const bovw_truth_query query = bovw_truth_get(truth, q);
        assert_string_equal(query.name, names[q]);
        assert_string_equal(query.set, q < 3 ? "one" : "two");
        assert_false(query.has_region);
        assert_int_equal(bovw_truth_n_relevant(truth, q), n_relevant[q]);
    }
    bovw_truth_close(truth);
    bovw_truth_close(NULL);
}

static void group_is_relevant_query_and_family_ignored_the_rest_wrong(void **state)
{
    (void)state;
    static const char *const names[] = {"f.jpg", "e.jpg", "d.jpg",    "c.jpg",
                                        "b.jpg", "a.jpg", "stray.jpg"};
    bovw_truth *truth = open_text(table);
    bovw_binding *binding = bind(truth, names, 7, 0);
    check_judgements(binding, 0, "wwwrriw"); /* a */
    check_judgements(binding, 1, "iwirirw"); /* b: d and f are of its family */
    check_judgements(binding, 2, "wwwirrw"); /* c */
    check_judgements(binding, 3, "iriwiww"); /* d */
    check_judgements(binding, 4, "wirwwww"); /* e */
    assert_int_equal(bovw_binding_judge(binding, 0, 7), BOVW_WRONG); /* no such image */
    bovw_binding_free(binding);
    bovw_binding_free(NULL);
    bovw_truth_close(truth);
}

static void a_family_within_one_group_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d"};
    bovw_truth *truth =
        open_text("image\tgroup\tfamily\na\tg\tk\nb\tg\tk\nc\th\t\nd\th\t\n");
    bovw_binding *binding = bind(truth, names, 4, 0);
    check_judgements(binding, 0, "irww");
    check_judgements(binding, 2, "wwir"); /* two empty families are not one */
    check_judgements(binding, 3, "wwri");
    bovw_binding_free(binding);
    bovw_truth_close(truth);
}

static void a_group_and_a_family_of_one_name_are_apart(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    bovw_truth *truth = open_text("image\tgroup\tfamily\na\tg\t\nb\tg\t\nc\th\tg\n");
    bovw_binding *binding = bind(truth, names, 3, 0);
    check_judgements(binding, 0, "irw");
    bovw_binding_free(binding);
    bovw_truth_close(truth);
}

/* ---- the file ---------------------------------------------------------- */

static void columns_may_come_in_any_order_with_others_between(void **state)
{
    (void)state;
    bovw_truth *truth =
        open_text("note\tset\tgroup\tsize\timage\nx\ts\tg\t1\ta\n\t\tg\t\tb\n");
    assert_int_equal(bovw_truth_n_queries(truth), 2);
    assert_string_equal(bovw_truth_get(truth, 0).name, "a");
    assert_string_equal(bovw_truth_get(truth, 0).set, "s");
    assert_string_equal(bovw_truth_get(truth, 1).name, "b");
    assert_string_equal(bovw_truth_get(truth, 1).set, "");
    bovw_truth_close(truth);
}

static void line_ends_blank_lines_and_byte_order_mark_do_not_matter(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "image\tgroup\na b\tg\nc\tg\n",
        "image\tgroup\r\na b\tg\r\nc\tg\r\n",
        "image\tgroup\na b\tg\nc\tg",
        "image\tgroup\r\na b\tg\r\nc\tg\r",
        "\nimage\tgroup\n\n\r\na b\tg\n\nc\tg\n\n\n",
        "\xef\xbb\xbfimage\tgroup\na b\tg\nc\tg\n",
        "group\timage\r\ng\ta b\r\ng\tc\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bovw_truth *truth = open_text(texts[i]);
        assert_int_equal(bovw_truth_n_queries(truth), 2);
        assert_string_equal(bovw_truth_get(truth, 0).name, "a b");
        assert_string_equal(bovw_truth_get(truth, 1).name, "c");
        assert_string_equal(bovw_truth_get(truth, 1).set, "");
        assert_int_equal(bovw_truth_n_relevant(truth, 0), 1);
        bovw_truth_close(truth);
    }
}

static void malformed_files_are_refused_with_line_and_reason(void **state)
{
    (void)state;
    refuse("", BOVW_ERR_FORMAT, "empty: no header line");
    refuse("\n\r\n", BOVW_ERR_FORMAT, "empty: no header line");
    refuse("image\tfamily\na\tb\n", BOVW_ERR_FORMAT,
           "line 1: no column 'group' (tab-separated)");
    refuse("\nfile\tgroup\na\tb\n", BOVW_ERR_FORMAT,
           "line 2: no column 'image' (tab-separated)");
    refuse("image,group\na,b\n", BOVW_ERR_FORMAT,
           "line 1: no column 'image' (tab-separated)");
    refuse("image\tgroup\timage\na\tb\tc\n", BOVW_ERR_FORMAT,
           "line 1: two columns 'image'");
    refuse("image\tgroup\n", BOVW_ERR_CORRUPT, "no rows after the header");
    refuse("image\tgroup\tset\na\tg\t\nb\tg\n", BOVW_ERR_CORRUPT,
           "line 3: number of fields is 2, not 3");
    refuse("image\tgroup\na\tg\n\nb\tg\t\n", BOVW_ERR_CORRUPT,
           "line 4: number of fields is 3, not 2");
    refuse("image\tgroup\na\tg\n\tg\n", BOVW_ERR_CORRUPT, "line 3: empty image");
    refuse("image\tgroup\na\tg\nb\t\r\n", BOVW_ERR_CORRUPT, "line 3: empty group");
    refuse("image\tgroup\na\tg\n\nb\tg\na\th\n", BOVW_ERR_CORRUPT,
           "line 5: image 'a' is in line 2 already");
    refuse("image\tgroup\na\tg\nb\th\n", BOVW_ERR_CORRUPT,
           "no group has two images: no queries");
}

static void zero_bytes_are_refused(void **state)
{
    (void)state;
    static const char late[] = "image\tgroup\na\tg\nb\0\tg\n";
    static const char wide[] = "i\0m\0a\0g\0e\0\n\0";
    refuse_bytes(late, sizeof late - 1, BOVW_ERR_FORMAT,
                 "line 3: a zero byte: not a text file");
    refuse_bytes(wide, sizeof wide - 1, BOVW_ERR_FORMAT,
                 "line 1: a zero byte: not a text file");
}

static void every_cut_of_a_file_opens_or_is_refused(void **state)
{
    (void)state;
    uint32_t n_open = 0, n_refused = 0;
    for (size_t n = 0; n <= strlen(table); n++) {
        bovw_truth *truth = NULL;
        bovw_error err = {0};
        spit(path, table, n);
        if (open_file(&truth, &err) == BOVW_OK) {
            assert_true(bovw_truth_n_queries(truth) >= 2);
            n_open++;
        } else {
            assert_non_null(strstr(err.text, path));
            n_refused++;
        }
        bovw_truth_close(truth);
    }
    assert_true(n_open > 10 && n_refused > 10);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    bovw_truth *truth = NULL;
    bovw_error err = {0};
    unlink(path);
    assert_int_equal(open_file(&truth, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));

    spit(path, "x", 1);
    assert_int_equal(truncate(path, (off_t)1024 * 1024 * 1024 + 1), 0);
    assert_int_equal(open_file(&truth, &err), BOVW_ERR_LIMIT);
    assert_non_null(strstr(err.text, path));
    unlink(path);
    assert_null(truth);
}

static void unknown_kinds_are_told_those_there_are(void **state)
{
    (void)state;
    static const char *const specs[] = {"",          "groups", "groups:", "group:x",
                                        "groupss:x", ":x",     "Groups:x"};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        bovw_truth *truth = NULL;
        bovw_error err = {0};
        assert_int_equal(bovw_truth_open(specs[i], &truth, &err), BOVW_ERR_ARG);
        char *want =
            mem_format("ground truth '%s': want KIND:PATH; kinds: groups", specs[i]);
        assert_memory_equal(err.text, want, strlen(want));
        free(want);
        assert_null(truth);
    }
}

/* ---- binding ----------------------------------------------------------- */

static void names_stand_for_the_only_path_that_ends_with_them(void **state)
{
    (void)state;
    static const char *const names[] = {
        "/data/x/a.jpg",                 /* a */
        "/data/x/ab.jpg",                /* no: b.jpg is no whole part of it */
        "/data/x/c.jpg",  "/data/c.jpg", /* no: two of them */
        "d.jpg",          "/data/d.jpg", /* d, as it is named in full */
    };
    bovw_truth *truth = open_text(table);
    bovw_binding *binding = bind(truth, names, 6, 4); /* b, c, e, f are missing */
    check_judgements(binding, 0, "iwwwww");
    check_judgements(binding, 3, "wwwwiw");
    check_judgements(binding, 1, "rwwwiw"); /* b is not there: d is of its family */
    assert_int_equal(bovw_truth_n_relevant(truth, 0), 2);
    bovw_binding_free(binding);
    bovw_truth_close(truth);
}

static void of_two_names_for_one_image_the_longer_stands_for_it(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "image\tgroup\nx.jpg\tg\nother\tg\na/x.jpg\th\nmore\th\n",
        "image\tgroup\na/x.jpg\th\nmore\th\nx.jpg\tg\nother\tg\n",
    };
    static const char *const names[] = {"d/a/x.jpg", "other", "more"};
    for (int i = 0; i < 2; i++) {
        bovw_truth *truth = open_text(texts[i]);
        bovw_binding *binding = bind(truth, names, 3, 1);
        const uint32_t first = i == 0 ? 0 : 2; /* the query x.jpg */
        assert_string_equal(bovw_truth_get(truth, first).name, "x.jpg");
        check_judgements(binding, first, "wrw");
        check_judgements(binding, 2 - first, "iwr");
        check_judgements(binding, 3 - first, "rwi");
        bovw_binding_free(binding);
        bovw_truth_close(truth);
    }
}

static void a_name_in_full_goes_before_one_that_only_ends_alike(void **state)
{
    (void)state;
    /* x.jpg itself was not indexed: a/x.jpg must not pass for it. */
    static const char *const names[] = {"a/x.jpg", "y.jpg"};
    bovw_truth *truth = open_text("image\tgroup\nx.jpg\tg\ny.jpg\tg\na/x.jpg\th\nz\th\n");
    bovw_binding *binding = bind(truth, names, 2, 2);
    check_judgements(binding, 1, "wi");
    bovw_binding_free(binding);
    bovw_truth_close(truth);
}

static void an_empty_database_binds_with_every_name_missing(void **state)
{
    (void)state;
    bovw_truth *truth = open_text(table);
    bovw_binding *binding = bind(truth, NULL, 0, 6);
    assert_int_equal(bovw_binding_judge(binding, 0, 0), BOVW_WRONG);
    bovw_binding_free(binding);

    static const char *const names[] = {"a.jpg", "b.jpg"};
    binding = NULL;
    assert_int_equal(bovw_binding_new(truth, names, 2, &binding, NULL, NULL), BOVW_OK);
    check_judgements(binding, 0, "ir");
    bovw_binding_free(binding);
    bovw_truth_close(truth);
}

/* The same rules applied to the columns, image by image. */
static void random_tables_agree_with_the_rules_read_aloud(void **state)
{
    (void)state;
    enum {
        N = 40
    };
    uint64_t seed = 3;
    for (int round = 0; round < 10; round++) {
        uint32_t group[N], family[N], size[N] = {0};
        char names[N][16];
        const char *pointers[N];
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs("family\timage\tgroup\n", file);
        for (uint32_t i = 0; i < N; i++) {
            group[i] = (uint32_t)random_below(&seed, 15);
            family[i] = (uint32_t)random_below(&seed, 6); /* 0: none */
            size[group[i]]++;
            snprintf(names[i], sizeof names[i], "%u.jpg", (i * 7 + 3) % N);
            pointers[i] = names[i];
            if (family[i])
                fprintf(file, "%u", family[i]);
            fprintf(file, "\t%s\t%u\n", names[i], group[i]);
        }
        assert_int_equal(fclose(file), 0);

        bovw_truth *truth = NULL;
        assert_int_equal(open_file(&truth, NULL), BOVW_OK);
        bovw_binding *binding = bind(truth, pointers, N, 0);
        uint32_t query = 0;
        for (uint32_t i = 0; i < N; i++) {
            if (size[group[i]] < 2)
                continue;
            uint32_t n_relevant = 0;
            assert_string_equal(bovw_truth_get(truth, query).name, names[i]);
            for (uint32_t j = 0; j < N; j++) {
                bovw_judgement want = BOVW_WRONG;
                if (j != i && group[j] == group[i])
                    want = BOVW_RELEVANT;
                else if (j == i || (family[j] && family[j] == family[i]))
                    want = BOVW_IGNORED;
                assert_int_equal(bovw_binding_judge(binding, query, j), want);
                n_relevant += want == BOVW_RELEVANT;
            }
            assert_int_equal(bovw_truth_n_relevant(truth, query), n_relevant);
            query++;
        }
        assert_int_equal(bovw_truth_n_queries(truth), query);
        bovw_binding_free(binding);
        bovw_truth_close(truth);
    }
}

/* ---- pictures ---------------------------------------------------------- */

static void pictures_are_looked_for_beside_the_truth_then_here(void **state)
{
    (void)state;
    static const char text[] = "image\tgroup\nbeside.jpg\tg\nhere.jpg\tg\nnowhere.jpg\tg\n";
    char *here = make_folder(), *back = getcwd(NULL, 0), *picture = NULL;
    char *beside = mem_format("%s/beside.jpg", folder);
    char *nowhere = mem_format("%s/nowhere.jpg", folder);
    bovw_error err = {0};
    bovw_truth *truth = open_text(text);
    spit(beside, "1", 1);
    assert_int_equal(chdir(here), 0);
    spit("beside.jpg", "2", 1);
    spit("here.jpg", "3", 1);

    assert_int_equal(bovw_truth_picture(truth, 0, &picture, &err), BOVW_OK);
    assert_string_equal(picture, beside);
    free(picture);
    assert_int_equal(bovw_truth_picture(truth, 1, &picture, &err), BOVW_OK);
    assert_string_equal(picture, "here.jpg");
    free(picture);
    picture = NULL;
    assert_int_equal(bovw_truth_picture(truth, 2, &picture, &err), BOVW_ERR_IO);
    assert_null(picture);
    char *want = mem_format("query picture not found: neither %s nor nowhere.jpg", nowhere);
    assert_string_equal(err.text, want);
    free(want);

    assert_int_equal(chdir(back), 0);
    bovw_truth_close(truth);
    free(beside);
    free(nowhere);
    free(back);
    remove_folder(here);
}

static void a_truth_in_the_current_folder_and_absolute_names_work(void **state)
{
    (void)state;
    char *back = getcwd(NULL, 0), *picture = NULL;
    char *text =
        mem_format("image\tgroup\n%s/far.jpg\tg\nnear.jpg\tg\ngone.jpg\tg\n", folder);
    bovw_truth *truth = open_text(text);
    bovw_error err = {0};
    /* One place only for an absolute name. */
    assert_int_equal(bovw_truth_picture(truth, 0, &picture, &err), BOVW_ERR_IO);
    char *want = mem_format("%s/far.jpg: query picture not found", folder);
    assert_string_equal(err.text, want);
    free(want);
    bovw_truth_close(truth);
    assert_int_equal(chdir(folder), 0);
    spit("far.jpg", "1", 1);
    spit("near.jpg", "1", 1);
    assert_int_equal(bovw_truth_open("groups:truth.tsv", &truth, &err), BOVW_OK);

    assert_int_equal(bovw_truth_picture(truth, 0, &picture, &err), BOVW_OK);
    assert_string_equal(picture, bovw_truth_get(truth, 0).name);
    free(picture);
    assert_int_equal(bovw_truth_picture(truth, 1, &picture, &err), BOVW_OK);
    assert_string_equal(picture, "near.jpg");
    free(picture);
    assert_int_equal(bovw_truth_picture(truth, 2, &picture, &err), BOVW_ERR_IO);
    assert_string_equal(err.text, "gone.jpg: query picture not found");

    assert_int_equal(chdir(back), 0);
    bovw_truth_close(truth);
    free(text);
    free(back);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kinds_are_listed_with_a_line_each),
        TEST(images_with_others_in_their_group_are_queries),
        TEST(group_is_relevant_query_and_family_ignored_the_rest_wrong),
        TEST(a_family_within_one_group_changes_nothing),
        TEST(a_group_and_a_family_of_one_name_are_apart),
        TEST(columns_may_come_in_any_order_with_others_between),
        TEST(line_ends_blank_lines_and_byte_order_mark_do_not_matter),
        TEST(malformed_files_are_refused_with_line_and_reason),
        TEST(zero_bytes_are_refused),
        TEST(every_cut_of_a_file_opens_or_is_refused),
        TEST(files_that_cannot_be_read_are_named),
        TEST(unknown_kinds_are_told_those_there_are),
        TEST(names_stand_for_the_only_path_that_ends_with_them),
        TEST(of_two_names_for_one_image_the_longer_stands_for_it),
        TEST(a_name_in_full_goes_before_one_that_only_ends_alike),
        TEST(an_empty_database_binds_with_every_name_missing),
        TEST(random_tables_agree_with_the_rules_read_aloud),
        TEST(pictures_are_looked_for_beside_the_truth_then_here),
        TEST(a_truth_in_the_current_folder_and_absolute_names_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
