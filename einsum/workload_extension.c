/* Binds indices that are not affine, conditions and the accesses in them. */
#include "einsum/extension.h"

#include <math.h>

#include "einsum/einsum_ops.h"
#include "einsum/rounding.h"

void extension_free(struct einsum_extension *extension)
{
    if (extension != NULL) {
        g_ptr_array_unref(extension->memory);
        g_free(extension->imaginary);
        g_free(extension);
    }
}

static gpointer allocate(struct extension_builder *builder, gsize size)
{
    gpointer made = g_malloc0(size);
    g_ptr_array_add(builder->extension->memory, made);
    return made;
}

/* ---- indices ------------------------------------------------------------- */

bool ast_is_beyond_affine(const struct ast_node *index)
{
    bool is_beyond = index->kind == AST_CALL || index->kind == AST_ACCESS ||
                     (index->kind == AST_OP && index->op != EINSUM_ADD &&
                      index->op != EINSUM_SUB && index->op != EINSUM_MUL &&
                      index->op != EINSUM_NEGATE);
    for (int i = 0; i < index->child_count && !is_beyond; i++) {
        is_beyond = ast_is_beyond_affine(index->child[i]);
    }
    return is_beyond;
}

static guint32 ranks_of(const struct affine *affine)
{
    guint32 ranks = 0;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        ranks |= affine->coefficient[r] != 0 ? (guint32)1 << r : 0;
    }
    return ranks;
}

static struct index_node *affine_node(struct extension_builder *builder,
                                      const struct affine *affine)
{
    struct index_node *node = allocate(builder, sizeof *node);
    node->kind = INDEX_NODE_NUMBER;
    node->is_affine = true;
    node->affine = *affine;
    node->ranks = ranks_of(affine);
    return node;
}

static void check_divisor(struct extension_builder *builder,
                          const struct ast_node *ast, struct index_node *node)
{
    struct index_node *divisor = node->child[1];
    if ((node->op == EINSUM_DIVIDE || node->op == EINSUM_MOD) &&
        (!divisor->is_affine || divisor->affine.constant < 1)) {
        diag_error(builder->binder->diags, place_span(ast->child[1]->place),
                   "einsum-index-divisor", NULL,
                   "an index is divided by a constant of at least 1");
        struct affine one = affine_constant(1);
        node->child[1] = affine_node(builder, &one);
    }
}

static struct index_node *op_node(struct extension_builder *builder,
                                  const struct ast_node *ast)
{
    struct index_node *node = allocate(builder, sizeof *node);
    node->kind = INDEX_NODE_OP;
    node->op = ast->op;
    for (int i = 0; i < MIN(ast->child_count, 2); i++) {
        node->child[i] = extension_index(builder, ast->child[i]);
        node->ranks |= node->child[i]->ranks;
        node->has_data = node->has_data || node->child[i]->has_data;
    }
    check_divisor(builder, ast, node);
    bool is_constant = node->ranks == 0 && !node->has_data;
    if (is_constant) { /* H/G */
        struct point point = {.workload = builder->binder->workload};
        struct affine value = affine_constant(index_value(node, &point));
        return affine_node(builder, &value);
    }
    return node;
}

static struct index_node *read_node(struct extension_builder *builder,
                                    const struct ast_node *ast)
{
    struct index_node *node = allocate(builder, sizeof *node);
    builder->add_dependence(builder->data, ast);
    node->kind = INDEX_NODE_READ;
    node->read = extension_access(builder, ast);
    node->ranks = node->read->ranks;
    node->has_data = true;
    return node;
}

struct index_node *extension_index(struct extension_builder *builder,
                                   const struct ast_node *ast)
{
    struct affine affine;
    if (ast->kind == AST_ACCESS) {
        return read_node(builder, ast);
    }
    if (ast->kind == AST_CALL) { /* CALL_INDEX in an index, CALL_BIND */
        return extension_index(builder, ast->child[ast->child_count - 1]);
    }
    if (ast->kind == AST_OP && ast_is_beyond_affine(ast)) {
        return op_node(builder, ast);
    }
    if (!binder_affine(builder->binder, ast, true, &affine)) {
        affine = affine_constant(0);
    }
    return affine_node(builder, &affine);
}

/* ---- accesses ------------------------------------------------------------ */

static enum index_mode find_mode(const struct ast_node *index)
{
    if (ast_is_call(index, CALL_ZERO)) {
        return MODE_ZERO;
    }
    if (ast_is_call(index, CALL_CLAMP)) {
        return MODE_CLAMP;
    }
    return ast_is_call(index, CALL_WRAP) ? MODE_WRAP : MODE_NONE;
}

/* What would bound an index that is data; of a scatter, Y[c=IDX[n]], `rank`. */
static char *suggest_bound(const struct extension_builder *builder,
                           const struct ast_node *index,
                           const struct ast_node *rank, int64_t extent)
{
    const struct cascade *cascade = builder->binder->cascade;
    int tensor = index->kind == AST_ACCESS
                     ? cascade_find_tensor(cascade, index->name)
                     : -1;
    GString *text = g_string_new(
        "clamp(..), wrap(..), zero(..) or skip(..) around it would");
    if (rank != NULL) {
        g_autofree char *shape = g_ascii_strup(rank->name, -1);
        g_string_printf(text, "'mod %s' behind it, or min and max, would",
                        shape);
    }
    if (tensor >= 0 && cascade_tensor_at(cascade, (size_t)tensor)->is_input) {
        g_string_append_printf(text,
                               ", or 'in 0..%" G_GINT64_FORMAT
                               "' in the declaration of '%s'",
                               extent - 1, index->name);
    }
    return g_string_free(text, FALSE);
}

/* Without a mode the index must be known to stay in range; one that comes from
 * data is looked at as it runs. */
static void check_range(const struct extension_builder *builder,
                        const struct ast_node *ast,
                        const struct index_node *index, int64_t extent)
{
    const struct ast_node *rank = NULL;
    int64_t low = 0;
    int64_t high = 0;
    bool is_known = index_range(index, builder->binder->workload, &low, &high);
    g_autoptr(GString) text = g_string_new(NULL);
    if (ast_is_call(ast, CALL_BIND)) {
        rank = ast->child[0];
        ast = ast->child[1];
    }
    ast_print_index(ast, text);
    if (is_known && low >= (index->has_data ? -1 : 0) && high < extent) {
        return;
    }
    if (index->has_data) {
        g_autofree char *suggestion = suggest_bound(builder, ast, rank, extent);
        diag_warning(builder->binder->diags, place_span(ast->place),
                     "einsum-gather-range", suggestion,
                     "nothing bounds '%s' to 0..%" G_GINT64_FORMAT, text->str,
                     extent - 1);
    } else {
        diag_error(builder->binder->diags, place_span(ast->place),
                   is_known ? "einsum-out-of-extent" : "einsum-overflow",
                   is_known ? "put it in zero(..), clamp(..), wrap(..) or "
                              "skip(..)"
                            : NULL,
                   is_known ? "'%s' leaves the indices 0 to %" G_GINT64_FORMAT
                            : "'%s' is beyond the integers (extent "
                              "%" G_GINT64_FORMAT ")",
                   text->str, extent - (is_known ? 1 : 0));
    }
}

struct bound_access *extension_access(struct extension_builder *builder,
                                      const struct ast_node *node)
{
    const struct binder *binder = builder->binder;
    int tensor = cascade_find_tensor(binder->cascade, node->name);
    const struct einsum_tensor *bound = &binder->workload->tensors[tensor];
    struct bound_access *access = allocate(builder, sizeof *access);
    int64_t stride = 1;
    access->tensor = tensor;
    access->dim_count = node->child_count;
    for (int d = node->child_count - 1; d >= 0; d--) {
        const struct ast_node *index = node->child[d];
        struct index_node *tree = extension_index(builder, index);
        bool is_skip = ast_is_call(index, CALL_SKIP);
        access->index[d] = tree;
        access->mode[d] = find_mode(index);
        access->extent[d] = bound->extent[d];
        access->stride[d] = stride;
        access->ranks |= tree->ranks;
        if (!tree->is_affine || access->mode[d] != MODE_NONE) {
            access->fixed_ranks |= tree->ranks;
        }
        if (access->mode[d] == MODE_NONE && !is_skip) {
            check_range(builder, index, tree, bound->extent[d]);
        }
        if (is_skip) {
            extension_add_range(builder, index->child[0], bound->extent[d]);
        }
        stride *= bound->extent[d];
    }
    return access;
}

/* ---- values in conditions ------------------------------------------------ */

static struct value_node *number_value(struct extension_builder *builder,
                                       double number, double error)
{
    struct value_node *node = allocate(builder, sizeof *node);
    node->kind = VALUE_NUMBER;
    node->number = number;
    node->error = error;
    return node;
}

static struct value_node *value_of(struct extension_builder *builder,
                                   const struct ast_node *ast)
{
    if (ast->kind == AST_NUMBER) {
        bool is_exact = ast->is_integer || isinf(ast->number);
        return number_value(builder, ast->number,
                            is_exact ? 0.0 : fabs(ast->number) * UNIT_ROUNDOFF);
    }
    struct value_node *node = allocate(builder, sizeof *node);
    if (ast->kind == AST_ACCESS) {
        builder->add_dependence(builder->data, ast);
        node->kind = VALUE_READ;
        node->read = extension_access(builder, ast);
        node->ranks = node->read->ranks;
        return node;
    }
    if (ast->kind == AST_RANK || ast->kind == AST_SHAPE ||
        ast_is_call(ast, CALL_INDEX)) {
        node->kind = VALUE_INDEX;
        node->index = extension_index(builder, ast);
        node->ranks = node->index->ranks;
        return node;
    }
    node->kind = VALUE_OP;
    node->op = ast->op;
    node->child_count = ast->child_count;
    for (int i = 0; i < ast->child_count; i++) {
        node->child[i] = value_of(builder, ast->child[i]);
        node->ranks |= node->child[i]->ranks;
    }
    return node;
}

/* ---- conditions ---------------------------------------------------------- */

static struct condition *connect(struct extension_builder *builder,
                                 enum condition_kind kind, struct condition *a,
                                 struct condition *b)
{
    struct condition *condition = allocate(builder, sizeof *condition);
    condition->kind = kind;
    condition->part[0] = a;
    condition->part[1] = b;
    condition->ranks = a->ranks | b->ranks;
    condition->has_data = a->has_data || b->has_data;
    return condition;
}

/* !(a < b) is b <= a. */
struct relation {
    enum einsum_op op;
    const struct ast_node *left;
    const struct ast_node *right;
};

static struct relation find_relation(const struct ast_node *ast,
                                     bool is_negated)
{
    struct relation same = {ast->op, ast->child[0], ast->child[1]};
    if (!is_negated) {
        return same;
    }
    if (ast->op == EINSUM_EQUAL || ast->op == EINSUM_NOT_EQUAL) {
        same.op = ast->op == EINSUM_EQUAL ? EINSUM_NOT_EQUAL : EINSUM_EQUAL;
        return same;
    }
    return (struct relation){ast->op == EINSUM_LESS ? EINSUM_LESS_EQUAL
                                                    : EINSUM_LESS,
                             ast->child[1], ast->child[0]};
}

static struct index_node *apply_op(struct extension_builder *builder,
                                   enum einsum_op op, struct index_node *a,
                                   struct index_node *b)
{
    struct index_node *node = allocate(builder, sizeof *node);
    *node = (struct index_node){.kind = INDEX_NODE_OP,
                                .op = op,
                                .child = {a, b},
                                .ranks = a->ranks | b->ranks,
                                .has_data = a->has_data || b->has_data};
    return node;
}

/* left - right, affine where both are. */
static struct index_node *difference(struct extension_builder *builder,
                                     struct index_node *left,
                                     struct index_node *right)
{
    struct affine negative;
    struct affine sum;
    if (left->is_affine && right->is_affine &&
        affine_scale(&right->affine, -1, &negative) &&
        affine_add(&left->affine, &negative, &sum)) {
        return affine_node(builder, &sum);
    }
    return apply_op(builder, EINSUM_SUB, left, right);
}

static struct condition *compare_zero(struct extension_builder *builder,
                                      enum einsum_op relation,
                                      struct index_node *index)
{
    int64_t low = 0;
    int64_t high = 0;
    struct condition *condition = allocate(builder, sizeof *condition);
    *condition = (struct condition){.kind = CONDITION_INDEX,
                                    .relation = relation,
                                    .index = index,
                                    .ranks = index->ranks,
                                    .has_data = index->has_data};
    if (!index->has_data &&
        !index_range(index, builder->binder->workload, &low, &high)) {
        diag_error(builder->binder->diags, builder->statement->span,
                   "einsum-overflow", NULL,
                   "a condition is beyond 64-bit integers");
    }
    return condition;
}

/* |a| <= b is a <= b and -a <= b; so are max(a, c) <= b and a <= min(b, c) two
 * comparisons, which are then affine if their operands are. */
static struct condition *less_equal(struct extension_builder *builder,
                                    struct index_node *left,
                                    struct index_node *right)
{
    struct affine none = affine_constant(0);
    bool is_op = left->kind == INDEX_NODE_OP && !left->is_affine;
    if (is_op && left->op == EINSUM_ABS) {
        struct index_node *negative =
            difference(builder, affine_node(builder, &none), left->child[0]);
        return connect(builder, CONDITION_ALL,
                       less_equal(builder, left->child[0], right),
                       less_equal(builder, negative, right));
    }
    if (is_op && left->op == EINSUM_MAX) {
        return connect(builder, CONDITION_ALL,
                       less_equal(builder, left->child[0], right),
                       less_equal(builder, left->child[1], right));
    }
    if (right->kind == INDEX_NODE_OP && !right->is_affine &&
        right->op == EINSUM_MIN) {
        return connect(builder, CONDITION_ALL,
                       less_equal(builder, left, right->child[0]),
                       less_equal(builder, left, right->child[1]));
    }
    return compare_zero(builder, EINSUM_LESS_EQUAL,
                        difference(builder, left, right));
}

static struct condition *index_condition(struct extension_builder *builder,
                                         const struct relation *relation)
{
    struct index_node *left = extension_index(builder, relation->left);
    struct index_node *right = extension_index(builder, relation->right);
    struct affine one = affine_constant(1);
    if (relation->op == EINSUM_LESS) { /* left + 1 <= right */
        return less_equal(
            builder, left,
            difference(builder, right, affine_node(builder, &one)));
    }
    return relation->op == EINSUM_LESS_EQUAL
               ? less_equal(builder, left, right)
               : compare_zero(builder, relation->op,
                              difference(builder, left, right));
}

static struct condition *data_condition(struct extension_builder *builder,
                                        const struct relation *relation)
{
    struct condition *condition = allocate(builder, sizeof *condition);
    condition->kind = CONDITION_DATA;
    condition->relation = relation->op;
    condition->left = value_of(builder, relation->left);
    condition->right = value_of(builder, relation->right);
    condition->ranks = condition->left->ranks | condition->right->ranks;
    condition->has_data = true;
    return condition;
}

static struct condition *new_condition(struct extension_builder *builder,
                                       const struct ast_node *ast,
                                       bool is_negated)
{
    if (ast_is_call(ast, CALL_NOT)) {
        return new_condition(builder, ast->child[0], !is_negated);
    }
    if (ast->kind == AST_CALL) {
        bool is_all = (ast->call == CALL_AND) != is_negated;
        return connect(builder, is_all ? CONDITION_ALL : CONDITION_ANY,
                       new_condition(builder, ast->child[0], is_negated),
                       new_condition(builder, ast->child[1], is_negated));
    }
    struct relation relation = find_relation(ast, is_negated);
    return ast_has(ast, AST_ACCESS) ? data_condition(builder, &relation)
                                    : index_condition(builder, &relation);
}

void extension_add(struct einsum_extension *extension,
                   struct einsum_statement *statement,
                   struct condition *condition, struct diags *diags)
{
    if (condition->kind == CONDITION_ALL) {
        extension_add(extension, statement, condition->part[0], diags);
        extension_add(extension, statement, condition->part[1], diags);
        return;
    }
    statement->features |=
        condition->has_data ? EINSUM_DATA_PREDICATE : EINSUM_PREDICATE;
    if (extension->condition_count == EINSUM_MAX_CONDITIONS) {
        diag_error(diags, statement->span, "einsum-too-many-conditions", NULL,
                   "a statement has at most %d conditions",
                   EINSUM_MAX_CONDITIONS);
        return;
    }
    extension->condition[extension->condition_count++] = condition;
}

static void add(struct extension_builder *builder, struct condition *condition)
{
    extension_add(builder->extension, builder->statement, condition,
                  builder->binder->diags);
}

void extension_add_condition(struct extension_builder *builder,
                             const struct ast_node *node)
{
    add(builder, new_condition(builder, node, false));
}

void extension_add_range(struct extension_builder *builder,
                         const struct ast_node *index, int64_t extent)
{
    struct index_node *tree = extension_index(builder, index);
    struct affine least = affine_constant(0);
    struct affine most = affine_constant(extent - 1);
    add(builder, less_equal(builder, affine_node(builder, &least), tree));
    add(builder, less_equal(builder, tree, affine_node(builder, &most)));
}
