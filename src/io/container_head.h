/* container_head.h - header and table of a container, for the two that write them. */
#ifndef IO_CONTAINER_HEAD_H
#define IO_CONTAINER_HEAD_H

#include "io/container.h"

enum {
    CONTAINER_HEADER_BYTES = 64,
    CONTAINER_ENTRY_BYTES = 32,
    CONTAINER_MAX_HEAD_BYTES =
        CONTAINER_HEADER_BYTES + CONTAINER_MAX_SECTIONS * CONTAINER_ENTRY_BYTES
};

/* The next offset at which a section may start. */
uint64_t container_align(uint64_t offset);

/* Fill header and table of sections whose n_bytes and checksum are known; returns
 * their size. */
size_t container_head(uint8_t head[CONTAINER_MAX_HEAD_BYTES], const char *kind,
                      uint32_t version, const container_section *sections,
                      uint32_t n_sections, uint64_t *checksum);

#endif
