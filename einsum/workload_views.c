/* Operands seen through views. A view V[r0,..] = S[g(r)] has plain distinct
 * ranks on the left, so reading V[f0,..] reads S[g(r := f)]: substitution of
 * affine forms, repeated until the tensor is no view. */
#include "einsum/binder.h"

#include <string.h>

static const struct einsum_statement *find_view(const struct workload *workload,
                                                int tensor)
{
    int producer = workload->tensors[tensor].producer;
    if (producer < 0 || workload->statements[producer].kind != EINSUM_VIEW) {
        return NULL;
    }
    return &workload->statements[producer];
}

/* Where `access` reads through `view`, whose only operand is its source. */
static bool look_through(const struct einsum_statement *view,
                         const struct einsum_access *access,
                         struct einsum_access *result)
{
    const struct affine *substitute[EINSUM_MAX_RANKS] = {NULL};
    const struct einsum_access *source = &view->reads[0];
    for (int i = 0; i < access->dim_count; i++) {
        substitute[affine_single_rank(&view->output.index[i])] =
            &access->index[i];
    }
    struct einsum_access seen = {
        .tensor = source->tensor,
        .dim_count = source->dim_count,
        .span = access->span,
    };
    for (int i = 0; i < source->dim_count; i++) {
        if (!affine_substitute(&source->index[i], substitute, &seen.index[i])) {
            return false;
        }
    }
    *result = seen;
    return true;
}

static void resolve_read(struct binder *binder, struct einsum_access *access)
{
    const struct einsum_statement *view = NULL;
    /* A view reads only what stands before it, so this ends. */
    while ((view = find_view(binder->workload, access->tensor)) != NULL) {
        if (!look_through(view, access, access)) {
            diag_error(binder->diags, access->span, "einsum-overflow", NULL,
                       "the index seen through view '%s' is beyond 64-bit "
                       "integers",
                       view->name);
            return;
        }
    }
}

void bind_views(struct binder *binder)
{
    struct workload *workload = binder->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        struct einsum_statement *statement = &workload->statements[i];
        size_t count = (size_t)statement->read_count;
        statement->resolved_reads = g_new0(struct einsum_access, count);
        for (size_t j = 0; j < count; j++) {
            statement->resolved_reads[j] = statement->reads[j];
            resolve_read(binder, &statement->resolved_reads[j]);
        }
    }
}
