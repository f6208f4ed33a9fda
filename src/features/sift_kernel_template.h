/* sift_kernel_template.h - the code of every SIFT kernel. Included once by
 * each sift_kernel_*.c, which defines the registers (lanes, mask, LANES; part,
 * part_mask, PART for 4 or 8 directions), how to take a square root and test a
 * mask, and the instruction set (TARGET).
 *
 * What is computed is SIFT as VLFeat defines it (its window, bins and
 * interpolation, and its polynomial for the arc tangent), pixel by pixel of the
 * levels of the scale space: gradients are made where they are used, for
 * whole registers of neighbouring pixels.
 */
#ifndef TARGET
#error "included by the kernels only"
#endif

#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))

enum {
    ROW = 2 * MAX_WINDOW + 1 + LANES, /* room for one row of a window */
    CELLS = 6,                        /* 4 spatial bins and one more at each side */
    TURNS = 8                         /* directions of a descriptor's bin */
};

#define PI     3.14159265358979323846F
#define TWO_PI 6.28318530717958647692F

/* ---- registers ------------------------------------------------------------- */

INLINE lanes load(const float *from)
{
    lanes v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store(float *to, lanes v)
{
    memcpy(to, &v, sizeof v);
}

INLINE lanes all(float value)
{
    lanes v;
    for (int i = 0; i < LANES; i++)
        v[i] = value;
    return v;
}

/* 0, 1, 2, ... */
INLINE lanes count_up(void)
{
    lanes v;
    for (int i = 0; i < LANES; i++)
        v[i] = (float)i;
    return v;
}

INLINE lanes choose(mask m, lanes yes, lanes no)
{
    return (lanes)((m & (mask)yes) | (~m & (mask)no));
}

INLINE lanes magnitude(lanes v)
{
    return (lanes)((mask)v & 0x7fffffff);
}

INLINE lanes truncate(lanes v)
{
    return __builtin_convertvector(__builtin_convertvector(v, mask), lanes);
}

/* e^-t for t in [0, 16]: a Taylor polynomial of t / 64, six times squared. */
INLINE lanes exp_minus(lanes t)
{
    const lanes y = t * (-1.0F / 64.0F);
    lanes e =
        1.0F + y * (1.0F + y * (0.5F + y * (1.0F / 6 + y * (1.0F / 24 + y / 120.0F))));
    for (int i = 0; i < 6; i++)
        e *= e;
    return e;
}

/* ---- scale space ----------------------------------------------------------- */

TARGET static void sum_pairs(const gaussian *g, const float *const *before,
                             const float *const *after, int n, float *out)
{
    enum {
        BLOCK = 4 * LANES /* columns that are summed in registers at a time */
    };
    int x = 0;
    for (; x + BLOCK <= n; x += BLOCK) {
        const float *middle = before[0] + x;
        lanes a = g->weights[0] * load(middle);
        lanes b = g->weights[0] * load(middle + LANES);
        lanes c = g->weights[0] * load(middle + 2 * LANES);
        lanes d = g->weights[0] * load(middle + 3 * LANES);
        for (int i = 1; i <= g->radius; i++) {
            const float *p = before[i] + x, *q = after[i] + x;
            const float w = g->weights[i];
            a += w * (load(p) + load(q));
            b += w * (load(p + LANES) + load(q + LANES));
            c += w * (load(p + 2 * LANES) + load(q + 2 * LANES));
            d += w * (load(p + 3 * LANES) + load(q + 3 * LANES));
        }
        store(out + x, a);
        store(out + x + LANES, b);
        store(out + x + 2 * LANES, c);
        store(out + x + 3 * LANES, d);
    }
    for (; x + LANES <= n; x += LANES) {
        lanes a = g->weights[0] * load(before[0] + x);
        for (int i = 1; i <= g->radius; i++)
            a += g->weights[i] * (load(before[i] + x) + load(after[i] + x));
        store(out + x, a);
    }
    for (; x < n; x++) {
        float a = g->weights[0] * before[0][x];
        for (int i = 1; i <= g->radius; i++)
            a += g->weights[i] * (before[i][x] + after[i][x]);
        out[x] = a;
    }
}

TARGET static void subtract(const float *a, const float *b, int n, float *out)
{
    int x = 0;
    for (; x + LANES <= n; x += LANES)
        store(out + x, load(a + x) - load(b + x));
    for (; x < n; x++)
        out[x] = a[x] - b[x];
}

TARGET static void hessian(const float *const rows[3], float factor, int n, float *out)
{
    int x = 1;
    out[0] = out[n - 1] = 0.0F;
    for (; x + LANES < n; x += LANES) {
        const float *above = rows[0] + x, *row = rows[1] + x, *below = rows[2] + x;
        const lanes here = load(row), twice = here + here;
        const lanes xx = load(row + 1) + load(row - 1) - twice;
        const lanes yy = load(below) + load(above) - twice;
        const lanes xy = 0.25F * ((load(below + 1) - load(below - 1)) -
                                  (load(above + 1) - load(above - 1)));
        store(out + x, (xx * yy - xy * xy) * factor);
    }
    for (; x < n - 1; x++)
        out[x] = hessian_at(rows, factor, x);
}

/* Lanes of v at rows[4] + x that are extrema. */
INLINE mask extrema_at(const float *const rows[9], int x, float threshold)
{
    /* The rows of this level first: most candidates fall there. */
    static const int order[8] = {3, 5, 1, 7, 0, 2, 6, 8};
    const lanes v = load(rows[4] + x);
    const lanes left = load(rows[4] + x - 1), right = load(rows[4] + x + 1);
    mask high = (v >= threshold) & (v > left) & (v > right);
    mask low = (v <= -threshold) & (v < left) & (v < right);
    for (int i = 0; i < 8 && is_any(high | low); i++) {
        const float *row = rows[order[i]] + x;
        const lanes a = load(row - 1), b = load(row), c = load(row + 1);
        high &= (v > a) & (v > b) & (v > c);
        low &= (v < a) & (v < b) & (v < c);
    }
    return high | low;
}

TARGET static int find_extrema(const float *const rows[9], int n, float threshold,
                               int *found)
{
    int n_found = 0;
    for (int x = 1; x < n - 1; x += LANES) {
        const mask m = extrema_at(rows, x, threshold);
        if (!is_any(m))
            continue;
        for (int i = 0; i < LANES && x + i < n - 1; i++) {
            if (m[i])
                found[n_found++] = x + i;
        }
    }
    return n_found;
}

/* ---- gradients ------------------------------------------------------------- */

/* Part of a row of a level, and what its gradients need of the rows around. */
typedef struct strip {
    const float *above, *row, *below;
    float slope_y; /* 0.5 between two rows, 1 at a border */
} strip;

INLINE strip strip_of(const plane *level, int y)
{
    const size_t width = (size_t)level->width;
    const float *row = level->pixels + (size_t)y * width;
    strip s = {.above = row, .row = row, .below = row, .slope_y = 1.0F};
    if (y > 0)
        s.above -= width;
    if (y < level->height - 1)
        s.below += width;
    if (y > 0 && y < level->height - 1)
        s.slope_y = 0.5F;
    return s;
}

typedef struct polar {
    lanes length, angle; /* angle in (-pi, pi] */
} polar;

/* Arc tangent by a cubic polynomial, to 0.01 radians, as VLFeat has it. */
INLINE lanes direction(lanes dx, lanes dy)
{
    const lanes up = magnitude(dy) + 1.19209290e-7F;
    const mask is_right = dx >= 0.0F;
    const lanes r = choose(is_right, dx - up, dx + up) / choose(is_right, dx + up, up - dx);
    const lanes angle = choose(is_right, all(0.25F * PI), all(0.75F * PI)) +
                        (0.1821F * r * r - 0.9675F) * r;
    return choose(dy < 0.0F, -angle, angle);
}

INLINE polar gradient_at(const strip *s, int x)
{
    const lanes dx = 0.5F * (load(s->row + x + 1) - load(s->row + x - 1));
    const lanes dy = s->slope_y * (load(s->below + x) - load(s->above + x));
    return (polar){.length = square_root(dx * dx + dy * dy), .angle = direction(dx, dy)};
}

/* The same for the first and last column, where there is one neighbour. */
INLINE polar border_gradient_at(const strip *s, int x, int width)
{
    const float *row = s->row;
    lanes dx = 0.5F * (load(row + x + 1) - load(row + x - 1));
    const lanes dy = s->slope_y * (load(s->below + x) - load(s->above + x));
    for (int i = 0; i < LANES; i++) {
        if (x + i == 0)
            dx[i] = row[1] - row[0];
        if (x + i == width - 1)
            dx[i] = row[width - 1] - row[width - 2];
    }
    return (polar){.length = square_root(dx * dx + dy * dy), .angle = direction(dx, dy)};
}

/* weights[i] = e^(-k d^2) for d = first + i - centre, i in [0, n). */
INLINE void gaussian_row(float first, float centre, float k, int n, float *weights)
{
    for (int i = 0; i < n; i += LANES) {
        const lanes d = (first + (float)i + count_up()) - centre;
        store(weights + i, exp_minus(d * d * k));
    }
}

static inline int least(int a, int b)
{
    return a < b ? a : b;
}

static inline int most(int a, int b)
{
    return a > b ? a : b;
}

/* ---- orientations ---------------------------------------------------------- */

/* Share out n pixels among the two bins next to each one's direction. Even and
 * odd pixels have histograms of their own, so that one need not wait for the
 * other. */
INLINE void add_directions(const float *bins, const float *lengths, int n,
                           float sums[2][N_ANGLE_BINS + 2])
{
    for (int i = 0; i < n; i++) {
        const int bin = (int)bins[i];
        const float upper = lengths[i] * (bins[i] - (float)bin);
        sums[i & 1][bin] += lengths[i] - upper;
        sums[i & 1][bin + 1] += upper;
    }
}

TARGET static void orientation_histogram(const plane *level, const spot *at,
                                         float histogram[N_ANGLE_BINS])
{
    const float deviation = 1.5F * at->sigma, k = 0.5F / (deviation * deviation);
    const int xi = (int)(at->x + 0.5F), yi = (int)(at->y + 0.5F);
    const int reach = most(least((int)(3.0F * deviation), MAX_WINDOW), 1);
    const int x0 = most(xi - reach, 0), x1 = least(xi + reach, level->width - 1);
    const int y0 = most(yi - reach, 0), y1 = least(yi + reach, level->height - 1);
    const int n = x1 - x0 + 1;
    const float limit = (float)(reach * reach) + 0.6F;
    const bool at_border = x0 == 0 || x1 == level->width - 1;
    float weights_x[ROW], weights_y[ROW], lengths[ROW], bins[ROW];
    float sums[2][N_ANGLE_BINS + 2] = {{0}};

    gaussian_row((float)x0, at->x, k, n, weights_x);
    gaussian_row((float)y0, at->y, k, y1 - y0 + 1, weights_y);
    for (int y = y0; y <= y1; y++) {
        const strip s = strip_of(level, y);
        const float dy = (float)y - at->y, weight_y = weights_y[y - y0];
        for (int i = 0; i < n; i += LANES) {
            const lanes dx = ((float)(x0 + i) + count_up()) - at->x;
            const polar g = at_border ? border_gradient_at(&s, x0 + i, level->width)
                                      : gradient_at(&s, x0 + i);
            const lanes length = g.length * load(weights_x + i) * weight_y;
            const mask is_near = dx * dx + dy * dy < limit;
            /* Bin i has its centre at (i + 1/2) / 36 turns; sums[][i + 1] is its. */
            const lanes turn = choose(g.angle < 0.0F, g.angle + TWO_PI, g.angle);
            const lanes bin = turn * (N_ANGLE_BINS / TWO_PI) + 0.5F;
            store(lengths + i, choose(is_near, length, all(0)));
            store(bins + i,
                  choose(bin < N_ANGLE_BINS + 0.5F, bin, all(N_ANGLE_BINS + 0.5F)));
        }
        add_directions(bins, lengths, n, sums);
    }
    for (int i = 0; i < N_ANGLE_BINS; i++)
        histogram[i] = sums[0][i + 1] + sums[1][i + 1];
    histogram[N_ANGLE_BINS - 1] += sums[0][0] + sums[1][0];
    histogram[0] += sums[0][N_ANGLE_BINS + 1] + sums[1][N_ANGLE_BINS + 1];
}

/* ---- descriptors ----------------------------------------------------------- */

/* A row of pixels on their way to the histogram. */
typedef struct samples {
    int32_t cells[ROW]; /* first float of the lower bin */
    float turns[ROW];   /* direction, [0, 8] */
    float low_low[ROW], low_high[ROW], high_low[ROW], high_high[ROW]; /* y x */
} samples;

typedef struct frame {
    float x, y, angle;
    float cosine, sine; /* over the size of a spatial bin */
} frame;

/* First and last x of a row whose pixels are less than 2.5 bins away from the
 * keypoint along both axes of its frame; to rounding, the weights do the rest. */
static inline void clip_row(const frame *f, float dy, int *x0, int *x1)
{
    const float slopes[2] = {f->cosine, -f->sine};
    const float starts[2] = {f->sine * dy, f->cosine * dy};
    for (int i = 0; i < 2; i++) {
        const float slope = slopes[i] < 0 ? -slopes[i] : slopes[i];
        const float start = slopes[i] < 0 ? -starts[i] : starts[i];
        if (slope < 1e-4F)
            continue;
        *x0 = most(*x0, (int)(f->x + (-2.5F - start) / slope + 1024.0F) - 1024);
        *x1 = least(*x1, (int)(f->x + (2.5F - start) / slope + 1024.0F) - 1023);
    }
}

INLINE void take_samples(const strip *s, const frame *f, float dy, float weight_y,
                         const float *weights_x, int x0, int n, samples *out)
{
    for (int i = 0; i < n; i += LANES) {
        const lanes dx = ((float)(x0 + i) + count_up()) - f->x;
        const polar g = gradient_at(s, x0 + i);
        /* In bins, counted from the middle of the one before the first. */
        const lanes across = f->cosine * dx + (f->sine * dy + 2.5F);
        const lanes down = (f->cosine * dy + 2.5F) - f->sine * dx;
        const mask is_inside =
            (across >= 0.0F) & (across < 5.0F) & (down >= 0.0F) & (down < 5.0F);
        const lanes length =
            choose(is_inside, g.length * load(weights_x + i) * weight_y, all(0));
        const lanes column = truncate(choose(is_inside, across, all(0)));
        const lanes row = truncate(choose(is_inside, down, all(0)));
        const mask cell = __builtin_convertvector((row * CELLS + column) * TURNS, mask);
        memcpy(out->cells + i, &cell, sizeof cell);

        const lanes turn = (g.angle - f->angle) * (TURNS / TWO_PI);
        /* Within rounding of [0, 8]: both ends are the same direction. */
        const lanes whole = truncate(turn * (1.0F / TURNS) + 2.0F) - 2.0F;
        store(out->turns + i, turn - TURNS * whole);

        const lanes high = length * (down - row), low = length - high;
        const lanes right = across - column;
        const lanes low_high = low * right, high_high = high * right;
        store(out->low_high + i, low_high);
        store(out->low_low + i, low - low_high);
        store(out->high_high + i, high_high);
        store(out->high_low + i, high - high_high);
    }
}

INLINE void add_part(float *to, part directions, float weight)
{
    part sum;
    memcpy(&sum, to, sizeof sum);
    sum += directions * weight;
    memcpy(to, &sum, sizeof sum);
}

/* Weights of directions from, from + 1, ... for a gradient between two of them:
 * one less the distance on the circle, at least 0. */
INLINE part direction_weights(float turn, int from)
{
    part away;
    for (int i = 0; i < PART; i++)
        away[i] = (float)(from + i);
    away = (part)((part_mask)(away - turn) & 0x7fffffff);
    const part back = (float)TURNS - away; /* the other way round */
    const part_mask is_nearer = away < back;
    const part weight =
        1.0F - (part)((is_nearer & (part_mask)away) | (~is_nearer & (part_mask)back));
    return (part)((weight > 0.0F) & (part_mask)weight);
}

/* Share out n pixels among the 4 spatial bins around each, and in those among
 * the two next directions. Even and odd pixels have sums of their own. */
INLINE void add_samples(const samples *in, int n, float sums[2][CELLS * CELLS * TURNS])
{
    for (int i = 0; i < n; i++) {
        float *cell = sums[i & 1] + in->cells[i];
        for (int from = 0; from < TURNS; from += PART) {
            const part directions = direction_weights(in->turns[i], from);
            float *at = cell + from;
            add_part(at, directions, in->low_low[i]);
            add_part(at + TURNS, directions, in->low_high[i]);
            add_part(at + CELLS * TURNS, directions, in->high_low[i]);
            add_part(at + (CELLS + 1) * TURNS, directions, in->high_high[i]);
        }
    }
}

TARGET static void descriptor_histogram(const plane *level, const spot *at, float angle,
                                        float cosine, float sine,
                                        float histogram[DESCRIPTOR_BINS])
{
    const float bin = 3.0F * at->sigma; /* pixels */
    const float k = 1.0F / (8.0F * bin * bin);
    const int xi = (int)(at->x + 0.5F), yi = (int)(at->y + 0.5F);
    const int reach = least((int)(1.41421356F * bin * 2.5F + 0.5F), MAX_WINDOW);
    const int left = most(xi - reach, 1), right = least(xi + reach, level->width - 2);
    const int y0 = most(yi - reach, 1), y1 = least(yi + reach, level->height - 2);
    const frame f = {at->x, at->y, angle, cosine / bin, sine / bin};
    float weights_x[ROW + LANES], weights_y[ROW];
    float sums[2][CELLS * CELLS * TURNS] = {{0}};
    samples row;

    gaussian_row((float)left, at->x, k, right - left + 1, weights_x);
    gaussian_row((float)y0, at->y, k, y1 - y0 + 1, weights_y);
    for (int y = y0; y <= y1; y++) {
        const float dy = (float)y - at->y;
        const strip s = strip_of(level, y);
        int x0 = left, x1 = right;
        clip_row(&f, dy, &x0, &x1);
        if (x0 > x1)
            continue;
        take_samples(&s, &f, dy, weights_y[y - y0], weights_x + (x0 - left), x0,
                     x1 - x0 + 1, &row);
        add_samples(&row, x1 - x0 + 1, sums);
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4 * TURNS; j++) {
            const int from = ((i + 1) * CELLS + 1) * TURNS + j;
            histogram[i * 4 * TURNS + j] = sums[0][from] + sums[1][from];
        }
    }
}

const sift_kernel KERNEL = {.name = NAME_TEXT,
                            .is_supported = is_supported,
                            .sum_pairs = sum_pairs,
                            .subtract = subtract,
                            .hessian = hessian,
                            .find_extrema = find_extrema,
                            .orientation_histogram = orientation_histogram,
                            .descriptor_histogram = descriptor_histogram};
