/* encoder.h - one vector of all the features of an image.
 *
 * SPDX-License-Identifier: MIT
 *
 * VLAD: Jegou, Douze, Schmid and Perez, "Aggregating local descriptors into a
 * compact image representation", CVPR 2010; Arandjelovic and Zisserman, "All about
 * VLAD", CVPR 2013. Fisher vectors: Perronnin, Sanchez and Mensink, "Improving the
 * Fisher kernel for large-scale image classification", ECCV 2010.
 *
 * VLAD and histograms start from exact integers: they have the same bytes on any
 * machine. The Gaussian mixture and the Fisher vector are computed by VLFeat, in
 * float: their last bits may differ from one processor or C library to another.
 */
#ifndef BOVW_ENCODER_H
#define BOVW_ENCODER_H

#include "bovw/features.h"
#include "bovw/monitor.h"
#include "bovw/vocabulary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Gaussian mixtures -------------------------------------------------------- */

#define BOVW_MAX_GAUSSIANS 4096

/* What Fisher vectors are made with: descriptors projected on their main
 * directions, and a mixture of Gaussians with diagonal covariances there.
 * Immutable once made; shared by threads. */
typedef struct bovw_mixture bovw_mixture;

typedef struct bovw_mixture_options {
    uint32_t k;            /* Gaussians, at most BOVW_MAX_GAUSSIANS; 64 */
    uint32_t dim;          /* main directions, in [1, 128]; 64 */
    uint32_t n_iterations; /* of expectation and maximisation, at most; 30 */
    uint64_t sample;       /* descriptors to train on; 0: 1,000 a Gaussian, at least
                            * 100,000; 0 */
    uint64_t seed;         /* 1 */
} bovw_mixture_options;

BOVW_API void bovw_mixture_options_default(bovw_mixture_options *opts);

/*
 * Train a mixture on the descriptors of a source: one pass draws a sample, k-means
 * (bovw_kmeans()) gives the Gaussians to start from, and VLFeat's expectation
 * maximisation the rest. The same for any number of threads; the last part runs on
 * one, and VLFeat has one thread meanwhile, in the whole process.
 *
 * BOVW_ERR_ARG for options out of range or a source with fewer descriptors than 2 k;
 * BOVW_ERR_CANCELLED, until VLFeat begins; BOVW_ERR_NOMEM. Memory: 288 bytes a
 * descriptor of the sample, or 4 (2 dim + k) where that is more.
 */
BOVW_API bovw_status bovw_mixture_train(bovw_source *source,
                                        const bovw_mixture_options *opts,
                                        const bovw_compute *compute,
                                        const bovw_monitor *monitor, bovw_mixture **mixture,
                                        bovw_error *err);

/* Write; the file appears whole or not at all. */
BOVW_API bovw_status bovw_mixture_save(const bovw_mixture *mixture, const char *path,
                                       bovw_error *err);
/* Open; checksums are verified. BOVW_ERR_IO, _FORMAT, _VERSION, _CORRUPT. */
BOVW_API bovw_status bovw_mixture_open(const char *path, bovw_mixture **mixture,
                                       bovw_error *err);
BOVW_API void bovw_mixture_close(bovw_mixture *mixture); /* NULL allowed */
BOVW_API uint32_t bovw_mixture_size(const bovw_mixture *mixture);
BOVW_API uint32_t bovw_mixture_dim(const bovw_mixture *mixture);
BOVW_API const bovw_feature_options *bovw_mixture_options_of(const bovw_mixture *mixture);
/* How it was trained, one line of text. */
BOVW_API const char *bovw_mixture_summary(const bovw_mixture *mixture);

/* ---- encoders ------------------------------------------------------------------- */

typedef enum bovw_encoding {
    BOVW_ENCODING_VLAD,   /* (k * 128,) sums of what separates descriptors and words */
    BOVW_ENCODING_BOW,    /* (k,) shares of the words */
    BOVW_ENCODING_FISHER, /* (2 * k * dim,) gradients of means, then of deviations */
} bovw_encoding;

/* Name of encoding i, as options have it; NULL past the end. */
BOVW_API const char *bovw_encoding_name(size_t i);

/* How a vector is normalised, in this order; any of them or 0. VLAD and Fisher
 * vectors get length 1 in the end, histograms are divided by their sum before. */
enum {
    BOVW_NORMALISE_INTRA = 1, /* each word's part of a VLAD to length 1 */
    BOVW_NORMALISE_ROOT = 2   /* square roots of the values, signs kept */
};

/* VLAD: both; Fisher: root; histograms: 0. */
BOVW_API unsigned bovw_encoding_normalisation(bovw_encoding encoding);

/* Immutable; shared by threads. */
typedef struct bovw_encoder bovw_encoder;

/*
 * VLAD or histograms by a vocabulary, or Fisher vectors by a mixture; either is
 * borrowed and must outlive the encoder. BOVW_ERR_ARG for an encoding or a
 * normalisation that does not go with it; BOVW_ERR_LIMIT where vectors would have
 * more than 2^20 values.
 */
BOVW_API bovw_status bovw_encoder_new(const bovw_vocabulary *vocabulary,
                                      bovw_encoding encoding, unsigned normalisation,
                                      bovw_encoder **encoder, bovw_error *err);
BOVW_API bovw_status bovw_encoder_new_fisher(const bovw_mixture *mixture,
                                             unsigned normalisation, bovw_encoder **encoder,
                                             bovw_error *err);
BOVW_API void bovw_encoder_free(bovw_encoder *encoder); /* NULL allowed */
BOVW_API uint32_t bovw_encoder_dim(const bovw_encoder *encoder);
BOVW_API const bovw_feature_options *bovw_encoder_options(const bovw_encoder *encoder);

/* Vector (dim,) of descriptors (n, 128); all zeros where n is 0. BOVW_ERR_LIMIT
 * beyond 2^23 descriptors, BOVW_ERR_NOMEM. On one thread: O(n k). */
BOVW_API bovw_status bovw_encoder_run(const bovw_encoder *encoder,
                                      const uint8_t *descriptors, size_t n, float *vector,
                                      bovw_error *err);

/*
 * The vectors of a whole source, as float32 in the npy file `path`, and the names
 * of its images, one a line, in the file `names`: both appear whole. Images that
 * cannot be read are left out (monitor->skipped).
 *
 *   n  number of vectors; NULL allowed.
 *
 * The same bytes for any number of threads. BOVW_ERR_MISMATCH where the source's
 * features were made otherwise than the encoder's; BOVW_ERR_ARG for a name that
 * appears twice or has a line break; what bovw_source_run() fails with;
 * BOVW_ERR_IO. Memory: that of bovw_source_run(), and 32 vectors.
 */
BOVW_API bovw_status bovw_encode_source(const bovw_encoder *encoder, bovw_source *source,
                                        const char *path, const char *names,
                                        const bovw_compute *compute,
                                        const bovw_monitor *monitor, uint32_t *n,
                                        bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
