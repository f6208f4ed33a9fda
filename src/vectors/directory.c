/* SPDX-License-Identifier: MIT */
#include "vectors/directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/order.h"
#include "base/random.h"
#include "vectors/packed.h"

typedef struct directory_kind {
    const char *name;
    bovw_status (*fill)(directory *d, const uint64_t *codes, const bovw_lsi_options *opts,
                        bovw_error *err);
    uint32_t (*find)(const directory *d, uint64_t code, uint32_t *first);
    size_t (*measure)(const directory *d);
} directory_kind;

struct directory {
    const directory_kind *kind;
    uint32_t n, bits;
    uint64_t *codes;   /* sorted: (n,); hash: (n_slots,) */
    uint32_t *numbers; /* (n,) in order; the learned index has its own */
    uint32_t *starts;  /* hash: (n_slots,) place of a bucket's first, plus one; 0: none */
    uint32_t *counts;  /* hash: (n_slots,) */
    uint32_t n_slots;  /* hash: a power of two */
    packed column;     /* learned: codes in the vectors' order */
    bovw_lsi *lsi;
};

/* ---- sorted copy ------------------------------------------------------------------ */

/* The codes in order, and d->numbers with them; NULL without memory. */
static uint64_t *sort_codes(directory *d, const uint64_t *codes)
{
    const uint32_t n = d->n;
    uint64_t *sorted = mem_array(n, sizeof *sorted), *spare = mem_array(n, sizeof *spare);
    uint32_t *spare_numbers = mem_array(n, sizeof *spare_numbers);
    d->numbers = mem_array(n, sizeof *d->numbers);
    if (sorted && spare && spare_numbers && d->numbers) {
        memcpy(sorted, codes, n * sizeof *sorted);
        for (uint32_t i = 0; i < n; i++)
            d->numbers[i] = i;
        keys_sort_numbered(sorted, d->numbers, spare, spare_numbers, n);
    } else {
        free(sorted);
        sorted = NULL;
    }
    free(spare);
    free(spare_numbers);
    return sorted;
}

static bovw_status fill_sorted(directory *d, const uint64_t *codes,
                               const bovw_lsi_options *opts, bovw_error *err)
{
    (void)opts;
    d->codes = sort_codes(d, codes);
    return d->codes ? BOVW_OK : fail_memory(err, "sorted directory");
}

/* First place whose code is not below. */
static uint32_t lower_bound(const directory *d, uint64_t code)
{
    return (uint32_t)lower_bound_u64(d->codes, d->n, code);
}

static uint32_t find_sorted(const directory *d, uint64_t code, uint32_t *first)
{
    *first = lower_bound(d, code);
    if (*first == d->n || d->codes[*first] != code)
        return 0;
    return lower_bound(d, code + 1) - *first; /* codes are shorter than 64 bits */
}

static size_t measure_sorted(const directory *d)
{
    return (size_t)d->n * (sizeof *d->codes + sizeof *d->numbers);
}

/* ---- hash table ------------------------------------------------------------------- */

static uint32_t slot_of(const directory *d, uint64_t code)
{
    uint32_t slot = (uint32_t)random_mix(code) & (d->n_slots - 1);
    while (d->starts[slot] != 0 && d->codes[slot] != code)
        slot = (slot + 1) & (d->n_slots - 1);
    return slot;
}

static uint32_t count_buckets(const uint64_t *sorted, uint32_t n)
{
    uint32_t n_buckets = 0;
    for (uint32_t i = 0; i < n; i++)
        n_buckets += i == 0 || sorted[i] != sorted[i - 1];
    return n_buckets;
}

/* At most two thirds full. */
static bool fill_slots(directory *d, const uint64_t *sorted)
{
    const uint64_t wanted = (uint64_t)count_buckets(sorted, d->n) * 3 / 2;
    d->n_slots = 4;
    while (d->n_slots < wanted && d->n_slots < UINT32_C(1) << 31)
        d->n_slots *= 2;
    d->codes = mem_array(d->n_slots, sizeof *d->codes);
    d->starts = mem_array(d->n_slots, sizeof *d->starts);
    d->counts = mem_array(d->n_slots, sizeof *d->counts);
    if (!d->codes || !d->starts || !d->counts)
        return false;
    for (uint32_t i = 0; i < d->n; i++) {
        const uint32_t slot = slot_of(d, sorted[i]);
        if (d->starts[slot] == 0) {
            d->codes[slot] = sorted[i];
            d->starts[slot] = i + 1;
        }
        d->counts[slot]++;
    }
    return true;
}

static bovw_status fill_hash(directory *d, const uint64_t *codes,
                             const bovw_lsi_options *opts, bovw_error *err)
{
    (void)opts;
    uint64_t *sorted = sort_codes(d, codes);
    const bool is_made = sorted && fill_slots(d, sorted);
    free(sorted);
    return is_made ? BOVW_OK : fail_memory(err, "hash directory");
}

static uint32_t find_hash(const directory *d, uint64_t code, uint32_t *first)
{
    const uint32_t slot = slot_of(d, code);
    if (d->starts[slot] == 0)
        return 0;
    *first = d->starts[slot] - 1;
    return d->counts[slot];
}

static size_t measure_hash(const directory *d)
{
    return (size_t)d->n * sizeof *d->numbers +
           d->n_slots * (sizeof *d->codes + sizeof *d->starts + sizeof *d->counts);
}

/* ---- learned index ------------------------------------------------------------------ */

static uint64_t column_code(const void *context, uint32_t i)
{
    return packed_get(context, i);
}

static bovw_status fill_learned(directory *d, const uint64_t *codes,
                                const bovw_lsi_options *opts, bovw_error *err)
{
    if (!packed_new(&d->column, d->n, d->bits))
        return fail_memory(err, "codes");
    for (uint32_t i = 0; i < d->n; i++)
        packed_put(&d->column, i, codes[i]);
    const bovw_column column = {.key = column_code, .context = &d->column, .n = d->n};
    return bovw_lsi_new(&column, opts, &d->lsi, err);
}

static uint32_t find_learned(const directory *d, uint64_t code, uint32_t *first)
{
    return bovw_lsi_find(d->lsi, code, first);
}

static size_t measure_learned(const directory *d)
{
    bovw_lsi_size size;
    bovw_lsi_measure(d->lsi, &size);
    return size.total;
}

/* ---- all of them -------------------------------------------------------------------- */

static const directory_kind kinds[] = {
    [BOVW_DIRECTORY_LSI] = {"lsi", fill_learned, find_learned, measure_learned},
    [BOVW_DIRECTORY_HASH] = {"hash", fill_hash, find_hash, measure_hash},
    [BOVW_DIRECTORY_SORTED] = {"sorted", fill_sorted, find_sorted, measure_sorted}};

const char *bovw_directory_name(size_t i)
{
    return i < sizeof kinds / sizeof *kinds ? kinds[i].name : NULL;
}

bovw_status directory_new(bovw_directory kind, const uint64_t *codes, uint32_t n,
                          uint32_t bits, const bovw_lsi_options *opts, directory **d,
                          bovw_error *err)
{
    directory *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "directory");
    made->kind = &kinds[kind];
    made->n = n;
    made->bits = bits;
    const bovw_status status = made->kind->fill(made, codes, opts, err);
    if (status != BOVW_OK) {
        directory_free(made);
        return status;
    }
    *d = made;
    return BOVW_OK;
}

void directory_free(directory *d)
{
    if (!d)
        return;
    free(d->codes);
    free(d->numbers);
    free(d->starts);
    free(d->counts);
    packed_free(&d->column);
    bovw_lsi_free(d->lsi);
    free(d);
}

uint32_t directory_find(const directory *d, uint64_t code, uint32_t *first)
{
    return d->kind->find(d, code, first);
}

void directory_numbers(const directory *d, uint32_t first, uint32_t n, uint32_t *numbers)
{
    if (!d->lsi) {
        memcpy(numbers, d->numbers + first, n * sizeof *numbers);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        numbers[i] = bovw_lsi_number(d->lsi, first + i);
}

void directory_measure(const directory *d, size_t *code_bytes, size_t *rest_bytes)
{
    *code_bytes = d->lsi ? 8 * packed_words(d->n, d->bits) : 0;
    *rest_bytes = d->kind->measure(d);
}
