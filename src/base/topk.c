/* SPDX-License-Identifier: MIT */
#include "base/topk.h"

#include <stdbool.h>
#include <stdlib.h>

static bool is_better(scored a, scored b)
{
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

static void sift_up(scored *items, size_t at)
{
    while (at > 0) {
        const size_t parent = (at - 1) / 2;
        if (!is_better(items[parent], items[at]))
            return;
        const scored swap = items[parent];
        items[parent] = items[at];
        items[at] = swap;
        at = parent;
    }
}

static void sift_down(scored *items, size_t n)
{
    size_t at = 0;
    for (;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++) {
            if (is_better(items[worst], items[child]))
                worst = child;
        }
        if (worst == at)
            return;
        const scored swap = items[worst];
        items[worst] = items[at];
        items[at] = swap;
        at = worst;
    }
}

void topk_offer(scored *items, size_t *n, size_t k, scored item)
{
    if (*n < k) {
        items[*n] = item;
        sift_up(items, (*n)++);
    } else if (is_better(item, items[0])) {
        items[0] = item;
        sift_down(items, *n);
    }
}

static int best_first(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    return is_better(*x, *y) ? -1 : is_better(*y, *x);
}

void topk_sort(scored *items, size_t n)
{
    qsort(items, n, sizeof *items, best_first);
}
