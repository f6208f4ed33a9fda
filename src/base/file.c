/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* madvise(): the POSIX form of it does nothing */

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* Read a descriptor to its end; the size is not known beforehand for pipes. */
static bovw_status read_all(int fd, const char *path, size_t hint, size_t max_bytes,
                            uint8_t **bytes, size_t *n_bytes, bovw_error *err)
{
    uint8_t *buffer = NULL;
    size_t capacity = 0, n = 0;
    bovw_status status = BOVW_OK;

    for (;;) {
        /* One byte more than wanted shows the end, one holds the zero. */
        const size_t room = n == 0 ? hint + 2 : n + (n < 65536 ? 65536 : n / 2);
        if (n + 1 >= capacity && !mem_grow(&buffer, &capacity, room, 1)) {
            status = fail(err, BOVW_ERR_NOMEM, "%s: out of memory", path);
            break;
        }
        const ssize_t got = read(fd, buffer + n, capacity - n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = fail_errno(err, path, NULL);
            break;
        }
        n += (size_t)got;
        if (n > max_bytes) {
            status =
                fail(err, BOVW_ERR_LIMIT, "%s: larger than %zu bytes", path, max_bytes);
            break;
        }
        if (got == 0)
            break;
    }
    if (status != BOVW_OK) {
        free(buffer);
        return status;
    }
    buffer[n] = 0;
    *bytes = buffer;
    *n_bytes = n;
    return BOVW_OK;
}

bovw_status file_read(const char *path, size_t max_bytes, uint8_t **bytes, size_t *n_bytes,
                      bovw_error *err)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", 65536, max_bytes, bytes, n_bytes,
                        err);

    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, path, NULL);

    struct stat info;
    bovw_status status;
    if (fstat(fd, &info) != 0)
        status = fail_errno(err, path, NULL);
    else if (S_ISDIR(info.st_mode))
        status = fail(err, BOVW_ERR_IO, "%s: is a folder", path);
    else if (info.st_size > 0 && (uint64_t)info.st_size > max_bytes)
        status = fail(err, BOVW_ERR_LIMIT, "%s: larger than %zu bytes", path, max_bytes);
    else
        status = read_all(fd, path, (size_t)info.st_size, max_bytes, bytes, n_bytes, err);
    close(fd);
    return status;
}

static bovw_status map_descriptor(int fd, const char *path, file_map *map, bovw_error *err)
{
    struct stat info;
    void *data = NULL;
    if (fstat(fd, &info) != 0)
        return fail_errno(err, path, NULL);
    if (!S_ISREG(info.st_mode))
        return fail(err, BOVW_ERR_IO, "%s: not a regular file", path);
    if (info.st_size > 0) {
        data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED)
            return fail_errno(err, path, "cannot map");
    }
    map->data = data;
    map->size = (size_t)info.st_size;
    return BOVW_OK;
}

bovw_status file_map_open(const char *path, file_map *map, bovw_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, path, NULL);
    const bovw_status status = map_descriptor(fd, path, map, err);
    close(fd);
    return status;
}

void file_map_done(const file_map *map, size_t offset, size_t n_bytes)
{
    /* Whole pages, so that those shared with what comes next stay. */
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t first = (offset + page - 1) / page * page;
    const size_t end = (offset + n_bytes) / page * page;
    if (first < end)
        madvise((void *)(uintptr_t)(map->data + first), end - first, MADV_DONTNEED);
}

void file_map_close(file_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (file_map){0};
}

/* Standard output, or a pipe or device: renaming a file over those would
 * destroy them. */
static bool is_written_through(const char *path, bool *is_folder)
{
    struct stat info;
    const bool exists = stat(path, &info) == 0;
    *is_folder = exists && S_ISDIR(info.st_mode);
    return exists && !S_ISREG(info.st_mode) && !*is_folder;
}

static FILE *open_standard_output(void)
{
    const int fd = dup(STDOUT_FILENO);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!stream && fd >= 0)
        close(fd);
    return stream;
}

bovw_status new_file_open(const char *path, new_file *file, bovw_error *err)
{
    const bool is_output = strcmp(path, "-") == 0;
    bool is_folder = false;
    const bool is_through = is_output || is_written_through(path, &is_folder);
    if (is_folder)
        return fail(err, BOVW_ERR_IO, "%s: is a folder", path);

    new_file made = {.path = mem_text(is_output ? "standard output" : path)};
    /* The process number keeps two writers of one file apart. */
    if (!is_through)
        made.temporary = mem_format("%s.%ld.tmp", path, (long)getpid());
    bovw_status status = BOVW_OK;
    if (!made.path || (!is_through && !made.temporary)) {
        status = fail_memory(err, path);
    } else {
        made.stream = is_output ? open_standard_output()
                                : fopen(is_through ? path : made.temporary, "wbe");
        if (!made.stream)
            status = fail_errno(err, made.path, "cannot write");
    }
    if (status != BOVW_OK) {
        free(made.path);
        free(made.temporary);
        return status;
    }
    *file = made;
    return BOVW_OK;
}

bovw_status new_file_write(new_file *file, const void *bytes, size_t n_bytes,
                           bovw_error *err)
{
    if (n_bytes && fwrite(bytes, 1, n_bytes, file->stream) != n_bytes)
        return fail_errno(err, file->path, "cannot write");
    return BOVW_OK;
}

bovw_status new_file_write_at(new_file *file, uint64_t offset, const void *bytes,
                              size_t n_bytes, bovw_error *err)
{
    if (fseeko(file->stream, (off_t)offset, SEEK_SET) != 0 ||
        fwrite(bytes, 1, n_bytes, file->stream) != n_bytes ||
        fseeko(file->stream, 0, SEEK_END) != 0)
        return fail_errno(err, file->path, "cannot write");
    return BOVW_OK;
}

static bovw_status commit(new_file *file, bool is_synced, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    bool ok = fflush(file->stream) == 0 && !ferror(file->stream);
    if (ok && file->temporary && is_synced)
        ok = fsync(fileno(file->stream)) == 0;
    if (!ok)
        status = fail_errno(err, file->path, "cannot write");
    if (fclose(file->stream) != 0 && ok)
        status = fail_errno(err, file->path, "cannot write");
    file->stream = NULL;
    if (status == BOVW_OK && file->temporary) {
        if (rename(file->temporary, file->path) != 0)
            status = fail_errno(err, file->path, "cannot write");
        else {
            free(file->temporary);
            file->temporary = NULL;
            if (is_synced)
                status = file_sync_folder_of(file->path, err);
        }
    }
    new_file_abort(file);
    return status;
}

bovw_status new_file_commit(new_file *file, bovw_error *err)
{
    return commit(file, true, err);
}

bovw_status new_file_commit_unsynced(new_file *file, bovw_error *err)
{
    return commit(file, false, err);
}

void new_file_abort(new_file *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->temporary)
        unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    *file = (new_file){0};
}

/* Is name BASE.NUMBER.tmp? */
static bool is_leftover(const char *name, const char *base)
{
    const size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 || name[length] != '.')
        return false;
    const char *number = name + length + 1;
    const size_t n_digits = strspn(number, "0123456789");
    return n_digits > 0 && strcmp(number + n_digits, ".tmp") == 0;
}

void new_file_remove_leftovers(const char *path)
{
    const char *base = file_base_name(path);
    char *folder =
        base > path ? mem_format("%.*s", (int)(base - path), path) : mem_text(".");
    char **names = NULL;
    size_t n = 0;
    if (folder && file_list(folder, &names, &n, NULL) == BOVW_OK) {
        for (size_t i = 0; i < n; i++) {
            char *found = is_leftover(names[i], base) ? file_join(folder, names[i]) : NULL;
            if (found)
                unlink(found);
            free(found);
        }
    }
    file_list_free(names, n);
    free(folder);
}

bovw_status scratch_file_open(const char *beside, scratch_file *file, bovw_error *err)
{
    scratch_file made = {.path = mem_format("%s.%ld.tmp", beside, (long)getpid())};
    if (!made.path)
        return fail_memory(err, beside);
    made.stream = fopen(made.path, "w+be");
    /* The name goes at once: a program that is killed leaves nothing. */
    if (!made.stream || unlink(made.path) != 0) {
        const bovw_status status = fail_errno(err, made.path, "cannot write");
        scratch_file_close(&made);
        return status;
    }
    *file = made;
    return BOVW_OK;
}

bovw_status scratch_file_write(scratch_file *file, const void *bytes, size_t n_bytes,
                               bovw_error *err)
{
    if (n_bytes && fwrite(bytes, 1, n_bytes, file->stream) != n_bytes)
        return fail_errno(err, file->path, "cannot write");
    return BOVW_OK;
}

bovw_status scratch_file_read_at(scratch_file *file, uint64_t offset, void *bytes,
                                 size_t n_bytes, bovw_error *err)
{
    if (fflush(file->stream) != 0)
        return fail_errno(err, file->path, "cannot write");
    for (size_t done = 0; done < n_bytes;) {
        const ssize_t got = pread(fileno(file->stream), (uint8_t *)bytes + done,
                                  n_bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(err, file->path, "cannot read");
        if (got == 0)
            return fail(err, BOVW_ERR_IO, "%s: cut short", file->path);
        done += (size_t)got;
    }
    return BOVW_OK;
}

bovw_status scratch_file_write_at(scratch_file *file, uint64_t offset, const void *bytes,
                                  size_t n_bytes, bovw_error *err)
{
    for (size_t done = 0; done < n_bytes;) {
        const ssize_t put = pwrite(fileno(file->stream), (const uint8_t *)bytes + done,
                                   n_bytes - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail_errno(err, file->path, "cannot write");
        done += (size_t)put;
    }
    return BOVW_OK;
}

bovw_status scratch_file_map(scratch_file *file, uint64_t n_bytes, file_map *map,
                             bovw_error *err)
{
    if (fflush(file->stream) != 0 || ftruncate(fileno(file->stream), (off_t)n_bytes) != 0)
        return fail_errno(err, file->path, "cannot write");
    return map_descriptor(fileno(file->stream), file->path, map, err);
}

void scratch_file_close(scratch_file *file)
{
    if (file->stream)
        fclose(file->stream);
    free(file->path);
    *file = (scratch_file){0};
}

bovw_status file_sync_folder_of(const char *path, bovw_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        slash ? mem_format("%.*s", (int)(slash - path) + 1, path) : mem_text(".");
    if (!folder)
        return fail_memory(err, path);

    bovw_status status = BOVW_OK;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        status = fail_errno(err, folder, NULL);
    /* Some file systems cannot sync a folder: nothing more can be done there. */
    else if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        status = fail_errno(err, folder, "cannot sync");
    if (fd >= 0)
        close(fd);
    free(folder);
    return status;
}

bool file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bovw_status file_list(const char *folder, char ***names, size_t *n, bovw_error *err)
{
    char **list = NULL;
    size_t count = 0, capacity = 0;
    bovw_status status = BOVW_OK;
    DIR *opened = opendir(folder);
    if (!opened)
        return fail_errno(err, folder, NULL);

    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(opened);
        if (!entry)
            break;
        if (entry->d_name[0] == '.')
            continue;
        char *copy = mem_text(entry->d_name);
        if (!copy || !mem_grow(&list, &capacity, count + 1, sizeof *list)) {
            free(copy);
            status = fail_memory(err, folder);
            break;
        }
        list[count++] = copy;
    }
    if (status == BOVW_OK && errno != 0)
        status = fail_errno(err, folder, NULL);
    closedir(opened);
    if (status == BOVW_ERR_NOMEM) {
        file_list_free(list, count);
        return status;
    }
    if (count > 0)
        qsort(list, count, sizeof *list, compare_names);
    *names = list;
    *n = count;
    return status;
}

void file_list_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

char *file_join(const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    const bool has_slash = length > 0 && folder[length - 1] == '/';
    return mem_format("%s%s%s", folder, has_slash ? "" : "/", name);
}

const char *file_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
