/* SPDX-License-Identifier: MIT
 *
 * bovw index list: the images of an index, one a line, in order of their ids. */
#include <stdio.h>

#include "base/hash.h"
#include "bovw/index.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/console.h"

static const struct argp argp = {
    .parser = index_parse,
    .args_doc = "INDEX",
    .doc = "List the images of an index on standard output: name, width and height in "
           "pixels, number of features, content id, separated by tabs.\v"
           "Example:\n"
           "  bovw index list photos.bovw | cut -f 1",
    .children = common_children};

static int run(int argc, char **argv)
{
    index_input c = {0};
    common_options_default(&c.common);
    if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0)
        return EXIT_FAILED;

    console out;
    bovw_error err;
    bovw_index *index = NULL;
    console_begin(&out, argv[0], &c.common);
    if (bovw_index_open(c.index, &index, &err) != BOVW_OK)
        return console_fail(&out, &err);
    for (uint32_t i = 0; i < bovw_index_n_images(index); i++) {
        const bovw_image_info info = bovw_index_image(index, i);
        char id[2 * BOVW_CONTENT_ID_BYTES + 1];
        hash_text(info.content_id, id);
        printf("%s\t%u\t%u\t%u\t%s\n", info.name, info.width, info.height, info.n_features,
               id);
    }
    bovw_index_close(index);
    return console_end(&out);
}

const command command_index_list = {
    .name = "index list",
    .group = "Inspecting",
    .summary = "list the images of an index",
    .run = run,
};
