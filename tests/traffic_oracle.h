/* What a mapping moves, by brute force: the tile steps of the walked schedule
 * are taken apart into the elements each of them reads and writes, and every
 * hold and every lane is followed element by element. No rule of mapping/flows.c
 * is used; what a hold, a stream, a lane does is taken from mapping/mapping.h:
 *
 *   hold    fetches the elements that are read below it and not computed there,
 *           whenever they are others than before, but for what stays of windows
 *           that overlap (tests/window_oracle.h); passes results
 *           outwards before others take their place; fetches partial results
 *           back when it works on them again
 *   stream  fetches what a step needs anew for every step
 *   lanes   all at one point of their time loops ask for the elements of their
 *           points at once; one element goes to all lanes of an axis that
 *           multicasts; nothing is asked for again while the set stays the same
 *
 * Only for small shapes: every point is visited. Include after cmocka.h. */
#ifndef WEIR_TESTS_TRAFFIC_ORACLE_H
#define WEIR_TESTS_TRAFFIC_ORACLE_H

#include "tests/lane_oracle.h"
#include "tests/window_oracle.h"

/* ---- holds -------------------------------------------------------------- */

struct oracle_moves {
    int64_t fill_events;
    int64_t fill_elements;
    int64_t refill_elements;
    int64_t drain_events;
    int64_t drain_elements;
};

/* The elements of each visit to a hold: read and not computed there; written. */
struct oracle_visits {
    int64_t count;
    struct element_set **needed;
    struct element_set **written;
};

static inline void oracle_visits_add(struct element_set **sets,
                                     const struct oracle *oracle, int64_t visit,
                                     const struct oracle_step *step,
                                     const struct einsum_access *access)
{
    if (sets[visit] == NULL) {
        sets[visit] = element_set_new(oracle->plan, access->tensor);
    }
    oracle_add_box(oracle, step, access, sets[visit]);
}

static inline void oracle_visits_record(const struct oracle *oracle, int hold,
                                        int tensor, struct oracle_visits *v)
{
    v->count = oracle_visit_count(oracle->plan, hold);
    v->needed = g_new0(struct element_set *, (gsize)v->count);
    v->written = g_new0(struct element_set *, (gsize)v->count);
    for (guint i = 0; i < oracle->steps->len; i++) {
        const struct oracle_step *step =
            &g_array_index(oracle->steps, struct oracle_step, i);
        if (!oracle_is_below(oracle->plan,
                             oracle->plan->leaves[step->leaf].node, hold)) {
            continue;
        }
        const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
        int64_t visit = oracle_visit(oracle, hold, step);
        if (s->output.tensor == tensor) {
            oracle_visits_add(v->written, oracle, visit, step, &s->output);
        }
        for (int r = 0; r < s->read_count; r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            if (read->tensor == tensor &&
                !oracle_is_forwarded(oracle, step->leaf, read)) {
                oracle_visits_add(v->needed, oracle, visit, step, read);
            }
        }
    }
    for (int64_t i = 0; i < v->count; i++) {
        if (v->needed[i] != NULL && v->written[i] != NULL) {
            element_set_remove(v->needed[i], v->written[i]);
        }
    }
}

static inline void oracle_visits_clear(struct oracle_visits *v)
{
    for (int64_t i = 0; i < v->count; i++) {
        element_set_free(v->needed[i]);
        element_set_free(v->written[i]);
    }
    g_free(v->needed);
    g_free(v->written);
}

/* A recurrence that runs from its first slice to its last inside one visit
 * starts from its constant there: nothing is fetched for it. */
static inline bool oracle_starts_inside(const struct oracle *oracle, int tensor,
                                        const struct element_set *written)
{
    const struct einsum_tensor *t = &oracle->plan->workload->tensors[tensor];
    if (t->iterative_dim < 0 || written == NULL) {
        return false;
    }
    int64_t inner = 1;
    for (int d = t->iterative_dim + 1; d < t->dim_count; d++) {
        inner *= t->extent[d];
    }
    int64_t slices = t->extent[t->iterative_dim];
    g_autofree bool *has = g_new0(bool, (gsize)slices);
    int64_t found = 0;
    for (int64_t i = 0; i < written->size; i++) {
        int64_t slice = i / inner % slices;
        if (written->has[i] != 0 && !has[slice]) {
            has[slice] = true;
            found++;
        }
    }
    return found == slices - 1;
}

static inline struct oracle_moves oracle_count_hold(const struct oracle *oracle,
                                                    int hold, int tensor)
{
    const struct plan *plan = oracle->plan;
    struct oracle_moves moves = {0};
    struct oracle_visits v;
    oracle_visits_record(oracle, hold, tensor, &v);
    struct element_set *ever = element_set_new(plan, tensor);
    const struct element_set *inside = NULL; /* fetched and still there */
    const struct element_set *open = NULL;   /* being computed */
    struct window_state window = {.has_stride = false};
    for (int64_t i = 0; i < v.count; i++) {
        const struct element_set *needed = v.needed[i];
        if (needed != NULL && needed->count > 0 &&
            !oracle_starts_inside(oracle, tensor, v.written[i])) {
            if (!element_set_equal(needed, inside)) {
                struct element_set *fresh =
                    window_fetch(plan, hold, tensor, inside, needed, &window);
                moves.fill_events += fresh->count > 0;
                moves.fill_elements += fresh->count;
                element_set_free(fresh);
            }
            inside = needed;
        }
        const struct element_set *written = v.written[i];
        if (written != NULL && !element_set_equal(written, open)) {
            moves.drain_events++;
            moves.drain_elements += written->count;
            moves.refill_elements += element_set_common(written, ever);
            element_set_merge(ever, written);
            open = written;
        }
    }
    element_set_free(ever);
    oracle_visits_clear(&v);
    return moves;
}

/* ---- against the plan --------------------------------------------------- */

/* Totals of the plan's flows of one kind. `leaf` or `node` is -1: any. */
static inline int64_t oracle_planned(const struct plan *plan,
                                     enum flow_kind kind, int tensor, int leaf,
                                     int node, bool want_events)
{
    int64_t sum = 0;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->kind == kind && flow->tensor == tensor &&
            (leaf < 0 || flow->leaf == leaf) && flow->node == node) {
            sum += want_events ? flow->events : flow->total;
        }
    }
    return sum;
}

/* Do different points read the same element through one index (I[q+s])? The
 * plan fetches every tile whole, and every footprint anew, even if the next one
 * happens to be the same or overlaps it: it then moves at least what is counted
 * here. */
static inline bool oracle_overlaps(const struct plan *plan, int tensor)
{
    const struct workload *w = plan->workload;
    for (int i = 0; i < w->statement_count; i++) {
        for (int r = 0; r < w->statements[i].read_count; r++) {
            const struct einsum_access *read =
                &w->statements[i].resolved_reads[r];
            for (int d = 0; read->tensor == tensor && d < read->dim_count;
                 d++) {
                int64_t points = 1;
                for (int k = 0; k < w->rank_count; k++) {
                    points *= read->index[d].coefficient[k] != 0
                                  ? w->rank[k].extent
                                  : 1;
                }
                if (points > w->tensors[tensor].extent[d]) {
                    return true;
                }
            }
        }
    }
    return false;
}

static inline int64_t oracle_expect_exactly(const struct plan *plan,
                                            const char *what, int tensor,
                                            int line, int64_t planned,
                                            int64_t counted)
{
    if (planned != counted) {
        print_error("line %d, '%s', %s: planned %" G_GINT64_FORMAT
                    ", counted %" G_GINT64_FORMAT "\n",
                    line, plan->workload->tensors[tensor].name, what, planned,
                    counted);
    }
    assert_int_equal(planned, counted);
    return planned;
}

/* What is planned must be what is counted. Returns it. */
static inline int64_t oracle_expect(const struct plan *plan, const char *what,
                                    int tensor, int line, int64_t planned,
                                    int64_t counted)
{
    bool is_more = planned > counted && oracle_overlaps(plan, tensor);
    return is_more ? planned
                   : oracle_expect_exactly(plan, what, tensor, line, planned,
                                           counted);
}

/* Elements read from and written to each memory, all flows. */
struct oracle_memory {
    int64_t read;
    int64_t written;
};

static inline void oracle_check_lanes(const struct oracle *oracle, int leaf,
                                      struct oracle_memory *memories)
{
    const struct plan *plan = oracle->plan;
    const struct einsum_statement *s = oracle_statement(oracle, leaf);
    int node = plan->leaves[leaf].node;
    int line = plan->nodes[node].span.line;
    for (int r = 0; r < s->read_count; r++) {
        int tensor = s->resolved_reads[r].tensor;
        int64_t counted = 0;
        int hold = oracle_hold(plan, node, tensor, true);
        bool is_streamed = hold >= 0 && plan->nodes[hold].is_stream;
        if (is_streamed) {
            /* A stream in the very memory it comes from is that memory. */
            int keeper = oracle_hold(plan, hold, tensor, false);
            is_streamed =
                oracle_memory(plan, keeper) != plan->nodes[hold].memory;
            hold = is_streamed ? hold : keeper;
        }
        bool is_first = true;
        for (int k = 0; k < s->read_count; k++) {
            if (s->resolved_reads[k].tensor != tensor) {
                continue;
            }
            is_first &= k >= r;
            if (oracle_is_forwarded(oracle, leaf, &s->resolved_reads[k])) {
                continue;
            }
            counted += oracle_count_lanes(oracle, leaf, &s->resolved_reads[k])
                           .elements;
        }
        if (!is_first) {
            continue;
        }
        if (is_streamed) {
            counted = 0;
        }
        memories[oracle_memory(plan, hold)].read += oracle_expect(
            plan, "read by lanes", tensor, line,
            oracle_planned(plan, FLOW_READ, tensor, leaf, -1, false), counted);
    }
    struct oracle_lanes written = oracle_count_lanes(oracle, leaf, NULL);
    int tensor = s->output.tensor;
    (void)oracle_expect(
        plan, "written by lanes", tensor, line,
        oracle_planned(plan, FLOW_WRITE, tensor, leaf, -1, false),
        written.elements);
    (void)oracle_expect(
        plan, "partial results read back by lanes", tensor, line,
        oracle_planned(plan, FLOW_PARTIAL, tensor, leaf, -1, false),
        written.again);
    int keeper = oracle_memory(plan, oracle_hold(plan, node, tensor, false));
    memories[keeper].written += written.elements;
    memories[keeper].read += written.again;
}

/* What a stream fetches for the leaves that read from it directly. */
static inline int64_t oracle_count_stream(const struct oracle *oracle, int hold,
                                          int tensor)
{
    const struct plan *plan = oracle->plan;
    int64_t elements = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s = oracle_statement(oracle, l);
        if (oracle_hold(plan, plan->leaves[l].node, tensor, true) != hold) {
            continue;
        }
        for (int r = 0; r < s->read_count; r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            if (read->tensor == tensor &&
                !oracle_is_forwarded(oracle, l, read)) {
                elements += oracle_count_lanes(oracle, l, read).elements;
            }
        }
    }
    return elements;
}

static inline void oracle_check_hold(const struct oracle *oracle, int hold,
                                     int tensor, struct oracle_memory *memories)
{
    const struct plan *plan = oracle->plan;
    const struct plan_node *node = &plan->nodes[hold];
    const struct einsum_tensor *t = &plan->workload->tensors[tensor];
    int keeper = oracle_hold(plan, hold, tensor, false);
    int outer = oracle_memory(plan, keeper);
    bool is_filled = (keeper >= 0 || t->producer < 0) && outer != node->memory;
    bool is_drained = (keeper >= 0 || t->kind == TENSOR_OUTPUT) &&
                      outer != node->memory && !node->is_stream;
    struct oracle_moves moves = {0};
    if (node->is_stream) {
        moves.fill_elements = oracle_count_stream(oracle, hold, tensor);
    } else {
        moves = oracle_count_hold(oracle, hold, tensor);
    }
    int64_t fill = is_filled ? moves.fill_elements : 0;
    int64_t drain = is_drained ? moves.drain_elements : 0;
    int64_t refill = is_drained ? moves.refill_elements : 0;
    int line = node->span.line;
    fill = (node->is_stream ? oracle_expect : oracle_expect_exactly)(
        plan, "filled", tensor, line,
        oracle_planned(plan, FLOW_FILL, tensor, -1, hold, false), fill);
    (void)oracle_expect(
        plan, "drained", tensor, line,
        oracle_planned(plan, FLOW_DRAIN, tensor, -1, hold, false), drain);
    (void)oracle_expect(
        plan, "refilled", tensor, line,
        oracle_planned(plan, FLOW_REFILL, tensor, -1, hold, false), refill);
    if (!node->is_stream) {
        (void)oracle_expect(
            plan, "fills", tensor, line,
            oracle_planned(plan, FLOW_FILL, tensor, -1, hold, true),
            is_filled ? moves.fill_events : 0);
        (void)oracle_expect(
            plan, "drains", tensor, line,
            oracle_planned(plan, FLOW_DRAIN, tensor, -1, hold, true),
            is_drained ? moves.drain_events : 0);
    }
    memories[outer].read += fill + refill;
    memories[outer].written += drain;
    if (!node->is_stream) {
        memories[node->memory].written += fill + refill;
        memories[node->memory].read += drain;
    }
}

/* All flows of the plan against the count. `memories` (by memory id, zeroed by
 * the caller) become the elements that pass each memory's port; spilling left
 * out. */
static inline void oracle_check_plan(const struct plan *plan,
                                     struct oracle_memory *memories)
{
    struct oracle oracle;
    oracle_init(&oracle, plan);
    oracle_check_coverage(&oracle);
    for (int l = 0; l < plan->leaf_count; l++) {
        oracle_check_lanes(&oracle, l, memories);
    }
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        for (int i = 0; node->kind == PLAN_HOLD && i < node->held_count; i++) {
            oracle_check_hold(&oracle, n, node->held[i], memories);
        }
    }
    oracle_clear(&oracle);
}

#endif
