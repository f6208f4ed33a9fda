/* measures.h - which ground truths a measure belongs to. */
#ifndef EVAL_MEASURES_H
#define EVAL_MEASURES_H

#include <stddef.h>

/* Name of the only kind of ground truth whose tables show the measure; NULL
 * where all do. */
const char *measure_kind(size_t i);

#endif
