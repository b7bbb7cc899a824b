/* The rows of commands.def, for whatever is made from the tables. */
#ifndef WEIR_CLI_COMMANDS_H
#define WEIR_CLI_COMMANDS_H

#include "cli/command.h"

struct command_row {
    const char *name;
    const char *operands;
    const char *help;
    const struct command *command;
};

/* In the order of the file; the last has no name. */
extern const struct command_row command_rows[];

/* "Exit codes:", a line each. */
extern const char command_exit_codes[];

#endif
