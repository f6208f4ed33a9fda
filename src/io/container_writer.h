/* container_writer.h - write a container whose sections do not fit into memory:
 * piece by piece, in their order. The bytes are those of container_write(). */
#ifndef IO_CONTAINER_WRITER_H
#define IO_CONTAINER_WRITER_H

#include "io/container.h"

typedef struct container_writer container_writer;

/* A file that appears whole, or not at all, with exactly n_sections sections.
 * path is no "-". */
bovw_status container_writer_open(const char *path, const char kind[CONTAINER_KIND_BYTES],
                                  uint32_t version, uint32_t n_sections,
                                  container_writer **writer, bovw_error *err);

/* Begin the next section; its bytes are those that are written until the next
 * begins. */
bovw_status container_writer_section(container_writer *writer, uint32_t id,
                                     bovw_error *err);
bovw_status container_writer_write(container_writer *writer, const void *bytes,
                                   size_t n_bytes, bovw_error *err);

/* Bytes of the file so far. */
uint64_t container_writer_bytes(const container_writer *writer);

/* Leave room for a section of n_bytes that are known later only; it must be
 * filled before the file is complete. */
bovw_status container_writer_reserve(container_writer *writer, uint32_t id, size_t n_bytes,
                                     bovw_error *err);
bovw_status container_writer_fill(container_writer *writer, uint32_t id, const void *bytes,
                                  bovw_error *err);

/* Complete the file; *checksum as of container_write(). Frees, also on failure. */
bovw_status container_writer_commit(container_writer *writer, uint64_t *checksum,
                                    bovw_error *err);
/* Leave nothing behind. NULL allowed. */
void container_writer_abort(container_writer *writer);

#endif
