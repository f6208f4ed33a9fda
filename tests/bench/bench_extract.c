/* SPDX-License-Identifier: MIT
 *
 * Speed and equality of feature extraction: bench_extract [-t THREADS] [-o OCTAVE]
 * [-n MAX] PICTURE...
 *
 * Every picture is extracted by VLFeat alone and by our own extractor, with the
 * same options, in turn; printed are milliseconds a picture by stage, the
 * ratio, and how far the features agree. Without pictures it says so.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "bench/rows.h"
#include "features/extrema.h"
#include "features/scale_space.h"
#include "features/sift.h"
#include "same_feature.h"

enum {
    N_RUNS = 3
};

typedef struct totals {
    int n_pictures;
    uint64_t n_features, n_reference; /* of ours, of VLFeat's */
    double decode, vlfeat, scale_space, extrema, rest;
    uint64_t n_paired; /* of VLFeat's, found by ours in the same place */
    uint64_t n_close;  /* of those, with a cosine of at least 0.999 */
    double least_cosine, sum_cosine;
} totals;

static void compare(const bovw_features *ours, const bovw_features *theirs, totals *t)
{
    for (uint32_t i = 0; i < theirs->n; i++) {
        const double cosine = same_feature_cosine(ours, theirs, i);
        if (cosine < 0)
            continue;
        t->n_paired++;
        t->n_close += cosine >= 0.999;
        t->sum_cosine += cosine;
        t->least_cosine = fmin(cosine, t->least_cosine);
    }
}

/* Processor time where one thread does it all, which others cannot disturb. */
static double seconds_now(const bovw_compute *compute)
{
    struct timespec now;
    if (parallel_threads(compute) > 1)
        return clock_seconds();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Least of N_RUNS runs of everything, and of its first two stages. */
static bool time_ours(const bovw_feature_options *opts, const bovw_compute *compute,
                      const bovw_image *grey, bovw_features *out, totals *t)
{
    double whole = HUGE_VAL, space_seconds = HUGE_VAL, extrema_seconds = HUGE_VAL;
    static scale_space space;
    static extrema found;
    static sift_fast *fast;
    const sift_kernel *kernel = sift_kernel_find(compute->kernel);
    const int n_threads = parallel_threads(compute);
    if (!fast && sift_fast_new(opts, compute, &fast, NULL) != BOVW_OK)
        return false;
    for (int run = 0; run < N_RUNS; run++) {
        bovw_features_free(out);
        const double start = seconds_now(compute);
        if (sift_fast_run(fast, grey, out, NULL) != BOVW_OK)
            return false;
        const double done = seconds_now(compute);
        if (!scale_space_fill(&space, grey->pixels, (int)grey->width, (int)grey->height,
                              opts->first_octave, kernel, n_threads))
            return false;
        const double filled = seconds_now(compute);
        if (!extrema_find(&found, &space, DIFFERENCE_OF_GAUSSIANS, opts->peak_threshold,
                          opts->edge_threshold, kernel, n_threads))
            return false;
        const double searched = seconds_now(compute);
        whole = fmin(whole, done - start);
        space_seconds = fmin(space_seconds, filled - done);
        extrema_seconds = fmin(extrema_seconds, searched - filled);
    }
    t->scale_space += space_seconds;
    t->extrema += extrema_seconds;
    t->rest += whole - space_seconds - extrema_seconds;
    t->n_features += out->n;
    return true;
}

static bool time_vlfeat(const bovw_feature_options *opts, const bovw_compute *compute,
                        const bovw_image *grey, bovw_features *out, totals *t)
{
    sift_vlfeat *vlfeat = NULL;
    double seconds = HUGE_VAL;
    if (sift_vlfeat_new(opts, &vlfeat, NULL) != BOVW_OK)
        return false;
    for (int run = 0; run < N_RUNS; run++) {
        bovw_features_free(out);
        const double start = seconds_now(compute);
        if (sift_vlfeat_run(vlfeat, grey, out, NULL) != BOVW_OK)
            return false;
        seconds = fmin(seconds, seconds_now(compute) - start);
    }
    sift_vlfeat_free(vlfeat);
    t->vlfeat += seconds;
    t->n_reference += out->n;
    return true;
}

static bool bench_picture(const char *path, const bovw_feature_options *opts,
                          const bovw_compute *compute, totals *t)
{
    bovw_image grey = {0};
    bovw_features ours = {0}, theirs = {0};
    bovw_error err;

    const double start = seconds_now(compute);
    if (bovw_image_read(path, 1, opts->max_side, &grey, &err) != BOVW_OK) {
        fprintf(stderr, "bench_extract: %s\n", err.text);
        return false;
    }
    t->decode += seconds_now(compute) - start;
    const bool is_done = time_vlfeat(opts, compute, &grey, &theirs, t) &&
                         time_ours(opts, compute, &grey, &ours, t);
    if (is_done) {
        t->n_pictures++;
        compare(&ours, &theirs, t);
    }
    bovw_features_free(&ours);
    bovw_features_free(&theirs);
    bovw_image_free(&grey);
    return is_done;
}

static void print_part(const char *part, double seconds, const totals *t, double n_features)
{
    rows_text("part", part);
    rows_number("ms/picture", 2, 1e3 * seconds / t->n_pictures);
    rows_number("us/feature", 2, 1e6 * seconds / n_features);
    rows_number("x VLFeat", 2, t->vlfeat / seconds);
    rows_end();
}

static void print(const totals *t, const bovw_compute *compute)
{
    const double n = (double)t->n_features, n_paired = (double)t->n_paired;
    const double whole = t->scale_space + t->extrema + t->rest;
    char title[120];
    snprintf(title, sizeof title, "extraction of %d pictures, kernel %s, %d thread%s",
             t->n_pictures, sift_kernel_find(compute->kernel)->name,
             parallel_threads(compute), parallel_threads(compute) == 1 ? "" : "s");
    rows_table("extract", title);
    print_part("VLFeat (one thread)", t->vlfeat, t, (double)t->n_reference);
    print_part("bovw", whole, t, n);
    print_part("its scale space", t->scale_space, t, n);
    print_part("its extrema", t->extrema, t, n);
    print_part("angles, descriptors", t->rest, t, n);
    print_part("decode and scale", t->decode, t, n);

    rows_table("extract-agreement", "the same features, and cosines of their descriptors");
    rows_number("VLFeat's/picture", 0, (double)t->n_reference / t->n_pictures);
    rows_number("bovw's/picture", 0, n / t->n_pictures);
    rows_number("% of VLFeat's found", 3, 100.0 * n_paired / (double)t->n_reference);
    rows_number("% with cosine 0.999", 3, 100.0 * (double)t->n_close / n_paired);
    rows_number("mean cosine", 6, t->sum_cosine / n_paired);
    rows_number("least cosine", 4, t->least_cosine);
    rows_end();
}

int main(int argc, char **argv)
{
    bovw_feature_options opts;
    bovw_compute compute = {.n_threads = 1};
    totals t = {.least_cosine = 1.0};
    int option;

    bovw_feature_options_default(&opts);
    opts.max_features = 0;
    while ((option = getopt(argc, argv, "t:o:n:k:")) != -1) {
        switch (option) {
        case 't':
            compute.n_threads = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'o':
            opts.first_octave = (int32_t)strtol(optarg, NULL, 10);
            break;
        case 'n':
            opts.max_features = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            compute.kernel = optarg;
            break;
        default:
            return 2;
        }
    }
    if (optind == argc) {
        printf("bench_extract: name some pictures to measure extraction "
               "(make bench PICTURES='a.jpg b.jpg')\n");
        return EXIT_SUCCESS;
    }
    for (int i = optind; i < argc; i++) {
        if (!bench_picture(argv[i], &opts, &compute, &t))
            return EXIT_FAILURE;
    }
    print(&t, &compute);
    return EXIT_SUCCESS;
}
