/* draw.h - smooth lines, circles and outlines on an RGB picture.
 *
 * Positions are in pixels of the picture, the centre of the top-left pixel at
 * (0, 0). Any position is allowed: what lies outside the canvas is clipped
 * before drawing, and a shape with a position that is not finite, or farther
 * than 1e9 pixels away, is left out.
 */
#ifndef REPORT_DRAW_H
#define REPORT_DRAW_H

#include <stdbool.h>

#include "bovw/image.h"

/* The part of a picture that may be drawn on: columns [left, right), rows
 * [top, bottom), inside the picture. */
typedef struct draw_canvas {
    bovw_image *image; /* three channels; borrowed */
    uint32_t left, top, right, bottom;
} draw_canvas;

/* The whole picture. */
draw_canvas draw_canvas_of(bovw_image *image);

typedef struct draw_point {
    double x, y;
} draw_point;

typedef struct draw_pen {
    uint8_t red, green, blue;
    float alpha; /* 0 nothing to 1 opaque */
    float width; /* pixels */
} draw_pen;

/* A pen with a bright colour; hue in [0, 1] runs from red over yellow, green
 * and blue to red. */
draw_pen draw_pen_of_hue(double hue, float alpha, float width);

/* Cut a line to the part inside a rectangle from corner to opposite, its lower
 * and higher bounds (Liang and Barsky 1984); false where there is none, or where
 * an end is not finite or too far away. */
bool draw_clip(draw_point corner, draw_point opposite, draw_point *from, draw_point *to);

/* A line with round ends. Cost: its length on the canvas times its width. */
void draw_line(const draw_canvas *canvas, draw_point from, draw_point to, draw_pen pen);

/* The circle line of this radius; radius 0 gives a disc as wide as the pen. */
void draw_circle(const draw_canvas *canvas, draw_point centre, double radius, draw_pen pen);

#endif
