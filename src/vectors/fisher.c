/* SPDX-License-Identifier: MIT
 *
 * Gaussian mixtures and Fisher vectors by VLFeat. It does not check what it
 * allocates: whether that much is to be had is seen first. Its threads would change
 * the order of sums in expectation maximisation, so that it has one. It keeps 4 bytes
 * a Gaussian of every iteration, which nobody can free. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <vl/fisher.h>
#include <vl/gmm.h>

#include "base/error.h"
#include "base/memory.h"
#include "vectors/encoder.h"
#include "vectors/length.h"
#include "vectors/mixture.h"

enum {
    CHUNK = 1024 /* descriptors that VLFeat encodes at a time */
};

/* May VLFeat allocate so many floats? */
static bool has_memory(size_t n)
{
    void *probe = malloc(n * sizeof(float));
    free(probe);
    return probe != NULL;
}

static float at_least(float value, float least)
{
    return value >= least ? value : least; /* also for what is no number */
}

static void take_result(bovw_mixture *m, const VlGMM *gmm)
{
    const size_t n = (size_t)m->k * m->dim;
    memcpy(m->means, vl_gmm_get_means(gmm), n * sizeof(float));
    memcpy(m->covariances, vl_gmm_get_covariances(gmm), n * sizeof(float));
    memcpy(m->priors, vl_gmm_get_priors(gmm), m->k * sizeof(float));
    for (size_t i = 0; i < n; i++)
        m->covariances[i] = at_least(m->covariances[i], MIXTURE_MIN_VARIANCE);
    for (uint32_t i = 0; i < m->k; i++)
        m->priors[i] = at_least(m->priors[i], MIXTURE_MIN_PRIOR);
}

static bool is_finite(const bovw_mixture *m)
{
    for (size_t i = 0; i < (size_t)m->k * m->dim; i++) {
        if (!isfinite(m->means[i]) || !isfinite(m->covariances[i]))
            return false;
    }
    return true;
}

/* vl_gmm_delete() of VLFeat 0.9.21, the last there is, forgets the lower bounds. */
static void delete_gmm(VlGMM *gmm)
{
    void *bounds = (void *)(uintptr_t)vl_gmm_get_covariance_lower_bounds(gmm);
    vl_gmm_delete(gmm);
    vl_free(bounds);
}

bovw_status mixture_fit(bovw_mixture *m, const float *points, size_t n,
                        uint32_t n_iterations, double *log_likelihood, bovw_error *err)
{
    if (!has_memory(n * m->k + 16 * mixture_n_numbers(m->k, m->dim)))
        return fail_memory(err, "expectation maximisation");
    const vl_size n_threads = vl_get_max_threads();
    vl_set_num_threads(1);
    VlGMM *gmm = vl_gmm_new(VL_TYPE_FLOAT, m->dim, m->k);
    if (!gmm) {
        vl_set_num_threads(n_threads);
        return fail_memory(err, "Gaussian mixture");
    }
    vl_gmm_set_initialization(gmm, VlGMMCustom);
    vl_gmm_set_max_num_iterations(gmm, n_iterations);
    vl_gmm_set_covariance_lower_bound(gmm, (double)MIXTURE_MIN_VARIANCE);
    vl_gmm_set_means(gmm, m->means);
    vl_gmm_set_covariances(gmm, m->covariances);
    vl_gmm_set_priors(gmm, m->priors);
    *log_likelihood = vl_gmm_em(gmm, points, n);
    take_result(m, gmm);
    delete_gmm(gmm);
    vl_set_num_threads(n_threads);
    return is_finite(m)
               ? BOVW_OK
               : fail(err, BOVW_ERR_MISMATCH,
                      "the Gaussian mixture does not converge on these descriptors");
}

/* ---- Fisher vectors ------------------------------------------------------------------ */

/* sums (dim of the vector,) += the gradients of n <= CHUNK descriptors. VLFeat's
 * parallel loops share no sum, so that its threads do not matter here. */
static void add_chunk(const bovw_mixture *m, const uint8_t *descriptors, size_t n,
                      float *points, float *chunk, uint32_t dim, double *sums)
{
    mixture_project(m, descriptors, n, points);
    vl_fisher_encode(chunk, VL_TYPE_FLOAT, m->means, m->dim, m->k, m->covariances,
                     m->priors, points, n, 0);
    for (uint32_t i = 0; i < dim; i++)
        sums[i] += (double)chunk[i] * (double)n;
}

bovw_status encode_fisher(const bovw_encoder *e, const uint8_t *descriptors, size_t n,
                          float *vector, bovw_error *err)
{
    const bovw_mixture *m = e->mixture;
    float *points = mem_array((size_t)CHUNK * m->dim, sizeof *points);
    double *sums = mem_array(e->dim, sizeof *sums);
    bovw_status status = BOVW_OK;
    if (!points || !sums || !has_memory((size_t)CHUNK * m->k + 4 * (size_t)e->dim))
        status = fail_memory(err, "Fisher vector");
    for (size_t first = 0; status == BOVW_OK && first < n; first += CHUNK)
        add_chunk(m, descriptors + first * BOVW_DESCRIPTOR_DIM,
                  n - first < CHUNK ? n - first : CHUNK, points, vector, e->dim, sums);
    for (uint32_t i = 0; status == BOVW_OK && i < e->dim; i++)
        vector[i] = (float)(sums[i] / (double)n);
    free(points);
    free(sums);
    if (status == BOVW_OK && e->normalisation & BOVW_NORMALISE_ROOT)
        encode_root(vector, e->dim);
    if (status == BOVW_OK)
        length_one(vector, e->dim);
    return status;
}
