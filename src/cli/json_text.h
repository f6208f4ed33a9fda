/* json_text.h - JSON lines. */
#ifndef CLI_JSON_TEXT_H
#define CLI_JSON_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"

/* A file name as a JSON string. JSON is UTF-8: in a name that is not, every
 * byte above 127 is percent-encoded. NULL without memory. */
json_t *json_name(const char *name);

/* One object as one line. */
bovw_status json_write_line(const json_t *object, FILE *to, bovw_error *err);

#endif
