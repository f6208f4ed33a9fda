/* SPDX-License-Identifier: MIT */
#include "index/writer.h"

/* The first neighbours that may be one segment, or one of which something is removed;
 * false where there are none. */
static bool find_loose(const bovw_index *index, uint32_t *first, uint32_t *n)
{
    for (uint32_t i = 0; i < index->n_segments; i += *n) {
        *first = i;
        *n = writer_run(index, i);
        if (*n > 1 || index->segments[i].removed.n > 0)
            return true;
    }
    return false;
}

bovw_status bovw_index_compact(const char *path, const bovw_monitor *monitor,
                               bovw_compact_result *result, bovw_error *err)
{
    index_writer w;
    bovw_compact_result done = {0};
    uint32_t first = 0, n = 0;
    bovw_status status = writer_open(path, NULL, &w, err);
    if (status == BOVW_OK) {
        done.bytes_before = bovw_index_bytes(w.index);
        done.n_segments = w.index->n_segments;
        while (status == BOVW_OK && find_loose(w.index, &first, &n))
            status = writer_merge(&w, first, n, monitor, err);
    }
    if (status == BOVW_OK) {
        done.bytes_after = bovw_index_bytes(w.index);
        if (result)
            *result = done;
    }
    writer_close(&w);
    return status;
}
