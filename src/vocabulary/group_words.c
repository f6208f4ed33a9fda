/* SPDX-License-Identifier: MIT
 *
 * bovw_vocabulary_group(): how many groups must be searched is measured. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "vocabulary/groups.h"
#include "vocabulary/vocabulary_parts.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM
};

void bovw_group_options_default(bovw_group_options *opts)
{
    *opts = (bovw_group_options){.n_groups = 0, .recall = 0.98, .seed = 1};
}

/* Descriptors whose nearest word is known. */
typedef struct trial {
    const groups *made;
    const uint8_t *descriptors; /* (n, 128) */
    size_t n;
    int n_threads;
    uint32_t *expected; /* (n,) least squared distances */
    uint32_t *found;    /* (n,) scratch */
    uint32_t *words;    /* (n,) scratch */
} trial;

static bovw_status find_expected(trial *t, const uint8_t *centroids, uint32_t k,
                                 bovw_error *err)
{
    nearest *all = NULL;
    const bovw_status status =
        nearest_new(centroids, k, groups_kernel_of(t->made), &all, err);
    if (status == BOVW_OK)
        nearest_run(all, t->descriptors, t->n, 1, t->n_threads, t->words, t->expected);
    nearest_free(all);
    return status;
}

/* For how many descriptors a search of n_probes groups finds a nearest word. */
static bovw_status count_found(const trial *t, uint32_t n_probes, size_t *count,
                               bovw_error *err)
{
    const bovw_status status = groups_run(t->made, t->descriptors, t->n, 1, n_probes,
                                          t->n_threads, t->words, t->found, err);
    *count = 0;
    for (size_t i = 0; status == BOVW_OK && i < t->n; i++)
        *count += t->found[i] == t->expected[i];
    return status;
}

/* The fewest groups with which n_wanted descriptors or more find a nearest word:
 * more groups never find less. All groups find all. */
static bovw_status choose_probes(const trial *t, size_t n_wanted, uint32_t n_groups,
                                 uint32_t *n_probes, size_t *n_found, bovw_error *err)
{
    uint32_t too_few = 0, enough = 0;
    for (uint32_t probes = 1; enough == 0 || too_few + 1 < enough;) {
        size_t count;
        const bovw_status status = count_found(t, probes, &count, err);
        if (status != BOVW_OK)
            return status;
        if (count >= n_wanted) {
            enough = probes;
            *n_found = count;
        } else {
            too_few = probes;
        }
        if (enough > 0)
            probes = too_few + (enough - too_few) / 2;
        else
            probes = probes < n_groups / 2 ? 2 * probes : n_groups;
    }
    *n_probes = enough;
    return BOVW_OK;
}

static bovw_status measure(trial *t, const uint8_t *centroids, uint32_t k, double recall,
                           uint32_t *n_probes, size_t *n_found, bovw_error *err)
{
    const size_t n_wanted = (size_t)(recall * (double)t->n + 0.5);
    t->expected = mem_array(t->n, sizeof *t->expected);
    t->found = mem_array(t->n, sizeof *t->found);
    t->words = mem_array(t->n, sizeof *t->words);
    bovw_status status = t->expected && t->found && t->words
                             ? find_expected(t, centroids, k, err)
                             : fail_memory(err, "groups of words");
    if (status == BOVW_OK)
        status = choose_probes(t, n_wanted, groups_layout_of(t->made)->levels[0].n,
                               n_probes, n_found, err);
    free(t->expected);
    free(t->found);
    free(t->words);
    return status;
}

/* A vocabulary of the parts, but with groups, and words in their order. */
static bovw_status make_grouped(const vocabulary_parts *plain, const groups *made,
                                uint32_t n_probes, const char *summary,
                                bovw_vocabulary **vocabulary, bovw_error *err)
{
    const uint32_t *order = groups_order(made);
    vocabulary_parts parts = *plain;
    uint8_t *ordered = mem_array(plain->k, DIM);
    if (!ordered)
        return fail(err, BOVW_ERR_NOMEM, "out of memory: groups of %" PRIu32 " words",
                    plain->k);
    for (uint32_t i = 0; i < plain->k; i++)
        memcpy(ordered + (size_t)i * DIM, plain->centroids + (size_t)order[i] * DIM, DIM);
    parts.centroids = ordered;
    parts.embedding = NULL;
    parts.layout = groups_layout_of(made);
    parts.n_probes = n_probes;
    parts.summary = summary;
    const bovw_status status = vocabulary_make(&parts, vocabulary, err);
    free(ordered);
    return status;
}

static bovw_status check_options(const bovw_group_options *opts, size_t n, bovw_error *err)
{
    if (n == 0 || n > UINT32_MAX)
        return fail(err, BOVW_ERR_ARG, "%zu descriptors to measure recall with", n);
    if (!(opts->recall > 0.0 && opts->recall <= 1.0))
        return fail(err, BOVW_ERR_ARG, "a recall of %g is not in (0, 1]", opts->recall);
    return BOVW_OK;
}

bovw_status bovw_vocabulary_group(const bovw_vocabulary *plain, const uint8_t *descriptors,
                                  size_t n, const bovw_group_options *opts,
                                  const bovw_compute *compute, const bovw_monitor *monitor,
                                  bovw_vocabulary **vocabulary, bovw_error *err)
{
    bovw_embedding embedded;
    const vocabulary_parts parts = vocabulary_parts_of(plain, &embedded);
    groups *made = NULL;
    uint32_t n_probes = 0;
    size_t n_found = 0;
    char *summary = NULL;

    bovw_status status = check_options(opts, n, err);
    if (status == BOVW_OK)
        status = groups_new(parts.centroids, parts.k, opts->n_groups, opts->seed, compute,
                            monitor, &made, err);
    if (status == BOVW_OK) {
        trial t = {.made = made,
                   .descriptors = descriptors,
                   .n = n,
                   .n_threads = parallel_threads(compute)};
        status =
            measure(&t, parts.centroids, parts.k, opts->recall, &n_probes, &n_found, err);
    }
    if (status == BOVW_OK) {
        char text[160];
        snprintf(text, sizeof text,
                 "in %" PRIu32 " groups of which %" PRIu32
                 " are searched, recall %.4f on %zu descriptors",
                 groups_layout_of(made)->levels[0].n, n_probes, (double)n_found / (double)n,
                 n);
        monitor_message(monitor, text);
        summary = mem_format("%s%s%s", parts.summary, parts.summary[0] ? ", " : "", text);
        status = summary ? make_grouped(&parts, made, n_probes, summary, vocabulary, err)
                         : fail_memory(err, "summary of a vocabulary");
    }
    free(summary);
    groups_free(made);
    return status;
}
