/* SPDX-License-Identifier: MIT
 *
 * The texts that options are kept as: what is read is written as it can be read.
 */
#include <stdlib.h>
#include <string.h>

#include "bovw/index.h"
#include "fuzz/fuzz.h"

static void try_features(const char *text)
{
    bovw_feature_options opts, again;
    char written[BOVW_FEATURE_OPTIONS_TEXT], rewritten[BOVW_FEATURE_OPTIONS_TEXT];
    if (bovw_feature_options_parse(text, &opts, NULL) != BOVW_OK)
        return;
    bovw_feature_options_format(&opts, written);
    FUZZ_EXPECT(bovw_feature_options_parse(written, &again, NULL) == BOVW_OK);
    bovw_feature_options_format(&again, rewritten);
    FUZZ_EXPECT(strcmp(written, rewritten) == 0);
}

static void try_signatures(const char *text)
{
    uint32_t signatures, again;
    char written[BOVW_SIGNATURES_TEXT];
    if (bovw_signatures_parse(text, &signatures, NULL) != BOVW_OK)
        return;
    bovw_signatures_format(signatures, written);
    FUZZ_EXPECT(bovw_signatures_parse(written, &again, NULL) == BOVW_OK);
    FUZZ_EXPECT(again == signatures);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = (char *)fuzz_copy(bytes, n);
    text[n] = '\0';
    try_features(text);
    try_signatures(text);
    free(text);
    return 0;
}
