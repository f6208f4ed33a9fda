/* SPDX-License-Identifier: MIT
 *
 * FORMAT.md beside this file has the bytes. */
#include "vocabulary/kmeans_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "bovw/vocabulary.h"
#include "io/container.h"

enum {
    FORMAT_VERSION = 1,
    SECTION_HEAD = 1,
    SECTION_CENTROIDS = 2,
    SECTION_VALUES = 3,
    HEAD_BYTES = 80
};

/* As this machine has it: a file of another order is not read. */
static const uint32_t byte_order = 0x01020304;

static const char kind[CONTAINER_KIND_BYTES] = {'K', 'M', 'N', 'S'};

static void fill_head(const kmeans_state *s, uint8_t head[HEAD_BYTES])
{
    memset(head, 0, HEAD_BYTES);
    memcpy(head, &byte_order, sizeof byte_order);
    store_le32(head + 4, s->k);
    store_le64(head + 8, s->seed);
    store_le64(head + 16, s->n);
    memcpy(head + 24, s->points_id, sizeof s->points_id);
    store_le32(head + 40, s->n_seeded);
    store_le32(head + 44, s->n_done);
    store_le32(head + 48, s->n_repaired);
    store_le32(head + 52, s->is_finished);
    store_le64(head + 56, s->random);
    store_le64(head + 64, s->error);
}

bovw_status kmeans_state_save(const kmeans_state *s, const uint32_t *values,
                              size_t n_values, bovw_error *err)
{
    uint8_t head[HEAD_BYTES];
    if (!s->path)
        return BOVW_OK;
    fill_head(s, head);
    const container_section sections[] = {
        {.id = SECTION_HEAD, .data = head, .n_bytes = sizeof head},
        {.id = SECTION_CENTROIDS,
         .data = s->centroids,
         .n_bytes = (uint64_t)s->k * BOVW_DESCRIPTOR_DIM},
        {.id = SECTION_VALUES, .data = values, .n_bytes = n_values * sizeof *values}};
    return container_write_unsynced(s->path, kind, FORMAT_VERSION, sections, 3, err);
}

static bovw_status check_owner(const kmeans_state *s, const uint8_t *head, bovw_error *err)
{
    const uint32_t k = load_le32(head + 4);
    const uint64_t seed = load_le64(head + 8), n = load_le64(head + 16);
    if (k != s->k || seed != s->seed)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s: begun for %" PRIu32 " words and seed %" PRIu64
                    "; give the same, or remove it to start anew",
                    s->path, k, seed);
    if (n != s->n || memcmp(head + 24, s->points_id, sizeof s->points_id) != 0)
        return fail(err, BOVW_ERR_MISMATCH,
                    "%s: begun with other descriptors; give the same, or remove it to "
                    "start anew",
                    s->path);
    return BOVW_OK;
}

/* Take over what the head says; false where it cannot be. */
static bool read_head(kmeans_state *s, const uint8_t *head)
{
    s->n_seeded = load_le32(head + 40);
    s->n_done = load_le32(head + 44);
    s->n_repaired = load_le32(head + 48);
    s->is_finished = load_le32(head + 52) != 0;
    s->random = load_le64(head + 56);
    s->error = load_le64(head + 64);
    return s->n_seeded <= s->k && (s->n_seeded == s->k || s->n_done == 0);
}

static bovw_status read_sections(kmeans_state *s, const container *file, uint32_t **values,
                                 size_t *n_values, bovw_error *err)
{
    const container_section *head, *centroids, *numbers;
    bovw_status status =
        container_section_get(file, s->path, SECTION_HEAD, "head", HEAD_BYTES, &head, err);
    if (status == BOVW_OK && memcmp(head->data, &byte_order, sizeof byte_order) != 0)
        status = fail(err, BOVW_ERR_VERSION,
                      "%s: from a machine with another order of bytes", s->path);
    if (status == BOVW_OK)
        status = check_owner(s, head->data, err);
    if (status == BOVW_OK)
        status =
            container_section_get(file, s->path, SECTION_CENTROIDS, "centroids",
                                  (uint64_t)s->k * BOVW_DESCRIPTOR_DIM, &centroids, err);
    if (status == BOVW_OK)
        status = container_section_get(file, s->path, SECTION_VALUES, "values", UINT64_MAX,
                                       &numbers, err);
    if (status != BOVW_OK)
        return status;
    if (!read_head(s, head->data) || numbers->n_bytes % sizeof **values != 0)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged", s->path);
    uint32_t *copy = mem_array(numbers->n_bytes / sizeof *copy, sizeof *copy);
    if (!copy)
        return fail_memory(err, s->path);
    memcpy(copy, numbers->data, numbers->n_bytes);
    memcpy(s->centroids, centroids->data, (size_t)s->k * BOVW_DESCRIPTOR_DIM);
    *values = copy;
    *n_values = numbers->n_bytes / sizeof *copy;
    return BOVW_OK;
}

bovw_status kmeans_state_load(kmeans_state *s, uint32_t **values, size_t *n_values,
                              bovw_error *err)
{
    container file = {0};
    *values = NULL;
    *n_values = 0;
    if (!s->path || !file_exists(s->path))
        return BOVW_OK;
    bovw_status status = container_open(s->path, kind, FORMAT_VERSION, &file, err);
    if (status == BOVW_OK)
        status = container_verify(&file, s->path, err);
    if (status == BOVW_OK)
        status = read_sections(s, &file, values, n_values, err);
    container_close(&file);
    return status;
}
