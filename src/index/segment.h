/* segment.h - an immutable piece of an index: images, their words and
 * keypoints, and the postings of every word. FORMAT.md has the bytes. */
#ifndef INDEX_SEGMENT_H
#define INDEX_SEGMENT_H

#include <stdbool.h>

#include "bovw/index.h"
#include "index/postings.h"
#include "index/removed.h"
#include "io/container.h"

/* ---- building ------------------------------------------------------------ */

/* Collects the images of one segment in memory. */
typedef struct segment_builder segment_builder;

/* With signatures, a set of BOVW_SIGNATURES_. */
bovw_status segment_builder_new(uint32_t n_words, uint32_t signatures,
                                segment_builder **builder, bovw_error *err);
void segment_builder_free(segment_builder *builder);
uint32_t segment_builder_count(const segment_builder *builder);

/* Signatures of one image; NULL where the builder wants none. */
typedef struct image_signatures {
    const uint64_t *features;   /* (n, 2) in the order of the features */
    const uint64_t *aggregates; /* (distinct words, 2) in ascending order of word */
} image_signatures;

/* Add an image: words (features->n,) in [0, n_words). Descriptors are not
 * looked at. signatures may be NULL. On failure the builder is as it was. */
bovw_status segment_builder_add(segment_builder *builder, const bovw_features *features,
                                const uint32_t *words, const image_signatures *signatures,
                                bovw_error *err);

/* Write what was added, and empty the builder for the next segment. After a
 * failure it can only be freed. */
bovw_status segment_builder_write(segment_builder *builder, const char *path,
                                  uint64_t *checksum, bovw_error *err);

/* ---- reading ------------------------------------------------------------- */

/* A mapped segment, and what is removed of it. Pointers are into the map, integers
 * little-endian. Counts and arrays are those of the file, removed images
 * included; n_live is without. */
typedef struct segment {
    char *path;
    container file;
    uint32_t n_images, n_words;
    uint64_t n_features, n_postings;
    uint32_t n_live;
    removed_set removed;
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

    /* Signatures as planes of 64 bit, bits 0 to 63 and bits 64 to 127; NULL
     * where the index has none. They follow the postings: of a word, of its
     * images in turn, and there of features in the order of the feature blob. */
    const uint8_t *feature_starts; /* (n_words + 1,) 64 bit: features of the words before */
    const uint8_t *he[2];          /* (n_features,) */
    const uint8_t *posting_starts; /* (n_words + 1,) 64 bit: postings of the words before */
    const uint8_t *asmk[2];        /* (n_postings,) */
} segment;

/* Map a segment that has these signatures and check its layout: O(1). Nothing is
 * removed of it then. */
bovw_status segment_open(const char *path, uint32_t n_words, uint32_t signatures,
                         segment *out, bovw_error *err);
void segment_close(segment *s);

/* Read the set of removed images of a segment that was just opened. */
bovw_status segment_open_removed(segment *s, const char *path, bovw_error *err);

/* Stored number of a live image. */
static inline uint32_t segment_stored(const segment *s, uint32_t live)
{
    return s->removed.stored ? s->removed.stored[live] : live;
}

/* Live number of a stored image; IMAGE_REMOVED. */
static inline uint32_t segment_live(const segment *s, uint32_t stored)
{
    return s->removed.live ? s->removed.live[stored] : stored;
}

/* Read every byte: checksums, and that postings and signatures follow from the
 * features. Memory: at most 16 bytes for each of 16 million features, or of those
 * of one image, and 8 bytes an image and 16 a word. */
bovw_status segment_check(const segment *s, bovw_error *err);

/* image: a stored number, in [0, n_images) of the segment. */
bovw_image_info segment_image(const segment *s, uint32_t image);

/* As bovw_index_features(), of a stored number. */
bovw_status segment_features(const segment *s, uint32_t image, uint32_t *words,
                             bovw_keypoint *keypoints, bovw_error *err);

/* The same as they are stored: words, then keypoints. */
bovw_status segment_feature_blob(const segment *s, uint32_t image, const uint8_t **bytes,
                                 size_t *n_bytes, bovw_error *err);

/* How many features, and postings, some images have together: images (n,) by stored
 * number. */
bovw_status segment_sum(const segment *s, const uint32_t *images, uint32_t n,
                        uint64_t *n_features, uint64_t *n_postings, bovw_error *err);

/* Stored images that contain a word: at least as many as are left. */
uint32_t segment_frequency(const segment *s, uint32_t word);

/* Add to counts (n_words,) in how many of the images that are left each word is.
 * Reads the words of those that are removed. */
bovw_status segment_count_live(const segment *s, uint32_t *counts, bovw_error *err);

/* Decode the postings of a word: those that are left, by live number, *n of them.
 * images and tfs have room for segment_frequency(). */
bovw_status segment_postings(const segment *s, uint32_t word, uint32_t *images,
                             uint32_t *tfs, uint32_t *n, bovw_error *err);

/* All segment_frequency() of them, by stored number. */
bovw_status segment_stored_postings(const segment *s, uint32_t word, uint32_t *images,
                                    uint32_t *tfs, bovw_error *err);

/* The images of a word's features, block by block: begin, then get the next ones, none
 * past the last, as postings_next(). */
bovw_status segment_read_postings(const segment *s, uint32_t word, postings_reader *reader,
                                  bovw_error *err);
bovw_status segment_next_postings(const segment *s, uint32_t word, postings_reader *reader,
                                  uint32_t images[POSTINGS_BLOCK], uint32_t *n,
                                  bovw_error *err);

/* Signatures of a word's features, or of its postings where is_asmk: planes gets
 * where they start, the second NULL where there is none, and *n how many there
 * are. They go with the stored postings. The segment must have such signatures. */
bovw_status segment_signatures(const segment *s, uint32_t word, bool is_asmk,
                               const uint8_t *planes[2], uint64_t *n, bovw_error *err);

/* What is read of a word is spread over a file: asked for some words ahead, it comes in
 * the meantime. First where its lists are, later the lists themselves. kind: of its
 * signatures too? A damaged place is not looked at. */
typedef enum list_kind {
    LIST_POSTINGS,
    LIST_HE,
    LIST_ASMK
} list_kind;

void segment_expect_places(const segment *s, uint32_t word, list_kind kind);
void segment_expect_lists(const segment *s, uint32_t word, list_kind kind);

enum {
    PLACES_AHEAD = 12, /* words */
    LISTS_AHEAD = 2
};

#endif
