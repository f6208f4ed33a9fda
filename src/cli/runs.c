/* SPDX-License-Identifier: MIT */
#include "cli/runs.h"

#include <stdlib.h>

#include "base/memory.h"

bovw_status runs_open(const arguments *paths, bovw_run ***runs, bovw_error *err)
{
    bovw_run **opened = mem_array(paths->n, sizeof(bovw_run *));
    bovw_status status = opened ? BOVW_OK : fail_memory(err, "runs");
    for (size_t i = 0; status == BOVW_OK && i < paths->n; i++)
        status = bovw_run_open(paths->items[i], &opened[i], err);
    if (status != BOVW_OK) {
        runs_close(opened, paths->n);
        return status;
    }
    *runs = opened;
    return BOVW_OK;
}

void runs_close(bovw_run **runs, size_t n)
{
    for (size_t i = 0; runs && i < n; i++)
        bovw_run_close(runs[i]);
    free(runs);
}
