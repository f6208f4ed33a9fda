/* SPDX-License-Identifier: MIT
 *
 * Speed of every assignment kernel: bench_assign [kmeans]. With the argument,
 * the time of k-means too (20,000 words, 1,000,000 descriptors, minutes).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "bovw/vocabulary.h"
#include "vocabulary/nearest.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MAX_DESCRIPTORS = 8 * 1024,
    N_RUNS = 3
};

static uint8_t *random_vectors(size_t n, uint64_t seed)
{
    uint8_t *bytes = mem_array(n, DIM);
    for (size_t i = 0; bytes && i < n * DIM; i++)
        bytes[i] = (uint8_t)(random_next(&seed) >> 56);
    return bytes;
}

/* Best of N_RUNS, seconds per descriptor, on enough of them for 0.1 s. */
static double time_assign(const nearest *words, const uint8_t *descriptors, int n_threads)
{
    static uint32_t found[MAX_DESCRIPTORS];
    size_t n = (size_t)64 * (size_t)n_threads;
    double seconds;

    for (;;) {
        const double start = clock_seconds();
        nearest_run(words, descriptors, n, 1, n_threads, found, NULL);
        seconds = clock_seconds() - start;
        if (seconds > 0.1 || n * 2 > MAX_DESCRIPTORS)
            break;
        n *= 2;
    }
    for (int run = 1; run < N_RUNS; run++) {
        const double start = clock_seconds();
        nearest_run(words, descriptors, n, 1, n_threads, found, NULL);
        const double again = clock_seconds() - start;
        seconds = again < seconds ? again : seconds;
    }
    return seconds / (double)n;
}

static int bench_words(uint32_t k, const uint8_t *centroids, const uint8_t *descriptors)
{
    const int max_threads = parallel_threads(NULL) < 2 ? 1 : 2;
    for (int n_threads = 1; n_threads <= max_threads; n_threads++) {
        double portable = 0.0;
        size_t n_kernels = 0;
        while (bovw_kernel_name(n_kernels))
            n_kernels++;
        for (size_t i = n_kernels; i-- > 0;) {
            const nearest_kernel *kernel;
            nearest *words;
            if (nearest_kernel_find(bovw_kernel_name(i), &kernel, NULL) != BOVW_OK ||
                nearest_new(centroids, k, kernel, &words, NULL) != BOVW_OK)
                return EXIT_FAILURE;
            const double seconds = time_assign(words, descriptors, n_threads);
            nearest_free(words);
            if (i + 1 == n_kernels) /* the portable one is last */
                portable = seconds;
            printf("%7u  %-9s %7d  %13.2f  %16.1f  %9.1f\n", k, kernel->name, n_threads,
                   1e6 * seconds, 1e-9 * DIM * k / seconds, portable / seconds);
        }
    }
    return EXIT_SUCCESS;
}

static void print_line(void *context, const char *text)
{
    const double *start = context;
    printf("%7.1f s  %s\n", clock_seconds() - *start, text);
    fflush(stdout);
}

static int bench_kmeans(uint32_t k, size_t n)
{
    bovw_kmeans_options opts;
    bovw_kmeans_result result;
    uint8_t *points = random_vectors(n, 3), *centroids = mem_array(k, DIM);
    double start = clock_seconds();
    const bovw_monitor monitor = {.context = &start, .message = print_line};
    bovw_status status = BOVW_ERR_NOMEM;

    bovw_kmeans_options_default(&opts);
    opts.k = k;
    if (points && centroids) {
        printf("\nk-means, %u words, %zu uniform random descriptors\n", k, n);
        status = bovw_kmeans(points, n, &opts, NULL, &monitor, centroids, &result, NULL);
        printf("%7.1f s  %s\n", clock_seconds() - start, bovw_status_name(status));
    }
    free(points);
    free(centroids);
    return status == BOVW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {1000, 20000, 100000};
    uint8_t *centroids = random_vectors(100000, 1);
    uint8_t *descriptors = random_vectors(MAX_DESCRIPTORS, 2);
    int result = EXIT_FAILURE;

    if (centroids && descriptors) {
        result = EXIT_SUCCESS;
        printf("%7s  %-9s %7s  %13s  %16s  %9s\n", "words", "kernel", "threads",
               "us/descriptor", "G multiply-adds/s", "x portable");
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            result |= bench_words(sizes[i], centroids, descriptors);
    }
    free(centroids);
    free(descriptors);
    if (result == EXIT_SUCCESS && argc > 1 && strcmp(argv[1], "kmeans") == 0)
        result = bench_kmeans(20000, 1000000);
    return result;
}
