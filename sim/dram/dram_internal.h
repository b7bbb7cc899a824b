/* Inside a memory. Private to sim/dram/.
 *
 * Levels nest: channel, pseudo-channel, rank, bank group, bank; each has nodes.
 * A rule says: after command `from` at a node of `level`, no command `to` below
 * the same node (or, `is_sibling`, below its siblings) for so many cycles. Each
 * node keeps, for every command, the earliest cycle that the rules leave open;
 * a command may go when all nodes on its path agree. The rule that decides comes
 * with it: times are kept as keys, cycle * 16 + stall, whose maximum is that of
 * the cycles, and of equal cycles that of the larger stall.
 */
#ifndef SIM_DRAM_INTERNAL_H
#define SIM_DRAM_INTERNAL_H

#include "sim/dram/dram.h"

enum dram_level {
    DRAM_LEVEL_CHANNEL,
    DRAM_LEVEL_PSEUDO,
    DRAM_LEVEL_RANK,
    DRAM_LEVEL_GROUP,
    DRAM_LEVEL_BANK,
    DRAM_LEVEL_COUNT
};

/* dram_spec_check with the places of a file's root; NULL: none. */
MUST_USE enum status spec_check(const struct dram_spec *spec,
                                struct diags *diags,
                                const struct yaml_node *root);

/* ---- standards and rules ------------------------------------------------ */

struct dram_standard_info {
    const char *name;
    enum dram_level die; /* what activates, turnarounds, refresh act on */
    bool has_row_bus;    /* row and column commands go side by side */
    int activate_cycles; /* on the command bus */
    bool is_activate_counted_from_last;
    bool has_bank_refresh;
};
const struct dram_standard_info *dram_standard_get(enum dram_standard standard);
const char *const *dram_standard_names(void); /* NULL-terminated */

#define DRAM_RULES_PER_COMMAND 12
struct dram_rule {
    enum dram_command_kind to;
    enum dram_stall stall;
    int64_t cycles;
    bool is_sibling;
};
struct dram_rule_list {
    int count;
    struct dram_rule rules[DRAM_RULES_PER_COMMAND];
};
struct dram_rules {
    struct dram_rule_list lists[DRAM_LEVEL_COUNT][DRAM_COMMAND_COUNT];
    bool has_siblings[DRAM_COMMAND_COUNT]; /* at DRAM_LEVEL_RANK */
    int64_t four_activates_cycles;
};
void dram_rules_init(const struct dram_spec *spec, struct dram_rules *rules);
/* The cycles for which a command occupies its command bus. */
int64_t dram_bus_cycles(const struct dram_spec *spec,
                        enum dram_command_kind kind);
bool dram_is_column(enum dram_command_kind kind);

/* ---- device ------------------------------------------------------------ */

#define DRAM_NO_ROW (-1)

/* Cycle and stall in one, see above. */
static inline int64_t key_make(int64_t cycle, enum dram_stall stall)
{
    return cycle * 16 + (int64_t)stall;
}
static inline int64_t key_cycle(int64_t key)
{
    return key >> 4;
}
static inline enum dram_stall key_stall(int64_t key)
{
    return (enum dram_stall)(key & 15);
}

struct dram_node {
    int64_t ready_keys[DRAM_COMMAND_COUNT];
};

struct dram_bank_state {
    int64_t row;     /* open, or DRAM_NO_ROW */
    bool is_claimed; /* opened for a request that has not been served */
};

/* Where a command goes; indices of nodes in the device's arrays. */
struct dram_place {
    int pseudo, rank, group, bank;
};

struct dram_device {
    const struct dram_spec *spec;
    const struct dram_standard_info *standard;
    struct dram_rules rules;
    int counts[DRAM_LEVEL_COUNT];
    struct dram_node *nodes[DRAM_LEVEL_COUNT];
    struct dram_bank_state *banks;
    int64_t (*activates)[4]; /* per die: the last four, a ring */
    int *activate_next;
    int die_count, banks_per_die;
    int *open_counts, *claimed_counts; /* per die */
};
void device_init(struct dram_device *device, const struct dram_spec *spec);
void device_clear(struct dram_device *device);
struct dram_place device_place(const struct dram_device *device, int bank);
static inline int device_die(const struct dram_device *device,
                             const struct dram_place *place)
{
    return device->standard->die == DRAM_LEVEL_PSEUDO ? place->pseudo
                                                      : place->rank;
}
/* When the command may go, and what decided it. */
int64_t device_ready_key(const struct dram_device *device,
                         enum dram_command_kind kind,
                         const struct dram_place *place);
void device_issue(struct dram_device *device, enum dram_command_kind kind,
                  const struct dram_place *place, int64_t row, int64_t cycle);

/* ---- channels ---------------------------------------------------------- */

struct dram_entry {
    int64_t arrival_cycle;
    int64_t burst; /* number of the burst, for forwarding */
    int64_t tag;
    int64_t row, column;
    struct dram_place place;
    /* The commands that went for it, -1: none; and what they waited for. */
    int64_t close_cycle, open_cycle;
    int64_t close_key, open_key;
    bool is_write;
    bool is_started; /* a command went */
};

struct dram_queue {
    struct dram_entry *entries; /* by arrival */
    int count;
};

/* A refresh that is due for a die, or for one bank of it. */
struct dram_due {
    int64_t since_cycle;
    int64_t pending_count;
    int bank; /* the first of the die, or the one whose turn it is */
};

/* How far the cycles of a pseudo-channel's bus have been accounted for. */
struct dram_bus {
    int64_t accounted_cycle; /* all before it are */
    int64_t waiting_since;   /* the last time the first request arrived */
    int waiting_count;
    int64_t refresh_since, refresh_until; /* the latest */
    int64_t written_until;                /* the last write's burst */
    struct dram_bus_stats *stats;
};

struct dram;
struct dram_channel {
    struct dram *dram;
    int index;
    struct dram_device device;
    struct dram_queue reads, writes;
    struct dram_queue claimed; /* a row was opened for each */
    bool is_draining;          /* writes */
    struct dram_due *due;      /* per die */
    int64_t next_refresh_cycle;
    int64_t *oldest_hit; /* per bank, for DRAM_FR_FCFS_ROW_HIT */
    int64_t wake_cycle;  /* nothing happens before */
    struct dram_bus *buses;
    struct dram_bank_stats *bank_stats;
};
void channel_init(struct dram_channel *channel, struct dram *dram, int index);
void channel_clear(struct dram_channel *channel);
bool channel_submit(struct dram_channel *channel,
                    const struct dram_request *request, int64_t burst,
                    const int64_t coordinates[DRAM_FIELD_COUNT], int64_t cycle);
void channel_advance(struct dram_channel *channel, int64_t cycle);
bool channel_has_requests(const struct dram_channel *channel);
/* What a request needs next. */
enum dram_command_kind channel_next_kind(const struct dram_channel *channel,
                                         const struct dram_entry *entry);

/* What may go next (dram_schedule.c). */
struct dram_choice {
    struct dram_entry *entry; /* NULL: a refresh */
    struct dram_queue *queue;
    enum dram_command_kind kind;
    struct dram_place place;
    int64_t key;
    int die; /* of the refresh */
};
enum dram_slot { DRAM_SLOT_ANY, DRAM_SLOT_COLUMN, DRAM_SLOT_ROW };
/* The command to issue at `cycle` on a bus; else false, and *wake_cycle is
 * lowered to the first cycle in which there may be one. */
bool channel_choose(struct dram_channel *channel, enum dram_slot slot,
                    int64_t cycle, struct dram_choice *choice,
                    int64_t *wake_cycle);

/* Stalls (dram_account.c). */
void bus_arrive(struct dram_bus *bus, int64_t cycle);
void bus_column(struct dram_bus *bus, const struct dram_entry *entry,
                int64_t ready_key, int64_t cycle, int64_t burst_cycles);
void bus_refresh_due(struct dram_bus *bus, int64_t cycle);
void bus_refresh_end(struct dram_bus *bus, int64_t cycle);
/* Takes `stats` of a bus as of `cycle`: what was begun and reaches beyond is
 * left out, what a request has waited so far is in. */
void channel_settle(const struct dram_channel *channel, int pseudo,
                    int64_t cycle, struct dram_bus_stats *stats);

/* ---- memories ---------------------------------------------------------- */

/* The simple model. */
struct dram_pipe {
    int64_t free_cycle;    /* the pipe is taken until then, */
    int64_t free_fraction; /* plus so many 1/denominator */
    int64_t whole_cycles, fraction, denominator; /* a burst takes */
    struct dram_passage { /* a ring: what has not passed */
        int64_t end_cycle;
        int64_t busy_cycles;
        bool is_write;
    } * passages;
    int64_t passage_count, first_passage;
    struct dram_bus_stats stats; /* of what has */
};

struct dram {
    struct dram_spec spec;
    int64_t now_cycle;
    struct dram_channel *channels; /* timing model */
    struct dram_pipe pipe;         /* bandwidth model */
    int64_t capacity_bursts;
    GArray *completions; /* struct dram_waiting, a heap */
    int64_t sequence;
    int64_t pending_count;
    dram_command_fn trace;
    void *trace_user;
    struct dram_stats stats;
    struct dram_bus_stats *bus_stats;      /* as far as accounted for */
    struct dram_bus_stats *reported_buses; /* as of dram_get_stats */
    struct dram_bank_stats *bank_stats;
};
void dram_complete(struct dram *dram, int channel,
                   const struct dram_completion *completion);

void pipe_init(struct dram_pipe *pipe, const struct dram_spec *spec);
void pipe_clear(struct dram_pipe *pipe);
bool pipe_submit(struct dram *dram, const struct dram_request *request);
void pipe_advance(struct dram *dram);
/* Up to the current cycle. */
void pipe_settle(const struct dram *dram, struct dram_bus_stats *stats);

#endif
