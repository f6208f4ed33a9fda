/* SPDX-License-Identifier: MIT */
#include "vectors/products.h"

#include <math.h>

enum {
    LANES = PRODUCT_LANES
};

static bool is_supported(void)
{
    return true;
}

static float add_parts(float parts[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++)
            parts[j] += parts[j + half];
    }
    return parts[0];
}

static float dot(const float *a, const float *b, size_t stride)
{
    float parts[LANES] = {0};
    for (size_t i = 0; i < stride; i += LANES) {
        for (int j = 0; j < LANES; j++)
            parts[j] += a[i + j] * b[i + j];
    }
    return add_parts(parts);
}

static float distance_sq(const float *a, const float *b, size_t stride)
{
    float parts[LANES] = {0};
    for (size_t i = 0; i < stride; i += LANES) {
        for (int j = 0; j < LANES; j++) {
            const float d = a[i + j] - b[i + j];
            parts[j] += d * d;
        }
    }
    return add_parts(parts);
}

static float distance_l1(const float *a, const float *b, size_t stride)
{
    float parts[LANES] = {0};
    for (size_t i = 0; i < stride; i += LANES) {
        for (int j = 0; j < LANES; j++)
            parts[j] += fabsf(a[i + j] - b[i + j]);
    }
    return add_parts(parts);
}

static float intersection(const float *a, const float *b, size_t stride)
{
    float parts[LANES] = {0};
    for (size_t i = 0; i < stride; i += LANES) {
        for (int j = 0; j < LANES; j++)
            parts[j] += a[i + j] < b[i + j] ? a[i + j] : b[i + j];
    }
    return add_parts(parts);
}

typedef float pair_function(const float *a, const float *b, size_t stride);

static inline void all_pairs(pair_function *of, const float *queries, const float *rows,
                             size_t n, size_t stride, float *results)
{
    for (size_t i = 0; i < n; i++) {
        for (int q = 0; q < PRODUCT_QUERIES; q++)
            results[i * PRODUCT_QUERIES + q] =
                of(queries + q * stride, rows + i * stride, stride);
    }
}

static void dots(const float *queries, const float *rows, size_t n, size_t stride,
                 float *results)
{
    all_pairs(dot, queries, rows, n, stride, results);
}

static void distances_sq(const float *queries, const float *rows, size_t n, size_t stride,
                         float *results)
{
    all_pairs(distance_sq, queries, rows, n, stride, results);
}

static void distances_l1(const float *queries, const float *rows, size_t n, size_t stride,
                         float *results)
{
    all_pairs(distance_l1, queries, rows, n, stride, results);
}

static void intersections(const float *queries, const float *rows, size_t n, size_t stride,
                          float *results)
{
    all_pairs(intersection, queries, rows, n, stride, results);
}

const product_kernel product_portable = {.name = "portable",
                                         .is_supported = is_supported,
                                         .dots = dots,
                                         .distances_sq = distances_sq,
                                         .distances_l1 = distances_l1,
                                         .intersections = intersections};
