/* SPDX-License-Identifier: MIT
 *
 * Every fit first moves the centroids of both point sets to the origin and
 * makes their mean squared distance from it 2, so that the limits below which
 * a system counts as singular mean the same whatever the units.
 */
#include "search/transform.h"

#include <math.h>
#include <string.h>

enum {
    UNKNOWNS = 8 /* of a homography with bottom right 1 */
};

/* Least determinant of the second moments of normalised points, which is 1
 * where they spread alike in all directions: 1e-4 is a strip 200 times longer
 * than wide. */
static const double min_spread = 1e-4;

/* Least pivot of the homography's system, per pair. */
static const double min_pivot = 1e-10;

void transform_multiply(const double left[9], const double right[9], double out[9])
{
    for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 3; column++)
            out[3 * row + column] = left[3 * row] * right[column] +
                                    left[3 * row + 1] * right[3 + column] +
                                    left[3 * row + 2] * right[6 + column];
    }
}

double transform_determinant(const double m[9])
{
    return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
           m[2] * (m[3] * m[7] - m[4] * m[6]);
}

bool transform_inverse(const double m[9], double inverse[9])
{
    const double determinant = transform_determinant(m);
    if (!isnormal(determinant))
        return false;
    const double f = 1 / determinant;
    inverse[0] = f * (m[4] * m[8] - m[5] * m[7]);
    inverse[1] = f * (m[2] * m[7] - m[1] * m[8]);
    inverse[2] = f * (m[1] * m[5] - m[2] * m[4]);
    inverse[3] = f * (m[5] * m[6] - m[3] * m[8]);
    inverse[4] = f * (m[0] * m[8] - m[2] * m[6]);
    inverse[5] = f * (m[2] * m[3] - m[0] * m[5]);
    inverse[6] = f * (m[3] * m[7] - m[4] * m[6]);
    inverse[7] = f * (m[1] * m[6] - m[0] * m[7]);
    inverse[8] = f * (m[0] * m[4] - m[1] * m[3]);
    return true;
}

bool transform_apply(const double m[9], double x, double y, double *to_x, double *to_y)
{
    const double depth = transform_depth(m, x, y);
    if (!(depth > 0))
        return false;
    const double f = 1 / depth;
    *to_x = f * (m[0] * x + m[1] * y + m[2]);
    *to_y = f * (m[3] * x + m[4] * y + m[5]);
    return true;
}

void transform_derivative(const double m[9], double depth, double to_x, double to_y,
                          double derivative[4])
{
    const double f = 1 / depth;
    derivative[0] = f * (m[0] - to_x * m[6]);
    derivative[1] = f * (m[1] - to_x * m[7]);
    derivative[2] = f * (m[3] - to_y * m[6]);
    derivative[3] = f * (m[4] - to_y * m[7]);
}

enum {
    N_TERMS = 7
};

static double horner(const double coefficients[N_TERMS], double x)
{
    double sum = coefficients[N_TERMS - 1];
#pragma GCC unroll 8
    for (int i = N_TERMS - 2; i >= 0; i--)
        sum = sum * x + coefficients[i];
    return sum;
}

/* Taylor series about the nearest quarter turn: right to 1e-14. */
void transform_direction(double angle, double *cosine, double *sine)
{
    static const double half_pi = 1.57079632679489661923;
    static const double sines[N_TERMS] = {
        -1.0 / 6,        1.0 / 120,        -1.0 / 5040,        1.0 / 362880,
        -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368e3};
    static const double cosines[N_TERMS] = {
        -1.0 / 2,       1.0 / 24,        -1.0 / 720,        1.0 / 40320,
        -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200};
    static const double cosine_signs[4] = {1, -1, -1, 1}, sine_signs[4] = {1, 1, -1, -1};
    const int quarters = (int)(angle / half_pi + (angle < 0 ? -0.5 : 0.5));
    const double x = angle - quarters * half_pi, sq = x * x;
    const double both[2] = {1 + sq * horner(cosines, sq), x + x * sq * horner(sines, sq)};
    *cosine = both[quarters & 1] * cosine_signs[quarters & 3];
    *sine = both[~quarters & 1] * sine_signs[quarters & 3];
}

void transform_similarity(double scale, double turn, const point_pair *pair, double out[9])
{
    double c, s;
    transform_direction(turn, &c, &s);
    c *= scale;
    s *= scale;
    const double matrix[9] = {c, -s, pair->bx - c * pair->ax + s * pair->ay,
                              s, c,  pair->by - s * pair->ax - c * pair->ay,
                              0, 0,  1};
    memcpy(out, matrix, sizeof matrix);
}

/* normalised = (point - centre) * scale, for one side of the pairs. */
typedef struct normaliser {
    double x, y, scale;
} normaliser;

static bool normalisers_of(const point_pair *pairs, size_t n, normaliser *a, normaliser *b)
{
    double ax = 0, ay = 0, bx = 0, by = 0, a_sq = 0, b_sq = 0;
    for (size_t i = 0; i < n; i++) {
        ax += pairs[i].ax;
        ay += pairs[i].ay;
        bx += pairs[i].bx;
        by += pairs[i].by;
    }
    const double count = (double)n;
    *a = (normaliser){ax / count, ay / count, 0};
    *b = (normaliser){bx / count, by / count, 0};
    for (size_t i = 0; i < n; i++) {
        const point_pair *p = &pairs[i];
        a_sq += (p->ax - a->x) * (p->ax - a->x) + (p->ay - a->y) * (p->ay - a->y);
        b_sq += (p->bx - b->x) * (p->bx - b->x) + (p->by - b->y) * (p->by - b->y);
    }
    a->scale = sqrt(2 * count / a_sq);
    b->scale = sqrt(2 * count / b_sq);
    return isnormal(a->scale) && isnormal(b->scale);
}

static point_pair normalise(const point_pair *p, const normaliser *a, const normaliser *b)
{
    return (point_pair){(p->ax - a->x) * a->scale, (p->ay - a->y) * a->scale,
                        (p->bx - b->x) * b->scale, (p->by - b->y) * b->scale};
}

/* The transform between points as given, from the one between normalised. */
static bool denormalise(const double inner[9], const normaliser *a, const normaliser *b,
                        double out[9])
{
    const double from_a[9] = {
        a->scale, 0, -a->x * a->scale, 0, a->scale, -a->y * a->scale, 0, 0, 1};
    const double to_b[9] = {1 / b->scale, 0, b->x, 0, 1 / b->scale, b->y, 0, 0, 1};
    double half[9];
    transform_multiply(inner, from_a, half);
    transform_multiply(to_b, half, out);
    for (int i = 0; i < 9; i++) {
        if (!isfinite(out[i]))
            return false;
    }
    return true;
}

bool transform_fit_similarity(const point_pair *pairs, size_t n, double out[9])
{
    normaliser a, b;
    if (n < 2 || !normalisers_of(pairs, n, &a, &b))
        return false;
    double along = 0, across = 0;
    for (size_t i = 0; i < n; i++) {
        const point_pair p = normalise(&pairs[i], &a, &b);
        along += p.ax * p.bx + p.ay * p.by;
        across += p.ax * p.by - p.ay * p.bx;
    }
    const double c = along / (2 * (double)n), s = across / (2 * (double)n);
    const double inner[9] = {c, -s, 0, s, c, 0, 0, 0, 1};
    return denormalise(inner, &a, &b, out);
}

bool transform_fit_affine(const point_pair *pairs, size_t n, double out[9])
{
    normaliser a, b;
    if (n < 3 || !normalisers_of(pairs, n, &a, &b))
        return false;
    double xx = 0, xy = 0, yy = 0, xu = 0, yu = 0, xv = 0, yv = 0;
    for (size_t i = 0; i < n; i++) {
        const point_pair p = normalise(&pairs[i], &a, &b);
        xx += p.ax * p.ax;
        xy += p.ax * p.ay;
        yy += p.ay * p.ay;
        xu += p.ax * p.bx;
        yu += p.ay * p.bx;
        xv += p.ax * p.by;
        yv += p.ay * p.by;
    }
    const double determinant = xx * yy - xy * xy;
    if (!(determinant > min_spread * (double)n * (double)n))
        return false;
    const double inner[9] = {(xu * yy - yu * xy) / determinant,
                             (yu * xx - xu * xy) / determinant,
                             0,
                             (xv * yy - yv * xy) / determinant,
                             (yv * xx - xv * xy) / determinant,
                             0,
                             0,
                             0,
                             1};
    return denormalise(inner, &a, &b, out);
}

/* Add row^T row to the left side and row^T value to the last column. */
static void add_equation(double system[UNKNOWNS][UNKNOWNS + 1],
                         const double row[UNKNOWNS + 1])
{
    for (int i = 0; i < UNKNOWNS; i++) {
        for (int j = 0; j <= UNKNOWNS; j++)
            system[i][j] += row[i] * row[j];
    }
}

/* Gaussian elimination with row pivots; the solution replaces the last
 * column. */
static bool solve(double system[UNKNOWNS][UNKNOWNS + 1], double least_pivot)
{
    for (int k = 0; k < UNKNOWNS; k++) {
        int pivot = k;
        for (int i = k + 1; i < UNKNOWNS; i++) {
            if (fabs(system[i][k]) > fabs(system[pivot][k]))
                pivot = i;
        }
        if (!(fabs(system[pivot][k]) > least_pivot))
            return false;
        for (int j = k; j <= UNKNOWNS; j++) {
            const double swapped = system[k][j];
            system[k][j] = system[pivot][j];
            system[pivot][j] = swapped;
        }
        for (int i = 0; i < UNKNOWNS; i++) {
            const double factor = i == k ? 0 : system[i][k] / system[k][k];
            for (int j = k; j <= UNKNOWNS; j++)
                system[i][j] -= factor * system[k][j];
        }
    }
    for (int k = 0; k < UNKNOWNS; k++)
        system[k][UNKNOWNS] /= system[k][k];
    return true;
}

/* Bottom right is fixed at 1: in normalised coordinates it is the depth of
 * the points' centroid, which is not 0 for a plane that is seen. */
bool transform_fit_homography(const point_pair *pairs, size_t n, double out[9])
{
    normaliser a, b;
    if (n < 4 || !normalisers_of(pairs, n, &a, &b))
        return false;
    double system[UNKNOWNS][UNKNOWNS + 1] = {{0}};
    for (size_t i = 0; i < n; i++) {
        const point_pair p = normalise(&pairs[i], &a, &b);
        add_equation(system, (const double[]){p.ax, p.ay, 1, 0, 0, 0, -p.ax * p.bx,
                                              -p.ay * p.bx, p.bx});
        add_equation(system, (const double[]){0, 0, 0, p.ax, p.ay, 1, -p.ax * p.by,
                                              -p.ay * p.by, p.by});
    }
    if (!solve(system, min_pivot * (double)n))
        return false;
    double inner[9];
    for (int k = 0; k < UNKNOWNS; k++)
        inner[k] = system[k][UNKNOWNS];
    inner[8] = 1;
    return denormalise(inner, &a, &b, out);
}
