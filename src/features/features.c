/* SPDX-License-Identifier: MIT */
#include "bovw/features.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "features/read_image.h"

void bovw_features_free(bovw_features *features)
{
    free(features->name);
    free(features->keypoints);
    free(features->descriptors);
    *features = (bovw_features){0};
}

void bovw_features_crop(bovw_features *features, float x0, float y0, float x1, float y1)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < features->n; i++) {
        const bovw_keypoint *k = &features->keypoints[i];
        if (!(k->x > x0 && k->x < x1 && k->y > y0 && k->y < y1))
            continue;
        features->keypoints[kept] = *k;
        memmove(features->descriptors + (size_t)kept * BOVW_DESCRIPTOR_DIM,
                features->descriptors + (size_t)i * BOVW_DESCRIPTOR_DIM,
                BOVW_DESCRIPTOR_DIM);
        kept++;
    }
    features->n = kept;
    features->is_cropped = true;
    features->region[0] = x0;
    features->region[1] = y0;
    features->region[2] = x1;
    features->region[3] = y1;
}

bovw_status extract_bytes(bovw_extractor *extractor, const bovw_feature_options *opts,
                          const char *name, const uint8_t *bytes, size_t n_bytes,
                          bovw_features *features, bovw_error *err)
{
    bovw_image grey = {0};
    bovw_features out = {0};

    bovw_status status =
        bovw_image_decode(bytes, n_bytes, 1, opts->max_side, name, &grey, err);
    if (status != BOVW_OK)
        return status;
    status = bovw_extractor_run(extractor, &grey, &out, err);
    bovw_image_free(&grey);
    if (status != BOVW_OK) {
        fail_prefix(err, name);
        return status;
    }
    out.name = mem_text(name);
    if (!out.name) {
        bovw_features_free(&out);
        return fail_memory(err, name);
    }
    hash128(bytes, n_bytes, out.content_id);
    *features = out;
    return BOVW_OK;
}
