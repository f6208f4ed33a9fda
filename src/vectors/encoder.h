/* encoder.h - what the ways to make one vector of an image have in common.
 *
 * A way is a function and a line of the table in encoder.c.
 */
#ifndef VECTORS_ENCODER_H
#define VECTORS_ENCODER_H

#include "bovw/encoder.h"

struct bovw_encoder {
    bovw_encoding encoding;
    unsigned normalisation;            /* BOVW_NORMALISE_... */
    const bovw_vocabulary *vocabulary; /* or */
    const bovw_mixture *mixture;
    uint32_t dim;
};

/* n > 0 descriptors; vector (dim,) is not zeroed. */
typedef bovw_status encode_function(const bovw_encoder *e, const uint8_t *descriptors,
                                    size_t n, float *vector, bovw_error *err);

encode_function encode_vlad, encode_bow, encode_fisher;

/* Square roots, signs kept. */
void encode_root(float *vector, size_t n);

#endif
