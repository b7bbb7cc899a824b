/* What operators over whole fibers share: the body is evaluated for a whole box
 * into memory of its own, the rank worked along innermost, then each fiber of it
 * gives one fiber of the output. */
#include "einsum/interpret.h"

#include "einsum/extension.h"

void fibers_eval(struct fibers *fibers, const struct einsum_expr *expr,
                 double missing, struct tensor_data *body)
{
    const struct einsum_statement *statement =
        &fibers->workload->statements[fibers->statement];
    struct points_output output = {.expr = expr};
    int64_t points = 1;
    for (int i = statement->rank_count - 1; i >= 0; i--) {
        output.stride[statement->rank[i]] = points;
        output.start -= points * fibers->lo[i];
        points *= MAX(fibers->hi[i] - fibers->lo[i], 0);
    }
    bool has_error =
        fibers->data->tensors[statement->output.tensor].error != NULL;
    int last = statement->rank_count - 1;
    body->value = g_new(double, (size_t)points);
    body->error = has_error ? g_new0(double, (size_t)points) : NULL;
    for (int64_t i = 0; i < points; i++) {
        body->value[i] = missing;
    }
    output.operand =
        (struct box_operand){.value = body->value, .error = body->error};
    points_run(fibers->workload, fibers->statement, fibers->lo, fibers->hi,
               &output, fibers->data);
    fibers->length = fibers->hi[last] - fibers->lo[last];
    fibers->count = points == 0 ? 0 : points / fibers->length;
}

void fibers_place(struct fibers *fibers)
{
    const struct einsum_statement *statement =
        &fibers->workload->statements[fibers->statement];
    const struct einsum_tensor *tensor =
        &fibers->workload->tensors[statement->output.tensor];
    int order = statement->extension->order_dim;
    fibers->wanted = order < 0 ? 1 : tensor->extent[order];
    fibers->order_stride = 1;
    for (int d = tensor->dim_count - 1; order >= 0 && d > order; d--) {
        fibers->order_stride *= tensor->extent[d];
    }
}

int64_t fibers_output(const struct fibers *fibers, int64_t fiber)
{
    const struct einsum_statement *statement =
        &fibers->workload->statements[fibers->statement];
    const struct einsum_tensor *tensor =
        &fibers->workload->tensors[statement->output.tensor];
    int64_t index[EINSUM_MAX_RANKS] = {0};
    int64_t offset = 0;
    for (int i = statement->rank_count - 2; i >= 0; i--) {
        int64_t extent = fibers->hi[i] - fibers->lo[i];
        index[statement->rank[i]] = fibers->lo[i] + fiber % extent;
        fiber /= extent;
    }
    for (int d = 0; d < tensor->dim_count; d++) {
        int64_t at = 0;
        for (int i = 0; i < statement->rank_count; i++) {
            int rank = statement->rank[i];
            at += statement->output.index[d].coefficient[rank] * index[rank];
        }
        offset = offset * tensor->extent[d] + at;
    }
    return offset;
}
