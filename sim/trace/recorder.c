#include "sim/trace/recorder_names.h"

/* ---- what is recorded ------------------------------------------------------ */

static struct recorder *recorder_of(const struct machine *machine)
{
    return machine->recorder;
}

static bool overlaps_window(const struct recorder *r, int64_t from_ticks,
                            int64_t to_ticks)
{
    return to_ticks > r->from_ticks && from_ticks < r->to_ticks;
}

static void check_limit(struct recorder *r)
{
    const struct trace *trace = r->trace;
    if ((int64_t)trace->slices->len + trace->samples->len >
        trace->options.record_limit) {
        machine_fail(r->machine, ERR_LIMIT, "trace-too-long",
                     "there is more to record than a trace may hold: choose a "
                     "window or components");
    }
}

/* What is recorded from now on begins later. */
static void check_goal(struct recorder *r)
{
    int64_t goal = r->trace->options.slice_goal;
    if (goal > 0 && r->trace->slices->len >= goal) {
        r->to_ticks = MIN(r->to_ticks, machine_run_ticks(r->machine));
    }
}

static void add_slice(struct recorder *r, const struct trace_slice *slice)
{
    if (r->trace->options.level == TRACE_TASKS &&
        overlaps_window(r, slice->begin_ticks, slice->end_ticks)) {
        g_array_append_val(r->trace->slices, *slice);
        check_limit(r);
        check_goal(r);
    }
}

/* ---- phases and tile steps ------------------------------------------------- */

void recorder_begin_phase(struct machine *machine)
{
    struct recorder *r = recorder_of(machine);
    if (r != NULL) {
        r->phase_begin_ticks = machine_run_ticks(machine);
    }
}

void recorder_end_phase(struct machine *machine)
{
    struct recorder *r = recorder_of(machine);
    if (r == NULL) {
        return;
    }
    struct trace_slice slice = {
        .begin_ticks = r->phase_begin_ticks,
        .end_ticks = machine_run_ticks(machine),
        .iteration = -1,
        .ordinal = -1,
        .track = r->phase_track,
        .name = name_of_phase(machine->plan, machine->phase_index),
        .phase = machine->phase_index,
        .child = -1,
    };
    add_slice(r, &slice);
}

void recorder_note_step(struct unit *unit, int64_t busy_ticks)
{
    struct machine *machine = unit->component.machine;
    struct recorder *r = recorder_of(machine);
    if (r->unit_track[unit->id] < 0) {
        return;
    }
    if (r->intervals != NULL) {
        intervals_work(r, unit->id, r->began_ticks[unit->id],
                       r->began_ticks[unit->id] + busy_ticks);
    }
    if (r->began_ticks[unit->id] >= r->to_ticks) {
        return;
    }
    struct trace_slice slice = {
        .begin_ticks = r->began_ticks[unit->id],
        .end_ticks = r->began_ticks[unit->id] + busy_ticks,
        .iteration = unit->child->iteration,
        .ordinal = unit->child->steps_reached - 1,
        .track = r->unit_track[unit->id],
        .name = name_of_leaf(machine->plan, unit->leaf),
        .phase = machine->phase_index,
        .child = unit->child->index,
    };
    add_slice(r, &slice);
}

void recorder_note_stall(struct unit *unit, int cause, int64_t from_ticks,
                         int64_t to_ticks)
{
    struct machine *machine = unit->component.machine;
    struct recorder *r = recorder_of(machine);
    if (r->stall_track[unit->id] < 0 || from_ticks == to_ticks) {
        return;
    }
    if (r->intervals != NULL) {
        intervals_stall(r, unit->id, r->stall_of_cause[cause], from_ticks,
                        to_ticks);
    }
    struct trace_slice slice = {
        .begin_ticks = from_ticks,
        .end_ticks = to_ticks,
        .iteration = -1,
        .ordinal = -1,
        .track = r->stall_track[unit->id],
        .name = name_of_cause(machine->plan, cause),
        .phase = machine->phase_index,
        .child = -1,
    };
    add_slice(r, &slice);
}

/* ---- transfers ------------------------------------------------------------- */

/* A fill that a channel issues: the event of the schedule it is at. */
static void tag_fill(const struct machine *machine, int channel_id,
                     struct trace_slice *tag)
{
    const struct channel *channel = &machine->channels[channel_id];
    const struct stream *stream = phase_stream(machine->phase, channel->head);
    tag->name = name_of_flow(stream->flow);
    tag->child = channel->child;
    tag->iteration =
        channel->position - (channel->child < 0 ? stream->first_delay : 0);
    tag->ordinal = channel->child < 0 ? -1 : channel->event_index - 1;
}

/* What a tile step writes or reads as it runs, or its child drains. */
static void tag_leaf(const struct machine *machine, int flow,
                     struct trace_slice *tag)
{
    const struct plan_flow *planned = &machine->plan->flows[flow];
    const struct child *child =
        &machine->phase->children[machine->phase->leaves[planned->leaf].child];
    tag->name = name_of_flow(flow);
    tag->child = child->index;
    tag->iteration = child->iteration;
    tag->ordinal = -1;
}

/* What a tile step reads on the chip is one request of several flows; it goes by
 * the name of the tile step. */
static void tag_reads(const struct machine *machine, int leaf,
                      struct trace_slice *tag)
{
    const struct child *child =
        &machine->phase->children[machine->phase->leaves[leaf].child];
    tag->name = name_of_leaf(machine->plan, leaf);
    tag->child = child->index;
    tag->iteration = child->iteration;
    tag->ordinal = child->steps_reached - 1;
}

static int add_tag(struct recorder *r, int order, int leg_count)
{
    struct machine *machine = r->machine;
    struct trace_slice tag = {.phase = machine->phase_index};
    int flow = order - machine->channel_count;
    if (flow < 0) {
        tag_fill(machine, order, &tag);
    } else if (flow < machine->plan->flow_count) {
        tag_leaf(machine, flow, &tag);
    } else {
        tag_reads(machine, flow - machine->plan->flow_count, &tag);
    }
    r->open_legs += leg_count;
    g_array_append_val(r->tags, tag);
    return (int)r->tags->len - 1;
}

/* Intervals need a name only. */
int recorder_note_request(struct machine *machine, int order, int leg_count)
{
    struct recorder *r = recorder_of(machine);
    return r->intervals != NULL || machine_run_ticks(machine) >= r->to_ticks
               ? ~recorder_name_of_order(machine, order)
               : add_tag(r, order, leg_count);
}

static void add_transfer(struct recorder *r, int port, int tag, int64_t bytes,
                         int64_t from_ticks, int64_t to_ticks)
{
    struct trace_slice slice = g_array_index(r->tags, struct trace_slice, tag);
    slice.begin_ticks = from_ticks;
    slice.end_ticks = to_ticks;
    slice.bytes = bytes;
    slice.track = r->port_track[port];
    if (--r->open_legs == 0) {
        g_array_set_size(r->tags, 0);
    }
    if (slice.track >= 0) {
        add_slice(r, &slice);
    }
}

void recorder_note_service(struct machine *machine, int port, int tag,
                           int64_t bytes, int64_t from_ticks, int64_t to_ticks)
{
    struct recorder *r = recorder_of(machine);
    int name =
        tag < 0 ? ~tag : g_array_index(r->tags, struct trace_slice, tag).name;
    recorder_add_total(r, port, name, to_ticks - from_ticks, bytes);
    int64_t skipped_ticks = *counter_skipped_ticks(machine);
    if (r->intervals != NULL) {
        intervals_serve(r, port, from_ticks + skipped_ticks,
                        to_ticks + skipped_ticks, bytes);
    }
    if (tag >= 0) {
        add_transfer(r, port, tag, bytes, from_ticks + skipped_ticks,
                     to_ticks + skipped_ticks);
    }
}

/* ---- buffers --------------------------------------------------------------- */

void recorder_note_hold(struct machine *machine, const struct stream *stream)
{
    struct recorder *r = recorder_of(machine);
    if (r->buffer_track[stream->flow] < 0 ||
        r->trace->options.level != TRACE_TASKS) {
        return;
    }
    int64_t bytes = (stream->issued - stream->released) *
                    machine->plan->flows[stream->flow].elements *
                    machine->plan->word_bytes;
    struct trace_sample sample = {
        .at_ticks = machine_run_ticks(machine),
        .value = bytes,
        .track = r->buffer_track[stream->flow],
    };
    if (sample.at_ticks < r->from_ticks) {
        r->held_before_bytes[stream->flow] = bytes;
    } else if (sample.at_ticks < r->to_ticks) {
        g_array_append_val(r->trace->samples, sample);
        check_limit(r);
    }
}

/* ---- fast-forward ---------------------------------------------------------- */

void recorder_skip(struct machine *machine, const int64_t *anchor_counters,
                   int64_t period_ticks, int64_t repetitions)
{
    struct recorder *r = recorder_of(machine);
    if (r != NULL && r->intervals != NULL) {
        intervals_skip(r, anchor_counters, period_ticks, repetitions);
    }
}

bool recorder_needs_steps(const struct machine *machine)
{
    const struct recorder *r = recorder_of(machine);
    int64_t now_ticks = machine->now_ticks + machine->counters[COUNTER_TICKS];
    return r != NULL && r->trace->options.level == TRACE_TASKS &&
           now_ticks >= r->from_ticks && now_ticks < r->to_ticks;
}

/* What is under way when a skip ends must be over when the window begins, as it
 * was recorded, or not, at the time of before the skip. One period more than
 * that is simulated. */
int64_t recorder_limit_skip(const struct machine *machine, int64_t period_ticks)
{
    const struct recorder *r = recorder_of(machine);
    int64_t skipped_ticks = machine->counters[COUNTER_TICKS];
    int64_t until_ticks = machine->now_ticks + skipped_ticks;
    if (r == NULL || r->trace->options.level != TRACE_TASKS ||
        until_ticks >= r->to_ticks || period_ticks == 0) {
        return INT64_MAX;
    }
    for (int p = 0; p < machine->port_count; p++) {
        until_ticks = MAX(until_ticks,
                          machine->ports[p].busy_until_ticks + skipped_ticks);
    }
    return MAX((r->from_ticks - until_ticks) / period_ticks - 1, 0);
}
