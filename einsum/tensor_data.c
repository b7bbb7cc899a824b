/* Storage of the values, and their state before anything was computed. */
#include "einsum/affine.h"
#include "einsum/interpret.h"

#include <math.h>
#include <string.h>

#include "einsum/einsum_ops.h"

void einsum_data_free(struct einsum_data *data)
{
    if (data == NULL) {
        return;
    }
    for (int i = 0; i < data->tensor_count; i++) {
        g_free(data->tensors[i].value);
        g_free(data->tensors[i].error);
    }
    g_free(data->tensors);
    g_free(data->is_free);
    g_free(data->is_relative);
    g_free(data->fault);
    g_free(data);
}

static enum status allocate(const struct einsum_tensor *tensor,
                            struct diags *diags, double **array)
{
    int64_t bytes = 0;
    if (num_mul(tensor->element_count, (int64_t)sizeof(double), &bytes) &&
        (guint64)bytes <= G_MAXSIZE) {
        *array = g_try_malloc((gsize)bytes);
    }
    if (*array == NULL) {
        g_autofree char *count = units_format_count(tensor->element_count);
        return diag_fail(diags, ERR_MEM, "einsum-no-memory",
                         "no memory for the %s values of tensor '%s'", count,
                         tensor->name);
    }
    return OK;
}

static bool is_view(const struct workload *workload, int tensor)
{
    int producer = workload->tensors[tensor].producer;
    return producer >= 0 && workload->statements[producer].kind == EINSUM_VIEW;
}

static void fill_values(double *values, int64_t count, double value)
{
    for (int64_t i = 0; values != NULL && i < count; i++) {
        values[i] = value;
    }
}

/* Before its statement runs: the identity of a reduction, 0 where points may
 * not exist, else NaN, so that
 * nothing is read before it was written without showing. */
static double find_start(const struct einsum_statement *statement)
{
    bool may_miss =
        (statement->features &
         (EINSUM_PREDICATE | EINSUM_DATA_PREDICATE | EINSUM_SCATTER)) != 0;
    return statement->reduce == EINSUM_NO_REDUCE && may_miss
               ? 0.0
               : reduce_identity(statement->reduce);
}

/* The interval of one dimension that the statement defines. */
static void fill_part(const struct workload *workload,
                      const struct einsum_statement *statement, double *values)
{
    const struct einsum_tensor *tensor =
        &workload->tensors[statement->output.tensor];
    for (int d = 0; d < tensor->dim_count; d++) {
        const struct affine *index = &statement->output.index[d];
        int64_t low = 0;
        int64_t high = 0;
        if (!affine_range(index, workload->rank, workload->rank_count, &low,
                          &high) ||
            (low == 0 && high == tensor->extent[d] - 1)) {
            continue;
        }
        int64_t inner = 1;
        for (int i = d + 1; i < tensor->dim_count; i++) {
            inner *= tensor->extent[i];
        }
        int64_t step = inner * tensor->extent[d];
        for (int64_t at = 0; at < tensor->element_count; at += step) {
            fill_values(values + at + low * inner, (high - low + 1) * inner,
                        find_start(statement));
        }
        return;
    }
    fill_values(values, tensor->element_count, find_start(statement));
}

static void fill_start(const struct workload *workload, int tensor,
                       double *values)
{
    int statement = workload->tensors[tensor].producer;
    int64_t count = workload->tensors[tensor].element_count;
    if (values == NULL) {
        return; /* a view */
    }
    if (statement < 0) {
        fill_values(values, count, (double)NAN);
    } else if (workload->statements[statement].next_part < 0) {
        fill_values(values, count,
                    find_start(&workload->statements[statement]));
    }
    for (; statement >= 0 &&
           (workload->statements[statement].features & EINSUM_PART) != 0;
         statement = workload->statements[statement].next_part) {
        fill_part(workload, &workload->statements[statement], values);
    }
}

static void run_initials(const struct workload *workload,
                         struct einsum_data *data)
{
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        int64_t lo[EINSUM_MAX_RANKS] = {0};
        int64_t hi[EINSUM_MAX_RANKS] = {0};
        for (int r = 0; r < statement->rank_count; r++) {
            hi[r] = workload->rank[statement->rank[r]].extent;
        }
        if (statement->kind == EINSUM_INITIAL) {
            einsum_run_box(workload, i, lo, hi, data);
            einsum_store_box(workload, i, lo, hi, data);
        }
    }
}

void data_reset(const struct workload *workload, struct einsum_data *data)
{
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        if (tensor->kind == TENSOR_INPUT) {
            continue;
        }
        fill_start(workload, i, data->tensors[i].value);
        fill_values(data->tensors[i].error, tensor->element_count, 0.0);
    }
    run_initials(workload, data);
}

static enum status allocate_tensor(const struct einsum_tensor *tensor,
                                   bool with_error, struct diags *diags,
                                   struct tensor_data *values)
{
    TRY(allocate(tensor, diags, &values->value));
    if (with_error) {
        TRY(allocate(tensor, diags, &values->error));
    }
    if (tensor->kind == TENSOR_INPUT) {
        fill_values(values->value, tensor->element_count, (double)NAN);
        fill_values(values->error, tensor->element_count, 0.0);
    }
    return OK;
}

static enum status allocate_all(const struct workload *workload,
                                bool with_error, struct diags *diags,
                                struct einsum_data *data)
{
    for (int i = 0; i < workload->tensor_count; i++) {
        if (is_view(workload, i)) {
            continue;
        }
        TRY(allocate_tensor(&workload->tensors[i], with_error, diags,
                            &data->tensors[i]));
    }
    return OK;
}

enum status einsum_data_new(const struct workload *workload, bool with_error,
                            struct diags *diags, struct einsum_data **data)
{
    AUTO(einsum_data) made = g_new0(struct einsum_data, 1);
    made->tensor_count = workload->tensor_count;
    made->tensors = g_new0(struct tensor_data, (size_t)workload->tensor_count);
    if (with_error) {
        made->is_free = g_new0(bool, (size_t)workload->tensor_count);
        made->is_relative = g_new0(bool, (size_t)workload->tensor_count);
        find_free_tensors(workload, made->is_free, made->is_relative);
    }
    TRY(allocate_all(workload, with_error, diags, made));
    data_reset(workload, made);
    *data = g_steal_pointer(&made);
    return OK;
}
