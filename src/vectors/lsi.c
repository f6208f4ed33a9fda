/* SPDX-License-Identifier: MIT
 *
 * The spline goes through points (x, y): x is a key and y the place of the first key
 * not below x. Every distinct key is one; where a key occurs more than once, the next
 * number after it is one too (unless that is a key), so that between two points the
 * place that is sought moves by one at most. The spline rises only, in its rounded
 * arithmetic too, so an error measured at the points holds, with that one more, for
 * every number in between: windows are certain, for keys that are not there as well.
 */
#include "bovw/lsi.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/random.h"
#include "vectors/packed.h"

enum {
    MAX_RADIX_BITS = 24
};

/* Knots in ascending order; between two the places are interpolated. */
typedef struct spline {
    uint64_t *keys;   /* (n,) */
    uint32_t *places; /* (n,) */
    uint32_t n;
    size_t keys_capacity, places_capacity; /* while it grows */
    uint32_t *radix; /* (2^bits + 1,) last knot whose key's prefix is less, or 0 */
    uint32_t shift;  /* prefix: (key - keys[0]) >> shift */
    uint32_t n_radix;
    uint32_t above, below; /* by so much a place is estimated too high, too low */
} spline;

struct bovw_lsi {
    bovw_column column;
    uint64_t last; /* greatest key */
    spline spline;
    packed numbers, fingerprints;
    size_t n_bytes;
};

void bovw_lsi_options_default(bovw_lsi_options *opts)
{
    *opts = (bovw_lsi_options){.max_error = 8, .fingerprint_bits = 8};
}

static uint64_t key_of(const bovw_lsi *lsi, uint32_t number)
{
    return lsi->column.keys ? lsi->column.keys[number]
                            : lsi->column.key(lsi->column.context, number);
}

static uint64_t key_at(const bovw_lsi *lsi, uint32_t place)
{
    return key_of(lsi, (uint32_t)packed_get(&lsi->numbers, place));
}

/* ---- the spline: asked ---------------------------------------------------------- */

/* The last knot but one at most whose key is not above this one, which is in
 * [first knot, last knot]. */
static uint32_t find_knot(const spline *s, uint64_t key)
{
    const uint64_t prefix = (key - s->keys[0]) >> s->shift;
    uint32_t low = s->radix[prefix], high = s->radix[prefix + 1] + 1;
    /* low: not above; high: above, or the last knot */
    if (high >= s->n)
        high = s->n - 1;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (s->keys[middle] <= key)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t estimate(const spline *s, uint64_t key)
{
    if (s->n < 2)
        return 0;
    const uint32_t k = find_knot(s, key);
    const double part = (double)(key - s->keys[k]) / (double)(s->keys[k + 1] - s->keys[k]);
    return s->places[k] + (uint32_t)((double)(s->places[k + 1] - s->places[k]) * part);
}

/* The place sought is in [low, high]. */
typedef struct window {
    uint32_t low, high;
} window;

static window window_of(const bovw_lsi *lsi, uint64_t key)
{
    const spline *s = &lsi->spline;
    const uint64_t place = estimate(s, key), high = place + s->below + 1;
    return (window){place < s->above ? 0 : (uint32_t)(place - s->above),
                    high > lsi->column.n ? lsi->column.n : (uint32_t)high};
}

/* ---- the spline: learned -------------------------------------------------------- */

typedef struct point {
    uint64_t x;
    uint32_t y;
} point;

/* Points of sorted keys, one after the other. */
typedef struct points {
    const uint64_t *keys; /* (n,) sorted */
    uint32_t n, at;       /* next key */
    bool is_after;        /* the next point is that after the run of keys[at - 1] */
} points;

static bool next_point(points *p, point *next)
{
    if (p->is_after) {
        p->is_after = false;
        *next = (point){p->keys[p->at - 1] + 1, p->at};
        return true;
    }
    if (p->at == p->n)
        return false;
    const uint32_t first = p->at;
    const uint64_t key = p->keys[first];
    while (p->at < p->n && p->keys[p->at] == key)
        p->at++;
    /* After the last key nothing is asked. */
    p->is_after = p->at - first > 1 && p->at < p->n && key + 1 < p->keys[p->at];
    *next = (point){key, first};
    return true;
}

static bool add_knot(spline *s, point knot)
{
    if (!mem_grow(&s->keys, &s->keys_capacity, (size_t)s->n + 1, sizeof *s->keys) ||
        !mem_grow(&s->places, &s->places_capacity, (size_t)s->n + 1, sizeof *s->places))
        return false;
    s->keys[s->n] = knot.x;
    s->places[s->n] = knot.y;
    s->n++;
    return true;
}

/* Slopes from the last knot that pass no point so far by more than the error. */
typedef struct corridor {
    double low, high;
} corridor;

static double slope(point from, point to, double shift)
{
    return ((double)to.y + shift - (double)from.y) / (double)(to.x - from.x);
}

/* Greedy: a knot is moved on while the corridor is open. */
static bool learn_knots(spline *s, points p, double error)
{
    point knot, last, next;
    if (!next_point(&p, &knot))
        return true;
    if (!add_knot(s, knot))
        return false;
    if (!next_point(&p, &last))
        return true;
    corridor c = {slope(knot, last, -error), slope(knot, last, error)};
    while (next_point(&p, &next)) {
        const double direct = slope(knot, next, 0);
        if (direct < c.low || direct > c.high) {
            if (!add_knot(s, last))
                return false;
            knot = last;
            c = (corridor){slope(knot, next, -error), slope(knot, next, error)};
        } else {
            const double low = slope(knot, next, -error), high = slope(knot, next, error);
            c.low = low > c.low ? low : c.low;
            c.high = high < c.high ? high : c.high;
        }
        last = next;
    }
    return add_knot(s, last);
}

/* About as many entries as knots; the k-th is the last knot below prefix k. */
static bool learn_radix(spline *s)
{
    if (s->n < 2)
        return true;
    const uint64_t range = s->keys[s->n - 1] - s->keys[0];
    const uint32_t wanted = packed_width(s->n);
    const uint32_t bits = wanted < MAX_RADIX_BITS ? wanted : MAX_RADIX_BITS;
    while (range >> s->shift >> bits)
        s->shift++;
    s->n_radix = (uint32_t)(range >> s->shift) + 2;
    s->radix = mem_array(s->n_radix, sizeof *s->radix);
    if (!s->radix)
        return false;
    uint32_t knot = 0;
    for (uint32_t prefix = 0; prefix < s->n_radix; prefix++) {
        while (knot + 1 < s->n && (s->keys[knot + 1] - s->keys[0]) >> s->shift < prefix)
            knot++;
        s->radix[prefix] = knot;
    }
    return true;
}

static void measure_error(spline *s, points p)
{
    point next;
    while (next_point(&p, &next)) {
        const uint32_t place = estimate(s, next.x);
        if (place > next.y && place - next.y > s->above)
            s->above = place - next.y;
        if (place < next.y && next.y - place > s->below)
            s->below = next.y - place;
    }
}

/* ---- made ----------------------------------------------------------------------- */

/* What an index is made from, for a while. */
typedef struct order {
    uint64_t *keys, *spare_keys;       /* (n,) */
    uint32_t *numbers, *spare_numbers; /* (n,) */
} order;

static void order_free(order *o)
{
    free(o->keys);
    free(o->spare_keys);
    free(o->numbers);
    free(o->spare_numbers);
}

static bool order_make(order *o, const bovw_lsi *lsi)
{
    const uint32_t n = lsi->column.n;
    o->keys = mem_array(n, sizeof *o->keys);
    o->spare_keys = mem_array(n, sizeof *o->spare_keys);
    o->numbers = mem_array(n, sizeof *o->numbers);
    o->spare_numbers = mem_array(n, sizeof *o->spare_numbers);
    if (!o->keys || !o->spare_keys || !o->numbers || !o->spare_numbers)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        o->keys[i] = key_of(lsi, i);
        o->numbers[i] = i;
    }
    keys_sort_numbered(o->keys, o->numbers, o->spare_keys, o->spare_numbers, n);
    free(o->spare_keys);
    free(o->spare_numbers);
    o->spare_keys = NULL;
    o->spare_numbers = NULL;
    return true;
}

static uint64_t fingerprint(const bovw_lsi *lsi, uint64_t key)
{
    return random_mix(key) & ((UINT64_C(1) << lsi->fingerprints.width) - 1);
}

static bool pack(bovw_lsi *lsi, const order *o, uint32_t fingerprint_bits)
{
    const uint32_t n = lsi->column.n;
    if (!packed_new(&lsi->numbers, n, packed_width(n)) ||
        !packed_new(&lsi->fingerprints, n, fingerprint_bits))
        return false;
    for (uint32_t i = 0; i < n; i++)
        packed_put(&lsi->numbers, i, o->numbers[i]);
    for (uint32_t i = 0; fingerprint_bits > 0 && i < n; i++)
        packed_put(&lsi->fingerprints, i, fingerprint(lsi, o->keys[i]));
    return true;
}

static bool learn(bovw_lsi *lsi, const bovw_lsi_options *opts)
{
    order o = {0};
    bool is_made = order_make(&o, lsi);
    if (is_made && lsi->column.n > 0) {
        const points p = {.keys = o.keys, .n = lsi->column.n};
        lsi->last = o.keys[lsi->column.n - 1];
        is_made = learn_knots(&lsi->spline, p, opts->max_error) &&
                  learn_radix(&lsi->spline) && pack(lsi, &o, opts->fingerprint_bits);
        if (is_made)
            measure_error(&lsi->spline, p);
    }
    order_free(&o);
    return is_made;
}

bovw_status bovw_lsi_new(const bovw_column *column, const bovw_lsi_options *opts,
                         bovw_lsi **lsi, bovw_error *err)
{
    if (opts->max_error < 1 || opts->max_error > BOVW_LSI_MAX_ERROR)
        return fail(err, BOVW_ERR_ARG, "an error of %u is not in [1, %d]", opts->max_error,
                    BOVW_LSI_MAX_ERROR);
    if (opts->fingerprint_bits > BOVW_LSI_MAX_FINGERPRINT)
        return fail(err, BOVW_ERR_ARG, "a fingerprint has at most %d bits, not %u",
                    BOVW_LSI_MAX_FINGERPRINT, opts->fingerprint_bits);
    bovw_lsi *made = mem_array(1, sizeof *made);
    if (made)
        made->column = *column;
    if (!made || !learn(made, opts)) {
        bovw_lsi_free(made);
        return fail_memory(err, "learned index");
    }
    *lsi = made;
    return BOVW_OK;
}

void bovw_lsi_free(bovw_lsi *lsi)
{
    if (!lsi)
        return;
    free(lsi->spline.keys);
    free(lsi->spline.places);
    free(lsi->spline.radix);
    packed_free(&lsi->numbers);
    packed_free(&lsi->fingerprints);
    free(lsi);
}

void bovw_lsi_measure(const bovw_lsi *lsi, bovw_lsi_size *size)
{
    const spline *s = &lsi->spline;
    const uint32_t n = lsi->column.n;
    *size =
        (bovw_lsi_size){.spline = s->n * (sizeof *s->keys + sizeof *s->places) +
                                  s->n_radix * sizeof *s->radix,
                        .n_knots = s->n,
                        .n_window = n == 0 ? 0 : s->above + s->below + 2,
                        .permutation = n == 0 ? 0 : 8 * packed_words(n, lsi->numbers.width),
                        .fingerprints = lsi->fingerprints.width == 0
                                            ? 0
                                            : 8 * packed_words(n, lsi->fingerprints.width)};
    size->total = size->spline + size->permutation + size->fingerprints;
}

uint32_t bovw_lsi_number(const bovw_lsi *lsi, uint32_t place)
{
    return (uint32_t)packed_get(&lsi->numbers, place);
}

/* ---- asked ---------------------------------------------------------------------- */

/* First place in [low, high] whose key is not below; high if none before it is. */
static uint32_t lower_bound_in(const bovw_lsi *lsi, uint64_t key, uint32_t low,
                               uint32_t high)
{
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (key_at(lsi, middle) < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t bovw_lsi_lower_bound(const bovw_lsi *lsi, uint64_t key)
{
    if (lsi->column.n == 0 || key <= lsi->spline.keys[0])
        return 0;
    if (key > lsi->last)
        return lsi->column.n;
    const window w = window_of(lsi, key);
    return lower_bound_in(lsi, key, w.low, w.high);
}

static bool is_at(const bovw_lsi *lsi, uint64_t key, uint64_t print, uint32_t place)
{
    return packed_get(&lsi->fingerprints, place) == print && key_at(lsi, place) == key;
}

/* The first place after `first`, which has the key, that has it no more: in growing
 * steps, then between the last two. */
static uint32_t end_of_run(const bovw_lsi *lsi, uint64_t key, uint64_t print,
                           uint32_t first)
{
    uint32_t last = first, end = lsi->column.n;
    for (uint32_t step = 1; step < end - last; step *= 2) {
        if (is_at(lsi, key, print, last + step))
            last += step;
        else
            end = last + step;
    }
    while (end - last > 1) {
        const uint32_t middle = last + (end - last) / 2;
        if (is_at(lsi, key, print, middle))
            last = middle;
        else
            end = middle;
    }
    return end;
}

/* The place of the first such key in the window; n where there is none. */
static uint32_t find_first(const bovw_lsi *lsi, uint64_t key, uint64_t print, window w)
{
    const uint32_t n = lsi->column.n;
    if (lsi->fingerprints.width == 0) {
        const uint32_t place = lower_bound_in(lsi, key, w.low, w.high);
        return place < n && key_at(lsi, place) == key ? place : n;
    }
    for (uint32_t place = w.low; place <= w.high && place < n; place++) {
        if (packed_get(&lsi->fingerprints, place) != print)
            continue;
        const uint64_t found = key_at(lsi, place);
        if (found >= key)
            return found == key ? place : n;
    }
    return n;
}

uint32_t bovw_lsi_find(const bovw_lsi *lsi, uint64_t key, uint32_t *first)
{
    if (lsi->column.n == 0 || key < lsi->spline.keys[0] || key > lsi->last)
        return 0;
    const uint64_t print = fingerprint(lsi, key);
    const uint32_t place = find_first(lsi, key, print, window_of(lsi, key));
    if (place == lsi->column.n)
        return 0;
    *first = place;
    return end_of_run(lsi, key, print, place) - place;
}
