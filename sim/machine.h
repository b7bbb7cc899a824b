/* Machine: the SystemC components and what they share. Private to sim/.
 *
 *   sequencer  one: walks the steps and slots of a phase; all units enter a
 *              slot together
 *   unit       sleeps through a tile step, then starts the next one or waits
 *   channel    DMA: one for the holds above the pipeline, one per child; issues
 *              fills in program order as far as buffers allow
 *   port       one of a memory's finite bandwidths: serves requests one after
 *              another in exact time
 *
 * Each is an SC_METHOD that sleeps on its own event. What happens in one cycle
 * does not depend on the order in which the kernel runs them: ports serve
 * nothing and the sequencer opens no slot before units and channels have
 * settled, and a port serves the requests of one instant in a fixed order.
 *
 * Times are ticks of the kernel's clock, fractions of a cycle (ticks.c).
 * Fast-forward moves no clock; it adds what it skipped to the counters. "Run
 * time" is both together. */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "sim/sim.h"
#include "sim/systemc/systemc.h"
#include "sim/timing.h"

struct machine;

/* What every component has. */
struct component {
    struct machine *machine;
    struct sysc_event *wake;
    bool is_woken; /* will run in the next delta cycle */
};

struct unit {
    struct component component;
    int id;
    bool is_busy;
    int64_t done_ticks;
    struct child *child; /* whose leaf runs here while busy */
    int leaf;
    int queue_position;       /* in phase->queue of the slot */
    bool waits_for_port;      /* wake it when a port has served something */
    struct pending on_chip;   /* transfer of the running tile step */
    struct pending serial;    /* its work that no serial transfer overlaps */
    GArray *waited;           /* struct turn: what that waited for */
    bool is_emptying;         /* its last lanes finish the tile step */
    int64_t emptied_ticks;    /* where tile steps overlap: of the last one */
    int64_t idle_since_ticks; /* run time */
    bool has_started;         /* in this phase */
    bool is_used;             /* has leaves in this phase */
};

struct request {
    int order; /* sorts the requests of one instant: see port_request */
    int64_t ticks;
    struct pending *pending;
    int64_t bytes;
    int tag;           /* what it is about: see recorder_tag */
    int port;          /* that it is of; -1: work of a core's serial ports */
    struct unit *unit; /* whose work */
};

/* What the serial server does from then until then, as the cause of waiting for
 * it. */
struct turn {
    int cause;
    int64_t from_ticks;
    int64_t to_ticks;
};

struct port {
    struct component component;
    int64_t busy_until_ticks;
    GArray *turns; /* struct turn: from a while ago on; of the serial server */
    GArray *queue; /* struct request */
    bool is_bank;
};

/* What a tile step waits for. */
struct readiness {
    bool is_known; /* everything it waits for has been served or issued */
    int64_t operands_ticks;
    const struct pending *last; /* the last of these; NULL: none */
    bool is_result;             /* that is a result, whose room is waited for */
    int64_t reduced_ticks;
    int reducer; /* the leaf whose reduction is last */
};

#define CHANNEL_MAX_FLOWS 64

struct channel {
    struct component component;
    int child; /* -1: holds above the pipeline */
    bool is_used;
    struct walk_child *walk;
    /* Where it is: the outer channel counts steps, the others iterations. */
    int64_t position;
    int event_index; /* of the next event there, so a walk can be resumed */
    int direct_leaf; /* whose direct streams are being issued; -1 */
    int direct_index;
    const struct walk_cost *direct_cost; /* of that step; NULL: as planned */
    int head; /* stream of the next fill; -1: none found yet */
    struct walk_move head_move; /* what it moves, unless it is direct */
    bool is_at_end;
    bool is_out_of_sight; /* looked as far ahead as it may */
    bool waits_for_port;  /* wake it when a port has served something */
    int late_cause;       /* what held up the fill at its place; -1: nothing */
    int move_count;       /* outer channel: fills of the step at `position` */
    struct walk_move moves[CHANNEL_MAX_FLOWS];
};

enum sequencer_state {
    SEQUENCER_BEGIN_PHASE,
    SEQUENCER_OPEN_SLOT,
    SEQUENCER_IN_SLOT,   /* children run; the last wakes the sequencer */
    SEQUENCER_END_PHASE, /* ports finish what is under way */
};

struct machine {
    const struct plan *plan;
    struct sysc_context *context;
    struct component sequencer;
    enum sequencer_state state;
    int64_t ticks_per_cycle;
    struct phase **phases;
    struct phase *phase; /* the one that runs */
    int phase_index;
    int64_t now_ticks;
    int64_t step;    /* of the plan */
    int64_t skipped; /* iterations that fast-forward left out in this phase */
    int slot;
    int children_left; /* in this slot */
    int last_leaf;     /* that ended last in this phase; -1 */
    int64_t last_end_ticks;
    int64_t last_arrival_ticks; /* of all that was asked of ports */
    int settling;               /* units and channels woken in this cycle */
    int ports_woken;
    int64_t next_fill_step;
    struct unit *units; /* by unit id */
    int port_count;
    struct port *ports; /* port_of a memory */
    int serial_server;  /* the port that serves for all serial ones; -1 */
    int channel_count;
    struct channel *channels;
    /* All that adds up, in one array so that fast-forward can multiply it. */
    int counter_count;
    int cause_count;
    int relieved; /* the cause that this run goes without; -1 */
    int64_t *counters;
    int64_t tile_steps; /* really simulated */
    int64_t step_limit;
    struct main_memory *main_memory;   /* NULL: it has a bandwidth alone */
    int64_t *index;                    /* scratch: places of loops, by node */
    struct fast_forward *fast_forward; /* NULL: not used */
    struct recorder *recorder;         /* NULL: nothing is recorded */
    struct walk_event event;           /* scratch of whoever walks */
    struct diags *diags;
    enum status status; /* of the run; not OK ends it */
};

/* ---- counters --------------------------------------------------------------
 */

#define COUNTER_TICKS 0
/* Ticks that fast-forward skipped. */
static inline int64_t *counter_skipped_ticks(struct machine *m)
{
    return &m->counters[COUNTER_TICKS];
}

static inline int64_t *counter_busy(struct machine *m, int unit)
{
    return &m->counters[1 + unit * (1 + m->cause_count)];
}

static inline int64_t *counter_idle(struct machine *m, int unit, int cause)
{
    return counter_busy(m, unit) + 1 + cause;
}

static inline int64_t *counter_executed(struct machine *m, int leaf)
{
    return counter_busy(m, m->plan->arch->unit_count) + leaf;
}

static inline int64_t *counter_moved(struct machine *m, int flow)
{
    return counter_executed(m, m->plan->leaf_count) + flow;
}

/* Of irregular plans, whose events are not alike: elements that passed both
 * places of a flow, points and busy cycles of a leaf's steps. */
static inline int64_t *counter_outside(struct machine *m, int flow)
{
    return counter_moved(m, m->plan->flow_count) + flow;
}

static inline int64_t *counter_inside(struct machine *m, int flow)
{
    return counter_outside(m, m->plan->flow_count) + flow;
}

static inline int64_t *counter_points(struct machine *m, int leaf)
{
    return counter_inside(m, m->plan->flow_count) + leaf;
}

static inline int64_t *counter_busy_cycles(struct machine *m, int leaf)
{
    return counter_points(m, m->plan->leaf_count) + leaf;
}

static inline int order_of_sink(const struct machine *m, int flow)
{
    return m->channel_count + flow;
}

static inline int order_of_leaf(const struct machine *m, int leaf)
{
    return m->channel_count + m->plan->flow_count + leaf;
}

static inline int64_t machine_run_ticks(struct machine *m)
{
    return m->now_ticks + *counter_skipped_ticks(m);
}

/* ---- machine.c ----------------------------------------------------------- */

/* Without the cause `relieved` (-1: as it is). */
MUST_USE enum status machine_new(const struct plan *plan,
                                 const struct sim_options *options,
                                 int relieved, struct diags *diags,
                                 struct machine **machine);
void machine_free(struct machine *machine);
BASE_DEFINE_CLEANUP(machine)
/* Runs all phases. */
MUST_USE enum status machine_run(struct machine *machine);
/* All that is said to the kernel may fail once time ends. */
void machine_check(struct machine *machine, enum sysc_status status);
/* Records the first failure and ends the run. */
void machine_fail(struct machine *machine, enum status status, const char *code,
                  const char *message);

/* The local number of an iteration or step: without what was skipped. */
static inline int64_t machine_local(const struct machine *m, int64_t iteration)
{
    return iteration - m->skipped;
}

/* ---- waking -------------------------------------------------------------- */

void component_wake_now(struct component *component);
void component_wake_at(struct component *component, int64_t at_ticks);
/* Units and channels: counted in `settling` until they have run. */
void component_wake_settling(struct component *component);
/* Called at the beginning of a unit's or channel's activation. */
void component_enter_settling(struct component *component);

/* ---- unit.c -------------------------------------------------------------- */

void unit_activate(struct sysc_process *self, void *user);
/* Wakes those that wait for something a port had to serve. */
void units_wake_waiting(struct machine *machine);

/* ---- port.c -------------------------------------------------------------- */

void port_activate(struct sysc_process *self, void *user);
/* Requests all legs of a transfer; `pending` is known once they are served.
 * Requests of one instant are served by `order`, equal ones first come first
 * served: fills by channel, then results by flow, then reads on the chip. */
void port_request(struct machine *machine, int order,
                  const struct transfer *transfer,
                  const struct occasion *occasion, int late_cause,
                  struct pending *pending);
/* The unit's tile step asks for the turn of its serial ports. */
void port_request_serial(struct unit *unit, int64_t ticks);
/* One leg is served at that time. */
void port_note_served(struct machine *machine, int port, int64_t served_ticks,
                      struct pending *pending);

/* ---- ticks.c ------------------------------------------------------------- */

/* Chooses the ticks of a cycle and gives all phases their times in ticks.
 * ERR_LIMIT on overflow. */
MUST_USE enum status ticks_set(const struct plan *plan, struct phase **phases,
                               int64_t *ticks_per_cycle);
/* Gives the legs of a transfer their ticks. */
MUST_USE enum status ticks_convert(const struct plan *plan,
                                   int64_t ticks_per_cycle,
                                   struct transfer *transfer);

/* The share of a tile step's busy time that serial ports work. */
int64_t ticks_count_serial(const struct plan_leaf *leaf, int64_t busy_ticks);

/* ---- resize.c ------------------------------------------------------------ */

/* Of irregular plans; nothing changes in a regular one. What the next event of
 * the stream, of the sink, moves. */
void resize_fill(struct machine *machine, struct stream *stream,
                 const struct walk_move *move);
void resize_drain(struct machine *machine, struct sink *sink,
                  const struct walk_move *move);
/* An operand fetched anew for a step. */
void resize_direct(struct machine *machine, struct stream *stream,
                   const struct walk_cost *cost);
/* The next step of the leaf: its time, reads on the chip and writes. */
void resize_step(struct machine *machine, int leaf,
                 const struct walk_cost *cost);

/* ---- relief.c ------------------------------------------------------------ */

/* The machine's `relieved` cause goes from what is timed once; from an event of
 * an irregular plan. */
void relief_apply(struct machine *machine);
void relief_of_transfer(const struct machine *machine,
                        struct transfer *transfer);
void relief_of_step(const struct machine *machine, int leaf,
                    int64_t *busy_ticks);
bool relief_leaves_out_dram(const struct machine *machine);

/* ---- dma.c --------------------------------------------------------------- */

void channel_activate(struct sysc_process *self, void *user);
void channels_begin_phase(struct machine *machine);
void channels_end_phase(struct machine *machine);
/* Position moves by `iterations`: same events, later iteration. */
void channel_shift(struct channel *channel, int64_t iterations);
/* The first iteration in from..to of the child in which there is a fill that takes
 * time, or the last of all; to + 1 if there is none. */
int64_t channel_find_fill(struct channel *channel, int64_t from, int64_t to);
/* A buffer of the stream was released: its channel may go on. */
void channel_wake(struct machine *machine, int channel);
/* Wakes those that wait for something a port had to serve. */
void channels_wake_waiting(struct machine *machine);
/* Wakes the channels that had looked as far ahead as they may. */
void channels_look_on(struct machine *machine);

/* ---- sequencer.c --------------------------------------------------------- */

void sequencer_activate(struct sysc_process *self, void *user);
/* The child's running tile step is finished: its program goes on. */
void child_go_on(struct machine *machine, struct child *child);

/* ---- causes.c ------------------------------------------------------------ */

enum { CAUSE_FILL, CAUSE_DRAIN, CAUSE_OUT_OF_WORK };

int cause_count(const struct plan *plan);
/* DEPENDENCY, REDUCTION; leaf -1: of nobody in particular. */
int cause_of_leaf(const struct plan *plan, enum stall stall, int leaf);
/* OPERAND, BUFFER_FULL. */
int cause_of_flow(const struct plan *plan, enum stall stall, int flow);
int cause_of_port(const struct plan *plan, int port);
/* Of a bank. */
int cause_of_conflict(const struct plan *plan, int port);
int cause_of_dram(const struct plan *plan, enum dram_part part);
int cause_of_hops(const struct plan *plan, int fanout);
/* All but the unit and the cycles. */
void cause_describe(const struct plan *plan, int id,
                    struct evaluation_cause *cause);

/* ---- stalls.c ------------------------------------------------------------ */

/* The unit starts a tile step of the child now after having been idle. */
void stalls_account_start(struct unit *unit, const struct child *child,
                          const struct readiness *ready);
/* Its tile step lasts from `from` to `to` because of what it reads on the chip. */
void stalls_account_longer(struct unit *unit, int64_t from, int64_t to);
/* The same, because its serial ports had to wait for their turn. */
void stalls_account_turn(struct unit *unit, int64_t from, int64_t to);
/* Its last lanes finish it `skew_ticks` after the first, at `from`. */
void stalls_account_emptying(struct unit *unit, int64_t from,
                             int64_t skew_ticks);
/* The phase ends now. */
void stalls_account_end(struct unit *unit);

/* ---- fast_forward.c ------------------------------------------------------ */

struct fast_forward *fast_forward_new(struct machine *machine);
void fast_forward_free(struct fast_forward *ff);
void fast_forward_begin_phase(struct fast_forward *ff);
/* At the beginning of a step: skips what is known to repeat. */
void fast_forward_at_step(struct fast_forward *ff);

#endif
