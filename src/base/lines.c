/* SPDX-License-Identifier: MIT */
#include "base/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
    MAX_FILE_BYTES = 1 << 30 /* ten million images with long paths */
};

bovw_status lines_open(const char *path, lines *l, bovw_error *err)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    *l = (lines){.label = strcmp(path, "-") == 0 ? "standard input" : path};
    const bovw_status status = file_read(path, MAX_FILE_BYTES, &bytes, &n_bytes, err);
    if (status != BOVW_OK)
        return status;

    const uint8_t *zero = memchr(bytes, 0, n_bytes);
    if (zero) {
        size_t line = 1;
        for (const uint8_t *p = bytes; p < zero; p++)
            line += *p == '\n';
        free(bytes);
        return fail(err, BOVW_ERR_FORMAT, "%s: line %zu: a zero byte: not a text file",
                    l->label, line);
    }
    l->text = l->rest = (char *)bytes;
    if (strncmp(l->rest, byte_order_mark, 3) == 0)
        l->rest += 3;
    return BOVW_OK;
}

void lines_close(lines *l)
{
    free(l->text);
    *l = (lines){0};
}

char *lines_take(lines *l)
{
    char *text = l->text;
    l->text = l->rest = NULL;
    return text;
}

char *lines_part(char **rest, char separator)
{
    char *part = *rest;
    if (!part)
        return NULL;
    char *end = strchr(part, separator);
    if (end)
        *end++ = '\0';
    *rest = end;
    return part;
}

char *lines_next(lines *l)
{
    char *line;
    while ((line = lines_part(&l->rest, '\n'))) {
        l->line++;
        const size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        if (*line)
            return line;
    }
    return NULL;
}

char *lines_word(char **rest)
{
    char *word = *rest;
    if (!word)
        return NULL;
    word += strspn(word, " \t");
    if (*word == '\0') {
        *rest = NULL;
        return NULL;
    }
    char *end = word + strcspn(word, " \t");
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    return word;
}
