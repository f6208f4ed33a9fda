/* compare_page.h - the page of a comparison. */
#ifndef CLI_COMPARE_PAGE_H
#define CLI_COMPARE_PAGE_H

#include "bovw/report.h"

typedef struct compare_page {
    const bovw_comparison *comparison;
    const bovw_run *const *runs; /* (n_runs of the comparison,) */
    const char *truth_path;      /* pictures are looked for beside it too */
} compare_page;

/* Put the queries of the truth on a page that was opened for its runs: the first
 * results of each, judged. */
bovw_status compare_page_fill(const compare_page *c, bovw_page *page, bovw_error *err);

#endif
