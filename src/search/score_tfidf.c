/* SPDX-License-Identifier: MIT
 *
 * Cosine of tf-idf vectors, term at a time over the postings. Terms come in
 * ascending order of word, so each image's sum is made in the same order in any
 * index that holds it.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "search/scoring.h"

static bovw_status init(scoring *s, const char *kernel, bovw_error *err)
{
    const weights *w = &s->index->weights;
    const uint8_t *const norms[] = {w->norms, w->root_norms, w->binary_norms};
    (void)kernel;

    if ((size_t)s->options->tf >= sizeof norms / sizeof norms[0])
        return fail(err, BOVW_ERR_ARG, "no kind of term frequency %d", (int)s->options->tf);
    s->norms = norms[s->options->tf];
    if (!s->norms)
        return fail(err, BOVW_ERR_ARG,
                    "%s: of a version without lengths for such term frequencies; make the "
                    "index again",
                    s->index->path);
    return BOVW_OK;
}

/* Add a block of a term's features to the scores of their images. */
static void add_features(float *scores, const uint32_t *images, uint32_t n, float weight)
{
    for (uint32_t i = 0; i < n; i++)
        scores[images[i]] += weight;
}

/* Adds each image once, with what its term frequency counts: a list's runs may go on in
 * the next block. */
typedef struct run_of_image {
    uint32_t image, n;
    float weight;
    bovw_tf tf;
} run_of_image;

static void end_run(float *scores, const run_of_image *r)
{
    if (r->n > 0)
        scores[r->image] +=
            r->tf == BOVW_TF_ROOT ? r->weight * sqrtf((float)r->n) : r->weight;
}

static void add_runs(float *scores, const uint32_t *images, uint32_t n, run_of_image *r)
{
    for (uint32_t i = 0; i < n; i++) {
        if (r->n > 0 && images[i] == r->image) {
            r->n++;
        } else {
            end_run(scores, r);
            r->image = images[i];
            r->n = 1;
        }
    }
}

static bovw_status add_term(const scoring *s, const segment *seg, uint32_t word,
                            float weight, float *scores, bovw_error *err)
{
    uint32_t images[POSTINGS_BLOCK], n = 1;
    postings_reader reader;
    run_of_image run = {.weight = weight, .tf = s->options->tf};

    bovw_status status = segment_read_postings(seg, word, &reader, err);
    while (status == BOVW_OK && n > 0) {
        status = segment_next_postings(seg, word, &reader, images, &n, err);
        if (status == BOVW_OK && run.tf == BOVW_TF_RAW)
            add_features(scores, images, n, weight);
        else if (status == BOVW_OK)
            add_runs(scores, images, n, &run);
    }
    end_run(scores, &run);
    return status;
}

double term_frequency(double tf, bovw_tf kind)
{
    if (kind == BOVW_TF_ROOT)
        return sqrt(tf);
    if (kind == BOVW_TF_BINARY)
        return 1.0;
    return tf;
}

/* How much a feature counts for one of its r words: all alike where r is 1, else
 * by exp(-d^2 / (2 sigma^2)) with the squared distance d^2 to the word, which
 * sums to 1 (Philbin et al., "Lost in quantization", CVPR 2008). */
static double share(const query_words *query, uint32_t feature, uint32_t word)
{
    const uint32_t *words = query->words + (size_t)feature * query->stride;
    const uint32_t *distances = query->distances + (size_t)feature * query->stride;
    double sum = 0.0, own = 0.0;
    if (query->r == 1)
        return 1.0;
    for (uint32_t j = 0; j < query->r; j++) {
        /* Less the least distance, so that nothing vanishes. */
        const double weight =
            exp(-(double)(distances[j] - distances[0]) / (2.0 * BOVW_SOFT_SIGMA_SQ));
        sum += weight;
        if (words[j] == word)
            own = weight;
    }
    return own / sum;
}

/* One term a word, ascending; it weighs what its term frequency counts. */
static bovw_status encode(scoring *s, const query_words *query, uint32_t source, terms *to,
                          bovw_error *err)
{
    const size_t n = (size_t)query->n * query->r;

    bovw_status status = scoring_sort_words(s, query, err);
    for (size_t i = 0; status == BOVW_OK && i < n;) {
        const uint32_t word = (uint32_t)(s->keys[i] >> 32);
        double tf = 0.0;
        for (; i < n && s->keys[i] >> 32 == word; i++)
            tf += share(query, (uint32_t)s->keys[i], word);
        status = terms_add(to,
                           (term){.word = word,
                                  .source = source,
                                  .weight = term_frequency(tf, s->options->tf)},
                           err);
    }
    return status;
}

static bovw_status encode_images(scoring *s, image_features *features, terms *to,
                                 bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < features->n;) {
        const image_feature first = features->items[i];
        double tf = 0.0;
        for (; i < features->n && features->items[i].word == first.word &&
               features->items[i].source == first.source;
             i++)
            tf += 1.0;
        status = terms_add(to,
                           (term){.word = first.word,
                                  .source = first.source,
                                  .weight = term_frequency(tf, s->options->tf)},
                           err);
    }
    return status;
}

/* The mean of the sources' vectors, each of length 1. */
static bovw_status combine(scoring *s, uint32_t n_sources, terms *all, bovw_error *err)
{
    if (!mem_grow(&s->squares, &s->squares_capacity, n_sources, sizeof *s->squares))
        return fail_memory(err, "terms of a query");
    for (uint32_t i = 0; i < n_sources; i++)
        s->squares[i] = 0.0;
    terms_sort(all);
    for (size_t i = 0; i < all->n; i++) {
        const term *t = &all->items[i];
        const double value = t->weight * (double)bovw_index_idf(s->index, t->word);
        s->squares[t->source] += value * value;
    }
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        term t = all->items[i];
        if (s->squares[t.source] == 0.0)
            continue;
        t.weight /= sqrt(s->squares[t.source]) * n_sources;
        if (n > 0 && all->items[n - 1].word == t.word)
            all->items[n - 1].weight += t.weight;
        else
            all->items[n++] = t;
    }
    all->n = n;
    return BOVW_OK;
}

static bovw_status begin(scoring *s, const terms *query, bovw_error *err)
{
    double square = 0.0;
    if (!mem_grow(&s->term_weights, &s->term_weights_capacity, query->n,
                  sizeof *s->term_weights))
        return fail_memory(err, "terms of a query");
    for (size_t i = 0; i < query->n; i++) {
        const term *t = &query->items[i];
        const double idf = (double)bovw_index_idf(s->index, t->word);
        square += (t->weight * idf) * (t->weight * idf);
        s->term_weights[i] = (float)(t->weight * idf * idf);
    }
    s->norm = sqrt(square);
    return BOVW_OK;
}

static bovw_status score(scoring *s, score_worker *w, uint32_t number, const terms *query,
                         bovw_error *err)
{
    bovw_status status = BOVW_OK;
    const segment *seg = &s->index->segments[number];
    for (size_t i = 0; status == BOVW_OK && i < query->n; i++) {
        scoring_expect(seg, query, i, LIST_POSTINGS);
        if (s->term_weights[i] != 0.0F)
            status =
                add_term(s, seg, query->items[i].word, s->term_weights[i], w->scores, err);
    }
    return status;
}

const scorer scorer_tfidf = {.name = "tfidf",
                             .summary = "cosine of tf-idf vectors",
                             .n_assigned = 1,
                             .init = init,
                             .encode = encode,
                             .encode_images = encode_images,
                             .combine = combine,
                             .begin = begin,
                             .score = score};
