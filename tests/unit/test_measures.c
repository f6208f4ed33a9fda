/* SPDX-License-Identifier: MIT
 *
 * Measures on rankings worked by hand, and on random ones against counting
 * from scratch at every rank; means per set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "bovw/eval.h"

/* Last: cmocka has macros with everyday names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    MAP,
    MAP_RECT,
    P_1,
    P_10,
    RECALL_100,
    MP_5,
    MP_10,
    N_S,
    N_MEASURES
};

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

/* One letter an image, best first: r relevant, i ignored, anything else wrong. */
static void evaluate(const char *ranking, uint32_t n_relevant, double *values)
{
    const size_t n = strlen(ranking);
    bovw_judgement *judgements = mem_array(n, sizeof *judgements);
    assert_non_null(judgements);
    for (size_t i = 0; i < n; i++)
        judgements[i] = ranking[i] == 'r'   ? BOVW_RELEVANT
                        : ranking[i] == 'i' ? BOVW_IGNORED
                                            : BOVW_WRONG;
    for (int i = 0; i < BOVW_MAX_MEASURES; i++)
        values[i] = -1;
    bovw_evaluate(judgements, n, n_relevant, values);
    free(judgements);
}

static void check(const char *ranking, uint32_t n_relevant, double map, double rect,
                  double p1, double p10, double recall)
{
    double values[BOVW_MAX_MEASURES];
    evaluate(ranking, n_relevant, values);
    NEAR(values[MAP], map);
    NEAR(values[MAP_RECT], rect);
    NEAR(values[P_1], p1);
    NEAR(values[P_10], p10);
    NEAR(values[RECALL_100], recall);
    for (int i = N_MEASURES; i < BOVW_MAX_MEASURES; i++)
        assert_true(values[i] == 0);
}

static void measures_have_the_names_that_tables_print(void **state)
{
    static const char *const names[] = {"mAP",        "mAP-rect", "P@1",   "P@10",
                                        "recall@100", "mP@5",     "mP@10", "N-S"};
    (void)state;
    for (size_t i = 0; i < N_MEASURES; i++) {
        const char *summary = NULL;
        assert_string_equal(bovw_measure(i, &summary), names[i]);
        assert_true(strlen(summary) > 10);
        assert_true(bovw_measure_scale(i) == (i == N_S ? 4 : 100));
    }
    assert_null(bovw_measure(N_MEASURES, NULL));
    assert_true(bovw_measure_scale(N_MEASURES) == 0);
}

static void precision_at_k_of_the_revisited_protocol_ends_at_the_last_relevant(void **state)
{
    double values[BOVW_MAX_MEASURES];
    (void)state;
    /* Junk takes no rank: the last of two relevant images is at rank 3. */
    evaluate("riwrwwwwwwww", 2, values);
    NEAR(values[MP_5], 2.0 / 3);
    NEAR(values[MP_10], 2.0 / 3);
    /* Last at rank 7: 5 stays 5, 10 becomes 7. */
    evaluate("rrwwwwrwwwww", 3, values);
    NEAR(values[MP_5], 2.0 / 5);
    NEAR(values[MP_10], 3.0 / 7);
    /* One was not found: it is further down than any k. */
    evaluate("rw", 2, values);
    NEAR(values[MP_5], 1.0 / 5);
    NEAR(values[MP_10], 1.0 / 10);
    evaluate("", 2, values);
    NEAR(values[MP_5], 0);
}

static void n_s_counts_four_ranks(void **state)
{
    double values[BOVW_MAX_MEASURES];
    (void)state;
    evaluate("rwrrr", 4, values);
    NEAR(4 * values[N_S], 3);
    evaluate("rr", 4, values);
    NEAR(4 * values[N_S], 2);
}

static void two_of_three_found_at_ranks_1_and_3(void **state)
{
    (void)state;
    /* rect: (1/1 + 2/3) / 3; trapezoid: (1 + (1/2 + 2/3) / 2) / 3 */
    check("rwrww", 3, 19.0 / 36, 5.0 / 9, 1, 0.2, 2.0 / 3);
}

static void a_late_first_hit_costs_more_in_the_trapezoid_form(void **state)
{
    (void)state;
    check("wr", 1, 0.25, 0.5, 0, 0.1, 1);
    /* Ranks 2 and 4: ((0 + 1/2) + (1/3 + 2/4)) / 2 / 2 */
    check("wrwr", 2, 1.0 / 3, 0.5, 0, 0.2, 1);
}

static void ignored_images_take_no_rank(void **state)
{
    (void)state;
    check("rwrww", 3, 19.0 / 36, 5.0 / 9, 1, 0.2, 2.0 / 3);
    check("iriiwirwiwi", 3, 19.0 / 36, 5.0 / 9, 1, 0.2, 2.0 / 3);
    check("iiiiiiiiiiiiiiir", 1, 1, 1, 1, 0.1, 1);
    check("iii", 2, 0, 0, 0, 0, 0);
}

static void an_empty_ranking_is_worth_nothing(void **state)
{
    (void)state;
    check("", 4, 0, 0, 0, 0, 0);
    double values[BOVW_MAX_MEASURES];
    bovw_evaluate(NULL, 0, 1, values);
    assert_true(values[MAP] == 0);
}

static void a_perfect_ranking_is_worth_exactly_one(void **state)
{
    (void)state;
    double values[BOVW_MAX_MEASURES];
    evaluate("rrrrrrrrrrr", 11, values);
    for (int i = 0; i < N_MEASURES; i++)
        assert_true(values[i] == 1);
    evaluate("rrrrrrrrrrrwwwww", 11, values);
    assert_true(values[MAP] == 1 && values[MAP_RECT] == 1);
}

static void images_that_were_not_found_lower_recall_and_ap(void **state)
{
    (void)state;
    check("rr", 8, 0.25, 0.25, 1, 0.2, 0.25);
    check("w", 8, 0, 0, 0, 0, 0);
}

static void only_the_first_hundred_ranks_count_for_recall(void **state)
{
    (void)state;
    char ranking[120];
    memset(ranking, 'w', sizeof ranking);
    ranking[119] = '\0';
    ranking[9] = 'r';   /* rank 10 */
    ranking[100] = 'r'; /* rank 101: too late */
    double values[BOVW_MAX_MEASURES];
    evaluate(ranking, 4, values);
    NEAR(values[RECALL_100], 0.25);
    NEAR(values[P_10], 0.1);

    ranking[50] = 'i';  /* and now it is at rank 100, */
    ranking[0] = 'i';   /* now at 99, and the first at rank 9 */
    ranking[102] = 'r'; /* rank 101 */
    evaluate(ranking, 4, values);
    NEAR(values[RECALL_100], 0.5);
    NEAR(values[P_10], 0.1);
}

static void more_hits_than_relevant_images_stay_within_one(void **state)
{
    (void)state;
    double values[BOVW_MAX_MEASURES];
    evaluate("rrrrwr", 2, values);
    for (int i = 0; i < N_MEASURES; i++)
        assert_true(values[i] >= 0 && values[i] <= 1);
    assert_true(values[RECALL_100] == 1);
}

/* Relevant images among the first `depth` of the ranking, counted. */
static uint32_t count_relevant(const char *clean, size_t depth)
{
    uint32_t n = 0;
    for (size_t i = 0; i < depth && clean[i]; i++)
        n += clean[i] == 'r';
    return n;
}

/* Both forms, as the definition has them: a point of the curve at every rank,
 * each counted anew. */
static void slow_ap(const char *clean, uint32_t n_relevant, double *trapezoid,
                    double *rectangular)
{
    double recall_before = 0, precision_before = 1;
    *trapezoid = *rectangular = 0;
    for (size_t depth = 1; depth <= strlen(clean); depth++) {
        const double found = count_relevant(clean, depth);
        const double recall = found / n_relevant, precision = found / (double)depth;
        *trapezoid += (recall - recall_before) * (precision + precision_before) / 2;
        *rectangular += (recall - recall_before) * precision;
        recall_before = recall;
        precision_before = precision;
    }
}

/* rectangular - trapezoid = 1/(2n) sum_j (r_j - j) / (r_j (r_j + 1)), ranks and
 * j from 0; a hit at rank 0 adds nothing. */
static double form_difference(const char *clean, uint32_t n_relevant)
{
    double sum = 0, j = 0;
    for (size_t rank = 0; clean[rank]; rank++) {
        if (clean[rank] != 'r')
            continue;
        const double r = (double)rank;
        if (rank > 0)
            sum += (r - j) / (r * (r + 1));
        j++;
    }
    return sum / (2.0 * n_relevant);
}

static void random_rankings_agree_with_counting_from_scratch(void **state)
{
    (void)state;
    uint64_t seed = 7;
    uint32_t n_different = 0;
    for (int round = 0; round < 400; round++) {
        char ranking[260], clean[260];
        const size_t n = (size_t)random_below(&seed, 250);
        const uint64_t odds = 1 + random_below(&seed, 30);
        size_t n_clean = 0;
        for (size_t i = 0; i < n; i++) {
            ranking[i] = "wri"[random_below(&seed, odds) ? 0 : 1 + random_below(&seed, 2)];
            if (ranking[i] != 'i')
                clean[n_clean++] = ranking[i];
        }
        ranking[n] = clean[n_clean] = '\0';
        const uint32_t n_relevant =
            count_relevant(clean, n_clean) + (uint32_t)random_below(&seed, 5) + (n == 0);
        if (n_relevant == 0)
            continue;

        double values[BOVW_MAX_MEASURES], trapezoid, rectangular;
        evaluate(ranking, n_relevant, values);
        slow_ap(clean, n_relevant, &trapezoid, &rectangular);
        NEAR(values[MAP], trapezoid);
        NEAR(values[MAP_RECT], rectangular);
        NEAR(values[MAP_RECT] - values[MAP], form_difference(clean, n_relevant));
        assert_true(values[MAP_RECT] >= values[MAP]);
        NEAR(values[P_1], count_relevant(clean, 1));
        NEAR(values[P_10], count_relevant(clean, 10) / 10.0);
        NEAR(values[RECALL_100], (double)count_relevant(clean, 100) / n_relevant);
        n_different += values[MAP_RECT] > values[MAP];
    }
    assert_true(n_different > 200);
}

/* ---- summary ----------------------------------------------------------- */

static void add(bovw_summary *summary, const char *set, double first, double last)
{
    double values[BOVW_MAX_MEASURES] = {0};
    values[0] = first;
    values[N_MEASURES - 1] = last;
    assert_int_equal(bovw_summary_add(summary, set, values, NULL), BOVW_OK);
}

static void check_row(const bovw_summary *summary, uint32_t row, const char *name,
                      uint32_t n_queries, double first, double last)
{
    uint32_t n;
    double means[BOVW_MAX_MEASURES];
    assert_string_equal(bovw_summary_row(summary, row, &n, means), name);
    assert_int_equal(n, n_queries);
    NEAR(means[0], first);
    NEAR(means[N_MEASURES - 1], last);
}

static bovw_summary *new_summary(void)
{
    bovw_summary *summary = NULL;
    assert_int_equal(bovw_summary_new(&summary, NULL), BOVW_OK);
    return summary;
}

static void a_summary_of_nothing_is_one_row_of_zeros(void **state)
{
    (void)state;
    bovw_summary *summary = new_summary();
    assert_int_equal(bovw_summary_n_rows(summary), 1);
    check_row(summary, 0, "all", 0, 0, 0);
    bovw_summary_free(summary);
    bovw_summary_free(NULL);
}

static void one_set_or_none_gives_only_the_overall_row(void **state)
{
    (void)state;
    static const char *const sets[] = {"", "paris"};
    for (int i = 0; i < 2; i++) {
        bovw_summary *summary = new_summary();
        add(summary, sets[i], 0.5, 0.25);
        add(summary, sets[i], 1.0, 0.75);
        assert_int_equal(bovw_summary_n_rows(summary), 1);
        check_row(summary, 0, "all", 2, 0.75, 0.5);
        bovw_summary_free(summary);
    }
}

static void sets_come_in_order_of_appearance_and_all_queries_weigh_the_same(void **state)
{
    (void)state;
    bovw_summary *summary = new_summary();
    char set[] = "scenes";
    add(summary, set, 0.2, 0);
    memcpy(set, "gone!!", 6); /* the name was borrowed for the call only */
    add(summary, "paris", 0.4, 1);
    add(summary, "products", 0.9, 0.5);
    add(summary, "paris", 0.6, 0);
    add(summary, "paris", 0.8, 0);
    assert_int_equal(bovw_summary_n_rows(summary), 4);
    check_row(summary, 0, "scenes", 1, 0.2, 0);
    check_row(summary, 1, "paris", 3, 0.6, 1.0 / 3);
    check_row(summary, 2, "products", 1, 0.9, 0.5);
    check_row(summary, 3, "all", 5, 2.9 / 5, 0.3);

    uint32_t n = 77;
    double means[BOVW_MAX_MEASURES];
    assert_null(bovw_summary_row(summary, 4, &n, means));
    assert_int_equal(n, 77);
    bovw_summary_free(summary);
}

static void a_summary_holds_many_sets(void **state)
{
    (void)state;
    bovw_summary *summary = new_summary();
    char name[32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            snprintf(name, sizeof name, "set %d", i);
            add(summary, name, i / 100.0, round);
        }
    }
    assert_int_equal(bovw_summary_n_rows(summary), 101);
    check_row(summary, 37, "set 37", 2, 0.37, 0.5);
    check_row(summary, 100, "all", 200, 0.495, 0.5);
    bovw_summary_free(summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_have_the_names_that_tables_print),
        cmocka_unit_test(
            precision_at_k_of_the_revisited_protocol_ends_at_the_last_relevant),
        cmocka_unit_test(n_s_counts_four_ranks),
        cmocka_unit_test(two_of_three_found_at_ranks_1_and_3),
        cmocka_unit_test(a_late_first_hit_costs_more_in_the_trapezoid_form),
        cmocka_unit_test(ignored_images_take_no_rank),
        cmocka_unit_test(an_empty_ranking_is_worth_nothing),
        cmocka_unit_test(a_perfect_ranking_is_worth_exactly_one),
        cmocka_unit_test(images_that_were_not_found_lower_recall_and_ap),
        cmocka_unit_test(only_the_first_hundred_ranks_count_for_recall),
        cmocka_unit_test(more_hits_than_relevant_images_stay_within_one),
        cmocka_unit_test(random_rankings_agree_with_counting_from_scratch),
        cmocka_unit_test(a_summary_of_nothing_is_one_row_of_zeros),
        cmocka_unit_test(one_set_or_none_gives_only_the_overall_row),
        cmocka_unit_test(sets_come_in_order_of_appearance_and_all_queries_weigh_the_same),
        cmocka_unit_test(a_summary_holds_many_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
