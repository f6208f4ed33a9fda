/* SPDX-License-Identifier: MIT
 *
 * A target's corpus without libFuzzer: every file of every folder given, once.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    const size_t n = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(n + 1);
    if (!bytes || (n > 0 && fread(bytes, n, 1, file) != 1)) {
        perror(path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, n);
    free(bytes);
}

int main(int argc, char **argv)
{
    size_t n = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **names;
        char *folder = realpath(argv[i], NULL); /* a target may go to another folder */
        const int n_names = folder ? scandir(folder, &names, NULL, alphasort) : -1;
        for (int j = 0; j < n_names; j++) {
            if (names[j]->d_name[0] != '.') {
                char path[4096];
                snprintf(path, sizeof path, "%s/%s", folder, names[j]->d_name);
                replay(path);
                n++;
            }
            free(names[j]);
        }
        if (n_names >= 0)
            free(names);
        free(folder);
    }
    if (n == 0) {
        fprintf(stderr, "%s: no inputs\n", argv[0]);
        return 1;
    }
    return 0;
}
