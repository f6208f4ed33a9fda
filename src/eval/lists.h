/* lists.h - ground truths with explicit lists of images for each query. */
#ifndef EVAL_LISTS_H
#define EVAL_LISTS_H

#include "eval/truth.h"

/* Begin; the truth owns what is made here. BOVW_ERR_NOMEM. */
bovw_status lists_begin(bovw_truth *truth, bovw_error *err);

/* Say what an image is to the query that was added last; the name is copied.
 * place is where the file says it, for messages, such as a line number.
 * BOVW_ERR_NOMEM. */
bovw_status lists_add(bovw_truth *truth, const char *name, bovw_judgement judgement,
                      uint32_t place, bovw_error *err);

/* Copy a text into the names without judging it; returns the copy, which lives
 * as long as the truth, or NULL without memory. */
const char *lists_name(bovw_truth *truth, const char *name);

/* Two entries for one image and query. */
typedef struct lists_clash {
    const char *query, *name;
    uint32_t place, first_place;
} lists_clash;

/*
 * Make the truth from what was added: count the relevant images, drop queries
 * without any, set names and judge.
 *
 * Where an image was listed twice for a query: *clash (NULL allowed) is filled
 * with the first such case and BOVW_ERR_CORRUPT returned, err untouched, for
 * the caller to word. With clash NULL it counts once; listed both as relevant
 * and as ignored it is taken out of rankings, but counts among those that there
 * are to find.
 * BOVW_ERR_CORRUPT with a text where no query is left; BOVW_ERR_NOMEM.
 */
bovw_status lists_end(bovw_truth *truth, lists_clash *clash, bovw_error *err);

#endif
