/* Dram: main memory behind one interface, as channels of DRAM banks with every
 * timing constraint of the standard, or as bandwidth and latency alone.
 *
 * A spec is data, read from a file (arch-configs/dram/). A struct dram is one
 * memory made from it. Requests of one burst each are submitted at the current
 * cycle, time is advanced, completions are taken:
 *
 *     while (more) {
 *         if (dram_submit(dram, &request) == DRAM_FULL) {
 *             dram_advance(dram, dram_next_activity(dram));
 *         }
 *         while (dram_take(dram, &completion)) { ... }
 *     }
 *
 * Time is an integer count of memory clock cycles (spec->period_ps each). The
 * model jumps from one cycle in which something can happen to the next; the
 * result is the same for any way of dividing time into dram_advance calls. It
 * is deterministic, keeps no global state and uses no SystemC (dram_process.h
 * puts it into a simulation). A request costs about 0.5 us of host time.
 * doc/dram.md has the equations, the sources and the measured agreement.
 */
#ifndef SIM_DRAM_DRAM_H
#define SIM_DRAM_DRAM_H

#include "base/base.h"

/* ---- spec -------------------------------------------------------------- */

enum dram_model {
    DRAM_MODEL_TIMING,    /* banks, rows, commands */
    DRAM_MODEL_BANDWIDTH, /* a pipe of given bandwidth and latency */
};

/* What a standard fixes beside its numbers (dram_standard.c). */
enum dram_standard { DRAM_DDR4, DRAM_HBM2, DRAM_HBM3, DRAM_LPDDR5 };

/* Timing parameters, named as in the standards, each in clock cycles; 0 where
 * the standard does not have the constraint. X(field, key in files). */
#define DRAM_TIMINGS(X)                                                        \
    X(BURST, "tBL")           /* data bus occupied by a burst */               \
    X(BURST_ARRAY, "tBL_max") /* column cycle, for tWTR_L (LPDDR5) */          \
    X(CL, "tCL")              /* read to first data */                         \
    X(CWL, "tCWL")            /* write to first data */                        \
    X(RCD, "tRCD")            /* activate to read */                           \
    X(RCD_WR, "tRCD_WR")      /* activate to write */                          \
    X(RP, "tRP")              /* precharge to activate */                      \
    X(RP_ALL, "tRP_all")      /* precharge of all banks to activate */         \
    X(RAS, "tRAS")            /* activate to precharge */                      \
    X(RC, "tRC")              /* activate to activate, same bank */            \
    X(WR, "tWR")              /* end of write data to precharge */             \
    X(RTP, "tRTP")            /* read to precharge */                          \
    X(CCD_S, "tCCD_S")        /* column to column, other bank group */         \
    X(CCD_L, "tCCD_L")        /* column to column, same bank group */          \
    X(RRD_S, "tRRD_S")        /* activate to activate, other group */          \
    X(RRD_L, "tRRD_L")        /* activate to activate, same group */           \
    X(FAW, "tFAW")            /* window of four activates */                   \
    X(WTR_S, "tWTR_S")        /* end of write data to read, other group */     \
    X(WTR_L, "tWTR_L")        /* end of write data to read, same group */      \
    X(RTW, "tRTW")            /* read to write */                              \
    X(PPD, "tPPD")            /* precharge to precharge */                     \
    X(CS, "tCS")              /* bus turnaround between ranks */               \
    X(RFC, "tRFC")            /* refresh of all banks */                       \
    X(REFI, "tREFI")          /* interval of refreshes of all banks */         \
    X(RFC_BANK, "tRFC_pb")    /* refresh of one bank */                        \
    X(REFI_BANK, "tREFI_pb")  /* interval of refreshes of one bank */          \
    X(REF_ACT, "tREF_ACT")    /* bank refresh to activate, other bank */       \
    X(REF_REF, "tREF_REF")    /* bank refresh to bank refresh */

enum dram_timing {
#define DRAM_TIMING_FIELD(field, key) DRAM_T_##field,
    DRAM_TIMINGS(DRAM_TIMING_FIELD)
#undef DRAM_TIMING_FIELD
        DRAM_TIMING_COUNT
};
/* "tCL"; the key in files. */
const char *dram_timing_name(enum dram_timing timing);

/* Coordinates of a burst. Flat bank: ((pseudo * ranks + rank) * groups + group)
 * * banks + bank, within the channel. */
enum dram_field {
    DRAM_FIELD_CHANNEL,
    DRAM_FIELD_PSEUDO, /* pseudo-channel */
    DRAM_FIELD_RANK,   /* of HBM: stack identifier */
    DRAM_FIELD_GROUP,  /* bank group */
    DRAM_FIELD_BANK,   /* in its group */
    DRAM_FIELD_ROW,
    DRAM_FIELD_COLUMN, /* burst in the row */
    DRAM_FIELD_COUNT
};

/* Address to coordinates as data: the burst's number is divided by the size of
 * one part after the other, the remainders are the coordinates. A part of size
 * 0 takes what is left of its field. With `is_hashed`, pseudo-channel, rank,
 * group, bank and row are then XORed with successive bits of the column. */
#define DRAM_MAPPING_PARTS 10
struct dram_mapping {
    char name[32];
    int part_count;
    struct dram_mapping_part {
        enum dram_field field;
        int64_t size;
    } parts[DRAM_MAPPING_PARTS]; /* least significant first */
    bool is_hashed;
};
/* The names that are built in, NULL-terminated: RoBaRaCoCh, ... */
const char *const *dram_mapping_names(void);
/* A built-in name, or an order of the parts Ro Ba Bg Ra Pc Co Ch, most
 * significant first ('Co2': the two lowest column bits; '+xor' at the end: is
 * hashed), e.g. "RoCoBaBgRaPcCo2Ch+xor" = MOP4CLXOR. False if it is neither. */
MUST_USE bool dram_mapping_parse(const char *text, struct dram_mapping *result);

enum dram_scheduler {
    DRAM_FR_FCFS,         /* the oldest request whose command may go now */
    DRAM_FR_FCFS_ROW_HIT, /* and no row is closed before its older hits */
};
enum dram_page {
    DRAM_PAGE_OPEN,   /* a row stays open until another one is needed */
    DRAM_PAGE_CLOSED, /* auto-precharge after the last queued hit */
};
enum dram_refresh {
    DRAM_REFRESH_NONE,
    DRAM_REFRESH_ALL_BANK,
    DRAM_REFRESH_PER_BANK,
};

/* Everything about a memory. Plain data: a caller may copy and change it, and
 * dram_spec_check says whether it still makes sense. */
struct dram_spec {
    char name[64];
    enum dram_model model;
    int64_t period_ps; /* of a cycle */
    int64_t channels;
    int64_t burst_bytes; /* of one request */
    /* DRAM_MODEL_BANDWIDTH, of all channels together */
    int64_t bandwidth_bytes_per_second;
    int64_t latency_cycles;
    /* DRAM_MODEL_TIMING; counts are per element of the level above */
    enum dram_standard standard;
    int64_t pseudo_channels, ranks, bank_groups, banks, rows;
    int64_t columns; /* bursts in a row */
    int64_t timing_cycles[DRAM_TIMING_COUNT];
    struct dram_mapping mapping;
    enum dram_scheduler scheduler;
    enum dram_page page;
    enum dram_refresh refresh;
    int64_t read_queue_requests, write_queue_requests; /* per channel */
    /* Writes are drained once so many wait (or no read does), until so few. */
    int64_t write_high_requests, write_low_requests;
};

/* Reads a file with `dram:` (doc/dram.md). ERR_INPUT with diagnostics. */
MUST_USE enum status dram_spec_load_file(struct diags *diags, const char *path,
                                         struct dram_spec *spec);
/* Reports to `diags` what cannot be simulated. A loaded spec was checked. */
MUST_USE enum status dram_spec_check(const struct dram_spec *spec,
                                     struct diags *diags);
int64_t dram_capacity_bytes(const struct dram_spec *spec); /* timing model */
/* Peak of all channels. */
double dram_peak_bytes_per_cycle(const struct dram_spec *spec);
/* The coordinates of the burst at `address_bytes`. */
void dram_decode(const struct dram_spec *spec, int64_t address_bytes,
                 int64_t coordinates[DRAM_FIELD_COUNT]);

/* ---- a memory ---------------------------------------------------------- */

struct dram;

/* `spec` is copied and must pass dram_spec_check. */
struct dram *dram_new(const struct dram_spec *spec);
void dram_free(struct dram *dram);
BASE_DEFINE_CLEANUP(dram)
const struct dram_spec *dram_get_spec(const struct dram *dram);

struct dram_request {
    int64_t address_bytes; /* its burst is accessed; beyond the end: wraps */
    bool is_write;
    int64_t tag; /* the caller's, returned with the completion */
};
struct dram_completion {
    int64_t tag;
    int64_t arrival_cycle; /* of the request */
    int64_t cycle;         /* read: data are there; write: data are in */
    bool is_write;
};
enum dram_answer {
    DRAM_ACCEPTED,
    DRAM_FULL, /* its queue has no place now */
};

/* At the current cycle; a command for it can go from the next one on. A read of
 * what a queued write will write is answered from there, a second write to it
 * is merged; both complete in the next cycle. */
MUST_USE enum dram_answer dram_submit(struct dram *dram,
                                      const struct dram_request *request);
/* All that happens up to and including `cycle`, which becomes the current one.
 * It must not lie in the past. */
void dram_advance(struct dram *dram, int64_t cycle);
int64_t dram_now(const struct dram *dram);
/* The next cycle in which a command may go or a request completes, at least the
 * current one; -1 when no request is under way. */
int64_t dram_next_activity(const struct dram *dram);
/* The next completion that is due: by cycle, then channel, then command.
 * False if there is none. */
MUST_USE bool dram_take(struct dram *dram, struct dram_completion *completion);
/* Accepted and not yet taken. */
int64_t dram_count_pending(const struct dram *dram);

/* ---- commands ---------------------------------------------------------- */

enum dram_command_kind {
    DRAM_ACT,  /* opens a row */
    DRAM_PRE,  /* closes a bank */
    DRAM_PREA, /* closes all banks of a rank, of HBM: a pseudo-channel */
    DRAM_RD,
    DRAM_WR,
    DRAM_RDA, /* with auto-precharge */
    DRAM_WRA,
    DRAM_REF,  /* refreshes all banks of a rank, of HBM: a pseudo-channel */
    DRAM_REFB, /* refreshes one bank */
    DRAM_COMMAND_COUNT
};
const char *dram_command_name(enum dram_command_kind kind); /* "ACT" */

struct dram_command {
    int64_t cycle; /* its first on the command bus */
    enum dram_command_kind kind;
    int channel, pseudo, rank, group, bank; /* -1 where it means all */
    int64_t row, column;                    /* -1 where there is none */
    int64_t tag; /* of the request it serves, -1 for refresh */
};
typedef void (*dram_command_fn)(const struct dram_command *command, void *user);
/* Called for every command, in the order of cycles of each channel; channels may
 * run ahead of each other within a dram_advance. NULL: none. */
void dram_set_trace(struct dram *dram, dram_command_fn trace, void *user);

/* ---- statistics -------------------------------------------------------- */

/* Why the data bus of a pseudo-channel had no column command in a cycle. */
enum dram_stall {
    DRAM_STALL_IDLE,        /* no request for it was waiting */
    DRAM_STALL_QUEUE,       /* one had just arrived, or could go and another
                                one went: its bus or its scheduler was taken */
    DRAM_STALL_ROW_OPEN,    /* tRCD: the row was being opened */
    DRAM_STALL_ROW_CLOSE,   /* tRAS, tRP, tRTP, tWR, tRC: a row was closed */
    DRAM_STALL_ACTIVATES,   /* tRRD, tFAW: too many rows opened */
    DRAM_STALL_BANK_GROUP,  /* tCCD_L */
    DRAM_STALL_COLUMN,      /* tCCD_S longer than a burst */
    DRAM_STALL_TURNAROUND,  /* between reads and writes */
    DRAM_STALL_RANK_SWITCH, /* between ranks */
    DRAM_STALL_COMMAND_BUS, /* the command bus was occupied */
    DRAM_STALL_REFRESH,     /* a refresh was due or under way */
    DRAM_STALL_COUNT
};
const char *dram_stall_name(enum dram_stall stall); /* "row open" */

struct dram_bus_stats {                /* of one pseudo-channel */
    int64_t read_cycles, write_cycles; /* bus busy, counted at the command */
    int64_t stall_cycles[DRAM_STALL_COUNT];
    /* read + write + sum of stalls = cycles */
};
struct dram_bank_stats {
    int64_t commands[DRAM_COMMAND_COUNT]; /* those of all banks in each */
    int64_t row_hits, row_misses, row_conflicts;
};
struct dram_stats {
    int64_t cycles; /* since the beginning */
    int64_t reads, writes;
    int64_t forwarded_reads, merged_writes; /* counted above, too */
    /* By the bank's state at the first command for a request: its row is open,
     * nothing is, another row is. */
    int64_t row_hits, row_misses, row_conflicts;
    int64_t commands[DRAM_COMMAND_COUNT]; /* as issued: all banks are one */
    int64_t read_bytes, written_bytes;    /* moved to and from DRAM */
    /* From submission to data, of the reads whose column command went. */
    int64_t read_latency_sum_cycles, read_latency_max_cycles, timed_reads;
    size_t bus_count; /* channels * pseudo-channels, that index */
    const struct dram_bus_stats *buses;
    size_t bank_count; /* channels * banks of a channel */
    const struct dram_bank_stats *banks;
};
/* Up to the current cycle. Arrays are the memory's, until the next call on it.
 * The bandwidth model has one bus, whose stalls are idle, and no banks. */
void dram_get_stats(struct dram *dram, struct dram_stats *stats);

#endif
