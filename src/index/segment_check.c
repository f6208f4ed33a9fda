/* SPDX-License-Identifier: MIT
 *
 * Words of images and postings say the same twice. Blocks of images that fit into
 * memory are sorted by word, and each word's list is compared with the part of its
 * postings that lies in the block. So every list is decoded once a block.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/order.h"
#include "index/postings.h"
#include "index/segment.h"
#include "index/segment_layout.h"

enum {
    BLOCK_FEATURES = 16 << 20
};

typedef struct word_count {
    uint32_t word, tf;
} word_count;

typedef struct checker {
    const segment *s;
    uint32_t *images, *tfs; /* (n_images,) a decoded list */

    /* Of the block, images [first, end): */
    uint32_t first, end;
    word_count *pairs; /* (n_pairs,) image by image */
    size_t n_pairs, pairs_capacity;
    size_t *pair_ends; /* (end - first,) */
    size_t ends_capacity;
    uint32_t *sorted_images, *sorted_tfs; /* (n_pairs,) word by word */
    size_t images_capacity, tfs_capacity;
    size_t *starts; /* (n_words + 1,) where each word's are */

    uint32_t *words; /* of one image */
    size_t words_capacity;
    uint64_t n_features, n_postings; /* so far */
} checker;

static bovw_status disagree(const checker *c, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: postings and words of images disagree",
                c->s->path);
}

/* ---- a block of images -------------------------------------------------------- */

static bovw_status add_image(checker *c, bovw_error *err)
{
    const uint32_t n = segment_image(c->s, c->end).n_features;
    c->n_features += n;
    if (c->n_features > c->s->n_features)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged feature counts", c->s->path);
    if (!mem_grow(&c->words, &c->words_capacity, n, sizeof *c->words) ||
        !mem_grow(&c->pairs, &c->pairs_capacity, c->n_pairs + n, sizeof *c->pairs) ||
        !mem_grow(&c->pair_ends, &c->ends_capacity, (size_t)(c->end - c->first) + 1,
                  sizeof *c->pair_ends))
        return fail_memory(err, c->s->path);
    const bovw_status status = segment_features(c->s, c->end, c->words, NULL, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || c->words[i] != c->words[i - 1])
            c->pairs[c->n_pairs++] = (word_count){.word = c->words[i]};
        c->pairs[c->n_pairs - 1].tf++;
    }
    c->pair_ends[c->end - c->first] = c->n_pairs;
    c->end++;
    return BOVW_OK;
}

/* Sort the pairs of the block by word; images of a word stay ascending. */
static bool sort_block(checker *c)
{
    const uint32_t n_words = c->s->n_words;
    if (!mem_grow(&c->sorted_images, &c->images_capacity, c->n_pairs + 1,
                  sizeof *c->sorted_images) ||
        !mem_grow(&c->sorted_tfs, &c->tfs_capacity, c->n_pairs + 1, sizeof *c->sorted_tfs))
        return false;
    memset(c->starts, 0, ((size_t)n_words + 2) * sizeof *c->starts);
    /* Two places ahead: sorting moves each start to the next word's. */
    for (size_t i = 0; i < c->n_pairs; i++)
        c->starts[c->pairs[i].word + 2]++;
    for (uint32_t w = 0; w < n_words; w++)
        c->starts[w + 2] += c->starts[w + 1];
    size_t i = 0;
    for (uint32_t image = c->first; image < c->end; image++) {
        for (; i < c->pair_ends[image - c->first]; i++) {
            const size_t at = c->starts[c->pairs[i].word + 1]++;
            c->sorted_images[at] = image;
            c->sorted_tfs[at] = c->pairs[i].tf;
        }
    }
    return true;
}

/* The next images, as many as fit. */
static bovw_status load_block(checker *c, bovw_error *err)
{
    const uint64_t before = c->n_features;
    bovw_status status = BOVW_OK;
    c->first = c->end;
    c->n_pairs = 0;
    while (status == BOVW_OK && c->end < c->s->n_images &&
           c->n_features - before < BLOCK_FEATURES)
        status = add_image(c, err);
    if (status == BOVW_OK && !sort_block(c))
        status = fail_memory(err, c->s->path);
    return status;
}

/* ---- postings ------------------------------------------------------------------- */

/* The part of a word's list that lies in the block. */
static bovw_status compare_word(checker *c, uint32_t word, bovw_error *err)
{
    const uint32_t n = segment_frequency(c->s, word);
    const bovw_status status = segment_stored_postings(c->s, word, c->images, c->tfs, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t i = 1; i < n; i++) {
        if (c->images[i] <= c->images[i - 1])
            return disagree(c, err);
    }
    const uint32_t from = lower_bound_u32(c->images, n, c->first);
    const uint32_t to = lower_bound_u32(c->images, n, c->end);
    const size_t start = c->starts[word], count = c->starts[word + 1] - start;
    if (to - from != count ||
        memcmp(c->images + from, c->sorted_images + start, count * sizeof *c->images) ||
        memcmp(c->tfs + from, c->sorted_tfs + start, count * sizeof *c->tfs))
        return disagree(c, err);
    c->n_postings += count;
    return BOVW_OK;
}

static bovw_status check_postings(checker *c, bovw_error *err)
{
    const segment *s = c->s;
    bovw_status status = BOVW_OK;
    while (status == BOVW_OK && c->end < s->n_images) {
        status = load_block(c, err);
        for (uint32_t w = 0; status == BOVW_OK && w < s->n_words; w++)
            status = compare_word(c, w, err);
        file_map_done(&s->file.map, 0, s->file.map.size);
    }
    if (status == BOVW_OK && c->n_features != s->n_features)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: damaged feature counts", s->path);
    if (status == BOVW_OK && c->n_postings != s->n_postings)
        status = disagree(c, err);
    return status;
}

/* ---- words ---------------------------------------------------------------------- */

/* Signatures of one word: as many as there are features and postings; and the
 * aggregate of a single feature is its signature. */
static bovw_status check_signatures(const checker *c, uint32_t word, uint64_t n_features,
                                    bovw_error *err)
{
    const segment *s = c->s;
    const uint8_t *he[2] = {NULL, NULL}, *asmk[2] = {NULL, NULL};
    const uint32_t n = segment_frequency(s, word);
    uint64_t n_he = 0, n_asmk = 0, at = 0;
    bovw_status status = BOVW_OK;

    if (s->he[0])
        status = segment_signatures(s, word, false, he, &n_he, err);
    if (status == BOVW_OK && s->asmk[0])
        status = segment_signatures(s, word, true, asmk, &n_asmk, err);
    if (status == BOVW_OK &&
        ((s->he[0] && n_he != n_features) || (s->asmk[0] && n_asmk != n)))
        status = fail(err, BOVW_ERR_CORRUPT, "%s: wrong number of signatures of word %u",
                      s->path, word);
    for (int plane = 0; status == BOVW_OK && plane < 2; plane++) {
        at = 0;
        for (uint32_t i = 0; he[plane] && asmk[plane] && i < n; at += c->tfs[i++]) {
            if (c->tfs[i] == 1 &&
                memcmp(he[plane] + at * PLANE_BYTES, asmk[plane] + (size_t)i * PLANE_BYTES,
                       PLANE_BYTES))
                return fail(err, BOVW_ERR_CORRUPT,
                            "%s: signature and aggregate of word %u disagree", s->path,
                            word);
        }
    }
    return status;
}

/* Tables over words: each one's part begins where that before ends, and all of
 * what they point into belongs to some word. */
static bovw_status check_words(const checker *c, bovw_error *err)
{
    const segment *s = c->s;
    uint64_t n_features = 0, n_postings = 0;
    bovw_status status = BOVW_OK;
    bool is_right =
        load_le64(s->posting_offsets) == 0 &&
        load_le64(s->posting_offsets + (size_t)s->n_words * 8) == s->postings_bytes;
    for (uint32_t w = 0; is_right && status == BOVW_OK && w < s->n_words; w++) {
        const uint32_t n = segment_frequency(s, w);
        uint64_t n_word = 0;
        is_right = load_le32(s->frequencies + (size_t)w * 4) == n &&
                   (!s->feature_starts ||
                    load_le64(s->feature_starts + (size_t)w * 8) == n_features) &&
                   (!s->posting_starts ||
                    load_le64(s->posting_starts + (size_t)w * 8) == n_postings);
        status = segment_stored_postings(s, w, c->images, c->tfs, err);
        for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
            n_word += c->tfs[i];
        if (status == BOVW_OK && is_right)
            status = check_signatures(c, w, n_word, err);
        n_features += n_word;
        n_postings += n;
    }
    static const uint8_t zeros[CODED_PADDING];
    const size_t padding = s->file.version == 1 ? V1_PADDING : CODED_PADDING;
    if (status == BOVW_OK &&
        (!is_right || memcmp(s->postings + s->postings_bytes, zeros, padding) != 0))
        status = disagree(c, err);
    return status;
}

bovw_status segment_check(const segment *s, bovw_error *err)
{
    checker c = {.s = s,
                 .images = mem_array(s->n_images, sizeof(uint32_t)),
                 .tfs = mem_array(s->n_images, sizeof(uint32_t)),
                 .starts = mem_array((size_t)s->n_words + 2, sizeof(size_t))};
    bovw_status status = c.images && c.tfs && c.starts
                             ? container_verify(&s->file, s->path, err)
                             : fail_memory(err, s->path);
    if (status == BOVW_OK)
        status = check_words(&c, err);
    if (status == BOVW_OK)
        status = check_postings(&c, err);
    free(c.images);
    free(c.tfs);
    free(c.pairs);
    free(c.pair_ends);
    free(c.sorted_images);
    free(c.sorted_tfs);
    free(c.starts);
    free(c.words);
    return status;
}
