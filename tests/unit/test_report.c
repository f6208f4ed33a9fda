/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "bovw/report.h"
#include "report/base64.h"
#include "report/html.h"

/* Last: cmocka has a macro fail(). */
#include <cmocka.h>

#define REPLACED "\xef\xbf\xbd"
#define ELLIPSIS "\xe2\x80\xa6"

/* ---- a folder of pictures ------------------------------------------------ */

static char folder[64];

static char *in_folder(const char *name)
{
    char *path = file_join(folder, name);
    assert_non_null(path);
    return path;
}

static void save_picture(const char *name, uint32_t width, uint32_t height,
                         const uint8_t colour[3])
{
    bovw_image image = {0};
    assert_int_equal(bovw_image_new(width, height, 3, 0, &image, NULL), BOVW_OK);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        image.pixels[i] = colour[i % 3];
    char *path = in_folder(name);
    assert_int_equal(bovw_image_write(&image, path, NULL), BOVW_OK);
    free(path);
    bovw_image_free(&image);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bovw-report-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    save_picture("wide.png", 300, 200, (uint8_t[]){200, 40, 40});
    save_picture("tall.png", 100, 150, (uint8_t[]){40, 40, 200});
    char *path = in_folder("text.jpg");
    FILE *text = fopen(path, "wb");
    free(path);
    return !text || fputs("not a picture", text) < 0 || fclose(text) != 0;
}

static size_t count_files(void)
{
    size_t n = 0;
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));)
        n += entry->d_name[0] != '.';
    closedir(files);
    return n;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"wide.png", "tall.png", "text.jpg"};
    for (size_t i = 0; i < 3; i++) {
        char *path = in_folder(names[i]);
        unlink(path);
        free(path);
    }
    return rmdir(folder);
}

/* Contents of a file that is removed at once; the caller's. */
static char *take_file(const char *path)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    assert_int_equal(file_read(path, SIZE_MAX / 2, &bytes, &n_bytes, NULL), BOVW_OK);
    assert_int_equal(strlen((char *)bytes), n_bytes);
    assert_int_equal(unlink(path), 0);
    return (char *)bytes;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

/* ---- base64 -------------------------------------------------------------- */

static void base64_gives_the_examples_of_the_standard(void **state)
{
    (void)state;
    static const char *const examples[][2] = {{"", ""},
                                              {"f", "Zg=="},
                                              {"fo", "Zm8="},
                                              {"foo", "Zm9v"},
                                              {"foob", "Zm9vYg=="},
                                              {"fooba", "Zm9vYmE="},
                                              {"foobar", "Zm9vYmFy"}};

    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const char *plain = examples[i][0], *wanted = examples[i][1];
        char text[16] = "~~~~~~~~~~~~~~~";
        base64_encode((const uint8_t *)plain, strlen(plain), text);
        assert_int_equal(base64_length(strlen(plain)), strlen(wanted));
        assert_memory_equal(text, wanted, strlen(wanted));
        assert_int_equal(text[strlen(wanted)], '~');
    }
}

static int digit_value(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = memchr(digits, c, 64);
    return at ? (int)(at - digits) : -1;
}

/* Bytes of the base64 text up to its closing quote; the caller's. */
static uint8_t *decode_base64(const char *text, size_t *n_bytes)
{
    uint8_t *bytes = malloc(strlen(text) + 1);
    uint32_t bits = 0;
    int n_bits = 0;
    size_t n = 0;

    assert_non_null(bytes);
    for (; digit_value(*text) >= 0; text++) {
        bits = bits << 6 | (uint32_t)digit_value(*text);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            bytes[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    *n_bytes = n;
    return bytes;
}

static void base64_of_every_byte_reads_back(void **state)
{
    (void)state;
    uint8_t bytes[256];
    char text[345] = {0};
    size_t n = 0;

    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    base64_encode(bytes, 255, text);
    base64_encode(bytes + 255, 1, text + 340);
    assert_int_equal(strlen(text), base64_length(256));
    uint8_t *back = decode_base64(text, &n);
    assert_int_equal(n, 256);
    assert_memory_equal(back, bytes, 256);
    free(back);
}

/* ---- text ---------------------------------------------------------------- */

typedef void write_fn(html_out *out, const void *what);

static char *written(write_fn *write, const void *what)
{
    char *path = in_folder("written.html");
    new_file file = {0};
    assert_int_equal(new_file_open(path, &file, NULL), BOVW_OK);
    html_out out = {&file, BOVW_OK, NULL};
    write(&out, what);
    assert_int_equal(out.status, BOVW_OK);
    assert_int_equal(new_file_commit(&file, NULL), BOVW_OK);
    char *text = take_file(path);
    free(path);
    return text;
}

static void write_text(html_out *out, const void *what)
{
    html_text(out, what);
}

static void assert_text_becomes(const char *text, const char *wanted)
{
    char *got = written(write_text, text);
    assert_string_equal(got, wanted);
    free(got);
}

static void special_characters_are_escaped(void **state)
{
    (void)state;
    assert_text_becomes("<a b=\"c\" d='e'>&amp;",
                        "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;");
    assert_text_becomes("", "");
    assert_text_becomes("one\ntwo\tthree", "one\ntwo\tthree");
}

static void valid_utf8_stays_and_invalid_bytes_are_replaced(void **state)
{
    (void)state;
    assert_text_becomes("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                        "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_text_becomes("a\xff\xfe"
                        "b",
                        "a" REPLACED REPLACED "b");
    assert_text_becomes("\x80", REPLACED);
    assert_text_becomes("\xc0\xaf", REPLACED REPLACED);
    assert_text_becomes("\xe2\x82", REPLACED);         /* cut short at the end */
    assert_text_becomes("\xe2\x82<", REPLACED "&lt;"); /* and before markup */
    assert_text_becomes("\xe0\x80\xaf", REPLACED REPLACED REPLACED);
    assert_text_becomes("\xed\xa0\x80", REPLACED REPLACED REPLACED); /* surrogate */
    assert_text_becomes("\xf4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED);
    assert_text_becomes("\xf0\x9f\x98", REPLACED);
}

static void characters_that_html_forbids_are_replaced(void **state)
{
    (void)state;
    assert_text_becomes("\x01\x1b[0m\x7f", REPLACED REPLACED "[0m" REPLACED);
    assert_text_becomes("\xc2\x85", REPLACED);     /* C1 control */
    assert_text_becomes("\xef\xbf\xbf", REPLACED); /* U+FFFF */
}

static void write_fitted(html_out *out, const void *what)
{
    html_fitted_text(out, what, (html_fit){strlen(what), 5, true});
}

static void assert_fitted(const char *text, const char *wanted)
{
    char *got = written(write_fitted, text);
    assert_string_equal(got, wanted);
    free(got);
}

static void long_text_loses_its_middle_by_characters(void **state)
{
    (void)state;
    assert_fitted("abcde", "abcde");
    assert_fitted("abcdef", "ab" ELLIPSIS "ef");
    assert_fitted("<<<><>", "&lt;&lt;" ELLIPSIS "&lt;&gt;");
    assert_fitted("\xc3\xa9\xc3\xa9-----\xe2\x82\xac\xff",
                  "\xc3\xa9\xc3\xa9" ELLIPSIS "\xe2\x82\xac" REPLACED);
    assert_fitted("a/b_c", "a/<wbr>b_<wbr>c");
}

static void write_numbers(html_out *out, const void *what)
{
    const double *values = what;
    for (int i = 0; i < 9; i++) {
        html_number(out, values[i], i < 7 ? 4 : 0);
        html_markup(out, " ");
    }
}

static void numbers_are_rounded_to_fixed_decimals(void **state)
{
    (void)state;
    static const double values[9] = {0,        0.5, 45.31214, 0.99999, -1.25,
                                     -0.00001, NAN, 2.5,      1e30};
    char *got = written(write_numbers, values);
    assert_string_equal(got, "0.0000 0.5000 45.3121 1.0000 -1.2500 0.0000 \xe2\x80\x93 3 "
                             "\xe2\x80\x93 ");
    free(got);
}

/* ---- pages --------------------------------------------------------------- */

/* Every element is closed in order; those without contents are not. */
static void assert_balanced(const char *page)
{
    static const char *const empty[] = {"meta", "link", "img", "wbr", "!DOCTYPE"};
    char open[64][16];
    size_t depth = 0;

    for (const char *at = page; (at = strchr(at, '<')); at++) {
        char name[16] = "";
        const bool is_end = at[1] == '/';
        assert_int_equal(sscanf(at + 1 + is_end, "%15[!A-Za-z0-9]", name), 1);
        char quote = 0;
        for (at++; *at && (quote || *at != '>'); at++) {
            if (quote ? *at == quote : *at == '"')
                quote = quote ? 0 : *at;
            assert_true(quote || *at != '<');
        }
        assert_int_equal(*at, '>');
        bool is_empty = false;
        for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
            is_empty = is_empty || strcmp(name, empty[i]) == 0;
        if (is_end) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (!is_empty) {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
        }
    }
    assert_int_equal(depth, 0);
}

/* Decode picture number `which` of a page. */
static void read_inlined(const char *page, size_t which, bovw_image *image)
{
    static const char start[] = "src=\"data:image/jpeg;base64,";
    size_t n_bytes = 0;
    for (size_t i = 0; i <= which; i++) {
        page = strstr(page, start);
        assert_non_null(page);
        page += strlen(start);
    }
    uint8_t *bytes = decode_base64(page, &n_bytes);
    assert_int_equal(bovw_image_decode(bytes, n_bytes, 3, 0, "inlined", image, NULL),
                     BOVW_OK);
    free(bytes);
}

static bovw_page *open_page(const char *path, const char *title, const char *foot,
                            uint32_t side)
{
    bovw_page *page = NULL;
    assert_int_equal(bovw_page_open(path, title, foot, side, &page, NULL), BOVW_OK);
    return page;
}

/* A page of one query and what comes out; the caller's. */
static char *page_of(const bovw_page_query *query, const bovw_page_result *results,
                     size_t n, uint32_t n_threads)
{
    char *path = in_folder("page.html");
    const bovw_compute compute = {n_threads, NULL};
    bovw_page *page = open_page(path, "Test", NULL, 96);
    assert_int_equal(bovw_page_add(page, query, results, n, &compute, NULL), BOVW_OK);
    assert_int_equal(bovw_page_close(page, NULL), BOVW_OK);
    char *text = take_file(path);
    free(path);
    return text;
}

static void a_page_shows_the_query_and_its_results(void **state)
{
    (void)state;
    char *wide = in_folder("wide.png"), *tall = in_folder("tall.png");
    const bovw_page_query query = {
        "photos/wide.png", wide, NULL, 1234, {0.211, 0.003, 0.0004, 0, 0}};
    const bovw_page_result results[2] = {
        {"photos/wide.png",
         wide,
         {.score = 45.31214f,
          .is_verified = true,
          .geometry = {.model = BOVW_MODEL_AFFINE, .n_inliers = 45}}},
        {"tall.png",
         tall,
         {.score = 0.25f, .geometry = {.model = BOVW_MODEL_SIMILARITY, .n_inliers = 1}}}};
    char *page = page_of(&query, results, 2, 2);

    assert_balanced(page);
    assert_non_null(strstr(page, "<section class=\"query\" id=\"q1\""));
    assert_non_null(strstr(page, ">1234 features<"));
    assert_non_null(
        strstr(page, ">extracted in 211 ms, assigned in 3 ms, searched in 0.4 ms<"));
    assert_null(strstr(page, "verified in"));
    assert_int_equal(count(page, "class=\"badge\">verified<"), 1);
    assert_non_null(strstr(page, "45.3121<"));
    assert_non_null(strstr(page, "45 inliers<"));
    assert_non_null(strstr(page, "0.2500<"));
    assert_non_null(strstr(page, "1 inlier<"));
    assert_non_null(strstr(page, "1 query, 2 results, 1 of them verified"));
    /* Nothing to load, nothing to run. */
    assert_int_equal(count(page, "src=\""), count(page, "src=\"data:"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "://"));

    const uint32_t sizes[3][2] = {{144, 96}, {96, 64}, {64, 96}};
    for (size_t i = 0; i < 3; i++) {
        bovw_image image = {0};
        read_inlined(page, i, &image);
        assert_int_equal(image.width, sizes[i][0]);
        assert_int_equal(image.height, sizes[i][1]);
        const uint8_t *middle =
            image.pixels + 3 * ((size_t)image.height / 2 * image.width + image.width / 2);
        assert_in_range(middle[0], i < 2 ? 192 : 32, i < 2 ? 208 : 48);
        assert_in_range(middle[2], i < 2 ? 32 : 192, i < 2 ? 48 : 208);
        bovw_image_free(&image);
    }
    free(page);
    free(wide);
    free(tall);
}

static void hostile_names_stay_text(void **state)
{
    (void)state;
    static const char name[] = "x\" onload=\"y/'><script>alert(1)</script>&\xff\x01.jpg";
    char *wide = in_folder("wide.png"), *path = in_folder("page.html");
    const bovw_page_query query = {name, wide, NULL, 1, {0, 0, 0, 0, 0}};
    const bovw_page_result results[2] = {{.name = name, .picture = wide},
                                         {.name = name, .picture = NULL}};
    bovw_page *out = open_page(path, "</title><b>", "</pre>\n<i>", 0);
    assert_int_equal(bovw_page_add(out, &query, results, 2, NULL, NULL), BOVW_OK);
    assert_int_equal(bovw_page_close(out, NULL), BOVW_OK);
    char *page = take_file(path);

    assert_balanced(page);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<b>"));
    assert_null(strstr(page, "<i>"));
    assert_null(strstr(page, "\" onload"));
    assert_null(strchr(page, '\xff'));
    assert_null(strchr(page, '\x01'));
    assert_int_equal(count(page, "title=\"x&quot; onload=&quot;y/&#39;&gt;&lt;script&gt;"
                                 "alert(1)&lt;/script&gt;&amp;" REPLACED REPLACED ".jpg\""),
                     3);
    assert_non_null(strstr(page, "<title>&lt;/title&gt;&lt;b&gt;</title>"));
    assert_non_null(strstr(page, "<pre>&lt;/pre&gt;\n&lt;i&gt;</pre>"));
    free(page);
    free(path);
    free(wide);
}

static void pictures_that_cannot_be_read_leave_their_names(void **state)
{
    (void)state;
    char *text = in_folder("text.jpg"), *absent = in_folder("absent.jpg");
    const bovw_page_query query = {"standard input", "-", NULL, 0, {0, 0, 0, 0, 0}};
    const bovw_page_result results[3] = {{.name = "first", .picture = NULL},
                                         {.name = "second", .picture = text},
                                         {.name = "third", .picture = absent}};
    char *page = page_of(&query, results, 3, 2);

    assert_balanced(page);
    assert_null(strstr(page, "<img"));
    assert_int_equal(count(page, ">picture not available<"), 4);
    assert_non_null(strstr(page, "<bdi>second</bdi>"));
    assert_non_null(strstr(page, "4 pictures could not be shown"));
    assert_null(strstr(page, "extracted"));
    free(page);
    free(text);
    free(absent);
}

static void a_query_without_results_and_a_page_without_queries_are_complete(void **state)
{
    (void)state;
    const bovw_page_query query = {"alone", NULL, NULL, 0, {0, 0, 0, 0, 0}};
    char *page = page_of(&query, NULL, 0, 1);
    assert_balanced(page);
    assert_non_null(strstr(page, "No results."));
    assert_non_null(strstr(page, "1 query, 0 results"));
    free(page);

    char *path = in_folder("page.html");
    assert_int_equal(bovw_page_close(open_page(path, "Nothing", "", 0), NULL), BOVW_OK);
    page = take_file(path);
    assert_balanced(page);
    assert_non_null(strstr(page, "0 queries, 0 results"));
    assert_null(strstr(page, "<pre>"));
    free(page);
    free(path);
}

static void a_page_of_many_queries_links_to_each(void **state)
{
    (void)state;
    char *path = in_folder("page.html");
    const bovw_page_query query = {"q", NULL, NULL, 0, {0, 0.5, 0, 0, 0}};
    bovw_page *out = open_page(path, "Many", NULL, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bovw_page_add(out, &query, NULL, 0, NULL, NULL), BOVW_OK);
    assert_int_equal(bovw_page_close(out, NULL), BOVW_OK);
    char *page = take_file(path);
    assert_balanced(page);
    assert_int_equal(count(page, " id=\"q"), 3);
    assert_int_equal(count(page, "<li><a href=\"#q"), 3);
    assert_non_null(strstr(page, "On average assigned in 500 ms per query."));
    free(page);
    free(path);
}

static void the_region_is_drawn_in_the_query(void **state)
{
    (void)state;
    char *wide = in_folder("wide.png");
    const float region[4] = {75, 50, 225, 150};
    const float unusable[4] = {75, 50, NAN, 150};
    bovw_page_query query = {"wide.png", wide, region, 10, {0, 0, 0, 0, 0}};
    bovw_image drawn = {0}, plain = {0};
    char *page = page_of(&query, NULL, 0, 1);
    assert_non_null(strstr(page, "region 150 \xc3\x97 100 pixels from (75, 50)"));
    read_inlined(page, 0, &drawn);
    free(page);

    query.region = unusable;
    page = page_of(&query, NULL, 0, 1);
    assert_null(strstr(page, "<li>region"));
    read_inlined(page, 0, &plain);
    free(page);

    /* 300 x 200 became 144 x 96, so the left side is at 36 and the top at 24. */
    const uint8_t *side = drawn.pixels + 3 * (48 * 144 + 36);
    const uint8_t *top = drawn.pixels + 3 * (24 * 144 + 72);
    assert_true(side[1] > 150 && top[1] > 150);
    /* The middle and the margin are as they were. */
    assert_memory_equal(drawn.pixels + 3 * (48 * 144 + 56),
                        plain.pixels + 3 * (48 * 144 + 56), 3 * 32);
    assert_memory_equal(drawn.pixels, plain.pixels, 3 * 144 * 8);
    bovw_image_free(&drawn);
    bovw_image_free(&plain);
    free(wide);
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    enum {
        N = 150
    }; /* more than are made at a time */
    char *wide = in_folder("wide.png"), *tall = in_folder("tall.png");
    const bovw_page_query query = {"wide.png", wide, NULL, 7, {0, 0, 0, 0, 0}};
    bovw_page_result results[N] = {{0}};
    for (int i = 0; i < N; i++) {
        results[i].name = i % 3 ? "wide.png" : "tall.png";
        results[i].picture = i % 7 == 6 ? NULL : i % 3 ? wide : tall;
        results[i].hit.score = (float)(N - i) / N;
    }
    char *one = page_of(&query, results, N, 1), *two = page_of(&query, results, N, 2);
    assert_string_equal(one, two);
    assert_balanced(one);
    assert_int_equal(count(one, "class=\"rank\""), N);
    assert_int_equal(count(one, "Rank </span>150<"), 1);
    assert_int_equal(count(one, "<img"), 1 + N - N / 7);
    free(one);
    free(two);
    free(wide);
    free(tall);
}

static void an_abandoned_page_leaves_nothing(void **state)
{
    (void)state;
    const size_t n_before = count_files();
    char *path = in_folder("page.html");
    const bovw_page_query query = {"q", NULL, NULL, 0, {0, 0, 0, 0, 0}};
    bovw_page *page = open_page(path, "Abandoned", "foot", 0);
    assert_int_equal(bovw_page_add(page, &query, NULL, 0, NULL, NULL), BOVW_OK);
    assert_int_equal(count_files(), n_before + 1);
    assert_false(file_exists(path));
    bovw_page_abort(page);
    assert_int_equal(count_files(), n_before);
    bovw_page_abort(NULL);
    free(path);
}

static void a_page_in_no_folder_is_refused_with_its_name(void **state)
{
    (void)state;
    char *path = in_folder("absent/page.html");
    bovw_page *page = NULL;
    bovw_error err = {0};
    assert_int_equal(bovw_page_open(path, "x", NULL, 0, &page, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_null(page);
    free(path);
}

static void a_page_that_does_not_fit_on_the_disk_fails_and_leaves_nothing(void **state)
{
    (void)state;
    const size_t n_before = count_files();
    char *path = in_folder("page.html"), *wide = in_folder("wide.png");
    const bovw_page_query query = {"q", wide, NULL, 0, {0, 0, 0, 0, 0}};
    bovw_error err = {0};
    struct rlimit old, small;
    bovw_status status = BOVW_OK;

    bovw_page *page = open_page(path, "Full", NULL, 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 8192;
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 100 && status == BOVW_OK; i++)
        status = bovw_page_add(page, &query, NULL, 0, NULL, &err);
    const bovw_status again = bovw_page_add(page, &query, NULL, 0, NULL, NULL);
    bovw_error close_err = {0};
    const bovw_status closed = bovw_page_close(page, &close_err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, old_handler);

    assert_int_equal(status, BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(again, BOVW_ERR_IO);
    assert_int_equal(closed, BOVW_ERR_IO);
    assert_non_null(strstr(close_err.text, path));
    assert_int_equal(count_files(), n_before);
    free(path);
    free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_gives_the_examples_of_the_standard),
        cmocka_unit_test(base64_of_every_byte_reads_back),
        cmocka_unit_test(special_characters_are_escaped),
        cmocka_unit_test(valid_utf8_stays_and_invalid_bytes_are_replaced),
        cmocka_unit_test(characters_that_html_forbids_are_replaced),
        cmocka_unit_test(long_text_loses_its_middle_by_characters),
        cmocka_unit_test(numbers_are_rounded_to_fixed_decimals),
        cmocka_unit_test(a_page_shows_the_query_and_its_results),
        cmocka_unit_test(hostile_names_stay_text),
        cmocka_unit_test(pictures_that_cannot_be_read_leave_their_names),
        cmocka_unit_test(a_query_without_results_and_a_page_without_queries_are_complete),
        cmocka_unit_test(a_page_of_many_queries_links_to_each),
        cmocka_unit_test(the_region_is_drawn_in_the_query),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(an_abandoned_page_leaves_nothing),
        cmocka_unit_test(a_page_in_no_folder_is_refused_with_its_name),
        cmocka_unit_test(a_page_that_does_not_fit_on_the_disk_fails_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
