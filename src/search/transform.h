/* transform.h - plane transforms as row-major 3 x 3 matrices of double, and
 * their least-squares fits.
 *
 * Hartley and Zisserman, "Multiple view geometry", 2nd edition, chapter 4;
 * Hartley, "In defense of the eight-point algorithm", PAMI 1997, for the
 * normalisation of coordinates.
 */
#ifndef SEARCH_TRANSFORM_H
#define SEARCH_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>

/* A point of the first image and the one of the second that it should meet. */
typedef struct point_pair {
    double ax, ay, bx, by;
} point_pair;

/* out = left * right; out may be neither of them. */
void transform_multiply(const double left[9], const double right[9], double out[9]);

/* False, and inverse undefined, where the matrix is singular. */
bool transform_inverse(const double matrix[9], double inverse[9]);

double transform_determinant(const double matrix[9]);

/* Third homogeneous coordinate of the image of (x, y). */
static inline double transform_depth(const double m[9], double x, double y)
{
    return m[6] * x + m[7] * y + m[8];
}

/* Image of (x, y); false where it is at infinity or behind (depth <= 0). */
bool transform_apply(const double matrix[9], double x, double y, double *to_x,
                     double *to_y);

/* Row-major 2 x 2 derivative at a point whose image (to_x, to_y) has the given
 * depth: what the transform does to small things there. */
void transform_derivative(const double matrix[9], double depth, double to_x, double to_y,
                          double derivative[4]);

/* Cosine and sine of an angle in radians, at most a million. The library's
 * may differ in the last bit from one processor to another; these do not. */
void transform_direction(double angle, double *cosine, double *sine);

/* The similarity that takes (ax, ay) to (bx, by), turns by `turn` radians and
 * enlarges by `scale`. */
void transform_similarity(double scale, double turn, const point_pair *pair, double out[9]);

/*
 * Fits to n pairs: the similarity and the affinity with the least sum of
 * squared distances in the second image, the homography with the least
 * algebraic error in normalised coordinates. They want at least 2, 3 and 4
 * pairs. False, and out undefined, where the pairs do not determine the
 * transform: too few, on one point, on one line. O(n).
 */
bool transform_fit_similarity(const point_pair *pairs, size_t n, double out[9]);
bool transform_fit_affine(const point_pair *pairs, size_t n, double out[9]);
bool transform_fit_homography(const point_pair *pairs, size_t n, double out[9]);

#endif
