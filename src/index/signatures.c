/* SPDX-License-Identifier: MIT
 *
 * The kinds of signatures that an index can have, and their names. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "bovw/index.h"

static const struct {
    const char *name, *summary;
    uint32_t bit, implied;
} kinds[] = {
    {"he64", "8 bytes a feature, for --score he and better verification",
     BOVW_SIGNATURES_HE64, 0},
    {"he128", "16 bytes a feature, for the same with longer signatures",
     BOVW_SIGNATURES_HE128, BOVW_SIGNATURES_HE64},
    {"asmk", "16 bytes for each word of an image, for --score asmk", BOVW_SIGNATURES_ASMK,
     0},
};

enum {
    N_KINDS = sizeof kinds / sizeof kinds[0]
};

const char *bovw_signatures_kind(size_t i, const char **summary)
{
    if (i >= N_KINDS)
        return NULL;
    if (summary)
        *summary = kinds[i].summary;
    return kinds[i].name;
}

/* The kind whose name has this length; N_KINDS if there is none. */
static size_t find_kind(const char *name, size_t length)
{
    size_t i = 0;
    while (i < N_KINDS &&
           (strlen(kinds[i].name) != length || memcmp(kinds[i].name, name, length) != 0))
        i++;
    return i;
}

bovw_status bovw_signatures_parse(const char *text, uint32_t *signatures, bovw_error *err)
{
    uint32_t set = 0;
    if (strcmp(text, "none") == 0) {
        *signatures = BOVW_SIGNATURES_NONE;
        return BOVW_OK;
    }
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",");
        const size_t kind = find_kind(at, length);
        if (kind == N_KINDS)
            return fail(err, BOVW_ERR_ARG,
                        "\"%s\" is not none, nor a list of he64, he128 and asmk", text);
        set |= kinds[kind].bit | kinds[kind].implied;
        at += length;
        if (!*at)
            break;
    }
    *signatures = set;
    return BOVW_OK;
}

void bovw_signatures_format(uint32_t signatures, char text[BOVW_SIGNATURES_TEXT])
{
    size_t length = 0;
    snprintf(text, BOVW_SIGNATURES_TEXT, "none");
    for (size_t i = 0; i < N_KINDS; i++) {
        const bool is_implied =
            kinds[i].bit == BOVW_SIGNATURES_HE64 && signatures & BOVW_SIGNATURES_HE128;
        if (signatures & kinds[i].bit && !is_implied)
            length += (size_t)snprintf(text + length, BOVW_SIGNATURES_TEXT - length, "%s%s",
                                       length ? "," : "", kinds[i].name);
    }
}
