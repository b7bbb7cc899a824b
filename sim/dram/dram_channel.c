/* A channel: queues, refresh, and the cycles in which something happens. */
#include "sim/dram/dram_internal.h"

static void queue_init(struct dram_queue *queue, int64_t capacity)
{
    queue->entries = g_new0(struct dram_entry, (gsize)capacity);
}

static void queue_remove(struct dram_queue *queue, struct dram_entry *entry)
{
    queue->count--;
    struct dram_entry *end = queue->entries + queue->count;
    for (; entry < end; entry++) {
        entry[0] = entry[1];
    }
}

static int64_t refresh_interval(const struct dram_spec *spec)
{
    switch (spec->refresh) {
    case DRAM_REFRESH_ALL_BANK:
        return spec->timing_cycles[DRAM_T_REFI];
    case DRAM_REFRESH_PER_BANK:
        return spec->timing_cycles[DRAM_T_REFI_BANK];
    case DRAM_REFRESH_NONE:
        break;
    }
    return INT64_MAX;
}

static void init_buses(struct dram_channel *channel)
{
    int pseudo_count = channel->device.counts[DRAM_LEVEL_PSEUDO];
    channel->buses = g_new0(struct dram_bus, (gsize)pseudo_count);
    for (int i = 0; i < pseudo_count; i++) {
        struct dram_bus *bus = &channel->buses[i];
        bus->stats =
            &channel->dram->bus_stats[channel->index * pseudo_count + i];
    }
}

void channel_init(struct dram_channel *channel, struct dram *dram, int index)
{
    const struct dram_spec *spec = &dram->spec;
    channel->dram = dram;
    channel->index = index;
    device_init(&channel->device, spec);
    int bank_count = channel->device.counts[DRAM_LEVEL_BANK];
    queue_init(&channel->reads, spec->read_queue_requests);
    queue_init(&channel->writes, spec->write_queue_requests);
    queue_init(&channel->claimed, bank_count);
    channel->due = g_new0(struct dram_due, (gsize)channel->device.die_count);
    for (int die = 0; die < channel->device.die_count; die++) {
        channel->due[die].bank = die * channel->device.banks_per_die;
    }
    channel->next_refresh_cycle = refresh_interval(spec);
    channel->wake_cycle = channel->next_refresh_cycle;
    channel->oldest_hit = g_new0(int64_t, (gsize)bank_count);
    channel->bank_stats = dram->bank_stats + (ptrdiff_t)index * bank_count;
    init_buses(channel);
}

void channel_clear(struct dram_channel *channel)
{
    device_clear(&channel->device);
    g_free(channel->reads.entries);
    g_free(channel->writes.entries);
    g_free(channel->claimed.entries);
    g_free(channel->due);
    g_free(channel->oldest_hit);
    g_free(channel->buses);
}

bool channel_has_requests(const struct dram_channel *channel)
{
    return channel->reads.count + channel->writes.count +
               channel->claimed.count >
           0;
}

/* ---- arrival ------------------------------------------------------------ */

static bool is_written(const struct dram_channel *channel, int64_t burst)
{
    for (int i = 0; i < channel->writes.count; i++) {
        if (channel->writes.entries[i].burst == burst) {
            return true;
        }
    }
    return false;
}

static void answer_at_once(struct dram_channel *channel,
                           const struct dram_request *request, int64_t cycle)
{
    struct dram_stats *stats = &channel->dram->stats;
    *(request->is_write ? &stats->merged_writes : &stats->forwarded_reads) += 1;
    struct dram_completion completion = {
        .tag = request->tag,
        .arrival_cycle = cycle,
        .cycle = cycle + 1,
        .is_write = request->is_write,
    };
    dram_complete(channel->dram, channel->index, &completion);
}

static struct dram_place place_of(const struct dram_spec *spec,
                                  const int64_t c[DRAM_FIELD_COUNT])
{
    struct dram_place place = {.pseudo = (int)c[DRAM_FIELD_PSEUDO]};
    place.rank = place.pseudo * (int)spec->ranks + (int)c[DRAM_FIELD_RANK];
    place.group =
        place.rank * (int)spec->bank_groups + (int)c[DRAM_FIELD_GROUP];
    place.bank = place.group * (int)spec->banks + (int)c[DRAM_FIELD_BANK];
    return place;
}

bool channel_submit(struct dram_channel *channel,
                    const struct dram_request *request, int64_t burst,
                    const int64_t coordinates[DRAM_FIELD_COUNT], int64_t cycle)
{
    const struct dram_spec *spec = channel->device.spec;
    struct dram_queue *queue =
        request->is_write ? &channel->writes : &channel->reads;
    if (channel->writes.count > 0 && is_written(channel, burst)) {
        answer_at_once(channel, request, cycle);
        return true;
    }
    if (queue->count == (request->is_write ? spec->write_queue_requests
                                           : spec->read_queue_requests)) {
        return false;
    }
    queue->entries[queue->count++] = (struct dram_entry){
        .arrival_cycle = cycle,
        .burst = burst,
        .tag = request->tag,
        .row = coordinates[DRAM_FIELD_ROW],
        .column = coordinates[DRAM_FIELD_COLUMN],
        .place = place_of(spec, coordinates),
        .close_cycle = -1,
        .open_cycle = -1,
        .is_write = request->is_write,
    };
    bus_arrive(&channel->buses[coordinates[DRAM_FIELD_PSEUDO]], cycle + 1);
    channel->wake_cycle = MIN(channel->wake_cycle, cycle + 1);
    return true;
}

/* ---- issuing ------------------------------------------------------------ */

static void trace_command(const struct dram_channel *channel,
                          const struct dram_choice *choice, int64_t cycle)
{
    const struct dram *dram = channel->dram;
    const struct dram_spec *spec = &dram->spec;
    const struct dram_place *place = &choice->place;
    bool is_of_die = choice->kind == DRAM_PREA || choice->kind == DRAM_REF;
    bool is_rank_known =
        !is_of_die || channel->device.standard->die == DRAM_LEVEL_RANK;
    bool is_column = choice->entry != NULL && dram_is_column(choice->kind);
    bool has_row =
        is_column || (choice->entry != NULL && choice->kind == DRAM_ACT);
    if (dram->trace == NULL) {
        return;
    }
    struct dram_command command = {
        .cycle = cycle,
        .kind = choice->kind,
        .channel = channel->index,
        .pseudo = place->pseudo,
        .rank = is_rank_known ? place->rank % (int)spec->ranks : -1,
        .group = is_of_die ? -1 : place->group % (int)spec->bank_groups,
        .bank = is_of_die ? -1 : place->bank % (int)spec->banks,
        .row = has_row ? choice->entry->row : -1,
        .column = is_column ? choice->entry->column : -1,
        .tag = choice->entry != NULL ? choice->entry->tag : -1,
    };
    dram->trace(&command, dram->trace_user);
}

static void count_command(struct dram_channel *channel,
                          const struct dram_choice *choice)
{
    const struct dram_device *device = &channel->device;
    channel->dram->stats.commands[choice->kind]++;
    if (choice->kind != DRAM_PREA && choice->kind != DRAM_REF) {
        channel->bank_stats[choice->place.bank].commands[choice->kind]++;
        return;
    }
    int first = device_die(device, &choice->place) * device->banks_per_die;
    for (int bank = first; bank < first + device->banks_per_die; bank++) {
        channel->bank_stats[bank].commands[choice->kind]++;
    }
}

static void count_row(struct dram_channel *channel, struct dram_entry *entry)
{
    struct dram_stats *stats = &channel->dram->stats;
    struct dram_bank_stats *bank = &channel->bank_stats[entry->place.bank];
    int64_t row = channel->device.banks[entry->place.bank].row;
    if (entry->is_started) {
        return;
    }
    entry->is_started = true;
    stats->row_hits += row == entry->row;
    bank->row_hits += row == entry->row;
    stats->row_misses += row == DRAM_NO_ROW;
    bank->row_misses += row == DRAM_NO_ROW;
    stats->row_conflicts += row != entry->row && row != DRAM_NO_ROW;
    bank->row_conflicts += row != entry->row && row != DRAM_NO_ROW;
}

static bool is_row_wanted(const struct dram_queue *queue,
                          const struct dram_entry *by_other_than)
{
    for (int i = 0; i < queue->count; i++) {
        const struct dram_entry *entry = &queue->entries[i];
        if (entry != by_other_than &&
            entry->place.bank == by_other_than->place.bank &&
            entry->row == by_other_than->row) {
            return true;
        }
    }
    return false;
}

/* With a closed page the last hit takes its row along. */
static enum dram_command_kind final_kind(const struct dram_channel *channel,
                                         const struct dram_choice *choice)
{
    if (channel->device.spec->page == DRAM_PAGE_OPEN ||
        !dram_is_column(choice->kind) ||
        (choice->queue != &channel->claimed &&
         channel->device.banks[choice->place.bank].is_claimed) ||
        is_row_wanted(&channel->reads, choice->entry) ||
        is_row_wanted(&channel->writes, choice->entry)) {
        return choice->kind;
    }
    return choice->kind == DRAM_RD ? DRAM_RDA : DRAM_WRA;
}

static void claim(struct dram_channel *channel, struct dram_queue *queue,
                  struct dram_entry *entry)
{
    const struct dram_place *place = &entry->place;
    channel->device.banks[place->bank].is_claimed = true;
    channel->device.claimed_counts[device_die(&channel->device, place)]++;
    channel->claimed.entries[channel->claimed.count++] = *entry;
    queue_remove(queue, entry);
}

static void serve(struct dram_channel *channel, struct dram_choice *choice,
                  int64_t cycle)
{
    const struct dram_spec *spec = channel->device.spec;
    const int64_t *t = spec->timing_cycles;
    struct dram_entry *entry = choice->entry;
    struct dram_stats *stats = &channel->dram->stats;
    int64_t done_cycle =
        cycle + t[DRAM_T_BURST] + t[entry->is_write ? DRAM_T_CWL : DRAM_T_CL];
    bus_column(&channel->buses[choice->place.pseudo], entry, choice->key, cycle,
               t[DRAM_T_BURST]);
    struct dram_completion completion = {
        .tag = entry->tag,
        .arrival_cycle = entry->arrival_cycle,
        .cycle = done_cycle,
        .is_write = entry->is_write,
    };
    dram_complete(channel->dram, channel->index, &completion);
    *(entry->is_write ? &stats->written_bytes : &stats->read_bytes) +=
        spec->burst_bytes;
    if (!entry->is_write) {
        int64_t latency_cycles = done_cycle - entry->arrival_cycle;
        stats->timed_reads++;
        stats->read_latency_sum_cycles += latency_cycles;
        stats->read_latency_max_cycles =
            MAX(stats->read_latency_max_cycles, latency_cycles);
    }
    if (choice->queue == &channel->claimed) {
        channel->device.banks[choice->place.bank].is_claimed = false;
        channel->device
            .claimed_counts[device_die(&channel->device, &choice->place)]--;
    }
    queue_remove(choice->queue, entry);
}

static void advance_request(struct dram_channel *channel,
                            struct dram_choice *choice, int64_t cycle)
{
    struct dram_entry *entry = choice->entry;
    if (choice->kind == DRAM_PRE) {
        entry->close_cycle = cycle;
        entry->close_key = choice->key;
    } else if (choice->kind == DRAM_ACT) {
        entry->open_cycle = cycle;
        entry->open_key = choice->key;
        claim(channel, choice->queue, entry);
    } else {
        serve(channel, choice, cycle);
    }
}

static void advance_refresh(struct dram_channel *channel,
                            const struct dram_choice *choice, int64_t cycle)
{
    const struct dram_device *device = &channel->device;
    struct dram_due *due = &channel->due[choice->die];
    if (choice->kind == DRAM_REF) {
        due->pending_count--;
        int64_t end_cycle = cycle + device->spec->timing_cycles[DRAM_T_RFC];
        bus_refresh_end(&channel->buses[choice->place.pseudo], end_cycle);
    } else if (choice->kind == DRAM_REFB) {
        int first = choice->die * device->banks_per_die;
        due->pending_count--;
        due->bank = first + (due->bank - first + 1) % device->banks_per_die;
    }
}

static void issue(struct dram_channel *channel, struct dram_choice *choice,
                  int64_t cycle)
{
    choice->kind = final_kind(channel, choice);
    if (choice->entry != NULL) {
        count_row(channel, choice->entry);
    }
    trace_command(channel, choice, cycle);
    count_command(channel, choice);
    device_issue(&channel->device, choice->kind, &choice->place,
                 choice->entry != NULL ? choice->entry->row : DRAM_NO_ROW,
                 cycle);
    if (choice->entry != NULL) {
        advance_request(channel, choice, cycle);
    } else {
        advance_refresh(channel, choice, cycle);
    }
}

/* ---- time --------------------------------------------------------------- */

static void make_refresh_due(struct dram_channel *channel, int64_t cycle)
{
    if (cycle < channel->next_refresh_cycle) {
        return;
    }
    channel->next_refresh_cycle += refresh_interval(channel->device.spec);
    for (int die = 0; die < channel->device.die_count; die++) {
        struct dram_due *due = &channel->due[die];
        due->pending_count++;
        if (channel->device.spec->refresh == DRAM_REFRESH_ALL_BANK) {
            struct dram_place place = device_place(&channel->device, due->bank);
            bus_refresh_due(&channel->buses[place.pseudo], cycle);
        }
    }
}

static bool issue_slot(struct dram_channel *channel, enum dram_slot slot,
                       int64_t cycle, int64_t *wake_cycle)
{
    struct dram_choice choice;
    if (!channel_choose(channel, slot, cycle, &choice, wake_cycle)) {
        return false;
    }
    issue(channel, &choice, cycle);
    return true;
}

static void step(struct dram_channel *channel, int64_t cycle)
{
    make_refresh_due(channel, cycle);
    int64_t wake_cycle = channel->next_refresh_cycle;
    bool is_issued = false;
    if (channel->device.standard->has_row_bus) {
        is_issued = issue_slot(channel, DRAM_SLOT_COLUMN, cycle, &wake_cycle);
        is_issued |= issue_slot(channel, DRAM_SLOT_ROW, cycle, &wake_cycle);
    } else {
        is_issued = issue_slot(channel, DRAM_SLOT_ANY, cycle, &wake_cycle);
    }
    channel->wake_cycle = is_issued ? cycle + 1 : MAX(wake_cycle, cycle + 1);
}

void channel_advance(struct dram_channel *channel, int64_t cycle)
{
    while (channel->wake_cycle <= cycle) {
        step(channel, channel->wake_cycle);
    }
}
