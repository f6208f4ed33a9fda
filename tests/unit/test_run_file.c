/* SPDX-License-Identifier: MIT
 *
 * Run files: their bytes, and that none appears unless it is complete. */
#include "synthetic.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/file.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *folder;
static char *path; /* of the run */

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

static uint32_t count_files(void)
{
    uint32_t n = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(listing);
    return n;
}

static bovw_run_writer *open_run(const char *where, const char *tag)
{
    bovw_run_writer *writer = NULL;
    bovw_error err = {0};
    if (bovw_run_writer_open(where, tag, &writer, &err) != BOVW_OK)
        fail_msg("%s", err.text);
    return writer;
}

static void check_contents(const char *want)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &n, NULL), BOVW_OK);
    assert_string_equal((const char *)bytes, want);
    assert_int_equal(n, strlen(want));
    free(bytes);
}

static void lines_have_six_fields_and_nine_digits(void **state)
{
    (void)state;
    bovw_run_writer *writer = open_run(path, "bovw");
    bovw_error err = {0};
    assert_int_equal(bovw_run_writer_add(writer, "q.jpg", "a/b.jpg", 1, 0.1F, &err),
                     BOVW_OK);
    assert_int_equal(bovw_run_writer_add(writer, "q.jpg", "c.jpg", 2, 0, &err), BOVW_OK);
    assert_int_equal(bovw_run_writer_add(writer, "r", "c", 4294967295U, -1.5e-30F, &err),
                     BOVW_OK);
    assert_int_equal(bovw_run_writer_add(writer, "r", "d", 1, 16777217.0F, &err), BOVW_OK);
    assert_int_equal(bovw_run_writer_close(writer, &err), BOVW_OK);
    check_contents("q.jpg Q0 a/b.jpg 1 0.100000001 bovw\n"
                   "q.jpg Q0 c.jpg 2 0 bovw\n"
                   "r Q0 c 4294967295 -1.5e-30 bovw\n"
                   "r Q0 d 1 16777216 bovw\n");
}

static void scores_read_back_to_the_same_float(void **state)
{
    (void)state;
    enum {
        N = 300
    };
    float scores[N];
    uint64_t seed = 5;
    bovw_run_writer *writer = open_run(path, "t");
    for (uint32_t i = 0; i < N; i++) {
        do {
            const uint32_t bits = (uint32_t)random_next(&seed);
            memcpy(&scores[i], &bits, sizeof bits);
        } while (!isfinite(scores[i]));
        assert_int_equal(bovw_run_writer_add(writer, "q", "i", i + 1, scores[i], NULL),
                         BOVW_OK);
    }
    assert_int_equal(bovw_run_writer_close(writer, NULL), BOVW_OK);

    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (uint32_t i = 0; i < N; i++) {
        unsigned rank;
        char score[64];
        assert_int_equal(fscanf(file, "q Q0 i %u %63s t\n", &rank, score), 2);
        assert_int_equal(rank, i + 1);
        assert_true(strtof(score, NULL) == scores[i]);
    }
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
}

static void check_encoded(const char *name, const char *want)
{
    bovw_run_writer *writer = open_run(path, name);
    assert_int_equal(bovw_run_writer_add(writer, name, name, 1, 1, NULL), BOVW_OK);
    assert_int_equal(bovw_run_writer_close(writer, NULL), BOVW_OK);
    char *line = mem_format("%s Q0 %s 1 1 %s\n", want, want, want);
    check_contents(line);
    free(line);
}

static void white_space_control_characters_and_percent_are_encoded(void **state)
{
    (void)state;
    check_encoded("plain-name_1.jpg", "plain-name_1.jpg");
    check_encoded("my photo.jpg", "my%20photo.jpg");
    check_encoded(" a\tb\nc\rd\ve\f ", "%20a%09b%0Ac%0Dd%0Be%0C%20");
    check_encoded("100%", "100%25");
    check_encoded("%20", "%2520");
    check_encoded("\x01\x1f\x7f!~", "%01%1F%7F!~");
}

static void unicode_white_space_is_encoded_and_letters_are_not(void **state)
{
    (void)state;
    check_encoded("\xc3\xa9t\xc3\xa9.jpg", "\xc3\xa9t\xc3\xa9.jpg");
    check_encoded("\xe5\xaf\xba\xe2\x80\xa6\xf0\x9f\x93\xb7",
                  "\xe5\xaf\xba\xe2\x80\xa6\xf0\x9f\x93\xb7");
    check_encoded("a\xc2\x85\xc2\xa0\xc2\xa1", "a%C2%85%C2%A0\xc2\xa1");
    check_encoded("3.30\xe2\x80\xafPM", "3.30%E2%80%AFPM"); /* macOS screenshots */
    check_encoded("\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8a\xe2\x80\x8b",
                  "%E1%9A%80%E2%80%80%E2%80%8A\xe2\x80\x8b");
    check_encoded("\xe2\x80\xa8\xe2\x80\xa9\xe2\x81\x9f\xe3\x80\x80",
                  "%E2%80%A8%E2%80%A9%E2%81%9F%E3%80%80");
    /* Cut off in the middle: other bytes, passed on. */
    check_encoded("\xc2", "\xc2");
    check_encoded("\xe2\x80", "\xe2\x80");
    check_encoded("\xe3", "\xe3");
}

static void long_names_fit(void **state)
{
    (void)state;
    enum {
        N = 20000
    };
    char *name = mem_array(N + 1, 1);
    char *encoded = mem_array((size_t)3 * N + 1, 1);
    memset(name, ' ', N);
    for (size_t i = 0; i < N; i++)
        memcpy(encoded + 3 * i, "%20", 3);
    check_encoded(name, encoded);
    free(name);
    free(encoded);
}

static void bad_arguments_write_nothing_and_the_writer_goes_on(void **state)
{
    (void)state;
    bovw_error err = {0};
    bovw_run_writer *writer = NULL;
    assert_int_equal(bovw_run_writer_open(path, "", &writer, &err), BOVW_ERR_ARG);
    assert_null(writer);
    writer = open_run(path, "t");
    assert_int_equal(bovw_run_writer_add(writer, "", "i", 1, 1, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(bovw_run_writer_add(writer, "q", "", 1, 1, &err), BOVW_ERR_ARG);
    assert_int_equal(bovw_run_writer_add(writer, "q", "i", 0, 1, &err), BOVW_ERR_ARG);
    assert_int_equal(bovw_run_writer_add(writer, "q", "i", 1, NAN, &err), BOVW_ERR_ARG);
    assert_int_equal(bovw_run_writer_add(writer, "q", "i", 1, INFINITY, &err),
                     BOVW_ERR_ARG);
    assert_int_equal(bovw_run_writer_add(writer, "q", "i", 1, 2, &err), BOVW_OK);
    assert_int_equal(bovw_run_writer_close(writer, &err), BOVW_OK);
    check_contents("q Q0 i 1 2 t\n");
}

static void the_file_appears_at_close_and_not_at_abort(void **state)
{
    (void)state;
    bovw_run_writer *writer = open_run(path, "t");
    assert_int_equal(bovw_run_writer_add(writer, "q", "i", 1, 1, NULL), BOVW_OK);
    assert_false(file_exists(path));
    bovw_run_writer_abort(writer);
    assert_int_equal(count_files(), 0);

    writer = open_run(path, "t");
    assert_int_equal(bovw_run_writer_close(writer, NULL), BOVW_OK);
    check_contents("");
    assert_int_equal(count_files(), 1);

    /* What was there stays until another run is complete. */
    writer = open_run(path, "t");
    assert_int_equal(bovw_run_writer_add(writer, "q", "i", 1, 1, NULL), BOVW_OK);
    check_contents("");
    bovw_run_writer_abort(writer);
    check_contents("");
    bovw_run_writer_abort(NULL);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    bovw_error err = {0};
    bovw_run_writer *writer = NULL;
    char *where = mem_format("%s/none/run.trec", folder);
    assert_int_equal(bovw_run_writer_open(where, "t", &writer, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, where));
    assert_null(writer);
    free(where);
}

/* Write some 60 kB while files may grow to 8 kB; false if every line went well. */
static bool fill_file(bovw_run_writer *writer)
{
    bool is_failed = false;
    for (uint32_t i = 1; i <= 2000; i++)
        is_failed |= bovw_run_writer_add(writer, "query.jpg", "image.jpg", i, 0.5F, NULL) ==
                     BOVW_ERR_IO;
    return is_failed;
}

static void a_failed_write_leaves_no_file_behind(void **state)
{
    (void)state;
    struct rlimit old, small;
    bovw_error err = {0};
    bovw_run_writer *writer = open_run(path, "t");
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const bool is_failed = fill_file(writer);
    const int restored = setrlimit(RLIMIT_FSIZE, &old);
    /* There is room again, but lines are lost: the file must not appear. */
    const bovw_status status = bovw_run_writer_close(writer, &err);
    signal(SIGXFSZ, handler);

    assert_int_equal(restored, 0);
    assert_true(is_failed);
    assert_int_equal(status, BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(count_files(), 0);
}

static void a_full_disk_is_noticed_at_close(void **state)
{
    (void)state;
    struct rlimit old, none;
    bovw_error err = {0};
    bovw_run_writer *writer = open_run(path, "t");
    /* One line stays in the buffer until close. */
    assert_int_equal(bovw_run_writer_add(writer, "q", "i", 1, 1, NULL), BOVW_OK);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    const bovw_status status = bovw_run_writer_close(writer, &err);
    const int restored = setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);

    assert_int_equal(restored, 0);
    assert_int_equal(status, BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(count_files(), 0);
}

/* Run a writer to "-" with `target` in the place of standard output. */
static bovw_status write_to_output(int target, bovw_error *err)
{
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0 && dup2(target, STDOUT_FILENO) >= 0);
    bovw_run_writer *writer = NULL;
    bovw_status status = bovw_run_writer_open("-", "t", &writer, err);
    if (status == BOVW_OK) {
        status = bovw_run_writer_add(writer, "q", "i", 1, 1, err);
        const bovw_status closed = bovw_run_writer_close(writer, err);
        status = status == BOVW_OK ? closed : status;
    }
    dup2(saved, STDOUT_FILENO);
    close(saved);
    return status;
}

static void a_dash_is_standard_output(void **state)
{
    (void)state;
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write_to_output(file, NULL), BOVW_OK);
    close(file);
    check_contents("q Q0 i 1 1 t\n");
}

static void a_full_device_behind_standard_output_is_noticed(void **state)
{
    (void)state;
    const int full = open("/dev/full", O_WRONLY);
    if (full < 0)
        skip();
    bovw_error err = {0};
    assert_int_equal(write_to_output(full, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, "standard output"));
    close(full);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_have_six_fields_and_nine_digits),
        TEST(scores_read_back_to_the_same_float),
        TEST(white_space_control_characters_and_percent_are_encoded),
        TEST(unicode_white_space_is_encoded_and_letters_are_not),
        TEST(long_names_fit),
        TEST(bad_arguments_write_nothing_and_the_writer_goes_on),
        TEST(the_file_appears_at_close_and_not_at_abort),
        TEST(a_folder_that_is_not_there_is_named),
        TEST(a_failed_write_leaves_no_file_behind),
        TEST(a_full_disk_is_noticed_at_close),
        TEST(a_dash_is_standard_output),
        TEST(a_full_device_behind_standard_output_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
