/* The file of a machine. Ports are as many as the rates need to be told apart: one
 * for what shares none, with so many cycles an instruction; where additions or
 * shuffles take the place of products, two that products share with them. */
#include "cpu/cpu.h"

#include <math.h>

static double at_least(double value, double least)
{
    return value > least ? value : least;
}

static void print_memory(GString *out, int depth, const struct cpu_level *level,
                         const struct cpu_machine *machine)
{
    int indent = 2 * depth;
    bool is_core = level->size_bytes != NUM_UNLIMITED &&
                   level != &machine->levels[machine->level_count - 2];
    if (level->size_bytes == NUM_UNLIMITED) {
        g_string_append_printf(out, "%*ssize: unlimited\n", indent, "");
    } else {
        g_string_append_printf(out, "%*ssize: %" G_GINT64_FORMAT " B\n", indent,
                               "", level->size_bytes);
    }
    if (is_core) { /* at the core's clock */
        double clock_hz = (double)machine->vector_clock_hz;
        g_string_append_printf(
            out, "%*sread_rate: %.4g B/cycle\n%*swrite_rate: %.4g B/cycle\n",
            indent, "", at_least(level->read_bytes_per_s / clock_hz, 0.01),
            indent, "", at_least(level->write_bytes_per_s / clock_hz, 0.01));
    } else {
        g_string_append_printf(
            out,
            "%*sread_bandwidth: %.0f MB/s\n%*swrite_bandwidth: %.0f MB/s\n",
            indent, "", at_least(level->read_bytes_per_s / 1e6, 1), indent, "",
            at_least(level->write_bytes_per_s / 1e6, 1));
    }
    g_string_append_printf(out, "%*saccess: 512 bits\n", indent, "");
    g_string_append_printf(out, "%*soverlap: %s\n", indent, "",
                           machine->overlaps_transfers ? "true" : "false");
    g_string_append_printf(out, "%*sclass: %s\n", indent, "",
                           level->size_bytes == NUM_UNLIMITED ? "ddr3"
                                                              : "sram");
}

/* `ports`, each for so many cycles that `rate` begin in a cycle. */
static void print_rate(GString *out, const char *name, const char *ports,
                       int port_count, double rate, const char *rest)
{
    g_string_append_printf(
        out,
        "                %s: {uops: [[%s]], slots: 1, cycles: %.4g cycles%s}\n",
        name, ports, port_count / at_least(rate, 0.01), rest);
}

static void print_instructions(GString *out, const struct cpu_machine *m)
{
    bool is_pool = m->shares_shuffle_port || m->shares_vector_port;
    g_autofree char *product =
        g_strdup_printf(", latency: %.0f cycles, licence: product",
                        at_least(round(m->product_latency_cycles), 1));
    print_rate(out, "dot", is_pool ? "v0, v1" : "v0", is_pool ? 2 : 1,
               m->products_per_cycle, product);
    g_autofree char *fma =
        g_strdup_printf(", latency: %.0f cycles, licence: product",
                        at_least(round(m->fma_latency_cycles), 1));
    print_rate(out, "fma", is_pool ? "v0, v1" : "v0", is_pool ? 2 : 1,
               m->fmas_per_cycle, fma);
    print_rate(out, "shuffle", m->shares_shuffle_port ? "v1" : "shuffle", 1,
               m->shuffles_per_cycle, ", licence: vector");
    print_rate(out, "permute", m->shares_shuffle_port ? "v1" : "shuffle", 1,
               m->shuffles_per_cycle, ", licence: vector");
    print_rate(out, "vector", m->shares_vector_port ? "v0, v1" : "arithmetic",
               m->shares_vector_port ? 2 : 1, m->vectors_per_cycle,
               ", licence: vector");
    print_rate(out, "load", "load", 1, m->loads_per_cycle,
               ", latency: 5 cycles");
    print_rate(out, "load_line", "load", 1, m->lines_per_cycle,
               ", latency: 7 cycles, licence: vector");
    print_rate(out, "store", "store", 1, m->stores_per_cycle,
               ", licence: vector");
    print_rate(out, "store_line", "store", 1, m->stores_per_cycle,
               ", licence: vector");
    print_rate(out, "scalar", "scalar", 1, m->issue_per_cycle, "");
    print_rate(out, "branch", "branch", 1, 1, "");
    g_string_append(out, "                zero: {uops: [], slots: 1}\n");
    g_string_append_printf(out,
                           "                mispredict: {uops: [], slots: 0, "
                           "stall: %.0f cycles}\n",
                           round(m->mispredict_cycles));
}

static void print_core(GString *out, const struct cpu_machine *m)
{
    static const char *const ports =
        "v0, v1, shuffle, arithmetic, load, store, scalar, branch";
    g_string_append_printf(
        out,
        "          - fanout: vector\n"
        "            axes:\n"
        "              V: {size: %d, multicast: true}\n"
        "              Q: {size: %d, multicast: true, reduce: tree, hop: 0 "
        "cycle}\n"
        "            children:\n"
        "            - unit: core\n"
        "              issue: %.0f\n"
        "              ports: [%s]\n"
        "              licences: {vector: %" G_GINT64_FORMAT
        " Hz, product: %" G_GINT64_FORMAT " Hz}\n"
        "              masking: skip\n"
        "              serial: [%s]\n"
        "              instructions:\n",
        m->has_vnni ? 16 : 1, m->has_vnni ? 4 : 1,
        at_least(floor(m->issue_per_cycle + 0.3), 1), ports, m->vector_clock_hz,
        m->product_clock_hz, m->overlaps_transfers ? "" : ports);
    print_instructions(out, m);
    g_string_append(out, "              ops:\n"
                         "                mac: {instruction: dot, class: "
                         "{int_mac: {bits: 8 bits}}}\n");
}

void cpu_print_arch(const struct cpu_machine *machine, GString *out)
{
    static const int depths[] = {1, 2, 3, 4};
    g_string_append_printf(
        out,
        "# Measured by 'weir cpu': the best of short samples. Bandwidths are\n"
        "# what one core sees from that level on; energies are those of "
        "classes\n"
        "# at an assumed technology, not measurements.\n"
        "schema: 1\n"
        "arch: %s\n"
        "about: \"%s\"\n"
        "source: \"measured on this machine\"\n"
        "technology: 14 nm\n"
        "clock: %" G_GINT64_FORMAT " Hz\n"
        "word: 8 bits\n"
        "tree:\n",
        machine->name,
        machine->has_vnni ? "vectors of 512 bits with products of bytes"
                          : "plain C, one product at a time",
        machine->clock_hz);
    for (int i = machine->level_count; i-- > 0;) {
        int depth = depths[machine->level_count - 1 - i];
        g_string_append_printf(out, "%*s%smemory: %s\n", 2 * depth - 2, "",
                               depth == 1 ? "  " : "- ",
                               machine->levels[i].name);
        print_memory(out, depth, &machine->levels[i], machine);
        g_string_append_printf(out, "%*schildren:\n", 2 * depth, "");
    }
    g_string_append(out, "        - memory: regs\n"
                         "          size: 2 KiB\n"
                         "          bandwidth: unlimited\n"
                         "          access: 512 bits\n"
                         "          class: register_file\n"
                         "          children:\n");
    print_core(out, machine);
}
