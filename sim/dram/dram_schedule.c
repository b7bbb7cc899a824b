/* Which command goes next.
 *
 * In this order: requests whose row was opened for them (they hold their bank
 * until they are served, so that every activate is used), refreshes that are
 * due, then the read or the write queue. In each the oldest request whose next
 * command may go now is taken: FR-FCFS (Rixner et al., ISCA 2000), where "ready"
 * is any next command and not only a row hit. What a refresh that is due will
 * close gets no new commands.
 */
#include "sim/dram/dram_internal.h"

static bool slot_takes(enum dram_slot slot, enum dram_command_kind kind)
{
    switch (slot) {
    case DRAM_SLOT_COLUMN:
        return dram_is_column(kind);
    case DRAM_SLOT_ROW:
        return !dram_is_column(kind);
    case DRAM_SLOT_ANY:
        break;
    }
    return true;
}

static void lower(int64_t *cycle, int64_t other)
{
    if (other < *cycle) {
        *cycle = other;
    }
}

static enum dram_command_kind column_kind(const struct dram_entry *entry)
{
    return entry->is_write ? DRAM_WR : DRAM_RD;
}

enum dram_command_kind channel_next_kind(const struct dram_channel *channel,
                                         const struct dram_entry *entry)
{
    int64_t row = channel->device.banks[entry->place.bank].row;
    return row == entry->row    ? column_kind(entry)
           : row == DRAM_NO_ROW ? DRAM_ACT
                                : DRAM_PRE;
}

static bool choose_claimed(struct dram_channel *channel, int64_t cycle,
                           struct dram_choice *choice, int64_t *wake_cycle)
{
    bool is_found = false;
    for (int i = 0; i < channel->claimed.count; i++) {
        struct dram_entry *entry = &channel->claimed.entries[i];
        enum dram_command_kind kind = column_kind(entry);
        int64_t key = device_ready_key(&channel->device, kind, &entry->place);
        if (key_cycle(key) > cycle) {
            lower(wake_cycle, key_cycle(key));
        } else if (!is_found ||
                   entry->arrival_cycle < choice->entry->arrival_cycle) {
            *choice = (struct dram_choice){.entry = entry,
                                           .queue = &channel->claimed,
                                           .kind = kind,
                                           .place = entry->place,
                                           .key = key};
            is_found = true;
        }
    }
    return is_found;
}

/* The next step towards the refresh that is due for a die; false while requests
 * hold what it would close. */
static bool refresh_step(const struct dram_channel *channel, int die,
                         struct dram_choice *choice)
{
    const struct dram_device *device = &channel->device;
    const struct dram_due *due = &channel->due[die];
    choice->entry = NULL;
    choice->die = die;
    choice->place = device_place(device, due->bank);
    if (device->spec->refresh == DRAM_REFRESH_PER_BANK) {
        const struct dram_bank_state *bank = &device->banks[due->bank];
        choice->kind = bank->row == DRAM_NO_ROW ? DRAM_REFB : DRAM_PRE;
        return !bank->is_claimed;
    }
    choice->kind = device->open_counts[die] == 0 ? DRAM_REF : DRAM_PREA;
    return device->claimed_counts[die] == 0;
}

static bool choose_refresh(struct dram_channel *channel, int64_t cycle,
                           struct dram_choice *choice, int64_t *wake_cycle)
{
    for (int die = 0; die < channel->device.die_count; die++) {
        struct dram_choice step;
        if (channel->due[die].pending_count == 0 ||
            !refresh_step(channel, die, &step)) {
            continue;
        }
        step.queue = NULL;
        step.key = device_ready_key(&channel->device, step.kind, &step.place);
        if (key_cycle(step.key) <= cycle) {
            *choice = step;
            return true;
        }
        lower(wake_cycle, key_cycle(step.key));
    }
    return false;
}

static bool is_held_for_refresh(const struct dram_channel *channel,
                                const struct dram_place *place)
{
    const struct dram_due *due =
        &channel->due[device_die(&channel->device, place)];
    if (due->pending_count == 0) {
        return false;
    }
    return channel->device.spec->refresh != DRAM_REFRESH_PER_BANK ||
           due->bank == place->bank;
}

static void set_draining(struct dram_channel *channel)
{
    const struct dram_spec *spec = channel->device.spec;
    if (!channel->is_draining) {
        channel->is_draining =
            channel->writes.count >= spec->write_high_requests ||
            channel->reads.count == 0;
    } else if (channel->writes.count <= spec->write_low_requests &&
               channel->reads.count > 0) {
        channel->is_draining = false;
    }
}

/* For DRAM_FR_FCFS_ROW_HIT: the oldest request of each bank that hits. */
static void find_oldest_hits(struct dram_channel *channel,
                             const struct dram_queue *queue)
{
    const struct dram_bank_state *banks = channel->device.banks;
    for (int i = 0; i < queue->count; i++) {
        channel->oldest_hit[queue->entries[i].place.bank] = INT64_MAX;
    }
    for (int i = queue->count - 1; i >= 0; i--) {
        const struct dram_entry *entry = &queue->entries[i];
        if (banks[entry->place.bank].row == entry->row) {
            channel->oldest_hit[entry->place.bank] = entry->arrival_cycle;
        }
    }
}

static bool may_close(const struct dram_channel *channel,
                      const struct dram_entry *entry)
{
    int bank = entry->place.bank;
    return !channel->device.banks[bank].is_claimed &&
           (channel->device.spec->scheduler != DRAM_FR_FCFS_ROW_HIT ||
            channel->oldest_hit[bank] > entry->arrival_cycle);
}

/* Entries are in the order of arrival, so the first that may go is the one. */
static bool choose_queued(struct dram_channel *channel, enum dram_slot slot,
                          int64_t cycle, struct dram_choice *choice,
                          int64_t *wake_cycle)
{
    set_draining(channel);
    struct dram_queue *queue =
        channel->is_draining ? &channel->writes : &channel->reads;
    if (channel->device.spec->scheduler == DRAM_FR_FCFS_ROW_HIT) {
        find_oldest_hits(channel, queue);
    }
    for (int i = 0; i < queue->count; i++) {
        struct dram_entry *entry = &queue->entries[i];
        enum dram_command_kind kind = channel_next_kind(channel, entry);
        if (!slot_takes(slot, kind) ||
            is_held_for_refresh(channel, &entry->place) ||
            (kind == DRAM_PRE && !may_close(channel, entry))) {
            continue;
        }
        int64_t key = device_ready_key(&channel->device, kind, &entry->place);
        if (key_cycle(key) <= cycle) {
            *choice = (struct dram_choice){.entry = entry,
                                           .queue = queue,
                                           .kind = kind,
                                           .place = entry->place,
                                           .key = key};
            return true;
        }
        lower(wake_cycle, key_cycle(key));
    }
    return false;
}

bool channel_choose(struct dram_channel *channel, enum dram_slot slot,
                    int64_t cycle, struct dram_choice *choice,
                    int64_t *wake_cycle)
{
    return (slot != DRAM_SLOT_ROW &&
            choose_claimed(channel, cycle, choice, wake_cycle)) ||
           (slot != DRAM_SLOT_COLUMN &&
            choose_refresh(channel, cycle, choice, wake_cycle)) ||
           choose_queued(channel, slot, cycle, choice, wake_cycle);
}
