/* What holds of the schedule of every legal plan:
 *   counts  steps of leaves and moves of flows are those of the plan; phases,
 *           steps, slots and children come in order, each as often as it should
 *   tiles   a tile is there before it is used, and leaves when it is complete
 *   data    no operand is read before it is finished, nor in the slot in which
 *           another unit computes it
 * Element by element, for small shapes. Include after cmocka.h. */
#ifndef WEIR_TESTS_WALK_CHECKS_H
#define WEIR_TESTS_WALK_CHECKS_H

#include "mapping/builder.h"
#include "tests/traffic_oracle.h"

/* ---- counts ------------------------------------------------------------- */

/* Events of one child's program, in the order of the whole walk. */
static inline void walk_check_child(const struct plan *plan,
                                    struct walk_child *child,
                                    const struct walk_event *expected)
{
    struct walk_event event;
    if (expected == NULL) {
        assert_false(walk_child_next(child, &event));
        return;
    }
    assert_true(walk_child_next(child, &event));
    assert_int_equal(event.kind, expected->kind);
    if (event.kind == WALK_MOVE) {
        assert_int_equal(event.move.flow, expected->move.flow);
        return;
    }
    assert_int_equal(event.leaf, expected->leaf);
    const struct einsum_statement *s =
        &plan->workload->statements[plan->leaves[event.leaf].statement];
    for (int r = 0; r < s->rank_count; r++) {
        assert_int_equal(event.lo[r], expected->lo[r]);
        assert_int_equal(event.hi[r], expected->hi[r]);
    }
}

/* The frame of the walk: phases, steps and slots count up one by one. */
struct walk_frame {
    int phase;
    int64_t step;
    int slot;
};

static inline void walk_check_frame(const struct plan *plan,
                                    const struct walk_event *event,
                                    struct walk_frame *frame)
{
    const struct plan_phase *phase = &plan->phases[event->phase];
    switch (event->kind) {
    case WALK_PHASE:
        if (frame->phase >= 0) {
            const struct plan_phase *done = &plan->phases[frame->phase];
            assert_int_equal(frame->step,
                             done->iteration_count + done->max_delay - 1);
            assert_int_equal(frame->slot, done->slot_count - 1);
        }
        assert_int_equal(event->phase, frame->phase + 1);
        *frame = (struct walk_frame){event->phase, -1, phase->slot_count - 1};
        break;
    case WALK_STEP:
        assert_int_equal(frame->slot, phase->slot_count - 1);
        assert_int_equal(event->step, frame->step + 1);
        frame->step = event->step;
        frame->slot = -1;
        break;
    case WALK_SLOT:
        assert_int_equal(event->slot, frame->slot + 1);
        frame->slot = event->slot;
        break;
    case WALK_MOVE:
    case WALK_COMPUTE:
        assert_int_equal(event->phase, frame->phase);
        assert_int_equal(event->step, frame->step);
        break;
    case WALK_END:
        fail();
    }
    if (event->kind == WALK_COMPUTE) {
        const struct plan_leaf *leaf = &plan->leaves[event->leaf];
        assert_int_equal(leaf->phase, event->phase);
        assert_int_equal(leaf->child, event->child);
        assert_int_equal(phase->children[event->child].slot, frame->slot);
    }
}

static inline void walk_check_counts(const struct plan *plan)
{
    g_autofree int64_t *executed = g_new0(int64_t, (gsize)plan->leaf_count + 1);
    g_autofree int64_t *moved = g_new0(int64_t, (gsize)plan->flow_count + 1);
    struct walk_frame frame = {-1, 0, 0};
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    while (walk_next(walk, &event)) {
        walk_check_frame(plan, &event, &frame);
        if (event.kind == WALK_COMPUTE) {
            executed[event.leaf]++;
        } else if (event.kind == WALK_MOVE) {
            moved[event.move.flow]++;
        }
    }
    assert_int_equal(event.kind, WALK_END);
    assert_int_equal(frame.phase, plan->phase_count - 1);
    for (int l = 0; l < plan->leaf_count; l++) {
        assert_int_equal(executed[l], plan->leaves[l].step_count);
    }
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        bool is_move = flow->node >= 0;
        (void)oracle_expect(
            plan, "moves walked", flow->tensor,
            plan->nodes[is_move ? flow->node : plan->leaves[flow->leaf].node]
                .span.line,
            is_move ? flow->events : 0, moved[f]);
        if (flow->kind != FLOW_PARTIAL) {
            assert_int_equal(flow->elements * flow->events, flow->total);
        }
        assert_true(flow->total > 0 && flow->elements > 0);
    }
}

/* Does the flow's hold stand above the pipeline? */
static inline bool walk_is_outer(const struct plan *plan, int phase, int flow)
{
    for (int c = 0; c < plan->phases[phase].child_count; c++) {
        if (oracle_is_below(plan, plan->flows[flow].node,
                            plan->phases[phase].children[c].node)) {
            return false;
        }
    }
    return true;
}

/* Every child walked alone yields what it yields in the whole walk, where the
 * moves of holds above the pipeline stand between the programs. */
static inline void walk_check_children(const struct plan *plan)
{
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    struct walk_child *child = NULL;
    int64_t iteration = -1;
    int at[2] = {-1, -1};
    bool is_more = true;
    while (is_more) {
        is_more = walk_next(walk, &event);
        bool is_outer = is_more && event.kind == WALK_MOVE &&
                        walk_is_outer(plan, event.phase, event.move.flow);
        bool is_program =
            is_more && !is_outer &&
            (event.kind == WALK_COMPUTE || event.kind == WALK_MOVE);
        int64_t now = -1;
        if (is_program) {
            now = event.step -
                  plan->phases[event.phase].children[event.child].delay;
        }
        if (child != NULL && (!is_program || event.phase != at[0] ||
                              event.child != at[1] || now != iteration)) {
            walk_check_child(plan, child, NULL);
            g_clear_pointer(&child, walk_child_free);
        }
        if (!is_program) {
            continue;
        }
        if (child == NULL) {
            at[0] = event.phase;
            at[1] = event.child;
            iteration = now;
            child = walk_child_new(plan, event.phase, event.child, true);
            walk_child_start(child, iteration);
        }
        walk_check_child(plan, child, &event);
    }
    assert_null(child);
}

/* ---- tiles -------------------------------------------------------------- */

/* The how-manieth tile each visit to a hold works on, from 1; 0: on none. */
struct walk_tiles {
    int64_t count;
    int64_t *filled;
    int64_t *refilled;
    int64_t *drained;
};

static inline void walk_tiles_init(const struct oracle *oracle, int hold,
                                   int tensor, struct walk_tiles *tiles)
{
    struct oracle_visits v;
    oracle_visits_record(oracle, hold, tensor, &v);
    tiles->count = v.count;
    tiles->filled = g_new0(int64_t, (gsize)v.count);
    tiles->refilled = g_new0(int64_t, (gsize)v.count);
    tiles->drained = g_new0(int64_t, (gsize)v.count);
    struct element_set *ever = element_set_new(oracle->plan, tensor);
    const struct element_set *inside = NULL;
    const struct element_set *open = NULL;
    int64_t filled = 0;
    int64_t refilled = 0;
    int64_t drained = 0;
    for (int64_t i = 0; i < v.count; i++) {
        if (v.needed[i] != NULL && v.needed[i]->count > 0) {
            filled += !element_set_equal(v.needed[i], inside);
            inside = v.needed[i];
            tiles->filled[i] = filled;
        }
        if (v.written[i] != NULL) {
            if (!element_set_equal(v.written[i], open)) {
                drained++;
                refilled += element_set_common(v.written[i], ever) > 0;
                element_set_merge(ever, v.written[i]);
            }
            open = v.written[i];
            tiles->refilled[i] = refilled;
            tiles->drained[i] = drained;
        }
    }
    element_set_free(ever);
    oracle_visits_clear(&v);
}

static inline void walk_tiles_clear(struct walk_tiles *tiles)
{
    g_free(tiles->filled);
    g_free(tiles->refilled);
    g_free(tiles->drained);
}

/* A hold above the pipeline may be filled ahead, others exactly in time. */
static inline void walk_expect_arrived(const struct plan *plan, int flow,
                                       bool is_outer, int64_t moved,
                                       int64_t needed)
{
    if (is_outer ? moved < needed : moved != needed) {
        const struct plan_flow *f = &plan->flows[flow];
        print_error("line %d, '%s': tile %" G_GINT64_FORMAT
                    " used after %" G_GINT64_FORMAT " moves of kind %d\n",
                    plan->nodes[f->node].span.line,
                    plan->workload->tensors[f->tensor].name, needed, moved,
                    (int)f->kind);
        fail();
    }
}

/* Does the leaf read the tensor from a memory? */
static inline bool walk_reads(const struct oracle *oracle, int leaf, int tensor)
{
    const struct einsum_statement *s = oracle_statement(oracle, leaf);
    for (int r = 0; r < s->read_count; r++) {
        if (s->resolved_reads[r].tensor == tensor &&
            !oracle_is_forwarded(oracle, leaf, &s->resolved_reads[r])) {
            return true;
        }
    }
    return false;
}

/* One flow of a hold, through the whole schedule. */
static inline void walk_check_flow(const struct oracle *oracle, int flow_id)
{
    const struct plan *plan = oracle->plan;
    const struct plan_flow *flow = &plan->flows[flow_id];
    struct walk_tiles tiles;
    walk_tiles_init(oracle, flow->node, flow->tensor, &tiles);
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    int64_t moved = 0;
    int64_t unused_since = -1; /* step of a fill that nobody has used yet */
    while (walk_next(walk, &event)) {
        if (event.kind == WALK_MOVE && event.move.flow == flow_id) {
            assert_int_equal(unused_since, -1);
            unused_since = flow->kind == FLOW_FILL ? event.step : -1;
            moved++;
        }
        if (event.kind != WALK_COMPUTE ||
            !oracle_is_below(plan, plan->leaves[event.leaf].node, flow->node)) {
            continue;
        }
        struct oracle_step step = {.leaf = event.leaf};
        memcpy(step.lo, event.lo, sizeof(step.lo));
        int64_t visit = oracle_visit(oracle, flow->node, &step);
        const struct einsum_statement *s = oracle_statement(oracle, event.leaf);
        const struct plan_leaf *leaf = &plan->leaves[event.leaf];
        bool is_outer = walk_is_outer(plan, leaf->phase, flow_id);
        if (flow->kind == FLOW_FILL && tiles.filled[visit] > 0 &&
            walk_reads(oracle, event.leaf, flow->tensor)) {
            walk_expect_arrived(plan, flow_id, is_outer, moved,
                                tiles.filled[visit]);
            if (tiles.filled[visit] == moved && unused_since >= 0) {
                /* Fetched for the step of its first use, but for leaves that
                 * wait for the last iteration of a loop (`at`). */
                assert_true(leaf->at_count > 0 ? event.step >= unused_since
                                               : event.step == unused_since);
                unused_since = -1;
            }
        } else if (flow->kind == FLOW_REFILL &&
                   s->output.tensor == flow->tensor) {
            walk_expect_arrived(plan, flow_id, is_outer, moved,
                                tiles.refilled[visit]);
        } else if (flow->kind == FLOW_DRAIN &&
                   s->output.tensor == flow->tensor) {
            walk_expect_arrived(plan, flow_id, false, moved,
                                tiles.drained[visit] - 1);
        }
    }
    walk_tiles_clear(&tiles);
}

static inline void walk_check_tiles(const struct plan *plan)
{
    struct oracle oracle;
    oracle_init(&oracle, plan);
    for (int f = 0; f < plan->flow_count; f++) {
        int node = plan->flows[f].node;
        if (node >= 0 && !plan->nodes[node].is_stream &&
            !oracle_overlaps(plan, plan->flows[f].tensor)) {
            walk_check_flow(&oracle, f);
        }
    }
    oracle_clear(&oracle);
}

/* ---- data --------------------------------------------------------------- */

/* How far the elements of a tensor are, and when each was last worked on. */
struct walk_values {
    int64_t *done;   /* contributions so far */
    int64_t *moment; /* running number of the slot; -1: never */
    int *leaf;       /* that did */
    int64_t needed;  /* contributions that make an element complete */
};

static inline struct walk_values *walk_values_new(const struct plan *plan)
{
    const struct workload *w = plan->workload;
    struct walk_values *values =
        g_new0(struct walk_values, (gsize)w->tensor_count);
    for (int t = 0; t < w->tensor_count; t++) {
        gsize count = (gsize)w->tensors[t].element_count;
        values[t].done = g_new0(int64_t, count);
        values[t].moment = g_new(int64_t, count);
        values[t].leaf = g_new0(int, count);
        for (gsize i = 0; i < count; i++) {
            values[t].moment[i] = -1;
        }
        values[t].needed = 1;
        int producer = w->tensors[t].producer;
        if (producer < 0) {
            continue;
        }
        const struct einsum_statement *s = &w->statements[producer];
        for (int r = 0; r < s->rank_count; r++) {
            values[t].needed *=
                s->is_reduced[r] ? w->rank[s->rank[r]].extent : 1;
        }
    }
    return values;
}

static inline void walk_values_free(const struct plan *plan,
                                    struct walk_values *values)
{
    for (int t = 0; t < plan->workload->tensor_count; t++) {
        g_free(values[t].done);
        g_free(values[t].moment);
        g_free(values[t].leaf);
    }
    g_free(values);
}

/* Below `first` along its iterative dimension a tensor has constants. */
static inline bool walk_is_constant(const struct plan *plan, int tensor,
                                    int64_t element)
{
    const struct einsum_tensor *t = &plan->workload->tensors[tensor];
    if (t->producer < 0) {
        return true;
    }
    if (t->iterative_dim < 0) {
        return false;
    }
    int64_t inner = 1;
    for (int d = t->iterative_dim + 1; d < t->dim_count; d++) {
        inner *= t->extent[d];
    }
    int64_t slice = element / inner % t->extent[t->iterative_dim];
    return slice < plan->workload->statements[t->producer]
                       .output.index[t->iterative_dim]
                       .constant;
}

static inline void walk_check_read(const struct oracle *oracle,
                                   const struct walk_values *values,
                                   const struct einsum_statement *s,
                                   const struct einsum_access *read,
                                   int64_t element, int64_t moment, int leaf)
{
    if (walk_is_constant(oracle->plan, read->tensor, element)) {
        return;
    }
    const struct walk_values *v = &values[read->tensor];
    bool is_finished = v->done[element] == v->needed;
    const struct plan_leaf *x = &oracle->plan->leaves[v->leaf[element]];
    const struct plan_leaf *y = &oracle->plan->leaves[leaf];
    bool is_elsewhere = v->moment[element] == moment && x->unit != y->unit &&
                        x->child != y->child;
    if (!is_finished || is_elsewhere) {
        print_error("'%s' reads element %" G_GINT64_FORMAT
                    " of '%s' after %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                    " contributions%s\n",
                    s->name, element,
                    oracle->plan->workload->tensors[read->tensor].name,
                    v->done[element], v->needed,
                    is_elsewhere ? ", in the slot that computes it" : "");
        fail();
    }
}

static inline void walk_run_step(const struct oracle *oracle,
                                 struct walk_values *values,
                                 const struct walk_event *event, int64_t moment)
{
    const struct einsum_statement *s = oracle_statement(oracle, event->leaf);
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, event->lo, sizeof(point));
    do {
        for (int r = 0; r < s->read_count; r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            walk_check_read(oracle, values, s, read,
                            oracle_element(oracle, s, read, point), moment,
                            event->leaf);
        }
        int64_t element = oracle_element(oracle, s, &s->output, point);
        struct walk_values *out = &values[s->output.tensor];
        out->done[element]++;
        out->moment[element] = moment;
        out->leaf[element] = event->leaf;
        assert_in_range(out->done[element], 1, out->needed);
    } while (oracle_next_point(s, event->lo, event->hi, point));
}

/* The tiles that a flow fetches, in order, as sets of elements. */
static inline GPtrArray *walk_fetched_tiles(const struct oracle *oracle,
                                            const struct plan_flow *flow)
{
    GPtrArray *fetched =
        g_ptr_array_new_with_free_func((GDestroyNotify)element_set_free);
    struct oracle_visits v;
    oracle_visits_record(oracle, flow->node, flow->tensor, &v);
    for (int64_t i = 0; i < v.count; i++) {
        const struct element_set *before =
            fetched->len > 0 ? fetched->pdata[fetched->len - 1] : NULL;
        if (v.needed[i] != NULL && v.needed[i]->count > 0 &&
            !element_set_equal(v.needed[i], before)) {
            g_ptr_array_add(fetched, g_steal_pointer(&v.needed[i]));
        }
    }
    oracle_visits_clear(&v);
    return fetched;
}

/* What is fetched must have been computed. (A hold above the pipeline may be
 * filled at the start of the step in which a slot computes the value for a later
 * slot: there the readers alone are checked.) */
static inline void walk_check_fetch(const struct oracle *oracle,
                                    const struct walk_values *values,
                                    const struct plan_flow *flow,
                                    const struct element_set *tile)
{
    const struct walk_values *v = &values[flow->tensor];
    for (int64_t i = 0; i < tile->size; i++) {
        if (tile->has[i] != 0 && v->done[i] != v->needed &&
            !walk_is_constant(oracle->plan, flow->tensor, i)) {
            print_error("line %d fetches element %" G_GINT64_FORMAT
                        " of '%s' before it is computed\n",
                        oracle->plan->nodes[flow->node].span.line, i,
                        oracle->plan->workload->tensors[flow->tensor].name);
            fail();
        }
    }
}

static inline void walk_check_data(const struct plan *plan)
{
    struct oracle oracle;
    oracle_init(&oracle, plan);
    struct walk_values *values = walk_values_new(plan);
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    int64_t moment = 0;
    g_autofree guint *moved = g_new0(guint, (gsize)plan->flow_count + 1);
    g_autofree GPtrArray **tiles =
        g_new0(GPtrArray *, (gsize)plan->flow_count + 1);
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->kind == FLOW_FILL && !flow->is_cut_through &&
            !plan->rules[f].is_outer && !oracle_overlaps(plan, flow->tensor)) {
            tiles[f] = walk_fetched_tiles(&oracle, &plan->flows[f]);
        }
    }
    while (walk_next(walk, &event)) {
        moment += event.kind == WALK_SLOT;
        if (event.kind == WALK_MOVE && tiles[event.move.flow] != NULL) {
            walk_check_fetch(
                &oracle, values, &plan->flows[event.move.flow],
                tiles[event.move.flow]->pdata[moved[event.move.flow]++]);
        }
        if (event.kind == WALK_COMPUTE) {
            walk_run_step(&oracle, values, &event, moment);
        }
    }
    for (int f = 0; f < plan->flow_count; f++) {
        if (tiles[f] != NULL) {
            g_ptr_array_unref(tiles[f]);
        }
    }
    walk_values_free(plan, values);
    oracle_clear(&oracle);
}

static inline void walk_check_all(const struct plan *plan)
{
    walk_check_counts(plan);
    walk_check_children(plan);
    walk_check_tiles(plan);
    walk_check_data(plan);
}

#endif
