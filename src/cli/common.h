/* common.h - what every command shares: option groups, strict numbers, checks
 * of paths, texts. */
#ifndef CLI_COMMON_H
#define CLI_COMMON_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bovw/features.h"
#include "bovw/monitor.h"
#include "bovw/search.h"

/* ---- options that every command has ------------------------------------ */

typedef struct common_options {
    bovw_compute compute;
    uint64_t seed;
    bool is_quiet, is_verbose;
} common_options;

void common_options_default(common_options *opts);
extern const struct argp common_argp;             /* input: common_options */
extern const struct argp_child common_children[]; /* of commands that have these alone */

/* ---- commands on one index ----------------------------------------------- */

typedef struct index_input {
    common_options common;
    const char *index;
} index_input;

/* The parser of a command whose only argument is INDEX; input: index_input,
 * children: common_children. */
error_t index_parse(int key, char *text, struct argp_state *state);

/* ---- how features are extracted ---------------------------------------- */

typedef struct feature_input {
    bovw_feature_options opts;
    bool is_given; /* at least one of the options was used */
} feature_input;

void feature_input_default(feature_input *input);
/* What a source is to be opened with: NULL leaves it to the .feat files. */
const bovw_feature_options *feature_input_get(const feature_input *input);
extern const struct argp feature_argp; /* input: feature_input */

/* ---- how a query is ranked ---------------------------------------------- */

typedef struct search_input {
    bovw_search_options opts;
    bovw_search_options defaults; /* for the help text */
} search_input;

/* The library's defaults, but `top` results. */
void search_input_default(search_input *input, uint32_t top);
extern const struct argp search_argp; /* input: search_input */

/* How images are ranked, as on a command line, for all that is written. */
#define SEARCH_TEXT 320
const char *search_text(const bovw_search_options *opts, char text[SEARCH_TEXT]);

/* Tag of a run: "bovw", or "bovw-best" for a preset. */
#define SEARCH_TAG 40
const char *search_tag(const bovw_search_options *opts, char tag[SEARCH_TAG]);

/* Seconds of all stages. */
double timings_sum(const bovw_timings *seconds);

/* ---- arguments and numbers ---------------------------------------------- */

typedef struct arguments {
    char **items;
    size_t n;
} arguments;

/* For ARGP_KEY_ARGS: everything that is not an option. */
void arguments_take(const struct argp_state *state, arguments *args);

/* Name i of those that an option knows; NULL past the last. */
typedef const char *name_at(size_t i);

/* The number of the name that was given; else a usage error that lists them. */
size_t parse_name(const struct argp_state *state, const char *option, const char *text,
                  name_at *name);

/* Whole number in [least, most], digits only; else a usage error that names
 * option, value and range. */
uint64_t parse_count(const struct argp_state *state, const char *option, const char *text,
                     uint64_t least, uint64_t most);
int32_t parse_integer(const struct argp_state *state, const char *option, const char *text,
                      int32_t least, int32_t most);
float parse_number(const struct argp_state *state, const char *option, const char *text,
                   double least, double most);

/* A size in bytes: a number and K, M, G or T, powers of 1,000. */
uint64_t parse_bytes(const struct argp_state *state, const char *option, const char *text);

/* X,Y,W,H in pixels to x0 y0 x1 y1. */
void parse_region(const struct argp_state *state, const char *option, const char *text,
                  float region[4]);

/* For help filters: text with "{}" replaced by the formatted default. The
 * result is argp's to free. */
char *help_fill(const char *text, const char *format, ...) PRINTF_LIKE(2, 3);

/* Text with "{}" replaced by the kinds of ground truth. */
char *truth_help(const char *text);

/* The same where there is nothing to fill in. */
char *help_as_is(const char *text);

/* ---- texts and checks ---------------------------------------------------- */

/* 1234567 as "1,234,567". */
#define COUNT_TEXT 32
const char *count_text(uint64_t n, char text[COUNT_TEXT]);

/* "s" where a count needs it. */
const char *plural(uint64_t n);

/* The words of a command line with blanks between them, quoted for a shell
 * where need be. The caller's; NULL without memory. */
char *join_words(int n, char **words);

/* Can path be written, and would nothing be lost? "-" is always fine.
 * BOVW_ERR_ARG where it exists and is_forced is false; BOVW_ERR_IO. */
bovw_status check_output(const char *path, bool is_forced, bovw_error *err);

/* bovw_source_open() on PATH arguments; BOVW_ERR_ARG where they hold no picture. */
bovw_status open_source(const arguments *paths, const bovw_feature_options *opts,
                        const bovw_monitor *monitor, bovw_source **source, bovw_error *err);

/* Memory of this machine in bytes; 0 where it is not known. */
uint64_t machine_memory(void);

/* The file to show for this image name; NULL for standard input. */
const char *picture_of(const char *name);

#endif
