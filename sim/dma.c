/* DMA channels: one for the holds above the pipeline, in the order of steps,
 * and one for each child, in the order of its program. A channel issues its
 * fills one by one and runs ahead of the children: fill n of a stream goes out
 * when less than `copies` tiles of it are issued and not released.
 *
 * A channel is at an event of the schedule: the outer one at a fill of the step
 * `position`, the others at event `event_index` of the iteration `position` and
 * there, if it is a tile step, at one of the operands fetched anew for it. That
 * is all a channel remembers, so it can be moved to another iteration with the
 * same events. */
#include "sim/trace/recorder.h"

/* Children's channels look at most so many iterations ahead. */
#define CHANNEL_SIGHT_ITERATIONS 64

/* ---- the next fill ------------------------------------------------------- */

/* The fills that take time of the step at the channel's position. */
static void load_moves(struct channel *channel)
{
    const struct machine *machine = channel->component.machine;
    const GArray *flows = machine->phase->outer_flows;
    channel->move_count = 0;
    for (guint i = 0; i < flows->len; i++) {
        const struct outer_flow *f =
            &g_array_index(flows, struct outer_flow, i);
        if (f->is_timed && channel->move_count < CHANNEL_MAX_FLOWS) {
            channel->move_count += walk_outer_fill(
                machine->plan, machine->phase_index, f->flow, channel->position,
                &channel->moves[channel->move_count]);
        }
    }
}

static void load_step(struct channel *channel)
{
    struct machine *machine = channel->component.machine;
    channel->event_index = 0;
    channel->move_count = 0;
    channel->position =
        phase_next_fill_step(machine->phase, channel->position, true);
    channel->is_at_end = channel->position == INT64_MAX;
    if (!channel->is_at_end) {
        load_moves(channel);
    }
}

/* The stream of the next fill at or after the channel's place; -1 at the end.
 */
static int find_outer_fill(struct channel *channel)
{
    const struct phase *phase = channel->component.machine->phase;
    while (!channel->is_at_end) {
        for (; channel->event_index < channel->move_count;
             channel->event_index++) {
            channel->head_move = channel->moves[channel->event_index];
            int stream = phase->stream_of_flow[channel->head_move.flow];
            if (stream >= 0) {
                return stream;
            }
        }
        channel->position++;
        load_step(channel);
    }
    return -1;
}

/* The next stream among those fetched anew for the tile step the channel is
 * at. */
static int find_direct(struct channel *channel)
{
    const struct phase *phase = channel->component.machine->phase;
    if (channel->direct_leaf < 0) {
        return -1;
    }
    const GArray *direct = phase->leaves[channel->direct_leaf].direct;
    if (channel->direct_index < (int)direct->len) {
        return g_array_index(direct, int, channel->direct_index);
    }
    channel->direct_leaf = -1;
    return -1;
}

static int find_in_iteration(struct channel *channel)
{
    struct machine *machine = channel->component.machine;
    int stream = find_direct(channel);
    while (stream < 0 && walk_child_next(channel->walk, &machine->event)) {
        channel->event_index++;
        if (machine->event.kind == WALK_MOVE) {
            channel->head_move = machine->event.move;
            stream = machine->phase->stream_of_flow[channel->head_move.flow];
            /* A drain is no stream. */
        } else if (machine->event.kind == WALK_COMPUTE) {
            channel->direct_leaf = machine->event.leaf;
            channel->direct_cost = machine->event.cost;
            channel->direct_index = 0;
            stream = find_direct(channel);
        }
    }
    return stream;
}

static bool is_in_sight(const struct channel *channel)
{
    const struct machine *machine = channel->component.machine;
    int delay = machine->phase->children[channel->child].delay;
    return channel->position <=
           machine->step - delay + CHANNEL_SIGHT_ITERATIONS;
}

/* Likewise for a child's channel; -1 also when it has looked far enough. */
static int find_inner_fill(struct channel *channel)
{
    struct machine *machine = channel->component.machine;
    channel->is_out_of_sight = false;
    while (!channel->is_at_end) {
        int stream = find_in_iteration(channel);
        if (stream >= 0) {
            return stream;
        }
        if (channel->position + 1 == machine->phase->iteration_count) {
            channel->is_at_end = true;
            break;
        }
        if (!is_in_sight(channel)) {
            channel->is_out_of_sight = true;
            break;
        }
        channel->position++;
        channel->event_index = 0;
        walk_child_start(channel->walk, channel->position);
    }
    return -1;
}

static void find_head(struct channel *channel)
{
    channel->head = channel->child < 0 ? find_outer_fill(channel)
                                       : find_inner_fill(channel);
}

/* Past the fill that was just issued. */
static void pass_head(struct channel *channel)
{
    if (channel->child < 0) {
        channel->event_index++;
    } else if (channel->direct_leaf >= 0) {
        channel->direct_index++;
    }
    find_head(channel);
}

/* ---- issuing ------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -1; /* a is at least -1 */
}

/* The tile of its source that the fill at the channel's place is taken from. In
 * the same channel it is the last one issued; a child's channel may be ahead of
 * the child and so of the tile the child is at. */
static int64_t source_tile(const struct channel *channel,
                           const struct stream *stream)
{
    const struct phase *phase = channel->component.machine->phase;
    const struct stream *source = phase_stream(phase, stream->source);
    if (source->channel == stream->channel) {
        return source->issued - 1;
    }
    const struct child *child = &phase->children[channel->child];
    const struct reader *reader =
        &g_array_index(child->readers, struct reader, stream->source_reader);
    return reader->tile +
           floor_div(channel->position, source->tile_iterations) -
           floor_div(child->iteration, source->tile_iterations);
}

/* Has what the fill is taken from arrived? If not, it is known who wakes. */
static bool is_source_there(struct channel *channel,
                            const struct stream *stream)
{
    struct machine *machine = channel->component.machine;
    if (stream->source < 0) {
        return true;
    }
    const struct stream *source = phase_stream(machine->phase, stream->source);
    int64_t tile = source_tile(channel, stream);
    if (tile < 0) {
        return true;
    }
    const struct pending *arrival = &source->arrival[tile % source->copies];
    if (tile >= source->issued || arrival->legs > 0) {
        channel->waits_for_port = true;
        return false;
    }
    if (arrival->at_ticks > machine->now_ticks) {
        component_wake_at(&channel->component, arrival->at_ticks);
        return false;
    }
    return true;
}

/* Where the loops stand for the fill at the channel's place. */
static const int64_t *find_place(const struct channel *channel,
                                 const struct stream *stream)
{
    struct machine *machine = channel->component.machine;
    if (machine->main_memory == NULL) {
        return NULL;
    }
    if (channel->child >= 0) {
        return walk_child_index(channel->walk);
    }
    walk_find_place(machine->plan, machine->phase_index,
                    channel->position - stream->first_delay, machine->index);
    return machine->index;
}

/* Remembers why. */
static bool is_held_up(struct channel *channel, const struct stream *stream)
{
    const struct machine *machine = channel->component.machine;
    if (stream->issued - stream->released >= stream->copies) {
        channel->late_cause =
            cause_of_flow(machine->plan, STALL_BUFFER_FULL, stream->flow);
        return true;
    }
    if (!is_source_there(channel, stream)) {
        const struct stream *source =
            phase_stream(machine->phase, stream->source);
        channel->late_cause =
            cause_of_flow(machine->plan, STALL_OPERAND, source->flow);
        return true;
    }
    return false;
}

void channel_activate(struct sysc_process *self, void *user)
{
    (void)self;
    struct channel *channel = user;
    struct machine *machine = channel->component.machine;
    component_enter_settling(&channel->component);
    channel->waits_for_port = false;
    if (!channel->is_used) {
        return;
    }
    if (channel->head < 0) {
        find_head(channel);
    }
    while (channel->head >= 0) {
        struct stream *stream = phase_stream(machine->phase, channel->head);
        if (is_held_up(channel, stream)) {
            return;
        }
        if (channel->direct_leaf >= 0) {
            resize_direct(machine, stream, channel->direct_cost);
        } else {
            resize_fill(machine, stream, &channel->head_move);
        }
        struct occasion occasion = {stream->flow, find_place(channel, stream)};
        port_request(machine, stream->channel, &stream->transfer, &occasion,
                     channel->late_cause,
                     &stream->arrival[stream->issued % stream->copies]);
        stream->issued++;
        recorder_hold(machine, stream);
        pass_head(channel);
    }
}

void channel_wake(struct machine *machine, int channel)
{
    if (machine->channels[channel].is_used) {
        component_wake_settling(&machine->channels[channel].component);
    }
}

void channels_wake_waiting(struct machine *machine)
{
    for (int c = 0; c < machine->channel_count; c++) {
        if (machine->channels[c].waits_for_port) {
            channel_wake(machine, c);
        }
    }
}

void channels_look_on(struct machine *machine)
{
    for (int c = 1; c < machine->channel_count; c++) {
        if (machine->channels[c].is_out_of_sight) {
            channel_wake(machine, c);
        }
    }
}

/* ---- phases and jumps ---------------------------------------------------- */

static void begin_phase(struct machine *machine, int index)
{
    struct channel *channel = &machine->channels[index];
    channel->position = 0;
    channel->event_index = 0;
    channel->direct_leaf = -1;
    channel->direct_index = 0;
    channel->head = -1;
    channel->is_at_end = false;
    channel->is_out_of_sight = false;
    channel->waits_for_port = false;
    channel->late_cause = -1;
    if (index == 0) {
        load_step(channel);
    } else {
        channel->walk = walk_child_new(machine->plan, machine->phase_index,
                                       channel->child, false);
        walk_child_start(channel->walk, 0);
    }
    channel_wake(machine, index);
}

void channels_begin_phase(struct machine *machine)
{
    const struct phase *phase = machine->phase;
    for (int c = 0; c < machine->channel_count; c++) {
        struct channel *channel = &machine->channels[c];
        channel->is_used = c == 0 ? phase->outer_flows->len > 0
                                  : c <= phase->child_count &&
                                        phase->children[c - 1].has_streams;
        channel->is_out_of_sight = false;
        if (channel->is_used) {
            begin_phase(machine, c);
        }
    }
}

void channels_end_phase(struct machine *machine)
{
    for (int c = 0; c < machine->channel_count; c++) {
        walk_child_free(machine->channels[c].walk);
        machine->channels[c].walk = NULL;
        machine->channels[c].is_used = false;
    }
}

static bool has_fill(const struct phase *phase, const struct walk_event *event)
{
    return event->kind == WALK_MOVE
               ? phase->stream_of_flow[event->move.flow] >= 0
               : phase->leaves[event->leaf].direct->len > 0;
}

int64_t channel_find_fill(struct channel *channel, int64_t from, int64_t to)
{
    struct machine *machine = channel->component.machine;
    const struct phase *phase = machine->phase;
    int64_t last = phase->iteration_count - 1;
    AUTO(walk_child)
    walk = walk_child_new(machine->plan, machine->phase_index, channel->child,
                          false);
    for (int64_t i = from; i <= MIN(to, last - 1); i++) {
        walk_child_start(walk, i);
        while (walk_child_next(walk, &machine->event)) {
            if (has_fill(phase, &machine->event)) {
                return i;
            }
        }
    }
    return MIN(to + 1, last);
}

/* To the end of the iteration it is at then. */
static void shift_search(struct channel *channel)
{
    struct machine *machine = channel->component.machine;
    walk_child_start(channel->walk, channel->position);
    channel->event_index = 0;
    while (walk_child_next(channel->walk, &machine->event)) {
        channel->event_index++;
    }
}

void channel_shift(struct channel *channel, int64_t iterations)
{
    struct machine *machine = channel->component.machine;
    channel->position += iterations;
    if (channel->child < 0) {
        load_moves(channel);
        if (channel->head >= 0) {
            channel->head_move = channel->moves[channel->event_index];
        }
        return;
    }
    if (channel->is_out_of_sight && channel->head < 0) {
        shift_search(channel);
        return;
    }
    walk_child_start(channel->walk, channel->position);
    for (int i = 0; i < channel->event_index; i++) {
        if (!walk_child_next(channel->walk, &machine->event)) {
            BUG("iteration %" G_GINT64_FORMAT " has fewer events",
                channel->position);
        }
    }
    if (channel->direct_leaf >= 0) {
        channel->direct_cost = machine->event.cost;
    } else if (channel->head >= 0) {
        channel->head_move = machine->event.move;
    }
}
