/* SPDX-License-Identifier: MIT */
#include "index/writer.h"

/* Is there more than one segment, or anything removed? */
static bool is_loose(const bovw_index *index)
{
    return index->n_segments > 1 ||
           (index->n_segments == 1 && index->segments[0].removed.n > 0);
}

bovw_status bovw_index_compact(const char *path, const bovw_monitor *monitor,
                               bovw_compact_result *result, bovw_error *err)
{
    index_writer w;
    bovw_compact_result done = {0};
    bovw_status status = writer_open(path, NULL, &w, err);
    if (status == BOVW_OK) {
        done.bytes_before = bovw_index_bytes(w.index);
        done.n_segments = w.index->n_segments;
        if (is_loose(w.index))
            status = writer_merge(&w, 0, w.index->n_segments, monitor, err);
    }
    if (status == BOVW_OK) {
        done.bytes_after = bovw_index_bytes(w.index);
        if (result)
            *result = done;
    }
    writer_close(&w);
    return status;
}
