/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "base/bytes.h"
#include "index/segment_layout.h"

/* Scales of 1/4 to 2^13.9 pixels in steps of a sixteenth of an octave. */
static const float scale_steps = 16.0F;
static const float scale_origin = -2.0F;
static const float turn = 6.28318530717958647692F;

static uint32_t quantise(float value, uint32_t top)
{
    if (!(value > 0.0F))
        return 0;
    return value >= (float)top ? top : (uint32_t)(value + 0.5F);
}

void keypoint_encode(const bovw_keypoint *keypoint, uint32_t width, uint32_t height,
                     uint8_t bytes[KEYPOINT_BYTES])
{
    const float x = (keypoint->x + 0.5F) / (float)width;
    const float y = (keypoint->y + 0.5F) / (float)height;
    const float octave = log2f(keypoint->scale > 0.0F ? keypoint->scale : 0.25F);

    store_le16(bytes, (uint16_t)quantise(x * 65535.0F, 65535));
    store_le16(bytes + 2, (uint16_t)quantise(y * 65535.0F, 65535));
    bytes[4] = (uint8_t)quantise((octave - scale_origin) * scale_steps, 255);
    bytes[5] = (uint8_t)(quantise(keypoint->angle / turn * 256.0F, 256) & 255);
}

void keypoint_decode(const uint8_t bytes[KEYPOINT_BYTES], uint32_t width, uint32_t height,
                     bovw_keypoint *keypoint)
{
    keypoint->x = (float)load_le16(bytes) / 65535.0F * (float)width - 0.5F;
    keypoint->y = (float)load_le16(bytes + 2) / 65535.0F * (float)height - 0.5F;
    keypoint->scale = exp2f((float)bytes[4] / scale_steps + scale_origin);
    keypoint->angle = (float)bytes[5] / 256.0F * turn;
}
