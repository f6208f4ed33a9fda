/* collection.h - images made up as photographs are: how often words occur, how often
 * one occurs again in the same image, how many features images have, and in how many bits
 * signatures of a word differ are measured on photographs (README.md). Image i is the
 * same whenever it is asked for.
 */
#ifndef BENCH_COLLECTION_H
#define BENCH_COLLECTION_H

#include "bovw/features.h"

typedef struct collection collection;

/* With at most n_features an image. NULL without memory. */
collection *collection_new(uint32_t n_words, uint32_t n_features, uint64_t seed);
void collection_free(collection *c);

/* Features without descriptors, and what they would be assigned to. */
typedef struct made_image {
    bovw_features features; /* keypoints and name; owned by the made_image */
    uint32_t *words;        /* (n, n_words) */
    uint64_t *signatures;   /* (n, n_words, 2), of which the first halves are filled */
    uint32_t *distances;    /* (n, n_words) zeros */
} made_image;

/* Room for images of the collection with n_words each feature; false without memory. */
bool made_image_new(const collection *c, uint32_t n_words, made_image *image);
void made_image_free(made_image *image);

/* Fill with image number i, one word each feature. */
void collection_image(const collection *c, uint64_t i, made_image *image);

/* Fill with another view of image i, as a query: `kept` in a hundred of its features
 * are seen again, turned, smaller and shifted, with a tenth of their signatures' bits
 * changed, the others are new. Features have words_each words. scratch: an image with one
 * word each feature. */
void collection_query(const collection *c, uint64_t i, uint32_t kept, uint32_t words_each,
                      made_image *scratch, made_image *query);

#endif
