/* A sum against the maximum so far, R, becomes one against the next maximum by
 * one factor: sum exp(X - R') = exp(R - R') * sum exp(X - R). So the maximum,
 * and each sum of exponentials, advances block by block, and nothing has to be
 * read again when the maximum is known: FuseMax's 1-pass cascade, the online
 * softmax of Milakov and Gimelshein (2018). */
#include "einsum/rewrite_softmax.h"

#include <math.h>

struct running {
    const struct softmax *softmax;
    const struct ast_node *numerator; /* old: exp(X - G) without L, or NULL */
    const struct ast_node *factor;    /* old: exp(L - G), or NULL */
    GArray *corrected; /* statements that `factor` corrects point by point */
    const struct ast_node *exponential; /* new: exp(X - R[m1+1]) */
    const struct ast_node *correction;  /* new: exp(R[m1] - R[m1+1]) */
};

static const struct ast_node *output_of(const struct draft *draft,
                                        int statement)
{
    return draft_statement(draft, statement)->output;
}

/* ---- does it apply? ---------------------------------------------------------- */

/* T is E times what does not depend on L, and only sums with C read it. */
static bool check_scaled(struct draft *draft, const struct softmax *softmax,
                         int index)
{
    const struct ast_statement *statement = draft_statement(draft, index);
    const struct ast_node *factor = output_of(draft, softmax->correction);
    g_autoptr(GPtrArray) left = node_ranks(statement->output);
    g_autoptr(GArray) readers = draft_readers(draft, statement->output->name);
    bool is_scaled =
        draft_is_simple(draft, index) &&
        (!statement->has_reduction || statement->reduce == EINSUM_SUM) &&
        node_is_linear(statement->body,
                       output_of(draft, softmax->exponential)) &&
        names_cover(left, output_of(draft, softmax->local)) &&
        !draft_is_output(draft, statement->output->name);
    for (guint i = 0; i < readers->len && is_scaled; i++) {
        const struct ast_node *body =
            draft_statement(draft, g_array_index(readers, int, i))->body;
        is_scaled = node_is_linear(body, factor) &&
                    node_is_linear(body, statement->output);
    }
    if (!is_scaled) {
        draft_refuse(draft, index, "rewrite-not-linear",
                     "'%s' uses '%s' otherwise than in sums that '%s' corrects",
                     statement->output->name,
                     output_of(draft, softmax->exponential)->name,
                     factor->name);
    }
    return is_scaled;
}

static bool is_pointwise(const struct draft *draft, int index)
{
    g_autoptr(GPtrArray) reduced =
        statement_reduced(draft_statement(draft, index));
    return reduced->len == 0;
}

/* The statement has one factor relative to L: E, or a sum of E. */
static bool has_one_scaled(const struct draft *draft,
                           const struct softmax *softmax, int index)
{
    const struct ast_node *body = draft_statement(draft, index)->body;
    const struct ast_node *exponential = output_of(draft, softmax->exponential);
    const char *factor = output_of(draft, softmax->correction)->name;
    g_autoptr(GArray) readers = draft_readers(draft, exponential->name);
    int count = node_is_linear(body, exponential) ? 1 : 0;
    for (guint i = 0; i < readers->len; i++) {
        const struct ast_statement *scaled =
            draft_statement(draft, g_array_index(readers, int, i));
        if (!node_reads(scaled->body, factor) &&
            node_reads(body, scaled->output->name)) {
            count++;
        }
    }
    return count == 1;
}

/* A reader of C, or of what C corrects point by point (CD = SLD * PRM): in the
 * end all goes into sums over the blocks. */
static bool check_corrected(struct draft *draft, const struct softmax *softmax,
                            int index)
{
    const struct ast_node *factor = output_of(draft, softmax->correction);
    const struct ast_node *output = output_of(draft, index);
    bool is_product =
        draft_is_simple(draft, index) &&
        node_is_linear(draft_statement(draft, index)->body, factor) &&
        has_one_scaled(draft, softmax, index);
    if (!is_product ||
        (is_pointwise(draft, index) && draft_is_output(draft, output->name))) {
        draft_refuse(draft, index, "rewrite-not-linear",
                     "'%s' uses '%s' otherwise than to correct one sum "
                     "against '%s'",
                     output->name, factor->name,
                     output_of(draft, softmax->local)->name);
        return false;
    }
    if (!is_pointwise(draft, index)) {
        return softmax_check_sum(draft, softmax, index, factor);
    }
    g_autoptr(GArray) readers = draft_readers(draft, output->name);
    for (guint i = 0; i < readers->len; i++) {
        int reader = g_array_index(readers, int, i);
        if (!softmax_check_sum(draft, softmax, reader, output)) {
            return false;
        }
    }
    return true;
}

/* No sum has two factors relative to G. */
static bool check_once(struct draft *draft, const struct softmax *softmax)
{
    const char *factor = output_of(draft, softmax->correction)->name;
    g_autoptr(GArray) corrected = draft_readers(draft, factor);
    for (int i = 0; i < draft_count(draft); i++) {
        const struct ast_node *body = draft_statement(draft, i)->body;
        int count = node_reads(body, factor) ? 1 : 0;
        for (guint c = 0; c < corrected->len; c++) {
            int index = g_array_index(corrected, int, c);
            count += is_pointwise(draft, index) &&
                             node_reads(body, output_of(draft, index)->name)
                         ? 1
                         : 0;
        }
        if (count > 1) {
            draft_refuse(draft, i, "rewrite-not-linear",
                         "'%s' is corrected more than once",
                         output_of(draft, i)->name);
            return false;
        }
    }
    return true;
}

static bool check_local(struct draft *draft, const struct softmax *softmax)
{
    const struct ast_node *factor = output_of(draft, softmax->correction);
    const struct ast_node *exponential = output_of(draft, softmax->exponential);
    if (draft_is_output(draft, factor->name) ||
        draft_is_output(draft, exponential->name)) {
        draft_refuse(draft, softmax->exponential, "rewrite-output",
                     "'%s' or '%s' is an output", exponential->name,
                     factor->name);
        return false;
    }
    for (int i = 0; i < draft_count(draft); i++) {
        const struct ast_node *body = draft_statement(draft, i)->body;
        bool is_good = true;
        if (node_reads(body, factor->name)) {
            is_good = check_corrected(draft, softmax, i);
        } else if (node_reads(body, exponential->name)) {
            is_good = check_scaled(draft, softmax, i);
        }
        if (!is_good) {
            return false;
        }
    }
    return check_once(draft, softmax);
}

/* ---- the new cascade --------------------------------------------------------- */

static struct ast_node *make_next(struct draft *draft,
                                  const struct softmax *softmax)
{
    return draft_op(draft, EINSUM_ADD, draft_rank(draft, softmax->outer),
                    draft_number(draft, 1));
}

static struct ast_node *make_end(struct draft *draft,
                                 const struct softmax *softmax)
{
    return draft_shape(draft,
                       name_shape_of_rank(draft->cascade, softmax->outer));
}

/* NAME[indices of output, index along the blocks]. */
static struct ast_node *make_at(struct draft *draft,
                                const struct softmax *softmax, const char *name,
                                const struct ast_node *output,
                                const struct ast_node *index)
{
    return draft_access_like(draft, name, output,
                             softmax_place(draft, softmax, output), index);
}

/* After the last block NAME holds what the old tensor held. */
static void replace_result(struct draft *draft, const struct softmax *softmax,
                           int index, const char *name)
{
    const struct ast_node *output = output_of(draft, index);
    struct ast_node *end = make_end(draft, softmax);
    if (draft_is_output(draft, output->name)) {
        draft_emit(draft, index, output, EINSUM_SUM, NULL,
                   make_at(draft, softmax, name, output, end));
    }
    draft_redirect(draft, output->name, name,
                   softmax_place(draft, softmax, output), end);
}

static struct ast_node *make_least(struct draft *draft)
{
    struct ast_node *infinity = draft_number(draft, 0);
    infinity->is_integer = false;
    infinity->number = (double)INFINITY;
    return draft_op(draft, EINSUM_NEGATE, infinity, NULL);
}

/* exp(R[m1] - R[m1+1]). Where a condition may leave nothing of the first blocks,
 * both are -inf; there is nothing to correct as long as R[m1] is. */
static void emit_correction(struct draft *draft, const struct softmax *softmax,
                            int index, const struct ast_node *correction,
                            const struct ast_node *now,
                            const struct ast_node *next)
{
    if (!softmax_first_block_exists(draft, softmax)) {
        draft->guard = draft_op(draft, EINSUM_LESS, make_least(draft), now);
    }
    draft_emit(draft, index, correction, EINSUM_SUM, NULL,
               softmax_exp(draft, now, next));
    draft->guard = NULL;
}

/* RM[0] = -inf; RM[m1+1] = max(RM[m1], LM[m1]); PRM = exp(RM[m1] - RM[m1+1]).
 * Stands where L is computed, so that all readers of L and G come later. */
static void emit_maximum(struct draft *draft, struct running *running)
{
    const struct softmax *softmax = running->softmax;
    const struct ast_node *global = output_of(draft, softmax->global);
    int index = softmax->local < 0 ? softmax->global : softmax->local;
    const struct ast_node *local = softmax->score;
    draft_clear(draft, softmax->global);
    if (softmax->local >= 0) {
        const struct ast_statement *maximum = draft_statement(draft, index);
        g_autoptr(GPtrArray) ranks = statement_written(maximum);
        local = maximum->output;
        draft_emit(draft, index, local, EINSUM_MAXIMUM, ranks, maximum->body);
    } else if (softmax->inner->len > 0) {
        local = softmax_emit_local(draft, softmax);
    }
    const char *name = draft_derive(draft, "R", "G", global->name);
    const char *correction = draft_derive(draft, "P", "", name);
    struct ast_node *now = softmax_block(draft, softmax, name, global);
    struct ast_node *next =
        make_at(draft, softmax, name, global, make_next(draft, softmax));
    struct ast_node *block = softmax_block(draft, softmax, correction, global);
    draft_emit(draft, index,
               make_at(draft, softmax, name, global, draft_number(draft, 0)),
               EINSUM_SUM, NULL, make_least(draft));
    draft_emit(draft, index, next, EINSUM_SUM, NULL,
               draft_op(draft, EINSUM_MAX, now, local));
    emit_correction(draft, softmax, index, block, now, next);
    replace_result(draft, softmax, softmax->global, name);
    running->correction = block;
    draft_clear(draft, softmax->exponential);
    draft_emit(draft, softmax->exponential, running->exponential, EINSUM_SUM,
               NULL, softmax_exp(draft, softmax->score, next));
}

/* What a block adds: the old sum without the blocks' rank. */
static const struct ast_node *
emit_block(struct draft *draft, const struct running *running, int index)
{
    const struct softmax *softmax = running->softmax;
    const struct ast_statement *statement = draft_statement(draft, index);
    g_autoptr(GPtrArray) inner = softmax_inner_of(draft, softmax, index);
    const struct ast_node *body = statement->body;
    if (running->numerator != NULL) {
        body = draft_replace(draft, body, running->numerator->name,
                             running->exponential);
    }
    for (guint i = 0; i < running->corrected->len; i++) {
        const struct ast_statement *corrected =
            draft_statement(draft, g_array_index(running->corrected, int, i));
        body = draft_replace(draft, body, corrected->output->name,
                             corrected->body);
    }
    if (running->factor != NULL) {
        body = draft_erase(draft, body, running->factor->name);
    }
    if (inner->len == 0) {
        return body;
    }
    const char *name =
        draft_derive(draft, "SL", "SCG", statement->output->name);
    struct ast_node *block =
        softmax_block(draft, softmax, name, statement->output);
    draft_emit_sum(draft, index, block, statement, inner, body);
    return block;
}

/* RD[0] = 0; SPD = RD[m1] * PRM; RD[m1+1] = SLD + SPD */
static void emit_sum(struct draft *draft, const struct running *running,
                     int index)
{
    const struct softmax *softmax = running->softmax;
    const struct ast_node *output = output_of(draft, index);
    draft_clear(draft, index);
    const struct ast_node *block = emit_block(draft, running, index);
    const char *name = draft_derive(draft, "R", "SCG", output->name);
    const char *moved = draft_derive(draft, "SP", "SCG", output->name);
    struct ast_node *now = softmax_block(draft, softmax, name, output);
    struct ast_node *corrected = softmax_block(draft, softmax, moved, output);
    draft_emit(draft, index,
               make_at(draft, softmax, name, output, draft_number(draft, 0)),
               EINSUM_SUM, NULL, draft_number(draft, 0));
    draft_emit(draft, index, corrected, EINSUM_SUM, NULL,
               draft_op(draft, EINSUM_MUL, now, running->correction));
    draft_emit(draft, index,
               make_at(draft, softmax, name, output, make_next(draft, softmax)),
               EINSUM_SUM, NULL, draft_op(draft, EINSUM_ADD, block, corrected));
    replace_result(draft, softmax, index, name);
}

/* What the old cascade corrects goes; running->corrected and the result say
 * what: by statement, whether it is a sum over the blocks. Caller frees. */
static bool *drop_corrected(struct draft *draft, struct running *running)
{
    bool *is_sum = g_new0(bool, (gsize)draft_count(draft));
    for (int i = 0; i < draft_count(draft); i++) {
        const struct ast_node *body = draft_statement(draft, i)->body;
        is_sum[i] = running->numerator != NULL &&
                    node_reads(body, running->numerator->name);
        if (running->factor != NULL &&
            node_reads(body, running->factor->name)) {
            is_sum[i] = !is_pointwise(draft, i);
            if (!is_sum[i]) {
                g_array_append_val(running->corrected, i);
                draft_drop(draft, i);
            }
        }
    }
    for (guint c = 0; c < running->corrected->len; c++) {
        g_autoptr(GArray) readers = draft_readers(
            draft,
            output_of(draft, g_array_index(running->corrected, int, c))->name);
        for (guint i = 0; i < readers->len; i++) {
            is_sum[g_array_index(readers, int, i)] = true;
        }
    }
    return is_sum;
}

static void emit(struct draft *draft, const struct softmax *softmax)
{
    g_autoptr(GArray) corrected = g_array_new(FALSE, FALSE, sizeof(int));
    struct running running = {
        .softmax = softmax,
        .exponential = output_of(draft, softmax->exponential),
        .corrected = corrected,
    };
    if (softmax->local < 0) {
        running.numerator = running.exponential;
        const char *name =
            draft_derive(draft, "SL", "S", running.exponential->name);
        running.exponential =
            draft_access_like(draft, name, running.exponential, 0, NULL);
    } else {
        running.factor = output_of(draft, softmax->correction);
    }
    g_autofree bool *is_sum = drop_corrected(draft, &running);
    if (softmax->correction >= 0) {
        draft_drop(draft, softmax->correction);
    }
    emit_maximum(draft, &running);
    for (int i = 0; i < draft_count(draft); i++) {
        if (is_sum[i]) {
            emit_sum(draft, &running, i);
        }
    }
}

enum status rewrite_running_maximum(struct draft *draft)
{
    struct softmax softmax;
    if (softmax_find(draft, &softmax) &&
        (softmax.local < 0 ? softmax_check_numerator(draft, &softmax)
                           : check_local(draft, &softmax))) {
        emit(draft, &softmax);
    }
    softmax_clear(&softmax);
    return OK;
}
