/* mixture.h - what a Gaussian mixture is inside. FORMAT.md has its file. */
#ifndef VECTORS_MIXTURE_H
#define VECTORS_MIXTURE_H

#include "bovw/encoder.h"

/* The least prior and variance of a Gaussian, so that none divides by nothing. */
#define MIXTURE_MIN_PRIOR    1e-6F
#define MIXTURE_MIN_VARIANCE 1e-6F

struct bovw_mixture {
    bovw_feature_options options;
    uint32_t k, dim;
    float *numbers;     /* all of the following, which point into it */
    float *centre;      /* (128,) mean descriptor; descriptors are divided by 512 */
    float *directions;  /* (dim, 128) orthonormal rows */
    float *priors;      /* (k,) */
    float *means;       /* (k, dim) */
    float *covariances; /* (k, dim) diagonals */
    char *summary;
};

/* A mixture of that size with numbers of zeros. BOVW_ERR_ARG, BOVW_ERR_NOMEM. */
bovw_status mixture_new(const bovw_feature_options *opts, uint32_t k, uint32_t dim,
                        bovw_mixture **mixture, bovw_error *err);
size_t mixture_n_numbers(uint32_t k, uint32_t dim);

/* Descriptors (n, 128) on the main directions: (n, dim). */
void mixture_project(const bovw_mixture *m, const uint8_t *descriptors, size_t n,
                     float *to);

/* Expectation maximisation from where the mixture is, on points (n, dim): fills
 * priors, means and covariances. By VLFeat. *log_likelihood is that of all points.
 * BOVW_ERR_NOMEM. */
bovw_status mixture_fit(bovw_mixture *m, const float *points, size_t n,
                        uint32_t n_iterations, double *log_likelihood, bovw_error *err);

#endif
