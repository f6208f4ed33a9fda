/* SPDX-License-Identifier: MIT
 *
 * Lists of pictures from a small tree of files, folders and links. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/container.h"
#include "io/paths.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Everything happens in an empty folder, so that paths can be relative. */
typedef struct place {
    char folder[64];
    char *origin;
} place;

static void remove_tree(const char *path)
{
    char *command = mem_format("chmod -R u+rwx '%s' && rm -rf '%s'", path, path);
    assert_non_null(command);
    assert_int_equal(system(command), 0);
    free(command);
}

static int enter_folder(void **state)
{
    place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    strcpy(p->folder, "/tmp/bovw-paths-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    p->origin = getcwd(NULL, 0);
    assert_non_null(p->origin);
    assert_int_equal(chdir(p->folder), 0);
    *state = p;
    return 0;
}

static int leave_folder(void **state)
{
    place *p = *state;
    assert_int_equal(chdir(p->origin), 0);
    remove_tree(p->folder);
    free(p->origin);
    free(p);
    return 0;
}

static void write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0777), 0);
}

/* What was skipped: "NAME: " + reason in lines. */
typedef struct skip_log {
    char text[4096];
} skip_log;

static void log_skipped(void *context, const char *name, const bovw_error *reason)
{
    skip_log *log = context;
    const size_t n = strlen(log->text);
    snprintf(log->text + n, sizeof log->text - n, "%s|%s\n", name, reason->text);
    assert_int_not_equal(reason->status, BOVW_OK);
}

/* Expand and compare with the expected items in lines; a feature file has a
 * "feat:" in front. */
static void assert_expands_from(const char *const *paths, size_t n, const char *expected,
                                size_t n_skipped, skip_log *log)
{
    skip_log own = {0};
    log = log ? log : &own;
    const bovw_monitor monitor = {.context = log, .skipped = log_skipped};
    path_list list = {0};
    bovw_error err;
    char found[4096] = "";
    assert_int_equal(path_list_expand(paths, n, &monitor, &list, &err), BOVW_OK);
    for (size_t i = 0; i < list.n; i++) {
        const size_t length = strlen(found);
        snprintf(found + length, sizeof found - length, "%s%s\n",
                 list.items[i].kind == PATH_FEATURES ? "feat:" : "", list.items[i].path);
    }
    assert_string_equal(found, expected);
    assert_int_equal(list.n_skipped, n_skipped);
    size_t n_lines = 0;
    for (const char *c = log->text; *c; c++)
        n_lines += *c == '\n';
    assert_int_equal(n_lines, n_skipped);
    path_list_free(&list);
    assert_null(list.items);
}

static void assert_expands(const char *path, const char *expected, size_t n_skipped,
                           skip_log *log)
{
    assert_expands_from(&path, 1, expected, n_skipped, log);
}

static void test_folder_is_walked_in_sorted_order(void **state)
{
    (void)state;
    make_folder("photos");
    make_folder("photos/b");
    make_folder("photos/b/deeper");
    make_folder("photos/empty");
    static const char *const files[] = {"photos/z.jpg",           "photos/B.JPG",
                                        "photos/a.jpeg",          "photos/b.png",
                                        "photos/c.Tga",           "photos/d.pgm",
                                        "photos/e.ppm",           "photos/f.pnm",
                                        "photos/g.gif",           "photos/h.bmp",
                                        "photos/b/2.jpg",         "photos/b/10.jpg",
                                        "photos/x.txt",           "photos/jpg",
                                        "photos/b/deeper/.jpg",   "photos/i.jpg.txt",
                                        "photos/b/deeper/end.PNG"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        write_text(files[i], "x");
    const char *expected = "photos/B.JPG\nphotos/a.jpeg\nphotos/b/10.jpg\nphotos/b/2.jpg\n"
                           "photos/b/deeper/end.PNG\nphotos/b.png\nphotos/c.Tga\n"
                           "photos/d.pgm\nphotos/e.ppm\nphotos/f.pnm\nphotos/g.gif\n"
                           "photos/h.bmp\nphotos/z.jpg\n";
    assert_expands("photos", expected, 0, NULL);
    assert_expands("photos/", expected, 0, NULL);
    assert_expands("photos///", expected, 0, NULL);
    assert_expands("photos/empty", "", 0, NULL);
    assert_expands("./photos/b/deeper", "./photos/b/deeper/end.PNG\n", 0, NULL);
    assert_expands("photos/../photos/b/deeper", "photos/../photos/b/deeper/end.PNG\n", 0,
                   NULL);
}

static void test_current_and_absolute_folders_are_named_as_given(void **state)
{
    const place *p = *state;
    write_text("a.jpg", "x");
    assert_expands(".", "./a.jpg\n", 0, NULL);
    char expected[128];
    snprintf(expected, sizeof expected, "%s/a.jpg\n", p->folder);
    assert_expands(p->folder, expected, 0, NULL);
}

static void test_hidden_files_and_folders_are_left_out_silently(void **state)
{
    (void)state;
    make_folder("photos");
    make_folder("photos/.cache");
    write_text("photos/.cache/a.jpg", "x");
    write_text("photos/.b.jpg", "x");
    write_text("photos/c.jpg", "x");
    assert_expands("photos", "photos/c.jpg\n", 0, NULL);
    assert_expands("photos/.cache", "photos/.cache/a.jpg\n", 0, NULL);
    assert_expands("photos/.b.jpg", "photos/.b.jpg\n", 0, NULL);
}

static void test_named_files_are_taken_whatever_their_suffix(void **state)
{
    (void)state;
    write_text("notes.txt", "x");
    write_text("empty", "");
    static const char *const paths[] = {"notes.txt", "empty", "-", "notes.txt"};
    assert_expands_from(paths, 4, "notes.txt\nempty\n-\nnotes.txt\n", 0, NULL);
    assert_expands_from(NULL, 0, "", 0, NULL);
}

static void test_feature_file_is_known_by_its_contents(void **state)
{
    (void)state;
    const container_section section = {.id = 1, .data = "abc", .n_bytes = 3};
    assert_int_equal(container_write("a.jpg", "FEAT", 1, &section, 1, NULL, NULL), BOVW_OK);
    assert_int_equal(container_write("b.jpg", "VOCB", 1, &section, 1, NULL, NULL), BOVW_OK);
    write_text("list", "a.jpg\n");
    assert_expands("a.jpg", "feat:a.jpg\n", 0, NULL);
    assert_expands("b.jpg", "b.jpg\n", 0, NULL);
    assert_expands("@list", "feat:a.jpg\n", 0, NULL);
}

static void test_links_are_followed_but_never_in_a_circle(void **state)
{
    (void)state;
    make_folder("photos");
    make_folder("photos/sub");
    make_folder("other");
    write_text("photos/a.jpg", "x");
    write_text("other/b.jpg", "x");
    write_text("c.jpg", "x");
    assert_int_equal(symlink("..", "photos/sub/up"), 0);
    assert_int_equal(symlink(".", "photos/self"), 0);
    assert_int_equal(symlink("../other", "photos/to-other"), 0);
    assert_int_equal(symlink("../photos", "other/back"), 0);
    assert_int_equal(symlink("../c.jpg", "photos/link.jpg"), 0);
    assert_int_equal(symlink("nowhere", "photos/dead"), 0);
    assert_expands("photos", "photos/a.jpg\nphotos/link.jpg\nphotos/to-other/b.jpg\n", 0,
                   NULL);
    assert_int_equal(symlink("nowhere", "photos/dead.jpg"), 0);
    skip_log log = {0};
    assert_expands("photos", "photos/a.jpg\nphotos/link.jpg\nphotos/to-other/b.jpg\n", 1,
                   &log);
    assert_string_equal(log.text,
                        "photos/dead.jpg|photos/dead.jpg: No such file or directory\n");
}

static void test_list_names_files_and_folders(void **state)
{
    (void)state;
    make_folder("photos");
    write_text("photos/1.jpg", "x");
    write_text("photos/2.jpg", "x");
    write_text("a b.dat", "x");
    write_text("@c", "x");
    write_text("list",
               "\xef\xbb\xbf# pictures\n\na b.dat\r\nphotos\n\r\n  \n@c\nphotos/2.jpg");
    skip_log log = {0};
    assert_expands("@list", "a b.dat\nphotos/1.jpg\nphotos/2.jpg\n@c\nphotos/2.jpg\n", 1,
                   &log);
    assert_string_equal(log.text, "  |  : No such file or directory\n");
    write_text("list", "-\n");
    log = (skip_log){0};
    assert_expands("@list", "", 1, &log);
    assert_non_null(strstr(log.text, "standard input"));
    write_text("list", "");
    assert_expands("@list", "", 0, NULL);
}

static void test_list_on_standard_input(void **state)
{
    (void)state;
    write_text("a.jpg", "x");
    write_text("list", "a.jpg\nmissing.jpg\n");
    const int saved = dup(STDIN_FILENO);
    assert_true(saved >= 0);
    assert_non_null(freopen("list", "rb", stdin));
    assert_expands("@-", "a.jpg\n", 1, NULL);
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    close(saved);
}

static void test_what_cannot_be_read_is_reported_and_the_rest_goes_on(void **state)
{
    (void)state;
    write_text("a.jpg", "x");
    make_folder("photos");
    assert_int_equal(mkfifo("photos/pipe.jpg", 0666), 0);
    assert_int_equal(mkfifo("photos/pipe", 0666), 0);
    write_text("photos/z.jpg", "x");
    FILE *stream = fopen("binary", "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite("a.jpg\0\n", 1, 7, stream), 7);
    assert_int_equal(fclose(stream), 0);

    static const char *const paths[] = {"missing.jpg", "a.jpg",     "@missing", "@binary",
                                        "photos/pipe", "/dev/null", "photos",   "",
                                        "a.jpg/b.jpg", "@photos"};
    skip_log log = {0};
    assert_expands_from(paths, sizeof paths / sizeof paths[0], "a.jpg\nphotos/z.jpg\n", 9,
                        &log);
    static const char *const reasons[] = {
        "missing.jpg|missing.jpg: No such file or directory\n",
        "missing|missing: No such file or directory\n",
        "binary|binary: not a list of paths\n",
        "photos/pipe|photos/pipe: neither a file nor a folder\n",
        "/dev/null|/dev/null: neither a file nor a folder\n",
        "photos/pipe.jpg|photos/pipe.jpg: neither a file nor a folder\n",
        "|the empty path names no file\n",
        "a.jpg/b.jpg|a.jpg/b.jpg: Not a directory\n",
        "photos|photos: is a folder\n"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        assert_non_null(strstr(log.text, reasons[i]));

    path_list list = {0}; /* without a monitor they are counted all the same */
    assert_int_equal(path_list_expand(paths, 3, NULL, &list, NULL), BOVW_OK);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.n_skipped, 2);
    path_list_free(&list);
}

static void test_unreadable_folder_is_reported(void **state)
{
    (void)state;
    make_folder("photos");
    make_folder("photos/closed");
    write_text("photos/closed/a.jpg", "x");
    write_text("photos/z.jpg", "x");
    assert_int_equal(chmod("photos/closed", 0), 0);
    if (geteuid() == 0) { /* whom permissions do not stop */
        assert_expands("photos", "photos/closed/a.jpg\nphotos/z.jpg\n", 0, NULL);
        return;
    }
    skip_log log = {0};
    assert_expands("photos", "photos/z.jpg\n", 1, &log);
    assert_string_equal(log.text, "photos/closed|photos/closed: Permission denied\n");
    log = (skip_log){0};
    assert_expands("photos/closed/", "", 1, &log);
    assert_int_equal(chmod("photos/closed", 0400), 0); /* names, but no more */
    log = (skip_log){0};
    assert_expands("photos", "photos/z.jpg\n", 1, &log);
    assert_string_equal(log.text,
                        "photos/closed/a.jpg|photos/closed/a.jpg: Permission denied\n");
}

static void test_many_files_come_in_order(void **state)
{
    (void)state;
    enum {
        N = 500
    };
    make_folder("photos");
    char path[64];
    for (int i = 0; i < N; i++) {
        snprintf(path, sizeof path, "photos/%03d.jpg", (i * 7) % N);
        write_text(path, "");
    }
    path_list list = {0};
    const char *folder = "photos";
    assert_int_equal(path_list_expand(&folder, 1, NULL, &list, NULL), BOVW_OK);
    assert_int_equal(list.n, N);
    for (int i = 0; i < N; i++) {
        snprintf(path, sizeof path, "photos/%03d.jpg", i);
        assert_string_equal(list.items[i].path, path);
        assert_int_equal(list.items[i].kind, PATH_IMAGE);
    }
    path_list_free(&list);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_folder_is_walked_in_sorted_order),
        IN_FOLDER(test_current_and_absolute_folders_are_named_as_given),
        IN_FOLDER(test_hidden_files_and_folders_are_left_out_silently),
        IN_FOLDER(test_named_files_are_taken_whatever_their_suffix),
        IN_FOLDER(test_feature_file_is_known_by_its_contents),
        IN_FOLDER(test_links_are_followed_but_never_in_a_circle),
        IN_FOLDER(test_list_names_files_and_folders),
        IN_FOLDER(test_list_on_standard_input),
        IN_FOLDER(test_what_cannot_be_read_is_reported_and_the_rest_goes_on),
        IN_FOLDER(test_unreadable_folder_is_reported),
        IN_FOLDER(test_many_files_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
