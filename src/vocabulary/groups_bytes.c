/* SPDX-License-Identifier: MIT */
#include "vocabulary/groups_bytes.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    HEAD_BYTES = 8 /* number of groups searched, number of levels */
};

static uint64_t count_nodes(const groups_layout *layout)
{
    uint64_t n = 0;
    for (uint32_t l = 0; l < layout->n_levels; l++)
        n += layout->levels[l].n;
    return n;
}

size_t groups_n_bytes(const groups_layout *layout)
{
    return HEAD_BYTES + (size_t)layout->n_levels * 4 +
           (size_t)count_nodes(layout) * (4 + DIM);
}

void groups_store(const groups_layout *layout, uint32_t n_probes, uint8_t *bytes)
{
    uint8_t *at = bytes + HEAD_BYTES;
    store_le32(bytes, n_probes);
    store_le32(bytes + 4, layout->n_levels);
    for (uint32_t l = 0; l < layout->n_levels; l++, at += 4)
        store_le32(at, layout->levels[l].n);
    for (uint32_t l = 0; l < layout->n_levels; l++) {
        for (uint32_t i = 0; i < layout->levels[l].n; i++, at += 4)
            store_le32(at, layout->levels[l].sizes[i]);
    }
    for (uint32_t l = 0; l < layout->n_levels; l++) {
        const size_t n_bytes = (size_t)layout->levels[l].n * DIM;
        memcpy(at, layout->levels[l].centroids, n_bytes);
        at += n_bytes;
    }
}

static bovw_status load_head(const uint8_t *bytes, size_t n, groups_layout *layout,
                             uint32_t *n_probes, bovw_error *err)
{
    if (n < HEAD_BYTES)
        return fail(err, BOVW_ERR_CORRUPT, "groups are cut off");
    *n_probes = load_le32(bytes);
    layout->n_levels = load_le32(bytes + 4);
    if (layout->n_levels == 0 || layout->n_levels > GROUPS_MAX_LEVELS ||
        n < HEAD_BYTES + (size_t)layout->n_levels * 4)
        return fail(err, BOVW_ERR_CORRUPT, "groups have %" PRIu32 " levels",
                    layout->n_levels);
    for (uint32_t l = 0; l < layout->n_levels; l++)
        layout->levels[l].n = load_le32(bytes + HEAD_BYTES + (size_t)l * 4);
    if (n != HEAD_BYTES + layout->n_levels * 4 + count_nodes(layout) * (4 + DIM))
        return fail(err, BOVW_ERR_CORRUPT, "%zu bytes of groups", n);
    if (*n_probes == 0 || *n_probes > layout->levels[0].n)
        return fail(err, BOVW_ERR_CORRUPT, "%" PRIu32 " of %" PRIu32 " groups searched",
                    *n_probes, layout->levels[0].n);
    return BOVW_OK;
}

bovw_status groups_load(const uint8_t *bytes, size_t n, groups_layout *layout,
                        uint32_t *n_probes, uint32_t **sizes, bovw_error *err)
{
    *layout = (groups_layout){0};
    const bovw_status status = load_head(bytes, n, layout, n_probes, err);
    if (status != BOVW_OK)
        return status;

    const size_t n_nodes = (size_t)count_nodes(layout);
    const uint8_t *at = bytes + HEAD_BYTES + (size_t)layout->n_levels * 4;
    const uint8_t *centroids = at + n_nodes * 4;
    uint32_t *all = mem_array(n_nodes, sizeof *all);
    if (!all)
        return fail_memory(err, "groups of words");
    for (size_t i = 0; i < n_nodes; i++)
        all[i] = load_le32(at + i * 4);
    *sizes = all;
    for (uint32_t l = 0; l < layout->n_levels; l++) {
        layout->levels[l].sizes = all;
        layout->levels[l].centroids = centroids;
        all += layout->levels[l].n;
        centroids += (size_t)layout->levels[l].n * DIM;
    }
    return BOVW_OK;
}
