/* Stalls and their causes in words. */
#include "model/model.h"

const char *stall_name(enum stall stall)
{
    static const char *const names[] = {
        [STALL_DEPENDENCY] = "dependency",
        [STALL_REDUCTION] = "reduction",
        [STALL_OPERAND] = "operand",
        [STALL_BANDWIDTH] = "bandwidth",
        [STALL_BANK_CONFLICT] = "bank_conflict",
        [STALL_DRAM] = "dram",
        [STALL_NETWORK] = "network",
        [STALL_BUFFER_FULL] = "buffer_full",
        [STALL_FILL] = "fill",
        [STALL_DRAIN] = "drain",
        [STALL_OUT_OF_WORK] = "out_of_work",
    };
    if ((int)stall < 0 || stall >= STALL_COUNT) {
        BUG("stall %d", (int)stall);
    }
    return names[stall];
}

char *evaluation_say_cause(const struct evaluation_cause *c)
{
    const char *part = c->part == NULL ? "" : c->part;
    const char *dot = c->part == NULL ? "" : ".";
    switch (c->stall) {
    case STALL_DEPENDENCY:
        return c->einsum == NULL
                   ? g_strdup("dependency")
                   : g_strdup_printf("dependency on %s", c->einsum);
    case STALL_REDUCTION:
        return g_strdup_printf("reduction of %s", c->einsum);
    case STALL_OPERAND:
        return g_strdup_printf("operand %s from %s", c->tensor, c->component);
    case STALL_BANDWIDTH:
        return g_strdup_printf("bandwidth of %s%s%s", c->component, dot, part);
    case STALL_BANK_CONFLICT:
        return g_strdup_printf("bank conflict in %s%s%s", c->component, dot,
                               part);
    case STALL_DRAM:
        return g_strdup_printf("%s of %s", part, c->component);
    case STALL_NETWORK:
        return g_strdup_printf("network of %s%s%s", c->component, dot, part);
    case STALL_BUFFER_FULL:
        return g_strdup_printf("buffer full: %s in %s", c->tensor,
                               c->component);
    case STALL_FILL:
    case STALL_DRAIN:
        return g_strdup(stall_name(c->stall));
    case STALL_OUT_OF_WORK:
        return g_strdup("out of work");
    case STALL_COUNT:
        break;
    }
    BUG("stall %d", (int)c->stall);
}
