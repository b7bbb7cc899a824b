/* Ports of a unit: a processor core. Instructions are uops, each of which waits
 * for one of some ports; so many slots are issued a cycle. How long a mix of
 * instructions takes is the solution of a linear programme, which for divisible
 * work is the most crowded set of ports (Hall's condition): no set S of ports can
 * be done before all the uops that only S takes are, shared evenly. */
#include "arch/builder.h"

#include <string.h>

static const char *const instruction_keys[] = {
    "uops", "cycles", "slots", "latency", "stall", "licence", NULL,
};

struct ports_parser {
    struct arch_builder *builder;
    struct arch_ports *ports;
    const char *unit;
};

/* ---- names ------------------------------------------------------------------ */

/* The number of the port that `item` names; -1 after a message. */
static int find_port(struct ports_parser *parser, const struct yaml_node *item)
{
    struct diags *diags = parser->builder->diags;
    const struct arch_ports *ports = parser->ports;
    if (yaml_expect(diags, item, YAML_SCALAR, "a port") != OK) {
        return -1;
    }
    for (int p = 0; p < ports->port_count; p++) {
        if (strcmp(ports->port[p], yaml_text(item)) == 0) {
            return p;
        }
    }
    g_autofree char *suggestion =
        suggest_text(yaml_text(item), ports->port, (size_t)ports->port_count);
    diag_error(diags, yaml_span(item), "arch-unknown-port", suggestion,
               "unit '%s' has no port '%s'", parser->unit, yaml_text(item));
    return -1;
}

static uint32_t parse_port_set(struct ports_parser *parser,
                               const struct yaml_node *list)
{
    uint32_t set = 0;
    if (yaml_expect(parser->builder->diags, list, YAML_SEQUENCE,
                    "a list of ports") != OK) {
        return 0;
    }
    for (size_t i = 0; i < yaml_count(list); i++) {
        int port = find_port(parser, yaml_item(list, i));
        set |= port < 0 ? 0 : (uint32_t)1 << port;
    }
    return set;
}

static void parse_port_names(struct ports_parser *parser,
                             const struct yaml_node *list)
{
    struct arch_builder *builder = parser->builder;
    size_t count = yaml_count(list);
    if (count == 0 || count > ARCH_MAX_PORTS) {
        diag_error(builder->diags, yaml_span(list), "arch-port-count", NULL,
                   "a unit has 1 to %d ports, not %zu", ARCH_MAX_PORTS, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = yaml_item(list, i);
        if (yaml_expect(builder->diags, item, YAML_SCALAR, "a port") == OK &&
            arch_check_name(builder, yaml_text(item), yaml_span(item))) {
            parser->ports->port[parser->ports->port_count++] =
                g_string_chunk_insert_const(builder->strings, yaml_text(item));
        }
    }
}

/* ---- licences --------------------------------------------------------------- */

static void parse_licences(struct ports_parser *parser,
                           const struct yaml_node *node)
{
    struct arch_builder *builder = parser->builder;
    const struct yaml_node *licences = NULL;
    if (yaml_find_node(builder->diags, node, "licences", YAML_MAPPING,
                       &licences) != OK ||
        licences == NULL) {
        return;
    }
    if (yaml_count(licences) > ARCH_MAX_LICENCES) {
        diag_error(builder->diags, yaml_span(licences), "arch-port-count", NULL,
                   "a unit has at most %d licences", ARCH_MAX_LICENCES);
        return;
    }
    for (size_t i = 0; i < yaml_count(licences); i++) {
        struct arch_licence licence = {
            .name = g_string_chunk_insert_const(builder->strings,
                                                yaml_pair_key(licences, i)),
            .clock_hz = builder->arch->clock_hz,
        };
        (void)arch_get_count(builder, licences, yaml_pair_key(licences, i),
                             UNIT_HZ, 1, &licence.clock_hz);
        parser->ports->licence[parser->ports->licence_count++] = licence;
    }
}

static void parse_licence(struct ports_parser *parser,
                          const struct yaml_node *node,
                          struct arch_instruction *instruction)
{
    const char *names[ARCH_MAX_LICENCES];
    const char *name = NULL;
    const struct arch_ports *ports = parser->ports;
    instruction->licence = -1;
    arch_reported(
        yaml_find_text(parser->builder->diags, node, "licence", &name));
    for (int i = 0; name != NULL && i < ports->licence_count; i++) {
        names[i] = ports->licence[i].name;
        if (strcmp(names[i], name) == 0) {
            instruction->licence = i;
        }
    }
    if (name != NULL && instruction->licence < 0) {
        g_autofree char *suggestion =
            suggest_text(name, names, (size_t)ports->licence_count);
        diag_error(parser->builder->diags,
                   yaml_span(yaml_find(node, "licence")),
                   "arch-unknown-licence", suggestion,
                   "unit '%s' has no licence '%s'", parser->unit, name);
    }
}

/* ---- instructions ------------------------------------------------------------ */

static void parse_uops(struct ports_parser *parser,
                       const struct yaml_node *node,
                       struct arch_instruction *instruction)
{
    struct arch_builder *builder = parser->builder;
    const struct yaml_node *uops = NULL;
    double cycles = 1;
    if (yaml_find_node(builder->diags, node, "uops", YAML_SEQUENCE, &uops) !=
        OK) {
        return;
    }
    size_t count = uops == NULL ? 0 : yaml_count(uops);
    if (count > ARCH_MAX_UOPS) {
        diag_error(builder->diags, yaml_span(uops), "arch-port-count", NULL,
                   "an instruction has at most %d uops", ARCH_MAX_UOPS);
        return;
    }
    arch_reported(yaml_find_real(builder->diags, node, "cycles",
                                 UNIT_PORT_CYCLES, builder->scope, &cycles));
    for (size_t i = 0; i < count; i++) {
        struct arch_uop uop = {
            .ports = parse_port_set(parser, yaml_item(uops, i)),
            .cycles = cycles,
        };
        instruction->uop[instruction->uop_count++] = uop;
    }
    instruction->slots = instruction->uop_count;
    (void)arch_find_count(builder, node, "slots", UNIT_COUNT, 0,
                          &instruction->slots);
}

static void parse_instruction(struct ports_parser *parser,
                              const struct yaml_node *list, size_t i)
{
    struct arch_builder *builder = parser->builder;
    const struct yaml_node *node = yaml_pair_value(list, i);
    const char *name = yaml_pair_key(list, i);
    struct arch_instruction instruction = {
        .name = g_string_chunk_insert_const(builder->strings, name),
        .span = yaml_key_span(node),
    };
    if (!arch_check_name(builder, name, instruction.span) ||
        yaml_expect(builder->diags, node, YAML_MAPPING, "an instruction") !=
            OK) {
        return;
    }
    arch_reported(yaml_check_keys(builder->diags, node, instruction_keys));
    parse_uops(parser, node, &instruction);
    parse_licence(parser, node, &instruction);
    (void)arch_find_count(builder, node, "latency", UNIT_CYCLES, 0,
                          &instruction.latency_cycles);
    (void)arch_find_count(builder, node, "stall", UNIT_CYCLES, 0,
                          &instruction.stall_cycles);
    parser->ports->instruction[parser->ports->instruction_count++] =
        instruction;
}

static void parse_instructions(struct ports_parser *parser,
                               const struct yaml_node *node)
{
    struct arch_builder *builder = parser->builder;
    const struct yaml_node *list = NULL;
    if (yaml_get_node(builder->diags, node, "instructions", YAML_MAPPING,
                      &list) != OK) {
        return;
    }
    if (yaml_count(list) > ARCH_MAX_INSTRUCTIONS) {
        diag_error(builder->diags, yaml_span(list), "arch-port-count", NULL,
                   "a unit has at most %d instructions", ARCH_MAX_INSTRUCTIONS);
        return;
    }
    for (size_t i = 0; i < yaml_count(list); i++) {
        parse_instruction(parser, list, i);
    }
}

struct arch_ports *arch_parse_ports(struct arch_builder *builder,
                                    const struct yaml_node *node,
                                    const char *unit)
{
    static const char *const dependent[] = {"issue", "instructions", "licences",
                                            "serial", NULL};
    const struct yaml_node *list = yaml_find(node, "ports");
    for (size_t i = 0; list == NULL && dependent[i] != NULL; i++) {
        const struct yaml_node *other = yaml_find(node, dependent[i]);
        if (other != NULL) {
            diag_error(builder->diags, yaml_key_span(other), "arch-no-ports",
                       NULL, "'%s' belongs to a unit with 'ports'",
                       dependent[i]);
        }
    }
    if (list == NULL || yaml_expect(builder->diags, list, YAML_SEQUENCE,
                                    "a list of ports") != OK) {
        return NULL;
    }
    struct ports_parser parser = {
        .builder = builder,
        .ports = g_new0(struct arch_ports, 1),
        .unit = unit,
    };
    parse_port_names(&parser, list);
    parse_licences(&parser, node);
    (void)arch_get_count(builder, node, "issue", UNIT_COUNT, 1,
                         &parser.ports->issue_slots);
    const struct yaml_node *serial = yaml_find(node, "serial");
    if (serial != NULL) {
        parser.ports->serial_ports = parse_port_set(&parser, serial);
    }
    parse_instructions(&parser, node);
    return parser.ports;
}

int arch_find_instruction(const struct arch_ports *ports, const char *name)
{
    for (int i = 0; i < ports->instruction_count; i++) {
        if (strcmp(ports->instruction[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---- time --------------------------------------------------------------------- */

#define MAX_SETS 12 /* different sets of ports in one mix */

/* What has to be done by each set of ports. */
struct load {
    int count;
    uint32_t ports[MAX_SETS];
    double cycles[MAX_SETS];
};

static void load_add(struct load *load, uint32_t ports, double cycles)
{
    int i = 0;
    while (i < load->count && load->ports[i] != ports) {
        i++;
    }
    if (i == load->count) {
        /* Beyond that many, any port but the first sets': never too long. */
        i = load->count < MAX_SETS ? load->count++ : MAX_SETS - 1;
        load->ports[i] |= ports;
    }
    load->cycles[i] += cycles;
}

static double crowded_set(const struct load *load)
{
    double most = 0;
    for (unsigned choice = 1; choice < 1U << load->count; choice++) {
        uint32_t ports = 0;
        double cycles = 0;
        for (int i = 0; i < load->count; i++) {
            ports |= (choice >> i & 1) != 0 ? load->ports[i] : 0;
        }
        for (int i = 0; i < load->count; i++) {
            cycles += (load->ports[i] & ~ports) == 0 ? load->cycles[i] : 0;
        }
        most = MAX(most, cycles / __builtin_popcount(ports));
    }
    return most;
}

double arch_count_port_cycles(const struct arch_ports *ports,
                              const double *times, uint32_t among)
{
    struct load load = {0};
    double slots = 0;
    for (int i = 0; i < ports->instruction_count; i++) {
        const struct arch_instruction *instruction = &ports->instruction[i];
        slots += times[i] * (double)instruction->slots;
        for (int u = 0; u < instruction->uop_count && times[i] > 0; u++) {
            const struct arch_uop *uop = &instruction->uop[u];
            if ((uop->ports & ~among) == 0 && uop->ports != 0) {
                load_add(&load, uop->ports, times[i] * uop->cycles);
            }
        }
    }
    bool is_all = among == ARCH_ALL_PORTS;
    return MAX(crowded_set(&load),
               is_all ? slots / (double)ports->issue_slots : 0);
}

double arch_count_stall_cycles(const struct arch_ports *ports,
                               const double *times)
{
    double stall = 0;
    for (int i = 0; i < ports->instruction_count; i++) {
        stall += times[i] * (double)ports->instruction[i].stall_cycles;
    }
    return stall;
}

int64_t arch_licence_clock(const struct arch *arch,
                           const struct arch_ports *ports, const double *times)
{
    int64_t clock_hz = arch->clock_hz;
    for (int i = 0; i < ports->instruction_count; i++) {
        int licence = ports->instruction[i].licence;
        if (times[i] > 0 && licence >= 0) {
            clock_hz = MIN(clock_hz, ports->licence[licence].clock_hz);
        }
    }
    return clock_hz;
}
