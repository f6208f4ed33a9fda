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

/* In memory, or in a file of this folder. */
static const char *const places[] = {NULL, "./sample"};

static sample begin(size_t wanted, uint64_t seed, const char *beside)
{
    sample s;
    assert_int_equal(sample_init(&s, wanted, seed, beside, NULL), BOVW_OK);
    return s;
}

static point_set finish(sample *s)
{
    point_set p = {0};
    assert_int_equal(sample_finish(s, &p, NULL), BOVW_OK);
    assert_int_equal(p.n, s->n);
    return p;
}

enum {
    N_ALL = 5 * N_IMAGES * (N_IMAGES - 1) / 2
};

/* Which of all descriptors are in a sample, by number; checks their order. */
static size_t mark(const point_set *p, bool is_in[N_ALL])
{
    size_t previous = 0, n_marked = 0;
    for (size_t i = 0; i < p->n; i++) {
        const size_t image = p->data[i * DIM], feature = p->data[i * DIM + DIM - 1];
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
        for (size_t place = 0; place < 2; place++) {
            bool is_in[N_ALL] = {false};
            sample s = begin(wanted, 1, places[place]);
            add_images(&s);
            const point_set p = finish(&s);
            assert_int_equal(p.n, wanted);
            assert_int_equal(s.n_images, N_IMAGES);
            assert_int_equal(s.n_descriptors, N_ALL);
            assert_int_equal(mark(&p, is_in), wanted);
            sample_free(&s);
        }
    }
}

static void a_stream_shorter_than_the_sample_is_taken_whole(void **state)
{
    (void)state;
    for (size_t place = 0; place < 2; place++) {
        bool is_in[N_ALL] = {false};
        sample s = begin(2 * N_ALL, 1, places[place]);
        add_images(&s);
        const point_set p = finish(&s);
        assert_int_equal(mark(&p, is_in), N_ALL);
        sample_free(&s);

        s = begin(10, 1, places[place]);
        assert_int_equal(finish(&s).n, 0);
        sample_free(&s);
    }
}

static void a_file_holds_the_sample_of_memory(void **state)
{
    (void)state;
    for (size_t wanted = 1; wanted <= N_ALL; wanted = 3 * wanted + 1) {
        sample in_memory = begin(wanted, 5, NULL), in_file = begin(wanted, 5, "./sample");
        add_images(&in_memory);
        add_images(&in_file);
        const point_set a = finish(&in_memory), b = finish(&in_file);
        assert_null(a.map);
        assert_non_null(b.map);
        assert_int_equal(b.map->size, wanted * DIM);
        assert_memory_equal(a.data, b.data, wanted * DIM);
        sample_free(&in_memory);
        sample_free(&in_file);
    }
    /* Its name goes at once. */
    sample s = begin(5, 1, "./nameless");
    char **names = NULL;
    size_t n = 0;
    assert_int_equal(file_list(".", &names, &n, NULL), BOVW_OK);
    for (size_t i = 0; i < n; i++)
        assert_null(strstr(names[i], "nameless"));
    file_list_free(names, n);
    sample_free(&s);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    sample s;
    bovw_error err = {0};
    assert_int_equal(sample_init(&s, 5, 1, "no/such/folder", &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, "no/such/folder"));
    sample_free(&s);
}

/* A sample of 100 holds the sample of 99: the lowest priorities of all were
 * kept, whenever the buffer was cut back. */
static void the_lowest_priorities_are_kept_whatever_the_buffer(void **state)
{
    (void)state;
    bool smaller[N_ALL] = {false}, larger[N_ALL] = {false};
    for (size_t wanted = 1; wanted <= 200; wanted++) {
        sample s = begin(wanted, 3, NULL);
        add_images(&s);
        memset(larger, 0, sizeof larger);
        const point_set p = finish(&s);
        mark(&p, larger);
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
        sample s = begin(WANTED, seed, NULL);
        add_images(&s);
        const point_set p = finish(&s);
        mark(&p, is_in);
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
        cmocka_unit_test(a_file_holds_the_sample_of_memory),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
        cmocka_unit_test(the_lowest_priorities_are_kept_whatever_the_buffer),
        cmocka_unit_test(every_descriptor_is_taken_equally_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
