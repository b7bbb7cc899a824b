/* An arch as a file of numbers. Doubles have 17 significant digits, so that they
 * come back as they were; what is not known is left out. */
#include "arch/arch.h"

#include <inttypes.h>

struct printer {
    const struct arch *arch;
    GString *out;
};

/* A line "key: " at a depth, up to its value. */
static void begin(struct printer *printer, int depth, const char *key)
{
    g_string_append_printf(printer->out, "%*s%s: ", 2 * depth, "", key);
}

static void print_text(struct printer *printer, int depth, const char *key,
                       const char *text)
{
    begin(printer, depth, key);
    g_string_append_printf(printer->out, "%s\n", text);
}

static void print_count(struct printer *printer, int depth, const char *key,
                        int64_t count, const char *unit)
{
    begin(printer, depth, key);
    g_string_append_printf(printer->out, "%" PRId64 " %s\n", count, unit);
}

/* A size or a bandwidth: it may be unlimited. */
static void print_limit(struct printer *printer, int depth, const char *key,
                        int64_t limit, const char *unit)
{
    if (limit == NUM_UNLIMITED) {
        print_text(printer, depth, key, "unlimited");
    } else {
        print_count(printer, depth, key, limit, unit);
    }
}

static void print_known(struct printer *printer, int depth, const char *key,
                        double cost, const char *unit)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    if (arch_is_known(cost)) {
        begin(printer, depth, key);
        g_string_append_printf(
            printer->out, "%s %s\n",
            g_ascii_formatd(digits, sizeof(digits), "%.17g", cost), unit);
    }
}

/* Cycles of the arch in those of a clock of its own; the loader rounds up. */
static int64_t own_cycles(const struct arch *arch, int64_t cycles,
                          int64_t clock_hz)
{
    int64_t own = 0;
    if (!num_mul_div_floor(cycles, clock_hz, arch->clock_hz, &own)) {
        BUG("more cycles of a node than it was loaded with");
    }
    return own;
}

static void print_ports(struct printer *printer, int depth,
                        const struct arch_memory *memory)
{
    bool has_ports = memory->ports + memory->read_ports > 0;
    print_limit(printer, depth, "bandwidth", memory->bandwidth_bytes_per_s,
                "B/s");
    if (has_ports || memory->read_bandwidth_bytes_per_s != NUM_UNLIMITED) {
        print_limit(printer, depth, "read_bandwidth",
                    memory->read_bandwidth_bytes_per_s, "B/s");
    }
    if (has_ports || memory->write_bandwidth_bytes_per_s != NUM_UNLIMITED) {
        print_limit(printer, depth, "write_bandwidth",
                    memory->write_bandwidth_bytes_per_s, "B/s");
    }
    if (has_ports) {
        begin(printer, depth, "ports");
        g_string_append_printf(
            printer->out,
            "{shared: %" PRId64 ", read: %" PRId64 ", write: %" PRId64 "}\n",
            memory->ports, memory->read_ports, memory->write_ports);
    }
    print_count(printer, depth, "banks", memory->banks, "");
    if (memory->is_banked_by_tensor) {
        begin(printer, depth, "banking");
        g_string_append(printer->out, "tensor\n");
    }
}

static void print_rate(struct printer *printer, int depth, const char *key,
                       int64_t bytes_per_s)
{
    if (bytes_per_s != NUM_UNLIMITED) {
        begin(printer, depth, key);
        g_string_append_printf(printer->out, "%.17g B/cycle\n",
                               (double)bytes_per_s /
                                   (double)printer->arch->clock_hz);
    }
}

static void print_memory(struct printer *printer, int depth,
                         const struct arch_memory *memory)
{
    print_limit(printer, depth, "size", memory->size_bytes, "B");
    print_count(printer, depth, "access", memory->access_bits, "bits");
    print_count(printer, depth, "word", memory->word_bits, "bits");
    print_count(printer, depth, "clock", memory->clock_hz, "Hz");
    print_count(
        printer, depth, "latency",
        own_cycles(printer->arch, memory->latency_cycles, memory->clock_hz),
        "cycles");
    print_count(
        printer, depth, "load",
        own_cycles(printer->arch, memory->load_cycles, memory->clock_hz),
        "cycles");
    if (memory->follows_licence) {
        print_rate(printer, depth, "rate", memory->bandwidth_bytes_per_s);
        print_rate(printer, depth, "read_rate",
                   memory->read_bandwidth_bytes_per_s);
        print_rate(printer, depth, "write_rate",
                   memory->write_bandwidth_bytes_per_s);
    } else {
        print_ports(printer, depth, memory);
    }
    print_text(printer, depth, "overlap", memory->is_serial ? "false" : "true");
    print_text(printer, depth, "bypass", memory->can_bypass ? "true" : "false");
    print_text(printer, depth, "forwards",
               memory->forwards_drains ? "true" : "false");
    if (memory->dram != NULL) {
        print_text(printer, depth, "dram", memory->dram);
    }
    if (memory->keep_count > 0) {
        begin(printer, depth, "keeps");
        for (int i = 0; i < memory->keep_count; i++) {
            g_string_append_printf(printer->out, "%s%s", i == 0 ? "[" : ", ",
                                   memory->keep[i]);
        }
        g_string_append(printer->out, "]\n");
    }
    print_known(printer, depth, "read", memory->read_energy_pj_per_access,
                "pJ");
    print_known(printer, depth, "write", memory->write_energy_pj_per_access,
                "pJ");
    print_known(printer, depth, "area", memory->area_um2, "um2");
    print_known(printer, depth, "leakage", memory->leakage_mw, "mW");
}

static void print_network(struct printer *printer, int depth,
                          const struct arch_network *network)
{
    if (!network->is_given) {
        return;
    }
    begin(printer, depth, "network");
    g_string_append_c(printer->out, '\n');
    depth++;
    print_text(printer, depth, "topology",
               arch_topology_name(network->topology));
    print_text(printer, depth, "chips",
               network->joins_chips ? "true" : "false");
    print_limit(printer, depth, "bandwidth", network->bandwidth_bytes_per_s,
                "B/s");
    print_count(printer, depth, "hop", network->hop_cycles, "cycles");
    print_known(printer, depth, "energy", network->energy_pj_per_bit, "pJ");
    print_known(printer, depth, "area", network->area_um2, "um2");
    print_known(printer, depth, "leakage", network->leakage_mw, "mW");
}

static const char *reduce_name(enum arch_reduce reduce)
{
    switch (reduce) {
    case ARCH_REDUCE_NONE:
        return "none";
    case ARCH_REDUCE_CHAIN:
        return "chain";
    case ARCH_REDUCE_TREE:
        return "tree";
    case ARCH_REDUCE_IN_PLACE:
        return "in_place";
    }
    BUG("reduction %d", (int)reduce);
}

static void print_fanout(struct printer *printer, int depth,
                         const struct arch_fanout *fanout)
{
    begin(printer, depth, "axes");
    g_string_append_c(printer->out, '\n');
    for (int i = 0; i < fanout->axis_count; i++) {
        const struct arch_axis *axis = &fanout->axis[i];
        bool has_hop = axis->reduce == ARCH_REDUCE_CHAIN ||
                       axis->reduce == ARCH_REDUCE_TREE;
        begin(printer, depth + 1, axis->name);
        g_string_append_printf(
            printer->out,
            "{size: %" PRId64 ", multicast: %s, neighbours: %s, reduce: %s",
            axis->size, axis->is_multicast ? "true" : "false",
            axis->has_neighbours ? "true" : "false", reduce_name(axis->reduce));
        g_string_append_printf(printer->out, ", skew: %" PRId64 " cycles",
                               axis->skew_cycles);
        if (has_hop) {
            g_string_append_printf(printer->out, ", hop: %" PRId64 " cycles",
                                   axis->hop_cycles);
        }
        g_string_append(printer->out, "}\n");
    }
    print_network(printer, depth, &fanout->network);
}

static const char *masking_name(enum arch_masking masking)
{
    switch (masking) {
    case ARCH_MASKING_NONE:
        return "none";
    case ARCH_MASKING_GATE:
        return "gate";
    case ARCH_MASKING_SKIP:
        return "skip";
    }
    BUG("masking %d", (int)masking);
}

static void print_port_set(struct printer *printer,
                           const struct arch_ports *ports, uint32_t set)
{
    const char *before = "[";
    for (int p = 0; p < ports->port_count; p++) {
        if ((set >> p & 1) != 0) {
            g_string_append_printf(printer->out, "%s%s", before,
                                   ports->port[p]);
            before = ", ";
        }
    }
    g_string_append(printer->out, before[0] == '[' ? "[]" : "]");
}

static void print_instruction(struct printer *printer, int depth,
                              const struct arch_ports *ports,
                              const struct arch_instruction *instruction)
{
    begin(printer, depth, instruction->name);
    g_string_append(printer->out, "{uops: [");
    for (int u = 0; u < instruction->uop_count; u++) {
        g_string_append(printer->out, u == 0 ? "" : ", ");
        print_port_set(printer, ports, instruction->uop[u].ports);
    }
    g_string_append_printf(printer->out,
                           "], slots: %" PRId64 ", latency: %" PRId64
                           " cycles, stall: %" PRId64 " cycles",
                           instruction->slots, instruction->latency_cycles,
                           instruction->stall_cycles);
    if (instruction->uop_count > 0) {
        g_string_append_printf(printer->out, ", cycles: %.17g cycles",
                               instruction->uop[0].cycles);
    }
    if (instruction->licence >= 0) {
        g_string_append_printf(printer->out, ", licence: %s",
                               ports->licence[instruction->licence].name);
    }
    g_string_append(printer->out, "}\n");
}

static void print_core(struct printer *printer, int depth,
                       const struct arch_ports *ports)
{
    print_count(printer, depth, "issue", ports->issue_slots, "");
    begin(printer, depth, "ports");
    print_port_set(printer, ports, ARCH_ALL_PORTS);
    g_string_append_c(printer->out, '\n');
    begin(printer, depth, "serial");
    print_port_set(printer, ports, ports->serial_ports);
    g_string_append_c(printer->out, '\n');
    if (ports->licence_count > 0) {
        begin(printer, depth, "licences");
        g_string_append_c(printer->out, '\n');
    }
    for (int i = 0; i < ports->licence_count; i++) {
        print_count(printer, depth + 1, ports->licence[i].name,
                    ports->licence[i].clock_hz, "Hz");
    }
    begin(printer, depth, "instructions");
    g_string_append_c(printer->out, '\n');
    for (int i = 0; i < ports->instruction_count; i++) {
        print_instruction(printer, depth + 1, ports, &ports->instruction[i]);
    }
}

static void print_unit(struct printer *printer, int depth,
                       const struct arch_unit *unit)
{
    print_count(printer, depth, "clock", unit->clock_hz, "Hz");
    print_text(printer, depth, "chainable",
               unit->is_chainable ? "true" : "false");
    print_text(printer, depth, "masking", masking_name(unit->masking));
    print_text(printer, depth, "overlap",
               unit->overlaps_steps ? "true" : "false");
    print_known(printer, depth, "area", unit->area_um2, "um2");
    print_known(printer, depth, "leakage", unit->leakage_mw, "mW");
    if (unit->ports != NULL) {
        print_core(printer, depth, unit->ports);
    }
    begin(printer, depth, "ops");
    g_string_append_c(printer->out, '\n');
    for (int i = 0; i < unit->op_count; i++) {
        const struct arch_op *op = &unit->ops[i];
        begin(printer, depth + 1, op->name);
        g_string_append_c(printer->out, '\n');
        if (unit->ports != NULL) {
            print_text(printer, depth + 2, "instruction",
                       unit->ports->instruction[op->instruction].name);
        } else {
            print_count(printer, depth + 2, "cycles",
                        own_cycles(printer->arch, op->cycles, unit->clock_hz),
                        "");
            print_count(
                printer, depth + 2, "latency",
                own_cycles(printer->arch, op->latency_cycles, unit->clock_hz),
                "cycles");
        }
        if (op->approximation != NULL) {
            print_text(printer, depth + 2, "function", op->approximation->name);
        }
        print_known(printer, depth + 2, "energy", op->energy_pj, "pJ");
        print_known(printer, depth + 2, "area", op->area_um2, "um2");
        print_known(printer, depth + 2, "leakage", op->leakage_mw, "mW");
    }
}

/* The nodes below `parent`, as items of its list. Depth is bounded by that of
 * the file. */
static void print_children(struct printer *printer, int depth, int parent);

static void print_node(struct printer *printer, int depth, int node_id)
{
    const struct arch *arch = printer->arch;
    const struct arch_node *node = &arch->nodes[node_id];
    switch (node->kind) {
    case ARCH_NODE_MEMORY:
        print_text(printer, depth, "memory", arch->memories[node->id].name);
        print_memory(printer, depth, &arch->memories[node->id]);
        break;
    case ARCH_NODE_FANOUT:
        print_text(printer, depth, "fanout", arch->fanouts[node->id].name);
        print_fanout(printer, depth, &arch->fanouts[node->id]);
        break;
    case ARCH_NODE_UNIT:
        print_text(printer, depth, "unit", arch->units[node->id].name);
        print_unit(printer, depth, &arch->units[node->id]);
        return;
    }
    begin(printer, depth, "children");
    g_string_append_c(printer->out, '\n');
    print_children(printer, depth, node_id);
}

static void print_children(struct printer *printer, int depth, int parent)
{
    for (int i = parent + 1; i < printer->arch->node_count; i++) {
        if (printer->arch->nodes[i].parent == parent) {
            g_string_append_printf(printer->out, "%*s-\n", 2 * depth, "");
            print_node(printer, depth + 1, i);
        }
    }
}

static void print_formats(struct printer *printer,
                          const struct arch_formats *formats)
{
    begin(printer, 0, "formats");
    g_string_append_c(printer->out, '\n');
    if (formats->values != NULL) {
        print_text(printer, 1, "values", formats->values);
    }
    if (formats->op_count > 0) {
        begin(printer, 1, "operations");
        g_string_append_c(printer->out, '\n');
    }
    for (int i = 0; i < formats->op_count; i++) {
        print_text(printer, 2, formats->op[i], formats->op_text[i]);
    }
    print_text(printer, 1, "rounding",
               format_rounding_name(formats->policy.rounding));
    print_text(printer, 1, "saturate",
               formats->policy.saturates ? "true" : "false");
    print_text(printer, 1, "flush_subnormals",
               formats->policy.flushes_subnormals ? "true" : "false");
}

void arch_print(const struct arch *arch, GString *out)
{
    struct printer printer = {arch, out};
    g_string_append_printf(out, "schema: 1\narch: %s\n", arch->name);
    if (arch->technology_nm > 0) {
        print_count(&printer, 0, "technology", arch->technology_nm, "nm");
    }
    if (arch->voltage_mv > 0) {
        print_known(&printer, 0, "voltage", arch->voltage_mv, "mV");
    }
    print_count(&printer, 0, "clock", arch->clock_hz, "Hz");
    print_count(&printer, 0, "word", arch->word_bits, "bits");
    print_formats(&printer, &arch->formats);
    if (arch->counts_fill) {
        print_text(&printer, 0, "fill", "counted");
    }
    g_string_append(out, "tree:\n");
    print_node(&printer, 1, 0);
}
