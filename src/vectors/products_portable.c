/* SPDX-License-Identifier: MIT */
#include "vectors/products.h"

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

static void dots(const float *queries, const float *rows, size_t n, size_t stride,
                 float *results)
{
    for (size_t i = 0; i < n; i++) {
        for (int q = 0; q < PRODUCT_QUERIES; q++)
            results[i * PRODUCT_QUERIES + q] =
                dot(queries + q * stride, rows + i * stride, stride);
    }
}

static void distances_sq(const float *queries, const float *rows, size_t n, size_t stride,
                         float *results)
{
    for (size_t i = 0; i < n; i++) {
        for (int q = 0; q < PRODUCT_QUERIES; q++)
            results[i * PRODUCT_QUERIES + q] =
                distance_sq(queries + q * stride, rows + i * stride, stride);
    }
}

const product_kernel product_portable = {.name = "portable",
                                         .is_supported = is_supported,
                                         .dots = dots,
                                         .distances_sq = distances_sq};
