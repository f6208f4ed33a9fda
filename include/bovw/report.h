/* report.h - results as people look at them: HTML pages and match pictures.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BOVW_REPORT_H
#define BOVW_REPORT_H

#include "bovw/image.h"
#include "bovw/search.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pages of query results -------------------------------------------- */

/* One self-contained HTML file: pictures inlined, no script or network needed.
 * Written as it goes, so memory does not grow with the number of queries. */
typedef struct bovw_page bovw_page;

/*
 *   path     "-" is standard output; a file appears under its name at close.
 *   title    heading, plain text.
 *   foot     lines under the results (command, options, vocabulary id,
 *            version), plain text, '\n' between lines; may be NULL.
 *   side     longer side of the result pictures, pixels; 0: 240.
 */
BOVW_API bovw_status bovw_page_open(const char *path, const char *title, const char *foot,
                                    uint32_t side, bovw_page **page, bovw_error *err);

typedef struct bovw_page_result {
    const char *name;    /* of the image */
    const char *picture; /* file to show, NULL or unreadable: the name alone */
    bovw_hit hit;
} bovw_page_result;

typedef struct bovw_page_query {
    const char *name;
    const char *picture; /* as above */
    const float *region; /* x0 y0 x1 y1 in pixels of the picture, or NULL; drawn */
    uint32_t n_features;
    bovw_timings seconds;
} bovw_page_query;

/* One query and its n results, best first. Thumbnails are made in parallel. */
BOVW_API bovw_status bovw_page_add(bovw_page *page, const bovw_page_query *query,
                                   const bovw_page_result *results, size_t n,
                                   const bovw_compute *compute, bovw_error *err);

/* Commit and free, also on failure. */
BOVW_API bovw_status bovw_page_close(bovw_page *page, bovw_error *err);
/* Give up: nothing appears under the name. NULL allowed. */
BOVW_API void bovw_page_abort(bovw_page *page);

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
