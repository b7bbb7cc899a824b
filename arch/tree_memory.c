/* Memories: capacity, ports and bandwidth, what may be kept, costs. */
#include "arch/builder.h"

#include <math.h>

static const char *const memory_keys[] = {
    "memory",  "size",     "bandwidth", "read_bandwidth",
    "access",  "word",     "latency",   "write_bandwidth",
    "clock",   "ports",    "banks",     "keeps",
    "bypass",  "forwards", "class",     "read",
    "write",   "area",     "leakage",   "children",
    "load",    "rate",     "read_rate", "write_rate",
    "overlap", "dram",     "banking",   NULL,
};
static const char *const port_keys[] = {"read", "write", "shared", NULL};

/* `ports: 2`, that read and write, or `ports: {read: 1, write: 1, shared: 0}`. */
static void parse_ports(struct arch_builder *builder,
                        const struct yaml_node *node,
                        struct arch_memory *memory)
{
    const struct yaml_node *ports = yaml_find(node, "ports");
    memory->banks = 1;
    (void)arch_find_count(builder, node, "banks", UNIT_COUNT, 1,
                          &memory->banks);
    if (ports == NULL) {
        return;
    }
    if (yaml_kind(ports) != YAML_MAPPING) {
        (void)arch_get_count(builder, node, "ports", UNIT_COUNT, 1,
                             &memory->ports);
        return;
    }
    arch_reported(yaml_check_keys(builder->diags, ports, port_keys));
    (void)arch_find_count(builder, ports, "shared", UNIT_COUNT, 0,
                          &memory->ports);
    (void)arch_find_count(builder, ports, "read", UNIT_COUNT, 0,
                          &memory->read_ports);
    (void)arch_find_count(builder, ports, "write", UNIT_COUNT, 0,
                          &memory->write_ports);
    if (memory->ports + memory->read_ports < 1 ||
        memory->ports + memory->write_ports < 1) {
        diag_error(builder->diags, yaml_span(ports), "arch-ports", NULL,
                   "memory '%s' has no port to %s", memory->name,
                   memory->ports + memory->read_ports < 1 ? "read" : "write");
    }
}

/* What `ports` carry: one access a cycle each; unlimited if there are none, or
 * too many to count. */
static int64_t port_bandwidth(const struct arch_memory *memory, int64_t ports)
{
    int64_t accesses_per_s = 0;
    int64_t bytes_per_s = 0;
    if (ports == 0 || !num_mul(ports, memory->clock_hz, &accesses_per_s) ||
        !num_mul_div_floor(accesses_per_s, memory->access_bits, 8,
                           &bytes_per_s)) {
        return NUM_UNLIMITED;
    }
    return MAX(bytes_per_s, 1);
}

/* The smaller of the file's bandwidth under `key` and what the ports carry; that
 * a file says more than they carry is a contradiction. */
static int64_t limit_bandwidth(struct arch_builder *builder,
                               const struct yaml_node *node, const char *key,
                               int64_t of_ports)
{
    int64_t bandwidth = of_ports;
    if (!arch_find_count(builder, node, key, UNIT_BYTES_PER_SECOND, 1,
                         &bandwidth)) {
        return of_ports;
    }
    if (bandwidth != NUM_UNLIMITED && bandwidth > of_ports) {
        g_autofree char *carried = units_format_bytes(of_ports);
        diag_error(builder->diags, yaml_span(yaml_find(node, key)),
                   "arch-bandwidth-ports", NULL,
                   "more than the ports carry, %s/s", carried);
    }
    return bandwidth;
}

/* Bytes a cycle of the file's clock, as bytes per second at that clock. */
static int64_t find_rate(struct arch_builder *builder,
                         const struct yaml_node *node, const char *key)
{
    double rate = 0;
    if (yaml_find(node, key) == NULL ||
        yaml_get_real(builder->diags, node, key, UNIT_BYTES_PER_CYCLE,
                      builder->scope, &rate) != OK) {
        return NUM_UNLIMITED;
    }
    double bytes_per_s = rate * (double)builder->arch->clock_hz;
    if (!(bytes_per_s >= 1.0 && bytes_per_s < 0x1p62)) {
        diag_error(builder->diags, yaml_span(yaml_find(node, key)), "arch-rate",
                   NULL, "no memory carries %g bytes a cycle", rate);
        return NUM_UNLIMITED;
    }
    return (int64_t)llround(bytes_per_s);
}

/* In place of all bandwidths, and of what ports carry. */
static bool parse_rates(struct arch_builder *builder,
                        const struct yaml_node *node,
                        struct arch_memory *memory)
{
    static const char *const others[] = {"bandwidth", "read_bandwidth",
                                         "write_bandwidth", "ports", NULL};
    memory->follows_licence = yaml_find(node, "rate") != NULL ||
                              yaml_find(node, "read_rate") != NULL ||
                              yaml_find(node, "write_rate") != NULL;
    if (!memory->follows_licence) {
        return false;
    }
    for (size_t i = 0; others[i] != NULL; i++) {
        if (yaml_find(node, others[i]) != NULL) {
            diag_error(builder->diags,
                       yaml_key_span(yaml_find(node, others[i])), "arch-rate",
                       NULL, "'%s' beside bytes a cycle", others[i]);
        }
    }
    memory->bandwidth_bytes_per_s = find_rate(builder, node, "rate");
    memory->read_bandwidth_bytes_per_s = find_rate(builder, node, "read_rate");
    memory->write_bandwidth_bytes_per_s =
        find_rate(builder, node, "write_rate");
    return true;
}

static void parse_bandwidth(struct arch_builder *builder,
                            const struct yaml_node *node,
                            struct arch_memory *memory)
{
    int64_t all = memory->ports + memory->read_ports + memory->write_ports;
    bool has_both = yaml_find(node, "read_bandwidth") != NULL &&
                    yaml_find(node, "write_bandwidth") != NULL;
    bool overlaps = true;
    arch_find_flag(builder, node, "overlap", &overlaps);
    memory->is_serial = !overlaps;
    if (parse_rates(builder, node, memory)) {
        return;
    }
    if (all == 0 && !has_both && yaml_find(node, "bandwidth") == NULL) {
        (void)arch_get_count(builder, node, "bandwidth", UNIT_BYTES_PER_SECOND,
                             1, &memory->bandwidth_bytes_per_s);
    }
    memory->bandwidth_bytes_per_s = limit_bandwidth(
        builder, node, "bandwidth", port_bandwidth(memory, all));
    /* Ports that do both are no narrower for reads than for all. */
    memory->read_bandwidth_bytes_per_s = limit_bandwidth(
        builder, node, "read_bandwidth",
        memory->write_ports == 0
            ? NUM_UNLIMITED
            : port_bandwidth(memory, memory->ports + memory->read_ports));
    memory->write_bandwidth_bytes_per_s = limit_bandwidth(
        builder, node, "write_bandwidth",
        memory->read_ports == 0
            ? NUM_UNLIMITED
            : port_bandwidth(memory, memory->ports + memory->write_ports));
    if (memory->read_bandwidth_bytes_per_s != NUM_UNLIMITED ||
        memory->write_bandwidth_bytes_per_s != NUM_UNLIMITED) {
        arch_note_feature(
            builder, ARCH_FEATURE_SPLIT_BANDWIDTH, memory->name, node,
            yaml_find(node, "read_bandwidth") != NULL ? "read_bandwidth"
            : yaml_find(node, "ports") != NULL        ? "ports"
                                                      : "write_bandwidth");
    }
}

/* Cycles of the memory's own clock, rounded up to those of the arch; 0 if the
 * key is not there. */
static int64_t find_own_cycles(struct arch_builder *builder,
                               const struct yaml_node *node, const char *key,
                               const struct arch_memory *memory)
{
    int64_t own_cycles = 0;
    int64_t cycles = 0;
    if (arch_find_count(builder, node, key, UNIT_CYCLES, 0, &own_cycles) &&
        !num_mul_div_ceil(own_cycles, builder->arch->clock_hz, memory->clock_hz,
                          &cycles)) {
        diag_error(builder->diags, yaml_span(yaml_find(node, key)),
                   "arch-too-large", NULL,
                   "more cycles than a 64-bit count holds");
    }
    return cycles;
}

static void parse_latency(struct arch_builder *builder,
                          const struct yaml_node *node,
                          struct arch_memory *memory)
{
    memory->load_cycles = find_own_cycles(builder, node, "load", memory);
    if (memory->load_cycles > 0) {
        arch_note_feature(builder, ARCH_FEATURE_LOAD, memory->name, node,
                          "load");
    }
    memory->latency_cycles = find_own_cycles(builder, node, "latency", memory);
    if (memory->latency_cycles > 0) {
        arch_note_feature(builder, ARCH_FEATURE_MEMORY_LATENCY, memory->name,
                          node, "latency");
    }
}

static void parse_keeps(struct arch_builder *builder,
                        const struct yaml_node *node,
                        struct arch_memory *memory)
{
    const struct yaml_node *keeps = NULL;
    memory->can_bypass = true;
    arch_reported(
        yaml_find_bool(builder->diags, node, "bypass", &memory->can_bypass));
    arch_reported(yaml_find_bool(builder->diags, node, "forwards",
                                 &memory->forwards_drains));
    if (!memory->can_bypass) {
        arch_note_feature(builder, ARCH_FEATURE_NO_BYPASS, memory->name, node,
                          "bypass");
    }
    if (yaml_find_node(builder->diags, node, "keeps", YAML_SEQUENCE, &keeps) !=
            OK ||
        keeps == NULL) {
        return;
    }
    if (yaml_count(keeps) == 0) {
        diag_error(builder->diags, yaml_span(keeps), "arch-keeps-nothing",
                   "leave 'keeps' out where any tensor may be kept",
                   "memory '%s' may keep nothing", memory->name);
        return;
    }
    memory->keep = g_new0(const char *, yaml_count(keeps));
    for (size_t i = 0; i < yaml_count(keeps); i++) {
        const struct yaml_node *item = yaml_item(keeps, i);
        if (yaml_expect(builder->diags, item, YAML_SCALAR, "a tensor's name") ==
                OK &&
            arch_check_name(builder, yaml_text(item), yaml_span(item))) {
            memory->keep[memory->keep_count++] =
                g_string_chunk_insert_const(builder->strings, yaml_text(item));
        }
    }
    arch_note_feature(builder, ARCH_FEATURE_KEEPS, memory->name, node, "keeps");
}

/* Whether banks can be in each other's way. Those of the backing store are its
 * DRAM's. */
static void parse_banking(struct arch_builder *builder,
                          const struct yaml_node *node,
                          struct arch_memory *memory)
{
    static const char *const names[] = {"interleaved", "tensor", NULL};
    memory->is_banked_by_tensor =
        arch_find_word(builder, node, "banking", names, "arch-unknown-banking",
                       "banking") == 1;
    if (!memory->is_banked_by_tensor) {
        return;
    }
    if (memory->parent < 0 || memory->banks > ARCH_MAX_TENSOR_BANKS) {
        diag_error(builder->diags, yaml_span(yaml_find(node, "banking")),
                   "arch-banking", NULL,
                   memory->parent < 0
                       ? "'banking' of '%s': banks of the outermost memory are "
                         "those of its 'dram'"
                       : "memory '%s' has more than " G_STRINGIFY(
                             ARCH_MAX_TENSOR_BANKS) " banks for tensors",
                   memory->name);
    }
    arch_note_feature(builder, ARCH_FEATURE_BANKING, memory->name, node,
                      "banking");
}

static void parse_widths(struct arch_builder *builder,
                         const struct yaml_node *node,
                         struct arch_memory *memory)
{
    (void)arch_get_count(builder, node, "size", UNIT_BYTES, 1,
                         &memory->size_bytes);
    (void)arch_get_count(builder, node, "access", UNIT_BITS, 1,
                         &memory->access_bits);
    memory->word_bits = builder->arch->word_bits;
    if (arch_find_count(builder, node, "word", UNIT_BITS, 1,
                        &memory->word_bits) &&
        memory->word_bits % 8 != 0) {
        diag_error(builder->diags, yaml_span(yaml_find(node, "word")),
                   "arch-word-size", NULL,
                   "a word of %" G_GINT64_FORMAT " bits is not whole bytes",
                   memory->word_bits);
    }
    if (memory->word_bits != builder->arch->word_bits) {
        arch_note_feature(builder, ARCH_FEATURE_MEMORY_WORD, memory->name, node,
                          "word");
    }
    memory->clock_hz = builder->arch->clock_hz;
    (void)arch_find_count(builder, node, "clock", UNIT_HZ, 1,
                          &memory->clock_hz);
}

static void parse_costs(struct arch_builder *builder,
                        const struct yaml_node *node,
                        struct arch_memory *memory)
{
    struct arch_class_query query;
    arch_class_query_init(&query);
    if (memory->size_bytes != NUM_UNLIMITED) {
        query.parameter[ARCH_PARAMETER_SIZE] = (double)memory->size_bytes;
    }
    query.parameter[ARCH_PARAMETER_WIDTH] = (double)memory->access_bits;
    query.parameter[ARCH_PARAMETER_BANKS] = (double)memory->banks;
    int64_t ports = memory->ports + memory->read_ports + memory->write_ports;
    query.parameter[ARCH_PARAMETER_PORTS] = (double)MAX(ports, 1);
    struct arch_class_cost cost =
        arch_parse_class(builder, node, ARCH_CLASS_MEMORY, &query);
    memory->read_energy_pj_per_access =
        arch_get_cost(builder, node, "read", UNIT_PJ, cost.read_energy_pj);
    memory->write_energy_pj_per_access =
        arch_get_cost(builder, node, "write", UNIT_PJ, cost.write_energy_pj);
    memory->area_um2 =
        arch_find_cost(builder, node, "area", UNIT_UM2, cost.area_um2);
    memory->leakage_mw =
        arch_find_cost(builder, node, "leakage", UNIT_MW, cost.leakage_mw);
    if (memory->leakage_mw > 0) {
        arch_note_feature(builder, ARCH_FEATURE_LEAKAGE, memory->name, node,
                          "leakage");
    }
}

/* A file of DRAM timing stands for the backing store: what tensors' addresses are
 * of. */
static void parse_dram(struct arch_builder *builder,
                       const struct yaml_node *node, struct arch_memory *memory)
{
    const char *file = NULL;
    if (yaml_find_text(builder->diags, node, "dram", &file) != OK ||
        file == NULL) {
        return;
    }
    memory->dram = g_string_chunk_insert_const(builder->strings, file);
    if (memory->parent >= 0) {
        diag_error(builder->diags, yaml_span(yaml_find(node, "dram")),
                   "arch-dram-inner", NULL,
                   "'dram' belongs to the outermost memory, '%s' is inside one",
                   memory->name);
    }
    arch_note_feature(builder, ARCH_FEATURE_DRAM, memory->name, node, "dram");
}

void arch_add_memory(struct arch_builder *builder, const struct yaml_node *node,
                     const struct arch_branch *branch)
{
    arch_reported(yaml_check_keys(builder->diags, node, memory_keys));
    struct arch_memory memory = {
        .name = arch_take_name(builder, node, "memory"),
        .parent = branch->memory,
        .axis_count = branch->axis_count,
        .instances = branch->instances,
        .access_bits = 1,
        .span = yaml_span(yaml_find(node, "memory")),
    };
    for (int i = 0; i < branch->axis_count; i++) {
        memory.axis[i] = branch->axis[i];
    }
    parse_widths(builder, node, &memory);
    parse_ports(builder, node, &memory);
    parse_banking(builder, node, &memory);
    parse_bandwidth(builder, node, &memory);
    parse_latency(builder, node, &memory);
    parse_keeps(builder, node, &memory);
    parse_dram(builder, node, &memory);
    parse_costs(builder, node, &memory);

    struct arch_branch below = *branch;
    below.memory = (int)builder->memories->len;
    below.node = (int)builder->nodes->len;
    struct arch_node place = {ARCH_NODE_MEMORY, below.memory, branch->node};
    g_array_append_val(builder->nodes, place);
    g_array_append_val(builder->memories, memory);
    arch_add_children(builder, node, "memory", &below);
}
