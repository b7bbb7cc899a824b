#include "sim/main_memory.h"
#include "sim/trace/recorder.h"

struct memory_job {
    int64_t number;
    int order;
    bool is_write;
    struct layout_walk walk;
    int64_t
        next_burst; /* addresses, in bursts: of the piece that is asked for */
    int64_t end_burst;
    int64_t last_burst; /* asked for; -1 */
    int64_t open_bursts;
    bool is_all_asked;
    int64_t bytes;
    int tag;
    struct pending *pending;
    int64_t before[DRAM_PART_COUNT]; /* of the buses, when it began */
};

/* ---- time ---------------------------------------------------------------- */

static int64_t cycle_of(const struct main_memory *memory, int64_t ticks)
{
    int64_t cycle = 0;
    return num_mul_div_floor(ticks, memory->numerator, memory->denominator,
                             &cycle)
               ? cycle
               : INT64_MAX;
}

static int64_t ticks_of(const struct main_memory *memory, int64_t cycle)
{
    int64_t ticks = 0;
    return num_mul_div_ceil(cycle, memory->denominator, memory->numerator,
                            &ticks)
               ? ticks
               : INT64_MAX;
}

/* A tick lasts 10^12 / (ticks a cycle * clock) ps. */
static bool set_rate(struct main_memory *memory, const struct machine *machine)
{
    int64_t ticks_per_s = 0;
    int64_t per_cycle = 0;
    if (!num_mul(machine->ticks_per_cycle, machine->plan->clock_hz,
                 &ticks_per_s)) {
        return false;
    }
    const int64_t ps_per_s = 1000000000000;
    int64_t divisor = num_gcd(ps_per_s, ticks_per_s);
    memory->numerator = ps_per_s / divisor;
    if (!num_mul(ticks_per_s / divisor, dram_get_spec(memory->dram)->period_ps,
                 &per_cycle)) {
        return false;
    }
    memory->denominator = per_cycle;
    return true;
}

/* ---- building ------------------------------------------------------------ */

enum status main_memory_new(struct machine *machine,
                            struct main_memory **result)
{
    const struct arch *arch = machine->plan->arch;
    struct dram_spec spec;
    *result = NULL;
    if (arch->memories[0].dram == NULL) {
        return OK;
    }
    g_autofree char *folder = g_path_get_dirname(arch->path);
    g_autofree char *path =
        g_build_filename(folder, arch->memories[0].dram, NULL);
    TRY(dram_spec_load_file(machine->diags, path, &spec));
    struct main_memory *memory = g_new0(struct main_memory, 1);
    memory->dram = dram_new(&spec);
    memory->fresh = g_array_new(false, false, sizeof(struct memory_job *));
    g_queue_init(&memory->jobs);
    memory->open =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    if (!set_rate(memory, machine) ||
        layout_new(machine->plan, &memory->layout) != OK) {
        main_memory_free(memory);
        return diag_fail(machine->diags, ERR_LIMIT, "sim-limit",
                         "addresses or times of main memory exceed 64 bits");
    }
    *result = memory;
    return OK;
}

void main_memory_free(struct main_memory *memory)
{
    if (memory != NULL) {
        /* Jobs belong to the table from the beginning. */
        g_hash_table_unref(memory->open);
        g_queue_clear(&memory->jobs);
        g_array_unref(memory->fresh);
        layout_free(memory->layout);
        dram_free(memory->dram);
        g_free(memory);
    }
}

bool main_memory_is_idle(const struct main_memory *memory)
{
    return g_hash_table_size(memory->open) == 0;
}

/* ---- what the buses did -------------------------------------------------- */

static enum dram_part part_of(enum dram_stall stall)
{
    switch (stall) {
    case DRAM_STALL_ROW_OPEN:
    case DRAM_STALL_ROW_CLOSE:
    case DRAM_STALL_ACTIVATES:
        return DRAM_PART_ROW;
    case DRAM_STALL_BANK_GROUP:
    case DRAM_STALL_COLUMN:
        return DRAM_PART_BANK;
    case DRAM_STALL_TURNAROUND:
    case DRAM_STALL_RANK_SWITCH:
        return DRAM_PART_TURNAROUND;
    case DRAM_STALL_REFRESH:
        return DRAM_PART_REFRESH;
    case DRAM_STALL_IDLE:
    case DRAM_STALL_QUEUE:
    case DRAM_STALL_COMMAND_BUS:
        return DRAM_PART_QUEUE;
    case DRAM_STALL_COUNT:
        break;
    }
    BUG("stall %d of DRAM", (int)stall);
}

static void sum_parts(struct main_memory *memory,
                      int64_t cycles[DRAM_PART_COUNT])
{
    struct dram_stats stats;
    dram_get_stats(memory->dram, &stats);
    for (int p = 0; p < DRAM_PART_COUNT; p++) {
        cycles[p] = 0;
    }
    for (size_t b = 0; b < stats.bus_count; b++) {
        const struct dram_bus_stats *bus = &stats.buses[b];
        cycles[DRAM_PART_TRANSFER] += bus->read_cycles + bus->write_cycles;
        for (int s = 0; s < DRAM_STALL_COUNT; s++) {
            cycles[part_of((enum dram_stall)s)] += bus->stall_cycles[s];
        }
    }
}

/* ---- jobs ---------------------------------------------------------------- */

void main_memory_request(struct main_memory *memory, int order, int flow,
                         const int64_t *index, bool is_write, int64_t bytes,
                         int tag, struct pending *pending)
{
    struct machine *machine = memory->component.machine;
    struct memory_job *job = g_new0(struct memory_job, 1);
    job->number = memory->next_job++;
    job->order = order;
    job->is_write = is_write;
    job->pending = pending;
    job->bytes = bytes;
    job->tag = tag;
    job->last_burst = -1;
    layout_begin(memory->layout, flow, index, bytes, &job->walk);
    g_hash_table_insert(memory->open, &job->number, job);
    g_array_append_val(memory->fresh, job);
    component_wake_now(&memory->component);
    if (!memory->is_waited_for) {
        machine->ports_woken++;
        memory->is_waited_for = true;
    }
}

static gint compare_jobs(gconstpointer a, gconstpointer b)
{
    const struct memory_job *const *x = a;
    const struct memory_job *const *y = b;
    int by_order = ((*x)->order > (*y)->order) - ((*x)->order < (*y)->order);
    return by_order != 0
               ? by_order
               : ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static void take_fresh(struct main_memory *memory)
{
    g_array_sort(memory->fresh, compare_jobs);
    for (guint i = 0; i < memory->fresh->len; i++) {
        struct memory_job *job =
            g_array_index(memory->fresh, struct memory_job *, i);
        sum_parts(memory, job->before);
        g_queue_push_tail(&memory->jobs, job);
    }
    g_array_set_size(memory->fresh, 0);
}

/* The next burst that the job has not asked for; pieces that share one ask for it
 * once. */
static bool find_burst(struct memory_job *job, int64_t burst_bytes)
{
    while (job->next_burst >= job->end_burst) {
        int64_t address_bytes = 0;
        int64_t size_bytes = 0;
        if (!layout_next(&job->walk, &address_bytes, &size_bytes)) {
            return false;
        }
        job->next_burst = address_bytes / burst_bytes;
        job->end_burst = num_ceil_div(address_bytes + size_bytes, burst_bytes);
        job->next_burst += job->next_burst == job->last_burst;
    }
    return true;
}

static void complete(struct main_memory *memory, struct memory_job *job,
                     int64_t cycle)
{
    struct machine *machine = memory->component.machine;
    int64_t after[DRAM_PART_COUNT];
    struct pending *pending = job->pending;
    sum_parts(memory, after);
    for (int p = 0; p < DRAM_PART_COUNT; p++) {
        pending->dram_cycles[p] = after[p] - job->before[p];
    }
    int64_t served_ticks = MAX(ticks_of(memory, cycle), machine->now_ticks);
    recorder_serve_dram(machine, job->tag, job->bytes, pending->issued_ticks,
                        served_ticks);
    port_note_served(machine, port_of(0, PORT_DRAM), served_ticks, pending);
    pending->legs--;
    g_hash_table_remove(memory->open, &job->number);
}

/* As many bursts as the queues take. True if a job is done by that. */
static bool feed(struct main_memory *memory)
{
    bool is_any = false;
    int64_t burst_bytes = dram_get_spec(memory->dram)->burst_bytes;
    struct memory_job *job = NULL;
    while ((job = g_queue_peek_head(&memory->jobs)) != NULL) {
        while (find_burst(job, burst_bytes)) {
            struct dram_request request = {.address_bytes =
                                               job->next_burst * burst_bytes,
                                           .is_write = job->is_write,
                                           .tag = job->number};
            if (dram_submit(memory->dram, &request) == DRAM_FULL) {
                return is_any;
            }
            job->open_bursts++;
            job->last_burst = job->next_burst++;
        }
        job->is_all_asked = true;
        g_queue_pop_head(&memory->jobs);
        if (job->open_bursts == 0) {
            complete(memory, job, dram_now(memory->dram));
            is_any = true;
        }
    }
    return is_any;
}

/* True if a job is done. */
static bool take_completions(struct main_memory *memory)
{
    struct dram_completion completion;
    bool is_any = false;
    while (dram_take(memory->dram, &completion)) {
        struct memory_job *job =
            g_hash_table_lookup(memory->open, &completion.tag);
        job->open_bursts--;
        if (job->open_bursts == 0 && job->is_all_asked) {
            complete(memory, job, completion.cycle);
            is_any = true;
        }
    }
    return is_any;
}

/* ---- the process --------------------------------------------------------- */

/* Runs until a job is done, or up to the machine's next event (which, while others
 * are due in this instant, is now). */
static void run_ahead(struct main_memory *memory)
{
    struct machine *machine = memory->component.machine;
    int64_t horizon_ticks = sysc_cycles_to_next(machine->context);
    horizon_ticks =
        horizon_ticks < 0 ? INT64_MAX : machine->now_ticks + horizon_ticks;
    for (;;) {
        bool is_done = feed(memory);
        if (take_completions(memory) || is_done) {
            break;
        }
        int64_t next = dram_next_activity(memory->dram);
        if (next < 0) {
            return;
        }
        next = MAX(next, dram_now(memory->dram) + 1);
        int64_t next_ticks = ticks_of(memory, next);
        if (next_ticks >= horizon_ticks && next_ticks > machine->now_ticks) {
            component_wake_at(&memory->component, next_ticks);
            return;
        }
        dram_advance(memory->dram, next);
    }
    units_wake_waiting(machine);
    channels_wake_waiting(machine);
    if (machine->state == SEQUENCER_END_PHASE) {
        component_wake_now(&machine->sequencer);
    }
    if (!main_memory_is_idle(memory)) {
        component_wake_now(&memory->component);
    }
}

void main_memory_activate(struct sysc_process *self, void *user)
{
    (void)self;
    struct main_memory *memory = user;
    struct machine *machine = memory->component.machine;
    machine->now_ticks = sysc_now(machine->context);
    memory->component.is_woken = false;
    if (machine->settling > 0) {
        component_wake_now(&memory->component);
        return;
    }
    if (memory->is_waited_for) {
        memory->is_waited_for = false;
        machine->ports_woken--;
    }
    int64_t cycle = cycle_of(memory, machine->now_ticks);
    if (cycle > dram_now(memory->dram)) {
        dram_advance(memory->dram, cycle);
    }
    take_fresh(memory);
    run_ahead(memory);
}

/* ---- in words ------------------------------------------------------------ */

char *main_memory_say(struct main_memory *memory, int64_t run_ticks)
{
    struct dram_stats stats;
    const struct dram_spec *spec = dram_get_spec(memory->dram);
    dram_get_stats(memory->dram, &stats);
    int64_t bursts = stats.reads + stats.writes;
    int64_t found = stats.row_hits + stats.row_misses + stats.row_conflicts;
    double cycles = (double)cycle_of(memory, run_ticks);
    double peak = cycles * dram_peak_bytes_per_cycle(spec);
    g_autofree char *count = units_format_count(bursts);
    return g_strdup_printf(
        "%s: %s bursts, %.1f %% row hits, %.1f %% of peak; every step walked, "
        "as refreshes repeat with nothing else",
        spec->name, count,
        found > 0 ? 100.0 * (double)stats.row_hits / (double)found : 0.0,
        peak > 0
            ? 100.0 * (double)(stats.read_bytes + stats.written_bytes) / peak
            : 0.0);
}
