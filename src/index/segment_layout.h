/* segment_layout.h - the numbers that writer and reader of segments share. */
#ifndef INDEX_SEGMENT_LAYOUT_H
#define INDEX_SEGMENT_LAYOUT_H

#include "bovw/features.h"

#define SEGMENT_KIND "SEGM"

enum {
    SEGMENT_VERSION = 2, /* 1, with other postings, is read as well */

    SECTION_SUMMARY = 1,
    SECTION_NAME_OFFSETS,
    SECTION_NAMES,
    SECTION_IMAGES,
    SECTION_FEATURE_OFFSETS,
    SECTION_FEATURES,
    SECTION_POSTING_OFFSETS,
    SECTION_FREQUENCIES,
    SECTION_POSTINGS,
    SECTION_FEATURE_STARTS, /* these two and HE_LOW: with HE64 */
    SECTION_HE_LOW,
    SECTION_HE_HIGH,        /* with HE128 */
    SECTION_POSTING_STARTS, /* these three: with ASMK */
    SECTION_ASMK_LOW,
    SECTION_ASMK_HIGH,
    N_SEGMENT_SECTIONS = SECTION_ASMK_HIGH, /* at most */
    N_PLAIN_SECTIONS = SECTION_POSTINGS,

    SUMMARY_BYTES = 32, /* images, words, features, postings: 64 bit each */
    IMAGE_BYTES = 32,   /* width, height, features, 0: 32 bit; content id */
    KEYPOINT_BYTES = 6, /* x, y: 16 bit; scale, angle: 8 bit */
    PLANE_BYTES = 8,    /* half of a signature */

    V1_PADDING = 16 /* zeros after features and postings of version 1; CODED_PADDING */
};

/* A keypoint in 6 bytes, for an image of width x height pixels. Positions that
 * lie outside the image are moved to its border. */
void keypoint_encode(const bovw_keypoint *keypoint, uint32_t width, uint32_t height,
                     uint8_t bytes[KEYPOINT_BYTES]);
void keypoint_decode(const uint8_t bytes[KEYPOINT_BYTES], uint32_t width, uint32_t height,
                     bovw_keypoint *keypoint);

#endif
