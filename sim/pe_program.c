#include "sim/pe_program.h"

#include <math.h>

/* ---- rows and columns -------------------------------------------------------- */

enum status grid_shape_find(const struct pe_run *run, int leaf,
                            struct grid_shape *shape)
{
    const struct plan_leaf *planned = &run->plan->leaves[leaf];
    const struct arch_unit *unit = &run->plan->arch->units[planned->unit];
    *shape = (struct grid_shape){-1, -1};
    for (int i = 0; i < unit->axis_count; i++) {
        const struct arch_axis *axis = &unit->axis[i];
        bool is_row =
            axis->reduce == ARCH_REDUCE_CHAIN && axis->hop_cycles == 1;
        int *place = is_row ? &shape->row_axis : &shape->column_axis;
        if (*place >= 0 || axis->skew_cycles != 0) {
            return pe_refuse(
                run, planned->node,
                "unit '%s' is no grid: columns reduced from "
                "neighbour to neighbour, a cycle each, and another "
                "axis, both without skew",
                unit->name);
        }
        *place = i;
    }
    return OK;
}

/* ---- ranks and operands ------------------------------------------------------ */

static enum status refuse(const struct pe_run *run, const struct program *p,
                          const char *why)
{
    return pe_refuse(run, p->planned->node, "Einsum '%s' %s",
                     p->statement->name, why);
}

static enum status place_ranks(const struct pe_run *run,
                               const struct grid_shape *shape,
                               struct program *p)
{
    bool is_row_reduced = false;
    p->row_position = -1;
    p->column_position = -1;
    for (int r = 0; r < p->statement->rank_count; r++) {
        int axis = p->planned->axis_of[r];
        bool is_reduced = p->statement->is_reduced[r];
        if (axis >= 0 && axis == shape->row_axis) {
            p->row_position = r;
            is_row_reduced = is_reduced;
        } else if (axis >= 0) {
            p->column_position = r;
            if (is_reduced) {
                return refuse(run, p, "reduces across columns");
            }
        } else {
            p->time_position[p->time_count++] = r;
            p->is_summed |= is_reduced;
        }
        if (is_reduced && axis < 0 &&
            p->planned->step_extent[r] !=
                run->plan->workload->rank[p->statement->rank[r]].extent) {
            return refuse(run, p, "reduces a rank in several tile steps");
        }
    }
    p->leaves = p->row_position < 0 || is_row_reduced;
    if (p->is_summed && p->leaves) {
        return refuse(run, p, "sums in time what leaves the element");
    }
    for (int t = 0; t < p->time_count; t++) {
        int r = p->time_position[t];
        if (!p->leaves && !p->statement->is_reduced[r] &&
            p->planned->step_extent[r] > 1) {
            return refuse(run, p, "leaves several results in an element");
        }
    }
    return OK;
}

static struct operand_place place_of(const struct pe_run *run,
                                     const struct program *p,
                                     const struct einsum_access *access)
{
    const struct workload *workload = run->plan->workload;
    struct operand_place place = {.access = access,
                                  .base = einsum_access_base(workload, access)};
    for (int r = 0; r < p->statement->rank_count; r++) {
        place.stride[r] =
            einsum_access_stride(workload, access, p->statement->rank[r]);
    }
    return place;
}

static int64_t stride_at(const struct operand_place *place, int position)
{
    return position < 0 ? 0 : place->stride[position];
}

static enum status place_read(const struct pe_run *run,
                              const struct kept_tensor *kept, int read,
                              struct program *p)
{
    const struct einsum_access *access = &p->statement->resolved_reads[read];
    struct operand_place *place = &p->read[read];
    *place = place_of(run, p, access);
    int64_t by_row = stride_at(place, p->row_position);
    int64_t by_column = stride_at(place, p->column_position);
    const struct kept_tensor *k = &kept[access->tensor];
    if (k->is_kept) {
        place->place = PE_REGISTER;
        return k->unit == p->planned->unit && by_row != 0 && by_column != 0
                   ? OK
                   : refuse(run, p,
                            "reads what is in other elements' registers");
    }
    if (by_row != 0 && by_column != 0) {
        return refuse(run, p,
                      "reads from outside what differs in all elements");
    }
    place->place = by_row != 0 ? PE_LEFT : PE_TOP;
    return OK;
}

/* ---- instructions ------------------------------------------------------------ */

static bool find_op(enum einsum_op op, enum pe_op *result)
{
    switch ((int)op) {
    case EINSUM_MUL:
        *result = PE_MUL;
        return true;
    case EINSUM_ADD:
        *result = PE_ADD;
        return true;
    case EINSUM_SUB:
        *result = PE_SUB;
        return true;
    case EINSUM_MAX:
        *result = PE_MAX;
        return true;
    case EINSUM_DIVIDE:
        *result = PE_DIVIDE;
        return true;
    case EINSUM_EXP:
        *result = PE_EXP;
        return true;
    default:
        return false;
    }
}

/* Of FuseMax an exponential is six macs; a unit of its own takes its cycles and
 * has the exact value with the last. */
static bool append_exp(const struct arch_unit *unit, struct program *p,
                       struct program_step step)
{
    const struct arch_op *exp = arch_find_op(unit, "exp");
    const struct arch_op *mac = arch_find_op(unit, "mac");
    if (exp == NULL || exp->cycles < 1 ||
        p->step_count + exp->cycles > PROGRAM_MAX_STEPS) {
        return false;
    }
    bool is_by_macs =
        mac != NULL && mac->cycles == 1 && exp->cycles == PE_EXP_STEPS;
    bool is_result = step.is_result;
    int to_temp = step.to_temp;
    for (int i = 0; i < exp->cycles; i++) {
        bool is_last = i + 1 == exp->cycles;
        step.exp_step = i;
        step.op = is_by_macs ? PE_EXP_STEP : is_last ? PE_EXP : PE_IDLE;
        step.is_result = is_result && is_last;
        step.to_temp = is_last ? to_temp : -1;
        p->step[p->step_count++] = step;
    }
    return true;
}

static bool append(const struct arch_unit *unit, struct program *p,
                   const char *op_name, struct program_step step)
{
    if (step.op == PE_EXP) {
        return append_exp(unit, p, step);
    }
    const struct arch_op *op = arch_find_op(unit, op_name);
    if (op == NULL || op->cycles != 1 || p->step_count == PROGRAM_MAX_STEPS) {
        return false;
    }
    p->step[p->step_count++] = step;
    return true;
}

/* The last step folds the value into what came from above, or was summed so far. A
 * product and its sum are one mac. */
static bool append_reduction(const struct arch_unit *unit, struct program *p,
                             struct ref value, bool is_product)
{
    struct ref so_far = {p->leaves ? REF_ABOVE : REF_SUM, 0};
    struct program_step step = {.is_result = true, .to_temp = -1};
    if (p->statement->reduce == EINSUM_SUM && is_product) {
        struct program_step *product = &p->step[p->step_count - 1];
        product->op = PE_MAC;
        product->c = so_far;
        product->is_result = true;
        product->to_temp = -1;
        return arch_find_op(unit, "mac") != NULL;
    }
    bool is_sum = p->statement->reduce == EINSUM_SUM;
    if (!is_sum && p->statement->reduce != EINSUM_MAXIMUM) {
        return false;
    }
    step.op = is_sum ? PE_ADD : PE_MAX;
    step.a = so_far;
    step.b = value;
    return append(unit, p, is_sum ? "add" : "max", step);
}

/* Postfix to steps: what stands on the stack is read or in a temporary. */
static bool append_terms(const struct arch_unit *unit,
                         const struct einsum_term *terms, int count,
                         struct program *p, struct ref *value)
{
    struct ref stack[PROGRAM_MAX_TERMS];
    int depth = 0;
    for (int t = 0; t < count; t++) {
        const struct einsum_term *term = &terms[t];
        struct program_step step = {0};
        if (term->kind == EINSUM_TERM_READ) {
            stack[depth++] = (struct ref){REF_READ, term->read};
            continue;
        }
        if (term->kind != EINSUM_TERM_OP || !find_op(term->op, &step.op)) {
            return false;
        }
        depth -= term->operand_count;
        step.a = stack[depth];
        step.b = term->operand_count > 1 ? stack[depth + 1] : step.b;
        step.to_temp = depth;
        p->temp_count = MAX(p->temp_count, depth + 1);
        if (!append(unit, p, einsum_op_name(term->op), step)) {
            return false;
        }
        stack[depth++] = (struct ref){REF_TEMP, step.to_temp};
    }
    *value = stack[0];
    return depth == 1;
}

static enum status append_steps(const struct pe_run *run, struct program *p)
{
    const struct arch_unit *unit = &run->plan->arch->units[p->planned->unit];
    struct einsum_term terms[PROGRAM_MAX_TERMS];
    struct ref value = {REF_NONE, 0};
    int count = einsum_list_terms(p->statement, terms, PROGRAM_MAX_TERMS);
    if (count == 0 || count > PROGRAM_MAX_TERMS ||
        !append_terms(unit, terms, count, p, &value)) {
        return refuse(run, p, "has operations that the elements do not");
    }
    bool is_product = terms[count - 1].kind == EINSUM_TERM_OP &&
                      terms[count - 1].op == EINSUM_MUL;
    if (p->statement->reduce != EINSUM_NO_REDUCE) {
        if (!append_reduction(unit, p, value, is_product)) {
            return refuse(run, p, "reduces as the elements cannot");
        }
    } else if (p->step_count > 0) {
        p->step[p->step_count - 1].is_result = true;
        p->step[p->step_count - 1].to_temp = -1;
    }
    if (p->step_count == 0 || p->step_count != p->planned->cycles_per_trip) {
        return refuse(run, p, "is not computed one operation after another");
    }
    return OK;
}

enum status program_compile(const struct pe_run *run, int leaf,
                            const struct grid_shape *shape,
                            const struct kept_tensor *kept,
                            struct program *program)
{
    const struct plan_leaf *planned = &run->plan->leaves[leaf];
    *program = (struct program){
        .leaf = leaf,
        .planned = planned,
        .statement = &run->plan->workload->statements[planned->statement]};
    const struct einsum_statement *statement = program->statement;
    if (planned->forward_from >= 0 || planned->is_chained ||
        planned->is_masked || planned->is_recomputed ||
        statement->read_count > PROGRAM_MAX_TERMS) {
        return refuse(run, program,
                      "is computed together with another, chained, masked or "
                      "repeatedly");
    }
    program->identity =
        statement->reduce == EINSUM_MAXIMUM ? -(double)INFINITY : 0.0;
    TRY(place_ranks(run, shape, program));
    program->output = place_of(run, program, &statement->output);
    for (int i = 0; kept != NULL && i < statement->read_count; i++) {
        TRY(place_read(run, kept, i, program));
    }
    return append_steps(run, program);
}
