/* scoring.h - the ways of scoring: from a query's words to terms, and from terms
 * to a similarity with every image. Terms may come from elsewhere: from images of
 * the index (expansion.h), from several queries.
 *
 * Images are scored segment by segment, each by one thread: all terms on the images of a
 * segment, whose scores stay in the cache. A score's terms come in the same order in any
 * index that holds the image, so it does not depend on segments and threads.
 *
 * A way is one file and one line of the table in scoring.c. */
#ifndef SEARCH_SCORING_H
#define SEARCH_SCORING_H

#include "base/topk.h"
#include "search/image_features.h"
#include "search/query_words.h"
#include "search/scan.h"
#include "search/terms.h"

/* What a query feature gives one image (score_he.c). */
typedef struct image_sum {
    float sum;
    uint32_t n; /* its matches */
} image_sum;

/* The scratch of one thread. */
typedef struct score_worker {
    float *scores; /* (largest segment,) of one segment's images by stored number, removed
                    * ones too; zero between */
    scan *scan;    /* all but tfidf */

    image_sum *sums;   /* score_he.c: (largest segment,) zero between query features */
    uint32_t *touched; /* (largest segment + 1,) images with matches */

    scored *best; /* images of the index that this thread found */
    size_t n_best, best_capacity;
    bovw_status status;
    bovw_error error;
} score_worker;

/* A query feature (score_he.c). */
typedef struct term_group {
    size_t first, end; /* its terms */
    uint64_t total;    /* what it gives all images together, in 2^-32 */
    float scale;       /* what a unit of that counts */
} term_group;

/* What query features give the images of one segment (score_he.c). */
typedef struct segment_sums {
    uint32_t *images; /* (n,) */
    float *sums;
    size_t *ends;     /* (n_groups,) */
    uint64_t *totals; /* (n_groups,) */
    size_t n, images_capacity, sums_capacity, ends_capacity, totals_capacity;
} segment_sums;

/* One query at a time on one index. */
typedef struct scoring {
    const bovw_index *index;
    const bovw_search_options *options;
    score_worker *workers; /* (n_threads,) */
    int n_threads;
    uint32_t largest; /* images of the largest segment */

    double norm;          /* of the query; its similarity with image i is score /
                           * (norm * norms[i]) */
    const uint8_t *norms; /* (n_images,) little-endian float */

    uint64_t *keys, *spare; /* scratch: word << 32 | feature */
    size_t keys_capacity, spare_capacity;

    float *term_weights; /* (terms of the query,) */
    size_t term_weights_capacity;

    float weights[BOVW_SIGNATURE_BITS + 1]; /* by distance; not tfidf */
    uint32_t threshold;                     /* the largest distance that counts */

    float *shares; /* score_he.c: (query's features,) */
    size_t shares_capacity;
    term_group *groups; /* score_he.c: (n_groups,) */
    size_t n_groups, groups_capacity;
    segment_sums *segments; /* score_he.c: (segments of the index,) */

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

    /* Before the segments: s->norm, and whatever else is the same for all of them. */
    bovw_status (*begin)(scoring *s, const terms *query, bovw_error *err);
    /* A first walk over the segments, and what comes between the two; or NULL. */
    bovw_status (*prepare)(scoring *s, score_worker *w, uint32_t number, const terms *query,
                           bovw_error *err);
    void (*settle)(scoring *s);
    /* Add to w->scores of a segment's images. */
    bovw_status (*score)(scoring *s, score_worker *w, uint32_t segment, const terms *query,
                         bovw_error *err);
} scorer;

extern const scorer scorer_tfidf, scorer_he, scorer_asmk;

/* The way of scoring that options->score names; NULL for none. */
const scorer *scorer_find(bovw_score score);

/* Ready for queries. BOVW_ERR_ARG where the index has not what the way of scoring
 * needs. */
bovw_status scoring_init(scoring *s, const bovw_index *index,
                         const bovw_search_options *options, const bovw_compute *compute,
                         bovw_error *err);
void scoring_free(scoring *s);

/* The `wanted` images of the greatest similarity with the terms, best first, where it is
 * above 0: *best is the caller's, free(). */
bovw_status scoring_run(scoring *s, const terms *query, size_t wanted, scored **best,
                        size_t *n, bovw_error *err);

/* Before term i of a query is looked up in a segment: what comes after it. */
static inline void scoring_expect(const segment *s, const terms *query, size_t i,
                                  list_kind kind)
{
    if (i + PLACES_AHEAD < query->n)
        segment_expect_places(s, query->items[i + PLACES_AHEAD].word, kind);
    if (i + LISTS_AHEAD < query->n)
        segment_expect_lists(s, query->items[i + LISTS_AHEAD].word, kind);
}

/* A scan for each thread, of kind and bits. */
bovw_status scoring_new_scans(scoring *s, scan_kind kind, bool is_long, const char *kernel,
                              bovw_error *err);

/* The mean of sources where terms count one by one: each as it is, for its part. */
bovw_status scoring_mean(scoring *s, uint32_t n_sources, terms *all, bovw_error *err);

/* What a term frequency counts. */
double term_frequency(double tf, bovw_tf kind);

/* s->keys gets word << 32 | feature of all words of the query, in ascending
 * order. */
bovw_status scoring_sort_words(scoring *s, const query_words *query, bovw_error *err);

#endif
