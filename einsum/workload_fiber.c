/* Binds operators over whole fibers: which dimension of the output they run
 * along, and whether its extent is theirs. */
#include "einsum/binder.h"
#include "einsum/extension.h"
#include "einsum/transform.h"

static void check_selection(const struct binder *binder,
                            const struct ast_statement *parsed,
                            const struct einsum_statement *statement,
                            const struct transform_shape *shape)
{
    bool is_whole =
        parsed->selection == SELECT_ARGSORT || parsed->selection == SELECT_SORT;
    if (shape->out_count > shape->in_count ||
        (is_whole && shape->out_count != shape->in_count)) {
        diag_error(
            binder->diags, statement->span, "einsum-selection-extent", NULL,
            "rank '%s' has %" G_GINT64_FORMAT " values, but %" //
            G_GINT64_FORMAT " are selected from",
            statement_order_rank(parsed), shape->out_count, shape->in_count);
    }
}

static void check_transform(const struct binder *binder,
                            const struct ast_statement *parsed,
                            const struct einsum_statement *statement,
                            const struct transform_shape *shape)
{
    static const char *const rules[] = {
        [TRANSFORM_RFFT] = "of N values come N/2 + 1",
        [TRANSFORM_IRFFT] = "N values come of N/2 + 1",
    };
    bool is_real = parsed->selection == TRANSFORM_RFFT ||
                   parsed->selection == TRANSFORM_IRFFT;
    if (!transform_fits(shape)) {
        diag_error(binder->diags, statement->span, "einsum-transform-extent",
                   is_real ? rules[parsed->selection] : NULL,
                   "%s of %" G_GINT64_FORMAT " values does not give %" //
                   G_GINT64_FORMAT " along '%s'",
                   selection_name(parsed->selection), shape->in_count,
                   shape->out_count, statement_order_rank(parsed));
    }
}

static int find_order_dim(const struct ast_statement *parsed)
{
    const char *order = statement_order_rank(parsed);
    for (int d = 0; order != NULL && d < parsed->output->child_count; d++) {
        if (g_str_equal(parsed->output->child[d]->name, order)) {
            return d;
        }
    }
    return -1;
}

void bind_fiber_operator(const struct binder *binder,
                         const struct ast_statement *parsed,
                         struct einsum_statement *statement,
                         struct einsum_extension *extension)
{
    const struct workload *workload = binder->workload;
    extension->selection = parsed->selection;
    extension->gives_values =
        parsed->gives_values || parsed->selection == SELECT_SORT;
    extension->order_dim = find_order_dim(parsed);
    if (parsed->selection == SELECT_NONE) {
        return;
    }
    const char *order = statement_order_rank(parsed);
    struct transform_shape shape = {
        .kind = parsed->selection,
        .in_count =
            workload->rank[statement->rank[statement->rank_count - 1]].extent,
        .out_count = order == NULL
                         ? 1
                         : workload->rank[binder_rank(binder, order)].extent,
    };
    if (selection_is_transform(parsed->selection)) {
        statement->features |= EINSUM_TRANSFORM;
        check_transform(binder, parsed, statement, &shape);
    } else {
        statement->features |= EINSUM_INDEX_PRODUCER;
        check_selection(binder, parsed, statement, &shape);
    }
}
