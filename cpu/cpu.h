/* Cpu: parameters of the processor that runs the program, measured. Everything is a
 * best of many short samples: other programs and interrupts only make a loop slower,
 * so that the fastest sample is the one that was least disturbed. */
#ifndef WEIR_CPU_H
#define WEIR_CPU_H

#include "base/base.h"

/* A cache, or the main memory; bytes a second, of one core, end to end. */
struct cpu_level {
    const char *name;   /* "L1" */
    int64_t size_bytes; /* NUM_UNLIMITED for the main memory */
    double read_bytes_per_s;
    double write_bytes_per_s;
};

#define CPU_MAX_LEVELS 4

/* Operations a cycle are of the whole vector width. */
struct cpu_machine {
    char name[64];
    bool has_vnni;            /* vectors of 512 bits with products of bytes */
    int64_t clock_hz;         /* of scalar code */
    int64_t vector_clock_hz;  /* while vector instructions run */
    int64_t product_clock_hz; /* while products run at full rate */
    double issue_per_cycle;
    double products_per_cycle;
    double fmas_per_cycle; /* fused products and sums of fp32 */
    double shuffles_per_cycle;
    double vectors_per_cycle; /* additions */
    double loads_per_cycle;   /* of a few bytes, or a broadcast */
    double lines_per_cycle;   /* of an array in the first cache */
    double stores_per_cycle;  /* lines, likewise */
    double product_latency_cycles;
    double fma_latency_cycles;
    double mispredict_cycles;
    bool shares_shuffle_port; /* shuffles take the place of products */
    bool shares_vector_port;  /* so do additions */
    bool overlaps_transfers;  /* products go on while lines come from L2 */
    int level_count;          /* from the first cache outwards */
    struct cpu_level levels[CPU_MAX_LEVELS];
};

struct cpu_options {
    double seconds;   /* to spend, roughly */
    bool is_portable; /* as if the processor had no vectors */
};
#define CPU_OPTIONS_DEFAULT                                                    \
    {                                                                          \
        .seconds = 6.0, .is_portable = false                                   \
    }

/* ERR_MEM. */
MUST_USE enum status cpu_measure(const struct cpu_options *options,
                                 struct cpu_machine *machine);
/* Appends a file for arch_load_file. */
void cpu_print_arch(const struct cpu_machine *machine, GString *out);

#endif
