/* Which bank a tensor lies in, where memories do not interleave. */
#include "sim/timing_build.h"

/* What shares a buffer shares its bank; a tensor that is held again lies where it
 * lay. */
static void place_hold(const struct plan_node *hold, int64_t *bank_of_tensor,
                       int64_t *next)
{
    for (int h = 0; h < hold->held_count; h++) {
        if (bank_of_tensor[hold->held[h]] < 0) {
            bank_of_tensor[hold->held[h]] = *next;
            *next += hold->is_shared ? 0 : 1;
        }
    }
    *next += hold->is_shared ? 1 : 0;
}

int timing_find_bank(const struct plan *plan, int memory, int tensor)
{
    int64_t banks = plan->arch->memories[memory].banks;
    int tensor_count = plan->workload->tensor_count;
    g_autofree int64_t *bank_of_tensor =
        g_new(int64_t, (gsize)tensor_count + 1);
    int64_t next = 0;
    for (int t = 0; t < tensor_count; t++) {
        bank_of_tensor[t] = -1;
    }
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind == PLAN_HOLD && node->memory == memory) {
            place_hold(node, bank_of_tensor, &next);
        }
    }
    int64_t at = bank_of_tensor[tensor] < 0 ? tensor : bank_of_tensor[tensor];
    return (int)(at % banks);
}
