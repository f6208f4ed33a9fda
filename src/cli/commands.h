/* commands.h - one record per command; main.c has the table. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

/* Exit statuses, a contract with scripts. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_SKIPPED = 3 /* done, but some inputs were skipped */
};

typedef struct command {
    const char *name;    /* as typed, "index add" */
    const char *group;   /* heading in the help */
    const char *summary; /* one line of help */
    /* argv[0] is "bovw NAME", the arguments follow. Returns the exit status. */
    int (*run)(int argc, char **argv);
} command;

extern const command command_extract;
extern const command command_vocab_train;
extern const command command_gmm_train;
extern const command command_index_create;
extern const command command_index_add;
extern const command command_query;
extern const command command_match;
extern const command command_pairs;
extern const command command_vlad;
extern const command command_metric_learn;
extern const command command_metric_apply;
extern const command command_rank;
extern const command command_eval;
extern const command command_compare;
extern const command command_fuse;
extern const command command_index_remove;
extern const command command_index_compact;
extern const command command_index_list;
extern const command command_index_check;
extern const command command_index_info;
extern const command command_info;

#endif
