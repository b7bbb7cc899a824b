/* exp(X - G) = exp(X - L) * exp(L - G): exponentials against the maximum L of
 * each block, which is there when the block is, corrected once the global one
 * is known. A plain sum of them is corrected block by block. FuseMax's 2-pass
 * cascade. */
#include "einsum/rewrite_softmax.h"

struct names {
    struct ast_node *exponential; /* SLN[.., m1, m0] */
    struct ast_node *correction;  /* PRM[.., m1] */
};

static bool is_plain_sum(const struct draft *draft,
                         const struct softmax *softmax, int index,
                         const struct ast_node *numerator)
{
    const struct ast_statement *statement = draft_statement(draft, index);
    g_autoptr(GPtrArray) reduced = statement_reduced(statement);
    g_autoptr(GPtrArray) left = node_ranks(statement->output);
    return draft_is_simple(draft, index) && draft_sums(draft, index) &&
           names_have(reduced, softmax->outer) &&
           node_is_equal(statement->body, numerator) &&
           condition_is_equal(statement->condition,
                              softmax_condition(draft, softmax)) &&
           names_cover(left, draft_statement(draft, softmax->global)->output);
}

/* SLD[m1] = sum(m0) SLN, SD = SLD * PRM */
static void emit_sum(struct draft *draft, const struct softmax *softmax,
                     int index, const struct names *names)
{
    const struct ast_statement *statement = draft_statement(draft, index);
    g_autoptr(GPtrArray) inner = softmax_inner_of(draft, softmax, index);
    g_autoptr(GPtrArray) outer = g_ptr_array_new();
    g_ptr_array_add(outer, borrow(softmax->outer));
    const char *name =
        draft_derive(draft, "SL", "SCG", statement->output->name);
    struct ast_node *block =
        softmax_block(draft, softmax, name, statement->output);
    draft_clear(draft, index);
    draft_emit_sum(draft, index, block, statement, inner, names->exponential);
    draft_emit_sum(draft, index, statement->output, statement, outer,
                   draft_op(draft, EINSUM_MUL, block, names->correction));
}

static struct names emit_maxima(struct draft *draft,
                                const struct softmax *softmax)
{
    const struct ast_statement *global =
        draft_statement(draft, softmax->global);
    const struct ast_node *numerator = softmax_numerator(draft, softmax);
    g_autoptr(GPtrArray) outer = g_ptr_array_new();
    g_ptr_array_add(outer, borrow(softmax->outer));
    draft_clear(draft, softmax->global);
    draft_clear(draft, softmax->exponential);
    struct ast_node *local = softmax_emit_local(draft, softmax);
    draft_emit(draft, softmax->global, global->output, EINSUM_MAXIMUM, outer,
               local);
    const char *name = draft_derive(draft, "SL", "S", numerator->name);
    const char *correction =
        draft_derive(draft, "PR", "G", global->output->name);
    struct names names = {
        draft_access_like(draft, name, numerator, 0, NULL),
        softmax_block(draft, softmax, correction, global->output),
    };
    draft_emit(draft, softmax->exponential, names.exponential, EINSUM_SUM, NULL,
               softmax_exp(draft, softmax->score, local));
    draft_emit(draft, softmax->exponential, names.correction, EINSUM_SUM, NULL,
               softmax_exp(draft, local, global->output));
    return names;
}

static void emit(struct draft *draft, const struct softmax *softmax)
{
    const struct ast_node *numerator = softmax_numerator(draft, softmax);
    struct names names = emit_maxima(draft, softmax);
    g_autoptr(GArray) readers = draft_readers(draft, numerator->name);
    bool is_needed = draft_is_output(draft, numerator->name);
    for (guint i = 0; i < readers->len; i++) {
        int reader = g_array_index(readers, int, i);
        if (is_plain_sum(draft, softmax, reader, numerator)) {
            emit_sum(draft, softmax, reader, &names);
        } else {
            is_needed = true;
        }
    }
    if (is_needed) {
        draft_emit(
            draft, softmax->exponential, numerator, EINSUM_SUM, NULL,
            draft_op(draft, EINSUM_MUL, names.exponential, names.correction));
    }
}

enum status rewrite_local_maximum(struct draft *draft)
{
    struct softmax softmax;
    bool is_found = softmax_find(draft, &softmax);
    if (is_found && softmax.local >= 0) {
        draft_refuse(draft, softmax.local, "rewrite-already",
                     "'%s' is a local maximum already",
                     draft_statement(draft, softmax.local)->output->name);
    } else if (is_found && softmax_check_split(draft, &softmax) &&
               softmax_check_rows(draft, &softmax)) {
        emit(draft, &softmax);
    }
    softmax_clear(&softmax);
    return OK;
}
