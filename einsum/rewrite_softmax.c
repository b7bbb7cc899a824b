#include "einsum/rewrite_softmax.h"

static const struct ast_node *output_of(const struct draft *draft,
                                        int statement)
{
    return draft_statement(draft, statement)->output;
}

static const struct ast_node *condition_of(const struct draft *draft,
                                           int statement)
{
    return draft_statement(draft, statement)->condition;
}

/* T = exp(a - b) without a reduction, under the same condition, or -1. */
static int find_exp(const struct draft *draft, const struct ast_node *a,
                    const struct ast_node *b, const struct ast_node *condition)
{
    for (int i = 0; i < draft_count(draft); i++) {
        const struct ast_node *body = draft_statement(draft, i)->body;
        if (body == NULL || body->kind != AST_OP || body->op != EINSUM_EXP ||
            !draft_is_simple(draft, i) ||
            !condition_is_equal(condition_of(draft, i), condition)) {
            continue;
        }
        const struct ast_node *exponent = body->child[0];
        g_autoptr(GPtrArray) reduced =
            statement_reduced(draft_statement(draft, i));
        if (reduced->len == 0 && exponent->kind == AST_OP &&
            exponent->op == EINSUM_SUB && exponent->child_count == 2 &&
            node_is_equal(exponent->child[0], a) &&
            node_is_equal(exponent->child[1], b)) {
            return i;
        }
    }
    return -1;
}

/* T = a * b point by point, in either order, or -1. */
static int find_product(const struct draft *draft, const struct ast_node *a,
                        const struct ast_node *b)
{
    for (int i = 0; i < draft_count(draft); i++) {
        const struct ast_statement *statement = draft_statement(draft, i);
        if (!draft_is_simple(draft, i) || statement->body->kind != AST_OP ||
            statement->body->op != EINSUM_MUL) {
            continue;
        }
        struct ast_node *const *child = statement->body->child;
        g_autoptr(GPtrArray) reduced = statement_reduced(statement);
        if (reduced->len == 0 &&
            ((node_is_equal(child[0], a) && node_is_equal(child[1], b)) ||
             (node_is_equal(child[0], b) && node_is_equal(child[1], a)))) {
            return i;
        }
    }
    return -1;
}

static bool is_maximum(const struct draft *draft, int statement)
{
    const struct ast_statement *candidate = draft_statement(draft, statement);
    return draft_is_simple(draft, statement) && candidate->has_reduction &&
           candidate->reduce == EINSUM_MAXIMUM;
}

/* G = max(m1) L, L = max(m0) X, E = exp(X - L), C = exp(L - G). */
static bool match_local(const struct draft *draft, int global,
                        struct softmax *softmax)
{
    const struct ast_statement *maximum = draft_statement(draft, global);
    int local = maximum->body->kind == AST_ACCESS
                    ? draft_producer(draft, maximum->body->name)
                    : -1;
    if (local < 0 || !is_maximum(draft, local) ||
        !node_is_equal(output_of(draft, local), maximum->body)) {
        return false;
    }
    const struct ast_node *score = draft_statement(draft, local)->body;
    int exponential =
        find_exp(draft, score, maximum->body, condition_of(draft, local));
    int correction = find_exp(draft, maximum->body, maximum->output, NULL);
    if (maximum->condition != NULL || exponential < 0 || correction < 0) {
        return false;
    }
    softmax->global = global;
    softmax->local = local;
    softmax->exponential = exponential;
    softmax->correction = correction;
    softmax->corrected = find_product(draft, output_of(draft, exponential),
                                      output_of(draft, correction));
    softmax->score = score;
    return true;
}

static bool match_global(const struct draft *draft, int global,
                         struct softmax *softmax)
{
    const struct ast_statement *maximum = draft_statement(draft, global);
    int exponential =
        find_exp(draft, maximum->body, maximum->output, maximum->condition);
    if (exponential < 0) {
        return false;
    }
    softmax->global = global;
    softmax->exponential = exponential;
    softmax->score = maximum->body;
    return true;
}

/* Conditions that leave out whole blocks would leave out steps of what advances
 * over them. */
static bool check_condition(struct draft *draft, const struct softmax *softmax)
{
    const struct ast_node *condition = softmax_condition(draft, softmax);
    g_autoptr(GPtrArray) ranks = g_ptr_array_copy(softmax->inner, NULL, NULL);
    g_ptr_array_insert(ranks, 0, borrow(softmax->outer));
    if (condition == NULL) {
        return true;
    }
    if (softmax->inner->len == 0) {
        draft_refuse(draft, softmax->global, "rewrite-not-split",
                     "'%s' is a maximum over '%s' under a condition, and has "
                     "no blocks: apply 'split' first",
                     output_of(draft, softmax->global)->name, softmax->outer);
        return false;
    }
    if (!condition_needs_all(condition, ranks)) {
        draft_refuse(draft, softmax->global, "rewrite-condition",
                     "a part of the condition of '%s' does not name every rank "
                     "that it reduces over",
                     output_of(draft, softmax->global)->name);
        return false;
    }
    return true;
}

/* The blocks' rank is the first of the maximum's, or the one asked for. */
static bool find_ranks(struct draft *draft, struct softmax *softmax)
{
    const char *asked = draft_argument(draft, "rank");
    g_autoptr(GPtrArray) reduced =
        statement_reduced(draft_statement(draft, softmax->global));
    softmax->outer = asked != NULL ? asked : g_ptr_array_index(reduced, 0);
    g_autoptr(GPtrArray) inner =
        softmax->local < 0
            ? g_ptr_array_ref(reduced)
            : statement_reduced(draft_statement(draft, softmax->local));
    for (guint i = 0; i < inner->len; i++) {
        char *name = g_ptr_array_index(inner, i);
        if (!g_str_equal(name, softmax->outer)) {
            g_ptr_array_add(softmax->inner, name);
        }
    }
    if (softmax->local >= 0 && reduced->len > 1) {
        draft_refuse(draft, softmax->global, "rewrite-nested-maximum",
                     "'%s' is the maximum of block maxima over more than one "
                     "rank",
                     output_of(draft, softmax->global)->name);
        return false;
    }
    return check_condition(draft, softmax);
}

/* A maximum, over the rank asked for if one is. */
static bool is_candidate(const struct draft *draft, int statement)
{
    const char *asked = draft_argument(draft, "rank");
    if (!is_maximum(draft, statement)) {
        return false;
    }
    g_autoptr(GPtrArray) reduced =
        statement_reduced(draft_statement(draft, statement));
    return asked == NULL || names_have(reduced, asked);
}

/* The form with L first: there L and E alone look like the other one. */
bool softmax_find(struct draft *draft, struct softmax *softmax)
{
    *softmax = (struct softmax){.global = -1,
                                .local = -1,
                                .exponential = -1,
                                .correction = -1,
                                .corrected = -1,
                                .inner = g_ptr_array_new()};
    int maximum = -1;
    for (int i = 0; i < draft_count(draft); i++) {
        if (is_candidate(draft, i) && match_local(draft, i, softmax)) {
            return find_ranks(draft, softmax);
        }
    }
    for (int i = 0; i < draft_count(draft); i++) {
        if (!is_candidate(draft, i)) {
            continue;
        }
        maximum = maximum < 0 ? i : maximum;
        if (match_global(draft, i, softmax)) {
            return find_ranks(draft, softmax);
        }
    }
    const char *asked = draft_argument(draft, "rank");
    if (maximum < 0) {
        draft_refuse(draft, -1, "rewrite-no-softmax",
                     "no Einsum takes a maximum%s%s in a form that rewrites "
                     "know",
                     asked == NULL ? "" : " over ", asked == NULL ? "" : asked);
    } else {
        draft_refuse(draft, maximum, "rewrite-no-softmax",
                     "no Einsum is exp(X - %s) with the operand X of that "
                     "maximum",
                     output_of(draft, maximum)->name);
    }
    return false;
}

void softmax_clear(struct softmax *softmax)
{
    g_ptr_array_unref(softmax->inner);
}

const struct ast_node *softmax_condition(const struct draft *draft,
                                         const struct softmax *softmax)
{
    return condition_of(draft, softmax->exponential);
}

const struct ast_node *softmax_numerator(const struct draft *draft,
                                         const struct softmax *softmax)
{
    if (softmax->local < 0) {
        return output_of(draft, softmax->exponential);
    }
    return softmax->corrected < 0 ? NULL : output_of(draft, softmax->corrected);
}

bool softmax_check_sum(struct draft *draft, const struct softmax *softmax,
                       int index, const struct ast_node *access)
{
    const struct ast_statement *statement = draft_statement(draft, index);
    bool is_sum = draft_is_simple(draft, index) && draft_sums(draft, index);
    g_autoptr(GPtrArray) reduced = statement_reduced(statement);
    g_autoptr(GPtrArray) left = node_ranks(statement->output);
    if (!is_sum || !names_have(reduced, softmax->outer) ||
        !node_is_linear(statement->body, access)) {
        draft_refuse(draft, index, "rewrite-not-linear",
                     "'%s' uses '%s' otherwise than as a factor of what it "
                     "sums over '%s' (a division is moved by "
                     "'defer-division')",
                     statement->output->name, access->name, softmax->outer);
        return false;
    }
    if (access == softmax_numerator(draft, softmax) &&
        !condition_is_equal(statement->condition,
                            softmax_condition(draft, softmax))) {
        draft_refuse(draft, index, "rewrite-condition",
                     "'%s' and '%s' have different conditions",
                     statement->output->name,
                     output_of(draft, softmax->global)->name);
        return false;
    }
    if (!names_cover(left, output_of(draft, softmax->global))) {
        draft_refuse(draft, index, "rewrite-mixed-sum",
                     "'%s' adds what has different maxima '%s'",
                     statement->output->name,
                     output_of(draft, softmax->global)->name);
        return false;
    }
    return true;
}

bool softmax_check_numerator(struct draft *draft, const struct softmax *softmax)
{
    const struct ast_node *numerator = softmax_numerator(draft, softmax);
    if (numerator == NULL) {
        return true;
    }
    if (draft_is_output(draft, numerator->name)) {
        draft_refuse(draft, draft_producer(draft, numerator->name),
                     "rewrite-output", "'%s' is an output", numerator->name);
        return false;
    }
    g_autoptr(GArray) readers = draft_readers(draft, numerator->name);
    for (guint i = 0; i < readers->len; i++) {
        if (!softmax_check_sum(draft, softmax, g_array_index(readers, int, i),
                               numerator)) {
            return false;
        }
    }
    return true;
}

bool softmax_check_split(struct draft *draft, const struct softmax *softmax)
{
    if (softmax->inner->len > 0) {
        return true;
    }
    draft_refuse(draft, softmax->global, "rewrite-not-split",
                 "'%s' is a maximum over '%s' alone, which has no blocks: "
                 "apply 'split' first",
                 output_of(draft, softmax->global)->name, softmax->outer);
    return false;
}

static GPtrArray *reduced_ranks(const struct softmax *softmax)
{
    GPtrArray *ranks = g_ptr_array_new();
    g_ptr_array_add(ranks, borrow(softmax->outer));
    g_ptr_array_extend(ranks, softmax->inner, NULL, NULL);
    return ranks;
}

bool softmax_first_block_exists(struct draft *draft,
                                const struct softmax *softmax)
{
    g_autoptr(GPtrArray) ranks = reduced_ranks(softmax);
    return draft_always_exists(draft, softmax_condition(draft, softmax), ranks,
                               true);
}

bool softmax_check_rows(struct draft *draft, const struct softmax *softmax)
{
    g_autoptr(GPtrArray) ranks = reduced_ranks(softmax);
    if (draft_always_exists(draft, softmax_condition(draft, softmax), ranks,
                            false)) {
        return true;
    }
    draft_refuse(draft, softmax->global, "rewrite-condition",
                 "the condition of '%s' may leave no element at all, and the "
                 "corrections to a maximum of none are undefined",
                 output_of(draft, softmax->global)->name);
    return false;
}

/* ---- parts of the new cascade ----------------------------------------------- */

int softmax_place(const struct draft *draft, const struct softmax *softmax,
                  const struct ast_node *output)
{
    const struct ast_node *order = output_of(draft, softmax->exponential);
    int place = 0;
    for (int i = 0; i < order->child_count; i++) {
        if (g_str_equal(order->child[i]->name, softmax->outer)) {
            break;
        }
        for (int j = 0; j < output->child_count; j++) {
            bool is_same =
                g_str_equal(output->child[j]->name, order->child[i]->name);
            place = is_same ? MAX(place, j + 1) : place;
        }
    }
    return place;
}

struct ast_node *softmax_block(struct draft *draft,
                               const struct softmax *softmax, const char *name,
                               const struct ast_node *output)
{
    return draft_access_like(draft, name, output,
                             softmax_place(draft, softmax, output),
                             draft_rank(draft, softmax->outer));
}

GPtrArray *softmax_inner_of(const struct draft *draft,
                            const struct softmax *softmax, int statement)
{
    GPtrArray *inner = statement_reduced(draft_statement(draft, statement));
    for (guint i = 0; i < inner->len; i++) {
        if (g_str_equal(g_ptr_array_index(inner, i), softmax->outer)) {
            g_ptr_array_remove_index(inner, i);
            break;
        }
    }
    return inner;
}

struct ast_node *softmax_exp(struct draft *draft, const struct ast_node *a,
                             const struct ast_node *b)
{
    struct ast_node *difference = draft_op(draft, EINSUM_SUB, a, b);
    return draft_op(draft, EINSUM_EXP, difference, NULL);
}

struct ast_node *softmax_emit_local(struct draft *draft,
                                    const struct softmax *softmax)
{
    const struct ast_node *global = output_of(draft, softmax->global);
    const char *name = draft_derive(draft, "L", "G", global->name);
    struct ast_node *local = softmax_block(draft, softmax, name, global);
    draft_emit(draft, softmax->global, local, EINSUM_MAXIMUM, softmax->inner,
               softmax->score);
    return local;
}
