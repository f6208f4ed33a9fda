/* SPDX-License-Identifier: MIT
 *
 * The response is made row by row into rings of three rows, which stay in
 * the cache, and is never stored as a whole. Rows are shared out in bands; each
 * thread collects what it finds, and sorting makes one list of it.
 */
#include "features/extrema.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"

enum {
    RESPONSES = SCALES + 2, /* of an octave */
    BAND = 32,              /* rows that a thread takes at a time */
    MAX_STEPS = 5           /* of refinement */
};

/* What is searched. */
typedef struct search {
    const octave *octave;
    response kind;
    double peak, edge;        /* thresholds of the response */
    float factors[RESPONSES]; /* of the Hessian's determinant */
    const sift_kernel *kernel;
} search;

typedef struct extrema_thread {
    float *rows; /* (3, RESPONSES, width) with padding */
    size_t rows_capacity;
    int *columns; /* (width,) of one row's extrema */
    size_t columns_capacity;
    candidate *items;
    size_t n, capacity;
} extrema_thread;

/* ---- refinement ------------------------------------------------------------ */

/* Response d of the octave at a pixel: in float, as the rows that were searched
 * have it. */
static double response_at(const search *f, int d, int x, int y)
{
    const octave *o = f->octave;
    const ptrdiff_t width = o->width, at = y * width + x;
    if (f->kind == DIFFERENCE_OF_GAUSSIANS)
        return o->levels[d + 1][at] - o->levels[d][at];
    if (x == 0 || y == 0 || x == o->width - 1 || y == o->height - 1)
        return 0.0;
    const float *row = o->levels[d] + y * width;
    return hessian_at((const float *const[3]){row - width, row, row + width}, f->factors[d],
                      x);
}

/* Value, gradient and Hessian by finite differences; axes are x, y, scale. */
typedef struct quadratic {
    double value, gradient[3], hessian[3][3];
} quadratic;

static quadratic quadratic_at(const search *f, int s, int x, int y)
{
    double d[3][3][3]; /* scale, y, x */
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 3; k++)
                d[i][j][k] = response_at(f, s + i, x + k - 1, y + j - 1);
        }
    }
    quadratic q = {.value = d[1][1][1],
                   .gradient = {0.5 * (d[1][1][2] - d[1][1][0]),
                                0.5 * (d[1][2][1] - d[1][0][1]),
                                0.5 * (d[2][1][1] - d[0][1][1])}};
    q.hessian[0][0] = d[1][1][2] + d[1][1][0] - 2.0 * q.value;
    q.hessian[1][1] = d[1][2][1] + d[1][0][1] - 2.0 * q.value;
    q.hessian[2][2] = d[2][1][1] + d[0][1][1] - 2.0 * q.value;
    q.hessian[0][1] = 0.25 * (d[1][2][2] + d[1][0][0] - d[1][2][0] - d[1][0][2]);
    q.hessian[0][2] = 0.25 * (d[2][1][2] + d[0][1][0] - d[2][1][0] - d[0][1][2]);
    q.hessian[1][2] = 0.25 * (d[2][2][1] + d[0][0][1] - d[2][0][1] - d[0][2][1]);
    q.hessian[1][0] = q.hessian[0][1];
    q.hessian[2][0] = q.hessian[0][2];
    q.hessian[2][1] = q.hessian[1][2];
    return q;
}

/* Where the quadratic has its extremum: hessian * offset = -gradient, by
 * Gaussian elimination with row pivots; zeros where that is singular. */
static void solve(const quadratic *q, double offset[3])
{
    double m[3][4];
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            m[i][j] = q->hessian[i][j];
        m[i][3] = -q->gradient[i];
        offset[i] = 0.0;
    }
    for (int j = 0; j < 3; j++) {
        int pivot = j;
        for (int i = j + 1; i < 3; i++)
            pivot = fabs(m[i][j]) > fabs(m[pivot][j]) ? i : pivot;
        if (fabs(m[pivot][j]) < 1e-10)
            return;
        for (int k = j; k < 4; k++) {
            const double swap = m[pivot][k];
            m[pivot][k] = m[j][k];
            m[j][k] = swap;
        }
        for (int i = j + 1; i < 3; i++) {
            const double factor = m[i][j] / m[j][j];
            for (int k = j; k < 4; k++)
                m[i][k] -= factor * m[j][k];
        }
    }
    for (int i = 2; i >= 0; i--) {
        double sum = m[i][3];
        for (int k = i + 1; k < 3; k++)
            sum -= m[i][k] * offset[k];
        offset[i] = sum / m[i][i];
    }
}

/* One pixel towards the extremum along an axis of n pixels, where it is far. */
static int step_towards(double offset, int at, int n)
{
    return offset > 0.6 && at < n - 2 ? 1 : offset < -0.6 && at > 1 ? -1 : 0;
}

/* Is the ratio of the principal curvatures below the threshold? */
static bool is_edge(const quadratic *q, double threshold)
{
    const double trace = q->hessian[0][0] + q->hessian[1][1];
    const double determinant =
        q->hessian[0][0] * q->hessian[1][1] - q->hessian[0][1] * q->hessian[0][1];
    const double score = trace * trace / determinant;
    return !(score >= 0.0 && score < (threshold + 1.0) * (threshold + 1.0) / threshold);
}

/* The keypoint at an extremum of level s; false where it does not hold up. */
static bool refine(const search *f, int s, int x, int y, candidate *out)
{
    const octave *o = f->octave;
    const uint64_t order = (uint64_t)(o->index + 1) << 48 | (uint64_t)s << 40 |
                           (uint64_t)y << 20 | (uint64_t)x;
    quadratic q;
    double offset[3];

    for (int i = 0;; i++) {
        q = quadratic_at(f, s, x, y);
        solve(&q, offset);
        const int dx = step_towards(offset[0], x, o->width);
        const int dy = step_towards(offset[1], y, o->height);
        if ((dx == 0 && dy == 0) || i == MAX_STEPS - 1)
            break;
        x += dx;
        y += dy;
    }
    const double value =
        q.value + 0.5 * (q.gradient[0] * offset[0] + q.gradient[1] * offset[1] +
                         q.gradient[2] * offset[2]);
    const double fx = x + offset[0], fy = y + offset[1], fs = s + offset[2];
    for (int i = 0; i < 3; i++) {
        if (!(fabs(offset[i]) < 1.5))
            return false;
    }
    if (!(fabs(value) > f->peak) || is_edge(&q, f->edge) || fx < 0.0 || fx > o->width - 1 ||
        fy < 0.0 || fy > o->height - 1 || fs < -1.0 || fs > SCALES + 1)
        return false;
    *out =
        (candidate){.octave = o->index,
                    .level = s,
                    .at = {(float)fx, (float)fy, (float)scale_space_sigma(fs)},
                    .strength = (float)(f->kind == HESSIAN_DETERMINANT ? sqrt(fabs(value))
                                                                       : fabs(value)),
                    .order = order};
    return true;
}

/* ---- search ---------------------------------------------------------------- */

static size_t ring_row(const octave *o)
{
    return (size_t)o->width + PLANE_PADDING;
}

/* Row y of response d in a thread's rings. */
static float *ring_at(const extrema_thread *t, const octave *o, int d, int y)
{
    return t->rows + ring_row(o) * (size_t)(y % 3 * RESPONSES + d);
}

static void fill_ring(const search *f, const extrema_thread *t, int y)
{
    const octave *o = f->octave;
    const size_t width = (size_t)o->width, at = (size_t)y * width;
    const bool is_border = y == 0 || y == o->height - 1;
    for (int d = 0; d < RESPONSES; d++) {
        float *to = ring_at(t, o, d, y);
        const float *row = o->levels[d] + at;
        if (f->kind == DIFFERENCE_OF_GAUSSIANS) {
            f->kernel->subtract(o->levels[d + 1] + at, row, o->width, to);
        } else if (is_border) {
            memset(to, 0, width * sizeof *to);
        } else {
            const float *const rows[3] = {row - width, row, row + width};
            f->kernel->hessian(rows, f->factors[d], o->width, to);
        }
    }
}

static bool search_row(const search *f, extrema_thread *t, int y)
{
    const octave *o = f->octave;
    for (int s = 0; s < SCALES; s++) {
        const float *rows[9];
        for (int i = 0; i < 9; i++)
            rows[i] = ring_at(t, o, s + i / 3, y - 1 + i % 3);
        const int n =
            f->kernel->find_extrema(rows, o->width, (float)(0.8 * f->peak), t->columns);
        if (!mem_grow(&t->items, &t->capacity, t->n + (size_t)n, sizeof *t->items))
            return false;
        for (int i = 0; i < n; i++)
            t->n += refine(f, s, t->columns[i], y, &t->items[t->n]);
    }
    return true;
}

/* Search rows [from, to), both inside the octave's borders. */
static bool search_band(const search *f, extrema_thread *t, int from, int to)
{
    const octave *o = f->octave;
    if (!mem_grow(&t->rows, &t->rows_capacity, ring_row(o) * 3 * RESPONSES,
                  sizeof *t->rows) ||
        !mem_grow(&t->columns, &t->columns_capacity, (size_t)o->width, sizeof *t->columns))
        return false;
    fill_ring(f, t, from - 1);
    fill_ring(f, t, from);
    for (int y = from; y < to; y++) {
        fill_ring(f, t, y + 1);
        if (!search_row(f, t, y))
            return false;
    }
    return true;
}

static bool search_octave(const search *f, extrema *found, int n_threads)
{
    const int last = f->octave->height - 1; /* the border row, not searched */
    const int n_bands = (last - 1 + BAND - 1) / BAND;
    bool is_complete = true;

#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads) if (n_bands > 2)
    for (int band = 0; band < n_bands; band++) {
        const int from = 1 + band * BAND, to = from + BAND < last ? from + BAND : last;
        if (!search_band(f, &found->threads[parallel_thread()], from, to)) {
#pragma omp atomic write
            is_complete = false;
        }
    }
    (void)n_threads;
    return is_complete;
}

static int stronger_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->strength != y->strength)
        return x->strength > y->strength ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* One list of what the threads found. */
static bool gather(extrema *found)
{
    size_t n = 0;
    for (int i = 0; i < found->n_threads; i++)
        n += found->threads[i].n;
    if (!mem_grow(&found->items, &found->capacity, n, sizeof *found->items))
        return false;
    found->n = 0;
    for (int i = 0; i < found->n_threads; i++) {
        for (size_t j = 0; j < found->threads[i].n; j++)
            found->items[found->n++] = found->threads[i].items[j];
        found->threads[i].n = 0;
    }
    if (n > 0)
        qsort(found->items, n, sizeof *found->items, stronger_first);
    return true;
}

static search make_search(const octave *o, response kind, double peak, double edge,
                          const sift_kernel *kernel)
{
    search f = {.octave = o, .kind = kind, .peak = peak, .edge = edge, .kernel = kernel};
    if (kind == HESSIAN_DETERMINANT) {
        f.peak *= peak;
        for (int d = 0; d < RESPONSES; d++) {
            /* The difference of Gaussians is about (2^(1/3) - 1) sigma^2 times the
             * Laplacian, of which a round blob has half in each direction. */
            const double sigma = scale_space_sigma(d - 1);
            const double scale = 2.0 * (exp2(1.0 / SCALES) - 1.0) * sigma * sigma;
            f.factors[d] = (float)(scale * scale);
        }
    }
    return f;
}

bool extrema_find(extrema *found, const scale_space *space, response kind,
                  float peak_threshold, float edge_threshold, const sift_kernel *kernel,
                  int n_threads)
{
    bool is_complete = true;
    if (!found->threads) {
        found->threads = mem_array((size_t)n_threads, sizeof *found->threads);
        if (!found->threads)
            return false;
        found->n_threads = n_threads;
    }
    for (int i = 0; is_complete && i < space->n_octaves; i++) {
        const search f = make_search(&space->octaves[i], kind, (double)peak_threshold,
                                     (double)edge_threshold, kernel);
        if (f.octave->width >= 3 && f.octave->height >= 3)
            is_complete = search_octave(&f, found, found->n_threads);
    }
    return gather(found) && is_complete;
}

void extrema_free(extrema *found)
{
    for (int i = 0; i < found->n_threads; i++) {
        free(found->threads[i].rows);
        free(found->threads[i].columns);
        free(found->threads[i].items);
    }
    free(found->threads);
    free(found->items);
    *found = (extrema){0};
}
