/* paths.h - from PATH arguments to the picture and feature files they mean. */
#ifndef IO_PATHS_H
#define IO_PATHS_H

#include <stddef.h>

#include "bovw/monitor.h"

typedef enum path_kind {
    PATH_IMAGE,   /* a picture file; "-" is standard input */
    PATH_FEATURES /* a file of extracted features */
} path_kind;

typedef struct path_item {
    char *path; /* owned by the list */
    path_kind kind;
} path_item;

typedef struct path_list {
    path_item *items; /* (n,) in the order of the arguments; repeats are kept */
    size_t n, capacity;
    size_t n_skipped; /* how often monitor->skipped was or would have been called */
} path_list;

/*
 * Expand arguments, each of which is
 *
 *   FILE    taken whatever its suffix; a feature file by its contents.
 *   FOLDER  walked to its leaves, sorted by strcmp() in each folder; files with
 *           a picture's suffix are taken, as FOLDER + "/" + the rest. Hidden
 *           files and folders are left out; links are followed, but never to a
 *           folder that is being walked.
 *   @LIST   a text file ("@-": standard input) with a FILE or FOLDER a line;
 *           empty lines and lines that start with '#' mean nothing.
 *   -       one picture on standard input.
 *
 * What is missing, cannot be read or is no file (a pipe, a device) is reported
 * through monitor->skipped, counted and left out. Fails only without memory;
 * *list is written on success only and is freed with path_list_free().
 */
bovw_status path_list_expand(const char *const *paths, size_t n_paths,
                             const bovw_monitor *monitor, path_list *list, bovw_error *err);

/* Free the items and zero the struct. */
void path_list_free(path_list *list);

#endif
