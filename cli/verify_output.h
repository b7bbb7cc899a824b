/* A verification as JSON, as tables, and as files. Private to this folder. */
#ifndef WEIR_CLI_VERIFY_OUTPUT_H
#define WEIR_CLI_VERIFY_OUTPUT_H

#include "cli/command.h"
#include "explore/explore.h"

/* Is every check ok? */
bool verify_is_ok(const struct verification *verification);
void verify_print_json(const struct verification *verification, GString *out);
/* Worst element and histogram of the result of check i, and of all tensors of the
 * interpreter: JSON by tensor name, caller frees by free(). */
char *verify_print_details(const struct verification *verification, size_t i);
/* `with_tensors`: all, not only the result. */
void verify_print_table(const struct verification *verification,
                        bool with_tensors, GString *out);
/* --inputs and --input; NULL if neither was given. */
MUST_USE enum status cli_parse_inputs(struct cli *cli,
                                      const struct workload *workload,
                                      struct einsum_inputs **inputs);
/* --output TENSOR=FILE: the interpreter's values as NumPy files. */
MUST_USE enum status cli_save_outputs(struct cli *cli,
                                      const struct workload *workload,
                                      const struct verification *verification);

#endif
