/* sum_m1 sum_m0 exp(X - G) * V = sum_m1 exp(L - G) * sum_m0 exp(X - L) * V: each
 * block yields a maximum and sums against it, with no need of the others; they
 * are corrected and added at the end. Flash-decoding (Dao et al. 2023); the
 * blocks may run anywhere in any order. */
#include "einsum/rewrite_softmax.h"

struct parts {
    const struct ast_node *numerator;   /* old: exp(X - G) */
    const struct ast_node *exponential; /* exp(X - L) */
    const struct ast_node *correction;  /* exp(L - G) */
};

/* L, G, E and C, where they are not there already. */
static struct parts emit_maxima(struct draft *draft,
                                const struct softmax *softmax)
{
    const struct ast_node *global =
        draft_statement(draft, softmax->global)->output;
    const struct ast_node *numerator = softmax_numerator(draft, softmax);
    if (softmax->local >= 0) {
        draft_drop(draft, softmax->corrected);
        return (struct parts){
            numerator,
            draft_statement(draft, softmax->exponential)->output,
            draft_statement(draft, softmax->correction)->output,
        };
    }
    g_autoptr(GPtrArray) outer = g_ptr_array_new();
    g_ptr_array_add(outer, borrow(softmax->outer));
    draft_clear(draft, softmax->global);
    draft_drop(draft, softmax->exponential);
    struct ast_node *local = softmax_emit_local(draft, softmax);
    draft_emit(draft, softmax->global, global, EINSUM_MAXIMUM, outer, local);
    const char *name = draft_derive(draft, "SL", "S", numerator->name);
    const char *correction = draft_derive(draft, "PR", "G", global->name);
    struct parts parts = {
        numerator,
        draft_access_like(draft, name, numerator, 0, NULL),
        softmax_block(draft, softmax, correction, global),
    };
    draft_emit(draft, softmax->exponential, parts.exponential, EINSUM_SUM, NULL,
               softmax_exp(draft, softmax->score, local));
    draft_emit(draft, softmax->exponential, parts.correction, EINSUM_SUM, NULL,
               softmax_exp(draft, local, global));
    return parts;
}

/* SLNV[m1] = SLN * V, SNV = SLNV * PRM */
static void emit_sum(struct draft *draft, const struct softmax *softmax,
                     int index, const struct parts *parts)
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
    draft_emit_sum(draft, index, block, statement, inner,
                   draft_replace(draft, statement->body, parts->numerator->name,
                                 parts->exponential));
    draft_emit_sum(draft, index, statement->output, statement, outer,
                   draft_op(draft, EINSUM_MUL, block, parts->correction));
}

static void merge(struct draft *draft, const struct softmax *softmax)
{
    const struct ast_node *numerator = softmax_numerator(draft, softmax);
    if (numerator == NULL) {
        draft_refuse(
            draft, softmax->exponential, "rewrite-already",
            "'%s' is summed block by block already",
            draft_statement(draft, softmax->exponential)->output->name);
        return;
    }
    if (!softmax_check_split(draft, softmax) ||
        !softmax_check_rows(draft, softmax) ||
        !softmax_check_numerator(draft, softmax)) {
        return;
    }
    g_autoptr(GArray) readers = draft_readers(draft, numerator->name);
    struct parts parts = emit_maxima(draft, softmax);
    for (guint i = 0; i < readers->len; i++) {
        emit_sum(draft, softmax, g_array_index(readers, int, i), &parts);
    }
}

enum status rewrite_merge_split_k(struct draft *draft)
{
    struct softmax softmax;
    if (softmax_find(draft, &softmax)) {
        merge(draft, &softmax);
    }
    softmax_clear(&softmax);
    return OK;
}
