/* From a plan to grids of processing elements with programs. */
#include "sim/pe_cascade.h"

/* ---- what the plan needs ------------------------------------------------------ */

/* The node that holds a result in the memory of its own lane; NULL. */
static const struct plan_node *find_register_hold(const struct plan *plan,
                                                  int leaf)
{
    const struct plan_leaf *l = &plan->leaves[leaf];
    const struct arch_unit *unit = &plan->arch->units[l->unit];
    int tensor = plan->workload->statements[l->statement].output.tensor;
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind != PLAN_HOLD || !plan_is_above(plan, n, l->node) ||
            plan->arch->memories[node->memory].axis_count != unit->axis_count) {
            continue;
        }
        for (int h = 0; h < node->held_count; h++) {
            if (node->held[h] == tensor) {
                return node;
            }
        }
    }
    return NULL;
}

static enum status check_plan(const struct pe_run *run)
{
    const struct plan *plan = run->plan;
    if (plan->phase_count != 1) {
        return pe_refuse(run, 0, "there are several phases");
    }
    for (int n = 0; n < plan->node_count; n++) {
        if (plan->nodes[n].kind == PLAN_SPATIAL) {
            return pe_refuse(run, n, "'spatial' nodes above a compute node");
        }
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        for (int other = 0; other < l; other++) {
            if (plan->leaves[other].child == plan->leaves[l].child &&
                plan->leaves[other].unit != plan->leaves[l].unit) {
                return pe_refuse(run, plan->leaves[l].node,
                                 "a child of the pipeline uses several units");
            }
        }
    }
    return OK;
}

/* ---- building ------------------------------------------------------------------ */

/* Which results stay in registers, and in which. */
static enum status place_tensors(struct cascade_run *c, int *registers)
{
    const struct plan *plan = c->run->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        const struct program *p = &c->programs[l];
        int unit = leaf->unit;
        if (p->leaves) {
            continue;
        }
        const struct plan_node *hold = find_register_hold(plan, l);
        if (hold == NULL || hold->is_stream || hold->copies > 1024) {
            return pe_refuse(c->run, leaf->node,
                             "what '%s' leaves in the elements is not held in "
                             "their registers",
                             p->statement->name);
        }
        c->kept[p->statement->output.tensor] =
            (struct kept_tensor){true, unit, registers[unit], hold->copies};
        registers[unit] += (int)hold->copies;
    }
    return OK;
}

/* `kept` NULL: what stays in registers is not known yet. */
static enum status compile_leaves(struct cascade_run *c,
                                  const struct kept_tensor *kept)
{
    const struct plan *plan = c->run->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        struct controller *unit = &c->units[plan->leaves[l].unit];
        TRY(grid_shape_find(c->run, l, &unit->shape));
        TRY(program_compile(c->run, l, &unit->shape, kept, &c->programs[l]));
    }
    return OK;
}

/* Twice: what a program reads may be kept by one that comes later. */
static enum status compile(struct cascade_run *c)
{
    int unit_count = c->run->plan->arch->unit_count;
    g_autofree int *registers = g_new0(int, (gsize)unit_count + 1);
    TRY(compile_leaves(c, NULL));
    TRY(place_tensors(c, registers));
    for (int u = 0; u < unit_count; u++) {
        c->units[u].temp_register = registers[u];
    }
    return compile_leaves(c, c->kept);
}

static int64_t axis_size(const struct plan *plan, int leaf, int axis)
{
    int64_t size = 1;
    for (int r = 0; axis >= 0 && r < EINSUM_MAX_RANKS; r++) {
        if (plan->leaves[leaf].axis_of[r] == axis) {
            size = MAX(size, plan->leaves[leaf].lane_extent[r]);
        }
    }
    return size;
}

#define GRID_MAX_ELEMENTS ((int64_t)1 << 22)

/* A tile with fewer rows than the array has stands at its lower end, next to where
 * results leave. */
static enum status build_grid(struct cascade_run *c, int u)
{
    const struct plan *plan = c->run->plan;
    struct controller *unit = &c->units[u];
    int64_t rows = 0;
    int64_t columns = 0;
    int temps = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        if (plan->leaves[l].unit == u) {
            rows = MAX(rows, axis_size(plan, l, unit->shape.row_axis));
            columns = MAX(columns, axis_size(plan, l, unit->shape.column_axis));
            temps = MAX(temps, c->programs[l].temp_count);
        }
    }
    if (rows == 0) {
        return OK;
    }
    int64_t elements = 0;
    if (!num_mul(rows, columns, &elements) || elements > GRID_MAX_ELEMENTS) {
        return diag_fail(c->run->diags, ERR_LIMIT, "sim-limit",
                         "unit '%s' has too many elements to step each",
                         plan->arch->units[u].name);
    }
    unit->exit_cycles = rows > 1 ? 2 : 1;
    unit->tasks = g_array_new(false, false, sizeof(struct task));
    unit->grid =
        pe_grid_new((int)rows, (int)columns, unit->temp_register + temps);
    return unit->grid != NULL
               ? OK
               : diag_fail(c->run->diags, ERR_MEM, "sim-memory",
                           "no memory for the elements of unit '%s'",
                           plan->arch->units[u].name);
}

/* What constants initialise can be read from the start. */
static void mark_initial(struct cascade_run *c, int tensor)
{
    const struct workload *workload = c->run->plan->workload;
    const struct einsum_statement *s =
        &workload->statements[workload->tensors[tensor].initializer];
    int64_t at[EINSUM_MAX_RANKS] = {0};
    for (bool is_done = false; !is_done;) {
        int64_t offset = einsum_access_base(workload, &s->output);
        for (int r = 0; r < s->rank_count; r++) {
            offset +=
                at[r] * einsum_access_stride(workload, &s->output, s->rank[r]);
        }
        c->ready[tensor][offset] = 0;
        is_done = true;
        for (int r = s->rank_count; r-- > 0 && is_done;) {
            is_done = ++at[r] == workload->rank[s->rank[r]].extent;
            at[r] = is_done ? 0 : at[r];
        }
    }
}

static enum status build_ready(struct cascade_run *c)
{
    const struct workload *workload = c->run->plan->workload;
    for (int t = 0; t < workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &workload->tensors[t];
        if (tensor->kind == TENSOR_INPUT || c->kept[t].is_kept ||
            c->run->data->tensors[t].value == NULL) {
            continue;
        }
        c->ready[t] = g_try_new(int64_t, (gsize)tensor->element_count);
        if (c->ready[t] == NULL) {
            return diag_fail(c->run->diags, ERR_MEM, "sim-memory",
                             "no memory for %" G_GINT64_FORMAT " elements",
                             tensor->element_count);
        }
        for (int64_t i = 0; i < tensor->element_count; i++) {
            c->ready[t][i] = INT64_MAX;
        }
        if (tensor->initializer >= 0) {
            mark_initial(c, t);
        }
    }
    return OK;
}

enum status cascade_run_build(struct cascade_run *c)
{
    TRY(check_plan(c->run));
    TRY(compile(c));
    for (int u = 0; u < c->run->plan->arch->unit_count; u++) {
        TRY(build_grid(c, u));
    }
    return build_ready(c);
}
