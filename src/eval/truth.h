/* truth.h - what every kind of ground truth comes down to.
 *
 * A truth is a list of distinct image names, a list of queries, and a judge:
 * a function of the kind that says what the image of one name is to one query.
 * A kind whose judgements follow a rule computes them (groups compares the
 * groups of two names); a kind with explicit lists keeps in `rules`, per query,
 * the relevant and the ignored names by their index, and looks them up. The
 * rest (binding to a database, pictures, accessors) is the same for all.
 */
#ifndef EVAL_TRUTH_H
#define EVAL_TRUTH_H

#include "bovw/eval.h"

typedef struct truth_query {
    bovw_truth_query shown;
    const char *picture; /* name of the file that shows it */
    uint32_t n_relevant; /* at least 1 */
} truth_query;

typedef bovw_judgement truth_judge(const void *rules, uint32_t query, uint32_t name);

struct bovw_truth {
    char *path;         /* as given; "-" is standard input */
    char *text;         /* contents of the file: texts point into it */
    const char **names; /* (n_names,) images that the truth names, all different */
    uint32_t n_names;
    truth_query *queries; /* (n_queries,) */
    uint32_t n_queries;
    truth_judge *judge; /* query in [0, n_queries), name in [0, n_names); O(1) */
    void *rules;        /* what the judge needs */
    void (*rules_free)(void *rules); /* NULL allowed where rules is NULL */
};

typedef struct truth_kind {
    const char *name;
    const char *summary; /* one line for help texts */
    /* Fill a truth that has its path and is zero otherwise. Whatever a failure
     * leaves in it, the caller frees. */
    bovw_status (*open)(bovw_truth *truth, bovw_error *err);
} truth_kind;

extern const truth_kind truth_groups;

/* The truth's path as error texts have it. */
const char *truth_label(const bovw_truth *truth);

#endif
