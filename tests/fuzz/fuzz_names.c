/* SPDX-License-Identifier: MIT
 *
 * Files of names: one a vector, of which the first byte says how many, and lists
 * of pictures.
 */
#include <stdio.h>

#include "bovw/vectors.h"
#include "fuzz/fuzz.h"
#include "io/paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    const char *path = fuzz_file("names", bytes + 1, n - 1);
    bovw_names names;
    if (bovw_names_read(path, bytes[0], &names, NULL) == BOVW_OK) {
        FUZZ_EXPECT(names.n == bytes[0]);
        bovw_names_free(&names);
    }
    char at[600];
    const char *const argument = at;
    path_list list;
    snprintf(at, sizeof at, "@%s", path);
    if (path_list_expand(&argument, 1, NULL, &list, NULL) == BOVW_OK)
        path_list_free(&list);
    return 0;
}
