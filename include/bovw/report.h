/* report.h - results as people look at them: HTML pages and match pictures.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BOVW_REPORT_H
#define BOVW_REPORT_H

#include "bovw/compare.h"
#include "bovw/image.h"
#include "bovw/lsh.h"
#include "bovw/search.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pages -------------------------------------------------------------- */

/*
 * One self-contained HTML file that shows rankings: of queries, of the queries
 * of a ground truth with what is right and wrong in them, or of several runs
 * side by side. Nothing is loaded: pictures are inlined, each once however
 * often it is shown, and the page can be read without its script, which sorts,
 * filters and opens.
 *
 * What is added is kept until the page is closed: about 150 bytes a result, its
 * name, and 16 bytes a match. The number of queries, pictures and matches that
 * are shown is bounded, and the page says what it left out. For one thread.
 */
typedef struct bovw_page bovw_page;

enum {
    BOVW_PAGE_MAX_RUNS = 8,
    BOVW_PAGE_MAX_QUERIES = 10000, /* shown; more are only measured */
    BOVW_PAGE_MAX_PICTURES = 8000, /* shown; more leave a remark in their place */
    BOVW_PAGE_MAX_MATCHES = 80     /* drawn of a result; of more, every so many */
};

typedef struct bovw_page_options {
    const char *title;       /* heading, plain text */
    const char *foot;        /* lines under the results (command, options, vocabulary id,
                              * version), plain text, '\n' between them; NULL: none */
    const char *const *runs; /* (n_runs,) a name for each of the rankings that a query
                              * has; may be NULL where that is one */
    uint32_t n_runs;         /* 1 to BOVW_PAGE_MAX_RUNS */
    const bovw_truth *truth; /* what is right and wrong: measures, curves and marks; NULL:
                              * not known. Must outlive the page, as the next */
    const bovw_comparison *comparison; /* of these runs under that truth: differences
                                        * and how sure they are; NULL: not shown */
    size_t measure; /* of bovw_measure(), that queries are told apart by; 0, AP */
    bovw_paired_options paired; /* of a comparison */
    uint32_t side;              /* longer side of the pictures, pixels; 0: by their number,
                                 * from 360 for a few to 112 for thousands */
} bovw_page_options;

/* path "-" is standard output; a file appears under its name at close. The
 * options and their texts are copied. BOVW_ERR_ARG, BOVW_ERR_IO. */
BOVW_API bovw_status bovw_page_open(const char *path, const bovw_page_options *opts,
                                    bovw_page **page, bovw_error *err);

/* A match that the motion of a result explains: pixels of the query's original
 * picture and of the result's. */
typedef struct bovw_page_match {
    float ax, ay, bx, by;
} bovw_page_match;

typedef struct bovw_page_result {
    const char *name;               /* of the image */
    const char *picture;            /* file to show, or NULL; one that cannot be read leaves
                                     * its reason */
    uint32_t width, height;         /* pixels of the original; 0: not known */
    bovw_hit hit;                   /* its geometry tells how the query lies in the image */
    bovw_judgement judgement;       /* where there is a truth */
    const bovw_page_match *matches; /* (n_matches,) to be drawn; may be NULL */
    uint32_t n_matches;
} bovw_page_result;

typedef struct bovw_page_ranking {
    const bovw_page_result *results; /* (n,) the first ones, to be shown, best first */
    size_t n;
    const bovw_judgement *judgements; /* (n_judgements,) of the whole ranking, best first,
                                       * where there is a truth */
    size_t n_judgements;
    bovw_timings seconds; /* zeros: not known */
} bovw_page_ranking;

typedef struct bovw_page_query {
    const char *name;
    const char *picture;    /* as above */
    uint32_t width, height; /* as above */
    const float *region;    /* x0 y0 x1 y1 in pixels of the picture, or NULL; drawn */
    uint32_t n_features;    /* 0: not known */
    const char *set;        /* part of the data set, or NULL */
    uint32_t n_relevant;    /* at least 1 where there is a truth */
    const bovw_page_ranking *rankings; /* (n_runs,) */
} bovw_page_query;

/* Everything is copied. BOVW_ERR_NOMEM, after which the page can only be given
 * up. */
BOVW_API bovw_status bovw_page_add(bovw_page *page, const bovw_page_query *query,
                                   bovw_error *err);

/* Make the small pictures, in parallel, write the page, commit and free, also
 * on failure. monitor (NULL allowed) hears of the pictures; a stop there is
 * BOVW_ERR_CANCELLED. Nothing appears under the name of a page that failed. */
BOVW_API bovw_status bovw_page_close(bovw_page *page, const bovw_compute *compute,
                                     const bovw_monitor *monitor, bovw_error *err);
/* Give up: nothing appears under the name. NULL allowed. */
BOVW_API void bovw_page_abort(bovw_page *page);

/*
 * The verified matches of a query with each of n hits, for a page: proposed and
 * verified once more as the searcher did, in parallel over hits. A hit whose
 * geometry has no model has none, nor has one whose geometry is that of another
 * query image than the first, which `query` is.
 *
 *   query, opts  as the hits were searched with.
 *   counts       (n,) matches of each hit.
 *   matches      of all hits, one after the other; the caller's: free().
 *
 * Cost: one assignment of the query and one verification a hit.
 * BOVW_ERR_CORRUPT where the index is damaged, BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_page_find_matches(
    const bovw_index *index, const bovw_features *query, const bovw_search_options *opts,
    const bovw_compute *compute, const bovw_hit *hits, uint32_t n, uint32_t *counts,
    bovw_page_match **matches, bovw_error *err);

/* ---- hashed search ------------------------------------------------------ */

/*
 * A self-contained page on hashed search among vectors: what was chosen, recall over
 * the share of the vectors that is looked at, what it takes. foot as above. path "-" is
 * standard output. BOVW_ERR_IO.
 */
BOVW_API bovw_status bovw_lsh_page_write(const char *path, const bovw_lsh_facts *facts,
                                         const bovw_lsh_curve *curve, const char *foot,
                                         bovw_error *err);

/* ---- match pictures ---------------------------------------------------- */

/*
 * The two images side by side with their inliers joined by lines.
 *
 *   a, b         RGB pictures, possibly scaled down: keypoints are in pixels
 *                of full_width x full_height.
 *   keypoints    of each image, in pixels of the original.
 *   matches      (n,) with is_inlier (n,); only inliers are drawn.
 *   geometry     the border of a is drawn in b where a motion was found.
 *   picture      filled on success; free with bovw_image_free().
 */
BOVW_API bovw_status bovw_draw_matches(
    const bovw_image *a, const bovw_keypoint *a_keypoints, const bovw_image *b,
    const bovw_keypoint *b_keypoints, const bovw_match *matches, const uint8_t *is_inlier,
    size_t n, const bovw_geometry *geometry, bovw_image *picture, bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
