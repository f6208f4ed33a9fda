/* chart.h - line charts of values in [0, 1] as inline SVG.
 *
 * Colours, dashes and sizes come from the page's style by class: "s0" to "s7"
 * for the lines, which differ in dashes too.
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include "report/html.h"

enum {
    CHART_MAX_LINES = 8
};

typedef struct chart {
    html_out *out;
    const char *x_label, *y_label; /* our own words */
    double y_low, y_high;          /* 0 to 1, or -1 to 1 for differences */
    bool is_small;                 /* without labels */
    bool has_decades;              /* x is a share's logarithm: 0.01, 0.1, 1, 10, 100 % */
} chart;

/* <svg> with its title and axes; the lines follow, then the end. */
void chart_begin(const chart *c, const char *title);
void chart_end(const chart *c);

/* Where a share is on an x axis of decades; less than 0.01 % is at 0. */
double chart_decade(double share);

/* One line of class "s<style>"; points (n,) with x in [0, 1]. */
typedef struct chart_point {
    double x, y;
} chart_point;
void chart_line(const chart *c, uint32_t style, const chart_point *points, size_t n);

/* n steps of equal width from left to right, as one line. */
void chart_steps(const chart *c, uint32_t style, const double *values, size_t n);

/* The sample of a line for a legend. */
void chart_sample(html_out *out, uint32_t style);

#endif
