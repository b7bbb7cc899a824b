/* Which ranks have an extent without a shape of their own: those that a split
 * gives, BK[m1,m0] = K[m1*M0+m0]. This asks only for the form; the number is
 * found when binding (workload_extents.c).
 *
 * Where the names of the two sides do not agree, BK[m1,m0] = K[mx*M0+m0], one of
 * m1 and mx is a misspelling. The one that fewer statements use is taken for it,
 * so that the message names the right word.
 */
#include "einsum/ast.h"

/* The coefficient*rank products of a sum, in which `rank` occurs. */
static bool is_scaled_rank(const struct ast_node *index, const char *rank)
{
    if (index->kind != AST_OP) {
        return false;
    }
    if (index->op == EINSUM_MUL) {
        return ast_has_rank(index, rank);
    }
    for (int i = 0; i < index->child_count; i++) {
        if (is_scaled_rank(index->child[i], rank)) {
            return true;
        }
    }
    return false;
}

static bool has_shape(const struct cascade *cascade, const char *rank)
{
    return cascade_find_shape(cascade, name_shape_of_rank(cascade, rank)) >= 0;
}

struct scale_search {
    const char *rank;
    bool is_found;
};

static void find_scaled(struct ast_node *access, void *data)
{
    struct scale_search *search = data;
    for (int i = 0; i < access->child_count; i++) {
        search->is_found =
            search->is_found || is_scaled_rank(access->child[i], search->rank);
    }
}

static bool is_scaled_in(const struct ast_statement *statement,
                         const char *rank)
{
    struct scale_search search = {rank, false};
    ast_visit(statement->body, AST_ACCESS, find_scaled, &search);
    return search.is_found;
}

static int count_uses(const struct cascade *cascade, const char *rank)
{
    int count = 0;
    for (size_t i = 0; i < cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(cascade, i);
        bool is_used =
            ast_has_rank(statement->output, rank) ||
            (statement->body != NULL && ast_has_rank(statement->body, rank));
        count += is_used ? 1 : 0;
    }
    return count;
}

/* `rank` stands on one side only; is there a rank on the other side only that
 * it could be meant to be, and is that one the rarer? */
static bool is_likelier_half(const struct cascade *cascade,
                             const struct ast_statement *statement,
                             const char *rank, bool is_left)
{
    for (guint i = 0; i < cascade->ranks->len; i++) {
        const char *other = g_ptr_array_index(cascade->ranks, i);
        if (has_shape(cascade, other) ||
            ast_has_rank(statement->output, other) == is_left ||
            ast_has_rank(statement->body, other) != is_left) {
            continue;
        }
        int uses = count_uses(cascade, rank);
        int other_uses = count_uses(cascade, other);
        bool is_split = is_scaled_in(statement, is_left ? other : rank);
        if (is_split &&
            (uses > other_uses || (is_left && uses == other_uses))) {
            return true;
        }
    }
    return false;
}

bool statement_infers_rank(const struct cascade *cascade,
                           const struct ast_statement *statement,
                           const char *rank)
{
    if (statement->body == NULL) {
        return false;
    }
    bool is_left = ast_has_rank(statement->output, rank);
    bool is_right = ast_has_rank(statement->body, rank);
    if (is_left && is_right) {
        return is_scaled_in(statement, rank);
    }
    return is_left != is_right &&
           is_likelier_half(cascade, statement, rank, is_left);
}

bool cascade_has_rank(const struct cascade *cascade, const char *rank)
{
    if (has_shape(cascade, rank)) {
        return true;
    }
    for (size_t i = 0; i < cascade->statements->len; i++) {
        if (statement_infers_rank(cascade, cascade_statement_at(cascade, i),
                                  rank)) {
            return true;
        }
    }
    return false;
}
