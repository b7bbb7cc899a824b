/* Ragged ranks: `ragged: {m: "LEN[b]"}` says that rank m has LEN[b] values where
 * b is known. It stands for the condition `m < LEN[b]` in every statement that
 * has both ranks, besides its own:
 *
 *   - not in initial statements, which only give constants;
 *   - not in plain copies of tensors with indices made of ranks, which stay
 *     views, unless the copy is an output.
 *
 * The statement keeps its own condition for printing. */
#include "einsum/ast.h"
#include "einsum/parser.h"

#include <string.h>

/* A rank of `ast` that the statement does not have. */
struct rank_search {
    const struct ast_statement *statement;
    bool has_all;
};

static bool has_rank(const struct ast_statement *statement, const char *rank)
{
    return ast_has_rank(statement->output, rank) ||
           statement_reduces(statement, rank) ||
           statement_has_right_rank(statement, rank);
}

static void look_for(struct ast_node *rank, void *data)
{
    struct rank_search *search = data;
    search->has_all =
        search->has_all && has_rank(search->statement, rank->name);
}

static bool is_output(const struct cascade *cascade, const char *name)
{
    for (size_t i = 0;
         cascade->outputs != NULL && i < yaml_count(cascade->outputs); i++) {
        const char *text = yaml_text(yaml_item(cascade->outputs, i));
        if (g_strcmp0(text, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_copy(const struct cascade *cascade,
                    const struct ast_statement *statement)
{
    if (statement->body->kind != AST_ACCESS || statement->has_reduction ||
        statement->condition != NULL ||
        is_output(cascade, statement->output->name)) {
        return false;
    }
    for (int i = 0; i < statement->output->child_count; i++) {
        const struct ast_node *index = statement->output->child[i];
        if (index->kind != AST_RANK ||
            !ast_has_rank(statement->body, index->name)) {
            return false;
        }
    }
    return !ast_has(statement->body, AST_CALL);
}

static bool applies(const struct cascade *cascade,
                    const struct ast_statement *statement,
                    const struct cascade_ragged *ragged)
{
    struct rank_search search = {statement, true};
    if (statement->body == NULL || statement_is_initial(statement) ||
        !has_rank(statement, ragged->rank)) {
        return false;
    }
    ast_visit(ragged->condition, AST_RANK, look_for, &search);
    return search.has_all && !is_copy(cascade, statement);
}

static struct ast_node *new_binary(struct cascade *cascade, enum ast_kind kind,
                                   struct place place, struct ast_node *left,
                                   struct ast_node *right)
{
    struct ast_node *node = ast_new(cascade, kind, place);
    g_autoptr(GPtrArray) operands = g_ptr_array_new();
    g_ptr_array_add(operands, left);
    g_ptr_array_add(operands, right);
    ast_set_children(node, operands);
    return node;
}

static void apply(struct cascade *cascade, struct ast_statement *statement,
                  struct cascade_ragged *ragged)
{
    ragged->is_used = true;
    if (statement->condition == NULL) {
        statement->condition = ragged->condition;
        return;
    }
    statement->condition =
        new_binary(cascade, AST_CALL, ragged->condition->place,
                   statement->condition, ragged->condition);
    statement->condition->call = CALL_AND;
}

/* ---- reading ------------------------------------------------------------- */

static void read_one(struct cascade *cascade, const char *rank,
                     const struct yaml_node *value, struct diags *diags)
{
    if (yaml_expect(diags, value, YAML_SCALAR,
                    "an extent such as \"LEN[b]\"") != OK) {
        return;
    }
    if (!name_is_rank(rank)) {
        diag_error(diags, yaml_key_span(value), "einsum-bad-name", NULL,
                   "'%s' is not the name of a rank (lower case)", rank);
        return;
    }
    struct ast_node *extent = parse_single(cascade, value, diags);
    if (extent == NULL) {
        return;
    }
    if (ast_has_rank(extent, rank) || !ast_has(extent, AST_RANK)) {
        diag_error(diags, place_span(extent->place), "einsum-ragged", NULL,
                   "the extent of rank '%s' depends on other ranks: LEN[b]",
                   rank);
        return;
    }
    struct place place = {.node = value,
                          .length = (int)strlen(yaml_text(value))};
    struct ast_node *node = ast_new(cascade, AST_RANK, place);
    node->name = rank;
    struct cascade_ragged ragged = {.rank = rank};
    ragged.condition = new_binary(cascade, AST_OP, place, node, extent);
    ragged.condition->op = EINSUM_LESS;
    g_array_append_val(cascade->ragged, ragged);
}

void ragged_read(struct cascade *cascade, const struct yaml_node *root,
                 struct diags *diags)
{
    const struct yaml_node *node = NULL;
    if (yaml_find_node(diags, root, "ragged", YAML_MAPPING, &node) != OK ||
        node == NULL) {
        return;
    }
    for (size_t i = 0; i < yaml_count(node) && i < EINSUM_MAX_RANKS; i++) {
        read_one(cascade, yaml_pair_key(node, i), yaml_pair_value(node, i),
                 diags);
    }
}

bool ragged_has(const struct cascade *cascade, const char *rank)
{
    for (guint i = 0; i < cascade->ragged->len; i++) {
        if (g_str_equal(
                g_array_index(cascade->ragged, struct cascade_ragged, i).rank,
                rank)) {
            return true;
        }
    }
    return false;
}

void ragged_apply(struct cascade *cascade, struct diags *diags)
{
    for (size_t i = 0; i < cascade->statements->len; i++) {
        struct ast_statement *statement = cascade_statement_at(cascade, i);
        const struct ast_statement before = *statement;
        statement->written_condition = statement->condition;
        for (guint j = 0; j < cascade->ragged->len; j++) {
            struct cascade_ragged *ragged =
                &g_array_index(cascade->ragged, struct cascade_ragged, j);
            if (applies(cascade, &before, ragged)) {
                apply(cascade, statement, ragged);
            }
        }
    }
    for (guint j = 0; j < cascade->ragged->len; j++) {
        const struct cascade_ragged *ragged =
            &g_array_index(cascade->ragged, struct cascade_ragged, j);
        if (!ragged->is_used && !cascade->has_lost_tensors) {
            diag_error(diags, place_span(ragged->condition->place),
                       "einsum-ragged", NULL,
                       "no statement has rank '%s' and all ranks of its extent",
                       ragged->rank);
        }
    }
}
