/* memory.h - allocation with overflow checks. Everything is freed by free(). */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* n * size bytes, zeroed, aligned to 64; NULL on overflow or without memory.
 * n == 0 gives a valid pointer. */
void *mem_array(size_t n, size_t size);

/* The same for arrays of many megabytes that are read all over the place: in
 * large pages, where the system has them. */
void *mem_large_array(size_t n, size_t size);

/* Make room for `need` items in a growing array. *items and *capacity are
 * unchanged on failure. New items are not zeroed. */
bool mem_grow(void *items, size_t *capacity, size_t need, size_t size);

/* Copies of text; NULL without memory. */
char *mem_text(const char *text);
char *mem_format(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
