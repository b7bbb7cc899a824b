/* Compute unit: sleeps through a tile step; then its child's program goes on,
 * and the unit starts what comes next in its queue, or sleeps until the last
 * operand arrives, or until somebody wakes it.
 *
 * In a slot a unit runs the tile steps of the children that use it, in listed
 * order. A child's program is serial: if its next tile step belongs to another
 * unit, this one waits for it. */
#include "sim/trace/recorder.h"

/* ---- what a tile step waits for ------------------------------------------ */

static void wait_until(struct readiness *ready, const struct pending *pending,
                       bool is_result)
{
    int64_t at_ticks = is_result ? pending->served_ticks : pending->at_ticks;
    if (pending->legs != 0) {
        ready->is_known = false;
    } else if (ready->last == NULL || at_ticks > ready->operands_ticks) {
        ready->operands_ticks = at_ticks;
        ready->last = pending;
        ready->is_result = is_result;
    }
}

static void wait_for_tile(struct readiness *ready, const struct stream *stream,
                          int64_t tile)
{
    if (tile >= stream->issued) {
        ready->is_known = false;
    } else if (tile >= 0) {
        wait_until(ready, &stream->arrival[tile % stream->copies], false);
    }
}

/* Room for the result: the last request but one of each sink is served, wherever
 * it still is on its way. */
static void wait_for_credit(struct readiness *ready, const struct sink *sink)
{
    if (sink->requested >= SINK_CREDITS) {
        wait_until(ready, &sink->done[sink->requested % SINK_CREDITS], true);
    }
}

static void wait_for_reductions(const struct machine *machine,
                                const struct child *child,
                                const struct leaf_timing *leaf,
                                struct readiness *ready)
{
    const struct phase *phase = machine->phase;
    for (guint i = 0; i < leaf->awaited->len; i++) {
        const struct awaited *a =
            &g_array_index(leaf->awaited, struct awaited, i);
        if (child->iteration < a->lag_iterations) {
            continue;
        }
        int64_t local =
            machine_local(machine, child->iteration) - a->lag_iterations;
        const struct leaf_timing *from = &phase->leaves[a->leaf];
        if (local < 0 || from->arrived_ticks[local % phase->ring_count] == 0) {
            continue;
        }
        int64_t arrived_ticks = from->arrived_ticks[local % phase->ring_count] +
                                (a->is_skewed ? from->skew_ticks : 0);
        if (arrived_ticks > ready->reduced_ticks) {
            ready->reduced_ticks = arrived_ticks;
            ready->reducer = a->leaf;
        }
    }
}

static struct readiness check_ready(const struct machine *machine,
                                    const struct child *child,
                                    const struct leaf_timing *leaf)
{
    const struct phase *phase = machine->phase;
    struct readiness ready = {.is_known = true, .reducer = -1};
    for (guint i = 0; i < leaf->readers->len; i++) {
        const struct reader *r =
            &g_array_index(child->readers, struct reader,
                           g_array_index(leaf->readers, int, i));
        wait_for_tile(&ready, phase_stream(phase, r->stream), r->tile);
    }
    for (guint i = 0; i < leaf->streams->len; i++) {
        const struct stream *stream =
            phase_stream(phase, g_array_index(leaf->streams, int, i));
        wait_for_tile(&ready, stream, stream->reached - 1);
    }
    for (guint i = 0; i < leaf->credits->len; i++) {
        wait_for_credit(
            &ready, phase_sink(phase, g_array_index(leaf->credits, int, i)));
    }
    wait_for_reductions(machine, child, leaf, &ready);
    return ready;
}

/* ---- starting ------------------------------------------------------------ */

static void start(struct unit *unit, struct child *child,
                  const struct readiness *ready)
{
    struct machine *machine = unit->component.machine;
    const struct leaf_timing *leaf = &machine->phase->leaves[child->next_leaf];
    stalls_account_start(unit, child, ready);
    unit->is_busy = true;
    unit->has_started = true;
    unit->child = child;
    unit->leaf = child->next_leaf;
    recorder_begin_step(unit);
    unit->done_ticks = machine->now_ticks + leaf->busy_ticks;
    unit->on_chip = (struct pending){0};
    unit->serial = (struct pending){0};
    unit->is_emptying = false;
    if (transfer_takes_time(&leaf->on_chip)) {
        struct occasion occasion = {leaf->on_chip.latency.flow,
                                    walk_child_index(child->walk)};
        port_request(machine, order_of_leaf(machine, unit->leaf),
                     &leaf->on_chip, &occasion, -1, &unit->on_chip);
    }
    if (leaf->serial_ticks > 0 && machine->serial_server >= 0) {
        port_request_serial(unit, leaf->serial_ticks);
    }
    component_wake_at(&unit->component, unit->done_ticks);
    machine->tile_steps++;
    if (machine->step_limit > 0 && machine->tile_steps > machine->step_limit) {
        machine_fail(machine, ERR_LIMIT, "sim-step-limit",
                     "more tile steps than the limit allows");
    }
}

/* The child whose turn it is on this unit; NULL if none is left. */
static struct child *find_turn(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    struct phase *phase = machine->phase;
    const GArray *queue =
        phase
            ->queue[machine->slot * machine->plan->arch->unit_count + unit->id];
    for (; unit->queue_position < (int)queue->len; unit->queue_position++) {
        struct child *child =
            &phase->children[g_array_index(queue, int, unit->queue_position)];
        if (child->is_running && (child->left_on_unit == NULL ||
                                  child->left_on_unit[unit->id] > 0)) {
            return child;
        }
    }
    return NULL;
}

static void try_start(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    struct child *child = find_turn(unit);
    if (child == NULL ||
        machine->phase->leaves[child->next_leaf].unit != unit->id) {
        return; /* who brings the program here wakes the unit */
    }
    struct readiness ready =
        check_ready(machine, child, &machine->phase->leaves[child->next_leaf]);
    int64_t at_ticks = MAX(ready.operands_ticks, ready.reduced_ticks);
    if (!ready.is_known) {
        unit->waits_for_port = true;
    } else if (at_ticks > machine->now_ticks) {
        component_wake_at(&unit->component, at_ticks);
    } else {
        start(unit, child, &ready);
    }
}

/* ---- finishing ----------------------------------------------------------- */

static void request_writes(struct machine *machine, const struct child *child,
                           const struct leaf_timing *leaf)
{
    for (guint i = 0; i < leaf->writes->len; i++) {
        struct sink *sink =
            phase_sink(machine->phase, g_array_index(leaf->writes, int, i));
        struct occasion occasion = {sink->flow, walk_child_index(child->walk)};
        port_request(machine, order_of_sink(machine, sink->flow),
                     &sink->transfer, &occasion, -1,
                     &sink->done[sink->requested++ % SINK_CREDITS]);
    }
}

/* Of an irregular plan. */
static void count_cost(struct machine *machine, int leaf_id,
                       const struct walk_cost *cost)
{
    const struct plan_leaf *leaf = &machine->plan->leaves[leaf_id];
    if (cost == NULL) {
        return;
    }
    *counter_points(machine, leaf_id) += cost->points;
    *counter_busy_cycles(machine, leaf_id) += cost->busy_cycles;
    for (int f = 0; f < leaf->flow_count; f++) {
        *counter_outside(machine, leaf->first_flow + f) += cost->elements[f];
        *counter_inside(machine, leaf->first_flow + f) += cost->elements[f];
    }
}

/* The last, of several in one instant the first of the mapping. */
static void note_end(struct machine *machine, int leaf)
{
    if (machine->now_ticks > machine->last_end_ticks ||
        leaf < machine->last_leaf || machine->last_leaf < 0) {
        machine->last_end_ticks = machine->now_ticks;
        machine->last_leaf = leaf;
    }
}

static void finish(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    struct phase *phase = machine->phase;
    struct leaf_timing *leaf = &phase->leaves[unit->leaf];
    *counter_busy(machine, unit->id) += leaf->busy_ticks;
    *counter_executed(machine, unit->leaf) += 1;
    count_cost(machine, unit->leaf, leaf->cost);
    recorder_end_step(unit, leaf->busy_ticks);
    unit->is_busy = false;
    if (!unit->is_emptying) {
        unit->emptied_ticks = machine->now_ticks + leaf->skew_ticks;
    }
    unit->idle_since_ticks = machine_run_ticks(machine);
    note_end(machine, unit->leaf);
    struct child *child = unit->child;
    if (leaf->arrived_ticks != NULL) {
        int64_t local = machine_local(machine, child->iteration);
        leaf->arrived_ticks[local % phase->ring_count] =
            machine->now_ticks + leaf->reduce_ticks;
        machine->last_arrival_ticks =
            MAX(machine->last_arrival_ticks,
                machine->now_ticks + leaf->reduce_ticks);
    }
    request_writes(machine, child, leaf);
    if (child->left_on_unit != NULL) {
        child->left_on_unit[unit->id]--;
    }
    child_go_on(machine, child);
}

/* Where tile steps do not overlap, one lasts until its last lane, which began
 * later, has finished. */
static bool is_emptied(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    int64_t skew_ticks = machine->phase->leaves[unit->leaf].skew_ticks;
    if (machine->plan->arch->units[unit->id].overlaps_steps ||
        unit->is_emptying || skew_ticks == 0) {
        return true;
    }
    stalls_account_emptying(unit, unit->done_ticks, skew_ticks);
    unit->is_emptying = true;
    unit->done_ticks += skew_ticks;
    component_wake_at(&unit->component, unit->done_ticks);
    return false;
}

/* Has the running tile step ended? It lasts as long as its transfers from
 * memories on the chip, and until its serial ports had their turn. */
static bool is_done(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    if (machine->now_ticks < unit->done_ticks) {
        component_wake_at(&unit->component, unit->done_ticks);
        return false;
    }
    if (unit->on_chip.at_ticks > machine->now_ticks) {
        stalls_account_longer(unit, unit->done_ticks, unit->on_chip.at_ticks);
        unit->done_ticks = unit->on_chip.at_ticks;
        component_wake_at(&unit->component, unit->done_ticks);
        return false;
    }
    if (unit->serial.at_ticks > machine->now_ticks) {
        stalls_account_turn(unit, unit->done_ticks, unit->serial.at_ticks);
        unit->done_ticks = unit->serial.at_ticks;
        component_wake_at(&unit->component, unit->done_ticks);
        return false;
    }
    return is_emptied(unit);
}

void unit_activate(struct sysc_process *self, void *user)
{
    (void)self;
    struct unit *unit = user;
    component_enter_settling(&unit->component);
    unit->waits_for_port = false;
    if (unit->is_busy) {
        if (!is_done(unit)) {
            return;
        }
        finish(unit);
    }
    try_start(unit);
}

void units_wake_waiting(struct machine *machine)
{
    for (int u = 0; u < machine->plan->arch->unit_count; u++) {
        struct unit *unit = &machine->units[u];
        if (unit->waits_for_port && !unit->is_busy) {
            component_wake_settling(&unit->component);
        }
    }
}
