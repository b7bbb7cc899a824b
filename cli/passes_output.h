/* The pass analysis as tables and as JSON. */
#ifndef WEIR_CLI_PASSES_OUTPUT_H
#define WEIR_CLI_PASSES_OUTPUT_H

#include <jansson.h>

#include "einsum/einsum.h"

struct passes_result {
    const char *path; /* of the cascade's file */
    int64_t word_bytes;
    const struct workload *workload;
    const struct pass_analysis *analysis;
    const struct cascade_comparison *comparison; /* NULL: nothing rewritten */
};

/* One object; caller releases. */
json_t *passes_make_json(const struct passes_result *result);
void passes_print_tables(const struct passes_result *result, GString *out);
/* One row a cascade. */
void passes_print_list(const struct passes_result *results, size_t count,
                       GString *out);

/* Points of the Einsum that exist; the analysis has counted them before. */
int64_t passes_count_statement(const struct workload *workload, int statement,
                               int64_t ops[EINSUM_OP_COUNT]);

#endif
