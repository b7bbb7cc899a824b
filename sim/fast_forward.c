/* Exact fast-forward. doc/sim.md has the proof.
 *
 * At the beginning of a step all units are idle and the whole state of the
 * machine is small: times relative to now, positions relative to the step. For
 * each loop above the pipeline, at steps in which it advances, the state is
 * compared with an anchor state (Brent's cycle detection: the anchor is renewed
 * at powers of two). If they are equal, what happened in between happens again
 * and again as long as the schedule ahead looks the same, that is while nothing
 * touches the loop's first or last iteration. So many repetitions are added to
 * the counters at once, and positions move on. */
#include <string.h>

#include "sim/trace/recorder.h"

/* One loop in its current run, from its first to its last iteration; where tiles
 * do not divide, its last full one; where predicates leave points out, the last
 * of those alike (mapping/runs.c). */
struct level {
    const struct loop *loop;
    int64_t begin_step; /* of the run; -1: none seen yet */
    int64_t inside;     /* iterations of one trip */
    int64_t end_step;   /* the first step (= iteration) after the run */
    bool is_done;       /* skipped, or nothing more to skip */
    /* Units that have done nothing since then have no work in this loop. In
     * run time: clock and skipped cycles together. */
    int64_t calm_ticks;
    bool has_anchor;
    int64_t anchor_index; /* iteration of the loop */
    int64_t power;
    int64_t anchor_ticks; /* run time */
    GArray *anchor;       /* int64_t */
    int64_t *anchor_counters;
};

struct fast_forward {
    struct machine *machine;
    int level_count;
    struct level *levels;
    GArray *state; /* int64_t: the state being compared */
};

struct fast_forward *fast_forward_new(struct machine *machine)
{
    struct fast_forward *ff = g_new0(struct fast_forward, 1);
    ff->machine = machine;
    ff->state = g_array_new(false, false, sizeof(int64_t));
    return ff;
}

static void clear_levels(struct fast_forward *ff)
{
    for (int l = 0; l < ff->level_count; l++) {
        g_array_unref(ff->levels[l].anchor);
        g_free(ff->levels[l].anchor_counters);
    }
    g_free(ff->levels);
    ff->levels = NULL;
    ff->level_count = 0;
}

void fast_forward_free(struct fast_forward *ff)
{
    if (ff != NULL) {
        clear_levels(ff);
        g_array_unref(ff->state);
        g_free(ff);
    }
}

void fast_forward_begin_phase(struct fast_forward *ff)
{
    const struct phase *phase = ff->machine->phase;
    clear_levels(ff);
    ff->level_count = phase->loop_count;
    ff->levels = g_new0(struct level, (gsize)phase->loop_count + 1);
    for (int l = 0; l < ff->level_count; l++) {
        struct level *level = &ff->levels[l];
        level->loop = &phase->loops[l];
        level->begin_step = -1;
        level->anchor = g_array_new(false, false, sizeof(int64_t));
        level->anchor_counters =
            g_new0(int64_t, (gsize)ff->machine->counter_count);
    }
}

/* ---- the state ----------------------------------------------------------- */

static void put(struct fast_forward *ff, int64_t value)
{
    g_array_append_val(ff->state, value);
}

/* A time that only matters while it lies ahead. */
static void put_time(struct fast_forward *ff, int64_t at_ticks)
{
    int64_t ahead_ticks = at_ticks - ff->machine->now_ticks;
    put(ff, ahead_ticks > 0 ? ahead_ticks : 0);
}

/* With what the causes of stalls depend on. */
static void put_pending(struct fast_forward *ff, const struct pending *pending)
{
    bool is_ahead = pending->at_ticks > ff->machine->now_ticks;
    int64_t latency_ticks = pending->latency.memory_ticks;
    put_time(ff, pending->at_ticks);
    put_time(ff, pending->served_ticks);
    put_time(ff, pending->issued_ticks + latency_ticks);
    latency_ticks += pending->latency.hop_ticks;
    put_time(ff, pending->issued_ticks + latency_ticks);
    put(ff, is_ahead ? pending->port : -1);
    put_time(ff, pending->alone_ticks);
    put_time(ff, pending->alone_ticks + latency_ticks);
}

static bool is_calm(const struct unit *unit, const struct level *level)
{
    return unit->idle_since_ticks <= level->calm_ticks;
}

static void put_units(struct fast_forward *ff, const struct level *level)
{
    struct machine *m = ff->machine;
    for (int u = 0; u < m->plan->arch->unit_count; u++) {
        const struct unit *unit = &m->units[u];
        bool is_without_work = is_calm(unit, level);
        put(ff, unit->has_started);
        put(ff, is_without_work);
        put(ff, is_without_work
                    ? 0
                    : machine_run_ticks(m) - unit->idle_since_ticks);
        put_time(ff, unit->emptied_ticks);
    }
}

static void put_ports(struct fast_forward *ff)
{
    const struct machine *m = ff->machine;
    for (int p = 0; p < m->port_count; p++) {
        const struct port *port = &m->ports[p];
        put_time(ff, port->busy_until_ticks);
        for (guint i = 0; port->turns != NULL && i < port->turns->len; i++) {
            const struct turn *turn =
                &g_array_index(port->turns, struct turn, i);
            if (turn->to_ticks > m->now_ticks) {
                put(ff, turn->cause);
                put_time(ff, turn->from_ticks);
                put_time(ff, turn->to_ticks);
            }
        }
    }
}

static void put_streams(struct fast_forward *ff)
{
    const struct phase *phase = ff->machine->phase;
    for (guint i = 0; i < phase->streams->len; i++) {
        const struct stream *stream = phase_stream(phase, (int)i);
        put(ff, stream->issued - stream->released);
        put(ff, stream->reached - stream->released);
        for (int64_t n = stream->issued - stream->copies; n < stream->issued;
             n++) {
            if (n < 0) {
                put(ff, -1);
            } else {
                put_pending(ff, &stream->arrival[n % stream->copies]);
            }
        }
    }
    for (guint i = 0; i < phase->sinks->len; i++) {
        const struct sink *sink = phase_sink(phase, (int)i);
        put(ff, MIN(sink->requested, SINK_CREDITS));
        for (int64_t n = sink->requested; n < sink->requested + SINK_CREDITS;
             n++) {
            put_pending(ff, &sink->done[n % SINK_CREDITS]);
        }
    }
}

static void put_children(struct fast_forward *ff)
{
    const struct phase *phase = ff->machine->phase;
    int64_t local = machine_local(ff->machine, ff->machine->step);
    for (int c = 0; c < phase->child_count; c++) {
        const GArray *readers = phase->children[c].readers;
        for (guint r = 0; r < readers->len; r++) {
            const struct reader *reader =
                &g_array_index(readers, struct reader, r);
            put(ff, reader->tile - phase_stream(phase, reader->stream)->issued);
        }
    }
    for (int64_t i = local - phase->max_delay; i < local; i++) {
        put(ff, i < 0 ? 0 : (int64_t)phase->changed[i % phase->ring_count]);
    }
    for (int l = 0; l < ff->machine->plan->leaf_count; l++) {
        const int64_t *arrived = phase->leaves[l].arrived_ticks;
        int64_t from = local - phase->max_delay - 1 - phase->max_lag;
        for (int64_t i = from; arrived != NULL && i < local; i++) {
            int64_t at_ticks = i < 0 ? 0 : arrived[i % phase->ring_count];
            put_time(
                ff, at_ticks == 0 ? 0 : at_ticks + phase->leaves[l].skew_ticks);
        }
    }
}

/* A channel that has run into what comes after this loop stands still while the
 * loop goes on: its place is absolute. */
static bool is_beyond(const struct fast_forward *ff,
                      const struct channel *channel, const struct level *level)
{
    int64_t iteration = channel->position;
    if (channel->is_at_end) {
        return true;
    }
    if (channel->child < 0 && channel->head >= 0) {
        iteration -=
            phase_stream(ff->machine->phase, channel->head)->first_delay;
    }
    return iteration >= level->end_step;
}

/* One that has found no fill as far as it may look stays so far ahead, whatever
 * it is that it looks at. */
static bool is_searching(const struct channel *channel)
{
    return channel->is_out_of_sight && channel->head < 0 && !channel->is_at_end;
}

/* Does it go on with the loop? */
static bool moves_along(const struct fast_forward *ff,
                        const struct channel *channel,
                        const struct level *level)
{
    return channel->is_used &&
           (is_searching(channel) || !is_beyond(ff, channel, level));
}

static void put_channels(struct fast_forward *ff, const struct level *level)
{
    const struct machine *m = ff->machine;
    for (int c = 0; c < m->channel_count; c++) {
        const struct channel *channel = &m->channels[c];
        if (!channel->is_used) {
            continue;
        }
        bool is_still = !moves_along(ff, channel, level);
        put(ff, channel->is_at_end);
        put(ff, is_still);
        put(ff, is_still ? channel->position : channel->position - m->step);
        put(ff, is_searching(channel) ? 0 : channel->event_index);
        put(ff, channel->direct_leaf);
        put(ff, channel->direct_index);
        put(ff, channel->head);
        put(ff, channel->is_out_of_sight);
        put(ff, channel->late_cause);
    }
}

static void capture(struct fast_forward *ff, const struct level *level)
{
    g_array_set_size(ff->state, 0);
    put_units(ff, level);
    put_ports(ff);
    put_streams(ff);
    put_children(ff);
    put_channels(ff, level);
    put(ff, ff->machine->last_leaf);
}

/* ---- skipping ------------------------------------------------------------ */

/* What a searching channel gets to see within the run is as empty as before; what
 * comes after it has to be looked at. At most so many iterations may be skipped,
 * of `room`. */
static int64_t limit_search(struct channel *channel, const struct level *level,
                            int64_t room)
{
    int64_t known = MAX(channel->position, level->end_step - level->inside - 1);
    int64_t fill =
        channel_find_fill(channel, known + 1, channel->position + room);
    return fill - 1 - channel->position;
}

/* How many of `period` iterations of the loop may be skipped at once: neither
 * children nor channels may get to see the loop's last iteration. */
static int64_t count_repetitions(const struct fast_forward *ff,
                                 const struct level *level, int64_t period)
{
    const struct machine *m = ff->machine;
    int64_t furthest = m->step;
    for (int c = 0; c < m->channel_count; c++) {
        const struct channel *channel = &m->channels[c];
        if (moves_along(ff, channel, level) && !is_searching(channel)) {
            furthest = MAX(furthest, channel->position);
        }
    }
    int64_t room = level->end_step - level->inside - 1 - furthest;
    for (int c = 0; c < m->channel_count && room > 0; c++) {
        if (m->channels[c].is_used && is_searching(&m->channels[c])) {
            room = limit_search(&m->channels[c], level, room);
        }
    }
    return room <= 0 ? 0 : room / (period * level->inside);
}

static bool multiply_counters(struct machine *m, const struct level *level,
                              int64_t repetitions)
{
    for (int i = 0; i < m->counter_count; i++) {
        int64_t added = 0;
        if (i != COUNTER_TICKS &&
            (!num_mul(m->counters[i] - level->anchor_counters[i], repetitions,
                      &added) ||
             !num_add(m->counters[i], added, &m->counters[i]))) {
            return false;
        }
    }
    return true;
}

static void skip(struct fast_forward *ff, struct level *level, int64_t period,
                 int64_t repetitions)
{
    struct machine *m = ff->machine;
    int64_t cycles = 0;
    int64_t iterations = period * repetitions * level->inside;
    recorder_skip(m, level->anchor_counters,
                  machine_run_ticks(m) - level->anchor_ticks, repetitions);
    if (!num_mul(machine_run_ticks(m) - level->anchor_ticks, repetitions,
                 &cycles) ||
        !multiply_counters(m, level, repetitions) ||
        !num_add(*counter_skipped_ticks(m), cycles, counter_skipped_ticks(m))) {
        machine_fail(m, ERR_LIMIT, "sim-limit", "cycles exceed 64 bits");
        return;
    }
    for (int u = 0; u < m->plan->arch->unit_count; u++) {
        if (!is_calm(&m->units[u], level)) {
            m->units[u].idle_since_ticks += cycles;
        }
    }
    for (int c = 0; c < m->channel_count; c++) {
        struct channel *channel = &m->channels[c];
        if (moves_along(ff, channel, level)) {
            channel_shift(channel, iterations);
        }
    }
    for (int c = 0; c < m->phase->child_count; c++) {
        m->phase->children[c].iteration += iterations;
    }
    m->step += iterations;
    m->skipped += iterations;
    m->next_fill_step = phase_next_fill_step(m->phase, m->step, false);
}

/* ---- detecting ----------------------------------------------------------- */

static void set_anchor(struct fast_forward *ff, struct level *level,
                       int64_t index)
{
    struct machine *m = ff->machine;
    level->has_anchor = true;
    level->anchor_index = index;
    level->anchor_ticks = machine_run_ticks(m);
    memcpy(level->anchor_counters, m->counters,
           sizeof(int64_t) * (gsize)m->counter_count);
    /* The old anchor becomes the next state's space. */
    GArray *spare = level->anchor;
    level->anchor = ff->state;
    ff->state = spare;
}

static bool is_at_anchor(const struct fast_forward *ff,
                         const struct level *level)
{
    return level->has_anchor && level->anchor->len == ff->state->len &&
           memcmp(level->anchor->data, ff->state->data,
                  sizeof(int64_t) * ff->state->len) == 0;
}

/* The run of the loop that the step is in; false if it is in none, or within a
 * trip. Runs of uneven plans are asked for once. */
static bool find_run(const struct machine *m, int index,
                     const struct level *level, struct walk_run *run)
{
    const struct loop *loop = level->loop;
    if (m->plan->is_regular) {
        int64_t all = loop->inside * loop->trips;
        *run = (struct walk_run){m->step - m->step % all, loop->inside,
                                 loop->trips};
        return m->step % loop->inside == 0;
    }
    if (level->begin_step >= 0 && m->step >= level->begin_step &&
        m->step < level->end_step) {
        *run = (struct walk_run){level->begin_step, level->inside,
                                 (level->end_step - level->begin_step) /
                                     level->inside};
    } else if (!walk_find_run(m->plan, m->phase_index, index, m->step, run)) {
        return false;
    }
    return (m->step - run->begin) % run->inside == 0;
}

static void begin_run(struct level *level, const struct walk_run *run)
{
    level->begin_step = run->begin;
    level->inside = run->inside;
    level->end_step = run->begin + run->trips * run->inside;
    level->is_done = run->trips < 3;
    level->has_anchor = false;
    level->calm_ticks = -1;
    level->power = 1;
}

/* Where a skip ended early, the search begins anew. */
static void forget_anchor(struct level *level)
{
    level->has_anchor = false;
    level->power = 1;
}

static void look(struct fast_forward *ff, struct level *level)
{
    const struct machine *m = ff->machine;
    struct walk_run run;
    if (!find_run(m, (int)(level - ff->levels), level, &run)) {
        return;
    }
    int64_t begin = run.begin;
    int64_t inside = run.inside;
    if (begin != level->begin_step) {
        begin_run(level, &run);
    }
    /* What belongs to iterations before this run's second must be over. */
    int64_t since = m->step - begin;
    int64_t calm = m->phase->max_delay + 1 + m->phase->max_lag;
    if (level->is_done || since < calm) {
        return;
    }
    if (since < calm + inside || level->calm_ticks < 0) {
        level->calm_ticks = machine_run_ticks(ff->machine);
        return;
    }
    int64_t index = since / inside;
    capture(ff, level);
    if (is_at_anchor(ff, level)) {
        int64_t period = index - level->anchor_index;
        int64_t repetitions = count_repetitions(ff, level, period);
        int64_t limit = recorder_limit_skip(m, machine_run_ticks(ff->machine) -
                                                   level->anchor_ticks);
        level->is_done = repetitions <= limit;
        repetitions = MIN(repetitions, limit);
        if (repetitions > 0) {
            skip(ff, level, period, repetitions);
            forget_anchor(level);
        }
    } else if (!level->has_anchor ||
               index - level->anchor_index == level->power) {
        level->power *= level->has_anchor ? 2 : 1;
        set_anchor(ff, level, index);
    }
}

void fast_forward_at_step(struct fast_forward *ff)
{
    struct machine *m = ff->machine;
    if (m->step >= m->phase->iteration_count) {
        return;
    }
    if (recorder_needs_steps(m)) {
        for (int l = 0; l < ff->level_count; l++) {
            forget_anchor(&ff->levels[l]);
        }
        return;
    }
    /* Outermost first: its jump begins new runs of the loops inside. */
    for (int l = 0; l < ff->level_count; l++) {
        look(ff, &ff->levels[l]);
    }
}
