/* What the architecture says of where tensors may be: `keeps` lists those that may
 * live in a memory, and nothing passes one with `bypass: false` without being
 * kept in it. */
#include "mapping/builder.h"

static enum status check_keeps(struct builder *b)
{
    for (guint n = 0; n < b->nodes->len; n++) {
        const struct plan_node *node =
            &g_array_index(b->nodes, struct plan_node, n);
        for (int i = 0; node->kind == PLAN_HOLD && i < node->held_count; i++) {
            const char *name = b->workload->tensors[node->held[i]].name;
            if (arch_may_keep(b->arch, node->memory, name)) {
                continue;
            }
            diag_error(b->diags, node->span, "mapping-not-kept", NULL,
                       "the architecture does not let '%s' keep '%s'",
                       b->arch->memories[node->memory].name, name);
            return ERR_INPUT;
        }
    }
    return OK;
}

/* The memory without bypass between `inner` (exclusive) and `outer`, or -1. */
static int find_passed(const struct arch *arch, int inner, int outer)
{
    int memory = arch->memories[inner].parent;
    while (memory >= 0 && memory != outer &&
           arch->memories[memory].can_bypass) {
        memory = arch->memories[memory].parent;
    }
    return memory == outer ? -1 : memory;
}

/* Likewise between a unit and the memory that its flow reads or writes. */
static int find_passed_by_unit(const struct arch *arch, int unit, int memory)
{
    int innermost = arch->units[unit].memory;
    if (innermost == memory) {
        return -1;
    }
    return arch->memories[innermost].can_bypass
               ? find_passed(arch, innermost, memory)
               : innermost;
}

static enum status check_bypass(struct builder *b)
{
    for (guint f = 0; f < b->flows->len; f++) {
        const struct plan_flow *flow =
            &g_array_index(b->flows, struct plan_flow, f);
        bool is_of_hold = flow->node >= 0;
        int passed =
            is_of_hold
                ? find_passed(b->arch, flow->memory, flow->outer)
                : find_passed_by_unit(b->arch, b->plan->leaves[flow->leaf].unit,
                                      flow->memory);
        if (passed < 0) {
            continue;
        }
        int node = is_of_hold ? flow->node : b->plan->leaves[flow->leaf].node;
        diag_error(b->diags, b->plan->nodes[node].span, "mapping-no-bypass",
                   NULL,
                   "'%s' passes '%s' without being kept there, which the "
                   "architecture does not allow",
                   b->workload->tensors[flow->tensor].name,
                   b->arch->memories[passed].name);
        return ERR_INPUT;
    }
    return OK;
}

enum status check_residency(struct builder *b)
{
    TRY(check_keeps(b));
    return check_bypass(b);
}
