/* SPDX-License-Identifier: MIT */
#include "features/sift.h"

#include <math.h>

#include "base/memory.h"

enum {
    N_SMOOTHINGS = 6 /* of an orientation histogram */
};

static void smooth_circle(float histogram[N_ANGLE_BINS])
{
    const float first = histogram[0];
    float before = histogram[N_ANGLE_BINS - 1];
    for (int i = 0; i < N_ANGLE_BINS; i++) {
        const float here = histogram[i];
        const float after = i + 1 < N_ANGLE_BINS ? histogram[i + 1] : first;
        histogram[i] = (before + here + after) * (1.0F / 3);
        before = here;
    }
}

int sift_angles(float histogram[N_ANGLE_BINS], float angles[MAX_ANGLES])
{
    int n = 0;
    float highest = 0.0F;
    for (int i = 0; i < N_SMOOTHINGS; i++)
        smooth_circle(histogram);
    for (int i = 0; i < N_ANGLE_BINS; i++)
        highest = histogram[i] > highest ? histogram[i] : highest;
    for (int i = 0; i < N_ANGLE_BINS && n < MAX_ANGLES; i++) {
        const float before = histogram[(i + N_ANGLE_BINS - 1) % N_ANGLE_BINS];
        const float here = histogram[i], after = histogram[(i + 1) % N_ANGLE_BINS];
        if (here > 0.8F * highest && here > before && here > after) {
            const float offset = -0.5F * (after - before) / (after + before - 2.0F * here);
            angles[n++] =
                6.28318530717958647692F * ((float)i + offset + 0.5F) / N_ANGLE_BINS;
        }
    }
    return n;
}

static void unit_length(float v[DESCRIPTOR_BINS])
{
    float square = 0.0F;
    for (int i = 0; i < DESCRIPTOR_BINS; i++)
        square += v[i] * v[i];
    const float scale = 1.0F / (sqrtf(square) + 1.19209290e-7F);
    for (int i = 0; i < DESCRIPTOR_BINS; i++)
        v[i] *= scale;
}

void sift_normalise(float histogram[DESCRIPTOR_BINS])
{
    unit_length(histogram);
    for (int i = 0; i < DESCRIPTOR_BINS; i++)
        histogram[i] = histogram[i] > 0.2F ? 0.2F : histogram[i];
    unit_length(histogram);
}

void sift_quantise(const float descriptor[DESCRIPTOR_BINS], bool root, uint8_t *bytes)
{
    float sum = 0.0F;
    for (int i = 0; i < DESCRIPTOR_BINS; i++)
        sum += descriptor[i];
    const float scale = sum > 0.0F ? 1.0F / sum : 0.0F;
    for (int i = 0; i < DESCRIPTOR_BINS; i++) {
        const float unit = root ? sqrtf(descriptor[i] * scale) : descriptor[i];
        const float level = 512.0F * unit + 0.5F;
        bytes[i] = level >= 255.0F ? 255 : (uint8_t)level;
    }
}

static float wrap_angle(float angle)
{
    const float turn = 6.28318530717958647692F;
    angle = fmodf(angle, turn);
    if (angle < 0.0F)
        angle += turn;
    return angle < turn ? angle : 0.0F;
}

bovw_keypoint sift_keypoint(const bovw_image *grey, int octave, const spot *at, float angle)
{
    const float pixel = ldexpf(1.0F, octave);
    const float step_x = (float)grey->full_width / (float)grey->width;
    const float step_y = (float)grey->full_height / (float)grey->height;
    return (bovw_keypoint){.x = (at->x * pixel + 0.5F) * step_x - 0.5F,
                           .y = (at->y * pixel + 0.5F) * step_y - 0.5F,
                           .scale = at->sigma * pixel * sqrtf(step_x * step_y),
                           .angle = wrap_angle(angle)};
}

bovw_status sift_make_room(bovw_features *out, size_t n, bovw_error *err)
{
    out->n = (uint32_t)n;
    out->keypoints = mem_array(n, sizeof *out->keypoints);
    out->descriptors = mem_array(n, BOVW_DESCRIPTOR_DIM);
    return out->keypoints && out->descriptors ? BOVW_OK
                                              : fail_memory(err, "features of an image");
}
