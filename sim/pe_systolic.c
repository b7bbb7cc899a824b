/* A product on a systolic array: every tile step of the plan is a fold.
 *
 * The axis along which the reduction goes, or for output stationary the second
 * one, is that of the rows. Which rank is on it, which on the other and which in
 * time tells the dataflow; which operand has which of the three ranks tells what
 * enters where. Other ranks may stand in loops outside: they only move the
 * corners of the tiles. */
#include "sim/pe/pe.h"
#include "sim/pe_run.h"

/* An operand or the result by what a step of each of the three ranks moves. */
struct operand {
    double *value;
    int64_t base;
    const struct einsum_access *access;
    int64_t row_stride;
    int64_t column_stride;
    int64_t time_stride;
};

struct systolic {
    struct pe_run *run;
    const struct plan_leaf *leaf;
    const struct einsum_statement *statement;
    const struct arch_unit *unit;
    struct pe_array array;
    int row_position; /* in statement.rank[]; -1: the axis has one lane */
    int column_position;
    int time_position;
    struct operand left;
    struct operand top; /* the weights, if any are stationary */
    struct operand result;
    int weight_hold; /* node that keeps the weights in the array; -1 */
    GArray *folds;   /* struct pe_fold */
    bool has_load;   /* the next fold's weights have been fetched */
};

static bool is_product(const struct einsum_statement *s)
{
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (s->ops_per_point[op] != (op == EINSUM_MAC ? 1 : 0)) {
            return false;
        }
    }
    return s->features == 0 && s->read_count == 2 && s->reduce == EINSUM_SUM;
}

static bool has_lane_nodes(const struct plan *plan)
{
    bool is_any = false;
    for (int n = 0; n < plan->node_count; n++) {
        is_any |= plan->nodes[n].kind == PLAN_SPATIAL;
    }
    return is_any;
}

/* ---- the array ------------------------------------------------------------- */

static enum status find_array(struct systolic *s)
{
    const struct arch_unit *unit = s->unit;
    const struct arch_op *mac = arch_find_op(unit, "mac");
    int node = s->leaf->node;
    if (unit->axis_count != 2 || mac == NULL || mac->cycles != 1) {
        return pe_refuse(s->run, node,
                         "unit '%s' is no array of two axes with a mac a cycle",
                         unit->name);
    }
    for (int i = 0; i < 2; i++) {
        if (unit->axis[i].skew_cycles != 1 || unit->axis[i].size > 4096) {
            return pe_refuse(s->run, node,
                             "along axis '%s' of unit '%s' lanes do not follow "
                             "a cycle after one another (skew), at most 4096",
                             unit->axis[i].name, unit->name);
        }
    }
    s->array.overlaps_folds = unit->overlaps_steps;
    return OK;
}

/* Which rank is on which axis and which in time. */
static enum status find_ranks(struct systolic *s)
{
    int on_axis[2] = {-1, -1};
    int row_axis = 1;
    s->time_position = -1;
    for (int r = 0; r < s->statement->rank_count; r++) {
        int axis = s->leaf->axis_of[r];
        if (axis >= 0) {
            on_axis[axis] = r;
            row_axis = s->statement->is_reduced[r] ? axis : row_axis;
        } else if (s->leaf->step_extent[r] > 1) {
            if (s->time_position >= 0) {
                return pe_refuse(s->run, s->leaf->node,
                                 "a tile step has more than one rank in time");
            }
            s->time_position = r;
        }
    }
    s->row_position = on_axis[row_axis];
    s->column_position = on_axis[1 - row_axis];
    s->array.rows = (int)s->unit->axis[row_axis].size;
    s->array.columns = (int)s->unit->axis[1 - row_axis].size;
    bool is_chain = s->unit->axis[row_axis].reduce == ARCH_REDUCE_CHAIN;
    bool is_reduced_in_space =
        s->row_position >= 0 && s->statement->is_reduced[s->row_position];
    s->array.dataflow =
        is_reduced_in_space ? PE_WEIGHT_STATIONARY : PE_OUTPUT_STATIONARY;
    if ((s->column_position >= 0 &&
         s->statement->is_reduced[s->column_position]) ||
        (is_reduced_in_space && !is_chain)) {
        return pe_refuse(s->run, s->leaf->node,
                         "sums go along one axis, from neighbour to neighbour");
    }
    if (s->time_position >= 0 &&
        s->statement->is_reduced[s->time_position] == is_reduced_in_space) {
        return pe_refuse(s->run, s->leaf->node,
                         "neither results nor an operand stay in the array");
    }
    return OK;
}

/* ---- operands ---------------------------------------------------------------- */

static struct operand operand_of(const struct systolic *s,
                                 const struct einsum_access *access)
{
    const struct workload *workload = s->run->plan->workload;
    const int *rank = s->statement->rank;
    const int position[] = {s->row_position, s->column_position,
                            s->time_position};
    int64_t stride[3] = {0, 0, 0};
    for (int i = 0; i < 3; i++) {
        if (position[i] >= 0) {
            stride[i] =
                einsum_access_stride(workload, access, rank[position[i]]);
        }
    }
    return (struct operand){
        .value = s->run->data->tensors[access->tensor].value,
        .base = einsum_access_base(workload, access),
        .access = access,
        .row_stride = stride[0],
        .column_stride = stride[1],
        .time_stride = stride[2],
    };
}

/* What enters at the left is the same in all columns; what enters at the top is,
 * output stationary, the same in all rows, and stays, weight stationary. */
static bool is_left(const struct operand *operand)
{
    return operand->column_stride == 0;
}

static bool is_top(const struct systolic *s, const struct operand *operand)
{
    return s->array.dataflow == PE_OUTPUT_STATIONARY
               ? operand->row_stride == 0
               : operand->time_stride == 0;
}

static enum status find_operands(struct systolic *s)
{
    const struct einsum_statement *statement = s->statement;
    struct operand first = operand_of(s, &statement->resolved_reads[0]);
    struct operand second = operand_of(s, &statement->resolved_reads[1]);
    s->result = operand_of(s, &statement->output);
    bool is_swapped = !is_left(&first) || !is_top(s, &second);
    s->left = is_swapped ? second : first;
    s->top = is_swapped ? first : second;
    if (!is_left(&s->left) || !is_top(s, &s->top)) {
        return pe_refuse(s->run, s->leaf->node,
                         "an operand would have to enter along both axes");
    }
    return OK;
}

/* ---- where operands and results are ------------------------------------------ */

static bool is_in_array(const struct systolic *s, int memory)
{
    return s->run->plan->arch->memories[memory].axis_count ==
           s->unit->axis_count;
}

static enum status check_weights(struct systolic *s)
{
    const struct plan *plan = s->run->plan;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->kind != FLOW_FILL || flow->tensor != s->top.access->tensor ||
            !is_in_array(s, flow->memory)) {
            continue;
        }
        int64_t copies = plan->nodes[flow->node].copies;
        if (plan->arch->memories[flow->memory].load_cycles == s->array.rows &&
            copies == (s->array.overlaps_folds ? 2 : 1)) {
            s->weight_hold = flow->node;
            return OK;
        }
        return pe_refuse(s->run, flow->node,
                         "what stays in the array is loaded in a cycle a row, "
                         "into one register, or two if tile steps overlap");
    }
    return pe_refuse(s->run, s->leaf->node,
                     "no memory of the array holds what stays in it");
}

static enum status check_places(struct systolic *s)
{
    const struct plan *plan = s->run->plan;
    bool is_output = s->array.dataflow == PE_OUTPUT_STATIONARY;
    s->weight_hold = -1;
    for (int i = 0; i < s->leaf->flow_count; i++) {
        const struct plan_flow *flow = &plan->flows[s->leaf->first_flow + i];
        bool stays = flow->kind == FLOW_READ
                         ? !is_output && flow->tensor == s->top.access->tensor
                         : is_output;
        if (is_in_array(s, flow->memory) != stays) {
            return pe_refuse(s->run, s->leaf->node,
                             "tensor '%s' is %s the array",
                             plan->workload->tensors[flow->tensor].name,
                             stays ? "not kept in" : "kept in");
        }
    }
    return is_output ? OK : check_weights(s);
}

/* ---- folds --------------------------------------------------------------------- */

static int64_t extent_at(const struct walk_event *event, int position)
{
    return position < 0 ? 1 : event->hi[position] - event->lo[position];
}

static double *corner(const struct systolic *s, const struct operand *operand,
                      const struct walk_event *event)
{
    const struct workload *workload = s->run->plan->workload;
    int64_t offset = operand->base;
    for (int r = 0; r < s->statement->rank_count; r++) {
        offset += event->lo[r] * einsum_access_stride(workload, operand->access,
                                                      s->statement->rank[r]);
    }
    return operand->value + offset;
}

static struct pe_fold fold_of(const struct systolic *s,
                              const struct walk_event *event)
{
    bool is_output = s->array.dataflow == PE_OUTPUT_STATIONARY;
    return (struct pe_fold){
        .rows = (int)extent_at(event, s->row_position),
        .columns = (int)extent_at(event, s->column_position),
        .length = extent_at(event, s->time_position),
        .left = {corner(s, &s->left, event), s->left.row_stride,
                 s->left.time_stride},
        .top = {corner(s, &s->top, event),
                is_output ? s->top.time_stride : s->top.row_stride,
                s->top.column_stride},
        .result = {corner(s, &s->result, event),
                   is_output ? s->result.row_stride : s->result.time_stride,
                   s->result.column_stride},
        .keeps_weights = !is_output && !s->has_load,
    };
}

static void collect_folds(struct systolic *s)
{
    const struct plan *plan = s->run->plan;
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    while (walk_next(walk, &event) && event.kind != WALK_END) {
        if (event.kind == WALK_MOVE) {
            const struct plan_flow *flow = &plan->flows[event.move.flow];
            s->has_load |= flow->kind == FLOW_FILL &&
                           flow->node == s->weight_hold &&
                           flow->tensor == s->top.access->tensor;
        } else if (event.kind == WALK_COMPUTE) {
            struct pe_fold fold = fold_of(s, &event);
            g_array_append_val(s->folds, fold);
            s->has_load = false;
        }
    }
}

static enum status run_folds(struct systolic *s)
{
    struct pe_result result = {0};
    collect_folds(s);
    TRY(pe_run_folds(&s->array,
                     (const struct pe_fold *)(const void *)s->folds->data,
                     (int64_t)s->folds->len, s->run->diags, &result));
    struct pe_unit_times *times = &s->run->units[s->leaf->unit];
    s->run->cycles = result.cycles;
    times->busy_cycles = result.busy_cycles;
    times->stall_cycles[STALL_DRAIN] = result.drain_cycles;
    times->stall_cycles[STALL_FILL] =
        result.cycles - result.busy_cycles - result.drain_cycles;
    return OK;
}

enum status pe_run_systolic(struct pe_run *run)
{
    const struct plan *plan = run->plan;
    const struct plan_leaf *leaf = &plan->leaves[0];
    const struct einsum_statement *statement =
        &plan->workload->statements[leaf->statement];
    struct systolic s = {.run = run,
                         .leaf = leaf,
                         .statement = statement,
                         .unit = &plan->arch->units[leaf->unit]};
    if (plan->leaf_count != 1 || !is_product(statement)) {
        return pe_refuse(run, leaf->node,
                         "'%s' is not the only Einsum, or no sum of products "
                         "of two tensors",
                         statement->name);
    }
    if (has_lane_nodes(plan)) {
        return pe_refuse(run, leaf->node,
                         "ranks are spread by 'spatial' nodes, not by that of "
                         "the compute node");
    }
    TRY(find_array(&s));
    TRY(find_ranks(&s));
    TRY(find_operands(&s));
    TRY(check_places(&s));
    s.folds = g_array_new(false, false, sizeof(struct pe_fold));
    enum status status = run_folds(&s);
    g_array_unref(s.folds);
    return status;
}
