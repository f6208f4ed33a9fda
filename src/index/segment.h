/* segment.h - an immutable piece of an index: images, their words and
 * keypoints, and the postings of every word. FORMAT.md has the bytes. */
#ifndef INDEX_SEGMENT_H
#define INDEX_SEGMENT_H

#include "bovw/index.h"
#include "io/container.h"

/* ---- building ------------------------------------------------------------ */

/* Collects the images of one segment in memory. */
typedef struct segment_builder segment_builder;

bovw_status segment_builder_new(uint32_t n_words, segment_builder **builder,
                                bovw_error *err);
void segment_builder_free(segment_builder *builder);
uint32_t segment_builder_count(const segment_builder *builder);

/* Add an image: words (features->n,) in [0, n_words). Descriptors are not
 * looked at. On failure the builder is as it was. */
bovw_status segment_builder_add(segment_builder *builder, const bovw_features *features,
                                const uint32_t *words, bovw_error *err);

/* Write what was added, and empty the builder for the next segment. */
bovw_status segment_builder_write(segment_builder *builder, const char *path,
                                  uint64_t *checksum, bovw_error *err);

struct segment;

/* Does a segment have exactly the postings that its builder would write now?
 * BOVW_ERR_CORRUPT where it has not. */
bovw_status segment_builder_compare(const segment_builder *builder, const struct segment *s,
                                    bovw_error *err);

/* ---- reading ------------------------------------------------------------- */

/* A mapped segment. Pointers are into the map, integers little-endian. */
typedef struct segment {
    char *path;
    container file;
    uint32_t n_images, n_words;
    uint64_t n_features, n_postings;
    const uint8_t *name_offsets; /* (n_images,) 64 bit into names */
    const char *names;           /* zero-terminated, names_bytes in all */
    uint64_t names_bytes;
    const uint8_t *images;          /* (n_images, IMAGE_BYTES) */
    const uint8_t *feature_offsets; /* (n_images + 1,) 64 bit into features */
    const uint8_t *features;
    uint64_t features_bytes;
    const uint8_t *posting_offsets; /* (n_words + 1,) 64 bit into postings */
    const uint8_t *frequencies;     /* (n_words,) 32 bit: images with the word */
    const uint8_t *postings;
    uint64_t postings_bytes; /* without the padding */
} segment;

/* Map a segment and check its layout: O(1). */
bovw_status segment_open(const char *path, uint32_t n_words, segment *out, bovw_error *err);
void segment_close(segment *s);

/* Read every byte: checksums, and that postings follow from the features. */
bovw_status segment_check(const segment *s, bovw_error *err);

/* image in [0, n_images) of the segment. */
bovw_image_info segment_image(const segment *s, uint32_t image);

/* As bovw_index_features(). */
bovw_status segment_features(const segment *s, uint32_t image, uint32_t *words,
                             bovw_keypoint *keypoints, bovw_error *err);

/* Images that contain a word. */
uint32_t segment_frequency(const segment *s, uint32_t word);

/* Decode the segment_frequency() postings of a word. */
bovw_status segment_postings(const segment *s, uint32_t word, uint32_t *images,
                             uint32_t *tfs, bovw_error *err);

#endif
