/* SPDX-License-Identifier: MIT */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "fuzz/fuzz.h"

enum {
    CONTAINER_HEADER = 64,
    CONTAINER_ENTRY = 32,
    FEATURE_HEADER = 256,
    RECORD_HEADER = 64
};

static char folder[64];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder_at_end(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    if (folder[0])
        return folder;
    /* In memory where there is such a place. */
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/bovw-fuzz-XXXXXX", base);
    FUZZ_EXPECT(mkdtemp(folder));
    atexit(remove_folder_at_end);
    return folder;
}

const char *fuzz_file(const char *name, const uint8_t *bytes, size_t n)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *file = fopen(path, "wb");
    FUZZ_EXPECT(file);
    FUZZ_EXPECT(n == 0 || fwrite(bytes, n, 1, file) == 1);
    fclose(file);
    return path;
}

uint8_t *fuzz_copy(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n + 1);
    FUZZ_EXPECT(copy);
    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

void fuzz_seal_container(uint8_t *bytes, size_t n)
{
    if (n < CONTAINER_HEADER)
        return;
    const uint32_t n_sections = load_le32(bytes + 16) & 31;
    const size_t head = CONTAINER_HEADER + (size_t)n_sections * CONTAINER_ENTRY;
    store_le64(bytes + 24, n);
    if (head > n || load_le32(bytes + 16) != n_sections)
        return;
    for (uint32_t i = 0; i < n_sections; i++) {
        uint8_t *entry = bytes + CONTAINER_HEADER + (size_t)i * CONTAINER_ENTRY;
        const uint64_t offset = load_le64(entry + 8), size = load_le64(entry + 16);
        if (offset <= n && size <= n - offset)
            store_le64(entry + 24, hash64(bytes + offset, size));
    }
    store_le64(bytes + 40, 0);
    store_le64(bytes + 40, hash64(bytes, head));
}

static void seal_record(uint8_t *bytes, size_t n)
{
    if (n < RECORD_HEADER)
        return;
    const uint64_t size = load_le64(bytes + 24);
    if (size < RECORD_HEADER || size > n)
        return;
    store_le64(bytes + 48, 0);
    const uint64_t head = hash64(bytes, RECORD_HEADER);
    store_le64(bytes + 48, head ^ hash64(bytes + RECORD_HEADER, size - RECORD_HEADER));
}

void fuzz_seal_features(uint8_t *bytes, size_t n)
{
    if (n < FEATURE_HEADER)
        return;
    const uint64_t index = load_le64(bytes + 16);
    if (index <= n) {
        for (size_t at = index; at + 8 <= n; at += 8) {
            const uint64_t record = load_le64(bytes + at);
            if (record <= n)
                seal_record(bytes + record, n - record);
        }
        store_le64(bytes + 40, hash64(bytes + index, n - index));
    }
    store_le64(bytes + 48, 0);
    store_le64(bytes + 48, hash64(bytes, FEATURE_HEADER));
}
