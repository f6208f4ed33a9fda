/* SPDX-License-Identifier: MIT
 *
 * Finding the nearest of very many words:
 *
 *   bench_words [-o FOLDER] [VOCABULARY FEATURES]
 *
 * the words of a vocabulary for descriptors of a feature file that it was not
 * trained on; without them, 150,000 words and descriptors made up. All methods
 * get the same, on one thread. With a folder, words.u8 and queries.u8, (n, 128)
 * bytes, and nearest.u32, squared distances, are left in it for words_peers.py.
 *
 * Wall time, the best of three runs. Descriptors come at once as those of an image
 * do, or as many as indexing may have at hand.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vl/kdtree.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "bench/rows.h"
#include "bovw/vocabulary.h"
#include "vocabulary/groups.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_QUERIES = 16384,
    N_AT_ONCE = 2048,
    N_SLOW = 1024, /* queries of what takes much longer */
    N_MADE_UP = 150000,
    N_RUNS = 3,
    N_TREES = 4
};

static const double WANTED = 0.98;

typedef struct job {
    uint8_t *words; /* (k, 128) */
    uint32_t k;
    uint8_t *queries;  /* (N_QUERIES, 128) */
    uint32_t *nearest; /* (N_QUERIES,) least squared distances */
    double ours;       /* us per descriptor in groups, with the recall wanted */
} job;

/* ---- data -------------------------------------------------------------- */

/* Bytes as SIFT has them, many small and few large: between two of some centres,
 * so that what is near has something in common, and groups have no clear bounds. */
static void make_up(uint8_t *to, size_t n, uint64_t seed)
{
    enum {
        N_CENTRES = 400
    };
    for (size_t i = 0; i < n; i++) {
        uint64_t a = 1000 + random_below(&seed, N_CENTRES);
        uint64_t b = 1000 + random_below(&seed, N_CENTRES);
        const double part = 1.0 / (double)UINT64_MAX * (double)random_next(&seed);
        for (int d = 0; d < DIM; d++) {
            const double from = 1e-19 * (double)random_next(&a);
            const double towards = 1e-19 * (double)random_next(&b);
            const double noise = 1e-19 * (double)random_next(&seed);
            to[i * DIM + d] =
                (uint8_t)(40.0 * (part * from * from + (1.0 - part) * towards * towards) +
                          12.0 * noise * noise);
        }
    }
}

/* N_QUERIES descriptors, the same number of each of many images. */
static bool read_queries(const char *path, uint8_t *to)
{
    bovw_feature_file *file;
    bovw_error err;
    size_t n = 0;
    uint64_t seed = 1;

    if (bovw_feature_file_open(path, &file, &err) != BOVW_OK) {
        fprintf(stderr, "bench_words: %s\n", err.text);
        return false;
    }
    const uint32_t n_images = bovw_feature_file_count(file);
    for (uint32_t tries = 0; n < N_QUERIES && n_images > 0 && tries < 1000000; tries++) {
        bovw_features image = {0};
        const uint32_t i = (uint32_t)random_below(&seed, n_images);
        if (bovw_feature_file_read(file, i, &image, &err) != BOVW_OK)
            break;
        for (int j = 0; j < 16 && image.n > 0 && n < N_QUERIES; j++)
            memcpy(to + DIM * n++, image.descriptors + DIM * random_below(&seed, image.n),
                   DIM);
        bovw_features_free(&image);
    }
    bovw_feature_file_close(file);
    return n == N_QUERIES;
}

static bool read_words(const char *path, job *j)
{
    bovw_vocabulary *v;
    bovw_error err;
    if (bovw_vocabulary_open(path, &v, &err) != BOVW_OK) {
        fprintf(stderr, "bench_words: %s\n", err.text);
        return false;
    }
    j->k = bovw_vocabulary_size(v);
    j->words = mem_array(j->k, DIM);
    if (j->words)
        memcpy(j->words, bovw_vocabulary_centroids(v), (size_t)j->k * DIM);
    bovw_vocabulary_close(v);
    return j->words != NULL;
}

static bool prepare(job *j, const char *vocabulary, const char *features)
{
    j->queries = mem_array(N_QUERIES, DIM);
    j->nearest = mem_array(N_QUERIES, sizeof *j->nearest);
    if (!j->queries || !j->nearest)
        return false;
    if (vocabulary)
        return read_words(vocabulary, j) && read_queries(features, j->queries);
    j->k = N_MADE_UP;
    j->words = mem_array(j->k, DIM);
    if (!j->words)
        return false;
    make_up(j->words, j->k, 1);
    make_up(j->queries, N_QUERIES, 2);
    return true;
}

static bool write_bytes(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    const bool is_written = file && fwrite(bytes, 1, n, file) == n;
    if (file)
        fclose(file);
    if (!is_written)
        fprintf(stderr, "bench_words: cannot write %s\n", path);
    return is_written;
}

static bool leave(const job *j, const char *folder)
{
    return write_bytes(folder, "words.u8", j->words, (size_t)j->k * DIM) &&
           write_bytes(folder, "queries.u8", j->queries, (size_t)N_QUERIES * DIM) &&
           write_bytes(folder, "nearest.u32", j->nearest, N_QUERIES * sizeof *j->nearest);
}

/* ---- exact ------------------------------------------------------------- */

static const nearest_kernel *best_kernel(void)
{
    const nearest_kernel *kernel = NULL;
    nearest_kernel_find(NULL, &kernel, NULL);
    return kernel;
}

/* Microseconds a descriptor, the best of N_RUNS. */
static double time_exact(const nearest *made, const job *j, int n_threads, uint32_t *words)
{
    double best = 1e9;
    for (int run = 0; run < N_RUNS; run++) {
        const double start = clock_seconds();
        nearest_run(made, j->queries, N_AT_ONCE, 1, n_threads, words, NULL);
        const double seconds = clock_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    return 1e6 * best / N_AT_ONCE;
}

static bool bench_exact(job *j)
{
    static uint32_t words[N_QUERIES];
    const uint32_t sizes[] = {1000, 20000, 100000, j->k};

    rows_table("words-exact", "the nearest word, exactly");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        nearest *made;
        if (sizes[i] > j->k || (i < 3 && sizes[i] == j->k))
            continue;
        if (nearest_new(j->words, sizes[i], best_kernel(), &made, NULL) != BOVW_OK)
            return false;
        for (int n_threads = 1; n_threads <= 2 && n_threads <= parallel_threads(NULL);
             n_threads++) {
            rows_number("words", 0, sizes[i]);
            rows_text("method", "bovw exact");
            rows_number("threads", 0, n_threads);
            rows_number("us/descriptor", 2, time_exact(made, j, n_threads, words));
            rows_end();
        }
        if (sizes[i] == j->k)
            nearest_run(made, j->queries, N_QUERIES, 1, parallel_threads(NULL), words,
                        j->nearest);
        nearest_free(made);
    }
    return true;
}

/* ---- approximate ------------------------------------------------------- */

static double recall_of(const job *j, const uint32_t *distances, size_t n)
{
    size_t n_found = 0;
    for (size_t i = 0; i < n; i++)
        n_found += distances[i] == j->nearest[i];
    return (double)n_found / (double)n;
}

static void print_row(const job *j, const char *method, const char *effort, size_t at_once,
                      double recall, double us)
{
    rows_number("words", 0, j->k);
    rows_text("method", method);
    rows_text("effort", effort);
    rows_number("at once", 0, (double)at_once);
    rows_number("recall@1", 4, recall);
    rows_number("us/descriptor", 2, us);
    rows_number("x bovw", 2, recall >= WANTED && j->ours > 0.0 ? us / j->ours : NAN);
    rows_end();
}

static double time_groups(const groups *made, const job *j, uint32_t n_probes,
                          size_t at_once, double *recall)
{
    static uint32_t words[N_QUERIES], distances[N_QUERIES];
    double best = 1e9;
    for (int run = 0; run < N_RUNS; run++) {
        const double start = clock_seconds();
        for (size_t i = 0; i < N_QUERIES; i += at_once) {
            if (groups_run(made, j->queries + i * DIM, at_once, 1, n_probes, 1, words + i,
                           distances + i, NULL) != BOVW_OK)
                return NAN;
        }
        const double seconds = clock_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    *recall = recall_of(j, distances, N_QUERIES);
    return 1e6 * best / N_QUERIES;
}

/* The fewest groups with the recall that is wanted: more never find less. */
static uint32_t enough_groups(const groups *made, const job *j)
{
    static uint32_t words[N_QUERIES], distances[N_QUERIES];
    uint32_t low = 1, high = groups_layout_of(made)->levels[0].n;
    while (low < high) {
        const uint32_t middle = low + (high - low < 64 ? (high - low) / 2 : 32);
        groups_run(made, j->queries, N_QUERIES, 1, middle, parallel_threads(NULL), words,
                   distances, NULL);
        if (recall_of(j, distances, N_QUERIES) >= WANTED)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool bench_groups(job *j)
{
    groups *made;
    double recall = 0.0;
    const double start = clock_seconds();
    const bovw_compute compute = {.n_threads = 1};
    if (groups_new(j->words, j->k, 0, 1, &compute, NULL, &made, NULL) != BOVW_OK)
        return false;

    char title[120];
    snprintf(title, sizeof title,
             "the nearest word, approximately, one thread; %u groups were made in %.1f s",
             groups_layout_of(made)->levels[0].n, clock_seconds() - start);
    rows_table("words", title);
    const uint32_t enough = enough_groups(made, j);
    const uint32_t probes[] = {enough, enough, 1, 4, 16, 64};
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        char effort[32];
        const size_t at_once = i == 1 ? N_QUERIES : N_AT_ONCE;
        snprintf(effort, sizeof effort, "%u groups", probes[i]);
        const double us = time_groups(made, j, probes[i], at_once, &recall);
        if (i == 0)
            j->ours = us;
        print_row(j, "bovw groups", effort, at_once, recall, us);
    }
    groups_free(made);
    return true;
}

static float *floats_of(const uint8_t *bytes, size_t n)
{
    float *floats = mem_array(n * DIM, sizeof *floats);
    for (size_t i = 0; floats && i < n * DIM; i++)
        floats[i] = bytes[i];
    return floats;
}

static double time_forest(VlKDForest *forest, const job *j, const float *queries,
                          double *recall)
{
    static uint32_t distances[N_SLOW];
    VlKDForestSearcher *searcher = vl_kdforest_new_searcher(forest);
    const double start = clock_seconds();
    for (size_t i = 0; i < N_SLOW; i++) {
        VlKDForestNeighbor neighbor;
        vl_kdforestsearcher_query(searcher, &neighbor, 1, queries + i * DIM);
        distances[i] = (uint32_t)neighbor.distance;
    }
    const double seconds = clock_seconds() - start;
    vl_kdforestsearcher_delete(searcher);
    *recall = recall_of(j, distances, N_SLOW);
    return 1e6 * seconds / N_SLOW;
}

static bool bench_forest(const job *j)
{
    float *words = floats_of(j->words, j->k), *queries = floats_of(j->queries, N_SLOW);
    VlKDForest *forest = vl_kdforest_new(VL_TYPE_FLOAT, DIM, N_TREES, VlDistanceL2);
    double recall = 0.0;

    if (!words || !queries)
        return false;
    vl_kdforest_build(forest, j->k, words);
    for (uint32_t most = 1024; recall < WANTED && most < j->k / 4; most *= 2) {
        char effort[32];
        vl_kdforest_set_max_num_comparisons(forest, most);
        const double us = time_forest(forest, j, queries, &recall);
        snprintf(effort, sizeof effort, "%u words", most);
        print_row(j, "VLFeat forest", effort, 1, recall, us);
    }
    vl_kdforest_delete(forest);
    free(words);
    free(queries);
    return true;
}

int main(int argc, char **argv)
{
    job j = {0};
    const char *folder = NULL;

    if (argc > 2 && strcmp(argv[1], "-o") == 0) {
        folder = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc != 1 && argc != 3) {
        fprintf(stderr, "bench_words [-o FOLDER] [VOCABULARY FEATURES]\n");
        return EXIT_FAILURE;
    }
    const bool is_done =
        prepare(&j, argc > 1 ? argv[1] : NULL, argc > 1 ? argv[2] : NULL) &&
        bench_exact(&j) && (!folder || leave(&j, folder)) && bench_groups(&j) &&
        bench_forest(&j);
    free(j.words);
    free(j.queries);
    free(j.nearest);
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
