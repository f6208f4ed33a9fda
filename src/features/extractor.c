/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "features/read_image.h"
#include "features/sift.h"

enum {
    MIN_SIDE = 16, /* below this there is no room for one descriptor */
    MAX_SIDE = 8192
};

struct bovw_extractor {
    bovw_feature_options options;
    sift_fast *fast; /* one of the two */
    sift_vlfeat *vlfeat;
};

const char *bovw_extractor_name(size_t i)
{
    static const char *const names[] = {"fast", "vlfeat"};
    return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

bovw_status bovw_extractor_new(const bovw_feature_options *opts,
                               const bovw_compute *compute, bovw_extractor **extractor,
                               bovw_error *err)
{
    const char *name = compute && compute->extractor ? compute->extractor : "fast";
    bovw_status status = bovw_feature_options_check(opts, err);
    if (status != BOVW_OK)
        return status;
    bovw_extractor *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "feature extractor");
    made->options = *opts;
    if (strcmp(name, "fast") == 0)
        status = sift_fast_new(opts, compute, &made->fast, err);
    else if (strcmp(name, "vlfeat") == 0 && opts->detector != BOVW_DETECTOR_DOG)
        status =
            fail(err, BOVW_ERR_ARG, "extractor vlfeat has no detector %s, only %s",
                 bovw_detector_name(opts->detector), bovw_detector_name(BOVW_DETECTOR_DOG));
    else if (strcmp(name, "vlfeat") == 0)
        status = sift_vlfeat_new(opts, &made->vlfeat, err);
    else
        status =
            fail(err, BOVW_ERR_ARG, "no extractor \"%s\", there are: fast, vlfeat", name);
    if (status == BOVW_OK)
        *extractor = made;
    else
        free(made);
    return status;
}

void bovw_extractor_free(bovw_extractor *extractor)
{
    if (!extractor)
        return;
    sift_fast_free(extractor->fast);
    sift_vlfeat_free(extractor->vlfeat);
    free(extractor);
}

bovw_status bovw_extractor_run(bovw_extractor *extractor, const bovw_image *grey,
                               bovw_features *features, bovw_error *err)
{
    bovw_features out = {.width = grey->full_width, .height = grey->full_height};

    if (grey->channels != 1)
        return fail(err, BOVW_ERR_ARG, "features need a grey image, not %u channels",
                    grey->channels);
    if (grey->width < MIN_SIDE || grey->height < MIN_SIDE)
        return fail(err, BOVW_ERR_LIMIT, "%u x %u pixels are too few (at least %d a side)",
                    grey->width, grey->height, MIN_SIDE);
    if (grey->width > MAX_SIDE || grey->height > MAX_SIDE)
        return fail(err, BOVW_ERR_LIMIT, "%u x %u pixels were not scaled to %d a side",
                    grey->width, grey->height, MAX_SIDE);
    const bovw_status status = extractor->fast
                                   ? sift_fast_run(extractor->fast, grey, &out, err)
                                   : sift_vlfeat_run(extractor->vlfeat, grey, &out, err);
    if (status == BOVW_OK)
        *features = out;
    else
        bovw_features_free(&out);
    return status;
}

bovw_status bovw_extractor_run_file(bovw_extractor *extractor, const char *path,
                                    bovw_features *features, bovw_error *err)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    bovw_status status = file_read(path, MAX_PICTURE_BYTES, &bytes, &n_bytes, err);
    if (status != BOVW_OK)
        return status;
    status =
        extract_bytes(extractor, &extractor->options, path, bytes, n_bytes, features, err);
    free(bytes);
    return status;
}
