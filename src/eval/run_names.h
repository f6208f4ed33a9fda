/* run_names.h - names in TREC files: what would part a line is percent-encoded. */
#ifndef EVAL_RUN_NAMES_H
#define EVAL_RUN_NAMES_H

#include <stdbool.h>

/* Write name percent-encoded at `to`, which has room for three bytes for each
 * of name's and a zero. Returns the end. */
char *run_name_encode(char *to, const char *name);

/* Decode in place; a '%' without two hexadecimal digits stands for itself.
 * False where the name has a zero byte (%00). */
bool run_name_decode(char *name);

#endif
