/* SPDX-License-Identifier: MIT
 *
 * Twice the sample is held at most; whenever there is as much, it is cut back
 * to the sample. A file keeps what is out by then, and is cut back in the end.
 */
#include "vocabulary/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    RECORD_BYTES = 8 + DIM,
    RECORDS = 4096 /* read from the file at a time */
};

bovw_status sample_init(sample *s, size_t wanted, uint64_t seed, const char *beside,
                        bovw_error *err)
{
    *s = (sample){.key = random_mix(seed), .wanted = wanted, .limit = UINT64_MAX};
    return beside ? scratch_file_open(beside, &s->file, err) : BOVW_OK;
}

void sample_free(sample *s)
{
    free(s->priorities);
    free(s->descriptors);
    file_map_close(&s->map);
    scratch_file_close(&s->file);
    *s = (sample){0};
}

/* ---- cutting back ------------------------------------------------------ */

/* The value that is number `wanted` in ascending order, from 0 (Hoare's FIND);
 * no two are equal, and they are left in another order. Priorities are random,
 * so the middle one is as good a pivot as any. */
static uint64_t find_lowest(uint64_t *values, size_t n, size_t wanted)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        const uint64_t pivot = values[low + (high - low) / 2];
        size_t i = low, j = high - 1;
        for (;;) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            const uint64_t swap = values[i];
            values[i] = values[j];
            values[j] = swap;
        }
        /* The pivot is at i, lower ones before it, and higher ones after it. */
        if (wanted == i)
            break;
        if (wanted < i)
            high = i;
        else
            low = i + 1;
    }
    return values[wanted];
}

/* Keep the sample alone, if there is more. */
static bovw_status cut_back(sample *s, bovw_error *err)
{
    size_t n = 0;
    if (s->n <= s->wanted)
        return BOVW_OK;
    uint64_t *scratch = mem_array(s->n, sizeof *scratch);
    if (!scratch)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: sample of %zu descriptors",
                    s->wanted);
    memcpy(scratch, s->priorities, s->n * sizeof *scratch);
    s->limit = find_lowest(scratch, s->n, s->wanted - 1);
    free(scratch);

    for (size_t i = 0; i < s->n; i++) {
        if (s->priorities[i] > s->limit)
            continue;
        s->priorities[n] = s->priorities[i];
        if (s->descriptors && n != i)
            memcpy(s->descriptors + n * DIM, s->descriptors + i * DIM, DIM);
        n++;
    }
    s->n = n;
    return BOVW_OK;
}

/* ---- adding ------------------------------------------------------------ */

static bovw_status keep_descriptor(sample *s, uint64_t priority, const uint8_t *descriptor,
                                   bovw_error *err)
{
    if (s->file.stream) {
        bovw_status status = scratch_file_write(&s->file, &priority, sizeof priority, err);
        if (status == BOVW_OK)
            status = scratch_file_write(&s->file, descriptor, DIM, err);
        s->n_records++;
        return status;
    }
    if (!mem_grow(&s->descriptors, &s->descriptors_capacity, s->n + 1, DIM))
        return fail(err, BOVW_ERR_NOMEM, "out of memory: sample of %zu descriptors",
                    s->wanted);
    memcpy(s->descriptors + s->n * DIM, descriptor, DIM);
    return BOVW_OK;
}

static bovw_status add_one(sample *s, uint32_t feature, const uint8_t *descriptor,
                           bovw_error *err)
{
    /* random_mix() is one to one, so no two places have the same priority. */
    const uint64_t priority = random_mix(s->key ^ ((uint64_t)s->n_images << 32 | feature));
    if (priority > s->limit)
        return BOVW_OK;
    bovw_status status = s->n == 2 * s->wanted ? cut_back(s, err) : BOVW_OK;
    if (status == BOVW_OK &&
        !mem_grow(&s->priorities, &s->priorities_capacity, s->n + 1, sizeof priority))
        status = fail(err, BOVW_ERR_NOMEM, "out of memory: sample of %zu descriptors",
                      s->wanted);
    if (status == BOVW_OK)
        status = keep_descriptor(s, priority, descriptor, err);
    if (status == BOVW_OK)
        s->priorities[s->n++] = priority;
    return status;
}

bovw_status sample_add(sample *s, const uint8_t *descriptors, uint32_t n, bovw_error *err)
{
    for (uint32_t f = 0; f < n; f++) {
        const bovw_status status = add_one(s, f, descriptors + (size_t)f * DIM, err);
        if (status != BOVW_OK)
            return status;
    }
    s->n_descriptors += n;
    s->n_images++;
    return BOVW_OK;
}

/* ---- the end ----------------------------------------------------------- */

/* Turn the records of the file into the descriptors of those that stay, in
 * place: what is written never overtakes what is read. */
static bovw_status close_up_file(sample *s, bovw_error *err)
{
    uint8_t *records = mem_array(RECORDS, RECORD_BYTES);
    uint64_t n_kept = 0;
    bovw_status status = records ? BOVW_OK : fail_memory(err, "sample");

    for (uint64_t first = 0; status == BOVW_OK && first < s->n_records; first += RECORDS) {
        const uint64_t left = s->n_records - first;
        const size_t n = left < RECORDS ? (size_t)left : RECORDS;
        size_t n_here = 0;
        status = scratch_file_read_at(&s->file, first * RECORD_BYTES, records,
                                      n * RECORD_BYTES, err);
        for (size_t i = 0; status == BOVW_OK && i < n; i++) {
            uint64_t priority;
            memcpy(&priority, records + i * RECORD_BYTES, sizeof priority);
            if (priority <= s->limit)
                memmove(records + n_here++ * DIM,
                        records + i * RECORD_BYTES + sizeof priority, DIM);
        }
        if (status == BOVW_OK)
            status =
                scratch_file_write_at(&s->file, n_kept * DIM, records, n_here * DIM, err);
        n_kept += n_here;
    }
    free(records);
    return status == BOVW_OK ? scratch_file_map(&s->file, n_kept * DIM, &s->map, err)
                             : status;
}

bovw_status sample_finish(sample *s, point_set *made, bovw_error *err)
{
    bovw_status status = cut_back(s, err);
    free(s->priorities);
    s->priorities = NULL;
    s->priorities_capacity = 0;
    if (status == BOVW_OK && s->file.stream)
        status = close_up_file(s, err);
    if (status != BOVW_OK)
        return status;
    if (s->file.stream) {
        *made = (point_set){.data = s->map.data, .n = s->n, .map = &s->map};
        return BOVW_OK;
    }
    /* Without the room that was held for others; if it cannot be less, so be it. */
    uint8_t *closed_up = realloc(s->descriptors, s->n > 0 ? s->n * DIM : 1);
    if (closed_up)
        s->descriptors = closed_up;
    *made = (point_set){.data = s->descriptors, .n = s->n};
    return BOVW_OK;
}
