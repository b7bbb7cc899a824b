/* A draft: names, trees and lines of a cascade that is being rewritten. */
#include "einsum/rewrite.h"

#include "einsum/einsum_ops.h"

#include <stdarg.h>
#include <string.h>

struct draft_renaming {
    const char *name;
    int at;
    const struct ast_node *inserted;
};

static void free_string(gpointer data)
{
    if (data != NULL) {
        g_string_free(data, TRUE);
    }
}

static void use_names(struct draft *draft)
{
    const struct cascade *cascade = draft->cascade;
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        g_hash_table_add(draft->used,
                         g_strdup(cascade_tensor_at(cascade, i)->name));
    }
    for (size_t i = 0; i < cascade->shapes->len; i++) {
        g_hash_table_add(draft->used,
                         g_strdup(cascade_shape_at(cascade, i)->name));
    }
    for (guint i = 0; i < cascade->ranks->len; i++) {
        g_hash_table_add(draft->used,
                         g_strdup(g_ptr_array_index(cascade->ranks, i)));
    }
}

/* One canonical line for each statement. */
static void read_lines(struct draft *draft)
{
    g_autofree char *text = cascade_print(draft->cascade);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; i < draft->cascade->statements->len; i++) {
        /* A statement of several lines would shift the rest: nothing is then
         * plain, and every rewrite is refused. */
        bool is_there = i < g_strv_length(lines);
        g_ptr_array_add(draft->old, g_strdup(is_there ? lines[i] : ""));
        g_ptr_array_add(draft->lines, NULL);
    }
}

struct draft *draft_new(const struct cascade *cascade, struct diags *diags,
                        GHashTable *arguments)
{
    struct draft *draft = g_new0(struct draft, 1);
    draft->cascade = cascade;
    draft->diags = diags;
    draft->arguments = arguments;
    draft->names = g_string_chunk_new(256);
    draft->nodes = g_new0(struct cascade, 1);
    draft->nodes->nodes = g_ptr_array_new();
    draft->used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    draft->renamed =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    draft->old = g_ptr_array_new_with_free_func(g_free);
    draft->lines = g_ptr_array_new_with_free_func(free_string);
    draft->head = g_string_new(NULL);
    draft->shapes = g_ptr_array_new_with_free_func(g_free);
    use_names(draft);
    read_lines(draft);
    return draft;
}

void draft_free(struct draft *draft)
{
    if (draft == NULL) {
        return;
    }
    for (guint i = 0; i < draft->nodes->nodes->len; i++) {
        struct ast_node *node = g_ptr_array_index(draft->nodes->nodes, i);
        g_free(node->child);
        g_free(node);
    }
    g_ptr_array_unref(draft->nodes->nodes);
    g_free(draft->nodes);
    g_string_chunk_free(draft->names);
    g_hash_table_unref(draft->used);
    g_hash_table_unref(draft->renamed);
    g_ptr_array_unref(draft->old);
    g_ptr_array_unref(draft->lines);
    g_string_free(draft->head, TRUE);
    g_ptr_array_unref(draft->shapes);
    g_free(draft);
}

void draft_refuse(struct draft *draft, int statement, const char *code,
                  const char *format, ...)
{
    if (draft->is_refused) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    struct span span =
        statement < 0
            ? SPAN_NONE
            : place_span(draft_statement(draft, statement)->output->place);
    diag_error(draft->diags, span, code, NULL, "%s", message);
    draft->is_refused = true;
}

const char *draft_argument(const struct draft *draft, const char *name)
{
    return g_hash_table_lookup(draft->arguments, name);
}

/* ---- names ---------------------------------------------------------------- */

const char *draft_name(struct draft *draft, const char *name)
{
    g_autofree char *candidate = g_strdup(name);
    for (int i = 2; g_hash_table_contains(draft->used, candidate); i++) {
        g_free(candidate);
        candidate = g_strdup_printf("%s%d", name, i);
    }
    g_hash_table_add(draft->used, g_strdup(candidate));
    return g_string_chunk_insert_const(draft->names, candidate);
}

const char *draft_derive(struct draft *draft, const char *prefix,
                         const char *from, const char *name)
{
    bool has_rest = name[0] != '\0' && name[1] != '\0';
    bool is_replaced = has_rest && strchr(from, name[0]) != NULL;
    g_autofree char *derived =
        g_strconcat(prefix, is_replaced ? name + 1 : name, NULL);
    return draft_name(draft, derived);
}

void draft_drop(struct draft *draft, int statement)
{
    draft_clear(draft, statement);
    g_hash_table_remove(draft->used,
                        draft_statement(draft, statement)->output->name);
}

/* ---- trees ---------------------------------------------------------------- */

struct ast_node *draft_map(struct draft *draft, const struct ast_node *node,
                           draft_mapper map, const void *data)
{
    struct ast_node *copy = map == NULL ? NULL : map(draft, node, data);
    if (copy != NULL) {
        return copy;
    }
    g_autoptr(GPtrArray) children = g_ptr_array_new();
    for (int i = 0; i < node->child_count; i++) {
        g_ptr_array_add(children, draft_map(draft, node->child[i], map, data));
    }
    copy = ast_new(draft->nodes, node->kind, node->place);
    *copy = *node;
    ast_set_children(copy, children);
    return copy;
}

struct ast_node *draft_op(struct draft *draft, enum einsum_op op,
                          const struct ast_node *left,
                          const struct ast_node *right)
{
    g_autoptr(GPtrArray) children = g_ptr_array_new();
    g_ptr_array_add(children, borrow(left));
    if (right != NULL) {
        g_ptr_array_add(children, borrow(right));
    }
    struct ast_node *node = ast_new(draft->nodes, AST_OP, left->place);
    node->op = op;
    ast_set_children(node, children);
    return node;
}

struct ast_node *draft_call(struct draft *draft, enum ast_call call,
                            const struct ast_node *left,
                            const struct ast_node *right)
{
    struct ast_node *node = draft_op(draft, EINSUM_ADD, left, right);
    node->kind = AST_CALL;
    node->call = call;
    return node;
}

static struct ast_node *new_named(struct draft *draft, enum ast_kind kind,
                                  const char *name)
{
    struct ast_node *node = ast_new(draft->nodes, kind, (struct place){0});
    node->name = g_string_chunk_insert_const(draft->names, name);
    return node;
}

struct ast_node *draft_rank(struct draft *draft, const char *name)
{
    return new_named(draft, AST_RANK, name);
}

struct ast_node *draft_shape(struct draft *draft, const char *name)
{
    return new_named(draft, AST_SHAPE, name);
}

struct ast_node *draft_number(struct draft *draft, int64_t value)
{
    struct ast_node *node =
        ast_new(draft->nodes, AST_NUMBER, (struct place){0});
    node->is_integer = true;
    node->integer = value;
    node->number = (double)value;
    return node;
}

struct ast_node *draft_access(struct draft *draft, const char *name,
                              GPtrArray *indices)
{
    struct ast_node *node = new_named(draft, AST_ACCESS, name);
    ast_set_children(node, indices);
    return node;
}

struct ast_node *draft_access_like(struct draft *draft, const char *name,
                                   const struct ast_node *like, int at,
                                   const struct ast_node *inserted)
{
    g_autoptr(GPtrArray) indices = g_ptr_array_new();
    for (int i = 0; i < like->child_count; i++) {
        g_ptr_array_add(indices, like->child[i]);
    }
    if (inserted != NULL) {
        g_ptr_array_insert(indices, at, borrow(inserted));
    }
    return draft_access(draft, name, indices);
}

struct replacement {
    const char *tensor;
    const struct ast_node *by; /* NULL: taken out */
};

static bool is_access_to(const struct ast_node *node, const char *tensor)
{
    return node->kind == AST_ACCESS && g_str_equal(node->name, tensor);
}

static struct ast_node *replace(struct draft *draft,
                                const struct ast_node *node, const void *data)
{
    const struct replacement *replacement = data;
    return is_access_to(node, replacement->tensor)
               ? draft_map(draft, replacement->by, NULL, NULL)
               : NULL;
}

struct ast_node *draft_replace(struct draft *draft, const struct ast_node *node,
                               const char *tensor,
                               const struct ast_node *replacement)
{
    struct replacement data = {tensor, replacement};
    return draft_map(draft, node, replace, &data);
}

static struct ast_node *erase(struct draft *draft, const struct ast_node *node,
                              const void *data)
{
    const char *tensor = data;
    if (is_access_to(node, tensor)) {
        return draft_number(draft, 1);
    }
    for (int i = 0; node->kind == AST_OP && node->op == EINSUM_MUL && i < 2;
         i++) {
        if (is_access_to(node->child[i], tensor)) {
            return draft_map(draft, node->child[1 - i], erase, data);
        }
    }
    return NULL;
}

struct ast_node *draft_erase(struct draft *draft, const struct ast_node *node,
                             const char *tensor)
{
    return draft_map(draft, node, erase, tensor);
}

/* ---- redirected reads ------------------------------------------------------- */

void draft_redirect(struct draft *draft, const char *tensor, const char *name,
                    int at, const struct ast_node *inserted)
{
    struct draft_renaming *renaming = g_new0(struct draft_renaming, 1);
    *renaming = (struct draft_renaming){name, at, inserted};
    g_hash_table_insert(draft->renamed, g_strdup(tensor), renaming);
}

static struct ast_node *redirect(struct draft *draft,
                                 const struct ast_node *node, const void *data)
{
    (void)data;
    const struct draft_renaming *renaming =
        node->kind == AST_ACCESS
            ? g_hash_table_lookup(draft->renamed, node->name)
            : NULL;
    if (renaming == NULL) {
        return NULL;
    }
    return draft_access_like(draft, renaming->name, node, renaming->at,
                             renaming->inserted);
}

/* ---- lines ---------------------------------------------------------------- */

void draft_clear(struct draft *draft, int statement)
{
    GString *line = g_ptr_array_index(draft->lines, (guint)statement);
    if (line == NULL) {
        g_ptr_array_index(draft->lines, (guint)statement) = g_string_new(NULL);
    } else {
        g_string_truncate(line, 0);
    }
}

/* The condition of the line that is being emitted. */
static void emit_condition(struct draft *draft, int statement,
                           const struct ast_node *output,
                           const struct ast_node *body, GString *line)
{
    const struct ast_node *whole =
        draft->where != NULL ? draft->where
                             : draft_statement(draft, statement)->condition;
    g_autoptr(GPtrArray) ranks = node_ranks(body);
    g_autoptr(GPtrArray) left = node_ranks(output);
    g_ptr_array_extend(ranks, left, NULL, NULL);
    struct ast_node *condition = draft_condition(draft, whole, ranks);
    if (draft->guard != NULL) {
        struct ast_node *guard = draft_map(draft, draft->guard, NULL, NULL);
        condition = condition == NULL
                        ? guard
                        : draft_call(draft, CALL_AND, condition, guard);
    }
    if (condition != NULL) {
        g_string_append(line, " where ");
        ast_print(draft_map(draft, condition, redirect, NULL), line);
    }
}

void draft_emit(struct draft *draft, int statement,
                const struct ast_node *output, enum einsum_reduce reduce,
                const GPtrArray *ranks, const struct ast_node *body)
{
    if (g_ptr_array_index(draft->lines, (guint)statement) == NULL) {
        draft_clear(draft, statement);
    }
    GString *line = g_ptr_array_index(draft->lines, (guint)statement);
    ast_print(output, line);
    g_string_append(line, " = ");
    if (ranks != NULL && ranks->len > 0) {
        g_string_append_printf(line, "%s(", reduce_name(reduce));
        for (guint i = 0; i < ranks->len; i++) {
            g_string_append_printf(line, "%s%s", i > 0 ? "," : "",
                                   (char *)g_ptr_array_index(ranks, i));
        }
        g_string_append(line, ") ");
    }
    ast_print(draft_map(draft, body, redirect, NULL), line);
    if (ast_has(body, AST_ACCESS)) {
        emit_condition(draft, statement, output, body, line);
    }
    g_string_append_c(line, '\n');
}

void draft_emit_sum(struct draft *draft, int statement,
                    const struct ast_node *output,
                    const struct ast_statement *like, const GPtrArray *ranks,
                    const struct ast_node *body)
{
    draft_emit(draft, statement, output, EINSUM_SUM,
               like->has_reduction ? ranks : NULL, body);
}

static bool reads_redirected(const struct draft *draft,
                             const struct ast_node *node)
{
    if (node->kind == AST_ACCESS &&
        g_hash_table_contains(draft->renamed, node->name)) {
        return true;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (reads_redirected(draft, node->child[i])) {
            return true;
        }
    }
    return false;
}

void draft_finish(struct draft *draft)
{
    for (int i = 0; i < draft_count(draft); i++) {
        const struct ast_statement *statement = draft_statement(draft, i);
        if (g_ptr_array_index(draft->lines, (guint)i) != NULL ||
            (!reads_redirected(draft, statement->body) &&
             (statement->condition == NULL ||
              !reads_redirected(draft, statement->condition)))) {
            continue;
        }
        if (!draft_is_plain(draft, i)) {
            draft_refuse(draft, i, "rewrite-unsupported",
                         "'%s' reads what is rewritten, in a form that "
                         "rewrites do not know",
                         statement->output->name);
            return;
        }
        g_autoptr(GPtrArray) ranks = statement_written(statement);
        draft_emit(draft, i, statement->output, statement->reduce, ranks,
                   statement->body);
    }
}
