/* Reductions over nothing, as far as conditions over ranks tell: a statement
 * without any point, and a maximum or minimum without a point for some element,
 * which is then infinite, where another statement computes with it. Readers that
 * have a condition of their own, or take a maximum of it in turn, know what they
 * do. The search gives up after BUDGET values: it must not cost more than
 * reading the file. */
#include "einsum/binder.h"
#include "einsum/extension.h"

#define BUDGET 4096

struct search {
    struct einsum_extension conditions; /* without data */
    struct point point;
    int rank_count;
    int rank[EINSUM_MAX_RANKS]; /* of the conditions, those kept first */
    int kept_count;
    guint64 placed[EINSUM_MAX_RANKS];
    int visits;
};

static bool search_init(struct search *search, const struct workload *workload,
                        const struct einsum_statement *statement)
{
    const struct einsum_extension *extension = statement->extension;
    guint32 ranks = 0;
    *search = (struct search){.point = {.workload = workload}};
    for (int i = 0; extension != NULL && i < extension->condition_count; i++) {
        if (!extension->condition[i]->has_data) {
            search->conditions.condition[search->conditions.condition_count++] =
                extension->condition[i];
            ranks |= extension->condition[i]->ranks;
        }
    }
    for (int reduced = 0; reduced < 2; reduced++) {
        for (int i = 0; i < statement->rank_count; i++) {
            if (statement->is_reduced[i] == (reduced == 1) &&
                (ranks >> statement->rank[i] & 1) != 0) {
                search->rank[search->rank_count++] = statement->rank[i];
                search->kept_count += reduced == 0 ? 1 : 0;
            }
        }
    }
    if (search->rank_count > 0) {
        conditions_place(&search->conditions, search->rank, search->rank_count,
                         search->placed);
    }
    return search->conditions.condition_count > 0 && search->rank_count > 0;
}

static bool holds(struct search *search, int level)
{
    for (int i = 0; i < search->conditions.condition_count; i++) {
        if ((search->placed[level] >> i & 1) != 0 &&
            !condition_holds(search->conditions.condition[i], &search->point)) {
            return false;
        }
    }
    return true;
}

/* Some point exists with the ranks before `level` as they are. */
static bool has_point(struct search *search, int level)
{
    struct ranges ranges;
    if (level == search->rank_count || search->visits > BUDGET) {
        return true;
    }
    int rank = search->rank[level];
    conditions_solve(&search->conditions, search->placed[level], rank, 0,
                     search->point.workload->rank[rank].extent - 1,
                     &search->point, &ranges);
    for (int i = 0; i < ranges.count; i++) {
        for (int64_t at = ranges.low[i]; at <= ranges.high[i]; at++) {
            search->point.index[rank] = at;
            search->visits++;
            if ((ranges.is_exact || holds(search, level)) &&
                has_point(search, level + 1)) {
                return true;
            }
        }
    }
    return false;
}

/* Some element has no point; its ranks are then in search->point. */
static bool has_empty_element(struct search *search, int level)
{
    if (level == search->kept_count) {
        return !has_point(search, level);
    }
    int rank = search->rank[level];
    int64_t extent = search->point.workload->rank[rank].extent;
    for (int64_t at = 0; at < extent && search->visits <= BUDGET; at++) {
        search->point.index[rank] = at;
        search->visits++;
        if (!holds(search, level) || has_empty_element(search, level + 1)) {
            for (int k = level + 1; k < search->kept_count; k++) {
                search->point.index[search->rank[k]] = 0;
            }
            return true;
        }
    }
    return false;
}

/* ---- readers ------------------------------------------------------------- */

static bool is_extreme(const struct ast_node *node)
{
    return node->kind == AST_OP &&
           (node->op == EINSUM_MAX || node->op == EINSUM_MIN);
}

/* The tensor is an operand of something else than a maximum or minimum. */
static bool computes_with(const struct ast_node *node, const char *tensor,
                          bool is_in_extreme)
{
    if (node->kind == AST_ACCESS && g_str_equal(node->name, tensor)) {
        return !is_in_extreme;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (computes_with(node->child[i], tensor, is_extreme(node))) {
            return true;
        }
    }
    return false;
}

static bool is_computed_with(const struct binder *binder, const char *tensor)
{
    for (size_t i = 0; i < binder->cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(binder->cascade, i);
        bool is_extreme_reduction = statement->reduce == EINSUM_MAXIMUM ||
                                    statement->reduce == EINSUM_MINIMUM;
        if (statement->condition == NULL && statement->body != NULL &&
            !ast_has_call(statement->body, CALL_SKIP) &&
            computes_with(statement->body, tensor, is_extreme_reduction)) {
            return true;
        }
    }
    return false;
}

/* ---- messages ------------------------------------------------------------ */

static void warn_element(const struct binder *binder,
                         const struct einsum_statement *statement,
                         const struct search *search)
{
    g_autoptr(GString) at = g_string_new(NULL);
    for (int k = 0; k < search->kept_count; k++) {
        int rank = search->rank[k];
        g_string_append_printf(at, "%s%s=%" G_GINT64_FORMAT, k > 0 ? ", " : "",
                               binder->workload->rank[rank].name,
                               search->point.index[rank]);
    }
    diag_warning(binder->diags, statement->span, "einsum-empty-reduction",
                 "give the statements that read it a condition",
                 "no point exists for '%s' at %s: the %s of nothing is %s",
                 statement->name, at->str,
                 statement->reduce == EINSUM_MAXIMUM ? "maximum" : "minimum",
                 statement->reduce == EINSUM_MAXIMUM ? "-inf" : "inf");
}

static void check_statement(const struct binder *binder,
                            const struct einsum_statement *statement)
{
    struct search search;
    if (!search_init(&search, binder->workload, statement)) {
        return;
    }
    if (!has_point(&search, 0)) {
        diag_warning(binder->diags, statement->span, "einsum-empty-reduction",
                     NULL,
                     "no point of einsum '%s' exists: its condition never "
                     "holds",
                     statement->name);
        return;
    }
    bool is_infinite = statement->reduce == EINSUM_MAXIMUM ||
                       statement->reduce == EINSUM_MINIMUM;
    search.visits = 0;
    if (is_infinite && is_computed_with(binder, statement->name) &&
        search.kept_count > 0 && has_empty_element(&search, 0)) {
        warn_element(binder, statement, &search);
    }
}

void check_empty_reductions(struct binder *binder)
{
    for (int i = 0; i < binder->workload->statement_count; i++) {
        check_statement(binder, &binder->workload->statements[i]);
    }
}
