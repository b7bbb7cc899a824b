/* From loops to numbers. A scalar addition that waits for the one before takes one
 * cycle on every processor that is measured here, so a chain of them is the clock;
 * beside vector instructions that leave the chain the slowest part, it is the clock
 * that these allow. Everything else is counted in cycles of its own clock. */
#include "cpu/loops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (INT64_C(192) << 20)
#define LOOP_COUNT   24 /* about; the time is divided among them */

struct measurement {
    const struct cpu_loops *loops;
    struct cpu_machine *machine;
    void *buffer;
    double seconds; /* for one loop */
};

/* Nanoseconds of a round. */
static double sample(const struct measurement *m, cpu_loop loop)
{
    return cpu_sample(loop, m->buffer, 4096, m->seconds);
}

static double per_cycle(const struct measurement *m, cpu_loop loop, int count,
                        int64_t clock_hz)
{
    return count / (sample(m, loop) * 1e-9 * (double)clock_hz);
}

static void measure_clocks(struct measurement *m)
{
    struct cpu_machine *machine = m->machine;
    int64_t *clocks[] = {&machine->clock_hz, &machine->vector_clock_hz,
                         &machine->product_clock_hz};
    cpu_loop loops[] = {m->loops->adds, m->loops->vectors_clock,
                        m->loops->products_clock};
    for (int i = 0; i < 3; i++) {
        double hz = 64 / (sample(m, loops[i]) * 1e-9);
        *clocks[i] = (int64_t)(hz / 1e6 + 0.5) * 1000000;
    }
    /* The noise between equal clocks is none of the machine's. */
    for (int i = 1; i < 3; i++) {
        if (!machine->has_vnni ||
            fabs((double)(*clocks[i] - *clocks[0])) <
                0.015 * (double)*clocks[0] ||
            *clocks[i] > *clocks[0]) {
            *clocks[i] = *clocks[0];
        }
    }
}

/* Do `mixed` rounds take nearer to the sum of both parts than to the longer? */
static bool is_shared(double mixed, double first, double second)
{
    double longer = fmax(first, second);
    return mixed > (longer + first + second) / 2;
}

static void measure_core(struct measurement *m)
{
    struct cpu_machine *machine = m->machine;
    const struct cpu_loops *loops = m->loops;
    machine->issue_per_cycle = per_cycle(m, loops->nops, 64, machine->clock_hz);
    machine->products_per_cycle =
        per_cycle(m, loops->products, 32, machine->product_clock_hz);
    machine->product_latency_cycles =
        1 / per_cycle(m, loops->product_chain, 32, machine->product_clock_hz);
    machine->fmas_per_cycle =
        per_cycle(m, loops->fmas, 32, machine->product_clock_hz);
    machine->fma_latency_cycles =
        1 / per_cycle(m, loops->fma_chain, 32, machine->product_clock_hz);
    machine->shuffles_per_cycle =
        per_cycle(m, loops->shuffles, 32, machine->vector_clock_hz);
    machine->vectors_per_cycle =
        per_cycle(m, loops->vectors, 32, machine->vector_clock_hz);
    machine->loads_per_cycle =
        per_cycle(m, loops->loads, 32, machine->vector_clock_hz);
    double clock_ghz = (double)machine->product_clock_hz * 1e-9;
    if (loops->products_shuffles != NULL) {
        double products = 32 / machine->products_per_cycle;
        machine->shares_shuffle_port =
            is_shared(sample(m, loops->products_shuffles) * clock_ghz, products,
                      16 / machine->shuffles_per_cycle);
        machine->shares_vector_port =
            is_shared(sample(m, loops->products_vectors) * clock_ghz, products,
                      32 / machine->vectors_per_cycle);
    }
    double mistaken =
        sample(m, loops->even_branches) -
        cpu_sample(loops->random_branches, m->buffer, 1 << 20, m->seconds);
    machine->mispredict_cycles =
        fmax(-mistaken * 1e-9 * (double)machine->clock_hz / 512, 0);
}

static int64_t cache_bytes(int name, int64_t otherwise)
{
    long bytes = sysconf(name);
    return bytes > 0 ? (int64_t)bytes : otherwise;
}

static double bytes_per_s(const struct measurement *m, cpu_loop loop,
                          int64_t bytes)
{
    bytes = MAX(bytes / 4096, 1) * 4096;
    return (double)bytes /
           (cpu_sample(loop, m->buffer, bytes, m->seconds) * 1e-9);
}

/* Three quarters of a cache are its own even if it holds something else; of a
 * shared one, a few times what the one inside holds. */
static void measure_levels(struct measurement *m)
{
    struct cpu_machine *machine = m->machine;
    int64_t l1 = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10);
    int64_t l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 512 << 10);
    int64_t l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 8 << 20);
    const struct {
        const char *name;
        int64_t size_bytes;
        int64_t sampled_bytes;
    } levels[] = {
        {"L1", l1, l1 / 2},
        {"L2", l2, l2 / 2},
        {"L3", l3, MIN(l3 / 2, 4 * l2)},
        {"DRAM", NUM_UNLIMITED, MIN(BUFFER_BYTES, 4 * l3)},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
        machine->levels[machine->level_count++] = (struct cpu_level){
            .name = levels[i].name,
            .size_bytes = levels[i].size_bytes,
            .read_bytes_per_s =
                bytes_per_s(m, m->loops->read, levels[i].sampled_bytes),
            .write_bytes_per_s =
                bytes_per_s(m, m->loops->write, levels[i].sampled_bytes),
        };
    }
    double line_hz = (double)machine->vector_clock_hz * 64;
    machine->lines_per_cycle = machine->levels[0].read_bytes_per_s / line_hz;
    machine->stores_per_cycle = machine->levels[0].write_bytes_per_s / line_hz;
    if (m->loops->read_products != NULL) {
        double both_s = 1 / bytes_per_s(m, m->loops->read_products, l2 / 2);
        double products_s = 2 / (64 * machine->products_per_cycle *
                                 (double)machine->product_clock_hz);
        machine->overlaps_transfers = !is_shared(
            both_s, products_s, 1 / machine->levels[1].read_bytes_per_s);
    }
}

/* "AMD EPYC": letters and digits of what the system calls the processor. */
static void find_name(struct cpu_machine *machine)
{
    g_autofree char *text = NULL;
    (void)g_strlcpy(machine->name, "this-machine", sizeof machine->name);
    if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL)) {
        return;
    }
    const char *found = strstr(text, "model name");
    found = found == NULL ? NULL : strchr(found, ':');
    size_t length = 0;
    for (const char *c = found == NULL ? "" : found + 1;
         *c != '\0' && *c != '\n' && length + 1 < sizeof machine->name; c++) {
        bool is_kept = g_ascii_isalnum(*c);
        if (is_kept || (length > 0 && machine->name[length - 1] != '-')) {
            machine->name[length++] = is_kept ? g_ascii_tolower(*c) : '-';
        }
    }
    while (length > 0 && machine->name[length - 1] == '-') {
        length--;
    }
    if (length > 0) {
        machine->name[length] = '\0';
    }
}

enum status cpu_measure(const struct cpu_options *options,
                        struct cpu_machine *machine)
{
    struct cpu_loops loops;
    struct cpu_machine measured = {.has_vnni = !options->is_portable &&
                                               cpu_loops_x86(&loops)};
    void *buffer = NULL;
    if (!measured.has_vnni) {
        cpu_loops_portable(&loops);
    }
    if (posix_memalign(&buffer, 4096, (size_t)BUFFER_BYTES) != 0) {
        return ERR_MEM;
    }
    uint64_t state = 1;
    for (int64_t i = 0; i < BUFFER_BYTES / 8; i++) { /* touches every page */
        state = state * 6364136223846793005U + 1442695040888963407U;
        ((uint64_t *)buffer)[i] = state ^ state >> 29;
    }
    struct measurement m = {&loops, &measured, buffer,
                            options->seconds / LOOP_COUNT};
    find_name(&measured);
    measure_clocks(&m);
    measure_core(&m);
    measure_levels(&m);
    free(buffer);
    *machine = measured;
    return OK;
}
