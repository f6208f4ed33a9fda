/* intern.h - numbers for texts: the same text gets the same number. */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include <stdint.h>

#include "base/error.h"

typedef struct intern intern;

#define INTERN_NONE UINT32_MAX

intern *intern_new(void);        /* NULL without memory */
void intern_free(intern *table); /* NULL allowed */

/* Number of the text, in order of first appearance from 0; it is copied.
 * INTERN_NONE without memory. O(length). */
uint32_t intern_add(intern *table, const char *text);

/* The same for a text that was added, else INTERN_NONE. */
uint32_t intern_find(const intern *table, const char *text);

uint32_t intern_count(const intern *table);

/* (count,) the texts by number; valid until the next add, the texts themselves
 * until intern_free(). */
const char *const *intern_texts(const intern *table);

#endif
