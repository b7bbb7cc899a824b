/* Arch: the architecture tree. Memories, fan-outs and compute units are nodes;
 * the children of a fan-out exist once per point of its axes, a memory serves
 * what stands below it. The loader flattens the tree to dense arrays with
 * parent links: memories from the outermost (id 0, the backing store) inwards.
 *
 * Every attribute may be an expression over the file's `params`, which --set
 * may override. `size` and `bandwidth` may be 'unlimited', but must be said.
 */
#ifndef WEIR_ARCH_H
#define WEIR_ARCH_H

#include <stdint.h>

#include "base/base.h"

enum arch_reduce {
    ARCH_REDUCE_NONE,  /* lanes of the axis cannot be reduced */
    ARCH_REDUCE_CHAIN, /* neighbour to neighbour: latency = lanes * hop */
    ARCH_REDUCE_TREE,  /* latency = ceil(log2(lanes)) * hop */
};

#define ARCH_MAX_AXES 8 /* of all fan-outs on one path */

struct arch_axis {
    int id;           /* dense over the arch, in the order of the tree: the same
                         axis above several nodes has the same id */
    const char *name; /* "X", "Y": of its own on every path */
    int64_t size;
    bool is_multicast; /* one value can go to all lanes of the axis at once */
    enum arch_reduce reduce;
    int64_t hop_cycles; /* of the reduction network, per hop */
};

struct arch_memory {
    const char *name;
    int parent;     /* memory id, -1 for the outermost */
    int axis_count; /* of all fan-outs above, outermost first */
    struct arch_axis axis[ARCH_MAX_AXES];
    int64_t instances;             /* product of the axes */
    int64_t size_bytes;            /* of one instance; NUM_UNLIMITED */
    int64_t bandwidth_bytes_per_s; /* of one instance; NUM_UNLIMITED */
    int64_t access_bits;           /* moved by one access, >= 1 */
    double read_energy_pj_per_access;
    double write_energy_pj_per_access;
    struct span span;
};

struct arch_op {
    const char *name; /* "mac", "exp": as in einsum_op_name */
    int64_t cycles;   /* initiation interval per lane and element */
    double energy_pj; /* per element */
    struct span span;
};

struct arch_unit {
    const char *name;
    int memory;     /* innermost memory above it */
    int axis_count; /* of all fan-outs above it, outermost first */
    struct arch_axis axis[ARCH_MAX_AXES];
    int64_t lanes; /* product of the axes */
    /* The operations of one element may flow through separate function units
     * as a pipeline: their cost is then the largest, not the sum. A mapping
     * must ask for it (`chained: true`). */
    bool is_chainable;
    int op_count;
    struct arch_op *ops;
    struct span span;
};

struct arch {
    const char *name;
    const char *path;
    const char *hash; /* SHA-256 of the file, hex */
    int64_t clock_hz;
    int64_t word_bits;
    int axis_count; /* ids of axes are 0 .. axis_count - 1 */
    int memory_count;
    struct arch_memory *memories;
    int unit_count;
    struct arch_unit *units;
    int param_count;
    const char **param_name;
    int64_t *param_value;
};

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

int arch_find_memory(const struct arch *arch, const char *name); /* or -1 */
int arch_find_unit(const struct arch *arch, const char *name);   /* or -1 */
/* NULL if the unit cannot do it. */
const struct arch_op *arch_find_op(const struct arch_unit *unit,
                                   const char *name);
/* Is `memory` on the way from the outermost memory to the unit? */
bool arch_is_above(const struct arch *arch, int memory, int unit);

/* Names a mapping's expressions may use: every param, `gbuf.size` (bytes),
 * `array2d.X`, `array2d.lanes`, `word` (bytes). */
void arch_fill_scope(const struct arch *arch, struct scope *scope);

/* Cycles of the arch's clock that `bytes` need at a memory's bandwidth, rounded
 * up; 0 if unlimited. ERR_LIMIT on overflow. */
MUST_USE enum status arch_count_transfer_cycles(const struct arch *arch,
                                                int memory, int64_t bytes,
                                                int64_t *cycles);

#endif
