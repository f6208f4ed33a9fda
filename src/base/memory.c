/* SPDX-License-Identifier: MIT */
#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise() */
#include <sys/mman.h>
#endif

#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALIGNMENT = 64,
    LARGE_PAGE = 2 << 20
};

static void *aligned_zeros(size_t n, size_t size, size_t alignment)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - alignment)
        return NULL;
    if (bytes == 0)
        bytes = 1;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    void *items = aligned_alloc(alignment, bytes);
    if (!items)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (alignment == LARGE_PAGE)
        (void)madvise(items, bytes, MADV_HUGEPAGE); /* no matter if it cannot */
#endif
    memset(items, 0, bytes);
    return items;
}

void *mem_array(size_t n, size_t size)
{
    return aligned_zeros(n, size, ALIGNMENT);
}

void *mem_large_array(size_t n, size_t size)
{
    return aligned_zeros(n, size, LARGE_PAGE);
}

bool mem_grow(void *items, size_t *capacity, size_t need, size_t size)
{
    void *old;
    size_t bytes;
    memcpy(&old, items, sizeof old);
    if (need <= *capacity && old)
        return true;
    size_t wanted = *capacity < 16 ? 16 : *capacity + *capacity / 2;
    if (wanted < need)
        wanted = need;
    if (__builtin_mul_overflow(wanted, size, &bytes))
        return false;
    void *grown = realloc(old, bytes ? bytes : 1);
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof grown);
    *capacity = wanted;
    return true;
}

char *mem_text(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

char *mem_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text) {
        va_start(args, format);
        vsnprintf(text, (size_t)length + 1, format, args);
        va_end(args);
    }
    return text;
}
