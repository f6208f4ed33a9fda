/* directory.h - the vectors of each bucket of a table, found by the bucket's code.
 *
 * A kind is a record and a line of the table in directory.c. All of them keep the
 * vectors in the order of (code, number), at places from 0; what differs is how a code's
 * places are found and how much that takes. */
#ifndef VECTORS_DIRECTORY_H
#define VECTORS_DIRECTORY_H

#include "bovw/lsh.h"

typedef struct directory directory;

/* codes (n,) of `bits` bits, that of vector i at i; borrowed for the call. Memory 24 n
 * bytes meanwhile. BOVW_ERR_NOMEM, and what bovw_lsi_new() fails with. */
bovw_status directory_new(bovw_directory kind, const uint64_t *codes, uint32_t n,
                          uint32_t bits, const bovw_lsi_options *opts, directory **d,
                          bovw_error *err);
void directory_free(directory *d); /* NULL allowed */

/* How many vectors have this code; *first gets the place of the first. */
uint32_t directory_find(const directory *d, uint64_t code, uint32_t *first);

/* Their numbers, ascending, at n places from `first` on. */
void directory_numbers(const directory *d, uint32_t first, uint32_t n, uint32_t *numbers);

/* Bytes: of the codes that the learned index reads (0 for the others), and the rest. */
void directory_measure(const directory *d, size_t *code_bytes, size_t *rest_bytes);

#endif
