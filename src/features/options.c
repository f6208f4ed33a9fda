/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "bovw/features.h"

static const char *const detector_names[] = {
    [BOVW_DETECTOR_DOG] = "dog",
    [BOVW_DETECTOR_HESSIAN] = "hessian",
    [BOVW_DETECTOR_DOG_AFFINE] = "dog-affine",
    [BOVW_DETECTOR_HESSIAN_AFFINE] = "hessian-affine",
};

enum {
    N_DETECTORS = sizeof detector_names / sizeof detector_names[0]
};

const char *bovw_detector_name(size_t i)
{
    return i < N_DETECTORS ? detector_names[i] : NULL;
}

/* Only where it is set: texts of files that are older than it stay canonical. */
static const char upright_text[] = " upright=1";

void bovw_feature_options_default(bovw_feature_options *opts)
{
    *opts = (bovw_feature_options){.max_side = 1024,
                                   .max_features = 2000,
                                   .first_octave = -1,
                                   .peak_threshold = 1.0F,
                                   .edge_threshold = 10.0F,
                                   .root = true};
}

bovw_status bovw_feature_options_check(const bovw_feature_options *opts, bovw_error *err)
{
    if (opts->max_side < 16 || opts->max_side > 8192)
        return fail(err, BOVW_ERR_ARG, "max side %u is not in [16, 8192] pixels",
                    opts->max_side);
    if (opts->max_features > 1000000)
        return fail(err, BOVW_ERR_ARG, "max features %u is above 1,000,000",
                    opts->max_features);
    if (opts->first_octave < -1 || opts->first_octave > 3)
        return fail(err, BOVW_ERR_ARG, "first octave %d is not in [-1, 3]",
                    opts->first_octave);
    if (!(opts->peak_threshold >= 0.0F && opts->peak_threshold <= 255.0F))
        return fail(err, BOVW_ERR_ARG, "peak threshold %g is not in [0, 255]",
                    (double)opts->peak_threshold);
    if (!(opts->edge_threshold >= 1.0F && opts->edge_threshold <= 1000.0F))
        return fail(err, BOVW_ERR_ARG, "edge threshold %g is not in [1, 1000]",
                    (double)opts->edge_threshold);
    if ((size_t)opts->detector >= N_DETECTORS)
        return fail(err, BOVW_ERR_ARG, "there is no detector %d", (int)opts->detector);
    return BOVW_OK;
}

void bovw_feature_options_format(const bovw_feature_options *opts,
                                 char text[BOVW_FEATURE_OPTIONS_TEXT])
{
    snprintf(text, BOVW_FEATURE_OPTIONS_TEXT,
             "%s-sift first-octave=%d peak=%.6g edge=%.6g max-side=%u max-features=%u "
             "root=%d%s",
             detector_names[opts->detector], opts->first_octave,
             (double)opts->peak_threshold, (double)opts->edge_threshold, opts->max_side,
             opts->max_features, opts->root ? 1 : 0, opts->upright ? upright_text : "");
}

/* The detector that a text begins with; the first where there is none. */
static bovw_detector parse_detector(const char *text)
{
    for (size_t i = 0; i < N_DETECTORS; i++) {
        const size_t n = strlen(detector_names[i]);
        if (strncmp(text, detector_names[i], n) == 0 && strncmp(text + n, "-sift ", 6) == 0)
            return (bovw_detector)i;
    }
    return BOVW_DETECTOR_DOG;
}

bovw_status bovw_feature_options_parse(const char *text, bovw_feature_options *opts,
                                       bovw_error *err)
{
    bovw_feature_options read = {0};
    int root = 0;
    char again[BOVW_FEATURE_OPTIONS_TEXT];

    const int n = sscanf(text,
                         "%*[a-z-] first-octave=%d peak=%f edge=%f max-side=%u "
                         "max-features=%u root=%d",
                         &read.first_octave, &read.peak_threshold, &read.edge_threshold,
                         &read.max_side, &read.max_features, &root);
    read.root = root == 1;
    read.detector = parse_detector(text);
    read.upright = strstr(text, upright_text) != NULL;
    if (n != 6 || bovw_feature_options_check(&read, err) != BOVW_OK)
        return fail(err, BOVW_ERR_CORRUPT, "not feature options: \"%.100s\"", text);
    /* Only the canonical spelling counts, so that options compare as text. */
    bovw_feature_options_format(&read, again);
    if (strcmp(again, text) != 0)
        return fail(err, BOVW_ERR_CORRUPT, "not feature options: \"%.100s\"", text);
    *opts = read;
    return BOVW_OK;
}

bovw_status bovw_feature_options_match(const char *a_name, const bovw_feature_options *a,
                                       const char *b_name, const bovw_feature_options *b,
                                       bovw_error *err)
{
    char a_text[BOVW_FEATURE_OPTIONS_TEXT], b_text[BOVW_FEATURE_OPTIONS_TEXT];
    bovw_feature_options_format(a, a_text);
    bovw_feature_options_format(b, b_text);
    if (strcmp(a_text, b_text) == 0)
        return BOVW_OK;
    return fail(err, BOVW_ERR_MISMATCH, "%s was made with \"%s\", but %s with \"%s\"",
                a_name, a_text, b_name, b_text);
}
