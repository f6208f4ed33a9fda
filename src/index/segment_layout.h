/* segment_layout.h - the numbers that writer and reader of segments share. */
#ifndef INDEX_SEGMENT_LAYOUT_H
#define INDEX_SEGMENT_LAYOUT_H

#include "bovw/features.h"

#define SEGMENT_KIND "SEGM"

enum {
    SEGMENT_VERSION = 1,

    SECTION_SUMMARY = 1,
    SECTION_NAME_OFFSETS,
    SECTION_NAMES,
    SECTION_IMAGES,
    SECTION_FEATURE_OFFSETS,
    SECTION_FEATURES,
    SECTION_POSTING_OFFSETS,
    SECTION_FREQUENCIES,
    SECTION_POSTINGS,
    N_SEGMENT_SECTIONS = SECTION_POSTINGS,

    SUMMARY_BYTES = 32, /* images, words, features, postings: 64 bit each */
    IMAGE_BYTES = 32,   /* width, height, features, 0: 32 bit; content id */
    KEYPOINT_BYTES = 6  /* x, y: 16 bit; scale, angle: 8 bit */
};

/* A keypoint in 6 bytes, for an image of width x height pixels. Positions that
 * lie outside the image are moved to its border. */
void keypoint_encode(const bovw_keypoint *keypoint, uint32_t width, uint32_t height,
                     uint8_t bytes[KEYPOINT_BYTES]);
void keypoint_decode(const uint8_t bytes[KEYPOINT_BYTES], uint32_t width, uint32_t height,
                     bovw_keypoint *keypoint);

#endif
