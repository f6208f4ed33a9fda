/* affine.h - elliptic neighbourhoods of keypoints, and what they look like
 * when they are made round.
 *
 * Baumberg, "Reliable feature matching across widely separated views", CVPR
 * 2000; Mikolajczyk and Schmid, "Scale & affine invariant interest point
 * detectors", IJCV 2004. Of the latter's iteration only the shape is adapted:
 * place and scale stay those of the detector. A view of the same surface from
 * elsewhere has the same rounded neighbourhood up to a rotation. */
#ifndef FEATURES_AFFINE_H
#define FEATURES_AFFINE_H

#include "features/scale_space.h"
#include "features/sift.h"

enum {
    PATCH_REACH = 22, /* pixels on each side of a patch's centre */
    PATCH_HEIGHT = 2 * PATCH_REACH + 1,
    PATCH_WIDTH = 48 /* and some at the right, for whole registers */
};

/* The keypoint's deviation in a rounded neighbourhood, pixels: a descriptor's
 * window then just fits. */
#define PATCH_SIGMA 2.0F

/* Deviations of the keypoint along two axes at right angles. */
typedef struct ellipse {
    float x, y;         /* pixels of the image */
    float major, minor; /* the same; their product is the square of the scale */
    float cosine, sine; /* direction of the major axis */
} ellipse;

/* A rounded neighbourhood: major axis to the right, the keypoint in the middle. */
typedef struct patch {
    float memory[PATCH_WIDTH * PATCH_HEIGHT + 2 * PLANE_PADDING];
} patch;

static inline plane patch_plane(const patch *p)
{
    return (plane){p->memory + PLANE_PADDING, PATCH_WIDTH, PATCH_HEIGHT};
}

/* The keypoint in a patch. */
static inline spot patch_spot(void)
{
    return (spot){(float)PATCH_REACH, (float)PATCH_REACH, PATCH_SIGMA};
}

/* The ellipse in which gradients are as strong in one direction as in another,
 * with the candidate's centre and area. False where there is none with axes of
 * at most 4 to 1, or it is not found. */
bool affine_adapt(const scale_space *space, const candidate *c, ellipse *shape);

/* The neighbourhood made round, and blurred alike in all directions. */
void affine_patch(const scale_space *space, const ellipse *shape, const sift_kernel *kernel,
                  patch *out);

/* The angle in a patch that makes the y axis of the keypoint's frame the
 * picture's: what upright keypoints have. */
float affine_upright_angle(const ellipse *shape);

/* The ellipse and an angle in its patch as a keypoint: a circle of the same
 * area, turned as the y axis of the frame is. */
bovw_keypoint affine_keypoint(const bovw_image *grey, const ellipse *shape, float angle);

#endif
