/* weir model and weir sim are one thing at two fidelities. */
#ifndef WEIR_CLI_EVALUATION_H
#define WEIR_CLI_EVALUATION_H

#include "cli/command.h"

MUST_USE enum status evaluation_run(struct cli *cli, enum fidelity fidelity);

#endif
