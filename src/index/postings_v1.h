/* postings_v1.h - postings lists of segments of version 1: gaps between images, then
 * term frequencies less one, both as Stream VByte. They are read only. */
#ifndef INDEX_POSTINGS_V1_H
#define INDEX_POSTINGS_V1_H

#include "index/postings.h"

/* As postings_open() and postings_next(), for a reader that has the list's bytes. */
bool postings_v1_open(postings_reader *reader, uint32_t n);
bool postings_v1_next(postings_reader *reader, uint32_t images[POSTINGS_BLOCK],
                      uint32_t *n);

#endif
