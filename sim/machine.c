/* Builds the components of an architecture in a fresh SystemC context and runs
 * them. */
#include "sim/main_memory.h"
#include "sim/trace/recorder.h"

/* ---- waking -------------------------------------------------------------- */

void machine_fail(struct machine *machine, enum status status, const char *code,
                  const char *message)
{
    if (machine->status == OK) {
        machine->status =
            diag_fail(machine->diags, status, code, "%s", message);
        machine_check(machine, sysc_stop(machine->context));
    }
}

void machine_check(struct machine *machine, enum sysc_status status)
{
    if (status != SYSC_OK && status != SYSC_STOPPED && machine->status == OK) {
        machine->status = diag_fail(
            machine->diags,
            status == SYSC_ERR_LIMIT    ? ERR_LIMIT
            : status == SYSC_ERR_MEMORY ? ERR_MEM
                                        : ERR_IO,
            "sim-kernel", "SystemC: %s: %s", sysc_status_text(status),
            machine->context == NULL ? "no context"
                                     : sysc_context_error(machine->context));
    }
}

void component_wake_now(struct component *component)
{
    if (!component->is_woken) {
        component->is_woken = true;
        machine_check(component->machine,
                      sysc_event_notify_delta(component->wake));
    }
}

void component_wake_at(struct component *component, int64_t at_ticks)
{
    int64_t delay_ticks = at_ticks - component->machine->now_ticks;
    machine_check(component->machine,
                  sysc_event_notify_after(component->wake, delay_ticks));
}

void component_wake_settling(struct component *component)
{
    if (!component->is_woken) {
        component->machine->settling++;
        component_wake_now(component);
    }
}

void component_enter_settling(struct component *component)
{
    struct machine *machine = component->machine;
    machine->now_ticks = sysc_now(machine->context);
    if (component->is_woken) {
        component->is_woken = false;
        machine->settling--;
    }
}

/* ---- building ------------------------------------------------------------ */

static enum sysc_status add_component(struct component *component,
                                      struct machine *machine,
                                      struct sysc_module *parent,
                                      const char *name,
                                      sysc_process_fn activate, void *user)
{
    struct sysc_module *module = NULL;
    struct sysc_process *process = NULL;
    component->machine = machine;
    enum sysc_status status =
        sysc_module_new(machine->context, parent, name, user, NULL, &module);
    if (status == SYSC_OK) {
        status =
            sysc_event_new(machine->context, module, "wake", &component->wake);
    }
    if (status == SYSC_OK) {
        struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
        options.sensitive = &component->wake;
        options.sensitive_count = 1;
        options.dont_initialize = true;
        status = sysc_method_new(machine->context, module, "run", activate,
                                 user, &options, &process);
    }
    return status;
}

static enum sysc_status add_units(struct machine *machine,
                                  struct sysc_module *chip)
{
    const struct arch *arch = machine->plan->arch;
    machine->units = g_new0(struct unit, (gsize)arch->unit_count + 1);
    enum sysc_status status = SYSC_OK;
    for (int u = 0; u < arch->unit_count && status == SYSC_OK; u++) {
        g_autofree char *name = g_strdup_printf("unit%d", u);
        machine->units[u].id = u;
        machine->units[u].waited =
            g_array_new(false, false, sizeof(struct turn));
        status = add_component(&machine->units[u].component, machine, chip,
                               name, unit_activate, &machine->units[u]);
    }
    return status;
}

static enum sysc_status add_ports(struct machine *machine,
                                  struct sysc_module *chip)
{
    machine->port_count = port_count(machine->plan->arch);
    machine->ports = g_new0(struct port, (gsize)machine->port_count + 1);
    machine->serial_server = -1;
    for (int p = machine->port_count; p-- > 0;) {
        if (port_is_serial(machine->plan->arch, p)) {
            machine->serial_server = p;
        }
    }
    if (machine->serial_server >= 0) {
        machine->ports[machine->serial_server].turns =
            g_array_new(false, false, sizeof(struct turn));
    }
    enum sysc_status status = SYSC_OK;
    for (int p = 0; p < machine->port_count && status == SYSC_OK; p++) {
        g_autofree char *name = g_strdup_printf("port%d", p);
        machine->ports[p].queue =
            g_array_new(false, false, sizeof(struct request));
        machine->ports[p].is_bank =
            p >= port_first_of_banks(machine->plan->arch);
        status = add_component(&machine->ports[p].component, machine, chip,
                               name, port_activate, &machine->ports[p]);
    }
    return status;
}

static enum sysc_status add_channels(struct machine *machine,
                                     struct sysc_module *chip)
{
    int child_count = 0;
    for (int p = 0; p < machine->plan->phase_count; p++) {
        child_count = MAX(child_count, machine->plan->phases[p].child_count);
    }
    machine->channel_count = 1 + child_count;
    machine->channels = g_new0(struct channel, (gsize)machine->channel_count);
    enum sysc_status status = SYSC_OK;
    for (int c = 0; c < machine->channel_count && status == SYSC_OK; c++) {
        g_autofree char *name = g_strdup_printf("dma%d", c);
        machine->channels[c].child = c - 1;
        status = add_component(&machine->channels[c].component, machine, chip,
                               name, channel_activate, &machine->channels[c]);
    }
    return status;
}

static enum sysc_status build(struct machine *machine)
{
    struct sysc_module *chip = NULL;
    enum sysc_status status = sysc_context_new(NULL, &machine->context);
    if (status == SYSC_OK) {
        status = sysc_module_new(machine->context, NULL, "chip", machine, NULL,
                                 &chip);
    }
    if (status == SYSC_OK) {
        status = add_units(machine, chip);
    }
    if (status == SYSC_OK) {
        status = add_ports(machine, chip);
    }
    if (status == SYSC_OK) {
        status = add_channels(machine, chip);
    }
    if (status == SYSC_OK && machine->main_memory != NULL) {
        status =
            add_component(&machine->main_memory->component, machine, chip,
                          "dram", main_memory_activate, machine->main_memory);
    }
    if (status == SYSC_OK) {
        status = add_component(&machine->sequencer, machine, chip, "sequencer",
                               sequencer_activate, machine);
    }
    return status;
}

static enum status build_phases(struct machine *machine)
{
    const struct plan *plan = machine->plan;
    machine->phases = g_new0(struct phase *, (gsize)plan->phase_count + 1);
    for (int p = 0; p < plan->phase_count; p++) {
        TRY(phase_new(plan, p, machine->diags, &machine->phases[p]));
    }
    if (ticks_set(plan, machine->phases, &machine->ticks_per_cycle) != OK) {
        return diag_fail(machine->diags, ERR_LIMIT, "sim-limit",
                         "a transfer or tile step lasts too long");
    }
    return OK;
}

enum status machine_new(const struct plan *plan,
                        const struct sim_options *options, int relieved,
                        struct diags *diags, struct machine **result)
{
    AUTO(machine) machine = g_new0(struct machine, 1);
    machine->plan = plan;
    machine->diags = diags;
    machine->step_limit = options->step_limit;
    machine->cause_count = cause_count(plan);
    machine->relieved = relieved;
    machine->counter_count =
        1 + plan->arch->unit_count * (1 + machine->cause_count) +
        3 * plan->leaf_count + 3 * plan->flow_count +
        (options->trace == NULL ? 0 : recorder_counter_count(plan));
    machine->counters = g_new0(int64_t, (gsize)machine->counter_count);
    TRY(build_phases(machine));
    machine->index = g_new0(int64_t, (gsize)plan->node_count + 1);
    if (!relief_leaves_out_dram(machine)) {
        TRY(main_memory_new(machine, &machine->main_memory));
    }
    relief_apply(machine);
    machine_check(machine, build(machine));
    if (machine->status != OK) {
        return machine->status;
    }
    if (options->trace != NULL) {
        TRY(recorder_new(machine, options->trace, &machine->recorder));
    }
    /* Refreshes come at times of their own: states do not repeat. Nor do lanes
     * that a predicate tells apart. */
    if (options->use_fast_forward && machine->main_memory == NULL &&
        !plan->has_masked_lanes) {
        machine->fast_forward = fast_forward_new(machine);
    }
    *result = g_steal_pointer(&machine);
    return OK;
}

static void free_phases(struct machine *machine)
{
    for (int p = 0; machine->phases != NULL && p < machine->plan->phase_count;
         p++) {
        phase_free(machine->phases[p]);
    }
    g_free(machine->phases);
}

static void clear_ports(struct machine *machine)
{
    for (int m = 0; machine->ports != NULL && m < machine->port_count; m++) {
        if (machine->ports[m].queue != NULL) {
            g_array_unref(machine->ports[m].queue);
        }
        g_clear_pointer(&machine->ports[m].turns, g_array_unref);
    }
    g_free(machine->ports);
}

static void clear_units(struct machine *machine)
{
    for (int u = 0;
         machine->units != NULL && u < machine->plan->arch->unit_count; u++) {
        g_clear_pointer(&machine->units[u].waited, g_array_unref);
    }
    g_free(machine->units);
}

void machine_free(struct machine *machine)
{
    if (machine == NULL) {
        return;
    }
    if (machine->channels != NULL) {
        channels_end_phase(machine);
    }
    /* Nothing useful can be done about a kernel that does not let go. */
    (void)sysc_context_free(machine->context);
    fast_forward_free(machine->fast_forward);
    main_memory_free(machine->main_memory);
    g_free(machine->index);
    recorder_free(machine->recorder);
    free_phases(machine);
    clear_ports(machine);
    clear_units(machine);
    g_free(machine->channels);
    g_free(machine->counters);
    g_free(machine);
}

enum status machine_run(struct machine *machine)
{
    component_wake_now(&machine->sequencer);
    enum sysc_status status = sysc_run_until_idle(machine->context);
    machine_check(machine, status);
    if (machine->status == OK && status != SYSC_STOPPED) {
        BUG("the simulation is stuck in step %" G_GINT64_FORMAT
            " of phase %d, slot %d",
            machine->step, machine->phase_index, machine->slot);
    }
    return machine->status;
}
