/* What a unit can do. An operation either has a cost,
 *     mac: {cycles: 1, energy: 17.1645 pJ}
 * or is composed of others of the same unit, one after another,
 *     exp: {mac: 6}
 * and then costs the sums of their cycles, latencies and energies, and no area:
 * it runs on their hardware. `exp: taylor6` names a composition, and how the value
 * is computed (formats/approximations/); `function: taylor6` beside a cost or a
 * composition says only the latter. `shares: mac` says the same of an operation that
 * has its own cost but no hardware of its own (the add of a multiply-accumulate).
 */
#include "arch/arch.h"
#include "arch/builder.h"

#include <string.h>

enum progress { NOT_RESOLVED, IN_PROGRESS, RESOLVED };

struct draft {
    struct arch_op op;
    const struct yaml_node *node;
    enum progress progress;
};

struct drafts {
    struct arch_builder *builder;
    int64_t clock_ratio;            /* cycles of the arch in one of the unit */
    const struct arch_ports *ports; /* of the unit, or NULL */
    size_t count;
    struct draft *draft;
};

static const char *const cost_keys[] = {
    "cycles", "energy", "latency", "pipelined",   "class",
    "area",   "shares", "leakage", "instruction", NULL,
};
static const char *const known_keys[] = {
    "cycles", "energy",   "latency", "pipelined",   "class", "area",
    "shares", "function", "leakage", "instruction", NULL,
};

static bool is_composed(const struct yaml_node *node)
{
    for (size_t i = 0; cost_keys[i] != NULL; i++) {
        if (yaml_find(node, cost_keys[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/* `cycles` is how often the unit can begin one, `latency` how long one takes.
 * What is not pipelined begins one when the last has ended. */
static void parse_cycles(struct arch_builder *builder, struct draft *draft)
{
    const struct yaml_node *node = draft->node;
    struct arch_op *op = &draft->op;
    bool is_pipelined = true;
    arch_reported(
        yaml_find_bool(builder->diags, node, "pipelined", &is_pipelined));
    bool has_latency = arch_find_count(builder, node, "latency", UNIT_CYCLES, 0,
                                       &op->latency_cycles);
    if (has_latency && yaml_find(node, "cycles") == NULL) {
        op->cycles =
            is_pipelined ? MIN(op->latency_cycles, 1) : op->latency_cycles;
        return;
    }
    (void)arch_get_count(builder, node, "cycles", UNIT_COUNT, 0, &op->cycles);
    op->latency_cycles = has_latency ? op->latency_cycles : op->cycles;
    if (op->latency_cycles < op->cycles ||
        (!is_pipelined && op->latency_cycles != op->cycles)) {
        diag_error(builder->diags, yaml_span(yaml_find(node, "latency")),
                   "arch-latency", NULL,
                   "operation '%s' takes %" G_GINT64_FORMAT
                   " cycles from operands to result, and begins every "
                   "%" G_GINT64_FORMAT "%s",
                   op->name, op->latency_cycles, op->cycles,
                   is_pipelined ? "" : " without being pipelined");
    }
}

/* On a unit with ports an operation is an instruction, whose time is that of its
 * uops; elsewhere there are none. */
static bool parse_instruction(struct drafts *drafts, struct draft *draft)
{
    struct diags *diags = drafts->builder->diags;
    const struct yaml_node *node = yaml_find(draft->node, "instruction");
    const char *name = NULL;
    draft->op.instruction = -1;
    if ((drafts->ports == NULL) != (node == NULL)) {
        diag_error(diags, node == NULL ? draft->op.span : yaml_key_span(node),
                   "arch-op-instruction", NULL,
                   drafts->ports == NULL
                       ? "operation '%s' of a unit without ports has no "
                         "instruction"
                       : "operation '%s' of a unit with ports names its "
                         "'instruction'",
                   draft->op.name);
        return true;
    }
    if (node == NULL ||
        yaml_find_text(diags, draft->node, "instruction", &name) != OK) {
        return node != NULL;
    }
    draft->op.instruction = arch_find_instruction(drafts->ports, name);
    draft->op.cycles = 1;
    if (draft->op.instruction >= 0) {
        draft->op.latency_cycles = MAX(
            drafts->ports->instruction[draft->op.instruction].latency_cycles,
            1);
        return true;
    }
    const char *names[ARCH_MAX_INSTRUCTIONS];
    for (int i = 0; i < drafts->ports->instruction_count; i++) {
        names[i] = drafts->ports->instruction[i].name;
    }
    g_autofree char *suggestion =
        suggest_text(name, names, (size_t)drafts->ports->instruction_count);
    diag_error(diags, yaml_span(node), "arch-unknown-instruction", suggestion,
               "the unit has no instruction '%s'", name);
    return true;
}

static void parse_energy(struct arch_builder *builder, struct draft *draft)
{
    struct arch_class_query query;
    arch_class_query_init(&query);
    query.parameter[ARCH_PARAMETER_BITS] = (double)builder->arch->word_bits;
    struct arch_class_cost cost =
        arch_parse_class(builder, draft->node, ARCH_CLASS_OP, &query);
    draft->op.energy_pj = arch_get_cost(builder, draft->node, "energy", UNIT_PJ,
                                        cost.read_energy_pj);
    bool shares = yaml_find(draft->node, "shares") != NULL;
    draft->op.area_um2 = arch_find_cost(builder, draft->node, "area", UNIT_UM2,
                                        shares ? 0 : cost.area_um2);
    draft->op.leakage_mw = arch_find_cost(
        builder, draft->node, "leakage", UNIT_MW, shares ? 0 : cost.leakage_mw);
}

static struct draft *find_part(struct drafts *drafts, const char *name,
                               struct span span);

static void parse_cost(struct drafts *drafts, struct draft *draft)
{
    struct arch_builder *builder = drafts->builder;
    const char *shared = NULL;
    arch_reported(yaml_check_keys(builder->diags, draft->node, known_keys));
    if (!parse_instruction(drafts, draft)) {
        parse_cycles(builder, draft);
    }
    parse_energy(builder, draft);
    arch_reported(
        yaml_find_text(builder->diags, draft->node, "shares", &shared));
    if (shared != NULL) {
        (void)find_part(drafts, shared,
                        yaml_span(yaml_find(draft->node, "shares")));
    }
    if (!num_mul(draft->op.cycles, drafts->clock_ratio, &draft->op.cycles) ||
        !num_mul(draft->op.latency_cycles, drafts->clock_ratio,
                 &draft->op.latency_cycles)) {
        diag_error(builder->diags, draft->op.span, "arch-too-large", NULL,
                   "more cycles than a 64-bit count holds");
    }
}

/* The draft of that name, or NULL after a message. */
static struct draft *find_part(struct drafts *drafts, const char *name,
                               struct span span)
{
    g_autofree const char **names = g_new(const char *, drafts->count);
    for (size_t i = 0; i < drafts->count; i++) {
        names[i] = drafts->draft[i].op.name;
        if (strcmp(names[i], name) == 0) {
            return &drafts->draft[i];
        }
    }
    g_autofree char *suggestion = suggest_text(name, names, drafts->count);
    diag_error(drafts->builder->diags, span, "arch-unknown-op", suggestion,
               "the unit has no operation '%s'", name);
    return NULL;
}

static void resolve(struct drafts *drafts, struct draft *draft);

/* Adds an operation of the unit, so many times, to the draft's cost. */
static void add_times(struct drafts *drafts, struct draft *draft,
                      const char *name, int64_t times, struct span span)
{
    struct diags *diags = drafts->builder->diags;
    struct draft *part = find_part(drafts, name, span);
    int64_t cycles = 0;
    int64_t latency = 0;
    if (part == NULL) {
        return;
    }
    if (part->progress == IN_PROGRESS) {
        diag_error(diags, span, "arch-composition-cycle", NULL,
                   "operation '%s' is composed of itself, by way of '%s'",
                   draft->op.name, name);
        return;
    }
    resolve(drafts, part);
    if (!num_mul(times, part->op.cycles, &cycles) ||
        !num_add(cycles, draft->op.cycles, &draft->op.cycles) ||
        !num_mul(times, part->op.latency_cycles, &latency) ||
        !num_add(latency, draft->op.latency_cycles,
                 &draft->op.latency_cycles)) {
        diag_error(diags, span, "arch-too-large", NULL,
                   "more cycles than a 64-bit count holds");
    }
    draft->op.energy_pj += (double)times * part->op.energy_pj;
}

/* Pair i of the composition. */
static void add_part(struct drafts *drafts, struct draft *draft, size_t i)
{
    const char *name = yaml_pair_key(draft->node, i);
    struct span span = yaml_key_span(yaml_pair_value(draft->node, i));
    int64_t times = 0;
    if (strcmp(name, "function") != 0 &&
        arch_get_count(drafts->builder, draft->node, name, UNIT_COUNT, 1,
                       &times)) {
        add_times(drafts, draft, name, times, span);
    }
}

/* ---- approximations -------------------------------------------------------- */

static const struct approximation *
find_approximation(struct arch_builder *builder, const char *operation,
                   const struct yaml_node *node)
{
    const char *name = yaml_text(node);
    const struct approximation *found = approximation_find(operation, name);
    if (found != NULL) {
        return found;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < approximation_count(); i++) {
        if (strcmp(approximation_at(i)->operation, operation) == 0) {
            g_ptr_array_add(names,
                            (gpointer)(uintptr_t)approximation_at(i)->name);
        }
    }
    g_autofree char *suggestion =
        suggest_text(name, (const char *const *)names->pdata, names->len);
    diag_error(builder->diags, yaml_span(node), "arch-unknown-approximation",
               suggestion, "there is no approximation '%s' of '%s'", name,
               operation);
    return NULL;
}

static void parse_function(struct arch_builder *builder, struct draft *draft)
{
    const struct yaml_node *node = yaml_find(draft->node, "function");
    if (node != NULL && yaml_expect(builder->diags, node, YAML_SCALAR,
                                    "the name of an approximation") == OK) {
        draft->op.approximation =
            find_approximation(builder, draft->op.name, node);
    }
}

/* `exp: taylor6` */
static void add_approximation(struct drafts *drafts, struct draft *draft)
{
    const struct approximation *found =
        find_approximation(drafts->builder, draft->op.name, draft->node);
    struct span span = yaml_span(draft->node);
    if (found == NULL) {
        return;
    }
    draft->op.approximation = found;
    if (found->macs > 0) {
        add_times(drafts, draft, "mac", found->macs, span);
    }
    if (found->lookups > 0) {
        add_times(drafts, draft, "lookup", found->lookups, span);
    }
}

/* Recursion is at most ARCH_MAX_OPS deep. */
static void resolve(struct drafts *drafts, struct draft *draft)
{
    if (draft->progress != NOT_RESOLVED) {
        return;
    }
    draft->progress = IN_PROGRESS;
    draft->op.instruction = -1;
    if (yaml_kind(draft->node) == YAML_SCALAR) {
        add_approximation(drafts, draft);
        draft->progress = RESOLVED;
        return;
    }
    parse_function(drafts->builder, draft);
    if (!is_composed(draft->node) || drafts->ports != NULL) {
        parse_cost(drafts, draft);
    } else {
        for (size_t i = 0; i < yaml_count(draft->node); i++) {
            add_part(drafts, draft, i);
        }
    }
    draft->progress = RESOLVED;
}

static bool draft_op(struct arch_builder *builder, const struct yaml_node *ops,
                     size_t i, struct draft *draft)
{
    const char *name = yaml_pair_key(ops, i);
    draft->node = yaml_pair_value(ops, i);
    draft->op.span = yaml_key_span(draft->node);
    draft->op.name = g_string_chunk_insert_const(builder->strings, name);
    if (!arch_check_name(builder, name, draft->op.span)) {
        return false;
    }
    if (yaml_kind(draft->node) == YAML_SCALAR &&
        yaml_text(draft->node)[0] != '\0') {
        return true;
    }
    if (yaml_expect(builder->diags, draft->node, YAML_MAPPING,
                    "an operation") != OK) {
        return false;
    }
    if (yaml_count(draft->node) == 0) {
        diag_error(builder->diags, draft->op.span, "arch-empty-op", NULL,
                   "operation '%s' has no cost", name);
        return false;
    }
    return true;
}

/* Of what is said of one operation; compositions only repeat it. */
static void note_latency(struct arch_builder *builder,
                         const struct draft *draft,
                         const struct arch_unit *unit)
{
    if (unit->ports == NULL && yaml_kind(draft->node) == YAML_MAPPING &&
        !is_composed(draft->node) &&
        draft->op.latency_cycles > draft->op.cycles) {
        arch_note_feature(builder, ARCH_FEATURE_OP_LATENCY, unit->name,
                          draft->node, "latency");
    }
}

void arch_parse_ops(struct arch_builder *builder, const struct yaml_node *ops,
                    int64_t clock_ratio, struct arch_unit *unit)
{
    size_t count = yaml_count(ops);
    if (count == 0 || count > ARCH_MAX_OPS) {
        diag_error(builder->diags, yaml_span(ops), "arch-op-count", NULL,
                   "a unit has 1 to %d operations, not %zu", ARCH_MAX_OPS,
                   count);
        return;
    }
    g_autofree struct draft *draft = g_new0(struct draft, count);
    struct drafts drafts = {.builder = builder,
                            .clock_ratio = clock_ratio,
                            .ports = unit->ports,
                            .draft = draft};
    for (size_t i = 0; i < count; i++) {
        if (draft_op(builder, ops, i, &draft[drafts.count])) {
            drafts.count++;
        }
    }
    unit->ops = g_new0(struct arch_op, count);
    for (size_t i = 0; i < drafts.count; i++) {
        resolve(&drafts, &draft[i]);
        note_latency(builder, &draft[i], unit);
        unit->ops[unit->op_count++] = draft[i].op;
    }
}
