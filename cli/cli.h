/* Cli: the `weir` command. The only folder that prints, exits, reads the
 * environment and installs signal handlers. A subcommand is one file,
 * command_NAME.c, and one row of commands.def.
 */
#ifndef WEIR_CLI_H
#define WEIR_CLI_H

/* Runs the command line; returns the exit code. */
int cli_run(int argc, char **argv);

#endif
