/* SPDX-License-Identifier: MIT
 *
 * A buffer of twice the sample is cut back to the sample whenever it is full.
 */
#include "vocabulary/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM
};

_Static_assert(sizeof(sample_item) == 144, "as bovw_vocabulary_train() says");

void sample_init(sample *s, size_t wanted, uint64_t seed)
{
    *s = (sample){.key = random_mix(seed), .wanted = wanted, .limit = UINT64_MAX};
}

void sample_free(sample *s)
{
    free(s->items);
    *s = (sample){0};
}

static void swap_items(sample_item *a, sample_item *b)
{
    const sample_item swap = *a;
    *a = *b;
    *b = swap;
}

/* Move the `wanted` lowest priorities to the front (Hoare's FIND). Priorities
 * are random, so the middle item is as good a pivot as any. */
static void select_lowest(sample_item *items, size_t n, size_t wanted)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        const uint64_t pivot = items[low + (high - low) / 2].priority;
        size_t i = low, j = high - 1;
        for (;;) {
            while (items[i].priority < pivot)
                i++;
            while (items[j].priority > pivot)
                j--;
            if (i >= j)
                break;
            swap_items(&items[i], &items[j]);
        }
        /* No two are equal: the pivot is at i, lower ones before it, and
         * higher ones after it. */
        if (wanted == i)
            return;
        if (wanted < i)
            high = i;
        else
            low = i + 1;
    }
}

/* Keep the sample alone, if there is more. */
static void cut_back(sample *s)
{
    if (s->n <= s->wanted)
        return;
    select_lowest(s->items, s->n, s->wanted);
    s->n = s->wanted;
    s->limit = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->items[i].priority > s->limit)
            s->limit = s->items[i].priority;
    }
}

static bool add_item(sample *s, uint32_t feature, const uint8_t *descriptor)
{
    /* random_mix() is one to one, so no two places have the same priority. */
    const uint64_t priority = random_mix(s->key ^ ((uint64_t)s->n_images << 32 | feature));
    if (priority > s->limit)
        return true;
    if (s->n == 2 * s->wanted)
        cut_back(s);
    if (!mem_grow(&s->items, &s->capacity, s->n + 1, sizeof *s->items))
        return false;
    sample_item *item = &s->items[s->n++];
    item->priority = priority;
    item->image = s->n_images;
    item->feature = feature;
    memcpy(item->descriptor, descriptor, DIM);
    return true;
}

bovw_status sample_add(sample *s, const uint8_t *descriptors, uint32_t n, bovw_error *err)
{
    for (uint32_t f = 0; f < n; f++) {
        if (!add_item(s, f, descriptors + (size_t)f * DIM))
            return fail(err, BOVW_ERR_NOMEM, "out of memory: sample of %zu descriptors",
                        s->wanted);
    }
    s->n_descriptors += n;
    s->n_images++;
    return BOVW_OK;
}

static int compare_place(const void *a, const void *b)
{
    const sample_item *x = a, *y = b;
    if (x->image != y->image)
        return x->image < y->image ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

const uint8_t *sample_finish(sample *s)
{
    uint8_t *points = (uint8_t *)s->items; /* closed up in the same memory */
    cut_back(s);
    if (s->n > 0)
        qsort(s->items, s->n, sizeof *s->items, compare_place);
    for (size_t i = 0; i < s->n; i++) {
        const size_t from = i * sizeof *s->items + offsetof(sample_item, descriptor);
        memmove(points + i * DIM, points + from, DIM);
    }
    return points;
}
