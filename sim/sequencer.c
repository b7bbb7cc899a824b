/* Sequencer: walks the steps and slots of each phase.
 *
 * In step t a child of delay d works on iteration t-d. All children of a slot
 * start together; when the last has finished the next slot opens. When the last
 * slot has, the step ends: buffers whose tile no child needs any more are
 * released. After the last step the phase is closed as soon as all ports have
 * served what was asked of them and it has arrived. */
#include "sim/main_memory.h"
#include "sim/trace/recorder.h"

/* ---- a child's program --------------------------------------------------- */

static void count_move(struct machine *machine, const struct walk_move *move)
{
    *counter_moved(machine, move->flow) += 1;
    *counter_outside(machine, move->flow) += move->outside;
    *counter_inside(machine, move->flow) += move->inside;
}

static void pass_move(struct machine *machine, struct child *child,
                      const struct walk_move *move, const int64_t *index)
{
    struct phase *phase = machine->phase;
    int flow = move->flow;
    count_move(machine, move);
    if (phase->stream_of_flow[flow] >= 0) {
        struct stream *stream =
            phase_stream(phase, phase->stream_of_flow[flow]);
        stream->reached++;
        stream->released = stream->reached - 1;
        recorder_hold(machine, stream);
        channel_wake(machine, 1 + child->index);
    } else if (phase->sink_of_flow[flow] >= 0) {
        struct sink *sink = phase_sink(phase, phase->sink_of_flow[flow]);
        resize_drain(machine, sink, move);
        struct occasion occasion = {flow, index};
        port_request(machine, order_of_sink(machine, flow), &sink->transfer,
                     &occasion, -1,
                     &sink->done[sink->requested++ % SINK_CREDITS]);
    }
}

static void reach_leaf(struct machine *machine, struct child *child, int leaf,
                       const struct walk_cost *cost)
{
    struct phase *phase = machine->phase;
    const GArray *direct = phase->leaves[leaf].direct;
    child->next_leaf = leaf;
    child->since_ticks = machine->now_ticks;
    child->steps_reached++;
    resize_step(machine, leaf, cost);
    for (guint i = 0; i < direct->len; i++) {
        struct stream *stream =
            phase_stream(phase, g_array_index(direct, int, i));
        stream->reached++;
        stream->released = stream->reached - 1;
        recorder_hold(machine, stream);
    }
    if (direct->len > 0) {
        channel_wake(machine, 1 + child->index);
    }
}

static void finish_child(struct machine *machine, struct child *child)
{
    child->next_leaf = -1;
    child->is_running = false;
    if (child->has_outer_drains) {
        struct walk_move moves[CHANNEL_MAX_FLOWS];
        int count =
            walk_outer_drains(machine->plan, machine->phase_index, child->index,
                              child->iteration, moves, CHANNEL_MAX_FLOWS);
        if (machine->main_memory != NULL) {
            walk_find_place(machine->plan, machine->phase_index,
                            child->iteration, machine->index);
        }
        for (int i = 0; i < count; i++) {
            pass_move(machine, child, &moves[i], machine->index);
        }
    }
    machine->children_left--;
    if (machine->children_left == 0) {
        component_wake_now(&machine->sequencer);
    }
}

void child_go_on(struct machine *machine, struct child *child)
{
    int before = child->next_leaf < 0
                     ? -1
                     : machine->phase->leaves[child->next_leaf].unit;
    child->since_leaf =
        child->next_leaf < 0 ? machine->last_leaf : child->next_leaf;
    struct walk_event *event = &machine->event;
    while (walk_child_next(child->walk, event)) {
        if (event->kind == WALK_MOVE) {
            pass_move(machine, child, &event->move, event->index);
            continue;
        }
        reach_leaf(machine, child, event->leaf, event->cost);
        int unit = machine->phase->leaves[event->leaf].unit;
        if (unit != before && !machine->units[unit].is_busy) {
            component_wake_settling(&machine->units[unit].component);
        }
        return;
    }
    finish_child(machine, child);
}

/* Where steps are left out, or loops run unevenly, the program is gone through
 * once before. */
static void survey_left(struct machine *machine, struct child *child)
{
    struct walk_event event;
    walk_child_start(child->survey, child->iteration);
    while (walk_child_next(child->survey, &event)) {
        if (event.kind == WALK_COMPUTE) {
            child->left_on_unit[machine->phase->leaves[event.leaf].unit]++;
        }
    }
}

static void count_left(struct machine *machine, struct child *child)
{
    const struct phase *phase = machine->phase;
    for (guint u = 0; u < child->units->len; u++) {
        child->left_on_unit[g_array_index(child->units, int, u)] = 0;
    }
    if (child->survey != NULL) {
        survey_left(machine, child);
        return;
    }
    for (guint i = 0; i < child->leaves->len; i++) {
        const struct leaf_timing *leaf =
            &phase->leaves[g_array_index(child->leaves, int, i)];
        bool is_run = true;
        for (guint l = 0; l < leaf->last_loops->len; l++) {
            is_run &= phase_is_last(
                &phase->loops[g_array_index(leaf->last_loops, int, l)],
                child->iteration);
        }
        if (is_run) {
            child->left_on_unit[leaf->unit] += leaf->per_iteration;
        }
    }
}

/* Tiles of holds above the pipeline that the child goes on to. */
static void change_tiles(struct machine *machine, struct child *child)
{
    const struct phase *phase = machine->phase;
    int64_t local = machine_local(machine, child->iteration);
    uint64_t changed = phase->changed[local % phase->ring_count];
    for (guint r = 0; changed != 0 && r < child->readers->len; r++) {
        struct reader *reader =
            &g_array_index(child->readers, struct reader, r);
        reader->tile += (changed >> reader->stream & 1) != 0;
    }
}

static void start_child(struct machine *machine, struct child *child)
{
    struct phase *phase = machine->phase;
    child->iteration = machine->step - child->delay;
    child->is_running = true;
    child->next_leaf = -1;
    child->steps_reached = 0;
    change_tiles(machine, child);
    int64_t local = machine_local(machine, child->iteration);
    for (guint i = 0; i < child->leaves->len; i++) {
        struct leaf_timing *leaf =
            &phase->leaves[g_array_index(child->leaves, int, i)];
        if (leaf->arrived_ticks != NULL) {
            leaf->arrived_ticks[local % phase->ring_count] = 0;
        }
    }
    if (child->left_on_unit != NULL) {
        count_left(machine, child);
    }
    walk_child_start(child->walk, child->iteration);
    child_go_on(machine, child);
}

/* ---- slots and steps ----------------------------------------------------- */

static void open_slot(struct machine *machine)
{
    struct phase *phase = machine->phase;
    for (int u = 0; u < machine->plan->arch->unit_count; u++) {
        machine->units[u].queue_position = 0;
    }
    /* One more, so that children without work cannot end the slot early. */
    machine->children_left = 1;
    for (int c = 0; c < phase->child_count; c++) {
        struct child *child = &phase->children[c];
        int64_t iteration = machine->step - child->delay;
        if (child->slot == machine->slot && iteration >= 0 &&
            iteration < phase->iteration_count) {
            machine->children_left++;
            start_child(machine, child);
        }
    }
    machine->children_left--;
}

/* The tiles that change in this step, noted by the iteration they are of. */
static void note_fills(struct machine *machine)
{
    struct phase *phase = machine->phase;
    int64_t local = machine_local(machine, machine->step);
    phase->changed[local % phase->ring_count] = 0;
    if (machine->step < machine->next_fill_step) {
        return;
    }
    struct walk_move moves[CHANNEL_MAX_FLOWS];
    int count = walk_outer_fills(machine->plan, machine->phase_index,
                                 machine->step, moves, CHANNEL_MAX_FLOWS);
    for (int i = 0; i < count; i++) {
        count_move(machine, &moves[i]);
        int id = phase->stream_of_flow[moves[i].flow];
        if (id >= 0) {
            int64_t of = local - phase_stream(phase, id)->first_delay;
            phase->changed[of % phase->ring_count] |= (uint64_t)1 << id;
        }
    }
    machine->next_fill_step =
        phase_next_fill_step(phase, machine->step + 1, false);
}

/* A tile that was replaced is free once its last reader goes on. */
static void release_tiles(struct machine *machine)
{
    struct phase *phase = machine->phase;
    bool is_any = false;
    for (guint i = 0; i < phase->streams->len; i++) {
        struct stream *stream = phase_stream(phase, (int)i);
        if (!stream->is_outer || machine->step < stream->last_delay) {
            continue;
        }
        int64_t of = machine_local(machine, machine->step) - stream->last_delay;
        if ((phase->changed[of % phase->ring_count] >> i & 1) == 0) {
            continue;
        }
        /* The first change brings the first tile and frees none. */
        stream->released = stream->reached++;
        recorder_hold(machine, stream);
        is_any = true;
    }
    if (is_any) {
        channel_wake(machine, 0);
    }
}

static int64_t last_step(const struct phase *phase)
{
    return phase->iteration_count - 1 + phase->max_delay;
}

static void begin_step(struct machine *machine)
{
    machine->slot = 0;
    if (machine->fast_forward != NULL) {
        fast_forward_at_step(machine->fast_forward);
    }
    note_fills(machine);
    release_tiles(machine);
    channels_look_on(machine);
}

/* ---- phases -------------------------------------------------------------- */

static bool begin_phase(struct machine *machine)
{
    if (machine->phase_index == machine->plan->phase_count) {
        return false;
    }
    machine->phase = machine->phases[machine->phase_index];
    machine->step = 0;
    machine->skipped = 0;
    machine->next_fill_step = 0;
    machine->last_leaf = -1;
    for (int u = 0; u < machine->plan->arch->unit_count; u++) {
        machine->units[u].has_started = false;
        machine->units[u].is_used = false;
    }
    for (int l = 0; l < machine->plan->leaf_count; l++) {
        if (machine->phase->leaves[l].is_here) {
            machine->units[machine->phase->leaves[l].unit].is_used = true;
        }
    }
    if (machine->fast_forward != NULL) {
        fast_forward_begin_phase(machine->fast_forward);
    }
    recorder_begin_phase(machine);
    channels_begin_phase(machine);
    begin_step(machine);
    return true;
}

/* True once every port is idle, every lane has finished and a whole cycle is
 * over. */
static bool close_phase(struct machine *machine)
{
    int64_t end_ticks = MAX(machine->now_ticks, machine->last_arrival_ticks);
    if (machine->main_memory != NULL &&
        !main_memory_is_idle(machine->main_memory)) {
        return false; /* it wakes the sequencer */
    }
    for (int p = 0; p < machine->port_count; p++) {
        end_ticks = MAX(end_ticks, machine->ports[p].busy_until_ticks);
    }
    for (int u = 0; u < machine->plan->arch->unit_count; u++) {
        end_ticks = MAX(end_ticks, machine->units[u].emptied_ticks);
    }
    int64_t over_ticks = (end_ticks + *counter_skipped_ticks(machine)) %
                         machine->ticks_per_cycle;
    if (over_ticks > 0) {
        end_ticks += machine->ticks_per_cycle - over_ticks;
    }
    if (end_ticks > machine->now_ticks) {
        component_wake_at(&machine->sequencer, end_ticks);
        return false;
    }
    for (int u = 0; u < machine->plan->arch->unit_count; u++) {
        stalls_account_end(&machine->units[u]);
    }
    channels_end_phase(machine);
    recorder_end_phase(machine);
    machine->phase_index++;
    return true;
}

/* One transition; false if it must sleep until it is woken. */
static bool move_on(struct machine *machine)
{
    switch (machine->state) {
    case SEQUENCER_BEGIN_PHASE:
        if (!begin_phase(machine)) {
            machine_check(machine, sysc_stop(machine->context));
            return false;
        }
        machine->state = SEQUENCER_OPEN_SLOT;
        return true;
    case SEQUENCER_OPEN_SLOT:
        machine->state = SEQUENCER_IN_SLOT;
        open_slot(machine);
        return machine->children_left == 0; /* else the last one wakes us */
    case SEQUENCER_IN_SLOT:
        machine->state = SEQUENCER_OPEN_SLOT;
        machine->slot++;
        if (machine->slot == machine->phase->slot_count) {
            machine->step++;
            if (machine->step > last_step(machine->phase)) {
                machine->state = SEQUENCER_END_PHASE;
            } else {
                begin_step(machine);
            }
        }
        return true;
    case SEQUENCER_END_PHASE:
        if (!close_phase(machine)) {
            return false;
        }
        machine->state = SEQUENCER_BEGIN_PHASE;
        return true;
    }
    BUG("sequencer in state %d", (int)machine->state);
}

void sequencer_activate(struct sysc_process *self, void *user)
{
    (void)self;
    struct machine *machine = user;
    machine->now_ticks = sysc_now(machine->context);
    machine->sequencer.is_woken = false;
    do {
        if (machine->settling > 0 || machine->ports_woken > 0) {
            component_wake_now(&machine->sequencer);
            return;
        }
    } while (machine->status == OK && move_on(machine));
}
