/* SPDX-License-Identifier: MIT
 *
 * A run file is read line by line; its lines are then sorted by query and
 * score, and checked for what would silently give another ranking than the
 * one that was meant. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/intern.h"
#include "base/lines.h"
#include "base/memory.h"
#include "bovw/compare.h"
#include "eval/run_names.h"

enum {
    MAX_LINE_BYTES = 1 << 16
};

typedef struct ranked_line {
    uint32_t query, image;
    float score;
    uint32_t rank, line;
} ranked_line;

struct bovw_run {
    intern *queries, *images;
    bovw_run_entry *entries; /* (n,) by query */
    size_t *first;           /* (n_queries + 1,) */
};

typedef struct reader {
    const char *label;
    FILE *stream;
    bovw_run *run;
    ranked_line *lines; /* (n,) */
    size_t n, capacity;
    uint32_t line; /* number of the line read last */
    char text[MAX_LINE_BYTES];
} reader;

/* ---- lines ------------------------------------------------------------------ */

static bovw_status open_stream(reader *r, const char *path, bovw_error *err)
{
    r->label = strcmp(path, "-") == 0 ? "standard input" : path;
    if (strcmp(path, "-") != 0) {
        r->stream = fopen(path, "r");
    } else {
        const int copy = dup(STDIN_FILENO);
        r->stream = copy < 0 ? NULL : fdopen(copy, "r");
        if (!r->stream && copy >= 0)
            close(copy);
    }
    return r->stream ? BOVW_OK : fail_errno(err, r->label, NULL);
}

static bovw_status fail_line(const reader *r, const char *reason, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: %s", r->label, r->line, reason);
}

static bool parse_rank(const char *text, uint32_t *rank)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value =
        *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || value > UINT32_MAX)
        return false;
    *rank = (uint32_t)value;
    return true;
}

static bool parse_score(const char *text, float *score)
{
    char *end = NULL;
    *score = strtof(text, &end);
    return end != text && *end == '\0' && isfinite(*score);
}

/* `text` is the line, cut up here. */
static bovw_status parse_line(reader *r, char *text, bovw_error *err)
{
    char *fields[6];
    ranked_line read = {.line = r->line};
    for (int i = 0; i < 6; i++) {
        fields[i] = lines_word(&text);
        if (!fields[i])
            return fail_line(r, "want six words: qid Q0 image rank score tag", err);
    }
    if (lines_word(&text))
        return fail_line(r, "want six words: qid Q0 image rank score tag", err);
    if (!parse_rank(fields[3], &read.rank))
        return fail_line(r, "the rank is not a whole number", err);
    if (!parse_score(fields[4], &read.score))
        return fail_line(r, "the score is not a finite number", err);
    if (!run_name_decode(fields[0]) || !run_name_decode(fields[2]))
        return fail_line(r, "%00 in a name", err);

    read.query = intern_add(r->run->queries, fields[0]);
    read.image = intern_add(r->run->images, fields[2]);
    if (read.query == INTERN_NONE || read.image == INTERN_NONE ||
        !mem_grow(&r->lines, &r->capacity, r->n + 1, sizeof *r->lines))
        return fail_memory(err, r->label);
    r->lines[r->n++] = read;
    return BOVW_OK;
}

static bovw_status read_lines(reader *r, bovw_error *err)
{
    while (fgets(r->text, sizeof r->text, r->stream)) {
        if (r->line == UINT32_MAX)
            return fail(err, BOVW_ERR_LIMIT, "%s: more than %u lines", r->label,
                        UINT32_MAX);
        r->line++;
        size_t length = strlen(r->text);
        const bool is_whole = length > 0 && r->text[length - 1] == '\n';
        if (!is_whole && !feof(r->stream))
            return fail_line(r, "longer than 65,535 bytes, or with a zero byte", err);
        while (length > 0 && (r->text[length - 1] == '\n' || r->text[length - 1] == '\r'))
            r->text[--length] = '\0';
        if (r->text[strspn(r->text, " \t")] == '\0')
            continue;
        const bovw_status status = parse_line(r, r->text, err);
        if (status != BOVW_OK)
            return status;
    }
    return ferror(r->stream) ? fail_errno(err, r->label, "cannot read") : BOVW_OK;
}

/* ---- rankings ----------------------------------------------------------------- */

static int compare_lines(const void *a, const void *b)
{
    const ranked_line *x = a, *y = b;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* No score may rise with the rank. */
static bovw_status check_order(const reader *r, bovw_error *err)
{
    for (size_t i = 1; i < r->n; i++) {
        const ranked_line *better = &r->lines[i - 1], *worse = &r->lines[i];
        if (better->query != worse->query || better->rank <= worse->rank)
            continue;
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: line %u: rank %u has a higher score than rank %u in line %u: the "
                    "best must have the highest score",
                    r->label, better->line, better->rank, worse->rank, worse->line);
    }
    return BOVW_OK;
}

/* No image may be ranked twice for a query. */
static bovw_status check_repeats(const reader *r, bovw_error *err)
{
    const uint32_t n = intern_count(r->run->images);
    const ranked_line **last = mem_array(n, sizeof *last); /* of each image */
    bovw_status status = BOVW_OK;
    if (!last)
        return fail_memory(err, r->label);
    for (size_t i = 0; status == BOVW_OK && i < r->n; i++) {
        const ranked_line *a = last[r->lines[i].image], *b = &r->lines[i];
        if (a && a->query == b->query)
            status = fail(err, BOVW_ERR_CORRUPT,
                          "%s: line %u: image '%s' of query '%s' is in line %u already",
                          r->label, a->line > b->line ? a->line : b->line,
                          intern_texts(r->run->images)[b->image],
                          intern_texts(r->run->queries)[b->query],
                          a->line > b->line ? b->line : a->line);
        last[b->image] = b;
    }
    free(last);
    return status;
}

static bovw_status make_rankings(reader *r, bovw_error *err)
{
    bovw_run *run = r->run;
    const uint32_t n_queries = intern_count(run->queries);
    if (r->n == 0)
        return fail(err, BOVW_ERR_FORMAT, "%s: empty: no rankings", r->label);
    qsort(r->lines, r->n, sizeof *r->lines, compare_lines);
    bovw_status status = check_order(r, err);
    if (status == BOVW_OK)
        status = check_repeats(r, err);
    if (status != BOVW_OK)
        return status;

    run->entries = mem_array(r->n, sizeof *run->entries);
    run->first = mem_array((size_t)n_queries + 1, sizeof *run->first);
    if (!run->entries || !run->first)
        return fail_memory(err, r->label);
    for (size_t i = 0; i < r->n; i++) {
        run->entries[i] = (bovw_run_entry){r->lines[i].image, r->lines[i].score};
        run->first[r->lines[i].query + 1] = i + 1;
    }
    return BOVW_OK;
}

bovw_status bovw_run_open(const char *path, bovw_run **run, bovw_error *err)
{
    reader *r = mem_array(1, sizeof *r);
    bovw_status status = BOVW_OK;
    if (r)
        r->run = mem_array(1, sizeof *r->run);
    if (r && r->run) {
        r->run->queries = intern_new();
        r->run->images = intern_new();
    }
    if (!r || !r->run || !r->run->queries || !r->run->images)
        status = fail_memory(err, path);
    if (status == BOVW_OK)
        status = open_stream(r, path, err);
    if (status == BOVW_OK)
        status = read_lines(r, err);
    if (status == BOVW_OK)
        status = make_rankings(r, err);
    if (status == BOVW_OK) {
        *run = r->run;
        r->run = NULL;
    }
    if (r) {
        if (r->stream)
            fclose(r->stream);
        bovw_run_close(r->run);
        free(r->lines);
    }
    free(r);
    return status;
}

void bovw_run_close(bovw_run *run)
{
    if (!run)
        return;
    intern_free(run->queries);
    intern_free(run->images);
    free(run->entries);
    free(run->first);
    free(run);
}

uint32_t bovw_run_n_queries(const bovw_run *run)
{
    return intern_count(run->queries);
}

const char *bovw_run_query(const bovw_run *run, uint32_t query)
{
    return intern_texts(run->queries)[query];
}

uint32_t bovw_run_ranking(const bovw_run *run, uint32_t query,
                          const bovw_run_entry **entries)
{
    *entries = run->entries + run->first[query];
    return (uint32_t)(run->first[query + 1] - run->first[query]);
}

uint32_t bovw_run_n_images(const bovw_run *run)
{
    return intern_count(run->images);
}

const char *bovw_run_image(const bovw_run *run, uint32_t image)
{
    return intern_texts(run->images)[image];
}
