/* sample.h - an even sample of a stream of descriptors.
 *
 * Every descriptor gets a priority from the seed and its place in the stream,
 * and those of the lowest priorities are the sample: every subset of its size
 * is as likely as any other, and how the stream was cut into batches has no
 * part in it.
 */
#ifndef VOCABULARY_SAMPLE_H
#define VOCABULARY_SAMPLE_H

#include "bovw/features.h"

typedef struct sample_item {
    uint64_t priority; /* no two are equal */
    uint32_t image;    /* number of images before it in the stream */
    uint32_t feature;
    uint8_t descriptor[BOVW_DESCRIPTOR_DIM];
} sample_item;

typedef struct sample {
    uint64_t key; /* from the seed */
    size_t wanted;
    sample_item *items; /* (n,), at most 2 * wanted at any time */
    size_t n, capacity;
    uint64_t limit; /* items of a higher priority are out already */
    uint32_t n_images;
    uint64_t n_descriptors; /* seen */
} sample;

/* wanted in [1, 2^32 - 1]. */
void sample_init(sample *s, size_t wanted, uint64_t seed);
void sample_free(sample *s);

/* Next image of the stream. BOVW_ERR_NOMEM. O(1) per descriptor on average. */
bovw_status sample_add(sample *s, const uint8_t *descriptors, uint32_t n, bovw_error *err);

/* End of the stream: the sample in stream order as (s->n, 128), borrowed until
 * sample_free(). Nothing can be added after it. */
const uint8_t *sample_finish(sample *s);

#endif
