/* Every cycle of a data bus has one cause.
 *
 * A column command takes the cycles of its burst. The cycles between the end of
 * one and the next column command are told apart by what the request of the
 * latter waited for: until it precharged the bank, until it activated the row,
 * until the column command; in each stretch up to the cycle that its deciding
 * rule left open it is that rule's stall, after it the request was ready and
 * another one went (DRAM_STALL_QUEUE). Before any request waited the bus was
 * idle. A read of one rank may follow a write of another in fewer cycles than a
 * burst, as its data come later; its burst is then counted after the other's.
 * Whatever falls between the moment a refresh was due and the end of tRFC
 * is the refresh's.
 */
#include "sim/dram/dram_internal.h"

static int64_t overlap(int64_t from, int64_t to, int64_t since, int64_t until)
{
    int64_t first = MAX(from, since);
    int64_t last = MIN(to, until);
    return last > first ? last - first : 0;
}

/* Accounts for the cycles before `to`. */
static void stall_until(struct dram_bus *bus, int64_t to, enum dram_stall stall)
{
    int64_t from = bus->accounted_cycle;
    if (to <= from) {
        return;
    }
    int64_t refreshed =
        overlap(from, to, bus->refresh_since, bus->refresh_until);
    bus->stats->stall_cycles[DRAM_STALL_REFRESH] += refreshed;
    bus->stats->stall_cycles[stall] += to - from - refreshed;
    bus->accounted_cycle = to;
}

/* A command went (or not yet) at `to` that could go from the key's cycle on. */
static void wait_until(struct dram_bus *bus, int64_t to, int64_t ready_key)
{
    stall_until(bus, MIN(to, key_cycle(ready_key)), key_stall(ready_key));
    stall_until(bus, to, DRAM_STALL_QUEUE);
}

static void wait_for_entry(struct dram_bus *bus, const struct dram_entry *entry,
                           int64_t ready_key, int64_t cycle)
{
    int64_t idle_until = MIN(bus->waiting_since, cycle);
    if (idle_until > bus->accounted_cycle) {
        bus->stats->stall_cycles[DRAM_STALL_IDLE] +=
            idle_until - bus->accounted_cycle;
        bus->accounted_cycle = idle_until;
    }
    stall_until(bus, MIN(entry->arrival_cycle + 1, cycle), DRAM_STALL_QUEUE);
    if (entry->close_cycle >= 0) {
        wait_until(bus, entry->close_cycle, entry->close_key);
    }
    if (entry->open_cycle >= 0) {
        wait_until(bus, entry->open_cycle, entry->open_key);
    }
    wait_until(bus, cycle, ready_key);
}

void bus_arrive(struct dram_bus *bus, int64_t cycle)
{
    if (bus->waiting_count++ == 0) {
        bus->waiting_since = cycle;
    }
}

void bus_column(struct dram_bus *bus, const struct dram_entry *entry,
                int64_t ready_key, int64_t cycle, int64_t burst_cycles)
{
    wait_for_entry(bus, entry, ready_key, cycle);
    *(entry->is_write ? &bus->stats->write_cycles : &bus->stats->read_cycles) +=
        burst_cycles;
    bus->accounted_cycle = MAX(cycle, bus->accounted_cycle) + burst_cycles;
    if (entry->is_write) {
        bus->written_until = bus->accounted_cycle;
    }
    bus->waiting_count--;
}

void bus_refresh_due(struct dram_bus *bus, int64_t cycle)
{
    if (bus->refresh_until != INT64_MAX) {
        bus->refresh_since = cycle;
        bus->refresh_until = INT64_MAX;
    }
}

void bus_refresh_end(struct dram_bus *bus, int64_t cycle)
{
    bus->refresh_until = cycle;
}

static const struct dram_entry *find_oldest(const struct dram_channel *channel,
                                            int pseudo)
{
    const struct dram_queue *const queues[] = {
        &channel->reads, &channel->writes, &channel->claimed};
    const struct dram_entry *oldest = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(queues); i++) {
        for (int j = 0; j < queues[i]->count; j++) {
            const struct dram_entry *entry = &queues[i]->entries[j];
            if (entry->place.pseudo == pseudo &&
                (oldest == NULL ||
                 entry->arrival_cycle < oldest->arrival_cycle)) {
                oldest = entry;
            }
        }
    }
    return oldest;
}

void channel_settle(const struct dram_channel *channel, int pseudo,
                    int64_t cycle, struct dram_bus_stats *stats)
{
    struct dram_bus bus = channel->buses[pseudo];
    bus.stats = stats;
    const struct dram_entry *oldest = find_oldest(channel, pseudo);
    if (bus.accounted_cycle > cycle) {
        stats->write_cycles -= MAX(bus.written_until - cycle, 0);
        stats->read_cycles -=
            bus.accounted_cycle - MAX(bus.written_until, cycle);
        return;
    }
    if (oldest != NULL) {
        enum dram_command_kind kind = channel_next_kind(channel, oldest);
        wait_for_entry(&bus, oldest,
                       device_ready_key(&channel->device, kind, &oldest->place),
                       cycle);
    }
    stats->stall_cycles[DRAM_STALL_IDLE] += cycle - bus.accounted_cycle;
}
