/* SPDX-License-Identifier: MIT
 *
 * The descriptors of feature files as two files of vectors, so that search among
 * vectors can be measured on millions of them:
 *   export_descriptors OUT.bvecs QUERIES.bvecs EVERY FEATURES.feat...
 * Every EVERY-th descriptor becomes a query, the others are the database. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "bovw/features.h"

typedef struct exported {
    FILE *rows, *queries;
    uint64_t every, n;
} exported;

static bool put(FILE *to, const uint8_t *descriptor)
{
    uint8_t head[4];
    store_le32(head, BOVW_DESCRIPTOR_DIM);
    return fwrite(head, 1, sizeof head, to) == sizeof head &&
           fwrite(descriptor, 1, BOVW_DESCRIPTOR_DIM, to) == BOVW_DESCRIPTOR_DIM;
}

static bovw_status put_batch(void *context, const bovw_source_batch *batch, bovw_error *err)
{
    exported *e = context;
    (void)err;
    for (size_t i = 0; i < batch->n; i++) {
        const bovw_features *f = &batch->features[i];
        for (uint32_t k = 0; k < f->n; k++, e->n++) {
            if (!put(e->n % e->every == 0 ? e->queries : e->rows,
                     f->descriptors + (size_t)k * BOVW_DESCRIPTOR_DIM))
                return BOVW_ERR_IO;
        }
    }
    return BOVW_OK;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: %s OUT.bvecs QUERIES.bvecs EVERY FEATURES.feat...\n",
                argv[0]);
        return 2;
    }
    exported e = {.rows = fopen(argv[1], "wb"),
                  .queries = fopen(argv[2], "wb"),
                  .every = strtoull(argv[3], NULL, 10)};
    const bovw_source_consumer consumer = {.context = &e, .consume = put_batch};
    bovw_source *source = NULL;
    bovw_error err = {0};
    bovw_status status = e.rows && e.queries && e.every > 1 ? BOVW_OK : BOVW_ERR_ARG;
    if (status == BOVW_OK)
        status = bovw_source_open((const char *const *)argv + 4, (size_t)(argc - 4), NULL,
                                  NULL, &source, &err);
    if (status == BOVW_OK)
        status = bovw_source_run(source, NULL, "reading", &consumer, NULL, &err);
    if (status == BOVW_OK && (fclose(e.rows) != 0 || fclose(e.queries) != 0))
        status = BOVW_ERR_IO;
    if (status != BOVW_OK)
        fprintf(stderr, "%s: %s %s\n", argv[0], bovw_status_name(status), err.text);
    bovw_source_close(source);
    return status == BOVW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
