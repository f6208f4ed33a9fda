/* SPDX-License-Identifier: MIT */
#include "search/image_features.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/order.h"
#include "index/segment_layout.h"
#include "search/transform.h"

/* ---- choosing ------------------------------------------------------------- */

static bool is_inside(const double to_query[9], const float box[4],
                      const bovw_keypoint *keypoint)
{
    double x, y;
    return transform_apply(to_query, (double)keypoint->x, (double)keypoint->y, &x, &y) &&
           x > (double)box[0] && x < (double)box[2] && y > (double)box[1] &&
           y < (double)box[3];
}

bovw_status image_features_add(image_features *f, const bovw_index *index, uint32_t image,
                               uint32_t source, const image_region *region, bovw_error *err)
{
    const uint32_t n = bovw_index_image(index, image).n_features;
    double transform[9], to_query[9];
    for (int i = 0; region->transform && i < 9; i++)
        transform[i] = (double)region->transform[i];
    if (region->transform && !transform_inverse(transform, to_query))
        return BOVW_OK;
    if (!mem_grow(&f->words, &f->words_capacity, n, sizeof *f->words) ||
        !mem_grow(&f->keypoints, &f->keypoints_capacity, n, sizeof *f->keypoints) ||
        !mem_grow(&f->items, &f->capacity, f->n + n, sizeof *f->items))
        return fail_memory(err, "expansion of a query");
    const bovw_status status = bovw_index_features(
        index, image, f->words, region->transform ? f->keypoints : NULL, err);
    if (status != BOVW_OK)
        return status;

    uint32_t nth = 0;
    for (uint32_t i = 0; i < n; i++) {
        nth = i > 0 && f->words[i] == f->words[i - 1] ? nth + 1 : 0;
        if (!region->transform || is_inside(to_query, region->box, &f->keypoints[i]))
            f->items[f->n++] = (image_feature){
                .word = f->words[i], .image = image, .nth = nth, .source = source};
    }
    return BOVW_OK;
}

bovw_status image_features_sort(image_features *f, bovw_error *err)
{
    const size_t n = f->n;
    if (!mem_grow(&f->keys, &f->keys_capacity, n, sizeof *f->keys) ||
        !mem_grow(&f->spare, &f->spare_capacity, n, sizeof *f->spare) ||
        !mem_grow(&f->sorted, &f->sorted_capacity, n, sizeof *f->sorted))
        return fail_memory(err, "features of images");
    for (size_t i = 0; i < n; i++)
        f->keys[i] = (uint64_t)f->items[i].word << 32 | i;
    if (n > 0)
        keys_sort(f->keys, f->spare, n); /* stable: sources and nth ascend */
    for (size_t i = 0; i < n; i++)
        f->sorted[i] = f->items[(uint32_t)f->keys[i]];

    image_feature *const items = f->items;
    const size_t capacity = f->capacity;
    f->items = f->sorted;
    f->capacity = f->sorted_capacity;
    f->sorted = items;
    f->sorted_capacity = capacity;
    return BOVW_OK;
}

void image_features_free(image_features *f)
{
    free(f->items);
    free(f->words);
    free(f->keypoints);
    free(f->keys);
    free(f->spare);
    free(f->sorted);
    *f = (image_features){0};
}

/* ---- signatures ------------------------------------------------------------ */

/* The signatures of one word in one segment, and the images of them that were read. */
typedef struct word_reader {
    const segment *segment;
    uint32_t word;
    scan_kind kind;
    const uint8_t *planes[2];
    uint64_t n_signatures, n_before; /* before those of the block */
    postings_reader postings;
    uint32_t images[POSTINGS_BLOCK], n; /* the block; ASMK: each image once */
    uint32_t last;                      /* image before it, of ASMK */
} word_reader;

static bovw_status begin_word(word_reader *r, const segment *seg, uint32_t word,
                              scan_kind kind, bovw_error *err)
{
    *r = (word_reader){.segment = seg, .word = word, .kind = kind, .last = UINT32_MAX};
    const bovw_status status =
        segment_signatures(seg, word, kind == SCAN_ASMK, r->planes, &r->n_signatures, err);
    return status == BOVW_OK ? segment_read_postings(seg, word, &r->postings, err) : status;
}

static bovw_status fail_feature(const word_reader *r, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: postings and words of an image disagree",
                r->segment->path);
}

static bovw_status next_block(word_reader *r, bovw_error *err)
{
    uint32_t n_read = 0;
    r->n_before += r->n;
    const bovw_status status =
        segment_next_postings(r->segment, r->word, &r->postings, r->images, &n_read, err);
    if (status != BOVW_OK)
        return status;
    if (n_read == 0)
        return fail_feature(r, err);
    r->n =
        r->kind == SCAN_ASMK ? postings_drop_repeated(r->images, n_read, &r->last) : n_read;
    return BOVW_OK;
}

/* The signature of an image's nth feature. Images are asked for in ascending order; an
 * image's features begin in the current block or after it. */
static bovw_status find_signature(word_reader *r, uint32_t image, uint32_t nth,
                                  uint64_t signature[2], bovw_error *err)
{
    while (r->n == 0 || r->images[r->n - 1] < image) {
        const bovw_status status = next_block(r, err);
        if (status != BOVW_OK)
            return status;
    }
    const uint32_t low = lower_bound_u32(r->images, r->n, image);
    const uint64_t at = r->n_before + low + nth;
    if (r->images[low] != image || at >= r->n_signatures ||
        (low + nth < r->n && r->images[low + nth] != image))
        return fail_feature(r, err);
    for (int i = 0; i < 2; i++)
        signature[i] = r->planes[i] ? load_le64(r->planes[i] + at * PLANE_BYTES) : 0;
    return BOVW_OK;
}

/* Features [first, end) are of one word. keys (end - first,) is scratch. */
static bovw_status sign_word(image_features *f, const bovw_index *index, scan_kind kind,
                             size_t first, size_t end, uint64_t *keys, bovw_error *err)
{
    const uint32_t word = f->items[first].word;
    const size_t n = end - first;
    bovw_status status = BOVW_OK;
    word_reader reader;

    for (size_t i = 0; i < n; i++)
        keys[i] = (uint64_t)f->items[first + i].image << 32 | i;
    qsort(keys, n, sizeof *keys, order_u64);
    for (size_t i = 0, s = 0; status == BOVW_OK && i < n; i++) {
        image_feature *feature = &f->items[first + (uint32_t)keys[i]];
        const bool is_first = i == 0 || feature->image >= index->starts[s + 1];
        while (feature->image >= index->starts[s + 1])
            s++;
        if (is_first)
            status = begin_word(&reader, &index->segments[s], word, kind, err);
        if (status == BOVW_OK)
            status = find_signature(
                &reader,
                segment_stored(&index->segments[s], feature->image - index->starts[s]),
                kind == SCAN_ASMK ? 0 : feature->nth, feature->signature, err);
    }
    return status;
}

bovw_status image_features_sign(image_features *f, const bovw_index *index, scan_kind kind,
                                int n_threads, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    (void)n_threads;
    if (!mem_grow(&f->keys, &f->keys_capacity, f->n, sizeof *f->keys))
        return fail_memory(err, "features of images");
#pragma omp parallel for schedule(dynamic, 256) num_threads(n_threads) if (n_threads > 1)
    for (size_t i = 0; i < f->n; i++) {
        bovw_error mine = {0};
        size_t end = i + 1;
        if (i > 0 && f->items[i].word == f->items[i - 1].word)
            continue; /* signed with the first of its word */
        while (end < f->n && f->items[end].word == f->items[i].word)
            end++;
        const bovw_status result = sign_word(f, index, kind, i, end, f->keys + i, &mine);
        if (result != BOVW_OK) {
#pragma omp critical(bovw_image_features_error)
            {
                status = result;
                if (err)
                    *err = mine;
            }
        }
    }
    return status;
}
