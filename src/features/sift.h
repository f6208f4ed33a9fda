/* sift.h - the two SIFT extractors, and what they share.
 *
 * sift_fast.c is our own: same keypoints and descriptors as VLFeat to float
 * rounding, several times faster, and other detectors besides. sift_vlfeat.c is
 * VLFeat alone, the reference that it is tested against. Both describe only the
 * strongest keypoints. */
#ifndef FEATURES_SIFT_H
#define FEATURES_SIFT_H

#include "bovw/features.h"
#include "features/sift_kernel.h"

enum {
    MAX_ANGLES = 4 /* orientations of one keypoint, at most */
};

/* The orientation of every upright keypoint. */
#define UPRIGHT_ANGLE 0.0F

/* A keypoint without orientation yet. */
typedef struct candidate {
    int octave, level; /* whose gradients describe it */
    spot at;           /* pixels of the octave */
    float strength;    /* of the response: see extrema.h */
    uint64_t order;    /* where it was found: breaks ties */
} candidate;

/* One keypoint with one orientation: what becomes a feature. */
typedef struct oriented {
    uint32_t candidate;
    float angle;
} oriented;

/* The two or fewer to four angles of an orientation histogram, which is
 * smoothed in place: peaks of at least 0.8 of the highest, interpolated (Lowe
 * 2004, section 5, as VLFeat does it). Returns how many. */
int sift_angles(float histogram[N_ANGLE_BINS], float angles[MAX_ANGLES]);

/* Unit length, elements cut at 0.2, unit length again; a histogram of zeros
 * stays. */
void sift_normalise(float histogram[DESCRIPTOR_BINS]);

/* A normalised descriptor as bytes: 512 times it, or times its RootSIFT. */
void sift_quantise(const float descriptor[DESCRIPTOR_BINS], bool root, uint8_t *bytes);

/* A keypoint in pixels of the original of a scaled image. */
bovw_keypoint sift_keypoint(const bovw_image *grey, int octave, const spot *at,
                            float angle);

/* Room for n features. BOVW_ERR_NOMEM. */
bovw_status sift_make_room(bovw_features *out, size_t n, bovw_error *err);

typedef struct sift_fast sift_fast;
typedef struct sift_vlfeat sift_vlfeat;

bovw_status sift_fast_new(const bovw_feature_options *opts, const bovw_compute *compute,
                          sift_fast **made, bovw_error *err);
void sift_fast_free(sift_fast *s); /* NULL is fine */

/* n, keypoints and descriptors of a grey image with sides of 16 to 8192. */
bovw_status sift_fast_run(sift_fast *s, const bovw_image *grey, bovw_features *out,
                          bovw_error *err);

bovw_status sift_vlfeat_new(const bovw_feature_options *opts, sift_vlfeat **made,
                            bovw_error *err);
void sift_vlfeat_free(sift_vlfeat *s);
bovw_status sift_vlfeat_run(sift_vlfeat *s, const bovw_image *grey, bovw_features *out,
                            bovw_error *err);

#endif
