/* Macros: one line that stands for several statements. The new tensors are named
 * after the result (A_MAX of A). New nodes take the place of what they came
 * from, so that a later message points at the line that was written.
 *
 *   T = mean(m) X        T_SUM = sum(m) X; T = T_SUM / M
 *   A = softmax(m) X     A_IN = X; A_MAX = max(m) A_IN;
 *                        A_EXP = exp(A_IN - A_MAX); A_SUM = sum(m) A_EXP;
 *                        A = A_EXP / A_SUM
 *   Y = layernorm(d,c) X Y_IN = X; Y_MEAN = mean(d) Y_IN;
 *                        Y_DIF = Y_IN - Y_MEAN; Y_VAR = mean(d) Y_DIF * Y_DIF;
 *                        Y = Y_DIF * rsqrt(Y_VAR + c)
 *
 * A condition after softmax goes to every statement but A_IN, which is a view
 * if X is a tensor.
 */
#include "einsum/ast.h"

struct expansion {
    struct cascade *cascade;
    const struct ast_statement *statement;
    struct diags *diags;
    GPtrArray *outer; /* ranks of the result that are not reduced */
    GPtrArray *all;   /* every rank of the result */
};

static struct ast_node *new_node(const struct expansion *expansion,
                                 enum ast_kind kind)
{
    return ast_new(expansion->cascade, kind,
                   expansion->statement->output->place);
}

static struct ast_node *new_op(const struct expansion *expansion,
                               enum einsum_op op, struct ast_node *left,
                               struct ast_node *right)
{
    struct ast_node *node = new_node(expansion, AST_OP);
    g_autoptr(GPtrArray) operands = g_ptr_array_new();
    g_ptr_array_add(operands, left);
    if (right != NULL) {
        g_ptr_array_add(operands, right);
    }
    node->op = op;
    ast_set_children(node, operands);
    return node;
}

/* T_SUFFIX[ranks] */
static struct ast_node *new_access(const struct expansion *expansion,
                                   const char *suffix, GPtrArray *ranks)
{
    struct ast_node *access = new_node(expansion, AST_ACCESS);
    g_autofree char *name =
        g_strdup_printf("%s_%s", expansion->statement->output->name, suffix);
    access->name = g_string_chunk_insert_const(expansion->cascade->names, name);
    ast_set_children(access, ranks);
    return access;
}

/* Takes over condition and reduction of `like`, as far as asked for. */
static void add(const struct expansion *expansion, struct ast_node *output,
                enum einsum_reduce reduce, struct ast_node *body,
                bool has_condition)
{
    const struct ast_statement *like = expansion->statement;
    struct ast_statement added = {
        .output = output,
        .has_reduction = reduce != EINSUM_NO_REDUCE,
        .reduce = reduce,
        .reduce_ranks = g_ptr_array_new(),
        .body = body,
        .condition = has_condition ? like->condition : NULL,
    };
    for (guint i = 0; added.has_reduction && i < like->reduce_ranks->len; i++) {
        g_ptr_array_add(added.reduce_ranks,
                        g_ptr_array_index(like->reduce_ranks, i));
    }
    g_array_append_val(expansion->cascade->statements, added);
}

/* The product of the shapes of the reduced ranks. */
static struct ast_node *reduced_extent(const struct expansion *expansion)
{
    struct ast_node *product = NULL;
    const GPtrArray *ranks = expansion->statement->reduce_ranks;
    for (guint i = 0; i < ranks->len; i++) {
        const struct ast_node *rank = g_ptr_array_index(ranks, i);
        struct ast_node *shape =
            ast_new(expansion->cascade, AST_SHAPE, rank->place);
        shape->name = name_shape_of_rank(expansion->cascade, rank->name);
        product = product == NULL
                      ? shape
                      : new_op(expansion, EINSUM_MUL, product, shape);
    }
    return product;
}

static void add_mean(const struct expansion *expansion, const char *sum,
                     struct ast_node *output, struct ast_node *body)
{
    struct ast_node *total = new_access(expansion, sum, expansion->outer);
    add(expansion, total, EINSUM_SUM, body, false);
    add(expansion, output, EINSUM_NO_REDUCE,
        new_op(expansion, EINSUM_DIVIDE,
               new_access(expansion, sum, expansion->outer),
               reduced_extent(expansion)),
        false);
}

static void expand_mean(const struct expansion *expansion)
{
    if (expansion->statement->condition != NULL) {
        diag_error(expansion->diags,
                   place_span(expansion->statement->condition->place),
                   "einsum-macro", NULL,
                   "a mean divides by the whole extent and takes no 'where'; "
                   "divide a sum by a count");
    }
    add_mean(expansion, "SUM", expansion->statement->output,
             expansion->statement->body);
}

static void expand_softmax(const struct expansion *expansion)
{
    const struct ast_statement *statement = expansion->statement;
    const struct expansion *e = expansion;
    bool is_view = statement->body->kind == AST_ACCESS;
    add(e, new_access(e, "IN", e->all), EINSUM_NO_REDUCE, statement->body,
        !is_view);
    add(e, new_access(e, "MAX", e->outer), EINSUM_MAXIMUM,
        new_access(e, "IN", e->all), true);
    add(e, new_access(e, "EXP", e->all), EINSUM_NO_REDUCE,
        new_op(e, EINSUM_EXP,
               new_op(e, EINSUM_SUB, new_access(e, "IN", e->all),
                      new_access(e, "MAX", e->outer)),
               NULL),
        true);
    add(e, new_access(e, "SUM", e->outer), EINSUM_SUM,
        new_access(e, "EXP", e->all), true);
    add(e, statement->output, EINSUM_NO_REDUCE,
        new_op(e, EINSUM_DIVIDE, new_access(e, "EXP", e->all),
               new_access(e, "SUM", e->outer)),
        true);
}

static void expand_layernorm(const struct expansion *expansion,
                             struct ast_node *epsilon)
{
    const struct ast_statement *statement = expansion->statement;
    const struct expansion *e = expansion;
    if (statement->condition != NULL) {
        diag_error(e->diags, place_span(statement->condition->place),
                   "einsum-macro", NULL, "a layernorm takes no 'where'");
    }
    add(e, new_access(e, "IN", e->all), EINSUM_NO_REDUCE, statement->body,
        false);
    add_mean(e, "SUM", new_access(e, "MEAN", e->outer),
             new_access(e, "IN", e->all));
    add(e, new_access(e, "DIF", e->all), EINSUM_NO_REDUCE,
        new_op(e, EINSUM_SUB, new_access(e, "IN", e->all),
               new_access(e, "MEAN", e->outer)),
        false);
    add_mean(e, "SQUARES", new_access(e, "VAR", e->outer),
             new_op(e, EINSUM_MUL, new_access(e, "DIF", e->all),
                    new_access(e, "DIF", e->all)));
    add(e, statement->output, EINSUM_NO_REDUCE,
        new_op(e, EINSUM_MUL, new_access(e, "DIF", e->all),
               new_op(e, EINSUM_RSQRT,
                      new_op(e, EINSUM_ADD, new_access(e, "VAR", e->outer),
                             epsilon),
                      NULL)),
        false);
}

/* The ranks on the left; false, reported, if something else stands there. */
static bool find_ranks(struct expansion *expansion, enum macro macro)
{
    const struct ast_statement *statement = expansion->statement;
    const struct ast_node *output = statement->output;
    for (int i = 0; i < output->child_count; i++) {
        struct ast_node *index = output->child[i];
        if (index->kind != AST_RANK) {
            diag_error(expansion->diags, place_span(index->place),
                       "einsum-macro", NULL,
                       "the result of a macro has plain ranks");
            return false;
        }
        g_ptr_array_add(expansion->all, index);
        if (!statement_reduces(statement, index->name)) {
            g_ptr_array_add(expansion->outer, index);
        }
    }
    for (guint i = 0; macro != MACRO_MEAN && i < statement->reduce_ranks->len;
         i++) {
        const struct ast_node *rank =
            g_ptr_array_index(statement->reduce_ranks, i);
        if (!ast_has_rank(output, rank->name)) {
            diag_error(expansion->diags, place_span(rank->place),
                       "einsum-macro", NULL,
                       "rank '%s' is normalised over and must stand on the "
                       "left",
                       rank->name);
            return false;
        }
    }
    return true;
}

static void expand(const struct expansion *expansion, enum macro macro,
                   struct ast_node *argument)
{
    switch (macro) {
    case MACRO_MEAN:
        expand_mean(expansion);
        break;
    case MACRO_SOFTMAX:
        expand_softmax(expansion);
        break;
    case MACRO_LAYERNORM:
        expand_layernorm(expansion, argument);
        break;
    case MACRO_NONE:
        break;
    }
}

void expand_macro(struct cascade *cascade, enum macro macro,
                  const struct ast_statement *statement,
                  struct ast_node *argument, struct diags *diags)
{
    g_autoptr(GPtrArray) outer = g_ptr_array_new();
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    struct expansion expansion = {cascade, statement, diags, outer, all};
    if (find_ranks(&expansion, macro)) {
        expand(&expansion, macro, argument);
    } else {
        cascade->has_lost_tensors = true;
    }
}
