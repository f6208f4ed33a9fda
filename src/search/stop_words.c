/* SPDX-License-Identifier: MIT
 *
 * Sivic and Zisserman, "Video Google", ICCV 2003, section 4.
 */
#include "search/stop_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/keys.h"
#include "base/memory.h"

/* Does any image that is left have the word? Where its idf is 0, all have it or none. */
static bovw_status is_used(const bovw_index *index, uint32_t word, bool *used,
                           bovw_error *err)
{
    bovw_posting *postings = NULL;
    size_t capacity = 0, n = 0;
    bovw_status status = BOVW_OK;
    *used = bovw_index_idf(index, word) > 0.0F;
    for (uint32_t i = 0; status == BOVW_OK && !*used && i < index->n_segments; i++) {
        if (segment_frequency(&index->segments[i], word) == 0)
            continue;
        status = bovw_index_postings(index, i, word, &postings, &capacity, &n, err);
        *used = status == BOVW_OK && n > 0;
    }
    free(postings);
    return status;
}

/* Ascending in this, the word that most images have comes first: idf falls with their
 * number, and its bits are ordered like it. */
static uint64_t key_of(const bovw_index *index, uint32_t word, bool used)
{
    const float idf = bovw_index_idf(index, word);
    uint32_t bits = UINT32_MAX;
    if (used)
        memcpy(&bits, &idf, sizeof bits);
    return (uint64_t)bits << 32 | word;
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
    bovw_status status = BOVW_OK;
    for (uint32_t word = 0; status == BOVW_OK && word < n_words; word++) {
        bool used = false;
        status = is_used(index, word, &used, err);
        keys[word] = key_of(index, word, used);
    }
    keys_sort(keys, spare, n_words);
    for (uint32_t i = 0; i < n_words && i < n; i++)
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
