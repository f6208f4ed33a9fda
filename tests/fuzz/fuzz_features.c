/* SPDX-License-Identifier: MIT
 *
 * Feature files, with their checksums as they are and made right.
 */
#include <stdlib.h>
#include <string.h>

#include "bovw/features.h"
#include "fuzz/fuzz.h"

static void try_file(const uint8_t *bytes, size_t n)
{
    bovw_feature_file *file;
    if (bovw_feature_file_open(fuzz_file("f.feat", bytes, n), &file, NULL) != BOVW_OK)
        return;
    for (uint32_t i = 0; i < bovw_feature_file_count(file); i++) {
        bovw_features features;
        const char *name = bovw_feature_file_name(file, i);
        const uint32_t found = bovw_feature_file_find(file, name);
        FUZZ_EXPECT(found == UINT32_MAX || found < bovw_feature_file_count(file));
        if (bovw_feature_file_read(file, i, &features, NULL) != BOVW_OK)
            continue;
        FUZZ_EXPECT(strcmp(features.name, name) == 0);
        bovw_features_crop(&features, 1, 1, 20, 20);
        bovw_features_free(&features);
    }
    bovw_feature_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    try_file(bytes, n);
    uint8_t *copy = fuzz_copy(bytes, n);
    fuzz_seal_features(copy, n);
    try_file(copy, n);
    free(copy);
    return 0;
}
