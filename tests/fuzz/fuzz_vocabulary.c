/* SPDX-License-Identifier: MIT
 *
 * Vocabularies, with their checksums as they are and made right: what opens can
 * be used and written again.
 */
#include <stdlib.h>
#include <string.h>

#include "bovw/vocabulary.h"
#include "fuzz/fuzz.h"

static void use(const bovw_vocabulary *vocabulary)
{
    enum {
        N = 3,
        R = 2
    };
    uint8_t descriptors[N * BOVW_DESCRIPTOR_DIM];
    uint32_t words[N * R], distances[N * R];
    uint64_t signatures[N * R * 2];
    const uint32_t k = bovw_vocabulary_size(vocabulary), r = k < R ? k : R;
    for (size_t i = 0; i < sizeof descriptors; i++)
        descriptors[i] = (uint8_t)(i * 37);
    FUZZ_EXPECT(strlen(bovw_vocabulary_id(vocabulary)) == 32);
    FUZZ_EXPECT(bovw_vocabulary_assign_multiple(vocabulary, descriptors, N, r, NULL, words,
                                                distances, NULL) == BOVW_OK);
    for (uint32_t i = 0; i < N * r; i++)
        FUZZ_EXPECT(words[i] < k);
    if (bovw_vocabulary_has_signatures(vocabulary))
        FUZZ_EXPECT(bovw_vocabulary_signatures(vocabulary, descriptors, N, r, words, NULL,
                                               signatures, NULL) == BOVW_OK);
}

static void try_file(const uint8_t *bytes, size_t n)
{
    bovw_vocabulary *vocabulary;
    if (bovw_vocabulary_open(fuzz_file("v.vocab", bytes, n), &vocabulary, NULL) != BOVW_OK)
        return;
    use(vocabulary);
    bovw_vocabulary_close(vocabulary);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    try_file(bytes, n);
    uint8_t *copy = fuzz_copy(bytes, n);
    fuzz_seal_container(copy, n);
    try_file(copy, n);
    free(copy);
    return 0;
}
