/* An order of the statements in which operands come first. Those that recur on
 * each other stand together, in text order, as they are executed within a
 * step. */
#include "einsum/binder.h"
#include "einsum/passes.h"

/* All parts of the tensor, but those of the group itself. */
static bool is_computed(const struct workload *workload, const int *group,
                        const bool *is_placed, int tensor, int wanted)
{
    for (int part = workload->tensors[tensor].producer; part >= 0;
         part = workload->statements[part].next_part) {
        if (group[part] != wanted && !is_placed[part] &&
            workload->statements[part].kind == EINSUM_COMPUTE) {
            return false;
        }
    }
    return true;
}

/* Every operand of the group from outside of it is computed. */
static bool is_ready(const struct workload *workload, const int *group,
                     const bool *is_placed, int wanted)
{
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        for (int j = 0; group[i] == wanted && j < statement->read_count; j++) {
            int tensor = statement->resolved_reads[j].tensor;
            if (!is_computed(workload, group, is_placed, tensor, wanted)) {
                return false;
            }
        }
    }
    return true;
}

static void place_group(struct pass_schedule *schedule, int count, int group,
                        bool *is_placed)
{
    for (int i = 0; i < count; i++) {
        if (schedule->group[i] == group) {
            schedule->statement[schedule->count++] = i;
            is_placed[i] = true;
        }
    }
}

void pass_schedule_init(struct pass_schedule *schedule,
                        const struct workload *workload)
{
    int count = workload->statement_count;
    g_autofree bool *is_placed = g_new0(bool, (size_t)count);
    schedule->count = 0;
    schedule->statement = g_new0(int, (size_t)count);
    schedule->group = g_new0(int, (size_t)count);
    workload_find_groups(workload, schedule->group);
    int placed_before = -1;
    while (placed_before < schedule->count) {
        placed_before = schedule->count;
        for (int i = 0; i < count; i++) {
            if (workload->statements[i].kind == EINSUM_COMPUTE &&
                !is_placed[i] &&
                is_ready(workload, schedule->group, is_placed,
                         schedule->group[i])) {
                place_group(schedule, count, schedule->group[i], is_placed);
            }
        }
    }
}

int pass_schedule_part(const struct pass_schedule *schedule,
                       const struct workload *workload, int tensor, int group)
{
    int part = workload->tensors[tensor].producer;
    while (part >= 0 && schedule->group[part] != group) {
        part = workload->statements[part].next_part;
    }
    return part;
}

void pass_schedule_clear(struct pass_schedule *schedule)
{
    g_free(schedule->statement);
    g_free(schedule->group);
}
