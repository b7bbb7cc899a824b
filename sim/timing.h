/* Timing: what the moves and tile steps of one phase cost and wait for, worked
 * out once from the plan, plus the state that belongs to it while it runs.
 * Private to sim/.
 *
 *   transfer  one event of a flow as the port time it takes
 *   stream    data on its way to tile steps: a fill of a hold, or an operand
 *             read straight from the outermost memory; buffers limit how far
 *             its channel may run ahead
 *   sink      data on its way out: a write or a drain, two may be under way
 *   child     a child of the pipeline: its program and what it has reached
 *
 * Iterations and steps are those of the plan; "local" ones do not count what
 * fast-forward has skipped, so that rings need no shifting. */
#ifndef SIM_TIMING_H
#define SIM_TIMING_H

#include "mapping/mapping.h"

/* Time after the last port has served: of the memory the data come from, and of
 * the hops of the networks on the way. */
struct latency {
    int64_t memory_cycles;
    int64_t hop_cycles;
    int64_t memory_ticks;
    int64_t hop_ticks;
    bool is_set;
    int flow;
    int fanout; /* of the hops; -1: none */
};

/* What a DRAM's data buses do with their cycles. */
enum dram_part {
    DRAM_PART_TRANSFER,
    DRAM_PART_ROW,  /* rows are opened and closed */
    DRAM_PART_BANK, /* the same bank group, or column, again too soon */
    DRAM_PART_TURNAROUND,
    DRAM_PART_REFRESH,
    DRAM_PART_QUEUE, /* nothing to do yet, or the command bus is taken */
    DRAM_PART_COUNT
};

/* A completion to come: known once no leg is outstanding. The rest says what it
 * waited for (stalls.c). */
struct pending {
    int64_t at_ticks;
    int legs; /* requests not served yet */
    int port; /* that served last; -1 */
    int64_t served_ticks;
    int64_t issued_ticks;
    int64_t alone_ticks; /* served_ticks if others did not use its banks */
    int late_cause;      /* why it was not issued before; -1 */
    struct latency latency;
    int64_t dram_cycles[DRAM_PART_COUNT]; /* of DRAM's buses meanwhile */
};

/* Whose event a request is, and where the loops stand, by node id (NULL:
 * unknown). */
struct occasion {
    int flow;
    const int64_t *index;
};

/* A memory's bandwidths are ports of their own: what it reads and writes in all,
 * what it reads, what it writes. Of registers that tiles are shifted into, the
 * links that they come along are one too. */
enum port_kind {
    PORT_ALL,
    PORT_READS,
    PORT_WRITES,
    PORT_LOADS,
    PORT_DRAM, /* no port: what main_memory.c times burst by burst */
    PORT_KINDS
};

static inline int port_of(int memory, enum port_kind kind)
{
    return memory * PORT_KINDS + (int)kind;
}

/* Links of a fan-out's network are ports, too (port_list.c). */
int port_of_link(const struct arch *arch, int fanout, bool is_inwards);
/* So are the shares that a bank has of its memory's bandwidths, if tensors lie in
 * one bank each. They come last. */
int port_of_bank(const struct arch *arch, int memory, enum port_kind kind,
                 int bank);
int port_first_of_banks(const struct arch *arch);
int port_count(const struct arch *arch);
/* Bytes a second of one instance, or NUM_UNLIMITED; of a bank, those of its memory,
 * of which it has one part in port_shares. What is shifted in takes `load_cycles`
 * instead, whatever it is. */
int64_t port_bandwidth(const struct arch *arch, int port);
int64_t port_shares(const struct arch *arch, int port);
/* Of a memory with `overlap: false`, what all its reads, or writes, wait for: the
 * slower of the two ports. */
int port_of_serial(const struct arch *arch, int memory, bool is_write);
/* Whose requests overlap no other such request, nor work of serial ports. */
bool port_is_serial(const struct arch *arch, int port);

struct port_owner {
    int memory; /* -1: it is a link */
    int fanout; /* -1: it is a memory's */
    enum port_kind kind;
    bool is_inwards;
    int bank; /* -1: it is of all banks */
};
struct port_owner port_find_owner(const struct arch *arch, int port);

/* Time on one port. */
struct leg {
    int port;
    int64_t bytes; /* of one instance of the memory */
    int64_t ticks;
};

#define TRANSFER_MAX_LEGS 32

struct transfer {
    int leg_count; /* one for each port; for each flow, of banks */
    struct leg leg[TRANSFER_MAX_LEGS];
    struct latency latency; /* the longest of its flows */
};

static inline bool transfer_takes_time(const struct transfer *transfer)
{
    return transfer->leg_count > 0 || transfer->latency.memory_cycles > 0 ||
           transfer->latency.hop_cycles > 0;
}

struct stream {
    int flow;
    int channel; /* 0: of the holds above the pipeline; else 1 + child */
    int64_t copies;
    struct transfer transfer;
    /* The stream whose tiles this one is filled from; -1: what is always
     * there. If that belongs to the holds above the pipeline and this one to a
     * child: its index among the child's readers. */
    int source;
    int source_reader;
    /* Holds above the pipeline: the tile of iteration i is needed from step
     * i+first to the end of step i+last. */
    bool is_outer;
    int64_t tile_iterations; /* 0: changes irregularly */
    int first_delay;
    int last_delay;
    /* State. Fill n may be issued while n - released < copies. */
    int64_t issued;
    int64_t released;
    int64_t reached;         /* inner: fills the program has come to */
    struct pending *arrival; /* ring of `copies` */
};

#define SINK_CREDITS 2

struct sink {
    int flow;
    struct transfer transfer;
    int64_t requested;
    struct pending done[SINK_CREDITS]; /* of the last requests, as a ring */
};

/* A result that was reduced more iterations ago has always arrived. */
#define AWAITED_MAX_LAG 16

/* A result of a reduction across lanes that another leaf waits for. */
struct awaited {
    int leaf;
    bool is_skewed; /* of another unit, whose last lanes are behind the first */
    int64_t lag_iterations; /* 0: of the same iteration */
};

/* All GArrays hold what the comment says; indices into the phase's arrays. */
struct leaf_timing {
    bool is_here; /* belongs to this phase */
    int unit;
    int child;
    int64_t busy_ticks;
    int64_t serial_ticks; /* of them, work that no serial transfer overlaps */
    int64_t reduce_ticks;
    int64_t skew_ticks;           /* of its unit's lanes */
    const struct walk_cost *cost; /* of the step that it is at; NULL: planned */
    int64_t per_iteration; /* tile steps, if its phase-level `at` holds */
    GArray *last_loops;    /* int: loops of the phase that must be last */
    GArray *readers;       /* int: outer streams, as index in child->readers */
    GArray *streams;       /* int: streams of its own channel */
    GArray *direct;        /* int: those fetched anew for each tile step */
    GArray *writes;        /* int: sinks filled by each tile step */
    GArray *credits;       /* int: sinks that must have room */
    GArray *awaited;       /* struct awaited */
    struct transfer on_chip; /* read while it computes */
    /* Ring by local iteration: when its reduced result has arrived. */
    int64_t *arrived_ticks; /* NULL: as soon as its tile step ends */
};

struct reader {
    int stream;
    int64_t tile; /* index of the tile that the child is at; -1: none yet */
};

struct child {
    int index; /* in the plan's children[] */
    int slot;
    int delay;
    struct walk_child *walk;
    struct walk_child *survey; /* of irregular plans: counts steps ahead */
    GArray *units;             /* int: units it uses */
    GArray *leaves;            /* int: leaf ids */
    GArray *readers;           /* struct reader */
    bool has_streams;          /* its channel has work */
    bool has_outer_drains;
    /* State. */
    int64_t iteration;
    bool is_running;
    int next_leaf;         /* leaf it waits to run or runs; -1 at the end */
    int64_t since_ticks;   /* when the program came to next_leaf */
    int64_t steps_reached; /* in this iteration, next_leaf included */
    int since_leaf;        /* whose end brought it there; -1 */
    int64_t *left_on_unit; /* tile steps to come in this iteration, by unit;
                              NULL if it uses one unit only */
};

/* One loop above the pipeline. */
struct loop {
    int node;
    int64_t trips;
    int64_t inside; /* iterations of one trip: product of the trips inside */
};

struct phase {
    const struct plan *plan;
    const struct plan_phase *planned;
    int index;
    int loop_count;
    struct loop *loops;
    int64_t iteration_count;
    int max_delay;
    int slot_count;
    int child_count;
    struct child *children;
    int ring_count;             /* of rings by local iteration */
    int max_lag;                /* of what is awaited, in iterations */
    struct leaf_timing *leaves; /* by leaf id */
    GArray *streams;            /* struct stream */
    GArray *sinks;              /* struct sink */
    int *stream_of_flow;        /* -1: takes no time */
    int *sink_of_flow;
    GArray *outer_flows; /* struct outer_flow */
    /* Children by slot and unit: who uses the unit in this slot, listed
     * order; [slot * unit_count + unit], arrays of int. */
    GArray **queue;
    /* Streams whose tile changes at an iteration: ring by local iteration. */
    uint64_t *changed;
};

/* A FILL or REFILL of a hold above the pipeline, timed or not. */
struct outer_flow {
    int flow;
    int64_t tile_iterations;
    int first_delay;
    bool is_timed; /* has a stream */
};

/* What one event takes of the ports; no ticks yet. Elements of a leaf's flow in a
 * step that costs so much (NULL: as planned); a fill or drain; a leaf's flow: the
 * share that is read while the unit computes goes to `near`, what is fetched
 * ahead and what is written to `far`. They add to the transfers. */
int64_t timing_count_elements(const struct plan *plan, int flow,
                              const struct walk_cost *cost);
MUST_USE enum status timing_size_move(const struct plan *plan,
                                      const struct walk_move *move,
                                      struct transfer *transfer);
MUST_USE enum status timing_size_access(const struct plan *plan, int flow,
                                        int64_t elements, struct transfer *near,
                                        struct transfer *far);

#define PHASE_MAX_STREAMS 64 /* bits of `changed` */

/* ERR_LIMIT with a diagnostic if the plan is beyond what can be counted. */
MUST_USE enum status phase_new(const struct plan *plan, int index,
                               struct diags *diags, struct phase **phase);
void phase_free(struct phase *phase);

/* The next step >= `step` in which a tile of a hold above the pipeline may
 * change (of those that take time, a timed one); INT64_MAX if there is none. */
int64_t phase_next_fill_step(const struct phase *phase, int64_t step,
                             bool is_timed);
/* Is the digit of this loop its last one in this iteration? */
bool phase_is_last(const struct loop *loop, int64_t iteration);

static inline struct stream *phase_stream(const struct phase *phase, int i)
{
    return &g_array_index(phase->streams, struct stream, i);
}

static inline struct sink *phase_sink(const struct phase *phase, int i)
{
    return &g_array_index(phase->sinks, struct sink, i);
}

#endif
