/* The parser of options and the help, both made from the tables. */
#ifndef WEIR_CLI_OPTIONS_H
#define WEIR_CLI_OPTIONS_H

#include "cli/command.h"

void settings_init(struct settings *settings);
void settings_clear(struct settings *settings);

/* Words after the subcommand. A mistake is reported by cli_fail_usage. */
MUST_USE enum status options_parse(struct cli *cli,
                                   const struct command *command, int argc,
                                   char **argv);

/* "NAME  help" lines of a table and the common ones. */
void options_print(const struct option *options, GString *out);

#endif
