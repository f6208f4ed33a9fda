/* same_feature.h - is a feature of one extractor the same as one of another? */
#ifndef TESTS_SAME_FEATURE_H
#define TESTS_SAME_FEATURE_H

#include <math.h>

#include "bovw/features.h"

/* Of two descriptors; 1 where one of them is zeros. */
static inline double descriptor_cosine(const uint8_t *a, const uint8_t *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < BOVW_DESCRIPTOR_DIM; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1.0;
}

/* Same place to 0.05 pixels, scale to 1 %, angle to 0.01 radians? */
static inline bool is_same_keypoint(const bovw_keypoint *a, const bovw_keypoint *b)
{
    const float turn = fabsf(a->angle - b->angle);
    return fabsf(a->x - b->x) < 0.05F && fabsf(a->y - b->y) < 0.05F &&
           fabsf(a->scale - b->scale) < 0.01F * b->scale &&
           (turn < 0.01F || turn > 6.2731853F);
}

/* Cosine of theirs->descriptors[i] with the best of ours in the same place; -1 where
 * there is none. */
static inline double same_feature_cosine(const bovw_features *ours,
                                         const bovw_features *theirs, uint32_t i)
{
    double best = -1;
    for (uint32_t j = 0; j < ours->n; j++) {
        if (!is_same_keypoint(&ours->keypoints[j], &theirs->keypoints[i]))
            continue;
        const double c =
            descriptor_cosine(ours->descriptors + (size_t)j * BOVW_DESCRIPTOR_DIM,
                              theirs->descriptors + (size_t)i * BOVW_DESCRIPTOR_DIM);
        best = c > best ? c : best;
    }
    return best;
}

#endif
