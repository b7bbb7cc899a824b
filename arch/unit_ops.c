/* What a unit can do. An operation either has a cost,
 *     mac: {cycles: 1, energy: 17.1645 pJ}
 * or is composed of others of the same unit, one after another,
 *     exp: {mac: 6}
 * and then costs the sums of their cycles and energies.
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
    size_t count;
    struct draft *draft;
};

static const char *const cost_keys[] = {"cycles", "energy", NULL};

static bool is_composed(const struct yaml_node *node)
{
    return yaml_find(node, "cycles") == NULL &&
           yaml_find(node, "energy") == NULL;
}

static void parse_cost(struct arch_builder *builder, struct draft *draft)
{
    arch_reported(yaml_check_keys(builder->diags, draft->node, cost_keys));
    (void)arch_get_count(builder, draft->node, "cycles", UNIT_COUNT, 0,
                         &draft->op.cycles);
    arch_reported(yaml_get_real(builder->diags, draft->node, "energy", UNIT_PJ,
                                builder->scope, &draft->op.energy_pj));
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
               "the unit has no operation '%s' to compose of", name);
    return NULL;
}

static void resolve(struct drafts *drafts, struct draft *draft);

/* Adds `part`, pair i of the composition, to the draft's cost. */
static void add_part(struct drafts *drafts, struct draft *draft, size_t i)
{
    struct diags *diags = drafts->builder->diags;
    const char *name = yaml_pair_key(draft->node, i);
    struct span span = yaml_key_span(yaml_pair_value(draft->node, i));
    struct draft *part = find_part(drafts, name, span);
    int64_t times = 0;
    int64_t cycles = 0;
    if (part == NULL || !arch_get_count(drafts->builder, draft->node, name,
                                        UNIT_COUNT, 1, &times)) {
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
        !num_add(cycles, draft->op.cycles, &draft->op.cycles)) {
        diag_error(diags, span, "arch-too-large", NULL,
                   "more cycles than a 64-bit count holds");
    }
    draft->op.energy_pj += (double)times * part->op.energy_pj;
}

/* Recursion is at most ARCH_MAX_OPS deep. */
static void resolve(struct drafts *drafts, struct draft *draft)
{
    if (draft->progress != NOT_RESOLVED) {
        return;
    }
    draft->progress = IN_PROGRESS;
    if (!is_composed(draft->node)) {
        parse_cost(drafts->builder, draft);
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
    if (!arch_check_name(builder, name, draft->op.span) ||
        yaml_expect(builder->diags, draft->node, YAML_MAPPING,
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

void arch_parse_ops(struct arch_builder *builder, const struct yaml_node *ops,
                    struct arch_unit *unit)
{
    size_t count = yaml_count(ops);
    if (count == 0 || count > ARCH_MAX_OPS) {
        diag_error(builder->diags, yaml_span(ops), "arch-op-count", NULL,
                   "a unit has 1 to %d operations, not %zu", ARCH_MAX_OPS,
                   count);
        return;
    }
    g_autofree struct draft *draft = g_new0(struct draft, count);
    struct drafts drafts = {.builder = builder, .draft = draft};
    for (size_t i = 0; i < count; i++) {
        if (draft_op(builder, ops, i, &draft[drafts.count])) {
            drafts.count++;
        }
    }
    unit->ops = g_new0(struct arch_op, count);
    for (size_t i = 0; i < drafts.count; i++) {
        resolve(&drafts, &draft[i]);
        unit->ops[unit->op_count++] = draft[i].op;
    }
}
