/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/order.h"
#include "base/random.h"
#include "bovw/compare.h"

enum {
    MAX_SAMPLES = 10000000
};

#define TIE 1e-9

void bovw_paired_options_default(bovw_paired_options *opts)
{
    *opts = (bovw_paired_options){.seed = 1, .n_samples = 10000, .confidence = 0.95};
}

/* Sum of the differences d (n,), those negated whose bit of `signs` is set. */
static double signed_sum(const double *d, uint32_t n, uint64_t signs)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += signs >> i & 1 ? -d[i] : d[i];
    return sum;
}

static double random_sum(const double *d, uint32_t n, uint64_t *state)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i += 64) {
        const uint32_t left = n - i < 64 ? n - i : 64;
        sum += signed_sum(d + i, left, random_next(state));
    }
    return sum;
}

/* Share of the changes of sign whose sum is as far from 0 as the observed. */
static double randomisation_p(const double *d, uint32_t n, const bovw_paired_options *opts)
{
    double sum = 0, size = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += d[i];
        size += fabs(d[i]);
    }
    /* Equal sums round differently in another order. */
    const double observed = fabs(sum) - 1e-12 * size;
    uint32_t n_far = 0;
    if (n < 24 && (uint32_t)1 << n <= opts->n_samples) {
        const uint32_t n_changes = (uint32_t)1 << n;
        for (uint32_t signs = 0; signs < n_changes; signs++)
            n_far += fabs(signed_sum(d, n, signs)) >= observed;
        return n_far / (double)n_changes;
    }
    uint64_t state = random_mix(opts->seed);
    for (uint32_t i = 0; i < opts->n_samples; i++)
        n_far += fabs(random_sum(d, n, &state)) >= observed;
    return (n_far + 1.0) / (opts->n_samples + 1.0);
}

/* Percentiles of the means of resampled queries. */
static bool bootstrap(const double *d, uint32_t n, const bovw_paired_options *opts,
                      bovw_paired *result)
{
    double *means = mem_array(opts->n_samples, sizeof *means);
    uint64_t state = random_mix(opts->seed + 1);
    if (!means)
        return false;
    for (uint32_t s = 0; s < opts->n_samples; s++) {
        double sum = 0;
        for (uint32_t i = 0; i < n; i++)
            sum += d[random_below(&state, n)];
        means[s] = sum / n;
    }
    qsort(means, opts->n_samples, sizeof *means, order_double);
    const uint32_t cut = (uint32_t)((1 - opts->confidence) / 2 * opts->n_samples);
    result->low = means[cut];
    result->high = means[opts->n_samples - 1 - cut];
    free(means);
    return true;
}

bovw_status bovw_compare_paired(const double *a, const double *b, uint32_t n,
                                const bovw_paired_options *opts, bovw_paired *result,
                                bovw_error *err)
{
    if (opts->n_samples == 0 || opts->n_samples > MAX_SAMPLES)
        return fail(err, BOVW_ERR_ARG, "number of samples is %u, not in [1, %d]",
                    opts->n_samples, MAX_SAMPLES);
    if (!(opts->confidence > 0 && opts->confidence < 1))
        return fail(err, BOVW_ERR_ARG, "confidence is %g, not between 0 and 1",
                    opts->confidence);
    bovw_paired made = {.n = n, .p = 1};
    if (n == 0) {
        *result = made;
        return BOVW_OK;
    }
    double *d = mem_array(n, sizeof *d);
    if (!d)
        return fail_memory(err, "comparison");
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        d[i] = b[i] - a[i];
        sum += d[i];
        made.mean_a += a[i] / n;
        made.mean_b += b[i] / n;
        made.wins += d[i] > TIE;
        made.losses += d[i] < -TIE;
    }
    made.difference = sum / n;
    made.ties = n - made.wins - made.losses;
    made.p = randomisation_p(d, n, opts);
    const bool ok = bootstrap(d, n, opts, &made);
    free(d);
    if (!ok)
        return fail_memory(err, "comparison");
    *result = made;
    return BOVW_OK;
}
