/* SPDX-License-Identifier: MIT */
#include "index/weights.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/parallel.h"

#define WEIGHTS_KIND "WGHT"

enum {
    WEIGHTS_VERSION = 2, /* 1 has idf and norms alone */
    SECTION_IDF = 1,
    SECTION_NORMS = 2,        /* (sum (tf idf)^2)^1/2 */
    SECTION_ROOT_NORMS = 3,   /* (sum tf idf^2)^1/2 */
    SECTION_BINARY_NORMS = 4, /* (sum idf^2)^1/2, each word once */
    N_NORMS = 3
};

/* idf and norms as the file has them: little-endian floats. */
typedef struct computed {
    uint32_t n_images;
    uint8_t *idf, *norms[N_NORMS]; /* in the order of the sections */
} computed;

static void computed_free(computed *c)
{
    free(c->idf);
    for (int i = 0; i < N_NORMS; i++)
        free(c->norms[i]);
    *c = (computed){0};
}

/* idf = ln(N / n_w), 0 where no image has the word (Sivic and Zisserman 2003). */
static bovw_status compute_idf(const segment *segments, uint32_t n_segments,
                               uint32_t n_words, computed *c, bovw_error *err)
{
    uint32_t *counts = mem_array(n_words, sizeof *counts);
    bovw_status status = counts ? BOVW_OK : fail_memory(err, "weights of an index");
    for (uint32_t s = 0; status == BOVW_OK && s < n_segments; s++)
        status = segment_count_live(&segments[s], counts, err);
    for (uint32_t w = 0; status == BOVW_OK && w < n_words; w++) {
        const uint32_t n = counts[w];
        const double idf = n ? log((double)c->n_images / (double)n) : 0.0;
        store_lefloat(c->idf + (size_t)w * 4, (float)idf);
    }
    free(counts);
    return status;
}

/* Lengths of the tf-idf vectors of one segment's images, which start at image
 * `first`. Each image's squares are added in ascending order of word, whatever
 * the segments are. */
static bovw_status compute_norms(const segment *s, size_t first, const computed *c,
                                 bovw_error *err)
{
    uint32_t *images = mem_array(s->n_images, sizeof *images);
    uint32_t *tfs = mem_array(s->n_images, sizeof *tfs);
    double(*squares)[N_NORMS] = mem_array(s->n_live, sizeof *squares);
    bovw_status status =
        images && tfs && squares ? BOVW_OK : fail_memory(err, "lengths of images");

    for (uint32_t w = 0; status == BOVW_OK && w < s->n_words; w++) {
        uint32_t n = 0;
        const double weight = (double)load_lefloat(c->idf + (size_t)w * 4);
        status = segment_postings(s, w, images, tfs, &n, err);
        for (uint32_t i = 0; status == BOVW_OK && i < n; i++) {
            double *square = squares[images[i]];
            square[0] += (tfs[i] * weight) * (tfs[i] * weight);
            square[1] += tfs[i] * (weight * weight);
            square[2] += weight * weight;
        }
    }
    for (uint32_t i = 0; status == BOVW_OK && i < s->n_live; i++) {
        for (int j = 0; j < N_NORMS; j++)
            store_lefloat(c->norms[j] + (first + i) * 4, (float)sqrt(squares[i][j]));
    }
    /* Its postings need not stay in memory: all of an index are read. */
    file_map_done(&s->file.map, 0, s->file.map.size);
    free(images);
    free(tfs);
    free(squares);
    return status;
}

static bovw_status compute_weights(const segment *segments, uint32_t n_segments,
                                   uint32_t n_words, const bovw_compute *compute,
                                   computed *c, bovw_error *err)
{
    const int n_threads = parallel_threads(compute);
    bovw_status status = BOVW_OK;
    size_t *starts = mem_array((size_t)n_segments + 1, sizeof *starts);

    for (uint32_t s = 0; starts && s < n_segments; s++)
        starts[s + 1] = starts[s] + segments[s].n_live;
    c->n_images = starts ? (uint32_t)starts[n_segments] : 0;
    c->idf = mem_array(n_words, 4);
    for (int i = 0; i < N_NORMS; i++)
        c->norms[i] = mem_array(c->n_images, 4);
    if (!starts || !c->idf || !c->norms[0] || !c->norms[1] || !c->norms[2]) {
        free(starts);
        computed_free(c);
        return fail_memory(err, "weights of an index");
    }
    status = compute_idf(segments, n_segments, n_words, c, err);
    if (status != BOVW_OK) {
        free(starts);
        computed_free(c);
        return status;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (uint32_t s = 0; s < n_segments; s++) {
        bovw_error mine = {0};
        const bovw_status result = compute_norms(&segments[s], starts[s], c, &mine);
        if (result != BOVW_OK) {
#pragma omp critical(bovw_weights_error)
            {
                status = result;
                if (err)
                    *err = mine;
            }
        }
    }
    free(starts);
    if (status != BOVW_OK)
        computed_free(c);
    return status;
}

bovw_status weights_write(const char *path, const segment *segments, uint32_t n_segments,
                          uint32_t n_words, const bovw_compute *compute, uint64_t *checksum,
                          bovw_error *err)
{
    computed c = {0};
    bovw_status status = compute_weights(segments, n_segments, n_words, compute, &c, err);
    if (status != BOVW_OK)
        return status;
    const container_section sections[] = {
        {.id = SECTION_IDF, .data = c.idf, .n_bytes = (uint64_t)n_words * 4},
        {.id = SECTION_NORMS, .data = c.norms[0], .n_bytes = (uint64_t)c.n_images * 4},
        {.id = SECTION_ROOT_NORMS, .data = c.norms[1], .n_bytes = (uint64_t)c.n_images * 4},
        {.id = SECTION_BINARY_NORMS,
         .data = c.norms[2],
         .n_bytes = (uint64_t)c.n_images * 4},
    };
    status = container_write(path, WEIGHTS_KIND, WEIGHTS_VERSION, sections,
                             sizeof sections / sizeof sections[0], checksum, err);
    computed_free(&c);
    return status;
}

bovw_status weights_open(const char *path, uint32_t n_words, uint32_t n_images,
                         weights *out, bovw_error *err)
{
    weights w = {0};
    const container_section *idf = NULL, *norms = NULL, *root = NULL, *binary = NULL;
    bovw_status status = container_open(path, WEIGHTS_KIND, WEIGHTS_VERSION, &w.file, err);
    if (status == BOVW_OK)
        status = container_section_get(&w.file, path, SECTION_IDF, "idf",
                                       (uint64_t)n_words * 4, &idf, err);
    if (status == BOVW_OK)
        status = container_section_get(&w.file, path, SECTION_NORMS, "norms",
                                       (uint64_t)n_images * 4, &norms, err);
    if (status == BOVW_OK && w.file.version > 1)
        status = container_section_get(&w.file, path, SECTION_ROOT_NORMS, "root norms",
                                       (uint64_t)n_images * 4, &root, err);
    if (status == BOVW_OK && w.file.version > 1)
        status = container_section_get(&w.file, path, SECTION_BINARY_NORMS, "binary norms",
                                       (uint64_t)n_images * 4, &binary, err);
    if (status != BOVW_OK) {
        weights_close(&w);
        return status;
    }
    if (root)
        w.root_norms = root->data;
    if (binary)
        w.binary_norms = binary->data;
    w.idf = idf->data;
    w.norms = norms->data;
    *out = w;
    return BOVW_OK;
}

void weights_close(weights *w)
{
    container_close(&w->file);
    *w = (weights){0};
}

static bool differs(const uint8_t *stored, const uint8_t *wanted, uint32_t n)
{
    return stored && memcmp(stored, wanted, (size_t)n * 4) != 0;
}

bovw_status weights_check(const weights *w, const char *path, const segment *segments,
                          uint32_t n_segments, uint32_t n_words, bovw_error *err)
{
    computed c = {0};
    bovw_status status = container_verify(&w->file, path, err);
    if (status == BOVW_OK)
        status = compute_weights(segments, n_segments, n_words, NULL, &c, err);
    if (status == BOVW_OK && (memcmp(w->idf, c.idf, (size_t)n_words * 4) != 0 ||
                              differs(w->norms, c.norms[0], c.n_images) ||
                              differs(w->root_norms, c.norms[1], c.n_images) ||
                              differs(w->binary_norms, c.norms[2], c.n_images)))
        status =
            fail(err, BOVW_ERR_CORRUPT, "%s: weights do not belong to the segments", path);
    computed_free(&c);
    return status;
}
