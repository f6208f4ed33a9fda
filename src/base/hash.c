/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

uint64_t hash64(const void *bytes, size_t n_bytes)
{
    return XXH3_64bits(bytes, n_bytes);
}

/* The library's own type under our name. */
static XXH3_state_t *state_of(hash64_stream *stream)
{
    return (XXH3_state_t *)(void *)stream;
}

hash64_stream *hash64_begin(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state)
        XXH3_64bits_reset(state);
    return (hash64_stream *)(void *)state;
}

void hash64_add(hash64_stream *stream, const void *bytes, size_t n_bytes)
{
    XXH3_64bits_update(state_of(stream), bytes, n_bytes);
}

uint64_t hash64_take(hash64_stream *stream)
{
    const uint64_t sum = XXH3_64bits_digest(state_of(stream));
    XXH3_64bits_reset(state_of(stream));
    return sum;
}

void hash64_free(hash64_stream *stream)
{
    XXH3_freeState(state_of(stream));
}

void hash128(const void *bytes, size_t n_bytes, uint8_t id[16])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, n_bytes));
    memcpy(id, canonical.digest, 16);
}

void hash_text(const uint8_t id[16], char text[33])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 15];
    }
    text[32] = '\0';
}
