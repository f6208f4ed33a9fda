/* SPDX-License-Identifier: MIT
 *
 * Each output row is made in two steps: the rows above and below it are summed
 * into one row with borders, and that is smoothed along itself. So a pass
 * reads each level from memory once, while the rows around are in the cache.
 *
 * Every pixel's sum is made in the same order in the vector code and in the
 * code for the last columns, without fused multiply-add, so the bytes are the
 * same on every machine.
 */
#include "features/scale_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LANES = 4,
    BLOCK = 4 * LANES, /* columns that are summed in registers at a time */
    MAX_RADIUS = 64
};

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static inline lanes load(const float *from)
{
    lanes v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store(float *to, lanes v)
{
    memcpy(to, &v, sizeof v);
}

/* One half of a symmetric Gaussian that sums to one. */
typedef struct gaussian {
    int radius;
    float weights[MAX_RADIUS + 1]; /* by distance from the centre */
} gaussian;

static gaussian make_gaussian(double sigma)
{
    gaussian g = {.radius = (int)ceil(4.0 * sigma)};
    g.radius = g.radius < 1 ? 1 : g.radius > MAX_RADIUS ? MAX_RADIUS : g.radius;
    double sum = 0.0, values[MAX_RADIUS + 1];
    for (int i = 0; i <= g.radius; i++) {
        values[i] = exp(-0.5 * (i / sigma) * (i / sigma));
        sum += i ? 2 * values[i] : values[i];
    }
    for (int i = 0; i <= g.radius; i++)
        g.weights[i] = (float)(values[i] / sum);
    return g;
}

/* out[x] = weights[0] before[0][x] + sum over i > 0 of weights[i] (before[i][x]
 * + after[i][x]). */
static void sum_pairs(const gaussian *g, const float *const *before,
                      const float *const *after, int n, float *out)
{
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
    for (; x < n; x++) {
        float a = g->weights[0] * before[0][x];
        for (int i = 1; i <= g->radius; i++)
            a += g->weights[i] * (before[i][x] + after[i][x]);
        out[x] = a;
    }
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* Smooth `from` into `to`, both (height, width), not the same. Beyond a border
 * its pixels are repeated. */
static void smooth(scale_space *space, const float *from, float *to, int width, int height,
                   double sigma)
{
    const gaussian g = make_gaussian(sigma);
    float *row = space->row + MAX_RADIUS;
    const float *before[MAX_RADIUS + 1], *after[MAX_RADIUS + 1];

    for (int y = 0; y < height; y++) {
        for (int i = 0; i <= g.radius; i++) {
            before[i] = from + (size_t)clamp(y - i, height) * (size_t)width;
            after[i] = from + (size_t)clamp(y + i, height) * (size_t)width;
        }
        sum_pairs(&g, before, after, width, row);
        for (int i = 1; i <= g.radius; i++) {
            row[-i] = row[0];
            row[width - 1 + i] = row[width - 1];
        }
        for (int i = 0; i <= g.radius; i++) {
            before[i] = row - i;
            after[i] = row + i;
        }
        sum_pairs(&g, before, after, width, to + (size_t)y * (size_t)width);
    }
}

/* Smooth the octave's lowest level where the image it comes from is sharper
 * than that, then each level from the one below. */
static void fill_levels(scale_space *space, VlSiftFilt *f, double image_sigma)
{
    const int w = f->octave_width, h = f->octave_height;
    const size_t n = (size_t)w * (size_t)h;
    const double lowest_sigma = f->sigma0 * pow(f->sigmak, f->s_min);
    float *lowest = vl_sift_get_octave(f, f->s_min);

    if (lowest_sigma > image_sigma) {
        const double sigma = sqrt(lowest_sigma * lowest_sigma - image_sigma * image_sigma);
        smooth(space, lowest, f->temp, w, h, sigma);
        memcpy(lowest, f->temp, n * sizeof *lowest);
    }
    for (int s = f->s_min + 1; s <= f->s_max; s++)
        smooth(space, vl_sift_get_octave(f, s - 1), vl_sift_get_octave(f, s), w, h,
               f->dsigma0 * pow(f->sigmak, s));
}

static void enter_octave(VlSiftFilt *f, int octave)
{
    f->o_cur = octave;
    f->nkeys = 0;
    f->octave_width = octave < 0 ? f->width << -octave : f->width >> octave;
    f->octave_height = octave < 0 ? f->height << -octave : f->height >> octave;
}

/* Twice the size: new columns and rows are means of their neighbours, the last
 * ones are repeated. */
static void double_image(const float *from, int width, int height, float *to)
{
    const size_t w = (size_t)width * 2;
    for (int y = 0; y < height; y++) {
        const float *in = from + (size_t)y * (size_t)width;
        float *out = to + 2 * (size_t)y * w;
        for (int x = 0; x < width; x++) {
            const float next = in[x + 1 < width ? x + 1 : x];
            out[2 * x] = in[x];
            out[2 * x + 1] = 0.5F * (in[x] + next);
        }
    }
    for (int y = 0; y < height; y++) {
        const float *above = to + 2 * (size_t)y * w;
        const float *below = y + 1 < height ? above + 2 * w : above;
        float *out = to + (2 * (size_t)y + 1) * w;
        for (size_t x = 0; x < w; x++)
            out[x] = 0.5F * (above[x] + below[x]);
    }
}

/* Every step-th pixel; rows of `from` have `stride` pixels. */
static void take_pixels(const float *from, int stride, int step, int width, int height,
                        float *to)
{
    for (int y = 0; y < height; y++) {
        const float *in = from + (size_t)y * (size_t)step * (size_t)stride;
        for (int x = 0; x < width; x++)
            *to++ = in[(size_t)x * (size_t)step];
    }
}

bool scale_space_init(scale_space *space, const VlSiftFilt *filter)
{
    const size_t width = (size_t)filter->width << (filter->o_min < 0 ? -filter->o_min : 0);
    space->row = mem_array(width + 2 * MAX_RADIUS, sizeof *space->row);
    return space->row != NULL;
}

void scale_space_free(scale_space *space)
{
    free(space->row);
    *space = (scale_space){0};
}

bool scale_space_first(scale_space *space, VlSiftFilt *f, const float *pixels)
{
    if (f->O == 0)
        return false;
    enter_octave(f, f->o_min);
    float *lowest = vl_sift_get_octave(f, f->s_min);
    if (f->o_min < 0)
        double_image(pixels, f->width, f->height, lowest);
    else
        take_pixels(pixels, f->width, 1 << f->o_min, f->octave_width, f->octave_height,
                    lowest);
    fill_levels(space, f, f->sigman * pow(2.0, -f->o_min));
    return true;
}

bool scale_space_next(scale_space *space, VlSiftFilt *f)
{
    if (f->o_cur == f->o_min + f->O - 1)
        return false;
    /* The level of twice the lowest one's scale is the next octave's lowest. */
    const int source = f->s_min + f->S < f->s_max ? f->s_min + f->S : f->s_max;
    const float *from = vl_sift_get_octave(f, source);
    const int stride = f->octave_width;
    enter_octave(f, f->o_cur + 1);
    take_pixels(from, stride, 2, f->octave_width, f->octave_height,
                vl_sift_get_octave(f, f->s_min));
    fill_levels(space, f, f->sigma0 * pow(f->sigmak, source - f->S));
    return true;
}
