/* evaluation.h - run the queries of a ground truth against an index. */
#ifndef CLI_EVALUATION_H
#define CLI_EVALUATION_H

#include "bovw/eval.h"
#include "bovw/report.h"
#include "bovw/search.h"
#include "cli/console.h"

/* What one query came to; zeros where its picture could not be read. */
typedef struct measured_query {
    bool is_done;
    double values[BOVW_MAX_MEASURES];
    bovw_timings seconds;
} measured_query;

typedef struct evaluation {
    /* Borrowed. */
    const bovw_index *index;
    const bovw_truth *truth;
    const bovw_binding *binding;
    const bovw_search_options *search;
    const bovw_compute *compute;
    bovw_run_writer *run; /* or NULL */
    bovw_page *page;      /* or NULL */
    console *out;

    measured_query *queries; /* (n_queries of the truth,) zeros at the start */
} evaluation;

/* Queries from their pictures; those that cannot be read are reported as
 * skipped. */
bovw_status evaluate_pictures(evaluation *e, const bovw_monitor *monitor, bovw_error *err);

/* Queries by name from a feature file; those that it lacks are skipped. */
bovw_status evaluate_features(evaluation *e, const char *path, const bovw_monitor *monitor,
                              bovw_error *err);

/* Put the queries that were not measured on the page too, where they count as
 * they do in the measures: nothing was found. */
bovw_status evaluation_show_missing(evaluation *e, bovw_error *err);

#endif
