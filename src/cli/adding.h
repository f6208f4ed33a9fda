/* adding.h - add images to an index and say how it went: the part that index
 * create and index add share. */
#ifndef CLI_ADDING_H
#define CLI_ADDING_H

#include "bovw/index.h"
#include "cli/common.h"
#include "cli/console.h"

typedef struct adding {
    common_options common;
    bovw_add_options opts;
    const char *index; /* path */
    arguments paths;
} adding;

/* --batch; input: bovw_add_options. */
extern const struct argp adding_argp;

/* Open the paths with the features of the vocabulary. BOVW_ERR_ARG if there
 * is no picture among them. */
bovw_status adding_open(const adding *a, const bovw_vocabulary *vocabulary,
                        const bovw_monitor *monitor, bovw_source **source, bovw_error *err);

/* Add the source to the index; prints errors and a summary, returns the exit
 * status. */
int adding_run(const adding *a, bovw_source *source, const bovw_monitor *monitor,
               console *out);

#endif
