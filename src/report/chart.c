/* SPDX-License-Identifier: MIT */
#include "report/chart.h"

#include <math.h>

enum {
    WIDTH = 360,
    HEIGHT = 270,
    LEFT = 40,
    RIGHT = 352,
    TOP = 10,
    BOTTOM = 226,
    MAX_STEPS = 500 /* more are drawn as their means */
};

/* Tenths of a unit are finer than a screen's pixels. */
static void write_position(const chart *c, const char *command, double x, double y)
{
    const double part = (y - c->y_low) / (c->y_high - c->y_low);
    html_markup(c->out, command);
    html_number(c->out, LEFT + x * (RIGHT - LEFT), 1);
    html_markup(c->out, " ");
    html_number(c->out, BOTTOM - part * (BOTTOM - TOP), 1);
}

static void write_labels(const chart *c)
{
    static const char *const even[] = {"0", "25", "50", "75", "100"};
    static const char *const decades[] = {"0.01", "0.1", "1", "10", "100"};
    for (int i = 0; i <= 4; i++) {
        const int y = BOTTOM - i * (BOTTOM - TOP) / 4, x = LEFT + i * (RIGHT - LEFT) / 4;
        const double value = c->y_low + i * (c->y_high - c->y_low) / 4;
        html_format(c->out, "<text x=\"%d\" y=\"%d\" class=\"end\">", LEFT - 6, y + 4);
        html_number(c->out, 100 * value, 0);
        html_format(c->out, "</text><text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x,
                    BOTTOM + 16, i == 4 ? "end" : "mid",
                    c->has_decades ? decades[i] : even[i]);
    }
    html_format(c->out,
                "<text x=\"%d\" y=\"%d\" class=\"mid\">%s, %%</text>"
                "<text transform=\"translate(11 %d) rotate(-90)\" class=\"mid\">%s, "
                "%%</text>\n",
                (LEFT + RIGHT) / 2, HEIGHT - 8, c->x_label, (TOP + BOTTOM) / 2, c->y_label);
}

void chart_begin(const chart *c, const char *title)
{
    html_format(c->out, "<svg class=\"chart\" viewBox=\"%d %d %d %d\" role=\"img\"><title>",
                c->is_small ? LEFT - 4 : 0, c->is_small ? TOP - 4 : 0,
                c->is_small ? RIGHT - LEFT + 8 : WIDTH,
                c->is_small ? BOTTOM - TOP + 8 : HEIGHT);
    html_text(c->out, title);
    html_markup(c->out, "</title>\n<path class=\"grid\" d=\"");
    for (int i = 0; i <= 4; i++) {
        const int y = BOTTOM - i * (BOTTOM - TOP) / 4, x = LEFT + i * (RIGHT - LEFT) / 4;
        html_format(c->out, "M%d %dH%dM%d %dV%d", LEFT, y, RIGHT, x, TOP, BOTTOM);
    }
    html_markup(c->out, "\"/>\n");
    if (!c->is_small)
        write_labels(c);
}

void chart_end(const chart *c)
{
    html_markup(c->out, "</svg>\n");
}

double chart_decade(double share)
{
    return share <= 1e-4 ? 0 : 1 + log10(share) / 4;
}

static void begin_line(const chart *c, uint32_t style)
{
    html_format(c->out, "<path class=\"s%u\" d=\"", style % CHART_MAX_LINES);
}

void chart_line(const chart *c, uint32_t style, const chart_point *points, size_t n)
{
    begin_line(c, style);
    for (size_t i = 0; i < n; i++)
        write_position(c, i == 0 ? "M" : "L", points[i].x, points[i].y);
    html_markup(c->out, "\"/>\n");
}

void chart_steps(const chart *c, uint32_t style, const double *values, size_t n)
{
    const size_t n_steps = n < MAX_STEPS ? n : MAX_STEPS;

    begin_line(c, style);
    for (size_t i = 0; i < n_steps; i++) {
        const size_t first = i * n / n_steps, end = (i + 1) * n / n_steps;
        double sum = 0;
        for (size_t k = first; k < end; k++)
            sum += values[k];
        const double mean = sum / (double)(end - first);
        write_position(c, i == 0 ? "M" : "L", (double)first / (double)n, mean);
        write_position(c, "L", (double)end / (double)n, mean);
    }
    html_markup(c->out, "\"/>\n");
}

void chart_sample(html_out *out, uint32_t style)
{
    html_format(out,
                "<svg class=\"sample\" viewBox=\"0 0 36 10\" aria-hidden=\"true\">"
                "<path class=\"s%u\" d=\"M0 5H36\"/></svg> ",
                style % CHART_MAX_LINES);
}
