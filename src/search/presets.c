/* SPDX-License-Identifier: MIT
 *
 * Ways of searching under names that stay. What a name stands for changes only
 * with a new major version, so that a figure can be repeated. */
#include <string.h>

#include "base/error.h"
#include "bovw/search.h"

typedef struct preset {
    const char *name, *summary;
    bovw_score score;
    uint32_t verify, expand;
} preset;

static const preset presets[] = {
    {"baseline", "textbook: tf-idf, cosine", BOVW_SCORE_TFIDF, 0, 0},
    {"fast", "Hamming embedding with burstiness", BOVW_SCORE_HE, 0, 0},
    {"best", "the same, 200 images verified, expansion by 10", BOVW_SCORE_HE, 200, 10},
};

enum {
    N_PRESETS = sizeof presets / sizeof presets[0]
};

const char *bovw_preset_name(size_t i, const char **summary)
{
    if (i >= N_PRESETS)
        return NULL;
    if (summary)
        *summary = presets[i].summary;
    return presets[i].name;
}

bovw_status bovw_search_options_preset(bovw_search_options *opts, const char *name,
                                       bovw_error *err)
{
    size_t i = 0;
    while (i < N_PRESETS && strcmp(name, presets[i].name) != 0)
        i++;
    if (i == N_PRESETS)
        return fail(err, BOVW_ERR_ARG, "no preset \"%s\", there are: baseline, fast, best",
                    name);
    const uint32_t top = opts->top;
    bovw_search_options_default(opts);
    opts->top = top;
    opts->preset = presets[i].name;
    opts->score = presets[i].score;
    opts->verify = presets[i].verify;
    opts->expand = presets[i].expand;
    return BOVW_OK;
}
