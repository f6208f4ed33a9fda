/* SPDX-License-Identifier: MIT
 *
 * bovw query: rank the images of an index for each picture that is given.
 * Pictures come in batches from the source; each batch is searched in one
 * call and printed in order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"
#include "cli/results.h"
#include "cli/shown.h"

enum {
    KEY_REGION = 0x100,
    KEY_FORMAT,
    KEY_HTML,
    KEY_TOGETHER
};

typedef struct query_command {
    common_options common;
    search_input search;
    const char *index;
    arguments paths;
    const char *format;
    const char *output;
    const char *html; /* or NULL */
    float region[4];
    bool has_region;
    bool is_together;   /* all pictures are one query */
    char *command_line; /* for the page's foot */

    /* While it runs. */
    console *out;
    bovw_index *opened;
    results *results;
    bovw_page *page;
    uint64_t n_queries;
    bovw_features *together; /* (n_together,) the pictures of the one query */
    size_t n_together, together_capacity;
    double together_seconds; /* that their extraction took */
} query_command;

static const char *format_name(size_t i)
{
    return results_format(i, NULL);
}

static void check_arguments(const query_command *c, const struct argp_state *state)
{
    if (!c->index)
        argp_error(state, "INDEX is missing");
    if (c->paths.n == 0)
        argp_error(state, "PATH is missing");
    if (c->html && strcmp(c->html, "-") == 0 && strcmp(c->output, "-") == 0)
        argp_error(state, "--html -: standard output has the results already; write "
                          "them to a file with -o");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    query_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->search;
        state->child_inputs[1] = &c->common;
        return 0;
    case KEY_REGION:
        parse_region(state, "--region", text, c->region);
        c->has_region = true;
        return 0;
    case KEY_TOGETHER:
        c->is_together = true;
        return 0;
    case KEY_FORMAT:
        c->format = format_name(parse_name(state, "--format", text, format_name));
        return 0;
    case KEY_HTML:
        c->html = text;
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case ARGP_KEY_ARG:
        if (c->index)
            return ARGP_ERR_UNKNOWN; /* the rest comes at once, below */
        c->index = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments_take(state, &c->paths);
        return 0;
    case ARGP_KEY_END:
        check_arguments(c, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *help(int key, const char *text, void *input)
{
    char formats[512] = "";
    (void)input;
    if (key != KEY_FORMAT)
        return help_as_is(text);
    for (size_t i = 0; results_format(i, NULL); i++) {
        const char *summary;
        const char *name = results_format(i, &summary);
        const size_t length = strlen(formats);
        snprintf(formats + length, sizeof formats - length, "%s%s (%s%s)", i ? ", " : "",
                 name, i ? "" : "default: ", summary);
    }
    return help_fill(text, "%s", formats);
}

static const struct argp_option table[] = {
    {"region", KEY_REGION, "X,Y,W,H", 0,
     "search with what is inside this rectangle of the query picture: left, top, width, "
     "height in pixels",
     0},
    {"together", KEY_TOGETHER, NULL, 0,
     "the pictures show one object and are one query, under the name of the first", 0},
    {"format", KEY_FORMAT, "FORMAT", 0, "{}", 0},
    {"output", 'o', "FILE", 0, "write the results there (default -: standard output)", 0},
    {"html", KEY_HTML, "FILE", 0,
     "also write one self-contained page with the queries, their results as pictures and "
     "the verified matches",
     0},
    {0}};

static const struct argp_child children[] = {
    {&search_argp, 0, NULL, 0}, {&common_argp, 0, "Common options:", 1}, {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "INDEX PATH...",
    .doc =
        "Rank the images of an index by how much they look like each query picture. "
        "PATH is a picture, a folder, @LIST (a file with one path a line), a feature "
        "file, or - for one picture on standard input. The score is the cosine "
        "similarity of visual words, from 0 to 1, or what --score says, times 1 + 0.3 "
        "effective inliers where the geometry was looked for.\v"
        "Example:\n"
        "  bovw query photos.bovw photo.jpg\n"
        "  bovw query photos.bovw photo.jpg --score he --verify 100 --html page.html\n"
        "  bovw query photos.bovw front.jpg side.jpg --together --verify 100 --expand 10\n"
        "  bovw query photos.bovw photo.jpg --region 100,50,400,300",
    .children = children,
    .help_filter = help};

/* ---- searching ---------------------------------------------------------------- */

/* features: of the first of its images, which stands for all. */
static bovw_status add_to_page(const query_command *c, const ranked_query *ranked,
                               const bovw_features *features, bovw_error *err)
{
    const bovw_ranking *ranking = &ranked->ranking;
    shown made = {0};
    char *name = ranked->n_images > 1
                     ? mem_format("%s and %u more", ranked->name, ranked->n_images - 1)
                     : mem_text(ranked->name);
    bovw_status status = name ? BOVW_OK : fail_memory(err, c->html);
    if (status == BOVW_OK)
        status = shown_make(c->opened, features, &c->search.opts, ranking, ranking->n,
                            &c->common.compute, &made, err);
    if (status == BOVW_OK) {
        const bovw_page_ranking shown_ranking = {
            .results = made.results, .n = made.n, .seconds = ranking->seconds};
        const bovw_page_query query = {.name = name,
                                       .picture = picture_of(features->name),
                                       .width = features->width,
                                       .height = features->height,
                                       .region = c->has_region ? c->region : NULL,
                                       .n_features = ranked->n_features,
                                       .rankings = &shown_ranking};
        status = bovw_page_add(c->page, &query, err);
    }
    shown_free(&made);
    free(name);
    return status;
}

/* features: of the (first) picture, which a page shows. */
static bovw_status write_query(query_command *c, const ranked_query *query,
                               const bovw_features *features, bovw_error *err)
{
    const bovw_timings *s = &query->ranking.seconds;
    if (query->n_features == 0)
        console_say(c->out, "%s: no features%s", query->name,
                    c->has_region ? " inside the region" : "");
    console_detail(c->out,
                   "%s: %u features; seconds: %.4f extraction, %.4f quantisation, %.4f "
                   "search, %.4f verification, %.4f expansion",
                   query->name, query->n_features, s->extraction, s->quantisation,
                   s->search, s->verification, s->expansion);
    bovw_status status = results_add(c->results, query, err);
    if (status == BOVW_OK && c->page)
        status = add_to_page(c, query, features, err);
    c->n_queries++;
    return status;
}

/* Keep the pictures of a batch for search_together(). */
static bovw_status take_batch(query_command *c, const bovw_source_batch *batch,
                              bovw_error *err)
{
    const size_t n = c->n_together + batch->n;
    if (!mem_grow(&c->together, &c->together_capacity, n, sizeof *c->together))
        return fail_memory(err, "queries");
    for (size_t i = 0; i < batch->n; i++) {
        c->together[c->n_together++] = batch->features[i];
        batch->features[i] = (bovw_features){0};
        c->together_seconds += batch->seconds[i];
    }
    return BOVW_OK;
}

static bovw_status search_together(query_command *c, bovw_error *err)
{
    bovw_searcher *searcher = NULL;
    ranked_query query = {.n_images = (uint32_t)c->n_together};
    if (c->n_together == 0)
        return BOVW_OK;
    query.name = c->together[0].name;
    for (size_t i = 0; i < c->n_together; i++)
        query.n_features += c->together[i].n;
    bovw_status status =
        bovw_searcher_new(c->opened, &c->search.opts, &c->common.compute, &searcher, err);
    if (status == BOVW_OK)
        status = bovw_searcher_run_together(searcher, c->together, c->n_together,
                                            &query.ranking, err);
    query.ranking.seconds.extraction = c->together_seconds;
    if (status == BOVW_OK)
        status = write_query(c, &query, &c->together[0], err);
    bovw_ranking_free(&query.ranking);
    bovw_searcher_free(searcher);
    return status;
}

static bovw_status search_batch(void *context, const bovw_source_batch *batch,
                                bovw_error *err)
{
    query_command *c = context;
    for (size_t i = 0; c->has_region && i < batch->n; i++)
        bovw_features_crop(&batch->features[i], c->region[0], c->region[1], c->region[2],
                           c->region[3]);
    if (c->is_together)
        return take_batch(c, batch, err);
    bovw_ranking *rankings = mem_array(batch->n, sizeof *rankings);
    if (!rankings)
        return fail_memory(err, "rankings");

    bovw_status status = bovw_search(c->opened, batch->features, batch->n, &c->search.opts,
                                     &c->common.compute, rankings, err);
    if (status == BOVW_OK) {
        for (size_t i = 0; i < batch->n; i++) {
            rankings[i].seconds.extraction = batch->seconds[i];
            if (status == BOVW_OK)
                status = write_query(c,
                                     &(ranked_query){.name = batch->features[i].name,
                                                     .n_images = 1,
                                                     .n_features = batch->features[i].n,
                                                     .ranking = rankings[i]},
                                     &batch->features[i], err);
            bovw_ranking_free(&rankings[i]);
        }
    }
    free(rankings);
    return status;
}

/* ---- the page ------------------------------------------------------------------- */

static bovw_status open_page(query_command *c, bovw_error *err)
{
    char *foot = shown_foot(c->command_line, c->index, c->opened, &c->search.opts);
    if (!foot)
        return fail_memory(err, c->html);
    const bovw_page_options options = {.title = "Image search", .foot = foot, .n_runs = 1};
    const bovw_status status = bovw_page_open(c->html, &options, &c->page, err);
    free(foot);
    return status;
}

static bovw_status open_all(query_command *c, const bovw_monitor *monitor,
                            bovw_source **source, bovw_error *err)
{
    bovw_status status = bovw_index_open(c->index, &c->opened, err);
    if (status == BOVW_OK)
        status = open_source(&c->paths,
                             bovw_vocabulary_options(bovw_index_vocabulary(c->opened)),
                             monitor, source, err);
    if (status == BOVW_OK)
        status = results_open(c->format, c->output, c->opened, &c->search.opts, &c->results,
                              err);
    if (status == BOVW_OK && c->html)
        status = open_page(c, err);
    return status;
}

/* Commit on success; what was written of a failed run does not appear. */
static bovw_status close_all(query_command *c, bovw_status status,
                             const bovw_monitor *monitor, bovw_error *err)
{
    if (status != BOVW_OK) {
        results_abort(c->results);
        bovw_page_abort(c->page);
        return status;
    }
    status = results_close(c->results, err);
    if (!c->page)
        return status;
    if (status == BOVW_OK)
        return bovw_page_close(c->page, &c->common.compute, monitor, err);
    bovw_page_abort(c->page);
    return status;
}

static int query(query_command *c)
{
    bovw_error err;
    bovw_source *source = NULL;
    const bovw_monitor monitor = console_monitor(c->out);
    bovw_status status = open_all(c, &monitor, &source, &err);
    if (status == BOVW_OK) {
        const bovw_source_consumer consumer = {.context = c, .consume = search_batch};
        status = bovw_source_run(source, &c->common.compute, "searching", &consumer,
                                 &monitor, &err);
    }
    if (status == BOVW_OK && c->is_together)
        status = search_together(c, &err);
    for (size_t i = 0; i < c->n_together; i++)
        bovw_features_free(&c->together[i]);
    free(c->together);
    status = close_all(c, status, &monitor, &err);
    bovw_source_close(source);
    bovw_index_close(c->opened);

    if (status == BOVW_ERR_CANCELLED) {
        console_complain(c->out, "stopped after %" PRIu64 " quer%s", c->n_queries,
                         c->n_queries == 1 ? "y" : "ies");
        return EXIT_FAILED;
    }
    if (status != BOVW_OK)
        return console_fail(c->out, &err);
    if (c->n_queries == 0) {
        console_complain(c->out, "no query picture could be read");
        return EXIT_FAILED;
    }
    if (c->html)
        console_say(c->out, "%s: %" PRIu64 " quer%s", c->html, c->n_queries,
                    c->n_queries == 1 ? "y" : "ies");
    return console_end(c->out);
}

static int run(int argc, char **argv)
{
    bovw_search_options defaults;
    query_command c = {.format = results_format(0, NULL), .output = "-"};
    bovw_search_options_default(&defaults);
    common_options_default(&c.common);
    search_input_default(&c.search, defaults.top);
    c.command_line = join_words(argc, argv); /* before argp reorders them */
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    console_begin(&out, argv[0], &c.common);
    c.out = &out;
    const int exit_status = query(&c);
    free(c.command_line);
    return exit_status;
}

const command command_query = {
    .name = "query",
    .group = "Searching",
    .summary = "rank the images of an index for query pictures",
    .run = run,
};
