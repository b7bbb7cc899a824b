/* Tensors that several statements define, each an interval of one dimension:
 *
 *   T[0,d] = C[d]; T[n+1,d] = X[n,d]       a token before others
 *   S[p,j] = A[p,j]; S[p,J+l] = B[p,l]     two ranks one behind the other
 *   X[0,n] = X0[n]; X[l+1,n] = F[l,n]      a recurrence and its start
 *
 * The intervals must meet every index once. Statements of a tensor are chained
 * by next_part, beginning with its producer. */
#include "einsum/binder.h"

struct interval {
    int64_t low;
    int64_t high;
    int statement;
};

static gint compare_intervals(gconstpointer a, gconstpointer b)
{
    const struct interval *x = a;
    const struct interval *y = b;
    if (x->low != y->low) {
        return x->low < y->low ? -1 : 1;
    }
    return x->statement - y->statement;
}

/* A constant for the whole tensor is there wherever nothing else is. */
static bool has_whole_constant(const struct workload *workload, int tensor,
                               int dim)
{
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        if (statement->kind == EINSUM_INITIAL &&
            statement->output.tensor == tensor &&
            !affine_is_constant(&statement->output.index[dim])) {
            return true;
        }
    }
    return false;
}

static GArray *find_intervals(const struct workload *workload, int tensor,
                              int dim)
{
    GArray *intervals = g_array_new(FALSE, FALSE, sizeof(struct interval));
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        struct interval interval = {.statement = i};
        if (statement->output.tensor == tensor &&
            (statement->kind == EINSUM_COMPUTE ||
             affine_is_constant(&statement->output.index[dim])) &&
            affine_range(&statement->output.index[dim], workload->rank,
                         workload->rank_count, &interval.low, &interval.high)) {
            g_array_append_val(intervals, interval);
        }
    }
    g_array_sort(intervals, compare_intervals);
    return intervals;
}

static void report(const struct binder *binder, int statement, int64_t index,
                   const char *what)
{
    const struct einsum_statement *part =
        &binder->workload->statements[statement];
    diag_error(binder->diags, part->span, "einsum-parts", NULL,
               "the parts of '%s' %s index %" G_GINT64_FORMAT, part->name, what,
               index);
}

static void check_cover(const struct binder *binder, int tensor, int dim)
{
    const struct workload *workload = binder->workload;
    g_autoptr(GArray) intervals = find_intervals(workload, tensor, dim);
    bool has_rest = has_whole_constant(workload, tensor, dim);
    int64_t next = 0;
    for (guint i = 0; i < intervals->len; i++) {
        const struct interval *interval =
            &g_array_index(intervals, struct interval, i);
        if (interval->low < next || (interval->low > next && !has_rest)) {
            report(binder, interval->statement,
                   interval->low < next ? interval->low : next,
                   interval->low < next ? "overlap at" : "leave out");
            return;
        }
        next = interval->high + 1;
    }
    if (next < workload->tensors[tensor].extent[dim] && !has_rest) {
        report(binder, workload->tensors[tensor].producer, next, "leave out");
    }
}

/* In the other dimensions each part is whole. */
static void check_other_dims(const struct binder *binder, int statement,
                             int part_dim)
{
    const struct workload *workload = binder->workload;
    const struct einsum_access *output =
        &workload->statements[statement].output;
    const struct einsum_tensor *tensor = &workload->tensors[output->tensor];
    for (int d = 0; d < output->dim_count; d++) {
        int rank = affine_single_rank(&output->index[d]);
        if (d != part_dim && rank >= 0 &&
            workload->rank[rank].extent != tensor->extent[d]) {
            diag_error(binder->diags, output->span, "einsum-shape-mismatch",
                       NULL,
                       "this part of '%s' has extent %" G_GINT64_FORMAT
                       " in dimension %d, where another has %" G_GINT64_FORMAT,
                       tensor->name, workload->rank[rank].extent, d + 1,
                       tensor->extent[d]);
        }
    }
}

static void chain_parts(struct binder *binder, int tensor, int dim)
{
    struct workload *workload = binder->workload;
    int last = workload->tensors[tensor].producer;
    for (int i = 0; i < workload->statement_count; i++) {
        struct einsum_statement *statement = &workload->statements[i];
        if (statement->output.tensor != tensor ||
            statement->kind != EINSUM_COMPUTE) {
            continue;
        }
        statement->features |= EINSUM_PART;
        check_other_dims(binder, i, dim);
        if (i != workload->tensors[tensor].producer) {
            workload->statements[last].next_part = i;
            last = i;
        }
    }
}

void bind_parts(struct binder *binder)
{
    for (size_t i = 0; i < binder->cascade->tensors->len; i++) {
        const struct cascade_tensor *parsed =
            cascade_tensor_at(binder->cascade, i);
        if (parsed->is_in_parts && parsed->part_dim >= 0) {
            chain_parts(binder, (int)i, parsed->part_dim);
            check_cover(binder, (int)i, parsed->part_dim);
        }
    }
}
