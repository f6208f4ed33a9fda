/* SPDX-License-Identifier: MIT
 *
 * A pixel is covered by how far its centre is inside the shape, from 0 half a
 * pixel outside its edge to 1 half a pixel inside. Every shape visits a pixel
 * once, so transparent ones do not darken themselves.
 */
#include "report/draw.h"

#include <math.h>
#include <stdbool.h>

enum {
    FAINT = 56 /* least level of a channel in a pen of some hue */
};

/* Farther points would lose whole pixels to rounding when a line is clipped. */
static const double farthest = 1e9;

draw_canvas draw_canvas_of(bovw_image *image)
{
    return (draw_canvas){image, 0, 0, image->width, image->height};
}

/* Between FAINT and full: pure blue would be lost on dark pictures. */
static uint8_t hue_level(double hue, double offset)
{
    double h = hue + offset;
    h -= floor(h);
    double level = fabs(h * 6 - 3) - 1;
    level = level < 0 ? 0 : level > 1 ? 1 : level;
    return (uint8_t)(FAINT + level * (255 - FAINT) + 0.5);
}

draw_pen draw_pen_of_hue(double hue, float alpha, float width)
{
    return (draw_pen){.red = hue_level(hue, 0),
                      .green = hue_level(hue, 2.0 / 3),
                      .blue = hue_level(hue, 1.0 / 3),
                      .alpha = alpha,
                      .width = width};
}

static void blend(const draw_canvas *canvas, uint32_t x, uint32_t y, double coverage,
                  const draw_pen *pen)
{
    if (!(coverage > 0))
        return;
    const double part = (coverage < 1 ? coverage : 1) * (double)pen->alpha;
    const uint8_t colour[3] = {pen->red, pen->green, pen->blue};
    uint8_t *pixel = canvas->image->pixels + ((size_t)y * canvas->image->width + x) * 3;
    for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t)(pixel[c] + part * (colour[c] - pixel[c]) + 0.5);
}

/* Whole numbers in [low, high] that are also in [first, end): false where
 * there is none. */
static bool span(double low, double high, uint32_t first, uint32_t end, uint32_t *from,
                 uint32_t *to)
{
    if (!(high >= (double)first) || !(low < (double)end) || !(low <= high))
        return false;
    *from = low <= (double)first ? first : (uint32_t)ceil(low);
    *to = high >= (double)end ? end : (uint32_t)floor(high) + 1;
    return *from < *to;
}

/* Shorten the part [*t0, *t1] of a line to where low <= at + t * step <= high. */
static bool clip(double at, double step, double low, double high, double *t0, double *t1)
{
    if (step == 0)
        return at >= low && at <= high;
    const double a = (low - at) / step, b = (high - at) / step;
    const double enter = a < b ? a : b, leave = a < b ? b : a;
    if (enter > *t0)
        *t0 = enter;
    if (leave < *t1)
        *t1 = leave;
    return *t0 <= *t1;
}

static double distance_to_segment(double x, double y, draw_point p, double dx, double dy,
                                  double length_sq)
{
    double t = length_sq > 0 ? ((x - p.x) * dx + (y - p.y) * dy) / length_sq : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const double ex = x - p.x - t * dx, ey = y - p.y - t * dy;
    return sqrt(ex * ex + ey * ey);
}

/* A segment that is near the canvas: walk along its longer direction and visit
 * the few pixels beside it. */
static void draw_segment(const draw_canvas *canvas, draw_point p, draw_point q,
                         const draw_pen *pen)
{
    const double dx = q.x - p.x, dy = q.y - p.y, length_sq = dx * dx + dy * dy;
    const double reach = (double)pen->width / 2 + 0.5;
    const bool is_flat = fabs(dx) >= fabs(dy);
    const double slope = length_sq > 0 ? (is_flat ? dy / dx : dx / dy) : 0;
    const double side = reach * sqrt(1 + slope * slope) + reach * fabs(slope);
    const double start = is_flat ? p.x : p.y, end = is_flat ? q.x : q.y;
    uint32_t u0, u1;

    if (!span(fmin(start, end) - reach, fmax(start, end) + reach,
              is_flat ? canvas->left : canvas->top,
              is_flat ? canvas->right : canvas->bottom, &u0, &u1))
        return;
    for (uint32_t u = u0; u < u1; u++) {
        const double middle = (is_flat ? p.y : p.x) + slope * ((double)u - start);
        uint32_t v0, v1;
        if (!span(middle - side, middle + side, is_flat ? canvas->top : canvas->left,
                  is_flat ? canvas->bottom : canvas->right, &v0, &v1))
            continue;
        for (uint32_t v = v0; v < v1; v++) {
            const uint32_t x = is_flat ? u : v, y = is_flat ? v : u;
            blend(canvas, x, y, reach - distance_to_segment(x, y, p, dx, dy, length_sq),
                  pen);
        }
    }
}

static bool is_near(draw_point p)
{
    return fabs(p.x) <= farthest && fabs(p.y) <= farthest; /* false for NaN */
}

bool draw_clip(draw_point corner, draw_point opposite, draw_point *from, draw_point *to)
{
    const double dx = to->x - from->x, dy = to->y - from->y;
    double t0 = 0, t1 = 1;

    if (!is_near(*from) || !is_near(*to) ||
        !clip(from->x, dx, corner.x, opposite.x, &t0, &t1) ||
        !clip(from->y, dy, corner.y, opposite.y, &t0, &t1))
        return false;
    const draw_point start = *from;
    if (t0 > 0)
        *from = (draw_point){start.x + t0 * dx, start.y + t0 * dy};
    if (t1 < 1)
        *to = (draw_point){start.x + t1 * dx, start.y + t1 * dy};
    return true;
}

void draw_line(const draw_canvas *canvas, draw_point from, draw_point to, draw_pen pen)
{
    /* The margin keeps the cut ends out of sight. */
    const double margin = (double)pen.width + 2;
    const draw_point corner = {canvas->left - margin, canvas->top - margin};
    const draw_point opposite = {canvas->right + margin, canvas->bottom + margin};

    if (draw_clip(corner, opposite, &from, &to))
        draw_segment(canvas, from, to, &pen);
}

void draw_circle(const draw_canvas *canvas, draw_point centre, double radius, draw_pen pen)
{
    const double thick = (double)pen.width / 2 + 0.5, reach = radius + thick;
    uint32_t x0, x1, y0, y1;

    if (!is_near(centre) || !(fabs(reach) <= farthest) ||
        !span(centre.x - reach, centre.x + reach, canvas->left, canvas->right, &x0, &x1) ||
        !span(centre.y - reach, centre.y + reach, canvas->top, canvas->bottom, &y0, &y1))
        return;
    for (uint32_t y = y0; y < y1; y++) {
        for (uint32_t x = x0; x < x1; x++) {
            const double ex = x - centre.x, ey = y - centre.y;
            blend(canvas, x, y, thick - fabs(sqrt(ex * ex + ey * ey) - radius), &pen);
        }
    }
}
