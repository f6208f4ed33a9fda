/* probes.h - buckets near a vector's own, the likeliest first.
 *
 * Lv, Josephson, Wang, Charikar and Li, "Multi-Probe LSH: Efficient Indexing for High-
 * Dimensional Similarity Search", VLDB 2007, section 4.4: a bucket differs by a set of
 * steps, each to the next cell of another hash; sets come in the order of their costs'
 * sums. */
#ifndef VECTORS_PROBES_H
#define VECTORS_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROBES_MAX_STEPS = 64
};

typedef struct probe_step {
    double cost;     /* not negative */
    uint64_t change; /* added to the sum */
    uint32_t hash;   /* that it is of: a set has one step of each at most */
} probe_step;

/* Scratch of one thread; zeroed to begin with. */
typedef struct probe_set {
    double rest; /* cost without the last step */
    double cost;
    uint64_t steps; /* bit i: the i-th cheapest */
    uint32_t last;
} probe_set;
typedef struct probes {
    probe_set *heap; /* cheapest first */
    size_t n, capacity;
} probes;
void probes_free(probes *p);

/*
 * Sums of the first n buckets: the vector's own, then by cost (of equal ones the set
 * whose last step is cheaper, then the lower bits).
 *
 *   steps  (n_steps,), n_steps <= PROBES_MAX_STEPS; sorted by cost on return.
 *   sums   (n,) filled. *n_found of them, fewer where there are no more sets.
 *
 * false without memory. O(n log n).
 */
bool probes_find(probes *p, uint64_t sum, probe_step *steps, uint32_t n_steps, uint32_t n,
                 uint64_t *sums, uint32_t *n_found);

#endif
