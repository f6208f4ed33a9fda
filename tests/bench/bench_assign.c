/* SPDX-License-Identifier: MIT
 *
 * Speed of every assignment kernel: bench_assign [kmeans]. With the argument,
 * the time of k-means too (20,000 words, 1,000,000 descriptors, minutes).
 *
 * Times of kernels are processor time, summed over threads: other programs
 * disturb it little, and where it grows with the threads, they are in each
 * other's way.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "bench/rows.h"
#include "bovw/vocabulary.h"
#include "vocabulary/nearest.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    MAX_DESCRIPTORS = 8 * 1024,
    N_RUNS = 3,
    PEAK_LOOPS = 20000000
};

static uint8_t *random_vectors(size_t n, uint64_t seed)
{
    uint8_t *bytes = mem_array(n, DIM);
    for (size_t i = 0; bytes && i < n * DIM; i++)
        bytes[i] = (uint8_t)(random_next(&seed) >> 56);
    return bytes;
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- peak -------------------------------------------------------------- */

#if defined(__x86_64__)

/* Twelve independent sums, so that no instruction waits for another. */
#define PEAK(name, target_text, vector, zero, add)                                         \
    __attribute__((target(target_text))) static void name(int n)                           \
    {                                                                                      \
        vector x = zero, a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x;           \
        vector i = x, j = x, k = x, l = x;                                                 \
        while (n-- > 0) {                                                                  \
            a = add(a, x);                                                                 \
            b = add(b, x);                                                                 \
            c = add(c, x);                                                                 \
            d = add(d, x);                                                                 \
            e = add(e, x);                                                                 \
            f = add(f, x);                                                                 \
            g = add(g, x);                                                                 \
            h = add(h, x);                                                                 \
            i = add(i, x);                                                                 \
            j = add(j, x);                                                                 \
            k = add(k, x);                                                                 \
            l = add(l, x);                                                                 \
            __asm__("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(x));   \
            __asm__("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));            \
        }                                                                                  \
        __asm__ volatile("" ::"v"(a), "v"(b), "v"(c), "v"(d), "v"(e), "v"(f));             \
        __asm__ volatile("" ::"v"(g), "v"(h), "v"(i), "v"(j), "v"(k), "v"(l));             \
    }

#define ADD_AVX2(sum, x) _mm256_add_epi32(sum, _mm256_madd_epi16(x, x))
#define ADD_VNNI(sum, x) _mm512_dpbusd_epi32(sum, x, x)
PEAK(peak_avx2, "avx2", __m256i, _mm256_setzero_si256(), ADD_AVX2)
PEAK(peak_vnni, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(), ADD_VNNI)

static double peak_of(void (*run)(int), int products)
{
    double best = 0.0;
    for (int i = 0; i < N_RUNS; i++) {
        const double start = processor_seconds();
        run(PEAK_LOOPS);
        const double rate = 12.0 * products * PEAK_LOOPS / (processor_seconds() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

/* Multiply-adds per second of one core, in registers alone. */
static double machine_peak(void)
{
    if (nearest_vnni.is_supported())
        return peak_of(peak_vnni, 64);
    return nearest_avx2.is_supported() ? peak_of(peak_avx2, 16) : 0.0;
}

#else

static double machine_peak(void)
{
    return 0.0; /* not known */
}

#endif

/* ---- kernels ----------------------------------------------------------- */

typedef struct job {
    const uint8_t *centroids;   /* (k, 128) */
    const uint8_t *descriptors; /* (MAX_DESCRIPTORS, 128) */
    uint32_t k, n_words;
    int n_threads;
    double peak;
} job;

static double time_once(const nearest *words, const job *j, size_t n)
{
    static uint32_t found[MAX_DESCRIPTORS * NEAREST_WORDS];
    const double start = processor_seconds();
    nearest_run(words, j->descriptors, n, j->n_words, j->n_threads, found, NULL);
    return processor_seconds() - start;
}

/* Best of N_RUNS, seconds per descriptor, on enough of them for 0.1 s. */
static double time_assign(const nearest *words, const job *j)
{
    size_t n = (size_t)64 * (size_t)j->n_threads;
    double seconds = time_once(words, j, n);

    while (seconds < 0.1 && n * 2 <= MAX_DESCRIPTORS) {
        n *= 2;
        seconds = time_once(words, j, n);
    }
    for (int run = 1; run < N_RUNS; run++) {
        const double again = time_once(words, j, n);
        seconds = again < seconds ? again : seconds;
    }
    return seconds / (double)n;
}

static int bench_kernels(const job *j)
{
    double portable = 0.0;
    size_t n_kernels = 0;

    while (bovw_kernel_name(n_kernels))
        n_kernels++;
    for (size_t i = n_kernels; i-- > 0;) {
        const nearest_kernel *kernel;
        nearest *words;
        if (nearest_kernel_find(bovw_kernel_name(i), &kernel, NULL) != BOVW_OK ||
            nearest_new(j->centroids, j->k, kernel, &words, NULL) != BOVW_OK)
            return EXIT_FAILURE;
        const double seconds = time_assign(words, j);
        const double rate = (double)DIM * j->k / seconds;
        nearest_free(words);
        if (i + 1 == n_kernels) /* the portable one is last */
            portable = seconds;
        rows_number("words", 0, j->k);
        rows_number("nearest", 0, j->n_words);
        rows_text("kernel", kernel->name);
        rows_number("threads", 0, j->n_threads);
        rows_number("us/descriptor", 2, 1e6 * seconds);
        rows_number("G multiply-adds/s", 1, 1e-9 * rate);
        rows_number("% of peak", 1, j->peak > 0.0 ? 100.0 * rate / j->peak : NAN);
        rows_number("x portable", 1, portable / seconds);
        rows_end();
    }
    return EXIT_SUCCESS;
}

static int bench_assign(const uint8_t *centroids, const uint8_t *descriptors)
{
    static const struct {
        uint32_t k, n_words;
        int n_threads;
    } cases[] = {{1000, 1, 1},  {1000, 5, 1},   {20000, 1, 1},  {20000, 5, 1},
                 {20000, 1, 2}, {100000, 1, 1}, {100000, 5, 1}, {100000, 1, 2}};
    const double peak = machine_peak();

    char title[100];

    snprintf(title, sizeof title,
             "assignment to words, processor time; a core's peak is %.0f G multiply-adds/s",
             1e-9 * peak);
    rows_table("assign", title);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const job j = {.centroids = centroids,
                       .descriptors = descriptors,
                       .k = cases[i].k,
                       .n_words = cases[i].n_words,
                       .n_threads = cases[i].n_threads,
                       .peak = peak};
        if (cases[i].n_threads <= parallel_threads(NULL) &&
            bench_kernels(&j) != EXIT_SUCCESS)
            return EXIT_FAILURE;
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
    uint8_t *centroids = random_vectors(100000, 1);
    uint8_t *descriptors = random_vectors(MAX_DESCRIPTORS, 2);
    int result = EXIT_FAILURE;

    if (centroids && descriptors)
        result = bench_assign(centroids, descriptors);
    free(centroids);
    free(descriptors);
    if (result == EXIT_SUCCESS && argc > 1 && strcmp(argv[1], "kmeans") == 0)
        result = bench_kmeans(20000, 1000000);
    return result;
}
