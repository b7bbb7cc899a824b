/* One statement with its numbers: affine accesses checked against the extents,
 * the expression in postfix form with constants folded, the iteration space
 * and the operations per point of it. */
#include "einsum/binder.h"

#include <math.h>
#include <string.h>

#include "einsum/einsum_ops.h"
#include "einsum/extension.h"
#include "einsum/rounding.h"

/* What is being built for one statement. */
struct statement_builder {
    struct binder *binder;
    const struct ast_statement *parsed;
    struct einsum_statement *statement;
    GArray *reads;     /* struct einsum_access */
    GPtrArray *bound;  /* beside it, struct bound_access * or NULL */
    GArray *nodes;     /* struct expr_node */
    GArray *imaginary; /* of a transform of complex values, or empty */
    struct extension_builder extension;
    int depth;
    int max_depth;
};

/* ---- accesses ------------------------------------------------------------ */

/* A rank scaled by the shape of another of the index's ranks. */
static bool is_block(const struct ast_node *product,
                     const struct ast_node *root)
{
    for (int i = 0; i < product->child_count; i++) {
        const struct ast_node *shape = product->child[i];
        if (shape->kind == AST_SHAPE && ast_has(product, AST_RANK)) {
            g_autofree char *rank = g_ascii_strdown(shape->name, -1);
            return ast_has_rank(root, rank);
        }
    }
    return false;
}

/* Such an index, m1*M0+m0, is a split: it must meet every element exactly
 * once. */
static bool is_split(const struct ast_node *index, const struct ast_node *root)
{
    if (index->kind == AST_OP && index->op == EINSUM_MUL &&
        is_block(index, root)) {
        return true;
    }
    for (int i = 0; i < index->child_count; i++) {
        if (is_split(index->child[i], root)) {
            return true;
        }
    }
    return false;
}

/* S[p,j] reads the first part of S[p,j], S[p,J+l]. */
static bool begins_part(const struct binder *binder, const char *rank,
                        const struct einsum_tensor *tensor, int dim)
{
    const struct cascade_tensor *parsed = cascade_tensor_at(
        binder->cascade, (size_t)(tensor - binder->workload->tensors));
    if (!parsed->is_in_parts || parsed->part_dim != dim) {
        return false;
    }
    const struct ast_node *first =
        cascade_statement_at(binder->cascade, (size_t)parsed->first_definition)
            ->output->child[dim];
    return first->kind == AST_RANK && g_str_equal(first->name, rank);
}

static void check_rank_extent(struct binder *binder,
                              const struct ast_node *index,
                              const struct einsum_tensor *tensor, int dim)
{
    const struct einsum_rank *rank =
        &binder->workload->rank[binder_rank(binder, index->name)];
    bool may_be_less = dim == tensor->iterative_dim ||
                       begins_part(binder, index->name, tensor, dim);
    if (rank->extent == tensor->extent[dim] ||
        (may_be_less && rank->extent < tensor->extent[dim])) {
        return;
    }
    g_autofree char *suggestion =
        rank->extent < tensor->extent[dim]
            ? g_strdup_printf("the first of them are '%s+0'", rank->name)
            : NULL;
    diag_error(binder->diags, place_span(index->place), "einsum-shape-mismatch",
               suggestion,
               "rank '%s' (%" G_GINT64_FORMAT ") does not fit dimension %d of "
               "'%s', which has extent %" G_GINT64_FORMAT,
               rank->name, rank->extent, dim + 1, tensor->name,
               tensor->extent[dim]);
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

/* zero(y) and the like around an affine index: skip(..) becomes a condition
 * beside it, and the others do nothing if it stays in range. */
static bool find_inner_affine(struct binder *binder,
                              const struct ast_node *index, int64_t extent,
                              struct affine *affine)
{
    int64_t low = 0;
    int64_t high = 0;
    struct affine inner;
    if (index->kind != AST_CALL || ast_is_beyond_affine(index->child[0]) ||
        !binder_affine(binder, index->child[0], true, &inner) ||
        !affine_range(&inner, binder->workload->rank,
                      binder->workload->rank_count, &low, &high)) {
        return false;
    }
    if (!ast_is_call(index, CALL_SKIP) && (low < 0 || high >= extent)) {
        return false;
    }
    *affine = inner;
    return true;
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
        if (is_output && ast_is_call(index, CALL_BIND)) {
            access.beyond_affine |= 1U << i;
            continue;
        }
        if (ast_is_beyond_affine(index) &&
            !find_inner_affine(binder, index, tensor->extent[i],
                               &access.index[i])) {
            access.beyond_affine |= 1U << i;
            continue;
        }
        if (ast_is_beyond_affine(index)) {
            continue;
        }
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

static bool has_data_index(const struct ast_node *access)
{
    for (int i = 0; i < access->child_count; i++) {
        if (ast_has(access->child[i], AST_ACCESS)) {
            return true;
        }
    }
    return false;
}

/* skip(..) in an access that is affine besides. */
static void add_skips(struct statement_builder *builder,
                      const struct ast_node *node,
                      const struct einsum_access *access)
{
    const struct einsum_tensor *tensor =
        &builder->binder->workload->tensors[access->tensor];
    for (int i = 0; i < node->child_count; i++) {
        if (ast_is_call(node->child[i], CALL_SKIP)) {
            extension_add_range(&builder->extension, node->child[i]->child[0],
                                tensor->extent[i]);
        }
    }
}

static int append_read(struct statement_builder *builder,
                       const struct einsum_access *access,
                       struct bound_access *bound)
{
    for (guint i = 0; bound == NULL && i < builder->reads->len; i++) {
        const struct einsum_access *other =
            &g_array_index(builder->reads, struct einsum_access, i);
        if (other->beyond_affine == 0 && is_same_access(access, other)) {
            return (int)i;
        }
    }
    g_array_append_val(builder->reads, *access);
    g_ptr_array_add(builder->bound, bound);
    return (int)builder->reads->len - 1;
}

static int add_read(struct statement_builder *builder,
                    const struct ast_node *node)
{
    struct einsum_access access = bind_access(builder->binder, node, false);
    if (access.beyond_affine == 0) {
        add_skips(builder, node, &access);
        return append_read(builder, &access, NULL);
    }
    builder->statement->features |=
        has_data_index(node) ? EINSUM_GATHER : EINSUM_INDEX_MODE;
    return append_read(builder, &access,
                       extension_access(&builder->extension, node));
}

/* What an index or a condition reads: it has to be there, and it moves. */
static void add_dependence(void *data, const struct ast_node *node)
{
    struct statement_builder *builder = data;
    struct einsum_access access = bind_access(builder->binder, node, false);
    append_read(builder, &access, NULL);
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
    double operand[OP_MAX_ARITY] = {0.0};
    double error[OP_MAX_ARITY] = {0.0};
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
    if (op == EINSUM_SELECT) {
        return false;
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
                     const struct ast_node *node);

static void add_op(struct statement_builder *builder, enum einsum_op op)
{
    int arity = op_arity(op);
    if (!fold(builder, op, arity)) {
        add_node(builder, (struct expr_node){NODE_OP, .op = op}, arity);
    }
}

/* x sigmoid(x) */
static void add_silu(struct statement_builder *builder,
                     const struct ast_node *x)
{
    add_expr(builder, x);
    add_expr(builder, x);
    add_op(builder, EINSUM_SIGMOID);
    add_op(builder, EINSUM_MUL);
}

/* x/2 (1 + erf(x sqrt(1/2))) */
static void add_gelu(struct statement_builder *builder,
                     const struct ast_node *x)
{
    add_number(builder, 0.5, 0.0);
    add_expr(builder, x);
    add_op(builder, EINSUM_MUL);
    add_number(builder, 1.0, 0.0);
    add_expr(builder, x);
    add_number(builder, 0.70710678118654752440, UNIT_ROUNDOFF);
    add_op(builder, EINSUM_MUL);
    add_op(builder, EINSUM_ERF);
    add_op(builder, EINSUM_ADD);
    add_op(builder, EINSUM_MUL);
}

/* max(x, 0) + log(1 + exp(-|x|)): no overflow. */
static void add_softplus(struct statement_builder *builder,
                         const struct ast_node *x)
{
    add_expr(builder, x);
    add_op(builder, EINSUM_RELU);
    add_number(builder, 1.0, 0.0);
    add_expr(builder, x);
    add_op(builder, EINSUM_ABS);
    add_op(builder, EINSUM_NEGATE);
    add_op(builder, EINSUM_EXP);
    add_op(builder, EINSUM_ADD);
    add_op(builder, EINSUM_LOG);
    add_op(builder, EINSUM_ADD);
}

/* A stream behind the reads, whose number is not known yet. */
static void add_index(struct statement_builder *builder,
                      const struct ast_node *node)
{
    struct einsum_extension *extension = builder->extension.extension;
    struct index_node *index =
        extension_index(&builder->extension, node->child[0]);
    if (extension->index_count == EINSUM_MAX_READS) {
        return; /* too many operands: reported by check_limits */
    }
    add_node(builder,
             (struct expr_node){NODE_INDEX, .read = extension->index_count}, 0);
    extension->index[extension->index_count++] = index;
    if (!index->is_affine) {
        builder->statement->features |= EINSUM_INDEX_MODE;
    }
}

/* What an access within one(..) leaves: its skip(..). */
static void add_existence(struct ast_node *access, void *data)
{
    struct statement_builder *builder = data;
    struct einsum_access bound = bind_access(builder->binder, access, false);
    add_skips(builder, access, &bound);
}

static void add_call(struct statement_builder *builder,
                     const struct ast_node *node)
{
    if (node->call == CALL_SILU) {
        add_silu(builder, node->child[0]);
    } else if (node->call == CALL_GELU) {
        add_gelu(builder, node->child[0]);
    } else if (node->call == CALL_SOFTPLUS) {
        add_softplus(builder, node->child[0]);
    } else if (node->call == CALL_INDEX) {
        add_index(builder, node);
    } else if (node->call == CALL_ONE) {
        ast_visit(node->child[0], AST_ACCESS, add_existence, builder);
        add_number(builder, 1.0, 0.0);
    } else {
        BUG("'%s' as a value", call_name(node->call));
    }
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
        add_op(builder, node->op);
        break;
    case AST_CALL:
        add_call(builder, node);
        break;
    case AST_RANK:
        BUG("rank '%s' as a value", node->name);
    }
}

/* complex(a, b) in a transform: a here, b beside it. */
static void add_body(struct statement_builder *builder)
{
    const struct ast_node *body = builder->parsed->body;
    if (!ast_is_call(body, CALL_COMPLEX)) {
        add_expr(builder, body);
        return;
    }
    GArray *real = builder->nodes;
    add_expr(builder, body->child[0]);
    builder->nodes = builder->imaginary;
    builder->depth = 0;
    add_expr(builder, body->child[1]);
    builder->nodes = real;
}

/* ---- the iteration space ---------------------------------------------------
 */

static void add_rank(struct ast_node *node, void *data)
{
    struct statement_builder *builder = data;
    struct einsum_statement *statement = builder->statement;
    int rank = binder_rank(builder->binder, node->name);
    const char *order = statement_order_rank(builder->parsed);
    for (int i = 0; i < statement->rank_count; i++) {
        if (statement->rank[i] == rank) {
            return;
        }
    }
    if (order != NULL && g_str_equal(order, node->name)) {
        return; /* counts what is selected; no point depends on it */
    }
    statement->is_reduced[statement->rank_count] =
        !output_has_rank(builder->parsed->output, node->name);
    statement->rank[statement->rank_count++] = rank;
}

/* The rank that is selected from is the innermost. */
static void move_selected_last(struct statement_builder *builder)
{
    struct einsum_statement *statement = builder->statement;
    int last = statement->rank_count - 1;
    for (int i = 0; builder->parsed->selection != SELECT_NONE && i < last;
         i++) {
        if (statement->is_reduced[i]) {
            int rank = statement->rank[i];
            statement->rank[i] = statement->rank[last];
            statement->is_reduced[i] = statement->is_reduced[last];
            statement->rank[last] = rank;
            statement->is_reduced[last] = true;
        }
    }
}

static void set_iteration_space(struct statement_builder *builder)
{
    struct einsum_statement *statement = builder->statement;
    const struct ast_statement *parsed = builder->parsed;
    bool is_reduced = false;
    for (int i = 0; i < parsed->output->child_count; i++) {
        struct ast_node *index = parsed->output->child[i];
        index = ast_is_call(index, CALL_BIND) ? index->child[1] : index;
        ast_visit(index, AST_RANK, add_rank, builder);
    }
    ast_visit(parsed->body, AST_RANK, add_rank, builder);
    ast_visit(parsed->condition, AST_RANK, add_rank, builder);
    move_selected_last(builder);
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

/* ---- kind -------------------------------------------------------------------
 */

struct beyond_search {
    const char *name;
    bool is_found;
};

static void find_any_read(struct ast_node *access, void *data)
{
    struct beyond_search *search = data;
    search->is_found =
        search->is_found || g_str_equal(access->name, search->name);
}

static void find_beyond(struct ast_node *access, void *data)
{
    struct beyond_search *search = data;
    for (int i = 0; i < access->child_count; i++) {
        bool is_beyond = ast_is_beyond_affine(access->child[i]);
        search->is_found =
            search->is_found ||
            (is_beyond && g_str_equal(access->name, search->name));
        ast_visit(access->child[i], AST_ACCESS, find_any_read, search);
    }
}

/* Some statement reads the tensor in an index, in a condition or with indices
 * that are not affine: it needs storage of its own. */
static bool is_read_beyond(const struct cascade *cascade, const char *name)
{
    struct beyond_search search = {name, false};
    for (size_t i = 0; i < cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(cascade, i);
        ast_visit(statement->output, AST_ACCESS, find_beyond, &search);
        ast_visit(statement->body, AST_ACCESS, find_beyond, &search);
        ast_visit(statement->condition, AST_ACCESS, find_any_read, &search);
    }
    return search.is_found;
}

/* A copy that only renames: but what leaves the chip must be computed. */
static bool is_view(const struct statement_builder *builder)
{
    const struct ast_statement *parsed = builder->parsed;
    const struct einsum_statement *statement = builder->statement;
    const struct einsum_tensor *tensor =
        &builder->binder->workload->tensors[statement->output.tensor];
    const struct cascade_tensor *defined = cascade_tensor_at(
        builder->binder->cascade, (size_t)statement->output.tensor);
    if (parsed->body->kind != AST_ACCESS || statement->features != 0 ||
        defined->is_in_parts || statement->reduce != EINSUM_NO_REDUCE ||
        parsed->selection != SELECT_NONE ||
        is_read_beyond(builder->binder->cascade, tensor->name) ||
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

/* ---- putting it together ----------------------------------------------------
 */

static struct einsum_expr *new_expr(const struct statement_builder *builder,
                                    const GArray *nodes)
{
    guint count = nodes->len;
    struct einsum_expr *expr = g_malloc0(sizeof(struct einsum_expr) +
                                         count * sizeof(struct expr_node));
    expr->node_count = (int)count;
    expr->depth = builder->max_depth;
    memcpy(expr->nodes, nodes->data, count * sizeof(struct expr_node));
    return expr;
}

/* Streams of index(..) follow the reads. */
static void place_index_streams(struct statement_builder *builder,
                                GArray *nodes)
{
    for (guint i = 0; i < nodes->len; i++) {
        struct expr_node *node = &g_array_index(nodes, struct expr_node, i);
        if (node->kind == NODE_INDEX) {
            node->read += (int)builder->reads->len;
        }
    }
}

static void set_exprs(struct statement_builder *builder)
{
    struct einsum_extension *extension = builder->extension.extension;
    place_index_streams(builder, builder->nodes);
    builder->statement->expr = new_expr(builder, builder->nodes);
    if (builder->imaginary->len > 0) {
        place_index_streams(builder, builder->imaginary);
        extension->imaginary = new_expr(builder, builder->imaginary);
    }
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
    guint count =
        builder->reads->len + (guint)builder->extension.extension->index_count;
    if (count > EINSUM_MAX_READS) {
        diag_error(diags, span, "einsum-too-many-operands", NULL,
                   "einsum '%s' has %u distinct operands, more than %d",
                   builder->statement->name, count, EINSUM_MAX_READS);
    }
}

/* ---- what goes beyond ------------------------------------------------------ */

static void bind_scatter(struct statement_builder *builder)
{
    struct einsum_statement *statement = builder->statement;
    if (statement->output.beyond_affine != 0) {
        statement->features |= EINSUM_SCATTER;
        builder->extension.extension->output =
            extension_access(&builder->extension, builder->parsed->output);
    }
}

/* Keeps the extension only if there is something in it. */
static void set_extension(struct statement_builder *builder)
{
    struct einsum_statement *statement = builder->statement;
    struct einsum_extension *extension = builder->extension.extension;
    for (guint i = 0; i < MIN(builder->bound->len, EINSUM_MAX_READS); i++) {
        extension->read[i] = g_ptr_array_index(builder->bound, i);
    }
    if (statement->features == 0 && extension->index_count == 0) {
        extension_free(extension);
    } else {
        statement->extension = extension;
    }
}

static struct statement_builder start_statement(struct binder *binder, size_t i)
{
    struct statement_builder builder = {
        .binder = binder,
        .parsed = cascade_statement_at(binder->cascade, i),
        .statement = &binder->workload->statements[i],
        .reads = g_array_new(FALSE, TRUE, sizeof(struct einsum_access)),
        .bound = g_ptr_array_new(),
        .nodes = g_array_new(FALSE, TRUE, sizeof(struct expr_node)),
        .imaginary = g_array_new(FALSE, TRUE, sizeof(struct expr_node)),
    };
    builder.extension = (struct extension_builder){
        .binder = binder,
        .statement = builder.statement,
        .extension = g_new0(struct einsum_extension, 1),
        .add_dependence = add_dependence,
    };
    builder.extension.extension->memory =
        g_ptr_array_new_with_free_func(g_free);
    return builder;
}

static void bind_statement(struct binder *binder, size_t i)
{
    struct statement_builder builder = start_statement(binder, i);
    struct einsum_statement *statement = builder.statement;
    builder.extension.data = &builder;
    statement->name = builder.parsed->output->name;
    statement->span = place_span(builder.parsed->output->place);
    statement->iterative_rank = -1;
    statement->next_part = -1;
    statement->output = bind_access(binder, builder.parsed->output, true);
    set_iteration_space(&builder);
    add_body(&builder);
    if (builder.parsed->condition != NULL) {
        extension_add_condition(&builder.extension, builder.parsed->condition);
    }
    bind_scatter(&builder);
    bind_fiber_operator(binder, builder.parsed, statement,
                        builder.extension.extension);
    check_limits(&builder);
    set_exprs(&builder);
    statement->kind = find_statement_kind(&builder);
    struct einsum_extension *extension = builder.extension.extension;
    statement->extension = extension; /* count_ops asks for it */
    count_ops(binder, i);
    statement->extension = NULL;
    statement->read_count = (int)builder.reads->len;
    statement->reads = &g_array_index(builder.reads, struct einsum_access, 0);
    add_sparse_conditions(binder, statement, extension);
    set_extension(&builder);
    statement->reads =
        (struct einsum_access *)(void *)g_array_free(builder.reads, FALSE);
    bind_range(binder, i);
    g_ptr_array_unref(builder.bound);
    g_array_unref(builder.nodes);
    g_array_unref(builder.imaginary);
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
