/* SPDX-License-Identifier: MIT
 *
 * Each output row is made in two steps: the rows above and below it are summed
 * into one row with borders, and that is smoothed along itself. So a pass
 * reads each level from memory once, while the rows around are in the cache,
 * and rows can be shared out among threads.
 */
#include "features/scale_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"

enum {
    FEW_PIXELS = 1 << 14 /* fewer than this are not worth a second thread */
};

static const double lowest_sigma = 1.6; /* of level -1 */
static const double image_sigma = 0.5;  /* of the image as it comes */

double scale_space_sigma(double s)
{
    return lowest_sigma * exp2((s + 1.0) / SCALES);
}

gaussian scale_space_gaussian(double sigma)
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

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

void scale_space_smooth_row(const plane *from, int y, const gaussian *down,
                            const gaussian *along, const sift_kernel *kernel, float *row,
                            float *to)
{
    const int width = from->width;
    const float *before[MAX_RADIUS + 1], *after[MAX_RADIUS + 1];

    for (int i = 0; i <= down->radius; i++) {
        before[i] = from->pixels + (size_t)clamp(y - i, from->height) * (size_t)width;
        after[i] = from->pixels + (size_t)clamp(y + i, from->height) * (size_t)width;
    }
    kernel->sum_pairs(down, before, after, width, row);
    for (int i = 1; i <= along->radius; i++) { /* beyond a border its pixel is repeated */
        row[-i] = row[0];
        row[width - 1 + i] = row[width - 1];
    }
    for (int i = 0; i <= along->radius; i++) {
        before[i] = row - i;
        after[i] = row + i;
    }
    kernel->sum_pairs(along, before, after, width, to + (size_t)y * (size_t)width);
}

static size_t row_floats(int width)
{
    return (size_t)width + 2 * MAX_RADIUS;
}

static int threads_for(const octave *o, int n_threads)
{
    return o->width * o->height < FEW_PIXELS ? 1 : n_threads;
}

/* Smooth level s into level s + 1. */
static void smooth(scale_space *space, const octave *o, int s, double sigma,
                   const sift_kernel *kernel, int n_threads)
{
    const gaussian g = scale_space_gaussian(sigma);
    const plane from = octave_level(o, s);
    float *to = o->levels[s + 2];
    const int threads = threads_for(o, n_threads);

#pragma omp parallel for schedule(static) num_threads(threads)
    for (int y = 0; y < from.height; y++) {
        float *row = space->rows + row_floats(space->octaves[0].width) * parallel_thread();
        scale_space_smooth_row(&from, y, &g, &g, kernel, row + MAX_RADIUS, to);
    }
    (void)threads;
}

/* ---- octaves from the image and from each other ---------------------------- */

/* Twice the size: new columns and rows are means of their neighbours, the last
 * ones are repeated. */
static void double_image(const uint8_t *from, int width, int height, float *to)
{
    const size_t w = (size_t)width * 2;
    for (int y = 0; y < height; y++) {
        const uint8_t *in = from + (size_t)y * (size_t)width;
        float *out = to + 2 * (size_t)y * w;
        for (int x = 0; x < width; x++) {
            const float here = in[x], next = in[x + 1 < width ? x + 1 : x];
            out[2 * x] = here;
            out[2 * x + 1] = 0.5F * (here + next);
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

/* Every step-th pixel of the image. */
static void take_image(const uint8_t *from, int width, int step, const octave *o, float *to)
{
    for (int y = 0; y < o->height; y++) {
        const uint8_t *in = from + (size_t)y * (size_t)step * (size_t)width;
        for (int x = 0; x < o->width; x++)
            *to++ = in[x * step];
    }
}

/* Every second pixel of a level. */
static void halve(const plane *from, const octave *o, float *to)
{
    for (int y = 0; y < o->height; y++) {
        const float *in = from->pixels + 2 * (size_t)y * (size_t)from->width;
        for (int x = 0; x < o->width; x++)
            *to++ = in[2 * x];
    }
}

/* The lowest level from the image, by way of the level above it. */
static void fill_lowest(scale_space *space, const octave *o, const uint8_t *pixels,
                        int width, int height, const sift_kernel *kernel, int n_threads)
{
    const double sigma = image_sigma * exp2(-o->index); /* of the image, in its pixels */
    const bool is_sharp = lowest_sigma > sigma;
    float *target = o->levels[is_sharp ? 1 : 0];

    if (o->index < 0)
        double_image(pixels, width, height, target);
    else
        take_image(pixels, width, 1 << o->index, o, target);
    if (is_sharp) {
        /* smooth() goes one level up; what it made is then the lowest. */
        const octave turned = {
            .width = o->width, .height = o->height, .levels = {o->levels[1], o->levels[0]}};
        smooth(space, &turned, -1, sqrt(lowest_sigma * lowest_sigma - sigma * sigma),
               kernel, n_threads);
    }
}

/* ---- layout ---------------------------------------------------------------- */

static int count_octaves(int width, int height, int first)
{
    const int smaller = width < height ? width : height;
    int log = 0;
    while (smaller >> (log + 1) > 0)
        log++;
    const int n = log - first - 3;
    return n < 1 ? 1 : n > MAX_OCTAVES ? MAX_OCTAVES : n;
}

static int scaled(int side, int octave_index)
{
    return octave_index < 0 ? side << -octave_index : side >> octave_index;
}

/* Give every level its place; false without memory. */
static bool lay_out(scale_space *space, int width, int height, int first, int n_threads)
{
    size_t floats = 0, places[MAX_OCTAVES][LEVELS];

    space->n_octaves = count_octaves(width, height, first);
    for (int i = 0; i < space->n_octaves; i++) {
        octave *o = &space->octaves[i];
        *o = (octave){.index = first + i,
                      .width = scaled(width, first + i),
                      .height = scaled(height, first + i)};
        for (int s = 0; s < LEVELS; s++) {
            places[i][s] = floats + PLANE_PADDING;
            floats += (size_t)o->width * (size_t)o->height + PLANE_PADDING;
        }
    }
    floats += PLANE_PADDING;
    if (floats > space->capacity) {
        free(space->memory);
        space->capacity = 0;
        space->memory = mem_large_array(floats, sizeof *space->memory);
        if (!space->memory)
            return false;
        space->capacity = floats;
    }
    for (int i = 0; i < space->n_octaves; i++) {
        for (int s = 0; s < LEVELS; s++)
            space->octaves[i].levels[s] = space->memory + places[i][s];
    }
    return mem_grow(&space->rows, &space->rows_capacity,
                    row_floats(space->octaves[0].width) * (size_t)n_threads,
                    sizeof *space->rows);
}

void scale_space_free(scale_space *space)
{
    free(space->memory);
    free(space->rows);
    *space = (scale_space){0};
}

bool scale_space_fill(scale_space *space, const uint8_t *pixels, int width, int height,
                      int first, const sift_kernel *kernel, int n_threads)
{
    if (!lay_out(space, width, height, first, n_threads))
        return false;
    for (int i = 0; i < space->n_octaves; i++) {
        const octave *o = &space->octaves[i];
        if (o->width < 1 || o->height < 1) {
            space->n_octaves = i;
            break;
        }
        if (i == 0) {
            fill_lowest(space, o, pixels, width, height, kernel, n_threads);
        } else {
            /* The level of twice the lowest one's scale is the next one's lowest. */
            const plane from = octave_level(o - 1, SCALES - 1);
            halve(&from, o, o->levels[0]);
        }
        for (int s = -1; s <= SCALES; s++) {
            const double here = scale_space_sigma(s), next = scale_space_sigma(s + 1);
            smooth(space, o, s, sqrt(next * next - here * here), kernel, n_threads);
        }
    }
    return true;
}
