/* topk.h - keep the k best of a stream; of equal scores the lower id. */
#ifndef BASE_TOPK_H
#define BASE_TOPK_H

#include <stddef.h>
#include <stdint.h>

typedef struct scored {
    float score;
    uint32_t id;
} scored;

/* Offer one item to a heap of at most k items, of which *n are filled: items
 * is (k,) and holds the worst kept item first. k > 0. O(log k). */
void topk_offer(scored *items, size_t *n, size_t k, scored item);

/* Sort the n kept items best first. */
void topk_sort(scored *items, size_t n);

#endif
