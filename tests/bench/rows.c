/* SPDX-License-Identifier: MIT */
#include "bench/rows.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_VALUES = 24,
    LEAST_WIDTH = 8,
    TEXT_WIDTH = 26
};

typedef struct row_value {
    const char *name, *text; /* text NULL: a number */
    int decimals;
    double number;
} row_value;

static struct {
    const char *table;
    row_value values[MOST_VALUES];
    int n;
    bool has_heading;
    char heading[1024]; /* the columns of the one above */
} state;

void rows_table(const char *table, const char *title)
{
    state.table = table;
    state.n = 0;
    state.has_heading = false;
    printf("\n%s\n", title);
}

static void add(row_value value)
{
    if (state.n < MOST_VALUES)
        state.values[state.n++] = value;
}

void rows_text(const char *name, const char *text)
{
    add((row_value){.name = name, .text = text});
}

void rows_number(const char *name, int decimals, double value)
{
    add((row_value){.name = name, .decimals = decimals, .number = value});
}

static int width_of(const row_value *v)
{
    const int width = (int)strlen(v->name), least = v->text ? TEXT_WIDTH : LEAST_WIDTH;
    return width < least ? least : width;
}

/* The heading, where it is not the one above. */
static void print_heading(void)
{
    char names[sizeof state.heading] = "";
    size_t length = 0;
    for (int i = 0; i < state.n && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length,
                                   state.values[i].text ? "%-*s  " : "%*s  ",
                                   width_of(&state.values[i]), state.values[i].name);
    if (!state.has_heading || strcmp(names, state.heading) != 0)
        printf("%s\n", names);
    memcpy(state.heading, names, sizeof names);
    state.has_heading = true;
}

static void print_values(void)
{
    for (int i = 0; i < state.n; i++) {
        const row_value *v = &state.values[i];
        if (v->text)
            printf("%-*s  ", width_of(v), v->text);
        else if (isfinite(v->number))
            printf("%*.*f  ", width_of(v), v->decimals, v->number);
        else
            printf("%*s  ", width_of(v), "-");
    }
    printf("\n");
    fflush(stdout);
}

static void write_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        if ((unsigned char)*text >= ' ')
            fputc(*text, file);
    }
    fputc('"', file);
}

static void write_json(void)
{
    const char *path = getenv("BENCH_JSON");
    FILE *file = path && *path ? fopen(path, "ae") : NULL;
    if (!file)
        return;
    fputs("{\"table\": ", file);
    write_string(file, state.table);
    for (int i = 0; i < state.n; i++) {
        const row_value *v = &state.values[i];
        fputs(", ", file);
        write_string(file, v->name);
        fputs(": ", file);
        if (v->text)
            write_string(file, v->text);
        else if (isfinite(v->number))
            fprintf(file, "%.*f", v->decimals, v->number);
        else
            fputs("null", file);
    }
    fputs("}\n", file);
    fclose(file);
}

void rows_end(void)
{
    print_heading();
    print_values();
    write_json();
    state.n = 0;
}
