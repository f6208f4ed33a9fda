/* weights.h - idf of words and lengths of images, for one generation. */
#ifndef INDEX_WEIGHTS_H
#define INDEX_WEIGHTS_H

#include "index/segment.h"

typedef struct weights {
    container file;
    const uint8_t *idf;   /* (n_words,) little-endian float */
    const uint8_t *norms; /* (n_images,) little-endian float */
    /* The same of tf-idf vectors whose term frequencies are square roots, or 1;
     * NULL in an old file. */
    const uint8_t *root_norms, *binary_norms;
} weights;

/* Compute the weights of segments, whose images follow each other in this
 * order, and write them to path. Reads all postings: O(postings). Memory: 28
 * bytes an image, 4 a word. */
bovw_status weights_write(const char *path, const segment *segments, uint32_t n_segments,
                          uint32_t n_words, const bovw_compute *compute, uint64_t *checksum,
                          bovw_error *err);

bovw_status weights_open(const char *path, uint32_t n_words, uint32_t n_images,
                         weights *out, bovw_error *err);
void weights_close(weights *w);

/* Are these the weights of the segments, to the bit? */
bovw_status weights_check(const weights *w, const char *path, const segment *segments,
                          uint32_t n_segments, uint32_t n_words, bovw_error *err);

#endif
