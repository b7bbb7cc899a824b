/* Binding as a whole, and what one looks up in a workload afterwards. */
#include "einsum/binder.h"
#include "einsum/extension.h"
#include "einsum/pattern.h"

#include <string.h>

void workload_free(struct workload *workload)
{
    if (workload == NULL) {
        return;
    }
    for (int i = 0; i < workload->statement_count; i++) {
        struct einsum_statement *statement = &workload->statements[i];
        g_free(statement->reads);
        g_free(statement->resolved_reads);
        extension_free(statement->extension);
        g_free(statement->expr);
    }
    g_free(workload->statements);
    for (int i = 0; i < workload->tensor_count; i++) {
        g_free(workload->tensors[i].values.set);
        pattern_free(workload->tensors[i].pattern);
    }
    g_free(workload->tensors);
    g_free(workload->shape_name);
    g_free(workload->shape_value);
    g_free(workload);
}

static void add_shape(struct workload *workload, const char *name,
                      int64_t value)
{
    workload->shape_name[workload->shape_count] = name;
    workload->shape_value[workload->shape_count] = value;
    workload->shape_count++;
}

/* The file's shapes, then those inferred for its ranks. */
static void list_shapes(struct binder *binder)
{
    struct workload *workload = binder->workload;
    const struct cascade *cascade = binder->cascade;
    size_t limit = cascade_shape_count(cascade) + (size_t)workload->rank_count;
    workload->shape_name = g_new0(const char *, limit);
    workload->shape_value = g_new0(int64_t, limit);
    for (size_t i = 0; i < cascade_shape_count(cascade); i++) {
        int64_t value = 0;
        if (scope_get(binder->scope, cascade_shape_name(cascade, i), &value)) {
            add_shape(workload, cascade_shape_name(cascade, i), value);
        }
    }
    for (int r = 0; r < workload->rank_count; r++) {
        const char *shape = name_shape_of_rank(cascade, workload->rank[r].name);
        if (cascade_find_shape(cascade, shape) < 0) {
            add_shape(workload, shape, workload->rank[r].extent);
        }
    }
}

/* From an input's declaration, or the left side that computes the tensor. */
static void name_dimensions(struct binder *binder)
{
    for (int i = 0; i < binder->workload->tensor_count; i++) {
        const struct cascade_tensor *parsed =
            cascade_tensor_at(binder->cascade, (size_t)i);
        const struct ast_node *access = parsed->declaration;
        if (!parsed->is_input && parsed->producer >= 0) {
            access =
                cascade_statement_at(binder->cascade, (size_t)parsed->producer)
                    ->output;
        }
        for (int d = 0; access != NULL && d < access->child_count; d++) {
            const struct ast_node *index = access->child[d];
            index = ast_is_call(index, CALL_BIND) ? index->child[0] : index;
            if (index->kind == AST_RANK) {
                binder->workload->tensors[i].dim_rank[d] = index->name;
            }
        }
    }
}

static void run_steps(struct binder *binder)
{
    static void (*const steps[])(struct binder *) = {
        bind_shapes, bind_extents,    bind_inputs,
        bind_sparse, bind_statements, check_empty_reductions,
        bind_parts,  bind_views,      bind_recurrences,
    };
    size_t errors_before = diags_error_count(binder->diags);
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        steps[i](binder);
        if (diags_error_count(binder->diags) > errors_before) {
            return;
        }
    }
    list_shapes(binder);
    name_dimensions(binder);
}

enum status workload_bind(const struct cascade *cascade,
                          const struct scope *chosen,
                          const struct scope *proposed, struct diags *diags,
                          struct workload **workload)
{
    AUTO(workload) bound = g_new0(struct workload, 1);
    AUTO(scope) scope = scope_new(NULL);
    struct binder binder = {
        .cascade = cascade,
        .chosen = chosen,
        .proposed = proposed,
        .diags = diags,
        .scope = scope,
        .workload = bound,
    };
    bound->cascade = cascade;
    bound->name = cascade_name(cascade);
    size_t errors_before = diags_error_count(diags);
    run_steps(&binder);
    if (diags_error_count(diags) > errors_before) {
        return ERR_INPUT;
    }
    *workload = g_steal_pointer(&bound);
    return OK;
}

int workload_find_rank(const struct workload *workload, const char *name)
{
    for (int i = 0; i < workload->rank_count; i++) {
        if (g_str_equal(workload->rank[i].name, name)) {
            return i;
        }
    }
    return -1;
}

int workload_find_tensor(const struct workload *workload, const char *name)
{
    for (int i = 0; i < workload->tensor_count; i++) {
        if (g_str_equal(workload->tensors[i].name, name)) {
            return i;
        }
    }
    return -1;
}

int workload_find_statement(const struct workload *workload, const char *name)
{
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        bool is_producer =
            workload->tensors[statement->output.tensor].producer == i;
        if (statement->kind != EINSUM_INITIAL && is_producer &&
            g_str_equal(statement->name, name)) {
            return i;
        }
    }
    return -1;
}

const char *einsum_feature_name(unsigned features)
{
    static const char *const names[] = {
        "a predicate",
        "a predicate on data",
        "an index that is not affine",
        "a gather",
        "a scatter",
        "a selection",
        "a tensor defined in parts",
        "a transform",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if ((features >> i & 1) != 0) {
            return names[i];
        }
    }
    return "no feature";
}
