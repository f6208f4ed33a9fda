/* SPDX-License-Identifier: MIT */
#include "cli/adding.h"

#include <stdio.h>

#include "base/clock.h"

enum {
    KEY_BATCH = 0x100
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    bovw_add_options *opts = state->input;
    if (key != KEY_BATCH)
        return ARGP_ERR_UNKNOWN;
    opts->batch = (uint32_t)parse_count(state, "--batch", text, 1, 10000000);
    return 0;
}

static char *help(int key, const char *text, void *input)
{
    bovw_add_options defaults;
    (void)input;
    bovw_add_options_default(&defaults);
    if (key == KEY_BATCH)
        return help_fill(text, "%u", defaults.batch);
    return help_as_is(text);
}

static const struct argp_option table[] = {
    {"batch", KEY_BATCH, "N", 0,
     "commit after every N images: what is committed stays if the run is stopped "
     "(default {})",
     0},
    {0}};

const struct argp adding_argp = {.options = table, .parser = parse, .help_filter = help};

bovw_status adding_open(const adding *a, const bovw_vocabulary *vocabulary,
                        const bovw_monitor *monitor, bovw_source **source, bovw_error *err)
{
    return open_source(&a->paths, bovw_vocabulary_options(vocabulary), monitor, source,
                       err);
}

/* What the index holds now, as a line. */
static void say_index(const adding *a, const bovw_add_result *result, double seconds,
                      console *out)
{
    bovw_index *index = NULL;
    char images[COUNT_TEXT], features[COUNT_TEXT], added[COUNT_TEXT], present[COUNT_TEXT];
    char updated[COUNT_TEXT];

    if (result->n_present > 0)
        console_say(out, "%s image%s %s there already",
                    count_text(result->n_present, present), plural(result->n_present),
                    result->n_present == 1 ? "was" : "were");
    if (result->n_updated > 0)
        console_say(out, "%s image%s %s replaced", count_text(result->n_updated, updated),
                    plural(result->n_updated), result->n_updated == 1 ? "was" : "were");
    count_text(result->n_added, added);
    if (bovw_index_open(a->index, &index, NULL) != BOVW_OK)
        return;
    const uint32_t n_images = bovw_index_n_images(index);
    console_say(out,
                "%s: added %s image%s in %.1f s (%.1f per second); it has %s image%s, %s "
                "features, %.1f MB",
                a->index, added, plural(result->n_added), seconds,
                ((double)result->n_added + result->n_updated) / (seconds > 0 ? seconds : 1),
                count_text(n_images, images), plural(n_images),
                count_text(bovw_index_n_features(index), features),
                (double)bovw_index_bytes(index) / 1e6);
    bovw_index_close(index);
}

/* How many images are in the index after a stop. */
static void say_stopped(const adding *a, console *out)
{
    bovw_index *index = NULL;
    char images[COUNT_TEXT];
    if (bovw_index_open(a->index, &index, NULL) != BOVW_OK)
        return;
    const uint32_t n = bovw_index_n_images(index);
    console_complain(
        out,
        "stopped; %s image%s %s in the index, \"bovw index add\" with the same "
        "paths continues",
        count_text(n, images), plural(n), n == 1 ? "is" : "are");
    bovw_index_close(index);
}

int adding_run(const adding *a, bovw_source *source, const bovw_monitor *monitor,
               console *out)
{
    bovw_error err;
    bovw_add_result result = {0};
    const double start = clock_seconds();
    console_detail(out, "%u images to add", bovw_source_count(source));
    const bovw_status status = bovw_index_add(a->index, source, &a->opts,
                                              &a->common.compute, monitor, &result, &err);
    if (status == BOVW_ERR_CANCELLED) {
        say_stopped(a, out);
        return EXIT_FAILED;
    }
    if (status != BOVW_OK)
        return console_fail(out, &err);
    say_index(a, &result, clock_seconds() - start, out);
    if (result.n_added + result.n_updated + result.n_present == 0) {
        console_complain(out, "%s: no image could be added", a->index);
        return EXIT_FAILED;
    }
    return console_end(out);
}
