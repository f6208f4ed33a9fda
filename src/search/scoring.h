/* scoring.h - the ways of scoring: from a query's words to terms, and from terms
 * to a similarity with every image. Terms may come from elsewhere: from images of
 * the index (expansion.h), from several queries.
 *
 * A way is one file and one line of the table in scoring.c. */
#ifndef SEARCH_SCORING_H
#define SEARCH_SCORING_H

#include "search/image_features.h"
#include "search/query_words.h"
#include "search/scan.h"
#include "search/terms.h"

/* One query at a time on one index. */
typedef struct scoring {
    const bovw_index *index;
    const bovw_search_options *options;

    /* Results of a run: the similarity with image i is scores[i] / (norm *
     * norms[i]). scores (n_images,) are zero before. */
    float *scores;
    double norm;
    const uint8_t *norms; /* (n_images,) little-endian float */

    uint64_t *keys, *spare; /* scratch: word << 32 | feature */
    size_t keys_capacity, spare_capacity;

    uint32_t *images, *tfs; /* score_tfidf.c: (largest segment,) a decoded list */
    scan *scan;             /* the others */
    float weights[BOVW_SIGNATURE_BITS + 1]; /* by distance */
    uint32_t threshold;                     /* the largest distance that counts */

    float *shares; /* score_he.c: (query's features,) */
    size_t shares_capacity;
    float *sums;       /* score_he.c: (n_images,) of one query feature; zero between */
    uint32_t *counts;  /* the same: its matches */
    uint32_t *touched; /* (n_images + 1,) images with matches */

    uint32_t *words; /* score_asmk.c: of one query, ascending, and their aggregates */
    uint64_t *aggregates;
    size_t words_capacity, aggregates_capacity;

    double *squares; /* scratch: (n_sources,) */
    size_t squares_capacity;
} scoring;

typedef struct scorer {
    const char *name, *summary;
    uint32_t n_assigned; /* words of a query feature, unless an option says so */
    bool is_signed;      /* needs signatures of the query's features */
    bovw_status (*init)(scoring *s, const char *kernel, bovw_error *err);

    /* Add a query's terms to those that are there, all of this source. */
    bovw_status (*encode)(scoring *s, const query_words *query, uint32_t source, terms *to,
                          bovw_error *err);
    /* The same from features of images, which are sorted. */
    bovw_status (*encode_images)(scoring *s, image_features *features, terms *to,
                                 bovw_error *err);
    /* Make one query of the terms of n_sources: the mean of theirs. */
    bovw_status (*combine)(scoring *s, uint32_t n_sources, terms *all, bovw_error *err);

    bovw_status (*run)(scoring *s, const terms *query, bovw_error *err);
} scorer;

extern const scorer scorer_tfidf, scorer_he, scorer_asmk;

/* The way of scoring that options->score names; NULL for none. */
const scorer *scorer_find(bovw_score score);

/* Ready for queries: `kernel` is of bovw_compute. BOVW_ERR_ARG where the index
 * has not what the way of scoring needs. */
bovw_status scoring_init(scoring *s, const bovw_index *index,
                         const bovw_search_options *options, const char *kernel,
                         bovw_error *err);
void scoring_free(scoring *s);

/* The mean of sources where terms count one by one: each as it is, for its part. */
bovw_status scoring_mean(scoring *s, uint32_t n_sources, terms *all, bovw_error *err);

/* What a term frequency counts. */
double term_frequency(double tf, bovw_tf kind);

/* s->keys gets word << 32 | feature of all words of the query, in ascending
 * order. */
bovw_status scoring_sort_words(scoring *s, const query_words *query, bovw_error *err);

#endif
