/* The beginning of a trace, its tracks and names, and its end: order. */
#include "sim/trace/recorder_names.h"

/* ---- names ----------------------------------------------------------------- */

static void add_name(struct trace *trace, struct trace_name name)
{
    g_array_append_val(trace->names, name);
}

/* What an Einsum does, in the words of attention's pipelines. A product that is
 * not summed scales what was there before. */
static const char *find_stage(const struct einsum_statement *statement)
{
    const int64_t *ops = statement->ops_per_point;
    return ops[EINSUM_MAC] > 0                           ? "compute"
           : ops[EINSUM_EXP] > 0                         ? "exp"
           : ops[EINSUM_MAX] > 0                         ? "max"
           : ops[EINSUM_DIVIDE] > 0                      ? "divide"
           : ops[EINSUM_MUL] > 0 && ops[EINSUM_ADD] == 0 ? "rescale"
                                                         : "compute";
}

static const char *flow_word(enum flow_kind kind)
{
    switch (kind) {
    case FLOW_READ:
        return "read";
    case FLOW_WRITE:
        return "write";
    case FLOW_PARTIAL:
        return "read back";
    case FLOW_FILL:
        return "fill";
    case FLOW_REFILL:
        return "refill";
    case FLOW_DRAIN:
        return "drain";
    }
    BUG("flow kind %d", (int)kind);
}

static void add_einsums(struct recorder *r)
{
    const struct plan *plan = r->machine->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        int statement = plan->leaves[l].statement;
        const struct einsum_statement *s =
            &plan->workload->statements[statement];
        add_name(r->trace, (struct trace_name){.text = g_strdup(s->name),
                                               .stage = find_stage(s),
                                               .color = statement});
    }
}

/* A tensor that is computed has the colour of its Einsum. */
static void add_transfers(struct recorder *r)
{
    const struct plan *plan = r->machine->plan;
    const struct workload *w = plan->workload;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        const struct einsum_tensor *tensor = &w->tensors[flow->tensor];
        bool is_out = flow->kind == FLOW_WRITE || flow->kind == FLOW_DRAIN;
        struct trace_name name = {
            .text =
                g_strdup_printf("%s %s", tensor->name, flow_word(flow->kind)),
            .is_transfer = true,
            .stage = is_out ? "store" : "load",
            .color = tensor->producer >= 0 ? tensor->producer
                                           : w->statement_count + flow->tensor,
        };
        add_name(r->trace, name);
    }
}

static void add_names(struct recorder *r)
{
    const struct plan *plan = r->machine->plan;
    add_transfers(r);
    add_einsums(r);
    for (int c = 0; c < cause_count(plan); c++) {
        struct evaluation_cause cause;
        cause_describe(plan, c, &cause);
        add_name(r->trace,
                 (struct trace_name){.text = evaluation_say_cause(&cause),
                                     .stage = stall_name(cause.stall),
                                     .color = (int)cause.stall});
    }
    for (int p = 0; p < plan->phase_count; p++) {
        add_name(r->trace,
                 (struct trace_name){.text = g_strdup(plan->phases[p].name),
                                     .color = p});
    }
    for (int p = 0; p < plan->phase_count; p++) {
        g_ptr_array_add(r->trace->phases, g_strdup(plan->phases[p].name));
    }
    for (int k = 0; k < plan->workload->rank_count; k++) {
        g_ptr_array_add(r->trace->ranks,
                        g_strdup(plan->workload->rank[k].name));
    }
}

/* ---- tracks ---------------------------------------------------------------- */

/* Takes the name. */
static int add_track(struct trace *trace, struct trace_track track)
{
    g_array_append_val(trace->tracks, track);
    return (int)trace->tracks->len - 1;
}

static bool is_wanted(const struct trace *trace, const char *name)
{
    const struct trace_options *options = &trace->options;
    bool is_named = options->only == NULL;
    for (size_t i = 0; options->only != NULL && i < options->only_count; i++) {
        is_named |= g_str_equal(options->only[i].name, name);
    }
    return is_named;
}

static void add_unit_tracks(struct recorder *r)
{
    const struct arch *arch = r->machine->plan->arch;
    for (int u = 0; u < arch->unit_count; u++) {
        const char *name = arch->units[u].name;
        r->unit_track[u] = -1;
        r->stall_track[u] = -1;
        if (is_wanted(r->trace, name)) {
            r->unit_track[u] = add_track(
                r->trace, (struct trace_track){TRACK_UNIT, g_strdup(name), u});
            r->stall_track[u] = add_track(
                r->trace,
                (struct trace_track){TRACK_STALLS,
                                     g_strdup_printf("%s stalls", name), u});
        }
    }
}

/* "gbuf.read", "gbuf.bank3.read"; of a link "array.in". */
static char *name_port(const struct arch *arch, const struct port_owner *owner)
{
    static const char *const suffix[PORT_KINDS] = {[PORT_ALL] = "",
                                                   [PORT_READS] = ".read",
                                                   [PORT_WRITES] = ".write",
                                                   [PORT_LOADS] = ".load",
                                                   [PORT_DRAM] = ".data"};

    if (owner->bank >= 0) {
        return g_strdup_printf("%s.bank%d%s",
                               arch->memories[owner->memory].name, owner->bank,
                               suffix[owner->kind]);
    }
    return owner->fanout < 0
               ? g_strconcat(arch->memories[owner->memory].name,
                             suffix[owner->kind], NULL)
               : g_strconcat(arch->fanouts[owner->fanout].name,
                             owner->is_inwards ? ".in" : ".out", NULL);
}

static void add_port_tracks(struct recorder *r)
{
    const struct arch *arch = r->machine->plan->arch;
    for (int p = 0; p < r->machine->port_count; p++) {
        struct port_owner owner = port_find_owner(arch, p);
        r->port_track[p] = -1;
        bool takes_time =
            port_bandwidth(arch, p) != NUM_UNLIMITED ||
            (p == port_of(0, PORT_DRAM) && r->machine->main_memory != NULL);
        if (takes_time &&
            is_wanted(r->trace, owner.fanout < 0
                                    ? arch->memories[owner.memory].name
                                    : arch->fanouts[owner.fanout].name)) {
            r->port_track[p] = add_track(
                r->trace,
                (struct trace_track){TRACK_PORT, name_port(arch, &owner),
                                     owner.memory});
        }
    }
}

static bool has_stream(const struct machine *m, int flow)
{
    bool is_any = false;
    for (int p = 0; p < m->plan->phase_count; p++) {
        is_any |= m->phases[p]->stream_of_flow[flow] >= 0;
    }
    return is_any;
}

/* Operands that are fetched for a tile step without being held have buffers at
 * their unit. */
static void add_buffer_tracks(struct recorder *r)
{
    const struct plan *plan = r->machine->plan;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        bool is_held = flow->node >= 0;
        r->buffer_track[f] = -1;
        if (!has_stream(r->machine, f)) {
            continue;
        }
        int component = is_held ? flow->memory : plan->leaves[flow->leaf].unit;
        const char *name = is_held ? plan->arch->memories[component].name
                                   : plan->arch->units[component].name;
        if (is_wanted(r->trace, name)) {
            r->buffer_track[f] = add_track(
                r->trace,
                (struct trace_track){
                    TRACK_BUFFER,
                    g_strdup_printf("%s: %s", name,
                                    plan->workload->tensors[flow->tensor].name),
                    is_held ? component : -1});
        }
    }
}

/* ---- which components ------------------------------------------------------ */

static void list_components(const struct arch *arch, GPtrArray *names)
{
    for (int u = 0; u < arch->unit_count; u++) {
        g_ptr_array_add(names, g_strdup(arch->units[u].name));
    }
    for (int m = 0; m < arch->memory_count; m++) {
        g_ptr_array_add(names, g_strdup(arch->memories[m].name));
    }
    for (int f = 0; f < arch->fanout_count; f++) {
        if (arch->fanouts[f].network.is_given) {
            g_ptr_array_add(names, g_strdup(arch->fanouts[f].name));
        }
    }
}

static enum status check_components(const struct machine *machine,
                                    const struct trace_options *options)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    list_components(machine->plan->arch, names);
    for (size_t i = 0; i < options->only_count; i++) {
        const char *name = options->only[i].name;
        if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL)) {
            g_autofree char *suggestion = suggest_text(
                name, (const char *const *)names->pdata, names->len);
            diag_error(machine->diags, options->only[i].span,
                       "trace-unknown-component", suggestion,
                       "'%s' has no unit, memory or network '%s'",

                       machine->plan->arch->name, name);
        }
    }
    return diags_status(machine->diags);
}

/* ---- beginning and end ----------------------------------------------------- */

static int64_t ticks_of(const struct machine *machine, int64_t cycles)
{
    int64_t ticks = 0;
    return num_mul(cycles, machine->ticks_per_cycle, &ticks) ? ticks
                                                             : INT64_MAX;
}

enum status recorder_new(struct machine *machine, struct trace *trace,
                         struct recorder **recorder)
{
    const struct plan *plan = machine->plan;
    TRY(check_components(machine, &trace->options));
    struct recorder *r = g_new0(struct recorder, 1);
    r->machine = machine;
    r->trace = trace;
    r->wants_events = trace->options.level != TRACE_SUMMARY;
    r->transfer_names = recorder_transfer_names(plan);
    r->port_totals =
        &machine
             ->counters[machine->counter_count - recorder_counter_count(plan)];
    r->from_ticks = ticks_of(machine, trace->options.from_cycle);
    r->to_ticks = ticks_of(machine, trace->options.to_cycle);
    r->unit_track = g_new0(int, (gsize)plan->arch->unit_count + 1);
    r->stall_track = g_new0(int, (gsize)plan->arch->unit_count + 1);
    r->port_track = g_new0(int, (gsize)machine->port_count + 1);
    r->buffer_track = g_new0(int, (gsize)plan->flow_count + 1);
    r->held_before_bytes = g_new0(int64_t, (gsize)plan->flow_count + 1);
    r->began_ticks = g_new0(int64_t, (gsize)plan->arch->unit_count + 1);
    r->tags = g_array_new(false, false, sizeof(struct trace_slice));
    trace->clock_hz = plan->clock_hz;
    trace->ticks_per_cycle = machine->ticks_per_cycle;
    trace->title =
        g_strdup_printf("%s on %s, mapped by %s", plan->workload->name,
                        plan->arch->name, mapping_name(plan->mapping));
    r->stall_of_cause = g_new0(enum stall, (gsize)machine->cause_count + 1);
    for (int c = 0; c < machine->cause_count; c++) {
        struct evaluation_cause cause;
        cause_describe(plan, c, &cause);
        r->stall_of_cause[c] = cause.stall;
    }
    if (trace->options.level == TRACE_WINDOWS) {
        r->intervals = intervals_new(machine);
    }
    add_names(r);
    r->phase_track = add_track(
        trace, (struct trace_track){TRACK_PHASES, g_strdup("phases"), -1});
    add_unit_tracks(r);
    add_port_tracks(r);
    add_buffer_tracks(r);
    *recorder = r;
    return OK;
}

void recorder_free(struct recorder *r)
{
    if (r == NULL) {
        return;
    }
    g_free(r->unit_track);
    g_free(r->stall_track);
    g_free(r->port_track);
    g_free(r->buffer_track);
    g_free(r->held_before_bytes);
    g_free(r->began_ticks);
    g_free(r->stall_of_cause);
    intervals_free(r->intervals);
    g_array_unref(r->tags);
    g_free(r);
}

static int compare_slices(const void *a, const void *b)
{
    const struct trace_slice *x = a;
    const struct trace_slice *y = b;
    if (x->begin_ticks != y->begin_ticks) {
        return x->begin_ticks < y->begin_ticks ? -1 : 1;
    }
    if (x->track != y->track) {
        return x->track < y->track ? -1 : 1;
    }
    return (x->end_ticks > y->end_ticks) - (x->end_ticks < y->end_ticks);
}

/* What was held when the window began. */
static void add_first_samples(struct recorder *r)
{
    for (int f = r->machine->plan->flow_count; f-- > 0;) {
        if (r->buffer_track[f] >= 0 && r->held_before_bytes[f] > 0) {
            struct trace_sample sample = {
                .at_ticks = r->from_ticks,
                .value = r->held_before_bytes[f],
                .track = r->buffer_track[f],
            };
            g_array_prepend_val(r->trace->samples, sample);
        }
    }
}

enum status recorder_finish(struct recorder *r)
{
    struct trace *trace = r->trace;
    trace->end_ticks = machine_run_ticks(r->machine);
    if (r->from_ticks >= trace->end_ticks && r->from_ticks > 0) {
        return diag_fail(r->machine->diags, ERR_INPUT, "trace-window-beyond",
                         "the window to trace begins at cycle %" G_GINT64_FORMAT
                         ", the run ends at %" G_GINT64_FORMAT,
                         trace->options.from_cycle,
                         trace->end_ticks / trace->ticks_per_cycle);
    }
    trace->window_from_ticks = r->from_ticks;
    trace->window_to_ticks = MIN(r->to_ticks, trace->end_ticks);
    recorder_add_totals(r);
    if (r->intervals != NULL) {
        intervals_finish(r);
    }
    add_first_samples(r);
    g_array_sort(trace->slices, compare_slices);
    recorder_find_tiles(r);
    return OK;
}
