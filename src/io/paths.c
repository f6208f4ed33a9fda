/* SPDX-License-Identifier: MIT */
#include "io/paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "io/container.h"

#define MAX_LIST_BYTES ((size_t)1 << 30)

typedef struct expansion {
    path_list list;
    const bovw_monitor *monitor;
    bovw_error *err;
} expansion;

/* The folders from the argument down to the one that is being walked. */
typedef struct ancestor {
    const struct ancestor *parent;
    dev_t device;
    ino_t inode;
} ancestor;

static void skip(expansion *e, const char *name, const bovw_error *reason)
{
    e->list.n_skipped++;
    monitor_skipped(e->monitor, name, reason);
}

/* Skip because of errno. */
static void skip_errno(expansion *e, const char *path)
{
    bovw_error reason;
    fail_errno(&reason, path, NULL);
    skip(e, path, &reason);
}

/* Takes `path`, also on failure; NULL is taken as a lack of memory. */
static bovw_status append(expansion *e, char *path, path_kind kind)
{
    path_list *list = &e->list;
    if (!path ||
        !mem_grow(&list->items, &list->capacity, list->n + 1, sizeof *list->items)) {
        free(path);
        return fail_memory(e->err, "list of pictures");
    }
    list->items[list->n++] = (path_item){path, kind};
    return BOVW_OK;
}

static bool has_picture_suffix(const char *name)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".bmp", ".tga",
                                           ".pgm", ".ppm",  ".pnm", ".gif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (strcasecmp(dot, suffixes[i]) == 0)
            return true;
    }
    return false;
}

/* ---- folders --------------------------------------------------------------- */

static bovw_status walk_folder(expansion *e, const char *path, const struct stat *info,
                               const ancestor *parent);

/* One entry of a folder; takes `path`. */
static bovw_status walk_entry(expansion *e, char *path, const ancestor *folder)
{
    if (!path)
        return fail_memory(e->err, "list of pictures");
    const bool is_picture = has_picture_suffix(file_base_name(path));
    struct stat info;
    bovw_status status = BOVW_OK;
    if (stat(path, &info) != 0) {
        /* A dead link to something else is no loss. */
        if (is_picture || errno != ENOENT)
            skip_errno(e, path);
    } else if (S_ISDIR(info.st_mode)) {
        status = walk_folder(e, path, &info, folder);
    } else if (is_picture && S_ISREG(info.st_mode)) {
        return append(e, path, PATH_IMAGE);
    } else if (is_picture) {
        bovw_error reason;
        fail(&reason, BOVW_ERR_IO, "%s: neither a file nor a folder", path);
        skip(e, path, &reason);
    }
    free(path);
    return status;
}

static bovw_status walk_folder(expansion *e, const char *path, const struct stat *info,
                               const ancestor *parent)
{
    for (const ancestor *a = parent; a; a = a->parent) {
        if (a->device == info->st_dev && a->inode == info->st_ino)
            return BOVW_OK;
    }
    const ancestor self = {parent, info->st_dev, info->st_ino};
    char **names = NULL;
    size_t n = 0;
    bovw_error reason;
    bovw_status status = file_list(path, &names, &n, &reason);
    if (status == BOVW_ERR_NOMEM)
        return fail_memory(e->err, path);
    if (status != BOVW_OK) /* what was read of it counts */
        skip(e, path, &reason);
    status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < n; i++)
        status = walk_entry(e, file_join(path, names[i]), &self);
    file_list_free(names, n);
    return status;
}

/* `path` may end in slashes; the names below it get one. */
static bovw_status add_folder(expansion *e, const char *path, const struct stat *info)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    char *folder = mem_format("%.*s", (int)length, path);
    if (!folder)
        return fail_memory(e->err, path);
    const bovw_status status = walk_folder(e, folder, info, NULL);
    free(folder);
    return status;
}

/* ---- arguments ------------------------------------------------------------- */

static bool is_feature_file(const char *path)
{
    char kind[CONTAINER_KIND_BYTES + 1] = "";
    return container_kind(path, kind, NULL) == BOVW_OK && strcmp(kind, "FEAT") == 0;
}

/* A file or folder that was named. */
static bovw_status add_path(expansion *e, const char *path)
{
    struct stat info;
    bovw_error reason;
    if (*path == '\0') {
        fail(&reason, BOVW_ERR_ARG, "the empty path names no file");
        skip(e, path, &reason);
        return BOVW_OK;
    }
    if (stat(path, &info) != 0) {
        skip_errno(e, path);
        return BOVW_OK;
    }
    if (S_ISDIR(info.st_mode))
        return add_folder(e, path, &info);
    if (S_ISREG(info.st_mode))
        return append(e, mem_text(path),
                      is_feature_file(path) ? PATH_FEATURES : PATH_IMAGE);
    fail(&reason, BOVW_ERR_IO, "%s: neither a file nor a folder", path);
    skip(e, path, &reason);
    return BOVW_OK;
}

/* A line of a list, without its end. */
static bovw_status add_line(expansion *e, const char *line)
{
    if (*line == '\0' || *line == '#')
        return BOVW_OK;
    if (strcmp(line, "-") == 0) {
        bovw_error reason;
        fail(&reason, BOVW_ERR_ARG, "-: standard input cannot be named in a list");
        skip(e, line, &reason);
        return BOVW_OK;
    }
    return add_path(e, line);
}

static bovw_status add_lines(expansion *e, char *text)
{
    bovw_status status = BOVW_OK;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* the mark some editors put first */
        text += 3;
    while (status == BOVW_OK && text) {
        char *line = text;
        text = strchr(line, '\n');
        if (text)
            *text++ = '\0';
        const size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        status = add_line(e, line);
    }
    return status;
}

static bovw_status add_list(expansion *e, const char *path)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    bovw_error reason;
    bovw_status status = file_read(path, MAX_LIST_BYTES, &bytes, &n_bytes, &reason);
    if (status == BOVW_OK && memchr(bytes, 0, n_bytes))
        status = fail(&reason, BOVW_ERR_FORMAT, "%s: not a list of paths", path);
    if (status == BOVW_ERR_NOMEM) {
        fail_memory(e->err, path);
    } else if (status != BOVW_OK) {
        skip(e, path, &reason);
        status = BOVW_OK;
    } else {
        status = add_lines(e, (char *)bytes);
    }
    free(bytes);
    return status;
}

bovw_status path_list_expand(const char *const *paths, size_t n_paths,
                             const bovw_monitor *monitor, path_list *list, bovw_error *err)
{
    expansion e = {.monitor = monitor, .err = err};
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < n_paths; i++) {
        if (strcmp(paths[i], "-") == 0)
            status = append(&e, mem_text("-"), PATH_IMAGE);
        else if (paths[i][0] == '@')
            status = add_list(&e, paths[i] + 1);
        else
            status = add_path(&e, paths[i]);
    }
    if (status == BOVW_OK)
        *list = e.list;
    else
        path_list_free(&e.list);
    return status;
}

void path_list_free(path_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i].path);
    free(list->items);
    *list = (path_list){0};
}
