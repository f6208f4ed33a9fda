/* SPDX-License-Identifier: MIT
 *
 * Open addressing over the numbers; at most half of the slots are taken. */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

struct intern {
    char **texts; /* (n,) owned */
    uint64_t *hashes;
    uint32_t n;
    size_t text_capacity, hash_capacity;
    uint32_t *slots; /* (n_slots,) number + 1, or 0 */
    size_t n_slots;  /* a power of two */
};

enum {
    FIRST_SLOTS = 64
};

intern *intern_new(void)
{
    intern *table = mem_array(1, sizeof *table);
    if (!table)
        return NULL;
    table->n_slots = FIRST_SLOTS;
    table->slots = mem_array(table->n_slots, sizeof *table->slots);
    if (!table->slots) {
        free(table);
        return NULL;
    }
    return table;
}

void intern_free(intern *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i < table->n; i++)
        free(table->texts[i]);
    free(table->texts);
    free(table->hashes);
    free(table->slots);
    free(table);
}

/* The slot that holds the text, or the free one where it belongs. */
static size_t find_slot(const intern *table, const char *text, uint64_t hash)
{
    size_t at = (size_t)hash & (table->n_slots - 1);
    while (table->slots[at]) {
        const uint32_t i = table->slots[at] - 1;
        if (table->hashes[i] == hash && strcmp(table->texts[i], text) == 0)
            break;
        at = (at + 1) & (table->n_slots - 1);
    }
    return at;
}

static bool grow_slots(intern *table)
{
    uint32_t *old = table->slots;
    uint32_t *grown = mem_array(2 * table->n_slots, sizeof *grown);
    if (!grown)
        return false;
    table->slots = grown;
    table->n_slots *= 2;
    for (uint32_t i = 0; i < table->n; i++)
        table->slots[find_slot(table, table->texts[i], table->hashes[i])] = i + 1;
    free(old);
    return true;
}

uint32_t intern_add(intern *table, const char *text)
{
    const uint64_t hash = hash64(text, strlen(text));
    size_t at = find_slot(table, text, hash);
    if (table->slots[at])
        return table->slots[at] - 1;

    if (table->n >= INTERN_NONE - 1)
        return INTERN_NONE;
    if (2 * ((size_t)table->n + 1) > table->n_slots) {
        if (!grow_slots(table))
            return INTERN_NONE;
        at = find_slot(table, text, hash);
    }
    if (!mem_grow(&table->texts, &table->text_capacity, (size_t)table->n + 1,
                  sizeof *table->texts) ||
        !mem_grow(&table->hashes, &table->hash_capacity, (size_t)table->n + 1,
                  sizeof *table->hashes))
        return INTERN_NONE;
    char *copy = mem_text(text);
    if (!copy)
        return INTERN_NONE;
    table->texts[table->n] = copy;
    table->hashes[table->n] = hash;
    table->slots[at] = ++table->n;
    return table->n - 1;
}

uint32_t intern_find(const intern *table, const char *text)
{
    const size_t at = find_slot(table, text, hash64(text, strlen(text)));
    return table->slots[at] ? table->slots[at] - 1 : INTERN_NONE;
}

uint32_t intern_count(const intern *table)
{
    return table->n;
}

const char *const *intern_texts(const intern *table)
{
    return (const char *const *)table->texts;
}
