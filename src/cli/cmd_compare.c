/* SPDX-License-Identifier: MIT
 *
 * bovw compare: any number of runs under one ground truth, and whether they
 * differ. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/compare.h"
#include "cli/commands.h"
#include "cli/compare_page.h"
#include "cli/console.h"
#include "cli/json_text.h"
#include "cli/runs.h"

enum {
    KEY_TRUTH = 0x100,
    KEY_JSON,
    KEY_MEASURE,
    KEY_GROUPS,
    KEY_WORST,
    KEY_HTML
};

typedef struct compare_command {
    common_options common;
    arguments runs;
    const char *truth;
    size_t measure; /* that differences are of */
    uint32_t n_worst;
    const char *html; /* or NULL */
    bool is_json, shows_groups;
    char *command_line; /* for the page's foot */
} compare_command;

static size_t parse_measure(const struct argp_state *state, const char *text)
{
    for (size_t m = 0; bovw_measure(m, NULL); m++) {
        if (strcmp(text, bovw_measure(m, NULL)) == 0)
            return m;
    }
    argp_error(state, "--measure: no measure \"%s\"", text);
    return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    compare_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case KEY_TRUTH:
        c->truth = text;
        return 0;
    case KEY_JSON:
        c->is_json = true;
        return 0;
    case KEY_MEASURE:
        c->measure = parse_measure(state, text);
        return 0;
    case KEY_GROUPS:
        c->shows_groups = true;
        return 0;
    case KEY_WORST:
        c->n_worst = (uint32_t)parse_count(state, "--worst", text, 0, UINT32_MAX);
        return 0;
    case KEY_HTML:
        c->html = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->runs);
        return 0;
    case ARGP_KEY_END:
        if (c->runs.n == 0)
            argp_error(state, "RUN is missing");
        if (!c->truth)
            argp_error(state, "--truth KIND:PATH is missing");
        if (c->html && strcmp(c->html, "-") == 0)
            argp_error(state, "--html: standard output has the measures; give a file");
        if (c->html && c->runs.n > BOVW_PAGE_MAX_RUNS)
            argp_error(state, "--html: a page has at most %d runs", BOVW_PAGE_MAX_RUNS);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help(int key, const char *text, void *input)
{
    (void)input;
    if (key == KEY_TRUTH)
        return truth_help(text);
    if (key == KEY_MEASURE) {
        char names[256] = "";
        for (size_t m = 0; bovw_measure(m, NULL); m++) {
            const size_t length = strlen(names);
            snprintf(names + length, sizeof names - length, "%s%s", m ? ", " : "",
                     bovw_measure(m, NULL));
        }
        return help_fill(text, "%s", names);
    }
    return help_as_is(text);
}

static const struct argp_option table[] = {
    {"truth", KEY_TRUTH, "KIND:PATH", 0, "the ground truth (required). KIND is {}", 0},
    {"measure", KEY_MEASURE, "NAME", 0, "what differences are of: {} (default mAP)", 0},
    {"groups", KEY_GROUPS, NULL, 0, "also print each group of queries", 0},
    {"worst", KEY_WORST, "N", 0,
     "print the N queries on which a run differs most from the first (default 10)", 0},
    {"html", KEY_HTML, "FILE", 0,
     "also write one self-contained page: measures, differences, curves, and the first 10 "
     "results of each query and run, right and wrong, as pictures",
     0},
    {"json", KEY_JSON, NULL, 0, "print one JSON object, with all groups and queries", 0},
    {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "--truth KIND:PATH RUN...",
    .doc = "Measure runs (TREC files) of any systems under one ground truth, and compare "
           "each with the first: difference with its 95 % bootstrap interval, p of a "
           "paired randomisation test (both drawn with --seed), queries won, lost and "
           "tied, and those on which they differ most. A query that a run lacks counts "
           "as 0.\v"
           "Example:\n"
           "  bovw eval photos.bovw --truth groups:groups.tsv -o words.trec\n"
           "  bovw rank --db deep.npy --db-names names.txt -o deep.trec\n"
           "  bovw compare --truth groups:groups.tsv words.trec deep.trec",
    .children = common_children,
    .help_filter = help};

/* ---- text ------------------------------------------------------------------------- */

/* Everything that is printed, either way. */
typedef struct compare_report {
    const compare_command *command;
    const bovw_comparison *comparison;
    bovw_paired_options options;
    const char *measure;
    double scale; /* of the measure */
    int set_width, run_width;
} compare_report;

static int longer(int width, const char *text)
{
    const int length = (int)strlen(text);
    return length > width ? length : width;
}

static void measure_widths(compare_report *r)
{
    const bovw_comparison *c = r->comparison;
    r->set_width = longer(0, "set");
    r->run_width = longer(0, "run");
    for (uint32_t i = 0; i < c->n_sets; i++)
        r->set_width = longer(r->set_width, c->sets[i].set);
    for (size_t i = 0; i < c->n_runs; i++)
        r->run_width = longer(r->run_width, r->command->runs.items[i]);
}

static void print_means(const compare_report *r)
{
    const bovw_comparison *c = r->comparison;
    printf("%-*s  queries  %-*s", r->set_width, "set", r->run_width, "run");
    for (size_t m = 0; bovw_measure(m, NULL); m++) {
        if (bovw_truth_shows_measure(c->truth, m))
            printf("  %10s", bovw_measure(m, NULL));
    }
    putchar('\n');
    for (uint32_t s = 0; s < c->n_sets; s++) {
        for (uint32_t i = 0; i < c->n_runs; i++) {
            double means[BOVW_MAX_MEASURES];
            bovw_comparison_means(c, &c->sets[s], i, means);
            printf("%-*s  %7u  %-*s", r->set_width, c->sets[s].set, c->sets[s].n,
                   r->run_width, r->command->runs.items[i]);
            for (size_t m = 0; bovw_measure(m, NULL); m++) {
                if (bovw_truth_shows_measure(c->truth, m))
                    printf("  %10.2f", bovw_measure_scale(m) * means[m]);
            }
            putchar('\n');
        }
    }
}

static bovw_status print_differences(const compare_report *r, bovw_error *err)
{
    const bovw_comparison *c = r->comparison;
    printf("\n%s against %s\n%-*s  %-*s  difference     interval 95 %%         p    wins  "
           "losses    ties\n",
           r->measure, r->command->runs.items[0], r->set_width, "set", r->run_width, "run");
    for (uint32_t s = 0; s < c->n_sets; s++) {
        for (uint32_t i = 1; i < c->n_runs; i++) {
            bovw_paired p;
            const bovw_status status = bovw_comparison_paired(
                c, &c->sets[s], 0, i, r->command->measure, &r->options, &p, err);
            if (status != BOVW_OK)
                return status;
            printf("%-*s  %-*s  %+10.2f  %+7.2f to %+7.2f  %8.4f  %6u  %6u  %6u\n",
                   r->set_width, c->sets[s].set, r->run_width, r->command->runs.items[i],
                   r->scale * p.difference, r->scale * p.low, r->scale * p.high, p.p,
                   p.wins, p.losses, p.ties);
        }
    }
    return BOVW_OK;
}

static void print_groups(const compare_report *r)
{
    const bovw_comparison *c = r->comparison;
    int width = longer(0, "group");
    for (uint32_t g = 0; g < c->n_groups; g++)
        width = longer(width, c->groups[g].group);
    printf("\n%s by group; columns are the runs in their order\n%-*s  %-*s  queries\n",
           r->measure, r->set_width, "set", width, "group");
    for (uint32_t g = 0; g < c->n_groups; g++) {
        printf("%-*s  %-*s  %7u", r->set_width, c->groups[g].set, width, c->groups[g].group,
               c->groups[g].n);
        for (uint32_t i = 0; i < c->n_runs; i++) {
            double means[BOVW_MAX_MEASURES];
            bovw_comparison_means(c, &c->groups[g], i, means);
            printf("  %8.2f", r->scale * means[r->command->measure]);
        }
        putchar('\n');
    }
}

static bovw_status print_worst(const compare_report *r, uint32_t run, bovw_error *err)
{
    const bovw_comparison *c = r->comparison;
    const size_t m = r->command->measure;
    uint32_t *order = mem_array(c->n_queries, sizeof *order);
    if (!order)
        return fail_memory(err, "queries");
    const bovw_status status = bovw_comparison_order(c, 0, run, m, order, err);
    if (status == BOVW_OK)
        printf("\n%s of the queries on which %s differs most from %s\n", r->measure,
               r->command->runs.items[run], r->command->runs.items[0]);
    for (uint32_t i = 0; status == BOVW_OK && i < c->n_queries && i < r->command->n_worst;
         i++) {
        const double a = bovw_comparison_value(c, 0, order[i], m);
        const double b = bovw_comparison_value(c, run, order[i], m);
        const bovw_truth_query q = bovw_truth_get(c->truth, order[i]);
        printf("  %+8.2f  %8.2f  %8.2f  %s%s%s\n", r->scale * (b - a), r->scale * a,
               r->scale * b, q.name, q.set[0] ? "  " : "", q.set);
    }
    free(order);
    return status;
}

static bovw_status print_text(compare_report *r, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    measure_widths(r);
    print_means(r);
    if (r->comparison->n_runs > 1)
        status = print_differences(r, err);
    if (status == BOVW_OK && r->command->shows_groups && r->comparison->n_groups > 0)
        print_groups(r);
    for (uint32_t i = 1;
         status == BOVW_OK && r->command->n_worst > 0 && i < r->comparison->n_runs; i++)
        status = print_worst(r, i, err);
    return status;
}

/* ---- JSON --------------------------------------------------------------------------- */

static json_t *json_measures(const compare_report *r, const double *values)
{
    json_t *object = json_object();
    for (size_t m = 0; bovw_measure(m, NULL); m++) {
        if (bovw_truth_shows_measure(r->comparison->truth, m))
            json_object_set_new(object, bovw_measure(m, NULL),
                                json_real(bovw_measure_scale(m) * values[m]));
    }
    return object;
}

/* Against the first run; NULL with an error. */
static json_t *json_paired(const compare_report *r, const bovw_comparison_part *part,
                           uint32_t run, bovw_error *err)
{
    bovw_paired p;
    if (bovw_comparison_paired(r->comparison, part, 0, run, r->command->measure,
                               &r->options, &p, err) != BOVW_OK)
        return NULL;
    json_t *object = json_pack("{s:f, s:[f, f], s:f, s:i, s:i, s:i}", "difference",
                               r->scale * p.difference, "interval", r->scale * p.low,
                               r->scale * p.high, "p", p.p, "wins", (int)p.wins, "losses",
                               (int)p.losses, "ties", (int)p.ties);
    if (!object)
        fail_memory(err, "JSON");
    return object;
}

/* Sets or groups with the means of each run; NULL with an error. */
static json_t *json_parts(const compare_report *r, const bovw_comparison_part *parts,
                          uint32_t n, bool is_compared, bovw_error *err)
{
    json_t *list = json_array();
    for (uint32_t k = 0; k < n; k++) {
        json_t *runs = json_array();
        for (uint32_t i = 0; i < r->comparison->n_runs; i++) {
            double means[BOVW_MAX_MEASURES];
            bovw_comparison_means(r->comparison, &parts[k], i, means);
            json_t *object = json_measures(r, means);
            if (is_compared && i > 0) {
                json_t *paired = json_paired(r, &parts[k], i, err);
                if (!paired) {
                    json_decref(object);
                    json_decref(runs);
                    json_decref(list);
                    return NULL;
                }
                json_object_set_new(object, "against_first", paired);
            }
            json_array_append_new(runs, object);
        }
        json_t *row = json_pack("{s:o, s:i, s:o}", "set", json_name(parts[k].set),
                                "queries", (int)parts[k].n, "runs", runs);
        if (parts[k].group[0] != '\0')
            json_object_set_new(row, "group", json_name(parts[k].group));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *json_queries(const compare_report *r)
{
    const bovw_comparison *c = r->comparison;
    json_t *list = json_array();
    for (uint32_t q = 0; q < c->n_queries; q++) {
        const bovw_truth_query query = bovw_truth_get(c->truth, q);
        json_t *values = json_array();
        for (uint32_t i = 0; i < c->n_runs; i++)
            json_array_append_new(
                values,
                json_real(r->scale * bovw_comparison_value(c, i, q, r->command->measure)));
        json_array_append_new(
            list,
            json_pack("{s:o, s:o, s:o, s:i, s:o}", "query", json_name(query.name), "set",
                      json_name(query.set), "group", json_name(query.group), "relevant",
                      (int)bovw_truth_n_relevant(c->truth, q), "values", values));
    }
    return list;
}

static bovw_status print_json(const compare_report *r, bovw_error *err)
{
    const bovw_comparison *c = r->comparison;
    json_t *names = json_array();
    for (uint32_t i = 0; i < c->n_runs; i++)
        json_array_append_new(names,
                              json_pack("{s:o, s:i, s:i}", "file",
                                        json_name(r->command->runs.items[i]),
                                        "missing_queries", (int)c->coverage[i].n_missing,
                                        "unknown_queries", (int)c->coverage[i].n_unknown));
    json_t *sets = json_parts(r, c->sets, c->n_sets, true, err);
    json_t *groups = sets ? json_parts(r, c->groups, c->n_groups, false, err) : NULL;
    if (!sets || !groups) {
        json_decref(names);
        json_decref(sets);
        return err->status;
    }
    json_t *object =
        json_pack("{s:o, s:o, s:s, s:I, s:i, s:f, s:o, s:o, s:o, s:s}", "truth",
                  json_name(r->command->truth), "runs", names, "measure", r->measure,
                  "seed", (json_int_t)r->options.seed, "samples", (int)r->options.n_samples,
                  "confidence", r->options.confidence, "sets", sets, "groups", groups,
                  "queries", json_queries(r), "version", bovw_version());
    if (!object)
        return fail_memory(err, "JSON");
    const bovw_status status = json_write_line(object, stdout, err);
    json_decref(object);
    return status;
}

/* ---- the run --------------------------------------------------------------------------
 */

static void complain_coverage(const compare_command *c, const bovw_comparison *made,
                              console *out)
{
    for (uint32_t i = 0; i < made->n_runs; i++) {
        const bovw_run_coverage *v = &made->coverage[i];
        if (v->n_missing > 0)
            console_complain(out, "%s: lacks %u of %u queries, which count as 0",
                             c->runs.items[i], v->n_missing, made->n_queries);
        if (v->n_unknown > 0)
            console_say(out, "%s: %u quer%s not in the ground truth", c->runs.items[i],
                        v->n_unknown, v->n_unknown == 1 ? "y is" : "ies are");
    }
}

static bovw_status report(const compare_command *c, const bovw_comparison *made,
                          bovw_error *err)
{
    compare_report r = {.command = c,
                        .comparison = made,
                        .measure = bovw_measure(c->measure, NULL),
                        .scale = bovw_measure_scale(c->measure)};
    bovw_paired_options_default(&r.options);
    r.options.seed = c->common.seed;
    return c->is_json ? print_json(&r, err) : print_text(&r, err);
}

/* ---- the page --------------------------------------------------------------------- */

static bovw_status open_page(const compare_command *c, const bovw_comparison *made,
                             bovw_page **page, bovw_error *err)
{
    bovw_page_options options = {.title = "Comparison of runs",
                                 .runs = (const char *const *)c->runs.items,
                                 .n_runs = made->n_runs,
                                 .truth = made->truth,
                                 .comparison = made,
                                 .measure = c->measure};
    char *foot =
        mem_format("%s\nseed %" PRIu64 "\nbovw %s", c->command_line ? c->command_line : "",
                   c->common.seed, bovw_version());
    if (!foot)
        return fail_memory(err, c->html);
    bovw_paired_options_default(&options.paired);
    options.paired.seed = c->common.seed;
    options.foot = foot;
    const bovw_status status = bovw_page_open(c->html, &options, page, err);
    free(foot);
    return status;
}

static bovw_status write_page(const compare_command *c, const bovw_comparison *made,
                              const bovw_run *const *runs, console *out, bovw_error *err)
{
    bovw_page *page = NULL;
    const bovw_monitor monitor = console_monitor(out);
    const compare_page filler = {
        .comparison = made, .runs = runs, .truth_path = strchr(c->truth, ':') + 1};
    bovw_status status = open_page(c, made, &page, err);
    if (status == BOVW_OK)
        status = compare_page_fill(&filler, page, err);
    if (status == BOVW_OK)
        return bovw_page_close(page, &c->common.compute, &monitor, err);
    bovw_page_abort(page);
    return status;
}

static int compare(const compare_command *c, console *out)
{
    bovw_error err;
    bovw_truth *truth = NULL;
    bovw_run **runs = NULL;
    bovw_comparison *made = NULL;
    bovw_status status = bovw_truth_open(c->truth, &truth, &err);
    if (status == BOVW_OK)
        status = runs_open(&c->runs, &runs, &err);
    if (status == BOVW_OK)
        status = bovw_comparison_new(truth, (const bovw_run *const *)runs,
                                     (uint32_t)c->runs.n, &made, &err);
    if (status == BOVW_OK) {
        complain_coverage(c, made, out);
        if (c->html)
            status = write_page(c, made, (const bovw_run *const *)runs, out, &err);
        if (status == BOVW_OK)
            status = report(c, made, &err);
    }
    bovw_comparison_free(made);
    runs_close(runs, c->runs.n);
    bovw_truth_close(truth);
    return status == BOVW_OK ? console_end(out) : console_fail(out, &err);
}

static int run(int argc, char **argv)
{
    compare_command c = {.n_worst = 10};
    common_options_default(&c.common);
    c.command_line = join_words(argc, argv); /* before argp reorders them */
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    console_begin(&out, argv[0], &c.common);
    const int exit_status = compare(&c, &out);
    free(c.command_line);
    return exit_status;
}

const command command_compare = {
    .name = "compare",
    .group = "Measuring",
    .summary = "measure runs of any systems under one ground truth and compare them",
    .run = run,
};
