/* The flows of a phase as transfers, streams and sinks.
 *
 * A transfer occupies, at every memory it touches, the ports of all bandwidths
 * that are finite; instances of a memory work side by side. Of what is
 * exchanged with a memory that spills, the spilled fraction goes to the memory
 * outside; of that memory's own fills and drains the same fraction does not
 * happen. Both shares of an event are rounded up. */
#include "sim/timing_build.h"

/* Splits the bytes of an event into the share that stays and the one that is
 * spilled, each rounded up. */
static enum status split_spilled(const struct plan *plan, int memory,
                                 int64_t bytes, int64_t *kept_bytes,
                                 int64_t *spilled_bytes)
{
    const struct plan_memory *m = &plan->memories[memory];
    *kept_bytes = bytes;
    *spilled_bytes = 0;
    if (m->spilled_bytes == 0 || plan->arch->memories[memory].parent < 0) {
        return OK;
    }
    int64_t whole_bytes = 0;
    if (!num_mul_div_ceil(bytes, m->spilled_bytes, m->footprint_bytes,
                          spilled_bytes) ||
        !num_mul_div_floor(bytes, m->spilled_bytes, m->footprint_bytes,
                           &whole_bytes)) {
        return ERR_LIMIT;
    }
    *kept_bytes = bytes - whole_bytes;
    return OK;
}

enum status timing_add_port(const struct arch *arch, int port, int64_t bytes,
                            struct transfer *transfer)
{
    if (port_bandwidth(arch, port) == NUM_UNLIMITED &&
        port_find_owner(arch, port).kind != PORT_DRAM) {
        return OK;
    }
    int i = 0;
    bool is_bank = port >= port_first_of_banks(arch);
    while (i < transfer->leg_count &&
           (is_bank || transfer->leg[i].port != port)) {
        i++;
    }
    if (i == TRANSFER_MAX_LEGS) {
        return ERR_LIMIT;
    }
    struct leg *leg = &transfer->leg[i];
    if (i == transfer->leg_count) {
        transfer->leg_count++;
        *leg = (struct leg){.port = port};
    }
    return num_add(leg->bytes, bytes, &leg->bytes) ? OK : ERR_LIMIT;
}

/* `bytes` are of the arch's words; a memory may keep others, or another format
 * (of which an event moves the average). */
static enum status add_leg(const struct plan *plan, int flow, int memory,
                           bool is_write, int64_t bytes,
                           struct transfer *transfer)
{
    if (bytes == 0) {
        return OK;
    }
    int64_t bits = 0;
    if (!plan_count_bits(plan, flow, memory, bytes, &bits)) {
        return ERR_LIMIT;
    }
    bytes = num_ceil_div(bits, 8 * plan->word_bytes);
    bytes = num_ceil_div(bytes, plan->memories[memory].instances_used);
    if (plan->arch->memories[memory].is_serial) {
        return timing_add_port(plan->arch,
                               port_of_serial(plan->arch, memory, is_write),
                               bytes, transfer);
    }
    TRY(timing_add_port(plan->arch, port_of(memory, PORT_ALL), bytes,
                        transfer));
    if (plan->arch->memories[memory].dram != NULL) {
        TRY(timing_add_port(plan->arch, port_of(memory, PORT_DRAM), bytes,
                            transfer));
    }
    enum port_kind kind = is_write ? PORT_WRITES : PORT_READS;
    TRY(timing_add_port(plan->arch, port_of(memory, kind), bytes, transfer));
    if (!plan->arch->memories[memory].is_banked_by_tensor) {
        return OK;
    }
    int bank = timing_find_bank(plan, memory, plan->flows[flow].tensor);
    TRY(timing_add_port(plan->arch,
                        port_of_bank(plan->arch, memory, PORT_ALL, bank), bytes,
                        transfer));
    return timing_add_port(plan->arch,
                           port_of_bank(plan->arch, memory, kind, bank), bytes,
                           transfer);
}

/* The share of `memory` goes to `near`, that of the memory outside to `far`;
 * both may be the same transfer. */
static enum status add_shared_leg(const struct plan *plan, int flow, int memory,
                                  bool is_write, bool spills, int64_t bytes,
                                  struct transfer *near, struct transfer *far)
{
    int64_t kept_bytes = bytes;
    int64_t spilled_bytes = 0;
    if (spills) {
        TRY(split_spilled(plan, memory, bytes, &kept_bytes, &spilled_bytes));
        TRY(add_leg(plan, flow, plan->arch->memories[memory].parent, is_write,
                    spilled_bytes, far));
    }
    return add_leg(plan, flow, memory, is_write,
                   plan->memories[memory].spills_through ? bytes : kept_bytes,
                   near);
}

/* What is read back in the whole run is spread evenly over the events, rounded
 * up. */
int64_t timing_count_elements(const struct plan *plan, int flow_id,
                              const struct walk_cost *cost)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    if (flow->kind == FLOW_PARTIAL) {
        return flow->events > 0 ? num_ceil_div(flow->total, flow->events) : 0;
    }
    return cost == NULL
               ? flow->elements
               : cost->elements[flow_id - plan->leaves[flow->leaf].first_flow];
}

/* Registers along an array: the tile is shifted in, however small it is. */
static void add_load(const struct plan *plan, const struct walk_move *move,
                     struct transfer *transfer)
{
    int memory = plan->flows[move->flow].memory;
    if (plan->arch->memories[memory].load_cycles == 0 || move->inside == 0) {
        return;
    }
    if (transfer->leg_count == TRANSFER_MAX_LEGS) {
        BUG("transfer with more than %d legs", TRANSFER_MAX_LEGS);
    }
    transfer->leg[transfer->leg_count++] =
        (struct leg){.port = port_of(memory, PORT_LOADS)};
}

enum status timing_size_move(const struct plan *plan,
                             const struct walk_move *move,
                             struct transfer *transfer)
{
    const struct plan_flow *flow = &plan->flows[move->flow];
    int64_t outside_bytes = 0;
    int64_t inside_bytes = 0;
    int64_t spilled_bytes = 0;
    transfer->leg_count = 0;
    if (!num_mul(move->outside, plan->word_bytes, &outside_bytes) ||
        !num_mul(move->inside, plan->word_bytes, &inside_bytes)) {
        return ERR_LIMIT;
    }
    if (flow->spills) {
        int64_t kept_bytes = 0;
        TRY(split_spilled(plan, flow->memory, outside_bytes, &outside_bytes,
                          &spilled_bytes));
        TRY(split_spilled(plan, flow->memory, inside_bytes, &kept_bytes,
                          &spilled_bytes));
        if (!plan->memories[flow->memory].spills_through) {
            inside_bytes = kept_bytes;
        }
    }
    bool is_drain = flow->kind == FLOW_DRAIN;
    if (!is_drain) {
        add_load(plan, move, transfer);
    }
    TRY(timing_add_links(plan, move->flow, move->outside, transfer));
    TRY(add_shared_leg(plan, move->flow, flow->outer, is_drain,
                       flow->outer_spills, outside_bytes, transfer, transfer));
    return flow->is_cut_through ? OK
                                : add_leg(plan, move->flow, flow->memory,
                                          !is_drain, inside_bytes, transfer);
}

enum status timing_size_access(const struct plan *plan, int flow_id,
                               int64_t elements, struct transfer *near,
                               struct transfer *far)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    int64_t bytes = 0;
    if (!num_mul(elements, plan->word_bytes, &bytes)) {
        return ERR_LIMIT;
    }
    /* From the outermost memory operands are fetched ahead; memories on the
     * chip are read while the unit computes. Results go the same way. */
    bool is_write = flow->kind == FLOW_WRITE;
    struct transfer *own = flow->memory == 0 || is_write ? far : near;
    TRY(timing_add_links(plan, flow_id, elements, own));
    return add_shared_leg(plan, flow_id, flow->memory, is_write, flow->spills,
                          bytes, own, far);
}

/* As planned. An irregular plan's events move other amounts; of those only the
 * ports matter here. */
static enum status size_planned(const struct plan *plan, int flow,
                                struct transfer *transfer)
{
    int64_t elements = plan->flows[flow].elements;
    elements = plan->is_regular ? elements : MAX(elements, 1);
    struct walk_move move = {flow, elements, elements};
    TRY(timing_add_latency(plan, flow, transfer));
    return timing_size_move(plan, &move, transfer);
}

static int add_stream(struct phase *phase, struct stream stream)
{
    if (stream.copies > STREAM_MAX_COPIES) {
        stream.copies = STREAM_MAX_COPIES;
    }
    stream.source = -1;
    stream.arrival = g_new0(struct pending, (gsize)stream.copies);
    g_array_append_val(phase->streams, stream);
    phase->stream_of_flow[stream.flow] = (int)phase->streams->len - 1;
    return (int)phase->streams->len - 1;
}

static int add_sink(struct phase *phase, int flow,
                    const struct transfer *transfer)
{
    struct sink sink = {.flow = flow, .transfer = *transfer};
    g_array_append_val(phase->sinks, sink);
    phase->sink_of_flow[flow] = (int)phase->sinks->len - 1;
    return (int)phase->sinks->len - 1;
}

/* Some tile of the flow is used by a leaf that does not run in every iteration:
 * the tile then changes more irregularly than every so many iterations. */
static bool is_irregular(const struct plan *plan, const struct plan_flow *flow)
{
    for (int l = 0; l < plan->leaf_count; l++) {
        if (plan->leaves[l].at_count > 0 &&
            plan_is_above(plan, flow->node, plan->leaves[l].node) &&
            timing_uses_tensor(plan, l, flow->tensor)) {
            return true;
        }
    }
    return false;
}

/* A fill of a hold above the pipeline. Its copies are at least what lock-step
 * needs: a tile of iteration i is needed from step i+first to i+last. */
static enum status add_outer_fill(struct phase *phase, int flow_id)
{
    const struct plan *plan = phase->plan;
    const struct plan_flow *flow = &plan->flows[flow_id];
    struct outer_flow outer = {.flow = flow_id};
    int last_delay = 0;
    walk_use_delays(plan, flow_id, &outer.first_delay, &last_delay);
    bool has_period = plan->is_regular && !is_irregular(plan, flow);
    outer.tile_iterations = has_period ? walk_tile_iterations(plan, flow_id)
                                       : walk_visit_iterations(plan, flow_id);
    struct stream stream = {
        .flow = flow_id,
        .channel = 0,
        .is_outer = true,
        .tile_iterations =
            has_period && flow->kind == FLOW_FILL ? outer.tile_iterations : 0,
        .first_delay = outer.first_delay,
        .last_delay = last_delay,
    };
    int64_t needed =
        1 + num_ceil_div(last_delay - outer.first_delay, outer.tile_iterations);
    stream.copies = MAX(plan->nodes[flow->node].copies, needed);
    TRY(size_planned(plan, flow_id, &stream.transfer));
    outer.is_timed = transfer_takes_time(&stream.transfer);
    g_array_append_val(phase->outer_flows, outer);
    if (outer.is_timed) {
        add_stream(phase, stream);
    }
    return OK;
}

static enum status add_inner_fill(struct phase *phase, int child, int flow_id)
{
    const struct plan *plan = phase->plan;
    struct stream stream = {
        .flow = flow_id,
        .channel = 1 + child,
        .copies = MAX(plan->nodes[plan->flows[flow_id].node].copies, 1),
    };
    TRY(size_planned(plan, flow_id, &stream.transfer));
    if (transfer_takes_time(&stream.transfer)) {
        add_stream(phase, stream);
        phase->children[child].has_streams = true;
    }
    return OK;
}

static enum status add_drain(struct phase *phase, int flow_id)
{
    const struct plan_flow *flow = &phase->plan->flows[flow_id];
    struct leaf_timing *leaf = &phase->leaves[flow->leaf];
    struct transfer transfer = {0};
    TRY(size_planned(phase->plan, flow_id, &transfer));
    if (transfer_takes_time(&transfer) && leaf->is_here) {
        int sink = add_sink(phase, flow_id, &transfer);
        g_array_append_val(leaf->credits, sink);
    }
    return OK;
}

/* The child of this phase that the hold stands in; -1: above the pipeline, -2:
 * in another phase. */
static int hold_child(const struct phase *phase, int node)
{
    for (int c = 0; c < phase->child_count; c++) {
        int top = phase->planned->children[c].node;
        if (plan_is_above(phase->plan, top, node)) {
            return c;
        }
        if (plan_is_above(phase->plan, node, top)) {
            return -1;
        }
    }
    return -2;
}

static enum status add_hold_flow(struct phase *phase, int flow_id)
{
    const struct plan_flow *flow = &phase->plan->flows[flow_id];
    int child = flow->node < 0 ? -2 : hold_child(phase, flow->node);
    if (child == -2) {
        return OK;
    }
    if (flow->kind == FLOW_DRAIN) {
        return add_drain(phase, flow_id);
    }
    return child >= 0 ? add_inner_fill(phase, child, flow_id)
                      : add_outer_fill(phase, flow_id);
}

enum status timing_build_holds(struct phase *phase)
{
    enum status status = OK;
    for (int f = 0; f < phase->plan->flow_count && status == OK; f++) {
        status = add_hold_flow(phase, f);
    }
    return status;
}

static int64_t planned_access(const struct plan *plan, int flow)
{
    int64_t elements = timing_count_elements(plan, flow, NULL);
    return plan->is_regular ? elements : MAX(elements, 1);
}

static enum status add_leaf_read(struct phase *phase, int leaf_id, int flow_id)
{
    struct leaf_timing *leaf = &phase->leaves[leaf_id];
    struct stream stream = {
        .flow = flow_id, .channel = 1 + leaf->child, .copies = 2};
    bool is_far = phase->plan->flows[flow_id].memory == 0;
    TRY(timing_add_latency(phase->plan, flow_id,
                           is_far ? &stream.transfer : &leaf->on_chip));
    TRY(timing_size_access(phase->plan, flow_id,
                           planned_access(phase->plan, flow_id), &leaf->on_chip,
                           &stream.transfer));
    if (transfer_takes_time(&stream.transfer)) {
        int id = add_stream(phase, stream);
        g_array_append_val(leaf->direct, id);
        g_array_append_val(leaf->streams, id);
        phase->children[leaf->child].has_streams = true;
    }
    return OK;
}

static enum status add_leaf_write(struct phase *phase, int leaf_id, int flow_id)
{
    struct leaf_timing *leaf = &phase->leaves[leaf_id];
    struct transfer transfer = {0};
    TRY(timing_add_latency(phase->plan, flow_id, &transfer));
    TRY(timing_size_access(phase->plan, flow_id,
                           planned_access(phase->plan, flow_id), &transfer,
                           &transfer));
    if (transfer_takes_time(&transfer)) {
        int sink = add_sink(phase, flow_id, &transfer);
        g_array_append_val(leaf->writes, sink);
        g_array_append_val(leaf->credits, sink);
    }
    return OK;
}

static enum status add_leaf_flow(struct phase *phase, int leaf, int flow)
{
    switch (phase->plan->flows[flow].kind) {
    case FLOW_READ:
    case FLOW_PARTIAL:
        return add_leaf_read(phase, leaf, flow);
    case FLOW_WRITE:
        return add_leaf_write(phase, leaf, flow);
    case FLOW_FILL:
    case FLOW_REFILL:
    case FLOW_DRAIN:
        break;
    }
    BUG("flow %d of a hold among those of leaf %d", flow, leaf);
}

enum status timing_build_leaf_flows(struct phase *phase, int leaf_id)
{
    const struct plan_leaf *leaf = &phase->plan->leaves[leaf_id];
    enum status status = OK;
    for (int i = 0; i < leaf->flow_count && status == OK; i++) {
        status = add_leaf_flow(phase, leaf_id, leaf->first_flow + i);
    }
    return status;
}
