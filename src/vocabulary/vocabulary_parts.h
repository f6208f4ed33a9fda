/* vocabulary_parts.h - what a vocabulary is made of, and a file holds. */
#ifndef VOCABULARY_VOCABULARY_PARTS_H
#define VOCABULARY_VOCABULARY_PARTS_H

#include "bovw/vocabulary.h"
#include "vocabulary/groups.h"

typedef struct vocabulary_parts {
    const bovw_feature_options *options;
    const uint8_t *centroids; /* (k, 128), in order of groups */
    uint32_t k;
    const bovw_embedding *embedding; /* NULL: no signatures */
    const groups_layout *layout;     /* NULL: words are found exactly */
    uint32_t n_probes;               /* groups searched, where there is a layout */
    const char *summary;             /* or NULL */
} vocabulary_parts;

/* Copies all parts. As bovw_vocabulary_new_embedded(); BOVW_ERR_ARG also for
 * groups that do not fit together. */
bovw_status vocabulary_make(const vocabulary_parts *parts, bovw_vocabulary **vocabulary,
                            bovw_error *err);

/* Parts of a vocabulary, borrowed; those of its embedding go to *learned. */
vocabulary_parts vocabulary_parts_of(const bovw_vocabulary *vocabulary,
                                     bovw_embedding *learned);

/* Groups as FORMAT.md has them, borrowed; NULL where there are none. */
const uint8_t *vocabulary_groups_bytes(const bovw_vocabulary *vocabulary, size_t *n);

#endif
