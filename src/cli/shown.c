/* SPDX-License-Identifier: MIT */
#include "cli/shown.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/common.h"

bovw_status shown_make(const bovw_index *index, const bovw_features *query,
                       const bovw_search_options *opts, const bovw_ranking *ranking,
                       size_t n, const bovw_compute *compute, shown *made, bovw_error *err)
{
    made->n = n < ranking->n ? n : ranking->n;
    made->results = mem_array(made->n, sizeof *made->results);
    made->counts = mem_array(made->n, sizeof *made->counts);
    if (!made->results || !made->counts)
        return fail_memory(err, "results of a page");
    const bovw_status status =
        bovw_page_find_matches(index, query, opts, compute, ranking->hits,
                               (uint32_t)made->n, made->counts, &made->matches, err);
    if (status != BOVW_OK)
        return status;
    const bovw_page_match *matches = made->matches;
    for (size_t i = 0; i < made->n; i++) {
        const bovw_image_info info = bovw_index_image(index, ranking->hits[i].image);
        made->results[i] = (bovw_page_result){.name = info.name,
                                              .picture = picture_of(info.name),
                                              .width = info.width,
                                              .height = info.height,
                                              .hit = ranking->hits[i],
                                              .matches = matches,
                                              .n_matches = made->counts[i]};
        matches += made->counts[i];
    }
    return BOVW_OK;
}

void shown_free(shown *made)
{
    free(made->results);
    free(made->counts);
    free(made->matches);
    *made = (shown){0};
}

size_t shown_count(const bovw_judgement *judgements, size_t n)
{
    size_t n_shown = 0, n_ranks = 0;
    while (n_shown < n && n_shown < SHOWN_MOST && n_ranks < SHOWN_RANKS)
        n_ranks += judgements[n_shown++] != BOVW_IGNORED;
    return n_shown;
}

bovw_status shown_add_judged(bovw_page *page, const bovw_truth *truth, uint32_t query,
                             const bovw_features *features,
                             const bovw_page_ranking *rankings, bovw_error *err)
{
    const bovw_truth_query q = bovw_truth_get(truth, query);
    char *picture = NULL;

    /* One that is not there leaves its reason on the page. */
    if (bovw_truth_picture(truth, query, &picture, NULL) != BOVW_OK)
        picture = mem_text(q.picture);
    if (!picture)
        return fail_memory(err, q.name);
    const bovw_page_query shown_query = {.name = q.name,
                                         .picture = picture,
                                         .width = features ? features->width : 0,
                                         .height = features ? features->height : 0,
                                         .region = q.has_region ? q.region : NULL,
                                         .n_features = features ? features->n : 0,
                                         .set = q.set,
                                         .n_relevant = bovw_truth_n_relevant(truth, query),
                                         .rankings = rankings};
    const bovw_status status = bovw_page_add(page, &shown_query, err);
    free(picture);
    return status;
}

char *shown_foot(const char *command_line, const char *path, const bovw_index *index,
                 const bovw_search_options *search)
{
    char scoring[SEARCH_TEXT], options[BOVW_FEATURE_OPTIONS_TEXT];
    const bovw_vocabulary *vocabulary = bovw_index_vocabulary(index);

    bovw_feature_options_format(bovw_vocabulary_options(vocabulary), options);
    return mem_format("%s\n%s: %u images, %" PRIu64 " features\n"
                      "vocabulary %s: %s\n%s\n%s\nbovw %s",
                      command_line ? command_line : "", path, bovw_index_n_images(index),
                      bovw_index_n_features(index), bovw_vocabulary_id(vocabulary),
                      bovw_vocabulary_summary(vocabulary), options,
                      search_text(search, scoring), bovw_version());
}
