/* Calls of macros: a copy of each statement of the text, with
 *
 *   a rank of the macro            the rank of the call (a list: all of them)
 *   its shape M                    the shape of that rank (a list: the product)
 *   a value X                      the call's expression, itself
 *   X[d=h*E+e]                     the expression with every d replaced
 *   T[..-m,n] of a local tensor    A_T over the ranks of the result A but m,
 *                                  and n
 *   the result A[..]               the call's left side
 *   where C                        the call's condition; none without one, and
 *                                  none for a view (IN[..] = X)
 */
#include "einsum/macro.h"

static struct ast_node *copy(struct expansion *expansion,
                             const struct ast_node *node);

static struct place copy_place(const struct expansion *expansion,
                               struct place place)
{
    place.origin = expansion->origin;
    return place;
}

/* The first thing that is wrong with a call. */
static void report(struct expansion *expansion, const struct ast_node *node,
                   const char *code, const char *message)
{
    if (!expansion->is_failed) {
        diag_error(expansion->diags, place_span(node->place), code, NULL,
                   "'%s' %s", node->name == NULL ? "" : node->name, message);
    }
    expansion->is_failed = true;
}

/* NULL, reported, if the tree has grown too large. */
static struct ast_node *check_size(struct expansion *expansion,
                                   struct ast_node *made)
{
    if (made->height <= AST_MAX_HEIGHT && made->size <= AST_MAX_SIZE) {
        return made;
    }
    if (!expansion->is_failed) {
        diag_error(expansion->diags, place_span(made->place),
                   "einsum-macro-size", NULL,
                   "with its arguments this expression has more than %d nodes "
                   "or %d levels",
                   AST_MAX_SIZE, AST_MAX_HEIGHT);
    }
    expansion->is_failed = true;
    return NULL;
}

/* ---- parameters ---------------------------------------------------------- */

/* First of the call's ranks that the macro's rank stands for, and how many. */
static guint find_actual_ranks(const struct expansion *expansion, int formal,
                               guint *count)
{
    const struct macro *macro = expansion->macro;
    guint given = expansion->call->statement.reduce_ranks->len;
    bool is_list = macro->has_list && formal == (int)macro->ranks->len - 1;
    *count = is_list ? given - (guint)formal : 1;
    return (guint)formal;
}

static struct ast_node *actual_rank(const struct expansion *expansion, guint i)
{
    return g_ptr_array_index(expansion->call->statement.reduce_ranks, i);
}

static struct ast_node *new_binary(struct expansion *expansion,
                                   enum einsum_op op, struct ast_node *left,
                                   struct ast_node *right)
{
    g_autoptr(GPtrArray) operands = g_ptr_array_new();
    struct ast_node *node = ast_new(expansion->cascade, AST_OP, left->place);
    g_ptr_array_add(operands, left);
    g_ptr_array_add(operands, right);
    node->op = op;
    ast_set_children(node, operands);
    return node;
}

/* A mean by the extent would divide by more than there is. */
static void check_is_whole(struct expansion *expansion,
                           const struct ast_node *rank)
{
    if (!expansion->has_ragged_extent &&
        ragged_has(expansion->cascade, rank->name)) {
        expansion->has_ragged_extent = true;
        diag_warning(expansion->diags, place_span(rank->place), "einsum-ragged",
                     "write it with mean(), which counts the points that exist",
                     "macro '%s' takes ragged rank '%s' for as long as it can "
                     "be",
                     expansion->macro->name, rank->name);
    }
}

/* The product of the shapes of the call's ranks. */
static struct ast_node *actual_extent(struct expansion *expansion, int formal)
{
    guint count = 0;
    guint first = find_actual_ranks(expansion, formal, &count);
    struct ast_node *product = NULL;
    for (guint i = first; i < first + count; i++) {
        const struct ast_node *rank = actual_rank(expansion, i);
        struct ast_node *shape =
            ast_new(expansion->cascade, AST_SHAPE, rank->place);
        check_is_whole(expansion, rank);
        shape->name = name_shape_of_rank(expansion->cascade, rank->name);
        product = product == NULL
                      ? shape
                      : new_binary(expansion, EINSUM_MUL, product, shape);
    }
    return product;
}

static struct ast_node *actual_value(const struct expansion *expansion,
                                     const char *name)
{
    int value = macro_find_value(expansion->macro, name);
    if (value >= 0) {
        return g_ptr_array_index(expansion->call->call.values, value);
    }
    return g_str_equal(expansion->macro->body, name)
               ? expansion->call->statement.body
               : NULL;
}

static int find_formal_of_shape(const struct expansion *expansion,
                                const char *shape)
{
    g_autofree char *rank = g_ascii_strdown(shape, -1);
    return macro_find_rank(expansion->macro, rank);
}

/* ---- replacing a rank in a value ----------------------------------------- */

struct replacement {
    const char *rank;
    struct ast_node *by;
};

static struct ast_node *replace(struct expansion *expansion,
                                struct ast_node *node,
                                const struct replacement *replacements,
                                int count)
{
    for (int i = 0; node->kind == AST_RANK && i < count; i++) {
        if (g_str_equal(replacements[i].rank, node->name)) {
            return replacements[i].by;
        }
    }
    if (node->child_count == 0) {
        return node;
    }
    g_autoptr(GPtrArray) children = g_ptr_array_new();
    struct ast_node *made =
        ast_new(expansion->cascade, node->kind, node->place);
    made->name = node->name;
    made->op = node->op;
    made->call = node->call;
    for (int i = 0; i < node->child_count; i++) {
        g_ptr_array_add(
            children, replace(expansion, node->child[i], replacements, count));
    }
    ast_set_children(made, children);
    return made;
}

/* X[d=h*E+e, n=m]: all at once. */
static struct ast_node *copy_replaced(struct expansion *expansion,
                                      const struct ast_node *access)
{
    g_autofree struct replacement *replacements =
        g_new0(struct replacement, (gsize)access->child_count);
    for (int i = 0; i < access->child_count; i++) {
        const struct ast_node *bind = access->child[i];
        guint count = 0;
        guint first = find_actual_ranks(
            expansion, macro_find_rank(expansion->macro, bind->child[0]->name),
            &count);
        if (count != 1) {
            report(expansion, bind->child[0], "einsum-macro",
                   "stands for several ranks here and cannot be replaced");
            return NULL;
        }
        replacements[i].rank = actual_rank(expansion, first)->name;
        replacements[i].by = copy(expansion, bind->child[1]);
        if (replacements[i].by == NULL) {
            return NULL;
        }
    }
    return check_size(expansion,
                      replace(expansion, actual_value(expansion, access->name),
                              replacements, access->child_count));
}

/* ---- lists of ranks ------------------------------------------------------ */

static void add_actual_ranks(const struct expansion *expansion,
                             const struct ast_node *rank, GPtrArray *list)
{
    guint count = 0;
    guint first = find_actual_ranks(
        expansion, macro_find_rank(expansion->macro, rank->name), &count);
    for (guint i = 0; i < count; i++) {
        g_ptr_array_add(list, actual_rank(expansion, first + i));
    }
}

static bool has_rank(const GPtrArray *ranks, const char *name)
{
    for (guint i = 0; i < ranks->len; i++) {
        const struct ast_node *rank = g_ptr_array_index(ranks, i);
        if (g_str_equal(rank->name, name)) {
            return true;
        }
    }
    return false;
}

/* ..-m: what is left out must be there. */
static void add_rest(struct expansion *expansion, const struct ast_node *rest,
                     GPtrArray *list)
{
    g_autoptr(GPtrArray) without = g_ptr_array_new();
    for (int i = 0; i < rest->child_count; i++) {
        add_actual_ranks(expansion, rest->child[i], without);
    }
    for (guint i = 0; i < without->len; i++) {
        const struct ast_node *rank = g_ptr_array_index(without, i);
        if (!has_rank(expansion->ranks, rank->name)) {
            report(expansion, rank, "einsum-macro",
                   "must stand on the left of this macro");
        }
    }
    for (guint i = 0; i < expansion->ranks->len; i++) {
        struct ast_node *rank = g_ptr_array_index(expansion->ranks, i);
        if (!has_rank(without, rank->name)) {
            g_ptr_array_add(list, rank);
        }
    }
}

static void add_copy(struct expansion *expansion, const struct ast_node *node,
                     GPtrArray *list)
{
    if (node->kind == AST_RANK) {
        add_actual_ranks(expansion, node, list);
    } else if (ast_is_call(node, CALL_REST)) {
        add_rest(expansion, node, list);
    } else {
        struct ast_node *made = copy(expansion, node);
        if (made != NULL) {
            g_ptr_array_add(list, made);
        }
    }
}

/* ---- trees --------------------------------------------------------------- */

static struct ast_node *copy_children(struct expansion *expansion,
                                      const struct ast_node *node)
{
    g_autoptr(GPtrArray) children = g_ptr_array_new();
    struct ast_node *made = ast_new(expansion->cascade, node->kind,
                                    copy_place(expansion, node->place));
    made->name = node->name;
    made->op = node->op;
    made->call = node->call;
    for (int i = 0; i < node->child_count; i++) {
        if (node->kind == AST_ACCESS) {
            add_copy(expansion, node->child[i], children);
        } else {
            struct ast_node *child = copy(expansion, node->child[i]);
            if (child == NULL) {
                return NULL;
            }
            g_ptr_array_add(children, child);
        }
    }
    ast_set_children(made, children);
    return check_size(expansion, made);
}

static struct ast_node *copy_access(struct expansion *expansion,
                                    const struct ast_node *node)
{
    if (actual_value(expansion, node->name) != NULL) {
        return copy_replaced(expansion, node);
    }
    if (g_str_equal(node->name, expansion->macro->output)) {
        return expansion->call->statement.output;
    }
    struct ast_node *access = copy_children(expansion, node);
    if (access != NULL) {
        g_autofree char *name = g_strdup_printf(
            "%s_%s", expansion->call->statement.output->name, node->name);
        access->name =
            g_string_chunk_insert_const(expansion->cascade->names, name);
    }
    return access;
}

static struct ast_node *copy_rank(struct expansion *expansion,
                                  const struct ast_node *node)
{
    guint count = 0;
    guint first = find_actual_ranks(
        expansion, macro_find_rank(expansion->macro, node->name), &count);
    if (count != 1) {
        report(expansion, node, "einsum-macro",
               "stands for several ranks here");
        return NULL;
    }
    return actual_rank(expansion, first);
}

static struct ast_node *copy(struct expansion *expansion,
                             const struct ast_node *node)
{
    struct ast_node *value = NULL;
    switch (node->kind) {
    case AST_NUMBER:
        value = ast_new(expansion->cascade, AST_NUMBER,
                        copy_place(expansion, node->place));
        value->number = node->number;
        value->is_integer = node->is_integer;
        value->integer = node->integer;
        return value;
    case AST_RANK:
        return copy_rank(expansion, node);
    case AST_SHAPE:
        value = actual_value(expansion, node->name);
        return value != NULL
                   ? value
                   : actual_extent(expansion,
                                   find_formal_of_shape(expansion, node->name));
    case AST_ACCESS:
        return copy_access(expansion, node);
    case AST_OP:
    case AST_CALL:
        break;
    }
    return copy_children(expansion, node);
}

/* ---- statements ---------------------------------------------------------- */

/* C, or C && what the text adds; the call's condition may be missing. */
static struct ast_node *copy_condition(struct expansion *expansion,
                                       const struct ast_node *node)
{
    const char *formal = expansion->macro->condition;
    if (node == NULL) {
        return NULL;
    }
    if (node->kind == AST_SHAPE && g_strcmp0(node->name, formal) == 0) {
        return expansion->call->statement.condition;
    }
    if (!ast_is_call(node, CALL_AND)) {
        return copy(expansion, node);
    }
    struct ast_node *left = copy_condition(expansion, node->child[0]);
    struct ast_node *right = copy_condition(expansion, node->child[1]);
    if (left == NULL || right == NULL) {
        return left == NULL ? right : left;
    }
    g_autoptr(GPtrArray) both = g_ptr_array_new();
    struct ast_node *made = ast_new(expansion->cascade, AST_CALL,
                                    copy_place(expansion, node->place));
    g_ptr_array_add(both, left);
    g_ptr_array_add(both, right);
    made->call = CALL_AND;
    ast_set_children(made, both);
    return made;
}

static void copy_call(struct expansion *expansion,
                      const struct macro_call *call, struct macro_call *made)
{
    *made = (struct macro_call){
        .name = call->name,
        .place = copy_place(expansion, call->place),
    };
    for (guint i = 0; call->name != NULL && i < call->values->len; i++) {
        if (made->values == NULL) {
            made->values = g_ptr_array_new();
        }
        g_ptr_array_add(made->values,
                        copy(expansion, g_ptr_array_index(call->values, i)));
    }
    if (call->name != NULL && made->values == NULL) {
        made->values = g_ptr_array_new();
    }
}

static void copy_statement(struct expansion *expansion,
                           const struct parsed_statement *text,
                           struct parsed_statement *made)
{
    const struct ast_statement *from = &text->statement;
    bool is_result = g_str_equal(from->output->name, expansion->macro->output);
    *made = (struct parsed_statement){.statement = *from};
    struct ast_statement *statement = &made->statement;
    statement->reduce_ranks = g_ptr_array_new();
    statement->output = copy(expansion, from->output);
    statement->body = copy(expansion, from->body);
    statement->condition = copy_condition(expansion, from->condition);
    for (guint i = 0; i < from->reduce_ranks->len; i++) {
        add_actual_ranks(expansion, g_ptr_array_index(from->reduce_ranks, i),
                         statement->reduce_ranks);
    }
    if (from->select_count != NULL) {
        statement->select_count = copy(expansion, from->select_count);
    }
    if (text->second != NULL) {
        made->second = copy(expansion, text->second);
    }
    copy_call(expansion, &text->call, &made->call);
    bool is_copy = !is_result && !from->has_reduction &&
                   text->call.name == NULL && statement->body != NULL &&
                   statement->body->kind == AST_ACCESS;
    if (is_copy) {
        statement->condition = NULL;
    }
}

static bool is_full(struct expansion *expansion)
{
    if (expansion->cascade->statements->len < AST_MAX_STATEMENTS) {
        return false;
    }
    if (!expansion->cascade->has_lost_tensors) {
        diag_error(expansion->diags, place_span(expansion->call->call.place),
                   "einsum-too-many-statements", NULL,
                   "a cascade has at most %d statements", AST_MAX_STATEMENTS);
    }
    expansion->cascade->has_lost_tensors = true;
    return true;
}

static void add_statements(struct expansion *expansion)
{
    const GPtrArray *statements = expansion->macro->statements;
    for (guint i = 0; i < statements->len && !is_full(expansion); i++) {
        struct parsed_statement made;
        copy_statement(expansion, g_ptr_array_index(statements, i), &made);
        if (expansion->is_failed) {
            expansion->cascade->has_lost_tensors = true;
            parsed_statement_clear(&made);
            return;
        }
        cascade_add_statement(expansion->cascade, &made, expansion,
                              expansion->diags);
    }
}

/* ---- calls --------------------------------------------------------------- */

static void add_result_rank(struct ast_node *rank, void *data)
{
    struct expansion *expansion = data;
    g_ptr_array_add(expansion->ranks, rank);
}

/* What `..` stands for: every rank of the result, also that of l+1. */
static bool find_result_ranks(struct expansion *expansion)
{
    const struct ast_node *output = expansion->call->statement.output;
    for (int i = 0; i < output->child_count; i++) {
        struct ast_node *index = output->child[i];
        if (index_find_form(index, NULL) == INDEX_AFFINE) {
            diag_error(expansion->diags, place_span(index->place),
                       "einsum-macro", NULL,
                       "the result of a macro has ranks, a rank plus a "
                       "constant, and constants");
            return false;
        }
        ast_visit(index, AST_RANK, add_result_rank, expansion);
    }
    return true;
}

static bool is_recursive(const struct expansion *outer,
                         const struct macro *macro)
{
    for (; outer != NULL; outer = outer->outer) {
        if (outer->macro == macro) {
            return true;
        }
    }
    return false;
}

static void report_arguments(struct cascade *cascade,
                             const struct parsed_statement *call,
                             struct diags *diags)
{
    g_autoptr(GString) forms = g_string_new(NULL);
    for (guint i = 0; i < cascade->macros->len; i++) {
        const struct macro *macro = g_ptr_array_index(cascade->macros, i);
        if (g_str_equal(macro->name, call->call.name)) {
            g_string_append_printf(
                forms, "%s%u%s rank%s and %u value%s",
                forms->len > 0 ? ", or " : "", macro->ranks->len,
                macro->has_list ? " or more" : "",
                macro->ranks->len == 1 && !macro->has_list ? "" : "s",
                macro->values->len, macro->values->len == 1 ? "" : "s");
        }
    }
    diag_error(diags, place_span(call->call.place), "einsum-macro-arguments",
               NULL, "'%s' takes %s, not %u and %u", call->call.name,
               forms->str, call->statement.reduce_ranks->len,
               call->call.values->len);
}

static void report_unknown(struct cascade *cascade,
                           const struct parsed_statement *call,
                           struct diags *diags)
{
    cascade->has_lost_tensors = true;
    if (macro_is_name(cascade, call->call.name, diags)) {
        report_arguments(cascade, call, diags);
        return;
    }
    g_autofree char *suggestion = macro_suggest(cascade, call->call.name);
    diag_error(diags, place_span(call->call.place), "einsum-unknown-function",
               suggestion, "unknown function or macro '%s'", call->call.name);
}

static bool check_call(const struct expansion *expansion)
{
    const struct parsed_statement *call = expansion->call;
    const struct ast_node *condition = call->statement.condition;
    if (is_recursive(expansion->outer, expansion->macro)) {
        diag_error(expansion->diags, place_span(call->call.place),
                   "einsum-macro-recursion", NULL,
                   "macro '%s' calls itself without end",
                   expansion->macro->name);
        return false;
    }
    if (condition != NULL && expansion->macro->condition == NULL) {
        diag_error(expansion->diags, place_span(condition->place),
                   "einsum-macro", NULL, "macro '%s' takes no 'where'",
                   expansion->macro->name);
        return false;
    }
    return true;
}

void macro_expand(struct cascade *cascade, const struct parsed_statement *call,
                  const struct expansion *outer, struct diags *diags)
{
    bool is_standard = outer != NULL && outer->macro->is_standard;
    const struct macro *macro = macro_find(cascade, call, is_standard, diags);
    if (macro == NULL) {
        report_unknown(cascade, call, diags);
        return;
    }
    if (macro->is_broken) {
        cascade->has_lost_tensors = true;
        return;
    }
    g_autoptr(GPtrArray) ranks = g_ptr_array_new();
    struct span_origin *origin = g_new0(struct span_origin, 1);
    origin->name = macro->name;
    origin->call = place_span(call->call.place);
    g_ptr_array_add(cascade->origins, origin);
    struct expansion expansion = {
        .outer = outer,
        .cascade = cascade,
        .macro = macro,
        .call = call,
        .origin = origin,
        .ranks = ranks,
        .diags = diags,
    };
    if (check_call(&expansion) && find_result_ranks(&expansion)) {
        add_statements(&expansion);
    } else {
        cascade->has_lost_tensors = true;
    }
}
