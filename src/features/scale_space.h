/* scale_space.h - fill the octaves that VLFeat's SIFT works on, faster than
 * VLFeat does.
 *
 * Lowe 2004, section 3, with VLFeat's parameters: the same levels, the same
 * Gaussians cut off at four deviations, the same borders. Levels equal
 * VLFeat's to float rounding. */
#ifndef FEATURES_SCALE_SPACE_H
#define FEATURES_SCALE_SPACE_H

#include <stdbool.h>
#include <vl/sift.h>

/* Scratch, for images of one filter's size. */
typedef struct scale_space {
    float *row; /* one row of the first octave with its borders */
} scale_space;

/* Room for the octaves of a filter; false without memory. */
bool scale_space_init(scale_space *space, const VlSiftFilt *filter);
void scale_space_free(scale_space *space); /* a zeroed one is fine */

/* In place of vl_sift_process_first_octave() and _next_octave(): pixels are
 * (height, width) of the filter's image. False past the last octave. */
bool scale_space_first(scale_space *space, VlSiftFilt *filter, const float *pixels);
bool scale_space_next(scale_space *space, VlSiftFilt *filter);

#endif
