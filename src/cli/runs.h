/* runs.h - the RUN arguments of a command. */
#ifndef CLI_RUNS_H
#define CLI_RUNS_H

#include "bovw/compare.h"
#include "cli/common.h"

/* Open all; *runs is (paths->n,). */
bovw_status runs_open(const arguments *paths, bovw_run ***runs, bovw_error *err);
void runs_close(bovw_run **runs, size_t n); /* NULL allowed */

#endif
