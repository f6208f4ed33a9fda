/* SPDX-License-Identifier: MIT */
#include "index/segment.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "index/postings.h"
#include "index/segment_layout.h"
#include "index/stream.h"

static bovw_status get(const segment *s, uint32_t id, const char *name, uint64_t n_bytes,
                       const uint8_t **data, uint64_t *found_bytes, bovw_error *err)
{
    const container_section *section = NULL;
    const bovw_status status =
        container_section_get(&s->file, s->path, id, name, n_bytes, &section, err);
    if (status == BOVW_OK) {
        *data = section->data;
        if (found_bytes)
            *found_bytes = section->n_bytes;
    }
    return status;
}

/* Find the sections of the signatures that there shall be. */
static bovw_status read_signatures(segment *s, uint32_t signatures, bovw_error *err)
{
    const uint64_t starts_bytes = ((uint64_t)s->n_words + 1) * 8;
    const uint64_t feature_bytes = s->n_features * PLANE_BYTES;
    const uint64_t posting_bytes = s->n_postings * PLANE_BYTES;
    bovw_status st = BOVW_OK;

    if (signatures & BOVW_SIGNATURES_HE64) {
        st = get(s, SECTION_FEATURE_STARTS, "feature starts", starts_bytes,
                 &s->feature_starts, NULL, err);
        if (st == BOVW_OK)
            st = get(s, SECTION_HE_LOW, "signatures", feature_bytes, &s->he[0], NULL, err);
    }
    if (st == BOVW_OK && signatures & BOVW_SIGNATURES_HE128)
        st =
            get(s, SECTION_HE_HIGH, "long signatures", feature_bytes, &s->he[1], NULL, err);
    if (st != BOVW_OK || !(signatures & BOVW_SIGNATURES_ASMK))
        return st;
    st = get(s, SECTION_POSTING_STARTS, "posting starts", starts_bytes, &s->posting_starts,
             NULL, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_ASMK_LOW, "aggregates", posting_bytes, &s->asmk[0], NULL, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_ASMK_HIGH, "long aggregates", posting_bytes, &s->asmk[1], NULL,
                 err);
    return st;
}

/* Find the sections and check that their sizes fit each other. */
static bovw_status read_layout(segment *s, uint32_t n_words, uint32_t signatures,
                               bovw_error *err)
{
    const uint8_t *summary = NULL, *names = NULL;
    bovw_status st =
        get(s, SECTION_SUMMARY, "the summary", SUMMARY_BYTES, &summary, NULL, err);
    if (st != BOVW_OK)
        return st;
    const uint64_t n = load_le64(summary), k = load_le64(summary + 8);
    s->n_features = load_le64(summary + 16);
    s->n_postings = load_le64(summary + 24);
    if (k != n_words)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s: made for %llu words, the vocabulary has %u", s->path,
                    (unsigned long long)k, n_words);
    if (n == 0 || n >= UINT32_MAX || s->n_postings > s->n_features ||
        s->n_features > UINT64_MAX / PLANE_BYTES)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged summary", s->path);
    s->n_images = s->n_live = (uint32_t)n;
    s->n_words = n_words;

    st = get(s, SECTION_NAME_OFFSETS, "name offsets", n * 8, &s->name_offsets, NULL, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_NAMES, "names", UINT64_MAX, &names, &s->names_bytes, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_IMAGES, "images", n * IMAGE_BYTES, &s->images, NULL, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_FEATURE_OFFSETS, "feature offsets", (n + 1) * 8,
                 &s->feature_offsets, NULL, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_FEATURES, "features", UINT64_MAX, &s->features,
                 &s->features_bytes, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_POSTING_OFFSETS, "posting offsets", (k + 1) * 8,
                 &s->posting_offsets, NULL, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_FREQUENCIES, "frequencies", k * 4, &s->frequencies, NULL, err);
    if (st == BOVW_OK)
        st = get(s, SECTION_POSTINGS, "postings", UINT64_MAX, &s->postings,
                 &s->postings_bytes, err);
    if (st != BOVW_OK)
        return st;

    const uint64_t padding = s->file.version == 1 ? V1_PADDING : CODED_PADDING;
    s->names = (const char *)names;
    if (s->names_bytes == 0 || s->names[s->names_bytes - 1] != '\0' ||
        s->features_bytes < padding || s->postings_bytes < padding)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged sections", s->path);
    s->features_bytes -= padding;
    s->postings_bytes -= padding;
    return read_signatures(s, signatures, err);
}

bovw_status segment_open(const char *path, uint32_t n_words, uint32_t signatures,
                         segment *out, bovw_error *err)
{
    segment s = {.path = mem_text(path)};
    if (!s.path)
        return fail_memory(err, path);
    bovw_status status = container_open(path, SEGMENT_KIND, SEGMENT_VERSION, &s.file, err);
    if (status == BOVW_OK)
        status = read_layout(&s, n_words, signatures, err);
    if (status == BOVW_OK)
        *out = s;
    else
        segment_close(&s);
    return status;
}

void segment_close(segment *s)
{
    container_close(&s->file);
    removed_close(&s->removed);
    free(s->path);
    *s = (segment){0};
}

bovw_status segment_open_removed(segment *s, const char *path, bovw_error *err)
{
    const bovw_status status = removed_open(path, s->n_images, &s->removed, err);
    if (status == BOVW_OK)
        s->n_live = s->n_images - s->removed.n;
    return status;
}

bovw_image_info segment_image(const segment *s, uint32_t image)
{
    const uint8_t *at = s->images + (size_t)image * IMAGE_BYTES;
    const uint64_t offset = load_le64(s->name_offsets + (size_t)image * 8);
    bovw_image_info info = {.name = offset < s->names_bytes ? s->names + offset : "",
                            .width = load_le32(at),
                            .height = load_le32(at + 4),
                            .n_features = load_le32(at + 8)};
    memcpy(info.content_id, at + 16, BOVW_CONTENT_ID_BYTES);
    return info;
}

/* Entry i of a table of offsets, which must be an ordered pair within size. */
static bool get_range(const uint8_t *offsets, size_t i, uint64_t size, uint64_t *start,
                      uint64_t *n_bytes)
{
    const uint64_t from = load_le64(offsets + i * 8), to = load_le64(offsets + i * 8 + 8);
    if (from > to || to > size)
        return false;
    *start = from;
    *n_bytes = to - from;
    return true;
}

bovw_status segment_feature_blob(const segment *s, uint32_t image, const uint8_t **bytes,
                                 size_t *n_bytes, bovw_error *err)
{
    uint64_t start, length;
    if (!get_range(s->feature_offsets, image, s->features_bytes, &start, &length))
        return fail(err, BOVW_ERR_CORRUPT, "%s: features of image %u are damaged", s->path,
                    image);
    *bytes = s->features + start;
    *n_bytes = (size_t)length;
    return BOVW_OK;
}

bovw_status segment_features(const segment *s, uint32_t image, uint32_t *words,
                             bovw_keypoint *keypoints, bovw_error *err)
{
    const bovw_image_info info = segment_image(s, image);
    const uint32_t n = info.n_features;
    const size_t keypoint_bytes = (size_t)n * KEYPOINT_BYTES;
    const uint8_t *blob = NULL;
    size_t n_bytes = 0;

    const bovw_status status = segment_feature_blob(s, image, &blob, &n_bytes, err);
    if (status != BOVW_OK)
        return status;
    if (n_bytes < keypoint_bytes ||
        !column_decode(blob, n_bytes - keypoint_bytes, n, words))
        return fail(err, BOVW_ERR_CORRUPT, "%s: features of image %u are damaged", s->path,
                    image);
    for (uint32_t i = 0; i < n; i++) {
        if (words[i] >= s->n_words || (i > 0 && words[i] < words[i - 1]))
            return fail(err, BOVW_ERR_CORRUPT, "%s: words of image %u are damaged", s->path,
                        image);
    }
    const uint8_t *at = blob + (n_bytes - keypoint_bytes);
    for (uint32_t i = 0; keypoints && i < n; i++, at += KEYPOINT_BYTES)
        keypoint_decode(at, info.width, info.height, &keypoints[i]);
    return BOVW_OK;
}

uint32_t segment_frequency(const segment *s, uint32_t word)
{
    /* A damaged count must not make a reader allocate more than there can be. */
    const uint32_t n = load_le32(s->frequencies + (size_t)word * 4);
    return n <= s->n_images ? n : s->n_images;
}

static bovw_status fail_postings(const segment *s, uint32_t word, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: postings of word %u are damaged", s->path,
                word);
}

static postings_limits limits_of(const segment *s)
{
    return (postings_limits){
        .version = s->file.version, .n_images = s->n_images, .n_features = s->n_features};
}

bovw_status segment_read_postings(const segment *s, uint32_t word, postings_reader *reader,
                                  bovw_error *err)
{
    const postings_limits limits = limits_of(s);
    uint64_t start, n_bytes;
    if (!get_range(s->posting_offsets, word, s->postings_bytes, &start, &n_bytes) ||
        !postings_open(s->postings + start, n_bytes, segment_frequency(s, word), &limits,
                       reader))
        return fail_postings(s, word, err);
    return BOVW_OK;
}

bovw_status segment_next_postings(const segment *s, uint32_t word, postings_reader *reader,
                                  uint32_t images[POSTINGS_BLOCK], uint32_t *n,
                                  bovw_error *err)
{
    return postings_next(reader, images, n) ? BOVW_OK : fail_postings(s, word, err);
}

bovw_status segment_sum(const segment *s, const uint32_t *images, uint32_t n,
                        uint64_t *n_features, uint64_t *n_postings, bovw_error *err)
{
    uint32_t *words = NULL;
    size_t capacity = 0;
    bovw_status status = BOVW_OK;

    *n_features = *n_postings = 0;
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++) {
        const uint32_t n_words = segment_image(s, images[i]).n_features;
        status = mem_grow(&words, &capacity, n_words, sizeof *words)
                     ? segment_features(s, images[i], words, NULL, err)
                     : fail_memory(err, s->path);
        for (uint32_t j = 0; status == BOVW_OK && j < n_words; j++)
            *n_postings += j == 0 || words[j] != words[j - 1];
        *n_features += n_words;
    }
    free(words);
    return status;
}

/* Take an image's words from the counts, each once. False where a word would
 * then have fewer than none. */
static bool uncount(const uint32_t *words, uint32_t n, uint32_t *counts)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && words[i] == words[i - 1])
            continue;
        if (counts[words[i]] == 0)
            return false;
        counts[words[i]]--;
    }
    return true;
}

bovw_status segment_count_live(const segment *s, uint32_t *counts, bovw_error *err)
{
    uint32_t *words = NULL;
    size_t capacity = 0;
    bovw_status status = BOVW_OK;

    for (uint32_t w = 0; w < s->n_words; w++)
        counts[w] += segment_frequency(s, w);
    for (uint32_t i = 0; status == BOVW_OK && s->removed.n > 0 && i < s->n_images; i++) {
        if (segment_live(s, i) != IMAGE_REMOVED)
            continue;
        const uint32_t n = segment_image(s, i).n_features;
        status = mem_grow(&words, &capacity, n, sizeof *words)
                     ? segment_features(s, i, words, NULL, err)
                     : fail_memory(err, s->path);
        if (status == BOVW_OK && !uncount(words, n, counts))
            status = fail(err, BOVW_ERR_CORRUPT,
                          "%s: postings and words of images disagree", s->path);
    }
    free(words);
    return status;
}

bovw_status segment_postings(const segment *s, uint32_t word, uint32_t *images,
                             uint32_t *tfs, uint32_t *n, bovw_error *err)
{
    const uint32_t n_stored = segment_frequency(s, word);
    const bovw_status status = segment_stored_postings(s, word, images, tfs, err);
    if (status != BOVW_OK)
        return status;
    *n = n_stored;
    if (s->removed.n == 0)
        return BOVW_OK;
    uint32_t n_live = 0;
    for (uint32_t i = 0; i < n_stored; i++) {
        const uint32_t live = s->removed.live[images[i]];
        images[n_live] = live;
        tfs[n_live] = tfs[i];
        n_live += live != IMAGE_REMOVED;
    }
    *n = n_live;
    return BOVW_OK;
}

bovw_status segment_stored_postings(const segment *s, uint32_t word, uint32_t *images,
                                    uint32_t *tfs, bovw_error *err)
{
    const postings_limits limits = limits_of(s);
    uint64_t start, n_bytes;
    if (!get_range(s->posting_offsets, word, s->postings_bytes, &start, &n_bytes) ||
        !postings_decode(s->postings + start, n_bytes, segment_frequency(s, word), &limits,
                         images, tfs))
        return fail_postings(s, word, err);
    return BOVW_OK;
}

bovw_status segment_signatures(const segment *s, uint32_t word, bool is_asmk,
                               const uint8_t *planes[2], uint64_t *n, bovw_error *err)
{
    uint64_t start;
    if (!get_range(is_asmk ? s->posting_starts : s->feature_starts, word,
                   is_asmk ? s->n_postings : s->n_features, &start, n))
        return fail(err, BOVW_ERR_CORRUPT, "%s: signatures of word %u are damaged", s->path,
                    word);
    const uint8_t *const *all = is_asmk ? s->asmk : s->he;
    for (int i = 0; i < 2; i++)
        planes[i] = all[i] ? all[i] + start * PLANE_BYTES : NULL;
    return BOVW_OK;
}

enum {
    LINE_BYTES = 64,
    MOST_LINES = 64 /* of a list; the processor foresees the others */
};

void segment_expect_places(const segment *s, uint32_t word, list_kind kind)
{
    __builtin_prefetch(s->posting_offsets + (size_t)word * 8);
    __builtin_prefetch(s->frequencies + (size_t)word * 4);
    if (kind != LIST_POSTINGS)
        __builtin_prefetch((kind == LIST_HE ? s->feature_starts : s->posting_starts) +
                           (size_t)word * 8);
}

/* Bytes [entry `word`, the next entry) of a section, entries in units of some bytes. */
static void expect(const uint8_t *section, uint64_t section_bytes, const uint8_t *offsets,
                   uint32_t word, uint32_t unit)
{
    const uint64_t start = load_le64(offsets + (size_t)word * 8) * unit;
    const uint64_t end = load_le64(offsets + (size_t)word * 8 + 8) * unit;
    if (start >= end || end > section_bytes)
        return;
    for (uint64_t at = start; at < end && at < start + MOST_LINES * LINE_BYTES;
         at += LINE_BYTES)
        __builtin_prefetch(section + at);
}

void segment_expect_lists(const segment *s, uint32_t word, list_kind kind)
{
    const bool is_he = kind == LIST_HE;
    const uint64_t n = is_he ? s->n_features : s->n_postings;
    expect(s->postings, s->postings_bytes, s->posting_offsets, word, 1);
    for (int i = 0; kind != LIST_POSTINGS && i < 2; i++) {
        const uint8_t *plane = is_he ? s->he[i] : s->asmk[i];
        if (plane)
            expect(plane, n * PLANE_BYTES, is_he ? s->feature_starts : s->posting_starts,
                   word, PLANE_BYTES);
    }
}
