/* SPDX-License-Identifier: MIT
 *
 * The helpers that everything stands on: names, files, the container, memory,
 * hashes, random numbers, error text. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/intern.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/random.h"
#include "io/container.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef fail /* ours is tested here */

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Every test has an empty folder, and an error record. */
typedef struct place {
    char folder[64], path[128];
    bovw_error err;
} place;

static int make_place(void **state)
{
    place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    strcpy(p->folder, "/tmp/bovw-base-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/file", p->folder);
    *state = p;
    return 0;
}

/* Fails where a test left more behind than its file. */
static int remove_place(void **state)
{
    place *p = *state;
    unlink(p->path);
    const int result = rmdir(p->folder);
    free(p);
    return result;
}

static void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, n, stream), n);
    assert_int_equal(fclose(stream), 0);
}

static void assert_contents(const char *path, const char *expected)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &n, NULL), BOVW_OK);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(bytes, expected, n);
    free(bytes);
}

/* ---- names ------------------------------------------------------------------ */

static void test_names_are_found_exactly_or_by_their_end(void **state)
{
    place *p = *state;
    static const char *const names[] = {
        "photos/a/1.jpg", "photos/b/1.jpg", "2.jpg",
        "photos/2.jpg",   "x/2.jpg",        "photos/b/3.jpg",
        "xphotos/4.jpg",  "/5.jpg",         "",
        "2.jpg",          "a/bc.jpg"};
    static const struct {
        const char *name;
        uint32_t exact, found;
    } asked[] = {{"photos/a/1.jpg", 0, 0},
                 {"a/1.jpg", NAME_NONE, 0},
                 {"1.jpg", NAME_NONE, NAME_NONE}, /* two */
                 {"b/1.jpg", NAME_NONE, 1},
                 {"2.jpg", 2, 2}, /* exact before longer ones, and the first of equals */
                 {"3.jpg", NAME_NONE, 5},
                 {"b/3.jpg", NAME_NONE, 5},
                 {"/b/3.jpg", NAME_NONE, NAME_NONE},
                 {"photos/4.jpg", NAME_NONE, NAME_NONE}, /* not at a path's boundary */
                 {"4.jpg", NAME_NONE, 6},
                 {"5.jpg", NAME_NONE, 7},
                 {"/5.jpg", 7, 7},
                 {"c.jpg", NAME_NONE, NAME_NONE},
                 {"bc.jpg", NAME_NONE, 10},
                 {"jpg", NAME_NONE, NAME_NONE},
                 {"photos", NAME_NONE, NAME_NONE},
                 {"", 8, 8}};
    name_table *table = NULL;
    assert_int_equal(name_table_new(names, COUNT(names), &table, &p->err), BOVW_OK);
    for (size_t i = 0; i < COUNT(asked); i++) {
        assert_int_equal(name_table_exact(table, asked[i].name), asked[i].exact);
        assert_int_equal(name_table_find(table, asked[i].name), asked[i].found);
    }
    name_table_free(table);
}

static void test_empty_table_has_no_names(void **state)
{
    place *p = *state;
    name_table *table = NULL;
    assert_int_equal(name_table_new(NULL, 0, &table, &p->err), BOVW_OK);
    assert_int_equal(name_table_exact(table, "a"), NAME_NONE);
    assert_int_equal(name_table_find(table, "a"), NAME_NONE);
    name_table_free(table);
    name_table_free(NULL);
}

static void test_names_are_found_among_many(void **state)
{
    place *p = *state;
    enum {
        N = 3000
    };
    static char texts[N][32];
    static const char *names[N];
    uint64_t random = 7;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(texts[i], sizeof texts[i], "%u/%u.jpg",
                 (uint32_t)random_below(&random, 50),
                 (uint32_t)random_below(&random, 2000));
        names[i] = texts[i];
    }
    name_table *table = NULL;
    assert_int_equal(name_table_new(names, N, &table, &p->err), BOVW_OK);
    for (uint32_t number = 0; number < 2000; number++) {
        char end[32];
        snprintf(end, sizeof end, "%u.jpg", number);
        uint32_t n_found = 0, last = NAME_NONE;
        for (uint32_t i = 0; i < N; i++) {
            if (strcmp(strchr(names[i], '/') + 1, end) == 0) {
                n_found++;
                last = i;
            }
        }
        assert_int_equal(name_table_find(table, end), n_found == 1 ? last : NAME_NONE);
    }
    for (uint32_t i = 0; i < N; i++) {
        uint32_t first = 0;
        while (strcmp(names[first], names[i]) != 0)
            first++;
        assert_int_equal(name_table_exact(table, names[i]), first);
    }
    name_table_free(table);
}

/* ---- files ------------------------------------------------------------------ */

static void test_file_is_read_up_to_the_limit(void **state)
{
    place *p = *state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100000, 300000};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint8_t *text = malloc(sizes[i] + 1), *bytes = NULL;
        size_t n = 0;
        assert_non_null(text);
        for (size_t k = 0; k < sizes[i]; k++)
            text[k] = (uint8_t)(k * 31 + 1);
        write_bytes(p->path, text, sizes[i]);
        assert_int_equal(file_read(p->path, sizes[i], &bytes, &n, &p->err), BOVW_OK);
        assert_int_equal(n, sizes[i]);
        assert_memory_equal(bytes, text, n);
        assert_int_equal(bytes[n], 0);
        free(bytes);
        bytes = NULL;
        if (sizes[i] > 0) {
            assert_int_equal(file_read(p->path, sizes[i] - 1, &bytes, &n, &p->err),
                             BOVW_ERR_LIMIT);
            assert_non_null(strstr(p->err.text, p->path));
            assert_null(bytes);
        }
        free(text);
    }
}

static void test_pipe_is_read_to_its_end_and_to_the_limit(void **state)
{
    place *p = *state;
    int ends[2];
    char path[64];
    uint8_t text[5000], *bytes = NULL;
    size_t n = 0;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7);
    for (size_t limit = sizeof text - 1; limit <= sizeof text; limit++) {
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
        close(ends[1]);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        const bovw_status status = file_read(path, limit, &bytes, &n, &p->err);
        close(ends[0]);
        assert_int_equal(status, limit < sizeof text ? BOVW_ERR_LIMIT : BOVW_OK);
    }
    assert_int_equal(n, sizeof text);
    assert_memory_equal(bytes, text, n);
    free(bytes);
}

static void test_missing_file_and_folder_are_no_files(void **state)
{
    place *p = *state;
    uint8_t *bytes = NULL;
    size_t n = 5;
    file_map map = {0};
    assert_int_equal(file_read(p->path, 10, &bytes, &n, &p->err), BOVW_ERR_IO);
    assert_non_null(strstr(p->err.text, "No such file"));
    assert_non_null(strstr(p->err.text, p->path));
    assert_int_equal(file_map_open(p->path, &map, &p->err), BOVW_ERR_IO);
    assert_int_equal(file_read(p->folder, 10, &bytes, &n, &p->err), BOVW_ERR_IO);
    assert_int_equal(file_map_open(p->folder, &map, &p->err), BOVW_ERR_IO);
    assert_null(bytes);
    assert_int_equal(n, 5);
    assert_null(map.data);
    assert_true(file_is_folder(p->folder) && file_exists(p->folder));
    assert_false(file_is_folder(p->path) || file_exists(p->path));
}

static void test_map_shows_the_file(void **state)
{
    place *p = *state;
    file_map map = {0};
    write_bytes(p->path, "contents", 8);
    assert_int_equal(file_map_open(p->path, &map, &p->err), BOVW_OK);
    assert_int_equal(map.size, 8);
    assert_memory_equal(map.data, "contents", 8);
    file_map_close(&map);
    assert_null(map.data);
    write_bytes(p->path, "", 0);
    assert_int_equal(file_map_open(p->path, &map, &p->err), BOVW_OK);
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    file_map_close(&map);
    file_map_close(&map);
}

static void test_new_file_appears_on_commit_only(void **state)
{
    place *p = *state;
    new_file file = {0};
    write_bytes(p->path, "old", 3);
    assert_int_equal(new_file_open(p->path, &file, &p->err), BOVW_OK);
    assert_int_equal(new_file_write(&file, "new ", 4, &p->err), BOVW_OK);
    assert_int_equal(new_file_write(&file, "text", 4, &p->err), BOVW_OK);
    assert_int_equal(new_file_write(&file, NULL, 0, &p->err), BOVW_OK);
    assert_contents(p->path, "old");
    assert_int_equal(new_file_commit(&file, &p->err), BOVW_OK);
    assert_contents(p->path, "new text");
    assert_null(file.stream);

    assert_int_equal(new_file_open(p->path, &file, &p->err), BOVW_OK);
    assert_int_equal(new_file_write(&file, "third", 5, &p->err), BOVW_OK);
    new_file_abort(&file);
    new_file_abort(&file);
    assert_contents(p->path, "new text");
}

static void test_new_file_cannot_be_a_folder_or_be_in_a_missing_one(void **state)
{
    place *p = *state;
    char path[128];
    new_file file = {0};
    assert_int_equal(new_file_open(p->folder, &file, &p->err), BOVW_ERR_IO);
    assert_non_null(strstr(p->err.text, p->folder));
    snprintf(path, sizeof path, "%s/missing/file", p->folder);
    assert_int_equal(new_file_open(path, &file, &p->err), BOVW_ERR_IO);
    assert_non_null(strstr(p->err.text, path));
    assert_null(file.stream);
}

/* A device is written to, never replaced by a file. */
static void test_pipe_is_written_through(void **state)
{
    place *p = *state;
    new_file file = {0};
    struct stat info;
    char read_back[8] = "";
    assert_int_equal(mkfifo(p->path, 0600), 0);
    const pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        FILE *stream = fopen(p->path, "rb");
        const bool is_good = stream && fread(read_back, 1, 8, stream) == 4 &&
                             memcmp(read_back, "text", 4) == 0;
        _exit(is_good ? 0 : 1);
    }
    assert_int_equal(new_file_open(p->path, &file, &p->err), BOVW_OK);
    assert_int_equal(new_file_write(&file, "text", 4, &p->err), BOVW_OK);
    assert_int_equal(new_file_commit(&file, &p->err), BOVW_OK);
    int status = -1;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_int_equal(stat(p->path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
}

static void test_paths_are_joined_with_one_slash(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {".", "b", "./b"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *joined = file_join(cases[i][0], cases[i][1]);
        assert_string_equal(joined, cases[i][2]);
        free(joined);
    }
    assert_string_equal(file_base_name("a/b/c.jpg"), "c.jpg");
    assert_string_equal(file_base_name("c.jpg"), "c.jpg");
    assert_string_equal(file_base_name("a/"), "");
}

/* ---- container --------------------------------------------------------------- */

static const uint8_t long_text[130] = "the longest of the sections, with zeros behind it";

static const container_section sections[] = {{.id = 3, .data = "abcdefg", .n_bytes = 7},
                                             {.id = 9, .data = NULL, .n_bytes = 0},
                                             {.id = 4, .data = long_text, .n_bytes = 130}};

static void write_container(place *p, uint64_t *checksum)
{
    assert_int_equal(
        container_write(p->path, "TEST", 5, sections, COUNT(sections), checksum, &p->err),
        BOVW_OK);
}

static void test_container_gives_back_its_sections(void **state)
{
    place *p = *state;
    uint64_t checksum = 0;
    container file = {0};
    const container_section *section = NULL;
    char kind[CONTAINER_KIND_BYTES + 1];
    write_container(p, &checksum);
    assert_int_equal(container_open(p->path, "TEST", 5, &file, &p->err), BOVW_OK);
    assert_int_equal(file.version, 5);
    assert_int_equal(file.n_sections, COUNT(sections));
    assert_true(file.checksum == checksum);
    assert_int_equal(file.map.size % CONTAINER_ALIGNMENT, 0);
    for (size_t i = 0; i < COUNT(sections); i++) {
        const uint64_t n = sections[i].n_bytes;
        assert_int_equal(container_section_get(&file, p->path, sections[i].id, "letters", n,
                                               &section, &p->err),
                         BOVW_OK);
        assert_int_equal(section->n_bytes, n);
        assert_int_equal((uintptr_t)section->data % CONTAINER_ALIGNMENT, 0);
        if (n)
            assert_memory_equal(section->data, sections[i].data, n);
        assert_int_equal(container_section_get(&file, p->path, sections[i].id, "letters",
                                               UINT64_MAX, &section, &p->err),
                         BOVW_OK);
        assert_int_equal(container_section_get(&file, p->path, sections[i].id, "letters",
                                               n + 1, &section, &p->err),
                         BOVW_ERR_CORRUPT);
        assert_non_null(strstr(p->err.text, "letters"));
    }
    assert_int_equal(
        container_section_get(&file, p->path, 1, "words", 0, &section, &p->err),
        BOVW_ERR_CORRUPT);
    assert_non_null(strstr(p->err.text, "words is missing"));
    assert_int_equal(container_verify(&file, p->path, &p->err), BOVW_OK);
    container_close(&file);
    container_close(&file);
    assert_int_equal(container_kind(p->path, kind, &p->err), BOVW_OK);
    assert_string_equal(kind, "TEST");
}

static void test_container_without_sections_is_sound(void **state)
{
    place *p = *state;
    container file = {0};
    assert_int_equal(container_write(p->path, "NONE", 1, NULL, 0, NULL, &p->err), BOVW_OK);
    assert_int_equal(container_open(p->path, "NONE", 1, &file, &p->err), BOVW_OK);
    assert_int_equal(file.n_sections, 0);
    assert_int_equal(container_verify(&file, p->path, &p->err), BOVW_OK);
    container_close(&file);
}

static void test_container_of_most_sections_is_sound(void **state)
{
    place *p = *state;
    container_section many[CONTAINER_MAX_SECTIONS + 1];
    container file = {0};
    for (uint32_t i = 0; i < COUNT(many); i++)
        many[i] = (container_section){.id = i, .data = long_text, .n_bytes = i};
    assert_int_equal(container_write(p->path, "MANY", 1, many, COUNT(many), NULL, &p->err),
                     BOVW_ERR_ARG);
    assert_false(file_exists(p->path));
    assert_int_equal(
        container_write(p->path, "MANY", 1, many, COUNT(many) - 1, NULL, &p->err), BOVW_OK);
    assert_int_equal(container_open(p->path, "MANY", 1, &file, &p->err), BOVW_OK);
    assert_int_equal(file.n_sections, CONTAINER_MAX_SECTIONS);
    assert_int_equal(container_verify(&file, p->path, &p->err), BOVW_OK);
    container_close(&file);
}

static void test_container_of_another_kind_or_version_is_refused(void **state)
{
    place *p = *state;
    container file = {0};
    char kind[CONTAINER_KIND_BYTES + 1] = "????";
    write_container(p, NULL);
    assert_int_equal(container_open(p->path, "REST", 5, &file, &p->err), BOVW_ERR_FORMAT);
    assert_non_null(strstr(p->err.text, p->path));
    assert_int_equal(container_open(p->path, "TEST", 4, &file, &p->err), BOVW_ERR_VERSION);
    assert_non_null(strstr(p->err.text, "version 5, this build reads 1 to 4"));
    assert_int_equal(container_open(p->path, "TEST", 6, &file, &p->err), BOVW_OK);
    assert_int_equal(file.version, 5); /* older than the newest is read */
    container_close(&file);
    static const char *const others[] = {"", "B", "plain text, not ours", "BOVW"};
    for (size_t i = 0; i < COUNT(others); i++) {
        write_bytes(p->path, others[i], strlen(others[i]));
        assert_int_equal(container_open(p->path, "TEST", 5, &file, &p->err),
                         BOVW_ERR_FORMAT);
        assert_int_equal(container_kind(p->path, kind, &p->err), BOVW_OK);
        assert_string_equal(kind, "");
    }
    unlink(p->path);
    assert_int_equal(container_open(p->path, "TEST", 5, &file, &p->err), BOVW_ERR_IO);
    assert_int_equal(container_kind(p->path, kind, &p->err), BOVW_ERR_IO);
    assert_null(file.map.data);
}

/* Damage is found on opening where it is in header or table, on verifying
 * wherever it is, padding included. */
static void test_every_damaged_byte_of_a_container_is_noticed(void **state)
{
    place *p = *state;
    uint8_t *bytes = NULL;
    size_t n = 0;
    write_container(p, NULL);
    assert_int_equal(file_read(p->path, 1 << 20, &bytes, &n, &p->err), BOVW_OK);
    const size_t head_bytes = 64 + 32 * COUNT(sections);
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit += 7) {
            container file = {0};
            bytes[i] ^= (uint8_t)(1 << bit);
            write_bytes(p->path, bytes, n);
            bytes[i] ^= (uint8_t)(1 << bit);
            bovw_status status = container_open(p->path, "TEST", 5, &file, &p->err);
            if (i < head_bytes) {
                assert_int_not_equal(status, BOVW_OK);
                assert_null(file.map.data);
            } else {
                assert_int_equal(status, BOVW_OK);
                status = container_verify(&file, p->path, &p->err);
                assert_int_equal(status, BOVW_ERR_CORRUPT);
            }
            assert_non_null(strstr(p->err.text, p->path));
            container_close(&file);
        }
    }
    free(bytes);
}

static void test_cut_or_grown_container_is_refused(void **state)
{
    place *p = *state;
    uint8_t *bytes = NULL;
    size_t n = 0;
    write_container(p, NULL);
    assert_int_equal(file_read(p->path, 1 << 20, &bytes, &n, &p->err), BOVW_OK);
    for (size_t length = 0; length <= n + 1; length++) {
        container file = {0};
        if (length == n)
            continue;
        write_bytes(p->path, bytes, length); /* one more: the zero behind them */
        assert_int_equal(container_open(p->path, "TEST", 5, &file, &p->err),
                         length < 8 ? BOVW_ERR_FORMAT : BOVW_ERR_CORRUPT);
        assert_null(file.map.data);
    }
    free(bytes);
}

/* A table that lies, under a header checksum that is right. */
static void test_sections_outside_the_file_are_refused(void **state)
{
    place *p = *state;
    uint8_t *bytes = NULL;
    size_t n = 0;
    write_container(p, NULL);
    assert_int_equal(file_read(p->path, 1 << 20, &bytes, &n, &p->err), BOVW_OK);
    const size_t head_bytes = 64 + 32 * COUNT(sections);
    const uint64_t lies[][2] = {{n, 1},
                                {0, 7},
                                {64, 7},
                                {192, n - 191},
                                {1ull << 63, 7},
                                {UINT64_MAX - 63, 64},
                                {192, UINT64_MAX},
                                {193, 7}};
    for (size_t i = 0; i < COUNT(lies); i++) {
        container file = {0};
        store_le64(bytes + 64 + 8, lies[i][0]);
        store_le64(bytes + 64 + 16, lies[i][1]);
        memset(bytes + 40, 0, 8);
        store_le64(bytes + 40, hash64(bytes, head_bytes));
        write_bytes(p->path, bytes, n);
        assert_int_equal(container_open(p->path, "TEST", 5, &file, &p->err),
                         BOVW_ERR_CORRUPT);
        assert_non_null(strstr(p->err.text, "outside the file"));
    }
    free(bytes);
}

/* ---- memory, hashes, random numbers, error text ------------------------------- */

static void test_arrays_are_zeroed_aligned_and_do_not_overflow(void **state)
{
    (void)state;
    uint32_t *items = mem_array(1000, sizeof *items);
    assert_non_null(items);
    assert_int_equal((uintptr_t)items % 64, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], 0);
    free(items);
    items = mem_array(0, sizeof *items);
    assert_non_null(items);
    free(items);
    assert_null(mem_array(SIZE_MAX / 2, 4));
    assert_null(mem_array(SIZE_MAX, 1));
    assert_null(mem_array(SIZE_MAX - 63, 1));
}

static void test_growing_keeps_items_and_does_not_overflow(void **state)
{
    (void)state;
    uint32_t *items = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(mem_grow(&items, &capacity, i + 1, sizeof *items));
        assert_true(capacity > i);
        items[i] = i * i;
    }
    const uint32_t *before = items;
    const size_t capacity_before = capacity;
    assert_false(mem_grow(&items, &capacity, SIZE_MAX / 2, sizeof *items));
    assert_ptr_equal(items, before);
    assert_int_equal(capacity, capacity_before);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i * i);
    free(items);
}

static void test_texts_are_copied_and_formatted(void **state)
{
    (void)state;
    char *copy = mem_text("some text"), *made = mem_format("%s %d", "number", 42);
    assert_string_equal(copy, "some text");
    assert_string_equal(made, "number 42");
    free(copy);
    free(made);
}

/* Of the xxHash specification's reference program, for the empty input. */
static void test_hashes_have_their_known_values(void **state)
{
    (void)state;
    uint8_t id[16];
    char text[33];
    assert_true(hash64("", 0) == 0x2d06800538d394c2u);
    hash128("", 0, id);
    hash_text(id, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    assert_true(hash64("a", 1) != hash64("b", 1));
}

static void test_little_endian_numbers_are_stored_and_loaded(void **state)
{
    (void)state;
    uint8_t b[8];
    store_le16(b, 0x1234);
    assert_memory_equal(b, "\x34\x12", 2);
    assert_int_equal(load_le16(b), 0x1234);
    store_le32(b, 0x89abcdef);
    assert_memory_equal(b, "\xef\xcd\xab\x89", 4);
    assert_true(load_le32(b) == 0x89abcdef);
    store_le64(b, 0xfedcba9876543210u);
    assert_memory_equal(b, "\x10\x32\x54\x76\x98\xba\xdc\xfe", 8);
    assert_true(load_le64(b) == 0xfedcba9876543210u);
    store_lefloat(b, -1.5f);
    assert_memory_equal(b, "\0\0\xc0\xbf", 4);
    assert_true(load_lefloat(b) == -1.5f);
}

static void test_random_numbers_stay_in_range_and_fill_it(void **state)
{
    (void)state;
    uint64_t random = 1;
    uint32_t counts[10] = {0};
    for (int i = 0; i < 10000; i++) {
        const uint64_t r = random_below(&random, 10);
        assert_true(r < 10);
        counts[r]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(counts[i], 850, 1150); /* five deviations */
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_below(&random, 1), 0);
    bool is_large = false;
    for (int i = 0; i < 100; i++) {
        const uint64_t r = random_below(&random, UINT64_MAX);
        assert_true(r < UINT64_MAX);
        is_large = is_large || r > UINT64_MAX / 2;
    }
    assert_true(is_large);
    /* The high half of the product, worked by hand. */
    uint64_t state_a = 5, state_b = 5;
    assert_true(random_below(&state_a, 1ull << 32) == random_next(&state_b) >> 32);
    assert_true(state_a == state_b);
    /* The first number of SplitMix64 from 0, as its authors' program gives it. */
    uint64_t zero = 0;
    assert_true(random_next(&zero) == 0xe220a8397b1dcdafu);
}

static void test_error_text_is_one_line_that_fits(void **state)
{
    place *p = *state;
    assert_int_equal(fail(&p->err, BOVW_ERR_FORMAT, "%s: no", "a\nb\tc\rd\x7f"),
                     BOVW_ERR_FORMAT);
    assert_int_equal(p->err.status, BOVW_ERR_FORMAT);
    assert_string_equal(p->err.text, "a?b?c?d?: no");
    fail_prefix(&p->err, "line 3");
    assert_int_equal(p->err.status, BOVW_ERR_FORMAT);
    assert_string_equal(p->err.text, "line 3: a?b?c?d?: no");
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(fail(&p->err, BOVW_ERR_IO, "%s", text), BOVW_ERR_IO);
    assert_int_equal(strlen(p->err.text), sizeof p->err.text - 1);
    fail_prefix(&p->err, text);
    assert_int_equal(p->err.status, BOVW_ERR_IO);
    assert_int_equal(strlen(p->err.text), sizeof p->err.text - 1);
    assert_int_equal(fail(NULL, BOVW_ERR_BUSY, "nobody listens"), BOVW_ERR_BUSY);
    assert_int_equal(fail_memory(NULL, "x"), BOVW_ERR_NOMEM);
}

static void test_every_status_has_a_name(void **state)
{
    (void)state;
    for (int s = BOVW_OK; s <= BOVW_ERR_CANCELLED; s++) {
        const char *name = bovw_status_name((bovw_status)s);
        assert_string_not_equal(name, "unknown");
        for (int other = BOVW_OK; other < s; other++)
            assert_string_not_equal(name, bovw_status_name((bovw_status)other));
    }
    assert_string_equal(bovw_status_name((bovw_status)99), "unknown");
    assert_string_equal(bovw_version(), BOVW_VERSION);
}

/* ---- texts ------------------------------------------------------------------- */

static void test_lines_are_numbered_and_cut(void **state)
{
    place *p = *state;
    lines in;
    write_bytes(p->path,
                "\xef\xbb\xbf"
                "one two\r\n\n\t three\ta",
                22);
    assert_int_equal(lines_open(p->path, &in, &p->err), BOVW_OK);
    char *line = lines_next(&in);
    assert_string_equal(line, "one two");
    assert_int_equal(in.line, 1);
    assert_string_equal(lines_part(&line, ' '), "one");
    assert_string_equal(lines_part(&line, ' '), "two");
    assert_null(lines_part(&line, ' '));
    line = lines_next(&in);
    assert_int_equal(in.line, 3); /* the empty one counts */
    assert_string_equal(lines_word(&line), "three");
    assert_string_equal(lines_word(&line), "a");
    assert_null(lines_word(&line));
    assert_null(lines_next(&in));
    lines_close(&in);
    lines_close(&in);

    write_bytes(p->path, "a\nb\0c", 5);
    assert_int_equal(lines_open(p->path, &in, &p->err), BOVW_ERR_FORMAT);
    assert_non_null(strstr(p->err.text, "line 2: a zero byte"));
    unlink(p->path);
    assert_int_equal(lines_open(p->path, &in, &p->err), BOVW_ERR_IO);
}

static void test_texts_are_numbered_in_order(void **state)
{
    (void)state;
    enum {
        N = 5000
    };
    char text[32];
    intern *table = intern_new();
    assert_non_null(table);
    assert_int_equal(intern_find(table, "0"), INTERN_NONE);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++) {
            snprintf(text, sizeof text, "%u", i * 7919);
            assert_int_equal(intern_add(table, text), i);
        }
        assert_int_equal(intern_count(table), N);
    }
    assert_string_equal(intern_texts(table)[2], "15838");
    assert_int_equal(intern_find(table, "15838"), 2);
    assert_int_equal(intern_find(table, "15839"), INTERN_NONE);
    assert_int_equal(intern_add(table, ""), N);
    intern_free(table);
    intern_free(NULL);
}

static void test_folders_are_listed_in_order(void **state)
{
    place *p = *state;
    static const char *const made[] = {"b", "a", ".hidden", "B"};
    char path[256], **names = NULL;
    size_t n = 0;
    for (size_t i = 0; i < COUNT(made); i++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, made[i]);
        write_bytes(path, "", 0);
    }
    assert_int_equal(file_list(p->folder, &names, &n, &p->err), BOVW_OK);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "B");
    assert_string_equal(names[1], "a");
    assert_string_equal(names[2], "b");
    file_list_free(names, n);
    for (size_t i = 0; i < COUNT(made); i++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, made[i]);
        unlink(path);
    }
    assert_int_equal(file_list(path, &names, &n, &p->err), BOVW_ERR_IO);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(test_names_are_found_exactly_or_by_their_end),
        IN_PLACE(test_empty_table_has_no_names),
        IN_PLACE(test_names_are_found_among_many),
        IN_PLACE(test_file_is_read_up_to_the_limit),
        IN_PLACE(test_pipe_is_read_to_its_end_and_to_the_limit),
        IN_PLACE(test_missing_file_and_folder_are_no_files),
        IN_PLACE(test_map_shows_the_file),
        IN_PLACE(test_new_file_appears_on_commit_only),
        IN_PLACE(test_new_file_cannot_be_a_folder_or_be_in_a_missing_one),
        IN_PLACE(test_pipe_is_written_through),
        IN_PLACE(test_paths_are_joined_with_one_slash),
        IN_PLACE(test_container_gives_back_its_sections),
        IN_PLACE(test_container_without_sections_is_sound),
        IN_PLACE(test_container_of_most_sections_is_sound),
        IN_PLACE(test_container_of_another_kind_or_version_is_refused),
        IN_PLACE(test_every_damaged_byte_of_a_container_is_noticed),
        IN_PLACE(test_cut_or_grown_container_is_refused),
        IN_PLACE(test_sections_outside_the_file_are_refused),
        IN_PLACE(test_arrays_are_zeroed_aligned_and_do_not_overflow),
        IN_PLACE(test_growing_keeps_items_and_does_not_overflow),
        IN_PLACE(test_texts_are_copied_and_formatted),
        IN_PLACE(test_hashes_have_their_known_values),
        IN_PLACE(test_little_endian_numbers_are_stored_and_loaded),
        IN_PLACE(test_random_numbers_stay_in_range_and_fill_it),
        IN_PLACE(test_error_text_is_one_line_that_fits),
        IN_PLACE(test_every_status_has_a_name),
        IN_PLACE(test_lines_are_numbered_and_cut),
        IN_PLACE(test_texts_are_numbered_in_order),
        IN_PLACE(test_folders_are_listed_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
