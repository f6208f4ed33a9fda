/* outline.h - where a motion takes the border of a picture. */
#ifndef REPORT_OUTLINE_H
#define REPORT_OUTLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/draw.h"

/*
 * Side `side` (0 top, 1 right, 2 bottom, 3 left) of a picture of width x height
 * pixels, moved by a row-major 3 x 3 transform: its two ends, in pixels of the
 * other picture. What the motion sends to infinity or behind the viewer is cut
 * off; false where nothing is left.
 */
bool outline_side(const float transform[9], uint32_t width, uint32_t height, int side,
                  draw_point ends[2]);

#endif
