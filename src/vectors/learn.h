/* learn.h - learning a linear map from labelled vectors. */
#ifndef VECTORS_LEARN_H
#define VECTORS_LEARN_H

#include "vectors/projection.h"

/* The labelled vectors, grouped: those of group g are [starts[g], starts[g + 1]). */
typedef struct training {
    uint32_t n, dim;
    size_t stride;
    double *x;        /* (n, stride) of length 1, less the mean */
    double *mean;     /* (stride,) of groups of two and more */
    uint32_t *group;  /* (n,) numbers from 0, in order of first appearance */
    uint32_t *family; /* (n,) or BOVW_NO_GROUP */
    uint32_t *starts; /* (n_groups + 1,) */
    uint32_t n_groups;
    uint32_t n_pairs_groups; /* that have two images or more */
    bool *is_held;           /* (n_groups,) nothing is learned from them; at first none */
    bool is_reduced;         /* x is in a space of fewer dimensions, where the mean is 0 */
    int n_threads;
    const bovw_monitor *monitor;
} training;

/* Read what has a label. BOVW_ERR_MISMATCH where no group has two images, or there
 * is one group; what reading fails with; BOVW_ERR_NOMEM. */
bovw_status training_new(const bovw_vectors *from, const bovw_labels *labels, int n_threads,
                         const bovw_monitor *monitor, training *t, bovw_error *err);
void training_free(training *t); /* a zeroed one is fine */

/* Does the group have two images or more? */
bool training_has_pairs(const training *t, uint32_t group);

/* Hold out a share of the families, and of the groups without one, that have pairs: at
 * least one and not all. Groups of one image stay. BOVW_ERR_MISMATCH where there is
 * only one; BOVW_ERR_NOMEM. */
bovw_status training_hold_out(training *t, double share, uint64_t seed, bovw_error *err);

/* Supervised whitening, to n_out dimensions. BOVW_ERR_LIMIT, _MISMATCH, _NOMEM. */
bovw_status learn_lw(const training *t, uint32_t n_out, double shrinkage,
                     bovw_projection *p, bovw_error *err);

typedef struct descent_result {
    uint32_t n_epochs, best_epoch; /* done; that was best for the groups held out */
    double begin, best;            /* mean average precision of these */
} descent_result;

/* Move a map by stochastic gradient descent: in a trial until the groups held out
 * gain no more, which fills the result; else for result->best_epoch epochs.
 * BOVW_ERR_CANCELLED, BOVW_ERR_NOMEM. */
bovw_status learn_by_descent(const training *t, const bovw_learn_options *opts,
                             bool is_trial, bovw_projection *p, descent_result *result,
                             bovw_error *err);

/* ---- losses ------------------------------------------------------------------------ */

/* Places in a batch. */
typedef struct triplet {
    uint32_t anchor, positive, negative;
} triplet;

typedef struct batch {
    const double *x; /* (any, stride) */
    size_t stride;
    const uint32_t *items; /* (n,) rows of x; NULL: all in order */
    uint32_t n, n_out;
    double *y;       /* (n, n_out) mapped, of length 1 */
    double *lengths; /* (n,) that they had */
    double *dy;      /* (n, n_out) derivatives of the loss */
} batch;

/* Fill y and lengths: rows (n_out, stride). */
void batch_map(batch *b, const double *rows, int n_threads);

/* Mapped vectors (n, stride_y) of x (n, stride) alone, as they come. */
void batch_project(const batch *b, const double *rows, int n_threads, double *y,
                   size_t stride_y);

double batch_distance_sq(const batch *b, uint32_t i, uint32_t j);

/* Loss of the triplets (n,) on y, and dy. */
double batch_triplet_loss(batch *b, const triplet *triplets, size_t n, double margin);
/* The same of the pairs (anchor, positive) and (anchor, negative). */
double batch_pair_loss(batch *b, const triplet *triplets, size_t n, double margin);

/* gradient (n_out, stride), of the loss by the rows, from dy, which is used up. */
void batch_gradient(batch *b, int n_threads, double *gradient);

#endif
