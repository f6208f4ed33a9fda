/* SPDX-License-Identifier: MIT
 *
 * ASMK* (Tolias, Avrithis and Jegou, "To aggregate or not to aggregate", ICCV
 * 2013): one aggregated signature for each word of an image. Two of a word that
 * differ in h of 128 bits have similarity u = 1 - h / 64, and count
 * idf^2 u^alpha where u > tau.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "search/scoring.h"
#include "vocabulary/embedding.h"

static bovw_status check(const scoring *s, bovw_error *err)
{
    const bovw_search_options *o = s->options;
    if (!(bovw_index_signatures(s->index) & BOVW_SIGNATURES_ASMK))
        return fail(err, BOVW_ERR_ARG,
                    "%s: has no signatures for --score asmk; make it again with "
                    "--signatures asmk",
                    s->index->path);
    if (!s->index->weights.binary_norms)
        return fail(err, BOVW_ERR_CORRUPT, "%s: its weights lack the lengths for ASMK",
                    s->index->path);
    if (!(o->asmk_alpha > 0.0F) || !(o->asmk_tau >= 0.0F && o->asmk_tau < 1.0F))
        return fail(err, BOVW_ERR_ARG, "alpha %g or tau %g of ASMK is out of range",
                    (double)o->asmk_alpha, (double)o->asmk_tau);
    return BOVW_OK;
}

static bovw_status init(scoring *s, const char *kernel, bovw_error *err)
{
    const bovw_search_options *o = s->options;
    const bovw_status status = check(s, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t h = 0; h <= BOVW_SIGNATURE_BITS; h++) {
        const double u = 1.0 - 2.0 * h / BOVW_SIGNATURE_BITS;
        if (u > (double)o->asmk_tau) {
            s->weights[h] = (float)pow(u, (double)o->asmk_alpha);
            s->threshold = h;
        }
    }
    s->norms = s->index->weights.binary_norms;
    return scoring_new_scans(s, SCAN_ASMK, true, kernel, err);
}

/* Aggregate the query's features of each of its words. */
static bovw_status aggregate(scoring *s, const query_words *query, size_t *n_words,
                             bovw_error *err)
{
    const size_t n = (size_t)query->n * query->r;
    const bovw_status status = scoring_sort_words(s, query, err);
    if (status != BOVW_OK)
        return status;
    if (!mem_grow(&s->words, &s->words_capacity, n, sizeof *s->words) ||
        !mem_grow(&s->aggregates, &s->aggregates_capacity, 2 * n, sizeof *s->aggregates))
        return fail_memory(err, "signatures of a query");
    *n_words =
        vocabulary_aggregate(bovw_index_vocabulary(s->index), query->features->descriptors,
                             s->keys, n, s->words, s->aggregates);
    return BOVW_OK;
}

/* One term a word, ascending, with the aggregate of the query's features. */
static bovw_status encode(scoring *s, const query_words *query, uint32_t source, terms *to,
                          bovw_error *err)
{
    size_t n_words = 0;
    bovw_status status = aggregate(s, query, &n_words, err);
    for (size_t i = 0; status == BOVW_OK && i < n_words; i++)
        status =
            terms_add(to,
                      (term){.word = s->words[i],
                             .source = source,
                             .weight = 1.0,
                             .signature = {s->aggregates[2 * i], s->aggregates[2 * i + 1]}},
                      err);
    return status;
}

static bovw_status encode_images(scoring *s, image_features *features, terms *to,
                                 bovw_error *err)
{
    bovw_status status =
        image_features_sign(features, s->index, SCAN_ASMK, s->n_threads, err);
    for (size_t i = 0; status == BOVW_OK && i < features->n; i++) {
        const image_feature *f = &features->items[i];
        if (i > 0 && f->word == f[-1].word && f->source == f[-1].source)
            continue;
        status = terms_add(to,
                           (term){.word = f->word,
                                  .source = f->source,
                                  .weight = 1.0,
                                  .signature = {f->signature[0], f->signature[1]}},
                           err);
    }
    return status;
}

static bovw_status begin(scoring *s, const terms *query, bovw_error *err)
{
    double square = 0.0;
    if (!mem_grow(&s->term_weights, &s->term_weights_capacity, query->n,
                  sizeof *s->term_weights))
        return fail_memory(err, "terms of a query");
    for (size_t i = 0; i < query->n; i++) {
        const term *t = &query->items[i];
        const float idf = bovw_index_idf(s->index, t->word);
        square += t->weight * (double)idf * (double)idf;
        s->term_weights[i] = (float)t->weight * (idf * idf);
    }
    s->norm = sqrt(square);
    return BOVW_OK;
}

static bovw_status score(scoring *s, score_worker *w, uint32_t number, const terms *query,
                         bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < query->n; i++) {
        const term *t = &query->items[i];
        const float weight = s->term_weights[i];
        scan_matches matches = {.n = 1};
        scoring_expect(&s->index->segments[number], query, i, LIST_ASMK);
        if (weight == 0.0F)
            continue;
        status = scan_word(w->scan, number, t->word, t->signature, s->threshold, err);
        while (status == BOVW_OK && matches.n > 0) {
            status = scan_next(w->scan, &matches, err);
            for (size_t m = 0; m < matches.n; m++)
                w->scores[matches.images[m]] += s->weights[matches.distances[m]] * weight;
        }
    }
    return status;
}

const scorer scorer_asmk = {.name = "asmk",
                            .summary = "ASMK*; needs aggregated signatures in the index",
                            .n_assigned = 5,
                            .init = init,
                            .encode = encode,
                            .encode_images = encode_images,
                            .combine = scoring_mean,
                            .begin = begin,
                            .score = score};
