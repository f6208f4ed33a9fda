/* SPDX-License-Identifier: MIT
 *
 * The learned index beside the other ways to find a key of an unsorted column: a
 * sorted copy and binary search, a hash table, a B-tree. Bytes a key without the
 * column, which all of them leave as it is and the learned index alone reads; time
 * and reads of the column a lookup, on one thread, of keys that are there and of
 * keys that are not, in random order.
 *   bench_lsi [N]      keys; 1,000,000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/random.h"
#include "bovw/lsi.h"

enum {
    LOOKUPS = 1 << 20,
    NODE = 16, /* keys of a node of the tree, two cache lines */
    MAX_LEVELS = 9
};

/* Distinct keys, and as many that are not among them: odd and even numbers mixed. */
static uint64_t key_of(uint32_t i)
{
    return random_mix(2 * (uint64_t)i + 1);
}

static uint64_t missing_key(uint32_t i)
{
    return random_mix(2 * (uint64_t)i);
}

/* ---- peers ------------------------------------------------------------------------------
 */

/* Anything that finds the number of a key; UINT32_MAX where there is none. */
typedef struct peer {
    const char *name;
    uint32_t error, bits; /* of a learned index */
    bool (*make)(struct peer *p, const uint64_t *column, uint32_t n);
    uint32_t (*find)(const struct peer *p, uint64_t key);
    void (*discard)(struct peer *p);
    size_t n_bytes;
    uint32_t n;
    uint64_t *keys; /* sorted; slots of the hash table */
    uint32_t *numbers;
    uint32_t n_slots;
    uint64_t *levels[MAX_LEVELS]; /* of the tree, root first; the last is `keys` */
    uint32_t sizes[MAX_LEVELS];
    uint32_t n_levels;
    bovw_lsi *lsi;
} peer;

static void discard(peer *p)
{
    for (uint32_t i = 0; i + 1 < p->n_levels; i++)
        free(p->levels[i]);
    free(p->keys);
    free(p->numbers);
    bovw_lsi_free(p->lsi);
    p->keys = NULL;
    p->numbers = NULL;
    p->lsi = NULL;
    p->n_levels = 0;
}

static bool make_sorted(peer *p, const uint64_t *column, uint32_t n)
{
    uint64_t *spare = mem_array(n, sizeof *spare);
    uint32_t *spare_numbers = mem_array(n, sizeof *spare_numbers);
    p->n = n;
    p->keys = mem_array(n, sizeof *p->keys);
    p->numbers = mem_array(n, sizeof *p->numbers);
    const bool is_made = spare && spare_numbers && p->keys && p->numbers;
    for (uint32_t i = 0; is_made && i < n; i++) {
        p->keys[i] = column[i];
        p->numbers[i] = i;
    }
    if (is_made)
        keys_sort_numbered(p->keys, p->numbers, spare, spare_numbers, n);
    free(spare);
    free(spare_numbers);
    p->n_bytes = (size_t)n * 12;
    return is_made;
}

static uint32_t find_sorted(const peer *p, uint64_t key)
{
    uint32_t low = 0, n = p->n;
    while (n > 1) { /* the same number of steps always: no branch to foresee */
        const uint32_t half = n / 2;
        low += p->keys[low + half - 1] < key ? half : 0;
        n -= half;
    }
    return p->keys[low] == key ? p->numbers[low] : UINT32_MAX;
}

/* Open addressing, at most three quarters full; numbers are kept plus one. */
static bool make_hash(peer *p, const uint64_t *column, uint32_t n)
{
    p->n_slots = 16;
    while ((uint64_t)p->n_slots * 3 / 4 < n)
        p->n_slots *= 2;
    p->keys = mem_array(p->n_slots, sizeof *p->keys);
    p->numbers = mem_array(p->n_slots, sizeof *p->numbers);
    if (!p->keys || !p->numbers)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)random_mix(column[i]) & (p->n_slots - 1);
        while (p->numbers[at] != 0)
            at = (at + 1) & (p->n_slots - 1);
        p->keys[at] = column[i];
        p->numbers[at] = i + 1;
    }
    p->n_bytes = (size_t)p->n_slots * 12;
    return true;
}

static uint32_t find_hash(const peer *p, uint64_t key)
{
    uint32_t at = (uint32_t)random_mix(key) & (p->n_slots - 1);
    while (p->numbers[at] != 0) {
        if (p->keys[at] == key)
            return p->numbers[at] - 1;
        at = (at + 1) & (p->n_slots - 1);
    }
    return UINT32_MAX;
}

/* A B-tree as it is after loading sorted keys: full nodes, no pointers. Each level has
 * the first key of every node of the next. */
static bool make_tree(peer *p, const uint64_t *column, uint32_t n)
{
    if (!make_sorted(p, column, n))
        return false;
    for (uint32_t size = n; size > 1; size = (size + NODE - 1) / NODE)
        p->n_levels++;
    uint64_t *below = p->keys;
    uint32_t n_below = n;
    for (uint32_t level = p->n_levels; level-- > 0;) {
        p->levels[level] = below;
        p->sizes[level] = n_below;
        if (level == 0)
            break;
        const uint32_t size = (n_below + NODE - 1) / NODE;
        uint64_t *above = mem_array(size, sizeof *above);
        if (!above)
            return false;
        for (uint32_t i = 0; i < size; i++)
            above[i] = below[(size_t)i * NODE];
        p->n_bytes += (size_t)size * sizeof *above;
        below = above;
        n_below = size;
    }
    return true;
}

static uint32_t find_tree(const peer *p, uint64_t key)
{
    uint32_t node = 0;
    for (uint32_t level = 0; level < p->n_levels; level++) {
        const uint32_t first = node * NODE, size = p->sizes[level];
        const uint32_t n = size - first < NODE ? size - first : NODE;
        uint32_t at = 0;
        for (uint32_t i = 1; i < n; i++)
            at += p->levels[level][first + i] <= key;
        node = first + at;
    }
    return p->keys[node] == key ? p->numbers[node] : UINT32_MAX;
}

static bool make_learned(peer *p, const uint64_t *column, uint32_t n)
{
    const bovw_lsi_options opts = {.max_error = p->error, .fingerprint_bits = p->bits};
    const bovw_column c = {.keys = column, .n = n};
    bovw_lsi_size size;
    if (bovw_lsi_new(&c, &opts, &p->lsi, NULL) != BOVW_OK)
        return false;
    bovw_lsi_measure(p->lsi, &size);
    p->n_bytes = size.total;
    return true;
}

static uint32_t find_learned(const peer *p, uint64_t key)
{
    uint32_t first;
    return bovw_lsi_find(p->lsi, key, &first) > 0 ? bovw_lsi_number(p->lsi, first)
                                                  : UINT32_MAX;
}

/* ---- reads of the column
 * ------------------------------------------------------------------ */

typedef struct counted {
    const uint64_t *keys;
    uint64_t n;
} counted;

static uint64_t count_key(const void *context, uint32_t i)
{
    counted *c = *(counted *const *)context;
    c->n++;
    return c->keys[i];
}

/* Of a lookup, on average; of the keys that are there, and of others. */
static bool count_reads(uint32_t error, uint32_t bits, const uint64_t *column, uint32_t n,
                        double reads[2])
{
    counted c = {.keys = column};
    counted *const context = &c;
    const bovw_column asked = {.key = count_key, .context = &context, .n = n};
    const bovw_lsi_options opts = {.max_error = error, .fingerprint_bits = bits};
    bovw_lsi *lsi = NULL;
    uint32_t first;
    uint64_t random = 5;
    if (bovw_lsi_new(&asked, &opts, &lsi, NULL) != BOVW_OK)
        return false;
    for (int missing = 0; missing < 2; missing++) {
        c.n = 0;
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            const uint32_t at = (uint32_t)random_below(&random, n);
            (void)bovw_lsi_find(lsi, missing ? missing_key(at) : column[at], &first);
        }
        reads[missing] = (double)c.n / LOOKUPS;
    }
    bovw_lsi_free(lsi);
    return true;
}

/* ---- the table
 * ---------------------------------------------------------------------------- */

/* Nanoseconds a lookup; the numbers found are checked. */
static double time_lookups(const peer *p, const uint64_t *asked, const uint32_t *want)
{
    uint32_t n_wrong = 0;
    const double start = clock_seconds();
    for (uint32_t i = 0; i < LOOKUPS; i++)
        n_wrong += p->find(p, asked[i]) != want[i];
    const double seconds = clock_seconds() - start;
    if (n_wrong > 0)
        printf("%s: %u of %d lookups are WRONG\n", p->name, n_wrong, LOOKUPS);
    return 1e9 * seconds / LOOKUPS;
}

static bool bench_peer(peer *p, const uint64_t *column, uint32_t n, uint64_t *asked,
                       uint32_t *want)
{
    double ns[2], reads[2] = {0, 0};
    const double start = clock_seconds();
    if (!p->make(p, column, n)) {
        discard(p);
        return false;
    }
    const double seconds = clock_seconds() - start;
    for (int missing = 0; missing < 2; missing++) {
        uint64_t random = 9;
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            const uint32_t at = (uint32_t)random_below(&random, n);
            asked[i] = missing ? missing_key(at) : key_of(at);
            want[i] = missing ? UINT32_MAX : at;
        }
        (void)time_lookups(p, asked, want); /* once for the caches and page tables */
        ns[missing] = time_lookups(p, asked, want);
    }
    const double bytes = (double)p->n_bytes / n;
    discard(p);
    if (p->error > 0 && n <= 10000000 && !count_reads(p->error, p->bits, column, n, reads))
        return false;
    printf("%11u  %-7s  %5u  %11u  %9.2f  %7.0f  %10.0f  %9.2f  %12.2f  %7.2f\n", n,
           p->name, p->error, p->bits, bytes, ns[0], ns[1], reads[0], reads[1], seconds);
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    peer peers[] = {{.name = "sorted", .make = make_sorted, .find = find_sorted},
                    {.name = "tree", .make = make_tree, .find = find_tree},
                    {.name = "hash", .make = make_hash, .find = find_hash},
                    {.name = "learned", .error = 8, .bits = 0},
                    {.name = "learned", .error = 8, .bits = 4},
                    {.name = "learned", .error = 8, .bits = 8},
                    {.name = "learned", .error = 8, .bits = 16},
                    {.name = "learned", .error = 64, .bits = 0},
                    {.name = "learned", .error = 64, .bits = 8}};
    const uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    uint64_t *column = mem_array(n, sizeof *column);
    uint64_t *asked = mem_array(LOOKUPS, sizeof *asked);
    uint32_t *want = mem_array(LOOKUPS, sizeof *want);
    bool is_done = column && asked && want && n > 0;

    for (uint32_t i = 0; is_done && i < n; i++)
        column[i] = key_of(i);
    printf("%11s  %-7s  %5s  %11s  %9s  %7s  %10s  %9s  %12s  %7s\n", "keys", "index",
           "error", "fingerprint", "bytes/key", "ns/hit", "ns/missing", "reads/hit",
           "reads/missing", "build s");
    for (size_t i = 0; is_done && i < sizeof peers / sizeof *peers; i++) {
        if (!peers[i].make) {
            peers[i].make = make_learned;
            peers[i].find = find_learned;
        }
        is_done = bench_peer(&peers[i], column, n, asked, want);
    }
    free(column);
    free(asked);
    free(want);
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
