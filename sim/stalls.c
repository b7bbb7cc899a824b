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
#include "sim/machine.h"

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
        *counter_stall(machine, unit->id, STALL_FILL) += to - from;
        return;
    }
    int64_t turn = CLAMP(ready_ticks + skipped_ticks, from, to);
    int64_t reduced = CLAMP(reduced_ticks + skipped_ticks, turn, to);
    *counter_stall(machine, unit->id, dependency_cause(machine)) += turn - from;
    *counter_stall(machine, unit->id, STALL_REDUCTION) += reduced - turn;
    *counter_stall(machine, unit->id, STALL_BANDWIDTH) += to - reduced;
}

void stalls_account_end(struct unit *unit)
{
    struct machine *machine = unit->component.machine;
    enum stall cause = unit->is_used ? STALL_DRAIN : STALL_DEPENDENCY;
    int64_t now_ticks = machine_run_ticks(machine);
    *counter_stall(machine, unit->id, cause) +=
        now_ticks - unit->idle_since_ticks;
    unit->idle_since_ticks = now_ticks;
}
