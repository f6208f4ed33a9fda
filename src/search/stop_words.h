/* stop_words.h - the words that most images have, which say least about any. */
#ifndef SEARCH_STOP_WORDS_H
#define SEARCH_STOP_WORDS_H

#include "index/snapshot.h"
#include "search/terms.h"

typedef struct stop_words {
    uint8_t *is_stopped; /* (n_words,) 0 or 1; NULL: none is */
} stop_words;

/* The n words that most images have, of equal ones the lower; all where there are
 * not as many. BOVW_ERR_NOMEM; BOVW_ERR_CORRUPT where removed images are damaged.
 * O(words * segments + words log words + features of removed images). */
bovw_status stop_words_find(stop_words *s, const bovw_index *index, uint32_t n,
                            bovw_error *err);

/* Drop the terms of these words, the others stay in order. */
void stop_words_remove(const stop_words *s, terms *from);

void stop_words_free(stop_words *s);

#endif
