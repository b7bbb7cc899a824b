/* Functional execution: the schedule applied to data, in program order, through
 * the buffers that the mapping names. */
#include <math.h>
#include <string.h>

#include "sim/execute/execute.h"

/* ---- what a unit has at hand --------------------------------------------- */

static enum status no_memory(struct execution *x, int tensor)
{
    return diag_fail(x->diags, ERR_MEM, "execute-memory",
                     "no memory to execute %" G_GINT64_FORMAT
                     " elements of '%s'",
                     x->workload->tensors[tensor].element_count,
                     x->workload->tensors[tensor].name);
}

/* Computed tensors that no hold keeps in the outermost memory are at hand in the
 * run's own data: there they are seen afterwards. */
static enum status make_hand(struct execution *x, int tensor)
{
    const struct einsum_tensor *t = &x->workload->tensors[tensor];
    const struct tensor_data *data = &x->data->tensors[tensor];
    struct tensor_data *hand = &x->scratch->tensors[tensor];
    gsize count = (gsize)t->element_count;
    if (x->outermost[tensor] == NULL) {
        *hand = *data;
        return OK;
    }
    x->is_scratch_own[tensor] = true;
    hand->value = g_try_new(double, count);
    hand->error = data->error == NULL ? NULL : g_try_new(double, count);
    if (hand->value == NULL || (data->error != NULL && hand->error == NULL)) {
        return no_memory(x, tensor);
    }
    for (gsize i = 0; i < count; i++) {
        hand->value[i] = t->kind == TENSOR_INPUT ? (double)NAN : data->value[i];
        if (hand->error != NULL) {
            hand->error[i] = 0.0;
        }
    }
    return OK;
}

static enum status make_hands(struct execution *x)
{
    gsize tensors = (gsize)x->workload->tensor_count;
    x->is_scratch_own = g_new0(bool, tensors + 1);
    x->is_done = g_new0(uint8_t *, tensors + 1);
    x->scratch = g_new0(struct einsum_data, 1);
    x->scratch->arithmetic = x->data->arithmetic;
    x->scratch->is_free = x->data->is_free; /* borrowed */
    x->scratch->tensor_count = x->workload->tensor_count;
    x->scratch->tensors = g_new0(struct tensor_data, tensors + 1);
    for (int t = 0; t < x->workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &x->workload->tensors[t];
        TRY(make_hand(x, t));
        if (tensor->producer < 0 ||
            x->workload->statements[tensor->producer].kind != EINSUM_COMPUTE) {
            continue;
        }
        x->is_done[t] = g_try_new0(uint8_t, (gsize)tensor->element_count);
        if (x->is_done[t] == NULL) {
            return no_memory(x, t);
        }
    }
    return OK;
}

static void free_hands(struct execution *x)
{
    for (int t = 0; x->scratch != NULL && t < x->workload->tensor_count; t++) {
        if (x->is_scratch_own[t]) {
            g_free(x->scratch->tensors[t].value);
            g_free(x->scratch->tensors[t].error);
        }
        g_free(x->is_done[t]);
    }
    if (x->scratch != NULL) {
        g_free(x->scratch->tensors);
        g_free(x->scratch->fault);
    }
    g_free(x->scratch);
    g_free(x->is_scratch_own);
    g_free(x->is_done);
}

/* ---- the whole ----------------------------------------------------------- */

static void execution_free(struct execution *x)
{
    if (x == NULL) {
        return;
    }
    free_hands(x);
    room_free(x->room);
    stores_free(x);
    credits_free(x->credits);
    g_clear_pointer(&x->parts, g_array_unref);
    g_clear_pointer(&x->fresh, g_array_unref);
    g_clear_pointer(&x->late, g_array_unref);
    g_clear_pointer(&x->streams, g_array_unref);
    g_clear_pointer(&x->handed, g_array_unref);
    g_free(x->index);
    g_free(x);
}
BASE_DEFINE_CLEANUP(execution)

static enum status execution_new(const struct plan *plan, struct diags *diags,
                                 struct einsum_data *data,
                                 struct execution **result)
{
    AUTO(execution) x = g_new0(struct execution, 1);
    x->plan = plan;
    x->workload = plan->workload;
    x->diags = diags;
    x->data = data;
    x->parts = g_array_new(FALSE, FALSE, sizeof(struct region));
    x->fresh = g_array_new(FALSE, FALSE, sizeof(struct fresh));
    x->late = g_array_new(FALSE, FALSE, sizeof(int64_t));
    x->handed = g_array_new(FALSE, FALSE, sizeof(struct fresh));
    x->index = g_new0(int64_t, (gsize)plan->node_count + 1);
    TRY(credits_new(x->workload, diags, &x->credits));
    TRY(stores_new(x));
    TRY(make_hands(x));
    x->room = room_new(x);
    streams_new(x);
    *result = g_steal_pointer(&x);
    return OK;
}

/* Leaves that run point by point hand their results on: until one that does not
 * belong to them. */
static void forget_handed(struct execution *x, int leaf)
{
    const struct plan_leaf *l = &x->plan->leaves[leaf];
    for (guint i = x->handed->len; i-- > 0;) {
        const struct fresh *made = &g_array_index(x->handed, struct fresh, i);
        if (l->forward_from < 0 || made->leaf < l->forward_from ||
            made->leaf >= leaf) {
            g_array_remove_index_fast(x->handed, i);
        }
    }
}

/* `walk` NULL: the first lane only. */
static enum status run_lanes(struct execution *x, struct walk *walk)
{
    forget_handed(x, x->event.leaf);
    room_enter(x, x->plan->leaves[x->event.leaf].node);
    enum status status = tile_step_run(x);
    while (status == OK && walk != NULL && walk_next_lane(walk, &x->event)) {
        status = tile_step_run(x);
    }
    return status;
}

static enum status run_event(struct execution *x, struct walk *walk)
{
    switch (x->event.kind) {
    case WALK_PHASE:
    case WALK_STEP:
        g_array_set_size(x->fresh, 0);
        g_array_set_size(x->late, 0);
        x->is_step_begin = true;
        return OK;
    case WALK_SLOT:
        g_array_set_size(x->fresh, 0);
        x->is_step_begin = false;
        return move_run_late(x);
    case WALK_MOVE:
        room_enter(x, x->plan->flows[x->event.move.flow].node);
        return move_run(x);
    case WALK_COMPUTE:
        return run_lanes(x, walk);
    case WALK_END:
        return OK;
    }
    BUG("event %d", (int)x->event.kind);
}

/* Every element was finished once, and outputs are in the outermost memory. */
static enum status check_tensor(struct execution *x, int tensor)
{
    const struct einsum_tensor *t = &x->workload->tensors[tensor];
    const struct store *store = x->outermost[tensor];
    bool must_arrive = t->kind == TENSOR_OUTPUT;
    for (int64_t e = 0; x->is_done[tensor] != NULL && e < t->element_count;
         e++) {
        uint64_t needed = credits_needed(x->credits, tensor, e);
        bool is_made = x->is_done[tensor][e] != 0;
        uint64_t credit = must_arrive ? store->credit[e] : 0;
        if (needed != 0 && (!is_made || (must_arrive && credit != needed))) {
            return complain_missing(x, &x->workload->statements[t->producer], e,
                                    credit, is_made);
        }
    }
    return OK;
}

static enum status check_complete(struct execution *x)
{
    for (int t = 0; t < x->workload->tensor_count; t++) {
        TRY(check_tensor(x, t));
    }
    return OK;
}

static enum status report_fault(struct execution *x)
{
    if (x->scratch->fault == NULL) {
        return OK;
    }
    diag_error(x->diags,
               x->workload->statements[x->scratch->fault_statement].span,
               "einsum-gather-range", NULL, "%s", x->scratch->fault);
    return ERR_INPUT;
}

/* An event that waits for the next one, with its own copy of the index. */
struct delayed {
    bool is_any;
    struct walk_event event;
    int64_t *index;
};

static enum status run_delayed(struct execution *x, struct delayed *delayed)
{
    struct walk_event now = x->event;
    if (!delayed->is_any) {
        return OK;
    }
    delayed->is_any = false;
    x->event = delayed->event;
    enum status status = run_event(x, NULL);
    x->event = now;
    return status;
}

static enum status run_tampered(struct execution *x, struct walk *walk,
                                enum tampering tampering,
                                struct delayed *delayed)
{
    switch (tampering) {
    case TAMPER_KEEP:
        TRY(run_event(x, walk));
        return run_delayed(x, delayed);
    case TAMPER_DROP:
        return OK;
    case TAMPER_DOUBLE:
        TRY(run_event(x, NULL));
        return run_event(x, walk);
    case TAMPER_DELAY:
        delayed->is_any = true;
        delayed->event = x->event;
        memcpy(delayed->index, x->event.index,
               (gsize)x->plan->node_count * sizeof(*delayed->index));
        delayed->event.index = delayed->index;
        return OK;
    }
    BUG("tampering %d", (int)tampering);
}

enum status execute_tampered(const struct plan *plan, tamper_function tamper,
                             void *context, struct diags *diags,
                             struct einsum_data *data)
{
    AUTO(execution) x = NULL;
    TRY(execution_new(plan, diags, data, &x));
    AUTO(walk) walk = walk_new(plan, true);
    g_autofree int64_t *index = g_new0(int64_t, (gsize)plan->node_count + 1);
    struct delayed delayed = {.index = index};
    while (walk_next(walk, &x->event)) {
        bool is_step =
            x->event.kind == WALK_MOVE || x->event.kind == WALK_COMPUTE;
        enum tampering tampering = is_step && tamper != NULL
                                       ? tamper(context, &x->event)
                                       : TAMPER_KEEP;
        TRY(is_step ? run_tampered(x, walk, tampering, &delayed)
                    : run_event(x, walk));
    }
    TRY(run_delayed(x, &delayed));
    TRY(report_fault(x));
    return check_complete(x);
}

/* Positions of a packed operand are no coordinates: the n-th step would take the
 * element n instead of the n-th that is left. */
enum status sim_check_execution(const struct plan *plan, struct diags *diags)
{
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        int packed = 0;
        int line = 0;
        if (workload_find_packed(plan->workload, leaf->statement, &packed,
                                 &line)) {
            diag_error(diags, plan->nodes[leaf->node].span, "execute-packed",
                       "without 'pack' in the cascade the mapping goes through "
                       "coordinates, and can be executed",
                       "steps of '%s' take an operand that is packed along "
                       "'%s': they are counted and timed, not executed",
                       plan->workload->statements[leaf->statement].name,
                       plan->workload->rank[packed].name);
            return ERR_INPUT;
        }
    }
    return OK;
}

enum status sim_execute(const struct plan *plan, struct diags *diags,
                        struct einsum_data *data)
{
    TRY(sim_check_execution(plan, diags));
    return execute_tampered(plan, NULL, NULL, diags, data);
}
