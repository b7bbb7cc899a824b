/* Arch: the architecture tree. Memories, fan-outs and compute units are nodes;
 * the children of a fan-out exist once per point of its axes, a memory serves
 * what stands below it. The loader flattens the tree to dense arrays with
 * parent links: memories from the outermost (id 0, the backing store) inwards.
 * doc/architecture.md is the manual of the file.
 *
 * Every attribute may be an expression over the file's `params`, which --set
 * may override. `size` and `bandwidth` may be 'unlimited', but must be said.
 * Costs are the file's own numbers or those of a component class (SRAM, adder,
 * DRAM kind ...); a cost that nobody knows is ARCH_UNKNOWN, never 0.
 *
 * A cycle is one of the arch's clock. Nodes may run at clocks of their own; the
 * loader converts what they state in their own cycles.
 *
 * Ownership: an arch owns everything that it points to. Immutable once loaded,
 * so threads may share it.
 */
#ifndef WEIR_ARCH_H
#define WEIR_ARCH_H

#include <stdint.h>

#include "base/base.h"
#include "formats/formats.h"

/* ---- what a tree is made of ------------------------------------------------ */

/* An area, a power or an energy that neither the file nor a class gives. */
#define ARCH_UNKNOWN (-1.0)
static inline bool arch_is_known(double cost)
{
    return cost >= 0;
}

enum arch_reduce {
    ARCH_REDUCE_NONE,     /* lanes of the axis cannot be reduced */
    ARCH_REDUCE_CHAIN,    /* neighbour to neighbour: latency = lanes * hop */
    ARCH_REDUCE_TREE,     /* latency = ceil(log2(lanes)) * hop */
    ARCH_REDUCE_IN_PLACE, /* every lane updates the memory above, which adds:
                             no latency, lanes times the traffic, all but
                             the first read the sum back */
};

#define ARCH_MAX_AXES         8   /* of all fan-outs on one path */
#define ARCH_MAX_TENSOR_BANKS 256 /* of a memory that is not interleaved */

struct arch_axis {
    int id;           /* dense over the arch, in the order of the tree: the same
                         axis above several nodes has the same id */
    const char *name; /* "X", "Y": of its own on every path */
    int64_t size;
    bool is_multicast;   /* one value can go to all lanes of the axis at once */
    bool has_neighbours; /* lanes pass values that they share to
                            the next lane */
    enum arch_reduce reduce;
    int64_t hop_cycles;  /* of the reduction network, per hop */
    int64_t skew_cycles; /* a lane begins so much later than the one before */
    int fanout;          /* id */
};

/* Is a value that several lanes want read once for all of them: sent to all at
 * once, or passed on from lane to lane? */
static inline bool arch_axis_shares(const struct arch_axis *axis)
{
    return axis->is_multicast || axis->has_neighbours;
}

/* Are results of several lanes added up on the way? If not, the place that they
 * go to adds them up. */
static inline bool arch_axis_reduces(const struct arch_axis *axis)
{
    return axis->reduce == ARCH_REDUCE_CHAIN ||
           axis->reduce == ARCH_REDUCE_TREE;
}

enum arch_topology {
    ARCH_BUS,        /* all on one wire: one hop, one value at a time */
    ARCH_CROSSBAR,   /* one hop */
    ARCH_TREE,       /* log2 hops of every axis, one below the other */
    ARCH_RING,       /* as a torus, said of one axis */
    ARCH_MESH,       /* lines of neighbours along each axis */
    ARCH_TORUS,      /* rings along each axis */
    ARCH_ALL_TO_ALL, /* a link between every two: one hop */
};
const char *arch_topology_name(enum arch_topology topology); /* "mesh" */

/* What carries values between a fan-out's lanes and what stands above it. The
 * memory above is attached at the first lane of every axis. */
struct arch_network {
    bool is_given; /* nothing below holds otherwise */
    enum arch_topology topology;
    bool joins_chips;              /* the lanes are chips, or packages */
    int64_t bandwidth_bytes_per_s; /* of one link, one way; NUM_UNLIMITED */
    int64_t hop_cycles;            /* latency of a link and its router */
    double energy_pj_per_bit;      /* of one hop */
    double area_um2;               /* of the whole network */
    double leakage_mw;
};

struct arch_fanout {
    const char *name;
    int64_t instances; /* of the fan-out itself: product of the axes above */
    int first_axis;    /* in axis[] of what stands below, outermost first */
    int axis_count;    /* of this fan-out; ids are consecutive */
    int first_axis_id;
    struct arch_axis axis[ARCH_MAX_AXES];
    struct arch_network network;
    struct span span;
};

struct arch_memory {
    const char *name;
    int parent;     /* memory id, -1 for the outermost */
    int axis_count; /* of all fan-outs above, outermost first */
    struct arch_axis axis[ARCH_MAX_AXES];
    int64_t instances;  /* product of the axes */
    int64_t size_bytes; /* of one instance; NUM_UNLIMITED */
    /* Of one instance; NUM_UNLIMITED where there is no such limit. The first is
     * of reads and writes together. */
    int64_t bandwidth_bytes_per_s;
    int64_t read_bandwidth_bytes_per_s;
    int64_t write_bandwidth_bytes_per_s;
    int64_t access_bits;    /* moved by one access (a line), >= 1 */
    int64_t word_bits;      /* of a value kept here; the arch's unless said */
    int64_t latency_cycles; /* from request to data */
    /* Of registers along an array: a tile is shifted in from its edge, one tile
     * after another. 0: tiles come in otherwise. */
    int64_t load_cycles;
    int64_t clock_hz;
    int64_t banks; /* >= 1; each has the ports below */
    bool
        is_banked_by_tensor; /* what is kept of a tensor lies in one bank, which
                                 has its share of the bandwidths; otherwise it is
                                 spread over all */
    int64_t ports;       /* that read or write; all 0 if the file has none */
    int64_t read_ports;  /* that only read */
    int64_t write_ports; /* that only write */
    /* Bandwidths are given in bytes a cycle, whatever the licence. */
    bool follows_licence;
    bool is_serial;  /* its transfers do not overlap one another, those of other
                       such memories, and a core's serial ports */
    bool can_bypass; /* values may pass without being kept here */
    bool forwards_drains; /* results leave as they are written: unread */
    /* The file of its timing (arch-configs/dram/), as written: beside this one.
     * NULL: bandwidth and latency are all. */
    const char *dram;
    int keep_count;    /* 0: any tensor may be kept */
    const char **keep; /* the tensors that may */
    double read_energy_pj_per_access;
    double write_energy_pj_per_access;
    double area_um2; /* of one instance, as is */
    double leakage_mw;
    struct span span;
};

static inline int64_t arch_word_bytes(const struct arch_memory *memory)
{
    return memory->word_bits / 8;
}

struct arch_op {
    const char *name;       /* "mac", "exp": as in einsum_op_name */
    int64_t cycles;         /* initiation interval per lane and element */
    int64_t latency_cycles; /* from operands to result, >= cycles */
    double energy_pj;       /* per element */
    int instruction; /* of a unit with ports: does it for all lanes; else -1 */
    double area_um2; /* of the hardware that only this operation has: 0 if
                               it is composed of others, or shares another's */
    double leakage_mw;
    /* How its value is computed; NULL: rounded from the exact one. */
    const struct approximation *approximation;
    struct span span;
};

/* In which formats a chip computes, as written under `formats`; the texts are
 * those of einsum_arithmetic_set and einsum_arithmetic_set_operation. */
struct arch_formats {
    const char *values; /* "bf16:stored:fp32"; NULL: nothing is said */
    struct span values_span;
    int op_count;
    const char **op;      /* operations, */
    const char **op_text; /* and what is said of each */
    struct span *op_span;
    struct format_policy policy;
};

/* What a lane does with a point that a predicate switches off. */
enum arch_masking {
    ARCH_MASKING_NONE, /* computes it: cycles and energy */
    ARCH_MASKING_GATE, /* idles: cycles, no energy */
    ARCH_MASKING_SKIP, /* goes on to the next: neither */
};

/* ---- units with ports: processor cores -------------------------------------- */

#define ARCH_MAX_PORTS        32
#define ARCH_MAX_UOPS         8 /* of an instruction */
#define ARCH_MAX_LICENCES     8
#define ARCH_MAX_INSTRUCTIONS 64
#define ARCH_ALL_PORTS        UINT32_MAX

struct arch_uop {
    uint32_t ports; /* bit p: port p may take it */
    double cycles;  /* for which it keeps the port */
};

struct arch_instruction {
    const char *name;
    int uop_count;
    struct arch_uop uop[ARCH_MAX_UOPS];
    int64_t slots;          /* of issue */
    int64_t latency_cycles; /* from operands to result */
    int64_t stall_cycles;   /* in which nothing else is issued */
    int licence;            /* -1: none */
    struct span span;
};

/* The clock is no higher while instructions of the licence run. */
struct arch_licence {
    const char *name;
    int64_t clock_hz;
};

struct arch_ports {
    int64_t issue_slots; /* a cycle */
    int port_count;
    const char *port[ARCH_MAX_PORTS];
    /* Time on these ports adds to that of transfers of serial memories. */
    uint32_t serial_ports;
    int licence_count;
    struct arch_licence licence[ARCH_MAX_LICENCES];
    int instruction_count;
    struct arch_instruction instruction[ARCH_MAX_INSTRUCTIONS];
};

struct arch_unit {
    const char *name;
    int memory;     /* innermost memory above it */
    int axis_count; /* of all fan-outs above it, outermost first */
    struct arch_axis axis[ARCH_MAX_AXES];
    int64_t lanes; /* product of the axes */
    int64_t clock_hz;
    /* The operations of one element may flow through separate function units
     * as a pipeline: their cost is then the largest, not the sum. A mapping
     * must ask for it (`chained: true`). */
    bool is_chainable;
    enum arch_masking masking;
    /* A tile step begins in the first lanes while the last ones, which the skew
     * of the axes delays, have not finished the one before. */
    bool overlaps_steps;
    int op_count;
    struct arch_op *ops;
    struct arch_ports *ports; /* NULL: time is that of the operations alone */
    double area_um2;          /* of one lane */
    double leakage_mw;
    struct span span;
};

enum arch_node_kind { ARCH_NODE_MEMORY, ARCH_NODE_FANOUT, ARCH_NODE_UNIT };

struct arch_node {
    enum arch_node_kind kind;
    int id;     /* in the array of its kind */
    int parent; /* index of a node, -1 for the root */
};

/* Attributes that not every fidelity can use. */
enum arch_feature {
#define FEATURE(id, ...) ARCH_FEATURE_##id,
#include "arch/features.def"
#undef FEATURE
    ARCH_FEATURE_COUNT
};

/* That one is given, where, and by which node. */
struct arch_feature_use {
    enum arch_feature feature;
    const char *node;
    struct span span;
};

struct arch {
    const char *name;
    const char *path;
    const char *hash; /* SHA-256 of the file, hex */
    int64_t clock_hz;
    int64_t word_bits;
    int64_t technology_nm; /* 0 if the file does not say */
    double voltage_mv;     /* 0: the nominal one of the technology */
    struct arch_formats formats;
    bool counts_fill; /* the model's cycles include filling and draining */
    int axis_count;   /* ids of axes are 0 .. axis_count - 1 */
    int node_count;   /* the tree, depth first, a parent before its children */
    struct arch_node *nodes;
    int memory_count;
    struct arch_memory *memories;
    int fanout_count;
    struct arch_fanout *fanouts;
    int unit_count;
    struct arch_unit *units;
    int feature_use_count;
    struct arch_feature_use *feature_uses;
    int param_count;
    const char **param_name;
    int64_t *param_value;
};

/* ---- loading --------------------------------------------------------------- */

/* `chosen` holds --set values (may be NULL); those named in `params` win over
 * the file's value. All errors are collected. */
MUST_USE enum status arch_load_file(struct diags *diags, const char *path,
                                    const struct scope *chosen,
                                    struct arch **arch);
/* The same from a text that `diags` owns; its path is the arch's. */
MUST_USE enum status arch_load_source(struct diags *diags,
                                      const struct source *source,
                                      const struct scope *chosen,
                                      struct arch **arch);
void arch_free(struct arch *arch);
BASE_DEFINE_CLEANUP(arch)

/* The arch as a file without params, expressions and classes: every attribute as
 * the number it has. Loading it gives the same arch but for spans and the hash.
 * Appends to `out`. */
void arch_print(const struct arch *arch, GString *out);

/* ---- questions ------------------------------------------------------------- */

int arch_find_memory(const struct arch *arch, const char *name); /* or -1 */
int arch_find_unit(const struct arch *arch, const char *name);   /* or -1 */
/* NULL if the unit cannot do it. */
const struct arch_op *arch_find_op(const struct arch_unit *unit,
                                   const char *name);
/* -1 if there is none of that name. */
int arch_find_instruction(const struct arch_ports *ports, const char *name);
/* Cycles that instructions, times[i] of number i, need of ports and issue if
 * nothing else holds them up; of the uops that go to ports `among` alone, without
 * issue unless that is ARCH_ALL_PORTS. */
double arch_count_port_cycles(const struct arch_ports *ports,
                              const double *times, uint32_t among);
/* Cycles in which they keep anything else from being issued. */
double arch_count_stall_cycles(const struct arch_ports *ports,
                               const double *times);
/* The clock of the slowest licence among them. */
int64_t arch_licence_clock(const struct arch *arch,
                           const struct arch_ports *ports, const double *times);
/* Is `memory` on the way from the outermost memory to the unit? */
bool arch_is_above(const struct arch *arch, int memory, int unit);
/* From the beginning of a tile step in the unit's first lane to that in its
 * last; ERR_LIMIT on overflow. */
MUST_USE enum status arch_count_skew_cycles(const struct arch_unit *unit,
                                            int64_t *cycles);
/* May a tensor of that name be kept in the memory? */
bool arch_may_keep(const struct arch *arch, int memory, const char *tensor);

/* Names a mapping's expressions may use: every param, `gbuf.size` (bytes),
 * `array2d.X`, `array2d.lanes`, `word` (bytes). */
void arch_fill_scope(const struct arch *arch, struct scope *scope);

/* Cycles of the arch's clock that `bytes` need at a memory's bandwidth, rounded
 * up; 0 if unlimited. ERR_LIMIT on overflow. */
MUST_USE enum status arch_count_transfer_cycles(const struct arch *arch,
                                                int memory, int64_t bytes,
                                                int64_t *cycles);
/* Likewise of reads and writes, by whichever of the three bandwidths takes
 * longest. */
MUST_USE enum status arch_count_access_cycles(const struct arch *arch,
                                              int memory, int64_t read_bytes,
                                              int64_t write_bytes,
                                              int64_t *cycles);

/* Likewise at the bandwidth of a link of a fan-out's network. */
MUST_USE enum status arch_count_link_cycles(const struct arch *arch, int fanout,
                                            int64_t bytes, int64_t *cycles);

/* A range of the lanes of an axis, and whether they take the same value. Where an
 * axis is divided, each of the lanes is a row of further ones, of which `inner`
 * says the same; rows before one that shares are taken to be used in full. */
struct arch_lanes {
    int64_t first;
    int64_t end; /* > first */
    bool is_shared;
    const struct arch_lanes *inner; /* NULL: single lanes */
    int64_t row_size;               /* of an `inner`: lanes of its row */
};

/* Links crossed between what stands above a fan-out and a box of its lanes: a
 * value for each, but one, sent along a tree, for lanes that differ in shared
 * axes only. Of such a tree, counted are the links that further lanes need
 * beside those before them, so that boxes add up. `lanes` has an entry for each
 * axis of the fan-out. ERR_LIMIT on overflow. */
MUST_USE enum status arch_count_hops(const struct arch_fanout *fanout,
                                     const struct arch_lanes *lanes,
                                     int64_t *hops);

/* Warns, once for each node, of attributes that are given and not in `used`, a
 * mask of 1 << feature: 'arch-not-used'. `by` names who does not use them ("the
 * model"). */
void arch_warn_unused(const struct arch *arch, unsigned used, const char *by,
                      struct diags *diags);

/* ---- area ------------------------------------------------------------------ */

struct arch_area_part {
    const char *name; /* of the memory, unit or fan-out (its network) */
    enum arch_node_kind kind;
    int64_t instances;
    double area_um2; /* of one instance; ARCH_UNKNOWN */
    double leakage_mw;
};

struct arch_area {
    int part_count; /* in the order of the tree; fan-outs only with a network */
    struct arch_area_part *parts;
    double known_um2; /* the sum over the parts whose area is known */
    double total_um2; /* ARCH_UNKNOWN if one is not */
    int unknown_count;
};

/* Caller frees with arch_area_free. */
struct arch_area *arch_sum_area(const struct arch *arch);
void arch_area_free(struct arch_area *area);
BASE_DEFINE_CLEANUP(arch_area)

/* What is asked of the iso-area solver, and what it found. */
struct arch_iso_area {
    const char *param; /* a param of the file */
    double target_um2; /* > 0 */
    int64_t value;     /* of the param: the largest whose area fits */
    double area_um2;   /* at `value`, <= target_um2 */
    double next_um2; /* at value + 1 (> target_um2); ARCH_UNKNOWN if that is no
                           legal chip */
    int64_t evaluations; /* how many chips were loaded */
};

/* Finds the largest value of `iso->param` at which the area of the arch in
 * `path` does not exceed the target, by doubling and bisection; the area must
 * grow with the param. Fills in the rest of `iso`. Errors (ERR_INPUT):
 * 'arch-iso-param' (no such param), 'arch-iso-unknown' (an area is not known),
 * 'arch-iso-constant' (the area does not depend on it), 'arch-iso-decreasing',
 * 'arch-iso-too-small' (not even the smallest legal value fits). */
MUST_USE enum status arch_solve_area(struct diags *diags, const char *path,
                                     const struct scope *chosen,
                                     struct arch_iso_area *iso);

/* ---- the component library ------------------------------------------------- */

enum arch_class_kind {
    ARCH_CLASS_MEMORY,
    ARCH_CLASS_OP,
    ARCH_CLASS_NETWORK,
};

/* What a class may depend on. A file gives them with the class, or the node has
 * them (a memory its size and ports). */
enum arch_parameter {
#define PARAMETER(id, ...) ARCH_PARAMETER_##id,
#include "arch/components/parameters.def"
#undef PARAMETER
    ARCH_PARAMETER_COUNT
};
/* "technology", "width" ... */
const char *arch_parameter_name(enum arch_parameter parameter);

/* All values are in the units of parameters.def; < 0: not given. */
struct arch_class_query {
    double parameter[ARCH_PARAMETER_COUNT];
};

struct arch_class_cost {
    double read_energy_pj; /* of an access, an operation, or a bit over a hop */
    double write_energy_pj; /* memories only */
    double area_um2;        /* of one instance or function unit; ARCH_UNKNOWN */
    double leakage_mw;
};

struct arch_class {
    const char *name; /* "sram", "fp_mac", "hbm2" */
    enum arch_class_kind kind;
    const char *help;
    const char *source; /* of its numbers */
    const char *error;  /* against which published values, how far off */
    unsigned needs;     /* mask of 1 << parameter */
    unsigned takes;     /* further ones */
    /* Every needed parameter is given and in range. */
    struct arch_class_cost (*estimate)(const struct arch_class_query *query);
};

int arch_class_count(void);
const struct arch_class *arch_get_class(int i);
const struct arch_class *arch_find_class(const char *name); /* or NULL */
void arch_class_query_init(struct arch_class_query *query);

#endif
