/* Why a unit was idle. Every idle interval is split where its cause changes, so
 * that for each unit busy + stalls = cycles of the run.
 *
 * An interval that a tile step ends: until the tile step's turn came (its slot
 * was open and its child's program had come to it) the unit waited for others:
 * DEPENDENCY; then until the reductions it needs had arrived: REDUCTION; the
 * rest is BANDWIDTH. Two refinements: before the unit's first tile step of the
 * phase everything is FILL; and what would be DEPENDENCY is FILL in steps in
 * which some children have not begun yet, DRAIN in those in which some have
 * finished. After a unit's last tile step of a phase everything is DRAIN. A
 * unit without work in a phase waits for the phase's other units: DEPENDENCY.
 */
#include "sim/trace/recorder.h"

void stalls_add(struct unit *unit, enum stall cause, int64_t from_ticks,
                int64_t to_ticks)
{
    *counter_stall(unit->component.machine, unit->id, cause) +=
        to_ticks - from_ticks;
    recorder_stall(unit, cause, from_ticks, to_ticks);
}

static enum stall dependency_cause(const struct machine *machine)
{
    if (machine->step < machine->phase->max_delay) {
        return STALL_FILL;
    }
    return machine->step >= machine->phase->iteration_count ? STALL_DRAIN
                                                            : STALL_DEPENDENCY;
}

void stalls_account_start(struct unit *unit, int64_t ready_ticks,
                          int64_t reduced_ticks)
{
    struct machine *machine = unit->component.machine;
    int64_t skipped_ticks = *counter_skipped_ticks(machine);
    int64_t from = unit->idle_since_ticks;
    int64_t to = machine_run_ticks(machine);
    if (from == to) {
        return;
    }
    if (!unit->has_started) {
        stalls_add(unit, STALL_FILL, from, to);
        return;
    }
    int64_t turn = CLAMP(ready_ticks + skipped_ticks, from, to);
    int64_t reduced = CLAMP(reduced_ticks + skipped_ticks, turn, to);
    stalls_add(unit, dependency_cause(machine), from, turn);
    stalls_add(unit, STALL_REDUCTION, turn, reduced);
    stalls_add(unit, STALL_BANDWIDTH, reduced, to);
}

void stalls_account_end(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    enum stall cause = unit->is_used ? STALL_DRAIN : STALL_DEPENDENCY;
    int64_t now_ticks = machine_run_ticks(machine);
    stalls_add(unit, cause, unit->idle_since_ticks, now_ticks);
    unit->idle_since_ticks = now_ticks;
}
