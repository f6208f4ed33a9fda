/* classes.h - ground truths whose images fall into groups: what is relevant to
 * a query follows from its group. */
#ifndef EVAL_CLASSES_H
#define EVAL_CLASSES_H

#include "eval/truth.h"

enum {
    NO_CLASS = UINT32_MAX
};

typedef struct class_image {
    const char *name;  /* all different; kept by the truth */
    uint32_t group;    /* images of one group are relevant to each other */
    uint32_t family;   /* of other groups, ignored; NO_CLASS: none */
    bool is_query;     /* is it one, where its group has something to find? */
    bool is_outside;   /* not part of the database: ignored by every query */
    const char *set;   /* of the query; kept by the truth */
    const char *label; /* of its group, or ""; kept by the truth */
} class_image;

/* Fill names, queries and rules from images (n,), whose groups are numbers
 * below n. counts_self: the query itself is relevant, else it is ignored.
 * Without any query n_queries is 0, which is the caller's to refuse.
 * BOVW_ERR_NOMEM. */
bovw_status classes_make(bovw_truth *truth, const class_image *images, uint32_t n,
                         bool counts_self, bovw_error *err);

/* Group and family of a name of the truth; false where its images have no groups. */
bool classes_get(const bovw_truth *truth, uint32_t name, uint32_t *group, uint32_t *family);

#endif
