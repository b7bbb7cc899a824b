/* What a tile step waits for: the streams on its path, and results of
 * reductions across lanes that take time to arrive. */
#include "sim/timing_build.h"

static const struct einsum_statement *statement_of(const struct plan *plan,
                                                   int leaf)
{
    return &plan->workload->statements[plan->leaves[leaf].statement];
}

static bool reads_tensor(const struct plan *plan, int leaf, int tensor)
{
    const struct einsum_statement *s = statement_of(plan, leaf);
    for (int i = 0; i < s->read_count; i++) {
        if (s->resolved_reads[i].tensor == tensor) {
            return true;
        }
    }
    return false;
}

bool timing_uses_tensor(const struct plan *plan, int leaf, int tensor)
{
    return statement_of(plan, leaf)->output.tensor == tensor ||
           reads_tensor(plan, leaf, tensor);
}

/* ---- streams ------------------------------------------------------------- */

static int find_reader(const struct child *child, int stream)
{
    for (guint r = 0; r < child->readers->len; r++) {
        if (g_array_index(child->readers, struct reader, r).stream == stream) {
            return (int)r;
        }
    }
    return -1;
}

static int reader_of(struct child *child, int stream)
{
    int known = find_reader(child, stream);
    if (known >= 0) {
        return known;
    }
    struct reader reader = {.stream = stream, .tile = -1};
    g_array_append_val(child->readers, reader);
    return (int)child->readers->len - 1;
}

static void connect_streams(struct phase *phase, int leaf_id)
{
    struct leaf_timing *leaf = &phase->leaves[leaf_id];
    for (int i = 0; i < (int)phase->streams->len; i++) {
        const struct stream *stream = phase_stream(phase, i);
        const struct plan_flow *flow = &phase->plan->flows[stream->flow];
        if (flow->node < 0 ||
            !plan_is_above(phase->plan, flow->node,
                           phase->plan->leaves[leaf_id].node) ||
            !(flow->kind == FLOW_FILL
                  ? reads_tensor(phase->plan, leaf_id, flow->tensor)
                  : timing_uses_tensor(phase->plan, leaf_id, flow->tensor))) {
            continue;
        }
        if (stream->is_outer) {
            int reader = reader_of(&phase->children[leaf->child], i);
            g_array_append_val(leaf->readers, reader);
        } else {
            g_array_append_val(leaf->streams, i);
        }
    }
}

/* Does `source` bring the tiles that the fill `flow` takes its data from? */
static bool is_source(const struct phase *phase, const struct stream *source,
                      const struct plan_flow *flow)
{
    const struct plan_flow *from = &phase->plan->flows[source->flow];
    return from->kind == FLOW_FILL && !from->is_cut_through &&
           from->tensor == flow->tensor && from->memory == flow->outer &&
           from->node < flow->node &&
           plan_is_above(phase->plan, from->node, flow->node);
}

static void connect_source(struct phase *phase, struct stream *stream)
{
    const struct plan_flow *flow = &phase->plan->flows[stream->flow];
    for (int i = (int)phase->streams->len;
         flow->kind == FLOW_FILL && i-- > 0;) {
        const struct stream *source = phase_stream(phase, i);
        if (source == stream || !is_source(phase, source, flow)) {
            continue;
        }
        if (source->channel == stream->channel) {
            stream->source = i;
            return;
        }
        int reader = find_reader(&phase->children[stream->channel - 1], i);
        if (reader >= 0 && source->tile_iterations > 0) {
            stream->source = i;
            stream->source_reader = reader;
            return;
        }
    }
}

void timing_connect_sources(struct phase *phase)
{
    for (int i = 0; i < (int)phase->streams->len; i++) {
        connect_source(phase, phase_stream(phase, i));
    }
}

/* ---- reductions ---------------------------------------------------------- */

/* Iterations between two advances of `rank`: of the innermost of the phase's
 * loops over it; 0 if none of them advances it. */
static int64_t advance_iterations(const struct phase *phase, int rank)
{
    for (int l = phase->loop_count; l-- > 0;) {
        const struct loop *loop = &phase->loops[l];
        if (phase->plan->nodes[loop->node].rank == rank && loop->trips > 1) {
            return loop->inside;
        }
    }
    return 0;
}

/* Is what `leaf` computes later in the last lanes of its unit, for a reader on
 * another? Where tile steps do not overlap all lanes are done when it ends. */
static bool is_skewed(const struct phase *phase, int leaf, int reader)
{
    const struct plan_leaf *leaves = phase->plan->leaves;
    return phase->leaves[leaf].arrived_ticks != NULL &&
           leaves[leaf].unit != leaves[reader].unit &&
           phase->plan->arch->units[leaves[leaf].unit].overlaps_steps;
}

static void await_producer(struct phase *phase, int leaf_id,
                           const struct einsum_access *read)
{
    const struct plan *plan = phase->plan;
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    for (int x = 0; x < plan->leaf_count; x++) {
        const struct einsum_access *output = &statement_of(plan, x)->output;
        bool is_forwarded =
            leaf->forward_from >= 0 && x >= leaf->forward_from && x < leaf_id;
        if (!phase->leaves[x].is_here || is_forwarded ||
            (plan->leaves[x].reduce_latency_cycles == 0 &&
             plan->leaves[x].op_latency_cycles == 0 &&
             !is_skewed(phase, x, leaf_id)) ||
            output->tensor != read->tensor) {
            continue;
        }
        struct awaited awaited = {.leaf = x,
                                  .is_skewed = is_skewed(phase, x, leaf_id)};
        if (plan_reads_previous(plan, read)) {
            awaited.lag_iterations = advance_iterations(
                phase, plan->workload->tensors[read->tensor].iterative_rank);
        }
        if (awaited.lag_iterations <= AWAITED_MAX_LAG) {
            g_array_append_val(phase->leaves[leaf_id].awaited, awaited);
            phase->max_lag = MAX(phase->max_lag, (int)awaited.lag_iterations);
        }
    }
}

void timing_connect_leaf(struct phase *phase, int leaf)
{
    connect_streams(phase, leaf);
    const struct einsum_statement *s = statement_of(phase->plan, leaf);
    for (int i = 0; i < s->read_count; i++) {
        await_producer(phase, leaf, &s->resolved_reads[i]);
    }
}
