/* fuzz.h - what the fuzz targets share. A target is one file with one
 * LLVMFuzzerTestOneInput(): `make fuzz` runs it under libFuzzer, `make
 * fuzz-replay` feeds it the files of its corpus. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A folder of this process, empty at first, removed when it ends. */
const char *fuzz_folder(void);

/* Write folder/name; returns its path, valid until the next call. */
const char *fuzz_file(const char *name, const uint8_t *bytes, size_t n);

/* Make the checksums of a container (src/io/container.h) right, as far as its
 * table can be read, so that what lies behind them is reached. */
void fuzz_seal_container(uint8_t *bytes, size_t n);

/* The same for a feature file: of header, index and every record in it. */
void fuzz_seal_features(uint8_t *bytes, size_t n);

/* A copy of the bytes: free(). */
uint8_t *fuzz_copy(const uint8_t *bytes, size_t n);

/* Stop here, which the fuzzer counts as a finding, unless this holds. */
#define FUZZ_EXPECT(condition)                                                             \
    do {                                                                                   \
        if (!(condition))                                                                  \
            __builtin_trap();                                                              \
    } while (0)

#endif
