/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/names.h"
#include "base/order.h"
#include "index/writer.h"

static void report_unknown(const char *path, const char *name, const bovw_monitor *monitor)
{
    bovw_error reason;
    fail(&reason, BOVW_ERR_ARG,
         "%s: %s has no image of this name, nor just one whose path ends with it", name,
         path);
    monitor_skipped(monitor, name, &reason);
}

/* Ids of the named images, ascending, each once. Returns how many. */
static uint32_t find_images(const char *path, const name_table *table,
                            const char *const *names, uint32_t n,
                            const bovw_monitor *monitor, uint32_t *images,
                            bovw_remove_result *result)
{
    uint32_t n_found = 0, n_different = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t image = name_table_find(table, names[i]);
        if (image != NAME_NONE) {
            images[n_found++] = image;
        } else {
            result->n_unknown++;
            report_unknown(path, names[i], monitor);
        }
    }
    if (n_found > 0)
        qsort(images, n_found, sizeof *images, order_u32);
    for (uint32_t i = 0; i < n_found; i++) {
        if (i == 0 || images[i] != images[i - 1])
            images[n_different++] = images[i];
    }
    return n_different;
}

bovw_status bovw_index_remove(const char *path, const char *const *names, uint32_t n,
                              const bovw_compute *compute, const bovw_monitor *monitor,
                              bovw_remove_result *result, bovw_error *err)
{
    index_writer w;
    const char **all = NULL;
    name_table *table = NULL;
    bovw_remove_result found = {0};
    uint32_t *images = mem_array(n, sizeof *images);
    if (!images)
        return fail_memory(err, "images to remove");

    bovw_status status = writer_open(path, compute, &w, err);
    if (status == BOVW_OK)
        status = snapshot_names(w.index, &all, &table, err);
    if (status == BOVW_OK) {
        const uint32_t n_images =
            find_images(path, table, names, n, monitor, images, &found);
        if (n_images > 0)
            status = writer_commit(&w, images, n_images, NULL, err);
        if (status == BOVW_OK)
            found.n_removed = n_images;
    }
    if (result && status == BOVW_OK)
        *result = found;
    name_table_free(table);
    free(all);
    free(images);
    writer_close(&w);
    return status;
}
