/* Loops to be timed. Private to cpu/. */
#ifndef WEIR_CPU_LOOPS_H
#define WEIR_CPU_LOOPS_H

#include "cpu/cpu.h"

/* `rounds` rounds of a loop on a buffer of `bytes` (a multiple of 4 KiB, aligned to
 * a page). */
typedef void (*cpu_loop)(int64_t rounds, void *buffer, int64_t bytes);

/* What one round of each loop is made of: counts of 32 unless said. */
struct cpu_loops {
    cpu_loop adds;           /* 64 scalar additions, each of the one before */
    cpu_loop vectors_clock;  /* the same beside 16 shuffles */
    cpu_loop products_clock; /* the same beside 32 products */
    cpu_loop nops;           /* 64 that take a slot of issue alone */
    cpu_loop products;
    cpu_loop product_chain;
    cpu_loop fmas;
    cpu_loop fma_chain;
    cpu_loop shuffles;
    cpu_loop vectors;
    cpu_loop loads;             /* of 4 bytes, broadcast */
    cpu_loop products_shuffles; /* 32 and 16 */
    cpu_loop products_vectors;  /* 32 and 32 */
    cpu_loop read;              /* the buffer, once a round */
    cpu_loop write;
    cpu_loop read_products;   /* likewise, two products for each line */
    cpu_loop even_branches;   /* 1024 that all go the same way */
    cpu_loop random_branches; /* 1024 of the buffer's bits, each either way */
};

/* False: not on this processor. */
bool cpu_loops_x86(struct cpu_loops *loops);
void cpu_loops_portable(struct cpu_loops *loops);

/* Nanoseconds of a round, the fastest of samples of about a millisecond; no fewer
 * than 40 of them, and until 40 in a row are no better, or `seconds` are over. */
double cpu_sample(cpu_loop loop, void *buffer, int64_t bytes, double seconds);

#endif
