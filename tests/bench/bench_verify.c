/* SPDX-License-Identifier: MIT
 *
 * Speed of bovw_verify() on one thread, against a plain loop over all
 * hypotheses and all matches in the same run, which only counts: it refines
 * nothing. Matches are synthetic: photographs have about 300 a pair with 20,000
 * words, mostly upright.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "bench/rows.h"
#include "bovw/verify.h"

enum {
    SIDE = 1024,
    MOST = 2000
};

static const float pi = 3.14159265f;

typedef struct scene {
    bovw_keypoint a[MOST], b[MOST];
    bovw_match matches[MOST];
    uint32_t n;
} scene;

static float uniform(uint64_t *random)
{
    return (float)(random_next(random) >> 40) * 0x1p-24f;
}

/* Half of the keypoints are upright within 20 degrees, the others turned at
 * random. */
static bovw_keypoint random_keypoint(uint64_t *random)
{
    const bool is_upright = uniform(random) < 0.5f;
    return (bovw_keypoint){SIDE * uniform(random), SIDE * uniform(random),
                           1.6f * expf(2 * uniform(random)),
                           (is_upright ? 0.7f : 2 * pi) * uniform(random)};
}

/* The first `right` in a hundred matches follow a shrinking by 0.8. */
static void fill(scene *s, uint32_t n, uint32_t right, uint64_t random)
{
    s->n = n;
    for (uint32_t i = 0; i < n; i++) {
        s->matches[i] = (bovw_match){i, i};
        s->a[i] = random_keypoint(&random);
        s->b[i] = random_keypoint(&random);
        if (i % 100 < right)
            s->b[i] = (bovw_keypoint){0.8f * s->a[i].x + 4 * uniform(&random),
                                      0.8f * s->a[i].y + 4 * uniform(&random),
                                      0.8f * s->a[i].scale, s->a[i].angle};
    }
}

static bool agrees(const scene *s, uint32_t i, uint32_t j, float c, float sn, float scale)
{
    const float dx = s->a[j].x - s->a[i].x, dy = s->a[j].y - s->a[i].y;
    const float u = c * dx - sn * dy - (s->b[j].x - s->b[i].x);
    const float v = sn * dx + c * dy - (s->b[j].y - s->b[i].y);
    const float limit = 0.015f * SIDE * (scale < 1 ? scale : 1);
    const float ratio = s->b[j].scale / s->a[j].scale / scale;
    const float turn = s->b[j].angle - s->a[j].angle - (s->b[i].angle - s->a[i].angle);
    return u * u + v * v < limit * limit && ratio <= 2 && ratio >= 0.5f &&
           cosf(turn) >= 0.866f;
}

static uint32_t plain_loop(const scene *s)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const float scale = s->b[i].scale / s->a[i].scale;
        const float turn = s->b[i].angle - s->a[i].angle;
        const float c = scale * cosf(turn), sn = scale * sinf(turn);
        uint32_t n = 0;
        for (uint32_t j = 0; j < s->n; j++)
            n += agrees(s, i, j, c, sn, scale);
        most = n > most ? n : most;
    }
    return most;
}

static uint32_t verify(bovw_verifier *verifier, const scene *s)
{
    const bovw_frame a = {s->a, s->n, SIDE, SIDE}, b = {s->b, s->n, SIDE, SIDE};
    bovw_geometry geometry = {.model = BOVW_MODEL_NONE};
    const bovw_status status =
        bovw_verify(verifier, &a, &b, s->matches, s->n, NULL, &geometry, NULL);
    return status == BOVW_OK ? geometry.n_inliers : 0;
}

/* Microseconds of processor time an image, of at least n_images and 0.3 s. verifier NULL:
 * the plain loop. */
static double time_images(bovw_verifier *verifier, uint32_t n, uint32_t right,
                          uint32_t *inliers)
{
    static scene s;
    double seconds = 0;
    uint32_t n_images = 0;
    *inliers = 0;
    while (seconds < 0.3 || n_images < 10) {
        fill(&s, n, right, 1 + n_images++);
        const clock_t start = clock();
        *inliers += verifier ? verify(verifier, &s) : plain_loop(&s);
        seconds += (double)(clock() - start) / CLOCKS_PER_SEC;
    }
    *inliers /= n_images;
    return 1e6 * seconds / n_images;
}

int main(void)
{
    static const uint32_t sizes[] = {100, 300, 1000, 2000};
    bovw_verify_options opts;
    bovw_verifier *verifier = NULL;
    bovw_verify_options_default(&opts);
    if (bovw_verifier_new(&opts, &verifier, NULL) != BOVW_OK)
        return EXIT_FAILURE;
    rows_table("verify", "spatial verification, one thread, processor time");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint32_t right = 0; right <= 30; right += 15) {
            uint32_t counted, inliers;
            const double plain = time_images(NULL, sizes[i], right, &counted);
            const double ours = time_images(verifier, sizes[i], right, &inliers);
            rows_number("matches", 0, sizes[i]);
            rows_number("right %", 0, right);
            rows_number("inliers", 0, inliers);
            rows_number("plain us/image", 1, plain);
            rows_number("bovw us/image", 1, ours);
            rows_number("x plain loop", 1, plain / ours);
            rows_end();
        }
    }
    bovw_verifier_free(verifier);
    return EXIT_SUCCESS;
}
