/* SPDX-License-Identifier: MIT */
#include "bovw/eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "eval/run_names.h"

struct bovw_run_writer {
    new_file file;
    char *path;
    char *tag;  /* encoded */
    char *line; /* scratch */
    size_t capacity;
    bool is_broken; /* a line was lost: the file must not appear */
};

bovw_status bovw_run_writer_open(const char *path, const char *tag,
                                 bovw_run_writer **writer, bovw_error *err)
{
    if (tag[0] == '\0')
        return fail(err, BOVW_ERR_ARG, "%s: empty tag", path);
    bovw_run_writer *made = mem_array(1, sizeof *made);
    if (made) {
        made->path = mem_text(strcmp(path, "-") == 0 ? "standard output" : path);
        made->tag = mem_array(strlen(tag) + 1, 3);
    }
    if (!made || !made->path || !made->tag) {
        bovw_run_writer_abort(made);
        return fail_memory(err, path);
    }
    run_name_encode(made->tag, tag);
    const bovw_status status = new_file_open(path, &made->file, err);
    if (status != BOVW_OK) {
        bovw_run_writer_abort(made);
        return status;
    }
    *writer = made;
    return BOVW_OK;
}

static bovw_status write_line(bovw_run_writer *writer, const char *query, const char *image,
                              uint32_t rank, float score, bovw_error *err)
{
    const size_t room =
        3 * (strlen(query) + strlen(image)) + strlen(writer->tag) + 64; /* numbers */
    if (!mem_grow(&writer->line, &writer->capacity, room, 1))
        return fail_memory(err, writer->path);
    char *end = run_name_encode(writer->line, query);
    memcpy(end, " Q0 ", 4);
    end = run_name_encode(end + 4, image);
    end += snprintf(end, room - (size_t)(end - writer->line), " %u %.9g %s\n", rank,
                    (double)score, writer->tag);
    return new_file_write(&writer->file, writer->line, (size_t)(end - writer->line), err);
}

bovw_status bovw_run_writer_add(bovw_run_writer *writer, const char *query,
                                const char *image, uint32_t rank, float score,
                                bovw_error *err)
{
    if (query[0] == '\0' || image[0] == '\0')
        return fail(err, BOVW_ERR_ARG, "%s: empty name of %s", writer->path,
                    query[0] == '\0' ? "a query" : "an image");
    if (rank == 0 || !isfinite(score))
        return fail(err, BOVW_ERR_ARG, "%s: query %s: rank %u, score %g", writer->path,
                    query, rank, (double)score);
    const bovw_status status = write_line(writer, query, image, rank, score, err);
    if (status != BOVW_OK)
        writer->is_broken = true;
    return status;
}

bovw_status bovw_run_writer_close(bovw_run_writer *writer, bovw_error *err)
{
    bovw_status status;
    if (writer->is_broken)
        status =
            fail(err, BOVW_ERR_IO, "%s: not written: an earlier line failed", writer->path);
    else
        status = new_file_commit(&writer->file, err);
    bovw_run_writer_abort(writer);
    return status;
}

void bovw_run_writer_abort(bovw_run_writer *writer)
{
    if (!writer)
        return;
    new_file_abort(&writer->file);
    free(writer->path);
    free(writer->tag);
    free(writer->line);
    free(writer);
}
