/* SPDX-License-Identifier: MIT */
#include "cli/json_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

json_t *json_name(const char *name)
{
    json_t *text = json_string(name);
    if (text)
        return text;
    char *encoded = mem_array(strlen(name) + 1, 3);
    if (!encoded)
        return NULL;
    char *to = encoded;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (*p < 0x80)
            *to++ = (char)*p;
        else
            to += snprintf(to, 4, "%%%02X", *p);
    }
    *to = '\0';
    text = json_string(encoded);
    free(encoded);
    return text;
}

bovw_status json_write_line(const json_t *object, FILE *to, bovw_error *err)
{
    /* Nine digits tell every float from its neighbours. */
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text)
        return fail_memory(err, "JSON");
    const bool ok = fprintf(to, "%s\n", text) >= 0;
    free(text);
    return ok ? BOVW_OK : fail_errno(err, NULL, "cannot write");
}
