/* SPDX-License-Identifier: MIT
 *
 * bovw: finds the command, runs it, and makes sure that what it printed has
 * arrived. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bovw/vocabulary.h"
#include "cli/commands.h"

static const command *const commands[] = {
    &command_extract,      &command_vocab_train,  &command_index_create,
    &command_index_add,    &command_index_remove, &command_index_compact,
    &command_vlad,         &command_gmm_train,    &command_metric_learn,
    &command_metric_apply, &command_query,        &command_match,
    &command_pairs,        &command_rank,         &command_eval,
    &command_compare,      &command_fuse,         &command_index_list,
    &command_index_check,  &command_index_info,   &command_info,
};
enum {
    N_COMMANDS = sizeof commands / sizeof *commands
};

/* ---- finding a command ------------------------------------------------------ */

/* The command that the first words name; *n_words gets how many they are. */
static const command *find_command(int n, char **words, int *n_words)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const char *name = commands[i]->name;
        const char *blank = strchr(name, ' ');
        const size_t length = blank ? (size_t)(blank - name) : strlen(name);
        if (n < 1 || strlen(words[0]) != length || strncmp(words[0], name, length) != 0)
            continue;
        if (blank && (n < 2 || strcmp(words[1], blank + 1) != 0))
            continue;
        *n_words = blank ? 2 : 1;
        return commands[i];
    }
    return NULL;
}

/* Is word the first of commands of two words, as "index" is? */
static bool is_family(const char *word)
{
    const size_t length = strlen(word);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strncmp(commands[i]->name, word, length) == 0 &&
            commands[i]->name[length] == ' ')
            return true;
    }
    return false;
}

/* Levenshtein distance, of words up to 31 letters. */
static size_t edit_distance(const char *a, const char *b)
{
    enum {
        MOST = 32
    };
    size_t row[MOST];
    const size_t n_a = strlen(a), n_b = strlen(b);
    if (n_a >= MOST || n_b >= MOST)
        return MOST;
    for (size_t j = 0; j <= n_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[n_b];
}

static int complain_unknown(int n, char **words)
{
    char typed[64];
    const char *nearest = NULL;
    size_t least = 3; /* further away it is no slip of the finger */
    const bool is_pair = n > 1 && is_family(words[0]);

    snprintf(typed, sizeof typed, "%s%s%s", words[0], is_pair ? " " : "",
             is_pair ? words[1] : "");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const size_t distance = edit_distance(typed, commands[i]->name);
        if (distance < least) {
            least = distance;
            nearest = commands[i]->name;
        }
    }
    if (nearest)
        fprintf(stderr, "bovw: no command \"%s\"; did you mean \"%s\"?\n", typed, nearest);
    else
        fprintf(stderr, "bovw: no command \"%s\"; \"bovw help\" lists them\n", typed);
    return EXIT_USAGE;
}

/* ---- help -------------------------------------------------------------------- */

/* All commands, or those that begin with the word `family`. */
static void print_help(FILE *to, const char *family)
{
    static const char *const groups[] = {"Making", "Searching", "Measuring", "Inspecting"};
    if (family)
        fprintf(to, "Usage: bovw %s COMMAND [OPTION...] ARGUMENT...\n", family);
    else
        fputs("Usage: bovw COMMAND [OPTION...] ARGUMENT...\n"
              "Find photographs of the same thing: bag-of-visual-words image search.\n",
              to);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        bool has_heading = false;
        for (size_t i = 0; i < N_COMMANDS; i++) {
            const command *c = commands[i];
            if (strcmp(c->group, groups[g]) != 0 ||
                (family && (strncmp(c->name, family, strlen(family)) != 0 ||
                            c->name[strlen(family)] != ' ')))
                continue;
            if (!has_heading)
                fprintf(to, "\n%s\n", groups[g]);
            has_heading = true;
            fprintf(to, "  %-13s %s\n", c->name, c->summary);
        }
    }
    if (!family)
        fputs("\n"
              "\"bovw help COMMAND\" tells all about one, with an example.\n"
              "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done but some inputs were "
              "skipped.\n"
              "\n"
              "Example:\n"
              "  bovw vocab train -k 20000 -o my.vocab photos/\n"
              "  bovw index create -v my.vocab photos.bovw photos/\n"
              "  bovw query photos.bovw photo.jpg\n",
              to);
}

static void print_version(void)
{
    printf("bovw %s\n", bovw_version());
#ifdef _OPENMP
    fputs("built with OpenMP; ", stdout);
#else
    fputs("built without OpenMP; ", stdout);
#endif
    fputs("kernels on this processor:", stdout);
    for (size_t i = 0; bovw_kernel_name(i); i++)
        printf(" %s", bovw_kernel_name(i));
    putchar('\n');
}

/* ---- running -------------------------------------------------------------------- */

/* words[0] is the last word of the command's name; it becomes the name that
 * messages begin with. */
static int run_command(const command *c, int n, char **words)
{
    char *name = mem_format("bovw %s", c->name);
    if (!name) {
        fputs("bovw: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    words[0] = name;
    const int status = c->run(n, words);
    free(name);
    return status;
}

static int show_help(int n, char **words)
{
    int n_words = 0;
    if (n == 0) {
        print_help(stdout, NULL);
        return EXIT_DONE;
    }
    const command *c = find_command(n, words, &n_words);
    if (c) {
        static char help[] = "--help";
        char *arguments[] = {NULL, help, NULL};
        return run_command(c, 2, arguments);
    }
    if (n == 1 && is_family(words[0])) {
        print_help(stdout, words[0]);
        return EXIT_DONE;
    }
    return complain_unknown(n, words);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

static int dispatch(int n, char **words)
{
    int n_words = 0;
    if (n == 0) {
        print_help(stderr, NULL);
        return EXIT_USAGE;
    }
    if (is_help(words[0]))
        return show_help(n - 1, words + 1);
    if (strcmp(words[0], "--version") == 0) {
        print_version();
        return EXIT_DONE;
    }
    const command *c = find_command(n, words, &n_words);
    if (c)
        return run_command(c, n - n_words + 1, words + n_words - 1);
    if (is_family(words[0]) && n == 1) {
        print_help(stderr, words[0]);
        return EXIT_USAGE;
    }
    if (is_family(words[0]) && is_help(words[1])) {
        print_help(stdout, words[0]);
        return EXIT_DONE;
    }
    return complain_unknown(n, words);
}

int main(int argc, char **argv)
{
    argp_err_exit_status = EXIT_USAGE;
    /* Leaves out argp's note on the arguments of short options. */
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    /* A reader that has seen enough, as head has, ends us without a word. */
    signal(SIGPIPE, SIG_DFL);

    const int status = dispatch(argc - 1, argv + 1);
    if (ferror(stdout) || fclose(stdout) != 0) {
        fprintf(stderr, "bovw: standard output: cannot write: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return status;
}
