/* SPDX-License-Identifier: MIT
 *
 * Sivic and Zisserman, "Video Google", ICCV 2003, section 4.
 */
#include "search/stop_words.h"

#include <stdlib.h>

#include "base/keys.h"
#include "base/memory.h"

/* Ascending in this, the word that most images have comes first. */
static uint64_t key_of(const bovw_index *index, uint32_t word)
{
    uint32_t n_images = 0;
    for (uint32_t i = 0; i < index->n_segments; i++)
        n_images += segment_frequency(&index->segments[i], word);
    return (uint64_t)(UINT32_MAX - n_images) << 32 | word;
}

bovw_status stop_words_find(stop_words *s, const bovw_index *index, uint32_t n,
                            bovw_error *err)
{
    const uint32_t n_words = bovw_vocabulary_size(index->vocabulary);
    uint64_t *keys = mem_array(n_words, sizeof *keys);
    uint64_t *spare = mem_array(n_words, sizeof *spare);
    s->is_stopped = mem_array(n_words, sizeof *s->is_stopped);
    if (!keys || !spare || !s->is_stopped) {
        free(keys);
        free(spare);
        return fail_memory(err, "stop words");
    }
    for (uint32_t word = 0; word < n_words; word++)
        keys[word] = key_of(index, word);
    keys_sort(keys, spare, n_words);
    for (uint32_t i = 0; i < n_words && i < n; i++)
        s->is_stopped[(uint32_t)keys[i]] = 1;
    free(keys);
    free(spare);
    return BOVW_OK;
}

void stop_words_remove(const stop_words *s, terms *from)
{
    size_t n = 0;
    if (!s->is_stopped)
        return;
    for (size_t i = 0; i < from->n; i++) {
        if (!s->is_stopped[from->items[i].word])
            from->items[n++] = from->items[i];
    }
    from->n = n;
}

void stop_words_free(stop_words *s)
{
    free(s->is_stopped);
    *s = (stop_words){0};
}
