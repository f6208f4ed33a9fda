/* read_image.h - from the bytes of a picture file to its features. */
#ifndef FEATURES_READ_IMAGE_H
#define FEATURES_READ_IMAGE_H

#include "bovw/features.h"

/* Largest picture file that is read. */
#define MAX_PICTURE_BYTES ((size_t)1 << 30)

/* Decode and extract the picture that is in memory; fills every member. */
bovw_status extract_bytes(bovw_extractor *extractor, const bovw_feature_options *opts,
                          const char *name, const uint8_t *bytes, size_t n_bytes,
                          bovw_features *features, bovw_error *err);

#endif
