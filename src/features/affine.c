/* SPDX-License-Identifier: MIT
 *
 * A shape is kept as its covariance: which of the frames that have it is used
 * to look at the image does not matter, since orientation comes later.
 */
#include "features/affine.h"

#include <math.h>
#include <string.h>

enum {
    MAX_ITERATIONS = 16,
    REACH = 12,           /* samples on each side whose gradients count */
    SIDE = 2 * REACH + 3, /* and one more for differences */
    MAX_RATIO = 6         /* of the axes */
};

static const double sample_step = 1.0 / 1.2; /* in deviations of the keypoint */
static const double window_sigma = 5.0;      /* in samples */
static const double round_enough = 0.95;     /* ratio of gradients, weakest to strongest */

/* A symmetric matrix. */
typedef struct symmetric {
    double xx, xy, yy;
} symmetric;

/* ---- looking at the image through a frame ---------------------------------- */

/* A level and how it lies on the image. */
typedef struct sharp_level {
    plane level;
    float pixel; /* of the level, in pixels of the image */
    double blur; /* deviation, pixels of the image */
} sharp_level;

/* The coarsest level that is not blurred by more than a length of the image,
 * so that nothing along the minor axis of an ellipse is lost. Keypoints are in
 * octaves of 3 x 3 pixels at least, and coarser ones have 16 x 16 or more. */
static sharp_level level_for(const scale_space *space, float most)
{
    const double finest = scale_space_sigma(-1) * ldexp(1.0, space->octaves[0].index);
    const int last = space->n_octaves * SCALES - 1;
    int steps = 0; /* levels above the finest */
    while (steps < last && finest * exp2((steps + 1.0) / SCALES) <= (double)most)
        steps++;
    const octave *o = &space->octaves[steps / SCALES];
    return (sharp_level){.level = octave_level(o, steps % SCALES - 1),
                         .pixel = ldexpf(1.0F, o->index),
                         .blur = finest * exp2((double)steps / SCALES)};
}

/* A linear map from a frame to pixels of a level. */
typedef struct view {
    const plane *level;
    float x, y;           /* of the frame's origin */
    float xu, yu, xv, yv; /* of a step along each axis */
} view;

static view view_of(const sharp_level *from, const ellipse *e, float step)
{
    const float scale = 1.0F / from->pixel;
    const float major = e->major * scale * step, minor = e->minor * scale * step;
    return (view){.level = &from->level,
                  .x = e->x * scale,
                  .y = e->y * scale,
                  .xu = major * e->cosine,
                  .yu = major * e->sine,
                  .xv = -minor * e->sine,
                  .yv = minor * e->cosine};
}

static float clamp(float v, float most)
{
    return v < 0.0F ? 0.0F : v < most ? v : most;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Bilinear, between pixel (xi, yi) and the next ones. */
static inline float between(const plane *level, int xi, int yi, float x, float y)
{
    const float *above = level->pixels + (ptrdiff_t)yi * level->width + xi;
    const float *below = above + level->width;
    const float fx = x - (float)xi, fy = y - (float)yi;
    const float top = above[0] + fx * (above[1] - above[0]);
    const float bottom = below[0] + fx * (below[1] - below[0]);
    return top + fy * (bottom - top);
}

static inline float inner_pixel_at(const plane *level, float x, float y)
{
    return between(level, (int)x, (int)y, x, y);
}

/* The same anywhere; outside the level as at its border. */
static float pixel_at(const plane *level, float x, float y)
{
    x = clamp(x, (float)(level->width - 1));
    y = clamp(y, (float)(level->height - 1));
    return between(level, least((int)x, level->width - 2), least((int)y, level->height - 2),
                   x, y);
}

/* Are all samples so far from the origin inside the level? */
static bool is_inside(const view *f, int reach)
{
    const float x = (float)(reach + 1) * (fabsf(f->xu) + fabsf(f->xv));
    const float y = (float)(reach + 1) * (fabsf(f->yu) + fabsf(f->yv));
    return f->x - x >= 0.0F && f->y - y >= 0.0F &&
           f->x + x < (float)(f->level->width - 1) &&
           f->y + y < (float)(f->level->height - 1);
}

/* 2 reach + 1 rows of `width` samples, the origin `reach` from the first. */
static void look(const view *f, int reach, int width, float *out)
{
    const bool is_inner = is_inside(f, width - reach > reach ? width - reach : reach);
    for (int i = -reach; i <= reach; i++) {
        const float x = f->x + (float)i * f->xv, y = f->y + (float)i * f->yv;
        for (int j = -reach; j < width - reach; j++) {
            const float xj = x + (float)j * f->xu, yj = y + (float)j * f->yu;
            *out++ =
                is_inner ? inner_pixel_at(f->level, xj, yj) : pixel_at(f->level, xj, yj);
        }
    }
}

/* ---- shape ----------------------------------------------------------------- */

static void set_shape(ellipse *e, const symmetric *s)
{
    const double mean = 0.5 * (s->xx + s->yy), half = 0.5 * (s->xx - s->yy);
    const double spread = sqrt(half * half + s->xy * s->xy);
    const double angle = 0.5 * atan2(s->xy, half);
    e->major = (float)sqrt(mean + spread);
    e->minor = (float)sqrt(fmax(mean - spread, 0.0));
    e->cosine = (float)cos(angle);
    e->sine = (float)sin(angle);
}

/* Second moments of the gradients around the origin of a frame. */
static symmetric moments_of(const view *f, const float window[REACH + 1])
{
    float samples[SIDE * SIDE];
    symmetric m = {0};
    look(f, REACH + 1, SIDE, samples);
    for (int i = -REACH; i <= REACH; i++) {
        const float *row = samples + (i + REACH + 1) * SIDE + REACH + 1;
        float xx = 0.0F, xy = 0.0F, yy = 0.0F;
        for (int j = -REACH; j <= REACH; j++) {
            const float gx = row[j + 1] - row[j - 1], gy = row[j + SIDE] - row[j - SIDE];
            const float weight = window[j < 0 ? -j : j];
            xx += weight * gx * gx;
            xy += weight * gx * gy;
            yy += weight * gy * gy;
        }
        const double weight = (double)window[i < 0 ? -i : i];
        m.xx += weight * (double)xx;
        m.xy += weight * (double)xy;
        m.yy += weight * (double)yy;
    }
    return m;
}

/* How far from 1 the moments are: the ratio of the standard deviations of the
 * gradient along the two axes where it is least and most. */
static double roundness(const symmetric *m)
{
    const double mean = 0.5 * (m->xx + m->yy), half = 0.5 * (m->xx - m->yy);
    const double spread = sqrt(half * half + m->xy * m->xy);
    return mean - spread > 1e-6 * mean ? sqrt((mean - spread) / (mean + spread)) : 0.0;
}

/* Stretch the ellipse along directions where gradients are weak: the inverse of
 * the moments, mapped to the image and made of the same area as before. */
static symmetric stretched(const ellipse *e, const symmetric *m, double area)
{
    const double a = (double)e->major, b = (double)e->minor;
    const double c = (double)e->cosine, s = (double)e->sine;
    const symmetric axes = {a * a * m->yy, -a * b * m->xy, b * b * m->xx};
    const symmetric out = {c * c * axes.xx - 2.0 * c * s * axes.xy + s * s * axes.yy,
                           c * s * (axes.xx - axes.yy) + (c * c - s * s) * axes.xy,
                           s * s * axes.xx + 2.0 * c * s * axes.xy + c * c * axes.yy};
    const double scale = area / sqrt(axes.xx * axes.yy - axes.xy * axes.xy);
    return (symmetric){out.xx * scale, out.xy * scale, out.yy * scale};
}

bool affine_adapt(const scale_space *space, const candidate *c, ellipse *shape)
{
    const float pixel = ldexpf(1.0F, c->octave);
    const float sigma = c->at.sigma * pixel;
    float window[REACH + 1];

    for (int i = 0; i <= REACH; i++)
        window[i] = (float)exp(-0.5 * (i / window_sigma) * (i / window_sigma));
    *shape = (ellipse){.x = c->at.x * pixel,
                       .y = c->at.y * pixel,
                       .major = sigma,
                       .minor = sigma,
                       .cosine = 1.0F};
    for (int i = 0; i < MAX_ITERATIONS; i++) {
        const sharp_level from = level_for(space, shape->minor);
        const view f = view_of(&from, shape, (float)sample_step);
        const symmetric m = moments_of(&f, window);
        const double ratio = roundness(&m);
        if (ratio > round_enough)
            return true;
        if (ratio == 0.0)
            return false;
        const symmetric next = stretched(shape, &m, (double)sigma * (double)sigma);
        set_shape(shape, &next);
        if (!(shape->major <= MAX_RATIO * shape->minor))
            return false;
    }
    return false;
}

/* ---- patch ----------------------------------------------------------------- */

/* What is missing to PATCH_SIGMA along an axis. */
static gaussian missing_blur(double blur, float axis)
{
    const double share = blur / (double)axis;
    const double left = share < 1.0 ? sqrt(1.0 - share * share) : 0.0;
    return scale_space_gaussian(fmax((double)PATCH_SIGMA * left, 0.1));
}

void affine_patch(const scale_space *space, const ellipse *shape, const sift_kernel *kernel,
                  patch *out)
{
    float sharp[PATCH_WIDTH * PATCH_HEIGHT], row[PATCH_WIDTH + 2 * MAX_RADIUS];
    const sharp_level level = level_for(space, shape->minor);
    const view f = view_of(&level, shape, 1.0F / PATCH_SIGMA);
    const plane from = {sharp, PATCH_WIDTH, PATCH_HEIGHT};
    const gaussian along = missing_blur(level.blur, shape->major);
    const gaussian down = missing_blur(level.blur, shape->minor);

    look(&f, PATCH_REACH, PATCH_WIDTH, sharp);
    memset(out->memory, 0, PLANE_PADDING * sizeof(float));
    memset(out->memory + PLANE_PADDING + PATCH_WIDTH * PATCH_HEIGHT, 0,
           PLANE_PADDING * sizeof(float));
    for (int y = 0; y < PATCH_HEIGHT; y++)
        scale_space_smooth_row(&from, y, &down, &along, kernel, row + MAX_RADIUS,
                               out->memory + PLANE_PADDING);
}

/* ---- keypoint -------------------------------------------------------------- */

float affine_upright_angle(const ellipse *shape)
{
    /* (0, 1) of the image in the patch is the frame's (-sin, cos). */
    return (float)atan2(-(double)(shape->sine / shape->major),
                        (double)(shape->cosine / shape->minor));
}

bovw_keypoint affine_keypoint(const bovw_image *grey, const ellipse *shape, float angle)
{
    const double u = -sin((double)angle) * (double)shape->major;
    const double v = cos((double)angle) * (double)shape->minor;
    const double c = (double)shape->cosine, s = (double)shape->sine;
    const float turn = (float)atan2(-(c * u - s * v), s * u + c * v);
    const spot at = {shape->x, shape->y, sqrtf(shape->major * shape->minor)};
    return sift_keypoint(grey, 0, &at, turn);
}
