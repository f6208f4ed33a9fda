/* SPDX-License-Identifier: MIT
 *
 * TREC qrels: lines `query 0 image relevance`; above 0 is relevant, 0 wrong,
 * below 0 ignored. Names are percent-encoded as in run files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/lines.h"
#include "base/memory.h"
#include "eval/lists.h"
#include "eval/run_names.h"

typedef struct judged_line {
    const char *query, *image;
    long relevance;
    uint32_t line;
} judged_line;

typedef struct qrels {
    lines in;
    judged_line *lines; /* (n,) */
    size_t n, capacity;
} qrels;

static bovw_status read_line(const qrels *q, char *text, judged_line *read, bovw_error *err)
{
    char *query = lines_word(&text), *iteration = lines_word(&text);
    char *image = lines_word(&text), *relevance = lines_word(&text);
    char *end = NULL;
    if (!relevance || lines_word(&text))
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: line %u: want four words: query 0 image "
                    "relevance",
                    q->in.label, q->in.line);
    (void)iteration;
    errno = 0;
    *read = (judged_line){.query = query,
                          .image = image,
                          .relevance = strtol(relevance, &end, 10),
                          .line = q->in.line};
    if (errno || end == relevance || *end)
        return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: relevance '%s' is not a number",
                    q->in.label, q->in.line, relevance);
    if (!run_name_decode(query) || !run_name_decode(image))
        return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: %%00 in a name", q->in.label,
                    q->in.line);
    return BOVW_OK;
}

static bovw_status read_lines(qrels *q, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    char *line;
    while (status == BOVW_OK && (line = lines_next(&q->in))) {
        if (!line[strspn(line, " \t")])
            continue;
        if (!mem_grow(&q->lines, &q->capacity, q->n + 1, sizeof *q->lines))
            return fail_memory(err, q->in.label);
        status = read_line(q, line, &q->lines[q->n], err);
        q->n++;
    }
    return status;
}

/* Lines of one query together, queries in order of appearance, which `numbers`
 * has. */
typedef struct ordered_line {
    uint32_t query;
    uint32_t line; /* index */
} ordered_line;

static int compare_lines(const void *a, const void *b)
{
    const ordered_line *x = a, *y = b;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static bovw_status add_lines(bovw_truth *truth, const qrels *q, const ordered_line *order,
                             bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (size_t i = 0; status == BOVW_OK && i < q->n; i++) {
        const judged_line *line = &q->lines[order[i].line];
        if (i == 0 || order[i].query != order[i - 1].query) {
            const truth_query query = {
                .shown = {
                    .name = line->query, .picture = line->query, .set = "", .group = ""}};
            status = truth_add_query(truth, &query, err);
        }
        if (status == BOVW_OK)
            status = lists_add(truth, line->image,
                               line->relevance > 0   ? BOVW_RELEVANT
                               : line->relevance < 0 ? BOVW_IGNORED
                                                     : BOVW_WRONG,
                               line->line, err);
    }
    return status;
}

static bovw_status group_lines(bovw_truth *truth, const qrels *q, bovw_error *err)
{
    intern *queries = intern_new();
    ordered_line *order = mem_array(q->n, sizeof *order);
    bovw_status status = queries && order ? BOVW_OK : fail_memory(err, q->in.label);
    for (size_t i = 0; status == BOVW_OK && i < q->n; i++) {
        order[i] = (ordered_line){intern_add(queries, q->lines[i].query), (uint32_t)i};
        if (order[i].query == INTERN_NONE)
            status = fail_memory(err, q->in.label);
    }
    if (status == BOVW_OK && q->n > 0)
        qsort(order, q->n, sizeof *order, compare_lines);
    if (status == BOVW_OK)
        status = add_lines(truth, q, order, err);
    intern_free(queries);
    free(order);
    return status;
}

static bovw_status finish(bovw_truth *truth, bovw_error *err)
{
    lists_clash clash = {0};
    bovw_error reason = {0};
    const bovw_status status = lists_end(truth, &clash, &reason);
    if (status != BOVW_OK && clash.name)
        return fail(
            err, status, "%s: line %u: image '%s' of query '%s' is in line %u already",
            truth_label(truth), clash.place, clash.name, clash.query, clash.first_place);
    return status == BOVW_OK ? BOVW_OK : fail(err, status, "%s", reason.text);
}

static bovw_status open_qrels(bovw_truth *truth, bovw_error *err)
{
    qrels q = {0};
    bovw_status status = lists_begin(truth, err);
    if (status == BOVW_OK)
        status = lines_open(truth->path, &q.in, err);
    if (status == BOVW_OK)
        status = read_lines(&q, err);
    if (status == BOVW_OK && !truth_keep(truth, lines_take(&q.in)))
        status = fail_memory(err, q.in.label);
    if (status == BOVW_OK)
        status = group_lines(truth, &q, err);
    if (status == BOVW_OK)
        status = finish(truth, err);
    free(q.lines);
    lines_close(&q.in);
    return status;
}

const truth_kind truth_qrels = {
    .name = "qrels",
    .summary = "TREC lines: query 0 image relevance (above 0 relevant, below 0 ignored)",
    .open = open_qrels,
};
