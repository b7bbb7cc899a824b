/* A cascade on grids of processing elements, one for each unit: FuseMax's 2D and 1D
 * array. Every tile step of the plan is a loop of instructions that row 0 begins, one
 * a cycle; a controller of each unit begins the tile steps of a slot in listed
 * order, each as soon as the last of its operands has arrived beside the grid; all
 * enter the next slot together. What leaves a grid can be used in the next cycle,
 * what has come down several rows a cycle later: it passes as many links as there
 * are rows, the last out of the grid. */
#include "sim/pe_cascade.h"

#include <string.h>

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

static enum status run_cycle(struct cascade_run *c)
{
    int unit_count = c->run->plan->arch->unit_count;
    for (int u = 0; u < unit_count; u++) {
        begin_task(c, &c->units[u]);
    }
    for (int u = 0; u < unit_count; u++) {
        TRY(step_unit(c, u));
    }
    c->now_cycles++;
    return OK;
}

/* All slots that nothing is left to do in are passed. */
static bool has_work(struct cascade_run *c)
{
    while (is_slot_done(c)) {
        if (!open_slot(c)) {
            return false;
        }
    }
    return true;
}

/* Until the last tile step is done; then until the last result has left. */
static enum status run_cycles(struct cascade_run *c)
{
    enum status status = OK;
    while (status == OK && has_work(c)) {
        status = run_cycle(c);
    }
    while (status == OK && c->now_cycles <= c->last_exit_cycles) {
        status = run_cycle(c);
    }
    for (int u = 0; u < c->run->plan->arch->unit_count; u++) {
        c->run->units[u].stall_cycles[STALL_DRAIN] = c->units[u].idle_cycles;
    }
    c->run->cycles = c->now_cycles;
    return status;
}

static enum status run_all(struct cascade_run *c)
{
    TRY(cascade_run_build(c));
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
