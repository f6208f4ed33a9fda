/* lines.h - text files line by line, with what messages need. */
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct lines {
    const char *label; /* the file, in messages; borrowed */
    char *text;        /* the contents, cut up as they are read; owned */
    char *rest;        /* not read yet, NULL at the end */
    uint32_t line;     /* number of the line read last, from 1 */
} lines;

/* Read the whole file ("-" is standard input), at most 1 GiB. path is borrowed
 * until close. BOVW_ERR_IO, _LIMIT, _NOMEM; BOVW_ERR_FORMAT naming the line
 * where the text has a zero byte, which would hide what follows. A byte order
 * mark at the start is passed over. */
bovw_status lines_open(const char *path, lines *l, bovw_error *err);
void lines_close(lines *l); /* zeroes it; a zeroed one is fine */

/* Take the text: what was cut from it then lives until it is freed. */
char *lines_take(lines *l);

/* Next line that is not empty, without its end; NULL after the last. */
char *lines_next(lines *l);

/* Cut the part up to the separator off *rest; NULL at the end. */
char *lines_part(char **rest, char separator);

/* Cut the next word off *rest, between blanks and tabs; NULL at the end. */
char *lines_word(char **rest);

#endif
