/* What is wrong with a schedule, in words: Einsum, tensor, coordinates, memory,
 * step. */
#include "sim/execute/execute.h"

char *element_name(const struct workload *workload, int tensor, int64_t element)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    int64_t index[EINSUM_MAX_DIMS] = {0};
    for (int d = t->dim_count; d-- > 0;) {
        index[d] = element % t->extent[d];
        element /= t->extent[d];
    }
    GString *name = g_string_new(t->name);
    for (int d = 0; d < t->dim_count; d++) {
        g_string_append_printf(name, "%s%" G_GINT64_FORMAT, d == 0 ? "[" : ",",
                               index[d]);
    }
    g_string_append(name, t->dim_count > 0 ? "]" : "");
    return g_string_free(name, FALSE);
}

char *step_name(const struct execution *x)
{
    const struct plan_phase *phase = &x->plan->phases[x->event.phase];
    GString *name = g_string_new(" in ");
    if (x->plan->phase_count > 1) {
        g_string_append_printf(name, "phase '%s', ", phase->name);
    }
    g_string_append_printf(name, "step %" G_GINT64_FORMAT, x->event.step);
    if (phase->slot_count > 1) {
        g_string_append_printf(name, ", slot %d", x->event.slot);
    }
    return g_string_free(name, FALSE);
}

static const char *leaf_name(const struct execution *x, int leaf)
{
    return x->workload->statements[x->plan->leaves[leaf].statement].name;
}

static const char *memory_name(const struct execution *x,
                               const struct store *store)
{
    return x->plan->arch->memories[store == NULL ? 0 : store->memory].name;
}

/* "3 of 16 contributions" */
static char *contributions(const struct execution *x, int tensor,
                           int64_t element, uint64_t credit)
{
    uint64_t needed = credits_needed(x->credits, tensor, element);
    int64_t got = credit_count(credit);
    if (got == credit_count(needed) && credit != needed) {
        return g_strdup_printf(
            "as many contributions as it needs, %" G_GINT64_FORMAT
            ", but not each point's once",
            got);
    }
    return g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                           " contributions",
                           got, credit_count(needed));
}

/* Has the frame been given to a newer tile? */
static bool is_reused(const struct store *store, int64_t lane,
                      const struct frame *frame)
{
    return frame != NULL &&
           store->newest[lane] - frame->serial >= store->copies;
}

/* The value is not where the mapping says. */
static enum status complain_absent(struct execution *x, const struct operand *o,
                                   bool is_overwritten, const char *element)
{
    g_autofree char *step = step_name(x);
    const char *reader = leaf_name(x, o->leaf);
    if (is_overwritten) {
        g_autofree char *other =
            element_name(x->workload, o->read->tensor, o->store->tag[o->at]);
        diag_error(x->diags, o->read->span, "execute-overwritten", NULL,
                   "Einsum '%s' reads %s%s, but in '%s' %s has taken its place",
                   reader, element, step, memory_name(x, o->store), other);
    } else if (o->store == NULL) {
        diag_error(x->diags, o->read->span, "execute-not-held", NULL,
                   "Einsum '%s' reads %s%s, but nothing brings '%s' there",
                   reader, element, step,
                   x->workload->tensors[o->read->tensor].name);
    } else {
        diag_error(x->diags, o->read->span, "execute-not-held", NULL,
                   "Einsum '%s' reads %s%s, but it is not in '%s'", reader,
                   element, step, memory_name(x, o->store));
    }
    return ERR_INPUT;
}

enum status complain_operand(struct execution *x, const struct operand *o)
{
    int tensor = o->read->tensor;
    const struct store *store = o->store;
    g_autofree char *name = element_name(x->workload, tensor, o->element);
    g_autofree char *step = step_name(x);
    bool is_somewhere = store != NULL && o->at >= 0;
    bool is_here = is_somewhere && store_has(store, o->at, o->element);
    bool is_done =
        x->is_done[tensor] == NULL || x->is_done[tensor][o->element] != 0;
    if (!is_here && is_done) {
        bool has_other = is_somewhere && store->tag != NULL &&
                         store->tag[o->at] >= 0 &&
                         (is_reused(store, o->lane, o->frame) ||
                          store->layout.wrap_dim >= 0);
        return complain_absent(x, o, has_other, name);
    }
    g_autofree char *got = contributions(x, tensor, o->element,
                                         is_here ? store->credit[o->at] : 0);
    diag_error(x->diags, o->read->span, "execute-unfinished-operand", NULL,
               "Einsum '%s' reads %s%s before it is finished: it has %s",
               leaf_name(x, o->leaf), name, step, got);
    return ERR_INPUT;
}

enum status complain_race(struct execution *x, int leaf,
                          const struct einsum_access *read, int writer)
{
    g_autofree char *step = step_name(x);
    diag_error(x->diags, read->span, "execute-same-slot",
               "a later slot, or the same unit",
               "Einsum '%s' reads what '%s' writes at the same time on another "
               "unit, '%s',%s",
               leaf_name(x, leaf), leaf_name(x, writer),
               x->workload->tensors[read->tensor].name, step);
    return ERR_INPUT;
}

enum status complain_twice(struct execution *x, int leaf, int64_t element,
                           uint64_t credit)
{
    const struct einsum_statement *s =
        &x->workload->statements[x->plan->leaves[leaf].statement];
    g_autofree char *name =
        element_name(x->workload, s->output.tensor, element);
    g_autofree char *step = step_name(x);
    g_autofree char *got = contributions(x, s->output.tensor, element, credit);
    diag_error(x->diags, s->output.span, "execute-twice", NULL,
               "Einsum '%s' computes more than all of %s%s: it has %s", s->name,
               name, step, got);
    return ERR_INPUT;
}

enum status complain_lost(struct execution *x, const struct store *store,
                          int64_t lost, uint64_t credit, int64_t element)
{
    const struct einsum_tensor *t = &x->workload->tensors[store->tensor];
    const struct einsum_statement *s = &x->workload->statements[t->producer];
    g_autofree char *lost_name = element_name(x->workload, store->tensor, lost);
    g_autofree char *name = element_name(x->workload, store->tensor, element);
    g_autofree char *step = step_name(x);
    g_autofree char *got = contributions(x, store->tensor, lost, credit);
    diag_error(x->diags, s->output.span, "execute-lost-partial", NULL,
               "%s takes the place of %s in '%s'%s, which has %s and is kept "
               "nowhere else",
               name, lost_name, memory_name(x, store), step, got);
    return ERR_INPUT;
}

enum status complain_room(struct execution *x, int leaf,
                          const struct store *store)
{
    const struct einsum_statement *s =
        &x->workload->statements[x->plan->leaves[leaf].statement];
    g_autofree char *step = step_name(x);
    diag_error(x->diags, s->output.span, "execute-capacity", NULL,
               "Einsum '%s' writes more of '%s'%s than a tile of it in '%s' "
               "has room for: %" G_GINT64_FORMAT " elements",
               s->name, x->workload->tensors[store->tensor].name, step,
               memory_name(x, store), store->layout.elements);
    return ERR_INPUT;
}

enum status complain_scale(struct execution *x,
                           const struct einsum_statement *statement)
{
    g_autofree char *step = step_name(x);
    diag_error(x->diags, statement->output.span, "execute-scale",
               "a format without scales, or larger tiles",
               "Einsum '%s' finishes part of what shares a scale%s",
               statement->name, step);
    return ERR_INPUT;
}

enum status complain_missing(struct execution *x,
                             const struct einsum_statement *statement,
                             int64_t element, uint64_t credit, bool is_made)
{
    int tensor = statement->output.tensor;
    g_autofree char *name = element_name(x->workload, tensor, element);
    g_autofree char *got = contributions(x, tensor, element, credit);
    if (is_made) {
        diag_error(x->diags, statement->output.span, "execute-missing", NULL,
                   "%s is computed but does not arrive in '%s', where it has "
                   "%s",
                   name, x->plan->arch->memories[0].name, got);
    } else {
        diag_error(x->diags, statement->output.span, "execute-missing", NULL,
                   "Einsum '%s' leaves unfinished %s: it has %s",
                   statement->name, name, got);
    }
    return ERR_INPUT;
}
