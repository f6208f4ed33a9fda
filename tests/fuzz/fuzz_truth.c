/* SPDX-License-Identifier: MIT
 *
 * Ground truths; the first byte says of which kind. Oxford's are four files,
 * separated by zero bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bovw/eval.h"
#include "fuzz/fuzz.h"

static void use(const bovw_truth *truth)
{
    static const char *const names[] = {"a.jpg", "x/b.jpg", "100000.jpg", "100001.jpg"};
    bovw_binding *binding;
    FUZZ_EXPECT(bovw_truth_n_queries(truth) > 0);
    FUZZ_EXPECT(bovw_binding_new(truth, names, 4, &binding, NULL, NULL) == BOVW_OK);
    for (uint32_t q = 0; q < bovw_truth_n_queries(truth) && q < 100; q++) {
        FUZZ_EXPECT(bovw_truth_get(truth, q).name && bovw_truth_get(truth, q).picture);
        FUZZ_EXPECT(bovw_truth_n_relevant(truth, q) >= 1);
        for (uint32_t i = 0; i < 4; i++)
            FUZZ_EXPECT(bovw_binding_judge(binding, q, i) <= BOVW_IGNORED);
    }
    bovw_binding_free(binding);
}

static void write_oxford(const uint8_t *bytes, size_t n)
{
    static const char *const names[] = {"q_query.txt", "q_good.txt", "q_ok.txt",
                                        "q_junk.txt"};
    for (int i = 0; i < 4; i++) {
        const uint8_t *end = n > 0 ? memchr(bytes, 0, n) : NULL;
        const size_t length = end && i < 3 ? (size_t)(end - bytes) : n;
        fuzz_file(names[i], bytes, length);
        bytes += length + (end && i < 3);
        n -= length + (end && i < 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const files[] = {"groups", "qrels", "revisited"};
    char spec[600];
    bovw_truth *truth;
    if (n == 0)
        return 0;
    const int kind = bytes[0] % 5;
    if (kind < 3) {
        snprintf(spec, sizeof spec, "%s:%s", files[kind],
                 fuzz_file("truth", bytes + 1, n - 1));
    } else if (kind == 3) {
        fuzz_file("holidays_images.dat", bytes + 1, n - 1);
        snprintf(spec, sizeof spec, "holidays:%s", fuzz_folder());
    } else {
        write_oxford(bytes + 1, n - 1);
        snprintf(spec, sizeof spec, "oxford:%s", fuzz_folder());
    }
    if (bovw_truth_open(spec, &truth, NULL) == BOVW_OK) {
        use(truth);
        bovw_truth_close(truth);
    }
    return 0;
}
