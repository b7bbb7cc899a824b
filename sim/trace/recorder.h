/* Recorder: what the machine tells a trace. Every hook costs one test of a
 * pointer when nothing is recorded. Private to sim/.
 *
 * Only two hooks change what is simulated, and none what comes out: inside the
 * window nothing is fast-forwarded, and a skip before it ends well before its
 * beginning. */
#ifndef SIM_TRACE_RECORDER_H
#define SIM_TRACE_RECORDER_H

#include "sim/machine.h"

struct recorder {
    struct machine *machine;
    struct trace *trace;
    bool wants_events;    /* of units and buffers, not only totals */
    int64_t *port_totals; /* see recorder_total */
    int transfer_names;
    int64_t from_ticks; /* the window, in run time */
    int64_t to_ticks;
    int64_t phase_begin_ticks;
    /* Tracks; -1 where nothing is to be recorded. */
    int phase_track;
    int *unit_track;            /* by unit id */
    int *stall_track;           /* by unit id */
    int *port_track;            /* by port */
    int *buffer_track;          /* by flow id */
    int64_t *held_before_bytes; /* by flow id: when the window begins */
    int64_t *began_ticks; /* by unit id: of the running tile step, run time */
    enum stall *stall_of_cause;
    struct intervals *intervals; /* NULL: none are wanted */
    GArray *tags;            /* struct trace_slice: what requests are about */
    int64_t dram_done_ticks; /* of the kernel's clock: the last request */
    int64_t open_legs;       /* of requests that are not served: uses of tags */
};

/* Fills `trace` while the machine runs. ERR_INPUT for a component that is not
 * there. */
MUST_USE enum status recorder_new(struct machine *machine, struct trace *trace,
                                  struct recorder **recorder);
void recorder_free(struct recorder *recorder);
BASE_DEFINE_CLEANUP(recorder)
/* The run is over: puts all in order and finds the tiles. ERR_INPUT when it was
 * over before the window began. */
MUST_USE enum status recorder_finish(struct recorder *recorder);
/* Gives the slices of a run the coordinates of their tiles. */
void recorder_find_tiles(struct recorder *recorder);

/* ---- recorder_totals.c ----------------------------------------------------- */

/* What is counted of each port and name (of a leaf or flow). */
enum { TOTAL_COUNT, TOTAL_TICKS, TOTAL_BYTES, TOTALS };

/* Leaves and flows, which is what transfers are named by. */
int recorder_transfer_names(const struct plan *plan);
/* So many of the machine's counters, the last ones, are the recorder's. */
int recorder_counter_count(const struct plan *plan);
static inline int64_t *recorder_total(const struct recorder *recorder, int port,
                                      int name)
{
    int at = port * recorder->transfer_names + name;
    return &recorder->port_totals[(size_t)at * TOTALS];
}
void recorder_add_totals(struct recorder *recorder);

/* ---- recorder_intervals.c -------------------------------------------------- */

struct intervals *intervals_new(const struct machine *machine);
void intervals_free(struct intervals *intervals);
void intervals_work(struct recorder *recorder, int unit, int64_t from_ticks,
                    int64_t to_ticks);
void intervals_stall(struct recorder *recorder, int unit, enum stall stall,
                     int64_t from_ticks, int64_t to_ticks);
void intervals_serve(struct recorder *recorder, int port, int64_t from_ticks,
                     int64_t to_ticks, int64_t bytes);
void intervals_skip(struct recorder *recorder, const int64_t *anchor_counters,
                    int64_t period_ticks, int64_t repetitions);
void intervals_finish(struct recorder *recorder);

/* ---- hooks ----------------------------------------------------------------- */

void recorder_begin_phase(struct machine *machine);
void recorder_end_phase(struct machine *machine);

/* For those below: called only where somebody wants to know. */
void recorder_note_step(struct unit *unit, int64_t busy_ticks);
void recorder_note_stall(struct unit *unit, int cause, int64_t from_ticks,
                         int64_t to_ticks);
int recorder_note_request(struct machine *machine, int order, int leg_count);
void recorder_note_service(struct machine *machine, int port, int tag,
                           int64_t bytes, int64_t from_ticks, int64_t to_ticks);
void recorder_note_hold(struct machine *machine, const struct stream *stream);

static inline bool recorder_wants_events(const struct machine *machine)
{
    return machine->recorder != NULL && machine->recorder->wants_events;
}

static inline void recorder_begin_step(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    if (recorder_wants_events(machine)) {
        machine->recorder->began_ticks[unit->id] = machine_run_ticks(machine);
    }
}

/* It was busy until `busy_ticks` after it began. */
static inline void recorder_end_step(struct unit *unit, int64_t busy_ticks)
{
    if (recorder_wants_events(unit->component.machine)) {
        recorder_note_step(unit, busy_ticks);
    }
}

/* The unit was idle from..to, in run time. */
static inline void recorder_stall(struct unit *unit, int cause,
                                  int64_t from_ticks, int64_t to_ticks)
{
    if (recorder_wants_events(unit->component.machine)) {
        recorder_note_stall(unit, cause, from_ticks, to_ticks);
    }
}

/* What a request that is made now is about: a number that recorder_serve gets
 * when a port serves one of its legs; of a name alone ~name. `order` as of
 * port_request. Names: see recorder_names.h. */
static inline int recorder_name_of_order(const struct machine *machine,
                                         int order)
{
    int name = order - machine->channel_count;
    return name >= 0
               ? name
               : phase_stream(machine->phase, machine->channels[order].head)
                     ->flow;
}

static inline int recorder_tag(struct machine *machine, int order,
                               int leg_count)
{
    if (recorder_wants_events(machine)) {
        return recorder_note_request(machine, order, leg_count);
    }
    return machine->recorder == NULL ? 0
                                     : ~recorder_name_of_order(machine, order);
}

static inline void recorder_add_total(struct recorder *recorder, int port,
                                      int name, int64_t ticks, int64_t bytes)
{
    int64_t *total = recorder_total(recorder, port, name);
    total[TOTAL_COUNT]++;
    total[TOTAL_TICKS] += ticks;
    total[TOTAL_BYTES] += bytes;
}

/* Not run time: ticks of the kernel's clock. */
static inline void recorder_serve(struct machine *machine, int port, int tag,
                                  int64_t bytes, int64_t from_ticks,
                                  int64_t to_ticks)
{
    if (recorder_wants_events(machine)) {
        recorder_note_service(machine, port, tag, bytes, from_ticks, to_ticks);
    } else if (machine->recorder != NULL) {
        recorder_add_total(machine->recorder, port, ~tag, to_ticks - from_ticks,
                           bytes);
    }
}

/* Requests are under way in DRAM beside one another: one is shown from when it was
 * asked for, or the one before was done, to when it is done. */
static inline void recorder_serve_dram(struct machine *machine, int tag,
                                       int64_t bytes, int64_t asked_ticks,
                                       int64_t done_ticks)
{
    if (machine->recorder != NULL) {
        int64_t *last_ticks = &machine->recorder->dram_done_ticks;
        int64_t from_ticks = MAX(asked_ticks, *last_ticks);
        *last_ticks = MAX(from_ticks, done_ticks);
        recorder_serve(machine, port_of(0, PORT_DRAM), tag, bytes, from_ticks,
                       *last_ticks);
    }
}

/* Buffers of the stream were taken or given back. */
static inline void recorder_hold(struct machine *machine,
                                 const struct stream *stream)
{
    if (recorder_wants_events(machine)) {
        recorder_note_hold(machine, stream);
    }
}

/* Before a skip: what happened since the anchor happens so often again. */
void recorder_skip(struct machine *machine, const int64_t *anchor_counters,
                   int64_t period_ticks, int64_t repetitions);
/* Must every step be simulated now? */
bool recorder_needs_steps(const struct machine *machine);
/* At most so many repetitions of a period may be skipped now. */
int64_t recorder_limit_skip(const struct machine *machine,
                            int64_t period_ticks);

#endif
