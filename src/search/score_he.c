/* SPDX-License-Identifier: MIT
 *
 * Hamming embedding (Jegou, Douze and Schmid, ECCV 2008) with burstiness (the
 * same, "On the burstiness of visual elements", CVPR 2009).
 *
 * A query feature and a feature of an image match where they share a word and
 * their signatures differ in at most `threshold` bits; the match counts
 * idf^2 exp(-h^2 / sigma^2). One query feature after the other, over all of its
 * words: what it gives an image is the sum over its matches there, divided by
 * the square root of their number (burstiness within the image) and by the
 * square root of the number of query features with its nearest word (the same
 * within the query, which is not in the paper: a pattern that repeats in both
 * pictures would count once for each of its query features). Then by the square
 * root of what the feature gives all images together (burstiness between
 * images).
 *
 * All sums are in the order of query feature, word, image and feature, whatever
 * the segments are.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "search/scoring.h"

static bovw_status check(const scoring *s, bovw_error *err)
{
    const bovw_search_options *o = s->options;
    const uint32_t has = bovw_index_signatures(s->index);
    if (!(has & BOVW_SIGNATURES_HE64))
        return fail(err, BOVW_ERR_ARG,
                    "%s: has no signatures for --score he; make it again with --signatures "
                    "he64 or he128",
                    s->index->path);
    if (o->he_bits != 0 && o->he_bits != 64 && o->he_bits != 128)
        return fail(err, BOVW_ERR_ARG, "signatures of %u bits: they have 64 or 128",
                    o->he_bits);
    if (o->he_bits == 128 && !(has & BOVW_SIGNATURES_HE128))
        return fail(err, BOVW_ERR_ARG,
                    "%s: its signatures have 64 bits; for 128 make it again with "
                    "--signatures he128",
                    s->index->path);
    if (o->he_threshold > 64 || !(o->he_sigma > 0.0F))
        return fail(err, BOVW_ERR_ARG,
                    "threshold %u or sigma %g of Hamming embedding is out of range",
                    o->he_threshold, (double)o->he_sigma);
    return BOVW_OK;
}

static bovw_status init(scoring *s, const char *kernel, bovw_error *err)
{
    const bovw_search_options *o = s->options;
    const uint32_t n_images = bovw_index_n_images(s->index);
    bovw_status status = check(s, err);
    if (status != BOVW_OK)
        return status;
    const bool is_long = o->he_bits
                             ? o->he_bits == 128
                             : bovw_index_signatures(s->index) & BOVW_SIGNATURES_HE128;
    const uint32_t factor = is_long ? 2 : 1;
    const double sigma = (double)o->he_sigma * factor;
    s->threshold = o->he_threshold * factor;
    for (uint32_t h = 0; h <= s->threshold; h++)
        s->weights[h] = (float)exp(-((double)h * h) / (sigma * sigma));

    s->norms = s->index->weights.norms;
    s->sums = mem_array(n_images, sizeof *s->sums);
    s->counts = mem_array(n_images, sizeof *s->counts);
    s->touched = mem_array((size_t)n_images + 1, sizeof *s->touched);
    if (!s->sums || !s->counts || !s->touched)
        return fail_memory(err, "searcher");
    return scan_new(s->index, SCAN_HE, is_long, kernel, &s->scan, err);
}

/* Add matches to the sums of a feature; returns how many images are touched. */
static uint32_t add_matches(scoring *s, const scan_matches *m, float weight,
                            uint32_t n_touched)
{
    for (size_t i = 0; i < m->n; i++) {
        const uint32_t image = m->first_image + m->owners[m->positions[i]];
        s->sums[image] += s->weights[m->distances[i]] * weight;
        s->touched[n_touched] = image; /* stays if this is its first match */
        n_touched += s->counts[image] == 0;
        s->counts[image]++;
    }
    return n_touched;
}

/* Sum up the matches of one of a feature's words. */
static bovw_status add_word(scoring *s, uint32_t word, const uint64_t signature[2],
                            uint32_t *n_touched, bovw_error *err)
{
    const float idf = bovw_index_idf(s->index, word);
    scan_matches matches = {.n = 1};
    bovw_status status = BOVW_OK;

    if (idf == 0.0F)
        return BOVW_OK;
    scan_word(s->scan, word, signature, s->threshold);
    while (status == BOVW_OK && matches.n > 0) {
        status = scan_next(s->scan, &matches, err);
        *n_touched = add_matches(s, &matches, idf * idf, *n_touched);
    }
    return status;
}

/* Move one feature's sums to the scores, `weight` times. */
static void add_feature(scoring *s, float weight, uint32_t n_touched)
{
    const bovw_burstiness burstiness = s->options->burstiness;
    double total = 0.0;
    for (uint32_t i = 0; i < n_touched; i++) {
        const uint32_t image = s->touched[i];
        if (burstiness != BOVW_BURSTINESS_NONE)
            s->sums[image] /= sqrtf((float)s->counts[image]);
        total += (double)s->sums[image];
    }
    float scale = weight;
    if (burstiness == BOVW_BURSTINESS_BOTH && total > 0.0)
        scale *= (float)(1.0 / sqrt(total));
    for (uint32_t i = 0; i < n_touched; i++) {
        const uint32_t image = s->touched[i];
        s->scores[image] += s->sums[image] * scale;
        s->sums[image] = 0.0F;
        s->counts[image] = 0;
    }
}

/* What burstiness within the query leaves of each of n features of a word. */
static float share_of(const scoring *s, uint32_t n)
{
    return s->options->burstiness == BOVW_BURSTINESS_NONE ? 1.0F : 1.0F / sqrtf((float)n);
}

/* s->shares (n,) of the query's features: 1 / sqrt(how many have its nearest word). */
static bovw_status find_shares(scoring *s, const query_words *query, bovw_error *err)
{
    const query_words nearest = query_words_first(query, 1);
    const bovw_status status = scoring_sort_words(s, &nearest, err);
    if (status != BOVW_OK)
        return status;
    if (!mem_grow(&s->shares, &s->shares_capacity, query->n, sizeof *s->shares))
        return fail_memory(err, "words of a query");
    for (uint32_t i = 0, end = 0; i < query->n; i = end) {
        while (end < query->n && s->keys[end] >> 32 == s->keys[i] >> 32)
            end++;
        const float share = share_of(s, end - i);
        for (uint32_t j = i; j < end; j++)
            s->shares[(uint32_t)s->keys[j]] = share;
    }
    return BOVW_OK;
}

static uint32_t next_feature(const terms *t)
{
    return t->n > 0 ? t->items[t->n - 1].feature + 1 : 0;
}

/* A term for each word of each feature, in this order. */
static bovw_status encode(scoring *s, const query_words *query, uint32_t source, terms *to,
                          bovw_error *err)
{
    const uint32_t first = next_feature(to);
    bovw_status status = find_shares(s, query, err);
    for (uint32_t i = 0; status == BOVW_OK && i < query->n; i++) {
        for (uint32_t j = 0; status == BOVW_OK && j < query->r; j++) {
            const size_t at = (size_t)i * query->stride + j;
            status = terms_add(to,
                               (term){.word = query->words[at],
                                      .source = source,
                                      .feature = first + i,
                                      .weight = 1.0,
                                      .share = s->shares[i],
                                      .signature = {query->signatures[2 * at],
                                                    query->signatures[2 * at + 1]}},
                               err);
        }
    }
    return status;
}

static bovw_status encode_images(scoring *s, image_features *features, terms *to,
                                 bovw_error *err)
{
    const uint32_t first = next_feature(to);
    float share = 1.0F;
    bovw_status status = image_features_sign(features, s->index, SCAN_HE, err);
    for (size_t i = 0, end = 0; status == BOVW_OK && i < features->n; i++) {
        const image_feature *f = &features->items[i], *g = features->items;
        if (i == end) { /* the next run of one word and source */
            while (end < features->n && g[end].word == f->word &&
                   g[end].source == f->source)
                end++;
            share = share_of(s, (uint32_t)(end - i));
        }
        status = terms_add(to,
                           (term){.word = f->word,
                                  .source = f->source,
                                  .feature = first + (uint32_t)i,
                                  .weight = 1.0,
                                  .share = share,
                                  .signature = {f->signature[0], f->signature[1]}},
                           err);
    }
    return status;
}

static bovw_status run(scoring *s, const terms *query, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    double square = 0.0;

    for (size_t i = 0; i < query->n;) {
        const term *first = &query->items[i];
        uint32_t n_touched = 0;
        for (; i < query->n && query->items[i].feature == first->feature; i++) {
            const term *t = &query->items[i];
            const bovw_status result = add_word(s, t->word, t->signature, &n_touched, err);
            status = result != BOVW_OK ? result : status;
        }
        /* Also after a failure: it leaves the sums zero. */
        add_feature(s, (float)first->weight * first->share, n_touched);
        if (status != BOVW_OK)
            return status;
        const double idf = (double)bovw_index_idf(s->index, first->word);
        square += first->weight * idf * idf;
    }
    s->norm = sqrt(square);
    return BOVW_OK;
}

const scorer scorer_he = {.name = "he",
                          .summary = "Hamming embedding; needs signatures in the index",
                          .n_assigned = 5,
                          .is_signed = true,
                          .init = init,
                          .encode = encode,
                          .encode_images = encode_images,
                          .combine = scoring_mean,
                          .run = run};
