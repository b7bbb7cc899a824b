/* Events of irregular plans: each takes its own time. A stream, a sink, a leaf has
 * the numbers of the event it is at, and gets new ones before the next. */
#include "sim/machine.h"

static void check(struct machine *machine, enum status status)
{
    if (status != OK) {
        machine_fail(machine, ERR_LIMIT, "sim-limit",
                     "a transfer or tile step lasts too long");
    }
}

static void convert(struct machine *machine, struct transfer *transfer)
{
    check(machine,
          ticks_convert(machine->plan, machine->ticks_per_cycle, transfer));
    relief_of_transfer(machine, transfer);
}

static void resize_move(struct machine *machine, const struct walk_move *move,
                        struct transfer *transfer)
{
    if (!machine->plan->is_regular) {
        check(machine, timing_size_move(machine->plan, move, transfer));
        convert(machine, transfer);
    }
}

void resize_fill(struct machine *machine, struct stream *stream,
                 const struct walk_move *move)
{
    resize_move(machine, move, &stream->transfer);
}

void resize_drain(struct machine *machine, struct sink *sink,
                  const struct walk_move *move)
{
    resize_move(machine, move, &sink->transfer);
}

void resize_direct(struct machine *machine, struct stream *stream,
                   const struct walk_cost *cost)
{
    if (cost == NULL) {
        return;
    }
    struct transfer near = {0};
    stream->transfer.leg_count = 0;
    check(machine, timing_size_access(
                       machine->plan, stream->flow,
                       timing_count_elements(machine->plan, stream->flow, cost),
                       &near, &stream->transfer));
    convert(machine, &stream->transfer);
}

static void resize_access(struct machine *machine, struct leaf_timing *leaf,
                          int flow, const struct walk_cost *cost)
{
    struct phase *phase = machine->phase;
    struct transfer far = {0};
    check(machine,
          timing_size_access(machine->plan, flow,
                             timing_count_elements(machine->plan, flow, cost),
                             &leaf->on_chip, &far));
    if (phase->sink_of_flow[flow] >= 0) {
        struct sink *sink = phase_sink(phase, phase->sink_of_flow[flow]);
        far.latency = sink->transfer.latency;
        convert(machine, &far);
        sink->transfer = far;
    }
}

void resize_step(struct machine *machine, int leaf_id,
                 const struct walk_cost *cost)
{
    struct leaf_timing *leaf = &machine->phase->leaves[leaf_id];
    const struct plan_leaf *planned = &machine->plan->leaves[leaf_id];
    if (cost == leaf->cost) {
        return;
    }
    leaf->cost = cost;
    leaf->on_chip.leg_count = 0;
    for (int f = 0; f < planned->flow_count; f++) {
        resize_access(machine, leaf, planned->first_flow + f, cost);
    }
    convert(machine, &leaf->on_chip);
    if (!num_mul(cost->busy_cycles, machine->ticks_per_cycle,
                 &leaf->busy_ticks)) {
        check(machine, ERR_LIMIT);
    }
    leaf->serial_ticks = ticks_count_serial(planned, leaf->busy_ticks);
    relief_of_step(machine, leaf_id, &leaf->busy_ticks);
    relief_of_step(machine, leaf_id, &leaf->serial_ticks);
}
