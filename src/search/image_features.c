/* SPDX-License-Identifier: MIT */
#include "search/image_features.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/memory.h"
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
    const bovw_status status =
        bovw_index_features(index, image, f->words, f->keypoints, err);
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

static int ascending(const void *a, const void *b)
{
    const image_feature *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->nth > y->nth) - (x->nth < y->nth);
}

void image_features_sort(image_features *f)
{
    if (f->n > 0)
        qsort(f->items, f->n, sizeof *f->items, ascending);
}

void image_features_free(image_features *f)
{
    free(f->items);
    free(f->words);
    free(f->keypoints);
    free(f->images);
    free(f->tfs);
    *f = (image_features){0};
}

/* ---- signatures ------------------------------------------------------------ */

/* The postings of one word in one segment, and its signatures. */
typedef struct signed_postings {
    const uint32_t *images; /* (n,) in the segment, by stored number */
    const uint32_t *ends;   /* (n,) signatures up to and with those of a posting */
    uint32_t n;
    const uint8_t *planes[2];
    uint64_t n_signatures;
} signed_postings;

static bovw_status decode(image_features *f, const segment *seg, uint32_t word,
                          scan_kind kind, signed_postings *p, bovw_error *err)
{
    const uint32_t n = segment_frequency(seg, word);
    if (!mem_grow(&f->images, &f->images_capacity, n, sizeof *f->images) ||
        !mem_grow(&f->tfs, &f->tfs_capacity, n, sizeof *f->tfs))
        return fail_memory(err, "expansion of a query");
    bovw_status status = segment_stored_postings(seg, word, f->images, f->tfs, err);
    if (status == BOVW_OK)
        status = segment_signatures(seg, word, kind == SCAN_ASMK, p->planes,
                                    &p->n_signatures, err);
    uint32_t end = 0;
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++) {
        end += kind == SCAN_ASMK ? 1 : f->tfs[i];
        f->tfs[i] = end;
    }
    p->images = f->images;
    p->ends = f->tfs;
    p->n = n;
    return status;
}

/* False where the image has no such signature. */
static bool find_signature(const signed_postings *p, uint32_t image, uint32_t nth,
                           uint64_t signature[2])
{
    uint32_t low = 0, high = p->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (p->images[middle] < image)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == p->n || p->images[low] != image)
        return false;
    const uint64_t at = (uint64_t)(low > 0 ? p->ends[low - 1] : 0) + nth;
    if (at >= p->ends[low] || at >= p->n_signatures)
        return false;
    for (int i = 0; i < 2; i++)
        signature[i] = p->planes[i] ? load_le64(p->planes[i] + at * PLANE_BYTES) : 0;
    return true;
}

/* Features [first, end) are of one word. */
static bovw_status sign_word(image_features *f, const bovw_index *index, scan_kind kind,
                             size_t first, size_t end, bovw_error *err)
{
    const uint32_t word = f->items[first].word;
    for (uint32_t s = 0; s < index->n_segments; s++) {
        const segment *seg = &index->segments[s];
        signed_postings postings;
        bool is_decoded = false;
        for (size_t i = first; i < end; i++) {
            image_feature *feature = &f->items[i];
            const uint32_t image = feature->image - index->starts[s];
            if (feature->image < index->starts[s] || image >= seg->n_live)
                continue;
            const bovw_status status =
                is_decoded ? BOVW_OK : decode(f, seg, word, kind, &postings, err);
            if (status != BOVW_OK)
                return status;
            is_decoded = true;
            if (!find_signature(&postings, segment_stored(seg, image),
                                kind == SCAN_ASMK ? 0 : feature->nth, feature->signature))
                return fail(err, BOVW_ERR_CORRUPT,
                            "%s: postings and words of an image disagree", seg->path);
        }
    }
    return BOVW_OK;
}

bovw_status image_features_sign(image_features *f, const bovw_index *index, scan_kind kind,
                                bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t i = 0, end; status == BOVW_OK && i < f->n; i = end) {
        for (end = i; end < f->n && f->items[end].word == f->items[i].word; end++)
            ;
        status = sign_word(f, index, kind, i, end, err);
    }
    return status;
}
