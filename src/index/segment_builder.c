/* SPDX-License-Identifier: MIT
 *
 * Images come in order of id. Each one's features are sorted by word, which
 * gives its (word, tf) pairs; the postings are those pairs, of all images,
 * sorted by word, which a counting sort does in one pass since the images are
 * in order already. Signatures follow the same sort, one plane after the other
 * into the memory of the one before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/keys.h"
#include "base/memory.h"
#include "index/postings.h"
#include "index/segment.h"
#include "index/segment_layout.h"
#include "index/stream.h"

/* A growing run of bytes. */
typedef struct byte_array {
    uint8_t *bytes;
    size_t n, capacity;
} byte_array;

typedef struct word_count {
    uint32_t word, tf;
} word_count;

/* Halves of signatures, little-endian. */
typedef struct plane {
    uint64_t *values;
    size_t capacity;
} plane;

enum {
    HE_LOW,
    HE_HIGH,
    ASMK_LOW,
    ASMK_HIGH,
    N_PLANES
};

struct segment_builder {
    uint32_t n_words;
    uint32_t signatures;
    plane planes[N_PLANES]; /* in order of image, and within it of word: one value
                             * a feature (HE), or a pair (ASMK) */
    plane spare;
    uint32_t n_images;
    uint64_t n_features;
    byte_array names, name_offsets, images, features, feature_offsets;
    word_count *pairs; /* of all images, one after the other */
    size_t n_pairs, pairs_capacity;
    size_t *pair_ends; /* (n_images,) */
    size_t pair_ends_capacity;
    uint32_t *frequencies; /* (n_words,) */
    uint64_t *order;       /* scratch: word << 32 | feature, of one image */
    uint64_t *spare_order; /* of its sorting */
    size_t order_capacity, spare_order_capacity;
};

bovw_status segment_builder_new(uint32_t n_words, uint32_t signatures,
                                segment_builder **builder, bovw_error *err)
{
    segment_builder *made = mem_array(1, sizeof *made);
    if (made) {
        made->n_words = n_words;
        made->signatures = signatures;
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
    free(builder->spare_order);
    for (int i = 0; i < N_PLANES; i++)
        free(builder->planes[i].values);
    free(builder->spare.values);
    free(builder);
}

static bool has_plane(const segment_builder *b, int which)
{
    static const uint32_t wants[N_PLANES] = {BOVW_SIGNATURES_HE64, BOVW_SIGNATURES_HE128,
                                             BOVW_SIGNATURES_ASMK, BOVW_SIGNATURES_ASMK};
    return b->signatures & wants[which];
}

static bool reserve_plane(plane *p, size_t n)
{
    /* Never NULL, also for an image without features. */
    return mem_grow(&p->values, &p->capacity, n + 1, sizeof *p->values);
}

static bool reserve_planes(segment_builder *b, uint32_t n)
{
    for (int i = 0; i < N_PLANES; i++) {
        const size_t filled = i < ASMK_LOW ? (size_t)b->n_features : b->n_pairs;
        if (has_plane(b, i) && !reserve_plane(&b->planes[i], filled + n))
            return false;
    }
    return true;
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
           reserve(&b->features, column_bound(n) + (size_t)n * KEYPOINT_BYTES) &&
           mem_grow(&b->pairs, &b->pairs_capacity, b->n_pairs + n, sizeof *b->pairs) &&
           mem_grow(&b->pair_ends, &b->pair_ends_capacity, (size_t)b->n_images + 1,
                    sizeof *b->pair_ends) &&
           mem_grow(&b->order, &b->order_capacity, (size_t)n + n / 2 + 1,
                    sizeof *b->order) &&
           mem_grow(&b->spare_order, &b->spare_order_capacity, n, sizeof *b->spare_order) &&
           reserve_planes(b, n);
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

/* Append the halves of n signatures (n, 2), in the given order or as they are. */
static void append_plane(plane *p, size_t filled, const uint64_t *signatures, int half,
                         const uint64_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t from = order ? (uint32_t)order[i] : i;
        store_le64((uint8_t *)&p->values[filled + i], signatures[2 * from + (size_t)half]);
    }
}

static void append_signatures(segment_builder *b, const image_signatures *signatures,
                              uint32_t n_features, size_t n_pairs)
{
    for (int i = 0; i < N_PLANES; i++) {
        if (!has_plane(b, i))
            continue;
        if (i < ASMK_LOW)
            append_plane(&b->planes[i], (size_t)b->n_features, signatures->features, i,
                         b->order, n_features);
        else
            append_plane(&b->planes[i], b->n_pairs - n_pairs, signatures->aggregates,
                         i - ASMK_LOW, NULL, n_pairs);
    }
}

bovw_status segment_builder_add(segment_builder *b, const bovw_features *features,
                                const uint32_t *words, const image_signatures *signatures,
                                bovw_error *err)
{
    const size_t name_bytes = strlen(features->name) + 1;
    const uint32_t n = features->n;

    if (!reserve_image(b, name_bytes, n))
        return fail_memory(err, "segment");
    for (uint32_t i = 0; i < n; i++)
        b->order[i] = (uint64_t)words[i] << 32 | i;
    if (n > 0)
        keys_sort(b->order, b->spare_order, n);

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
    const size_t n_pairs = b->n_pairs;
    append_pairs(b, n);
    append_signatures(b, signatures, n, b->n_pairs - n_pairs);
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

/* (n_pairs,) each; false without memory. */
static bool sorted_postings_new(const segment_builder *b, sorted_postings *sorted)
{
    *sorted = (sorted_postings){.images = mem_array(b->n_pairs, sizeof(uint32_t)),
                                .tfs = mem_array(b->n_pairs, sizeof(uint32_t)),
                                .ends = mem_array(b->n_words, sizeof(size_t))};
    const bool ok = sorted->images && sorted->tfs && sorted->ends;
    if (ok)
        sort_postings(b, sorted);
    return ok;
}

static void sorted_postings_free(sorted_postings *sorted)
{
    free(sorted->images);
    free(sorted->tfs);
    free(sorted->ends);
}

static bovw_status encode_postings(const segment_builder *b, byte_array *offsets,
                                   byte_array *postings, bovw_error *err)
{
    sorted_postings sorted = {0};
    bool ok =
        sorted_postings_new(b, &sorted) && reserve(offsets, ((size_t)b->n_words + 1) * 8);
    if (ok)
        append_le64(offsets, 0);
    for (uint32_t w = 0; ok && w < b->n_words; w++) {
        const uint32_t n = b->frequencies[w];
        const size_t first = sorted.ends[w] - n;
        uint64_t n_features = 0;
        for (uint32_t i = 0; i < n; i++)
            n_features += sorted.tfs[first + i];
        ok = reserve(postings, postings_bound(n_features));
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
    sorted_postings_free(&sorted);
    return ok ? BOVW_OK : fail_memory(err, "postings of a segment");
}

/* ---- signatures, sorted by word ------------------------------------------- */

/* Where each word's features (or its postings, where is_pairs) start, (n_words
 * + 1,) 64 bit; the caller's, NULL without memory. */
static uint64_t *count_starts(const segment_builder *b, bool is_pairs)
{
    uint64_t *starts = mem_array((size_t)b->n_words + 1, sizeof *starts);
    for (size_t i = 0; starts && i < b->n_pairs; i++)
        starts[b->pairs[i].word + 1] += is_pairs ? 1 : b->pairs[i].tf;
    for (uint32_t w = 0; starts && w < b->n_words; w++)
        starts[w + 1] += starts[w];
    return starts;
}

/* Sort one plane by word, into the spare one, which then changes places with
 * it. next is scratch, (n_words,). */
static bool sort_plane(segment_builder *b, plane *p, bool is_pairs, const uint64_t *starts,
                       uint64_t *next)
{
    size_t from = 0;
    if (!reserve_plane(&b->spare, (size_t)starts[b->n_words]))
        return false;
    memcpy(next, starts, (size_t)b->n_words * sizeof *next);
    for (size_t i = 0; i < b->n_pairs; i++) {
        const uint32_t n = is_pairs ? 1 : b->pairs[i].tf;
        uint64_t *to = b->spare.values + next[b->pairs[i].word];
        next[b->pairs[i].word] += n;
        for (uint32_t j = 0; j < n; j++)
            to[j] = p->values[from++];
    }
    const plane sorted = b->spare;
    b->spare = *p;
    *p = sorted;
    return true;
}

/* Sort the planes and add their sections; starts gets the caller's memory that
 * the sections need until they are written. */
static bovw_status add_signature_sections(segment_builder *b, uint64_t *starts[2],
                                          container_section *sections, uint32_t *n,
                                          bovw_error *err)
{
    uint64_t *next = mem_array(b->n_words, sizeof *next);
    bool ok = next != NULL;

    for (int i = 0; ok && i < N_PLANES; i++) {
        const int kind = i < ASMK_LOW ? 0 : 1;
        if (!has_plane(b, i))
            continue;
        const bool is_first = starts[kind] == NULL;
        if (is_first)
            starts[kind] = count_starts(b, kind == 1);
        ok = starts[kind] && sort_plane(b, &b->planes[i], kind == 1, starts[kind], next);
        if (!ok)
            break;
        const uint64_t n_values = starts[kind][b->n_words];
        if (is_first)
            sections[(*n)++] = (container_section){
                .id = kind == 0 ? SECTION_FEATURE_STARTS : SECTION_POSTING_STARTS,
                .data = starts[kind],
                .n_bytes = ((uint64_t)b->n_words + 1) * 8};
        static const uint32_t ids[N_PLANES] = {SECTION_HE_LOW, SECTION_HE_HIGH,
                                               SECTION_ASMK_LOW, SECTION_ASMK_HIGH};
        sections[(*n)++] = (container_section){
            .id = ids[i], .data = b->planes[i].values, .n_bytes = n_values * PLANE_BYTES};
    }
    free(next);
    for (int kind = 0; ok && kind < 2; kind++) {
        for (uint32_t w = 0; starts[kind] && w <= b->n_words; w++)
            store_le64((uint8_t *)&starts[kind][w], starts[kind][w]);
    }
    return ok ? BOVW_OK : fail_memory(err, "signatures of a segment");
}

/* ---- whole segments -------------------------------------------------------- */

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
    uint64_t *starts[2] = {NULL, NULL};
    uint32_t n_sections = N_PLAIN_SECTIONS;
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
    status = add_signature_sections(b, starts, sections, &n_sections, err);
    if (status == BOVW_OK)
        status = container_write(path, SEGMENT_KIND, SEGMENT_VERSION, sections, n_sections,
                                 checksum, err);
    if (status == BOVW_OK)
        empty_builder(b);
done:
    free(offsets.bytes);
    free(postings.bytes);
    free(frequencies.bytes);
    free(starts[0]);
    free(starts[1]);
    return status;
}
