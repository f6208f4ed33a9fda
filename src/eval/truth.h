/* truth.h - what every kind of ground truth comes down to.
 *
 * A truth is a list of distinct image names, a list of queries, and a judge:
 * a function of the kind that says what the image of one name is to one query.
 * Kinds whose images fall into groups share the judge of classes.h; kinds with
 * explicit lists share that of lists.h. The rest (binding to a database,
 * pictures, accessors) is the same for all.
 */
#ifndef EVAL_TRUTH_H
#define EVAL_TRUTH_H

#include "base/error.h"
#include "base/names.h"
#include "bovw/eval.h"

typedef struct truth_query {
    bovw_truth_query shown;
    uint32_t n_relevant; /* at least 1 */
} truth_query;

typedef bovw_judgement truth_judge(const void *rules, uint32_t query, uint32_t name);

typedef struct truth_kind {
    const char *name;
    const char *summary; /* one line for help texts */
    /* Pictures of a truth in DIR/FILE are also looked for in this folder
     * beside them, or NULL. */
    const char *pictures;
    const char *suffix;       /* of pictures that are named without it, or NULL */
    bool has_common_rankings; /* sets share their rankings; see eval.h */
    /* Fill a truth that has its path and is zero otherwise. Whatever a failure
     * leaves in it, the caller frees. */
    bovw_status (*open)(bovw_truth *truth, bovw_error *err);
} truth_kind;

struct bovw_truth {
    const truth_kind *kind;
    char *path;   /* as given; "-" is standard input */
    char *folder; /* that pictures are looked for from, with its slash, or "" */
    char **texts; /* (n_texts,) owned; names and queries point into them */
    size_t n_texts, texts_capacity;
    const char *const *names; /* (n_names,) images that the truth names, all different */
    uint32_t n_names;
    truth_query *queries; /* (n_queries,) */
    uint32_t n_queries;
    size_t queries_capacity;
    truth_judge *judge; /* query in [0, n_queries), name in [0, n_names); O(log) */
    void *rules;        /* what the judge needs; owns names */
    void (*rules_free)(void *rules); /* NULL allowed where rules is NULL */
};

/* A new kind is one file, a line here, and a line in truth.c. */
extern const truth_kind truth_groups;
extern const truth_kind truth_oxford;
extern const truth_kind truth_revisited;
extern const truth_kind truth_holidays;
extern const truth_kind truth_ukbench;
extern const truth_kind truth_copydays;
extern const truth_kind truth_qrels;

/* The truth's path as error texts have it. */
const char *truth_label(const bovw_truth *truth);

/* Keep a text (taken, also on failure) as long as the truth; returns it, or
 * NULL without memory, which includes text NULL. */
char *truth_keep(bovw_truth *truth, char *text);

/* "all_souls" of "all_souls_000013" or "all_souls_1"; a name without a number
 * is its own. NULL without memory. */
const char *truth_landmark(bovw_truth *truth, const char *name);

/* Append a query. BOVW_ERR_NOMEM. */
bovw_status truth_add_query(bovw_truth *truth, const truth_query *query, bovw_error *err);

/* The name in the table that a name or picture of the truth stands for, with its
 * suffix or without; NAME_NONE. scratch is from truth_name_scratch(): room for
 * any name with a suffix, the caller's, NULL without memory. */
uint32_t truth_find_name(const bovw_truth *truth, const name_table *table, const char *name,
                         char *scratch);
char *truth_name_scratch(const bovw_truth *truth);

/* For kinds of a folder. Its files are listed, in FOLDER itself and, where it
 * has none that fit, in its folder kind->pictures. Calls add for each name that
 * ends with the kind's suffix. BOVW_ERR_CORRUPT where none does. */
bovw_status truth_list_pictures(const bovw_truth *truth,
                                bovw_status (*add)(void *context, const char *name,
                                                   bovw_error *err),
                                void *context, bovw_error *err);

#endif
