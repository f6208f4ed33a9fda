/* consensus.h - the matches that agree with a motion, one to one, and the
 * climb from a rough motion to the best one near it.
 *
 * Chum, Matas and Kittler, "Locally optimized RANSAC", DAGM 2003.
 *
 * Coordinates are normalised: an image's centre is (0, 0) and its longer side
 * has length 1.
 */
#ifndef SEARCH_CONSENSUS_H
#define SEARCH_CONSENSUS_H

#include <stddef.h>
#include <stdint.h>

#include "bovw/verify.h"
#include "search/agree.h"
#include "search/transform.h"

/* An agreeing match and the sum of its squared transfer errors. */
typedef struct agreement {
    double error_sq;
    uint32_t pair;
} agreement;

/* The usable tentative matches of two images, one array a property, and what
 * the functions below need besides. Scratch of one thread. */
typedef struct pair_table {
    uint32_t n;
    pair_columns pairs;          /* (n + AGREE_PADDING,) */
    float *a_angle, *b_angle;    /* (n,) directions of the keypoints, in [0, 2 pi] */
    uint32_t *match;             /* (n,) index in the caller's array */
    uint32_t *a_place, *b_place; /* (n,) in [0, n), equal where the keypoints' positions
                                  * are */
    uint32_t *a_uses, *b_uses;   /* (n,) by place; zero between calls */
    uint32_t *near;              /* (n,) */
    agreement *found;            /* (n,) */
    point_pair *points;          /* (n,) */
    const agree_kernel *kernel;
    double half_width, half_height; /* of the first image */
    double tolerance_sq;            /* largest squared transfer error */
    double max_scale_ratio;         /* between a pair's ratio and the motion's scale */
    double min_cosine;              /* of the angle that directions may differ by */
} pair_table;

typedef struct consensus {
    bovw_model model; /* NONE where nothing was found */
    uint32_t n;
    double quality;    /* of n members at most n: each counts the less, the larger
                        * their errors are beside the tolerance */
    double motion[9];  /* first image to second */
    uint32_t *members; /* (n,) pairs; room for all of the table */
} consensus;

/*
 * Collect the pairs that agree with out->motion: transfer errors in both
 * directions within the tolerance, and the keypoints' scales and angles as the
 * motion changes them at that place. Of the pairs that share a place of either
 * image the one with the least error counts, greedily, ties by lower index.
 */
void consensus_collect(pair_table *table, bovw_model model, consensus *out);

/*
 * Improve *best, whose members are known: fit a similarity, then an affinity,
 * then a homography to the members, collect again, and go on while that has
 * the better quality. *spare is overwritten.
 */
void consensus_climb(pair_table *table, consensus *best, consensus *spare);

#endif
