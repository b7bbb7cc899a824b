/* A memory: channels or a pipe, and the completions of both in one order. */
#include "sim/dram/dram_internal.h"

/* A completion in the heap: by cycle, channel, then the order in the channel, so
 * that it does not matter how far channels are advanced at a time. */
struct dram_waiting {
    struct dram_completion completion;
    int channel;
    int64_t sequence;
};

static void init_sizes(struct dram *dram)
{
    const struct dram_spec *spec = &dram->spec;
    const int64_t sizes[DRAM_FIELD_COUNT] = {
        [DRAM_FIELD_CHANNEL] = spec->channels,
        [DRAM_FIELD_PSEUDO] = spec->pseudo_channels,
        [DRAM_FIELD_RANK] = spec->ranks,
        [DRAM_FIELD_GROUP] = spec->bank_groups,
        [DRAM_FIELD_BANK] = spec->banks,
        [DRAM_FIELD_ROW] = spec->rows,
        [DRAM_FIELD_COLUMN] = spec->columns,
    };
    dram->capacity_bursts = 1;
    for (int i = 0; i < DRAM_FIELD_COUNT; i++) {
        dram->capacity_bursts *= sizes[i];
    }
}

static void init_channels(struct dram *dram)
{
    const struct dram_spec *spec = &dram->spec;
    init_sizes(dram);
    dram->stats.bus_count = (size_t)(spec->channels * spec->pseudo_channels);
    dram->stats.bank_count =
        dram->stats.bus_count *
        (size_t)(spec->ranks * spec->bank_groups * spec->banks);
    dram->bus_stats = g_new0(struct dram_bus_stats, dram->stats.bus_count);
    dram->bank_stats = g_new0(struct dram_bank_stats, dram->stats.bank_count);
    dram->channels = g_new0(struct dram_channel, (gsize)spec->channels);
    for (int i = 0; i < spec->channels; i++) {
        channel_init(&dram->channels[i], dram, i);
    }
}

struct dram *dram_new(const struct dram_spec *spec)
{
    struct dram *dram = g_new0(struct dram, 1);
    dram->spec = *spec;
    dram->completions = g_array_new(FALSE, FALSE, sizeof(struct dram_waiting));
    switch (spec->model) {
    case DRAM_MODEL_TIMING:
        init_channels(dram);
        break;
    case DRAM_MODEL_BANDWIDTH:
        dram->stats.bus_count = 1;
        pipe_init(&dram->pipe, &dram->spec);
        break;
    }
    dram->reported_buses = g_new0(struct dram_bus_stats, dram->stats.bus_count);
    return dram;
}

void dram_free(struct dram *dram)
{
    if (dram == NULL) {
        return;
    }
    for (int i = 0; dram->channels != NULL && i < dram->spec.channels; i++) {
        channel_clear(&dram->channels[i]);
    }
    pipe_clear(&dram->pipe);
    g_free(dram->channels);
    g_free(dram->bus_stats);
    g_free(dram->bank_stats);
    g_free(dram->reported_buses);
    g_array_free(dram->completions, TRUE);
    g_free(dram);
}

const struct dram_spec *dram_get_spec(const struct dram *dram)
{
    return &dram->spec;
}

/* ---- completions --------------------------------------------------------- */

static struct dram_waiting *waiting_at(const struct dram *dram, guint i)
{
    return &g_array_index(dram->completions, struct dram_waiting, i);
}

static bool is_before(const struct dram_waiting *a,
                      const struct dram_waiting *b)
{
    if (a->completion.cycle != b->completion.cycle) {
        return a->completion.cycle < b->completion.cycle;
    }
    return a->channel != b->channel ? a->channel < b->channel
                                    : a->sequence < b->sequence;
}

void dram_complete(struct dram *dram, int channel,
                   const struct dram_completion *completion)
{
    struct dram_waiting waiting = {
        .completion = *completion,
        .channel = channel,
        .sequence = dram->sequence++,
    };
    g_array_append_val(dram->completions, waiting);
    guint i = dram->completions->len - 1;
    while (i > 0 && is_before(&waiting, waiting_at(dram, (i - 1) / 2))) {
        *waiting_at(dram, i) = *waiting_at(dram, (i - 1) / 2);
        i = (i - 1) / 2;
    }
    *waiting_at(dram, i) = waiting;
}

static void remove_first(struct dram *dram)
{
    guint count = dram->completions->len - 1;
    struct dram_waiting moved = *waiting_at(dram, count);
    g_array_set_size(dram->completions, count);
    guint i = 0;
    for (guint child = 1; child < count; child = 2 * i + 1) {
        if (child + 1 < count &&
            is_before(waiting_at(dram, child + 1), waiting_at(dram, child))) {
            child++;
        }
        if (!is_before(waiting_at(dram, child), &moved)) {
            break;
        }
        *waiting_at(dram, i) = *waiting_at(dram, child);
        i = child;
    }
    if (count > 0) {
        *waiting_at(dram, i) = moved;
    }
}

bool dram_take(struct dram *dram, struct dram_completion *completion)
{
    if (dram->completions->len == 0 ||
        waiting_at(dram, 0)->completion.cycle > dram->now_cycle) {
        return false;
    }
    *completion = waiting_at(dram, 0)->completion;
    remove_first(dram);
    dram->pending_count--;
    return true;
}

int64_t dram_count_pending(const struct dram *dram)
{
    return dram->pending_count;
}

/* ---- requests and time --------------------------------------------------- */

static bool submit_to_channel(struct dram *dram,
                              const struct dram_request *request)
{
    int64_t coordinates[DRAM_FIELD_COUNT];
    int64_t burst = request->address_bytes / dram->spec.burst_bytes;
    dram_decode(&dram->spec, request->address_bytes, coordinates);
    return channel_submit(&dram->channels[coordinates[DRAM_FIELD_CHANNEL]],
                          request, burst % dram->capacity_bursts, coordinates,
                          dram->now_cycle);
}

enum dram_answer dram_submit(struct dram *dram,
                             const struct dram_request *request)
{
    bool is_accepted = dram->spec.model == DRAM_MODEL_TIMING
                           ? submit_to_channel(dram, request)
                           : pipe_submit(dram, request);
    if (!is_accepted) {
        return DRAM_FULL;
    }
    dram->pending_count++;
    *(request->is_write ? &dram->stats.writes : &dram->stats.reads) += 1;
    return DRAM_ACCEPTED;
}

void dram_advance(struct dram *dram, int64_t cycle)
{
    if (cycle < dram->now_cycle) {
        BUG("memory '%s' was asked to go back in time", dram->spec.name);
    }
    dram->now_cycle = cycle;
    if (dram->spec.model == DRAM_MODEL_BANDWIDTH) {
        pipe_advance(dram);
        return;
    }
    for (int i = 0; i < dram->spec.channels; i++) {
        channel_advance(&dram->channels[i], cycle);
    }
}

int64_t dram_now(const struct dram *dram)
{
    return dram->now_cycle;
}

int64_t dram_next_activity(const struct dram *dram)
{
    int64_t next_cycle = INT64_MAX;
    if (dram->pending_count == 0) {
        return -1;
    }
    if (dram->completions->len > 0) {
        next_cycle = waiting_at(dram, 0)->completion.cycle;
    }
    if (dram->pipe.passage_count > 0) {
        next_cycle =
            MIN(next_cycle,
                dram->pipe.passages[dram->pipe.first_passage].end_cycle);
    }
    for (int i = 0; dram->channels != NULL && i < dram->spec.channels; i++) {
        if (channel_has_requests(&dram->channels[i])) {
            next_cycle = MIN(next_cycle, dram->channels[i].wake_cycle);
        }
    }
    return MAX(next_cycle, dram->now_cycle);
}

void dram_set_trace(struct dram *dram, dram_command_fn trace, void *user)
{
    dram->trace = trace;
    dram->trace_user = user;
}

/* ---- statistics ---------------------------------------------------------- */

static void report_channel(struct dram *dram, int index, int64_t cycles)
{
    const struct dram_channel *channel = &dram->channels[index];
    int pseudo_count = (int)dram->spec.pseudo_channels;
    for (int i = 0; i < pseudo_count; i++) {
        int bus = index * pseudo_count + i;
        dram->reported_buses[bus] = dram->bus_stats[bus];
        channel_settle(channel, i, cycles, &dram->reported_buses[bus]);
    }
}

void dram_get_stats(struct dram *dram, struct dram_stats *stats)
{
    dram->stats.cycles = dram->now_cycle;
    dram->stats.row_hits = 0;
    dram->stats.row_misses = 0;
    dram->stats.row_conflicts = 0;
    for (size_t i = 0; i < dram->stats.bank_count; i++) {
        dram->stats.row_hits += dram->bank_stats[i].row_hits;
        dram->stats.row_misses += dram->bank_stats[i].row_misses;
        dram->stats.row_conflicts += dram->bank_stats[i].row_conflicts;
    }
    if (dram->channels == NULL) {
        pipe_settle(dram, &dram->reported_buses[0]);
    }
    for (int i = 0; dram->channels != NULL && i < dram->spec.channels; i++) {
        report_channel(dram, i, dram->now_cycle);
    }
    *stats = dram->stats;
    stats->buses = dram->reported_buses;
    stats->banks = dram->bank_stats;
}
