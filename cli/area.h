/* What a chip's area adds to the output of a run, and the iso-area solver. */
#ifndef WEIR_CLI_AREA_H
#define WEIR_CLI_AREA_H

#include "arch/arch.h"
#include "cli/command.h"

/* A table of the parts, if the area of any is known. `iso` may be NULL. */
void area_print_table(const struct arch *arch, const struct arch_iso_area *iso,
                      GString *out);
/* The JSON object of a run with `area_um2`, and `iso_area` if there is one.
 * Caller frees. */
char *area_extend_json(const struct arch *arch, const struct arch_iso_area *iso,
                       const char *json);

/* --iso-area and --free: finds the value and binds the param to it in `chosen`.
 * *is_asked is false, and nothing done, without the options. */
MUST_USE enum status area_solve(struct cli *cli, struct scope *chosen,
                                struct arch_iso_area *iso, bool *is_asked);

#endif
