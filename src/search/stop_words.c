/* SPDX-License-Identifier: MIT
 *
 * Sivic and Zisserman, "Video Google", ICCV 2003, section 4.
 */
#include "search/stop_words.h"

#include <stdlib.h>

#include "base/keys.h"
#include "base/memory.h"

/* keys (n_words,): ascending, the word that most images have comes first. */
static bovw_status make_keys(const bovw_index *index, uint64_t *keys, bovw_error *err)
{
    const uint32_t n_words = bovw_vocabulary_size(index->vocabulary);
    uint32_t *counts = mem_array(n_words, sizeof *counts);
    bovw_status status = counts ? BOVW_OK : fail_memory(err, "stop words");
    for (uint32_t i = 0; status == BOVW_OK && i < index->n_segments; i++)
        status = segment_count_live(&index->segments[i], counts, err);
    for (uint32_t word = 0; status == BOVW_OK && word < n_words; word++)
        keys[word] = (uint64_t)(UINT32_MAX - counts[word]) << 32 | word;
    free(counts);
    return status;
}

bovw_status stop_words_find(stop_words *s, const bovw_index *index, uint32_t n,
                            bovw_error *err)
{
    const uint32_t n_words = bovw_vocabulary_size(index->vocabulary);
    uint64_t *keys = mem_array(n_words, sizeof *keys);
    uint64_t *spare = mem_array(n_words, sizeof *spare);
    s->is_stopped = mem_array(n_words, sizeof *s->is_stopped);
    bovw_status status = keys && spare && s->is_stopped ? make_keys(index, keys, err)
                                                        : fail_memory(err, "stop words");
    if (status == BOVW_OK)
        keys_sort(keys, spare, n_words);
    for (uint32_t i = 0; status == BOVW_OK && i < n_words && i < n; i++)
        s->is_stopped[(uint32_t)keys[i]] = 1;
    free(keys);
    free(spare);
    return status;
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
