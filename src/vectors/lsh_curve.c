/* SPDX-License-Identifier: MIT
 *
 * Recall over candidates, of queries that had no part in the choice. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "vectors/lsh.h"

enum {
    LAST_PROBES = 256 /* of a curve, or as many as were chosen */
};

typedef struct measuring {
    const bovw_lsh *lsh;
    lsh_sample sample; /* borrowed, with its nearest */
    uint32_t top;      /* one more than the nearest: the query itself may be there */
    scored *heaps;     /* (n, top) */
    size_t *n_found;   /* (n,) */
} measuring;

static bool is_nearest(const lsh_sample *sample, uint32_t q, uint32_t number)
{
    const uint32_t *nearest = sample->nearest + (size_t)q * sample->n_nearest;
    for (uint32_t i = 0; i < sample->n_nearest; i++) {
        if (nearest[i] == number)
            return true;
    }
    return false;
}

static double recall_of(const measuring *m)
{
    uint64_t n_right = 0;
    for (uint32_t q = 0; q < m->sample.n; q++) {
        for (size_t i = 0; i < m->n_found[q]; i++)
            n_right += is_nearest(&m->sample, q, m->heaps[(size_t)q * m->top + i].id);
    }
    return (double)n_right / ((double)m->sample.n * m->sample.n_nearest);
}

static bovw_status measure(const measuring *m, lsh_effort effort, bovw_lsh_point *point,
                           bovw_error *err)
{
    bovw_lsh_work work = {0};
    const bovw_status status = lsh_search(m->lsh, m->sample.queries, m->sample.n, effort,
                                          m->top, m->heaps, m->n_found, &work, err);
    if (status == BOVW_OK)
        *point = (bovw_lsh_point){.n_tables = effort.n_tables,
                                  .n_probes = effort.n_probes,
                                  .recall = recall_of(m),
                                  .n_candidates = (double)work.n_candidates / m->sample.n,
                                  .seconds = work.seconds / m->sample.n};
    return status;
}

static bovw_status measure_all(const measuring *m, const bovw_monitor *monitor,
                               bovw_lsh_curve *curve, bovw_error *err)
{
    const bovw_lsh_options *chosen = &m->lsh->facts.chosen;
    const uint32_t last = chosen->n_probes > LAST_PROBES ? chosen->n_probes : LAST_PROBES;
    for (uint32_t part = 4; part > 0; part /= 2) {
        const uint32_t n_tables = chosen->n_tables / part;
        for (uint32_t n = 1; n_tables > 0 && n <= last && curve->n < BOVW_LSH_MAX_POINTS;
             n *= 2) {
            bovw_status status =
                monitor_progress(monitor, "measuring recall", curve->n, 0, err);
            if (status == BOVW_OK)
                status =
                    measure(m, (lsh_effort){n_tables, n}, &curve->points[curve->n], err);
            if (status != BOVW_OK)
                return status;
            curve->n++;
        }
    }
    return measure(m, (lsh_effort){chosen->n_tables, chosen->n_probes}, &curve->chosen,
                   err);
}

bovw_status bovw_lsh_curve_measure(const bovw_lsh *lsh, const bovw_monitor *monitor,
                                   bovw_lsh_curve *curve, bovw_error *err)
{
    measuring m = {.lsh = lsh, .sample = lsh->held_out};
    bovw_lsh_curve made = {.n_queries = m.sample.n};
    if (m.sample.n == 0)
        return fail(err, BOVW_ERR_MISMATCH, "too few vectors to measure recall");
    m.sample.nearest = NULL;
    m.top = m.sample.n_nearest + 1;
    m.heaps = mem_array(m.sample.n, m.top * sizeof *m.heaps);
    m.n_found = mem_array(m.sample.n, sizeof *m.n_found);
    bovw_status status =
        m.heaps && m.n_found ? BOVW_OK : fail_memory(err, "recall of hashed search");
    if (status == BOVW_OK)
        status = lsh_sample_search(lsh, &m.sample, err);
    made.exact_seconds = m.sample.seconds / m.sample.n;
    if (status == BOVW_OK)
        status = measure_all(&m, monitor, &made, err);
    free(m.sample.nearest);
    free(m.heaps);
    free(m.n_found);
    if (status == BOVW_OK)
        *curve = made;
    return status;
}
