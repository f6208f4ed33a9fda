/* SPDX-License-Identifier: MIT */
#include "vectors/learn.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "vectors/covariance.h"
#include "vectors/lapack.h"

static const char *const learners[] = {[BOVW_LEARN_PCA] = "pca",
                                       [BOVW_LEARN_WHITEN] = "whiten",
                                       [BOVW_LEARN_LW] = "lw",
                                       [BOVW_LEARN_TRIPLET] = "triplet",
                                       [BOVW_LEARN_SIAMESE] = "siamese"};

const char *bovw_learner_name(size_t i)
{
    return i < sizeof learners / sizeof *learners ? learners[i] : NULL;
}

bool bovw_learner_is_supervised(bovw_learner learner)
{
    return learner >= BOVW_LEARN_LW;
}

void bovw_learn_options_default(bovw_learn_options *opts)
{
    *opts = (bovw_learn_options){.learner = BOVW_LEARN_WHITEN,
                                 .power = 1,
                                 .shrinkage = 0.5F,
                                 .rate = 1,
                                 .decay = 0.001F,
                                 .epochs = 20,
                                 .patience = 5,
                                 .validation = 0.2F,
                                 .seed = 1};
}

static bool is_between(float value, float least, float most)
{
    return value >= least && value <= most; /* false for what is no number */
}

static bovw_status check_options(const bovw_learn_options *opts, bovw_error *err)
{
    const char *bad = !is_between(opts->power, 0, 1)               ? "power"
                      : !is_between(opts->shrinkage, 1e-6F, 1)     ? "shrinkage"
                      : !is_between(opts->margin, 0, 4)            ? "margin"
                      : !is_between(opts->rate, 0, 1e6F)           ? "rate"
                      : !is_between(opts->decay, 0, 1)             ? "decay"
                      : !is_between(opts->validation, 0.01F, 0.9F) ? "validation"
                                                                   : NULL;
    return bad ? fail(err, BOVW_ERR_ARG, "%s is out of range", bad) : BOVW_OK;
}

/* ---- supervised whitening ---------------------------------------------------------- */

static bool is_used(const training *t, uint32_t group)
{
    return training_has_pairs(t, group) && !t->is_held[group];
}

/* Each vector less the mean of its group, (n, stride); where is_whole, less the
 * mean of all. Single images and groups held out are 0. */
static void centre_groups(const training *t, bool is_whole, double *to)
{
    memset(to, 0, t->n * t->stride * sizeof *to);
    for (uint32_t g = 0; g < t->n_groups; g++) {
        const uint32_t first = t->starts[g], end = t->starts[g + 1];
        for (size_t j = 0; is_used(t, g) && j < t->stride; j++) {
            double mean = 0;
            for (uint32_t i = first; i < end; i++)
                mean += t->x[i * t->stride + j];
            mean = is_whole ? 0 : mean / (end - first);
            for (uint32_t i = first; i < end; i++)
                to[i * t->stride + j] = t->x[i * t->stride + j] - mean;
        }
    }
}

/* sums (stride, stride) = lower triangle of the covariance, times the number that
 * it would be divided by. */
static void add_covariance(const training *t, bool is_whole, double *scratch, double *sums)
{
    centre_groups(t, is_whole, scratch);
    covariance_add(scratch, t->n, t->stride, t->n_threads, sums);
}

static void divide(double *rows, size_t stride, double by)
{
    for (size_t i = 0; i < stride; i++) {
        for (size_t j = 0; j <= i; j++)
            rows[i * stride + j] /= by;
    }
}

/* The last n_out rows of eigenvectors (dim, stride), the last one first. */
static void take_rows(const double *vectors, uint32_t dim, bovw_projection *p)
{
    for (uint32_t i = 0; i < p->n_out; i++)
        memcpy(p->rows + i * p->stride, vectors + (size_t)(dim - 1 - i) * p->stride,
               p->stride * sizeof *p->rows);
}

bovw_status learn_lw(const training *t, uint32_t n_out, double shrinkage,
                     bovw_projection *p, bovw_error *err)
{
    const size_t stride = t->stride;
    if (t->dim > LAPACK_MAX_ROWS)
        return fail(err, BOVW_ERR_LIMIT, "covariance of %u dimensions, at most %d", t->dim,
                    LAPACK_MAX_ROWS);
    double *centred = mem_array(t->n, stride * sizeof *centred);
    double *all = mem_array(stride, stride * sizeof *all);
    double *within = mem_array(stride, stride * sizeof *within);
    double *values = mem_array(t->dim, sizeof *values);
    bovw_projection made = {0};
    bovw_status status = centred && all && within && values
                             ? projection_new(t->dim, n_out, n_out, &made, err)
                             : fail_memory(err, "covariance within groups");
    if (status == BOVW_OK) {
        uint32_t n = 0, n_groups = 0;
        for (uint32_t g = 0; g < t->n_groups; g++) {
            n_groups += is_used(t, g);
            n += is_used(t, g) ? t->starts[g + 1] - t->starts[g] : 0;
        }
        add_covariance(t, true, centred, all);
        add_covariance(t, false, centred, within);
        divide(all, stride, n);
        divide(within, stride, n - n_groups);
        const double m = covariance_variance(within, t->dim, stride);
        if (!(m > 0))
            status = fail(err, BOVW_ERR_MISMATCH, "the vectors of each group are the same");
        covariance_shrink(within, t->dim, stride, shrinkage, m);
    }
    if (status == BOVW_OK)
        status = lapack_eigenvectors_within(all, within, t->dim, stride, values, err);
    if (status == BOVW_OK) {
        made.is_unit = true;
        made.shrinkage = shrinkage;
        if (!t->is_reduced)
            memcpy(made.mean, t->mean, stride * sizeof *made.mean);
        take_rows(all, t->dim, &made);
        *p = made;
        made = (bovw_projection){0};
    }
    projection_clear(&made);
    free(centred);
    free(all);
    free(within);
    free(values);
    return status;
}

/* ---- all learners -------------------------------------------------------------------- */

static bovw_status learn_unsupervised(const bovw_vectors *from,
                                      const bovw_learn_options *opts,
                                      const bovw_compute *compute,
                                      const bovw_monitor *monitor, bovw_projection *p,
                                      bovw_error *err)
{
    const uint32_t n = bovw_vectors_count(from), dim = bovw_vectors_dim(from);
    const uint32_t most = n - 1 < dim ? n - 1 : dim;
    const double power = opts->learner == BOVW_LEARN_WHITEN ? (double)opts->power : 0;
    /* Of a single vector too: what is wrong with it is told there. */
    const uint32_t n_out = opts->dim > 0 ? opts->dim : most > 0 ? most : 1;
    const bovw_status status =
        projection_pca(from, n_out, power, parallel_threads(compute), monitor, p, err);
    if (status != BOVW_OK)
        return status;
    p->summary =
        mem_format("%s, power %g, on %u vectors", learners[opts->learner], power, n);
    return p->summary ? BOVW_OK : fail_memory(err, "summary of a metric");
}

/* Fewer vectors than dimensions: learn in the space that they span, of which basis
 * gets the axes; t->mean stays that of the vectors as they were. */
static bovw_status reduce(training *t, bovw_projection *basis, bovw_error *err)
{
    bovw_status status =
        projection_pca_of(t->x, t->n, t->dim, 0, 0, t->n_threads, basis, err);
    if (status != BOVW_OK)
        return status;
    const size_t stride = projection_stride(basis->n_out);
    double *x = mem_array(t->n, stride * sizeof *x);
    if (!x)
        return fail_memory(err, "vectors to learn from");
    batch all = {.x = t->x, .stride = t->stride, .n = t->n, .n_out = basis->n_out};
    batch_project(&all, basis->rows, t->n_threads, x, stride);
    free(t->x);
    t->x = x;
    t->dim = basis->n_out;
    t->stride = stride;
    t->is_reduced = true;
    return BOVW_OK;
}

/* A map of vectors in that space becomes one of vectors as they were. */
static bovw_status expand(const training *t, const bovw_projection *basis,
                          bovw_projection *p, bovw_error *err)
{
    bovw_projection made = {0};
    const bovw_status status = projection_new(basis->dim, p->n_out, p->n_out, &made, err);
    if (status != BOVW_OK)
        return status;
    projection_combine(p->rows, (ptrdiff_t)p->stride, p->n_out, basis->rows, basis->n_out,
                       basis->stride, t->n_threads, made.rows);
    memcpy(made.mean, t->mean, made.stride * sizeof *made.mean);
    made.is_unit = p->is_unit;
    made.shrinkage = p->shrinkage;
    projection_clear(p);
    *p = made;
    return BOVW_OK;
}

/* How many epochs help groups that were not learned from, then so many on all. */
static bovw_status learn_and_descend(training *t, const bovw_learn_options *opts,
                                     uint32_t n_out, bovw_projection *p, char **how,
                                     bovw_error *err)
{
    descent_result r = {0};
    bovw_projection trial = {0};
    bovw_status status = training_hold_out(t, (double)opts->validation, opts->seed, err);
    if (status == BOVW_OK)
        status = learn_lw(t, n_out, (double)opts->shrinkage, &trial, err);
    if (status == BOVW_OK)
        status = learn_by_descent(t, opts, true, &trial, &r, err);
    projection_clear(&trial);
    memset(t->is_held, 0, t->n_groups * sizeof *t->is_held);
    if (status == BOVW_OK)
        status = learn_lw(t, n_out, (double)opts->shrinkage, p, err);
    if (status == BOVW_OK)
        status = learn_by_descent(t, opts, false, p, &r, err);
    if (status != BOVW_OK)
        return status;
    *how = mem_format(", seed %llu, %u epochs: mAP of groups held out from %.2f to %.2f",
                      (unsigned long long)opts->seed, r.best_epoch, 100 * r.begin,
                      100 * r.best);
    return *how ? BOVW_OK : fail_memory(err, "summary of a metric");
}

static bovw_status learn_from(training *t, const bovw_learn_options *opts,
                              bovw_projection *p, char **how, bovw_error *err)
{
    bovw_projection basis = {0};
    bovw_status status = BOVW_OK;
    if (t->n < t->dim && t->n <= LAPACK_MAX_ROWS)
        status = reduce(t, &basis, err);
    const uint32_t n_out = opts->dim > 0 ? opts->dim : t->dim;
    if (status == BOVW_OK && n_out > t->dim)
        status = fail(err, BOVW_ERR_MISMATCH,
                      "%u vectors in %u dimensions cannot become vectors of %u", t->n,
                      t->dim, n_out);
    if (status == BOVW_OK)
        status = opts->learner == BOVW_LEARN_LW
                     ? learn_lw(t, n_out, (double)opts->shrinkage, p, err)
                     : learn_and_descend(t, opts, n_out, p, how, err);
    if (status == BOVW_OK && basis.rows)
        status = expand(t, &basis, p, err);
    projection_clear(&basis);
    return status;
}

static bovw_status learn_supervised(const bovw_vectors *from, const bovw_labels *labels,
                                    const bovw_learn_options *opts,
                                    const bovw_compute *compute,
                                    const bovw_monitor *monitor, bovw_projection *p,
                                    bovw_error *err)
{
    training t = {0};
    char *how = NULL;
    bovw_status status =
        training_new(from, labels, parallel_threads(compute), monitor, &t, err);
    if (status == BOVW_OK)
        status = learn_from(&t, opts, p, &how, err);
    if (status == BOVW_OK) {
        p->summary = mem_format(
            "%s, shrinkage %g, on %u vectors of %u groups, %u with two or more%s",
            learners[opts->learner], (double)opts->shrinkage, t.n, t.n_groups,
            t.n_pairs_groups, how ? how : "");
        status = p->summary ? BOVW_OK : fail_memory(err, "summary of a metric");
    }
    free(how);
    training_free(&t);
    return status;
}

bovw_status bovw_projection_learn(const bovw_vectors *from, const bovw_labels *labels,
                                  const bovw_learn_options *opts,
                                  const bovw_compute *compute, const bovw_monitor *monitor,
                                  bovw_projection **projection, bovw_error *err)
{
    bovw_status status = check_options(opts, err);
    if (status != BOVW_OK)
        return status;
    const bool is_supervised = bovw_learner_is_supervised(opts->learner);
    if (is_supervised && !labels)
        return fail(err, BOVW_ERR_ARG, "%s needs groups", learners[opts->learner]);
    bovw_projection *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "linear map");
    status = is_supervised
                 ? learn_supervised(from, labels, opts, compute, monitor, made, err)
                 : learn_unsupervised(from, opts, compute, monitor, made, err);
    if (status == BOVW_OK)
        *projection = made;
    else
        bovw_projection_free(made);
    return status;
}
