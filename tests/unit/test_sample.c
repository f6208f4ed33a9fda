/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "vocabulary/sample.h"

#include <cmocka.h> /* last: it defines a macro named fail */

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_IMAGES = 40
};

/* Image i has 5 i features; a descriptor names its image and feature. */
static uint32_t n_features(uint32_t image)
{
    return 5 * image;
}

static void add_images(sample *s)
{
    uint8_t descriptors[5 * N_IMAGES * DIM] = {0};
    for (uint32_t image = 0; image < N_IMAGES; image++) {
        for (uint32_t f = 0; f < n_features(image); f++) {
            descriptors[f * DIM] = (uint8_t)image;
            descriptors[f * DIM + DIM - 1] = (uint8_t)f;
        }
        assert_int_equal(sample_add(s, descriptors, n_features(image), NULL), BOVW_OK);
    }
}

enum {
    N_ALL = 5 * N_IMAGES * (N_IMAGES - 1) / 2
};

/* Which of all descriptors are in a sample, by number; checks their order. */
static size_t mark(const uint8_t *points, size_t n, bool is_in[N_ALL])
{
    size_t previous = 0, n_marked = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t image = points[i * DIM], feature = points[i * DIM + DIM - 1];
        assert_true(feature < n_features((uint32_t)image));
        const size_t number = 5 * image * (image - 1) / 2 + feature;
        assert_true(i == 0 || number > previous);
        n_marked += !is_in[number];
        is_in[number] = true;
        previous = number;
    }
    return n_marked;
}

static void a_sample_has_the_wanted_size_and_stream_order(void **state)
{
    (void)state;
    for (size_t wanted = 1; wanted <= N_ALL; wanted += wanted < 20 ? 1 : 97) {
        sample s;
        bool is_in[N_ALL] = {false};
        sample_init(&s, wanted, 1);
        add_images(&s);
        const uint8_t *points = sample_finish(&s);
        assert_int_equal(s.n, wanted);
        assert_int_equal(s.n_images, N_IMAGES);
        assert_int_equal(s.n_descriptors, N_ALL);
        assert_int_equal(mark(points, s.n, is_in), wanted);
        sample_free(&s);
    }
}

static void a_stream_shorter_than_the_sample_is_taken_whole(void **state)
{
    (void)state;
    bool is_in[N_ALL] = {false};
    sample s;
    sample_init(&s, 2 * N_ALL, 1);
    add_images(&s);
    const uint8_t *points = sample_finish(&s);
    assert_int_equal(mark(points, s.n, is_in), N_ALL);
    sample_free(&s);

    sample_init(&s, 10, 1);
    sample_finish(&s);
    assert_int_equal(s.n, 0);
    sample_free(&s);
}

/* A sample of 100 holds the sample of 99: the lowest priorities of all were
 * kept, whenever the buffer was cut back. */
static void the_lowest_priorities_are_kept_whatever_the_buffer(void **state)
{
    (void)state;
    bool smaller[N_ALL] = {false}, larger[N_ALL] = {false};
    sample s;
    for (size_t wanted = 1; wanted <= 200; wanted++) {
        sample_init(&s, wanted, 3);
        add_images(&s);
        memset(larger, 0, sizeof larger);
        const uint8_t *points = sample_finish(&s);
        mark(points, s.n, larger);
        for (size_t i = 0; i < N_ALL; i++)
            assert_true(larger[i] || !smaller[i]);
        memcpy(smaller, larger, sizeof smaller);
        sample_free(&s);
    }
}

static void every_descriptor_is_taken_equally_often(void **state)
{
    (void)state;
    enum {
        N_SEEDS = 400,
        WANTED = N_ALL / 10
    };
    static uint32_t counts[N_ALL];
    uint32_t n_first_half = 0;
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        bool is_in[N_ALL] = {false};
        sample s;
        sample_init(&s, WANTED, seed);
        add_images(&s);
        const uint8_t *points = sample_finish(&s);
        mark(points, s.n, is_in);
        for (size_t i = 0; i < N_ALL; i++)
            counts[i] += is_in[i];
        sample_free(&s);
    }
    /* 40 each are expected, with a standard deviation of 6. */
    for (size_t i = 0; i < N_ALL; i++) {
        assert_true(counts[i] > 4 && counts[i] < 76);
        n_first_half += i < N_ALL / 2 ? counts[i] : 0;
    }
    /* 78,000, give or take 190. */
    assert_true(n_first_half > 77000 && n_first_half < 79000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_has_the_wanted_size_and_stream_order),
        cmocka_unit_test(a_stream_shorter_than_the_sample_is_taken_whole),
        cmocka_unit_test(the_lowest_priorities_are_kept_whatever_the_buffer),
        cmocka_unit_test(every_descriptor_is_taken_equally_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
