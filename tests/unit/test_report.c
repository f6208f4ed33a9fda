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

#define TEN_DOTS "././././././././././"
#define DOTS                                                                               \
    TEN_DOTS TEN_DOTS TEN_DOTS TEN_DOTS TEN_DOTS TEN_DOTS TEN_DOTS TEN_DOTS TEN_DOTS       \
        TEN_DOTS

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

/* The script has its own rules; the rest is markup. The caller's. */
static char *without_script(const char *page)
{
    char *copy = mem_text(page);
    assert_non_null(copy);
    char *start = strstr(copy, "<script>"), *end = strstr(copy, "</script>");
    assert_true(start && end && start < end);
    assert_null(strstr(end + 1, "<script"));
    memmove(start, end + strlen("</script>"), strlen(end + strlen("</script>")) + 1);
    return copy;
}

/* Every element is closed in order; those without contents are not. */
static void assert_balanced(const char *page)
{
    static const char *const empty[] = {"meta", "link", "wbr", "br", "!DOCTYPE", "input"};
    char open[64][16];
    size_t depth = 0;
    char *markup = without_script(page);

    for (const char *at = markup; (at = strchr(at, '<')); at++) {
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
        bool is_empty = at[-1] == '/';
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
    free(markup);
}

/* Nothing is loaded, and our script alone is run. */
static void assert_self_contained(const char *page)
{
    assert_null(strstr(page, "://"));
    assert_null(strstr(page, "src=\""));
    assert_null(strstr(page, "@import"));
    assert_int_equal(count(page, "<script"), 1);
    assert_int_equal(count(page, "url("),
                     count(page, "url(data:image/jpeg;base64,") + count(page, "url(#dot)"));
    assert_non_null(strstr(page, "default-src 'none'"));
}

static const char picture_start[] = "{background-image:url(data:image/jpeg;base64,";

/* Decode inlined picture number `which` of a page. */
static void read_inlined(const char *page, size_t which, bovw_image *image)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i <= which; i++) {
        page = strstr(page, picture_start);
        assert_non_null(page);
        page += strlen(picture_start);
    }
    uint8_t *bytes = decode_base64(page, &n_bytes);
    assert_int_equal(bovw_image_decode(bytes, n_bytes, 3, 0, "inlined", image, NULL),
                     BOVW_OK);
    free(bytes);
}

static bovw_page *open_page(const char *path, const bovw_page_options *opts)
{
    bovw_page *page = NULL;
    assert_int_equal(bovw_page_open(path, opts, &page, NULL), BOVW_OK);
    return page;
}

/* A page of one query, as often as asked, and what comes out; the caller's. */
static char *page_with(const bovw_page_options *opts, const bovw_page_query *query,
                       size_t n_queries, uint32_t n_threads)
{
    char *path = in_folder("page.html");
    const bovw_compute compute = {.n_threads = n_threads};
    bovw_page *page = open_page(path, opts);
    for (size_t i = 0; i < n_queries; i++)
        assert_int_equal(bovw_page_add(page, query, NULL), BOVW_OK);
    assert_int_equal(bovw_page_close(page, &compute, NULL, NULL), BOVW_OK);
    char *text = take_file(path);
    free(path);
    return text;
}

static char *page_of(const bovw_page_query *query, const bovw_page_result *results,
                     size_t n, uint32_t n_threads)
{
    const bovw_page_options opts = {.title = "Test", .n_runs = 1, .side = 96};
    const bovw_page_ranking ranking = {
        .results = results, .n = n, .seconds = {0.211, 0.003, 0.0004, 0, 0}};
    bovw_page_query with = *query;
    with.rankings = &ranking;
    return page_with(&opts, &with, 1, n_threads);
}

static void a_page_shows_the_query_and_its_results(void **state)
{
    (void)state;
    char *wide = in_folder("wide.png"), *tall = in_folder("tall.png");
    const bovw_page_query query = {
        .name = "photos/wide.png", .picture = wide, .n_features = 1234};
    const bovw_page_result results[2] = {
        {.name = "photos/wide.png",
         .picture = wide,
         .hit = {.score = 45.31214f,
                 .is_verified = true,
                 .geometry = {.model = BOVW_MODEL_AFFINE, .n_inliers = 45}}},
        {.name = "tall.png",
         .picture = tall,
         .hit = {.score = 0.25f,
                 .geometry = {.model = BOVW_MODEL_SIMILARITY, .n_inliers = 1}}}};
    char *page = page_of(&query, results, 2, 2);

    assert_balanced(page);
    assert_self_contained(page);
    assert_non_null(strstr(page, "<tbody id=\"q1\">"));
    assert_non_null(strstr(page, ">1234 features<"));
    assert_non_null(
        strstr(page, ">extracted in 211 ms, assigned in 3 ms, searched in 0.4 ms<"));
    assert_null(strstr(page, "verified in"));
    assert_int_equal(count(page, "45 inliers, verified<"), 1);
    assert_non_null(strstr(page, "45.3121<"));
    assert_non_null(strstr(page, "0.2500<"));
    assert_non_null(strstr(page, ">1 inlier<"));
    assert_non_null(strstr(page, "1 query, 2 results shown"));
    assert_null(strstr(page, "class=\"mark\"")); /* nothing says what is right */

    /* The query's picture is a result too, and is inlined once. */
    assert_int_equal(count(page, picture_start), 2);
    const uint32_t sizes[2][2] = {{96, 64}, {64, 96}};
    for (size_t i = 0; i < 2; i++) {
        bovw_image image = {0};
        read_inlined(page, i, &image);
        assert_int_equal(image.width, sizes[i][0]);
        assert_int_equal(image.height, sizes[i][1]);
        const uint8_t *middle =
            image.pixels + 3 * ((size_t)image.height / 2 * image.width + image.width / 2);
        assert_in_range(middle[0], i < 1 ? 192 : 32, i < 1 ? 208 : 48);
        assert_in_range(middle[2], i < 1 ? 32 : 192, i < 1 ? 48 : 208);
        bovw_image_free(&image);
    }
    free(page);
    free(wide);
    free(tall);
}

static void a_picture_under_two_names_is_inlined_once(void **state)
{
    (void)state;
    char *wide = in_folder("wide.png"), *other = in_folder("./wide.png");
    const bovw_page_query query = {.name = "wide.png", .picture = wide};
    const bovw_page_result results[2] = {{.name = "a", .picture = other},
                                         {.name = "b", .picture = wide}};
    char *page = page_of(&query, results, 2, 1);
    assert_int_equal(count(page, picture_start), 1);
    assert_int_equal(count(page, "class=\"pic p0\""), 3);
    assert_non_null(strstr(page, "1 picture of up to 96 pixels"));
    free(page);
    free(wide);
    free(other);
}

static void hostile_names_stay_text(void **state)
{
    (void)state;
    static const char name[] =
        "x\" onload=\"y/'><script>alert(1)</script></style>&\xff\x01.jpg";
    char *wide = in_folder("wide.png");
    bovw_truth *truth = NULL;
    char *lines = in_folder("truth.tsv");
    FILE *file = fopen(lines, "wb");
    assert_true(file && fputs("image\tgroup\na\t1\nb\t1\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    char *spec = mem_format("groups:%s", lines);
    assert_int_equal(bovw_truth_open(spec, &truth, NULL), BOVW_OK);

    const char *const runs[2] = {name, "</option><b>"};
    const bovw_page_options opts = {.title = "</title><b>",
                                    .foot = "</pre>\n<i>",
                                    .runs = runs,
                                    .n_runs = 2,
                                    .truth = truth};
    const bovw_page_result results[2] = {{.name = name, .picture = wide},
                                         {.name = name, .picture = name}};
    const bovw_judgement judgements[2] = {BOVW_RELEVANT, BOVW_WRONG};
    const bovw_page_ranking rankings[2] = {
        {.results = results, .n = 2, .judgements = judgements, .n_judgements = 2},
        {.results = results, .n = 2, .judgements = judgements, .n_judgements = 2}};
    bovw_page_query query = {
        .name = name, .picture = name, .set = name, .n_relevant = 1, .rankings = rankings};
    char *path = in_folder("page.html");
    bovw_page *out = open_page(path, &opts);
    assert_int_equal(bovw_page_add(out, &query, NULL), BOVW_OK);
    query.set = "<b>";
    assert_int_equal(bovw_page_add(out, &query, NULL), BOVW_OK);
    assert_int_equal(bovw_page_close(out, NULL, NULL, NULL), BOVW_OK);
    char *page = take_file(path);

    assert_balanced(page);
    assert_self_contained(page);
    assert_int_equal(count(page, "<script>"), 1);
    assert_null(strstr(page, "alert(1)</script"));
    assert_null(strstr(page, "<b>\n"));
    assert_null(strstr(page, "</title><b>"));
    assert_null(strstr(page, "<i>\n"));
    assert_null(strstr(page, "<option><b>"));
    assert_null(strstr(page, "\" onload"));
    assert_null(strchr(page, '\xff'));
    assert_null(strchr(page, '\x01'));
    assert_int_equal(count(page, "x&quot; onload=&quot;y/<wbr>&#39;&gt;&lt;script&gt;"),
                     10);
    assert_non_null(strstr(page, "<title>&lt;/title&gt;&lt;b&gt;</title>"));
    assert_non_null(strstr(page, "<pre>&lt;/pre&gt;\n&lt;i&gt;</pre>"));
    free(page);
    free(path);
    free(wide);
    free(spec);
    unlink(lines);
    free(lines);
    bovw_truth_close(truth);
}

static void pictures_that_cannot_be_read_leave_the_reason(void **state)
{
    (void)state;
    char *text = in_folder("text.jpg"), *absent = in_folder("absent.jpg");
    const bovw_page_query query = {.name = "standard input", .picture = "-"};
    const bovw_page_result results[3] = {{.name = "first", .picture = NULL},
                                         {.name = "second", .picture = text},
                                         {.name = "third", .picture = absent}};
    char *page = page_of(&query, results, 3, 2);

    assert_balanced(page);
    assert_int_equal(count(page, picture_start), 0);
    assert_int_equal(count(page, ">no picture<"), 2);
    assert_int_equal(count(page, ">no picture: "), 2);
    assert_non_null(strstr(page, "no picture: No such file or directory<"));
    assert_non_null(strstr(page, "<bdi>second</bdi>"));
    assert_non_null(strstr(page, "2 could not be shown"));
    free(page);
    free(text);
    free(absent);
}

static void a_query_without_results_and_a_page_without_queries_are_complete(void **state)
{
    (void)state;
    const bovw_page_query query = {.name = "alone"};
    char *page = page_of(&query, NULL, 0, 1);
    assert_balanced(page);
    assert_non_null(strstr(page, "No results."));
    assert_non_null(strstr(page, "1 query, 0 results shown"));
    free(page);

    const bovw_page_options opts = {.title = "Nothing", .foot = "", .n_runs = 1};
    page = page_with(&opts, NULL, 0, 1);
    assert_balanced(page);
    assert_non_null(strstr(page, "0 queries, 0 results shown"));
    assert_null(strstr(page, "<pre>"));
    free(page);
}

static void many_queries_come_folded(void **state)
{
    (void)state;
    const bovw_page_options opts = {.title = "Many", .n_runs = 1};
    const bovw_page_ranking ranking = {.seconds = {.quantisation = 0.5}};
    const bovw_page_query query = {.name = "q", .rankings = &ranking};
    char *page = page_with(&opts, &query, 6, 1);
    assert_balanced(page);
    assert_int_equal(count(page, "<tbody id=\"q"), 6);
    assert_int_equal(count(page, "<details open"), 0);
    assert_non_null(strstr(page, "on average assigned in 500 ms."));
    free(page);
    page = page_with(&opts, &query, 2, 1);
    assert_int_equal(count(page, "<details open"), 2);
    free(page);
}

static void more_queries_than_are_shown_are_counted(void **state)
{
    (void)state;
    const bovw_page_options opts = {.title = "Many", .n_runs = 1};
    const bovw_page_ranking ranking = {0};
    const bovw_page_query query = {.name = "q", .rankings = &ranking};
    char *page = page_with(&opts, &query, BOVW_PAGE_MAX_QUERIES + 3, 1);
    assert_int_equal(count(page, "<tbody id=\"q"), BOVW_PAGE_MAX_QUERIES);
    assert_non_null(strstr(page, "10003 queries, the first 10000 shown"));
    free(page);
}

static void the_region_is_drawn_over_the_query(void **state)
{
    (void)state;
    char *wide = in_folder("wide.png");
    const float region[4] = {75, 50, 225, 150};
    const float unusable[4] = {75, 50, NAN, 150};
    bovw_page_query query = {
        .name = "wide.png", .picture = wide, .width = 300, .height = 200, .region = region};
    char *page = page_of(&query, NULL, 0, 1);
    assert_non_null(strstr(page, "region 150 \xc3\x97 100 pixels from (75, 50)"));
    assert_non_null(strstr(page, "viewBox=\"-0.5 -0.5 300 200\""));
    assert_non_null(strstr(page, "class=\"region\" d=\"M75.0 50.0L225.0 50.0L225.0 150.0"
                                 "L75.0 150.0L75.0 50.0\""));
    free(page);
    query.region = unusable;
    page = page_of(&query, NULL, 0, 1);
    assert_null(strstr(page, "<li>region"));
    assert_null(strstr(page, "class=\"region\""));
    free(page);
    free(wide);
}

static void verified_matches_join_the_two_pictures(void **state)
{
    (void)state;
    char *wide = in_folder("wide.png"), *tall = in_folder("tall.png");
    const bovw_page_query query = {
        .name = "wide", .picture = wide, .width = 300, .height = 200};
    /* The borders of pixels scale: 300 x 200 is drawn 600 x 400, and 100 x 150,
     * 8 further right, 267 x 400. */
    const bovw_page_match matches[3] = {
        {149.5f, 99.5f, 49.5f, 74.5f}, {0, 0, 0, 0}, {NAN, 0, 0, 0}};
    bovw_page_result result = {
        .name = "tall",
        .picture = tall,
        .width = 100,
        .height = 150,
        .hit = {.geometry = {.model = BOVW_MODEL_SIMILARITY,
                             .n_inliers = 3,
                             .transform = {0.1f, 0, 49.5f, 0, 0.1f, 49.5f, 0, 0, 1}}},
        .matches = matches,
        .n_matches = 3};
    char *page = page_of(&query, &result, 1, 1);
    assert_balanced(page);
    assert_non_null(strstr(page, "viewBox=\"0 0 875 400\""));
    assert_non_null(strstr(page, "M300 200L742 200"));
    assert_non_null(strstr(page, "M1 1L609 1"));
    assert_null(strstr(page, "nan"));
    /* Top left of the query is at (49.45, 49.45) in the result. */
    assert_non_null(strstr(page, "class=\"border\" d=\"M741 133L821 133"));
    assert_non_null(strstr(page, "similarity"));
    free(page);

    /* Without its picture, or its size, there is only the number. */
    result.picture = NULL;
    page = page_of(&query, &result, 1, 1);
    assert_null(strstr(page, "class=\"pair\""));
    assert_non_null(strstr(page, "3 inliers"));
    free(page);
    result.picture = tall;
    result.width = 0;
    page = page_of(&query, &result, 1, 1);
    assert_null(strstr(page, "class=\"pair\""));
    free(page);
    free(wide);
    free(tall);
}

static void a_bounded_number_of_matches_is_drawn(void **state)
{
    (void)state;
    enum {
        N = 1000
    };
    char *wide = in_folder("wide.png");
    static bovw_page_match matches[N];
    for (int i = 0; i < N; i++)
        matches[i] = (bovw_page_match){(float)(i % 300), (float)(i / 5), 1, 1};
    const bovw_page_query query = {
        .name = "wide", .picture = wide, .width = 300, .height = 200};
    const bovw_page_result result = {
        .name = "wide",
        .picture = wide,
        .width = 300,
        .height = 200,
        .hit = {.geometry = {.model = BOVW_MODEL_AFFINE, .n_inliers = N}},
        .matches = matches,
        .n_matches = N};
    char *page = page_of(&query, &result, 1, 1);
    assert_non_null(strstr(page, "1000 inliers"));
    assert_non_null(strstr(page, "80 of the matches drawn"));
    const char *lines = strstr(page, "<path class=\"t0\"");
    assert_non_null(lines);
    size_t n = 0;
    for (const char *at = lines; strncmp(at, "</svg>", 6) != 0; at++)
        n += *at == 'M';
    assert_int_equal(n, BOVW_PAGE_MAX_MATCHES);
    free(page);
    free(wide);
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    enum {
        N = 150
    };
    char *wide = in_folder("wide.png"), *tall = in_folder("tall.png");
    char *paths[N]; /* more different ones than are made at a time */
    const bovw_page_query query = {.name = "wide.png", .picture = wide};
    bovw_page_result results[N] = {{0}};
    for (int i = 0; i < N; i++) {
        paths[i] = mem_format("%s/%.*s%s", folder, 2 * (i % 100), DOTS,
                              i % 3 ? "wide.png" : "tall.png");
        results[i].name = i % 3 ? "wide.png" : "tall.png";
        results[i].picture = i % 7 == 6 ? NULL : paths[i];
        results[i].hit.score = (float)(N - i) / N;
    }
    char *one = page_of(&query, results, N, 1), *two = page_of(&query, results, N, 2);
    assert_string_equal(one, two);
    assert_balanced(one);
    assert_int_equal(count(one, "class=\"rank\""), N);
    assert_int_equal(count(one, "class=\"rank\">150<"), 1);
    assert_int_equal(count(one, "class=\"pic p"), 1 + N - N / 7);
    assert_int_equal(count(one, picture_start), 2);
    for (int i = 0; i < N; i++)
        free(paths[i]);
    free(one);
    free(two);
    free(wide);
    free(tall);
}

static bool stop(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    (void)stage;
    (void)done;
    (void)total;
    return false;
}

static void an_abandoned_page_leaves_nothing(void **state)
{
    (void)state;
    const size_t n_before = count_files();
    char *path = in_folder("page.html"), *wide = in_folder("wide.png");
    const bovw_page_options opts = {.title = "Abandoned", .foot = "foot", .n_runs = 1};
    const bovw_page_ranking ranking = {0};
    const bovw_page_query query = {.name = "q", .picture = wide, .rankings = &ranking};
    bovw_page *page = open_page(path, &opts);
    assert_int_equal(bovw_page_add(page, &query, NULL), BOVW_OK);
    assert_int_equal(count_files(), n_before + 1);
    assert_false(file_exists(path));
    bovw_page_abort(page);
    assert_int_equal(count_files(), n_before);
    bovw_page_abort(NULL);

    const bovw_monitor monitor = {.progress = stop};
    page = open_page(path, &opts);
    assert_int_equal(bovw_page_add(page, &query, NULL), BOVW_OK);
    assert_int_equal(bovw_page_close(page, NULL, &monitor, NULL), BOVW_ERR_CANCELLED);
    assert_int_equal(count_files(), n_before);
    free(path);
    free(wide);
}

static void a_page_that_cannot_be_is_refused_with_its_name(void **state)
{
    (void)state;
    char *path = in_folder("absent/page.html");
    bovw_page_options opts = {.title = "x", .n_runs = 1};
    bovw_page *page = NULL;
    bovw_error err = {0};
    assert_int_equal(bovw_page_open(path, &opts, &page, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_null(page);
    opts.n_runs = BOVW_PAGE_MAX_RUNS + 1;
    assert_int_equal(bovw_page_open(path, &opts, &page, &err), BOVW_ERR_ARG);
    assert_non_null(strstr(err.text, "1 to 8 runs, not 9"));
    free(path);
}

static void a_page_that_does_not_fit_on_the_disk_fails_and_leaves_nothing(void **state)
{
    (void)state;
    const size_t n_before = count_files();
    char *path = in_folder("page.html"), *wide = in_folder("wide.png");
    const bovw_page_options opts = {.title = "Full", .n_runs = 1};
    const bovw_page_ranking ranking = {0};
    const bovw_page_query query = {.name = "q", .picture = wide, .rankings = &ranking};
    struct rlimit old, small;

    bovw_page *page = open_page(path, &opts);
    assert_int_equal(bovw_page_add(page, &query, NULL), BOVW_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 8192;
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bovw_error err = {0};
    const bovw_status closed = bovw_page_close(page, NULL, NULL, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, old_handler);

    assert_int_equal(closed, BOVW_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(count_files(), n_before);
    free(path);
    free(wide);
}

/* ---- pages with a ground truth -------------------------------------------- */

/* A truth of two sets; the caller's. */
static bovw_truth *open_truth(void)
{
    bovw_truth *truth = NULL;
    char *path = in_folder("truth.tsv");
    FILE *file = fopen(path, "wb");
    assert_true(file && fputs("image\tgroup\tset\na\t1\tx\nb\t1\tx\nc\t2\ty\nd\t2\ty\n",
                              file) >= 0);
    assert_int_equal(fclose(file), 0);
    char *spec = mem_format("groups:%s", path);
    assert_int_equal(bovw_truth_open(spec, &truth, NULL), BOVW_OK);
    free(spec);
    unlink(path);
    free(path);
    return truth;
}

static void a_judged_page_has_marks_measures_and_curves(void **state)
{
    (void)state;
    bovw_truth *truth = open_truth();
    const bovw_page_result results[3] = {{.name = "a", .judgement = BOVW_IGNORED},
                                         {.name = "d", .judgement = BOVW_WRONG},
                                         {.name = "b", .judgement = BOVW_RELEVANT}};
    const bovw_judgement judgements[5] = {BOVW_IGNORED, BOVW_WRONG, BOVW_RELEVANT,
                                          BOVW_WRONG, BOVW_RELEVANT};
    const bovw_page_ranking ranking = {
        .results = results, .n = 3, .judgements = judgements, .n_judgements = 5};
    bovw_page_query query = {
        .name = "a", .set = "x", .n_relevant = 3, .rankings = &ranking};
    const bovw_page_options opts = {.title = "Judged", .n_runs = 1, .truth = truth};
    char *path = in_folder("page.html");
    bovw_page *out = open_page(path, &opts);
    assert_int_equal(bovw_page_add(out, &query, NULL), BOVW_OK);
    query.set = "y";
    assert_int_equal(bovw_page_add(out, &query, NULL), BOVW_OK);
    assert_int_equal(bovw_page_close(out, NULL, NULL, NULL), BOVW_OK);
    char *page = take_file(path);

    assert_balanced(page);
    assert_self_contained(page);
    assert_int_equal(count(page, "\xe2\x9c\x93 correct<"), 2);
    assert_int_equal(count(page, "\xe2\x9c\x97 wrong<"), 2);
    assert_int_equal(count(page, "\xe2\x80\x93 ignored<"), 2);
    assert_int_equal(count(page, "class=\"rank\">1<"), 2); /* the ignored one has none */
    assert_int_equal(count(page, "class=\"rank\">2<"), 2);
    assert_int_equal(count(page, "class=\"rank\">3<"), 0);
    assert_int_equal(count(page, "> 1 of the first 2 correct"), 2);
    assert_int_equal(count(page, "1 of 3 relevant shown, others at rank 4, 1 not ranked<"),
                     2);
    /* AP: (0 + 1/2) / 2 and (1/3 + 2/4) / 2, of 3. */
    assert_int_equal(count(page, ">22.22</span></td>"), 2);
    assert_int_equal(count(page, "<td>22.22</td>"), 3); /* x, y, all */
    assert_non_null(strstr(page, "Mean precision over recall"));
    assert_int_equal(count(page, "Precision over recall of this query"), 2);
    assert_non_null(strstr(page, "<option>y</option>"));
    free(page);

    /* The caller's mistake is an error. */
    query.n_relevant = 0;
    out = open_page(path, &opts);
    assert_int_equal(bovw_page_add(out, &query, NULL), BOVW_ERR_ARG);
    assert_int_equal(bovw_page_add(out, &query, NULL), BOVW_ERR_ARG);
    assert_int_equal(bovw_page_close(out, NULL, NULL, NULL), BOVW_ERR_ARG);
    assert_false(file_exists(path));
    free(path);
    bovw_truth_close(truth);
}

static void runs_are_side_by_side(void **state)
{
    (void)state;
    bovw_truth *truth = open_truth();
    const char *const runs[2] = {"old.trec", "new.trec"};
    const bovw_page_options opts = {
        .title = "Runs", .runs = runs, .n_runs = 2, .truth = truth};
    const bovw_judgement good[1] = {BOVW_RELEVANT}, bad[2] = {BOVW_WRONG, BOVW_RELEVANT};
    const bovw_page_ranking rankings[2] = {{.judgements = bad, .n_judgements = 2},
                                           {.judgements = good, .n_judgements = 1}};
    const bovw_page_query query = {
        .name = "a", .set = "x", .n_relevant = 1, .rankings = rankings};
    char *page = page_with(&opts, &query, 1, 1);
    assert_balanced(page);
    assert_non_null(strstr(page, "AP <bdi>old.trec</bdi>"));
    assert_non_null(strstr(page, ">25.00</span></td>"));
    assert_non_null(strstr(page, ">100.00</span></td>"));
    assert_non_null(strstr(page, "<td>+75.00</td>"));
    free(page);
    bovw_truth_close(truth);
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
        cmocka_unit_test(a_picture_under_two_names_is_inlined_once),
        cmocka_unit_test(hostile_names_stay_text),
        cmocka_unit_test(pictures_that_cannot_be_read_leave_the_reason),
        cmocka_unit_test(a_query_without_results_and_a_page_without_queries_are_complete),
        cmocka_unit_test(many_queries_come_folded),
        cmocka_unit_test(more_queries_than_are_shown_are_counted),
        cmocka_unit_test(the_region_is_drawn_over_the_query),
        cmocka_unit_test(verified_matches_join_the_two_pictures),
        cmocka_unit_test(a_bounded_number_of_matches_is_drawn),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(an_abandoned_page_leaves_nothing),
        cmocka_unit_test(a_page_that_cannot_be_is_refused_with_its_name),
        cmocka_unit_test(a_page_that_does_not_fit_on_the_disk_fails_and_leaves_nothing),
        cmocka_unit_test(a_judged_page_has_marks_measures_and_curves),
        cmocka_unit_test(runs_are_side_by_side),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
