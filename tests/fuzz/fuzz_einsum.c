/* Any text as a cascade. What loads must print as itself, and what binds must
 * keep the promises of einsum.h; small ones are run. */
#include <stdint.h>
#include <string.h>

#include "einsum/einsum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

#define MAX_POINTS   100000
#define MAX_ELEMENTS 100000

static void check_access(const struct workload *workload,
                         const struct einsum_access *access)
{
    g_assert(access->tensor >= 0 && access->tensor < workload->tensor_count);
    const struct einsum_tensor *tensor = &workload->tensors[access->tensor];
    g_assert(access->dim_count == tensor->dim_count);
    for (int d = 0; d < access->dim_count; d++) {
        int64_t low = access->index[d].constant;
        int64_t high = low;
        for (int r = 0; r < workload->rank_count; r++) {
            int64_t reach = 0;
            g_assert(num_mul(access->index[d].coefficient[r],
                             workload->rank[r].extent - 1, &reach));
            low += MIN(reach, 0);
            high += MAX(reach, 0);
        }
        g_assert(low >= 0 && high < tensor->extent[d]);
    }
}

/* True if the statement is small enough to be run. */
static bool check_statement(const struct workload *workload,
                            const struct einsum_statement *statement)
{
    g_assert(statement->rank_count <= EINSUM_MAX_RANKS);
    g_assert(statement->point_count >= 1);
    check_access(workload, &statement->output);
    for (int i = 0; i < statement->read_count; i++) {
        check_access(workload, &statement->reads[i]);
        check_access(workload, &statement->resolved_reads[i]);
    }
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        g_assert(statement->ops_per_point[op] >= 0);
    }
    return statement->point_count <= MAX_POINTS;
}

static bool check_workload(const struct workload *workload)
{
    bool is_small = true;
    for (int r = 0; r < workload->rank_count; r++) {
        g_assert(workload->rank[r].extent >= 1);
    }
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        g_assert(tensor->element_count >= 1);
        g_assert((tensor->producer < 0) == (tensor->kind == TENSOR_INPUT));
        is_small = is_small && tensor->element_count <= MAX_ELEMENTS;
    }
    for (int i = 0; i < workload->statement_count; i++) {
        bool is_runnable = check_statement(workload, &workload->statements[i]);
        is_small = is_small && is_runnable;
    }
    int64_t inputs = 0;
    int64_t outputs = 0;
    enum status status =
        workload_count_compulsory_elements(workload, &inputs, &outputs);
    g_assert(status != OK || (inputs >= 0 && outputs >= 1));
    return is_small;
}

static void run(const struct workload *workload, struct diags *diags)
{
    for (int with_error = 0; with_error < 2; with_error++) {
        AUTO(einsum_data) data = NULL;
        g_assert(einsum_data_new(workload, with_error != 0, diags, &data) ==
                 OK);
        einsum_fill_inputs(workload, 1, data);
        size_t errors_before = diags_error_count(diags);
        enum status status = einsum_run(workload, diags, data);
        /* A gather of random numbers may leave its range. */
        g_assert(status == OK || data->fault != NULL);
        g_assert(status != OK || diags_error_count(diags) == errors_before);
    }
}

static void bind_and_run(const struct cascade *cascade, struct diags *diags)
{
    AUTO(workload) workload = NULL;
    enum status status = workload_bind(cascade, NULL, NULL, diags, &workload);
    g_assert((status == OK) == (workload != NULL));
    if (workload != NULL && workload->statement_count < 50 &&
        check_workload(workload)) {
        run(workload, diags);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *text = g_strndup((const char *)data, size_bytes);
    const struct source *source = diags_add_text(diags, "fuzz", text);
    AUTO(cascade) cascade = NULL;
    enum status status = cascade_load_source(diags, source, &cascade);
    g_assert((status == OK) == (cascade != NULL));
    g_assert(status == OK || diags_error_count(diags) > 0);
    if (cascade != NULL) {
        g_autofree char *printed = cascade_print(cascade);
        g_assert(printed != NULL);
        bind_and_run(cascade, diags);
    }
    g_autoptr(GString) rendering = g_string_new(NULL);
    diags_print(diags, false, rendering);
    return 0;
}
