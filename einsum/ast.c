#include "einsum/ast.h"

#include <string.h>

struct span place_span(struct place place)
{
    return yaml_text_span(place.node, place.offset, MAX(place.length, 1));
}

struct ast_node *ast_new(struct cascade *cascade, enum ast_kind kind,
                         struct place place)
{
    struct ast_node *node = g_new0(struct ast_node, 1);
    node->kind = kind;
    node->place = place;
    node->height = 1;
    g_ptr_array_add(cascade->nodes, node);
    return node;
}

void ast_set_children(struct ast_node *node, GPtrArray *children)
{
    node->child_count = (int)children->len;
    node->child = g_new(struct ast_node *, children->len);
    for (guint i = 0; i < children->len; i++) {
        node->child[i] = g_ptr_array_index(children, i);
        node->height = MAX(node->height, node->child[i]->height + 1);
    }
}

void ast_visit(struct ast_node *node, enum ast_kind kind, ast_visitor visit,
               void *data)
{
    if (node == NULL) {
        return;
    }
    if (node->kind == kind) {
        visit(node, data);
    }
    for (int i = 0; i < node->child_count; i++) {
        ast_visit(node->child[i], kind, visit, data);
    }
}

bool ast_has(const struct ast_node *node, enum ast_kind kind)
{
    if (node->kind == kind) {
        return true;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (ast_has(node->child[i], kind)) {
            return true;
        }
    }
    return false;
}

bool ast_has_rank(const struct ast_node *node, const char *rank)
{
    if (node->kind == AST_RANK && g_str_equal(node->name, rank)) {
        return true;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (ast_has_rank(node->child[i], rank)) {
            return true;
        }
    }
    return false;
}

bool name_is_rank(const char *name)
{
    if (!g_ascii_islower(name[0])) {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!g_ascii_islower(*c) && !g_ascii_isdigit(*c) && *c != '_') {
            return false;
        }
    }
    return true;
}

bool name_is_shape(const char *name)
{
    if (!g_ascii_isupper(name[0])) {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!g_ascii_isupper(*c) && !g_ascii_isdigit(*c) && *c != '_') {
            return false;
        }
    }
    return true;
}

bool name_is_tensor(const char *name)
{
    if (!g_ascii_isupper(name[0])) {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && *c != '_') {
            return false;
        }
    }
    return true;
}

const char *name_shape_of_rank(const struct cascade *cascade, const char *rank)
{
    g_autofree char *upper = g_ascii_strup(rank, -1);
    return g_string_chunk_insert_const(cascade->names, upper);
}

enum index_form index_find_form(const struct ast_node *index,
                                const struct ast_node **rank)
{
    const struct ast_node *found = NULL;
    enum index_form form = INDEX_AFFINE;
    if (index->kind == AST_RANK) {
        found = index;
        form = INDEX_RANK;
    } else if (!ast_has(index, AST_RANK)) {
        form = INDEX_CONSTANT;
    } else if (index->kind == AST_OP && index->op == EINSUM_ADD) {
        for (int i = 0; i < 2; i++) {
            if (index->child[i]->kind == AST_RANK &&
                !ast_has(index->child[1 - i], AST_RANK)) {
                found = index->child[i];
                form = INDEX_SHIFTED;
            }
        }
    }
    if (rank != NULL) {
        *rank = found;
    }
    return form;
}

bool statement_is_initial(const struct ast_statement *statement)
{
    return statement->body != NULL && !ast_has(statement->body, AST_ACCESS);
}

bool statement_reduces(const struct ast_statement *statement, const char *rank)
{
    for (guint i = 0; i < statement->reduce_ranks->len; i++) {
        const struct ast_node *named =
            g_ptr_array_index(statement->reduce_ranks, i);
        if (g_str_equal(named->name, rank)) {
            return true;
        }
    }
    return false;
}

int cascade_find_shape(const struct cascade *cascade, const char *name)
{
    for (size_t i = 0; i < cascade->shapes->len; i++) {
        if (g_str_equal(cascade_shape_at(cascade, i)->name, name)) {
            return (int)i;
        }
    }
    return -1;
}

int cascade_find_tensor(const struct cascade *cascade, const char *name)
{
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        if (g_str_equal(cascade_tensor_at(cascade, i)->name, name)) {
            return (int)i;
        }
    }
    return -1;
}
