/* SPDX-License-Identifier: MIT */
#include "index/bitmap.h"

#include <roaring/roaring.h>

#include "base/memory.h"

uint8_t *bitmap_encode(const uint32_t *values, uint32_t n, size_t *n_bytes)
{
    roaring_bitmap_t *set = roaring_bitmap_of_ptr(n, values);
    uint8_t *bytes = NULL;
    if (!set)
        return NULL;
    roaring_bitmap_run_optimize(set); /* runs, where they are shorter */
    *n_bytes = roaring_bitmap_portable_size_in_bytes(set);
    bytes = mem_array(*n_bytes, 1);
    if (bytes)
        roaring_bitmap_portable_serialize(set, (char *)bytes);
    roaring_bitmap_free(set);
    return bytes;
}

/* Where the values go. */
typedef struct taking {
    uint32_t *values;
    uint32_t n, taken, limit;
} taking;

/* False, which ends it, for a value that may not be there: the library checks
 * sizes, not what the containers hold. */
static bool take(uint32_t value, void *context)
{
    taking *t = context;
    if (t->taken == t->n || value >= t->limit ||
        (t->taken > 0 && value <= t->values[t->taken - 1]))
        return false;
    t->values[t->taken++] = value;
    return true;
}

bool bitmap_decode(const uint8_t *bytes, size_t n_bytes, uint32_t limit, uint32_t *values,
                   uint32_t n)
{
    taking t = {.values = values, .n = n, .limit = limit};
    const char *text = (const char *)bytes;
    /* The second prints where the size is wrong, the first does not. */
    if (n_bytes == 0 || roaring_bitmap_portable_deserialize_size(text, n_bytes) != n_bytes)
        return false;
    roaring_bitmap_t *set = roaring_bitmap_portable_deserialize_safe(text, n_bytes);
    const bool is_whole = set && roaring_iterate(set, take, &t) && t.taken == n;
    if (set)
        roaring_bitmap_free(set);
    return is_whole;
}
