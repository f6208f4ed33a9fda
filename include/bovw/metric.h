/* metric.h - linear maps of global vectors, learned with or without labels, after
 * which cosines and Euclidean distances compare them better.
 *
 * SPDX-License-Identifier: MIT
 *
 * Whitening: Jegou and Chum, "Negative evidences and co-occurences in image
 * retrieval", ECCV 2012. Supervised whitening: Mikolajczyk and Matas, "Improving
 * descriptors for fast tree matching by optimal linear projection", ICCV 2007.
 * Triplets: Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015. Contrastive
 * loss: Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an
 * invariant mapping", CVPR 2006.
 *
 * What is learned does not depend on the number of threads. Its last bits are those
 * of the LAPACK that is installed. OpenBLAS has one thread meanwhile, in the whole
 * process.
 */
#ifndef BOVW_METRIC_H
#define BOVW_METRIC_H

#include "bovw/vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A learned map: a mean is subtracted, the rest multiplied with a matrix. Immutable
 * once made; shared by threads. */
typedef struct bovw_projection bovw_projection;

typedef enum bovw_learner {
    BOVW_LEARN_PCA,     /* principal components */
    BOVW_LEARN_WHITEN,  /* the same, divided by the roots of their variances */
    BOVW_LEARN_LW,      /* the directions that differ most between groups, for how
                         * they differ within: supervised whitening */
    BOVW_LEARN_TRIPLET, /* from there by stochastic gradient descent on triplets */
    BOVW_LEARN_SIAMESE  /* the same on pairs, by the contrastive loss */
} bovw_learner;

/* Name of learner i, as options have it; NULL past the end. */
BOVW_API const char *bovw_learner_name(size_t i);
/* Does it need groups? */
BOVW_API bool bovw_learner_is_supervised(bovw_learner learner);

#define BOVW_NO_GROUP UINT32_MAX

/* Which vectors show the same. */
typedef struct bovw_labels {
    const uint32_t *groups;   /* (n,) any numbers below BOVW_NO_GROUP, or that for
                               * vectors that nothing is to be learned from */
    const uint32_t *families; /* (n,) groups of one family are never held against
                               * each other; BOVW_NO_GROUP: none. NULL: no families */
} bovw_labels;

typedef struct bovw_learn_options {
    bovw_learner learner;
    uint32_t dim;      /* of mapped vectors; 0: all that can be had; 0 */
    float power;       /* of whitening: divide by the variance to this power / 2, in
                        * [0, 1]; 1 */
    float shrinkage;   /* of the covariance within groups, towards a multiple of the
                        * identity, in [0.000001, 1]; 0.5 */
    float margin;      /* of triplets 0.1, in squared distances; of pairs 0.7, a
                        * distance; 0 stands for these */
    float rate;        /* of learning, falling to 0 over the epochs; 1 */
    float decay;       /* pull towards the start; 0.001 */
    uint32_t epochs;   /* passes over the vectors, at most; 20 */
    uint32_t patience; /* stop after so many epochs without a better validation; 5 */
    float validation;  /* share of the groups that only decides when to stop; 0.2 */
    uint64_t seed;     /* 1 */
} bovw_learn_options;

BOVW_API void bovw_learn_options_default(bovw_learn_options *opts);

/*
 * Learn a map.
 *
 *   labels  NULL for PCA and whitening, which learn from all vectors.
 *
 * PCA and whitening: the mean is subtracted, and the rest is projected on the
 * eigenvectors of the covariance (divided by n) of largest eigenvalue; see also
 * bovw_vectors_rank(). Where there are fewer vectors than dimensions the products of
 * the vectors stand in for the covariance, so that dimensions have no limit: memory
 * is then 8 n (n + dim) + 16 n^2 bytes, else 24 dim^2.
 *
 * The others learn from the vectors that have a group, divided by their lengths, as
 * vectors to be mapped will be; the mean is that of the groups of two or more. Lw:
 * with S the covariance within these (each image less the mean of its group, which
 * weighs the pairs of a group by its images) and T their covariance as a whole, the
 * x with T x = v S x of largest v. Memory: 16 n dim + 40 dim^2 bytes.
 *
 * Triplet and siamese start from lw. A batch has handfuls of images of some groups.
 * For each matching pair of it in either order, the image of another group that is
 * nearest to the first, but farther than the second, is the negative (semi-hard);
 * without such a one the farthest is. Mapped vectors are divided by their lengths; d
 * is the distance between them. Triplets: the mean of max(0, d(a, p)^2 - d(a, n)^2 +
 * margin). Pairs: the mean over matching ones of d^2 / 2, and over the others of
 * max(0, margin - d)^2 / 2. A trial without some groups finds after how many epochs
 * their mean average precision is best, perhaps none; so many are then run on all.
 *
 * BOVW_ERR_ARG for options out of range or labels that are missing;
 * BOVW_ERR_MISMATCH where the vectors do not suffice: all the same, no group of two,
 * a single group, more dimensions than can be had; BOVW_ERR_LIMIT beyond 16,384
 * dimensions (or vectors, where they are fewer); what bovw_vectors_read() fails
 * with; BOVW_ERR_CANCELLED; BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_projection_learn(const bovw_vectors *from,
                                           const bovw_labels *labels,
                                           const bovw_learn_options *opts,
                                           const bovw_compute *compute,
                                           const bovw_monitor *monitor,
                                           bovw_projection **projection, bovw_error *err);
BOVW_API void bovw_projection_free(bovw_projection *projection); /* NULL allowed */

BOVW_API uint32_t bovw_projection_dim(const bovw_projection *projection);
BOVW_API uint32_t bovw_projection_n_out(const bovw_projection *projection);
/* How it was learned, one line of text. */
BOVW_API const char *bovw_projection_summary(const bovw_projection *projection);

/* Write; the file appears whole or not at all. */
BOVW_API bovw_status bovw_projection_save(const bovw_projection *projection,
                                          const char *path, bovw_error *err);
/* Open; checksums are verified. BOVW_ERR_IO, _FORMAT, _VERSION, _CORRUPT. */
BOVW_API bovw_status bovw_projection_open(const char *path, bovw_projection **projection,
                                          bovw_error *err);

/*
 * Map all vectors into the npy file `path`, as float32, each divided by its length
 * unless is_raw. BOVW_ERR_MISMATCH where the dimensions differ; what
 * bovw_vectors_read() fails with; BOVW_ERR_IO, _CANCELLED, _NOMEM. O(n dim n_out).
 */
BOVW_API bovw_status bovw_projection_apply(const bovw_projection *projection,
                                           const bovw_vectors *vectors, const char *path,
                                           bool is_raw, const bovw_compute *compute,
                                           const bovw_monitor *monitor, bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
