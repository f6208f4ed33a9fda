/* verify.h - does one planar motion explain the matches of two images?
 *
 * SPDX-License-Identifier: MIT
 *
 * Philbin et al., "Object retrieval with large vocabularies and fast spatial
 * matching", CVPR 2007; Chum, Matas and Kittler, "Locally optimized RANSAC",
 * DAGM 2003. Every single match proposes a similarity (its two keypoints give
 * position, scale and angle); all are tried, so nothing is random. The best
 * ones are refined to an affinity and a homography. Schoenberger et al., "A
 * vote-and-verify strategy for fast spatial verification in image retrieval",
 * ACCV 2016, for inliers that count by how they spread.
 */
#ifndef BOVW_VERIFY_H
#define BOVW_VERIFY_H

#include "bovw/features.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tentative match: keypoint a of the first image, b of the second. */
typedef struct bovw_match {
    uint32_t a, b;
} bovw_match;

typedef enum bovw_model {
    BOVW_MODEL_NONE = 0,
    BOVW_MODEL_SIMILARITY,
    BOVW_MODEL_AFFINE,
    BOVW_MODEL_HOMOGRAPHY
} bovw_model;

/* "none", "similarity", "affine", "homography". */
BOVW_API const char *bovw_model_name(bovw_model model);

typedef struct bovw_verify_options {
    float tolerance;       /* largest transfer error of an inlier, as a part of
                            * the longer side of the image it is measured in,
                            * in both directions; 0.015 */
    float max_scale_ratio; /* a match whose keypoint scales differ from the
                            * motion's scale by more is no inlier; 2 */
    float max_angle;       /* the same for angles, radians; pi / 6 */
    uint32_t max_matches;  /* more tentative matches than this: the first ones
                            * are used; at most 2^24; 2000 */
} bovw_verify_options;

BOVW_API void bovw_verify_options_default(bovw_verify_options *opts);

typedef struct bovw_geometry {
    bovw_model model;
    uint32_t n_inliers; /* one to one: no keypoint is in two of them, nor are two
                         * keypoints at exactly the same position */
    float effective;    /* how many inliers they count for, given how they spread:
                         * the cells of a grid that hold any, averaged over grids of
                         * 8, 16, 32 and 64 cells along the longer side; of the two
                         * images the lesser. In [0, n_inliers] */
    float transform[9]; /* row-major 3 x 3, from the first image to the second,
                         * pixels, bottom right 1; zeros where model is none */
} bovw_geometry;

/*
 * The rule for "verified": from so many effective inliers the agreement is not
 * chance. Measured with 1,449 distractors as queries among 2,826 images, preset
 * "best" (20,000 words, 128-bit signatures, 2,000 features an image), the first 200
 * of each ranking: of 140,774 pairs that show something else none passed, from 11 on
 * 2 did. Look-alikes are not chance: of the 899,652 pairs of animal
 * faces cropped alike 598 passed, 219 of them with 24 or more, which mostly are one
 * animal. Counting those as right, 0.9 of 10,000 pairs of a distractor and anything
 * else pass; with 11 it were 1.8. Of 61,175 pairs of the same object (without expansion) 70
 * % passed, 74 % from 11 on. Matches by word alone are fewer: with them 11 was as strict.
 */
#define BOVW_VERIFIED_EFFECTIVE 13.0f
BOVW_API bool bovw_geometry_is_verified(const bovw_geometry *geometry);

/* Scratch of one thread. BOVW_ERR_ARG naming the option that is out of range. */
typedef struct bovw_verifier bovw_verifier;
BOVW_API bovw_status bovw_verifier_new(const bovw_verify_options *opts,
                                       bovw_verifier **verifier, bovw_error *err);
BOVW_API void bovw_verifier_free(bovw_verifier *verifier);

/* One image's side of a set of matches. */
typedef struct bovw_frame {
    const bovw_keypoint *keypoints; /* borrowed */
    uint32_t n;
    uint32_t width, height; /* pixels */
} bovw_frame;

/*
 * Estimate the motion from image a to image b.
 *
 *   matches      (n,) indices into a->keypoints and b->keypoints, the more
 *                trustworthy first where there are more than max_matches.
 *   is_inlier    (n,) set to 1 or 0, or NULL.
 *   geometry     model NONE and 0 inliers where fewer than 3 matches agree.
 *
 * The same matches in the same order give the same result, bit for bit.
 * Keypoints that are not finite, without scale or far outside their image are
 * never inliers. BOVW_ERR_ARG if a match points outside or an image without
 * pixels has matches; BOVW_ERR_NOMEM. O(n^2), of
 * which most is left out: 0.03 ms for 300 matches, 0.3 ms for 2,000.
 */
BOVW_API bovw_status bovw_verify(bovw_verifier *verifier, const bovw_frame *a,
                                 const bovw_frame *b, const bovw_match *matches, size_t n,
                                 uint8_t *is_inlier, bovw_geometry *geometry,
                                 bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
