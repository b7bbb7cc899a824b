/* What a cascade means: boxes of statements, and the whole. */
#include "einsum/interpret.h"

#include <string.h>

#include "einsum/contract.h"

/* ---- one box
 * -------------------------------------------------------------------- */

static void advance(const struct box_loop *loop, int read_count, int64_t *at,
                    int64_t steps)
{
    at[0] += steps * loop->output_stride;
    for (int r = 0; r < read_count; r++) {
        at[r + 1] += steps * loop->read_stride[r];
    }
}

/* Calls `run` with every position of the first `loop_count` loops. */
static void run_loops(const struct box_plan *plan, int loop_count,
                      const struct box_plan *inner, row_function run,
                      int64_t *at)
{
    int64_t index[EINSUM_MAX_RANKS + 1] = {0};
    for (;;) {
        run(inner, at);
        int l = loop_count - 1;
        while (l >= 0 && index[l] == plan->loop[l].count - 1) {
            advance(&plan->loop[l], plan->read_count, at, -index[l]);
            index[l--] = 0;
        }
        if (l < 0) {
            return;
        }
        advance(&plan->loop[l], plan->read_count, at, 1);
        index[l]++;
    }
}

static void run_rows(const struct box_plan *plan, int64_t *at)
{
    run_loops(plan, plan->loop_count - 1, plan, plan->run_row, at);
}

static void run_contraction(const struct box_plan *inner, const int64_t *at)
{
    if (!contract_run(inner, at)) {
        int64_t from[EINSUM_MAX_READS + 1];
        memcpy(from, at, sizeof from);
        run_rows(inner, from);
    }
}

static void run_plan(const struct box_plan *plan)
{
    int64_t at[EINSUM_MAX_READS + 1] = {0};
    struct box_plan inner;
    struct box_plan outer;
    if (plan->is_product_sum && contract_split(plan, &inner, &outer)) {
        plan_choose_row(&inner);
        run_loops(&outer, outer.loop_count, &inner, run_contraction, at);
    } else {
        run_rows(plan, at);
    }
}

void einsum_run_box(const struct workload *workload, int statement,
                    const int64_t *lo, const int64_t *hi,
                    struct einsum_data *data)
{
    struct box_plan plan;
    unsigned features =
        workload->statements[statement].features & ~(unsigned)EINSUM_PART;
    if ((features & EINSUM_INDEX_PRODUCER) != 0) {
        select_run(workload, statement, lo, hi, data);
    } else if ((features & EINSUM_TRANSFORM) != 0) {
        transforms_run(workload, statement, lo, hi, data);
    } else if (features != 0) {
        points_run(workload, statement, lo, hi, NULL, data);
    } else if (workload->statements[statement].kind != EINSUM_VIEW &&
               plan_init(&plan, workload, statement, lo, hi, data)) {
        run_plan(&plan);
    }
}

/* ---- a whole cascade
 * ---------------------------------------------------------------- */

static void find_whole_box(const struct workload *workload, int statement,
                           int64_t *lo, int64_t *hi)
{
    const struct einsum_statement *run = &workload->statements[statement];
    for (int i = 0; i < run->rank_count; i++) {
        lo[i] = 0;
        hi[i] = workload->rank[run->rank[i]].extent;
    }
}

static void run_whole(const struct workload *workload, int statement,
                      struct einsum_data *data)
{
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
    find_whole_box(workload, statement, lo, hi);
    einsum_run_box(workload, statement, lo, hi, data);
    einsum_store_box(workload, statement, lo, hi, data);
}

/* One step of the iterative rank. */
static void run_step(const struct workload *workload, int statement,
                     int64_t step, struct einsum_data *data)
{
    const struct einsum_statement *run = &workload->statements[statement];
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
    find_whole_box(workload, statement, lo, hi);
    for (int i = 0; i < run->rank_count; i++) {
        if (run->rank[i] == run->iterative_rank) {
            lo[i] = step;
            hi[i] = step + 1;
        }
    }
    einsum_run_box(workload, statement, lo, hi, data);
    einsum_store_box(workload, statement, lo, hi, data);
}

static int count_members(const struct workload *workload, const int *group,
                         int first)
{
    int count = 0;
    for (int i = first; i < workload->statement_count; i++) {
        count += group[i] == group[first] ? 1 : 0;
    }
    return count;
}

/* A box advances along a statement's own iterative rank by itself; only several
 * statements have to take turns, and steps between which values are stored. */
static void run_group(const struct workload *workload, const int *group,
                      int first, struct einsum_data *data)
{
    int rank = workload->statements[first].iterative_rank;
    if (count_members(workload, group, first) == 1 &&
        (data->arithmetic == NULL || rank < 0)) {
        run_whole(workload, first, data);
        return;
    }
    for (int64_t step = 0; step < workload->rank[rank].extent; step++) {
        for (int i = first; i < workload->statement_count; i++) {
            if (group[i] == group[first]) {
                run_step(workload, i, step, data);
            }
        }
    }
}

/* Everything the group reads from outside itself has been computed. */
static bool is_ready(const struct workload *workload, const int *group,
                     int first, const bool *is_done)
{
    for (int i = first; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        for (int j = 0; group[i] == group[first] && j < statement->read_count;
             j++) {
            int writer =
                workload->tensors[statement->resolved_reads[j].tensor].producer;
            for (; writer >= 0;
                 writer = workload->statements[writer].next_part) {
                if (group[writer] != group[first] && !is_done[writer]) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool run_ready_groups(const struct workload *workload, const int *group,
                             bool *is_done, struct einsum_data *data)
{
    bool has_run = false;
    for (int i = 0; i < workload->statement_count; i++) {
        if (is_done[i] || !is_ready(workload, group, i, is_done)) {
            continue;
        }
        run_group(workload, group, i, data);
        for (int j = i; j < workload->statement_count; j++) {
            is_done[j] = is_done[j] || group[j] == group[i];
        }
        has_run = true;
    }
    return has_run;
}

enum status einsum_run(const struct workload *workload, struct diags *diags,
                       struct einsum_data *data)
{
    size_t count = (size_t)workload->statement_count;
    g_autofree int *group = g_new0(int, count);
    g_autofree bool *is_done = g_new0(bool, count);
    data_reset(workload, data);
    g_clear_pointer(&data->fault, g_free);
    workload_find_groups(workload, group);
    for (size_t i = 0; i < count; i++) {
        is_done[i] = workload->statements[i].kind != EINSUM_COMPUTE;
    }
    /* A recurrence may be closed by a statement further down, on which one in
     * between waits: more than one round. */
    while (run_ready_groups(workload, group, is_done, data)) {
    }
    if (data->fault != NULL) {
        diag_error(diags, workload->statements[data->fault_statement].span,
                   "einsum-gather-range", NULL, "%s", data->fault);
        return ERR_INPUT;
    }
    return OK;
}
