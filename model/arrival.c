/* The way in and the way out, as bounds from below: a channel issues the fills of
 * a child (or of the holds above the pipeline) one after another, and ports serve
 * what a channel asks for in that order. So what a tile step needs has arrived no
 * earlier than
 *
 *   any of it           all that its channel asked for before it has passed the
 *                       ports that it passes, then its latencies
 *   what is passed on   after what it is taken from has arrived, its own time and
 *                       latencies
 *   all of it           all that was asked for has passed each port
 *
 * Links of networks, whose bandwidth is a matter of the whole run, are left out;
 * their hops are not. Times are rounded down. */
#include <string.h>

#include "model/arrival.h"

/* Bytes that pass the ports of every memory, of one instance. */
struct load {
    int64_t *read;
    int64_t *written;
};

struct fill {
    struct walk_move move;
    int64_t latency_cycles;
    int64_t arrival_cycles;
};

struct builder {
    const struct plan *plan;
    int phase;
    struct arrivals *arrivals;
    GArray *outer; /* struct fill: of holds above the pipeline, first tiles */
};

/* ---- time on ports --------------------------------------------------------- */

static struct load load_new(const struct plan *plan)
{
    gsize count = (gsize)plan->arch->memory_count;
    return (struct load){g_new0(int64_t, count), g_new0(int64_t, count)};
}

static void load_clear(struct load *load)
{
    g_free(load->read);
    g_free(load->written);
}

static int64_t pass_cycles(const struct arch *arch, int64_t bytes,
                           int64_t bytes_per_s)
{
    int64_t cycles = 0;
    return bytes_per_s != NUM_UNLIMITED &&
                   num_mul_div_floor(bytes, arch->clock_hz, bytes_per_s,
                                     &cycles)
               ? cycles
               : 0;
}

static int64_t memory_cycles(const struct plan *plan, int memory, int64_t read,
                             int64_t written)
{
    const struct arch_memory *m = &plan->arch->memories[memory];
    int64_t cycles =
        pass_cycles(plan->arch, read + written, m->bandwidth_bytes_per_s);
    cycles = MAX(cycles,
                 pass_cycles(plan->arch, read, m->read_bandwidth_bytes_per_s));
    return MAX(cycles, pass_cycles(plan->arch, written,
                                   m->write_bandwidth_bytes_per_s));
}

/* Bytes of `elements` at one instance of the memory. */
static int64_t instance_bytes(const struct plan *plan, int flow, int memory,
                              int64_t elements)
{
    int64_t bits = 0;
    if (!plan_count_bits(plan, flow, memory, elements, &bits)) {
        return 0; /* the whole run is refused */
    }
    return num_ceil_div(num_ceil_div(bits, 8),
                        plan->memories[memory].instances_used);
}

/* What one event adds; what spills is left out. */
static void add_event(const struct plan *plan, const struct walk_move *move,
                      struct load *load)
{
    const struct plan_flow *flow = &plan->flows[move->flow];
    bool is_out = flow->kind == FLOW_DRAIN || flow->kind == FLOW_WRITE;
    int outside = flow->node < 0 ? flow->memory : flow->outer;
    bool is_whole = !flow->spills && !flow->outer_spills;
    if (is_whole) {
        int64_t *sum = is_out ? load->written : load->read;
        sum[outside] +=
            instance_bytes(plan, move->flow, outside, move->outside);
    }
    if (is_whole && flow->node >= 0 && !flow->is_cut_through) {
        int64_t *sum = is_out ? load->read : load->written;
        sum[flow->memory] +=
            instance_bytes(plan, move->flow, flow->memory, move->inside);
    }
}

/* Of the memories that the flow passes. */
static int64_t load_cycles_of(const struct plan *plan,
                              const struct plan_flow *flow,
                              const struct load *load)
{
    int outside = flow->node < 0 ? flow->memory : flow->outer;
    int64_t cycles = memory_cycles(plan, outside, load->read[outside],
                                   load->written[outside]);
    if (flow->node >= 0 && !flow->is_cut_through) {
        cycles = MAX(cycles,
                     memory_cycles(plan, flow->memory, load->read[flow->memory],
                                   load->written[flow->memory]));
    }
    return cycles;
}

static int64_t load_cycles(const struct plan *plan, const struct load *load)
{
    int64_t cycles = 0;
    for (int m = 0; m < plan->arch->memory_count; m++) {
        cycles = MAX(cycles,
                     memory_cycles(plan, m, load->read[m], load->written[m]));
    }
    return cycles;
}

static int64_t event_cycles(const struct plan *plan,
                            const struct walk_move *move)
{
    struct load load = load_new(plan);
    add_event(plan, move, &load);
    int64_t cycles = load_cycles_of(plan, &plan->flows[move->flow], &load);
    load_clear(&load);
    return cycles;
}

/* ---- the way in ------------------------------------------------------------ */

static bool takes_from(const struct plan *plan, const struct plan_flow *flow,
                       const struct plan_flow *source)
{
    return source->kind == FLOW_FILL && !source->is_cut_through &&
           source->tensor == flow->tensor && source->memory == flow->outer &&
           plan_is_above(plan, source->node, flow->node);
}

/* Appends the next fill of a channel, whose load so far is `load`. */
static enum status add_fill(const struct builder *b,
                            const struct walk_move *move, GArray *fills,
                            struct load *load)
{
    const struct plan *plan = b->plan;
    const struct plan_flow *flow = &plan->flows[move->flow];
    struct model_latency latency;
    TRY(model_count_latency(plan, move->flow, &latency));
    int64_t way = latency.memory_cycles + latency.hop_cycles;
    add_event(plan, move, load);
    struct fill fill = {*move, way, load_cycles_of(plan, flow, load) + way};
    /* Within a channel a fill waits for what it is taken from. */
    for (guint i = 0; i < fills->len; i++) {
        const struct fill *source = &g_array_index(fills, struct fill, i);
        if (takes_from(plan, flow, &plan->flows[source->move.flow])) {
            fill.arrival_cycles =
                MAX(fill.arrival_cycles,
                    source->arrival_cycles + way + event_cycles(plan, move));
        }
    }
    g_array_append_val(fills, fill);
    return OK;
}

static bool reads_tensor(const struct plan *plan, int leaf, int tensor)
{
    const struct einsum_statement *s =
        &plan->workload->statements[plan->leaves[leaf].statement];
    for (int i = 0; i < s->read_count; i++) {
        if (s->resolved_reads[i].tensor == tensor) {
            return true;
        }
    }
    return false;
}

static bool is_needed(const struct plan *plan, const struct fill *fill,
                      int leaf)
{
    const struct plan_flow *flow = &plan->flows[fill->move.flow];
    return flow->node < 0 ||
           (plan_is_above(plan, flow->node, plan->leaves[leaf].node) &&
            reads_tensor(plan, leaf, flow->tensor));
}

/* The latest arrival of what the leaf needs of the channel; -1: nothing. */
static int64_t last_arrival(const struct plan *plan, const GArray *fills,
                            int leaf)
{
    int64_t last = -1;
    for (guint i = 0; i < fills->len; i++) {
        const struct fill *fill = &g_array_index(fills, struct fill, i);
        if (is_needed(plan, fill, leaf)) {
            last = MAX(last, fill->arrival_cycles);
        }
    }
    return last;
}

/* Those of iteration 0, up to the delay of a child: the channel of holds above the
 * pipeline asks for them step by step. */
static enum status collect_outer(struct builder *b, int delay)
{
    const struct plan *plan = b->plan;
    g_autofree struct walk_move *moves =
        g_new0(struct walk_move, (gsize)plan->flow_count + 1);
    struct load load = load_new(plan);
    enum status status = OK;
    g_array_set_size(b->outer, 0);
    for (int64_t step = 0; step <= delay && status == OK; step++) {
        int count =
            walk_outer_fills(plan, b->phase, step, moves, plan->flow_count);
        for (int i = 0; i < count && status == OK; i++) {
            int first = 0;
            int last = 0;
            walk_use_delays(plan, moves[i].flow, &first, &last);
            if (step == first && plan->flows[moves[i].flow].kind == FLOW_FILL) {
                status = add_fill(b, &moves[i], b->outer, &load);
            }
        }
    }
    load_clear(&load);
    return status;
}

/* Operands that the tile step fetches from the outermost memory itself. */
static enum status add_direct(const struct builder *b,
                              const struct walk_event *event, GArray *fills,
                              struct load *load)
{
    const struct plan *plan = b->plan;
    const struct plan_leaf *leaf = &plan->leaves[event->leaf];
    for (int i = 0; i < leaf->flow_count; i++) {
        int f = leaf->first_flow + i;
        const struct plan_flow *flow = &plan->flows[f];
        int64_t elements =
            event->cost == NULL ? flow->elements : event->cost->elements[i];
        if (flow->kind == FLOW_READ && flow->memory == 0) {
            struct walk_move move = {f, elements, elements};
            TRY(add_fill(b, &move, fills, load));
        }
    }
    return OK;
}

/* All that the leaf needs of both channels has passed each port; what was last
 * takes its latency. */
struct joint {
    struct load load;
    int64_t least_latency_cycles;
};

static void add_needed(const struct plan *plan, const GArray *fills, int leaf,
                       struct joint *joint)
{
    for (guint i = 0; i < fills->len; i++) {
        const struct fill *fill = &g_array_index(fills, struct fill, i);
        if (is_needed(plan, fill, leaf)) {
            add_event(plan, &fill->move, &joint->load);
            joint->least_latency_cycles =
                MIN(joint->least_latency_cycles, fill->latency_cycles);
        }
    }
}

static int64_t joint_arrival(const struct builder *b, const GArray *inner,
                             int leaf)
{
    struct joint joint = {load_new(b->plan), INT64_MAX};
    add_needed(b->plan, b->outer, leaf, &joint);
    add_needed(b->plan, inner, leaf, &joint);
    int64_t cycles = load_cycles(b->plan, &joint.load);
    load_clear(&joint.load);
    return joint.least_latency_cycles == INT64_MAX
               ? 0
               : cycles + joint.least_latency_cycles;
}

/* Until the first tile step of the child's first iteration may start; 0 if it has
 * none. */
static enum status find_ready(struct builder *b, int child)
{
    const struct plan *plan = b->plan;
    struct walk_event event;
    memset(&event, 0, sizeof event);
    struct load load = load_new(plan);
    g_autoptr(GArray) inner = g_array_new(FALSE, FALSE, sizeof(struct fill));
    AUTO(walk_child) walk = walk_child_new(plan, b->phase, child, false);
    enum status status =
        collect_outer(b, plan->phases[b->phase].children[child].delay);
    walk_child_start(walk, 0);
    while (status == OK && walk_child_next(walk, &event)) {
        if (event.kind == WALK_COMPUTE) {
            status = add_direct(b, &event, inner, &load);
            int64_t ready = MAX(last_arrival(plan, b->outer, event.leaf),
                                last_arrival(plan, inner, event.leaf));
            ready = MAX(ready, joint_arrival(b, inner, event.leaf));
            b->arrivals->ready_cycles[child] = MAX(ready, 0);
            break;
        }
        if (plan->flows[event.move.flow].kind == FLOW_FILL) {
            status = add_fill(b, &event.move, inner, &load);
        }
    }
    load_clear(&load);
    return status;
}

/* ---- the way out ------------------------------------------------------------- */

struct leaving {
    const struct plan *plan;
    struct load load;
    int64_t longest_cycles; /* of a single move */
};

static enum status add_leaving(struct leaving *leaving,
                               const struct walk_move *move)
{
    struct model_latency latency;
    TRY(model_count_latency(leaving->plan, move->flow, &latency));
    add_event(leaving->plan, move, &leaving->load);
    leaving->longest_cycles =
        MAX(leaving->longest_cycles,
            event_cycles(leaving->plan, move) + latency.hop_cycles);
    return OK;
}

static int last_leaf(const struct plan *plan, int phase, int child)
{
    int last = -1;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        last = leaf->phase == phase && leaf->child == child ? l : last;
    }
    return last;
}

/* Of a regular plan: what its last leaf writes in a step, and what holds inside
 * the child pass on of its results at the end. */
static enum status add_last_results(const struct builder *b, int child,
                                    int leaf, struct leaving *leaving)
{
    const struct plan *plan = b->plan;
    int top = plan->phases[b->phase].children[child].node;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        bool is_inside =
            flow->node >= 0 && plan_is_above(plan, top, flow->node);
        bool leaves = flow->leaf == leaf && flow->total > 0 &&
                      (flow->kind == FLOW_WRITE ||
                       (flow->kind == FLOW_DRAIN && is_inside));
        if (leaves) {
            struct walk_move move = {f, flow->elements, flow->elements};
            TRY(add_leaving(leaving, &move));
        }
    }
    return OK;
}

/* Reductions, pipelines of operations, and lanes that began later. */
static enum status add_last_latency(const struct arch_unit *unit,
                                    const struct plan_leaf *leaf,
                                    int64_t *cycles)
{
    int64_t skew = 0;
    int64_t behind = 0;
    TRY(arch_count_skew_cycles(unit, &skew));
    skew = unit->overlaps_steps ? skew : 0; /* else part of every step */
    if (!num_add(leaf->reduce_latency_cycles, leaf->op_latency_cycles,
                 &behind)) {
        return ERR_LIMIT;
    }
    *cycles = MAX(*cycles, MAX(behind, skew));
    return OK;
}

static enum status find_tail(struct builder *b, int child)
{
    const struct plan *plan = b->plan;
    const struct plan_phase *phase = &plan->phases[b->phase];
    int leaf = last_leaf(plan, b->phase, child);
    struct leaving leaving = {plan, load_new(plan), 0};
    g_autofree struct walk_move *moves =
        g_new0(struct walk_move, (gsize)plan->flow_count + 1);
    int count =
        walk_outer_drains(plan, b->phase, child, phase->iteration_count - 1,
                          moves, plan->flow_count);
    enum status status = OK;
    for (int i = 0; i < count && status == OK; i++) {
        status = add_leaving(&leaving, &moves[i]);
    }
    if (status == OK && plan->is_regular) {
        status = add_last_results(b, child, leaf, &leaving);
    }
    int64_t cycles =
        MAX(leaving.longest_cycles, load_cycles(plan, &leaving.load));
    if (status == OK && plan->is_regular) {
        status = add_last_latency(&plan->arch->units[plan->leaves[leaf].unit],
                                  &plan->leaves[leaf], &cycles);
    }
    b->arrivals->tail_cycles[child] = cycles;
    load_clear(&leaving.load);
    return status;
}

/* ---- both -------------------------------------------------------------------- */

void arrivals_free(struct arrivals *arrivals)
{
    if (arrivals != NULL) {
        g_free(arrivals->ready_cycles);
        g_free(arrivals->tail_cycles);
        g_free(arrivals);
    }
}

enum status arrivals_new(const struct plan *plan, int phase,
                         struct arrivals **result)
{
    AUTO(arrivals) arrivals = g_new0(struct arrivals, 1);
    int count = plan->phases[phase].child_count;
    arrivals->ready_cycles = g_new0(int64_t, (gsize)count + 1);
    arrivals->tail_cycles = g_new0(int64_t, (gsize)count + 1);
    struct builder b = {
        .plan = plan,
        .phase = phase,
        .arrivals = arrivals,
        .outer = g_array_new(FALSE, FALSE, sizeof(struct fill)),
    };
    enum status status = OK;
    for (int c = 0; c < count && status == OK; c++) {
        status = find_ready(&b, c);
        if (status == OK) {
            status = find_tail(&b, c);
        }
    }
    g_array_unref(b.outer);
    TRY(status);
    *result = g_steal_pointer(&arrivals);
    return OK;
}
