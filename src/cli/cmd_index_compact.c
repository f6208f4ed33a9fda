/* SPDX-License-Identifier: MIT
 *
 * bovw index compact: as few segments as can be, without what was removed. */
#include "base/clock.h"
#include "bovw/index.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

static const struct argp argp = {
    .parser = index_parse,
    .args_doc = "INDEX",
    .doc = "Make fewer files of an index's parts, without the images that were removed. It "
           "takes less space then and is searched a little faster; rankings stay exactly "
           "as they are. It can be queried meanwhile, and stopped at any moment; the same "
           "command then goes on. Parts have at most 65,536 images. The disk needs room "
           "for both, the old parts and the new "
           "one. \"bovw index add\" merges small parts by itself, so this is for after "
           "many removals or updates: \"bovw info\" tells how much it would free.\v"
           "Example:\n"
           "  bovw index compact photos.bovw",
    .children = common_children};

static int run(int argc, char **argv)
{
    index_input c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    bovw_compact_result result = {0};
    const double start = clock_seconds();
    console_begin(&out, argv[0], &c.common);
    const bovw_monitor monitor = console_monitor(&out);
    const bovw_status status = bovw_index_compact(c.index, &monitor, &result, &err);
    if (status == BOVW_OK)
        console_say(&out, "%s: %u segment%s of %.1f MB became %.1f MB in %.1f s", c.index,
                    result.n_segments, plural(result.n_segments),
                    (double)result.bytes_before / 1e6, (double)result.bytes_after / 1e6,
                    clock_seconds() - start);
    return console_finish(&out, status, &err, "the index ranks as it did");
}

const command command_index_compact = {
    .name = "index compact",
    .group = "Making",
    .summary = "get the space of removed images back",
    .run = run,
};
