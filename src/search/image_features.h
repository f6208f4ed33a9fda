/* image_features.h - some features of images of the index, as a query has them:
 * words, and signatures from the columns of the index. */
#ifndef SEARCH_IMAGE_FEATURES_H
#define SEARCH_IMAGE_FEATURES_H

#include "index/snapshot.h"
#include "search/scan.h"

typedef struct image_feature {
    uint32_t word;
    uint32_t image;
    uint32_t nth;    /* which of the image's features of the word */
    uint32_t source; /* what a term says that comes from it */
    uint64_t signature[2];
} image_feature;

typedef struct image_features {
    image_feature *items;
    size_t n, capacity;
    uint32_t *words; /* scratch: all of one image */
    bovw_keypoint *keypoints;
    size_t words_capacity, keypoints_capacity;
    uint64_t *keys, *spare; /* scratch of sorting */
    image_feature *sorted;
    size_t keys_capacity, spare_capacity, sorted_capacity;
} image_features;

/* Where a feature must lie. */
typedef struct image_region {
    const float *transform; /* (9,) from the query to the image; NULL: anywhere */
    float box[4];           /* left, top, right, bottom of the query */
} image_region;

/* Add the features of an image that lie where the region is mapped to: of a
 * transform without inverse none. Images come in ascending order of source.
 * BOVW_ERR_CORRUPT, BOVW_ERR_NOMEM. */
bovw_status image_features_add(image_features *f, const bovw_index *index, uint32_t image,
                               uint32_t source, const image_region *region,
                               bovw_error *err);

/* Sort by word, then source, then nth. BOVW_ERR_NOMEM. */
bovw_status image_features_sort(image_features *f, bovw_error *err);

/* Look the signatures up, on n_threads threads; the features must be sorted. Decodes the
 * postings of each word once, up to the last image that is wanted. BOVW_ERR_CORRUPT where
 * a feature has no posting. */
bovw_status image_features_sign(image_features *f, const bovw_index *index, scan_kind kind,
                                int n_threads, bovw_error *err);

void image_features_free(image_features *f);

#endif
