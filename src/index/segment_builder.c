/* SPDX-License-Identifier: MIT
 *
 * Images come in order of id. Each one's features are sorted by word, which
 * gives its (word, tf) pairs; the postings are those pairs, of all images,
 * sorted by word, which a counting sort does in one pass since the images are
 * in order already.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "index/postings.h"
#include "index/segment.h"
#include "index/segment_layout.h"

/* A growing run of bytes. */
typedef struct byte_array {
    uint8_t *bytes;
    size_t n, capacity;
} byte_array;

typedef struct word_count {
    uint32_t word, tf;
} word_count;

struct segment_builder {
    uint32_t n_words;
    uint32_t n_images;
    uint64_t n_features;
    byte_array names, name_offsets, images, features, feature_offsets;
    word_count *pairs; /* of all images, one after the other */
    size_t n_pairs, pairs_capacity;
    size_t *pair_ends; /* (n_images,) */
    size_t pair_ends_capacity;
    uint32_t *frequencies; /* (n_words,) */
    uint64_t *order;       /* scratch: word << 32 | feature, of one image */
    size_t order_capacity;
};

bovw_status segment_builder_new(uint32_t n_words, segment_builder **builder,
                                bovw_error *err)
{
    segment_builder *made = mem_array(1, sizeof *made);
    if (made) {
        made->n_words = n_words;
        made->frequencies = mem_array(n_words, sizeof *made->frequencies);
    }
    if (!made || !made->frequencies) {
        segment_builder_free(made);
        return fail_memory(err, "segment");
    }
    *builder = made;
    return BOVW_OK;
}

void segment_builder_free(segment_builder *builder)
{
    if (!builder)
        return;
    free(builder->names.bytes);
    free(builder->name_offsets.bytes);
    free(builder->images.bytes);
    free(builder->features.bytes);
    free(builder->feature_offsets.bytes);
    free(builder->pairs);
    free(builder->pair_ends);
    free(builder->frequencies);
    free(builder->order);
    free(builder);
}

uint32_t segment_builder_count(const segment_builder *builder)
{
    return builder->n_images;
}

static bool reserve(byte_array *array, size_t more)
{
    return mem_grow(&array->bytes, &array->capacity, array->n + more, 1);
}

static void append_le64(byte_array *array, uint64_t value)
{
    store_le64(array->bytes + array->n, value);
    array->n += 8;
}

/* Room for everything that one image adds, so that nothing fails halfway. */
static bool reserve_image(segment_builder *b, size_t name_bytes, uint32_t n)
{
    return reserve(&b->names, name_bytes) && reserve(&b->name_offsets, 8) &&
           reserve(&b->images, IMAGE_BYTES) && reserve(&b->feature_offsets, 16) &&
           reserve(&b->features, postings_bound(n) + (size_t)n * KEYPOINT_BYTES) &&
           mem_grow(&b->pairs, &b->pairs_capacity, b->n_pairs + n, sizeof *b->pairs) &&
           mem_grow(&b->pair_ends, &b->pair_ends_capacity, (size_t)b->n_images + 1,
                    sizeof *b->pair_ends) &&
           mem_grow(&b->order, &b->order_capacity, (size_t)n + n / 2 + 1, sizeof *b->order);
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The feature blob of an image: words as a column, then keypoints. */
static void append_features(segment_builder *b, const bovw_features *features)
{
    const uint32_t n = features->n;
    uint8_t *at = b->features.bytes + b->features.n;
    uint32_t *sorted = (uint32_t *)(b->order + n); /* the spare third of the scratch */

    for (uint32_t i = 0; i < n; i++)
        sorted[i] = (uint32_t)(b->order[i] >> 32);
    at += column_encode(sorted, n, at);
    for (uint32_t i = 0; i < n; i++, at += KEYPOINT_BYTES)
        keypoint_encode(&features->keypoints[(uint32_t)b->order[i]], features->width,
                        features->height, at);
    b->features.n = (size_t)(at - b->features.bytes);
}

static void append_pairs(segment_builder *b, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        const uint32_t word = (uint32_t)(b->order[i] >> 32);
        uint32_t tf = 0;
        while (i < n && (uint32_t)(b->order[i] >> 32) == word) {
            tf++;
            i++;
        }
        b->pairs[b->n_pairs++] = (word_count){.word = word, .tf = tf};
        b->frequencies[word]++;
    }
}

bovw_status segment_builder_add(segment_builder *b, const bovw_features *features,
                                const uint32_t *words, bovw_error *err)
{
    const size_t name_bytes = strlen(features->name) + 1;
    const uint32_t n = features->n;

    if (!reserve_image(b, name_bytes, n))
        return fail_memory(err, "segment");
    for (uint32_t i = 0; i < n; i++)
        b->order[i] = (uint64_t)words[i] << 32 | i;
    qsort(b->order, n, sizeof *b->order, compare_u64);

    append_le64(&b->name_offsets, b->names.n);
    memcpy(b->names.bytes + b->names.n, features->name, name_bytes);
    b->names.n += name_bytes;

    uint8_t *image = b->images.bytes + b->images.n;
    memset(image, 0, IMAGE_BYTES);
    store_le32(image, features->width);
    store_le32(image + 4, features->height);
    store_le32(image + 8, n);
    memcpy(image + 16, features->content_id, BOVW_CONTENT_ID_BYTES);
    b->images.n += IMAGE_BYTES;

    if (b->n_images == 0)
        append_le64(&b->feature_offsets, 0);
    append_features(b, features);
    append_le64(&b->feature_offsets, b->features.n);
    append_pairs(b, n);
    b->pair_ends[b->n_images++] = b->n_pairs;
    b->n_features += n;
    return BOVW_OK;
}

/* The postings of a builder, sorted by word. */
typedef struct sorted_postings {
    uint32_t *images, *tfs; /* (n_pairs,) */
    size_t *ends;           /* (n_words,) where the next posting of a word goes */
} sorted_postings;

static void sort_postings(const segment_builder *b, sorted_postings *sorted)
{
    size_t start = 0;
    for (uint32_t w = 0; w < b->n_words; w++) {
        sorted->ends[w] = start;
        start += b->frequencies[w];
    }
    size_t i = 0;
    for (uint32_t image = 0; image < b->n_images; image++) {
        for (; i < b->pair_ends[image]; i++) {
            const size_t at = sorted->ends[b->pairs[i].word]++;
            sorted->images[at] = image;
            sorted->tfs[at] = b->pairs[i].tf;
        }
    }
}

static bovw_status encode_postings(const segment_builder *b, byte_array *offsets,
                                   byte_array *postings, bovw_error *err)
{
    sorted_postings sorted = {.images = mem_array(b->n_pairs, sizeof(uint32_t)),
                              .tfs = mem_array(b->n_pairs, sizeof(uint32_t)),
                              .ends = mem_array(b->n_words, sizeof(size_t))};
    bool ok = sorted.images && sorted.tfs && sorted.ends &&
              reserve(offsets, ((size_t)b->n_words + 1) * 8);
    if (ok) {
        sort_postings(b, &sorted);
        append_le64(offsets, 0);
    }
    for (uint32_t w = 0; ok && w < b->n_words; w++) {
        const uint32_t n = b->frequencies[w];
        const size_t first = sorted.ends[w] - n;
        ok = reserve(postings, postings_bound(n));
        if (ok)
            postings->n += postings_encode(sorted.images + first, sorted.tfs + first, n,
                                           postings->bytes + postings->n);
        if (ok)
            append_le64(offsets, postings->n);
    }
    ok = ok && reserve(postings, CODED_PADDING);
    if (ok) {
        memset(postings->bytes + postings->n, 0, CODED_PADDING);
        postings->n += CODED_PADDING;
    }
    free(sorted.images);
    free(sorted.tfs);
    free(sorted.ends);
    return ok ? BOVW_OK : fail_memory(err, "postings of a segment");
}

bovw_status segment_builder_compare(const segment_builder *b, const struct segment *s,
                                    bovw_error *err)
{
    byte_array offsets = {0}, postings = {0};
    bovw_status status = encode_postings(b, &offsets, &postings, err);
    bool same = status == BOVW_OK && s->n_postings == b->n_pairs &&
                s->postings_bytes + CODED_PADDING == postings.n &&
                memcmp(s->postings, postings.bytes, postings.n) == 0 &&
                memcmp(s->posting_offsets, offsets.bytes, offsets.n) == 0;
    for (uint32_t w = 0; same && w < b->n_words; w++)
        same = load_le32(s->frequencies + (size_t)w * 4) == b->frequencies[w];
    if (status == BOVW_OK && !same)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: postings and words of images disagree",
                      s->path);
    free(offsets.bytes);
    free(postings.bytes);
    return status;
}

static void empty_builder(segment_builder *b)
{
    b->n_images = 0;
    b->n_features = 0;
    b->n_pairs = 0;
    b->names.n = b->name_offsets.n = b->images.n = 0;
    b->features.n = b->feature_offsets.n = 0;
    memset(b->frequencies, 0, (size_t)b->n_words * sizeof *b->frequencies);
}

static container_section section_of(uint32_t id, const byte_array *array)
{
    return (container_section){.id = id, .data = array->bytes, .n_bytes = array->n};
}

bovw_status segment_builder_write(segment_builder *b, const char *path, uint64_t *checksum,
                                  bovw_error *err)
{
    byte_array offsets = {0}, postings = {0}, frequencies = {0};
    uint8_t summary[SUMMARY_BYTES];

    bovw_status status = encode_postings(b, &offsets, &postings, err);
    if (status == BOVW_OK && (!reserve(&frequencies, (size_t)b->n_words * 4) ||
                              !reserve(&b->features, CODED_PADDING)))
        status = fail_memory(err, path);
    if (status != BOVW_OK)
        goto done;
    for (uint32_t w = 0; w < b->n_words; w++)
        store_le32(frequencies.bytes + (size_t)w * 4, b->frequencies[w]);
    frequencies.n = (size_t)b->n_words * 4;
    memset(b->features.bytes + b->features.n, 0, CODED_PADDING);
    store_le64(summary, b->n_images);
    store_le64(summary + 8, b->n_words);
    store_le64(summary + 16, b->n_features);
    store_le64(summary + 24, b->n_pairs);

    container_section sections[N_SEGMENT_SECTIONS] = {
        {.id = SECTION_SUMMARY, .data = summary, .n_bytes = sizeof summary},
        section_of(SECTION_NAME_OFFSETS, &b->name_offsets),
        section_of(SECTION_NAMES, &b->names),
        section_of(SECTION_IMAGES, &b->images),
        section_of(SECTION_FEATURE_OFFSETS, &b->feature_offsets),
        section_of(SECTION_FEATURES, &b->features),
        section_of(SECTION_POSTING_OFFSETS, &offsets),
        section_of(SECTION_FREQUENCIES, &frequencies),
        section_of(SECTION_POSTINGS, &postings),
    };
    sections[SECTION_FEATURES - 1].n_bytes += CODED_PADDING;
    status = container_write(path, SEGMENT_KIND, SEGMENT_VERSION, sections,
                             N_SEGMENT_SECTIONS, checksum, err);
    if (status == BOVW_OK)
        empty_builder(b);
done:
    free(offsets.bytes);
    free(postings.bytes);
    free(frequencies.bytes);
    return status;
}
