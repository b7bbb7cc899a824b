/* m = m1*M0 + m0 everywhere. What the cascade is given (and what is indexed by
 * m only where it is read) is seen through a view, BK[m1,m0] = K[m1*M0+m0]; what
 * it computes has the two ranks in place of the one. */
#include "einsum/rewrite.h"

#include <string.h>

struct split {
    const char *rank;
    const char *outer;
    const char *inner;
    const char *inner_shape;
    GHashTable *views; /* "K.1": name of the view of K's dimension 1 */
    int statement;     /* being rewritten */
    bool is_nested;    /* the rank is part of a split itself */
    bool is_used;      /* some statement has the rank */
};

/* ---- what is asked for ------------------------------------------------------ */

/* The outer rank of m is m1, that of m0 too; taken already: m12 ... */
static const char *name_outer(struct draft *draft, const char *rank)
{
    g_autofree char *stem = g_strdup(rank);
    size_t length = strlen(stem);
    while (length > 1 && g_ascii_isdigit(stem[length - 1])) {
        stem[--length] = '\0';
    }
    g_autofree char *outer = NULL;
    for (int i = 1; outer == NULL; i++) {
        g_autofree char *candidate = g_strdup_printf("%s%d", stem, i);
        g_autofree char *shape = g_ascii_strup(candidate, -1);
        if (!g_hash_table_contains(draft->used, candidate) &&
            !g_hash_table_contains(draft->used, shape)) {
            outer = g_steal_pointer(&candidate);
        }
    }
    return draft_name(draft, outer);
}

/* The file keeps --set M0=...: the value is a default that always divides. */
static bool add_shape(struct draft *draft, const struct split *split)
{
    const char *size = draft_argument(draft, "size");
    const char *whole = name_shape_of_rank(draft->cascade, split->rank);
    if (cascade_find_shape(draft->cascade, split->inner_shape) >= 0) {
        return true;
    }
    if (size == NULL && cascade_find_shape(draft->cascade, whole) < 0) {
        draft_refuse(draft, -1, "rewrite-block-size",
                     "rank '%s' has no shape of its own to choose a block "
                     "size from: give size=NUMBER",
                     split->rank);
        return false;
    }
    g_ptr_array_add(
        draft->shapes,
        size != NULL ? g_strdup_printf("%s: \"%s\"", split->inner_shape, size)
                     : g_strdup_printf("%s: \"largest_divisor(%s, 16)\"",
                                       split->inner_shape, whole));
    return true;
}

static enum status read_arguments(struct draft *draft, struct split *split)
{
    const char *rank = draft_argument(draft, "rank");
    const char *by = draft_argument(draft, "by");
    const char *size = draft_argument(draft, "size");
    if (rank == NULL || by == NULL || !name_is_shape(by) ||
        (size != NULL && strspn(size, "0123456789") != strlen(size))) {
        diag_error(draft->diags, SPAN_NONE, "rewrite-argument", NULL,
                   "'split' takes a rank, a block shape in capitals and, if "
                   "wanted, its size: split:rank=m:by=M0:size=16");
        return ERR_INPUT;
    }
    g_autofree char *inner = g_ascii_strdown(by, -1);
    if (!names_have(draft->cascade->ranks, rank)) {
        draft_refuse(draft, -1, "rewrite-no-rank",
                     "the cascade has no rank '%s'", rank);
    } else if (names_have(draft->cascade->ranks, inner)) {
        draft_refuse(draft, -1, "rewrite-rank-taken",
                     "the cascade has a rank '%s' already", inner);
    }
    split->rank = rank;
    split->inner_shape = by;
    split->inner = g_string_chunk_insert_const(draft->names, inner);
    g_hash_table_add(draft->used, g_steal_pointer(&inner));
    return OK;
}

/* ---- trees ------------------------------------------------------------------ */

static bool is_split_rank(const struct split *split,
                          const struct ast_node *node)
{
    return node->kind == AST_RANK && g_str_equal(node->name, split->rank);
}

/* m1*M0+m0 */
static struct ast_node *make_whole(struct draft *draft,
                                   const struct split *split)
{
    struct ast_node *blocks =
        draft_op(draft, EINSUM_MUL, draft_rank(draft, split->outer),
                 draft_shape(draft, split->inner_shape));
    return draft_op(draft, EINSUM_ADD, blocks, draft_rank(draft, split->inner));
}

static struct ast_node *
replace_rank(struct draft *draft, const struct ast_node *node, const void *data)
{
    return is_split_rank(data, node) ? make_whole(draft, data) : NULL;
}

/* The dimension of a computed tensor that its definition indexes by the rank,
 * or -1. */
static int split_dim(const struct draft *draft, const struct split *split,
                     const char *tensor)
{
    int producer = draft_producer(draft, tensor);
    if (producer < 0) {
        return -1;
    }
    const struct ast_node *output = draft_statement(draft, producer)->output;
    for (int i = 0; i < output->child_count; i++) {
        if (is_split_rank(split, output->child[i])) {
            return i;
        }
    }
    return -1;
}

/* Indices of `node` with dimension `dim` in two. */
static struct ast_node *split_indices(struct draft *draft,
                                      const struct split *split,
                                      const struct ast_node *node, int dim)
{
    g_autoptr(GPtrArray) indices = g_ptr_array_new();
    for (int i = 0; i < node->child_count; i++) {
        if (i == dim) {
            g_ptr_array_add(indices, draft_rank(draft, split->outer));
            g_ptr_array_add(indices, draft_rank(draft, split->inner));
        } else {
            g_ptr_array_add(indices, node->child[i]);
        }
    }
    return draft_access(draft, node->name, indices);
}

/* ---- views ------------------------------------------------------------------ */

/* The ranks a tensor is declared or defined with. */
static const struct ast_node *declaration_of(const struct draft *draft,
                                             const char *tensor)
{
    int id = cascade_find_tensor(draft->cascade, tensor);
    const struct cascade_tensor *found =
        cascade_tensor_at(draft->cascade, (size_t)id);
    return found->is_input ? found->declaration
                           : draft_statement(draft, found->producer)->output;
}

static bool is_all_ranks(const struct ast_node *access)
{
    for (int i = 0; i < access->child_count; i++) {
        if (access->child[i]->kind != AST_RANK) {
            return false;
        }
    }
    return true;
}

static void emit_view(struct draft *draft, const struct split *split,
                      const char *view, const struct ast_node *declaration,
                      int dim)
{
    struct ast_node *left = split_indices(draft, split, declaration, dim);
    left->name = view;
    g_autoptr(GPtrArray) indices = g_ptr_array_new();
    for (int i = 0; i < declaration->child_count; i++) {
        g_ptr_array_add(indices, i == dim ? make_whole(draft, split)
                                          : declaration->child[i]);
    }
    struct ast_node *right = draft_access(draft, declaration->name, indices);
    if (draft_producer(draft, declaration->name) >= 0) {
        draft_emit(draft, split->statement, left, EINSUM_SUM, NULL, right);
        return;
    }
    ast_print(left, draft->head);
    g_string_append(draft->head, " = ");
    ast_print(right, draft->head);
    g_string_append_c(draft->head, '\n');
}

/* The access to a tensor that is not split itself, through its view. */
static struct ast_node *read_view(struct draft *draft, struct split *split,
                                  const struct ast_node *node, int dim)
{
    const struct ast_node *declaration = declaration_of(draft, node->name);
    if (!is_all_ranks(declaration)) {
        draft_refuse(draft, split->statement, "rewrite-index",
                     "'%s' advances along a rank and is read along '%s'",
                     node->name, split->rank);
        return draft_map(draft, node, NULL, NULL);
    }
    g_autofree char *key = g_strdup_printf("%s.%d", node->name, dim);
    const char *view = g_hash_table_lookup(split->views, key);
    if (view == NULL) {
        view = draft_derive(draft, "B", "", node->name);
        emit_view(draft, split, view, declaration, dim);
        g_hash_table_insert(split->views, g_steal_pointer(&key), borrow(view));
    }
    struct ast_node *access = split_indices(draft, split, node, dim);
    access->name = view;
    return access;
}

/* The one index with the rank in it, -1 for none, -2 for an index that is more
 * than the rank. */
static int find_dim(const struct split *split, const struct ast_node *access)
{
    int dim = -1;
    for (int i = 0; i < access->child_count; i++) {
        if (!ast_has_rank(access->child[i], split->rank)) {
            continue;
        }
        if (!is_split_rank(split, access->child[i]) || dim >= 0) {
            return -2;
        }
        dim = i;
    }
    return dim;
}

/* ---- statements ------------------------------------------------------------- */

static struct ast_node *
split_access(struct draft *draft, const struct ast_node *node, const void *data)
{
    struct split *split = *(struct split *const *)data;
    if (node->kind != AST_ACCESS) {
        return NULL;
    }
    int own = split_dim(draft, split, node->name);
    int dim = find_dim(split, node);
    if (dim == -2 && own < 0) {
        /* An affine index stays affine. */
        split->is_nested = true;
        return draft_map(draft, node, replace_rank, split);
    }
    if (dim == -2 || (own >= 0 && dim != own)) {
        draft_refuse(draft, split->statement, "rewrite-index",
                     "'%s' is computed along '%s' and not read by that rank "
                     "alone",
                     node->name, split->rank);
        return NULL;
    }
    if (dim < 0) {
        return NULL;
    }
    return own >= 0 ? split_indices(draft, split, node, dim)
                    : read_view(draft, split, node, dim);
}

/* Is anything in the statement to be changed? */
static bool concerns(const struct draft *draft, const struct split *split,
                     const struct ast_node *node)
{
    if (is_split_rank(split, node) ||
        (node->kind == AST_ACCESS &&
         split_dim(draft, split, node->name) >= 0)) {
        return true;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (concerns(draft, split, node->child[i])) {
            return true;
        }
    }
    return false;
}

static struct ast_node *split_output(struct draft *draft, struct split *split,
                                     const struct ast_node *output)
{
    int dim = find_dim(split, output);
    if (draft_is_output(draft, output->name) &&
        split_dim(draft, split, output->name) >= 0) {
        draft_refuse(draft, split->statement, "rewrite-output-rank",
                     "output '%s' has rank '%s'", output->name, split->rank);
    } else if (dim == -2 || dim != split_dim(draft, split, output->name)) {
        draft_refuse(draft, split->statement, "rewrite-index",
                     "'%s' advances along '%s'", output->name, split->rank);
    }
    return dim < 0 ? draft_map(draft, output, NULL, NULL)
                   : split_indices(draft, split, output, dim);
}

/* Indices take m1*M0+m0; tensors in it are read as they are in values. */
static struct ast_node *split_condition(struct draft *draft,
                                        struct split *split,
                                        const struct ast_node *condition)
{
    struct split *const data = split;
    struct ast_node *read = draft_map(draft, condition, split_access, &data);
    return condition_is_static(condition)
               ? draft_map(draft, read, replace_rank, split)
               : read;
}

static void split_statement(struct draft *draft, struct split *split)
{
    int index = split->statement;
    const struct ast_statement *statement = draft_statement(draft, index);
    if (!concerns(draft, split, statement->output) &&
        !concerns(draft, split, statement->body) &&
        (statement->condition == NULL ||
         !concerns(draft, split, statement->condition))) {
        return;
    }
    if (!draft_is_plain(draft, index)) {
        draft_refuse(draft, index, "rewrite-unsupported",
                     "'%s' has rank '%s' in a form that rewrites do not know",
                     statement->output->name, split->rank);
        return;
    }
    split->is_used = true;
    struct ast_node *output = split_output(draft, split, statement->output);
    struct split *const data = split;
    draft_clear(draft, index);
    struct ast_node *body =
        draft_map(draft, statement->body, split_access, &data);
    g_autoptr(GPtrArray) old = statement_written(statement);
    g_autoptr(GPtrArray) ranks = g_ptr_array_new();
    for (guint i = 0; i < old->len; i++) {
        char *name = g_ptr_array_index(old, i);
        bool is_split = g_str_equal(name, split->rank);
        g_ptr_array_add(ranks, is_split ? borrow(split->outer) : name);
        if (is_split) {
            g_ptr_array_add(ranks, borrow(split->inner));
        }
    }
    if (statement->condition != NULL) {
        draft->where = split_condition(draft, split, statement->condition);
    }
    draft_emit(draft, index, output, statement->reduce, ranks, body);
    draft->where = NULL;
}

/* m1*M0 + m2*MI + mi tells nobody the extent of m2. */
static void add_outer_shape(struct draft *draft, const struct split *split)
{
    const char *whole = name_shape_of_rank(draft->cascade, split->rank);
    if (cascade_find_shape(draft->cascade, whole) < 0) {
        draft_refuse(draft, -1, "rewrite-block-size",
                     "rank '%s' is part of a split and has no shape of its own",
                     split->rank);
        return;
    }
    g_autofree char *outer = g_ascii_strup(split->outer, -1);
    g_ptr_array_add(draft->shapes, g_strdup_printf("%s: \"%s / %s\"", outer,
                                                   whole, split->inner_shape));
}

enum status rewrite_split(struct draft *draft)
{
    struct split split = {0};
    TRY(read_arguments(draft, &split));
    if (draft->is_refused || !add_shape(draft, &split)) {
        return OK;
    }
    split.outer = name_outer(draft, split.rank);
    g_autoptr(GHashTable) views =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    split.views = views;
    for (int i = 0; i < draft_count(draft) && !draft->is_refused; i++) {
        split.statement = i;
        split_statement(draft, &split);
    }
    if (!split.is_used) {
        draft_refuse(draft, -1, "rewrite-no-rank", "no Einsum has rank '%s'",
                     split.rank);
    }
    if (split.is_nested) {
        add_outer_shape(draft, &split);
    }
    return OK;
}
