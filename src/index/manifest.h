/* manifest.h - the file that says what an index consists of. Replacing it is
 * the commit of a change. FORMAT.md has its text. */
#ifndef INDEX_MANIFEST_H
#define INDEX_MANIFEST_H

#include <stdint.h>

#include "bovw/index.h"

enum {
    MANIFEST_VERSION = 3 /* 1, without signatures, and 2, without removed images, are
                          * read as well */
};

/* The set of removed images of a segment: file "NNNNNN.removed.GENERATION". */
typedef struct manifest_removed {
    uint64_t generation;             /* that wrote it */
    uint32_t n_images;               /* removed; 0: there is no such file */
    uint64_t n_features, n_postings; /* that they have */
    uint64_t n_bytes;
    uint64_t checksum; /* of its container */
} manifest_removed;

/* Counts include removed images. */
typedef struct manifest_segment {
    uint32_t number; /* file "NNNNNN.segment" */
    uint32_t n_images;
    uint64_t n_features, n_postings;
    uint64_t n_bytes;
    uint64_t checksum; /* of its container */
    manifest_removed removed;
} manifest_segment;

typedef struct manifest {
    uint64_t generation;
    char vocabulary_id[33];
    uint32_t signatures;         /* that every segment has; BOVW_SIGNATURES_ */
    uint64_t weights_generation; /* that wrote the file "weights.GENERATION" */
    uint64_t weights_checksum;   /* of its container */
    manifest_segment *segments;  /* (n_segments,) owned */
    uint32_t n_segments;
} manifest;

void manifest_free(manifest *m);

/* Read folder/MANIFEST. BOVW_ERR_FORMAT where there is none. */
bovw_status manifest_read(const char *folder, manifest *m, bovw_error *err);

/* Replace folder/MANIFEST. */
bovw_status manifest_write(const char *folder, const manifest *m, bovw_error *err);

/* Paths of the parts of an index, the caller's; NULL without memory. */
char *manifest_path(const char *folder);
char *vocabulary_path(const char *folder);
char *lock_path(const char *folder);
char *segment_path(const char *folder, uint32_t number);
char *removed_path(const char *folder, uint32_t number, uint64_t generation);
char *weights_path(const char *folder, uint64_t generation);

#endif
