/* SPDX-License-Identifier: MIT
 *
 * bovw index check: read and verify every byte of an index. */
#include <stdio.h>

#include "bovw/index.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

static const struct argp argp = {
    .parser = index_parse,
    .args_doc = "INDEX",
    .doc = "Verify an index: every checksum, every bound, and that its parts agree with "
           "each other. The first thing that is wrong is named, and the exit status is "
           "then 1.\v"
           "Example:\n"
           "  bovw index check photos.bovw",
    .children = common_children};

static int run(int argc, char **argv)
{
    index_input c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    console_begin(&out, argv[0], &c.common);
    const bovw_monitor monitor = console_monitor(&out);
    const bovw_status status = bovw_index_check(c.index, &monitor, &err);
    if (status == BOVW_OK)
        console_say(&out, "%s: no damage found", c.index);
    return console_finish(&out, status, &err, "not everything was checked");
}

const command command_index_check = {
    .name = "index check",
    .group = "Inspecting",
    .summary = "verify every byte of an index",
    .run = run,
};
