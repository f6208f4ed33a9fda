/* pictures.h - ground truths that are told by the names of a folder's pictures. */
#ifndef EVAL_PICTURES_H
#define EVAL_PICTURES_H

#include "eval/classes.h"

/* Pictures as they are collected. Names are texts of the truth. */
typedef struct picture_set {
    bovw_truth *truth;
    class_image *images; /* (n,) */
    uint32_t n;
    size_t capacity;
} picture_set;

/* Append; image.name is copied. BOVW_ERR_NOMEM. */
bovw_status picture_set_add(picture_set *set, class_image image, bovw_error *err);

/* The number that the name has between prefix and ".jpg", exactly n_digits
 * long; NO_CLASS where the name is another. */
uint32_t picture_number(const char *name, const char *prefix, size_t n_digits);

/* Turn the groups, which are any numbers, into numbers below n, and make the
 * truth. BOVW_ERR_CORRUPT where no picture is a query; BOVW_ERR_NOMEM. Frees
 * the set, also on failure. */
bovw_status picture_set_end(picture_set *set, bool counts_self, bovw_error *err);

#endif
