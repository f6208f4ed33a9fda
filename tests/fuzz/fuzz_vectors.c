/* SPDX-License-Identifier: MIT
 *
 * Vectors of other programs; the first byte says which suffix the file has.
 */
#include <math.h>
#include <stdlib.h>

#include "bovw/vectors.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const names[] = {"v.npy", "v.fvecs", "v.bvecs"};
    bovw_vectors *vectors;
    if (n == 0)
        return 0;
    const char *path = fuzz_file(names[bytes[0] % 3], bytes + 1, n - 1);
    if (bovw_vectors_open(path, &vectors, NULL) != BOVW_OK)
        return 0;
    const uint32_t count = bovw_vectors_count(vectors), dim = bovw_vectors_dim(vectors);
    FUZZ_EXPECT((uint64_t)count * dim <= n); /* none comes from nowhere */
    float *out = malloc((size_t)count * dim * sizeof *out + 1);
    if (out && count > 0 && bovw_vectors_read(vectors, 0, count, out, NULL) == BOVW_OK) {
        for (size_t i = 0; i < (size_t)count * dim; i++)
            FUZZ_EXPECT(fabsf(out[i]) <= 1e15F);
    }
    free(out);
    bovw_vectors_close(vectors);
    return 0;
}
