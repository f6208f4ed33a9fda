/* extrema.h - keypoints as extrema of a response over place and scale.
 *
 * Lowe 2004, sections 3.1 and 4, with VLFeat's rules: an extremum of its 26
 * neighbours of at least 0.8 times the threshold, refined by at most five
 * Newton steps in x and y, at least the threshold there, and not on an edge.
 *
 * The response is the difference of Gaussians, or the determinant of the
 * Hessian (Lindeberg, "Feature detection with automatic scale selection", IJCV
 * 1998): maxima are blobs, minima saddles. Its strength is the square root
 * times a constant with which a round blob is about as strong as by the
 * difference of Gaussians, so that one threshold does for both. */
#ifndef FEATURES_EXTREMA_H
#define FEATURES_EXTREMA_H

#include "features/scale_space.h"
#include "features/sift.h"

typedef enum response {
    DIFFERENCE_OF_GAUSSIANS,
    HESSIAN_DETERMINANT
} response;

/* The keypoints of an image, and scratch to find them. */
typedef struct extrema {
    candidate *items; /* (n,) strongest first */
    size_t n, capacity;
    struct extrema_thread *threads; /* (n_threads,) */
    int n_threads;
} extrema;

/* Find the keypoints of a scale space, on n_threads threads; the result does
 * not depend on how many. False without memory. */
bool extrema_find(extrema *found, const scale_space *space, response kind,
                  float peak_threshold, float edge_threshold, const sift_kernel *kernel,
                  int n_threads);
void extrema_free(extrema *found); /* a zeroed one is fine */

#endif
