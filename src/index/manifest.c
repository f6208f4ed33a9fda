/* SPDX-License-Identifier: MIT */
#include "index/manifest.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

enum {
    MAX_MANIFEST_BYTES = 1 << 26,
    HEX_DIGITS = 16
};

char *manifest_path(const char *folder)
{
    return file_join(folder, "MANIFEST");
}

char *vocabulary_path(const char *folder)
{
    return file_join(folder, "vocabulary");
}

char *lock_path(const char *folder)
{
    return file_join(folder, "LOCK");
}

char *segment_path(const char *folder, uint32_t number)
{
    char name[32];
    snprintf(name, sizeof name, "%06u.segment", number);
    return file_join(folder, name);
}

char *removed_path(const char *folder, uint32_t number, uint64_t generation)
{
    char name[64];
    snprintf(name, sizeof name, "%06u.removed.%" PRIu64, number, generation);
    return file_join(folder, name);
}

char *weights_path(const char *folder, uint64_t generation)
{
    char name[40];
    snprintf(name, sizeof name, "weights.%" PRIu64, generation);
    return file_join(folder, name);
}

void manifest_free(manifest *m)
{
    free(m->segments);
    *m = (manifest){0};
}

/* ---- writing ------------------------------------------------------------- */

static json_t *hex_json(uint64_t value)
{
    char text[HEX_DIGITS + 1];
    snprintf(text, sizeof text, "%016" PRIx64, value);
    return json_string(text);
}

static json_t *removed_json(const manifest_removed *r)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "generation",
                     (json_int_t)r->generation, "images", (json_int_t)r->n_images,
                     "features", (json_int_t)r->n_features, "postings",
                     (json_int_t)r->n_postings, "bytes", (json_int_t)r->n_bytes, "checksum",
                     hex_json(r->checksum));
}

static json_t *segment_json(const manifest_segment *s)
{
    json_t *segment =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "number", (json_int_t)s->number,
                  "images", (json_int_t)s->n_images, "features", (json_int_t)s->n_features,
                  "postings", (json_int_t)s->n_postings, "bytes", (json_int_t)s->n_bytes,
                  "checksum", hex_json(s->checksum));
    if (segment && s->removed.n_images > 0)
        json_object_set_new(segment, "removed", removed_json(&s->removed));
    return segment;
}

static char *manifest_text(const manifest *m)
{
    char signatures[BOVW_SIGNATURES_TEXT];
    bovw_signatures_format(m->signatures, signatures);
    json_t *segments = json_array();
    for (uint32_t i = 0; i < m->n_segments; i++)
        json_array_append_new(segments, segment_json(&m->segments[i]));
    json_t *root =
        json_pack("{s:s, s:i, s:I, s:s, s:s, s:I, s:o, s:o}", "format", "bovw index",
                  "version", MANIFEST_VERSION, "generation", (json_int_t)m->generation,
                  "vocabulary", m->vocabulary_id, "signatures", signatures,
                  "weights generation", (json_int_t)m->weights_generation, "weights",
                  hex_json(m->weights_checksum), "segments", segments);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!text)
        return NULL;
    /* The last line is the checksum of everything above it. */
    const uint64_t sum = hash64(text, strlen(text));
    char *whole = mem_format("%s\n%016" PRIx64 "\n", text, sum);
    free(text);
    return whole;
}

bovw_status manifest_write(const char *folder, const manifest *m, bovw_error *err)
{
    char *path = manifest_path(folder);
    char *text = manifest_text(m);
    new_file file = {0};
    bovw_status status = BOVW_OK;

    if (!path || !text)
        status = fail_memory(err, folder);
    if (status == BOVW_OK)
        status = new_file_open(path, &file, err);
    if (status == BOVW_OK) {
        status = new_file_write(&file, text, strlen(text), err);
        if (status == BOVW_OK)
            status = new_file_commit(&file, err);
        else
            new_file_abort(&file);
    }
    free(text);
    free(path);
    return status;
}

/* ---- reading ------------------------------------------------------------- */

static bool read_hex(const json_t *value, uint64_t *out)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != HEX_DIGITS ||
        strspn(text, "0123456789abcdef") != HEX_DIGITS)
        return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

/* A whole number in [least, most]. */
static bool read_count(const json_t *object, const char *key, uint64_t least, uint64_t most,
                       uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    const json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 0 || (uint64_t)n < least || (uint64_t)n > most)
        return false;
    *out = (uint64_t)n;
    return true;
}

/* Some of the segment's images, and not all, may be removed. */
static bool read_removed(const json_t *object, const manifest_segment *s,
                         uint64_t generation, manifest_removed *out)
{
    uint64_t n_images;
    if (!object)
        return true;
    if (!read_count(object, "generation", 1, generation, &out->generation) ||
        !read_count(object, "images", 1, s->n_images - 1, &n_images) ||
        !read_count(object, "features", 0, s->n_features, &out->n_features) ||
        !read_count(object, "postings", 0, s->n_postings, &out->n_postings) ||
        !read_count(object, "bytes", 1, INT64_MAX, &out->n_bytes) ||
        !read_hex(json_object_get(object, "checksum"), &out->checksum))
        return false;
    out->n_images = (uint32_t)n_images;
    return true;
}

static bool read_segment(const json_t *object, uint64_t generation, manifest_segment *out)
{
    uint64_t number, n_images;
    if (!read_count(object, "number", 1, UINT32_MAX, &number) ||
        !read_count(object, "images", 1, UINT32_MAX - 1, &n_images) ||
        !read_count(object, "features", 0, INT64_MAX, &out->n_features) ||
        !read_count(object, "postings", 0, INT64_MAX, &out->n_postings) ||
        !read_count(object, "bytes", 1, INT64_MAX, &out->n_bytes) ||
        !read_hex(json_object_get(object, "checksum"), &out->checksum))
        return false;
    out->number = (uint32_t)number;
    out->n_images = (uint32_t)n_images;
    return read_removed(json_object_get(object, "removed"), out, generation, &out->removed);
}

/* Version 1 had none. */
static bool read_signatures(const json_t *root, json_int_t version, uint32_t *signatures)
{
    const char *text = json_string_value(json_object_get(root, "signatures"));
    *signatures = BOVW_SIGNATURES_NONE;
    return version == 1 ||
           (text && bovw_signatures_parse(text, signatures, NULL) == BOVW_OK);
}

static bool read_fields(const json_t *root, json_int_t version, manifest *m)
{
    const char *id = json_string_value(json_object_get(root, "vocabulary"));
    const json_t *segments = json_object_get(root, "segments");
    const size_t n = json_array_size(segments);
    uint64_t n_images = 0;

    if (!id || strlen(id) != 32 || !json_is_array(segments) || n > 1000000 ||
        !read_count(root, "generation", 0, INT64_MAX, &m->generation) ||
        !read_signatures(root, version, &m->signatures) ||
        !read_hex(json_object_get(root, "weights"), &m->weights_checksum))
        return false;
    /* Before version 3 every generation wrote its own. */
    m->weights_generation = m->generation;
    if (version >= 3 &&
        !read_count(root, "weights generation", 0, m->generation, &m->weights_generation))
        return false;
    memcpy(m->vocabulary_id, id, 33);
    m->segments = mem_array(n, sizeof *m->segments);
    if (!m->segments)
        return false;
    for (; m->n_segments < n; m->n_segments++) {
        manifest_segment *s = &m->segments[m->n_segments];
        if (!read_segment(json_array_get(segments, m->n_segments), m->generation, s))
            return false;
        n_images += s->n_images;
        if (n_images >= UINT32_MAX)
            return false;
    }
    return true;
}

/* Split off the last line, which must be the checksum of the rest. */
static bool checksum_holds(char *text, size_t n_bytes)
{
    const size_t tail = HEX_DIGITS + 2; /* "\n", the digits, "\n" */
    if (n_bytes < tail || text[n_bytes - 1] != '\n' || text[n_bytes - tail] != '\n')
        return false;
    text[n_bytes - 1] = '\0';
    text[n_bytes - tail] = '\0';
    char expected[HEX_DIGITS + 1];
    snprintf(expected, sizeof expected, "%016" PRIx64, hash64(text, n_bytes - tail));
    return strcmp(expected, text + n_bytes - tail + 1) == 0;
}

static bovw_status parse_manifest(const char *path, char *text, size_t n_bytes, manifest *m,
                                  bovw_error *err)
{
    const bool is_whole = checksum_holds(text, n_bytes);
    json_t *root = json_loads(text, 0, NULL);
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_int_t version = json_integer_value(json_object_get(root, "version"));
    manifest read = {0};
    bovw_status status = BOVW_OK;

    if (!root || !format || strcmp(format, "bovw index") != 0)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: damaged, or not of a bovw index", path);
    else if (version < 1 || version > MANIFEST_VERSION)
        status = fail(err, BOVW_ERR_VERSION,
                      "%s: index format version %lld, this build reads 1 to %d", path,
                      (long long)version, MANIFEST_VERSION);
    else if (!is_whole)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: damaged (checksum)", path);
    else if (!read_fields(root, version, &read))
        status = fail(err, BOVW_ERR_CORRUPT, "%s: damaged fields", path);
    json_decref(root);
    if (status == BOVW_OK)
        *m = read;
    else
        manifest_free(&read);
    return status;
}

bovw_status manifest_read(const char *folder, manifest *m, bovw_error *err)
{
    char *path = manifest_path(folder);
    uint8_t *text = NULL;
    size_t n_bytes = 0;
    bovw_status status;

    if (!path)
        return fail_memory(err, folder);
    if (!file_exists(folder))
        status = fail_errno(err, folder, NULL);
    else if (!file_is_folder(folder) || !file_exists(path))
        status =
            fail(err, BOVW_ERR_FORMAT, "%s: not a bovw index (it has no MANIFEST)", folder);
    else
        status = file_read(path, MAX_MANIFEST_BYTES, &text, &n_bytes, err);
    if (status == BOVW_OK)
        status = parse_manifest(path, (char *)text, n_bytes, m, err);
    free(text);
    free(path);
    return status;
}
