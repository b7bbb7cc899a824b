/* Operations of a statement: per point those of its expression and reduction, a
 * selection's comparisons, and for a transform those of its fibers. */
#include "einsum/binder.h"
#include "einsum/einsum_ops.h"
#include "einsum/extension.h"
#include "einsum/transform.h"

/* A sum takes each term of `a b - c d` by itself: a product and its addition or
 * subtraction are one mac. Returns the first node of the tree that ends at `last`. */
static int count_terms(const struct einsum_expr *expr, int last,
                       enum einsum_op sign, int64_t *ops)
{
    const struct expr_node *node = &expr->nodes[last];
    bool is_op = node->kind == NODE_OP;
    enum einsum_op other = sign == EINSUM_ADD ? EINSUM_SUB : EINSUM_ADD;
    if (is_op && node->op == EINSUM_NEGATE) {
        ops[EINSUM_NEGATE]--;
        return count_terms(expr, last - 1, other, ops);
    }
    if (is_op && (node->op == EINSUM_ADD || node->op == EINSUM_SUB)) {
        bool is_other = node->op == EINSUM_SUB;
        ops[node->op]--;
        int right = count_terms(expr, last - 1, is_other ? other : sign, ops);
        return count_terms(expr, right - 1, sign, ops);
    }
    if (is_op && node->op == EINSUM_MUL) {
        ops[EINSUM_MUL]--;
        ops[EINSUM_MAC]++;
    } else {
        ops[sign]++;
    }
    int first = last;
    for (int wanted = 1; wanted > 0; first--) {
        const struct expr_node *inner = &expr->nodes[first];
        wanted += inner->kind == NODE_OP ? op_arity(inner->op) - 1 : -1;
    }
    return first + 1;
}

static void count_expr(const struct einsum_expr *expr, int64_t *ops)
{
    for (int i = 0; expr != NULL && i < expr->node_count; i++) {
        if (expr->nodes[i].kind == NODE_OP) {
            ops[expr->nodes[i].op]++;
        }
    }
}

static void count_reduction(struct einsum_statement *statement)
{
    int64_t *ops = statement->ops_per_point;
    const struct einsum_expr *expr = statement->expr;
    switch (statement->reduce) {
    case EINSUM_SUM:
        if (count_terms(expr, expr->node_count - 1, EINSUM_ADD, ops) != 0) {
            BUG("an expression of more than one tree");
        }
        break;
    case EINSUM_MAXIMUM:
        ops[EINSUM_MAX]++;
        break;
    case EINSUM_MINIMUM:
        ops[EINSUM_MIN]++;
        break;
    case EINSUM_PRODUCT:
        ops[EINSUM_MUL]++;
        break;
    case EINSUM_NO_REDUCE:
        break;
    }
}

/* Comparisons per point: one for a maximum, a heap's depth for the k largest,
 * log2 of the extent for a sort. */
static void count_comparisons(const struct binder *binder,
                              const struct ast_statement *parsed,
                              struct einsum_statement *statement)
{
    const char *order = statement_order_rank(parsed);
    int64_t compares = 1;
    if (order != NULL) {
        int rank = binder_rank(binder, order);
        for (int64_t n = binder->workload->rank[rank].extent; n > 1;
             n = (n + 1) / 2) {
            compares++;
        }
    }
    statement->ops_per_point[EINSUM_LESS] += compares;
}

static bool count_fibers(const struct workload *workload,
                         const struct einsum_statement *statement,
                         int64_t *fibers)
{
    bool fits = true;
    *fibers = 1;
    for (int i = 0; i < statement->rank_count; i++) {
        if (!statement->is_reduced[i]) {
            fits = fits &&
                   num_mul(*fibers, workload->rank[statement->rank[i]].extent,
                           fibers);
        }
    }
    return fits;
}

static void count_transform(const struct binder *binder,
                            struct einsum_statement *statement)
{
    const struct einsum_extension *extension = statement->extension;
    const struct workload *workload = binder->workload;
    int last = statement->rank[statement->rank_count - 1];
    const struct einsum_tensor *output =
        &workload->tensors[statement->output.tensor];
    struct transform_shape shape = {
        extension->selection, workload->rank[last].extent,
        output->extent[extension->order_dim], extension->imaginary != NULL};
    struct fft_ops ops;
    int64_t fibers = 0;
    int64_t *all = statement->ops_of_transform;
    if (!count_fibers(workload, statement, &fibers) ||
        !transform_count(&shape, &ops) ||
        !num_mul(fibers, ops.mul, &all[EINSUM_MUL]) ||
        !num_mul(fibers, ops.add, &all[EINSUM_ADD])) {
        diag_error(binder->diags, statement->span, "einsum-overflow", NULL,
                   "einsum '%s' has more operations than 64-bit integers "
                   "count",
                   statement->name);
    }
}

/* Two results are of one operator: the first carries its operations. */
static bool is_second_result(const struct binder *binder, size_t i)
{
    return i > 0 && cascade_statement_at(binder->cascade, i - 1)->gives_values;
}

void count_ops(const struct binder *binder, size_t i)
{
    const struct ast_statement *parsed =
        cascade_statement_at(binder->cascade, i);
    struct einsum_statement *statement = &binder->workload->statements[i];
    if (is_second_result(binder, i)) {
        return;
    }
    count_expr(statement->expr, statement->ops_per_point);
    if (statement->extension != NULL) {
        count_expr(statement->extension->imaginary, statement->ops_per_point);
    }
    count_reduction(statement);
    if (selection_is_transform(parsed->selection)) {
        count_transform(binder, statement);
    } else if (parsed->selection != SELECT_NONE) {
        count_comparisons(binder, parsed, statement);
    }
}

enum status workload_count_ops(const struct workload *workload,
                               int statement_id, int64_t ops[EINSUM_OP_COUNT])
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    int64_t points = 0;
    TRY(workload_count_points(workload, statement_id, &points));
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (!num_mul(statement->ops_per_point[op], points, &ops[op]) ||
            !num_add(ops[op], statement->ops_of_transform[op], &ops[op])) {
            return ERR_LIMIT;
        }
    }
    return OK;
}
