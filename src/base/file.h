/* file.h - whole-file reads, read-only maps, and files that appear whole. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* Read a regular file or, for "-", standard input. *bytes is the caller's:
 * free(); a zero byte follows the contents. BOVW_ERR_LIMIT past max_bytes. */
bovw_status file_read(const char *path, size_t max_bytes, uint8_t **bytes, size_t *n_bytes,
                      bovw_error *err);

/* A read-only map. Empty files give data NULL and size 0. */
typedef struct file_map {
    const uint8_t *data;
    size_t size;
} file_map;

bovw_status file_map_open(const char *path, file_map *map, bovw_error *err);
/* A part of it will not be read again soon: its memory may go. */
void file_map_done(const file_map *map, size_t offset, size_t n_bytes);
void file_map_close(file_map *map); /* zeroes it; a zeroed map is fine */

/* A file written under a temporary name in its own folder and renamed when
 * it is complete; "-", which is standard output, pipes and devices are written
 * straight through. */
typedef struct new_file {
    FILE *stream;
    char *path;      /* final name */
    char *temporary; /* NULL where it is written straight through */
} new_file;

bovw_status new_file_open(const char *path, new_file *file, bovw_error *err);
bovw_status new_file_write(new_file *file, const void *bytes, size_t n_bytes,
                           bovw_error *err);
/* The same at an offset, over bytes that were written before; what is written
 * next still goes to the end. Not for what is written straight through. */
bovw_status new_file_write_at(new_file *file, uint64_t offset, const void *bytes,
                              size_t n_bytes, bovw_error *err);
/* Flush, sync, rename, sync the folder. Frees, also on failure. */
bovw_status new_file_commit(new_file *file, bovw_error *err);
/* The same without waiting for the disk: a kill leaves the old file or the new
 * one, a power cut perhaps a damaged one. */
bovw_status new_file_commit_unsynced(new_file *file, bovw_error *err);
/* Remove the temporary file and free. A zeroed struct is fine. */
void new_file_abort(new_file *file);

/* Remove what killed processes left of new files of this path: nobody else may
 * be writing one. */
void new_file_remove_leftovers(const char *path);

/* A file without a name: it is gone when it is closed, however that comes
 * about. Written once from its beginning, then changed in place and mapped. */
typedef struct scratch_file {
    FILE *stream; /* NULL: not open */
    char *path;   /* for messages */
} scratch_file;

/* In the folder of the path `beside`. */
bovw_status scratch_file_open(const char *beside, scratch_file *file, bovw_error *err);
bovw_status scratch_file_write(scratch_file *file, const void *bytes, size_t n_bytes,
                               bovw_error *err);
bovw_status scratch_file_read_at(scratch_file *file, uint64_t offset, void *bytes,
                                 size_t n_bytes, bovw_error *err);
bovw_status scratch_file_write_at(scratch_file *file, uint64_t offset, const void *bytes,
                                  size_t n_bytes, bovw_error *err);
/* Cut the file to n_bytes and map it; the map may outlive the file. */
bovw_status scratch_file_map(scratch_file *file, uint64_t n_bytes, file_map *map,
                             bovw_error *err);
void scratch_file_close(scratch_file *file); /* zeroes it; a zeroed one is fine */

/* Make a rename or creation in path's folder durable. */
bovw_status file_sync_folder_of(const char *path, bovw_error *err);

/* Does path lead to a folder? to anything? */
bool file_is_folder(const char *path);
bool file_exists(const char *path);

/* Names in a folder that do not begin with a dot, sorted by strcmp(): (n,),
 * free with file_list_free(). BOVW_ERR_IO, where *names has what could be read;
 * BOVW_ERR_NOMEM. */
bovw_status file_list(const char *folder, char ***names, size_t *n, bovw_error *err);
void file_list_free(char **names, size_t n);

/* folder + "/" + name, the caller's; NULL without memory. */
char *file_join(const char *folder, const char *name);

/* Part of path after the last '/'. */
const char *file_base_name(const char *path);

#endif
