/* SPDX-License-Identifier: MIT */
#include "bovw/eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

struct bovw_run_writer {
    new_file file;
    char *path;
    char *tag;  /* encoded */
    char *line; /* scratch */
    size_t capacity;
    bool is_broken; /* a line was lost: the file must not appear */
};

/* Bytes of the white space or control character at p, which is not the end; 0
 * for any other. Readers that split text by Unicode's rules, as Python does,
 * must find six fields too. */
static size_t separator_bytes(const unsigned char *p)
{
    if (p[0] <= 0x20 || p[0] == 0x7f)
        return 1;
    /* U+0080 to U+00A0 */
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0xa0)
        return 2;
    /* U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000 */
    if ((p[0] == 0xe1 && p[1] == 0x9a && p[2] == 0x80) ||
        (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x80 && p[2] <= 0x8a) ||
        (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9 || p[2] == 0xaf)) ||
        (p[0] == 0xe2 && p[1] == 0x81 && p[2] == 0x9f) ||
        (p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80))
        return 3;
    return 0;
}

/* Write name percent-encoded at `to`, which has room for three bytes for each
 * of name's and a zero. Returns the end. */
static char *encode(char *to, const char *name)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = (const unsigned char *)name;
    while (*p) {
        size_t n = *p == '%' ? 1 : separator_bytes(p);
        if (n == 0)
            *to++ = (char)*p++;
        for (; n > 0; n--, p++) {
            *to++ = '%';
            *to++ = digits[*p >> 4];
            *to++ = digits[*p & 15];
        }
    }
    *to = '\0';
    return to;
}

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
    encode(made->tag, tag);
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
    char *end = encode(writer->line, query);
    memcpy(end, " Q0 ", 4);
    end = encode(end + 4, image);
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
