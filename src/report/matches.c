/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "base/error.h"
#include "bovw/report.h"
#include "report/outline.h"

enum {
    BACKGROUND = 32,  /* grey level around the pictures */
    DARK = 16,        /* under light lines */
    GAP_PARTS = 100,  /* the gap is the width of the pictures over this */
    THIN_SIDE = 1600, /* pictures wider than this get thicker lines */
    MANY_LINES = 60   /* more lines than this are drawn more transparent */
};

/* Where one of the two pictures stands in the drawing. */
typedef struct place {
    uint32_t left, top, width, height;
    double x_scale, y_scale; /* from pixels of the original */
} place;

static place place_at(const bovw_image *image, uint32_t left, uint32_t height)
{
    return (place){.left = left,
                   .top = (height - image->height) / 2,
                   .width = image->width,
                   .height = image->height,
                   .x_scale = (double)image->width / image->full_width,
                   .y_scale = (double)image->height / image->full_height};
}

/* A position in an original, in pixels of the drawing: pixel centres are whole
 * numbers, so it is pixel borders that scale. */
static draw_point to_drawing(const place *at, double x, double y)
{
    return (draw_point){at->left + (x + 0.5) * at->x_scale - 0.5,
                        at->top + (y + 0.5) * at->y_scale - 0.5};
}

static void paste(const bovw_image *image, const place *at, bovw_image *drawing)
{
    for (uint32_t y = 0; y < image->height; y++) {
        uint8_t *row =
            drawing->pixels + ((size_t)(at->top + y) * drawing->width + at->left) * 3;
        const uint8_t *from = image->pixels + (size_t)y * image->width * 3;
        for (size_t i = 0; i < (size_t)image->width * 3; i++)
            row[i] = from[i];
    }
}

/* The border of a, moved into b: light on dark, so that it shows anywhere. */
static void draw_border(bovw_image *drawing, const bovw_image *a, const place *b,
                        const float transform[9], float width)
{
    const draw_pen pens[2] = {{DARK, DARK, DARK, 0.75f, 2 * width + 2},
                              {255, 255, 255, 1, 1.5f * width}};
    const draw_canvas canvas = {drawing, b->left, b->top, b->left + b->width,
                                b->top + b->height};
    draw_point ends[2];

    for (int i = 0; i < 8; i++) {
        if (outline_side(transform, a->full_width, a->full_height, i % 4, ends))
            draw_line(&canvas, to_drawing(b, ends[0].x, ends[0].y),
                      to_drawing(b, ends[1].x, ends[1].y), pens[i / 4]);
    }
}

/* What to join: the arguments of bovw_draw_matches() with their places. */
typedef struct match_set {
    const bovw_image *a;
    place a_place, b_place;
    const bovw_keypoint *a_keypoints, *b_keypoints;
    const bovw_match *matches;
    const uint8_t *is_inlier;
    size_t n;
} match_set;

typedef struct match_line {
    draw_point a, b;
    double hue;
} match_line;

/* The line of match i; false where it is no inlier or not finite. The colour
 * comes from the place in a alone, so a keypoint keeps it beside every b. Rows
 * differ most, since lines mostly run across. */
static bool line_of(const match_set *set, size_t i, match_line *line)
{
    if (!set->is_inlier[i])
        return false;
    const bovw_keypoint *from = &set->a_keypoints[set->matches[i].a];
    const bovw_keypoint *to = &set->b_keypoints[set->matches[i].b];
    if (!isfinite(from->x) || !isfinite(from->y) || !isfinite(to->x) || !isfinite(to->y))
        return false;
    line->a = to_drawing(&set->a_place, (double)from->x, (double)from->y);
    line->b = to_drawing(&set->b_place, (double)to->x, (double)to->y);
    line->hue = 0.8 * (double)from->y / set->a->full_height +
                0.2 * (double)from->x / set->a->full_width;
    return true;
}

static void draw_lines(bovw_image *drawing, const match_set *set, float width)
{
    const draw_canvas canvas = draw_canvas_of(drawing);
    const double radius = 2 * (double)width;
    match_line line;
    size_t n_lines = 0;

    for (size_t i = 0; i < set->n; i++)
        n_lines += line_of(set, i, &line);
    const double crowd = n_lines > MANY_LINES ? (double)n_lines / MANY_LINES : 1;
    const float alpha = (float)fmax(0.2, 0.75 / sqrt(crowd));

    /* All lines, then all circles: no line hides the end of another. */
    for (size_t i = 0; i < set->n; i++) {
        if (line_of(set, i, &line))
            draw_line(&canvas, line.a, line.b, draw_pen_of_hue(line.hue, alpha, width));
    }
    for (size_t i = 0; i < set->n; i++) {
        if (!line_of(set, i, &line))
            continue;
        const draw_pen pen = draw_pen_of_hue(line.hue, 0.9f, width);
        draw_circle(&canvas, line.a, radius, pen);
        draw_circle(&canvas, line.b, radius, pen);
    }
}

static bovw_status check_picture(const bovw_image *image, const char *which,
                                 bovw_error *err)
{
    if (!image->pixels || image->channels != 3 || image->width == 0 || image->height == 0 ||
        image->full_width == 0 || image->full_height == 0)
        return fail(err, BOVW_ERR_ARG, "image %s is no RGB picture", which);
    return BOVW_OK;
}

bovw_status bovw_draw_matches(const bovw_image *a, const bovw_keypoint *a_keypoints,
                              const bovw_image *b, const bovw_keypoint *b_keypoints,
                              const bovw_match *matches, const uint8_t *is_inlier, size_t n,
                              const bovw_geometry *geometry, bovw_image *picture,
                              bovw_error *err)
{
    bovw_image drawing = {0};
    bovw_status status = check_picture(a, "a", err);
    if (status == BOVW_OK)
        status = check_picture(b, "b", err);
    if (status != BOVW_OK)
        return status;

    const uint64_t both = (uint64_t)a->width + b->width, gap = both / GAP_PARTS + 4;
    const uint32_t height = a->height > b->height ? a->height : b->height;
    if (both + gap > UINT32_MAX)
        return fail(err, BOVW_ERR_LIMIT, "pictures %u and %u pixels wide do not fit",
                    a->width, b->width);
    status = bovw_image_new((uint32_t)(both + gap), height, 3, BACKGROUND, &drawing, err);
    if (status != BOVW_OK)
        return status;

    const match_set set = {.a = a,
                           .a_place = place_at(a, 0, height),
                           .b_place = place_at(b, a->width + (uint32_t)gap, height),
                           .a_keypoints = a_keypoints,
                           .b_keypoints = b_keypoints,
                           .matches = matches,
                           .is_inlier = is_inlier,
                           .n = n};
    const float width = both > THIN_SIDE ? 1.5f * (float)both / THIN_SIDE : 1.5f;
    paste(a, &set.a_place, &drawing);
    paste(b, &set.b_place, &drawing);
    if (geometry->model != BOVW_MODEL_NONE)
        draw_border(&drawing, a, &set.b_place, geometry->transform, width);
    draw_lines(&drawing, &set, width);
    *picture = drawing;
    return BOVW_OK;
}
