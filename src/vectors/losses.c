/* SPDX-License-Identifier: MIT
 *
 * With z = R x and y = z / |z|, a loss on y has the derivative
 * (dy - (dy . y) y) / |z| by z, and its outer product with x by R. Every sum has
 * one order: threads share rows, never a sum. */
#include <math.h>
#include <string.h>

#include "vectors/learn.h"

enum {
    PARTS = 16
};

/* Sum in 16 parts; stride is a multiple of it. */
static double product(const double *a, const double *b, size_t stride)
{
    double parts[PARTS] = {0}, sum = 0;
    for (size_t i = 0; i < stride; i += PARTS) {
        for (int p = 0; p < PARTS; p++)
            parts[p] += a[i + p] * b[i + p];
    }
    for (int p = 0; p < PARTS; p++)
        sum += parts[p];
    return sum;
}

static double plain_product(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static const double *item(const batch *b, uint32_t i)
{
    return b->x + (b->items ? b->items[i] : i) * b->stride;
}

void batch_project(const batch *b, const double *rows, int n_threads, double *y,
                   size_t stride_y)
{
    enum {
        ROWS = 32 /* of the map, that stay in cache while vectors pass by */
    };
    for (uint32_t first = 0; first < b->n_out; first += ROWS) {
        const uint32_t end = b->n_out - first < ROWS ? b->n_out : first + ROWS;
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
        for (uint32_t i = 0; i < b->n; i++) {
            for (uint32_t o = first; o < end; o++)
                y[i * stride_y + o] = product(rows + o * b->stride, item(b, i), b->stride);
        }
    }
}

void batch_map(batch *b, const double *rows, int n_threads)
{
    batch_project(b, rows, n_threads, b->y, b->n_out);
    for (uint32_t i = 0; i < b->n; i++) {
        double *y = b->y + (size_t)i * b->n_out;
        b->lengths[i] = sqrt(plain_product(y, y, b->n_out));
        const double scale = b->lengths[i] > 0 ? 1 / b->lengths[i] : 0;
        for (uint32_t o = 0; o < b->n_out; o++)
            y[o] *= scale;
    }
}

double batch_distance_sq(const batch *b, uint32_t i, uint32_t j)
{
    const double *p = b->y + (size_t)i * b->n_out, *q = b->y + (size_t)j * b->n_out;
    double sum = 0;
    for (uint32_t o = 0; o < b->n_out; o++)
        sum += (p[o] - q[o]) * (p[o] - q[o]);
    return sum;
}

/* dy of both += weight times the derivative of their squared distance. */
static void add_pair(batch *b, uint32_t i, uint32_t j, double weight)
{
    const double *p = b->y + (size_t)i * b->n_out, *q = b->y + (size_t)j * b->n_out;
    double *dp = b->dy + (size_t)i * b->n_out, *dq = b->dy + (size_t)j * b->n_out;
    for (uint32_t o = 0; o < b->n_out; o++) {
        const double d = 2 * weight * (p[o] - q[o]);
        dp[o] += d;
        dq[o] -= d;
    }
}

double batch_triplet_loss(batch *b, const triplet *triplets, size_t n, double margin)
{
    double sum = 0;
    memset(b->dy, 0, (size_t)b->n * b->n_out * sizeof *b->dy);
    for (size_t t = 0; t < n; t++) {
        const triplet *at = &triplets[t];
        const double loss = batch_distance_sq(b, at->anchor, at->positive) -
                            batch_distance_sq(b, at->anchor, at->negative) + margin;
        if (loss <= 0)
            continue;
        sum += loss;
        add_pair(b, at->anchor, at->positive, 1 / (double)n);
        add_pair(b, at->anchor, at->negative, -1 / (double)n);
    }
    return n > 0 ? sum / (double)n : 0;
}

double batch_pair_loss(batch *b, const triplet *triplets, size_t n, double margin)
{
    double sum = 0;
    memset(b->dy, 0, (size_t)b->n * b->n_out * sizeof *b->dy);
    for (size_t t = 0; t < n; t++) {
        const triplet *at = &triplets[t];
        const double far = sqrt(batch_distance_sq(b, at->anchor, at->negative));
        sum += batch_distance_sq(b, at->anchor, at->positive) / 2;
        add_pair(b, at->anchor, at->positive, 0.5 / (double)n);
        if (far >= margin)
            continue;
        sum += (margin - far) * (margin - far) / 2;
        /* Of equal vectors there is no direction to part them in. */
        if (far > 1e-9)
            add_pair(b, at->anchor, at->negative, -(margin - far) / (2 * far) / (double)n);
    }
    return n > 0 ? sum / (double)n : 0;
}

void batch_gradient(batch *b, int n_threads, double *gradient)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const double *y = b->y + (size_t)i * b->n_out;
        double *dy = b->dy + (size_t)i * b->n_out;
        const double along = plain_product(dy, y, b->n_out);
        const double scale = b->lengths[i] > 0 ? 1 / b->lengths[i] : 0;
        for (uint32_t o = 0; o < b->n_out; o++)
            dy[o] = (dy[o] - along * y[o]) * scale;
    }
#pragma omp parallel for schedule(dynamic) num_threads(n_threads) if (n_threads > 1)
    for (uint32_t o = 0; o < b->n_out; o++) {
        double *row = gradient + o * b->stride;
        memset(row, 0, b->stride * sizeof *row);
        for (uint32_t i = 0; i < b->n; i++) {
            const double weight = b->dy[(size_t)i * b->n_out + o];
            const double *x = item(b, i);
            for (size_t j = 0; j < b->stride; j++)
                row[j] += weight * x[j];
        }
    }
}
