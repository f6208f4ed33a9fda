/* SPDX-License-Identifier: MIT
 *
 * bovw rank: the run of a model that gives one vector an image. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/eval.h"
#include "bovw/vectors.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"
#include "cli/rank_lsh.h"

enum {
    KEY_DB = 0x100,
    KEY_DB_NAMES,
    KEY_QUERIES,
    KEY_QUERY_NAMES,
    KEY_MEASURE,
    KEY_WHITEN,
    KEY_SEARCH
};

typedef struct rank_command {
    common_options common;
    bovw_rank_options opts;
    const char *db, *db_names;
    const char *queries, *query_names; /* or NULL: those of the database */
    const char *output;
    rank_lsh lsh;
    bool is_hashed;
    char *command_line; /* for the page's foot */
} rank_command;

/* What a query's neighbours are written with. */
typedef struct rank_output {
    bovw_run_writer *writer;
    const bovw_names *db, *queries;
} rank_output;

static error_t parse(int key, char *text, struct argp_state *state)
{
    rank_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->lsh;
        state->child_inputs[1] = &c->common;
        return 0;
    case KEY_DB:
        c->db = text;
        return 0;
    case KEY_DB_NAMES:
        c->db_names = text;
        return 0;
    case KEY_QUERIES:
        c->queries = text;
        return 0;
    case KEY_QUERY_NAMES:
        c->query_names = text;
        return 0;
    case KEY_MEASURE:
        c->opts.metric =
            (bovw_metric)parse_name(state, "--measure", text, bovw_metric_name);
        return 0;
    case KEY_WHITEN:
        c->opts.whiten = (uint32_t)parse_count(state, "--whiten", text, 1, UINT32_MAX);
        return 0;
    case KEY_SEARCH:
        if (strcmp(text, "exact") != 0 && strcmp(text, "lsh") != 0)
            argp_error(state, "--search: \"%s\" is not one of exact, lsh", text);
        c->is_hashed = strcmp(text, "lsh") == 0;
        return 0;
    case 'n':
        c->opts.top = (uint32_t)parse_count(state, "-n", text, 0, UINT32_MAX);
        return 0;
    case 'o':
        c->output = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unknown argument \"%s\"", text);
        return 0;
    case ARGP_KEY_END:
        if (!c->db || !c->db_names)
            argp_error(state, "--db FILE and --db-names FILE are needed");
        if (!c->queries != !c->query_names)
            argp_error(state, "--queries and --query-names go together");
        if (c->opts.whiten > 0 && c->opts.metric == BOVW_METRIC_MAHALANOBIS)
            argp_error(state, "--whiten does not go with mahalanobis, which whitens");
        if (!c->is_hashed && c->lsh.option)
            argp_error(state, "--%s goes with --search lsh", c->lsh.option);
        if (c->is_hashed && (c->opts.metric == BOVW_METRIC_L1 ||
                             c->opts.metric == BOVW_METRIC_INTERSECTION))
            argp_error(state, "--search lsh goes with cosine, euclidean and mahalanobis");
        if (c->is_hashed && c->lsh.opts.width > 0 && c->opts.metric == BOVW_METRIC_COSINE)
            argp_error(state, "--width goes with euclidean and mahalanobis");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option table[] = {
    {"db", KEY_DB, "FILE", 0,
     "vectors of the database (required): .npy (float16, float32, float64), .fvecs or "
     ".bvecs",
     0},
    {"db-names", KEY_DB_NAMES, "FILE", 0,
     "names of its images (required), one a line, in the order of the vectors", 0},
    {"queries", KEY_QUERIES, "FILE", 0, "vectors of the queries (default: the database)",
     0},
    {"query-names", KEY_QUERY_NAMES, "FILE", 0, "their names", 0},
    {"measure", KEY_MEASURE, "NAME", 0,
     "cosine, euclidean, mahalanobis, l1 or intersection (of histograms, as of \"bovw vlad "
     "--method bow\") (default cosine)",
     0},
    {"whiten", KEY_WHITEN, "P", 0,
     "first whiten to P dimensions, by the principal components of the database, and "
     "divide by the length (default: vectors as they are)",
     0},
    {"search", KEY_SEARCH, "NAME", 0,
     "exact, every vector for every query, or lsh, only those of a few hash buckets, which "
     "are compared exactly (default exact)",
     0},
    {"top", 'n', "N", 0, "N results for each query; 0: all (default 0)", 0},
    {"output", 'o', "FILE", 0, "the TREC run file to write (default -)", 0},
    {0}};

static const struct argp_child children[] = {{&rank_lsh_argp, 0, "With --search lsh:", 1},
                                             {&common_argp, 0, "Common options:", 2},
                                             {0}};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "--db FILE --db-names FILE",
    .doc =
        "Rank images by the global vectors of any model, and write a run that "
        "\"bovw compare\" measures beside others. The score is the cosine or the "
        "intersection, or the distance with a minus sign. What mahalanobis and --whiten "
        "need is learned "
        "from the database itself, without labels.\n\n"
        "--search lsh holds the vectors in memory, 4 bytes a value, and fills its tables "
        "each time: that takes as long as an exact search with some hundred queries. It "
        "pays with thousands of queries among hundreds of thousands of vectors.\v"
        "Example:\n"
        "  bovw rank --db deep.npy --db-names names.txt -o deep.trec\n"
        "  bovw compare --truth groups:groups.tsv words.trec deep.trec\n"
        "  bovw rank --db deep.npy --db-names names.txt --search lsh --recall 0.95 -n 10 "
        "--html lsh.html -o lsh.trec",
    .children = children};

static bovw_status write_query(void *context, uint32_t query,
                               const bovw_neighbour *neighbours, uint32_t n,
                               bovw_error *err)
{
    const rank_output *o = context;
    bovw_status status = BOVW_OK;
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++)
        status = bovw_run_writer_add(o->writer, o->queries->items[query],
                                     o->db->items[neighbours[i].vector], i + 1,
                                     neighbours[i].score, err);
    return status;
}

/* Vectors with their names. */
typedef struct named_vectors {
    bovw_vectors *vectors;
    bovw_names names;
} named_vectors;

static bovw_status open_named(const char *path, const char *names, named_vectors *opened,
                              bovw_error *err)
{
    const bovw_status status = bovw_vectors_open(path, &opened->vectors, err);
    if (status != BOVW_OK)
        return status;
    return bovw_names_read(names, bovw_vectors_count(opened->vectors), &opened->names, err);
}

static void close_named(named_vectors *opened)
{
    bovw_vectors_close(opened->vectors);
    bovw_names_free(&opened->names);
}

static bovw_status search(const rank_command *c, const bovw_vectors *db,
                          const bovw_vectors *queries, rank_output *output, console *out,
                          bovw_error *err)
{
    const bovw_monitor monitor = console_monitor(out);
    if (!c->is_hashed)
        return bovw_vectors_rank(db, queries, &c->opts, &c->common.compute, &monitor,
                                 write_query, output, err);
    rank_lsh lsh = c->lsh;
    lsh.opts.seed = c->common.seed;
    char *foot =
        mem_format("%s\nseed %" PRIu64 "\nbovw %s", c->command_line ? c->command_line : "",
                   c->common.seed, bovw_version());
    if (!foot)
        return fail_memory(err, "page");
    const bovw_status status = rank_lsh_run(&lsh, db, queries, &c->opts, foot, out,
                                            &c->common.compute, write_query, output, err);
    free(foot);
    return status;
}

static bovw_status rank(const rank_command *c, console *out, bovw_error *err)
{
    named_vectors db = {0}, queries = {0};
    bovw_run_writer *writer = NULL;
    bovw_status status = open_named(c->db, c->db_names, &db, err);
    if (status == BOVW_OK && c->queries)
        status = open_named(c->queries, c->query_names, &queries, err);
    if (status == BOVW_OK)
        status = bovw_run_writer_open(c->output, "bovw-rank", &writer, err);
    if (status == BOVW_OK) {
        const named_vectors *asked = c->queries ? &queries : &db;
        rank_output output = {writer, &db.names, &asked->names};
        status = search(c, db.vectors, asked->vectors, &output, out, err);
    }
    if (status == BOVW_OK)
        status = bovw_run_writer_close(writer, err);
    else
        bovw_run_writer_abort(writer);
    close_named(&db);
    close_named(&queries);
    return status;
}

static int run(int argc, char **argv)
{
    rank_command c = {.output = "-"};
    common_options_default(&c.common);
    bovw_rank_options_default(&c.opts);
    rank_lsh_default(&c.lsh);
    c.command_line = join_words(argc, argv); /* before argp reorders them */
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    console_begin(&out, argv[0], &c.common);
    const bovw_status status = rank(&c, &out, &err);
    free(c.command_line);
    return console_finish(&out, status, &err, "nothing was written");
}

const command command_rank = {
    .name = "rank",
    .group = "Searching",
    .summary = "rank images by the global vectors of any model",
    .run = run,
};
