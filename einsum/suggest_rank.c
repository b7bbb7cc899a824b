/* What a misspelt rank may have meant. Rank names are so short that distance
 * between spellings says little ('mo' is as far from 'm0' as from 'p'), so the
 * first thing to ask is which rank stands at the same place elsewhere. */
#include "einsum/ast.h"

struct rank_search {
    const struct cascade *cascade;
    const struct ast_node *unknown;
    const struct ast_node *access; /* the one it stands in */
    int dim;
    const char *found;
};

static void find_access(struct ast_node *access, void *data)
{
    struct rank_search *search = data;
    for (int i = 0; i < access->child_count; i++) {
        if (access->child[i] == search->unknown) {
            search->access = access;
            search->dim = i;
        }
    }
}

/* A known rank at the same index of the same tensor, and not yet used here. */
static void find_at_same_place(struct ast_node *access, void *data)
{
    struct rank_search *search = data;
    const struct ast_node *rank = NULL;
    if (search->found != NULL || search->access == NULL ||
        !g_str_equal(access->name, search->access->name) ||
        access->child_count <= search->dim) {
        return;
    }
    enum index_form form = index_find_form(access->child[search->dim], &rank);
    if (form == INDEX_RANK && cascade_has_rank(search->cascade, rank->name) &&
        !ast_has_rank(search->access, rank->name)) {
        search->found = rank->name;
    }
}

static void visit_accesses(struct rank_search *search, ast_visitor visit)
{
    const struct cascade *cascade = search->cascade;
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        ast_visit(cascade_tensor_at(cascade, i)->declaration, AST_ACCESS, visit,
                  search);
    }
    for (size_t i = 0; i < cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(cascade, i);
        ast_visit(statement->output, AST_ACCESS, visit, search);
        ast_visit(statement->body, AST_ACCESS, visit, search);
        ast_visit(statement->condition, AST_ACCESS, visit, search);
    }
}

/* In a reduction: a rank of the right side that nothing else accounts for. */
static void find_reducible(struct rank_search *search)
{
    const struct cascade *cascade = search->cascade;
    for (size_t i = 0; i < cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(cascade, i);
        bool is_here =
            g_ptr_array_find(statement->reduce_ranks, search->unknown, NULL);
        for (guint r = 0; is_here && statement->body != NULL &&
                          search->found == NULL && r < cascade->ranks->len;
             r++) {
            const char *rank = g_ptr_array_index(cascade->ranks, r);
            if (ast_has_rank(statement->body, rank) &&
                !ast_has_rank(statement->output, rank) &&
                !statement_reduces(statement, rank)) {
                search->found = rank;
            }
        }
    }
}

/* On the right: a rank of the left side that does not stand there as well. */
static void find_unbound(struct rank_search *search)
{
    const struct cascade *cascade = search->cascade;
    for (size_t i = 0; i < cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(cascade, i);
        if (search->found != NULL || statement->body == NULL ||
            ast_has_rank(statement->output, search->unknown->name) ||
            !ast_has_rank(statement->body, search->unknown->name)) {
            continue;
        }
        for (guint r = 0; r < cascade->ranks->len; r++) {
            const char *rank = g_ptr_array_index(cascade->ranks, r);
            if (ast_has_rank(statement->output, rank) &&
                !ast_has_rank(statement->body, rank) &&
                cascade_has_rank(cascade, rank)) {
                search->found = rank;
            }
        }
    }
}

/* Known ranks, then those whose shape the file has but no statement uses. */
static char *suggest_near(const struct cascade *cascade, const char *word)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < cascade->ranks->len; i++) {
        const char *rank = g_ptr_array_index(cascade->ranks, i);
        if (cascade_has_rank(cascade, rank)) {
            g_ptr_array_add(names, g_strdup(rank));
        }
    }
    for (size_t i = 0; i < cascade->shapes->len; i++) {
        g_ptr_array_add(
            names, g_ascii_strdown(cascade_shape_at(cascade, i)->name, -1));
    }
    return suggest_text(word, (const char *const *)(void *)names->pdata,
                        names->len);
}

char *suggest_rank(const struct cascade *cascade, const struct ast_node *rank)
{
    struct rank_search search = {cascade, rank, NULL, 0, NULL};
    visit_accesses(&search, find_access);
    visit_accesses(&search, find_at_same_place);
    find_reducible(&search);
    find_unbound(&search);
    if (search.found != NULL) {
        return g_strdup_printf("did you mean '%s'?", search.found);
    }
    return suggest_near(cascade, rank->name);
}
