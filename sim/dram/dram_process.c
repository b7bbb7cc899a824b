/* The memory's clock and the context's are two grids; an event of the memory at
 * tick t is seen at cycle ceil(t * period / cycle). */
#include "sim/dram/dram_process.h"

struct dram_process {
    struct sysc_context *context;
    struct dram *dram;
    struct sysc_event *work; /* there is a new transfer */
    int64_t cycle_ps;
    GHashTable *transfers; /* all that are not done, by tag; owned */
    int64_t next_tag;
    GQueue *waiting; /* those with bursts to submit */
};

struct transfer {
    struct sysc_event *done;
    int64_t tag;
    int64_t next_address_bytes;
    int64_t unsubmitted, incomplete; /* bursts */
    bool is_write;
};

static void process_free(void *user)
{
    struct dram_process *process = user;
    g_queue_free(process->waiting);
    g_hash_table_destroy(process->transfers);
    g_free(process);
}

static int64_t scaled(int64_t count, int64_t times, int64_t over, bool is_up)
{
    int64_t result = 0;
    bool fits = is_up ? num_mul_div_ceil(count, times, over, &result)
                      : num_mul_div_floor(count, times, over, &result);
    return fits ? result : INT64_MAX;
}

static void take_completions(struct dram_process *process)
{
    struct dram_completion completion;
    while (dram_take(process->dram, &completion)) {
        struct transfer *transfer =
            g_hash_table_lookup(process->transfers, &completion.tag);
        if (--transfer->incomplete > 0) {
            continue;
        }
        if (transfer->done != NULL) {
            (void)sysc_event_notify_delta(transfer->done);
        }
        (void)g_hash_table_remove(process->transfers, &completion.tag);
    }
}

/* False when the memory has no place for the next burst. */
static bool submit_burst(struct dram_process *process,
                         struct transfer *transfer)
{
    struct dram_request request = {
        .address_bytes = transfer->next_address_bytes,
        .is_write = transfer->is_write,
        .tag = transfer->tag,
    };
    if (dram_submit(process->dram, &request) == DRAM_FULL) {
        return false;
    }
    transfer->next_address_bytes += dram_get_spec(process->dram)->burst_bytes;
    transfer->unsubmitted--;
    return true;
}

static void submit_waiting(struct dram_process *process)
{
    struct transfer *transfer = NULL;
    while ((transfer = g_queue_peek_head(process->waiting)) != NULL) {
        while (transfer->unsubmitted > 0) {
            if (!submit_burst(process, transfer)) {
                return;
            }
        }
        (void)g_queue_pop_head(process->waiting);
    }
}

static void activate(struct sysc_process *self, void *user)
{
    struct dram_process *process = user;
    int64_t period_ps = dram_get_spec(process->dram)->period_ps;
    int64_t now_cycle = sysc_now(process->context);
    int64_t tick = scaled(now_cycle, process->cycle_ps, period_ps, false);
    dram_advance(process->dram, MAX(tick, dram_now(process->dram)));
    take_completions(process);
    submit_waiting(process);
    int64_t next_tick = dram_next_activity(process->dram);
    if (next_tick < 0) {
        (void)sysc_next_trigger_event(self, process->work);
        return;
    }
    int64_t next_cycle = scaled(next_tick, period_ps, process->cycle_ps, true);
    (void)sysc_next_trigger_event_for(self, process->work,
                                      MAX(next_cycle - now_cycle, 1));
}

enum sysc_status dram_process_new(struct sysc_context *context,
                                  struct sysc_module *parent, const char *name,
                                  struct dram *dram, int64_t cycle_ps,
                                  struct dram_process **process)
{
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    struct sysc_module *module = NULL;
    if (dram == NULL || process == NULL || cycle_ps < 1) {
        return SYSC_ERR_ARGUMENT;
    }
    struct dram_process *made = g_new0(struct dram_process, 1);
    made->context = context;
    made->dram = dram;
    made->cycle_ps = cycle_ps;
    made->waiting = g_queue_new();
    made->transfers =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    enum sysc_status status =
        sysc_module_new(context, parent, name, made, process_free, &module);
    if (status != SYSC_OK) {
        process_free(made);
        return status;
    }
    status = sysc_event_new(context, module, "work", &made->work);
    options.sensitive = &made->work;
    options.sensitive_count = 1;
    options.dont_initialize = true;
    if (status == SYSC_OK) {
        status = sysc_method_new(context, module, "memory", activate, made,
                                 &options, NULL);
    }
    if (status == SYSC_OK) {
        *process = made;
    }
    return status;
}

enum sysc_status dram_process_start(struct dram_process *process,
                                    const struct dram_transfer *transfer)
{
    if (process == NULL || transfer == NULL || transfer->size_bytes < 1 ||
        transfer->address_bytes < 0 ||
        transfer->size_bytes > INT64_MAX - transfer->address_bytes) {
        return SYSC_ERR_ARGUMENT;
    }
    enum sysc_status status = sysc_event_notify_delta(process->work);
    if (status != SYSC_OK) {
        return status;
    }
    int64_t burst_bytes = dram_get_spec(process->dram)->burst_bytes;
    int64_t first = transfer->address_bytes / burst_bytes;
    int64_t last =
        (transfer->address_bytes + transfer->size_bytes - 1) / burst_bytes;
    struct transfer *made = g_new0(struct transfer, 1);
    made->done = transfer->done;
    made->next_address_bytes = first * burst_bytes;
    made->unsubmitted = last - first + 1;
    made->incomplete = made->unsubmitted;
    made->is_write = transfer->is_write;
    made->tag = process->next_tag++;
    (void)g_hash_table_insert(process->transfers, &made->tag, made);
    g_queue_push_tail(process->waiting, made);
    return SYSC_OK;
}

int64_t dram_process_count_pending(const struct dram_process *process)
{
    return process != NULL ? (int64_t)g_hash_table_size(process->transfers) : 0;
}
