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
    s->segments = mem_array(s->index->n_segments, sizeof *s->segments);
    bool ok = s->segments != NULL;
    for (int i = 0; ok && i < s->n_threads; i++) {
        score_worker *w = &s->workers[i];
        w->sums = mem_array(s->largest, sizeof *w->sums);
        w->touched = mem_array((size_t)s->largest + 1, sizeof *w->touched);
        ok = w->sums && w->touched;
    }
    return ok ? scoring_new_scans(s, SCAN_HE, is_long, kernel, err)
              : fail_memory(err, "searcher");
}

/* Query features, each with its terms, and the query's length. */
static bovw_status begin(scoring *s, const terms *query, bovw_error *err)
{
    double square = 0.0;
    s->n_groups = 0;
    for (size_t i = 0; i < query->n;) {
        const term *first = &query->items[i];
        term_group group = {.first = i, .scale = (float)first->weight * first->share};
        while (i < query->n && query->items[i].feature == first->feature)
            i++;
        group.end = i;
        if (!mem_grow(&s->groups, &s->groups_capacity, s->n_groups + 1, sizeof group))
            return fail_memory(err, "terms of a query");
        s->groups[s->n_groups++] = group;
        const double idf = (double)bovw_index_idf(s->index, first->word);
        square += first->weight * idf * idf;
    }
    if (!mem_grow(&s->term_weights, &s->term_weights_capacity, query->n,
                  sizeof *s->term_weights))
        return fail_memory(err, "terms of a query");
    for (size_t i = 0; i < query->n; i++) {
        const float idf = bovw_index_idf(s->index, query->items[i].word);
        s->term_weights[i] = idf * idf;
    }
    s->norm = sqrt(square);
    return BOVW_OK;
}

/* ---- what each feature gives each image ------------------------------------ */

/* Add matches to the sums of a feature; returns how many images are touched. */
static uint32_t add_matches(const scoring *s, score_worker *w, const scan_matches *m,
                            float weight, uint32_t n_touched)
{
    for (size_t i = 0; i < m->n; i++) {
        image_sum *sum = &w->sums[m->images[i]];
        w->touched[n_touched] = m->images[i]; /* stays if this is its first match */
        n_touched += sum->n == 0;
        sum->sum += s->weights[m->distances[i]] * weight;
        sum->n++;
    }
    return n_touched;
}

/* Sum up the matches of one of a feature's words. */
static bovw_status add_word(const scoring *s, score_worker *w, uint32_t number,
                            const term *t, float weight, uint32_t *n_touched,
                            bovw_error *err)
{
    scan_matches matches = {.n = 1};
    if (weight == 0.0F)
        return BOVW_OK;
    bovw_status status =
        scan_word(w->scan, number, t->word, t->signature, s->threshold, err);
    while (status == BOVW_OK && matches.n > 0) {
        status = scan_next(w->scan, &matches, err);
        *n_touched = add_matches(s, w, &matches, weight, *n_touched);
    }
    return status;
}

/* A sum in units of 2^-32. It is less than the number of its matches times idf^2, so that
 * the sums of all images fit 64 bits. */
static uint64_t to_fixed(float sum)
{
    return (uint64_t)((double)sum * 0x1p32);
}

/* Append one feature's sums to those of the segment, and zero them. */
static bool keep_sums(const scoring *s, score_worker *w, segment_sums *to, size_t group,
                      uint32_t n_touched)
{
    uint64_t total = 0;
    if (!mem_grow(&to->images, &to->images_capacity, to->n + n_touched,
                  sizeof *to->images) ||
        !mem_grow(&to->sums, &to->sums_capacity, to->n + n_touched, sizeof *to->sums))
        return false;
    for (uint32_t i = 0; i < n_touched; i++) {
        image_sum *sum = &w->sums[w->touched[i]];
        float value = sum->sum;
        if (sum->n > 1 && s->options->burstiness != BOVW_BURSTINESS_NONE)
            value /= sqrtf((float)sum->n);
        to->images[to->n] = w->touched[i];
        to->sums[to->n++] = value;
        total += to_fixed(value);
        *sum = (image_sum){0};
    }
    to->ends[group] = to->n;
    to->totals[group] = total;
    return true;
}

static bovw_status prepare(scoring *s, score_worker *w, uint32_t number, const terms *query,
                           bovw_error *err)
{
    segment_sums *to = &s->segments[number];
    bovw_status status = BOVW_OK;

    to->n = 0;
    if (!mem_grow(&to->ends, &to->ends_capacity, s->n_groups, sizeof *to->ends) ||
        !mem_grow(&to->totals, &to->totals_capacity, s->n_groups, sizeof *to->totals))
        return fail_memory(err, "matches of a query");
    for (size_t g = 0; status == BOVW_OK && g < s->n_groups; g++) {
        uint32_t n_touched = 0;
        for (size_t i = s->groups[g].first; status == BOVW_OK && i < s->groups[g].end;
             i++) {
            scoring_expect(&s->index->segments[number], query, i, LIST_HE);
            status = add_word(s, w, number, &query->items[i], s->term_weights[i],
                              &n_touched, err);
        }
        /* Also after a failure: it leaves the sums zero. */
        if (!keep_sums(s, w, to, g, n_touched))
            status = fail_memory(err, "matches of a query");
    }
    return status;
}

/* ---- all images ------------------------------------------------------------ */

/* Totals are integers, so they do not depend on how images are divided. */
static void settle(scoring *s)
{
    for (size_t g = 0; g < s->n_groups; g++) {
        term_group *group = &s->groups[g];
        for (uint32_t i = 0; i < s->index->n_segments; i++)
            group->total += s->segments[i].totals[g];
        if (s->options->burstiness == BOVW_BURSTINESS_BOTH && group->total > 0)
            group->scale *= (float)(1.0 / sqrt((double)group->total * 0x1p-32));
    }
}

static bovw_status score(scoring *s, score_worker *w, uint32_t number, const terms *query,
                         bovw_error *err)
{
    const segment_sums *from = &s->segments[number];
    size_t i = 0;
    (void)query;
    (void)err;
    for (size_t g = 0; g < s->n_groups; g++) {
        for (; i < from->ends[g]; i++)
            w->scores[from->images[i]] += from->sums[i] * s->groups[g].scale;
    }
    return BOVW_OK;
}

/* ---- terms ----------------------------------------------------------------- */

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
    bovw_status status =
        image_features_sign(features, s->index, SCAN_HE, s->n_threads, err);
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

const scorer scorer_he = {.name = "he",
                          .summary = "Hamming embedding; needs signatures in the index",
                          .n_assigned = 5,
                          .is_signed = true,
                          .init = init,
                          .encode = encode,
                          .encode_images = encode_images,
                          .combine = scoring_mean,
                          .begin = begin,
                          .prepare = prepare,
                          .settle = settle,
                          .score = score};
