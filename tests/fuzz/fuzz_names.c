/* SPDX-License-Identifier: MIT
 *
 * Files of names: one a vector, of which the first byte says how many, and lists
 * of pictures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bovw/vectors.h"
#include "fuzz/fuzz.h"
#include "io/paths.h"

/* A list of pictures in an empty folder. It may name any folder, and be walked to its
 * leaves: what leads out of this one is left alone. */
static void try_list(const char *path, const uint8_t *bytes, size_t n)
{
    char at[600], *text = (char *)fuzz_copy(bytes, n);
    const char *const argument = at;
    path_list list;
    text[n] = '\0';
    if (!memchr(text, '/', n) && !strstr(text, "..")) {
        FUZZ_EXPECT(chdir(fuzz_folder()) == 0);
        snprintf(at, sizeof at, "@%s", path);
        if (path_list_expand(&argument, 1, NULL, &list, NULL) == BOVW_OK)
            path_list_free(&list);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    bovw_names names;
    if (n == 0)
        return 0;
    const char *path = fuzz_file("names", bytes + 1, n - 1);
    if (bovw_names_read(path, bytes[0], &names, NULL) == BOVW_OK) {
        FUZZ_EXPECT(names.n == bytes[0]);
        bovw_names_free(&names);
    }
    try_list(path, bytes + 1, n - 1);
    return 0;
}
