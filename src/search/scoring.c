/* SPDX-License-Identifier: MIT */
#include "search/scoring.h"

#include <stdlib.h>

#include "base/keys.h"
#include "base/memory.h"

/* In the order of bovw_score. */
static const scorer *const scorers[] = {&scorer_tfidf, &scorer_he, &scorer_asmk};

const scorer *scorer_find(bovw_score score)
{
    return (size_t)score < sizeof scorers / sizeof scorers[0] ? scorers[score] : NULL;
}

const char *bovw_score_name(bovw_score score, const char **summary)
{
    const scorer *found = scorer_find(score);
    if (found && summary)
        *summary = found->summary;
    return found ? found->name : NULL;
}

static const char *const tf_names[] = {"raw", "root", "binary"};
static const char *const burstiness_names[] = {"none", "intra", "both"};

const char *bovw_tf_name(bovw_tf tf)
{
    return (size_t)tf < sizeof tf_names / sizeof tf_names[0] ? tf_names[tf] : NULL;
}

const char *bovw_burstiness_name(bovw_burstiness burstiness)
{
    const size_t n = sizeof burstiness_names / sizeof burstiness_names[0];
    return (size_t)burstiness < n ? burstiness_names[burstiness] : NULL;
}

bovw_status scoring_init(scoring *s, const bovw_index *index,
                         const bovw_search_options *options, const char *kernel,
                         bovw_error *err)
{
    const scorer *found = scorer_find(options->score);
    if (!found)
        return fail(err, BOVW_ERR_ARG, "no score number %d", (int)options->score);
    s->index = index;
    s->options = options;
    if (options->assign > BOVW_MAX_ASSIGNED || options->match_assign > BOVW_MAX_ASSIGNED)
        return fail(err, BOVW_ERR_ARG, "a query feature has at most %d words",
                    BOVW_MAX_ASSIGNED);
    if (options->match_assign == 0 || options->match_threshold > 64)
        return fail(err, BOVW_ERR_ARG, "matches of %u words or with %u bits of 64",
                    options->match_assign, options->match_threshold);
    s->scores = mem_array(bovw_index_n_images(index), sizeof *s->scores);
    if (!s->scores)
        return fail_memory(err, "searcher");
    return found->init(s, kernel, err);
}

void scoring_free(scoring *s)
{
    free(s->scores);
    free(s->keys);
    free(s->spare);
    free(s->images);
    free(s->tfs);
    scan_free(s->scan);
    free(s->shares);
    free(s->sums);
    free(s->counts);
    free(s->touched);
    free(s->words);
    free(s->aggregates);
    free(s->squares);
    *s = (scoring){0};
}

bovw_status scoring_sort_words(scoring *s, const query_words *query, bovw_error *err)
{
    const size_t n = (size_t)query->n * query->r;
    if (!mem_grow(&s->keys, &s->keys_capacity, n, sizeof *s->keys) ||
        !mem_grow(&s->spare, &s->spare_capacity, n, sizeof *s->spare))
        return fail_memory(err, "words of a query");
    uint64_t *key = s->keys;
    for (uint32_t i = 0; i < query->n; i++) {
        for (uint32_t j = 0; j < query->r; j++)
            *key++ = (uint64_t)query->words[(size_t)i * query->stride + j] << 32 | i;
    }
    keys_sort(s->keys, s->spare, n);
    return BOVW_OK;
}

bovw_status scoring_mean(scoring *s, uint32_t n_sources, terms *all, bovw_error *err)
{
    (void)s;
    (void)err;
    for (size_t i = 0; i < all->n; i++)
        all->items[i].weight /= n_sources;
    return BOVW_OK;
}
