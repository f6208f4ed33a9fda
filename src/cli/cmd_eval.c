/* SPDX-License-Identifier: MIT
 *
 * bovw eval: run the queries of a ground truth and print how good the rankings
 * are and how long they took. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/json_text.h"
#include "cli/shown.h"

enum {
    KEY_TRUTH = 0x100,
    KEY_JSON,
    KEY_FEATURES,
    KEY_HTML
};

typedef struct eval_command {
    common_options common;
    search_input search;
    const char *index;
    const char *truth;
    const char *run;      /* or NULL */
    const char *features; /* or NULL */
    const char *html;     /* or NULL */
    bool is_json;
    char *command_line; /* for the page's foot */
} eval_command;

static error_t parse(int key, char *text, struct argp_state *state)
{
    eval_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->search;
        state->child_inputs[1] = &c->common;
        return 0;
    case KEY_TRUTH:
        c->truth = text;
        return 0;
    case KEY_JSON:
        c->is_json = true;
        return 0;
    case KEY_FEATURES:
        c->features = text;
        return 0;
    case KEY_HTML:
        c->html = text;
        return 0;
    case 'o':
        c->run = text;
        return 0;
    case ARGP_KEY_ARG:
        if (c->index)
            argp_error(state, "one INDEX only, not \"%s\" too", text);
        c->index = text;
        return 0;
    case ARGP_KEY_END:
        if (!c->index)
            argp_error(state, "INDEX is missing");
        if (!c->truth)
            argp_error(state, "--truth KIND:PATH is missing");
        if (c->run && strcmp(c->run, "-") == 0)
            argp_error(state, "-o: standard output has the measures; give a file");
        if (c->html && strcmp(c->html, "-") == 0)
            argp_error(state, "--html: standard output has the measures; give a file");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help(int key, const char *text, void *input)
{
    (void)input;
    return key == KEY_TRUTH ? truth_help(text) : help_as_is(text);
}

static const struct argp_option table[] = {
    {"truth", KEY_TRUTH, "KIND:PATH", 0,
     "the ground truth (required). KIND is {}. Query pictures are looked for from the "
     "folder of PATH, then from the current one",
     0},
    {"features", KEY_FEATURES, "FILE", 0,
     "take the features of the queries from this feature file, by name, instead of the "
     "pictures",
     0},
    {"output", 'o', "FILE", 0, "write the rankings as a TREC run file", 0},
    {"html", KEY_HTML, "FILE", 0,
     "also write one self-contained page: measures, curves, and the first 10 results of "
     "each query, right and wrong, as pictures",
     0},
    {"json", KEY_JSON, NULL, 0, "print one JSON object", 0},
    {0}};

static const struct argp_child children[] = {
    {&search_argp, 0, NULL, 0}, {&common_argp, 0, "Common options:", 1}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "INDEX --truth KIND:PATH",
    .doc = "Run the queries of a ground truth and measure the rankings: mean average "
           "precision (mAP; mAP-rect is its rectangular form), precision and recall, in "
           "percent, and the time a query takes. A query whose picture cannot be read "
           "counts as 0 and is named.\v"
           "Example:\n"
           "  bovw eval photos.bovw --truth groups:photos/groups.tsv\n"
           "  bovw eval photos.bovw --truth groups:groups.tsv --verify 100 -o run.trec",
    .children = children,
    .help_filter = help};

/* ---- the report ------------------------------------------------------------------- */

/* Everything that is printed, either way. */
typedef struct eval_report {
    const eval_command *command;
    const bovw_index *index;
    const bovw_truth *truth;
    bovw_summary *summary;
    uint32_t n_done;      /* queries that were searched */
    bovw_timings seconds; /* means over them */
    double total_seconds; /* wall clock, all queries */
    double peak_bytes;
    int n_threads;
} eval_report;

/* A mean over sets that judge the same rankings has no meaning. */
static uint32_t count_rows(const eval_report *r)
{
    const uint32_t n = bovw_summary_n_rows(r->summary);
    return n > 1 && bovw_truth_has_common_rankings(r->truth) ? n - 1 : n;
}

static void print_measures(const eval_report *r)
{
    const uint32_t n_rows = count_rows(r);
    size_t width = strlen("set");
    double means[BOVW_MAX_MEASURES];
    uint32_t n_queries = 0;

    for (uint32_t i = 0; i < n_rows; i++) {
        const size_t length = strlen(bovw_summary_row(r->summary, i, &n_queries, means));
        width = length > width ? length : width;
    }
    printf("%-*s  queries", (int)width, "set");
    for (size_t m = 0; bovw_measure(m, NULL); m++) {
        if (bovw_truth_shows_measure(r->truth, m))
            printf("  %10s", bovw_measure(m, NULL));
    }
    putchar('\n');
    for (uint32_t i = 0; i < n_rows; i++) {
        const char *name = bovw_summary_row(r->summary, i, &n_queries, means);
        printf("%-*s  %7u", (int)width, name, n_queries);
        for (size_t m = 0; bovw_measure(m, NULL); m++) {
            if (bovw_truth_shows_measure(r->truth, m))
                printf("  %10.2f", bovw_measure_scale(m) * means[m]);
        }
        putchar('\n');
    }
}

static void print_text(const eval_report *r)
{
    char options[BOVW_FEATURE_OPTIONS_TEXT], scoring[SEARCH_TEXT];
    const bovw_timings *s = &r->seconds;
    const bovw_vocabulary *vocabulary = bovw_index_vocabulary(r->index);

    print_measures(r);
    printf("seconds per query: %.4f extraction%s, %.4f quantisation, %.4f search, %.4f "
           "verification, %.4f expansion; %.4f in all. %.1f s for all queries, peak memory "
           "%.0f MB\n",
           s->extraction, r->command->features ? " (features were at hand)" : "",
           s->quantisation, s->search, s->verification, s->expansion, timings_sum(s),
           r->total_seconds, r->peak_bytes / 1e6);
    bovw_feature_options_format(bovw_vocabulary_options(vocabulary), options);
    printf("%s: %u images; vocabulary %s (%s); %s; %s, %d thread%s, bovw %s\n",
           r->command->index, bovw_index_n_images(r->index), bovw_vocabulary_id(vocabulary),
           bovw_vocabulary_summary(vocabulary), options,
           search_text(&r->command->search.opts, scoring), r->n_threads,
           plural((uint64_t)r->n_threads), bovw_version());
}

static json_t *json_rows(const eval_report *r)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < count_rows(r); i++) {
        double means[BOVW_MAX_MEASURES];
        uint32_t n_queries = 0;
        const char *name = bovw_summary_row(r->summary, i, &n_queries, means);
        json_t *row =
            json_pack("{s:o, s:i}", "set", json_name(name), "queries", (int)n_queries);
        for (size_t m = 0; row && bovw_measure(m, NULL); m++) {
            if (bovw_truth_shows_measure(r->truth, m))
                json_object_set_new(row, bovw_measure(m, NULL),
                                    json_real(bovw_measure_scale(m) * means[m]));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static bovw_status print_json(const eval_report *r, bovw_error *err)
{
    char options[BOVW_FEATURE_OPTIONS_TEXT], scoring[SEARCH_TEXT];
    const bovw_timings *s = &r->seconds;
    const bovw_vocabulary *vocabulary = bovw_index_vocabulary(r->index);
    bovw_feature_options_format(bovw_vocabulary_options(vocabulary), options);

    json_t *object = json_pack(
        "{s:o, s:{s:f, s:f, s:f, s:f, s:f}, s:f, s:f, s:o, s:i, s:s, s:i, s:o, s:s, s:s, "
        "s:i, s:i, s:i, s:s}",
        "sets", json_rows(r), "seconds", "extraction", s->extraction, "quantisation",
        s->quantisation, "search", s->search, "verification", s->verification, "expansion",
        s->expansion, "total_seconds", r->total_seconds, "peak_bytes", r->peak_bytes,
        "index", json_name(r->command->index), "images", (int)bovw_index_n_images(r->index),
        "vocabulary", bovw_vocabulary_id(vocabulary), "words",
        (int)bovw_vocabulary_size(vocabulary), "trained",
        json_name(bovw_vocabulary_summary(vocabulary)), "features", options, "search",
        search_text(&r->command->search.opts, scoring), "verify",
        (int)r->command->search.opts.verify, "top", (int)r->command->search.opts.top,
        "threads", r->n_threads, "version", bovw_version());
    if (!object)
        return fail_memory(err, "JSON");
    const bovw_status status = json_write_line(object, stdout, err);
    json_decref(object);
    return status;
}

/* Fill the summary and the times from the queries, in the truth's order. */
static bovw_status summarise(const evaluation *e, eval_report *r, bovw_error *err)
{
    bovw_timings sum = {0};
    for (uint32_t i = 0; i < bovw_truth_n_queries(e->truth); i++) {
        const measured_query *q = &e->queries[i];
        if (bovw_truth_n_relevant(e->truth, i) == 0)
            continue; /* nothing to find */
        const bovw_status status =
            bovw_summary_add(r->summary, bovw_truth_get(e->truth, i).set, q->values, err);
        if (status != BOVW_OK)
            return status;
        sum.extraction += q->seconds.extraction;
        sum.quantisation += q->seconds.quantisation;
        sum.search += q->seconds.search;
        sum.verification += q->seconds.verification;
        sum.expansion += q->seconds.expansion;
        r->n_done += q->is_done;
    }
    const double n = r->n_done > 0 ? r->n_done : 1;
    r->seconds = (bovw_timings){.extraction = sum.extraction / n,
                                .quantisation = sum.quantisation / n,
                                .search = sum.search / n,
                                .verification = sum.verification / n,
                                .expansion = sum.expansion / n};
    return BOVW_OK;
}

static bovw_status report(const evaluation *e, const eval_command *c, double total_seconds,
                          bovw_error *err)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    eval_report r = {.command = c,
                     .index = e->index,
                     .truth = e->truth,
                     .total_seconds = total_seconds,
                     .peak_bytes = 1024.0 * (double)usage.ru_maxrss,
                     .n_threads = parallel_threads(&c->common.compute)};
    bovw_status status = bovw_summary_new(&r.summary, err);
    if (status == BOVW_OK)
        status = summarise(e, &r, err);
    if (status == BOVW_OK && r.n_done == 0)
        status = fail(err, BOVW_ERR_ARG, "%s: no query picture could be read", c->truth);
    if (status == BOVW_OK && c->is_json)
        status = print_json(&r, err);
    else if (status == BOVW_OK)
        print_text(&r);
    bovw_summary_free(r.summary);
    return status;
}

/* ---- the page ----------------------------------------------------------------------- */

static bovw_status open_page(evaluation *e, const eval_command *c, bovw_error *err)
{
    char *foot = shown_foot(c->command_line, c->index, e->index, &c->search.opts);
    char *title = mem_format("Evaluation of %s", c->index);
    bovw_status status = foot && title ? BOVW_OK : fail_memory(err, c->html);
    if (status == BOVW_OK)
        status = bovw_page_open(
            c->html,
            &(bovw_page_options){
                .title = title, .foot = foot, .n_runs = 1, .truth = e->truth},
            &e->page, err);
    free(foot);
    free(title);
    return status;
}

static bovw_status close_page(evaluation *e, const eval_command *c,
                              const bovw_monitor *monitor, bovw_error *err)
{
    bovw_page *page = e->page;
    bovw_status status = evaluation_show_missing(e, err);
    e->page = NULL;
    if (status == BOVW_OK)
        return bovw_page_close(page, &c->common.compute, monitor, err);
    bovw_page_abort(page);
    return status;
}

/* ---- the run ------------------------------------------------------------------------ */

/* Tie the names of the truth to the images of the index. */
static bovw_status bind(evaluation *e, bovw_binding **binding, bovw_error *err)
{
    const uint32_t n = bovw_index_n_images(e->index);
    const char **names = mem_array(n, sizeof *names);
    uint32_t n_missing = 0;
    if (!names)
        return fail_memory(err, "names of images");
    for (uint32_t i = 0; i < n; i++)
        names[i] = bovw_index_image(e->index, i).name;
    const bovw_status status =
        bovw_binding_new(e->truth, names, n, binding, &n_missing, err);
    free(names);
    if (status == BOVW_OK && n_missing > 0)
        console_complain(e->out, "%u image%s of the ground truth %s not in the index",
                         n_missing, plural(n_missing), n_missing == 1 ? "is" : "are");
    e->binding = *binding;
    return status;
}

static bovw_status run_queries(evaluation *e, const eval_command *c,
                               const bovw_monitor *monitor, bovw_error *err)
{
    char tag[SEARCH_TAG];
    bovw_status status = BOVW_OK;
    e->queries = mem_array(bovw_truth_n_queries(e->truth), sizeof *e->queries);
    if (!e->queries)
        return fail_memory(err, "queries");
    if (c->run)
        status =
            bovw_run_writer_open(c->run, search_tag(&c->search.opts, tag), &e->run, err);
    if (status != BOVW_OK)
        return status;
    status = c->features ? evaluate_features(e, c->features, monitor, err)
                         : evaluate_pictures(e, monitor, err);
    if (e->run && status == BOVW_OK)
        status = bovw_run_writer_close(e->run, err);
    else
        bovw_run_writer_abort(e->run);
    return status;
}

static int eval(const eval_command *c, console *out)
{
    bovw_error err;
    bovw_index *index = NULL;
    bovw_truth *truth = NULL;
    bovw_binding *binding = NULL;
    evaluation e = {.search = &c->search.opts, .compute = &c->common.compute, .out = out};
    const bovw_monitor monitor = console_monitor(out);

    bovw_status status = bovw_truth_open(c->truth, &truth, &err);
    if (status == BOVW_OK)
        status = bovw_index_open(c->index, &index, &err);
    if (status == BOVW_OK) {
        e.index = index;
        e.truth = truth;
        status = bind(&e, &binding, &err);
    }
    if (status == BOVW_OK && c->html)
        status = open_page(&e, c, &err);
    const double start = clock_seconds();
    if (status == BOVW_OK)
        status = run_queries(&e, c, &monitor, &err);
    const double seconds = clock_seconds() - start;
    if (status == BOVW_OK && c->html)
        status = close_page(&e, c, &monitor, &err);
    if (status == BOVW_OK)
        status = report(&e, c, seconds, &err);

    bovw_page_abort(e.page);
    free(e.queries);
    bovw_binding_free(binding);
    bovw_truth_close(truth);
    bovw_index_close(index);
    return console_finish(out, status, &err, "nothing was measured");
}

static int run(int argc, char **argv)
{
    eval_command c = {0};
    common_options_default(&c.common);
    search_input_default(&c.search, 0);
    c.command_line = join_words(argc, argv); /* before argp reorders them */
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    console_begin(&out, argv[0], &c.common);
    const int exit_status = eval(&c, &out);
    free(c.command_line);
    return exit_status;
}

const command command_eval = {
    .name = "eval",
    .group = "Measuring",
    .summary = "measure rankings and times against a ground truth",
    .run = run,
};
