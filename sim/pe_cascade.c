/* A cascade on grids of processing elements, one for each unit: FuseMax's 2D and 1D
 * array. Every tile step of the plan is a loop of instructions that row 0 begins, one
 * a cycle; a controller of each unit begins the tile steps of a slot in listed
 * order, each as soon as the last of its operands has arrived beside the grid; all
 * enter the next slot together. What leaves a grid can be used in the next cycle,
 * what has come down several rows a cycle later: it passes as many links as there
 * are rows, the last out of the grid. */
#include "sim/pe_program.h"

#include <string.h>

/* A tile step that waits in a slot. */
struct task {
    int leaf;
    int64_t iteration;
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
};

struct controller {
    struct pe_grid *grid; /* NULL: the unit has no work */
    struct grid_shape shape;
    int temp_register;   /* the first of them */
    int64_t exit_cycles; /* from the last row to where others can read */
    GArray *tasks;       /* struct task: of this slot */
    guint next;
    /* The running tile step. */
    bool is_running;
    struct task task;
    int64_t at[EINSUM_MAX_RANKS]; /* by position: where its loop is */
    int step;
    bool has_started;
    int64_t idle_cycles; /* since its last instruction, for others */
};

struct cascade_run {
    struct pe_run *run;
    struct program *programs; /* by leaf */
    struct kept_tensor *kept; /* by tensor */
    int64_t **ready;          /* by tensor, element: when it can be read */
    struct controller *units; /* by unit */
    struct walk *walk;
    struct walk_event event; /* the next one */
    int64_t now_cycles;
    int64_t last_exit_cycles; /* after which nothing leaves any more */
};

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

static enum status compile(struct cascade_run *c)
{
    const struct plan *plan = c->run->plan;
    g_autofree int *registers = g_new0(int, (gsize)plan->arch->unit_count + 1);
    /* Twice: what a program reads is kept by one that may come later. */
    for (int pass = 0; pass < 2; pass++) {
        for (int l = 0; l < plan->leaf_count; l++) {
            struct controller *unit = &c->units[plan->leaves[l].unit];
            TRY(grid_shape_find(c->run, l, &unit->shape));
            TRY(program_compile(c->run, l, &unit->shape,
                                pass == 0 ? NULL : c->kept, &c->programs[l]));
        }
        if (pass == 0) {
            TRY(place_tensors(c, registers));
        }
    }
    for (int u = 0; u < plan->arch->unit_count; u++) {
        c->units[u].temp_register = registers[u];
    }
    return OK;
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

/* ---- tile steps ---------------------------------------------------------------- */

static int64_t offset_at(const struct operand_place *place,
                         const struct program *p, const int64_t *point)
{
    int64_t offset = place->base;
    for (int r = 0; r < p->statement->rank_count; r++) {
        offset += place->stride[r] * point[r];
    }
    return offset;
}

/* Have all elements of the operand arrived that the box reads? */
static bool has_arrived(const struct cascade_run *c, const struct program *p,
                        const struct operand_place *place,
                        const struct task *task)
{
    const int64_t *ready = c->ready[place->access->tensor];
    int64_t at[EINSUM_MAX_RANKS];
    memcpy(at, task->lo, sizeof at);
    for (bool is_done = ready == NULL; !is_done;) {
        if (ready[offset_at(place, p, at)] > c->now_cycles) {
            return false;
        }
        is_done = true;
        for (int r = p->statement->rank_count; r-- > 0 && is_done;) {
            if (place->stride[r] != 0) {
                is_done = ++at[r] == task->hi[r];
                at[r] = is_done ? task->lo[r] : at[r];
            }
        }
    }
    return true;
}

static bool is_ready(const struct cascade_run *c, const struct task *task)
{
    const struct program *p = &c->programs[task->leaf];
    bool is_all = true;
    for (int i = 0; is_all && i < p->statement->read_count; i++) {
        is_all = has_arrived(c, p, &p->read[i], task);
    }
    return is_all;
}

/* The controller begins its next tile step if it can. */
static void begin_task(struct cascade_run *c, struct controller *unit)
{
    if (unit->grid == NULL || unit->is_running ||
        unit->next == unit->tasks->len ||
        !is_ready(c, &g_array_index(unit->tasks, struct task, unit->next))) {
        return;
    }
    unit->task = g_array_index(unit->tasks, struct task, unit->next++);
    unit->is_running = true;
    unit->step = 0;
    memcpy(unit->at, unit->task.lo, sizeof unit->at);
}

/* ---- instructions ---------------------------------------------------------------- */

static int result_register(const struct cascade_run *c, const struct program *p,
                           int64_t iteration)
{
    const struct kept_tensor *kept = &c->kept[p->statement->output.tensor];
    return kept->first_register + (int)(iteration % kept->copies);
}

static struct pe_source read_source(const struct cascade_run *c,
                                    const struct controller *unit,
                                    const struct program *p, int read)
{
    const struct operand_place *place = &p->read[read];
    int tensor = place->access->tensor;
    if (place->place == PE_REGISTER) {
        const struct kept_tensor *kept = &c->kept[tensor];
        return (struct pe_source){
            .place = PE_REGISTER,
            .index = kept->first_register +
                     (int)(unit->task.iteration % kept->copies),
            .tag = unit->task.iteration};
    }
    int position =
        place->place == PE_LEFT ? p->row_position : p->column_position;
    return (struct pe_source){.place = place->place,
                              .value = c->run->data->tensors[tensor].value +
                                       offset_at(place, p, unit->at),
                              .stride =
                                  position < 0 ? 0 : place->stride[position]};
}

/* Temporaries are read by the next instructions: all have the same tag. */
#define TEMP_TAG (-1)

static bool is_first_of_sum(const struct controller *unit,
                            const struct program *p)
{
    bool is_first = true;
    for (int t = 0; t < p->time_count; t++) {
        int r = p->time_position[t];
        is_first &=
            !p->statement->is_reduced[r] || unit->at[r] == unit->task.lo[r];
    }
    return is_first;
}

static struct pe_source source_of(const struct cascade_run *c,
                                  const struct controller *unit,
                                  const struct program *p,
                                  const struct ref *ref)
{
    switch (ref->kind) {
    case REF_NONE:
    case REF_IDENTITY:
        break;
    case REF_READ:
        return read_source(c, unit, p, ref->index);
    case REF_TEMP:
        return (struct pe_source){.place = PE_REGISTER,
                                  .index = unit->temp_register + ref->index,
                                  .tag = TEMP_TAG};
    case REF_SUM:
        if (is_first_of_sum(unit, p)) {
            break;
        }
        return (struct pe_source){
            .place = PE_REGISTER,
            .index = result_register(c, p, unit->task.iteration),
            .tag = unit->task.iteration};
    case REF_ABOVE:
        return (struct pe_source){.place = PE_ABOVE};
    }
    return (struct pe_source){.place = PE_CONSTANT};
}

static int extent_at(const struct task *task, int position)
{
    return position < 0 ? 1 : (int)(task->hi[position] - task->lo[position]);
}

static struct pe_instruction instruction_of(const struct cascade_run *c,
                                            const struct controller *unit)
{
    const struct program *p = &c->programs[unit->task.leaf];
    const struct program_step *step = &p->step[unit->step];
    struct pe_instruction i = {
        .op = step->op,
        .exp_step = step->exp_step,
        .a = source_of(c, unit, p, &step->a),
        .b = source_of(c, unit, p, &step->b),
        .c = source_of(c, unit, p, &step->c),
        .constant = p->identity,
        .to_register =
            step->to_temp >= 0 ? unit->temp_register + step->to_temp : -1,
        .tag = TEMP_TAG,
        .rows = extent_at(&unit->task, p->row_position),
        .columns = extent_at(&unit->task, p->column_position),
    };
    if (step->is_result && p->leaves) {
        i.goes_down = true;
        i.result = p->statement->output.tensor;
        i.result_offset = offset_at(&p->output, p, unit->at);
        i.result_stride =
            p->column_position < 0 ? 0 : p->output.stride[p->column_position];
    } else if (step->is_result) {
        i.to_register = result_register(c, p, unit->task.iteration);
        i.tag = unit->task.iteration;
    }
    return i;
}

/* To the next instruction of the tile step, or to its end. */
static void advance(const struct cascade_run *c, struct controller *unit)
{
    const struct program *p = &c->programs[unit->task.leaf];
    if (++unit->step < p->step_count) {
        return;
    }
    unit->step = 0;
    for (int t = p->time_count; t-- > 0;) {
        int r = p->time_position[t];
        if (++unit->at[r] < unit->task.hi[r]) {
            return;
        }
        unit->at[r] = unit->task.lo[r];
    }
    unit->is_running = false;
}

static void account(struct cascade_run *c, int u)
{
    struct controller *unit = &c->units[u];
    struct pe_unit_times *times = &c->run->units[u];
    if (unit->is_running) {
        times->busy_cycles++;
        times->stall_cycles[STALL_DEPENDENCY] += unit->idle_cycles;
        unit->idle_cycles = 0;
        unit->has_started = true;
    } else if (!unit->has_started) {
        times->stall_cycles[STALL_FILL]++;
    } else if (unit->next < unit->tasks->len) {
        times->stall_cycles[STALL_REDUCTION]++;
    } else {
        unit->idle_cycles++;
    }
}

static void take(struct cascade_run *c, const struct controller *unit,
                 const struct pe_leaving *leaving)
{
    double *value = c->run->data->tensors[leaving->result].value;
    int64_t *ready = c->ready[leaving->result];
    for (int column = 0; column < leaving->columns; column++) {
        int64_t at = leaving->result_offset + column * leaving->result_stride;
        value[at] = leaving->value[column];
        ready[at] = c->now_cycles + unit->exit_cycles;
    }
}

static enum status step_unit(struct cascade_run *c, int u)
{
    struct controller *unit = &c->units[u];
    struct pe_instruction instruction;
    struct pe_leaving leaving;
    int overwritten = 0;
    if (unit->grid == NULL) {
        return OK;
    }
    bool is_running = unit->is_running;
    account(c, u);
    if (is_running) {
        instruction = instruction_of(c, unit);
        if (instruction.goes_down) {
            c->last_exit_cycles =
                MAX(c->last_exit_cycles,
                    c->now_cycles + pe_grid_rows(unit->grid) - 1);
        }
        advance(c, unit);
    }
    if (!pe_grid_step(unit->grid, is_running ? &instruction : NULL, &leaving,
                      &overwritten)) {
        diag_error(c->run->diags, SPAN_NONE, "sim-pe-overwritten", NULL,
                   "in cycle %" G_GINT64_FORMAT " register %d of unit '%s' "
                   "does not hold what is read: it was overwritten, or is not "
                   "written yet",
                   c->now_cycles, overwritten,
                   c->run->plan->arch->units[u].name);
        return ERR_INPUT;
    }
    if (leaving.has_left) {
        take(c, unit, &leaving);
    }
    return OK;
}

/* ---- slots ----------------------------------------------------------------------- */

static bool is_slot_done(const struct cascade_run *c)
{
    bool is_done = true;
    for (int u = 0; u < c->run->plan->arch->unit_count; u++) {
        const struct controller *unit = &c->units[u];
        is_done &= unit->grid == NULL ||
                   (!unit->is_running && unit->next == unit->tasks->len);
    }
    return is_done;
}

static void add_task(struct cascade_run *c)
{
    const struct walk_event *event = &c->event;
    const struct plan_leaf *leaf = &c->run->plan->leaves[event->leaf];
    const struct plan_phase *phase = &c->run->plan->phases[0];
    struct task task = {.leaf = event->leaf,
                        .iteration =
                            event->step - phase->children[leaf->child].delay};
    memcpy(task.lo, event->lo, sizeof task.lo);
    memcpy(task.hi, event->hi, sizeof task.hi);
    g_array_append_val(c->units[leaf->unit].tasks, task);
}

/* Reads the tile steps of the next slot; false at the end of the schedule. */
static bool open_slot(struct cascade_run *c)
{
    for (int u = 0; u < c->run->plan->arch->unit_count; u++) {
        if (c->units[u].grid != NULL) {
            g_array_set_size(c->units[u].tasks, 0);
            c->units[u].next = 0;
        }
    }
    bool is_any = false;
    while (walk_next(c->walk, &c->event) && c->event.kind != WALK_END) {
        if ((c->event.kind == WALK_SLOT || c->event.kind == WALK_STEP) &&
            is_any) {
            return true;
        }
        if (c->event.kind == WALK_COMPUTE) {
            add_task(c);
            is_any = true;
        }
    }
    return is_any;
}

/* Until the last tile step is done; then until the last result has left. */
static enum status run_cycles(struct cascade_run *c)
{
    int unit_count = c->run->plan->arch->unit_count;
    bool has_slots = true;
    while (true) {
        while (has_slots && is_slot_done(c)) {
            has_slots = open_slot(c);
        }
        if (!has_slots && c->now_cycles > c->last_exit_cycles) {
            break;
        }
        for (int u = 0; u < unit_count; u++) {
            begin_task(c, &c->units[u]);
        }
        for (int u = 0; u < unit_count; u++) {
            TRY(step_unit(c, u));
        }
        c->now_cycles++;
    }
    for (int u = 0; u < unit_count; u++) {
        c->run->units[u].stall_cycles[STALL_DRAIN] = c->units[u].idle_cycles;
    }
    c->run->cycles = c->now_cycles;
    return OK;
}

static enum status run_all(struct cascade_run *c)
{
    TRY(compile(c));
    for (int u = 0; u < c->run->plan->arch->unit_count; u++) {
        TRY(build_grid(c, u));
    }
    TRY(build_ready(c));
    c->walk = walk_new(c->run->plan, true);
    return run_cycles(c);
}

static void clear(struct cascade_run *c)
{
    for (int u = 0; u < c->run->plan->arch->unit_count; u++) {
        pe_grid_free(c->units[u].grid);
        if (c->units[u].tasks != NULL) {
            g_array_unref(c->units[u].tasks);
        }
    }
    for (int t = 0; t < c->run->plan->workload->tensor_count; t++) {
        g_free(c->ready[t]);
    }
    walk_free(c->walk);
    g_free(c->programs);
    g_free(c->kept);
    g_free(c->ready);
    g_free(c->units);
}

enum status pe_run_cascade(struct pe_run *run)
{
    const struct plan *plan = run->plan;
    gsize tensor_count = (gsize)plan->workload->tensor_count;
    TRY(check_plan(run));
    struct cascade_run c = {
        .run = run,
        .programs = g_new0(struct program, (gsize)plan->leaf_count + 1),
        .kept = g_new0(struct kept_tensor, tensor_count + 1),
        .ready = g_new0(int64_t *, tensor_count + 1),
        .units = g_new0(struct controller, (gsize)plan->arch->unit_count + 1),
    };
    enum status status = run_all(&c);
    clear(&c);
    return status;
}
