/* curve.h - precision over recall of one ranking, from the ranks of what is
 * relevant in it. */
#ifndef REPORT_CURVE_H
#define REPORT_CURVE_H

#include "bovw/eval.h"

enum {
    CURVE_LEVELS = 101 /* recall 0, 0.01, ... 1 */
};

/* Ranks, from 1, of the relevant images that a ranking found; ignored ones take
 * none. ranks is (n_relevant,). Returns how many were found. O(n). */
size_t curve_ranks(const bovw_judgement *judgements, size_t n, uint32_t n_relevant,
                   uint32_t *ranks);

typedef struct curve_point {
    double recall, precision;
} curve_point;

/*
 * The curve whose area is the trapezoid form of AP (bovw_evaluate's first
 * measure): from recall 0 and precision 1; each relevant image falls to the
 * precision just before it and rises to that with it.
 *
 *   ranks   (n_found,) ascending.
 *   points  (2 * n_found + 1,) filled. Returns how many there are.
 */
size_t curve_points(const uint32_t *ranks, size_t n_found, uint32_t n_relevant,
                    curve_point *points);

/* Add to each level the interpolated precision there: the highest at that
 * recall or a higher one, 0 where no such recall was reached (TREC's form). The
 * mean over queries is a curve for all of them. */
void curve_add_interpolated(const uint32_t *ranks, size_t n_found, uint32_t n_relevant,
                            double sums[CURVE_LEVELS]);

#endif
