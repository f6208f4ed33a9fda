/* rank_lsh.h - the part of `bovw rank` that searches by hashing. */
#ifndef CLI_RANK_LSH_H
#define CLI_RANK_LSH_H

#include <argp.h>

#include "bovw/lsh.h"
#include "cli/console.h"

typedef struct rank_lsh {
    bovw_lsh_options opts;
    const char *html, *curve; /* files to write, or NULL */
    const char *option;       /* the first that only hashing knows, or NULL */
} rank_lsh;

void rank_lsh_default(rank_lsh *input);
extern const struct argp rank_lsh_argp; /* input: rank_lsh */

/* Choose, fill the tables, search, measure if asked to, and say what was done. foot is
 * for the page. */
bovw_status rank_lsh_run(const rank_lsh *input, const bovw_vectors *db,
                         const bovw_vectors *queries, const bovw_rank_options *rank,
                         const char *foot, console *out, const bovw_compute *compute,
                         bovw_neighbour_consumer *consume, void *context, bovw_error *err);

#endif
