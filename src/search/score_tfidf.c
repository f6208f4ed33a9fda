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
    uint32_t largest = 0;
    (void)kernel;

    if ((size_t)s->options->tf >= sizeof norms / sizeof norms[0])
        return fail(err, BOVW_ERR_ARG, "no kind of term frequency %d", (int)s->options->tf);
    s->norms = norms[s->options->tf];
    if (!s->norms)
        return fail(err, BOVW_ERR_ARG,
                    "%s: of a version without lengths for such term frequencies; make the "
                    "index again",
                    s->index->path);
    for (uint32_t i = 0; i < s->index->n_segments; i++)
        largest = s->index->segments[i].n_images > largest ? s->index->segments[i].n_images
                                                           : largest;
    s->images = mem_array(largest, sizeof *s->images);
    s->tfs = mem_array(largest, sizeof *s->tfs);
    return s->images && s->tfs ? BOVW_OK : fail_memory(err, "searcher");
}

/* Add one term's part to the scores of a segment's images. */
static void add_postings(float *scores, const uint32_t *images, const uint32_t *tfs,
                         uint32_t n, float weight, bovw_tf tf)
{
    switch (tf) {
    case BOVW_TF_ROOT:
        for (uint32_t p = 0; p < n; p++)
            scores[images[p]] += weight * sqrtf((float)tfs[p]);
        break;
    case BOVW_TF_BINARY:
        for (uint32_t p = 0; p < n; p++)
            scores[images[p]] += weight;
        break;
    default:
        for (uint32_t p = 0; p < n; p++)
            scores[images[p]] += weight * (float)tfs[p];
    }
}

static bovw_status add_term(scoring *s, uint32_t word, float weight, bovw_error *err)
{
    const bovw_index *index = s->index;
    for (uint32_t i = 0; i < index->n_segments; i++) {
        const segment *seg = &index->segments[i];
        const uint32_t n = segment_frequency(seg, word);
        if (n == 0)
            continue;
        const bovw_status status = segment_postings(seg, word, s->images, s->tfs, err);
        if (status != BOVW_OK)
            return status;
        add_postings(s->scores + index->starts[i], s->images, s->tfs, n, weight,
                     s->options->tf);
    }
    return BOVW_OK;
}

/* The query's term frequency as the vectors have it. */
static double damp(double tf, bovw_tf kind)
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

static bovw_status run(scoring *s, const query_words *query, bovw_error *err)
{
    const size_t n = (size_t)query->n * query->r;
    double square = 0.0;

    bovw_status status = scoring_sort_words(s, query, err);
    for (size_t i = 0; status == BOVW_OK && i < n;) {
        const uint32_t word = (uint32_t)(s->keys[i] >> 32);
        double tf = 0.0;
        for (; i < n && s->keys[i] >> 32 == word; i++)
            tf += share(query, (uint32_t)s->keys[i], word);
        tf = damp(tf, s->options->tf);
        const double idf = (double)bovw_index_idf(s->index, word);
        if (idf == 0.0)
            continue;
        square += (tf * idf) * (tf * idf);
        status = add_term(s, word, (float)(tf * idf * idf), err);
    }
    s->norm = sqrt(square);
    return status;
}

const scorer scorer_tfidf = {.name = "tfidf",
                             .summary = "cosine of tf-idf vectors",
                             .n_assigned = 1,
                             .init = init,
                             .run = run};
