/* SPDX-License-Identifier: MIT */
#include "cli/rank_lsh.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "bovw/report.h"
#include "cli/common.h"

enum {
    KEY_RECALL = 0x200,
    KEY_HASHES,
    KEY_TABLES,
    KEY_PROBES,
    KEY_WIDTH,
    KEY_DIRECTORY,
    KEY_CURVE,
    KEY_HTML
};

void rank_lsh_default(rank_lsh *input)
{
    *input = (rank_lsh){0};
    bovw_lsh_options_default(&input->opts);
}

static const struct argp_option table[] = {
    {"recall", KEY_RECALL, "R", 0,
     "share of the nearest that shall be found (default 0.9); what is not given below is "
     "chosen for it, by up to 256 of the queries whose nearest are sought exactly",
     0},
    {"hashes", KEY_HASHES, "K", 0, "hashes of a table, 1 to 32", 0},
    {"tables", KEY_TABLES, "L", 0, "tables, 1 to 64", 0},
    {"probes", KEY_PROBES, "T", 0, "buckets of a table that are looked into", 0},
    {"width", KEY_WIDTH, "W", 0, "width of a cell, for distances", 0},
    {"directory", KEY_DIRECTORY, "NAME", 0,
     "what finds a bucket: lsi, a learned index over unsorted codes, hash or sorted "
     "(default lsi)",
     0},
    {"curve", KEY_CURVE, "FILE", 0,
     "also measure recall over candidates, by queries that had no part in the choice, and "
     "write it: tables, probes, recall, candidates, share, tab-separated",
     0},
    {"html", KEY_HTML, "FILE", 0, "the same as a page with a chart, times and sizes", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    rank_lsh *r = state->input;
    bovw_lsh_options *o = &r->opts;
    for (size_t i = 0; table[i].name; i++) {
        if (table[i].key == key && !r->option)
            r->option = table[i].name;
    }
    switch (key) {
    case KEY_RECALL:
        o->recall = (double)parse_number(state, "--recall", text, 0.01, 0.999);
        return 0;
    case KEY_HASHES:
        o->n_hashes =
            (uint32_t)parse_count(state, "--hashes", text, 1, BOVW_LSH_MAX_HASHES);
        return 0;
    case KEY_TABLES:
        o->n_tables =
            (uint32_t)parse_count(state, "--tables", text, 1, BOVW_LSH_MAX_TABLES);
        return 0;
    case KEY_PROBES:
        o->n_probes =
            (uint32_t)parse_count(state, "--probes", text, 1, BOVW_LSH_MAX_PROBES);
        return 0;
    case KEY_WIDTH:
        o->width = (double)parse_number(state, "--width", text, 1e-15, 1e15);
        return 0;
    case KEY_DIRECTORY:
        o->directory =
            (bovw_directory)parse_name(state, "--directory", text, bovw_directory_name);
        return 0;
    case KEY_CURVE:
        r->curve = text;
        return 0;
    case KEY_HTML:
        r->html = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp rank_lsh_argp = {.options = table, .parser = parse};

/* ---- what is said ----------------------------------------------------------------- */

static void say_choice(console *out, const bovw_lsh *lsh)
{
    bovw_lsh_facts f;
    bovw_lsh_describe(lsh, &f);
    const bovw_lsh_options *o = &f.chosen;
    char width[48] = "";
    if (o->width > 0)
        snprintf(width, sizeof width, " of width %.6g", o->width);
    console_say(out, "%u hashes%s, %u table%s, %u probe%s of each", o->n_hashes, width,
                o->n_tables, plural(o->n_tables), o->n_probes, plural(o->n_probes));
    if (f.n_sample > 0 && !f.is_reached)
        console_complain(out, "recall@%u of %.3f is not certain: expected are %.3f",
                         f.n_nearest, o->recall, f.recall);
    else if (f.n_sample > 0)
        console_say(out, "expected of a query: recall@%u %.3f, %.1f candidates",
                    f.n_nearest, f.recall, f.n_candidates);
    console_detail(
        out,
        "bytes a vector: %.1f of its own, %.2f for directories (%s), %.2f for "
        "codes",
        (double)f.vector_bytes / f.n_vectors, (double)f.directory_bytes / f.n_vectors,
        bovw_directory_name((size_t)o->directory), (double)f.code_bytes / f.n_vectors);
    console_detail(out, "chosen in %.2f s, tables filled in %.2f s", f.seconds_choosing,
                   f.seconds_filling);
}

static void say_work(console *out, const bovw_lsh_work *work)
{
    if (work->n_queries == 0)
        return;
    const double n = (double)work->n_queries;
    console_say(out, "%.1f candidates, %.1f buckets, %.4f ms a query",
                (double)work->n_candidates / n, (double)work->n_buckets / n,
                1e3 * work->seconds / n);
}

static bovw_status write_curve(const char *path, const bovw_lsh_facts *facts,
                               const bovw_lsh_curve *curve, bovw_error *err)
{
    new_file file = {0};
    bovw_status status = new_file_open(path, &file, err);
    if (status != BOVW_OK)
        return status;
    fprintf(file.stream, "tables\tprobes\trecall\tcandidates\tshare\n");
    for (uint32_t i = 0; i < curve->n; i++) {
        const bovw_lsh_point *p = &curve->points[i];
        fprintf(file.stream, "%u\t%u\t%.6f\t%.2f\t%.8f\n", p->n_tables, p->n_probes,
                p->recall, p->n_candidates, p->n_candidates / facts->n_vectors);
    }
    return new_file_commit(&file, err);
}

static bovw_status measure(const rank_lsh *input, const bovw_lsh *lsh, const char *foot,
                           console *out, bovw_error *err)
{
    const bovw_monitor monitor = console_monitor(out);
    bovw_lsh_curve curve;
    bovw_lsh_facts facts;
    bovw_lsh_describe(lsh, &facts);
    bovw_status status = bovw_lsh_curve_measure(lsh, &monitor, &curve, err);
    if (status != BOVW_OK)
        return status;
    console_say(out,
                "%u queries held out: recall@%u %.3f, %.1f candidates, %.4f ms a query; "
                "exactly %.4f ms",
                curve.n_queries, facts.n_nearest, curve.chosen.recall,
                curve.chosen.n_candidates, 1e3 * curve.chosen.seconds,
                1e3 * curve.exact_seconds);
    if (input->curve)
        status = write_curve(input->curve, &facts, &curve, err);
    if (status == BOVW_OK && input->html)
        status = bovw_lsh_page_write(input->html, &facts, &curve, foot, err);
    return status;
}

bovw_status rank_lsh_run(const rank_lsh *input, const bovw_vectors *db,
                         const bovw_vectors *queries, const bovw_rank_options *rank,
                         const char *foot, console *out, const bovw_compute *compute,
                         bovw_neighbour_consumer *consume, void *context, bovw_error *err)
{
    const bovw_monitor monitor = console_monitor(out);
    bovw_lsh_work work = {0};
    bovw_lsh *lsh = NULL;
    bovw_status status =
        bovw_lsh_new(db, queries, rank, &input->opts, compute, &monitor, &lsh, err);
    if (status == BOVW_OK) {
        say_choice(out, lsh);
        if (input->curve || input->html)
            status = measure(input, lsh, foot, out, err);
    }
    if (status == BOVW_OK)
        status = bovw_lsh_rank(lsh, queries, &monitor, consume, context, &work, err);
    if (status == BOVW_OK)
        say_work(out, &work);
    bovw_lsh_free(lsh);
    return status;
}
