/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

uint64_t hash64(const void *bytes, size_t n_bytes)
{
    return XXH3_64bits(bytes, n_bytes);
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
