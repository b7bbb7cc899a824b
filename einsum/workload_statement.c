/* One statement with its numbers: affine accesses checked against the extents,
 * the expression in postfix form with constants folded, the iteration space
 * and the operations per point of it. */
#include "einsum/binder.h"

#include <math.h>
#include <string.h>

#include "einsum/einsum_ops.h"
#include "einsum/rounding.h"

/* What is being built for one statement. */
struct statement_builder {
    struct binder *binder;
    const struct ast_statement *parsed;
    struct einsum_statement *statement;
    GArray *reads; /* struct einsum_access */
    GArray *nodes; /* struct expr_node */
    int depth;
    int max_depth;
};

/* ---- accesses ------------------------------------------------------------ */

/* An index that names the shape of one of its own ranks, such as m1*M0+m0, is
 * a split: it must meet every element exactly once. */
static bool is_split(const struct ast_node *index, const struct ast_node *root)
{
    if (index->kind == AST_SHAPE) {
        g_autofree char *rank = g_ascii_strdown(index->name, -1);
        return ast_has_rank(root, rank);
    }
    for (int i = 0; i < index->child_count; i++) {
        if (is_split(index->child[i], root)) {
            return true;
        }
    }
    return false;
}

static void check_rank_extent(struct binder *binder,
                              const struct ast_node *index,
                              const struct einsum_tensor *tensor, int dim)
{
    const struct einsum_rank *rank =
        &binder->workload->rank[binder_rank(binder, index->name)];
    bool may_be_less = dim == tensor->iterative_dim;
    if (rank->extent == tensor->extent[dim] ||
        (may_be_less && rank->extent < tensor->extent[dim])) {
        return;
    }
    diag_error(
        binder->diags, place_span(index->place), "einsum-shape-mismatch", NULL,
        "rank '%s' (%" G_GINT64_FORMAT ") does not fit dimension %d of "
        "'%s', which has extent %" G_GINT64_FORMAT,
        rank->name, rank->extent, dim + 1, tensor->name, tensor->extent[dim]);
}

static void check_range(struct binder *binder, const struct ast_node *index,
                        const struct affine *affine,
                        const struct einsum_tensor *tensor, int dim)
{
    int64_t low = 0;
    int64_t high = 0;
    int64_t extent = tensor->extent[dim];
    g_autoptr(GString) text = g_string_new(NULL);
    ast_print_index(index, text);
    if (!affine_range(affine, binder->workload->rank,
                      binder->workload->rank_count, &low, &high)) {
        diag_error(binder->diags, place_span(index->place), "einsum-overflow",
                   NULL, "the index is beyond 64-bit integers");
    } else if (is_split(index, index) && ast_has(index, AST_RANK) &&
               (low != 0 || high != extent - 1)) {
        diag_error(binder->diags, place_span(index->place),
                   "einsum-inexact-split", NULL,
                   "'%s' runs from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                   " and does not split the extent %" G_GINT64_FORMAT
                   " of '%s' exactly",
                   text->str, low, high, extent, tensor->name);
    } else if (low < 0 || high >= extent) {
        diag_error(binder->diags, place_span(index->place),
                   "einsum-out-of-extent", NULL,
                   "'%s' reaches %" G_GINT64_FORMAT ", but dimension %d of "
                   "'%s' has indices 0 to %" G_GINT64_FORMAT,
                   text->str, low < 0 ? low : high, dim + 1, tensor->name,
                   extent - 1);
    }
}

static struct einsum_access
bind_access(struct binder *binder, const struct ast_node *node, bool is_output)
{
    int found = cascade_find_tensor(binder->cascade, node->name);
    const struct einsum_tensor *tensor = &binder->workload->tensors[found];
    struct einsum_access access = {
        .tensor = found,
        .dim_count = node->child_count,
        .span = place_span(node->place),
    };
    for (int i = 0; i < node->child_count; i++) {
        const struct ast_node *index = node->child[i];
        if (!binder_affine(binder, index, true, &access.index[i])) {
            continue;
        }
        if (index->kind == AST_RANK && !is_output) {
            check_rank_extent(binder, index, tensor, i);
        } else {
            check_range(binder, index, &access.index[i], tensor, i);
        }
    }
    return access;
}

static bool is_same_access(const struct einsum_access *a,
                           const struct einsum_access *b)
{
    bool is_same = a->tensor == b->tensor && a->dim_count == b->dim_count;
    for (int i = 0; is_same && i < a->dim_count; i++) {
        is_same = affine_is_equal(&a->index[i], &b->index[i]);
    }
    return is_same;
}

static int add_read(struct statement_builder *builder,
                    const struct ast_node *node)
{
    struct einsum_access access = bind_access(builder->binder, node, false);
    for (guint i = 0; i < builder->reads->len; i++) {
        if (is_same_access(&access, &g_array_index(builder->reads,
                                                   struct einsum_access, i))) {
            return (int)i;
        }
    }
    g_array_append_val(builder->reads, access);
    return (int)builder->reads->len - 1;
}

/* ---- the expression -------------------------------------------------------
 */

static void add_node(struct statement_builder *builder, struct expr_node node,
                     int arity)
{
    g_array_append_val(builder->nodes, node);
    builder->depth += 1 - arity;
    builder->max_depth = MAX(builder->max_depth, builder->depth);
}

static void add_number(struct statement_builder *builder, double number,
                       double error)
{
    add_node(builder,
             (struct expr_node){
                 NODE_NUMBER,
                 .number = number,
                 .error = error,
             },
             0);
}

/* The last `arity` nodes are numbers: replaces them by the result. */
static bool fold(struct statement_builder *builder, enum einsum_op op,
                 int arity)
{
    double operand[2] = {0.0, 0.0};
    double error[2] = {0.0, 0.0};
    guint first = builder->nodes->len - (guint)arity;
    for (guint i = 0; i < (guint)arity; i++) {
        const struct expr_node *node =
            &g_array_index(builder->nodes, struct expr_node, first + i);
        if (node->kind != NODE_NUMBER) {
            return false;
        }
        operand[i] = node->number;
        error[i] = node->error;
    }
    g_array_set_size(builder->nodes, first);
    builder->depth -= arity;
    double result = op_apply(op, operand[0], operand[1]);
    add_number(
        builder, result,
        op_error(op, operand[0], error[0], operand[1], error[1], result));
    return true;
}

/* 0.1 is not a double: half a unit in the last place. */
static double number_error(const struct ast_node *node)
{
    bool is_exact = node->is_integer || isinf(node->number);
    return is_exact ? 0.0 : fabs(node->number) * UNIT_ROUNDOFF;
}

static void add_expr(struct statement_builder *builder,
                     const struct ast_node *node)
{
    int64_t value = 0;
    switch (node->kind) {
    case AST_NUMBER:
        add_number(builder, node->number, number_error(node));
        break;
    case AST_SHAPE:
        if (!scope_get(builder->binder->scope, node->name, &value)) {
            BUG("shape '%s' has no value", node->name);
        }
        add_number(builder, (double)value, 0.0);
        break;
    case AST_ACCESS:
        add_node(builder,
                 (struct expr_node){NODE_READ, .read = add_read(builder, node)},
                 0);
        break;
    case AST_OP:
        for (int i = 0; i < node->child_count; i++) {
            add_expr(builder, node->child[i]);
        }
        if (!fold(builder, node->op, node->child_count)) {
            add_node(builder, (struct expr_node){NODE_OP, .op = node->op},
                     node->child_count);
        }
        break;
    case AST_RANK:
        BUG("rank '%s' as a value", node->name);
    }
}

/* ---- the iteration space ---------------------------------------------------
 */

static void add_rank(struct ast_node *node, void *data)
{
    struct statement_builder *builder = data;
    struct einsum_statement *statement = builder->statement;
    int rank = binder_rank(builder->binder, node->name);
    for (int i = 0; i < statement->rank_count; i++) {
        if (statement->rank[i] == rank) {
            return;
        }
    }
    statement->is_reduced[statement->rank_count] =
        !ast_has_rank(builder->parsed->output, node->name);
    statement->rank[statement->rank_count++] = rank;
}

static void set_iteration_space(struct statement_builder *builder)
{
    struct einsum_statement *statement = builder->statement;
    const struct ast_statement *parsed = builder->parsed;
    bool is_reduced = false;
    ast_visit(parsed->output, AST_RANK, add_rank, builder);
    ast_visit(parsed->body, AST_RANK, add_rank, builder);
    statement->point_count = 1;
    for (int i = 0; i < statement->rank_count; i++) {
        int64_t extent =
            builder->binder->workload->rank[statement->rank[i]].extent;
        is_reduced = is_reduced || statement->is_reduced[i];
        if (!num_mul(statement->point_count, extent, &statement->point_count)) {
            diag_error(builder->binder->diags, statement->span,
                       "einsum-overflow", NULL,
                       "einsum '%s' has more points than 64-bit integers "
                       "count",
                       statement->name);
            break;
        }
    }
    if (is_reduced) {
        statement->reduce = parsed->has_reduction ? parsed->reduce : EINSUM_SUM;
    }
}

/* ---- kind and operations ----------------------------------------------------
 */

/* A copy that only renames: but what leaves the chip must be computed. */
static bool is_view(const struct statement_builder *builder)
{
    const struct ast_statement *parsed = builder->parsed;
    const struct einsum_statement *statement = builder->statement;
    const struct einsum_tensor *tensor =
        &builder->binder->workload->tensors[statement->output.tensor];
    if (parsed->body->kind != AST_ACCESS ||
        statement->reduce != EINSUM_NO_REDUCE ||
        tensor->kind == TENSOR_OUTPUT) {
        return false;
    }
    for (int i = 0; i < parsed->output->child_count; i++) {
        if (parsed->output->child[i]->kind != AST_RANK) {
            return false;
        }
    }
    return true;
}

static enum einsum_kind
find_statement_kind(const struct statement_builder *builder)
{
    if (statement_is_initial(builder->parsed)) {
        return EINSUM_INITIAL;
    }
    return is_view(builder) ? EINSUM_VIEW : EINSUM_COMPUTE;
}

static void count_ops(struct einsum_statement *statement)
{
    int64_t *ops = statement->ops_per_point;
    const struct einsum_expr *expr = statement->expr;
    for (int i = 0; i < expr->node_count; i++) {
        if (expr->nodes[i].kind == NODE_OP) {
            ops[expr->nodes[i].op]++;
        }
    }
    const struct expr_node *root = &expr->nodes[expr->node_count - 1];
    bool is_product = root->kind == NODE_OP && root->op == EINSUM_MUL;
    switch (statement->reduce) {
    case EINSUM_SUM:
        if (is_product) {
            ops[EINSUM_MUL]--;
        }
        ops[is_product ? EINSUM_MAC : EINSUM_ADD]++;
        break;
    case EINSUM_MAXIMUM:
        ops[EINSUM_MAX]++;
        break;
    case EINSUM_MINIMUM:
        ops[EINSUM_MIN]++;
        break;
    case EINSUM_NO_REDUCE:
        break;
    }
}

/* ---- putting it together ----------------------------------------------------
 */

static void set_expr(struct statement_builder *builder)
{
    guint count = builder->nodes->len;
    struct einsum_expr *expr = g_malloc0(sizeof(struct einsum_expr) +
                                         count * sizeof(struct expr_node));
    expr->node_count = (int)count;
    expr->depth = builder->max_depth;
    memcpy(expr->nodes, builder->nodes->data, count * sizeof(struct expr_node));
    builder->statement->expr = expr;
}

static void check_limits(const struct statement_builder *builder)
{
    struct diags *diags = builder->binder->diags;
    struct span span = builder->statement->span;
    if (builder->max_depth > EINSUM_MAX_STACK) {
        diag_error(diags, span, "einsum-too-deep", NULL,
                   "the expression needs %d values at once, more than %d",
                   builder->max_depth, EINSUM_MAX_STACK);
    }
    if (builder->reads->len > EINSUM_MAX_READS) {
        diag_error(diags, span, "einsum-too-many-operands", NULL,
                   "einsum '%s' has %u distinct operands, more than %d",
                   builder->statement->name, builder->reads->len,
                   EINSUM_MAX_READS);
    }
}

static void bind_statement(struct binder *binder, size_t i)
{
    struct einsum_statement *statement = &binder->workload->statements[i];
    struct statement_builder builder = {
        .binder = binder,
        .parsed = cascade_statement_at(binder->cascade, i),
        .statement = statement,
        .reads = g_array_new(FALSE, TRUE, sizeof(struct einsum_access)),
        .nodes = g_array_new(FALSE, TRUE, sizeof(struct expr_node)),
    };
    statement->name = builder.parsed->output->name;
    statement->span = place_span(builder.parsed->output->place);
    statement->iterative_rank = -1;
    statement->output = bind_access(binder, builder.parsed->output, true);
    set_iteration_space(&builder);
    add_expr(&builder, builder.parsed->body);
    check_limits(&builder);
    set_expr(&builder);
    statement->kind = find_statement_kind(&builder);
    count_ops(statement);
    statement->read_count = (int)builder.reads->len;
    statement->reads =
        (struct einsum_access *)(void *)g_array_free(builder.reads, FALSE);
    g_array_unref(builder.nodes);
}

void bind_statements(struct binder *binder)
{
    size_t count = binder->cascade->statements->len;
    binder->workload->statements = g_new0(struct einsum_statement, count);
    binder->workload->statement_count = (int)count;
    for (size_t i = 0; i < count; i++) {
        bind_statement(binder, i);
    }
}
