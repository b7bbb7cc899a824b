/* weir model and weir sim are one thing at two fidelities. */
#ifndef WEIR_CLI_EVALUATION_H
#define WEIR_CLI_EVALUATION_H

#include "cli/command.h"
#include "explore/explore.h"

MUST_USE enum status evaluation_run(struct cli *cli, enum fidelity fidelity);

/* The chip of a point, with a warning for each of its attributes that the
 * point's fidelity does not use. */
MUST_USE enum status evaluation_load_arch(struct cli *cli,
                                          const struct point *point,
                                          struct arch **arch);

#endif
