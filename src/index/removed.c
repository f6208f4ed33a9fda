/* SPDX-License-Identifier: MIT
 *
 * On disk a bitmap; in memory plain tables, since every posting of the segment is
 * looked up. */
#include "index/removed.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "index/bitmap.h"

#define REMOVED_KIND "GONE"

enum {
    REMOVED_VERSION = 1,
    SECTION_COUNTS = 1, /* images of the segment, images removed: 64 bit each */
    SECTION_BITMAP = 2,
    COUNTS_BYTES = 16
};

/* ---- reading --------------------------------------------------------------- */

/* Fill the tables; removed (n,) ascending. */
static void number_images(uint32_t n_images, const uint32_t *removed, removed_set *set)
{
    uint32_t n_live = 0, n_removed = 0;
    for (uint32_t i = 0; i < n_images; i++) {
        if (n_removed < set->n && removed[n_removed] == i) {
            set->live[i] = IMAGE_REMOVED;
            n_removed++;
        } else {
            set->stored[n_live] = i;
            set->live[i] = n_live++;
        }
    }
}

static bovw_status read_set(const char *path, const container *file, uint32_t n_images,
                            removed_set *set, bovw_error *err)
{
    const container_section *counts = NULL, *bitmap = NULL;
    bovw_status status = container_verify(file, path, err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_COUNTS, "counts", COUNTS_BYTES,
                                       &counts, err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_BITMAP, "removed images",
                                       UINT64_MAX, &bitmap, err);
    if (status != BOVW_OK)
        return status;
    const uint64_t n_segment = load_le64(counts->data);
    const uint64_t n = load_le64((const uint8_t *)counts->data + 8);
    if (n_segment != n_images || n == 0 || n >= n_images)
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: %llu removed images of %llu, in a segment of %u", path,
                    (unsigned long long)n, (unsigned long long)n_segment, n_images);
    set->n = (uint32_t)n;
    set->live = mem_array(n_images, sizeof *set->live);
    set->stored = mem_array(n_images - set->n, sizeof *set->stored);
    uint32_t *removed = mem_array(set->n, sizeof *removed);
    if (!set->live || !set->stored || !removed)
        status = fail_memory(err, path);
    else if (!bitmap_decode(bitmap->data, (size_t)bitmap->n_bytes, n_images, removed,
                            set->n))
        status = fail(err, BOVW_ERR_CORRUPT, "%s: damaged set of removed images", path);
    else
        number_images(n_images, removed, set);
    free(removed);
    return status;
}

bovw_status removed_open(const char *path, uint32_t n_images, removed_set *set,
                         bovw_error *err)
{
    removed_set read = {0};
    container file = {0};
    bovw_status status = container_open(path, REMOVED_KIND, REMOVED_VERSION, &file, err);
    if (status == BOVW_OK) {
        read.checksum = file.checksum;
        read.n_bytes = file.map.size;
        status = read_set(path, &file, n_images, &read, err);
    }
    container_close(&file);
    if (status == BOVW_OK)
        *set = read;
    else
        removed_close(&read);
    return status;
}

void removed_close(removed_set *set)
{
    free(set->live);
    free(set->stored);
    *set = (removed_set){0};
}

/* ---- writing --------------------------------------------------------------- */

static bovw_status write_set(const char *path, uint32_t n_images, const uint32_t *removed,
                             uint32_t n, bovw_error *err)
{
    uint8_t counts[COUNTS_BYTES];
    size_t n_bytes = 0;
    uint8_t *bytes = bitmap_encode(removed, n, &n_bytes);
    if (!bytes)
        return fail_memory(err, path);
    store_le64(counts, n_images);
    store_le64(counts + 8, n);
    const container_section sections[] = {
        {.id = SECTION_COUNTS, .data = counts, .n_bytes = sizeof counts},
        {.id = SECTION_BITMAP, .data = bytes, .n_bytes = n_bytes},
    };
    const bovw_status status =
        container_write(path, REMOVED_KIND, REMOVED_VERSION, sections, 2, NULL, err);
    free(bytes);
    return status;
}

bovw_status removed_write(const char *path, uint32_t n_images, const removed_set *before,
                          const uint32_t *images, uint32_t n, bovw_error *err)
{
    uint32_t *removed = mem_array((size_t)before->n + n, sizeof *removed);
    uint32_t n_removed = 0;
    if (!removed)
        return fail_memory(err, path);
    for (uint32_t i = 0; before->n > 0 && i < n_images; i++) {
        if (before->live[i] == IMAGE_REMOVED)
            removed[n_removed++] = i;
    }
    for (uint32_t i = 0; i < n; i++)
        removed[n_removed++] = before->n > 0 ? before->stored[images[i]] : images[i];
    const bovw_status status = write_set(path, n_images, removed, n_removed, err);
    free(removed);
    return status;
}
