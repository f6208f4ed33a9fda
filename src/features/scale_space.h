/* scale_space.h - the Gaussian scale space of an image.
 *
 * Lowe 2004, section 3, with VLFeat's parameters: the same levels, the same
 * Gaussians cut off at four deviations, the same borders. Levels equal
 * VLFeat's to float rounding. */
#ifndef FEATURES_SCALE_SPACE_H
#define FEATURES_SCALE_SPACE_H

#include "features/sift_kernel.h"

enum {
    SCALES = 3,          /* levels to an octave */
    LEVELS = SCALES + 3, /* of which the first has index -1 */
    MAX_OCTAVES = 16
};

typedef struct octave {
    int index;         /* a pixel is 2^index of the image's */
    int width, height; /* pixels */
    float *levels[LEVELS];
} octave;

/* Fits images of any size; keeps its memory from one to the next. */
typedef struct scale_space {
    int n_octaves;
    octave octaves[MAX_OCTAVES];
    float *memory; /* all levels */
    size_t capacity;
    float *rows; /* one row with borders for each thread */
    size_t rows_capacity;
} scale_space;

/* Deviation of level s in pixels of its octave; s may be between levels. */
double scale_space_sigma(double s);

/*
 * Lay out and fill the scale space of a grey image, pixels (height, width),
 * from octave `first` (-1 doubles the image). False without memory; there may
 * be no octaves if the image is small. Memory: 24 bytes a pixel of the first
 * octave and a third more.
 */
bool scale_space_fill(scale_space *space, const uint8_t *pixels, int width, int height,
                      int first, const sift_kernel *kernel, int n_threads);
void scale_space_free(scale_space *space); /* a zeroed one is fine */

/* A Gaussian cut off at four deviations, at most MAX_RADIUS. */
gaussian scale_space_gaussian(double sigma);

/* Row y of a plane, smoothed across the rows by `down` and within them by
 * `along`; beyond a border its pixels repeat. `row` is scratch with MAX_RADIUS
 * floats before and behind a row's. */
void scale_space_smooth_row(const plane *from, int y, const gaussian *down,
                            const gaussian *along, const sift_kernel *kernel, float *row,
                            float *to);

/* Level s in [-1, SCALES + 1] of an octave. */
static inline plane octave_level(const octave *o, int s)
{
    return (plane){o->levels[s + 1], o->width, o->height};
}

#endif
