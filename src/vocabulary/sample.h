/* sample.h - an even sample of a stream of descriptors.
 *
 * Every descriptor gets a priority from the seed and its place in the stream,
 * and those of the lowest priorities are the sample: every subset of its size
 * is as likely as any other, and neither how the stream was cut into batches
 * nor where the sample is kept has a part in it.
 */
#ifndef VOCABULARY_SAMPLE_H
#define VOCABULARY_SAMPLE_H

#include "vocabulary/points.h"

enum {
    /* Per descriptor that is held before it is known whether it stays, of which
     * there are at most twice as many as wanted. */
    SAMPLE_BYTES = 2 * 8 + BOVW_DESCRIPTOR_DIM,
    SAMPLE_FILE_BYTES = 2 * 8 /* the same where descriptors are in a file */
};

typedef struct sample {
    uint64_t key; /* from the seed */
    size_t wanted;
    uint64_t limit; /* descriptors of a higher priority are out already */
    uint32_t n_images;
    uint64_t n_descriptors; /* seen */

    /* In stream order, n of them, at most 2 * wanted at any time. */
    uint64_t *priorities;
    uint8_t *descriptors; /* (n, 128), or NULL where they are in the file */
    size_t n, priorities_capacity, descriptors_capacity;

    scratch_file file; /* of records: priority, descriptor; in the end of descriptors */
    uint64_t n_records;
    file_map map;
} sample;

/* wanted in [1, 2^32 - 1]. beside: keep descriptors in a nameless file in the
 * folder of this path; NULL: in memory. BOVW_ERR_IO. */
bovw_status sample_init(sample *s, size_t wanted, uint64_t seed, const char *beside,
                        bovw_error *err);
void sample_free(sample *s); /* a zeroed one is fine */

/* Next image of the stream. BOVW_ERR_NOMEM, BOVW_ERR_IO. O(1) per descriptor on
 * average. Of a stream of m the file gets about wanted * (1 + log(m / wanted)). */
bovw_status sample_add(sample *s, const uint8_t *descriptors, uint32_t n, bovw_error *err);

/* End of the stream: the sample in stream order, borrowed until sample_free().
 * Nothing can be added after it. BOVW_ERR_NOMEM, BOVW_ERR_IO. */
bovw_status sample_finish(sample *s, point_set *made, bovw_error *err);

#endif
