/* search.h - rank the images of an index for a query.
 *
 * SPDX-License-Identifier: MIT
 *
 * Sivic and Zisserman, "Video Google", ICCV 2003: cosine of tf-idf vectors.
 * Jegou, Douze and Schmid, "Improving bag-of-features for large scale image
 * search", IJCV 87, 2010: Hamming embedding, several words a feature. The same,
 * "On the burstiness of visual elements", CVPR 2009. Tolias, Avrithis and
 * Jegou, "To aggregate or not to aggregate", ICCV 2013: ASMK*.
 * Philbin et al., CVPR 2007: spatial re-ranking of the first results. Chum et
 * al., "Total recall", ICCV 2007, and Tolias and Jegou, "Visual query expansion
 * with or without geometry", Pattern Recognition 2014: query expansion.
 * Arandjelovic and Zisserman, "Multiple queries for large scale specific object
 * retrieval", BMVC 2012: several query images, the mean of their vectors.
 */
#ifndef BOVW_SEARCH_H
#define BOVW_SEARCH_H

#include "bovw/index.h"
#include "bovw/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bovw_score {
    BOVW_SCORE_TFIDF = 0, /* cosine of tf-idf vectors */
    BOVW_SCORE_HE,        /* Hamming embedding; the index needs BOVW_SIGNATURES_HE64 */
    BOVW_SCORE_ASMK       /* ASMK*; the index needs BOVW_SIGNATURES_ASMK */
} bovw_score;

/* "tfidf", "he", "asmk", and what each is (NULL allowed); NULL past the last. */
BOVW_API const char *bovw_score_name(bovw_score score, const char **summary);

/* Term frequencies of tf-idf vectors, of query and images alike. */
typedef enum bovw_tf {
    BOVW_TF_RAW = 0, /* the count */
    BOVW_TF_ROOT,    /* its square root */
    BOVW_TF_BINARY   /* 1 */
} bovw_tf;

/* "raw", "root", "binary"; NULL past the last. */
BOVW_API const char *bovw_tf_name(bovw_tf tf);

/* What several matches of one query feature count for. */
typedef enum bovw_burstiness {
    BOVW_BURSTINESS_NONE = 0, /* their sum */
    BOVW_BURSTINESS_INTRA,    /* in each image, divided by the square root of their
                               * number there, and by that of the number of query
                               * features with the same nearest word */
    BOVW_BURSTINESS_BOTH      /* and by the square root of what the feature gives
                               * all images together */
} bovw_burstiness;

/* "none", "intra", "both"; NULL past the last. */
BOVW_API const char *bovw_burstiness_name(bovw_burstiness burstiness);

/* sigma^2 of soft assignment, in squared distances of byte descriptors (Philbin
 * et al., "Lost in quantization", CVPR 2008). */
#define BOVW_SOFT_SIGMA_SQ 6250

typedef struct bovw_search_options {
    const char *preset; /* for the record: the preset that the rest began as, static
                         * text; NULL */
    bovw_score score;   /* TFIDF */
    uint32_t assign;    /* words of a query feature, at most BOVW_MAX_ASSIGNED; images
                         * have one each. tfidf: weighted by distance. 0: tfidf 1, he
                         * and asmk 5 */

    uint32_t stop_words; /* search without the so many words that most images have,
                          * of equal ones the lower; images keep them; 0 */

    bovw_tf tf; /* tfidf: RAW */

    uint32_t he_bits;           /* he: of a signature, 64 or 128; 0: all there are */
    uint32_t he_threshold;      /* he: most bits of 64 that differ in a match, in
                                 * [0, 64]; of 128 twice as many; 24 */
    float he_sigma;             /* he: a match with h bits of 64 counts exp(-h^2 /
                                 * sigma^2); of 128 twice as much; 16 */
    bovw_burstiness burstiness; /* he: BOTH */

    float asmk_alpha; /* asmk: similarity u counts u^alpha, above 0; 3 */
    float asmk_tau;   /* asmk: where it is above this, in [0, 1); 0 */

    uint32_t match_assign;    /* verification, where the index has HE signatures:
                               * words of a query feature for matches; 5 */
    uint32_t match_threshold; /* and most bits of 64 that differ; 28 */

    uint32_t top;         /* results per query; 0: every image that shares a
                           * word with the query; 20 */
    uint32_t verify;      /* verify the geometry of the first so many; 0 */
    uint32_t min_inliers; /* 0: an image counts as verified by the calibrated rule
                           * (bovw_geometry_is_verified), and every inlier counts in
                           * the ranking. N: from N inliers, and below that the
                           * geometry counts nothing; 0 */
    bovw_verify_options geometry;

    /* Search and verify again with the mean of the query and of its first so many
     * verified images: of each, what lies where the query is seen in it. At most
     * 65,535; needs verify; 0. he and asmk take the images' signatures. */
    uint32_t expand;
} bovw_search_options;

BOVW_API void bovw_search_options_default(bovw_search_options *opts);

/* Name of preset i, and what it is (NULL allowed); NULL past the last. Names and
 * what they stand for stay as they are: "baseline", "fast", "best". */
BOVW_API const char *bovw_preset_name(size_t i, const char **summary);

/* Set everything but `top` as a preset has it. "fast" and "best" need an index with
 * BOVW_SIGNATURES_HE64. BOVW_ERR_ARG for another name. */
BOVW_API bovw_status bovw_search_options_preset(bovw_search_options *opts, const char *name,
                                                bovw_error *err);

typedef struct bovw_hit {
    uint32_t image;         /* id in the index */
    uint32_t query;         /* of several query images, the one of the geometry */
    float score;            /* similarity, for tfidf the cosine in [0, 1]; times 1 +
                             * 0.3 effective inliers where the geometry was looked
                             * for */
    bool is_verified;       /* see min_inliers */
    bovw_geometry geometry; /* motion from the query to the image; model NONE
                             * where it was not looked for or not found */
} bovw_hit;

/* Wall-clock seconds that one query took, by stage. Extraction is 0 unless the
 * caller adds it. Expansion is everything from the first verified ranking on:
 * the second search and verification too. */
typedef struct bovw_timings {
    double extraction, quantisation, search, verification, expansion;
} bovw_timings;

typedef struct bovw_ranking {
    bovw_hit *hits; /* (n,), best first; of equal scores the lower id; owned */
    uint32_t n;
    bovw_timings seconds;
} bovw_ranking;

/* Free the hits and zero the struct. */
BOVW_API void bovw_ranking_free(bovw_ranking *ranking);

/* The scratch for one query at a time on one open index, which must outlive it.
 * compute (NULL allowed) says how many threads one query may use: they share
 * the quantisation, the segments of the index and the verification. Memory: for each
 * thread 4 bytes an image of the largest segment, 16 for he; 8 a match of he; 40 a word of
 * a query feature, and 130 a feature of an image that expands it.
 * BOVW_ERR_ARG where the index has not what the options ask for. */
typedef struct bovw_searcher bovw_searcher;

BOVW_API bovw_status bovw_searcher_new(const bovw_index *index,
                                       const bovw_search_options *opts,
                                       const bovw_compute *compute,
                                       bovw_searcher **searcher, bovw_error *err);
BOVW_API void bovw_searcher_free(bovw_searcher *searcher);

/*
 * Rank the images for one query.
 *
 *   query    features made with the options of the index's vocabulary; only
 *            those inside a region, where one is wanted (bovw_features_crop).
 *   ranking  filled on success; free with bovw_ranking_free().
 *
 * A query without features gives an empty ranking.
 * BOVW_ERR_CORRUPT where the index is damaged, BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_searcher_run(bovw_searcher *searcher, const bovw_features *query,
                                       bovw_ranking *ranking, bovw_error *err);

/* The same for several images of one object as one query: the mean of their vectors,
 * and the geometry of that image which agrees best. Without images the ranking is
 * empty. BOVW_ERR_ARG for more than 65,535. */
BOVW_API bovw_status bovw_searcher_run_together(bovw_searcher *searcher,
                                                const bovw_features *queries, size_t n,
                                                bovw_ranking *ranking, bovw_error *err);

/* Many queries in one call: in parallel over queries where there are at least
 * as many as threads, within each query where there are fewer. The same
 * rankings for any number of threads. rankings is (n,), filled on success. */
BOVW_API bovw_status bovw_search(const bovw_index *index, const bovw_features *queries,
                                 size_t n, const bovw_search_options *opts,
                                 const bovw_compute *compute, bovw_ranking *rankings,
                                 bovw_error *err);

/*
 * Tentative matches of a query and an image by word: all pairs of keypoints
 * that share a word, rare words (of few pairs) first, then by word, a and b.
 * *matches is the caller's: free(). BOVW_ERR_NOMEM. O(n_a + n_b).
 *
 *   a_words, b_words  (n_a,) and (n_b,) words in any order.
 *   max_matches       keep at most so many.
 */
BOVW_API bovw_status bovw_match_words(const uint32_t *a_words, uint32_t n_a,
                                      const uint32_t *b_words, uint32_t n_b,
                                      uint32_t max_matches, bovw_match **matches, size_t *n,
                                      bovw_error *err);

/*
 * Tentative matches by descriptor, without a vocabulary: the nearest
 * descriptor of b for each of a, kept where it is nearer than `ratio` times
 * the second nearest (Lowe 2004) and where the two choose each other; nearest
 * first. Where b has one descriptor, choosing each other is enough.
 * *matches is the caller's: free(). BOVW_ERR_ARG unless ratio > 0 is finite;
 * BOVW_ERR_NOMEM. O(a->n * b->n).
 */
BOVW_API bovw_status bovw_match_descriptors(const bovw_features *a, const bovw_features *b,
                                            float ratio, const bovw_compute *compute,
                                            bovw_match **matches, size_t *n,
                                            bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
