/* SPDX-License-Identifier: MIT
 *
 * TREC runs, and measuring them under a small ground truth.
 */
#include <stdio.h>

#include "bovw/compare.h"
#include "fuzz/fuzz.h"

static void measure(const bovw_run *run)
{
    static const uint8_t groups[] = "image\tgroup\tfamily\n"
                                    "a.jpg\t1\tx\n"
                                    "b.jpg\t1\tx\n"
                                    "b/c.jpg\t2\tx\n"
                                    "d.jpg\t2\ty\n";
    static bovw_truth *truth;
    double values[4 * BOVW_MAX_MEASURES];
    if (!truth) {
        char spec[600];
        snprintf(spec, sizeof spec, "groups:%s",
                 fuzz_file("truth.tsv", groups, sizeof groups - 1));
        FUZZ_EXPECT(bovw_truth_open(spec, &truth, NULL) == BOVW_OK);
        FUZZ_EXPECT(bovw_truth_n_queries(truth) == 4);
    }
    FUZZ_EXPECT(bovw_run_evaluate(run, truth, values, NULL, NULL) == BOVW_OK);
    for (int q = 0; q < 4; q++)
        FUZZ_EXPECT(values[q * BOVW_MAX_MEASURES] >= 0 &&
                    values[q * BOVW_MAX_MEASURES] <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    bovw_run *run;
    if (bovw_run_open(fuzz_file("run", bytes, n), &run, NULL) != BOVW_OK)
        return 0;
    for (uint32_t q = 0; q < bovw_run_n_queries(run); q++)
        FUZZ_EXPECT(bovw_run_query(run, q)[0]);
    for (uint32_t i = 0; i < bovw_run_n_images(run); i++)
        FUZZ_EXPECT(bovw_run_image(run, i)[0]);
    measure(run);
    bovw_run_close(run);
    return 0;
}
