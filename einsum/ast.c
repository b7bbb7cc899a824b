#include "einsum/ast.h"

#include <string.h>

struct span place_span(struct place place)
{
    struct span span =
        yaml_text_span(place.node, place.offset, MAX(place.length, 1));
    span.origin = place.origin;
    return span;
}

struct ast_node *ast_new(struct cascade *cascade, enum ast_kind kind,
                         struct place place)
{
    struct ast_node *node = g_new0(struct ast_node, 1);
    node->kind = kind;
    node->place = place;
    node->height = 1;
    node->size = 1;
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
        node->size = MIN(node->size + node->child[i]->size, AST_MAX_SIZE + 1);
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

static const char *const call_names[CALL_COUNT] = {
    [CALL_ONE] = "one",     [CALL_RE] = "re",     [CALL_IM] = "im",
    [CALL_CONJ] = "conj",   [CALL_CIS] = "cis",   [CALL_COMPLEX] = "complex",
    [CALL_SILU] = "silu",   [CALL_GELU] = "gelu", [CALL_SOFTPLUS] = "softplus",
    [CALL_INDEX] = "index", [CALL_ZERO] = "zero", [CALL_CLAMP] = "clamp",
    [CALL_WRAP] = "wrap",   [CALL_SKIP] = "skip", [CALL_BIND] = "=",
    [CALL_REST] = "..",     [CALL_AND] = "&&",    [CALL_OR] = "||",
    [CALL_NOT] = "!",
};

const char *call_name(enum ast_call call)
{
    return call_names[call];
}

enum ast_call call_find(const char *name)
{
    int call = 0;
    while (call < CALL_COUNT && !g_str_equal(call_names[call], name)) {
        call++;
    }
    return (enum ast_call)call;
}

bool ast_is_call(const struct ast_node *node, enum ast_call call)
{
    return node->kind == AST_CALL && node->call == call;
}

bool ast_has_call(const struct ast_node *node, enum ast_call call)
{
    bool has = ast_is_call(node, call);
    for (int i = 0; i < node->child_count && !has; i++) {
        has = ast_has_call(node->child[i], call);
    }
    return has;
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

static bool is_scatter(const struct ast_node *output)
{
    for (int i = 0; i < output->child_count; i++) {
        if (ast_has(output->child[i], AST_ACCESS)) {
            return true;
        }
    }
    return false;
}

bool output_scatters_rank(const struct ast_node *output, const char *rank)
{
    for (int i = 0; i < output->child_count; i++) {
        const struct ast_node *index = output->child[i];
        if (ast_is_call(index, CALL_BIND) &&
            ast_has_rank(index->child[1], rank)) {
            return true;
        }
    }
    return false;
}

bool statement_is_initial(const struct ast_statement *statement)
{
    return statement->body != NULL && statement->condition == NULL &&
           !ast_has(statement->body, AST_ACCESS) &&
           !ast_has_call(statement->body, CALL_INDEX) &&
           !is_scatter(statement->output);
}

const char *selection_name(enum selection selection)
{
    switch (selection) {
    case SELECT_TOPK:
        return "topk";
    case SELECT_ARGMAX:
        return "argmax";
    case SELECT_ARGMIN:
        return "argmin";
    case SELECT_ARGSORT:
        return "argsort";
    case SELECT_SORT:
        return "sort";
    case TRANSFORM_FFT:
        return "fft";
    case TRANSFORM_IFFT:
        return "ifft";
    case TRANSFORM_RFFT:
        return "rfft";
    case TRANSFORM_IRFFT:
        return "irfft";
    case TRANSFORM_DCT:
        return "dct";
    case TRANSFORM_IDCT:
        return "idct";
    case SELECT_NONE:
        break;
    }
    return NULL;
}

bool selection_is_transform(enum selection selection)
{
    return selection >= TRANSFORM_FFT;
}

bool selection_is_complex(enum selection selection)
{
    return selection == TRANSFORM_FFT || selection == TRANSFORM_IFFT ||
           selection == TRANSFORM_RFFT;
}

bool selection_is_pair(enum selection selection)
{
    return selection != SELECT_NONE && selection != SELECT_SORT &&
           (!selection_is_transform(selection) ||
            selection_is_complex(selection));
}

bool statement_has_right_rank(const struct ast_statement *statement,
                              const char *rank)
{
    return (statement->body != NULL && ast_has_rank(statement->body, rank)) ||
           (statement->condition != NULL &&
            ast_has_rank(statement->condition, rank));
}

bool output_has_rank(const struct ast_node *output, const char *rank)
{
    for (int i = 0; i < output->child_count; i++) {
        const struct ast_node *index = output->child[i];
        bool is_bind = ast_is_call(index, CALL_BIND);
        if (is_bind ? false : ast_has_rank(index, rank)) {
            return true;
        }
    }
    return false;
}

const char *statement_order_rank(const struct ast_statement *statement)
{
    const struct ast_node *output = statement->output;
    bool has_order = statement->selection != SELECT_NONE &&
                     statement->selection != SELECT_ARGMAX &&
                     statement->selection != SELECT_ARGMIN;
    for (int i = 0; has_order && i < output->child_count; i++) {
        const struct ast_node *index = output->child[i];
        if (index->kind == AST_RANK &&
            !statement_has_right_rank(statement, index->name)) {
            return index->name;
        }
    }
    return NULL;
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
