/* sift_kernel.h - the inner loops of SIFT, one table of functions for each
 * instruction set.
 *
 * All kernels are the same code (sift_kernel_template.h) with another width of
 * register. Every sum is made in an order that does not depend on that width
 * and nothing is fused, so all give the same bits.
 *
 * Planes of pixels are (height, width) floats without gaps, with at least
 * PLANE_PADDING floats that may be read, but mean nothing, before and behind.
 */
#ifndef FEATURES_SIFT_KERNEL_H
#define FEATURES_SIFT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLANE_PADDING = 32, /* floats around a plane */
    MAX_RADIUS = 64,    /* of a Gaussian */
    N_ANGLE_BINS = 36,  /* of an orientation histogram (Lowe 2004, section 5) */
    MAX_WINDOW = 64,    /* half a descriptor's window, pixels, at most */
    DESCRIPTOR_BINS = 128
};

/* One half of a symmetric Gaussian that sums to one. */
typedef struct gaussian {
    int radius;
    float weights[MAX_RADIUS + 1]; /* by distance from the centre */
} gaussian;

typedef struct plane {
    const float *pixels;
    int width, height;
} plane;

/* factor times the determinant of the Hessian at column x of the middle one of
 * three rows, by finite differences. */
static inline float hessian_at(const float *const rows[3], float factor, int x)
{
    const float *above = rows[0] + x, *row = rows[1] + x, *below = rows[2] + x;
    const float twice = row[0] + row[0];
    const float xx = row[1] + row[-1] - twice, yy = below[0] + above[0] - twice;
    const float xy = 0.25F * ((below[1] - below[-1]) - (above[1] - above[-1]));
    return (xx * yy - xy * xy) * factor;
}

/* Where a keypoint is in its octave. */
typedef struct spot {
    float x, y, sigma; /* pixels of the octave */
} spot;

typedef struct sift_kernel {
    const char *name;
    bool (*is_supported)(void); /* by this processor */

    /* out[x] = w[0] before[0][x] + sum over i > 0 of w[i] (before[i][x] +
     * after[i][x]), for x in [0, n). */
    void (*sum_pairs)(const gaussian *g, const float *const *before,
                      const float *const *after, int n, float *out);

    /* out[x] = a[x] - b[x]. */
    void (*subtract)(const float *a, const float *b, int n, float *out);

    /* out[x] = factor times the determinant of the Hessian, for x in [1, n - 1);
     * 0 at both ends. */
    void (*hessian)(const float *const rows[3], float factor, int n, float *out);

    /* The x in [1, n - 1) where |rows[4][x]| is at least `threshold` and
     * rows[4][x] is above, or below, all its 26 neighbours; returns how many.
     * rows: three rows of the level below, three of this one, three of the one
     * above, each in the order y - 1, y, y + 1. */
    int (*find_extrema)(const float *const rows[9], int n, float threshold, int *found);

    /* Histogram of gradient directions around a keypoint, weighted by magnitude
     * and a Gaussian of 1.5 sigma. */
    void (*orientation_histogram)(const plane *level, const spot *at,
                                  float histogram[N_ANGLE_BINS]);

    /* The 4 x 4 x 8 histogram of a descriptor, not normalised. */
    void (*descriptor_histogram)(const plane *level, const spot *at, float angle,
                                 float cosine, float sine,
                                 float histogram[DESCRIPTOR_BINS]);
} sift_kernel;

extern const sift_kernel sift_kernel_portable;
#if defined(__x86_64__)
extern const sift_kernel sift_kernel_avx2, sift_kernel_avx512;
#endif

/* The supported kernel of this name, else the fastest one. */
const sift_kernel *sift_kernel_find(const char *name);

/* Kernel i that this processor can run, fastest first; NULL past the end. */
const sift_kernel *sift_kernel_at(size_t i);

#endif
