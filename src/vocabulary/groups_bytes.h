/* groups_bytes.h - groups of words as bytes: FORMAT.md beside this file. */
#ifndef VOCABULARY_GROUPS_BYTES_H
#define VOCABULARY_GROUPS_BYTES_H

#include <stddef.h>

#include "vocabulary/groups.h"

size_t groups_n_bytes(const groups_layout *layout);
void groups_store(const groups_layout *layout, uint32_t n_probes, uint8_t *bytes);

/* Groups read from bytes that are not trusted: centroids are borrowed from them,
 * *sizes is the caller's, free(). That sizes sum up is for groups_from() to see.
 * BOVW_ERR_CORRUPT, BOVW_ERR_NOMEM. */
bovw_status groups_load(const uint8_t *bytes, size_t n, groups_layout *layout,
                        uint32_t *n_probes, uint32_t **sizes, bovw_error *err);

#endif
