/* SPDX-License-Identifier: MIT */
#include "bench/collection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum {
    WIDTH = 1024,
    HEIGHT = 768,
    NAME_BYTES = 40
};

/* How often the word of a rank occurs, in units of the mean, by rank in 100,000 words. */
static const struct {
    double rank, frequency;
} measured[] = {
    {0, 37.7},     {10, 20.2},    {30, 14.6},     {100, 9.71},    {300, 6.88},
    {1000, 4.70},  {3000, 3.36},  {10000, 2.26},  {20000, 1.64},  {30000, 1.26},
    {40000, 0.96}, {50000, 0.69}, {60000, 0.497}, {70000, 0.268}, {80000, 0.153},
    {90000, 0.07}, {95000, 0.04}, {99999, 0.02},
};

/* A feature repeats one of its image's words, which makes 1.076 features a posting together
 * with those that meet by chance. */
static const double repeats = 0.06;

/* Of a hundred images so many have fewer features than there may be. */
static const double smaller = 0.03;

struct collection {
    uint32_t n_words, n_features, step;
    uint64_t seed;
    uint32_t *thresholds; /* (n_words,) alias table (Walker 1977): the rank itself below */
    uint32_t *others;     /* its threshold, else another */
};

static double uniform(uint64_t *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

static double frequency_of(double rank)
{
    size_t i = 1;
    while (i + 1 < sizeof measured / sizeof measured[0] && measured[i].rank < rank)
        i++;
    const double part = (log1p(rank) - log1p(measured[i - 1].rank)) /
                        (log1p(measured[i].rank) - log1p(measured[i - 1].rank));
    const double from = log(measured[i - 1].frequency), to = log(measured[i].frequency);
    return exp(from + part * (to - from));
}

/* Vose, "A linear algorithm for generating random numbers with a given distribution",
 * 1991. */
static bool fill_table(collection *c)
{
    const uint32_t n = c->n_words;
    double *part = mem_array(n, sizeof *part), sum = 0.0;
    uint32_t *queue = mem_array(n, sizeof *queue), n_small = 0, n_large = 0;
    if (!part || !queue) {
        free(part);
        free(queue);
        return false;
    }
    for (uint32_t i = 0; i < n; i++)
        sum += part[i] = frequency_of(i * (100000.0 / n));
    for (uint32_t i = 0; i < n; i++) {
        part[i] *= n / sum;
        if (part[i] < 1.0)
            queue[n_small++] = i;
        else
            queue[n - ++n_large] = i;
    }
    while (n_small > 0 && n_large > 0) {
        const uint32_t small = queue[--n_small], large = queue[n - n_large];
        c->thresholds[small] = (uint32_t)(part[small] * 0x1p32);
        c->others[small] = large;
        part[large] -= 1.0 - part[small];
        if (part[large] < 1.0) {
            n_large--;
            queue[n_small++] = large;
        }
    }
    while (n_large > 0)
        c->thresholds[queue[n - n_large--]] = UINT32_MAX;
    while (n_small > 0)
        c->thresholds[queue[--n_small]] = UINT32_MAX;
    free(part);
    free(queue);
    return true;
}

static bool divides(uint32_t a, uint32_t b)
{
    return a > 0 ? divides(b % a, a) : b > 1;
}

collection *collection_new(uint32_t n_words, uint32_t n_features, uint64_t seed)
{
    collection *c = mem_array(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (collection){.n_words = n_words, .n_features = n_features, .seed = seed};
    c->step = (uint32_t)(0.618 * n_words) | 1;
    while (n_words > 1 && divides(c->step, n_words))
        c->step += 2;
    c->thresholds = mem_array(n_words, sizeof *c->thresholds);
    c->others = mem_array(n_words, sizeof *c->others);
    if (!c->thresholds || !c->others || !fill_table(c)) {
        collection_free(c);
        return NULL;
    }
    return c;
}

void collection_free(collection *c)
{
    if (!c)
        return;
    free(c->thresholds);
    free(c->others);
    free(c);
}

/* Words of any rank lie anywhere among the numbers. */
static uint32_t random_word(const collection *c, uint64_t *random)
{
    const uint64_t bits = random_next(random);
    const uint32_t i = (uint32_t)((bits >> 32) * c->n_words >> 32);
    const uint32_t rank = (uint32_t)bits <= c->thresholds[i] ? i : c->others[i];
    return (uint32_t)((uint64_t)rank * c->step % c->n_words);
}

/* Two signatures of a word differ in 32 bits of 64 with a standard deviation of 4.8, as
 * those of 50 independent bits do of which 14 count twice. */
static uint64_t random_signature(uint64_t *random)
{
    const uint64_t bits = random_next(random);
    return (bits & (((uint64_t)1 << 50) - 1)) | bits << 50;
}

static bovw_keypoint random_keypoint(uint64_t *random)
{
    return (bovw_keypoint){.x = (float)(WIDTH * uniform(random)),
                           .y = (float)(HEIGHT * uniform(random)),
                           .scale = (float)(1.6 + 6.0 * uniform(random)),
                           .angle = (float)(6.2831 * uniform(random))};
}

bool made_image_new(const collection *c, uint32_t n_words, made_image *image)
{
    const size_t n = c->n_features;
    *image = (made_image){0};
    image->features.name = mem_array(NAME_BYTES, 1);
    image->features.keypoints = mem_array(n, sizeof *image->features.keypoints);
    image->words = mem_array(n * n_words, sizeof *image->words);
    image->distances = mem_array(n * n_words, sizeof *image->distances);
    image->signatures = mem_array(2 * n * n_words, sizeof *image->signatures);
    return image->features.name && image->features.keypoints && image->words &&
           image->signatures && image->distances;
}

void made_image_free(made_image *image)
{
    bovw_features_free(&image->features);
    free(image->words);
    free(image->signatures);
    free(image->distances);
    *image = (made_image){0};
}

void collection_image(const collection *c, uint64_t i, made_image *image)
{
    uint64_t random = random_mix(c->seed ^ random_mix(i));
    bovw_features *f = &image->features;
    f->n = c->n_features;
    if (uniform(&random) < smaller)
        f->n = (uint32_t)(f->n * (0.04 + 0.96 * uniform(&random)));
    f->width = WIDTH;
    f->height = HEIGHT;
    snprintf(f->name, NAME_BYTES, "made/%04u/%08llu.jpg", (unsigned)(i / 1000),
             (unsigned long long)i);
    memcpy(f->content_id, &i, sizeof i);
    for (uint32_t j = 0; j < f->n; j++) {
        const bool is_repeat = j > 0 && uniform(&random) < repeats;
        image->words[j] =
            is_repeat ? image->words[random_below(&random, j)] : random_word(c, &random);
        image->signatures[2 * j] = random_signature(&random);
        f->keypoints[j] = random_keypoint(&random);
    }
}

/* The same point in a view that is turned by 0.2, smaller by 0.8, and shifted. */
static bovw_keypoint seen_again(bovw_keypoint k, uint64_t *random)
{
    const float cosine = 0.8F * cosf(0.2F), sine = 0.8F * sinf(0.2F);
    return (bovw_keypoint){cosine * k.x - sine * k.y + 140.0F + (float)uniform(random),
                           sine * k.x + cosine * k.y + 20.0F + (float)uniform(random),
                           0.8F * k.scale, k.angle + 0.2F};
}

void collection_query(const collection *c, uint64_t i, uint32_t kept, uint32_t words_each,
                      made_image *scratch, made_image *query)
{
    uint64_t random = random_mix(c->seed + 1 + random_mix(i));
    bovw_features *f = &query->features;
    collection_image(c, i, scratch);
    *f = (bovw_features){.name = f->name,
                         .keypoints = f->keypoints,
                         .n = scratch->features.n,
                         .width = WIDTH,
                         .height = HEIGHT};
    snprintf(f->name, NAME_BYTES, "query of %llu", (unsigned long long)i);
    for (uint32_t j = 0; j < f->n; j++) {
        const bool is_kept = random_below(&random, 100) < kept;
        f->keypoints[j] = is_kept ? seen_again(scratch->features.keypoints[j], &random)
                                  : random_keypoint(&random);
        for (uint32_t w = 0; w < words_each; w++) {
            const size_t at = (size_t)j * words_each + w;
            query->words[at] = random_word(c, &random);
            query->signatures[2 * at] = random_signature(&random);
        }
        if (is_kept) {
            const uint64_t changed =
                random_next(&random) & random_next(&random) & random_next(&random);
            query->words[(size_t)j * words_each] = scratch->words[j];
            query->signatures[2 * (size_t)j * words_each] =
                scratch->signatures[2 * j] ^ changed;
        }
    }
}
