/* Builds the timing of one phase: loops, children, who queues for which unit in
 * which slot, then the leaves' and holds' flows. */
#include "sim/timing_build.h"

/* ---- loops --------------------------------------------------------------- */

static void build_loops(struct phase *phase)
{
    const struct plan_phase *planned = phase->planned;
    phase->loop_count = planned->loop_count;
    phase->loops = g_new0(struct loop, (gsize)planned->loop_count + 1);
    int64_t inside = 1;
    for (int l = planned->loop_count; l-- > 0;) {
        struct loop *loop = &phase->loops[l];
        loop->node = planned->loops[l];
        loop->trips = phase->plan->nodes[loop->node].trips;
        loop->inside = inside;
        inside *= loop->trips; /* within iteration_count, which was checked */
    }
    phase->iteration_count = planned->iteration_count;
}

bool phase_is_last(const struct loop *loop, int64_t iteration)
{
    return iteration / loop->inside % loop->trips == loop->trips - 1;
}

int64_t phase_next_fill_step(const struct phase *phase, int64_t step,
                             bool is_timed)
{
    int64_t next = INT64_MAX;
    for (guint i = 0; i < phase->outer_flows->len; i++) {
        const struct outer_flow *f =
            &g_array_index(phase->outer_flows, struct outer_flow, i);
        if (is_timed && !f->is_timed) {
            continue;
        }
        int64_t from = MAX(step - f->first_delay, 0);
        int64_t iteration =
            num_ceil_div(from, f->tile_iterations) * f->tile_iterations;
        if (iteration < phase->iteration_count) {
            next = MIN(next, iteration + f->first_delay);
        }
    }
    return next;
}

/* ---- leaves and children ------------------------------------------------- */

static GArray *ints_new(void)
{
    return g_array_new(false, true, sizeof(int));
}

static bool has_int(const GArray *ints, int value)
{
    for (guint i = 0; i < ints->len; i++) {
        if (g_array_index(ints, int, i) == value) {
            return true;
        }
    }
    return false;
}

static void init_leaf(struct leaf_timing *leaf)
{
    leaf->last_loops = ints_new();
    leaf->readers = ints_new();
    leaf->streams = ints_new();
    leaf->direct = ints_new();
    leaf->writes = ints_new();
    leaf->credits = ints_new();
    leaf->awaited = g_array_new(false, true, sizeof(struct awaited));
}

static bool is_at(const struct plan_leaf *leaf, int node)
{
    for (int i = 0; i < leaf->at_count; i++) {
        if (leaf->at_node[i] == node) {
            return true;
        }
    }
    return false;
}

/* Tile steps of a leaf in one iteration in which its outer `at` loops are
 * last: the trips of the loops inside the child. */
static enum status count_per_iteration(struct phase *phase, int leaf_id)
{
    const struct plan *plan = phase->plan;
    const struct plan_leaf *planned = &plan->leaves[leaf_id];
    struct leaf_timing *leaf = &phase->leaves[leaf_id];
    int top = phase->planned->children[leaf->child].node;
    leaf->per_iteration = 1;
    for (int n = plan->nodes[planned->node].parent; n >= top;
         n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_LOOP && !is_at(planned, n) &&
            !num_mul(leaf->per_iteration, plan->nodes[n].trips,
                     &leaf->per_iteration)) {
            return ERR_LIMIT;
        }
    }
    for (int l = 0; l < phase->loop_count; l++) {
        if (is_at(planned, phase->loops[l].node)) {
            g_array_append_val(leaf->last_loops, l);
        }
    }
    return OK;
}

static enum status build_leaf(struct phase *phase, int leaf_id)
{
    const struct plan_leaf *planned = &phase->plan->leaves[leaf_id];
    struct leaf_timing *leaf = &phase->leaves[leaf_id];
    leaf->is_here = planned->phase == phase->index;
    if (!leaf->is_here) {
        return OK;
    }
    leaf->unit = planned->unit;
    leaf->child = planned->child;
    int64_t skew_cycles = 0;
    TRY(arch_count_skew_cycles(&phase->plan->arch->units[leaf->unit],
                               &skew_cycles));
    if (planned->reduce_latency_cycles > 0 || planned->op_latency_cycles > 0 ||
        skew_cycles > 0) {
        leaf->arrived_ticks = g_new0(int64_t, (gsize)phase->ring_count);
    }
    struct child *child = &phase->children[leaf->child];
    g_array_append_val(child->leaves, leaf_id);
    if (!has_int(child->units, leaf->unit)) {
        g_array_append_val(child->units, leaf->unit);
    }
    return count_per_iteration(phase, leaf_id);
}

static void init_children(struct phase *phase)
{
    const struct plan_phase *planned = phase->planned;
    phase->child_count = planned->child_count;
    phase->children = g_new0(struct child, (gsize)planned->child_count + 1);
    for (int c = 0; c < planned->child_count; c++) {
        struct child *child = &phase->children[c];
        child->index = c;
        child->slot = planned->children[c].slot;
        child->delay = planned->children[c].delay;
        child->walk = walk_child_new(phase->plan, phase->index, c, false);
        if (!phase->plan->is_regular) {
            child->survey = walk_child_new(phase->plan, phase->index, c, true);
        }
        child->units = ints_new();
        child->leaves = ints_new();
        child->readers = g_array_new(false, true, sizeof(struct reader));
        child->iteration = -1;
        child->next_leaf = -1;
    }
}

static void finish_children(struct phase *phase)
{
    const struct plan *plan = phase->plan;
    int unit_count = plan->arch->unit_count;
    phase->queue = g_new0(GArray *, (gsize)(phase->slot_count * unit_count));
    for (int i = 0; i < phase->slot_count * unit_count; i++) {
        phase->queue[i] = ints_new();
    }
    for (int c = 0; c < phase->child_count; c++) {
        struct child *child = &phase->children[c];
        for (guint u = 0; u < child->units->len; u++) {
            int unit = g_array_index(child->units, int, u);
            g_array_append_val(phase->queue[child->slot * unit_count + unit],
                               c);
        }
        if (child->units->len > 1) {
            child->left_on_unit = g_new0(int64_t, (gsize)unit_count);
        }
    }
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->kind == FLOW_DRAIN && phase->leaves[flow->leaf].is_here) {
            int child = phase->leaves[flow->leaf].child;
            phase->children[child].has_outer_drains |= !plan_is_above(
                plan, phase->planned->children[child].node, flow->node);
        }
    }
}

/* ---- the whole ----------------------------------------------------------- */

static enum status build_leaves(struct phase *phase)
{
    enum status status = OK;
    for (int l = 0; l < phase->plan->leaf_count && status == OK; l++) {
        status = build_leaf(phase, l);
    }
    return status;
}

static enum status connect_leaves(struct phase *phase)
{
    enum status status = OK;
    for (int l = 0; l < phase->plan->leaf_count && status == OK; l++) {
        if (phase->leaves[l].is_here) {
            status = timing_build_leaf_flows(phase, l);
            timing_connect_leaf(phase, l);
        }
    }
    return status;
}

static enum status build(struct phase *phase)
{
    TRY(build_leaves(phase));
    TRY(timing_build_holds(phase));
    TRY(connect_leaves(phase));
    timing_connect_sources(phase);
    finish_children(phase);
    return phase->streams->len > PHASE_MAX_STREAMS ? ERR_LIMIT : OK;
}

enum status phase_new(const struct plan *plan, int index, struct diags *diags,
                      struct phase **result)
{
    struct phase *phase = g_new0(struct phase, 1);
    phase->plan = plan;
    phase->planned = &plan->phases[index];
    phase->index = index;
    phase->max_delay = phase->planned->max_delay;
    phase->slot_count = phase->planned->slot_count;
    phase->ring_count = phase->max_delay + 2 + AWAITED_MAX_LAG;
    phase->leaves = g_new0(struct leaf_timing, (gsize)plan->leaf_count + 1);
    for (int l = 0; l < plan->leaf_count; l++) {
        init_leaf(&phase->leaves[l]);
    }
    phase->streams = g_array_new(false, true, sizeof(struct stream));
    phase->sinks = g_array_new(false, true, sizeof(struct sink));
    phase->outer_flows = g_array_new(false, true, sizeof(struct outer_flow));
    phase->stream_of_flow = g_new(int, (gsize)plan->flow_count + 1);
    phase->sink_of_flow = g_new(int, (gsize)plan->flow_count + 1);
    for (int f = 0; f < plan->flow_count; f++) {
        phase->stream_of_flow[f] = -1;
        phase->sink_of_flow[f] = -1;
    }
    phase->changed = g_new0(uint64_t, (gsize)phase->ring_count);
    build_loops(phase);
    init_children(phase);
    if (build(phase) != OK) {
        phase_free(phase);
        return diag_fail(diags, ERR_LIMIT, "sim-limit",
                         "phase '%s' is beyond what can be simulated",
                         plan->phases[index].name);
    }
    *result = phase;
    return OK;
}

static void clear_leaf(struct leaf_timing *leaf)
{
    g_array_unref(leaf->last_loops);
    g_array_unref(leaf->readers);
    g_array_unref(leaf->streams);
    g_array_unref(leaf->direct);
    g_array_unref(leaf->writes);
    g_array_unref(leaf->credits);
    g_array_unref(leaf->awaited);
    g_free(leaf->arrived_ticks);
}

static void clear_child(struct child *child)
{
    walk_child_free(child->walk);
    walk_child_free(child->survey);
    g_array_unref(child->units);
    g_array_unref(child->leaves);
    g_array_unref(child->readers);
    g_free(child->left_on_unit);
}

void phase_free(struct phase *phase)
{
    if (phase == NULL) {
        return;
    }
    for (int l = 0; l < phase->plan->leaf_count; l++) {
        clear_leaf(&phase->leaves[l]);
    }
    for (int c = 0; c < phase->child_count; c++) {
        clear_child(&phase->children[c]);
    }
    for (guint i = 0; i < phase->streams->len; i++) {
        g_free(phase_stream(phase, (int)i)->arrival);
    }
    int queue_count = phase->slot_count * phase->plan->arch->unit_count;
    for (int i = 0; phase->queue != NULL && i < queue_count; i++) {
        g_array_unref(phase->queue[i]);
    }
    g_array_unref(phase->streams);
    g_array_unref(phase->sinks);
    g_array_unref(phase->outer_flows);
    g_free(phase->queue);
    g_free(phase->stream_of_flow);
    g_free(phase->sink_of_flow);
    g_free(phase->changed);
    g_free(phase->leaves);
    g_free(phase->children);
    g_free(phase->loops);
    g_free(phase);
}
