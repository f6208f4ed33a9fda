/* postings_codes.h - the postings of a segment in several codes: their bytes beside what
 * information theory asks for, and the time to decode them. */
#ifndef BENCH_POSTINGS_CODES_H
#define BENCH_POSTINGS_CODES_H

#include "index/segment.h"

void postings_codes_compare(const segment *s);

#endif
