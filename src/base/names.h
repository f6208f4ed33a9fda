/* names.h - find an image by its name, or by the end of its path. */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stdint.h>

#include "base/error.h"

/* Immutable once made; shared by threads. */
typedef struct name_table name_table;

#define NAME_NONE UINT32_MAX

/* names (n,) is borrowed and must outlive the table. Memory 8 bytes a name;
 * O(n log n). */
bovw_status name_table_new(const char *const *names, uint32_t n, name_table **table,
                           bovw_error *err);
void name_table_free(name_table *table);

/* First index with exactly this name, or NAME_NONE. O(log n). */
uint32_t name_table_exact(const name_table *table, const char *name);

/* The same, or else the only name that ends with "/" + name; NAME_NONE where
 * there is none or more than one. O(log n). */
uint32_t name_table_find(const name_table *table, const char *name);

#endif
