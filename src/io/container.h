/* container.h - the frame that our binary files share: a header, a table of
 * sections, and sections aligned to 64 bytes so that a map is used in place.
 * FORMAT.md beside this file has the bytes. */
#ifndef IO_CONTAINER_H
#define IO_CONTAINER_H

#include "base/file.h"

enum {
    CONTAINER_KIND_BYTES = 4,
    CONTAINER_MAX_SECTIONS = 32,
    CONTAINER_ALIGNMENT = 64
};

typedef struct container_section {
    uint32_t id;
    uint64_t n_bytes;
    const void *data;  /* when writing: borrowed until container_write returns;
                        * when open: into the map */
    uint64_t checksum; /* of the section, from its table entry */
} container_section;

/* Write sections as a file that appears whole or not at all.
 * *checksum gets the checksum of header and table, which covers every byte
 * through the sections' checksums; NULL allowed. */
bovw_status container_write(const char *path, const char kind[CONTAINER_KIND_BYTES],
                            uint32_t version, const container_section *sections,
                            uint32_t n_sections, uint64_t *checksum, bovw_error *err);

/* The same for a file that is replaced again and again and only spares work, with
 * new_file_commit_unsynced(). */
bovw_status container_write_unsynced(const char *path,
                                     const char kind[CONTAINER_KIND_BYTES],
                                     uint32_t version, const container_section *sections,
                                     uint32_t n_sections, bovw_error *err);

typedef struct container {
    file_map map;
    uint32_t version;
    uint32_t n_sections;
    uint64_t checksum;
    container_section sections[CONTAINER_MAX_SECTIONS];
} container;

/* Map a file and check kind, version (in [1, newest]), size, header checksum
 * and section bounds. BOVW_ERR_IO, _FORMAT, _VERSION, _CORRUPT. */
bovw_status container_open(const char *path, const char kind[CONTAINER_KIND_BYTES],
                           uint32_t newest, container *file, bovw_error *err);
void container_close(container *file); /* zeroes it; a zeroed one is fine */

/* Section with this id and exactly n_bytes (any size where n_bytes is
 * UINT64_MAX); BOVW_ERR_CORRUPT naming path and section otherwise. */
bovw_status container_section_get(const container *file, const char *path, uint32_t id,
                                  const char *name, uint64_t n_bytes,
                                  const container_section **section, bovw_error *err);

/* Section that is one zero-terminated text, in the map; BOVW_ERR_CORRUPT otherwise. */
bovw_status container_text_get(const container *file, const char *path, uint32_t id,
                               const char *name, const char **text, bovw_error *err);

/* Compare every section with its checksum, and see that nothing but zeros lies
 * between them. Reads the whole file. */
bovw_status container_verify(const container *file, const char *path, bovw_error *err);

/* Kind of our file at path: four letters in kind[], zero-terminated; the
 * empty string where it is none of ours. */
bovw_status container_kind(const char *path, char kind[CONTAINER_KIND_BYTES + 1],
                           bovw_error *err);

#endif
