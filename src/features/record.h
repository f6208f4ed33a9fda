/* record.h - the bytes of one image in a feature file, and of its header.
 * FORMAT.md beside this file describes them. */
#ifndef FEATURES_RECORD_H
#define FEATURES_RECORD_H

#include "bovw/features.h"

enum {
    FEATURE_FILE_VERSION = 1,
    FEATURE_HEADER_BYTES = 256,
    RECORD_HEADER_BYTES = 64,
    RECORD_ALIGNMENT = 64
};

/* The header of a feature file; index_offset is 0 while it is unfinished. */
typedef struct feature_header {
    uint64_t index_offset; /* of n_images file offsets, at the end of the file */
    uint64_t n_images, n_features;
    uint64_t index_checksum;
    bovw_feature_options options;
} feature_header;

void feature_header_encode(const feature_header *header,
                           uint8_t bytes[FEATURE_HEADER_BYTES]);

/* path only for error text. BOVW_ERR_FORMAT, _VERSION, _CORRUPT. */
bovw_status feature_header_decode(const char *path, const uint8_t *bytes, size_t n_bytes,
                                  feature_header *header, bovw_error *err);

/* What a record's header says, and where its parts are: borrowed pointers. */
typedef struct record_view {
    uint64_t n_bytes; /* of the whole record */
    uint32_t n, width, height;
    const uint8_t *content_id;  /* (16,) */
    const char *name;           /* zero-terminated */
    const uint8_t *keypoints;   /* (n, 4) little-endian float */
    const uint8_t *descriptors; /* (n, 128) */
} record_view;

/* Look at the record that starts at bytes, of which n_bytes are there. Checks
 * sizes and bounds: false where it is no whole record. */
bool record_decode(const uint8_t *bytes, uint64_t n_bytes, record_view *view);

/* Compare a decoded record with its checksum. */
bool record_verify(const uint8_t *bytes, const record_view *view);

/* One record as bytes; *bytes is the caller's. */
bovw_status record_encode(const bovw_features *features, uint8_t **bytes, size_t *n_bytes,
                          bovw_error *err);

#endif
